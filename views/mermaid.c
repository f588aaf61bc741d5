#include "mermaid.h"

#include "caption.h"
#include "error.h"
#include "panic.h"
#include "record.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* GitHub draws no text of more bytes. */
#define SIZE_LIMIT 50000

/* About how long a line of a label may be. */
#define LINE_LIMIT 32

/* What a place is called in the diagram's text: one word, and unique. */
struct id {
	char text[32];
};

/* Whether a place may be called by its name. */
static bool
is_plain(const char *name)
{
	static const char *const plain[] = {
		"main", "handler", "zygote", "manager"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strcmp(name, plain[i]) == 0)
			return true;
	return false;
}

/* "main", "worker2"; any other, such as "worker 2 (2nd)", by its number. */
static struct id
id_of(const struct record *record, size_t place)
{
	const char *name = record->places[place].name;
	char whole[32];
	struct id id;
	int worker;

	if (is_plain(name)) {
		snprintf(id.text, sizeof(id.text), "%s", name);
		return id;
	}
	snprintf(id.text, sizeof(id.text), "place%zu", place + 1);
	if (sscanf(name, "worker %9d", &worker) != 1 || worker < 0)
		return id;
	snprintf(whole, sizeof(whole), "worker %d", worker);
	if (strcmp(whole, name) == 0)
		snprintf(id.text, sizeof(id.text), "worker%d", worker);
	return id;
}

/* Whether a byte means nothing to Mermaid, or is part of a longer character. */
static bool
is_harmless(char byte)
{
	return isalnum((unsigned char)byte) || (byte & 0x80) ||
	       strchr(" .,'\"()!?/=_", byte);
}

/* Writes one word, in which what means something to Mermaid is its number. */
static void
write_word(const char *word, size_t length, FILE *file)
{
	for (size_t i = 0; i < length; i++)
		if (is_harmless(word[i]))
			fputc(word[i], file);
		else
			fprintf(file, "#%d;", word[i]);
}

/* Writes a clean text, as several lines if it is long. */
static void
write_label(const char *text, FILE *file)
{
	size_t column = 0;

	while (*text) {
		size_t blank = strspn(text, " ");
		size_t length = strcspn(text + blank, " ");

		if (column > 0 && column + blank + length > LINE_LIMIT) {
			fputs("<br/>", file);
			column = 0;
		} else if (column > 0) {
			fputc(' ', file);
		}
		write_word(text + blank, length, file);
		column += length + 1;
		text += blank + length;
	}
}

/*
 * Writes an entry, and what it is called, on a line of its own. An arrow begins
 * where its cause is, though it is drawn at the height of its effect.
 */
static void
write_entry(const struct record *record, const struct entry *entry, FILE *file)
{
	const struct entry *cause = entry->cause == NO_ENTRY
					    ? entry
					    : &record->entries[entry->cause];
	char *caption = caption_new(entry);

	if (cause->place == entry->place)
		fprintf(file,
			"    Note over %s: ", id_of(record, entry->place).text);
	else
		fprintf(file, "    %s->>%s: ", id_of(record, cause->place).text,
			id_of(record, entry->place).text);
	write_label(caption, file);
	fputc('\n', file);
	free(caption);
}

static void
write_diagram(const struct record *record, FILE *file)
{
	fputs("sequenceDiagram\n", file);
	for (size_t p = 0; p < record->place_count; p++) {
		char *name = caption_clean(record->places[p].name);

		fprintf(file, "    participant %s as ", id_of(record, p).text);
		write_label(name, file);
		fputc('\n', file);
		free(name);
	}
	for (size_t i = 0; i < record->entry_count; i++)
		write_entry(record, &record->entries[i], file);
	if (record->lost > 0)
		fprintf(file,
			"    Note over %s: There was no room for %lld more "
			"entries.\n",
			id_of(record, 0).text, record->lost);
}

struct error *
mermaid_write(const struct record *record, FILE *file)
{
	struct error *error = NULL;
	char *text;
	size_t size;
	FILE *memory = must_have(open_memstream(&text, &size));

	write_diagram(record, memory);
	if (fclose(memory) != 0)
		panic("out of memory");
	if (size > SIZE_LIMIT)
		error = RAISE(ValueError,
			"the diagram would have %zu bytes, and Mermaid takes "
			"%d: choose fewer entries with --only",
			size, SIZE_LIMIT);
	else
		fwrite(text, 1, size, file);
	free(text);
	return error;
}
