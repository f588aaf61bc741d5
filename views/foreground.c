#include "foreground.h"

#include "label.h"
#include "layout.h"
#include "look.h"
#include "panic.h"
#include "record.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How round the corners of arrows are. */
#define ROUNDING 5

/* The number and the time of a row: how many characters each has at most. */
#define NUMBER_ROOM 4
#define TIME_ROOM 11

/* From its cause to the edge, which it then follows to its lane. */
static char *
begin_way(const struct layout *layout, const struct arrow *arrow, int x)
{
	int turn = arrow->lane > x ? ROUNDING : -ROUNDING;

	if (arrow->from != arrow->cause)
		return label_format("M%d %d", x, arrow->edge);
	return label_format("M%d %dV%dq0 %d %d %d", x,
		layout->rows[arrow->cause].middle, arrow->edge - ROUNDING,
		ROUNDING, turn, ROUNDING);
}

static void
draw_arrow(
	struct svg *svg, const struct layout *layout, const struct arrow *arrow)
{
	const struct look *look = look_of(arrow->category);
	size_t cause = layout->record->entries[arrow->cause].place;
	int start = layout->columns[cause].line;
	int turn = arrow->lane > start ? ROUNDING : -ROUNDING;
	int end = layout->columns[arrow->place].line - LOOK_MARK;
	int middle = layout->rows[arrow->effect].middle;
	char *way = begin_way(layout, arrow, start);

	look_begin_arrow(svg, look);
	svg_set(svg, "data-cause", "%zu", arrow->cause);
	svg_set(svg, "data-effect", "%zu", arrow->effect);
	svg_path(svg, "%sH%dq%d 0 %d %dV%dq0 %d %d %dH%d", way,
		arrow->lane - turn, turn, turn, ROUNDING, middle - ROUNDING,
		ROUNDING, ROUNDING, ROUNDING, end - LOOK_POINT + 1);
	look_draw_point(svg, look, end, middle);
	svg_end(svg);
	free(way);
}

static bool
is_error(const struct entry *entry)
{
	return strcmp(entry->category, "error") == 0;
}

static void
draw_box(struct svg *svg, const struct layout *layout, size_t index)
{
	const struct entry *entry = &layout->record->entries[index];
	const struct row *row = &layout->rows[index];
	const struct column *column = &layout->columns[entry->place];
	int width = (int)label_length(row->label) * LABEL_TYPE.advance;
	const char *fill = "#fffbe0", *stroke = INK;

	if (look_is_unseen(entry))
		fill = INK;
	else if (is_error(entry))
		fill = stroke = ALARM;
	svg_begin_group(svg, "box", fill, stroke, "1");
	svg_rect(svg, "box", column->left - 4, row->middle - 10,
		column->left + width + 4, row->middle + 10);
	svg_end(svg);
}

/* "12.345": milliseconds. */
static char *
milliseconds(long long microseconds)
{
	return label_format(
		"%lld.%03lld", microseconds / 1000, microseconds % 1000);
}

/* Its number, and when it was, both flush right. */
static void
write_time(struct svg *svg, const struct layout *layout, size_t index)
{
	long long microseconds = layout->record->entries[index].time;
	char *number = label_format("%zu", index + 1);
	char *exact = milliseconds(microseconds);
	char *time = label_fit(exact, TIME_ROOM);
	int y = layout->rows[index].middle + 4;
	int number_room = NUMBER_ROOM - (int)label_length(number);
	int time_room = NUMBER_ROOM + 1 + TIME_ROOM - (int)label_length(time);

	svg_text(svg, "number", NOTE_TYPE,
		EDGE + number_room * NOTE_TYPE.advance, y, number);
	svg_text(svg, "time", NOTE_TYPE, EDGE + time_room * NOTE_TYPE.advance,
		y, time);
	free(number);
	free(exact);
	free(time);
}

static const char *
base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static void
write_source(struct svg *svg, const struct layout *layout, size_t index)
{
	const struct entry *entry = &layout->record->entries[index];
	const struct column *column = &layout->columns[entry->place];
	int room = (column->right - column->left) / NOTE_TYPE.advance;
	char *source, *label;

	if (!entry->file)
		return;
	source = label_format("%s:%lld", base_name(entry->file), entry->line);
	label = label_fit(source, (size_t)room);
	svg_text(svg, "source", NOTE_TYPE, column->left,
		layout->rows[index].middle + 22, label);
	free(label);
	free(source);
}

static void
tell(FILE *details, const char *what, const char *text)
{
	char *label;

	if (!text)
		return;
	label = label_fit(text, SIZE_MAX);
	fprintf(details, "\n%s%s", what, label);
	free(label);
}

/* All that is known of an entry. The caller frees it. */
static char *
details_of(const struct record *record, size_t index)
{
	const struct entry *entry = &record->entries[index];
	char *details = NULL, *name = label_fit(entry->name, SIZE_MAX);
	size_t length;
	FILE *file = must_have(open_memstream(&details, &length));

	fprintf(file, "%zu: %s", index + 1, name);
	tell(file, "in ", record->places[entry->place].name);
	fprintf(file, "\nafter %lld.%03lld ms", entry->time / 1000,
		entry->time % 1000);
	if (entry->duration > 1)
		fprintf(file, ", for %lld.%03lld ms", entry->duration / 1000,
			entry->duration % 1000);
	tell(file, "", entry->file);
	if (entry->file)
		fprintf(file, ":%lld", entry->line);
	if (entry->cause != NO_ENTRY) {
		fprintf(file, "\ncaused by %zu", entry->cause + 1);
		tell(file, "  ", record->entries[entry->cause].name);
	}
	tell(file, "text: ", entry->text);
	tell(file, "value: ", entry->value);
	tell(file, "error: ", entry->error);
	tell(file, "seen by: ", entry->observer);
	fclose(file);
	free(name);
	return must_have(details);
}

static void
draw_entry(struct svg *svg, const struct layout *layout, size_t index)
{
	const struct entry *entry = &layout->record->entries[index];
	const struct row *row = &layout->rows[index];
	const struct column *column = &layout->columns[entry->place];
	char *details = details_of(layout->record, index);

	svg_begin(svg, "g");
	svg_set(svg, "class", "entry");
	svg_set(svg, "data-entry", "%zu", index);
	svg_title(svg, details);
	look_draw_mark(
		svg, look_of(entry->category), column->line, row->middle);
	if (row->is_boxed)
		draw_box(svg, layout, index);
	svg_begin_texts(svg, is_error(entry) ? PAPER : INK, row->is_boxed);
	svg_text(svg, "label", LABEL_TYPE, column->left, row->middle + 5,
		row->label);
	svg_end(svg);
	svg_begin_texts(svg, FAINT_INK, false);
	write_time(svg, layout, index);
	write_source(svg, layout, index);
	svg_end(svg);
	svg_end(svg);
	free(details);
}

void
foreground_draw(struct svg *svg, const struct layout *layout)
{
	for (size_t i = 0; i < layout->arrow_count; i++)
		draw_arrow(svg, layout, &layout->arrows[i]);
	for (size_t i = 0; i < layout->row_count; i++)
		draw_entry(svg, layout, i);
}
