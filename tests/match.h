/* match.h - whether a run was what its transcript says. */

#ifndef TESTS_MATCH_H
#define TESTS_MATCH_H

#include <stddef.h>

struct element;
struct line;
struct outcome;
struct transcript;

/*
 * Compares the outcome of a run with the transcript. Returns NULL if it is
 * what the transcript says to the byte; otherwise a text of some lines, which
 * the caller frees: what is wrong with the run as a whole, if anything is, and
 * the first difference between what was expected (-) and what came (+), with
 * a note on whatever differs besides.
 */
char *transcript_difference(const struct transcript *, const struct outcome *);

/* What block_pair says of a line that no pattern is left for. */
#define UNPAIRED ((size_t)-1)

/*
 * Pairs as many of the count lines as it can with patterns of the block that
 * match them, each with another one. Gives the number of pairs, and in
 * partners, which has room for count, the pattern's index for each line, or
 * UNPAIRED.
 */
size_t block_pair(const struct element *block, const struct line *lines,
	size_t count, size_t *partners);

#endif
