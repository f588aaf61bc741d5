/*
 * fuzz_server.c - whatever its clients say, and however they come and go, the
 * manager's server keeps its conditions in order: nobody stands in two places,
 * no lock lies idle while it is wanted, each request gets one reply, and when
 * all have left, nothing is left.
 *
 * The server's own source is included, so that its loop can be taken apart: the
 * input says who writes, who is served, and when those who are doomed go.
 */
#include "server.c"

#include "fuzz.h"

#include <poll.h>

#define SEATS 4
#define NUMBERS 8

/* A client, as the server and as its own side see it. */
struct peer {
	/* NULL when there is none, or when the server has let it go. */
	struct client *client;
	int socket;
	struct channel channel;
	/* Whether it was challenged and has answered as it should. */
	bool proved;
	/* Whether it ever did other than an honest client does. */
	bool unruly;
	/*
	 * How many requests it sent, and how many messages it got: a challenge,
	 * a welcome, and replies.
	 */
	size_t asked, heard;
};

static struct {
	struct peer peers[SEATS];
	/* The conditions that were ever made, as far as there is room. */
	uint64_t numbers[NUMBERS];
	size_t number_count;
} session;

/* A condition is in order, and those who stand in its queues are. */
static void
check_condition(const struct hosted *hosted)
{
	const struct visitor *visitor;
	uint64_t last = 0;

	MUST_HOLD((hosted->owner != NULL) == (hosted->depth > 0));
	MUST_HOLD(hosted->owner || TAILQ_EMPTY(&hosted->wanting));
	TAILQ_FOREACH (visitor, &hosted->wanting, link) {
		MUST_HOLD(visitor->state == VISITOR_WANTS_LOCK);
		MUST_HOLD(visitor->hosted == hosted);
		MUST_HOLD(visitor != hosted->owner);
		MUST_HOLD(visitor->depth > 0);
	}
	TAILQ_FOREACH (visitor, &hosted->waiting, link) {
		MUST_HOLD(visitor->state == VISITOR_WAITS);
		MUST_HOLD(visitor->hosted == hosted);
		MUST_HOLD(visitor != hosted->owner);
		MUST_HOLD(visitor->depth > 0 && !visitor->notified);
		MUST_HOLD(visitor->ticket < hosted->next_ticket);
		MUST_HOLD(visitor->ticket >= last);
		last = visitor->ticket + 1;
	}
}

/* How often somebody stands in the queues of the condition it stands at. */
static int
places_of(const struct visitor *visitor)
{
	const struct visitor *other;
	int places = 0;

	TAILQ_FOREACH (other, &visitor->hosted->wanting, link)
		places += other == visitor;
	TAILQ_FOREACH (other, &visitor->hosted->waiting, link)
		places += other == visitor;
	return places;
}

static size_t
holds_on(const struct hosted *hosted)
{
	const struct client *client;
	size_t holds = 0;

	TAILQ_FOREACH (client, &self.clients, link)
		for (size_t i = 0; i < client->hold_count; i++)
			holds += client->holds[i] == hosted;
	return holds;
}

static void
check_client(const struct client *client)
{
	const struct visitor *visitor = &client->visitor;

	MUST_HOLD(client->asking == (visitor->state != VISITOR_NOWHERE));
	MUST_HOLD(!client->stranger || client->hold_count == 0);
	if (visitor->state != VISITOR_NOWHERE) {
		MUST_HOLD(places_of(visitor) == 1);
		check_condition(visitor->hosted);
	}
	for (size_t i = 0; i < client->hold_count; i++) {
		check_condition(client->holds[i]);
		MUST_HOLD(
			client->holds[i]->holds == holds_on(client->holds[i]));
	}
}

static void
check_server(void)
{
	const struct client *client;
	size_t strangers = 0;

	TAILQ_FOREACH (client, &self.clients, link) {
		check_client(client);
		strangers += client->stranger;
	}
	MUST_HOLD(self.stranger_count == strangers);
	TAILQ_FOREACH (client, &self.strangers, stranger_link) {
		MUST_HOLD(client->stranger);
		strangers--;
	}
	MUST_HOLD(strangers == 0);
}

