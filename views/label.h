/*
 * label.h - texts as a picture shows them. What is counted are characters, not
 * bytes.
 */
#ifndef VIEWS_LABEL_H
#define VIEWS_LABEL_H

#include <stddef.h>

/* How many characters a text has. */
size_t label_length(const char *text);

/*
 * Gives what XML can hold of a text, in at most room characters: what is no
 * UTF-8, or cannot be shown, becomes U+FFFD, and a line's end a space. A text
 * that is cut off ends with an ellipsis. The caller frees it.
 */
char *label_fit(const char *text, size_t room);

/* Gives a printf-like text, which the caller frees. */
char *
label_format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

#endif
