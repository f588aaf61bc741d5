/*
 * mutant.c - see mutant.h.
 *
 * The lines of a stream are laid out under the elements that they belong to.
 * Frames are interchangeable, so they are only ever left out all at once.
 * Whether a moved line is out of place is decided without the matcher: it is,
 * unless every element still has its own lines, in whatever order.
 */

#include "mutant.h"

#include "capture.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

struct mutation {
	const struct transcript *transcript;
	const struct outcome *outcome;
	void (*visit)(enum mutant_kind, const struct outcome *, void *);
	void *context;

	int stream; /* the one that is being spoilt */
	struct line *lines;
	size_t count;
	const struct element **owners; /* of each line */
};

const char *const mutant_names[MUTANT_KINDS] = {
	[MUTANT_DROPPED] = "dropped line",
	[MUTANT_DOUBLED] = "doubled line",
	[MUTANT_MISSPELT] = "misspelt line",
	[MUTANT_PADDED] = "padded line",
	[MUTANT_MOVED] = "moved line",
	[MUTANT_SWAPPED] = "swapped streams",
	[MUTANT_VALUE] = "value out of range",
	[MUTANT_TWICE] = "output twice",
	[MUTANT_UNFINISHED] = "missing final newline",
	[MUTANT_STATUS] = "other exit status",
	[MUTANT_NO_FRAMES] = "traceback without frames",
	[MUTANT_OTHER_ERROR] = "traceback with another message",
	[MUTANT_PERMUTED] = "permuted block",
};

/* Shows a mutant with this text in the stream, and frees the text. */
static void
show(const struct mutation *mutation, enum mutant_kind kind, struct text text)
{
	struct outcome mutant = *mutation->outcome;

	mutant.streams[mutation->stream] = text;
	mutation->visit(kind, &mutant, mutation->context);
	text_fini(&text);
}

/* The stream with these lines in the place of one. */
static struct text
replace(const struct mutation *mutation, size_t place, const struct line *lines,
	size_t count)
{
	struct text text = {0};

	for (size_t i = 0; i < mutation->count; i++) {
		if (i != place)
			text_add_line(&text, &mutation->lines[i]);
		for (size_t k = 0; i == place && k < count; k++)
			text_add_line(&text, &lines[k]);
	}
	return text;
}

/* Shows a mutant where before, middle and after make up one line. */
static void
show_line(const struct mutation *mutation, enum mutant_kind kind, size_t place,
	struct line before, const char *middle, struct line after)
{
	struct text text = {0};
	struct line line;

	text_add(&text, before.bytes, before.length);
	text_add(&text, middle, strlen(middle));
	text_add(&text, after.bytes, after.length);
	line = (struct line){text.bytes, text.length, true};
	show(mutation, kind, replace(mutation, place, &line, 1));
	text_fini(&text);
}

static struct line
part(const struct line *line, size_t start, size_t end)
{
	return (struct line){line->bytes + start, end - start, true};
}

/* Where the value of the pattern's first <unit> stands in the line. */
static void
find_value(const struct pattern *pattern, const struct line *line,
	size_t *start, size_t *end)
{
	const struct line *text = &pattern->text;
	const char *mark =
		memmem(text->bytes, text->length, UNIT_MARK, strlen(UNIT_MARK));

	*start = (size_t)(mark - text->bytes);
	*end = *start;
	while (*end < line->length &&
		strchr("0123456789.e-", line->bytes[*end]))
		++*end;
}

/* The pattern with a <unit> that the line was printed for, or NULL. */
static const struct pattern *
find_unit_pattern(const struct element *element, const struct line *line)
{
	for (size_t p = 0; p < element->count; p++)
		if (element->patterns[p].has_unit &&
			pattern_matches(&element->patterns[p], line))
			return &element->patterns[p];
	return NULL;
}

static void
spoil_value(
	const struct mutation *mutation, size_t place, size_t start, size_t end)
{
	static const char *const values[] = {"1.0", "-0.25", "nan", ""};
	const struct line *line = &mutation->lines[place];

	for (size_t v = 0; v < sizeof values / sizeof values[0]; v++)
		show_line(mutation, MUTANT_VALUE, place, part(line, 0, start),
			values[v], part(line, end, line->length));
}

