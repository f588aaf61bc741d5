/*
 * fuzz_channel.c - frames arrive as they were sent, in whatever pieces they
 * come and go, and a frame that is too long is told from all others.
 */
#include "fuzz.h"

#include "channel.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Smaller than some frames, so that those go in pieces. */
#define PIPE_SIZE 4096

/*
 * A channel, and a peer at the other ends of its pipes; what was sent to the
 * channel, and how much of that came out; what it was to send, and how much of
 * that the peer has got.
 */
struct scene {
	struct channel channel;
	int to, from;
	struct buffer sent, received;
	size_t given, got;
	bool broken;
};

static void
open_pipe(int ends[2])
{
	MUST_HOLD(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
}

static void
scene_init(struct scene *scene, size_t limit)
{
	int in[2], out[2];

	open_pipe(in);
	open_pipe(out);
	*scene = (struct scene){.to = in[1], .from = out[0]};
	channel_init(&scene->channel, in[0], out[1], limit);
}

static void
scene_fini(struct scene *scene)
{
	close(scene->channel.in);
	close(scene->channel.out);
	close(scene->to);
	close(scene->from);
	channel_fini(&scene->channel);
	buffer_fini(&scene->sent);
	buffer_fini(&scene->received);
}

/* A payload has to be that of the next frame that was sent. */
static void
must_come_next(struct scene *scene, struct reader payload)
{
	struct reader sent = fuzz_reader(&scene->sent);
	uint64_t length;

	fuzz_bytes(&sent, scene->given);
	MUST_HOLD(!reader_take_number(&sent, &length));
	MUST_HOLD(length == payload.length && length <= sent.length);
	MUST_HOLD(length <= scene->channel.limit);
	MUST_HOLD(memcmp(sent.bytes, payload.bytes, length) == 0);
	scene->given += sizeof(length) + length;
}

/* There is no frame only if the next one has not come whole, or never can. */
static void
must_be_short(const struct scene *scene, bool broken)
{
	struct reader sent = fuzz_reader(&scene->sent);
	uint64_t length = 0;

	fuzz_bytes(&sent, scene->given);
	if (sent.length < sizeof(length)) {
		MUST_HOLD(!broken);
		return;
	}
	MUST_HOLD(!reader_take_number(&sent, &length));
	MUST_HOLD(broken == (length > scene->channel.limit));
	MUST_HOLD(broken || sent.length < length);
}

/* Sends the channel some bytes, and has it take what it can out of them. */
static void
send_bytes(struct scene *scene, struct reader bytes)
{
	struct reader payload;
	struct error *error;
	bool got = true;

	if (scene->broken)
		return;
	MUST_HOLD(write(scene->to, bytes.bytes, bytes.length) ==
		  (ssize_t)bytes.length);
	buffer_put_bytes(&scene->sent, bytes.bytes, bytes.length);
	MUST_HOLD(!channel_fill(&scene->channel, &got));
	MUST_HOLD(got == (bytes.length > 0));
	do {
		error = channel_next(&scene->channel, &got, &payload);
		MUST_HOLD(!error || !got);
		if (got)
			must_come_next(scene, payload);
	} while (got);
	scene->broken = error != NULL;
	must_be_short(scene, scene->broken);
	error_free(error);
}

/* Makes a frame, which is either cancelled, or too long, or has to arrive. */
static void
make_frame(struct scene *scene, struct reader payload, int copies, bool cancel)
{
	struct buffer *frame = channel_begin(&scene->channel);
	struct error *error;
	uint64_t length = payload.length * (uint64_t)copies;

	for (int i = 0; i < copies; i++)
		buffer_put_bytes(frame, payload.bytes, payload.length);
	if (cancel) {
		channel_cancel(&scene->channel);
		return;
	}
	error = channel_end(&scene->channel);
	MUST_HOLD((error != NULL) == (length > scene->channel.limit));
	if (!error) {
		buffer_put_number(&scene->received, length);
		for (int i = 0; i < copies; i++)
			buffer_put_bytes(&scene->received, payload.bytes,
				payload.length);
	}
	error_free(error);
}

/* Has the peer read, which has to get what was sent, in order. */
static bool
read_some(struct scene *scene, size_t size)
{
	unsigned char bytes[1024];
	ssize_t got = read(scene->from, bytes,
		size < sizeof(bytes) ? size : sizeof(bytes));

	if (got <= 0) {
		MUST_HOLD(got == 0 || errno == EAGAIN);
		return false;
	}
	MUST_HOLD(scene->got + (size_t)got <= scene->received.length);
	MUST_HOLD(memcmp(bytes, scene->received.bytes + scene->got,
			  (size_t)got) == 0);
	scene->got += (size_t)got;
	return true;
}

static void
do_one_thing(struct scene *scene, struct reader *input)
{
	unsigned what = fuzz_byte(input);
	size_t size = fuzz_byte(input);

	switch (what % 6) {
	case 0:
	case 1:
		send_bytes(scene, fuzz_bytes(input, size));
		break;
	case 2:
	case 3:
		make_frame(scene, fuzz_bytes(input, size), 1 + (int)what / 8,
			what % 6 == 3);
		break;
	case 4:
		MUST_HOLD(!channel_flush(&scene->channel));
		break;
	case 5:
		read_some(scene, size * 4);
		break;
	}
}

void
fuzz_channel(struct reader input)
{
	struct scene scene;

	scene_init(&scene, (size_t)1 << fuzz_byte(&input) % 16);
	while (input.length > 0)
		do_one_thing(&scene, &input);
	/* In the end, all that was to go arrives. */
	do
		MUST_HOLD(!channel_flush(&scene.channel));
	while (read_some(&scene, PIPE_SIZE));
	MUST_HOLD(!channel_has_outgoing(&scene.channel));
	MUST_HOLD(scene.got == scene.received.length);
	scene_fini(&scene);
}
