/* update.h - a transcript file written anew from a run. */

#ifndef TESTS_UPDATE_H
#define TESTS_UPDATE_H

struct outcome;
struct text;
struct transcript;

/*
 * Adds to text what the transcript should say after this outcome, and to
 * changes a line for each line that goes (-) or comes (+). Whatever still
 * matches in the old transcript is kept; it may be NULL, if there is none.
 * Returns NULL, or a sentence that says why no transcript can say this,
 * which the caller frees.
 */
char *transcript_renew(const struct transcript *old, const struct outcome *,
	struct text *text, struct text *changes);

/*
 * Puts the text in the place of the file, or makes the file, at a single
 * stroke: whatever happens, the old or the new text stands there whole, and
 * nothing else is left. Returns 0 or an errno.
 */
int transcript_write(const char *file, const struct text *);

/*
 * Runs the command, with the limit of outcome_capture, and brings the file up
 * to date with it, if a second run agrees with the new text. Says on stdout
 * what has changed, or why nothing may. The old transcript may be NULL. Gives
 * an exit status: 0; 1 if the runs differ, or are in trouble; or 2 if it
 * could not be done, after a sentence on stderr.
 */
int transcript_update(const char *file, const struct transcript *old,
	char *const argv[], double limit);

#endif
