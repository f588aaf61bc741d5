/*
 * parse.c - how a transcript is read; see pattern.h.
 *
 * The parse_ functions take the lines one after the other, and return false
 * once they have written a complaint.
 */

#include "pattern.h"

#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SECTIONS                                                         \
	"the sections are `== stdout`, `== stderr`, and `== exit N` or " \
	"`== killed SIGNAME`, once each and in this order"

struct parser {
	struct transcript *transcript;
	size_t count;              /* of lines */
	size_t next;               /* line, from 0 */
	size_t patterns, elements; /* made so far */
	struct text quoted;        /* line, in a complaint */
	char **complaint;
};

__attribute__((format(printf, 3, 4))) static bool
complain(struct parser *parser, size_t number, const char *format, ...)
{
	va_list arguments;
	char *problem;

	va_start(arguments, format);
	if (vasprintf(&problem, format, arguments) < 0)
		abort();
	va_end(arguments);
	*parser->complaint = text_format(
		"%s:%zu: %s", parser->transcript->file, number, problem);
	free(problem);
	return false;
}

/* The line that comes next, or NULL at the end of the file. */
static const struct line *
peek(const struct parser *parser)
{
	if (parser->next == parser->count)
		return NULL;
	return &parser->transcript->lines[parser->next];
}

/* The next line as messages quote it; the parser keeps it. */
static const char *
quote(struct parser *parser)
{
	text_fini(&parser->quoted);
	text_show_line(&parser->quoted, peek(parser));
	parser->quoted.bytes[parser->quoted.length - 1] = '\0'; /* newline */
	return parser->quoted.bytes;
}

static bool
is_heading(const struct line *line)
{
	return line_starts(line, "== ");
}

static bool
is_bracketed(const struct line *line)
{
	return line->length >= 2 && line->bytes[0] == '[' &&
	       line->bytes[line->length - 1] == ']';
}

/* Finds the first <word>, and gives its length; 0 if there is none. */
static size_t
find_word_mark(const struct line *line, const char **mark)
{
	const char *end = line->bytes + line->length;

	for (const char *start = line->bytes; start < end; start++) {
		const char *s = start + 1;

		if (*start != '<')
			continue;
		while (s < end &&
			(islower((unsigned char)*s) ||
				(s > start + 1 &&
					(isdigit((unsigned char)*s) ||
						*s == '_' || *s == '-'))))
			s++;
		if (s > start + 1 && s < end && *s == '>') {
			*mark = start;
			return (size_t)(s + 1 - start);
		}
	}
	return 0;
}

bool
line_needs_backslash(const struct line *line)
{
	const char *mark;

	return line_starts(line, "\\") || is_heading(line) ||
	       is_bracketed(line) || line_is(line, FRAMES_MARK) ||
	       find_word_mark(line, &mark) > 0;
}

/* Every <word> in a line without a backslash has to be <unit>. */
static bool
parse_units(struct parser *parser, struct pattern *pattern)
{
	struct line rest = pattern->text;
	const char *mark;
	size_t length;

	while ((length = find_word_mark(&rest, &mark)) > 0) {
		if (length != strlen(UNIT_MARK) ||
			memcmp(mark, UNIT_MARK, length) != 0)
			return complain(parser, pattern->number,
				"unknown mark `%.*s`; the only one inside a "
				"line is `" UNIT_MARK "`, and a backslash in "
				"front of the line makes it stand for itself",
				(int)length, mark);
		pattern->has_unit = true;
		rest.length -= (size_t)(mark + length - rest.bytes);
		rest.bytes = mark + length;
	}
	return true;
}

/* Takes a line that stands for one line of output. */
static bool
parse_pattern(struct parser *parser)
{
	struct transcript *transcript = parser->transcript;
	struct pattern *pattern = &transcript->patterns[parser->patterns++];
	const struct line *line = peek(parser);

	*pattern = (struct pattern){*line, *line, false, parser->next + 1};
	if (line_starts(line, "\\")) {
		pattern->text.bytes++;
		pattern->text.length--;
	} else if (is_bracketed(line)) {
		return complain(parser, parser->next + 1,
			"unknown mark `%s`; the marks are `" BLOCK_MARK
			"` and `" END_MARK "`, and a backslash in front of "
			"the line makes it stand for itself",
			quote(parser));
	} else if (!parse_units(parser, pattern)) {
		return false;
	}
	parser->next++;
	return true;
}

