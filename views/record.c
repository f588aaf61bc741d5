#include "record.h"

#include "fields.h"
#include "panic.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In microseconds, some 30 years: two times can be added up. */
#define TIME_LIMIT 1000000000000000
#define NUMBER_LIMIT 1000000000

const char *const record_categories[CATEGORY_COUNT] = {
	"process", "task", "message", "error", "condition", "output"};

#define CATEGORIES "process, task, message, error, condition or output"

/* An entry as it stands in the file. */
struct slice {
	const json_t *args;
	/* Its number there, and its cause's: 0 if it has none. */
	long long index;
	long long cause;
	/* Which entry of the record it is. */
	size_t position;
	/* Its place is one of the reading, until places have their order. */
	struct entry entry;
};

/* A place as it is found. */
struct found {
	struct place place;
	/* The N of "worker N"; 0 for all others. */
	int worker;
	/* When its latest entry so far was. */
	long long time;
	/* Which place of the record it is. */
	size_t position;
};

/* A file that is being read. */
struct reading {
	struct record *record;
	struct spot spot;
	/* In the order of the file, which is that of their indexes. */
	struct slice *slices;
	size_t slice_count;
	struct found *places;
	size_t place_count;
	/* The place of each name. */
	json_t *names;
};

static struct error *
read_head(struct reading *reading, const json_t *root)
{
	struct record *record = reading->record;
	struct spot *spot = &reading->spot;
	const char *format;
	const json_t *head;

	strcpy(spot->where, "the whole file");
	if (!json_is_object(root))
		return RAISE(ValueError,
			"%s: not a record of a run: it should be an object",
			spot->path);
	TRY(fields_object(spot, root, "otherData", &head));
	strcpy(spot->where, "otherData");
	TRY(fields_text(spot, head, "format", &format));
	if (strcmp(format, "forklore trace 1") != 0)
		return fields_wrong(spot, head, "format", "forklore trace 1");
	TRY(fields_text(spot, head, "program", &record->program));
	TRY(fields_text(spot, head, "command", &record->command));
	TRY(fields_text(spot, head, "ledger", &record->ledger));
	return TRACED(fields_number(
		spot, head, "lost", 0, NUMBER_LIMIT, &record->lost));
}

static struct error *
read_category(const struct spot *spot, const json_t *event, struct entry *entry)
{
	TRY(fields_text(spot, event, "cat", &entry->category));
	for (size_t i = 0; i < CATEGORY_COUNT; i++)
		if (strcmp(entry->category, record_categories[i]) == 0)
			return NULL;
	return fields_wrong(spot, event, "cat", CATEGORIES);
}

/* What an entry says, of which all may be missing. */
static struct error *
read_texts(const struct spot *spot, const json_t *args, struct entry *entry)
{
	TRY(fields_text_if_any(spot, args, "file", &entry->file));
	if (entry->file)
		TRY(fields_number(
			spot, args, "line", 1, NUMBER_LIMIT, &entry->line));
	TRY(fields_text_if_any(spot, args, "text", &entry->text));
	TRY(fields_text_if_any(spot, args, "value", &entry->value));
	TRY(fields_text_if_any(spot, args, "error", &entry->error));
	return TRACED(
		fields_text_if_any(spot, args, "observer", &entry->observer));
}

static struct error *
read_slice(struct reading *reading, const json_t *event, struct slice *slice)
{
	struct entry *entry = &slice->entry;
	const struct spot *spot = &reading->spot;

	TRY(fields_text(spot, event, "name", &entry->name));
	TRY(fields_text(spot, slice->args, "kind", &entry->kind));
	if (!isgraph((unsigned char)*entry->kind))
		return fields_wrong(spot, slice->args, "kind", "a word");
	TRY(read_category(spot, event, entry));
	TRY(fields_number(spot, event, "ts", 0, TIME_LIMIT, &entry->time));
	TRY(fields_number(spot, event, "dur", 0, TIME_LIMIT, &entry->duration));
	if (json_object_get(slice->args, "cause"))
		TRY(fields_number(spot, slice->args, "cause", 1, NUMBER_LIMIT,
			&slice->cause));
	return TRACED(read_texts(spot, slice->args, entry));
}

/* The number in the name of a worker, 0 in all others. */
static int
worker_number(const char *name)
{
	int number;

	return sscanf(name, "worker %9d", &number) == 1 && number > 0 ? number
								      : 0;
}

/* The place of this name, which is made if there is none yet. */
static size_t
find_place(struct reading *reading, const char *name, long long process)
{
	const json_t *number = json_object_get(reading->names, name);
	size_t place = reading->place_count;

	if (number)
		return (size_t)json_integer_value(number);
	reading->places = must_have(reallocarray(
		reading->places, place + 1, sizeof(*reading->places)));
	reading->places[place] = (struct found){
		.place = {.name = name, .process = process},
		.worker = worker_number(name),
		.time = -1,
	};
	reading->place_count++;
	if (json_object_set_new(
		    reading->names, name, json_integer((json_int_t)place)) != 0)
		panic("out of memory");
	return place;
}

