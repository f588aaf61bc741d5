/*
 * match.c - see match.h.
 *
 * "  ..." stands for any number of lines, so that while the elements of a
 * section are gone through, there may be several places in the output where
 * the next one may begin. All are kept: the output matches if its end is among
 * those that the last element leads to. If an element leads nowhere, the
 * place furthest on is where the output first differs.
 */

#include "match.h"

#include "capture.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Line numbers in the output, from 0, in ascending order. */
struct places {
	size_t *lines;
	size_t count;
};

/* Where output and section part; either line is NULL for "nothing more". */
struct mismatch {
	const struct pattern *expected;
	const struct line *got;
	size_t expected_number, got_number; /* both from 1 */
	bool in_block;
};

static const char *const stream_names[] = {"stdout", "stderr"};

/*
 * Finds a pattern for the line, if need be by finding another one for the line
 * which has it now, and so on. No pattern is tried twice.
 */
static bool
pair_line(const struct element *block, const struct line *lines, size_t line,
	size_t *owners, bool *tried)
{
	for (size_t p = 0; p < block->count; p++) {
		if (tried[p] ||
			!pattern_matches(&block->patterns[p], &lines[line]))
			continue;
		tried[p] = true;
		if (owners[p] == UNPAIRED ||
			pair_line(block, lines, owners[p], owners, tried)) {
			owners[p] = line;
			return true;
		}
	}
	return false;
}

size_t
block_pair(const struct element *block, const struct line *lines, size_t count,
	size_t *partners)
{
	size_t *owners = allocate(block->count, sizeof *owners);
	bool *tried = allocate(block->count, sizeof *tried);
	size_t pairs = 0;

	for (size_t p = 0; p < block->count; p++)
		owners[p] = UNPAIRED;
	for (size_t line = 0; line < count; line++) {
		memset(tried, 0, block->count * sizeof *tried);
		pairs += pair_line(block, lines, line, owners, tried);
		partners[line] = UNPAIRED;
	}
	for (size_t p = 0; p < block->count; p++)
		if (owners[p] != UNPAIRED)
			partners[owners[p]] = p;
	free(tried);
	free(owners);
	return pairs;
}

static void
add_place(struct places *places, size_t line)
{
	if (places->count == 0 || places->lines[places->count - 1] < line)
		places->lines[places->count++] = line;
}

static bool
block_matches(const struct element *block, const struct line *lines)
{
	size_t *partners = allocate(block->count, sizeof *partners);
	bool all = block_pair(block, lines, block->count, partners) ==
		   block->count;

	free(partners);
	return all;
}

/* Adds the places that the element leads to if it begins at this line. */
static void
follow(const struct element *element, const struct line *lines, size_t count,
	size_t line, struct places *places)
{
	switch (element->kind) {
	case ELEMENT_LINE:
		if (line < count &&
			pattern_matches(element->patterns, &lines[line]))
			add_place(places, line + 1);
		break;
	case ELEMENT_FRAMES:
		while (line < count && line_is_indented(&lines[line]))
			add_place(places, ++line);
		break;
	case ELEMENT_BLOCK:
		if (count - line >= element->count &&
			block_matches(element, &lines[line]))
			add_place(places, line + element->count);
		break;
	}
}

/*
 * Of a block that does not match these lines, finds the first line that no
 * pattern is left for, or count, and the first pattern left over.
 */
static void
find_unpaired(const struct element *block, const struct line *lines,
	size_t count, size_t *line, size_t *pattern)
{
	size_t *partners = allocate(count, sizeof *partners);
	bool *paired = allocate(block->count, sizeof *paired);

	block_pair(block, lines, count, partners);
	*line = count;
	for (size_t i = count; i-- > 0;) {
		if (partners[i] == UNPAIRED)
			*line = i;
		else
			paired[partners[i]] = true;
	}
	*pattern = 0;
	while (paired[*pattern])
		++*pattern;
	free(paired);
	free(partners);
}

/* Finds what is at odds in an element that leads nowhere from this line on. */
static struct mismatch
find_odds(const struct element *element, const struct line *lines, size_t count,
	size_t line)
{
	bool in_block = element->kind == ELEMENT_BLOCK;
	size_t within = 0, pattern = 0, window = count - line;
	const struct pattern *expected;

	if (window > element->count)
		window = element->count;
	if (in_block)
		find_unpaired(element, &lines[line], window, &within, &pattern);
	line += within;
	expected = &element->patterns[pattern];
	return (struct mismatch){expected, line < count ? &lines[line] : NULL,
		expected->number, line + 1, in_block};
}

