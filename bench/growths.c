/* growths.c - all costs that may grow, and how each is measured. */
#include "condition.h"
#include "crowd.h"
#include "error.h"
#include "growth.h"
#include "manager.h"
#include "map.h"
#include "panic.h"
#include "pool.h"
#include "sys.h"
#include "value.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Gives the microseconds for each of so many tasks. */
static struct error *
task_cost(size_t workers, long tasks, long chunk_size, double *value)
{
	double seconds;

	TRY(map_seconds(workers, tasks, chunk_size, &seconds));
	*value = 1e6 * seconds / (double)tasks;
	return NULL;
}

static struct error *
measure_tasks(const struct trial *trial, double *value)
{
	return task_cost(4, trial->count, 1, value);
}

static struct error *
measure_tasks_default(const struct trial *trial, double *value)
{
	return task_cost(4, trial->count, DEFAULT_CHUNK_SIZE, value);
}

static struct error *
measure_workers(const struct trial *trial, double *value)
{
	return task_cost((size_t)trial->count, 20000, 1, value);
}

/* A number comes back for each, as it does from a task that computes. */
static struct error *
give_back(const struct value *arguments, struct value **result)
{
	long long number;

	TRY(value_integer_at(arguments, 0, &number));
	*result = value_integer(number);
	return NULL;
}

/* The bytes of this process that are resident. */
static struct error *
resident_bytes(double *bytes)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages;
	int found;

	if (!file)
		return RAISE_ERRNO("/proc/self/statm");
	found = fscanf(file, "%*d %ld", &pages);
	fclose(file);
	if (found != 1)
		return RAISE(
			RuntimeError, "/proc/self/statm is not understood");
	*bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
	return NULL;
}

/* What nobody uses any more is given back, so as not to count. */
static struct error *
measure_memory_of_results(const struct trial *trial, double *value)
{
	SCOPED(pool) pool = NULL;
	SCOPED(value) results = NULL;
	double before, after;

	TRY(pool_new(4, &pool));
	TRY(pool_map(pool, give_back, integers(16), 1, NULL));
	malloc_trim(0);
	TRY(resident_bytes(&before));
	TRY(pool_map(pool, give_back, integers(trial->count),
		DEFAULT_CHUNK_SIZE, &results));
	malloc_trim(0);
	TRY(resident_bytes(&after));
	*value = (after - before) / (double)trial->count;
	return NULL;
}

/* Gives the microseconds for each of so many waiters. */
static struct error *
waiter_cost(struct condition *condition, long waiters, double *value)
{
	TRY(crowd_wake(condition, (size_t)waiters, 20, value));
	*value /= (double)waiters;
	return NULL;
}

static struct error *
measure_waiters(const struct trial *trial, double *value)
{
	SCOPED(condition) condition = NULL;

	TRY(condition_new(&condition));
	return waiter_cost(condition, trial->count, value);
}

static struct error *
measure_waiters_manager(const struct trial *trial, double *value)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	return waiter_cost(condition, trial->count, value);
}

/* What the clients of a manager do: nothing before all are connected. */
#define PAIRS_OF_CLIENT 100

static struct error *
be_client(struct condition *condition, int ready, int start)
{
	char byte = 0;

	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	if (write(ready, &byte, 1) != 1 || read(start, &byte, 1) != 0)
		return RAISE(RuntimeError, "the measurement was given up");
	for (int i = 0; i < PAIRS_OF_CLIENT; i++) {
		TRY(condition_acquire(condition));
		TRY(condition_release(condition));
	}
	return NULL;
}

static struct error *
run_clients(struct condition *condition, long count, double *seconds)
{
	pid_t *pids = must_have(calloc((size_t)count, sizeof(*pids)));
	int ready[2], start[2];
	double began;
	char byte;

	if (pipe(ready) < 0 || pipe(start) < 0)
		return RAISE_ERRNO("pipe");
	sys_private(start[1]);
	for (long i = 0; i < count; i++) {
		TRY(sys_fork(-1, &pids[i]));
		if (pids[i] == 0) {
			error_free(be_client(condition, ready[1], start[0]));
			_exit(0);
		}
	}
	for (long i = 0; i < count; i++)
		if (read(ready[0], &byte, 1) != 1)
			return RAISE_ERRNO("read");
	began = sys_now();
	sys_close(start[1]);
	for (long i = 0; i < count; i++)
		sys_reap(pids[i]);
	*seconds = sys_now() - began;
	free(pids);
	return NULL;
}

static struct error *
measure_clients(const struct trial *trial, double *value)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;
	double seconds;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(run_clients(condition, trial->count, &seconds));
	*value = 1e6 * seconds / (double)trial->count / PAIRS_OF_CLIENT;
	return NULL;
}

static struct error *
measure_workers_made(const struct trial *trial, double *value)
{
	const int times = 5;
	double start = sys_now();

	for (int i = 0; i < times; i++) {
		SCOPED(pool) pool = NULL;

		TRY(pool_new((size_t)trial->count, &pool));
		TRY(pool_map(
			pool, do_nothing, integers(trial->count), 1, NULL));
	}
	*value = 1e6 * (sys_now() - start) / times / (double)trial->count;
	return NULL;
}

const struct growth growths[] = {
	/* As the figure map, but the time for one task. */
	{"tasks", "tasks", "us a task",
		"map of an empty task, chunk size 1, 4 workers",
		{1000, 10000, 100000, 1000000}, measure_tasks},
	{"tasks_default", "tasks", "us a task",
		"the same with the default chunk size",
		{1000, 10000, 100000, 1000000}, measure_tasks_default},
	/*
	 * How much the main process has resident when it has the results, and
	 * the items are gone, beyond what it had before they were made.
	 */
	{"results", "results", "bytes a result",
		"resident memory of a map's results, integers",
		{1000, 10000, 100000, 1000000}, measure_memory_of_results},
	/* As the figure notify, divided by the number of waiters. */
	{"waiters", "waiters", "us a waiter",
		"notify_all until the last waiter runs",
		{4, 8, 16, 32, 64, 128, 256}, measure_waiters},
	{"waiters_manager", "waiters", "us a waiter",
		"the same through the manager", {4, 8, 16, 32, 64, 128, 256},
		measure_waiters_manager},
	/*
	 * All clients, connected before, want the same lock 100 times; the time
	 * until all have had it, divided by how often it was had.
	 */
	{"clients", "clients", "us a pair",
		"acquire + release through the manager, all the same lock",
		{4, 8, 16, 32, 64, 128, 256}, measure_clients},
	/* As the figure map with 20000 tasks, and as the figure pool_used. */
	{"workers", "workers", "us a task",
		"map of an empty task, chunk size 1, 20000 items",
		{1, 2, 4, 8, 16, 32, 64}, measure_workers},
	{"workers_made", "workers", "us a worker",
		"pool made, a task mapped for each worker, and freed",
		{1, 2, 4, 8, 16, 32, 64}, measure_workers_made},
	{0},
};
