/*
 * test_timeline.c - build/timeline, over the records of fresh runs of all
 * scenarios: nothing is missing in what it writes, and what others read of that
 * keeps to their rules.
 *
 * Runs in the root of the repository; BUILD in the environment is the folder of
 * the built programs, "build" if unset.
 */
#include "caption.h"
#include "capture.h"
#include "must.h"
#include "picture.h"
#include "record.h"
#include "selection.h"
#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT 60.0
#define WORDS_LIMIT 12
#define SCENARIO_COUNT 5

static const char *const scenarios[SCENARIO_COUNT] = {"silent_failure",
	"error_callback", "get_reraise", "manager_proxy", "fork_global"};

/* A folder of our own, in it a record of each, and what was read of those. */
static char folder[64];
static char *traces[SCENARIO_COUNT];
static struct record *records[SCENARIO_COUNT];

/* Runs a program of the build with these words, NULL at their end. */
static struct outcome
run(const char *program, char *const *words)
{
	char *argv[WORDS_LIMIT + 2] = {
		text_format("%s/%s", build_folder(), program)};
	struct outcome outcome;
	char *complaint;

	for (int i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	complaint = outcome_capture(&outcome, argv, LIMIT);
	if (complaint || outcome.trouble)
		fail_msg("%s: %s", program,
			complaint ? complaint : outcome.trouble);
	free(argv[0]);
	return outcome;
}

static const char *
said(const struct outcome *outcome, int stream)
{
	return outcome->streams[stream].length ? outcome->streams[stream].bytes
					       : "";
}

/* Runs the scenario whose name stands there. */
static void
make_record(void *name)
{
	const char *const *scenario = name;
	char *program = text_format("scenarios/%s", *scenario);
	struct outcome outcome = run(program,
		(char *[]){"--trace", traces[scenario - scenarios], NULL});

	outcome_fini(&outcome);
	free(program);
}

/* The scenarios run side by side, as they sleep most of the time. */
static int
make_records(void **state)
{
	pid_t runs[SCENARIO_COUNT];

	(void)state;
	strcpy(folder, "/tmp/forklore-timeline-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		traces[i] = text_format("%s/%s.json", folder, scenarios[i]);
		runs[i] = child_start(make_record, (void *)&scenarios[i]);
	}
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		assert_int_equal(child_wait(runs[i]), 0);
		MUST(record_read(traces[i], &records[i]));
	}
	return 0;
}

static int
remove_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		record_free(records[i]);
		unlink(traces[i]);
		free(traces[i]);
	}
	return rmdir(folder);
}

/* What it writes of a record; options end with NULL. It must say no more. */
static struct outcome
shown(size_t scenario, char *const *options)
{
	char *words[WORDS_LIMIT] = {traces[scenario]};
	struct outcome outcome;

	for (int i = 0; options[i]; i++)
		words[i + 1] = options[i];
	outcome = run("timeline", words);
	assert_string_equal(said(&outcome, 1), "");
	assert_int_equal(outcome.status, 0);
	return outcome;
}

/* Takes the next line off a text, without its end. */
static struct text
next_line(const char **text)
{
	struct text line = {0};
	size_t length = strcspn(*text, "\n");

	text_printf(&line, "%.*s", (int)length, *text);
	*text += length + ((*text)[length] == '\n');
	return line;
}

/* What is left of a record with --only; NULL if that is nothing. */
static struct record *
only(size_t scenario, const char *categories)
{
	struct record *record;
	unsigned selection;

	MUST(record_read(traces[scenario], &record));
	assert_true(selection_parse(categories, &selection));
	if (selection_apply(record, selection))
		return record;
	record_free(record);
	return NULL;
}

/* The table. */

/* Where the column of each place begins: at its name in the first line. */
static size_t *
columns_of(const struct record *record, const char *head)
{
	size_t *columns = calloc(record->place_count, sizeof(*columns));
	size_t at = (size_t)(strstr(head, " ms  ") - head) + 5;

	assert_non_null(columns);
	for (size_t p = 0; p < record->place_count; p++) {
		const char *name = record->places[p].name;
		size_t length = strcspn(name, " ");

		while (head[at] == ' ')
			at++;
		assert_memory_equal(head + at, name, length);
		columns[p] = at;
		at += length;
	}
	return columns;
}

