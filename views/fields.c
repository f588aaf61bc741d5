#include "fields.h"

#include "caption.h"
#include "panic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a wrong value is shown. */
#define VALUE_SIZE 40

/* What the parser has to complain of, with where that is. */
static struct error *
parse_error(const char *path, FILE *file, const json_error_t *error)
{
	bool ended =
		json_error_code(error) == json_error_premature_end_of_input &&
		feof(file);
	struct error *raised;
	char *text;

	if (ended && error->position == 0)
		return RAISE(ValueError,
			"%s: not a record of a run: the file is empty", path);
	if (ended)
		return RAISE(ValueError,
			"%s: not a whole record of a run: it is cut off in "
			"line %d",
			path, error->line);
	/* It may quote the file, in which there may be anything. */
	text = caption_clean(error->text);
	raised = RAISE(ValueError,
		"%s: not a record of a run: no JSON at line %d, column %d: %s",
		path, error->line, error->column, text);
	free(text);
	return raised;
}

struct error *
fields_load(const char *path, json_t **json)
{
	json_error_t parse;
	struct error *error = NULL;
	FILE *file = fopen(path, "re");

	if (!file)
		return RAISE_ERRNO("%s: cannot be read", path);
	errno = 0;
	*json = json_loadf(file, JSON_REJECT_DUPLICATES, &parse);
	if (!*json && ferror(file))
		error = RAISE_ERRNO("%s: cannot be read", path);
	else if (!*json)
		error = parse_error(path, file, &parse);
	fclose(file);
	return error;
}

struct error *
fields_wrong(const struct spot *spot, const json_t *object, const char *key,
	const char *expected)
{
	const json_t *value = json_object_get(object, key);
	struct error *error;
	char *text;

	if (!value)
		return RAISE(ValueError,
			"%s: not a record of a run: %s: there is no '%s', "
			"which should be %s",
			spot->path, spot->where, key, expected);
	/* Only ASCII, so that it can be cut off anywhere. */
	text = must_have(json_dumps(
		value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII));
	if (strlen(text) > VALUE_SIZE)
		strcpy(text + VALUE_SIZE - strlen("..."), "...");
	error = RAISE(ValueError,
		"%s: not a record of a run: %s: '%s' is %s, and should be %s",
		spot->path, spot->where, key, text, expected);
	free(text);
	return error;
}

struct error *
fields_text(const struct spot *spot, const json_t *object, const char *key,
	const char **text)
{
	*text = json_string_value(json_object_get(object, key));
	if (!*text)
		return fields_wrong(spot, object, key, "a text");
	return NULL;
}

struct error *
fields_text_if_any(const struct spot *spot, const json_t *object,
	const char *key, const char **text)
{
	*text = NULL;
	if (json_object_get(object, key))
		TRY(fields_text(spot, object, key, text));
	return NULL;
}

struct error *
fields_number(const struct spot *spot, const json_t *object, const char *key,
	long long least, long long most, long long *number)
{
	const json_t *value = json_object_get(object, key);
	char expected[80];

	*number = json_integer_value(value);
	if (json_is_integer(value) && *number >= least && *number <= most)
		return NULL;
	snprintf(expected, sizeof(expected),
		least == most ? "%lld" : "a whole number from %lld to %lld",
		least, most);
	return fields_wrong(spot, object, key, expected);
}

struct error *
fields_object(const struct spot *spot, const json_t *object, const char *key,
	const json_t **inner)
{
	*inner = json_object_get(object, key);
	if (!json_is_object(*inner))
		return fields_wrong(spot, object, key, "an object");
	return NULL;
}

struct error *
fields_array(const struct spot *spot, const json_t *object, const char *key,
	const json_t **inner)
{
	*inner = json_object_get(object, key);
	if (!json_is_array(*inner))
		return fields_wrong(spot, object, key, "an array");
	return NULL;
}
