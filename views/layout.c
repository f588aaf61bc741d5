#include "layout.h"

#include "label.h"
#include "panic.h"

#include <stdlib.h>
#include <string.h>

/* The head of the picture: its title, its legend. */
#define HEAD_HEIGHT 160
#define MARGIN 24
#define LEAST_WIDTH 1080

/* The number and the time of each row. */
#define TIMES_WIDTH 124

/* Rows: without, and with a line of source below the label. */
#define ROW_HEIGHT 26
#define TALL_ROW_HEIGHT 40
#define HEADS_APART 900

/* Lanes: from each other, from the lifeline, from the labels before them. */
#define LANE_APART 8
#define LANE_TO_LINE 24
#define LABEL_TO_LANE 16
#define LINE_TO_LABEL 16

/* How many characters a column has room for. */
#define LEAST_ROOM 12
#define MOST_ROOM 24

/* For how many characters in a box the picture is made wider. */
#define MOST_BOXED 96

/* A pause: 10 ms, in microseconds. */
#define PAUSE 10000

bool
layout_is_pause(const struct record *record, size_t entry)
{
	return entry > 0 &&
	       record->entries[entry].time - record->entries[entry - 1].time >=
		       PAUSE;
}

/* What an entry says, all of it. The caller frees it. */
static char *
text_of(const struct entry *entry)
{
	char *text;

	if (!entry->error || strcmp(entry->kind, "error_born") != 0)
		return must_have(strdup(entry->name));
	if (asprintf(&text, "%s: %s", entry->name, entry->error) < 0)
		panic("out of memory");
	return text;
}

static bool
is_boxed(const struct entry *entry)
{
	return strcmp(entry->category, "error") == 0 ||
	       strcmp(entry->category, "output") == 0;
}

/* Goes backwards, so that each entry knows those that follow in its place. */
static void
chain_rows(struct layout *layout, const struct record *record)
{
	size_t *following =
		must_have(malloc((record->place_count + 1) * sizeof(size_t)));

	for (size_t p = 0; p < record->place_count; p++)
		following[p] = NO_ENTRY;
	for (size_t i = record->entry_count; i-- > 0;) {
		const struct entry *entry = &record->entries[i];
		struct row *row = &layout->rows[i];
		size_t at = following[entry->place];

		row->next = at;
		row->end = i;
		following[entry->place] = i;
		while (entry->duration > 1 && at != NO_ENTRY &&
			record->entries[row->end].time - entry->time <
				entry->duration) {
			row->end = at;
			at = layout->rows[at].next;
		}
	}
	free(following);
}

/* With only some entries left, the cause of an end may be somewhere else. */
static bool
is_end_of_cause(const struct record *record, const struct entry *entry)
{
	size_t ended = record_ended_place(record, entry);

	return ended != entry->place &&
	       ended == record->entries[entry->cause].place;
}

/* A column ends where that is told, or with its own last entry. */
static void
bound_columns(struct layout *layout, const struct record *record)
{
	for (size_t p = 0; p < record->place_count; p++)
		layout->columns[p].first = NO_ENTRY;
	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		struct column *column = &layout->columns[entry->place];
		size_t ended = record_ended_place(record, entry);

		if (column->first == NO_ENTRY)
			column->first = i;
		column->last = i;
		if (ended != NO_ENTRY)
			layout->columns[ended].last = i;
	}
}

static void
place_rows(struct layout *layout, const struct record *record)
{
	int y = HEAD_HEIGHT, heads = y - HEADS_APART;

	for (size_t i = 0; i < record->entry_count; i++) {
		struct row *row = &layout->rows[i];

		if (y - heads >= HEADS_APART) {
			row->heads = heads = y;
			y += HEADS_HEIGHT;
		}
		if (layout_is_pause(record, i)) {
			row->pause = y;
			y += PAUSE_HEIGHT;
		}
		row->top = y;
		row->edge = y + 2;
		row->middle = y + ROW_HEIGHT / 2;
		y += record->entries[i].file ? TALL_ROW_HEIGHT : ROW_HEIGHT;
		row->bottom = y;
	}
	layout->height = y + MARGIN;
}

/*
 * Within a column only what is not next: that one thing follows the other is
 * plain to see.
 */
static bool
has_arrow(const struct layout *layout, const struct record *record, size_t i)
{
	size_t cause = record->entries[i].cause;

	return cause != NO_ENTRY && layout->rows[cause].next != i;
}

static int
compare_sizes(size_t one, size_t other)
{
	return (one > other) - (one < other);
}

/* Those that are to share a lane stand together: see shares_lane(). */
static int
compare_arrows(const void *one, const void *other)
{
	const struct arrow *a = one, *b = other;
	int order = compare_sizes(a->from, b->from);

	if (order == 0)
		order = compare_sizes(a->place, b->place);
	if (order == 0)
		order = strcmp(a->category, b->category);
	return order ? order : compare_sizes(a->effect, b->effect);
}

static struct arrow
arrow_to(const struct layout *layout, const struct record *record, size_t i)
{
	const struct entry *effect = &record->entries[i];
	struct arrow arrow = {.cause = effect->cause,
		.effect = i,
		.place = effect->place,
		.category = effect->category,
		.from = effect->cause,
		.edge = layout->rows[effect->cause].bottom};

	if (is_end_of_cause(record, effect)) {
		arrow.from = i;
		arrow.edge = layout->rows[i].edge;
	}
	return arrow;
}

