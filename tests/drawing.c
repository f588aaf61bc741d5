/* drawing.c - see drawing.h. */

#include "drawing.h"

#include "excerpt.h"

#include <stdlib.h>
#include <string.h>

/* A line of a diagram, and where it belongs. */
struct stroke {
	struct line line;
	struct line owner; /* the participant at whom it ends, or the line */
	size_t number;
};

static struct line
part(const char *start, const char *end)
{
	return (struct line){start, (size_t)(end - start), true};
}

/* The participant of "A->>B: words" and of "Note over B: words" is B. */
static struct line
owner_of(const struct line *line)
{
	static const char *const starts[] = {"->>", "Note over "};
	const char *end = line->bytes + line->length, *start, *colon;

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		start = memmem(line->bytes, line->length, starts[i],
			strlen(starts[i]));
		if (!start)
			continue;
		start += strlen(starts[i]);
		colon = memchr(start, ':', (size_t)(end - start));
		return part(start, colon ? colon : end);
	}
	return *line;
}

static int
compare_bytes(const struct line *a, const struct line *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->bytes, b->bytes, shorter);

	return order != 0 ? order
			  : (a->length > b->length) - (a->length < b->length);
}

static int
compare_strokes(const void *one, const void *other)
{
	const struct stroke *a = one, *b = other;
	int order = compare_bytes(&a->owner, &b->owner);

	return order != 0 ? order
			  : (a->number > b->number) - (a->number < b->number);
}

/* Gives the lines of a diagram, those of each participant together. */
static struct text
by_participant(const struct text *diagram)
{
	struct text sorted = {0};
	struct line *lines;
	size_t count = lines_split(diagram, &lines);
	struct stroke *strokes = allocate(count + 1, sizeof *strokes);

	for (size_t i = 0; i < count; i++)
		strokes[i] = (struct stroke){lines[i], owner_of(&lines[i]), i};
	qsort(strokes, count, sizeof *strokes, compare_strokes);
	for (size_t i = 0; i < count; i++)
		text_add_line(&sorted, &strokes[i].line);
	free(strokes);
	free(lines);
	return sorted;
}

char *
drawing_difference(const struct text *drawing, const struct text *output)
{
	struct text drawn = by_participant(drawing);
	struct text printed = by_participant(output);
	char *difference = excerpt_difference(&drawn, &printed);

	/* Neither has a line that the other has not. */
	if (!difference)
		difference = excerpt_difference(&printed, &drawn);
	text_fini(&drawn);
	text_fini(&printed);
	return difference;
}
