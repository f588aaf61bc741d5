/* own_time.c - what a scenario takes beyond its sleeps. */
#include "error.h"
#include "figure.h"
#include "program.h"
#include "python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long the main process sleeps where tasks have to begin to wait. */
#define DELAY 0.5

static double
delay_of(const struct trial *trial)
{
	return trial->count > 0 ? DELAY : 0;
}

/*
 * The seconds that a run slept: the main process, and then the tasks, all at
 * the same time. Raises RuntimeError unless so many tasks have completed as
 * should.
 */
static struct error *
slept_seconds(const struct run *run, const struct trial *trial, double *seconds)
{
	static const char completed[] = " completed with ";
	const char *found = run->output;
	double longest = 0, drawn;
	long count = 0;

	while ((found = strstr(found, completed))) {
		found += strlen(completed);
		drawn = strtod(found, NULL);
		if (drawn > longest)
			longest = drawn;
		count++;
	}
	if (count != trial->count)
		return RAISE(RuntimeError,
			"%ld tasks have completed instead of %ld", count,
			trial->count);
	*seconds = delay_of(trial) + longest;
	return NULL;
}

static struct error *
own_milliseconds(
	const char *const arguments[], const struct trial *trial, double *value)
{
	struct run run;
	double slept;

	TRY(program_run(arguments, &run));
	TRY(slept_seconds(&run, trial, &slept));
	*value = 1e3 * (run.seconds - slept);
	return NULL;
}

static struct error *
measure_own_time(const struct trial *trial, double *value)
{
	char name[64], delay[32];

	snprintf(name, sizeof(name), "scenarios/%s", trial->figure);
	snprintf(delay, sizeof(delay), "--delay=%g", delay_of(trial));
	TRY(own_milliseconds((const char *[]){program_path(name), delay, NULL},
		trial, value));
	return NULL;
}

/* Its options are the arguments of its run(). */
static struct error *
measure_twin(const struct trial *trial, double *value)
{
	char call[256];

	snprintf(call, sizeof(call),
		"import sys; sys.path.insert(0, 'docs/python'); "
		"from %s import run; run(delay=%g)",
		trial->figure, delay_of(trial));
	TRY(own_milliseconds((const char *[]){python_program(), "-E", "-B",
				     "-c", call, NULL},
		trial, value));
	return NULL;
}

/*
 * A scenario is run as a program, and the clock runs from before it is forked
 * until it was reaped. What it slept is taken off: the main process's delay,
 * and the longest of the numbers with which its tasks say that they completed,
 * since they sleep at the same time. Three of the scenarios run no tasks, so
 * they are run with no delay; the other two with half a second, in which all
 * tasks begin to wait. Its twin in Python is run in the same way, by the
 * interpreter itself (no wrapper such as pyenv's is measured), with the same
 * sleeps. The last peer is the twin's run() alone, in an interpreter that has
 * started long before and has imported all modules, beside the whole of ours.
 */
#define OWN_TIME(scenario, completed)                                         \
	const struct figure scenario##_figure = {                             \
		.name = #scenario,                                            \
		.unit = "ms",                                                 \
		.about = "the scenario's own time beyond its sleeps",         \
		.count = completed,                                           \
		.quick_count = completed,                                     \
		.measure = measure_own_time,                                  \
		.peers = {{"Python twin", python_prepare, measure_twin, 10},  \
			{"the twin's run() alone", python_prepare, NULL, 0}}, \
	}

OWN_TIME(silent_failure, 0);
OWN_TIME(error_callback, 0);
OWN_TIME(get_reraise, 0);
OWN_TIME(manager_proxy, 4);
OWN_TIME(fork_global, 4);
