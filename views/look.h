/*
 * look.h - what a picture is made of: colours, marks, arrows and bars. Also in
 * grey, each category differs from all others: in the shape of its mark, and in
 * the arrows that lead to it.
 */
#ifndef VIEWS_LOOK_H
#define VIEWS_LOOK_H

#include "svg.h"

#include <stdbool.h>
#include <stddef.h>

struct entry;

#define INK "#111111"
#define PAPER "#ffffff"
#define FAINT_INK "#444444"
#define ALARM "#b00020"

/* From the middle of a mark to its edge; from an arrow's end to its tip. */
#define LOOK_MARK 7
#define LOOK_POINT 9

/* How a category looks. */
struct look {
	const char *category;
	const char *colour;
	/* The mark, drawn from its middle; what it is filled with. */
	const char *mark;
	const char *fill;
	/* The line of its arrows. */
	const char *dashes;
	const char *width;
};

#define LOOK_COUNT 6
extern const struct look looks[LOOK_COUNT];

/* The look of a category that docs/tracing.md knows. */
const struct look *look_of(const char *category);

/* Whether an entry says that nobody saw an error. */
bool look_is_unseen(const struct entry *entry);

/* Draws the mark of an entry. */
void look_draw_mark(struct svg *svg, const struct look *look, int x, int y);

/*
 * Begins the group of an arrow, whose line is a path; its point is drawn by
 * itself, with the tip at x and y.
 */
void look_begin_arrow(struct svg *svg, const struct look *look);
void look_draw_point(struct svg *svg, const struct look *look, int x, int y);

/* What lasts is a bar on the lifeline. */
enum bar { BAR_RUNNING, BAR_WAITING, BAR_ASLEEP };

void look_draw_bar(struct svg *svg, enum bar bar, int x, int top, int bottom);

/* To be called once, before a bar is drawn. */
void look_define_patterns(struct svg *svg);

#endif