static bool
parse_block(struct parser *parser, struct element *block)
{
	size_t opened = ++parser->next;
	const struct line *line;

	block->kind = ELEMENT_BLOCK;
	for (block->count = 0;; block->count++) {
		line = peek(parser);
		if (!line || is_heading(line))
			return complain(parser, opened,
				"this `" BLOCK_MARK
				"` is never closed; `" END_MARK
				"` has to stand after its last line, before "
				"line %zu",
				parser->next + 1);
		if (line_is(line, END_MARK))
			break;
		if (line_is(line, BLOCK_MARK))
			return complain(parser, parser->next + 1,
				"a `%s` inside another; `" END_MARK
				"` has to close the first one before",
				quote(parser));
		if (line_is(line, FRAMES_MARK))
			return complain(parser, parser->next + 1,
				"a `%s` inside a block; it has to stand "
				"outside, since a block counts its lines",
				quote(parser));
		if (!parse_pattern(parser))
			return false;
	}
	if (block->count == 0)
		return complain(parser, opened,
			"a block of no lines; it has to contain some, or go");
	parser->next++;
	return true;
}

static bool
parse_element(struct parser *parser)
{
	struct transcript *transcript = parser->transcript;
	struct element *element = &transcript->elements[parser->elements++];
	const struct line *line = peek(parser);

	element->patterns = &transcript->patterns[parser->patterns];
	element->count = 1;
	if (line_is(line, BLOCK_MARK))
		return parse_block(parser, element);
	if (line_is(line, END_MARK))
		return complain(parser, parser->next + 1,
			"a `%s` that closes nothing; `" BLOCK_MARK
			"` has to stand before the first line of the block",
			quote(parser));
	element->kind =
		line_is(line, FRAMES_MARK) ? ELEMENT_FRAMES : ELEMENT_LINE;
	return parse_pattern(parser);
}

static bool
parse_section(
	struct parser *parser, struct section *section, const char *heading)
{
	const struct line *line = peek(parser);

	if (!line)
		return complain(parser, parser->next + 1,
			"the file ends where `%s` has to stand; " SECTIONS,
			heading);
	if (!line_is(line, heading))
		return complain(parser, parser->next + 1,
			"`%s` where `%s` has to stand; " SECTIONS,
			quote(parser), heading);
	parser->next++;
	section->elements = &parser->transcript->elements[parser->elements];
	while ((line = peek(parser)) && !is_heading(line)) {
		if (!parse_element(parser))
			return false;
		section->count++;
	}
	section->end = parser->next + 1;
	return true;
}

/* Every status there is gets printed, until one reads like the line. */
static bool
parse_status(struct parser *parser)
{
	const struct line *line = peek(parser);
	char printed[STATUS_SIZE];

	if (!line)
		return complain(parser, parser->next + 1,
			"the file ends where `== exit N` or `== killed "
			"SIGNAME` has to stand; " SECTIONS);
	for (int n = 0; n < 256 + SIGRTMAX; n++) {
		int status =
			n < 256 ? W_EXITCODE(n, 0) : W_EXITCODE(0, n - 255);

		status_print(status, printed);
		if (line_is(line, printed)) {
			parser->transcript->status = status;
			parser->next++;
			return true;
		}
	}
	return complain(parser, parser->next + 1,
		"`%s` where `== exit N`, with N from 0 to 255, or `== killed "
		"SIGNAME` has to stand; " SECTIONS,
		quote(parser));
}

static bool
parse_transcript(struct parser *parser)
{
	struct transcript *transcript = parser->transcript;

	if (parser->count > 0 && !transcript->lines[parser->count - 1].ended)
		return complain(parser, parser->count,
			"the last line has to end with a newline");
	if (!parse_section(parser, &transcript->streams[0], "== stdout") ||
		!parse_section(parser, &transcript->streams[1], "== stderr") ||
		!parse_status(parser))
		return false;
	if (peek(parser))
		return complain(parser, parser->next + 1,
			"`%s` after the end; nothing may follow `== exit N` or "
			"`== killed SIGNAME`",
			quote(parser));
	return true;
}

struct transcript *
transcript_parse(const char *file, const struct text *source, char **complaint)
{
	struct transcript *transcript = allocate(1, sizeof *transcript);
	struct parser parser = {
		.transcript = transcript, .complaint = complaint};

	transcript->file = text_format("%s", file);
	text_add(&transcript->source, source->bytes, source->length);
	parser.count = lines_split(&transcript->source, &transcript->lines);
	transcript->patterns =
		allocate(parser.count, sizeof *transcript->patterns);
	transcript->elements =
		allocate(parser.count, sizeof *transcript->elements);
	if (!parse_transcript(&parser)) {
		transcript_free(transcript);
		transcript = NULL;
	}
	text_fini(&parser.quoted);
	return transcript;
}

void
transcript_free(struct transcript *transcript)
{
	if (!transcript)
		return;
	free(transcript->elements);
	free(transcript->patterns);
	free(transcript->lines);
	text_fini(&transcript->source);
	free(transcript->file);
	free(transcript);
}
