#include "table.h"

#include "caption.h"
#include "error.h"
#include "panic.h"
#include "record.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_WITHOUT_TERMINAL 100
#define WIDTH_LIMIT 100000

/* What a column has at least, and how far apart two are at most. */
#define LEAST_COLUMN 5
#define MOST_GAP 16

/* What the last one has if it can, and however narrow the terminal. */
#define LAST_COLUMN 45
#define LAST_COLUMN_AT_LEAST 12

/* In microseconds, what is shown as a pause. */
#define PAUSE 100000

/* Between which entries a place is there. */
struct life {
	size_t first;
	size_t last;
};

/* Where everything is, in columns of the terminal. */
struct grid {
	const struct record *record;
	FILE *file;
	size_t width;
	/* How wide the number of an entry is, and its time. */
	int number_width;
	int time_width;
	/* Of each place: where its column begins, and how long it lives. */
	size_t *columns;
	struct life *lives;
};

/* What is asked for, or what there is. */
static size_t
terminal_width(FILE *file)
{
	const char *columns = getenv("COLUMNS");
	long asked = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize size;

	if (asked > 0 && asked < WIDTH_LIMIT)
		return (size_t)asked;
	if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_WITHOUT_TERMINAL;
}

static double
milliseconds(const struct entry *entry)
{
	return (double)entry->time / 1000;
}

/* How wide the widest word of a place's name is. */
static size_t
name_width(const struct place *place)
{
	char *name = caption_clean(place->name), *rest;
	char *word = strtok_r(name, " ", &rest);
	size_t widest = LEAST_COLUMN;

	for (; word; word = strtok_r(NULL, " ", &rest))
		if (caption_width(word) > widest)
			widest = caption_width(word);
	free(name);
	return widest;
}

/* Puts columns side by side, from the start, with so much between them. */
static void
place_columns(struct grid *grid, size_t start, size_t gap)
{
	for (size_t p = 0; p < grid->record->place_count; p++) {
		grid->columns[p] = start;
		start += name_width(&grid->record->places[p]) + gap;
	}
}

/* Spreads them as far as there is room; makes room where they need it. */
static void
spread_columns(struct grid *grid, size_t start)
{
	size_t last = grid->record->place_count - 1;
	size_t end, gap;

	place_columns(grid, start, 1);
	end = grid->columns[last] + LAST_COLUMN;
	if (last > 0 && end < grid->width) {
		gap = 1 + (grid->width - end) / last;
		place_columns(grid, start, gap < MOST_GAP ? gap : MOST_GAP);
	}
	end = grid->columns[last] + LAST_COLUMN_AT_LEAST;
	if (grid->width < end)
		grid->width = end;
}

/* A place is there from its first entry until its end is told. */
static struct life *
lives_of(const struct record *record)
{
	struct life *lives =
		must_have(calloc(record->place_count, sizeof(*lives)));

	for (size_t p = 0; p < record->place_count; p++)
		lives[p].last = record->entry_count;
	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		size_t ended = record_ended_place(record, entry);

		if (entry->clock[entry->place] == 1)
			lives[entry->place].first = i;
		if (ended != NO_ENTRY)
			lives[ended].last = i;
	}
	return lives;
}

static struct grid
grid_of(const struct record *record, FILE *file)
{
	const struct entry *last = &record->entries[record->entry_count - 1];
	struct grid grid = {.record = record,
		.file = file,
		.width = terminal_width(file),
		.columns = must_have(
			calloc(record->place_count, sizeof(*grid.columns))),
		.lives = lives_of(record)};

	grid.number_width = snprintf(NULL, 0, "%zu", record->entry_count);
	grid.time_width = snprintf(NULL, 0, "%.1f", milliseconds(last));
	/* A number, "cause" and a time, each with a blank, and one more. */
	spread_columns(&grid, (size_t)grid.number_width + 1 + 5 + 1 +
				      (size_t)grid.time_width + 2);
	return grid;
}

/* Writes spaces from a position to a column. */
static void
pad(const struct grid *grid, size_t position, size_t column)
{
	fprintf(grid->file, "%*s", (int)(column - position), "");
}

