/*
 * caption.h - what is said of an entry in one line of text, and how much room
 * that takes in a terminal.
 */
#ifndef VIEWS_CAPTION_H
#define VIEWS_CAPTION_H

#include <stddef.h>

struct entry;

/*
 * What happened in an entry: 'error born: RuntimeError: ...'. (An error that is
 * stored is told where it is born.) What was printed stands in quotation marks.
 * It is never empty, and has only what caption_clean() leaves. The caller frees
 * it.
 */
char *caption_new(const struct entry *entry);

/*
 * A text on one line: what ends a line, or is a tab, becomes a space, and what
 * cannot be printed, a question mark. The caller frees it.
 */
char *caption_clean(const char *text);

/* How many columns of a terminal a clean text takes. */
size_t caption_width(const char *text);

/* How many bytes of a clean text fit into so many columns. */
size_t caption_fit(const char *text, size_t columns);

#endif
