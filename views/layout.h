/*
 * layout.h - where everything stands in a picture of a record.
 *
 * Nothing is in anything's way, by construction. Each entry has a row of its
 * own, so no label meets another. An arrow leaves its cause along the lower
 * edge of the cause's row, goes down in a lane to the left of the effect's
 * column, and reaches the effect from there: along edges and lanes are no
 * labels. The arrow to a process's end leaves that process's lifeline where it
 * ends, along the upper edge of the effect's row. Only a printed line or an
 * error reaches over the columns to its right, in a box; a line or an arrow
 * goes down behind that.
 */
#ifndef VIEWS_LAYOUT_H
#define VIEWS_LAYOUT_H

#include "record.h"
#include "scoped.h"
#include "svg.h"

#include <stdbool.h>

/* Where texts begin that stand in no column. */
#define EDGE 24

/* The types: of the title, of labels, and of what is noted beside them. */
#define TITLE_TYPE ((struct type){25, 15})
#define LABEL_TYPE ((struct type){15, 9})
#define NOTE_TYPE ((struct type){12, 7})

/* How high the heads of the columns, and the mark of a pause, are. */
#define HEADS_HEIGHT 44
#define PAUSE_HEIGHT 34

/* A column: a place. All are pixels, and x. */
struct column {
	/* Where its first lane is, how far apart they are, its lifeline. */
	int lanes;
	int line;
	/* Where its labels begin, and where they end. */
	int left;
	int right;
	/* How many lanes it has. */
	size_t lane_count;
	/* The rows of its first entry, and of its end. */
	size_t first;
	size_t last;
};

/* A row: an entry. All are pixels, and y; 0 is nowhere. */
struct row {
	/* The tops of the heads, and of a pause, that stand before it. */
	int heads;
	int pause;
	int top;
	/* Where the arrow to a process's end comes from. */
	int edge;
	/* The height of its mark, and of its label. */
	int middle;
	int bottom;
	/* As much of what it says as there is room for; whether in a box. */
	char *label;
	bool is_boxed;
	/* The next entry of its place; NO_ENTRY behind the last one. */
	size_t next;
	/* The entry of its place with which it ends; itself if at once. */
	size_t end;
};

struct arrow {
	size_t cause;
	size_t effect;
	/* The column and the category of the effect. */
	size_t place;
	const char *category;
	/* The row where it leaves its cause's lifeline, and the y. */
	size_t from;
	int edge;
	/* The x of the lane where it goes down. */
	int lane;
};

struct layout {
	/* Of what. */
	const struct record *record;
	struct column *columns;
	struct row *rows;
	size_t row_count;
	/* By the rows where they leave, then by columns and categories. */
	struct arrow *arrows;
	size_t arrow_count;
	int width;
	int height;
};

/* Whether so long after the entry before that a pause is shown. */
bool layout_is_pause(const struct record *record, size_t entry);

/* Lays a record out, which must outlive that. */
struct layout *layout_new(const struct record *record);
void layout_free(struct layout *layout);
DEFINE_SCOPED(layout)

#endif
