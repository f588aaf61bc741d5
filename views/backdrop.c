#include "backdrop.h"

#include "label.h"
#include "layout.h"
#include "look.h"
#include "record.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How many characters the length of a pause has at most. */
#define PAUSE_ROOM 12

/* What nobody saw goes through the whole picture. */
static void
draw_alarm(struct svg *svg, const struct layout *layout, const struct row *row)
{
	svg_begin_group(svg, "unseen", "#ffdede", ALARM, "2");
	svg_rect(svg, "unseen", -2, row->top + 1, layout->width + 2,
		row->bottom - 1);
	svg_end(svg);
}

/* Each other row is shaded, to lead the eye from the time to the entry. */
static void
draw_stripes(struct svg *svg, const struct layout *layout)
{
	svg_begin_group(svg, "stripes", "#f4f4f4", "none", "0");
	for (size_t i = 1; i < layout->row_count; i += 2)
		svg_rect(svg, "stripe", 0, layout->rows[i].top, layout->width,
			layout->rows[i].bottom);
	svg_end(svg);
	for (size_t i = 0; i < layout->row_count; i++)
		if (look_is_unseen(&layout->record->entries[i]))
			draw_alarm(svg, layout, &layout->rows[i]);
}

static enum bar
bar_of(const struct entry *entry)
{
	if (strcmp(entry->kind, "task_start") == 0)
		return BAR_RUNNING;
	return strcmp(entry->kind, "sleep") == 0 ? BAR_ASLEEP : BAR_WAITING;
}

/* A lifeline ends with the last entry, or where the arrow to its end begins. */
static int
end_of_line(const struct layout *layout, size_t place)
{
	size_t last = layout->columns[place].last;
	const struct row *row = &layout->rows[last];

	return layout->record->entries[last].place == place ? row->middle
							    : row->edge;
}

static void
draw_lines(struct svg *svg, const struct layout *layout)
{
	svg_begin_group(svg, "lines", "none", "#767676", "2");
	for (size_t p = 0; p < layout->record->place_count; p++)
		svg_path(svg, "M%d %dV%d", layout->columns[p].line,
			layout->rows[layout->columns[p].first].middle,
			end_of_line(layout, p));
	svg_end(svg);
	for (size_t i = 0; i < layout->row_count; i++) {
		const struct entry *entry = &layout->record->entries[i];

		if (layout->rows[i].end != i)
			look_draw_bar(svg, bar_of(entry),
				layout->columns[entry->place].line,
				layout->rows[i].middle,
				layout->rows[layout->rows[i].end].middle);
	}
}

static bool
is_alive(const struct column *column, size_t row)
{
	return column->first < row && column->last >= row;
}

/* "1.00 s", or "12 ms". */
static char *
pause_length(long long microseconds)
{
	if (microseconds >= 1000000)
		return label_format("%.2f s", (double)microseconds / 1e6);
	return label_format("%lld ms", microseconds / 1000);
}

/* The band covers lifelines; those of the living go on in it as dots. */
static void
draw_pause(struct svg *svg, const struct layout *layout, size_t row)
{
	const struct entry *entries = layout->record->entries;
	int top = layout->rows[row].pause + 4;
	int bottom = layout->rows[row].pause + PAUSE_HEIGHT - 4;
	char *exact = pause_length(entries[row].time - entries[row - 1].time);
	char *length = label_fit(exact, PAUSE_ROOM);

	svg_begin_group(svg, "pause", "#dcdcdc", "none", "3");
	svg_rect(svg, "band", 0, top, layout->width, bottom);
	svg_begin_group(svg, "living", "none", INK, "3");
	svg_set(svg, "stroke-dasharray", "3 5");
	for (size_t p = 0; p < layout->record->place_count; p++)
		if (is_alive(&layout->columns[p], row))
			svg_path(svg, "M%d %dV%d", layout->columns[p].line,
				top + 2, bottom);
	svg_end(svg);
	svg_begin_texts(svg, INK, true);
	svg_text(svg, "length", LABEL_TYPE, EDGE, top + 18, length);
	svg_end(svg);
	svg_end(svg);
	free(length);
	free(exact);
}

static void
draw_pauses(struct svg *svg, const struct layout *layout)
{
	for (size_t i = 0; i < layout->row_count; i++)
		if (layout->rows[i].pause)
			draw_pause(svg, layout, i);
}

/* The name of the place that the thread belongs to; NULL of a process. */
static const char *
owner_of(const struct record *record, size_t place)
{
	for (size_t p = 0; p < place; p++)
		if (record->places[p].process == record->places[place].process)
			return record->places[p].name;
	return NULL;
}

static void
draw_place(struct svg *svg, const struct layout *layout, size_t place, int top)
{
	const struct column *column = &layout->columns[place];
	const char *owner = owner_of(layout->record, place);
	int room = (column->right - column->left) / LABEL_TYPE.advance;
	const char *whole = layout->record->places[place].name;
	char *name = label_fit(whole, SIZE_MAX);

	svg_begin_group(svg, "place", INK, "none", "0");
	svg_set(svg, "data-place", "%zu", place);
	svg_title(svg, name);
	free(name);
	name = label_fit(whole, (size_t)room);
	svg_rect(svg, "head", column->line - 10, top + 4, column->right + 4,
		top + HEADS_HEIGHT - 4);
	svg_begin_texts(svg, PAPER, true);
	svg_text(svg, "name", LABEL_TYPE, column->line, top + (owner ? 20 : 27),
		name);
	free(name);
	if (owner) {
		char *thread = label_format("thread of %s", owner);

		room = (column->right - column->line) / NOTE_TYPE.advance;
		name = label_fit(thread, (size_t)room);
		svg_text(svg, "owner", NOTE_TYPE, column->line, top + 35, name);
		free(name);
		free(thread);
	}
	svg_end(svg);
	svg_end(svg);
}

static void
draw_heads(struct svg *svg, const struct layout *layout)
{
	for (size_t i = 0; i < layout->row_count; i++) {
		int top = layout->rows[i].heads;

		for (size_t p = 0; top && p < layout->record->place_count; p++)
			draw_place(svg, layout, p, top);
	}
}

void
backdrop_draw(struct svg *svg, const struct layout *layout)
{
	draw_stripes(svg, layout);
	draw_lines(svg, layout);
	draw_pauses(svg, layout);
	draw_heads(svg, layout);
}
