/*
 * value.h - what can be the argument of a task, or its result: nothing, an
 * integer, a real, a text, bytes, a list of values, or an object such as a
 * condition.
 *
 * Values belong to one process; encoding.h takes them to another.
 */
#ifndef FORKLORE_VALUE_H
#define FORKLORE_VALUE_H

#include "scoped.h"

#include <stddef.h>

struct buffer;
struct error;
struct reader;
struct value;

enum value_kind {
	VALUE_NOTHING,
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_TEXT,
	VALUE_BYTES,
	VALUE_LIST,
	VALUE_OBJECT,
};

/*
 * Each makes a value, which the caller frees or gives away. Text and bytes are
 * copied; bytes may be NULL if size is 0.
 */
struct value *value_nothing(void);
struct value *value_integer(long long integer);
struct value *value_real(double real);
struct value *value_text(const char *text);
struct value *value_bytes(const void *bytes, size_t size);

/*
 * Makes a list of the values named: value_list(value_integer(1),
 * value_text("a")) and takes them; value_empty_list() is a list of none.
 */
#define value_list(...)                                   \
	value_list_of((struct value *[]){__VA_ARGS__},    \
		sizeof((struct value *[]){__VA_ARGS__}) / \
			sizeof(struct value *))
struct value *value_list_of(struct value *const *items, size_t count);
struct value *value_empty_list(void);

/*
 * Appends an item to a list and takes it: what it holds moves into the list.
 * Panics if it is no list.
 */
void value_append(struct value *list, struct value *item);

/* Frees a value and all that is in it; NULL is fine. */
void value_free(struct value *value);
DEFINE_SCOPED(value)

/* Makes a copy, which the caller frees; an object is held by both. */
struct value *value_copy(const struct value *value);

enum value_kind value_kind(const struct value *value);

/* What it is, for messages: "integer", "list", or an object's interface. */
const char *value_kind_name(const struct value *value);

/*
 * Each gives what a value holds, or raises TypeError if it is of another kind.
 * Text and bytes are borrowed from the value.
 */
struct error *value_get_integer(const struct value *value, long long *integer);
struct error *value_get_real(const struct value *value, double *real);
struct error *value_get_text(const struct value *value, const char **text);
struct error *
value_get_bytes(const struct value *value, const void **bytes, size_t *size);

/* How many items a list has. Panics if it is no list. */
size_t value_count(const struct value *list);

/*
 * Each gives one item of a list, the first being number 0, or what it holds.
 * Raises IndexError if there is no such item, TypeError if it is no list or the
 * item is of another kind. What is given is borrowed from the list; the item
 * itself only until another is appended, as all of them may then move.
 */
struct error *
value_at(const struct value *list, size_t index, const struct value **item);
struct error *
value_integer_at(const struct value *list, size_t index, long long *integer);
struct error *
value_real_at(const struct value *list, size_t index, double *real);
struct error *
value_text_at(const struct value *list, size_t index, const char **text);

/*
 * For the pool, whose results come in any order: makes a list of so many items
 * that are nothing, to be replaced (encoding.h).
 */
struct value *value_nothings(size_t count);

/*
 * For the pool: takes an item out of a list, which the caller frees; nothing is
 * left in its place. Panics if there is no such item.
 */
struct value *value_take(struct value *list, size_t index);

/*
 * Objects: things of which a value holds a share. A class says what can be done
 * with its objects; it lives as long as the program.
 */
struct value_class {
	/* What its users take it for: "Condition". Classes may share it. */
	const char *interface;
	/* What tells the class from all others. */
	const char *name;
	/* Adds to an object's holders, or takes one away. */
	void (*hold)(void *object);
	void (*drop)(void *object);
	/* Writes an object down for another process, or raises. */
	struct error *(*encode)(const void *object, struct buffer *buffer);
	/* Makes an object of what was written; the caller is its holder. */
	struct error *(*decode)(struct reader *reader, void **object);
};

/* Makes a value that holds a share of an object. */
struct value *value_object(const struct value_class *value_class, void *object);

/*
 * Gives the object in a value, borrowed. Raises TypeError if it holds none with
 * that interface.
 */
struct error *value_get_object(
	const struct value *value, const char *interface, void **object);

/* The class of the object in a value. Panics if it holds none. */
const struct value_class *value_object_class(const struct value *value);

#endif