/* All is there, or it is cut off where the table ends. */
static void
said_must_be(const char *row, size_t column, const char *caption, size_t width)
{
	size_t length = strlen(row + column);

	if (strncmp(row + column, caption, strlen(caption)) == 0)
		return;
	assert_int_equal(caption_width(row), width);
	assert_true(length > 10);
	assert_memory_equal(row + column, caption, length - 3);
	assert_string_equal(row + column + length - 3, "...");
}

static void
row_must_be(const struct record *record, size_t index, const char *row,
	size_t column, size_t width)
{
	const struct entry *entry = &record->entries[index];
	char *caption = caption_new(entry);
	char *start =
		entry->cause == NO_ENTRY
			? text_format("%zu       %.1f ", index + 1,
				  (double)entry->time / 1000)
			: text_format("%zu %zu %.1f ", index + 1,
				  entry->cause + 1, (double)entry->time / 1000);
	const char *words = start, *at = row;

	/* Whatever spaces there are between the numbers. */
	for (; *words; words += strspn(words, " ")) {
		size_t length = strcspn(words, " ");

		at += strspn(at, " ");
		assert_memory_equal(at, words, length);
		at += length;
		words += length;
	}
	assert_true((size_t)(at - row) <= column);
	assert_true(strspn(at, " |") >= column - (size_t)(at - row));
	said_must_be(row, column, caption, width);
	free(start);
	free(caption);
}

static void
table_must_be(const struct record *record, const char *table, size_t width)
{
	struct text line = next_line(&table);
	size_t *columns = columns_of(record, line.bytes);

	while (line.length > 0) {
		text_fini(&line);
		line = next_line(&table);
	}
	for (size_t i = 0; i < record->entry_count; i++) {
		text_fini(&line);
		line = next_line(&table);
		/* A pause. */
		if (line.bytes[strspn(line.bytes, " ")] == '.') {
			text_fini(&line);
			line = next_line(&table);
		}
		assert_in_range(caption_width(line.bytes), 1, width);
		row_must_be(record, i, line.bytes,
			columns[record->entries[i].place], width);
	}
	text_fini(&line);
	assert_string_equal(table, "");
	free(columns);
}

static void
table_has_a_row_for_each_entry(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct outcome outcome = shown(i, (char *[]){NULL});

		table_must_be(records[i], said(&outcome, 0), 100);
		outcome_fini(&outcome);
	}
}

static void
table_is_as_wide_as_is_asked(void **state)
{
	static const size_t widths[] = {80, 132, 250};

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		char *width = text_format("--width=%zu", widths[i]);
		struct outcome outcome =
			shown(3, (char *[]){width, "--table", NULL});

		table_must_be(records[3], said(&outcome, 0), widths[i]);
		outcome_fini(&outcome);
		free(width);
	}
}

/* As many columns as the other end of this says that it has. */
static int
open_terminal(unsigned short columns, FILE **terminal)
{
	int end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	const struct winsize size = {.ws_row = 10, .ws_col = columns};

	assert_true(end >= 0);
	assert_int_equal(grantpt(end), 0);
	assert_int_equal(unlockpt(end), 0);
	*terminal = fopen(ptsname(end), "we");
	assert_non_null(*terminal);
	assert_int_equal(ioctl(end, TIOCSWINSZ, &size), 0);
	return end;
}

/* Reads a line, and gives its length without its end. */
static size_t
read_line(int end, char *line, size_t size)
{
	size_t length = 0;

	do {
		assert_true(length < size);
		assert_int_equal(read(end, line + length, 1), 1);
	} while (line[length++] != '\n');
	return strcspn(line, "\r\n");
}

