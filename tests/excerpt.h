/* excerpt.h - whether what a document quotes is what a program printed. */

#ifndef TESTS_EXCERPT_H
#define TESTS_EXCERPT_H

#include "text.h"

/*
 * Looks whether all lines of the quotation stand in the output, one after
 * another. What changes from run to run may differ: process ids, seconds,
 * numbers of workers, random numbers, when something happened in a table, and
 * the order of neighbouring lines of tasks or of workers; and so may the width
 * of columns.
 *
 * Returns NULL if they do; otherwise some lines that say which one does not,
 * and what was printed, which the caller frees.
 */
char *
excerpt_difference(const struct text *quotation, const struct text *output);

#endif
