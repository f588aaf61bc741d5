/*
 * svg.h - writes an SVG document: elements, their attributes, and texts whose
 * width does not depend on the font. Out of memory is a panic.
 */
#ifndef VIEWS_SVG_H
#define VIEWS_SVG_H

#include <stdbool.h>
#include <stdio.h>

struct svg;

/* A size of text; of its font, and how wide a character is. */
struct type {
	int size;
	int advance;
};

/* Begins a document of so many pixels. To be ended with svg_finish(). */
struct svg *svg_new(int width, int height);

/* Begins and ends an element. */
void svg_begin(struct svg *svg, const char *element);
void svg_end(struct svg *svg);

/* Gives the element that was begun last an attribute, printf-like. */
void svg_set(struct svg *svg, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Begins a group of a class, in these colours; of texts alone, bold or not. */
void svg_begin_group(struct svg *svg, const char *class, const char *fill,
	const char *stroke, const char *width);
void svg_begin_texts(struct svg *svg, const char *colour, bool is_bold);

/* What is shown to who points at the element that was begun last. */
void svg_title(struct svg *svg, const char *text);

/* Writes a text from a point on its baseline. Nothing is written of "". */
void svg_text(struct svg *svg, const char *class, struct type type, int x,
	int y, const char *text);

/* A path: svg_set()'s format for its "d". */
#define svg_path(svg, ...)                        \
	do {                                      \
		svg_begin((svg), "path");         \
		svg_set((svg), "d", __VA_ARGS__); \
		svg_end(svg);                     \
	} while (0)

/* A rectangle of a class. */
void svg_rect(struct svg *svg, const char *class, int left, int top, int right,
	int bottom);

/*
 * Ends the document, writes it to a file, and frees it. Whether that could be
 * written, ferror() tells.
 */
void svg_finish(struct svg *svg, FILE *file);

#endif
