/*
 * timeline.c - shows the record of a run: a program that writes it in one of
 * several formats.
 */
#include "error.h"
#include "mermaid.h"
#include "option.h"
#include "output.h"
#include "picture.h"
#include "record.h"
#include "selection.h"
#include "shiviz.h"
#include "table.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

const char *argp_program_version = "forklore 1.0";

/* Each is an option of the same name; the first is what is not asked for. */
static const struct format {
	const char *name;
	const char *doc;
	struct error *(*write)(const struct record *record, FILE *file);
} formats[] = {
	{"table", "Write a table for a terminal; so without an option",
		table_write},
	{"svg", "Write a picture for a browser, or for paper", picture_write},
	{"mermaid", "Write a sequence diagram for a document", mermaid_write},
	{"shiviz", "Write a log for ShiViz", shiviz_write},
};

#define FORMAT_COUNT (sizeof(formats) / sizeof(*formats))
#define WIDTH_LIMIT 10000

/* The keys of the formats' options are these and the next ones. */
#define FIRST_FORMAT_KEY 1000

struct choice {
	const struct format *format;
	unsigned selection;
	const char *only;
	bool has_width;
	const char *output;
	const char *trace;
};

static const struct argp_option other_options[] = {
	{.name = "only",
		.key = 'n',
		.arg = "CATEGORIES",
		.doc = "Show only these: process, task, message, error, "
		       "condition, output, with commas between them"},
	{.name = "output",
		.key = 'o',
		.arg = "FILE",
		.doc = "Write to FILE (standard output)"},
	{.name = "width",
		.key = 'w',
		.arg = "N",
		.doc = "Make the table N columns wide (as the terminal is)"},
	{0},
};

#define OTHER_COUNT (sizeof(other_options) / sizeof(*other_options))

static void
choose_format(struct choice *choice, const struct format *format)
{
	if (choice->format && choice->format != format) {
		fprintf(stderr,
			"%s: --%s and --%s: only one format can be written at "
			"a time\n",
			program_invocation_short_name, choice->format->name,
			format->name);
		exit(2);
	}
	choice->format = format;
}

static void
choose_trace(struct choice *choice, const char *word)
{
	if (choice->trace) {
		fprintf(stderr,
			"%s: '%s' is one word too many: there is one TRACE, "
			"see --help\n",
			program_invocation_short_name, word);
		exit(2);
	}
	choice->trace = word;
}

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
	struct choice *choice = state->input;

	if (key >= FIRST_FORMAT_KEY &&
		key < FIRST_FORMAT_KEY + (int)FORMAT_COUNT) {
		choose_format(choice, &formats[key - FIRST_FORMAT_KEY]);
		return 0;
	}
	switch (key) {
	case ARGP_KEY_INIT:
		/* One line says what is wrong; no second one to try --help. */
		state->err_stream = NULL;
		return 0;
	case 'n':
		choice->only = text;
		if (!selection_parse(text, &choice->selection))
			option_refuse("only", text,
				"a list of process, task, message, error, "
				"condition, output, with commas between them");
		return 0;
	case 'o':
		if (!*text)
			option_refuse("output", text, "the name of a file");
		choice->output = text;
		return 0;
	case 'w':
		option_whole_number("width", text, 1, WIDTH_LIMIT);
		/* Where the table looks for it. */
		setenv("COLUMNS", text, 1);
		choice->has_width = true;
		return 0;
	case ARGP_KEY_ARG:
		choose_trace(choice, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Refuses what does not go together, and chooses what is not asked for. */
static void
complete(struct choice *choice)
{
	if (!choice->trace) {
		fprintf(stderr,
			"%s: which record? Give the file that a scenario wrote "
			"with --trace\n",
			program_invocation_short_name);
		exit(2);
	}
	if (!choice->format)
		choice->format = &formats[0];
	if (choice->has_width && choice->format != &formats[0]) {
		fprintf(stderr,
			"%s: --width and --%s: only the table can be made "
			"wider or narrower\n",
			program_invocation_short_name, choice->format->name);
		exit(2);
	}
}

static struct choice
read_options(int argc, char *argv[])
{
	struct argp_option options[FORMAT_COUNT + OTHER_COUNT];
	const struct argp parser = {
		.options = options,
		.parser = parse_option,
		.args_doc = "TRACE",
		.doc = "Shows the record of a run, which a scenario has "
		       "written with --trace TRACE.",
	};
	struct choice choice = {.format = NULL};

	for (size_t i = 0; i < FORMAT_COUNT; i++)
		options[i] = (struct argp_option){
			.name = formats[i].name,
			.key = FIRST_FORMAT_KEY + (int)i,
			.doc = formats[i].doc,
		};
	for (size_t i = 0; i < OTHER_COUNT; i++)
		options[FORMAT_COUNT + i] = other_options[i];
	if (argp_parse(&parser, argc, argv, 0, NULL, &choice) != 0)
		exit(2);
	complete(&choice);
	return choice;
}

static struct error *
show(const struct choice *choice)
{
	SCOPED(record) record = NULL;
	SCOPED(output) output = NULL;

	TRY(record_read(choice->trace, &record));
	if (choice->only && !selection_apply(record, choice->selection))
		return RAISE(ValueError, "%s: has no entries of category %s",
			choice->trace, choice->only);
	TRY(output_new(choice->output, &output));
	TRY(choice->format->write(record, output_file(output)));
	TRY(output_finish(output));
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct choice choice = read_options(argc, argv);
	SCOPED(error) error = TRACED(show(&choice));

	if (!error)
		return 0;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name,
		error->message);
	return 1;
}
