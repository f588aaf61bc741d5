/* partner.h - another process, to which two ways lead. */
#ifndef BENCH_PARTNER_H
#define BENCH_PARTNER_H

#include <sys/types.h>

struct error;

struct partner {
	pid_t pid;
	/* For this process, to read from and to write to; maybe the same. */
	int in, out;
};

/* What the other process does with its own ends, until there is no more. */
typedef void partner_main(int in, int out);

/* Each starts one. Raises OSError. */
struct error *
partner_start_on_pipes(struct partner *partner, partner_main *run);
struct error *
partner_start_on_socket(struct partner *partner, partner_main *run);

/* Closes the ways, and waits for the other process's end. */
void partner_end(struct partner *partner);

#endif