/* Small buffers, so that one who does not read is soon found out. */
static void
arrive(struct peer *peer)
{
	int ends[2], size = 0;

	if (peer->client)
		return;
	MUST_HOLD(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0, ends) == 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	welcome_stranger(ends[0], getpid());
	*peer = (struct peer){
		.client = TAILQ_LAST(&self.clients, client_list),
		.socket = ends[1],
	};
	channel_init(&peer->channel, ends[1], ends[1], SIZE_MAX);
}

/* The peer's end of the connection closes; the server will see that. */
static void
hang_up(struct peer *peer)
{
	if (peer->socket < 0)
		return;
	channel_fini(&peer->channel);
	close(peer->socket);
	peer->socket = -1;
}

/* As much as has room; the rest is lost, and the peer is unruly. */
static void
write_bytes(struct peer *peer, const void *bytes, size_t size)
{
	if (peer->socket >= 0 &&
		send(peer->socket, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		peer->unruly = true;
}

static void
write_frame(struct peer *peer, const struct buffer *payload)
{
	struct buffer frame = {0};

	buffer_put_number(&frame, payload->length);
	buffer_put_bytes(&frame, payload->bytes, payload->length);
	write_bytes(peer, frame.bytes, frame.length);
	buffer_fini(&frame);
}

/* Answers a challenge as one does that knows the key. */
static void
prove(struct peer *peer)
{
	struct buffer answer = {0};

	if (peer->proved || peer->unruly || !peer->client)
		return;
	fuzz_answer(
		peer->client->nonce, buffer_extend(&answer, FUZZ_ANSWER_SIZE));
	write_frame(peer, &answer);
	buffer_fini(&answer);
	peer->proved = true;
}

/* A timeout of each sort: for ever, over at once, none, and any bits. */
static double
take_timeout(struct reader *input)
{
	unsigned which = fuzz_byte(input);
	struct reader bits;
	double timeout = 0;

	if (which < 128)
		return FOREVER;
	if (which < 192)
		return 1e-9;
	bits = fuzz_bytes(input, sizeof(timeout));
	memcpy(&timeout, bits.bytes, bits.length);
	return timeout;
}

static void
write_request(struct peer *peer, struct reader *input)
{
	struct buffer written = {0};
	struct request request = {0};
	size_t which;

	request.kind = fuzz_byte(input) % (REQUEST_KIND_COUNT + 1);
	which = fuzz_byte(input) % (NUMBERS + 1);
	request.condition = which < NUMBERS ? session.numbers[which] : 1;
	if (request.kind == REQUEST_WAIT)
		request.timeout = take_timeout(input);
	if (request.kind == REQUEST_NOTIFY)
		request.amount = (int8_t)fuzz_byte(input);
	/* An honest one has heard all that is to come before it asks. */
	if (peer->heard != 2 + peer->asked ||
		request.kind == REQUEST_KIND_COUNT)
		peer->unruly = true;
	request_put(&request, &written);
	write_frame(peer, &written);
	buffer_fini(&written);
	peer->asked += request_has_reply(request.kind);
}

/* The first conditions that a client was seen to hold are remembered. */
static void
remember_numbers(const struct client *client)
{
	for (size_t i = 0; i < client->hold_count; i++) {
		uint64_t number = client->holds[i]->number;
		bool known = session.number_count == NUMBERS;

		for (size_t j = 0; j < session.number_count; j++)
			known = known || session.numbers[j] == number;
		if (!known)
			session.numbers[session.number_count++] = number;
	}
}

/* Whether the server has something to read, which it has also at the end. */
static bool
is_heard_of(const struct peer *peer)
{
	struct pollfd reader = {.fd = peer->client->socket, .events = POLLIN};

	return poll(&reader, 1, 0) == 1;
}

/* The server's part when there is something from a client. */
static void
serve(struct peer *peer)
{
	if (!peer->client)
		return;
	if (is_heard_of(peer))
		serve_client(peer->client);
	remember_numbers(peer->client);
}

/* Hears whatever has come. */
static void
hear(struct peer *peer)
{
	struct error *error = NULL;
	struct reader message;
	bool filled = true, got;

	while (peer->socket >= 0 && filled) {
		error = channel_fill(&peer->channel, &filled);
		error_free(error);
		do {
			MUST_HOLD(
				!channel_next(&peer->channel, &got, &message));
			peer->heard += got;
		} while (got);
	}
}

static bool
is_served(const struct peer *peer)
{
	const struct client *client;

	TAILQ_FOREACH (client, &self.clients, link)
		if (client == peer->client)
			return true;
	return false;
}

/* The end of a round: what is due is done, and who is doomed is let go. */
static void
end_round(void)
{
	do_what_is_due();
	let_go_of_doomed();
	for (int i = 0; i < SEATS; i++) {
		struct peer *peer = &session.peers[i];

		if (!peer->client || is_served(peer))
			continue;
		MUST_HOLD(peer->unruly || peer->socket < 0);
		hang_up(peer);
		peer->client = NULL;
	}
}

static void
do_one_thing(struct reader *input)
{
	unsigned what = fuzz_byte(input);
	struct peer *peer = &session.peers[what / 16 % SEATS];
	struct reader bytes;

	switch (what % 16) {
	case 0:
		arrive(peer);
		break;
	case 1:
		prove(peer);
		break;
	case 2:
		hang_up(peer);
		break;
	case 3:
		bytes = fuzz_bytes(input, fuzz_byte(input));
		write_bytes(peer, bytes.bytes, bytes.length);
		peer->unruly = true;
		break;
	case 4:
		end_round();
		break;
	case 5:
	case 6:
	case 7:
		write_request(peer, input);
		break;
	case 8:
		hear(peer);
		break;
	case 9:
	case 10:
		serve(peer);
		break;
	case 11:
		/* All of these in one, as an honest client has it. */
		arrive(peer);
		prove(peer);
		serve(peer);
		hear(peer);
		break;
	default:
		write_request(peer, input);
		serve(peer);
		hear(peer);
		break;
	}
}

/* Whoever kept to the rules is there still, and has all its replies. */
static void
check_replies(struct peer *peer)
{
	if (!peer->client || peer->socket < 0 || peer->unruly)
		return;
	while (!peer->client->doomed && is_heard_of(peer))
		serve(peer);
	hear(peer);
	MUST_HOLD(!peer->client->doomed);
	MUST_HOLD(peer->heard + peer->client->asking ==
		  1 + peer->proved + peer->asked);
}

/* All that were made are gone: nobody can hold them any more. */
static void
check_numbers(void)
{
	struct peer *peer = &session.peers[0];

	arrive(peer);
	prove(peer);
	serve(peer);
	for (size_t i = 0; i < session.number_count; i++) {
		host_serve(
			peer->client, &(struct request){.kind = REQUEST_HOLD,
					      .condition = session.numbers[i]});
		hear(peer);
		MUST_HOLD(peer->client->hold_count == 0);
	}
}

/* All hang up, of which the server hears when it has read what they sent. */
static void
leave_all(void)
{
	for (int i = 0; i < SEATS; i++)
		hang_up(&session.peers[i]);
	while (!TAILQ_EMPTY(&self.clients)) {
		for (int i = 0; i < SEATS; i++)
			serve(&session.peers[i]);
		check_server();
		end_round();
		check_server();
	}
}

void
fuzz_server(struct reader input)
{
	if (self.events.epoll == 0)
		MUST_HOLD(!events_init(&self.events));
	memset(&session, 0, sizeof(session));
	for (int i = 0; i < SEATS; i++)
		session.peers[i].socket = -1;
	while (input.length > 0) {
		do_one_thing(&input);
		check_server();
	}
	for (int i = 0; i < SEATS; i++)
		check_replies(&session.peers[i]);
	leave_all();
	check_numbers();
	leave_all();
}
