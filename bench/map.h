/* map.h - an empty task, and what it costs to map it. */
#ifndef BENCH_MAP_H
#define BENCH_MAP_H

#include "task.h"

#include <stddef.h>

/* A task that does nothing. */
task_function do_nothing;

/* Makes a list of the integers from 0 up to below count. */
struct value *integers(long count);

/* The seconds that a pool takes to map the empty task over count items. */
struct error *
map_seconds(size_t workers, long count, long chunk_size, double *seconds);

#endif
