/*
 * fuzz_handshake.c - no bytes get anybody through a handshake who does not know
 * the key. The key is another in each run, but that makes no difference to one
 * who does not know it.
 */
#include "fuzz.h"

#include "channel.h"
#include "error.h"
#include "handshake.h"

#include <sys/socket.h>
#include <unistd.h>

/*
 * Has a client go through a handshake with whoever sends this and hangs up. It
 * must fail. What it answered, if it did, is put into answer.
 */
static bool
try_as_client(struct reader sent, unsigned char answer[FUZZ_ANSWER_SIZE])
{
	unsigned char frame[sizeof(uint64_t) + FUZZ_ANSWER_SIZE];
	struct channel client;
	struct error *error;
	int ends[2];
	ssize_t got;

	MUST_HOLD(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	MUST_HOLD(send(ends[0], sent.bytes, sent.length, 0) ==
		  (ssize_t)sent.length);
	shutdown(ends[0], SHUT_WR);
	channel_init(&client, ends[1], ends[1], HANDSHAKE_LIMIT);
	error = handshake_as_client(&client);
	MUST_HOLD(error);
	MUST_HOLD(error->kind == AuthenticationError ||
		  error->kind == ConnectionError);
	error_free(error);
	channel_fini(&client);
	close(ends[1]);
	got = read(ends[0], frame, sizeof(frame));
	close(ends[0]);
	memcpy(answer, frame + sizeof(uint64_t), FUZZ_ANSWER_SIZE);
	return got == sizeof(frame);
}

void
fuzz_answer(const unsigned char challenge[HANDSHAKE_NONCE_SIZE],
	unsigned char answer[FUZZ_ANSWER_SIZE])
{
	struct buffer frame = {0};

	buffer_put_number(&frame, HANDSHAKE_NONCE_SIZE);
	buffer_put_bytes(&frame, challenge, HANDSHAKE_NONCE_SIZE);
	MUST_HOLD(try_as_client(fuzz_reader(&frame), answer));
	buffer_fini(&frame);
}

/* A server takes a true answer, with some bytes spoilt, for what it is. */
static void
try_as_server(struct reader spoil)
{
	unsigned char nonce[HANDSHAKE_NONCE_SIZE], answer[FUZZ_ANSWER_SIZE + 1];
	struct reader reader = {answer, FUZZ_ANSWER_SIZE};
	bool welcome = false, spoilt = false;
	struct channel channel;
	struct error *error;

	channel_init(&channel, -1, -1, HANDSHAKE_LIMIT);
	MUST_HOLD(!handshake_challenge(&channel, nonce));
	fuzz_answer(nonce, answer);
	reader.length += fuzz_byte(&spoil) % 2;
	reader.length -= fuzz_byte(&spoil) % (FUZZ_ANSWER_SIZE + 1);
	for (size_t i = 0; i < FUZZ_ANSWER_SIZE; i++) {
		unsigned change = fuzz_byte(&spoil);

		spoilt = spoilt || change;
		answer[i] ^= (unsigned char)change;
	}
	spoilt = spoilt || reader.length != FUZZ_ANSWER_SIZE;
	error = handshake_reply(&channel, nonce, &reader, &welcome);
	MUST_HOLD(welcome == !spoilt);
	MUST_HOLD(!error || error->kind == ValueError);
	error_free(error);
	channel_fini(&channel);
}

void
fuzz_handshake(struct reader input)
{
	unsigned char answer[FUZZ_ANSWER_SIZE];

	if (fuzz_byte(&input) % 2)
		try_as_server(input);
	else
		try_as_client(input, answer);
}