static void
table_is_as_wide_as_the_terminal(void **state)
{
	char row[128];
	SCOPED(record) part = only(0, "error");
	FILE *terminal;
	int end = open_terminal(57, &terminal);
	size_t length = 0;

	(void)state;
	assert_non_null(part);
	MUST(table_write(part, terminal));
	assert_int_equal(fflush(terminal), 0);
	/* The names, nothing, and the first entry. */
	for (int line = 0; line < 3; line++)
		length = read_line(end, row, sizeof(row));
	assert_int_equal(length, 57);
	fclose(terminal);
	close(end);
}

/* Mermaid. */

/* The words that the diagram has for a place, up to a space or a colon. */
struct participants {
	char *ids[64];
	size_t count;
};

static bool
is_declared(
	const struct participants *participants, const char *id, size_t length)
{
	for (size_t i = 0; i < participants->count; i++)
		if (strlen(participants->ids[i]) == length &&
			memcmp(participants->ids[i], id, length) == 0)
			return true;
	return false;
}

/* A label in the diagram as the caption that it was, but for spaces. */
static char *
plain_label(const char *label)
{
	struct text plain = {0};
	int number, length;

	for (; *label; label += length) {
		length = 0;
		if (sscanf(label, "#%d;%n", &number, &length) == 1 && length) {
			text_printf(&plain, "%c", number);
		} else if (strncmp(label, "<br/>", 5) == 0) {
			text_printf(&plain, " ");
			length = 5;
		} else {
			assert_null(strchr(";#<>:%", *label));
			text_printf(&plain, "%c", *label);
			length = 1;
		}
	}
	return plain.bytes;
}

static void
label_must_be(const char *label, const struct entry *entry)
{
	char *caption = caption_new(entry), *plain = plain_label(label);

	assert_non_null(plain);
	assert_string_equal(plain, caption);
	free(plain);
	free(caption);
}

static void
line_must_be(const struct record *record, const struct entry *entry,
	const char *line, const struct participants *participants)
{
	static const char note[] = "    Note over ";
	size_t from = entry->cause == NO_ENTRY
			      ? entry->place
			      : record->entries[entry->cause].place;
	const char *label = strstr(line, ": ");
	const char *id = participants->ids[entry->place];
	char *start = from == entry->place
			      ? text_format("%s%s", note, id)
			      : text_format("    %s->>%s",
					participants->ids[from], id);

	assert_non_null(label);
	assert_int_equal(label - line, strlen(start));
	assert_memory_equal(line, start, strlen(start));
	label_must_be(label + 2, entry);
	free(start);
}

static void
diagram_must_be(const struct record *record, const char *diagram)
{
	static const char declares[] = "    participant ";
	struct participants participants = {.count = 0};
	struct text line = next_line(&diagram);

	assert_string_equal(line.bytes, "sequenceDiagram");
	for (size_t p = 0; p < record->place_count; p++) {
		const char *id, *end;

		text_fini(&line);
		line = next_line(&diagram);
		id = line.bytes + strlen(declares);
		end = strstr(id, " as ");
		assert_memory_equal(line.bytes, declares, strlen(declares));
		assert_non_null(end);
		assert_string_equal(end + 4, record->places[p].name);
		assert_null(memchr(id, ' ', (size_t)(end - id)));
		assert_false(
			is_declared(&participants, id, (size_t)(end - id)));
		participants.ids[p] = text_format("%.*s", (int)(end - id), id);
		participants.count++;
	}
	for (size_t i = 0; i < record->entry_count; i++) {
		text_fini(&line);
		line = next_line(&diagram);
		line_must_be(
			record, &record->entries[i], line.bytes, &participants);
	}
	assert_string_equal(diagram, "");
	text_fini(&line);
	for (size_t p = 0; p < participants.count; p++)
		free(participants.ids[p]);
}

static void
diagram_has_a_line_for_each_entry(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct outcome outcome =
			shown(i, (char *[]){"--mermaid", NULL});

		diagram_must_be(records[i], said(&outcome, 0));
		outcome_fini(&outcome);
	}
}

/* ShiViz. */

/* Of a file, it takes the first line as how to read it, and the second as what
 * divides several runs. */
static const char log_head[] =
	"(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n";

/* What its parser would have learned up to a line. */
struct hosts {
	json_t *events; /* how many each has had */
	json_t *named;  /* the greatest number that any clock gives it */
};

