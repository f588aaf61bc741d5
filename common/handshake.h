/*
 * handshake.h - how a manager and its client prove to each other that they know
 * the same key, without ever sending it.
 *
 * The key is random, drawn when the program starts, and inherited by all
 * processes forked from it. The server challenges with a nonce; the client
 * answers with a nonce of its own and a keyed hash of both; the server answers
 * with another. The hash is libsodium's crypto_auth.
 */
#ifndef FORKLORE_HANDSHAKE_H
#define FORKLORE_HANDSHAKE_H

#include <stdbool.h>

#define HANDSHAKE_NONCE_SIZE 32

/* The longest message of a handshake, in bytes. */
#define HANDSHAKE_LIMIT 128

struct channel;
struct error;
struct reader;

/* Server: draws a nonce and makes the challenge ready to go. */
struct error *handshake_challenge(
	struct channel *channel, unsigned char nonce[HANDSHAKE_NONCE_SIZE]);

/*
 * Server: checks the answer to a challenge and makes the reply ready to go,
 * which says welcome or not. *welcome is what it says.
 */
struct error *handshake_reply(struct channel *channel,
	const unsigned char nonce[HANDSHAKE_NONCE_SIZE], struct reader *answer,
	bool *welcome);

/*
 * Client: goes through a handshake, waiting. Raises AuthenticationError if the
 * server turns it away, or cannot prove that it knows the key; ConnectionError.
 */
struct error *handshake_as_client(struct channel *channel);

#endif
