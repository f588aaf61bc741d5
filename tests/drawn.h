/* drawn.h - what stands in a picture that picture_write() made. */
#ifndef FORKLORE_DRAWN_H
#define FORKLORE_DRAWN_H

#include "record.h"

#include <libxml/tree.h>

/* A place in the picture, as wide and as high as what stands there. */
struct area {
	double left;
	double top;
	double right;
	double bottom;
};

struct drawn_text {
	struct area area;
	/* "label", "source", "name", ... */
	char *class;
	char *text;
	/* The entry that it belongs to, or NO_ENTRY. */
	size_t entry;
};

struct point {
	double x;
	double y;
};

#define POINTS_LIMIT 16

struct drawn_arrow {
	size_t cause;
	size_t effect;
	/* The corners of its way, and its tip. */
	struct point points[POINTS_LIMIT];
	size_t point_count;
};

struct drawn_entry {
	/* How often it was drawn; the middle of its mark; its details. */
	size_t times;
	struct point mark;
	char *details;
};

struct drawn {
	xmlDocPtr document;
	struct area area;
	struct drawn_text *texts;
	size_t text_count;
	/* The boxes around labels, with the entries that they belong to. */
	struct drawn_text *boxes;
	size_t box_count;
	struct drawn_arrow *arrows;
	size_t arrow_count;
	struct drawn_entry *entries;
	size_t entry_count;
	/* How many elements came before the last arrow, and the first box. */
	size_t element_count;
	size_t last_arrow;
	size_t first_box;
	/* The x of each place's lifeline. */
	double *lifelines;
};

/*
 * Draws a record, and takes the picture apart. Fails the test if it cannot. To
 * be ended with drawn_fini().
 */
struct drawn drawn_of(const struct record *record);
void drawn_fini(struct drawn *drawing);

/* The first text of a class, of an entry or of NO_ENTRY; NULL if none. */
const char *
drawn_text(const struct drawn *drawing, const char *class, size_t entry);

/* How many texts of a class there are, with this content. */
size_t
drawn_count(const struct drawn *drawing, const char *class, const char *text);

/* Fails the test unless all that holds of every picture holds of it. */
void drawn_must_be_sound(const struct drawn *drawing, const struct record *);

#endif
