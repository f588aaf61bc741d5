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
void *buffer_extend(struct buffer *buffer, size_t size);

/* Each appends one thing; text gets its length before it. */
void buffer_put_byte(struct buffer *buffer, uint8_t byte);
void buffer_put_number(struct buffer *buffer, uint64_t number);
void buffer_put_real(struct buffer *buffer, double real);
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
struct error *reader_take_byte(struct reader *reader, uint8_t *byte);
struct error *reader_take_number(struct reader *reader, uint64_t *number);
struct error *reader_take_real(struct reader *reader, double *real);
struct error *
reader_take_bytes(struct reader *reader, size_t size, const void **bytes);
struct error *reader_take_text(struct reader *reader, char **text);

/* Raises ValueError unless everything was read. */
struct error *reader_end(const struct reader *reader);

#endif
