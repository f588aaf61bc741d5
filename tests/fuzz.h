/*
 * fuzz.h - what must hold for any bytes that come from another process. Each
 * target is a function of bytes: a fuzzer looks for bytes for which it panics,
 * crashes, leaks or hangs, and test_fuzz.c tries those in tests/corpus/NAME.
 */
#ifndef FORKLORE_FUZZ_H
#define FORKLORE_FUZZ_H

#include "buffer.h"
#include "handshake.h"
#include "panic.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Both sizes are the handshake's own. */
#define FUZZ_ANSWER_SIZE (HANDSHAKE_NONCE_SIZE + 32)

struct fuzz_target {
	const char *name;
	void (*run)(struct reader input);
};

/* The last one has no name. */
extern const struct fuzz_target fuzz_targets[];

/* In fuzz_value.c. */
void fuzz_value(struct reader input);
void fuzz_error(struct reader input);
/* In fuzz_message.c. */
void fuzz_request(struct reader input);
void fuzz_reply(struct reader input);
void fuzz_chunk(struct reader input);
void fuzz_outcome(struct reader input);
/* In fuzz_handshake.c. */
void fuzz_handshake(struct reader input);
/* In fuzz_channel.c. */
void fuzz_channel(struct reader input);
/* In fuzz_server.c. */
void fuzz_server(struct reader input);

/* Panics unless something holds that must. */
#define MUST_HOLD(claim)                             \
	do {                                         \
		if (!(claim))                        \
			panic("broken: %s", #claim); \
	} while (0)

/* Takes a byte off the input; 0 when there is none left. */
static inline unsigned
fuzz_byte(struct reader *input)
{
	if (input->length == 0)
		return 0;
	input->length--;
	return *input->bytes++;
}

/* Takes so many bytes off the input, or what is left. */
static inline struct reader
fuzz_bytes(struct reader *input, size_t size)
{
	struct reader taken = {
		input->bytes, size < input->length ? size : input->length};

	/* Nothing may be added to NULL, not even 0. */
	if (taken.length > 0)
		input->bytes += taken.length;
	input->length -= taken.length;
	return taken;
}

/* Whether a buffer holds just these bytes. */
static inline bool
fuzz_equal(const struct buffer *buffer, struct reader bytes)
{
	return buffer->length == bytes.length &&
	       (bytes.length == 0 ||
		       memcmp(buffer->bytes, bytes.bytes, bytes.length) == 0);
}

/* What is in a buffer, to be read. */
static inline struct reader
fuzz_reader(const struct buffer *buffer)
{
	return (struct reader){buffer->bytes, buffer->length};
}

/* Makes the answer that a client gives which knows the key. */
void fuzz_answer(const unsigned char challenge[HANDSHAKE_NONCE_SIZE],
	unsigned char answer[FUZZ_ANSWER_SIZE]);

#endif
