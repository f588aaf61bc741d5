/* pattern.c - see pattern.h. */

#include "pattern.h"

#include <ctype.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { UNIT_LENGTH = sizeof UNIT_MARK - 1, UNIT_LONGEST = 32 };

/* The number of digits of a decimal, without the zeros in front. */
static int
count_digits(const char *decimal)
{
	int count = 0;

	for (; *decimal && *decimal != 'e'; decimal++)
		if (isdigit((unsigned char)*decimal) &&
			(count > 0 || *decimal != '0'))
			count++;
	return count;
}

/* The number of digits after which the decimal reads back as the double. */
static int
count_needed_digits(double value)
{
	char decimal[UNIT_LONGEST];

	for (int digits = 1; digits < 17; digits++) {
		snprintf(decimal, sizeof decimal, "%.*e", digits - 1, value);
		if (strtod(decimal, NULL) == value)
			return digits;
	}
	return 17;
}

bool
is_unit(const char *bytes, size_t length)
{
	/* Zero; plain down to 0.0001; with an exponent from 9e-05 on. */
	static const char shape[] =
		"^(0\\.0|0\\.0{0,3}[1-9]([0-9]*[1-9])?|"
		"[1-9](\\.[0-9]*[1-9])?e-(0[5-9]|[1-9][0-9]{1,2}))$";
	char decimal[UNIT_LONGEST];
	double value;
	regex_t regex;
	bool fits;

	if (length >= sizeof decimal || memchr(bytes, '\0', length))
		return false;
	memcpy(decimal, bytes, length);
	decimal[length] = '\0';
	if (regcomp(&regex, shape, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	fits = regexec(&regex, decimal, 0, NULL, 0) == 0;
	regfree(&regex);
	if (!fits)
		return false;
	if (strcmp(decimal, "0.0") == 0)
		return true;
	value = strtod(decimal, NULL);
	/* Digits enough round up to 1, and an exponent down to 0. */
	return value > 0 && value < 1 &&
	       count_digits(decimal) <= count_needed_digits(value);
}

/*
 * Where a number ends is known only when the rest has matched: "<unit>." fits
 * "0.5." though the point could belong to a number. So every end is tried.
 */
static bool
matches(const char *pattern, size_t pattern_length, const char *bytes,
	size_t length)
{
	const char *mark =
		memmem(pattern, pattern_length, UNIT_MARK, UNIT_LENGTH);
	size_t before = mark ? (size_t)(mark - pattern) : pattern_length;

	if (length < before || memcmp(pattern, bytes, before) != 0)
		return false;
	if (!mark)
		return length == before;
	for (size_t end = before + 1; end <= length; end++)
		if (is_unit(bytes + before, end - before) &&
			matches(mark + UNIT_LENGTH,
				pattern_length - before - UNIT_LENGTH,
				bytes + end, length - end))
			return true;
	return false;
}

bool
pattern_matches(const struct pattern *pattern, const struct line *line)
{
	const struct line *text = &pattern->text;

	if (!line->ended)
		return false;
	if (pattern->has_unit)
		return matches(
			text->bytes, text->length, line->bytes, line->length);
	return line->length == text->length &&
	       memcmp(line->bytes, text->bytes, line->length) == 0;
}

bool
line_is_indented(const struct line *line)
{
	return line->ended && line_starts(line, "  ");
}

void
status_print(int status, char line[STATUS_SIZE])
{
	const char *name;

	if (WIFEXITED(status)) {
		snprintf(line, STATUS_SIZE, "== exit %d", WEXITSTATUS(status));
		return;
	}
	name = sigabbrev_np(WTERMSIG(status));
	if (name) /* as have all but the real-time signals */
		snprintf(line, STATUS_SIZE, "== killed SIG%s", name);
	else
		snprintf(line, STATUS_SIZE, "== killed %d", WTERMSIG(status));
}
