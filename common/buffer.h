/*
 * buffer.h - bytes that grow while they are written, and a reader that takes
 * them apart again without ever running past their end.
 *
 * Numbers stand in the machine's own order: all readers run on this machine.
 */
#ifndef FORKLORE_BUFFER_H
#define FORKLORE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct error;

/* Bytes being written. All zero is an empty buffer. */
struct buffer {
	unsigned char *bytes;
	size_t length;
	size_t room;
};

/* Frees the bytes and leaves an empty buffer. */
void buffer_fini(struct buffer *buffer);

/*
 * Makes the buffer size bytes longer and gives the first of them to be filled
 * in. The pointer lasts until the buffer grows again.
 */
static inline void *buffer_extend(struct buffer *buffer, size_t size);

/* Each appends one thing; text gets its length before it. */
static inline void buffer_put_byte(struct buffer *buffer, uint8_t byte);
static inline void buffer_put_number(struct buffer *buffer, uint64_t number);
static inline void buffer_put_real(struct buffer *buffer, double real);
void buffer_put_bytes(struct buffer *buffer, const void *bytes, size_t size);
void buffer_put_text(struct buffer *buffer, const char *text);

/* What is left to read of bytes that belong to somebody else. */
struct reader {
	const unsigned char *bytes;
	size_t length;
};

/*
 * Each takes one thing from the front, or raises ValueError where what is left
 * is too short for it. Bytes are borrowed from whoever owns them; the caller
 * frees a text, which never holds a zero byte.
 */
static inline struct error *
reader_take_byte(struct reader *reader, uint8_t *byte);
static inline struct error *
reader_take_number(struct reader *reader, uint64_t *number);
static inline struct error *
reader_take_real(struct reader *reader, double *real);
struct error *
reader_take_bytes(struct reader *reader, size_t size, const void **bytes);
struct error *reader_take_text(struct reader *reader, char **text);

/* Raises ValueError unless everything was read. */
struct error *reader_end(const struct reader *reader);

/*
 * What stands below is called for each byte and number of long messages, and is
 * to cost no more than the copy. Bytes are not aligned, hence memcpy().
 */

/* Makes room for size more bytes, or for one, so that there are some. */
void buffer_grow(struct buffer *buffer, size_t size);

static inline void *
buffer_extend(struct buffer *buffer, size_t size)
{
	if (size == 0 || size > buffer->room - buffer->length)
		buffer_grow(buffer, size);
	buffer->length += size;
	return buffer->bytes + buffer->length - size;
}

static inline void
buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
	memcpy(buffer_extend(buffer, sizeof(byte)), &byte, sizeof(byte));
}

static inline void
buffer_put_number(struct buffer *buffer, uint64_t number)
{
	memcpy(buffer_extend(buffer, sizeof(number)), &number, sizeof(number));
}

static inline void
buffer_put_real(struct buffer *buffer, double real)
{
	memcpy(buffer_extend(buffer, sizeof(real)), &real, sizeof(real));
}

/* Raises that what is left is too short for size bytes. */
struct error *reader_too_short(const struct reader *reader, size_t size);

/* What the fixed sizes have in common; 0 is taken where too little is left. */
static inline struct error *
reader_take(struct reader *reader, void *object, size_t size)
{
	if (size > reader->length) {
		memset(object, 0, size);
		return reader_too_short(reader, size);
	}
	memcpy(object, reader->bytes, size);
	reader->bytes += size;
	reader->length -= size;
	return NULL;
}

static inline struct error *
reader_take_byte(struct reader *reader, uint8_t *byte)
{
	return reader_take(reader, byte, sizeof(*byte));
}

static inline struct error *
reader_take_number(struct reader *reader, uint64_t *number)
{
	return reader_take(reader, number, sizeof(*number));
}

static inline struct error *
reader_take_real(struct reader *reader, double *real)
{
	return reader_take(reader, real, sizeof(*real));
}

#endif
