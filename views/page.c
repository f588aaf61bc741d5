/*
 * page.c - makes the walkthrough's page: one file with all that a browser needs
 * to step through what happened in runs of the scenarios.
 *
 * Of each case there are its source, its record, what its run wrote to standard
 * error, and the document whose title and first paragraph are its lesson. They
 * become one array of JSON, which cases.js reads.
 */
#include "buffer.h"
#include "error.h"
#include "fields.h"
#include "option.h"
#include "output.h"
#include "panic.h"
#include "record.h"

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line says. */
struct order {
	const char *output;
	/* The folders of what the page is made from. */
	const char *docs;
	const char *parts;
	const char *runs;
	const char *sources;
	/* The names of the cases. */
	char **names;
	int name_count;
};

static const struct argp_option known_options[] = {
	{.name = "output",
		.key = 'o',
		.arg = "FILE",
		.doc = "Write the page to FILE"},
	{.name = "runs",
		.key = 'r',
		.arg = "FOLDER",
		.doc = "Take NAME.json, the record, and NAME.err, what was "
		       "written to standard error, from here "
		       "(build/walkthrough)"},
	{.name = "docs",
		.key = 'd',
		.arg = "FOLDER",
		.doc = "Take NAME.md, the lesson, from here (docs)"},
	{.name = "sources",
		.key = 's',
		.arg = "FOLDER",
		.doc = "Take NAME.c from here (scenarios)"},
	{.name = "parts",
		.key = 'p',
		.arg = "FOLDER",
		.doc = "Take index.html, and the files that it names, from "
		       "here (views/page)"},
	{0},
};

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
	struct order *order = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		/* One line says what is wrong; no second one to try --help. */
		state->err_stream = NULL;
		return 0;
	case 'o':
		if (!*text)
			option_refuse("output", text, "the name of a file");
		order->output = text;
		return 0;
	case 'r':
		order->runs = text;
		return 0;
	case 'd':
		order->docs = text;
		return 0;
	case 's':
		order->sources = text;
		return 0;
	case 'p':
		order->parts = text;
		return 0;
	case ARGP_KEY_ARGS:
		order->names = state->argv + state->next;
		order->name_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The path of a file in a folder, which the caller frees. */
static char *
path_of(const char *folder, const char *name, const char *extension)
{
	char *path;

	if (asprintf(&path, "%s/%s%s", folder, name, extension) < 0)
		panic("out of memory");
	return path;
}

static void
put(struct buffer *buffer, const char *text)
{
	buffer_put_bytes(buffer, text, strlen(text));
}

/* Adds what a file holds, as text. */
static struct error *
put_file(struct buffer *buffer, const char *path)
{
	FILE *file = fopen(path, "re");
	char bytes[BUFSIZ];
	size_t length;
	struct error *error = NULL;

	if (!file)
		return RAISE_ERRNO("%s: cannot be read", path);
	while ((length = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buffer_put_bytes(buffer, bytes, length);
	if (ferror(file))
		error = RAISE_ERRNO("%s: cannot be read", path);
	fclose(file);
	return error;
}

/* The same of a file in a folder; its text, which the caller frees. */
static struct error *
read_text(const char *folder, const char *name, const char *extension,
	char **text)
{
	char *path = path_of(folder, name, extension);
	struct buffer buffer = {0};
	struct error *error = TRACED(put_file(&buffer, path));

	buffer_put_byte(&buffer, 0);
	*text = (char *)buffer.bytes;
	if (!error && strlen(*text) + 1 != buffer.length)
		error = RAISE(ValueError,
			"%s: not a text: there is a zero byte in it", path);
	free(path);
	if (error) {
		buffer_fini(&buffer);
		*text = NULL;
	}
	return error;
}

static void
put_json(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must_have(value)) != 0)
		panic("out of memory");
}

static struct error *
put_text(json_t *object, const char *key, const char *text, const char *name)
{
	json_t *json = json_string(text);

	if (!json)
		return RAISE(ValueError,
			"%s: the %s is not UTF-8, which it has to be", name,
			key);
	put_json(object, key, json);
	return NULL;
}

/* Adds a file's text to what is known of a case. */
static struct error *
put_text_of(json_t *object, const char *key, const char *folder,
	const char *name, const char *extension)
{
	char *text;
	struct error *error;

	TRY(read_text(folder, name, extension, &text));
	error = TRACED(put_text(object, key, text, name));
	free(text);
	return error;
}

/*
 * Cuts the title and the first paragraph out of a document: "# title", an empty
 * line, and lines up to the next empty one, which become one. False if it does
 * not begin so.
 */
