/* commands.h - whether a document's commands do what it says. */

#ifndef TESTS_COMMANDS_H
#define TESTS_COMMANDS_H

#include "text.h"

/* Lines that a document quotes of what a command prints. */
struct quotation {
	struct text text;
	size_t number;   /* of the first line in the file */
	bool is_drawing; /* all of a diagram, as drawing.h compares them */
};

struct command {
	char *line; /* as sh is to run it, but for build/; NULL: not at all */
	size_t number; /* of its line in the file */
	struct quotation *quotations;
	size_t count;
};

/* The folder of the built programs: $BUILD, or "build". */
const char *build_folder(void);

/*
 * Gives what is to be run in the place of a command, most often the same; the
 * caller frees it.
 */
char *command_instead(const char *line);

/* Whether what the command prints is a diagram. */
bool command_draws(const struct command *);

/* Adds a line to the last quotation, or to a new one that begins with it. */
void command_quote(struct command *, const struct line *, size_t number,
	bool is_new, bool is_drawing);

/*
 * Runs the command, with the folder of the built programs for build/, and adds
 * to complaints how it ended, if that is not as it should, or which quotations
 * are not in what it printed, on standard output and standard error together,
 * or which changes of a diff -u they leave out; and what it printed to printed.
 * On a busy machine a scenario may not have come far when its limit ends: as
 * long as anything is wrong, a command with --limit is run again with twice
 * that, up to a generous end.
 */
void command_run(const char *file, const struct command *,
	struct text *complaints, struct text *printed);

/* Frees what the command holds, and leaves an empty one. */
void command_fini(struct command *);

#endif
