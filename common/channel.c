#include "channel.h"

#include "error.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one read asks for, where no long frame is known to be on its way. */
#define USUAL_READ ((size_t)1 << 16)
/* How much a pipe is made to hold, if it can, that has long frames to take. */
#define WIDE_PIPE (1 << 20)
/* An empty buffer larger than this gives its memory back. */
#define KEPT_ROOM ((size_t)1 << 20)

/* What comes before a payload: the cause only while the run is recorded. */
struct header {
	uint64_t length;
	uint64_t cause;
};

static size_t
header_size(void)
{
	return trace_is_open() ? sizeof(struct header) : sizeof(uint64_t);
}

void
channel_init(struct channel *channel, int in, int out, size_t limit)
{
	*channel = (struct channel){.in = in, .out = out, .limit = limit};
}

void
channel_fini(struct channel *channel)
{
	buffer_fini(&channel->outgoing);
	buffer_fini(&channel->incoming);
}

static void
empty(struct buffer *buffer)
{
	buffer->length = 0;
	if (buffer->room > KEPT_ROOM)
		buffer_fini(buffer);
}

struct buffer *
channel_begin(struct channel *channel)
{
	channel->frame = channel->outgoing.length;
	buffer_extend(&channel->outgoing, header_size());
	return &channel->outgoing;
}

struct error *
channel_end(struct channel *channel)
{
	struct header header = {
		.length = channel->outgoing.length - channel->frame -
			  header_size(),
		.cause = trace_latest(),
	};

	if (header.length > channel->limit) {
		channel_cancel(channel);
		return RAISE(ValueError,
			"a message of %" PRIu64
			" bytes, where at most %zu are allowed",
			header.length, channel->limit);
	}
	memcpy(channel->outgoing.bytes + channel->frame, &header,
		header_size());
	return NULL;
}

void
channel_cancel(struct channel *channel)
{
	channel->outgoing.length = channel->frame;
	if (channel->frame == 0)
		empty(&channel->outgoing);
}

struct reader
channel_payload(const struct channel *channel)
{
	size_t start = channel->frame + header_size();

	return (struct reader){channel->outgoing.bytes + start,
		channel->outgoing.length - start};
}

void
channel_move(struct channel *from, struct channel *to)
{
	struct buffer moved = from->outgoing;

	from->outgoing = to->outgoing;
	to->outgoing = moved;
}

/* A peer that is gone must not kill the writer, so sockets get no SIGPIPE. */
static ssize_t
write_some(const struct channel *channel)
{
	const unsigned char *bytes = channel->outgoing.bytes + channel->sent;
	size_t size = channel->outgoing.length - channel->sent;

	if (channel->in == channel->out)
		return send(channel->out, bytes, size, MSG_NOSIGNAL);
	return write(channel->out, bytes, size);
}

/*
 * A pipe holds 64 KiB, and after as much its reader is woken, and then its
 * writer. Only who has more to write asks for more, once: the pipes of a user
 * have a limit in common. What is no pipe, or at the limit, stays as it is.
 */
static void
widen(struct channel *channel)
{
	size_t left = channel->outgoing.length - channel->sent;

	if (channel->is_wide || left <= USUAL_READ)
		return;
	fcntl(channel->out, F_SETPIPE_SZ, WIDE_PIPE);
	channel->is_wide = true;
}

struct error *
channel_flush(struct channel *channel)
{
	widen(channel);
	while (channel_has_outgoing(channel)) {
		ssize_t wrote = write_some(channel);

		if (wrote >= 0)
			channel->sent += (size_t)wrote;
		else if (errno == EAGAIN)
			return NULL;
		else if (errno != EINTR)
			return RAISE(
				ConnectionError, "write: %s", strerror(errno));
	}
	channel->sent = 0;
	empty(&channel->outgoing);
	return NULL;
}

bool
channel_has_outgoing(const struct channel *channel)
{
	return channel->sent < channel->outgoing.length;
}

/* The header of the frame at the front, if enough of it has been read. */
static bool
peek_header(const struct channel *channel, struct header *header)
{
	if (channel->incoming.length - channel->taken < header_size())
		return false;
	header->cause = 0;
	memcpy(header, channel->incoming.bytes + channel->taken, header_size());
	return true;
}

/* How much to read: the rest of a long frame at once, or the usual. */
static size_t
read_size(const struct channel *channel)
{
	size_t have = channel->incoming.length - channel->taken;
	struct header header;

	if (!peek_header(channel, &header) || header.length > channel->limit ||
		header.length + header_size() < have + USUAL_READ)
		return USUAL_READ;
	return header.length + header_size() - have;
}

static void
drop_taken(struct channel *channel)
{
	size_t left = channel->incoming.length - channel->taken;

	if (left == 0)
		empty(&channel->incoming);
	else if (channel->taken > 0) {
		memmove(channel->incoming.bytes,
			channel->incoming.bytes + channel->taken, left);
		channel->incoming.length = left;
	}
	channel->taken = 0;
}

struct error *
channel_fill(struct channel *channel, bool *filled)
{
	size_t size;
	void *bytes;
	ssize_t got;

	drop_taken(channel);
	size = read_size(channel);
	bytes = buffer_extend(&channel->incoming, size);
	do
		got = read(channel->in, bytes, size);
	while (got < 0 && errno == EINTR);
	channel->incoming.length -= size - (got > 0 ? (size_t)got : 0);
	if (filled)
		*filled = got > 0;
	if (got == 0)
		return RAISE(ConnectionError, "the other side is gone");
	if (got < 0 && errno != EAGAIN)
		return RAISE(ConnectionError, "read: %s", strerror(errno));
	return NULL;
}

struct error *
channel_next(struct channel *channel, bool *got, struct reader *payload)
{
	struct header header;

	*got = false;
	if (!peek_header(channel, &header))
		return NULL;
	if (header.length > channel->limit)
		return RAISE(ConnectionError,
			"a frame of %" PRIu64
			" bytes, where at most %zu are allowed",
			header.length, channel->limit);
	if (channel->incoming.length - channel->taken - header_size() <
		header.length)
		return NULL;
	channel->cause = header.cause;
	channel->taken += header_size();
	payload->bytes = channel->incoming.bytes + channel->taken;
	payload->length = header.length;
	channel->taken += header.length;
	*got = true;
	return NULL;
}

struct error *
channel_receive(struct channel *channel, struct reader *payload)
{
	bool got;

	TRY(channel_next(channel, &got, payload));
	while (!got) {
		TRY(channel_fill(channel, NULL));
		TRY(channel_next(channel, &got, payload));
	}
	return NULL;
}