static void
raise_to(json_t *numbers, const char *key, json_int_t number)
{
	if (json_integer_value(json_object_get(numbers, key)) < number)
		json_object_set_new(numbers, key, json_integer(number));
}

/* "(?<host>\S*) (?<clock>{.*})": the host's own clock goes on by one. */
static void
clock_must_be_ruly(struct hosts *hosts, const char *line)
{
	size_t length = strcspn(line, " ");
	char *host = text_format("%.*s", (int)length, line);
	json_t *clock = json_loads(line + length, 0, NULL), *value;
	json_int_t own =
		json_integer_value(json_object_get(hosts->events, host));
	const char *key;

	assert_true(length > 0);
	assert_int_equal(line[length + 1], '{');
	assert_true(json_is_object(clock));
	assert_int_equal(
		json_integer_value(json_object_get(clock, host)), own + 1);
	json_object_set_new(hosts->events, host, json_integer(own + 1));
	json_object_foreach(clock, key, value)
	{
		assert_true(json_integer_value(value) > 0);
		/* Nobody knows of what has not happened. */
		assert_true(json_integer_value(value) <=
			    json_integer_value(
				    json_object_get(hosts->events, key)));
		raise_to(hosts->named, key, json_integer_value(value));
	}
	json_decref(clock);
	free(host);
}

static void
log_must_be(const struct record *record, const char *log)
{
	struct hosts hosts = {json_object(), json_object()};
	const char *host;
	json_t *value;

	assert_memory_equal(log, log_head, strlen(log_head));
	log += strlen(log_head);
	for (size_t i = 0; i < record->entry_count; i++) {
		struct text first = next_line(&log), second = next_line(&log);
		char *caption = caption_new(&record->entries[i]);

		clock_must_be_ruly(&hosts, first.bytes);
		assert_string_equal(second.bytes, caption);
		free(caption);
		text_fini(&first);
		text_fini(&second);
	}
	assert_string_equal(log, "");
	assert_int_equal(json_object_size(hosts.events), record->place_count);
	json_object_foreach(hosts.named, host, value)
		assert_non_null(json_object_get(hosts.events, host));
	json_decref(hosts.events);
	json_decref(hosts.named);
}

static void
log_keeps_to_the_rules_of_shiviz(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		struct outcome outcome = shown(i, (char *[]){"--shiviz", NULL});

		log_must_be(records[i], said(&outcome, 0));
		outcome_fini(&outcome);
	}
}

/* What is shown of a record with --only. */

/* Whether one entry could know of another, or is it. */
static bool
knows(const struct entry *one, const struct entry *other)
{
	return one->clock[other->place] >= other->clock[other->place];
}

/* Which entry of the whole record each of a selection was. */
static const struct entry **
wholes_of(const struct record *whole, const struct record *part)
{
	const struct entry **wholes =
		calloc(part->entry_count, sizeof(*wholes));

	assert_non_null(wholes);
	for (size_t i = 0, w = 0; i < part->entry_count; i++, w++) {
		const struct entry *entry = &part->entries[i];

		while (w < whole->entry_count &&
			(whole->entries[w].time != entry->time ||
				strcmp(whole->places[whole->entries[w].place]
						.name,
					part->places[entry->place].name) != 0))
			w++;
		assert_true(w < whole->entry_count);
		wholes[i] = &whole->entries[w];
	}
	return wholes;
}

/* A part's entries know of each other what they knew in the whole. */
static void
knowledge_must_be_kept(
	const struct record *part, const struct entry *const *wholes)
{
	for (size_t i = 0; i < part->entry_count; i++)
		for (size_t j = 0; j < part->entry_count; j++)
			assert_int_equal(
				knows(&part->entries[i], &part->entries[j]),
				knows(wholes[i], wholes[j]));
}

/* The entry of the same place before this one; NULL if there is none. */
static const struct entry *
before(const struct record *record, size_t index)
{
	for (size_t i = index; i-- > 0;)
		if (record->entries[i].place == record->entries[index].place)
			return &record->entries[i];
	return NULL;
}

