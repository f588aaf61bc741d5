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

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_LIMIT 8

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

static struct error *
encode(const struct value *value, struct buffer *buffer, int depth);

static struct error *
encode_list(const struct value *list, struct buffer *buffer, int depth)
{
	const struct value *item;

	TRY(check_depth(depth));
	buffer_put_number(buffer, value_count(list));
	for (size_t i = 0; i < value_count(list); i++) {
		TRY(value_at(list, i, &item));
		TRY(encode(item, buffer, depth));
	}
	return NULL;
}

static struct error *
encode_bytes(const struct value *value, struct buffer *buffer)
{
	const void *bytes;
	size_t size;

	TRY(value_get_bytes(value, &bytes, &size));
	buffer_put_number(buffer, size);
	buffer_put_bytes(buffer, bytes, size);
	return NULL;
}

static struct error *
encode_object(const struct value *value, struct buffer *buffer)
{
	const struct value_class *class = value_object_class(value);
	void *object;

	TRY(value_get_object(value, class->interface, &object));
	buffer_put_text(buffer, class->name);
	TRY(class->encode(object, buffer));
	return NULL;
}

static struct error *
encode(const struct value *value, struct buffer *buffer, int depth)
{
	long long integer;
	double real;
	const char *text;

	buffer_put_byte(buffer, (uint8_t)value_kind(value));
	switch (value_kind(value)) {
	case VALUE_NOTHING:
		break;
	case VALUE_INTEGER:
		TRY(value_get_integer(value, &integer));
		buffer_put_number(buffer, (uint64_t)integer);
		break;
	case VALUE_REAL:
		TRY(value_get_real(value, &real));
		buffer_put_real(buffer, real);
		break;
	case VALUE_TEXT:
		TRY(value_get_text(value, &text));
		buffer_put_text(buffer, text);
		break;
	case VALUE_BYTES:
		return encode_bytes(value, buffer);
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
	return encode(value, buffer, 0);
}

static struct error *
decode(struct reader *reader, struct value **value, int depth);

static struct error *
decode_text(struct reader *reader, struct value **value)
{
	char *text;

	TRY(reader_take_text(reader, &text));
	*value = value_text(text);
	free(text);
	return NULL;
}

static struct error *
decode_bytes(struct reader *reader, struct value **value)
{
	uint64_t size;
	const void *bytes;

	TRY(reader_take_number(reader, &size));
	TRY(reader_take_bytes(reader, size, &bytes));
	*value = value_bytes(bytes, size);
	return NULL;
}

static struct error *
decode_list(struct reader *reader, struct value **value, int depth)
{
	SCOPED(value) list = value_empty_list();
	uint64_t count;

	TRY(check_depth(depth));
	TRY(reader_take_number(reader, &count));
	/* No item is shorter than a byte, so a false count ends early. */
	for (uint64_t i = 0; i < count; i++) {
		struct value *item;

		TRY(decode(reader, &item, depth));
		value_append(list, item);
	}
	*value = list;
	list = NULL;
	return NULL;
}

static struct error *
decode_object(struct reader *reader, struct value **value)
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
	*value = value_object(class, object);
	class->drop(object);
	return NULL;
}

static struct error *
decode(struct reader *reader, struct value **value, int depth)
{
	uint8_t kind;
	uint64_t integer;
	double real;

	TRY(reader_take_byte(reader, &kind));
	switch (kind) {
	case VALUE_NOTHING:
		*value = value_nothing();
		return NULL;
	case VALUE_INTEGER:
		TRY(reader_take_number(reader, &integer));
		*value = value_integer((long long)integer);
		return NULL;
	case VALUE_REAL:
		TRY(reader_take_real(reader, &real));
		*value = value_real(real);
		return NULL;
	case VALUE_TEXT:
		return decode_text(reader, value);
	case VALUE_BYTES:
		return decode_bytes(reader, value);
	case VALUE_LIST:
		return decode_list(reader, value, depth + 1);
	case VALUE_OBJECT:
		return decode_object(reader, value);
	default:
		return RAISE(ValueError, "%d is not a kind of value", kind);
	}
}

struct error *
decode_value(struct reader *reader, struct value **value)
{
	return decode(reader, value, 0);
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
