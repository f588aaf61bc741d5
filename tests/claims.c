/* claims.c - see claims.h. */

#include "claims.h"

#include "commands.h"
#include "document.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a command of a document starts with. */
static const char *const starts[] = {"build/", "ninja", "diff ", "cat ", "sh ",
	"python3 ", "$(command -v sudo) "};

/*
 * What is not run: a command is run without such parts of it. But what they
 * name has to be there.
 */
static const struct {
	const char *start, *why;
} not_run[] = {
	{"ninja", "ninja runs this test; the targets are looked up"},
	{"python3 ", "the tests do without it"},
	{"$(command -v sudo) ", "it changes the system; its packages are "
				"compared with .ci/run"},
};

/* Packages that only some targets want: a document may leave them to words. */
static const char *const other_packages[] = {
	"clang", "libclang-rt-dev", "valgrind", "chromium", "chromium-driver",
	"python3-selenium"};

static const char installation[] = "apt-get install -y ";

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* One document, and what there is to complain of. */
struct check {
	struct document document;
	const struct tree *tree;
	struct text complaints;
	struct text said; /* its blocks, and what its commands printed */
};

static bool
starts_with(const char *string, const char *start)
{
	return strncmp(string, start, strlen(start)) == 0;
}

/* Takes what is wrong with a line, if anything is. */
static void
complain(struct check *check, size_t number, char *complaint)
{
	if (complaint)
		text_printf(&check->complaints, "%s:%zu: %s\n",
			check->document.file, number, complaint);
	free(complaint);
}