static bool
cut_lesson(char *document, char **title, char **lesson)
{
	char *end;

	if (strncmp(document, "# ", 2) != 0)
		return false;
	*title = document + 2;
	end = strstr(document, "\n\n");
	if (!end)
		return false;
	*end = '\0';
	*lesson = end + 2 + strspn(end + 2, "\n");
	end = strstr(*lesson, "\n\n");
	if (end)
		*end = '\0';
	for (char *c = *lesson; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	return **title && **lesson && !strchr(*title, '\n');
}

static struct error *
put_lesson(json_t *object, const struct order *order, const char *name)
{
	char *document, *title, *lesson;
	struct error *error;

	TRY(read_text(order->docs, name, ".md", &document));
	if (cut_lesson(document, &title, &lesson)) {
		error = TRACED(put_text(object, "title", title, name));
		if (!error)
			error = TRACED(
				put_text(object, "lesson", lesson, name));
	} else {
		error = RAISE(ValueError,
			"%s/%s.md: no lesson: the first line has to be a "
			"title, '# ...', with an empty line and a paragraph "
			"below it",
			order->docs, name);
	}
	free(document);
	return error;
}

/* Adds a record, which has to be a whole one, as it stands in its file. */
static struct error *
put_record(json_t *object, const char *path)
{
	SCOPED(record) record = NULL;
	json_t *json;

	TRY(record_read(path, &record));
	if (record->lost > 0)
		return RAISE(ValueError,
			"%s: %lld entries are lost, and a walkthrough wants "
			"all: it has to be a shorter run",
			path, record->lost);
	TRY(fields_load(path, &json));
	put_json(object, "record", json);
	return NULL;
}

static struct error *
fill_case(json_t *object, const struct order *order, const char *name)
{
	char *path = path_of(order->runs, name, ".json");
	struct error *error = TRACED(put_record(object, path));

	free(path);
	if (error)
		return error;
	TRY(put_text(object, "name", name, name));
	TRY(put_lesson(object, order, name));
	TRY(put_text_of(object, "source", order->sources, name, ".c"));
	TRY(put_text_of(object, "errors", order->runs, name, ".err"));
	return NULL;
}

/*
 * Adds JSON as it may stand in a page: nothing in it can end the script around
 * it, nor begin a comment. "<" only ever stands in a text there.
 */
static void
put_script(struct buffer *buffer, const json_t *json)
{
	char *text = must_have(json_dumps(json, JSON_COMPACT));

	for (const char *c = text; *c; c++)
		if (*c == '<')
			put(buffer, "\\u003c");
		else
			buffer_put_byte(buffer, (uint8_t)*c);
	free(text);
}

static struct error *
put_cases(struct buffer *buffer, const struct order *order)
{
	json_t *cases = must_have(json_array());
	struct error *error = NULL;

	for (int i = 0; i < order->name_count && !error; i++) {
		json_t *object = must_have(json_object());

		if (json_array_append_new(cases, object) != 0)
			panic("out of memory");
		error = TRACED(fill_case(object, order, order->names[i]));
	}
	if (!error)
		put_script(buffer, cases);
	json_decref(cases);
	return error;
}

/* Adds what a name in double braces stands for. */
static struct error *
put_part(struct buffer *page, const struct order *order, const char *name)
{
	char *text;

	if (strcmp(name, "cases") == 0)
		return put_cases(page, order);
	TRY(read_text(order->parts, name, "", &text));
	put(page, text);
	free(text);
	return NULL;
}

/* Adds a line of the template, or what is to stand in its place. */
static struct error *
put_line(struct buffer *page, const struct order *order, char *line)
{
	size_t length = strlen(line);

	if (length > 4 && strncmp(line, "{{", 2) == 0 &&
		strcmp(line + length - 2, "}}") == 0) {
		line[length - 2] = '\0';
		TRY(put_part(page, order, line + 2));
	} else {
		put(page, line);
	}
	put(page, "\n");
	return NULL;
}

static struct error *
put_page(struct buffer *page, const struct order *order)
{
	char *template, *rest, *line;
	struct error *error;

	TRY(read_text(order->parts, "index.html", "", &template));
	rest = template;
	error = NULL;
	/* The last line may have no end; behind an end there need be none. */
	while (!error && (line = strsep(&rest, "\n")) && (rest || *line))
		error = TRACED(put_line(page, order, line));
	free(template);
	return error;
}

static struct error *
write_page(const struct buffer *page, const char *path)
{
	SCOPED(output) output = NULL;

	TRY(output_new(path, &output));
	/* What went wrong is told by output_finish(). */
	fwrite(page->bytes, 1, page->length, output_file(output));
	TRY(output_finish(output));
	return NULL;
}

/* The page is there as a whole before its file is touched. */
static struct error *
make_page(const struct order *order)
{
	struct buffer page = {0};
	struct error *error = TRACED(put_page(&page, order));

	if (!error)
		error = TRACED(write_page(&page, order->output));
	buffer_fini(&page);
	return error;
}

int
main(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = known_options,
		.parser = parse_option,
		.args_doc = "NAME...",
		.doc = "Makes a page that steps through what happened in runs "
		       "of these scenarios.",
	};
	struct order order = {
		.docs = "docs",
		.parts = "views/page",
		.runs = "build/walkthrough",
		.sources = "scenarios",
	};
	SCOPED(error) error = NULL;

	if (argp_parse(&parser, argc, argv, 0, NULL, &order) != 0)
		return 2;
	if (!order.output) {
		fprintf(stderr,
			"%s: which page? Give the file to write with "
			"--output\n",
			program_invocation_short_name);
		return 2;
	}
	if (order.name_count == 0) {
		fprintf(stderr,
			"%s: no scenario is named; their NAMEs are wanted\n",
			program_invocation_short_name);
		return 2;
	}
	error = TRACED(make_page(&order));
	if (error)
		fprintf(stderr, "%s: %s\n", program_invocation_short_name,
			error->message);
	return error ? 1 : 0;
}
