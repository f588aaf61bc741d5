/*
 * trace_file.h - the record of a run as a file: the JSON object format of the
 * Trace Event Format, which ui.perfetto.dev and chrome://tracing read.
 * docs/tracing.md says what stands in it.
 */
#ifndef FORKLORE_TRACE_FILE_H
#define FORKLORE_TRACE_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct history;

/* What the file says of the run as a whole. */
struct trace_head {
	const char *program;
	/* The command line, in one text. */
	const char *command;
	/* As ledger.h prints it. */
	const char *ledger;
};

/* Writes the file; false if that failed, and errno says why. */
bool trace_file_write(const struct history *history,
	const struct trace_head *head, FILE *file);

#endif
