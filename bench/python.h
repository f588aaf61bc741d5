/*
 * python.h - CPython, as a peer: one process of the machine's python3 that runs
 * peer.py and measures what it is told to, so that no start of an interpreter
 * is measured.
 */
#ifndef BENCH_PYTHON_H
#define BENCH_PYTHON_H

struct error;
struct trial;

/*
 * Starts it, if that has not been tried; raises an error if there is none, or
 * none any more. To be called by the main process.
 */
struct error *python_prepare(void);

/*
 * Has it measure the figure of that name; raises TimeoutError after limit
 * seconds, and ends it then.
 */
struct error *
python_measure(const struct trial *trial, double limit, double *value);

/* Which it is ("3.11.2"), and the program; NULL unless it is prepared. */
const char *python_version(void);
const char *python_program(void);

/* Ends it, if it runs. */
void python_end(void);

#endif
