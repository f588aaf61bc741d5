/* text.c - see text.h. */

#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_SHOWN = 400 };

static void
out_of_memory(void)
{
	fputs("out of memory\n", stderr);
	exit(2);
}

void *
allocate(size_t count, size_t size)
{
	void *memory = calloc(count > 0 ? count : 1, size);

	if (!memory)
		out_of_memory();
	return memory;
}

char *
text_format(const char *format, ...)
{
	va_list arguments;
	char *string;

	va_start(arguments, format);
	if (vasprintf(&string, format, arguments) < 0)
		out_of_memory();
	va_end(arguments);
	return string;
}

void
text_add(struct text *text, const char *bytes, size_t length)
{
	if (text->length + length >= text->capacity) {
		text->capacity = 2 * (text->length + length) + 64;
		text->bytes = realloc(text->bytes, text->capacity);
		if (!text->bytes)
			out_of_memory();
	}
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list arguments;
	char *string;
	int length;

	va_start(arguments, format);
	length = vasprintf(&string, format, arguments);
	va_end(arguments);
	if (length < 0)
		out_of_memory();
	text_add(text, string, (size_t)length);
	free(string);
}

void
text_add_line(struct text *text, const struct line *line)
{
	text_add(text, line->bytes, line->length);
	text_add(text, "\n", 1);
}

static bool
is_plain(char byte)
{
	return byte >= ' ' && byte <= '~';
}

static bool
needs_escapes(const struct line *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (!is_plain(line->bytes[i]))
			return true;
	return line->length > 0 && line->bytes[line->length - 1] == ' ';
}

static void
add_escaped(struct text *text, const struct line *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char byte = line->bytes[i];

		if (byte == '\\')
			text_add(text, "\\\\", 2);
		else if (byte == '\t')
			text_add(text, "\\t", 2);
		else if (byte == '\r')
			text_add(text, "\\r", 2);
		else if (!is_plain(byte) ||
			 (byte == ' ' && i + 1 == line->length))
			text_printf(text, "\\x%02x", (unsigned char)byte);
		else
			text_add(text, &byte, 1);
	}
}

void
text_show_line(struct text *text, const struct line *line)
{
	size_t length = line->length;

	if (length > LONGEST_SHOWN)
		length = LONGEST_SHOWN;
	/*
	 * A lone \t may be two plain bytes: only the remark tells them from
	 * the escape for a tab.
	 */
	if (needs_escapes(line)) {
		add_escaped(text, line, length);
		text_printf(text, " (with escapes)");
	} else {
		text_add(text, line->bytes, length);
	}
	if (line->length == 0)
		text_printf(text, "(an empty line)");
	if (line->length > length)
		text_printf(
			text, " (and %zu bytes more)", line->length - length);
	if (!line->ended)
		text_printf(text, " (no final newline)");
	text_add(text, "\n", 1);
}

int
text_read(struct text *text, const char *file)
{
	char buffer[4096];
	size_t length;
	int error = 0;
	FILE *stream = fopen(file, "re");

	if (!stream)
		return errno;
	while ((length = fread(buffer, 1, sizeof buffer, stream)) > 0)
		text_add(text, buffer, length);
	if (ferror(stream))
		error = errno;
	fclose(stream);
	return error;
}

void
text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

size_t
lines_split(const struct text *text, struct line **lines)
{
	size_t count = 0, start = 0;

	for (size_t i = 0; i < text->length; i++)
		if (text->bytes[i] == '\n' || i + 1 == text->length)
			count++;
	*lines = allocate(count, sizeof **lines);
	for (size_t n = 0; n < count; n++) {
		const char *bytes = text->bytes + start;
		const char *end = memchr(bytes, '\n', text->length - start);
		struct line line = {bytes, text->length - start, end != NULL};

		if (end)
			line.length = (size_t)(end - bytes);
		(*lines)[n] = line;
		start += line.length + 1;
	}
	return count;
}

bool
line_is(const struct line *line, const char *string)
{
	return line->ended && line->length == strlen(string) &&
	       memcmp(line->bytes, string, line->length) == 0;
}

bool
line_starts(const struct line *line, const char *string)
{
	size_t length = strlen(string);

	return line->length >= length &&
	       memcmp(line->bytes, string, length) == 0;
}