static void
find_arrows(struct layout *layout, const struct record *record)
{
	layout->arrows = must_have(
		calloc(record->entry_count + 1, sizeof(*layout->arrows)));
	for (size_t i = 0; i < record->entry_count; i++)
		if (has_arrow(layout, record, i))
			layout->arrows[layout->arrow_count++] =
				arrow_to(layout, record, i);
	qsort(layout->arrows, layout->arrow_count, sizeof(*layout->arrows),
		compare_arrows);
}

/* The lanes of a column: for each, the lowest row to which it is taken. */
struct lanes {
	size_t *taken;
	size_t count;
};

/* Takes the first lane that is free from a row on. */
static size_t
take_lane(struct lanes *lanes, size_t from, size_t to)
{
	size_t lane = 0;

	while (lane < lanes->count && lanes->taken[lane] >= from)
		lane++;
	if (lane == lanes->count) {
		lanes->count++;
		lanes->taken = must_have(realloc(
			lanes->taken, lanes->count * sizeof(*lanes->taken)));
	}
	lanes->taken[lane] = to;
	return lane;
}

/* Of the arrows from a row, those to a column share a lane if they look alike.
 */
static bool
shares_lane(const struct arrow *one, const struct arrow *other)
{
	return one->from == other->from && one->place == other->place &&
	       strcmp(one->category, other->category) == 0;
}

static void
give_lanes(struct layout *layout, const struct record *record)
{
	struct lanes *lanes =
		must_have(calloc(record->place_count + 1, sizeof(*lanes)));
	size_t next;

	for (size_t i = 0; i < layout->arrow_count; i = next) {
		struct arrow *arrow = &layout->arrows[i];
		size_t lane;

		for (next = i + 1; next < layout->arrow_count &&
				   shares_lane(arrow, &layout->arrows[next]);
			next++)
			;
		lane = take_lane(&lanes[arrow->place], arrow->from,
			layout->arrows[next - 1].effect);
		for (size_t same = i; same < next; same++)
			layout->arrows[same].lane = (int)lane;
	}
	for (size_t p = 0; p < record->place_count; p++) {
		layout->columns[p].lane_count = lanes[p].count;
		free(lanes[p].taken);
	}
	free(lanes);
}

/* How many characters a column needs for what stays inside of it. */
static size_t
room_of(const struct record *record, size_t place)
{
	size_t room = label_length(record->places[place].name);

	room = room > LEAST_ROOM ? room : LEAST_ROOM;
	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		size_t length;

		if (entry->place != place || is_boxed(entry))
			continue;
		length = label_length(entry->name);
		room = length > room ? length : room;
	}
	return room < MOST_ROOM ? room : MOST_ROOM;
}

static void
place_columns(struct layout *layout, const struct record *record)
{
	int x = MARGIN + TIMES_WIDTH;

	for (size_t p = 0; p < record->place_count; p++) {
		struct column *column = &layout->columns[p];

		x += LABEL_TO_LANE +
		     LANE_APART * ((int)column->lane_count - 1) + LANE_TO_LINE;
		column->line = x;
		column->left = x + LINE_TO_LABEL;
		column->right = column->left +
				(int)room_of(record, p) * LABEL_TYPE.advance;
		x = column->right;
	}
	for (size_t i = 0; i < layout->arrow_count; i++) {
		struct arrow *arrow = &layout->arrows[i];

		arrow->lane = layout->columns[arrow->place].line -
			      LANE_TO_LINE - LANE_APART * arrow->lane;
	}
	layout->width = x + MARGIN > LEAST_WIDTH ? x + MARGIN : LEAST_WIDTH;
}

/* Room for the boxes of the last columns, if they are of usual length. */
static void
widen(struct layout *layout, const struct record *record)
{
	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		const struct column *column = &layout->columns[entry->place];
		size_t length;
		char *text;
		int right;

		if (!is_boxed(entry))
			continue;
		text = text_of(entry);
		length = label_length(text);
		free(text);
		length = length < MOST_BOXED ? length : MOST_BOXED;
		right = column->left + (int)length * LABEL_TYPE.advance +
			MARGIN;
		layout->width = right > layout->width ? right : layout->width;
	}
}

/* What stands in a box may cover what is behind it. */
static void
fit_labels(struct layout *layout, const struct record *record)
{
	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		const struct column *column = &layout->columns[entry->place];
		struct row *row = &layout->rows[i];
		char *text = text_of(entry);
		int right = column->right;

		row->is_boxed = is_boxed(entry);
		if (row->is_boxed)
			right = layout->width - MARGIN;
		row->label = label_fit(text,
			(size_t)((right - column->left) / LABEL_TYPE.advance));
		free(text);
	}
}

struct layout *
layout_new(const struct record *record)
{
	struct layout *layout = must_have(calloc(1, sizeof(*layout)));

	layout->record = record;
	layout->row_count = record->entry_count;
	layout->rows =
		must_have(calloc(record->entry_count + 1, sizeof(struct row)));
	layout->columns = must_have(
		calloc(record->place_count + 1, sizeof(struct column)));
	chain_rows(layout, record);
	bound_columns(layout, record);
	place_rows(layout, record);
	find_arrows(layout, record);
	give_lanes(layout, record);
	place_columns(layout, record);
	widen(layout, record);
	fit_labels(layout, record);
	return layout;
}

void
layout_free(struct layout *layout)
{
	if (!layout)
		return;
	for (size_t i = 0; i < layout->row_count; i++)
		free(layout->rows[i].label);
	free(layout->rows);
	free(layout->columns);
	free(layout->arrows);
	free(layout);
}
