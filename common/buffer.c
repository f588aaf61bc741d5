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

void
buffer_grow(struct buffer *buffer, size_t size)
{
	size_t length = buffer->length + size;
	/* Doubling keeps the cost of growing in proportion. */
	size_t room = buffer->room ? buffer->room : SMALLEST_ROOM;

	if (length < size)
		panic("a buffer of more than %zu bytes", SIZE_MAX);
	while (room < length)
		room = room > SIZE_MAX / 2 ? length : 2 * room;
	if (room > buffer->room) {
		buffer->bytes = memory_resize(buffer->bytes, room);
		buffer->room = room;
	}
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
reader_too_short(const struct reader *reader, size_t size)
{
	return RAISE(ValueError,
		"a message ends %zu bytes early: %zu are left of %zu",
		size - reader->length, reader->length, size);
}

struct error *
reader_take_bytes(struct reader *reader, size_t size, const void **bytes)
{
	*bytes = reader->bytes;
	if (size > reader->length)
		return reader_too_short(reader, size);
	reader->bytes += size;
	reader->length -= size;
	return NULL;
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
