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
 * Starts it, unless it runs; raises an error if there is none. To be called by
 * the main process.
 */
struct error *python_prepare(void);

/*
 * Has it measure the figure of that name; raises TimeoutError after limit
 * seconds, and RuntimeError if it has died. It is ended then; who prepares it
 * starts it anew.
 */
struct error *
python_measure(const struct trial *trial, double limit, double *value);

/* The interpreter that runs it, once it was prepared. */
const char *python_program(void);

/* Ends it, if it runs. */
void python_end(void);

#endif
