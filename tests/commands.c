/* commands.c - see commands.h. */

#include "commands.h"

#include "capture.h"
#include "drawing.h"
#include "excerpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What is run in the place of a command, or of a start that ends with a space.
 */
static const struct {
	const char *start, *instead, *why;
} run_instead[] = {
	{"build/scenarios/fork_global --delay 0",
		"build/scenarios/fork_global --delay 0 --limit 1",
		"it hangs, as the text says, until Ctrl-C"},
	{"build/transcript --update ", "build/transcript ",
		"others read the file meanwhile that it would write"},
};

/* How commands end that do not end with exit status 0: the first that fits. */
static const struct {
	const char *part;
	int status;
	const char *why;
} endings[] = {
	{"diff ", 1, "the files differ"},
	{"build/scenarios/get_reraise", 1, "nobody handles its error"},
	{" --limit ", 124, "documents set a limit only where there is a hang"},
};

/* In seconds: what only a hang takes; and how far --limit is raised. */
static const double hang = 60, longest_limit = 20;

const char *
build_folder(void)
{
	const char *folder = getenv("BUILD");

	return folder ? folder : "build";
}

char *
command_instead(const char *line)
{
	for (size_t i = 0; i < COUNT(run_instead); i++) {
		const char *start = run_instead[i].start;
		size_t length = strlen(start);

		if (strncmp(line, start, length) == 0 &&
			(line[length] == '\0' || start[length - 1] == ' '))
			return text_format(
				"%s%s", run_instead[i].instead, line + length);
	}
	return text_format("%s", line);
}

void
command_quote(struct command *command, const struct line *line, size_t number,
	bool is_new, bool is_drawing)
{
	struct quotation *quotations;

	if (is_new || command->count == 0) {
		quotations = allocate(command->count + 1, sizeof *quotations);
		if (command->count > 0)
			memcpy(quotations, command->quotations,
				command->count * sizeof *quotations);
		free(command->quotations);
		command->quotations = quotations;
		quotations[command->count].number = number;
		quotations[command->count++].is_drawing = is_drawing;
	}
	text_add_line(&command->quotations[command->count - 1].text, line);
}

bool
command_draws(const struct command *command)
{
	return command->line && strstr(command->line, " --mermaid ");
}

/* The line with the built programs' folder for "build/". */
static char *
in_build_folder(const char *line)
{
	struct text text = {0};

	for (const char *at = line; *at; at++) {
		if (strncmp(at, "build/", strlen("build/")) == 0 &&
			(at == line || at[-1] == ' ')) {
			text_printf(&text, "%s/", build_folder());
			at += strlen("build");
		} else {
			text_add(&text, at, 1);
		}
	}
	return text.bytes;
}

static int
expected_status(const char *line)
{
	for (size_t i = 0; i < COUNT(endings); i++)
		if (strstr(line, endings[i].part))
			return endings[i].status;
	return 0;
}

static char *
status_complaint(const char *line, const struct outcome *outcome)
{
	int expected = expected_status(line), status = outcome->status;

	if (outcome->trouble)
		return text_format("'%s': %s", line, outcome->trouble);
	if (WIFEXITED(status) && WEXITSTATUS(status) == expected)
		return NULL;
	return text_format("'%s' ended with %s %d, not with exit %d; it "
			   "printed:\n%s",
		line, WIFEXITED(status) ? "exit" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
		expected,
		outcome->streams[0].length ? outcome->streams[0].bytes : "");
}

/* Takes the complaint, if there is one. */
static void
add_complaint(struct text *complaints, const char *file, size_t number,
	char *complaint)
{
	if (complaint)
		text_printf(
			complaints, "%s:%zu: %s\n", file, number, complaint);
	free(complaint);
}

