/*
 * mutant.h - a good run spoilt in every way that a checker has to notice, and
 * reordered in every way that it has to let pass.
 */

#ifndef TESTS_MUTANT_H
#define TESTS_MUTANT_H

#include <stdbool.h>

struct outcome;
struct transcript;

enum mutant_kind {
	MUTANT_DROPPED,     /* a line is missing */
	MUTANT_DOUBLED,     /* a line comes twice */
	MUTANT_MISSPELT,    /* a character of a line is another one */
	MUTANT_PADDED,      /* a line has a space more at either end */
	MUTANT_MOVED,       /* a line stands elsewhere, where it must not */
	MUTANT_SWAPPED,     /* the streams have changed places */
	MUTANT_VALUE,       /* a <unit> is none */
	MUTANT_TWICE,       /* a whole stream comes twice */
	MUTANT_UNFINISHED,  /* a stream has no final newline */
	MUTANT_STATUS,      /* the end is another one */
	MUTANT_NO_FRAMES,   /* a traceback has no frames */
	MUTANT_OTHER_ERROR, /* a traceback has another message */
	MUTANT_PERMUTED,    /* good: a block's lines in another order */
	MUTANT_KINDS
};

/* What the kinds are called in messages. */
extern const char *const mutant_names[MUTANT_KINDS];

/*
 * Makes all mutants of a run that matches the transcript, and hands each to
 * visit, which borrows it, with the context. Every permutation of a block is
 * made, so blocks had better be small.
 */
void mutants_visit(const struct transcript *, const struct outcome *,
	void (*visit)(enum mutant_kind, const struct outcome *, void *context),
	void *context);

/*
 * Tells whether this run of the transcript must have mutants of this kind: a
 * traceback, say, is not found in every one.
 */
bool mutant_applies(
	enum mutant_kind, const struct transcript *, const struct outcome *);

#endif
