#include "crowd.h"

#include "condition.h"
#include "error.h"
#include "panic.h"
#include "sys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* Between two looks whether all wait; it leaves the processors to them. */
#define PAUSE 200e-6

/* Guarded by the bell's lock, in shared memory. */
struct crowd {
	/* How often they were notified, and how many wait for the next time. */
	long notified;
	size_t waiting;
	bool ended;
	/* When each came back from its last wait. */
	double woken[];
};

static struct error *
wait_until_ended(const struct bell *bell, void *object, struct crowd *crowd,
	size_t number)
{
	TRY(bell->acquire(object));
	for (long seen = 0; !crowd->ended; seen++) {
		crowd->waiting++;
		while (crowd->notified == seen)
			TRY(bell->wait(object));
		crowd->woken[number] = sys_now();
	}
	TRY(bell->release(object));
	return NULL;
}

/*
 * Takes the lock when all of them wait, and have had a moment to fall asleep:
 * whoever waits last gives the lock back before it does.
 */
static struct error *
acquire_when_all_wait(const struct bell *bell, void *object,
	const struct crowd *crowd, size_t waiters)
{
	bool all_wait = false;

	for (;;) {
		sys_sleep(PAUSE);
		TRY(bell->acquire(object));
		if (all_wait)
			return NULL;
		all_wait = crowd->waiting == waiters;
		TRY(bell->release(object));
	}
}

static struct error *
notify_times(const struct bell *bell, void *object, struct crowd *crowd,
	size_t waiters, long times, double *seconds)
{
	double start, last;

	*seconds = 0;
	TRY(acquire_when_all_wait(bell, object, crowd, waiters));
	for (long i = 0; i < times; i++) {
		crowd->waiting = 0;
		crowd->notified++;
		start = last = sys_now();
		TRY(bell->notify_all(object));
		TRY(bell->release(object));
		TRY(acquire_when_all_wait(bell, object, crowd, waiters));
		for (size_t n = 0; n < waiters; n++)
			if (crowd->woken[n] > last)
				last = crowd->woken[n];
		*seconds += last - start;
	}
	crowd->ended = true;
	crowd->notified++;
	TRY(bell->notify_all(object));
	TRY(bell->release(object));
	return NULL;
}

/* If it fails, the waiters go with the party that this belongs to. */
struct error *
crowd_wake(const struct bell *bell, void *object, size_t waiters, long times,
	double *microseconds)
{
	size_t size = sizeof(struct crowd) + waiters * sizeof(double);
	pid_t *pids = must_have(calloc(waiters, sizeof(*pids)));
	struct crowd *crowd;
	double seconds;
	void *memory;

	TRY(sys_map_shared(size, &memory));
	crowd = memory;
	for (size_t i = 0; i < waiters; i++) {
		TRY(sys_fork(-1, &pids[i]));
		if (pids[i] == 0) {
			error_free(wait_until_ended(bell, object, crowd, i));
			_exit(0);
		}
	}
	TRY(notify_times(bell, object, crowd, waiters, times, &seconds));
	for (size_t i = 0; i < waiters; i++)
		sys_reap(pids[i]);
	free(pids);
	sys_unmap_shared(memory, size);
	*microseconds = 1e6 * seconds / (double)times;
	return NULL;
}

static struct error *
acquire(void *object)
{
	return condition_acquire(object);
}

static struct error *
release(void *object)
{
	return condition_release(object);
}

static struct error *
wait(void *object)
{
	return condition_wait(object, FOREVER, NULL);
}

static struct error *
notify_all(void *object)
{
	return condition_notify_all(object);
}

const struct bell condition_bell = {acquire, release, wait, notify_all};
