#include "client.h"

#include "error.h"
#include "events.h"
#include "panic.h"
#include "request.h"
#include "sys.h"
#include "trace.h"

#include <stdlib.h>

#define UNDISTURBED_SECONDS 0.25
#define HANDSHAKE_SECONDS 5.0

/* Those that are to be let go. */
static LIST_HEAD(, client) doomed = LIST_HEAD_INITIALIZER(doomed);

struct client *
client_new(int connection, struct events *events)
{
	struct client *client = must_have(calloc(1, sizeof(*client)));

	client->socket = connection;
	client->stranger = true;
	client->undisturbed_until = sys_deadline(UNDISTURBED_SECONDS);
	client->handshake_deadline = sys_deadline(HANDSHAKE_SECONDS);
	channel_init(&client->channel, connection, connection, HANDSHAKE_LIMIT);
	client_doom_for(
		client, events_listen(events, connection, TO_READ, client));
	client_doom_for(
		client, handshake_challenge(&client->channel, client->nonce));
	client_flush(client);
	return client;
}

void
client_free(struct client *client)
{
	if (client->doomed)
		LIST_REMOVE(client, doomed_link);
	channel_fini(&client->channel);
	sys_close(client->socket);
	free(client->holds);
	free(client);
}

struct client *
client_of(struct visitor *visitor)
{
	char *start = (char *)visitor - offsetof(struct client, visitor);

	return (struct client *)start;
}

void
client_doom(struct client *client)
{
	if (client->doomed)
		return;
	client->doomed = true;
	LIST_INSERT_HEAD(&doomed, client, doomed_link);
}

void
client_doom_for(struct client *client, struct error *error)
{
	if (error)
		client_doom(client);
	error_free(error);
}

struct client *
client_next_doomed(void)
{
	return LIST_FIRST(&doomed);
}

void
client_flush(struct client *client)
{
	client_doom_for(client, channel_flush(&client->channel));
	if (channel_has_outgoing(&client->channel))
		client_doom(client);
}

static void
end_message(struct client *client)
{
	struct error *error = channel_end(&client->channel);

	if (!error)
		client_flush(client);
	client_doom_for(client, error);
}

void
client_reply(struct client *client, uint64_t number)
{
	client->asking = false;
	trace(.kind = TRACE_SEND, .origin = client->visitor.granted_by,
		.text = "reply");
	reply_put(number, channel_begin(&client->channel));
	end_message(client);
}

void
client_reply_error(struct client *client, struct error *error)
{
	client->asking = false;
	trace_error(error, .kind = TRACE_SEND);
	reply_put_error(error, channel_begin(&client->channel));
	error_free(error);
	end_message(client);
}
