#include "buffer.h"

#include "error.h"
#include "memory.h"
#include "panic.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST_ROOM 64

void
buffer_fini(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

void *
buffer_extend(struct buffer *buffer, size_t size)
{
	size_t length = buffer->length + size;

	if (length < size)
		panic("a buffer of more than %zu bytes", SIZE_MAX);
	if (length > buffer->room || !buffer->bytes) {
		/* Doubling keeps the cost of growing in proportion. */
		size_t room = buffer->room ? buffer->room : SMALLEST_ROOM;

		while (room < length)
			room = room > SIZE_MAX / 2 ? length : 2 * room;
		buffer->bytes = memory_resize(buffer->bytes, room);
		buffer->room = room;
	}
	buffer->length = length;
	return buffer->bytes + length - size;
}

void
buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_put_bytes(buffer, &byte, sizeof(byte));
}

void
buffer_put_number(struct buffer *buffer, uint64_t number)
{
	buffer_put_bytes(buffer, &number, sizeof(number));
}

void
buffer_put_real(struct buffer *buffer, double real)
{
	buffer_put_bytes(buffer, &real, sizeof(real));
}

void
buffer_put_bytes(struct buffer *buffer, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(buffer_extend(buffer, size), bytes, size);
}

void
buffer_put_text(struct buffer *buffer, const char *text)
{
	size_t length = strlen(text);

	buffer_put_number(buffer, length);
	buffer_put_bytes(buffer, text, length);
}

struct error *
reader_take_bytes(struct reader *reader, size_t size, const void **bytes)
{
	if (size > reader->length)
		return RAISE(ValueError,
			"a message ends %zu bytes early: %zu are left of %zu",
			size - reader->length, reader->length, size);
	*bytes = reader->bytes;
	reader->bytes += size;
	reader->length -= size;
	return NULL;
}

/* What the fixed sizes have in common: a copy, since bytes are not aligned. */
static struct error *
take(struct reader *reader, void *object, size_t size)
{
	const void *bytes;

	TRY(reader_take_bytes(reader, size, &bytes));
	memcpy(object, bytes, size);
	return NULL;
}

struct error *
reader_take_byte(struct reader *reader, uint8_t *byte)
{
	return take(reader, byte, sizeof(*byte));
}

struct error *
reader_take_number(struct reader *reader, uint64_t *number)
{
	return take(reader, number, sizeof(*number));
}

struct error *
reader_take_real(struct reader *reader, double *real)
{
	return take(reader, real, sizeof(*real));
}

struct error *
reader_take_text(struct reader *reader, char **text)
{
	uint64_t length;
	const void *bytes;

	TRY(reader_take_number(reader, &length));
	TRY(reader_take_bytes(reader, length, &bytes));
	if (memchr(bytes, 0, length))
		return RAISE(ValueError, "a text with a zero byte in it");
	*text = must_have(strndup(bytes, length));
	return NULL;
}

struct error *
reader_end(const struct reader *reader)
{
	if (reader->length > 0)
		return RAISE(ValueError, "a message is %zu bytes too long",
			reader->length);
	return NULL;
}
