/*
 * A value stands as one byte for its kind, then its content: an integer or a
 * real as 8 bytes, text and bytes after their length, a list as its count and
 * its items, an object as its class's name and whatever the class writes.
 */
#include "encoding.h"

#include "buffer.h"
#include "error.h"
#include "panic.h"
#include "value.h"
#include "value_form.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_LIMIT 8
/* Up to here, a list's count is believed before its items are there. */
#define TRUSTED_COUNT 64

static const struct value_class *classes[CLASSES_LIMIT];
static size_t class_count;

void
encoding_register(const struct value_class *value_class)
{
	if (class_count == CLASSES_LIMIT)
		panic("more than %d classes of objects", CLASSES_LIMIT);
	classes[class_count++] = value_class;
}

static struct error *
find_class(const char *name, const struct value_class **found)
{
	for (size_t i = 0; i < class_count; i++)
		if (strcmp(classes[i]->name, name) == 0) {
			*found = classes[i];
			return NULL;
		}
	return RAISE(ValueError, "'%s' is no class of objects", name);
}

static struct error *
check_depth(int depth)
{
	if (depth > ENCODING_DEPTH_LIMIT)
		return RAISE(ValueError, "lists nested deeper than %d",
			ENCODING_DEPTH_LIMIT);
	return NULL;
}

/* The items of a list from one on; so many must be there. */
static struct value *
items_of(const struct value *list, size_t first, size_t count)
{
	size_t there = value_count(list);

	if (first > there || count > there - first)
		panic("%zu items from %zu on, of a list of %zu", count, first,
			there);
	return list->list->items + first;
}

static struct error *
encode(const struct value *value, struct buffer *buffer, int depth);

static struct error *
encode_list(const struct value *value, struct buffer *buffer, int depth)
{
	const struct value_items *list = value->list;

	TRY(check_depth(depth));
	buffer_put_number(buffer, list->count);
	for (size_t i = 0; i < list->count; i++)
		TRY(encode(&list->items[i], buffer, depth));
	return NULL;
}

static struct error *
encode_object(const struct value *value, struct buffer *buffer)
{
	const struct value_share *share = value->object;

	buffer_put_text(buffer, share->class->name);
	TRY(share->class->encode(share->object, buffer));
	return NULL;
}

static struct error *
encode(const struct value *value, struct buffer *buffer, int depth)
{
	buffer_put_byte(buffer, (uint8_t)value->kind);
	switch ((enum value_kind)value->kind) {
	case VALUE_NOTHING:
		break;
	case VALUE_INTEGER:
		buffer_put_number(buffer, (uint64_t)value->integer);
		break;
	case VALUE_REAL:
		buffer_put_real(buffer, value->real);
		break;
	case VALUE_TEXT:
	case VALUE_BYTES:
		buffer_put_number(buffer, value->bytes->size);
		buffer_put_bytes(
			buffer, value->bytes->bytes, value->bytes->size);
		break;
	case VALUE_LIST:
		return encode_list(value, buffer, depth + 1);
	case VALUE_OBJECT:
		return encode_object(value, buffer);
	}
	return NULL;
}

struct error *
encode_value(const struct value *value, struct buffer *buffer)
{
	static const struct value nothing = {.kind = VALUE_NOTHING};

	return encode(value ? value : &nothing, buffer, 0);
}

struct error *
encode_items(const struct value *list, size_t first, size_t count,
	struct buffer *buffer)
{
	const struct value *items = items_of(list, first, count);

	for (size_t i = 0; i < count; i++)
		TRY(encode(&items[i], buffer, 0));
	return NULL;
}

/* What is decoded takes the place of nothing; after an error, it is a part. */
static struct error *
decode(struct reader *reader, struct value *place, int depth);

static struct error *
decode_text(struct reader *reader, struct value *place)
{
	char *text;

	TRY(reader_take_text(reader, &text));
	value_put_bytes(place, VALUE_TEXT, text, strlen(text));
	free(text);
	return NULL;
}

static struct error *
decode_bytes(struct reader *reader, struct value *place)
{
	uint64_t size;
	const void *bytes;

	TRY(reader_take_number(reader, &size));
	TRY(reader_take_bytes(reader, size, &bytes));
	value_put_bytes(place, VALUE_BYTES, bytes, size);
	return NULL;
}

static struct error *
decode_list(struct reader *reader, struct value *place, int depth)
{
	uint64_t count;

	TRY(check_depth(depth));
	TRY(reader_take_number(reader, &count));
	value_put_list(place, count < TRUSTED_COUNT ? count : TRUSTED_COUNT);
	/* No item is shorter than a byte, so a false count ends early. */
	for (uint64_t i = 0; i < count; i++)
		TRY(decode(reader, value_add(place), depth));
	return NULL;
}

