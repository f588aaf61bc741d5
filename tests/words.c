/* words.c - see words.h. */

#include "words.h"

#include "capture.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz_";
static const char path_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz_"
				 "0123456789./*-";

/* The programs whose options documents name. */
static const char *const programs[] = {"scenarios/fork_global", "transcript",
	"timeline", "bench"};

static const char *const public_places[] = {
	"common/*.h", "scenarios/*.c", "docs/python/*.py"};

static const char *const places[] = {"common/*.[ch]", "scenarios/*.c",
	"bench/*", "views/*", "tests/*", "expected/*.txt", "build.ninja",
	".ci/run"};

/* What these contain they do not show to be there. */
static const char *const own_sources[] = {
	"tests/words.c", "tests/words.h", "tests/test_documents.c"};

/* Words that are right, though nothing here contains them. */
static const struct {
	const char *word, *why;
} foreign[] = {
	{"multiprocessing", "a module of Python"},
	{"kill -CONT", "a command of the shell"},
	{"git restore scenarios", "a command of git"},
};

static const char scenario[] = "fork_global"; /* for NAME */

char *
line_with_name(const struct line *line)
{
	char *copy = text_format("%.*s", (int)line->length, line->bytes);
	char *name = strstr(copy, "NAME");
	char *filled;

	if (!name)
		return copy;
	*name = '\0';
	name += strlen("NAME");
	filled = line_with_name(&(struct line){name, strlen(name), true});
	name = text_format("%s%s%s", copy, scenario, filled);
	free(filled);
	free(copy);
	return name;
}

static const char *
string_of(const struct text *text)
{
	return text->length > 0 ? text->bytes : "";
}

/* Adds what a command prints. Gives NULL, or a complaint if it fails. */
static char *
add_output(struct text *text, char *const argv[])
{
	struct outcome outcome;
	char *complaint = outcome_capture(&outcome, argv, 60);

	if (complaint)
		return complaint;
	if (outcome.trouble || outcome.status != 0)
		complaint = text_format("'%s %s' failed: %s", argv[0], argv[1],
			outcome.trouble ? outcome.trouble
					: string_of(&outcome.streams[1]));
	text_printf(text, "%s", string_of(&outcome.streams[0]));
	outcome_fini(&outcome);
	return complaint;
}

static bool
is_own(const char *file)
{
	for (size_t i = 0; i < sizeof own_sources / sizeof *own_sources; i++)
		if (strcmp(file, own_sources[i]) == 0)
			return true;
	return false;
}

static void
add_files(struct text *text, const char *const *patterns, size_t count)
{
	glob_t found;

	for (size_t i = 0; i < count; i++) {
		if (glob(patterns[i], 0, NULL, &found) != 0)
			continue;
		for (size_t n = 0; n < found.gl_pathc; n++)
			if (!is_own(found.gl_pathv[n]))
				text_read(text, found.gl_pathv[n]);
		globfree(&found);
	}
}

char *
tree_read(struct tree *tree, const char *build_folder)
{
	/* This only reads the build's files: ninja may be running. */
	char *const ninja[] = {"ninja", "-t", "targets", "all", NULL};
	char *complaint;

	*tree = (struct tree){0};
	add_files(&tree->headers, public_places,
		sizeof public_places / sizeof *public_places);
	add_files(&tree->sources, places, sizeof places / sizeof *places);
	text_add(&tree->targets, "\n", 1);
	complaint = add_output(&tree->targets, ninja);
	for (size_t i = 0; !complaint && i < sizeof programs / sizeof *programs;
		i++) {
		char *program = text_format("%s/%s", build_folder, programs[i]);
		char *const argv[] = {program, "--help", NULL};

		complaint = add_output(&tree->options, argv);
		free(program);
	}
	return complaint;
}

void
tree_fini(struct tree *tree)
{
	text_fini(&tree->targets);
	text_fini(&tree->options);
	text_fini(&tree->headers);
	text_fini(&tree->sources);
}

static bool
is_inside_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_';
}

/* Whether the text contains the words, not only as a part of longer ones. */
static bool
contains_words(const struct text *text, const char *words)
{
	size_t length = strlen(words);
	const char *found = text->length > 0 ? text->bytes : NULL;
	size_t left;

	while (found) {
		left = text->length - (size_t)(found - text->bytes);
		found = memmem(found, left, words, length);
		if (!found)
			break;
		if ((found == text->bytes || !is_inside_word(found[-1]) ||
			    !is_inside_word(words[0])) &&
			(!is_inside_word(found[length]) ||
				!is_inside_word(words[length - 1])))
			return true;
		found++;
	}
	return false;
}

