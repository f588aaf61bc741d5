/*
 * fields.h - a file of JSON, and the fields of its objects. What is not as it
 * has to be is a ValueError that names the file and the spot in it, and says
 * what would be right.
 */
#ifndef VIEWS_FIELDS_H
#define VIEWS_FIELDS_H

#include "error.h"

#include <jansson.h>

/* Which object in which file: "x.json" and "entry 12". */
struct spot {
	const char *path;
	char where[64];
};

/*
 * Reads a file. Raises OSError where it cannot be read, and ValueError where it
 * is empty, cut off, or no JSON. The caller gives the JSON up.
 */
struct error *fields_load(const char *path, json_t **json);

/* A text that has to be there; the object owns it. */
struct error *fields_text(const struct spot *spot, const json_t *object,
	const char *key, const char **text);

/* A text that may be missing, and is NULL then. */
struct error *fields_text_if_any(const struct spot *spot, const json_t *object,
	const char *key, const char **text);

/* A whole number that has to be there, and between these. */
struct error *fields_number(const struct spot *spot, const json_t *object,
	const char *key, long long least, long long most, long long *number);

/* An object that has to be there, or an array; the object owns it. */
struct error *fields_object(const struct spot *spot, const json_t *object,
	const char *key, const json_t **inner);
struct error *fields_array(const struct spot *spot, const json_t *object,
	const char *key, const json_t **inner);

/* The error of a field that is something else than expected, or missing. */
struct error *fields_wrong(const struct spot *spot, const json_t *object,
	const char *key, const char *expected);

#endif