static struct error *
decode_object(struct reader *reader, struct value *place)
{
	const struct value_class *class;
	struct error *error;
	char *name;
	void *object;

	TRY(reader_take_text(reader, &name));
	error = find_class(name, &class);
	free(name);
	TRY(error);
	TRY(class->decode(reader, &object));
	value_put_object(place, class, object);
	class->drop(object);
	return NULL;
}

static struct error *
decode_integer(struct reader *reader, struct value *place)
{
	uint64_t integer;

	TRY(reader_take_number(reader, &integer));
	place->integer = (long long)integer;
	place->kind = VALUE_INTEGER;
	return NULL;
}

static struct error *
decode_real(struct reader *reader, struct value *place)
{
	TRY(reader_take_real(reader, &place->real));
	place->kind = VALUE_REAL;
	return NULL;
}

static struct error *
decode(struct reader *reader, struct value *place, int depth)
{
	uint8_t kind;

	TRY(reader_take_byte(reader, &kind));
	switch (kind) {
	case VALUE_NOTHING:
		return NULL;
	case VALUE_INTEGER:
		return decode_integer(reader, place);
	case VALUE_REAL:
		return decode_real(reader, place);
	case VALUE_TEXT:
		return decode_text(reader, place);
	case VALUE_BYTES:
		return decode_bytes(reader, place);
	case VALUE_LIST:
		return decode_list(reader, place, depth + 1);
	case VALUE_OBJECT:
		return decode_object(reader, place);
	default:
		return RAISE(ValueError, "%d is not a kind of value", kind);
	}
}

struct error *
decode_value(struct reader *reader, struct value **value)
{
	SCOPED(value) decoded = value_nothing();

	TRY(decode(reader, decoded, 0));
	*value = decoded;
	decoded = NULL;
	return NULL;
}

struct error *
decode_items(
	struct reader *reader, struct value *list, size_t first, size_t count)
{
	struct value *items = items_of(list, first, count);

	for (size_t i = 0; i < count; i++) {
		value_clear(&items[i]);
		TRY(decode(reader, &items[i], 0));
	}
	return NULL;
}

void
encode_error(const struct error *error, struct buffer *buffer)
{
	buffer_put_byte(buffer, (uint8_t)error->kind);
	buffer_put_text(buffer, error->message);
	buffer_put_number(buffer, error->frame_count);
	for (size_t i = 0; i < error->frame_count; i++) {
		const struct frame *frame = &error->frames[i];

		buffer_put_text(buffer, frame->file);
		buffer_put_number(buffer, (uint64_t)frame->line);
		buffer_put_text(buffer, frame->function);
		buffer_put_text(buffer, frame->call);
		buffer_put_text(buffer, frame->place);
	}
}

static struct error *
take_line(struct reader *reader, int *line)
{
	uint64_t number;

	TRY(reader_take_number(reader, &number));
	*line = (int)number;
	if ((uint64_t)*line != number)
		return RAISE(ValueError, "%" PRIu64 " is not a line", number);
	return NULL;
}

static struct error *
decode_frame(struct reader *reader, struct error *error)
{
	char *texts[4] = {NULL};
	int line = 0;
	struct error *failure = NULL;

	failure = reader_take_text(reader, &texts[0]);
	if (!failure)
		failure = take_line(reader, &line);
	for (int i = 1; i < 4 && !failure; i++)
		failure = reader_take_text(reader, &texts[i]);
	if (!failure)
		error_add_frame(error, &(struct frame){texts[0], line, texts[1],
					       texts[2], texts[3]});
	for (int i = 0; i < 4; i++)
		free(texts[i]);
	return failure;
}

struct error *
decode_error(struct reader *reader, struct error **error)
{
	SCOPED(error) decoded = NULL;
	uint8_t kind;
	char *message;
	uint64_t count;

	TRY(reader_take_byte(reader, &kind));
	if (kind >= ERROR_KIND_COUNT)
		return RAISE(ValueError, "%d is not a kind of error", kind);
	TRY(reader_take_text(reader, &message));
	decoded = error_new(kind, "%s", message);
	free(message);
	TRY(reader_take_number(reader, &count));
	for (uint64_t i = 0; i < count; i++)
		TRY(decode_frame(reader, decoded));
	*error = decoded;
	decoded = NULL;
	return NULL;
}
