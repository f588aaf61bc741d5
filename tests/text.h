/* text.h - bytes that grow, the lines in them, and how a line is shown. */

#ifndef TESTS_TEXT_H
#define TESTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Any bytes, NUL among them. All zero is the empty text; once something has
 * been added a NUL follows the last byte, so that bytes is a string too.
 */
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
};

/* A line of a text that somebody else keeps, without its newline. */
struct line {
	const char *bytes;
	size_t length;
	bool ended; /* by a newline: false in an unfinished last line only */
};

/*
 * Gives count things of size bytes each, all zero, which the caller frees.
 * Where there is no memory the program ends with exit status 2, here and in
 * every function of this header.
 */
void *allocate(size_t count, size_t size);

/* Gives what printf would print as a string, which the caller frees. */
char *
text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds length bytes, which the text copies, at the end. */
void text_add(struct text *, const char *bytes, size_t length);

/* Adds what printf would print. */
void text_printf(struct text *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds the line as it is, and a newline. */
void text_add_line(struct text *, const struct line *);

/*
 * Adds the line in a form that a person can read, and a newline: control
 * bytes, bytes beyond ASCII and a space at the end become escapes, a very
 * long line is cut, and after the line stands what else cannot be seen, such
 * as "(no final newline)".
 */
void text_show_line(struct text *, const struct line *);

/*
 * Adds the bytes of the file. Returns 0, or an errno, after which nothing is
 * known of what was added.
 */
int text_read(struct text *, const char *file);

/* Frees the bytes, and leaves the empty text. */
void text_fini(struct text *);

/*
 * Finds the lines of the text, which must outlive them. Gives their number;
 * the caller frees the array.
 */
size_t lines_split(const struct text *, struct line **lines);

/* Tells whether the line is ended and is this string, to the byte. */
bool line_is(const struct line *, const char *string);

/* Tells whether the line starts with this string. */
bool line_starts(const struct line *, const char *string);

#endif
