/* notify.c - how soon those run that were notified. */
#include "bare.h"
#include "condition.h"
#include "crowd.h"
#include "error.h"
#include "manager.h"
#include "python.h"

static struct error *
measure_notify(const struct trial *trial, double *value)
{
	SCOPED(condition) condition = NULL;

	TRY(condition_new(&condition));
	TRY(crowd_wake(condition, 4, trial->count, value));
	return NULL;
}

static struct error *
measure_notify_manager(const struct trial *trial, double *value)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(crowd_wake(condition, 4, trial->count, value));
	return NULL;
}

/*
 * Four processes wait on a condition in shared memory, and the one that
 * measures looks at the clock, notifies all, and gives the lock back. Each
 * waiter looks at the clock when it is back from its wait, which it is when it
 * has the lock; the last of the four counts. They wait anew, and when all do
 * and have slept for a moment, the same is done again: the figure is the mean.
 */
const struct figure notify_figure = {
	.name = "notify",
	.unit = "us",
	.about = "notify_all until the last of 4 waiters runs",
	.count = 200,
	.quick_count = 20,
	.measure = measure_notify,
	.peers = {{"CPython", python_prepare, NULL, 4},
		{"pthread_cond", NULL, bare_broadcast, 1 / 1.3}},
};

/* The same with a condition in a manager, of which all five have proxies. */
const struct figure notify_manager_figure = {
	.name = "notify_manager",
	.unit = "us",
	.about = "the same through the manager",
	.count = 200,
	.quick_count = 20,
	.measure = measure_notify_manager,
	.peers = {{"CPython", python_prepare, NULL, 5}},
};