/* Whether this is one of the words. */
static bool
is_among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* Whether the list, which is divided by spaces, has this word. */
static bool
lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') &&
			(at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

/* Complains of what the one list has and the other has not. */
static void
compare_packages(struct check *check, size_t number, const char *one,
	const char *other, const char *complaint)
{
	char *copy = text_format("%s", one), *rest, *name;

	for (name = strtok_r(copy, " ", &rest); name;
		name = strtok_r(NULL, " ", &rest))
		if (!lists(other, name) &&
			!is_among(name, other_packages, COUNT(other_packages)))
			complain(check, number,
				text_format("'%s' %s", name, complaint));
	free(copy);
}

static void
check_packages(struct check *check, size_t number, const char *packages)
{
	struct text script = {0};
	char *installed = NULL;

	if (text_read(&script, ".ci/run") == 0 && script.length > 0)
		installed = strstr(script.bytes, installation);
	if (!installed) {
		complain(
			check, number, text_format(".ci/run installs nothing"));
		text_fini(&script);
		return;
	}
	installed += strlen(installation);
	/* The list may go on in a next line, which is indented by a tab. */
	for (char *end; (end = strstr(installed, "\\\n\t"));)
		memset(end, ' ', strlen("\\\n\t"));
	installed[strcspn(installed, "\n")] = '\0';
	compare_packages(check, number, installed, packages,
		"is installed by .ci/run, but not here");
	compare_packages(check, number, packages, installed,
		"is not installed by .ci/run");
	text_fini(&script);
}

/* Looks at a part of a command; tells whether it is to be run. */
static bool
check_part(struct check *check, size_t number, const char *part)
{
	const struct line words = {part, strlen(part), true};
	const char *packages = strstr(part, installation);

	if (packages)
		check_packages(check, number, packages + strlen(installation));
	for (size_t i = 0; i < COUNT(not_run); i++) {
		if (!starts_with(part, not_run[i].start))
			continue;
		complain(check, number,
			word_complaint(check->tree, &check->said, &words));
		return false;
	}
	return true;
}

/* Gives what is to be run of a command, or NULL. Takes the line. */
static char *
line_to_run(struct check *check, size_t number, char *line)
{
	static const char and[] = " && ";
	char *part = line, *end, *instead;
	struct text text = {0};

	do {
		end = strstr(part, and);
		if (end)
			*end = '\0';
		if (check_part(check, number, part)) {
			instead = command_instead(part);
			text_printf(&text, "%s%s", text.length > 0 ? and : "",
				instead);
			free(instead);
		}
		part = end ? end + strlen(and) : NULL;
	} while (part);
	free(line);
	return text.bytes;
}

/* Runs the command, if there is one to run, and forgets it. */
static void
finish_command(struct check *check, struct command *command)
{
	if (command->line)
		command_run(check->document.file, command, &check->complaints,
			&check->said);
	else if (command->count > 0)
		complain(check, command->quotations[0].number,
			text_format("before this quotation stands no command "
				    "that this test runs"));
	command_fini(command);
}

static bool
is_command(const struct piece *piece)
{
	for (size_t i = 0; i < COUNT(starts); i++)
		if (line_starts(&piece->text, starts[i]))
			return true;
	return false;
}

static bool
is_drawing(const struct piece *piece)
{
	return line_starts(&piece->language, "mermaid");
}

/*
 * A drawing is quoted from nowhere, unless a command draws. Sequences are drawn
 * by commands alone.
 */
static bool
is_quoted(struct check *check, const struct piece *piece,
	const struct command *command)
{
	if (!is_drawing(piece) || command_draws(command))
		return true;
	if (line_is(&piece->text, "sequenceDiagram"))
		complain(check, piece->number,
			text_format("before this drawing stands no command "
				    "with --mermaid"));
	return false;
}

/* Runs what is in blocks, and compares what is quoted. */
static void
check_blocks(struct check *check)
{
	const struct piece *piece = check->document.pieces;
	const struct piece *end = piece + check->document.piece_count;
	struct command command = {0};
	size_t quoted = 0; /* the number of the last line of a quotation */

	for (; piece < end; piece++) {
		if (!piece->is_block || !is_quoted(check, piece, &command))
			continue;
		text_add_line(&check->said, &piece->text);
		if (!is_drawing(piece) && is_command(piece)) {
			finish_command(check, &command);
			command.number = piece->number;
			command.line = line_to_run(check, piece->number,
				line_with_name(&piece->text));
		} else {
			command_quote(&command, &piece->text, piece->number,
				piece->number != quoted + 1, is_drawing(piece));
			quoted = piece->number;
		}
	}
	finish_command(check, &command);
}

static void
check_words(struct check *check)
{
	const struct piece *piece = check->document.pieces;
	const struct piece *end = piece + check->document.piece_count;

	for (; piece < end; piece++)
		if (!piece->is_block)
			complain(check, piece->number,
				word_complaint(check->tree, &check->said,
					&piece->text));
}

/* Looks for what a cell of a table says in a scenario's transcript. */
static void
check_cell(struct check *check, size_t number, struct line cell,
	const struct text *transcript)
{
	const char *exit = memmem(cell.bytes, cell.length, "exit ", 5);
	const char *at = transcript->bytes;
	char *sought;
	struct line word;

	if (exit) {
		sought = text_format("\n== exit %ld\n",
			strtol(exit + strlen("exit "), NULL, 10));
		if (!strstr(transcript->bytes, sought))
			complain(check, number,
				text_format("the transcript has another exit"));
		free(sought);
	}
	while (line_next_word(&cell, &word)) {
		sought = text_format("\n%.*s\n", (int)word.length, word.bytes);
		at = strstr(at, sought);
		if (!at) {
			complain(check, number,
				text_format("the transcript has no line '%.*s' "
					    "there",
					(int)word.length, word.bytes));
			at = transcript->bytes;
		}
		free(sought);
	}
}

/* A line that is no row of a scenario is none of its business. */
static void
check_row(struct check *check, size_t number, struct line line)
{
	struct line rest = line, name;
	struct text transcript = {0};
	const char *start, *end;
	char *file;

	if (!line_starts(&line, "| `") || !line_next_word(&rest, &name))
		return;
	start = memchr(rest.bytes, '|', rest.length);
	end = start ? memchr(start + 1, '|',
			      rest.length - (size_t)(start + 1 - rest.bytes))
		    : NULL;
	file = text_format("expected/%.*s.txt", (int)name.length, name.bytes);
	if (end && text_read(&transcript, file) == 0)
		check_cell(check, number,
			(struct line){start, (size_t)(end - start), true},
			&transcript);
	text_fini(&transcript);
	free(file);
}

/* Gives the name of the file that a link leads to; to be freed. */
static char *
link_destination(const char *file, const struct line *link)
{
	const char *folder_end = strrchr(file, '/');
	int folder = folder_end ? (int)(folder_end + 1 - file) : 0;
	size_t length = 0;

	while (length < link->length && !strchr("#)", link->bytes[length]))
		length++;
	return text_format("%.*s%.*s", folder, file, (int)length, link->bytes);
}

/* Looks whether there is what the line's links lead to in this repository. */
static void
check_links(struct check *check, size_t number, struct line line)
{
	const char *end = line.bytes + line.length, *at = line.bytes;
	struct line link;
	char *name;

	while ((at = memmem(at, (size_t)(end - at), "](", 2))) {
		at += 2;
		link = (struct line){at, (size_t)(end - at), true};
		if (line_starts(&link, "http") || line_starts(&link, "#"))
			continue;
		name = link_destination(check->document.file, &link);
		if (access(name, F_OK) != 0)
			complain(check, number,
				text_format("a link leads to '%s', which is "
					    "not there",
					name));
		free(name);
	}
}

struct text
document_complaints(
	const struct tree *tree, const char *file, const struct text *text)
{
	struct check check = {.tree = tree};

	document_parse(&check.document, file, text);
	check_blocks(&check);
	check_words(&check);
	for (size_t i = 0; i < check.document.line_count; i++) {
		check_row(&check, i + 1, check.document.lines[i]);
		check_links(&check, i + 1, check.document.lines[i]);
	}
	document_fini(&check.document);
	text_fini(&check.said);
	return check.complaints;
}
