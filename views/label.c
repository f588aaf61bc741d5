#include "label.h"

#include "panic.h"

#include <libxml/chvalid.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlstring.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xFFFD
#define ELLIPSIS 0x2026

/* How many bytes a character needs at most. */
#define CHARACTER_SIZE 4

/*
 * Takes the next character, or one byte that is none, off a text. libxml2 also
 * reads some that are not as UTF-8 writes them, so it has to write the same.
 */
static int
next(const char **text)
{
	const xmlChar *bytes = (const xmlChar *)*text;
	int length = (int)strnlen(*text, CHARACTER_SIZE);
	int character = xmlGetUTF8Char(bytes, &length);
	xmlChar again[CHARACTER_SIZE];

	if (character >= 0 && !xmlIsCharQ(character)) {
		*text += length;
		return REPLACEMENT;
	}
	if (character < 0 || xmlCopyCharMultiByte(again, character) != length ||
		memcmp(again, bytes, (size_t)length) != 0) {
		++*text;
		return REPLACEMENT;
	}
	*text += length;
	if (character == '\t' || character == '\n' || character == '\r')
		return ' ';
	/* What a terminal obeys is nothing to be shown, though XML has it. */
	if (character >= 0x7F && character < 0xA0)
		return REPLACEMENT;
	return character;
}

size_t
label_length(const char *text)
{
	size_t length = 0;

	for (; *text; length++)
		next(&text);
	return length;
}

char *
label_fit(const char *text, size_t room)
{
	size_t length = label_length(text);
	size_t kept = length <= room ? length : room;
	char *label = must_have(malloc(kept * CHARACTER_SIZE + 1));
	xmlChar *end = (xmlChar *)label;

	for (size_t i = 0; i < kept; i++) {
		int character = next(&text);

		if (length > room && i + 1 == room)
			character = ELLIPSIS;
		end += xmlCopyCharMultiByte(end, character);
	}
	*end = '\0';
	return label;
}

char *
label_format(const char *pattern, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, pattern);
	if (vasprintf(&text, pattern, arguments) < 0)
		panic("out of memory");
	va_end(arguments);
	return text;
}
