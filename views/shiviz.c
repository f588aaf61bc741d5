#include "shiviz.h"

#include "caption.h"
#include "error.h"
#include "panic.h"
#include "record.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* A host's name ends at a space: "worker-2". */
static char *
host_name(const struct place *place)
{
	char *name = caption_clean(place->name);

	for (char *c = name; *c; c++)
		if (isspace((unsigned char)*c))
			*c = '-';
	return name;
}

static void
write_clock(const struct record *record, const struct entry *entry,
	char *const *hosts, FILE *file)
{
	json_t *clock = must_have(json_object());

	for (size_t p = 0; p < record->place_count; p++)
		if (entry->clock[p] > 0 &&
			json_object_set_new(clock, hosts[p],
				json_integer((json_int_t)entry->clock[p])) != 0)
			panic("out of memory");
	json_dumpf(clock, file, JSON_COMPACT);
	json_decref(clock);
}

static void
write_entry(const struct record *record, const struct entry *entry,
	char *const *hosts, FILE *file)
{
	char *caption = caption_new(entry);

	fprintf(file, "%s ", hosts[entry->place]);
	write_clock(record, entry, hosts, file);
	fprintf(file, "\n%s\n", caption);
	free(caption);
}

/* Whether no two names are the same; fills the object with them. */
static struct error *
names_must_differ(
	const struct record *record, char *const *hosts, json_t *names)
{
	for (size_t p = 0; p < record->place_count; p++) {
		if (json_object_get(names, hosts[p]))
			return RAISE(ValueError,
				"two places would both be '%s' in ShiViz",
				hosts[p]);
		json_object_set_new(names, hosts[p], json_true());
	}
	return NULL;
}

/*
 * What ShiViz takes from the first two lines of a file: how to read the rest,
 * and what divides several runs in it, of which there is one.
 */
static const char head[] = "(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n";

struct error *
shiviz_write(const struct record *record, FILE *file)
{
	char **hosts = must_have(calloc(record->place_count, sizeof(*hosts)));
	json_t *names = must_have(json_object());
	struct error *error;

	for (size_t p = 0; p < record->place_count; p++)
		hosts[p] = host_name(&record->places[p]);
	error = TRACED(names_must_differ(record, hosts, names));
	if (!error)
		fputs(head, file);
	for (size_t i = 0; !error && i < record->entry_count; i++)
		write_entry(record, &record->entries[i], hosts, file);
	for (size_t p = 0; p < record->place_count; p++)
		free(hosts[p]);
	free(hosts);
	json_decref(names);
	return error;
}
