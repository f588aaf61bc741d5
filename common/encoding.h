/*
 * encoding.h - how values and errors go from one process to another: written
 * into a buffer here, made anew from a reader there.
 *
 * Most values write themselves down. An object is asked to, and may refuse:
 * that one question is the whole difference between the cases that fail and the
 * one whose condition is a manager's.
 */
#ifndef FORKLORE_ENCODING_H
#define FORKLORE_ENCODING_H

#include <stddef.h>

struct buffer;
struct error;
struct reader;
struct value;
struct value_class;

/* How deep lists may stand in lists. */
#define ENCODING_DEPTH_LIMIT 100

/*
 * Appends a value to the buffer. NULL, as a task may leave its result, is sent
 * as the value that value_nothing() makes. Raises what an object raises that
 * refuses, and ValueError for lists nested deeper than the limit; the buffer
 * then holds some part of the value.
 */
struct error *encode_value(const struct value *value, struct buffer *buffer);

/*
 * Takes one value from the reader; the caller frees it. Raises ValueError for
 * bytes that are no value, and what the decoding of an object raises.
 */
struct error *decode_value(struct reader *reader, struct value **value);

/*
 * The same for count items of a list, from the one with number first on. Both
 * panic where the list has fewer. What is decoded takes their places. After an
 * error some may have been replaced.
 */
struct error *encode_items(const struct value *list, size_t first, size_t count,
	struct buffer *buffer);
struct error *decode_items(
	struct reader *reader, struct value *list, size_t first, size_t count);

/* Appends an error with its frames. */
void encode_error(const struct error *error, struct buffer *buffer);

/*
 * Takes one error from the reader; the caller frees it. Raises ValueError for
 * bytes that are no error.
 */
struct error *decode_error(struct reader *reader, struct error **error);

/*
 * Makes a class of objects known to decode_value(). To be called from a
 * constructor, before main, so that every process of the program knows it.
 * Panics after the eighth class.
 */
void encoding_register(const struct value_class *value_class);

#endif
