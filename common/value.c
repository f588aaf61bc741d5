#include "value.h"

#include "error.h"
#include "memory.h"
#include "panic.h"
#include "value_form.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where a list has room for none. */
#define SMALLEST_ROOM 4

static struct value *
value_of_kind(enum value_kind kind)
{
	struct value *value = must_have(malloc(sizeof(*value)));

	*value = (struct value){.kind = kind};
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

void
value_put_bytes(
	struct value *place, unsigned kind, const void *bytes, size_t size)
{
	struct value_bytes *copy =
		memory_resize(NULL, sizeof(*copy) + size + 1);

	copy->size = size;
	if (size > 0)
		memcpy(copy->bytes, bytes, size);
	copy->bytes[size] = 0;
	*place = (struct value){.kind = kind, .bytes = copy};
}

struct value *
value_text(const char *text)
{
	struct value *value = value_nothing();

	value_put_bytes(value, VALUE_TEXT, text, strlen(text));
	return value;
}

struct value *
value_bytes(const void *bytes, size_t size)
{
	struct value *value = value_nothing();

	value_put_bytes(value, VALUE_BYTES, bytes, size);
	return value;
}

static size_t
size_of_items(size_t room)
{
	return sizeof(struct value_items) + room * sizeof(struct value);
}

void
value_put_list(struct value *place, size_t room)
{
	struct value_items *list = memory_resize(NULL, size_of_items(room));

	list->count = 0;
	list->room = room;
	*place = (struct value){.kind = VALUE_LIST, .list = list};
}

static struct value *
list_with_room(size_t room)
{
	struct value *list = value_nothing();

	value_put_list(list, room);
	return list;
}

struct value *
value_empty_list(void)
{
	return list_with_room(SMALLEST_ROOM);
}

struct value *
value_list_of(struct value *const *items, size_t count)
{
	struct value *list = list_with_room(count);

	for (size_t i = 0; i < count; i++)
		value_append(list, items[i]);
	return list;
}

struct value *
value_nothings(size_t count)
{
	struct value *value = value_of_kind(VALUE_LIST);

	value->list = must_have(calloc(1, size_of_items(count)));
	value->list->count = count;
	value->list->room = count;
	return value;
}

void
value_put_object(struct value *place, const struct value_class *value_class,
	void *object)
{
	struct value_share *share = must_have(malloc(sizeof(*share)));

	*share = (struct value_share){value_class, object};
	value_class->hold(object);
	*place = (struct value){.kind = VALUE_OBJECT, .object = share};
}

struct value *
value_object(const struct value_class *value_class, void *object)
{
	struct value *value = value_nothing();

	value_put_object(value, value_class, object);
	return value;
}

static void
grow(struct value *list)
{
	size_t room = list->list->room ? 2 * list->list->room : SMALLEST_ROOM;

	list->list = memory_resize(list->list, size_of_items(room));
	list->list->room = room;
}

struct value *
value_add(struct value *list)
{
	struct value *place;

	if (list->list->count == list->list->room)
		grow(list);
	place = &list->list->items[list->list->count++];
	*place = (struct value){.kind = VALUE_NOTHING};
	return place;
}

void
value_append(struct value *list, struct value *item)
{
	if (list->kind != VALUE_LIST)
		panic("append to a %s", value_kind_name(list));
	*value_add(list) = *item;
	free(item);
}

struct value *
value_take(struct value *list, size_t index)
{
	struct value *taken;

	if (index >= value_count(list))
		panic("item %zu of a list of %zu", index, value_count(list));
	taken = value_nothing();
	*taken = list->list->items[index];
	list->list->items[index] = (struct value){.kind = VALUE_NOTHING};
	return taken;
}

/* Whether a value owns memory beside itself. */
static bool
is_owner(const struct value *value)
{
	return value->kind >= VALUE_TEXT;
}

/* Frees what a value owns beside itself. */
static void
let_go(const struct value *place)
{
	switch ((enum value_kind)place->kind) {
	case VALUE_TEXT:
	case VALUE_BYTES:
		free(place->bytes);
		break;
	case VALUE_LIST:
		for (size_t i = 0; i < place->list->count; i++)
			if (is_owner(&place->list->items[i]))
				let_go(&place->list->items[i]);
		free(place->list);
		break;
	case VALUE_OBJECT:
		place->object->class->drop(place->object->object);
		free(place->object);
		break;
	case VALUE_NOTHING:
	case VALUE_INTEGER:
	case VALUE_REAL:
		break;
	}
}

void
value_clear(struct value *place)
{
	let_go(place);
	place->kind = VALUE_NOTHING;
}

void
value_free(struct value *value)
{
	if (!value)
		return;
	let_go(value);
	free(value);
}

static void
copy_into(struct value *place, const struct value *value)
{
	const struct value_items *items;

	switch ((enum value_kind)value->kind) {
	case VALUE_TEXT:
	case VALUE_BYTES:
		value_put_bytes(place, value->kind, value->bytes->bytes,
			value->bytes->size);
		return;
	case VALUE_LIST:
		items = value->list;
		value_put_list(place, items->count);
		for (size_t i = 0; i < items->count; i++)
			copy_into(value_add(place), &items->items[i]);
		return;
	case VALUE_OBJECT:
		value_put_object(
			place, value->object->class, value->object->object);
		return;
	case VALUE_NOTHING:
	case VALUE_INTEGER:
	case VALUE_REAL:
		*place = *value;
	}
}

struct value *
value_copy(const struct value *value)
{
	struct value *copy = value_nothing();

	copy_into(copy, value);
	return copy;
}

enum value_kind
value_kind(const struct value *value)
{
	return (enum value_kind)value->kind;
}

const char *
value_kind_name(const struct value *value)
{
	switch ((enum value_kind)value->kind) {
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
		return value->object->class->interface;
	}
	panic("%u is not a kind of value", value->kind);
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
	*text = value->bytes->bytes;
	return NULL;
}

struct error *
value_get_bytes(const struct value *value, const void **bytes, size_t *size)
{
	TRY(expect(value, VALUE_BYTES));
	*bytes = value->bytes->bytes;
	*size = value->bytes->size;
	return NULL;
}

struct error *
value_get_object(
	const struct value *value, const char *interface, void **object)
{
	if (value->kind != VALUE_OBJECT ||
		strcmp(value->object->class->interface, interface) != 0)
		return RAISE(TypeError, "%s expected, not %s", interface,
			value_kind_name(value));
	*object = value->object->object;
	return NULL;
}

const struct value_class *
value_object_class(const struct value *value)
{
	if (value->kind != VALUE_OBJECT)
		panic("class of a %s", value_kind_name(value));
	return value->object->class;
}

size_t
value_count(const struct value *list)
{
	if (list->kind != VALUE_LIST)
		panic("count of a %s", value_kind_name(list));
	return list->list->count;
}

struct error *
value_at(const struct value *list, size_t index, const struct value **item)
{
	TRY(expect(list, VALUE_LIST));
	if (index >= list->list->count)
		return RAISE(IndexError, "item %zu of a list of %zu", index,
			list->list->count);
	*item = &list->list->items[index];
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
