/*
 * client.h - a connection to the manager's process, and what is known of it.
 *
 * A client begins as a stranger; once it has proved that it knows the key, it
 * is a guest. Who cannot be served, or breaks the rules, is doomed: it is let
 * go when the server comes to it, so that nothing is freed while it is in use.
 */
#ifndef FORKLORE_CLIENT_H
#define FORKLORE_CLIENT_H

#include "channel.h"
#include "handshake.h"
#include "hosted.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct error;
struct events;

struct client {
	int socket;
	struct channel channel;
	bool doomed;
	LIST_ENTRY(client) doomed_link;

	/*
	 * A stranger: what it was challenged with, until when it need not give
	 * way to others, and until when it may try.
	 */
	bool stranger;
	unsigned char nonce[HANDSHAKE_NONCE_SIZE];
	double undisturbed_until;
	double handshake_deadline;
	TAILQ_ENTRY(client) stranger_link;

	/* A guest: whether a request awaits its reply, and where it stands. */
	bool asking;
	struct visitor visitor;
	/* The conditions that it holds, each as often as it does. */
	struct hosted **holds;
	size_t hold_count;

	TAILQ_ENTRY(client) link;
};

TAILQ_HEAD(client_list, client);

/*
 * Makes a stranger of a connection, which is taken, and begins its handshake.
 */
struct client *client_new(int connection, struct events *events);

/* Closes the connection of a client that holds nothing any more. */
void client_free(struct client *client);

/* Whose visitor it is. */
struct client *client_of(struct visitor *visitor);

/*
 * Each dooms a client; client_doom_for() only if error, which is taken, is not
 * NULL.
 */
void client_doom(struct client *client);
void client_doom_for(struct client *client, struct error *error);

/* One that is doomed and not yet freed; NULL if there is none. */
struct client *client_next_doomed(void);

/*
 * Sends what is ready to go. A socket has room for many replies: a client for
 * whose next one there is none does not read them, and is doomed.
 */
void client_flush(struct client *client);

/* Replies to a guest's request: with a number, or an error, which is taken. */
void client_reply(struct client *client, uint64_t number);
void client_reply_error(struct client *client, struct error *error);

#endif
