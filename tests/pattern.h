/*
 * pattern.h - a transcript: what a program has to print and how it has to
 * end, as a person would write it down.
 *
 *     == stdout
 *     Tasks begin.
 *     [any order]
 *     Task 0 completed with <unit>
 *     Task 1 completed with <unit>
 *     [end]
 *     == stderr
 *     == exit 0
 *
 * The three sections always stand there, in this order; the last may also read
 * "== killed SIGKILL". A line stands for itself, whole and to the byte, except
 * that
 *
 *     <unit>       in it stands for a number in [0, 1) as Python prints it,
 *     [any order]  and [end] enclose lines that come in any order,
 *     "  ..."      alone stands for one or more lines that start with two
 *                  spaces, such as the frames of a traceback, and
 *     \            in front makes the rest of the line stand for itself.
 *
 * What looks like one of these marks and is none is an error, so that a
 * slip of the pen cannot pass for a line to be printed.
 */

#ifndef TESTS_PATTERN_H
#define TESTS_PATTERN_H

#include "text.h"

#define UNIT_MARK "<unit>"
#define FRAMES_MARK "  ..."
#define BLOCK_MARK "[any order]"
#define END_MARK "[end]"

/* One line of a transcript that stands for a line of output. */
struct pattern {
	struct line source; /* as it stands in the file */
	struct line text;   /* without the backslash */
	bool has_unit;      /* some <unit> in the text is a mark */
	size_t number;      /* of the line in the file, from 1 */
};

enum element_kind { ELEMENT_LINE, ELEMENT_FRAMES, ELEMENT_BLOCK };

/* What stands for one line, for a run of frames, or for a block. */
struct element {
	enum element_kind kind;
	struct pattern *patterns;
	size_t count; /* of patterns: 1 except in a block */
};

/* What one stream has to contain. */
struct section {
	struct element *elements;
	size_t count;
	size_t end; /* number of the line that ends the section */
};

struct transcript {
	char *file;
	struct section streams[2]; /* stdout and stderr */
	int status;                /* in the form that wait gives it */

	struct text source;       /* what every line points into */
	struct line *lines;       /* of the source */
	struct pattern *patterns; /* what the elements point into */
	struct element *elements; /* what the sections point into */
};

enum { STATUS_SIZE = 32 };

/*
 * Reads the text of a transcript, which it copies. The name of the file is for
 * messages. Returns the transcript, which the caller frees with
 * transcript_free; or NULL, and in *complaint a sentence in one line which
 * says where and what is wrong, and what would be right, and which the caller
 * frees.
 */
struct transcript *
transcript_parse(const char *file, const struct text *, char **complaint);

/* Frees the transcript, which may be NULL. */
void transcript_free(struct transcript *);

/* Tells whether the pattern stands for this line of output. */
bool pattern_matches(const struct pattern *, const struct line *);

/* Tells whether the line may be a frame: whether two spaces start it. */
bool line_is_indented(const struct line *);

/*
 * Tells whether the line of output needs a backslash in a transcript, because
 * it would be taken for a mark there.
 */
bool line_needs_backslash(const struct line *);

/*
 * Tells whether these bytes are a number in [0, 1) in the form in which
 * Python's repr prints it: with no more digits than it takes to read the same
 * double back.
 */
bool is_unit(const char *bytes, size_t length);

/*
 * Writes what a transcript says of a wait status, such as "== exit 0" or
 * "== killed SIGTERM".
 */
void status_print(int status, char line[STATUS_SIZE]);

#endif