/* Whether the line, or one like it, stands among those of the quotations. */
static bool
is_quoted(const struct command *command, const struct line *line)
{
	struct text one = {0};
	bool found = false;
	char *missing;

	text_add_line(&one, line);
	for (size_t i = 0; i < command->count && !found; i++) {
		missing =
			excerpt_difference(&one, &command->quotations[i].text);
		found = !missing;
		free(missing);
	}
	text_fini(&one);
	return found;
}

/*
 * Who quotes of a diff -u quotes all that differs, but in the first hunk: that
 * has the comments on top. Gives a complaint of the first line left out.
 */
static char *
omission_complaint(const struct command *command, const struct text *output)
{
	struct line *lines;
	size_t count, hunks = 0;
	char *complaint = NULL;

	if (strncmp(command->line, "diff -u ", strlen("diff -u ")) != 0 ||
		command->count == 0)
		return NULL;
	count = lines_split(output, &lines);
	for (size_t i = 0; i < count && !complaint; i++) {
		bool differs = line_starts(&lines[i], "+") ||
			       line_starts(&lines[i], "-");

		hunks += line_starts(&lines[i], "@@ ");
		if (differs && hunks > 1 && !is_quoted(command, &lines[i]))
			complaint = text_format("'%.*s' is left out of '%s'",
				(int)lines[i].length, lines[i].bytes,
				command->line);
	}
	free(lines);
	return complaint;
}

/* Gives what differs between a quotation and what was printed, or NULL. */
static char *
difference(const struct quotation *quotation, const struct text *output)
{
	return quotation->is_drawing
		       ? drawing_difference(&quotation->text, output)
		       : excerpt_difference(&quotation->text, output);
}

/* Runs this in the command's place, once. Gives the complaints. */
static struct text
attempt(const char *file, const struct command *command, const char *line,
	struct text *printed)
{
	char *program = in_build_folder(line);
	char *script = text_format("exec 2>&1; %s", program);
	char *const argv[] = {"sh", "-c", script, NULL};
	struct text complaints = {0};
	struct outcome outcome;
	char *complaint = outcome_capture(&outcome, argv, hang);

	if (!complaint)
		complaint = status_complaint(line, &outcome);
	add_complaint(&complaints, file, command->number, complaint);
	for (size_t i = 0; complaints.length == 0 && i < command->count; i++)
		add_complaint(&complaints, file, command->quotations[i].number,
			difference(
				&command->quotations[i], &outcome.streams[0]));
	if (complaints.length == 0)
		add_complaint(&complaints, file, command->number,
			omission_complaint(command, &outcome.streams[0]));
	if (outcome.streams[0].length > 0)
		text_add(printed, outcome.streams[0].bytes,
			outcome.streams[0].length);
	outcome_fini(&outcome);
	free(script);
	free(program);
	return complaints;
}

/* Gives the line with twice its limit, or NULL: it has none, or enough. */
static char *
with_more_time(const char *line)
{
	static const char option[] = " --limit ";
	const char *found = strstr(line, option);
	double limit;
	char *end;

	if (!found)
		return NULL;
	limit = 2 * strtod(found + strlen(option), &end);
	if (limit > longest_limit)
		return NULL;
	return text_format(
		"%.*s%s%g%s", (int)(found - line), line, option, limit, end);
}

void
command_run(const char *file, const struct command *command,
	struct text *complaints, struct text *printed)
{
	char *line = text_format("%s", command->line), *longer;
	struct text last = attempt(file, command, line, printed);

	while (last.length > 0 && (longer = with_more_time(line))) {
		free(line);
		line = longer;
		/* For the log, which is shown if this does not help either. */
		printf("%sOnce more: %s\n", last.bytes, line);
		text_fini(&last);
		last = attempt(file, command, line, printed);
	}
	if (last.length > 0)
		text_add(complaints, last.bytes, last.length);
	text_fini(&last);
	free(line);
}

void
command_fini(struct command *command)
{
	for (size_t i = 0; i < command->count; i++)
		text_fini(&command->quotations[i].text);
	free(command->quotations);
	free(command->line);
	*command = (struct command){0};
}
