/*
 * align.c - see align.h.
 *
 * Elements and lines are walked through side by side: each step keeps an
 * element for some of the next lines, drops an element, or adds a line. The
 * table holds, for every pair of places in the two, the first step of the
 * cheapest way from there to the ends; it is filled from the ends.
 */

#include "align.h"

#include "match.h"
#include "pattern.h"

#include <stdint.h>
#include <stdlib.h>

/*
 * Replacing a line within a block costs a shade less than dropping it there
 * and adding it outside, so that the block stays; and never so much less that
 * a pattern which still matches would be given up for it.
 */
enum { DROP_COST = 1000, ADD_COST = 1000, REPLACE_COST = 1999 };
enum { LONGEST_TABLE = 4 << 20 };

#define NOT_POSSIBLE UINT64_MAX

enum move { MOVE_END, MOVE_KEEP, MOVE_DROP, MOVE_ADD };

struct step {
	uint64_t cost;  /* of this and all that follow */
	uint32_t lines; /* that the kept element takes */
	enum move move;
};

struct alignment {
	const struct section *section;
	const struct line *lines;
	size_t count; /* of lines */
	struct step *steps;
	struct text *text, *changes;
};

static struct step *
step_at(const struct alignment *alignment, size_t element, size_t line)
{
	return &alignment->steps[element * (alignment->count + 1) + line];
}

static uint64_t
cost_of_block(
	const struct element *block, const struct line *lines, size_t count)
{
	size_t *partners = allocate(count, sizeof *partners);
	size_t pairs = block_pair(block, lines, count, partners);
	size_t dropped = block->count - pairs, added = count - pairs;
	size_t replaced = dropped < added ? dropped : added;

	free(partners);
	return (replaced * REPLACE_COST + (dropped - replaced) * DROP_COST +
		(added - replaced) * ADD_COST);
}

/* The cost of keeping the element for exactly these lines, at least one. */
static uint64_t
cost_of_keeping(
	const struct element *element, const struct line *lines, size_t count)
{
	switch (element->kind) {
	case ELEMENT_LINE:
		if (count == 1 && pattern_matches(element->patterns, lines))
			return 0;
		break;
	case ELEMENT_FRAMES:
		/* The lines before the last were asked for before. */
		if (line_is_indented(&lines[count - 1]))
			return 0;
		break;
	case ELEMENT_BLOCK:
		if (count <= 2 * element->count)
			return cost_of_block(element, lines, count);
		break;
	}
	return NOT_POSSIBLE;
}

static void
consider(struct step *best, enum move move, size_t lines, uint64_t cost,
	const struct step *next)
{
	if (cost + next->cost < best->cost)
		*best = (struct step){cost + next->cost, (uint32_t)lines, move};
}

/* Of equally cheap steps the first considered is taken. */
static struct step
find_step(const struct alignment *alignment, size_t element, size_t line)
{
	const struct section *section = alignment->section;
	struct step best = {NOT_POSSIBLE, 0, MOVE_END};

	if (section && element < section->count) {
		const struct element *old = &section->elements[element];

		for (size_t n = 1; n <= alignment->count - line; n++) {
			uint64_t cost = cost_of_keeping(
				old, &alignment->lines[line], n);

			if (cost == NOT_POSSIBLE)
				break;
			consider(&best, MOVE_KEEP, n, cost,
				step_at(alignment, element + 1, line + n));
		}
		consider(&best, MOVE_DROP, 0, (uint64_t)old->count * DROP_COST,
			step_at(alignment, element + 1, line));
	}
	if (line < alignment->count)
		consider(&best, MOVE_ADD, 1, ADD_COST,
			step_at(alignment, element, line + 1));
	if (best.move == MOVE_END)
		best.cost = 0;
	return best;
}

static void
keep(struct alignment *alignment, const struct pattern *pattern)
{
	text_add_line(alignment->text, &pattern->source);
}

