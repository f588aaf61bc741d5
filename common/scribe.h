/*
 * scribe.h - the process that writes the record of a run down, when the run is
 * over.
 *
 * It is forked first of all, and does nothing until the main process has ended,
 * however that ends: then a socket of which the main process has the other end
 * comes to its end. So a program that is killed leaves a whole file too.
 */
#ifndef FORKLORE_SCRIBE_H
#define FORKLORE_SCRIBE_H

#include <stdbool.h>

struct error;

/* What is wanted of the record. */
struct scribe_order {
	/* Where to write it, a descriptor, which is taken; or -1. */
	int file;
	/* Its name, for messages. */
	const char *path;
	/* Whether the ledger is to be printed on standard error. */
	bool explain;
	/* The command line. */
	int argc;
	char **argv;
};

/*
 * Opens a record (trace.h) and starts its scribe. To be called once, before
 * anything else is forked. Raises OSError.
 */
struct error *scribe_start(const struct scribe_order *order);

/*
 * For the main process, at its end: lets the scribe write, and waits for that.
 * What is recorded later is not written. Does nothing where there is no
 * scribe. May be called in a signal handler, also while it runs.
 */
void scribe_finish(void);

#endif
