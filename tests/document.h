/* document.h - what stands in a Markdown file as code. */

#ifndef TESTS_DOCUMENT_H
#define TESTS_DOCUMENT_H

#include "text.h"

/*
 * A line of a block of code, or a word in backticks. A block is fenced by
 * three backticks, or indented by four spaces or more, after an empty line.
 */
struct piece {
	bool is_block;
	struct line text;     /* without the block's indentation */
	size_t number;        /* of its line in the file, from 1 */
	struct line language; /* of a fenced block; may be empty */
};

struct document {
	const char *file; /* its name, for messages */
	struct line *lines;
	size_t line_count;
	struct piece *pieces; /* in the order in which they stand there */
	size_t piece_count;
};

/*
 * Finds the pieces of the text, which must outlive the document, as must the
 * name of the file. A backtick without its other begins a word that goes to
 * the end of the line. To be ended with document_fini.
 */
void document_parse(struct document *, const char *file, const struct text *);

/* Frees what the document holds. */
void document_fini(struct document *);

/*
 * Takes the next word in backticks off the rest of a line. Gives false when
 * there is none.
 */
bool line_next_word(struct line *rest, struct line *word);

#endif