static bool
is_target(const struct tree *tree, const char *name, const char *end)
{
	char *entry = text_format("\n%s%s", name, end);
	bool found = strstr(tree->targets.bytes, entry) != NULL;

	free(entry);
	return found;
}

static char *
targets_complaint(const struct tree *tree, const char *command)
{
	char *copy = text_format("%s", command), *rest, *target;
	char *complaint = NULL;

	strtok_r(copy, " ", &rest); /* ninja itself */
	while (!complaint && (target = strtok_r(NULL, " ", &rest)))
		if (target[0] != '-' && !is_target(tree, target, ": "))
			complaint =
				text_format("ninja has no target '%s'", target);
	free(copy);
	return complaint;
}

static char *
path_complaint(const struct tree *tree, const char *path)
{
	size_t length = strlen(path);
	char *name = text_format(
		"%.*s", (int)(length - (path[length - 1] == '/')), path);
	char *complaint = NULL;
	glob_t found;

	if (strcmp(name, "build") == 0 || strncmp(name, "build/", 6) == 0) {
		if (!is_target(tree, name, ": ") && !is_target(tree, name, "/"))
			complaint = text_format("nothing builds '%s'", path);
	} else if (glob(path, 0, NULL, &found) == 0) {
		globfree(&found);
	} else {
		complaint = text_format("there is no '%s'", path);
	}
	free(name);
	return complaint;
}

static char *
option_complaint(const struct tree *tree, const char *option)
{
	char *name = text_format("%.*s", (int)strcspn(option, " ="), option);
	char *complaint = NULL;

	if (!contains_words(&tree->options, name))
		complaint = text_format("no program has an option '%s'", name);
	free(name);
	return complaint;
}

static char *
call_complaint(const struct tree *tree, const char *call)
{
	char *name = text_format("%.*s(", (int)strcspn(call, "("), call);
	char *complaint = NULL;

	if (!contains_words(&tree->headers, name))
		complaint = text_format("no header in common/ and no scenario "
					"has '%s)'",
			name);
	free(name);
	return complaint;
}

static bool
is_path(const char *word)
{
	return strchr(word, '/') && strspn(word, path_bytes) == strlen(word);
}

static bool
has_path(const char *words)
{
	char *copy = text_format("%s", words), *rest, *word;
	bool found = false;

	for (word = strtok_r(copy, " ", &rest); word && !found;
		word = strtok_r(NULL, " ", &rest))
		found = is_path(word);
	free(copy);
	return found;
}

/* A program, maybe with arguments. Gives the first complaint. */
static char *
paths_complaint(const struct tree *tree, const char *words)
{
	char *copy = text_format("%s", words), *rest, *word;
	char *complaint = NULL;

	for (word = strtok_r(copy, " ", &rest); word && !complaint;
		word = strtok_r(NULL, " ", &rest)) {
		if (is_path(word))
			complaint = path_complaint(tree, word);
		else if (strncmp(word, "--", 2) == 0)
			complaint = option_complaint(tree, word);
	}
	free(copy);
	return complaint;
}

static char *
other_complaint(const struct tree *tree, const struct text *said, char *word)
{
	char *name = strstr(word, " condition N"); /* or 1, or 2 */

	if (name)
		*name = '\0';
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (strcmp(word, foreign[i].word) == 0)
			return NULL;
	if (access(word, F_OK) == 0 || contains_words(&tree->sources, word) ||
		contains_words(said, word))
		return NULL;
	return text_format("'%s' stands nowhere in the sources", word);
}

char *
word_complaint(const struct tree *tree, const struct text *said,
	const struct line *line)
{
	char *word = line_with_name(line);
	size_t name = strspn(word, letters);
	char *complaint;

	if (strncmp(word, "ninja", 5) == 0 && strchr(" ", word[5]))
		complaint = targets_complaint(tree, word);
	else if (strncmp(word, "--", 2) == 0)
		complaint = option_complaint(tree, word);
	else if (has_path(word))
		complaint = paths_complaint(tree, word);
	else if (name > 0 && word[name] == '(')
		complaint = call_complaint(tree, word);
	else
		complaint = other_complaint(tree, said, word);
	free(word);
	return complaint;
}
