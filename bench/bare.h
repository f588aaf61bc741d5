/*
 * bare.h - what cannot be left out, and nothing else: the same system calls or
 * library calls that the work needs at the least, without a pool, a condition
 * or a manager around them. Each file bare_NAME.c is one of them.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "figure.h"

#include <stddef.h>

/* How many bytes are sent when many are. */
#define PAYLOAD ((size_t)64 << 20)

/* Round trips of one small message between two processes (us each). */
measure_function bare_pipe_trip;

/* Pairs of such round trips over a socket of the Unix family (us a pair). */
measure_function bare_two_socket_trips;

/* Processes, five at a time, forked and reaped (ms for five). */
measure_function bare_forks;

/* Locks and unlocks of a robust mutex in shared memory (ns a pair). */
measure_function bare_mutex;

/*
 * Broadcasts of a condition variable of pthreads in shared memory, until the
 * last of 4 processes runs that wait (us).
 */
measure_function bare_broadcast;

/* 64 MiB to a process and back, through pipes (GB/s). */
measure_function bare_copy;

#endif
