#include "caption.h"

#include "panic.h"
#include "record.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* The characters of a text are looked at as those of UTF-8, wherever this is.
 */
static locale_t
enter_utf8(void)
{
	static locale_t utf8;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	/* Without it, what is not ASCII cannot be printed. */
	return uselocale(utf8);
}

/* Takes the next character off a text, or one byte that is none. */
static wint_t
next(const char **text)
{
	mbstate_t state = {0};
	wchar_t character;
	size_t length = mbrtowc(&character, *text, strlen(*text), &state);

	if (length == 0 || length > strlen(*text)) {
		++*text;
		return WEOF;
	}
	*text += length;
	return (wint_t)character;
}

char *
caption_clean(const char *text)
{
	char *clean = must_have(malloc(strlen(text) + 1)), *end = clean;
	locale_t old = enter_utf8();

	while (*text) {
		const char *start = text;
		wint_t character = next(&text);

		if (character != WEOF && iswprint(character))
			end = mempcpy(end, start, (size_t)(text - start));
		else
			*end++ = strchr("\t\n\r", *start) ? ' ' : '?';
	}
	*end = '\0';
	uselocale(old);
	return clean;
}

/* How wide a character is, that can be printed. */
static size_t
width_of(wint_t character)
{
	int width = character == WEOF ? 1 : wcwidth((wchar_t)character);

	return width < 0 ? 1 : (size_t)width;
}

size_t
caption_width(const char *text)
{
	locale_t old = enter_utf8();
	size_t width = 0;

	while (*text)
		width += width_of(next(&text));
	uselocale(old);
	return width;
}

size_t
caption_fit(const char *text, size_t columns)
{
	locale_t old = enter_utf8();
	const char *start = text, *after = text;
	size_t width = 0;

	while (*text) {
		width += width_of(next(&after));
		if (width > columns)
			break;
		text = after;
	}
	uselocale(old);
	return (size_t)(text - start);
}

static char *
join(const char *one, const char *middle, const char *other, const char *end)
{
	char *whole;

	if (asprintf(&whole, "%s%s%s%s", one, middle, other, end) < 0)
		panic("out of memory");
	return whole;
}

char *
caption_new(const struct entry *entry)
{
	char *said, *clean;

	if (strcmp(entry->category, "output") == 0)
		said = join("\"", entry->name, "\"", "");
	else if (entry->error && strcmp(entry->kind, "error_stored") != 0)
		said = join(entry->name, ": ", entry->error, "");
	else if (entry->value)
		said = join(entry->name, ", returned ", entry->value, "");
	else
		said = join(
			*entry->name ? entry->name : entry->kind, "", "", "");
	clean = caption_clean(said);
	free(said);
	return clean;
}