/* Changes each character, except in the value. */
static void
misspell(const struct mutation *mutation, size_t place)
{
	const struct line *line = &mutation->lines[place];
	const struct pattern *pattern =
		find_unit_pattern(mutation->owners[place], line);
	size_t start = line->length, end = line->length;

	if (pattern) {
		find_value(pattern, line, &start, &end);
		spoil_value(mutation, place, start, end);
	}
	for (size_t i = 0; i < line->length; i++)
		if (i < start || i >= end)
			show_line(mutation, MUTANT_MISSPELT, place,
				part(line, 0, i),
				line->bytes[i] == '#' ? "%" : "#",
				part(line, i + 1, line->length));
}

static void
spoil_line(const struct mutation *mutation, size_t place)
{
	const struct line *line = &mutation->lines[place];
	const struct line twice[] = {*line, *line};
	const struct line nothing = part(line, 0, 0);

	if (mutation->owners[place]->kind == ELEMENT_FRAMES)
		return;
	show(mutation, MUTANT_DROPPED, replace(mutation, place, NULL, 0));
	show(mutation, MUTANT_DOUBLED, replace(mutation, place, twice, 2));
	show_line(mutation, MUTANT_PADDED, place, nothing, " ", *line);
	show_line(mutation, MUTANT_PADDED, place, *line, " ", nothing);
	misspell(mutation, place);
}

static int
compare_lines(const void *left, const void *right)
{
	const struct line *a = left, *b = right;
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->bytes, b->bytes, shorter);

	return order != 0 ? order
			  : (a->length > b->length) - (a->length < b->length);
}

/* Tells whether, within every element, these are the lines of the run. */
static bool
is_in_place(const struct mutation *mutation, const struct line *lines)
{
	size_t count = mutation->count, end;
	struct line *were = allocate(count, sizeof *were);
	struct line *are = allocate(count, sizeof *are);
	bool same = true;

	memcpy(were, mutation->lines, count * sizeof *were);
	memcpy(are, lines, count * sizeof *are);
	for (size_t start = 0; start < count; start = end) {
		for (end = start;
			end < count &&
			mutation->owners[end] == mutation->owners[start];)
			end++;
		qsort(&were[start], end - start, sizeof *were, compare_lines);
		qsort(&are[start], end - start, sizeof *are, compare_lines);
	}
	for (size_t i = 0; i < count; i++)
		same = same && compare_lines(&were[i], &are[i]) == 0;
	free(were);
	free(are);
	return same;
}

static struct text
join(const struct line *lines, size_t count)
{
	struct text text = {0};

	for (size_t i = 0; i < count; i++)
		text_add_line(&text, &lines[i]);
	return text;
}

static void
move_line(const struct mutation *mutation, size_t from)
{
	size_t count = mutation->count;
	struct line *lines = allocate(count, sizeof *lines);

	for (size_t to = 0; to < count; to++) {
		size_t next = 0;

		for (size_t i = 0; i < count; i++) {
			if (next == from)
				next++;
			lines[i] = mutation->lines[i == to ? from : next++];
		}
		if (!is_in_place(mutation, lines))
			show(mutation, MUTANT_MOVED, join(lines, count));
	}
	free(lines);
}

/* Goes through the orders of the lines from start on, within one block. */
static void
permute(const struct mutation *mutation, struct line *lines, size_t start,
	size_t end)
{
	if (start == end)
		show(mutation, MUTANT_PERMUTED, join(lines, mutation->count));
	for (size_t i = start; i < end; i++) {
		struct line first = lines[start];

		lines[start] = lines[i];
		lines[i] = first;
		permute(mutation, lines, start + 1, end);
		lines[i] = lines[start];
		lines[start] = first;
	}
}

/* What can be done to the lines of the element that begins here. */
static void
spoil_element(const struct mutation *mutation, size_t start, size_t end)
{
	struct text text = {0};

	switch (mutation->owners[start]->kind) {
	case ELEMENT_LINE:
		break;
	case ELEMENT_BLOCK:
		permute(mutation, mutation->lines, start, end);
		break;
	case ELEMENT_FRAMES:
		for (size_t i = 0; i < mutation->count; i++)
			if (i < start || i >= end)
				text_add_line(&text, &mutation->lines[i]);
		show(mutation, MUTANT_NO_FRAMES, text);
		if (end < mutation->count)
			show_line(mutation, MUTANT_OTHER_ERROR, end,
				part(&mutation->lines[end], 0, 0),
				"RuntimeError: another message",
				part(&mutation->lines[end], 0, 0));
		break;
	}
}

