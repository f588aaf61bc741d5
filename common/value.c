#include "value.h"

#include "error.h"
#include "memory.h"
#include "panic.h"

#include <stdlib.h>
#include <string.h>

struct value {
	enum value_kind kind;
	union {
		long long integer;
		double real;
		struct {
			/* One byte more than size, a zero, ends a text. */
			char *bytes;
			size_t size;
		};
		struct {
			struct value **items;
			size_t count;
			size_t room;
		};
		struct {
			const struct value_class *class;
			void *object;
		};
	};
};

static struct value *
value_of_kind(enum value_kind kind)
{
	struct value *value = must_have(calloc(1, sizeof(*value)));

	value->kind = kind;
	return value;
}

struct value *
value_nothing(void)
{
	return value_of_kind(VALUE_NOTHING);
}

struct value *
value_integer(long long integer)
{
	struct value *value = value_of_kind(VALUE_INTEGER);

	value->integer = integer;
	return value;
}

struct value *
value_real(double real)
{
	struct value *value = value_of_kind(VALUE_REAL);

	value->real = real;
	return value;
}

static struct value *
value_of_bytes(enum value_kind kind, const void *bytes, size_t size)
{
	struct value *value = value_of_kind(kind);

	value->bytes = memory_resize(NULL, size + 1);
	if (size > 0)
		memcpy(value->bytes, bytes, size);
	value->bytes[size] = 0;
	value->size = size;
	return value;
}

struct value *
value_text(const char *text)
{
	return value_of_bytes(VALUE_TEXT, text, strlen(text));
}

struct value *
value_bytes(const void *bytes, size_t size)
{
	return value_of_bytes(VALUE_BYTES, bytes, size);
}

struct value *
value_empty_list(void)
{
	return value_of_kind(VALUE_LIST);
}

struct value *
value_list_of(struct value *const *items, size_t count)
{
	struct value *list = value_empty_list();

	for (size_t i = 0; i < count; i++)
		value_append(list, items[i]);
	return list;
}

struct value *
value_object(const struct value_class *value_class, void *object)
{
	struct value *value = value_of_kind(VALUE_OBJECT);

	value->class = value_class;
	value->object = object;
	value_class->hold(object);
	return value;
}

void
value_append(struct value *list, struct value *item)
{
	if (list->kind != VALUE_LIST)
		panic("append to a %s", value_kind_name(list));
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 4;
		list->items = must_have(reallocarray(
			list->items, list->room, sizeof(struct value *)));
	}
	list->items[list->count++] = item;
}

void
value_free(struct value *value)
{
	if (!value)
		return;
	switch (value->kind) {
	case VALUE_TEXT:
	case VALUE_BYTES:
		free(value->bytes);
		break;
	case VALUE_LIST:
		for (size_t i = 0; i < value->count; i++)
			value_free(value->items[i]);
		free(value->items);
		break;
	case VALUE_OBJECT:
		value->class->drop(value->object);
		break;
	case VALUE_NOTHING:
	case VALUE_INTEGER:
	case VALUE_REAL:
		break;
	}
	free(value);
}

struct value *
value_copy(const struct value *value)
{
	struct value *copy;

	switch (value->kind) {
	case VALUE_TEXT:
	case VALUE_BYTES:
		return value_of_bytes(value->kind, value->bytes, value->size);
	case VALUE_LIST:
		copy = value_empty_list();
		for (size_t i = 0; i < value->count; i++)
			value_append(copy, value_copy(value->items[i]));
		return copy;
	case VALUE_OBJECT:
		return value_object(value->class, value->object);
	case VALUE_NOTHING:
	case VALUE_INTEGER:
	case VALUE_REAL:
		break;
	}
	copy = value_of_kind(value->kind);
	*copy = *value;
	return copy;
}

enum value_kind
value_kind(const struct value *value)
{
	return value->kind;
}

const char *
value_kind_name(const struct value *value)
{
	switch (value->kind) {
	case VALUE_NOTHING:
		return "nothing";
	case VALUE_INTEGER:
		return "integer";
	case VALUE_REAL:
		return "real";
	case VALUE_TEXT:
		return "text";
	case VALUE_BYTES:
		return "bytes";
	case VALUE_LIST:
		return "list";
	case VALUE_OBJECT:
		return value->class->interface;
	}
	panic("%d is not a kind of value", (int)value->kind);
}

/* Raises TypeError unless the value is of the kind that is wanted. */
static struct error *
expect(const struct value *value, enum value_kind kind)
{
	if (value->kind != kind)
		return RAISE(TypeError, "%s expected, not %s",
			value_kind_name(&(struct value){.kind = kind}),
			value_kind_name(value));
	return NULL;
}

struct error *
value_get_integer(const struct value *value, long long *integer)
{
	TRY(expect(value, VALUE_INTEGER));
	*integer = value->integer;
	return NULL;
}

struct error *
value_get_real(const struct value *value, double *real)
{
	TRY(expect(value, VALUE_REAL));
	*real = value->real;
	return NULL;
}

struct error *
value_get_text(const struct value *value, const char **text)
{
	TRY(expect(value, VALUE_TEXT));
	*text = value->bytes;
	return NULL;
}

struct error *
value_get_bytes(const struct value *value, const void **bytes, size_t *size)
{
	TRY(expect(value, VALUE_BYTES));
	*bytes = value->bytes;
	*size = value->size;
	return NULL;
}

struct error *
value_get_object(
	const struct value *value, const char *interface, void **object)
{
	if (value->kind != VALUE_OBJECT ||
		strcmp(value->class->interface, interface) != 0)
		return RAISE(TypeError, "%s expected, not %s", interface,
			value_kind_name(value));
	*object = value->object;
	return NULL;
}

const struct value_class *
value_object_class(const struct value *value)
{
	if (value->kind != VALUE_OBJECT)
		panic("class of a %s", value_kind_name(value));
	return value->class;
}

size_t
value_count(const struct value *list)
{
	if (list->kind != VALUE_LIST)
		panic("count of a %s", value_kind_name(list));
	return list->count;
}

struct error *
value_at(const struct value *list, size_t index, const struct value **item)
{
	TRY(expect(list, VALUE_LIST));
	if (index >= list->count)
		return RAISE(IndexError, "item %zu of a list of %zu", index,
			list->count);
	*item = list->items[index];
	return NULL;
}

struct error *
value_integer_at(const struct value *list, size_t index, long long *integer)
{
	const struct value *item;

	TRY(value_at(list, index, &item));
	TRY(value_get_integer(item, integer));
	return NULL;
}

struct error *
value_real_at(const struct value *list, size_t index, double *real)
{
	const struct value *item;

	TRY(value_at(list, index, &item));
	TRY(value_get_real(item, real));
	return NULL;
}

struct error *
value_text_at(const struct value *list, size_t index, const char **text)
{
	const struct value *item;

	TRY(value_at(list, index, &item));
	TRY(value_get_text(item, text));
	return NULL;
}
