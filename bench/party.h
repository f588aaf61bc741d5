/*
 * party.h - processes that are ended together.
 *
 * What is measured makes processes of its own, and may hang. So it runs in a
 * session of its own, whose leader does nothing but guard it: when the process
 * that started the party gives it up, or ends, however that ends, the guard
 * kills all of the party.
 */
#ifndef BENCH_PARTY_H
#define BENCH_PARTY_H

#include "figure.h"

#include <sys/types.h>

struct party {
	/* The guard, whose number is the session's, too. */
	pid_t guard;
	/* The party goes on until this is closed. */
	int lifeline;
};

/*
 * Starts a party with a process that runs that, and then ends. The caller has
 * to be a subreaper, so that it can reap all of the party. Raises OSError.
 */
struct error *
party_start(struct party *party, void (*run)(void *context), void *context);

/*
 * Ends a party: asks whatever is left of it to end, kills what has not done so
 * within a second, and returns when nothing is left.
 */
void party_end(struct party *party);

/*
 * Waits for something to read, or for the end, from a party; raises
 * TimeoutError after limit seconds.
 */
struct error *party_await(int descriptor, double limit);

/*
 * Has a party measure, and gives what it found, or raises what it raised;
 * TimeoutError if that takes more than limit seconds.
 */
struct error *party_measure(measure_function *measure,
	const struct trial *trial, double limit, double *value);

#endif
