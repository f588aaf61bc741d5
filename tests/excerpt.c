/* excerpt.c - see excerpt.h. */

#include "excerpt.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* What changes from run to run, and what is put in its place. */
static const struct change {
	const char *regex, *replacement;
} changes[] = {
	{"[ \t]+", " "},
	{"^ | $", ""},
	{"pid [0-9]+", "pid N"},
	{"worker [0-9]+", "worker N"},
	{"[0-9]+\\.[0-9]+ s\\b", "N.N s"},
	{" [0-9]+\\.[0-9] ", " N.N "}, /* milliseconds, in a table */
	{"^\\.\\.\\.( \\|)+\n", ""},   /* a pause, in a table */
	{"\\b(0\\.[0-9]+|[0-9](\\.[0-9]+)?e-[0-9]+)\\b", "<unit>"},
};

/* Lines that start so come in any order. */
static const char unordered[] = "^(Task [0-9]|worker N)";

static void
replace(struct text *text, const struct change *change)
{
	struct text replaced = {0};
	size_t start = 0;
	regmatch_t match;
	regex_t regex;

	if (regcomp(&regex, change->regex, REG_EXTENDED | REG_NEWLINE) != 0)
		abort();
	while (start < text->length &&
		regexec(&regex, text->bytes + start, 1, &match,
			start > 0 && text->bytes[start - 1] != '\n' ? REG_NOTBOL
								    : 0) == 0) {
		text_add(&replaced, text->bytes + start, (size_t)match.rm_so);
		text_printf(&replaced, "%s", change->replacement);
		start += (size_t)match.rm_eo;
	}
	text_add(&replaced, text->bytes + start, text->length - start);
	regfree(&regex);
	text_fini(text);
	*text = replaced;
}

static int
compare_lines(const void *one, const void *other)
{
	const struct line *a = one, *b = other;
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->bytes, b->bytes, shorter);

	return order != 0 ? order
			  : (a->length > b->length) - (a->length < b->length);
}

static bool
is_unordered(const regex_t *regex, const struct line *line)
{
	regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)line->length};

	return regexec(regex, line->bytes, 1, &range, REG_STARTEND) == 0;
}

/* Sorts the lines that come in any order, wherever some stand together. */
static void
sort_neighbours(struct line *lines, size_t count)
{
	size_t start, end;
	regex_t regex;

	if (regcomp(&regex, unordered, REG_EXTENDED) != 0)
		abort();
	for (start = 0; start < count; start = end + 1) {
		for (end = start; end < count; end++)
			if (!is_unordered(&regex, &lines[end]))
				break;
		qsort(lines + start, end - start, sizeof *lines, compare_lines);
	}
	regfree(&regex);
}

/* Gives the lines of a text as they are to be compared, in normal. */
static size_t
normalize(const struct text *text, struct text *normal, struct line **lines)
{
	size_t count;

	text_add(normal, text->length ? text->bytes : "", text->length);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		replace(normal, &changes[i]);
	count = lines_split(normal, lines);
	sort_neighbours(*lines, count);
	return count;
}

/* How many lines of the quotation stand in the output from there on. */
static size_t
count_equal(
	const struct line *quotation, const struct line *output, size_t count)
{
	size_t equal = 0;

	while (equal < count &&
		compare_lines(&quotation[equal], &output[equal]) == 0)
		equal++;
	return equal;
}

static char *
describe(const struct line *missing, const struct line *output, size_t count)
{
	struct text text = {0};

	text_printf(&text, "  not printed in this place:\n  - ");
	text_show_line(&text, missing);
	text_printf(&text, "  of what was printed:\n");
	for (size_t i = 0; i < count; i++) {
		text_printf(&text, "  | ");
		text_show_line(&text, &output[i]);
	}
	return text.bytes;
}

char *
excerpt_difference(const struct text *quotation, const struct text *output)
{
	struct text normal[2] = {{0}, {0}};
	struct line *quoted, *printed;
	size_t quoted_count = normalize(quotation, &normal[0], &quoted);
	size_t printed_count = normalize(output, &normal[1], &printed);
	size_t best = 0;
	char *difference = NULL;

	for (size_t i = 0; i < printed_count && best < quoted_count; i++) {
		size_t left = printed_count - i;
		size_t equal = count_equal(quoted, printed + i,
			left < quoted_count ? left : quoted_count);

		best = equal > best ? equal : best;
	}
	if (best < quoted_count)
		difference = describe(&quoted[best], printed, printed_count);
	free(quoted);
	free(printed);
	text_fini(&normal[0]);
	text_fini(&normal[1]);
	return difference;
}