/* Whether an entry knows of another one that its place did not know of. */
static bool
is_news(const struct record *record, size_t index, size_t other)
{
	const struct entry *last = before(record, index);

	return record->entries[other].place != record->entries[index].place &&
	       knows(&record->entries[index], &record->entries[other]) &&
	       !(last && knows(last, &record->entries[other]));
}

/* An own cause is kept; any other is the latest that is news. */
static void
causes_must_be_near(const struct record *whole, const struct record *part,
	const struct entry *const *wholes)
{
	for (size_t i = 0; i < part->entry_count; i++) {
		size_t cause = part->entries[i].cause, was = wholes[i]->cause;
		size_t latest = NO_ENTRY;

		for (size_t j = 0; j < i; j++)
			if (is_news(part, i, j))
				latest = j;
		for (size_t j = 0; was != NO_ENTRY && j < i; j++)
			if (wholes[j] == &whole->entries[was])
				latest = j;
		assert_int_equal(cause, latest);
	}
}

static void
selection_keeps_what_was_known(void **state)
{
	static const char *const selections[] = {"task,error,output", "task",
		"message,output", "condition,output", "process"};

	(void)state;
	for (size_t n = 0; n < 5 * SCENARIO_COUNT; n++) {
		size_t i = n / 5;
		SCOPED(record) part = only(i, selections[n % 5]);
		const struct entry **wholes;

		assert_non_null(part);
		wholes = wholes_of(records[i], part);
		knowledge_must_be_kept(part, wholes);
		causes_must_be_near(records[i], part, wholes);
		free(wholes);
	}
}

/* test_picture looks at what is in it. */
static void
picture_must_be(const struct record *record, const char *text)
{
	char *picture = NULL;
	size_t length;
	FILE *file = open_memstream(&picture, &length);

	assert_non_null(file);
	MUST(picture_write(record, file));
	fclose(file);
	assert_string_equal(text, picture);
	free(picture);
}

static void
formats_show_the_selection(void **state)
{
	static const char selection[] = "task,error,output";

	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		SCOPED(record) part = only(i, selection);
		char *option = text_format("--only=%s", selection);
		struct outcome outcomes[] = {
			shown(i, (char *[]){option, NULL}),
			shown(i, (char *[]){option, "--mermaid", NULL}),
			shown(i, (char *[]){"--shiviz", option, NULL}),
			shown(i, (char *[]){"--svg", option, NULL}),
		};

		table_must_be(part, said(&outcomes[0], 0), 100);
		diagram_must_be(part, said(&outcomes[1], 0));
		log_must_be(part, said(&outcomes[2], 0));
		picture_must_be(part, said(&outcomes[3], 0));
		for (size_t n = 0; n < 4; n++)
			outcome_fini(&outcomes[n]);
		free(option);
	}
}

/* Fails if a place that is over still has a line below the row of its end. */
static void
ended_columns_must_be_empty(const struct record *record, const char *table)
{
	struct text line = next_line(&table);
	size_t *columns = columns_of(record, line.bytes), ended, below = 0;

	for (size_t i = 0; i < record->entry_count; i++) {
		static const char words[] = "end of ";
		const char *name = record->entries[i].name, *row = table;

		if (strcmp(record->entries[i].kind, "exit") != 0 ||
			strncmp(name, words, strlen(words)) != 0)
			continue;
		for (ended = 0; strcmp(record->places[ended].name,
					name + strlen(words)) != 0;)
			assert_true(++ended < record->place_count);
		/* What is said of it stands in its row alone. */
		row = strstr(row, name);
		assert_non_null(row);
		while ((row = strchr(row, '\n')) && row[1]) {
			row++;
			below++;
			if (strcspn(row, "\n") > columns[ended])
				assert_int_not_equal(row[columns[ended]], '|');
		}
	}
	assert_true(below > 0);
	text_fini(&line);
	free(columns);
}

static void
a_column_ends_where_its_place_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		SCOPED(record) part = only(i, "process");
		struct outcome whole = shown(i, (char *[]){NULL});
		struct outcome few =
			shown(i, (char *[]){"--only=process", NULL});

		ended_columns_must_be_empty(records[i], said(&whole, 0));
		ended_columns_must_be_empty(part, said(&few, 0));
		outcome_fini(&whole);
		outcome_fini(&few);
	}
}

