/*
 * crowd.h - processes that wait until they are notified, all at once, and how
 * long it takes until the last of them runs.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stddef.h>

struct condition;
struct error;

/*
 * Has so many processes wait on a condition, and notifies them so many times;
 * gives the microseconds, on average, from before notify_all until the last of
 * them has come back from its wait and looked at the clock, with the lock held.
 * Before each time all of them wait, and have done so for a moment.
 */
struct error *crowd_wake(struct condition *condition, size_t waiters,
	long times, double *microseconds);

#endif
