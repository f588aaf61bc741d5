#include "mpi.h"

#include "error.h"
#include "party.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* How long the compiler may take, in seconds. */
#define COMPILER_LIMIT 120

static struct error *
compile(const struct trial *trial, double *value)
{
	const char *const arguments[] = {"mpicc", "-O2", "-o",
		program_path("mpi_farm"), "bench/mpi_farm.c", NULL};
	const char *const launcher[] = {"mpirun", "--version", NULL};
	struct run run;

	(void)trial;
	*value = 0;
	TRY(program_run(launcher, &run));
	TRY(program_run(arguments, &run));
	if (run.status != 0)
		return RAISE(RuntimeError, "mpicc cannot compile its program");
	return NULL;
}

struct error *
mpi_prepare(void)
{
	double nothing;

	TRY(party_measure(compile, NULL, COMPILER_LIMIT, &nothing));
	return NULL;
}

struct error *
mpi_farm(const struct trial *trial, double *value)
{
	char count[32];
	const char *const arguments[] = {"mpirun", "--oversubscribe", "-np",
		"5", program_path("mpi_farm"), count, NULL};
	struct run run;
	double seconds;

	snprintf(count, sizeof(count), "%ld", trial->count);
	/* It is root in many a container, and there is no harm in it here. */
	setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
	setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
	TRY(program_run(arguments, &run));
	if (run.status != 0 || sscanf(run.output, "%lf", &seconds) != 1)
		return RAISE(RuntimeError, "mpirun has failed");
	*value = (double)trial->count / seconds;
	return NULL;
}
