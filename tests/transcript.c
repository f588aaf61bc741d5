/*
 * transcript.c - compares what a command does with a transcript of it.
 *
 * The form of a transcript is described in pattern.h. The exit status is 0 if
 * the command does what the transcript says, 1 if it does not, in which case
 * the first difference is printed, and 2 if that could not be found out.
 */

#include "capture.h"
#include "match.h"
#include "pattern.h"
#include "update.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_LIMIT = 'l', OPTION_UPDATE = 'u', CANNOT_CHECK = 2 };

static const double default_limit = 60, longest_limit = 1e6; /* seconds */

struct options {
	const char *file;
	char **command;
	double limit; /* in seconds */
	bool update;
};

const char *argp_program_version = "transcript (Forklore)";

static double
parse_limit(const char *argument, struct argp_state *state)
{
	char *end;
	double limit = strtod(argument, &end);

	if (end == argument || *end || !(limit > 0 && limit <= longest_limit))
		argp_failure(state, CANNOT_CHECK, 0,
			"--limit needs seconds, more than 0 and at most %g, "
			"not `%s'",
			longest_limit, argument);
	return limit;
}

static error_t
parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_LIMIT:
		options->limit = parse_limit(argument, state);
		return 0;
	case OPTION_UPDATE:
		options->update = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0) {
			options->file = argument;
		} else {
			/* All that follows belongs to the command. */
			options->command = &state->argv[state->next - 1];
			state->next = state->argc;
		}
		return 0;
	case ARGP_KEY_END:
		if (!options->command)
			argp_failure(state, CANNOT_CHECK, 0,
				"needs a file and a command: transcript "
				"[OPTION...] EXPECTED COMMAND [ARG...]");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option known_options[] = {
	{"limit", OPTION_LIMIT, "SECONDS", 0,
		"Let the command, and all that it starts, run this long (60)",
		0},
	{"update", OPTION_UPDATE, NULL, 0,
		"Write EXPECTED anew from a run, keeping what still matches; "
		"a second run has to agree",
		0},
	{0},
};

static const struct argp parser = {
	.options = known_options,
	.parser = parse_option,
	.args_doc = "EXPECTED COMMAND [ARG...]",
	.doc = "Runs COMMAND and compares its output and its exit status with "
	       "the transcript in the file EXPECTED."
	       "\v"
	       "Exit status: 0 if they agree, 1 if they differ, 2 if that "
	       "could not be found out.",
};

static int
check(const struct options *options, const struct transcript *transcript)
{
	struct outcome outcome;
	char *difference;
	char *complaint =
		outcome_capture(&outcome, options->command, options->limit);

	if (complaint) {
		fprintf(stderr, "transcript: %s\n", complaint);
		free(complaint);
		return CANNOT_CHECK;
	}
	difference = transcript_difference(transcript, &outcome);
	if (difference)
		fputs(difference, stdout);
	outcome_fini(&outcome);
	free(difference);
	return difference != NULL;
}

/* Reads the transcript; gives NULL after a message, or if there is none yet. */
static struct transcript *
read_transcript(const struct options *options, int *status)
{
	struct transcript *transcript = NULL;
	struct text text = {0};
	char *complaint;
	int error = text_read(&text, options->file);

	*status = 0;
	if (error == ENOENT && options->update)
		return NULL;
	if (error) {
		fprintf(stderr, "transcript: %s: %s%s\n", options->file,
			strerror(error),
			error == ENOENT ? "; --update would make it" : "");
		*status = CANNOT_CHECK;
	} else if (!(transcript = transcript_parse(
			     options->file, &text, &complaint))) {
		fprintf(stderr, "%s\n", complaint);
		free(complaint);
		*status = CANNOT_CHECK;
	}
	text_fini(&text);
	return transcript;
}

int
main(int argc, char **argv)
{
	struct options options = {.limit = default_limit};
	struct transcript *transcript;
	int status;

	argp_err_exit_status = CANNOT_CHECK;
	argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &options);
	transcript = read_transcript(&options, &status);
	if (status == 0 && options.update)
		status = transcript_update(options.file, transcript,
			options.command, options.limit);
	else if (status == 0)
		status = check(&options, transcript);
	transcript_free(transcript);
	return status;
}
