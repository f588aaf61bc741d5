/* words.h - whether what a document names in backticks is there. */

#ifndef TESTS_WORDS_H
#define TESTS_WORDS_H

#include "text.h"

/* What a word can name. */
struct tree {
	struct text targets; /* "\ntarget: rule" for each */
	struct text options; /* what the programs say to --help */
	struct text headers; /* the library's, the scenarios and their twins */
	struct text sources; /* all of them, and what builds and checks them */
};

/*
 * Reads the tree in the current directory, with the programs that were built
 * in the folder. Returns NULL, or a complaint, which the caller frees; the tree
 * is to be ended with tree_fini either way.
 */
char *tree_read(struct tree *, const char *build_folder);

/* Frees what the tree holds. */
void tree_fini(struct tree *);

/*
 * Looks whether there is what the word names:
 *
 *     ninja TARGET...        a target, to ninja
 *     --option VALUE         an option, in some program's --help
 *     name(...)              a function or a macro of common/, of a scenario, or
 *                            of its twin
 *     folder/file            a file, or a target in build/; also with a program
 *                            in front, or with arguments and options
 *
 * Anything else has to be a file, or stand in the sources, as whole words, or
 * in what else was said: the document's blocks, and what its commands print.
 * NAME in a word stands for any scenario's name.
 *
 * Returns NULL if there is; or what is wrong, which the caller frees.
 */
char *word_complaint(
	const struct tree *, const struct text *said, const struct line *word);

/* Gives the line with a scenario's name for NAME, which the caller frees. */
char *line_with_name(const struct line *);

#endif