/* What is wrong, and what is said of it. */

/* Fails unless it ends so, and says one line with these words. */
static void
must_fail(char *const *words, int status, const char *complaint)
{
	struct outcome outcome = run("timeline", words);
	const char *line = said(&outcome, 1), *end = strchr(line, '\n');

	assert_true(WIFEXITED(outcome.status));
	assert_int_equal(WEXITSTATUS(outcome.status), status);
	assert_string_equal(said(&outcome, 0), "");
	assert_true(end && !end[1]);
	if (strncmp(line, "timeline: ", 10) != 0 || !strstr(line, complaint))
		fail_msg("%s, not: %s", line, complaint);
	outcome_fini(&outcome);
}

static void
wrong_words_are_refused(void **state)
{
	char *trace = traces[0];

	(void)state;
	must_fail((char *[]){NULL}, 2, "which record? Give the file that");
	must_fail((char *[]){trace, trace, NULL}, 2, "is one word too many");
	must_fail((char *[]){"--only=food", trace, NULL}, 2,
		"--only: 'food' is not a list of process, task, message, "
		"error, condition, output, with commas between them");
	must_fail((char *[]){"--only=task,", trace, NULL}, 2,
		"--only: 'task,' is not");
	must_fail((char *[]){"--only=", trace, NULL}, 2, "--only: '' is not");
	must_fail((char *[]){"--only=tas", trace, NULL}, 2, "'tas' is not");
	must_fail((char *[]){"--output=", trace, NULL}, 2,
		"--output: '' is not the name of a file");
	must_fail((char *[]){"--width=no", trace, NULL}, 2,
		"--width: 'no' is not a whole number from 1 to 10000");
	must_fail((char *[]){"--width=80", "--svg", trace, NULL}, 2,
		"--width and --svg: only the table can be made wider");
	must_fail((char *[]){"--table", "--shiviz", trace, NULL}, 2,
		"--table and --shiviz: only one format");
}

/* An option that there is none of gets argp's own line. */
static void
unknown_option_is_refused(void **state)
{
	struct outcome outcome =
		run("timeline", (char *[]){"--food", traces[0], NULL});

	(void)state;
	assert_int_equal(WEXITSTATUS(outcome.status), 2);
	assert_non_null(
		strstr(said(&outcome, 1), "unrecognized option '--food'"));
	outcome_fini(&outcome);
}

/* How many files are in our folder. */
static size_t
file_count(void)
{
	return entry_count(folder);
}

