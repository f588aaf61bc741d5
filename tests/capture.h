/* capture.h - what one run of a command wrote, and how it ended. */

#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include "text.h"

enum { OUTPUT_LIMIT = 16 << 20 }; /* bytes that a stream may hold */

struct outcome {
	struct text streams[2]; /* stdout and stderr */
	int status;             /* in the form that wait gives it */
	char *trouble;          /* NULL, or why the run was cut short */
	bool overflowed;        /* trouble: the output passed its limit */
};

/*
 * Runs the command argv[0], looked for as the shell does, with the arguments
 * argv, which end with NULL. Its stdin is empty. Waits until the command and
 * every process that it started have ended, however they are related by then,
 * but at most limit seconds (up to a million), and no longer than the output
 * keeps its own limit; then kills those that are left, and says so in trouble.
 *
 * Returns NULL, and the outcome, which the caller ends with outcome_fini; or,
 * if the command could not be started, a sentence that says why, which the
 * caller frees. Either way none of the command's processes is left.
 *
 * The caller has one thread and no child, and becomes the one to whom lost
 * grandchildren go. When it receives SIGINT, SIGTERM, SIGHUP or SIGQUIT
 * meanwhile, it kills the command's processes and dies of that signal; when it
 * dies without a chance to do so, the command is killed.
 */
char *outcome_capture(struct outcome *, char *const argv[], double limit);

/* Frees what the outcome holds. */
void outcome_fini(struct outcome *);

#endif