/* Adds an entry to its place, in which time goes on with each. */
static struct error *
read_place(struct reading *reading, const json_t *event, struct slice *slice)
{
	const struct spot *spot = &reading->spot;
	struct entry *entry = &slice->entry;
	struct found *found;
	long long process;
	const char *name;

	TRY(fields_text(spot, slice->args, "place", &name));
	if (!isgraph((unsigned char)*name))
		return fields_wrong(spot, slice->args, "place", "a name");
	TRY(fields_number(spot, event, "pid", 1, NUMBER_LIMIT, &process));
	entry->place = find_place(reading, name, process);
	found = &reading->places[entry->place];
	/* A place is in one process. */
	TRY(fields_number(spot, event, "pid", found->place.process,
		found->place.process, &process));
	TRY(fields_number(
		spot, event, "ts", found->time + 1, TIME_LIMIT, &found->time));
	found->place.entries++;
	return NULL;
}

/* What errors say from now on. */
static void
name_entry(struct reading *reading, const struct slice *slice)
{
	snprintf(reading->spot.where, sizeof(reading->spot.where), "entry %lld",
		slice->index);
}

static struct error *
add_slice(struct reading *reading, const json_t *event)
{
	struct slice *slice = &reading->slices[reading->slice_count];
	const struct spot *spot = &reading->spot;
	long long least = reading->slice_count > 0 ? slice[-1].index + 1 : 1;

	*slice = (struct slice){.cause = 0};
	TRY(fields_object(spot, event, "args", &slice->args));
	TRY(fields_number(spot, slice->args, "index", least, NUMBER_LIMIT,
		&slice->index));
	name_entry(reading, slice);
	TRY(read_slice(reading, event, slice));
	TRY(read_place(reading, event, slice));
	reading->slice_count++;
	return NULL;
}

static struct error *
read_events(struct reading *reading, const json_t *root)
{
	const json_t *events, *event;
	struct spot *spot = &reading->spot;
	const char *phase;
	size_t i;

	strcpy(spot->where, "the whole file");
	TRY(fields_array(spot, root, "traceEvents", &events));
	reading->slices = must_have(
		calloc(json_array_size(events) + 1, sizeof(*reading->slices)));
	json_array_foreach(events, i, event)
	{
		snprintf(spot->where, sizeof(spot->where), "event %zu", i + 1);
		TRY(fields_text(spot, event, "ph", &phase));
		if (strcmp(phase, "X") == 0)
			TRY(add_slice(reading, event));
	}
	strcpy(spot->where, "the whole file");
	if (reading->slice_count == 0)
		return fields_wrong(
			spot, root, "traceEvents", "the entries of a run");
	return NULL;
}

static int
compare(long long one, long long other)
{
	return (one > other) - (one < other);
}

static int
compare_places(const void *one, const void *other)
{
	const struct found *const *a = one, *const *b = other;
	int order = compare((*a)->worker, (*b)->worker);

	if (order == 0)
		order = compare((*a)->place.process, (*b)->place.process);
	/* They stand in one array, in the order in which they were found. */
	return order ? order : (*a > *b) - (*a < *b);
}

static void
order_places(struct reading *reading)
{
	struct record *record = reading->record;
	size_t count = reading->place_count;
	struct found **order = must_have(calloc(count, sizeof(struct found *)));

	for (size_t i = 0; i < count; i++)
		order[i] = &reading->places[i];
	qsort(order, count, sizeof(*order), compare_places);
	record->places = must_have(calloc(count, sizeof(*record->places)));
	record->place_count = count;
	for (size_t i = 0; i < count; i++) {
		order[i]->position = i;
		record->places[i] = order[i]->place;
	}
	free(order);
}

static int
compare_times(const void *one, const void *other)
{
	const struct slice *const *a = one, *const *b = other;
	int order = compare((*a)->entry.time, (*b)->entry.time);

	return order ? order : compare((*a)->index, (*b)->index);
}

/*
 * Indexes are not quite in the order of time: a process takes an index, and may
 * have to wait before it looks at the clock.
 */
static void
order_slices(struct reading *reading)
{
	size_t count = reading->slice_count;
	struct slice **order = must_have(calloc(count, sizeof(struct slice *)));

	for (size_t i = 0; i < count; i++)
		order[i] = &reading->slices[i];
	qsort(order, count, sizeof(*order), compare_times);
	for (size_t i = 0; i < count; i++)
		order[i]->position = i;
	free(order);
}

static int
compare_indexes(const void *one, const void *other)
{
	const struct slice *a = one, *b = other;

	return compare(a->index, b->index);
}

