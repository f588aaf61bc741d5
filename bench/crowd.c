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

/* In shared memory; what changes is guarded by the condition's lock. */
struct crowd {
	struct condition *condition;
	size_t waiters;
	long times;
	/* How often they were notified, and how many are back from that. */
	long notified;
	size_t ready;
	/* When each came back from its last wait. */
	double woken[];
};

static struct error *
be_woken(struct crowd *crowd, size_t number)
{
	TRY(condition_acquire(crowd->condition));
	crowd->ready++;
	for (long seen = 0; seen < crowd->times; seen++) {
		while (crowd->notified == seen)
			TRY(condition_wait(crowd->condition, FOREVER, NULL));
		crowd->woken[number] = sys_now();
		crowd->ready++;
	}
	TRY(condition_release(crowd->condition));
	return NULL;
}

/*
 * Takes the lock when all of them wait, and have had a moment to fall asleep:
 * whoever waits last gives the lock back before it does.
 */
static struct error *
acquire_when_all_wait(const struct crowd *crowd)
{
	bool all_wait = false;

	for (;;) {
		sys_sleep(PAUSE);
		TRY(condition_acquire(crowd->condition));
		if (all_wait)
			return NULL;
		all_wait = crowd->ready == crowd->waiters;
		TRY(condition_release(crowd->condition));
	}
}

static struct error *
notify_times(struct crowd *crowd, double *seconds)
{
	double start, last;

	*seconds = 0;
	TRY(acquire_when_all_wait(crowd));
	for (long i = 0; i < crowd->times; i++) {
		crowd->ready = 0;
		crowd->notified++;
		start = last = sys_now();
		TRY(condition_notify_all(crowd->condition));
		TRY(condition_release(crowd->condition));
		TRY(acquire_when_all_wait(crowd));
		for (size_t n = 0; n < crowd->waiters; n++)
			if (crowd->woken[n] > last)
				last = crowd->woken[n];
		*seconds += last - start;
	}
	TRY(condition_release(crowd->condition));
	return NULL;
}

/* If it fails, the waiters go with the party that this belongs to. */
struct error *
crowd_wake(struct condition *condition, size_t waiters, long times,
	double *microseconds)
{
	size_t size = sizeof(struct crowd) + waiters * sizeof(double);
	pid_t *pids = must_have(calloc(waiters, sizeof(*pids)));
	struct crowd *crowd;
	double seconds;
	void *memory;

	TRY(sys_map_shared(size, &memory));
	crowd = memory;
	*crowd = (struct crowd){
		.condition = condition, .waiters = waiters, .times = times};
	for (size_t i = 0; i < waiters; i++) {
		TRY(sys_fork(-1, &pids[i]));
		if (pids[i] == 0) {
			error_free(be_woken(crowd, i));
			_exit(0);
		}
	}
	TRY(notify_times(crowd, &seconds));
	for (size_t i = 0; i < waiters; i++)
		sys_reap(pids[i]);
	free(pids);
	sys_unmap_shared(memory, size);
	*microseconds = 1e6 * seconds / (double)times;
	return NULL;
}
