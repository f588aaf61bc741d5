#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void
option_refuse(const char *option, const char *text, const char *expected)
{
	fprintf(stderr, "%s: --%s: '%s' is not %s\n",
		program_invocation_short_name, option, text, expected);
	exit(2);
}

void
option_refuse_word(const char *word)
{
	fprintf(stderr,
		"%s: '%s' is one word too many: there are only options, see "
		"--help\n",
		program_invocation_short_name, word);
	exit(2);
}

long
option_whole_number(const char *option, const char *text, long least, long most)
{
	char expected[80], *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < least || number > most) {
		snprintf(expected, sizeof(expected),
			"a whole number from %ld to %ld", least, most);
		option_refuse(option, text, expected);
	}
	return number;
}

double
option_seconds(const char *option, const char *text, double least, double most)
{
	char expected[80], *end;
	double number = strtod(text, &end);

	if (end == text || *end || !(number >= least && number <= most)) {
		snprintf(expected, sizeof(expected),
			"a number of seconds from %g to %g", least, most);
		option_refuse(option, text, expected);
	}
	return number;
}

uint64_t
option_seed(const char *text)
{
	char *end;
	uint64_t seed;

	errno = 0;
	seed = strtoull(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || *end)
		option_refuse("seed", text,
			"a whole number from 0 to 18446744073709551615");
	return seed;
}
