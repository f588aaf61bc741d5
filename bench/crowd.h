/*
 * crowd.h - processes that wait until they are notified, all at once, and how
 * long it takes until the last of them runs.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stddef.h>

struct condition;
struct error;

/* Something to wait for, of whichever make. */
struct bell {
	struct error *(*acquire)(void *object);
	struct error *(*release)(void *object);
	struct error *(*wait)(void *object);
	struct error *(*notify_all)(void *object);
};

/* Our conditions, in shared memory or in a manager. */
extern const struct bell condition_bell;

/*
 * Has so many processes wait, and notifies them so many times; gives the
 * microseconds, on average, from before notify_all until the last of them has
 * come back from its wait and looked at the clock, with the lock held. Before
 * each time all of them wait, and have done so for a moment.
 */
struct error *crowd_wake(const struct bell *bell, void *object, size_t waiters,
	long times, double *microseconds);

#endif
