#include "look.h"

#include "panic.h"
#include "record.h"

#include <string.h>

const struct look looks[LOOK_COUNT] = {
	{"process", "#4a4a4a", "m-6 -6h12v12h-12z", PAPER, "2 4", "2.5"},
	{"task", "#1b5e20", "m-6 -6h12v12h-12z", "#1b5e20", "none", "3"},
	{"message", "#0b4f9c", "m-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z", PAPER,
		"none", "2"},
	{"condition", "#8a3b00", "m-8 0l8 -8l8 8l-8 8z", "#8a3b00", "9 4",
		"2.5"},
	{"error", ALARM, "m-8 6l8 -14l8 14z", ALARM, "none", "4.5"},
	{"output", "#111111", "m-7 -5h14v10h-8l-4 4v-4h-2z", PAPER, "12 3 2 3",
		"2"},
};

const struct look *
look_of(const char *category)
{
	for (size_t i = 0; i < LOOK_COUNT; i++)
		if (strcmp(looks[i].category, category) == 0)
			return &looks[i];
	panic("no category '%s'", category);
}

bool
look_is_unseen(const struct entry *entry)
{
	return entry->observer && strcmp(entry->observer, "nobody") == 0;
}

void
look_draw_mark(struct svg *svg, const struct look *look, int x, int y)
{
	svg_begin_group(svg, "mark", look->fill, look->colour, "2");
	svg_path(svg, "M%d %d%s", x, y, look->mark);
	svg_end(svg);
}

void
look_begin_arrow(struct svg *svg, const struct look *look)
{
	svg_begin_group(svg, "arrow", "none", look->colour, look->width);
	svg_set(svg, "stroke-dasharray", "%s", look->dashes);
}

/* The point is not dashed. */
void
look_draw_point(struct svg *svg, const struct look *look, int x, int y)
{
	svg_begin(svg, "path");
	svg_set(svg, "class", "point");
	svg_set(svg, "fill", "%s", look->colour);
	svg_set(svg, "stroke", "none");
	svg_set(svg, "d", "M%d %dl-%d -5v10z", x, y, LOOK_POINT);
	svg_end(svg);
}

/* What lasts is a bar on the lifeline: each sort has a fill, and a width. */
static const char *const bars[] = {"#cfe3cf", "url(#waiting)", "url(#asleep)"};
static const int bar_widths[] = {9, 5, 5};

void
look_draw_bar(struct svg *svg, enum bar bar, int x, int top, int bottom)
{
	svg_begin_group(svg, "bar", bars[bar], FAINT_INK, "1");
	svg_rect(svg, "bar", x - bar_widths[bar], top, x + bar_widths[bar],
		bottom);
	svg_end(svg);
}

static void
define_pattern(struct svg *svg, const char *name, const char *path)
{
	svg_begin(svg, "pattern");
	svg_set(svg, "id", "%s", name);
	svg_set(svg, "width", "6");
	svg_set(svg, "height", "6");
	svg_set(svg, "patternUnits", "userSpaceOnUse");
	svg_rect(svg, "paper", 0, 0, 6, 6);
	svg_begin(svg, "path");
	svg_set(svg, "d", "%s", path);
	svg_set(svg, "stroke", FAINT_INK);
	svg_set(svg, "stroke-width", "1.5");
	svg_end(svg);
	svg_end(svg);
}

void
look_define_patterns(struct svg *svg)
{
	svg_begin(svg, "defs");
	svg_set(svg, "fill", PAPER);
	define_pattern(svg, "waiting", "M-1 7L7 -1M-1 1L1 -1M5 7L7 5");
	define_pattern(svg, "asleep", "M2 3h2");
	svg_end(svg);
}