/* Finds what caused an entry, which has to be before it in time as well. */
static struct error *
find_cause(struct reading *reading, struct slice *slice)
{
	const struct slice sought = {.index = slice->cause};
	const struct slice *cause;

	slice->entry.cause = NO_ENTRY;
	if (slice->cause == 0)
		return NULL;
	cause = bsearch(&sought, reading->slices, reading->slice_count,
		sizeof(*reading->slices), compare_indexes);
	if (!cause || cause >= slice || cause->entry.time >= slice->entry.time)
		return fields_wrong(&reading->spot, slice->args, "cause",
			"the index of an entry before this one");
	slice->entry.cause = cause->position;
	return NULL;
}

/* Makes the record's entries of the slices. */
static struct error *
order_entries(struct reading *reading)
{
	struct record *record = reading->record;

	order_slices(reading);
	record->entry_count = reading->slice_count;
	record->entries = must_have(
		calloc(record->entry_count, sizeof(*record->entries)));
	for (size_t i = 0; i < reading->slice_count; i++) {
		struct slice *slice = &reading->slices[i];

		name_entry(reading, slice);
		TRY(find_cause(reading, slice));
		slice->entry.place =
			reading->places[slice->entry.place].position;
		record->entries[slice->position] = slice->entry;
	}
	return NULL;
}

/* Makes a clock know of all that another one knows; NULL knows nothing. */
static void
learn(size_t *clock, const size_t *other, size_t width)
{
	for (size_t p = 0; other && p < width; p++)
		if (clock[p] < other[p])
			clock[p] = other[p];
}

/* Fails unless an entry's clock in the file is this one. */
static struct error *
compare_clock(const struct spot *spot, const struct record *record,
	const json_t *args, const size_t *clock)
{
	char expected[128];
	const json_t *object, *value;
	size_t known = 0;

	TRY(fields_object(spot, args, "clock", &object));
	for (size_t p = 0; p < record->place_count; p++) {
		value = json_object_get(object, record->places[p].name);
		known += value != NULL;
		if (value ? json_is_integer(value) &&
					json_integer_value(value) ==
						(json_int_t)clock[p]
			  : clock[p] == 0)
			continue;
		snprintf(expected, sizeof(expected), "one with %zu for '%.60s'",
			clock[p], record->places[p].name);
		return fields_wrong(spot, args, "clock", expected);
	}
	if (json_object_size(object) > known)
		return fields_wrong(
			spot, args, "clock", "one of places with entries");
	return NULL;
}

/*
 * An entry knows of all that its place did before, and of all that its cause
 * knew of: so the clocks are made anew, and those in the file compared.
 */
static struct error *
make_clocks(struct reading *reading)
{
	struct record *record = reading->record;
	size_t width = record->place_count;
	const size_t **latest = must_have(calloc(width, sizeof(*latest)));
	struct error *error = NULL;

	record->clocks = must_have(
		calloc(record->entry_count, width * sizeof(*record->clocks)));
	for (size_t i = 0; !error && i < reading->slice_count; i++) {
		struct slice *slice = &reading->slices[i];
		struct entry *entry = &record->entries[slice->position];
		size_t *clock = record->clocks + slice->position * width;

		entry->clock = clock;
		learn(clock, latest[entry->place], width);
		if (entry->cause != NO_ENTRY)
			learn(clock, record->entries[entry->cause].clock,
				width);
		clock[entry->place]++;
		latest[entry->place] = clock;
		name_entry(reading, slice);
		error = TRACED(compare_clock(
			&reading->spot, record, slice->args, clock));
	}
	free(latest);
	return error;
}

static struct error *
read_record(struct reading *reading, const json_t *root)
{
	TRY(read_head(reading, root));
	TRY(read_events(reading, root));
	order_places(reading);
	TRY(order_entries(reading));
	return TRACED(make_clocks(reading));
}

struct error *
record_read(const char *path, struct record **read)
{
	SCOPED(record) record = must_have(calloc(1, sizeof(*record)));
	struct reading reading = {.record = record, .spot.path = path};
	struct error *error;
	json_t *root;

	TRY(fields_load(path, &root));
	record->source = root;
	reading.names = must_have(json_object());
	error = TRACED(read_record(&reading, root));
	free(reading.slices);
	free(reading.places);
	json_decref(reading.names);
	if (error)
		return error;
	*read = record;
	record = NULL;
	return NULL;
}

void
record_free(struct record *record)
{
	if (!record)
		return;
	free(record->places);
	free(record->entries);
	free(record->clocks);
	json_decref(record->source);
	free(record);
}

size_t
record_ended_place(const struct record *record, const struct entry *entry)
{
	static const char words[] = "end of ";

	if (strcmp(entry->kind, "exit") != 0)
		return NO_ENTRY;
	if (strncmp(entry->name, words, strlen(words)) != 0)
		return entry->place;
	for (size_t p = 0; p < record->place_count; p++)
		if (strcmp(record->places[p].name,
			    entry->name + strlen(words)) == 0)
			return p;
	return NO_ENTRY;
}
