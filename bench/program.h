/* program.h - runs another program, and takes what it prints. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

struct error;

/* What became of a program. */
struct run {
	/* From before its fork until it was reaped. */
	double seconds;
	/* As waitpid() gives it. */
	int status;
	/* Its standard output, as far as there is room. */
	char output[4096];
};

/*
 * Runs a program, found as the shell would find it, without input, and lets
 * nobody hear its errors. Raises OSError, also if there is no such program.
 */
struct error *program_run(const char *const arguments[], struct run *run);

/* A path in the folder of the built programs, until the next is asked for. */
const char *program_path(const char *name);

#endif