static char *
file_with(const char *name, const char *bytes)
{
	char *path = text_format("%s/%s", folder, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(bytes, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void
wrong_file_leaves_nothing_behind(void **state)
{
	static const char *const contents[] = {"", "[]", "Hello\n",
		"{\"traceEvents\":[]}", "{\"otherData\":{\"format\":"};
	char *output = text_format("%s/out", folder);
	size_t count = file_count();

	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
		char *path = file_with("wrong", contents[i]);

		must_fail((char *[]){"-o", output, path, NULL}, 1, path);
		unlink(path);
		free(path);
	}
	must_fail((char *[]){"-o", output, "/nowhere", NULL}, 1,
		"/nowhere: cannot be read: No such file or directory");
	must_fail((char *[]){"-o", output, "/tmp", NULL}, 1,
		"/tmp: cannot be read: Is a directory");
	must_fail((char *[]){"-o", output, "--only=error", traces[4], NULL}, 1,
		": has no entries of category error");
	assert_int_equal(file_count(), count);
	free(output);
}

/* A record of more entries than a diagram takes. */
static void
diagram_that_is_too_long_is_refused(void **state)
{
	struct text text = {0};
	char *path, *output = file_with("out", "as it was");
	size_t count = file_count() + 1;

	(void)state;
	text_printf(&text, "{\"otherData\":{\"format\":\"forklore trace 1\","
			   "\"program\":\"p\",\"command\":\"c\",\"lost\":3,"
			   "\"ledger\":\"\"},\"traceEvents\":[");
	for (int i = 1; i <= 2000; i++)
		text_printf(&text,
			"%s{\"ph\":\"X\",\"pid\":1,\"ts\":%d,\"dur\":1,"
			"\"cat\":\"task\",\"name\":\"a task\",\"args\":{"
			"\"index\":%d,\"kind\":\"submit\",\"place\":\"main\","
			"\"clock\":{\"main\":%d}}}",
			i > 1 ? "," : "", i, i, i);
	text_printf(&text, "]}");
	path = file_with("long", text.bytes);
	must_fail((char *[]){"--mermaid", "-o", output, path, NULL}, 1,
		"bytes, and Mermaid takes 50000: choose fewer entries with "
		"--only");
	assert_int_equal(file_count(), count);
	text_fini(&text);
	assert_int_equal(text_read(&text, output), 0);
	assert_string_equal(text.bytes, "as it was");
	text_fini(&text);
	unlink(path);
	unlink(output);
	free(path);
	free(output);
}

static void
lost_entries_are_told(void **state)
{
	char *path = file_with("lost",
		"{\"otherData\":{\"format\":\"forklore trace 1\","
		"\"program\":\"p\",\"command\":\"c\",\"lost\":3,"
		"\"ledger\":\"\"},\"traceEvents\":[{\"ph\":\"X\",\"pid\":1,"
		"\"ts\":0,\"dur\":1,\"cat\":\"task\",\"name\":\"\\u001b[1m\\n"
		"\\u0634\",\"args\":{\"index\":1,\"kind\":\"submit\","
		"\"place\":\"main\",\"clock\":{\"main\":1}}}]}");
	struct outcome outcome = run("timeline", (char *[]){path, NULL});

	(void)state;
	assert_string_equal(said(&outcome, 0),
		"# cause  ms  main\n\n"
		"1       0.0  ?[1m \xd8\xb4\n\n"
		"There was no room for 3 more entries.\n");
	outcome_fini(&outcome);
	outcome = run("timeline", (char *[]){"--mermaid", path, NULL});
	assert_non_null(strstr(said(&outcome, 0),
		"    Note over main: There was no room for 3 more entries.\n"));
	outcome_fini(&outcome);
	unlink(path);
	free(path);
}

/* Where it goes. */

static void
output_replaces_a_file(void **state)
{
	char *path = file_with("out", "as it was");
	struct outcome direct = shown(0, (char *[]){NULL}), outcome;
	struct text text = {0};
	struct stat status;

	(void)state;
	assert_int_equal(chmod(path, 0640), 0);
	outcome = shown(0, (char *[]){"--output", path, NULL});
	assert_string_equal(said(&outcome, 0), "");
	assert_int_equal(text_read(&text, path), 0);
	assert_string_equal(text.bytes, said(&direct, 0));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	text_fini(&text);
	outcome_fini(&outcome);
	outcome_fini(&direct);
	unlink(path);
	free(path);
}

static void
output_follows_a_link(void **state)
{
	char *path = file_with("out", "as it was");
	char *link = text_format("%s/link", folder);
	struct outcome outcome;
	struct stat status;

	(void)state;
	assert_int_equal(symlink(path, link), 0);
	outcome = shown(0, (char *[]){"-o", link, NULL});
	outcome_fini(&outcome);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(lstat(path, &status), 0);
	assert_true(status.st_size > 100);
	unlink(link);
	unlink(path);
	free(link);
	free(path);
}

static void
output_that_cannot_be_written_is_told_of(void **state)
{
	char *const formats[] = {"--table", "--svg", "--mermaid", "--shiviz"};
	size_t count = file_count();

	(void)state;
	must_fail((char *[]){"-o", "/nowhere/x", traces[0], NULL}, 1,
		"/nowhere/x: cannot be written: No such file or directory");
	must_fail((char *[]){"-o", folder, traces[0], NULL}, 1,
		": cannot be written: Is a directory");
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		must_fail((char *[]){formats[i], "-o", "/dev/full", traces[0],
				  NULL},
			1,
			"/dev/full: cannot be written: No space left on "
			"device");
	assert_int_equal(file_count(), count);
}

/* Standard output is a full device, or closed. */
static void
write_to_nowhere(void *context)
{
	char *program = text_format("%s/timeline", build_folder());
	const bool *is_closed = context;

	assert_true(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0);
	close(STDOUT_FILENO);
	if (!*is_closed)
		assert_int_equal(open("/dev/full", O_WRONLY), STDOUT_FILENO);
	execl(program, program, traces[0], (char *)NULL);
}

static void
lost_standard_output_is_told_of(void **state)
{
	bool is_closed[] = {false, true};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(child_wait(child_start(
					 write_to_nowhere, &is_closed[i])),
			1 << 8);
}

/* It is to write to a file that has no name any more. */
static void
write_to_nameless(void *context)
{
	char *program = text_format("%s/timeline", build_folder());

	(void)context;
	assert_true(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0);
	assert_true(dup2(open(folder, O_TMPFILE | O_RDWR, 0600),
			    STDOUT_FILENO) >= 0);
	execl(program, program, "-o", "/dev/stdout", traces[0], (char *)NULL);
}

static void
output_without_a_name_is_told_of(void **state)
{
	size_t count = file_count();

	(void)state;
	assert_int_equal(
		child_wait(child_start(write_to_nameless, NULL)), 1 << 8);
	assert_int_equal(file_count(), count);
}

/* Files may have one byte, as if the disk were full. */
static void
write_to_full_disk(void *context)
{
	char *program = text_format("%s/timeline", build_folder());

	assert_true(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){1, 1});
	execl(program, program, "-o", context, traces[0], (char *)NULL);
}

static void
full_disk_leaves_the_file_as_it_was(void **state)
{
	struct text text = {0};
	size_t count;
	char *path;

	(void)state;
	skip_where_processes_are_counted();
	path = file_with("out", "as it was");
	count = file_count();
	assert_int_equal(
		child_wait(child_start(write_to_full_disk, path)), 1 << 8);
	assert_int_equal(file_count(), count);
	assert_int_equal(text_read(&text, path), 0);
	assert_string_equal(text.bytes, "as it was");
	text_fini(&text);
	unlink(path);
	free(path);
}

/* It would not be one afterwards if a file took its place. */
static void
pipe_is_written_to_as_it_is(void **state)
{
	char *path = text_format("%s/pipe", folder), byte;
	struct outcome outcome;
	struct stat status;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	/* Both ends, so that what is written stays there. */
	reader = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	outcome = shown(0, (char *[]){"-o", path, NULL});
	outcome_fini(&outcome);
	assert_int_equal(read(reader, &byte, 1), 1);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
	close(reader);
	unlink(path);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_has_a_row_for_each_entry),
		cmocka_unit_test(table_is_as_wide_as_is_asked),
		cmocka_unit_test(table_is_as_wide_as_the_terminal),
		cmocka_unit_test(diagram_has_a_line_for_each_entry),
		cmocka_unit_test(log_keeps_to_the_rules_of_shiviz),
		cmocka_unit_test(selection_keeps_what_was_known),
		cmocka_unit_test(formats_show_the_selection),
		cmocka_unit_test(a_column_ends_where_its_place_does),
		cmocka_unit_test(wrong_words_are_refused),
		cmocka_unit_test(unknown_option_is_refused),
		cmocka_unit_test(wrong_file_leaves_nothing_behind),
		cmocka_unit_test(diagram_that_is_too_long_is_refused),
		cmocka_unit_test(lost_entries_are_told),
		cmocka_unit_test(output_replaces_a_file),
		cmocka_unit_test(output_follows_a_link),
		cmocka_unit_test(output_that_cannot_be_written_is_told_of),
		cmocka_unit_test(lost_standard_output_is_told_of),
		cmocka_unit_test(output_without_a_name_is_told_of),
		cmocka_unit_test(full_disk_leaves_the_file_as_it_was),
		cmocka_unit_test(pipe_is_written_to_as_it_is),
	};

	unsetenv("COLUMNS");
	return cmocka_run_group_tests_name(
		       "timeline", tests, make_records, remove_records) != 0;
}
