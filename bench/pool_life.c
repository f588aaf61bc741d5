/* pool_life.c - what it costs to make a pool, and to end it. */
#include "bare.h"
#include "error.h"
#include "map.h"
#include "pool.h"
#include "python.h"
#include "sys.h"
#include "value.h"

static struct error *
measure_pool(const struct trial *trial, double *value)
{
	double start = sys_now();

	for (long i = 0; i < trial->count; i++) {
		SCOPED(pool) pool = NULL;

		TRY(pool_new(4, &pool));
	}
	*value = 1e3 * (sys_now() - start) / (double)trial->count;
	return NULL;
}

static struct error *
measure_pool_used(const struct trial *trial, double *value)
{
	double start = sys_now();

	for (long i = 0; i < trial->count; i++) {
		SCOPED(pool) pool = NULL;

		TRY(pool_new(4, &pool));
		TRY(pool_map(pool, do_nothing, integers(4), 1, NULL));
	}
	*value = 1e3 * (sys_now() - start) / (double)trial->count;
	return NULL;
}

/*
 * A pool of 4 workers is made and at once ended, again and again, and the clock
 * runs from before the first to after the last; when a pool has been ended, all
 * of its processes are gone. CPython's is terminated and joined. Beside it
 * stand 5 processes (a zygote and 4 workers are as many) that are forked one
 * after another, do nothing, and are reaped.
 */
const struct figure pool_figure = {
	.name = "pool",
	.unit = "ms",
	.about = "pool of 4 made and freed",
	.count = 20,
	.quick_count = 2,
	.measure = measure_pool,
	.peers = {{"CPython", python_prepare, NULL, 5},
		{"5 bare forks", NULL, bare_forks, 1 / 2.0}},
};

/*
 * The same, but each pool maps an empty task over 4 items before it is ended.
 * So it cannot be ended before its workers have begun, and the figure above
 * cannot look good by that.
 */
const struct figure pool_used_figure = {
	.name = "pool_used",
	.unit = "ms",
	.about = "pool of 4 made, 4 empty tasks mapped, and freed",
	.count = 20,
	.quick_count = 2,
	.measure = measure_pool_used,
	.peers = {{"CPython", python_prepare, NULL, 0},
		{"5 bare forks", NULL, bare_forks, 0}},
};
