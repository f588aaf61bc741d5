/*
 * scenario.h - what every scenario's main stands on, and its lesson is not
 * about: options, lines of output, pauses, random numbers, and the end of the
 * program.
 */
#ifndef FORKLORE_SCENARIO_H
#define FORKLORE_SCENARIO_H

struct error;

/* What the command line says, with its defaults. */
struct options {
	/* --tasks N: how many tasks are submitted; 4. */
	int tasks;
	/* --workers N: how many workers the pool has; 4. */
	int workers;
	/* --delay SECONDS: how long the parent sleeps before it notifies; 1. */
	double delay;
};

/*
 * Reads the options. A wrong one ends the program: with one line on standard
 * error that names it, and exit status 2. --help and --version end it too,
 * after they have printed. --seed N makes draw() repeat itself. After --limit
 * SECONDS, and at Ctrl-C, the program ends, and says on standard error who
 * waits for what (report.h). --trace FILE and --explain have the run recorded
 * (scribe.h). To be called once, before anything is forked.
 */
struct options scenario_options(int argc, char *argv[]);

/*
 * Gives the program's exit status: 0 for NULL; else 1, and the error's
 * traceback is printed to standard error. The error is taken. If the run is
 * recorded, the record is written now.
 */
int scenario_status(struct error *error);

/*
 * Prints a printf-like line, and its newline, to standard output with one
 * write, so that lines of several processes never mix. Ends the process with
 * status 1 and a word on standard error if that is impossible.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sleeps for that many seconds. */
void pause_for(double seconds);

/*
 * Draws the number of a task, uniformly from [0, 1). Each task has its own; all
 * are new in each run, unless --seed is given.
 */
double draw(long long task);

/* A real as text. */
struct real_text {
	char digits[32];
};

/*
 * Writes a real with the fewest digits that read back as the same double; below
 * 1e16 in Python's form: 0.25, 5e-05, 10.0.
 */
struct real_text real_text(double real);

#endif
