/*
 * zygote.h - the process that forks a pool's workers, and reaps them.
 *
 * It is forked when the pool is made, has one thread, and never runs anything
 * but its loop; so whatever threads the program starts later, a worker is
 * always forked from a process that has none, in the state of that first
 * moment.
 *
 * Pool and zygote share a socket. When the pool's process ends, however that
 * ends, the zygote sees the end of the stream, kills its workers, reaps them
 * and ends. When the zygote is killed, the kernel kills its workers.
 */
#ifndef FORKLORE_ZYGOTE_H
#define FORKLORE_ZYGOTE_H

#include "scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct zygote;

/* What a worker in a seat does with the two descriptors sent for it. */
typedef void zygote_main(const void *context, size_t seat, int in, int out);

/* How the worker in a seat ended, or why there is none. */
struct zygote_report {
	size_t seat;
	pid_t pid;
	/* As waitpid() gives it. */
	int status;
	/* Unless 0, the errno with which the fork failed. */
	int failure;
};

/*
 * Forks a zygote for workers in seats numbered from 0 to seats - 1, each of
 * which is to run main_function with context; both must last. Raises OSError.
 */
struct error *zygote_new(zygote_main *main_function, const void *context,
	size_t seats, struct zygote **zygote);

/* Kills all workers, waits until they and the zygote ended. NULL is fine. */
void zygote_free(struct zygote *zygote);
DEFINE_SCOPED(zygote)

/*
 * Asks for a worker in a seat that has none, with two descriptors, which stay
 * the caller's to close. Raises ConnectionError if the zygote is gone.
 */
struct error *zygote_spawn(struct zygote *zygote, size_t seat, int in, int out);

/*
 * Asks for the death of the worker in a seat, if it still lives. Raises
 * ConnectionError if the zygote is gone.
 */
struct error *zygote_kill(struct zygote *zygote, size_t seat);

/* The descriptor that becomes readable when there is a report. */
int zygote_descriptor(const struct zygote *zygote);

/*
 * Takes a report, if there is one, without waiting. Raises ConnectionError if
 * the zygote is gone.
 */
struct error *zygote_next_report(
	struct zygote *zygote, bool *got, struct zygote_report *report);

#endif
