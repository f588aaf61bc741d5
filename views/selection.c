#include "selection.h"

#include "panic.h"
#include "record.h"

#include <stdlib.h>
#include <string.h>

/*
 * What becomes of a record. Each place has a stretch of the arrays, with one
 * element more than it has entries.
 */
struct thinning {
	const struct record *old;
	unsigned selection;
	/* Where the stretch of each place begins. */
	size_t *starts;
	/* How many of a place's first n entries are left, and where the n-th
	 * that is left is now. */
	size_t *left;
	size_t *positions;
	/* Which place each place is now. */
	size_t *places;
	struct record new;
};

/* The bit of a category, whose name has so many bytes; 0 if there is none. */
static unsigned
bit_of(const char *name, size_t length)
{
	for (unsigned i = 0; i < CATEGORY_COUNT; i++)
		if (strncmp(record_categories[i], name, length) == 0 &&
			!record_categories[i][length])
			return 1u << i;
	return 0;
}

bool
selection_parse(const char *words, unsigned *selection)
{
	*selection = 0;
	for (;;) {
		size_t length = strcspn(words, ",");
		unsigned bit = bit_of(words, length);

		if (bit == 0)
			return false;
		*selection |= bit;
		if (!words[length])
			return true;
		words += length + 1;
	}
}

static size_t *
new_numbers(size_t count)
{
	return must_have(calloc(count, sizeof(size_t)));
}

static void
thinning_init(struct thinning *thinning, const struct record *old)
{
	size_t all = old->entry_count + old->place_count, start = 0;

	thinning->old = old;
	thinning->starts = new_numbers(old->place_count);
	thinning->left = new_numbers(all);
	thinning->positions = new_numbers(all);
	thinning->places = new_numbers(old->place_count);
	for (size_t p = 0; p < old->place_count; p++) {
		thinning->starts[p] = start;
		start += old->places[p].entries + 1;
	}
}

static void
thinning_fini(struct thinning *thinning)
{
	free(thinning->starts);
	free(thinning->left);
	free(thinning->positions);
	free(thinning->places);
}

static bool
is_left(const struct thinning *thinning, const struct entry *entry)
{
	return bit_of(entry->category, strlen(entry->category)) &
	       thinning->selection;
}

/* Counts what is left, of each place and in all. */
static void
count_entries(struct thinning *thinning)
{
	const struct record *old = thinning->old;

	for (size_t i = 0; i < old->entry_count; i++) {
		const struct entry *entry = &old->entries[i];
		size_t *left = thinning->left + thinning->starts[entry->place] +
			       entry->clock[entry->place];

		left[0] = left[-1];
		if (is_left(thinning, entry)) {
			left[0]++;
			thinning->positions[thinning->starts[entry->place] +
					    left[0]] =
				thinning->new.entry_count++;
		}
	}
}

/* Of the first n entries of a place. */
static size_t
left_of(const struct thinning *thinning, size_t place, size_t n)
{
	return thinning->left[thinning->starts[place] + n];
}

/* Where an entry is now that is left. */
static size_t
position_of(const struct thinning *thinning, const struct entry *entry)
{
	size_t left =
		left_of(thinning, entry->place, entry->clock[entry->place]);

	return thinning->positions[thinning->starts[entry->place] + left];
}

static void
thin_places(struct thinning *thinning)
{
	const struct record *old = thinning->old;
	struct record *new = &thinning->new;

	new->places = must_have(calloc(old->place_count, sizeof(*new->places)));
	for (size_t p = 0; p < old->place_count; p++) {
		struct place place = old->places[p];

		place.entries = left_of(thinning, p, place.entries);
		thinning->places[p] = new->place_count;
		if (place.entries > 0)
			new->places[new->place_count++] = place;
	}
}

/*
 * The latest entry in another place that this one knows of, and that its place
 * did not know of before.
 */
static size_t
news_of(const struct thinning *thinning, const struct entry *entry,
	const size_t *before)
{
	size_t latest = NO_ENTRY;

	for (size_t p = 0; p < thinning->old->place_count; p++) {
		size_t now = thinning->places[p];
		size_t known = left_of(thinning, p, entry->clock[p]);
		size_t position =
			thinning->positions[thinning->starts[p] + known];

		if (p == entry->place || known == 0 ||
			(before && known <= before[now]))
			continue;
		if (latest == NO_ENTRY || position > latest)
			latest = position;
	}
	return latest;
}

/* Adds an entry that is left; its clock is still that of the old record. */
static void
add_entry(struct thinning *thinning, struct entry entry, const size_t **before)
{
	struct record *new = &thinning->new;
	size_t *clock = new->clocks + new->entry_count *new->place_count;

	if (entry.cause != NO_ENTRY &&
		is_left(thinning, &thinning->old->entries[entry.cause]))
		entry.cause = position_of(
			thinning, &thinning->old->entries[entry.cause]);
	else
		entry.cause = news_of(thinning, &entry, *before);
	for (size_t p = 0; p < thinning->old->place_count; p++)
		if (left_of(thinning, p, thinning->old->places[p].entries) > 0)
			clock[thinning->places[p]] =
				left_of(thinning, p, entry.clock[p]);
	entry.place = thinning->places[entry.place];
	entry.clock = clock;
	*before = clock;
	new->entries[new->entry_count++] = entry;
}

static void
thin_entries(struct thinning *thinning)
{
	const struct record *old = thinning->old;
	struct record *new = &thinning->new;
	const size_t **before =
		must_have(calloc(old->place_count, sizeof(*before)));

	new->entries =
		must_have(calloc(new->entry_count, sizeof(struct entry)));
	new->clocks = must_have(calloc(
		new->entry_count, new->place_count * sizeof(*new->clocks)));
	new->entry_count = 0;
	for (size_t i = 0; i < old->entry_count; i++)
		if (is_left(thinning, &old->entries[i]))
			add_entry(thinning, old->entries[i],
				&before[old->entries[i].place]);
	free(before);
}

bool
selection_apply(struct record *record, unsigned selection)
{
	struct thinning thinning = {.selection = selection, .new = *record};

	thinning.new.entry_count = thinning.new.place_count = 0;
	thinning_init(&thinning, record);
	count_entries(&thinning);
	if (thinning.new.entry_count > 0) {
		thin_places(&thinning);
		thin_entries(&thinning);
		free(record->places);
		free(record->entries);
		free(record->clocks);
		*record = thinning.new;
	}
	thinning_fini(&thinning);
	return thinning.new.entry_count > 0;
}
