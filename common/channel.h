/*
 * channel.h - messages over a pair of descriptors, or over one socket.
 *
 * A message travels as a frame: its length in 8 bytes, then its payload. While
 * the run is recorded (trace.h), the number of the sender's latest entry comes
 * between the two: that is what caused whatever the receiver does then.
 * Partial reads and writes, the death of the peer, and frames that are too long
 * are dealt with here and nowhere else. A channel belongs to one thread.
 *
 * Whoever only talks to one peer uses channel_flush() and channel_receive().
 * Whoever serves many makes the descriptors non-blocking, waits for them, and
 * calls channel_flush(), channel_fill() and channel_next().
 */
#ifndef FORKLORE_CHANNEL_H
#define FORKLORE_CHANNEL_H

#include "buffer.h"

#include <stdbool.h>

struct channel {
	/* The same descriptor twice is a socket. */
	int in, out;
	/* The longest payload, either way, in bytes. */
	size_t limit;
	/* Frames not yet written; the first sent bytes of them are. */
	struct buffer outgoing;
	size_t sent;
	/* Whether its pipe was made larger for a long frame, if it could be. */
	bool is_wide;
	/* Where the frame under construction begins in outgoing. */
	size_t frame;
	/* Bytes read; the first taken of them were given out. */
	struct buffer incoming;
	size_t taken;
	/* The entry that came with the frame that was taken last, or 0. */
	uint64_t cause;
};

/*
 * Begins with two descriptors, which the channel borrows, and a limit to the
 * payloads of both sides.
 */
void channel_init(struct channel *channel, int in, int out, size_t limit);

/* Frees what the channel holds; the descriptors stay open. */
void channel_fini(struct channel *channel);

/*
 * Begins a frame and gives the buffer to which its payload is to be appended.
 * It is then either ended, which makes it ready to go, or cancelled, as if it
 * had never begun; the last one can be cancelled after its end, too, before
 * anything is flushed. Ending raises ValueError for a payload beyond the limit,
 * and has then cancelled the frame.
 */
struct buffer *channel_begin(struct channel *channel);
struct error *channel_end(struct channel *channel);
void channel_cancel(struct channel *channel);

/* The payload of the frame that was begun last, which lasts as long as that. */
struct reader channel_payload(const struct channel *channel);

/*
 * Moves what is ready to go, of which nothing was written yet, to a channel
 * that has nothing to write.
 */
void channel_move(struct channel *from, struct channel *to);

/*
 * Writes what is ready to go: all of it if the descriptor blocks, else as much
 * as can go at once. Raises ConnectionError when the peer is gone.
 */
struct error *channel_flush(struct channel *channel);

/* Whether there is something left to write. */
bool channel_has_outgoing(const struct channel *channel);

/*
 * Reads once what is there; on a descriptor that blocks, waits for something.
 * *filled, unless NULL, tells whether there was anything. Raises
 * ConnectionError at the end of the stream or when the peer is gone.
 */
struct error *channel_fill(struct channel *channel, bool *filled);

/*
 * Takes the next whole frame out of what was read, if there is one; payload
 * then borrows from the channel until that reads again. Raises ConnectionError
 * for a frame beyond the limit: the stream cannot be followed any further.
 */
struct error *
channel_next(struct channel *channel, bool *got, struct reader *payload);

/* Waits for the next frame on a descriptor that blocks; errors as above. */
struct error *channel_receive(struct channel *channel, struct reader *payload);

#endif