/* Tells whether these are the section's lines; if not, says where not. */
static bool
section_matches(const struct section *section, const struct line *lines,
	size_t count, struct mismatch *mismatch)
{
	struct places now = {allocate(count + 1, sizeof(size_t)), 1};
	struct places next = {allocate(count + 1, sizeof(size_t)), 0};
	size_t e, furthest;

	for (e = 0; e < section->count; e++) {
		struct places last = now;

		next.count = 0;
		for (size_t i = 0; i < now.count; i++)
			follow(&section->elements[e], lines, count,
				now.lines[i], &next);
		if (next.count == 0)
			break;
		now = next;
		next = last;
	}
	furthest = now.lines[now.count - 1];
	free(now.lines);
	free(next.lines);
	if (e < section->count)
		*mismatch = find_odds(
			&section->elements[e], lines, count, furthest);
	else if (furthest < count)
		*mismatch = (struct mismatch){NULL, &lines[furthest],
			section->end, furthest + 1, false};
	return e == section->count && furthest == count;
}

static void
show_side(struct text *text, const char *sign, const struct line *line)
{
	text_printf(text, "%s ", sign);
	if (line)
		text_show_line(text, line);
	else
		text_printf(text, "(nothing more)\n");
}

static void
show_mismatch(struct text *text, const char *file, const char *stream,
	const struct mismatch *mismatch)
{
	const struct pattern *expected = mismatch->expected;

	text_printf(text, "%s:%zu: %s differs in line %zu%s:\n", file,
		mismatch->expected_number, stream, mismatch->got_number,
		mismatch->in_block ? ", in a block of lines in any order" : "");
	show_side(text, "-", expected ? &expected->text : NULL);
	show_side(text, "+", mismatch->got);
	if (expected && expected->has_unit)
		text_printf(text,
			"(" UNIT_MARK " stands for a number in [0, 1) as "
			"Python prints it)\n");
}

/* Shows the first difference in the stream; NULL if there is none. */
static char *
stream_difference(const struct transcript *transcript,
	const struct outcome *outcome, int stream)
{
	struct text text = {0};
	struct mismatch mismatch = {0};
	struct line *lines;
	size_t count = lines_split(&outcome->streams[stream], &lines);

	if (!section_matches(
		    &transcript->streams[stream], lines, count, &mismatch))
		show_mismatch(&text, transcript->file, stream_names[stream],
			&mismatch);
	free(lines);
	return text.bytes;
}

/* Says in a word what became of stderr, as it tends to hold the reason. */
static void
note_stderr(struct text *text, const struct outcome *outcome)
{
	struct line *lines;
	size_t count = lines_split(&outcome->streams[1], &lines);

	text_printf(text, "(stderr differs too; ");
	if (count == 0) {
		text_printf(text, "it is empty)\n");
	} else {
		text_printf(text, "its last line: ");
		text_show_line(text, &lines[count - 1]);
		text->length--;
		text_printf(text, ")\n");
	}
	free(lines);
}

static void
compare_status(struct text *text, const struct transcript *transcript,
	const struct outcome *outcome)
{
	char expected[STATUS_SIZE], got[STATUS_SIZE];

	status_print(transcript->status, expected);
	status_print(outcome->status, got);
	if (strcmp(expected, got) == 0)
		return;
	if (text->length == 0)
		text_printf(text,
			"%s:%zu: the exit status differs:\n- %s\n"
			"+ %s\n",
			transcript->file, transcript->streams[1].end, expected,
			got);
	else
		text_printf(text,
			"(the exit status differs too: `%s`, not "
			"`%s`)\n",
			got, expected);
}

char *
transcript_difference(
	const struct transcript *transcript, const struct outcome *outcome)
{
	struct text text = {0};
	char *differences[2];
	const char *first;

	for (int stream = 0; stream < 2; stream++)
		differences[stream] =
			stream_difference(transcript, outcome, stream);
	first = differences[0] ? differences[0] : differences[1];
	if (outcome->trouble)
		text_printf(
			&text, "%s: %s\n", transcript->file, outcome->trouble);
	if (first)
		text_printf(&text, "%s", first);
	if (differences[0] && differences[1])
		note_stderr(&text, outcome);
	/* A run in trouble was killed: its end says nothing. */
	if (!outcome->trouble)
		compare_status(&text, transcript, outcome);
	free(differences[0]);
	free(differences[1]);
	return text.bytes;
}