/* Lays the lines out; frames take every indented line they can. */
static void
find_owners(struct mutation *mutation)
{
	const struct section *section =
		&mutation->transcript->streams[mutation->stream];
	size_t line = 0;

	for (size_t e = 0; e < section->count; e++) {
		const struct element *element = &section->elements[e];
		size_t end = line + element->count;

		if (element->kind == ELEMENT_FRAMES)
			for (end = line;
				end < mutation->count &&
				line_is_indented(&mutation->lines[end]);)
				end++;
		while (line < end && line < mutation->count)
			mutation->owners[line++] = element;
	}
}

static void
spoil_lines(struct mutation *mutation)
{
	size_t end;

	find_owners(mutation);
	for (size_t line = 0; line < mutation->count; line++) {
		spoil_line(mutation, line);
		move_line(mutation, line);
	}
	for (size_t start = 0; start < mutation->count; start = end) {
		for (end = start;
			end < mutation->count &&
			mutation->owners[end] == mutation->owners[start];)
			end++;
		spoil_element(mutation, start, end);
	}
}

static void
spoil_stream(struct mutation *mutation, int stream)
{
	const struct text *text = &mutation->outcome->streams[stream];
	struct text twice = {0}, unfinished = {0};

	if (text->length == 0)
		return;
	mutation->stream = stream;
	mutation->count = lines_split(text, &mutation->lines);
	mutation->owners = allocate(mutation->count, sizeof *mutation->owners);
	spoil_lines(mutation);
	text_add(&twice, text->bytes, text->length);
	text_add(&twice, text->bytes, text->length);
	show(mutation, MUTANT_TWICE, twice);
	text_add(&unfinished, text->bytes, text->length - 1);
	show(mutation, MUTANT_UNFINISHED, unfinished);
	free(mutation->owners);
	free(mutation->lines);
}

static bool
has_unit(const struct element *element)
{
	for (size_t p = 0; p < element->count; p++)
		if (element->patterns[p].has_unit)
			return true;
	return false;
}

/* What an element alone, which others may follow, makes possible. */
static bool
applies_to(enum mutant_kind kind, const struct element *element, bool is_last)
{
	switch (kind) {
	case MUTANT_MOVED:
		return !is_last;
	case MUTANT_VALUE:
		return has_unit(element);
	case MUTANT_NO_FRAMES:
		return element->kind == ELEMENT_FRAMES;
	case MUTANT_OTHER_ERROR:
		return element->kind == ELEMENT_FRAMES && !is_last;
	case MUTANT_PERMUTED:
		return element->kind == ELEMENT_BLOCK;
	default:
		return true;
	}
}

bool
mutant_applies(enum mutant_kind kind, const struct transcript *transcript,
	const struct outcome *outcome)
{
	const struct text *out = &outcome->streams[0];
	const struct text *err = &outcome->streams[1];

	if (kind == MUTANT_STATUS)
		return true;
	if (kind == MUTANT_SWAPPED)
		return out->length != err->length ||
		       (out->length > 0 && memcmp(out->bytes, err->bytes,
						   out->length) != 0);
	for (int stream = 0; stream < 2; stream++) {
		const struct section *section = &transcript->streams[stream];

		for (size_t e = 0; e < section->count; e++)
			if (applies_to(kind, &section->elements[e],
				    e + 1 == section->count))
				return true;
	}
	return false;
}

void
mutants_visit(const struct transcript *transcript,
	const struct outcome *outcome,
	void (*visit)(enum mutant_kind, const struct outcome *, void *),
	void *context)
{
	/* exit 0, exit 1, SIGTERM, SIGKILL, in the form of wait */
	static const int statuses[] = {0, 1 << 8, 15, 9};
	struct mutation mutation = {.transcript = transcript,
		.outcome = outcome,
		.visit = visit,
		.context = context};
	struct outcome mutant = *outcome;

	for (int stream = 0; stream < 2; stream++)
		spoil_stream(&mutation, stream);
	mutant.streams[0] = outcome->streams[1];
	mutant.streams[1] = outcome->streams[0];
	if (mutant_applies(MUTANT_SWAPPED, transcript, outcome))
		visit(MUTANT_SWAPPED, &mutant, context);
	mutant = *outcome;
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		mutant.status = statuses[i];
		if (mutant.status != outcome->status)
			visit(MUTANT_STATUS, &mutant, context);
	}
}
