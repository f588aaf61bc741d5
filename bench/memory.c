/* memory.c - what a worker costs that has nothing to do. */
#include "error.h"
#include "figure.h"
#include "pool.h"
#include "python.h"
#include "value.h"

#include <stdio.h>
#include <unistd.h>

static struct error *
give_pid(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(getpid());
	return NULL;
}

/* The KiB of a process that no other process shares with it. */
static struct error *
private_memory(pid_t pid, double *kibibytes)
{
	char path[64], line[256];
	double part;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return RAISE_ERRNO("%s", path);
	*kibibytes = 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Clean: %lf", &part) == 1 ||
			sscanf(line, "Private_Dirty: %lf", &part) == 1)
			*kibibytes += part;
	fclose(file);
	return NULL;
}

static struct error *
measure_memory(const struct trial *trial, double *value)
{
	SCOPED(pool) pool = NULL;
	SCOPED(value) pid = NULL;
	long long number;

	(void)trial;
	TRY(pool_new(4, &pool));
	TRY(pool_apply(pool, give_pid, value_empty_list(), &pid));
	TRY(value_get_integer(pid, &number));
	TRY(private_memory((pid_t)number, value));
	return NULL;
}

/*
 * One worker of a pool of 4 has run one task, which gave its process id, and
 * waits for the next. What it has resident and shares with nobody is the sum of
 * Private_Clean and Private_Dirty in /proc/PID/smaps_rollup. There is no clock.
 */
const struct figure memory_figure = {
	.name = "memory",
	.unit = "KiB",
	.about = "resident private memory of an idle worker",
	.count = 1,
	.quick_count = 1,
	.measure = measure_memory,
	.peers = {{"CPython", python_prepare, NULL, 10}},
};
