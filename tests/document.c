/* document.c - see document.h. */

#include "document.h"

#include <stdlib.h>
#include <string.h>

static const char fence[] = "```";

/* Where in the file the parser is. */
struct place {
	size_t number;
	bool in_fence;
	bool may_indent; /* after an empty line, and in an indented block */
	size_t indentation;
	struct line language;
};

static size_t
count_spaces(const struct line *line)
{
	size_t count = 0;

	while (count < line->length && line->bytes[count] == ' ')
		count++;
	return count;
}

static struct line
without(const struct line *line, size_t length)
{
	if (length > line->length)
		length = line->length;
	return (struct line){
		line->bytes + length, line->length - length, line->ended};
}

static void
add_piece(struct document *document, const struct place *place, bool is_block,
	struct line text)
{
	size_t count = document->piece_count;
	struct piece *pieces = allocate(count + 1, sizeof *pieces);

	if (count > 0)
		memcpy(pieces, document->pieces, count * sizeof *pieces);
	free(document->pieces);
	pieces[count] =
		(struct piece){is_block, text, place->number, place->language};
	document->pieces = pieces;
	document->piece_count++;
}

bool
line_next_word(struct line *rest, struct line *word)
{
	const char *start = memchr(rest->bytes, '`', rest->length);
	const char *end;

	if (!start)
		return false;
	*rest = without(rest, (size_t)(start - rest->bytes) + 1);
	end = memchr(rest->bytes, '`', rest->length);
	*word = (struct line){rest->bytes,
		end ? (size_t)(end - rest->bytes) : rest->length, true};
	*rest = without(rest, word->length + 1);
	return true;
}

/* A line outside of fences. */
static void
parse_line(struct document *document, struct place *place, struct line line)
{
	size_t spaces = count_spaces(&line);
	bool is_empty = spaces == line.length;
	struct line word;

	if (is_empty) {
		place->may_indent = true;
		place->indentation = 0;
	} else if (spaces >= 4 && place->may_indent) {
		if (place->indentation == 0 || spaces < place->indentation)
			place->indentation = spaces;
		add_piece(document, place, true,
			without(&line, place->indentation));
	} else {
		place->may_indent = false;
		while (line_next_word(&line, &word))
			add_piece(document, place, false, word);
	}
}

void
document_parse(
	struct document *document, const char *file, const struct text *text)
{
	struct place place = {.may_indent = true};

	*document = (struct document){.file = file};
	document->line_count = lines_split(text, &document->lines);
	for (size_t i = 0; i < document->line_count; i++) {
		struct line line = document->lines[i];
		size_t spaces = count_spaces(&line);
		struct line stripped = without(&line, spaces);

		place.number = i + 1;
		if (line_starts(&stripped, fence)) {
			place.in_fence = !place.in_fence;
			place.indentation = spaces;
			place.language = (struct line){0};
			if (place.in_fence)
				place.language =
					without(&stripped, strlen(fence));
		} else if (place.in_fence) {
			add_piece(document, &place, true,
				without(&line, spaces < place.indentation
						       ? spaces
						       : place.indentation));
		} else {
			parse_line(document, &place, line);
		}
	}
}

void
document_fini(struct document *document)
{
	free(document->pieces);
	free(document->lines);
	*document = (struct document){0};
}