static void
drop(struct alignment *alignment, const struct pattern *pattern)
{
	text_printf(alignment->changes, "- ");
	text_add_line(alignment->changes, &pattern->source);
}

static void
add(struct alignment *alignment, const struct line *line)
{
	const char *backslash = line_needs_backslash(line) ? "\\" : "";

	text_printf(alignment->changes, "+ %s", backslash);
	text_add_line(alignment->changes, line);
	text_printf(alignment->text, "%s", backslash);
	text_add_line(alignment->text, line);
}

/* Adds the next line that has no partner, from *line on, if there is one. */
static void
add_unpaired(struct alignment *alignment, const struct line *lines,
	size_t count, const size_t *partners, size_t *line)
{
	while (*line < count && partners[*line] != UNPAIRED)
		++*line;
	if (*line < count)
		add(alignment, &lines[(*line)++]);
}

/* A pattern without a line makes room for a line without a pattern. */
static void
keep_block(struct alignment *alignment, const struct element *block,
	const struct line *lines, size_t count)
{
	size_t *partners = allocate(count, sizeof *partners);
	bool *paired = allocate(block->count, sizeof *paired);
	size_t line = 0;

	block_pair(block, lines, count, partners);
	for (size_t i = 0; i < count; i++)
		if (partners[i] != UNPAIRED)
			paired[partners[i]] = true;
	text_printf(alignment->text, BLOCK_MARK "\n");
	for (size_t p = 0; p < block->count; p++) {
		if (paired[p]) {
			keep(alignment, &block->patterns[p]);
			continue;
		}
		drop(alignment, &block->patterns[p]);
		add_unpaired(alignment, lines, count, partners, &line);
	}
	while (line < count)
		add_unpaired(alignment, lines, count, partners, &line);
	text_printf(alignment->text, END_MARK "\n");
	free(paired);
	free(partners);
}

static void
drop_element(struct alignment *alignment, const struct element *element)
{
	bool is_block = element->kind == ELEMENT_BLOCK;

	if (is_block)
		text_printf(alignment->changes, "- " BLOCK_MARK "\n");
	for (size_t p = 0; p < element->count; p++)
		drop(alignment, &element->patterns[p]);
	if (is_block)
		text_printf(alignment->changes, "- " END_MARK "\n");
}

static void
walk(struct alignment *alignment)
{
	const struct section *section = alignment->section;
	size_t element = 0, line = 0;
	const struct step *step;

	while ((step = step_at(alignment, element, line))->move != MOVE_END) {
		const struct line *lines = &alignment->lines[line];
		const struct element *old =
			section ? &section->elements[element] : NULL;

		if (step->move == MOVE_ADD)
			add(alignment, lines);
		else if (step->move == MOVE_DROP)
			drop_element(alignment, old);
		else if (old->kind == ELEMENT_BLOCK)
			keep_block(alignment, old, lines, step->lines);
		else
			keep(alignment, old->patterns);
		element += step->move != MOVE_ADD;
		line += step->lines;
	}
}

bool
section_align(const struct section *section, const struct text *output,
	struct text *text, struct text *changes)
{
	struct alignment alignment = {
		.section = section, .text = text, .changes = changes};
	size_t elements = section ? section->count : 0;
	struct line *lines;
	bool fits;

	alignment.count = lines_split(output, &lines);
	alignment.lines = lines;
	/* With no section there is nothing to compare, and no limit. */
	fits = elements == 0 ||
	       (elements + 1) * (alignment.count + 1) <= LONGEST_TABLE;
	if (fits) {
		alignment.steps =
			allocate((elements + 1) * (alignment.count + 1),
				sizeof *alignment.steps);
		for (size_t e = elements + 1; e-- > 0;)
			for (size_t line = alignment.count + 1; line-- > 0;)
				*step_at(&alignment, e, line) =
					find_step(&alignment, e, line);
		walk(&alignment);
		free(alignment.steps);
	}
	free(lines);
	return fits;
}
