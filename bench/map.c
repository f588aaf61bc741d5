/* map.c - how fast a pool deals out tasks that do nothing. */
#include "map.h"

#include "error.h"
#include "mpi.h"
#include "pool.h"
#include "python.h"
#include "sys.h"
#include "value.h"

struct error *
do_nothing(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	return NULL;
}

struct value *
integers(long count)
{
	struct value *list = value_empty_list();

	for (long i = 0; i < count; i++)
		value_append(list, value_integer(i));
	return list;
}

/* A map before the clock starts has all workers begun. */
struct error *
map_seconds(size_t workers, long count, long chunk_size, double *seconds)
{
	SCOPED(pool) pool = NULL;
	SCOPED(value) results = NULL;
	struct value *items;
	double start;

	TRY(pool_new(workers, &pool));
	TRY(pool_map(pool, do_nothing, integers(4 * (long)workers), 1, NULL));
	items = integers(count);
	start = sys_now();
	TRY(pool_map(pool, do_nothing, items, chunk_size, &results));
	*seconds = sys_now() - start;
	return NULL;
}

static struct error *
measure_map(const struct trial *trial, double *value)
{
	double seconds;

	TRY(map_seconds(4, trial->count, 1, &seconds));
	*value = (double)trial->count / seconds;
	return NULL;
}

static struct error *
measure_map_default(const struct trial *trial, double *value)
{
	double seconds;

	TRY(map_seconds(4, trial->count, DEFAULT_CHUNK_SIZE, &seconds));
	*value = (double)trial->count / seconds;
	return NULL;
}

/*
 * A pool of 4 workers, which have run something before, maps a function that
 * does nothing over a list of integers, each a chunk of its own. The clock runs
 * from the call until the list of results is there; pool and items are made
 * before. Open MPI's master sends an integer to whichever of 4 workers is free
 * and gets one back, in the same way, without a loss of any worker being
 * provided for.
 */
const struct figure map_figure = {
	.name = "map",
	.unit = "tasks/s",
	.about = "map of an empty task, chunk size 1, 4 workers",
	.is_rate = true,
	.count = 20000,
	.quick_count = 1000,
	.measure = measure_map,
	.peers = {{"CPython", python_prepare, NULL, 10},
		{"Open MPI", mpi_prepare, mpi_farm, 0}},
};

/*
 * The same with the default chunk size, which gives each of the 4 workers 4
 * chunks of equal size. So it shows what an item costs, where the figure above
 * shows what a message costs.
 */
const struct figure map_default_figure = {
	.name = "map_default",
	.unit = "tasks/s",
	.about = "the same with the default chunk size",
	.is_rate = true,
	.count = 20000,
	.quick_count = 1000,
	.measure = measure_map_default,
	.peers = {{"CPython", python_prepare, NULL, 20}},
};
