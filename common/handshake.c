#include "handshake.h"

#include "channel.h"
#include "error.h"
#include "panic.h"

#include <sodium.h>
#include <string.h>

#define NONCE_SIZE HANDSHAKE_NONCE_SIZE
#define PROOF_SIZE crypto_auth_BYTES

static unsigned char key[crypto_auth_KEYBYTES];

/* Before main, so that all processes of the program have the same key. */
__attribute__((constructor)) static void
draw_key(void)
{
	if (sodium_init() < 0)
		panic("libsodium does not work here");
	crypto_auth_keygen(key);
}

/*
 * What is hashed: who speaks, so that no proof can be sent back, and both
 * nonces.
 */
struct statement {
	unsigned char speaker;
	unsigned char server_nonce[NONCE_SIZE];
	unsigned char client_nonce[NONCE_SIZE];
};

static struct statement
statement_of(char speaker, const void *server_nonce, const void *client_nonce)
{
	struct statement statement = {.speaker = (unsigned char)speaker};

	memcpy(statement.server_nonce, server_nonce, NONCE_SIZE);
	memcpy(statement.client_nonce, client_nonce, NONCE_SIZE);
	return statement;
}

static void
prove(const struct statement *statement, struct buffer *message)
{
	crypto_auth(buffer_extend(message, PROOF_SIZE),
		(const unsigned char *)statement, sizeof(*statement), key);
}

static bool
is_proof(const void *proof, const struct statement *statement)
{
	return crypto_auth_verify(proof, (const unsigned char *)statement,
		       sizeof(*statement), key) == 0;
}

struct error *
handshake_challenge(struct channel *channel, unsigned char nonce[NONCE_SIZE])
{
	randombytes_buf(nonce, NONCE_SIZE);
	buffer_put_bytes(channel_begin(channel), nonce, NONCE_SIZE);
	TRY(channel_end(channel));
	return NULL;
}

struct error *
handshake_reply(struct channel *channel, const unsigned char nonce[NONCE_SIZE],
	struct reader *answer, bool *welcome)
{
	const void *client_nonce, *proof;
	struct statement expected, own;
	struct buffer *reply;

	TRY(reader_take_bytes(answer, NONCE_SIZE, &client_nonce));
	TRY(reader_take_bytes(answer, PROOF_SIZE, &proof));
	TRY(reader_end(answer));
	expected = statement_of('c', nonce, client_nonce);
	own = statement_of('s', nonce, client_nonce);
	*welcome = is_proof(proof, &expected);
	reply = channel_begin(channel);
	buffer_put_byte(reply, *welcome);
	if (*welcome)
		prove(&own, reply);
	TRY(channel_end(channel));
	return NULL;
}

static struct error *
check_reply(const struct reader *reply, const struct statement *expected)
{
	if (reply->length == 1 && !reply->bytes[0])
		return RAISE(AuthenticationError,
			"the manager turned this process away: it knows "
			"another key");
	if (reply->length != 1 + PROOF_SIZE ||
		!is_proof(reply->bytes + 1, expected))
		return RAISE(AuthenticationError,
			"whoever answers for the manager does not know its "
			"key");
	return NULL;
}

struct error *
handshake_as_client(struct channel *channel)
{
	unsigned char client_nonce[NONCE_SIZE];
	struct statement own, expected;
	struct reader message;
	struct buffer *answer;

	TRY(channel_receive(channel, &message));
	if (message.length != NONCE_SIZE)
		return RAISE(AuthenticationError,
			"whoever answers for the manager sent a challenge of "
			"%zu bytes, not %d",
			message.length, NONCE_SIZE);
	randombytes_buf(client_nonce, NONCE_SIZE);
	own = statement_of('c', message.bytes, client_nonce);
	expected = statement_of('s', message.bytes, client_nonce);
	answer = channel_begin(channel);
	buffer_put_bytes(answer, client_nonce, NONCE_SIZE);
	prove(&own, answer);
	TRY(channel_end(channel));
	TRY(channel_flush(channel));
	TRY(channel_receive(channel, &message));
	TRY(check_reply(&message, &expected));
	return NULL;
}
