/* lock.c - what it costs to take a condition's lock that nobody else wants. */
#include "bare.h"
#include "condition.h"
#include "error.h"
#include "manager.h"
#include "python.h"
#include "sys.h"

static struct error *
lock_seconds(struct condition *condition, long count, double *seconds)
{
	double start = sys_now();

	for (long i = 0; i < count; i++) {
		TRY(condition_acquire(condition));
		TRY(condition_release(condition));
	}
	*seconds = sys_now() - start;
	return NULL;
}

static struct error *
measure_condition(const struct trial *trial, double *value)
{
	SCOPED(condition) condition = NULL;
	double seconds;

	TRY(condition_new(&condition));
	TRY(lock_seconds(condition, trial->count, &seconds));
	*value = 1e9 * seconds / (double)trial->count;
	return NULL;
}

static struct error *
measure_proxy(const struct trial *trial, double *value)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;
	double seconds;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(lock_seconds(condition, 1, &seconds));
	TRY(lock_seconds(condition, trial->count, &seconds));
	*value = 1e6 * seconds / (double)trial->count;
	return NULL;
}

/*
 * One process takes the lock of a condition in shared memory and gives it back,
 * again and again; nobody else knows of the condition. The clock runs from
 * before the first to after the last, and the figure is the time of one pair.
 * Beside it stands a robust mutex in shared memory, which is neither recursive
 * nor knows its owner's name.
 */
const struct figure condition_figure = {
	.name = "condition",
	.unit = "ns",
	.about = "condition in shared memory, acquire + release, nobody else",
	.count = 200000,
	.quick_count = 20000,
	.measure = measure_condition,
	.peers = {{"CPython", python_prepare, NULL, 5},
		{"bare robust mutex", NULL, bare_mutex, 1 / 2.0}},
};

/*
 * The same through a proxy: the condition is in a manager, and the connection
 * to it is there before the clock starts. To acquire is to ask and to wait for
 * an answer, and so is to release; so beside it stand two round trips of 8
 * bytes between two processes over a stream socket of the Unix family.
 */
const struct figure proxy_figure = {
	.name = "proxy",
	.unit = "us",
	.about = "manager's proxy, acquire + release, nobody else",
	.count = 2000,
	.quick_count = 200,
	.measure = measure_proxy,
	.peers = {{"CPython", python_prepare, NULL, 4},
		{"two bare socket round trips", NULL, bare_two_socket_trips,
			1 / 1.4}},
};