/* Writes a text, as far as there is room; gives its width. */
static size_t
write_text(const struct grid *grid, const char *text, size_t room)
{
	bool fits = caption_width(text) <= room;
	size_t length = caption_fit(text, fits ? room : room - strlen("..."));

	fprintf(grid->file, "%.*s%s", (int)length, text, fits ? "" : "...");
	return caption_width(text);
}

/* Whether a place is there before an entry, and still when that is over. */
static bool
is_there(const struct grid *grid, size_t place, size_t index)
{
	const struct life *life = &grid->lives[place];

	return life->first < index && life->last > index;
}

/*
 * Writes what an entry says, beginning in the column of its place and going on
 * over those to its right; and a line for each other place that is there.
 */
static void
write_columns(const struct grid *grid, size_t index)
{
	const struct entry *entry = &grid->record->entries[index];
	char *caption = caption_new(entry);
	/* One column before is always blank. */
	size_t position = grid->columns[0] - 1;

	for (size_t p = 0; p < grid->record->place_count; p++) {
		size_t column = grid->columns[p];

		if (p == entry->place) {
			pad(grid, position, column);
			position = column + write_text(grid, caption,
						    grid->width - column);
		} else if (column > position && is_there(grid, p, index)) {
			pad(grid, position, column);
			fputc('|', grid->file);
			position = column + 1;
		}
	}
	free(caption);
}

/* Writes a row between two entries if there is much time between them. */
static void
write_pause(const struct grid *grid, size_t index)
{
	const struct entry *entry = &grid->record->entries[index];
	size_t position = grid->columns[0] - 2;

	if (index == 0 || entry->time - entry[-1].time < PAUSE)
		return;
	fprintf(grid->file, "%*s", (int)position, "...");
	for (size_t p = 0; p < grid->record->place_count; p++)
		if (is_there(grid, p, index) ||
			(p == entry->place && grid->lives[p].first < index)) {
			pad(grid, position, grid->columns[p]);
			fputc('|', grid->file);
			position = grid->columns[p] + 1;
		}
	fputc('\n', grid->file);
}

static void
write_row(const struct grid *grid, size_t index)
{
	const struct entry *entry = &grid->record->entries[index];

	fprintf(grid->file, "%*zu ", grid->number_width, index + 1);
	if (entry->cause == NO_ENTRY)
		fputs("     ", grid->file);
	else
		fprintf(grid->file, "%5zu", entry->cause + 1);
	fprintf(grid->file, " %*.1f ", grid->time_width, milliseconds(entry));
	write_columns(grid, index);
	fputc('\n', grid->file);
}

/* Writes the n-th word of each name; tells whether any has more. */
static bool
write_words(const struct grid *grid, size_t position, size_t n)
{
	bool any_more = false;

	for (size_t p = 0; p < grid->record->place_count; p++) {
		char *name = caption_clean(grid->record->places[p].name), *rest;
		char *word = strtok_r(name, " ", &rest);

		for (size_t i = 0; word && i < n; i++)
			word = strtok_r(NULL, " ", &rest);
		if (word) {
			pad(grid, position, grid->columns[p]);
			fputs(word, grid->file);
			position = grid->columns[p] + caption_width(word);
			any_more |= strtok_r(NULL, " ", &rest) != NULL;
		}
		free(name);
	}
	fputc('\n', grid->file);
	return any_more;
}

static void
write_head(const struct grid *grid)
{
	fprintf(grid->file, "%*s cause %*s ", grid->number_width, "#",
		grid->time_width, "ms");
	for (size_t n = 0;
		write_words(grid, n == 0 ? grid->columns[0] - 1 : 0, n);)
		n++;
	fputc('\n', grid->file);
}

struct error *
table_write(const struct record *record, FILE *file)
{
	struct grid grid = grid_of(record, file);

	write_head(&grid);
	for (size_t i = 0; i < record->entry_count; i++) {
		write_pause(&grid, i);
		write_row(&grid, i);
	}
	if (record->lost > 0)
		fprintf(file, "\nThere was no room for %lld more entries.\n",
			record->lost);
	free(grid.columns);
	free(grid.lives);
	return NULL;
}
