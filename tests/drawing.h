/* drawing.h - whether a document's diagram is the one that a program wrote. */

#ifndef TESTS_DRAWING_H
#define TESTS_DRAWING_H

#include "text.h"

/*
 * Looks whether a sequence diagram in Mermaid's language shows what the output
 * does: the same participants, and at each of them the same, in the same order.
 * How the participants stand, and what happens at two of them at the same time,
 * changes from run to run; so may random numbers.
 *
 * Returns NULL if it does; otherwise some lines that say where the two part,
 * which the caller frees.
 */
char *drawing_difference(const struct text *drawing, const struct text *output);

#endif
