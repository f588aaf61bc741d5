/* claims.h - whether what a document says is true. */

#ifndef TESTS_CLAIMS_H
#define TESTS_CLAIMS_H

#include "text.h"

struct tree;

/*
 * Looks whether what a document says is true, as far as a program can see.
 *
 * What is in backticks has to be there: words.h says how. In a block, a line
 * that starts as one of a table of commands does is a command. The commands
 * run one after another, by sh, in the current directory, the root of the
 * repository, and each has to end as it should: commands.h. All other lines of
 * blocks are quoted from what the last command before them prints, as a
 * terminal shows it, though a quotation leaves out what it likes before and
 * after: excerpt.h. A block of the language mermaid is all that a command with
 * --mermaid prints: drawing.h. Where a table has a row for a scenario, what the
 * row's second cell says, an exit status and lines in backticks, has to be in
 * the scenario's transcript. The packages that a command installs are those that
 * .ci/run does. What a link leads to is there, if it is in this repository.
 *
 * Gives a line for each thing that is wrong, which starts with the name of the
 * file and the number of the line there; an empty text if nothing is. The
 * caller ends it with text_fini.
 */
struct text
document_complaints(const struct tree *, const char *file, const struct text *);

#endif
