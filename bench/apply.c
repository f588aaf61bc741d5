/* apply.c - what one task costs that is waited for. */
#include "bare.h"
#include "error.h"
#include "map.h"
#include "pool.h"
#include "python.h"
#include "sys.h"
#include "value.h"

static struct error *
measure_apply(const struct trial *trial, double *value)
{
	SCOPED(pool) pool = NULL;
	double start;

	TRY(pool_new(4, &pool));
	TRY(pool_map(pool, do_nothing, integers(16), 1, NULL));
	start = sys_now();
	for (long i = 0; i < trial->count; i++)
		TRY(pool_apply(pool, do_nothing, value_empty_list(), NULL));
	*value = 1e6 * (sys_now() - start) / (double)trial->count;
	return NULL;
}

/*
 * A pool of 4 workers, which have run something before, is given a task that
 * does nothing, and when it is done the next one, and so on. The clock runs
 * from the first call to the end of the last. Beside it stands the same number
 * of round trips of 8 bytes between two processes over two pipes.
 */
const struct figure apply_figure = {
	.name = "apply",
	.unit = "us",
	.about = "apply of an empty task, one after another, 4 workers",
	.count = 2000,
	.quick_count = 200,
	.measure = measure_apply,
	.peers = {{"CPython", python_prepare, NULL, 5},
		{"bare pipe round trip", NULL, bare_pipe_trip, 1 / 2.5}},
};
