/*
 * guests.h - a server under test, an honest client of it, and others that do as
 * they like.
 */
#ifndef FORKLORE_GUESTS_H
#define FORKLORE_GUESTS_H

#include "must.h"

#include "channel.h"
#include "door.h"
#include "handshake.h"
#include "hosting.h"
#include "link.h"
#include "post.h"
#include "process.h"
#include "request.h"
#include "sys.h"

#include <signal.h>
#include <sys/socket.h>

/* A client that does as it likes. */
struct guest {
	int socket;
	struct channel channel;
};

static inline struct guest
stranger_at(const char *address)
{
	struct guest guest;

	MUST(door_connect(address, &guest.socket));
	channel_init(&guest.channel, guest.socket, guest.socket, SIZE_MAX);
	return guest;
}

static inline struct guest
guest_at(const char *address)
{
	struct guest guest = stranger_at(address);

	MUST(handshake_as_client(&guest.channel));
	return guest;
}

static inline void
leave(struct guest *guest)
{
	channel_fini(&guest->channel);
	sys_close(guest->socket);
}

static inline void
send_request(struct guest *guest, struct request request)
{
	request_put(&request, channel_begin(&guest->channel));
	MUST(channel_end(&guest->channel));
	MUST(channel_flush(&guest->channel));
}

/* Waits for a reply. */
static inline struct error *
reply_of(struct guest *guest, uint64_t *reply)
{
	uint64_t ignored;
	struct reader message;

	assert_true(becomes_readable(guest->socket));
	TRY(channel_receive(&guest->channel, &message));
	return reply_take(&message, reply ? reply : &ignored);
}

static inline struct error *
ask_as(struct guest *guest, struct request request)
{
	send_request(guest, request);
	return reply_of(guest, NULL);
}

static inline struct request
request_for(enum request_kind kind, uint64_t condition)
{
	return (struct request){.kind = kind,
		.condition = condition,
		.timeout = FOREVER,
		.amount = 1};
}

/*
 * Waits until the server has closed a connection; what it wrote before is of
 * no interest.
 */
static inline void
must_be_cut_off(int socket)
{
	char bytes[4096];
	ssize_t got;

	do {
		assert_true(becomes_readable(socket));
		got = read(socket, bytes, sizeof(bytes));
	} while (got > 0);
	assert_true(got == 0 || errno == ECONNRESET);
}

/* A new client, and one that was here before, are served as ever. */
static inline void
honest_must_go_on(const struct hosting *hosting, struct guest *honest)
{
	uint64_t condition = make_condition(hosting);

	MUST(ask_as(honest, request_for(REQUEST_HOLD, condition)));
	MUST(ask_as(honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(honest, request_for(REQUEST_RELEASE, condition)));
	send_request(honest, request_for(REQUEST_DROP, condition));
	link_forget(hosting->address);
}

/* A server with an honest client. */
struct scene {
	struct hosting hosting;
	struct guest honest;
};

static inline void
set_scene(struct scene *scene)
{
	scene->hosting = hosting_start();
	scene->honest = guest_at(scene->hosting.address);
}

static inline void
clear_scene(struct scene *scene)
{
	honest_must_go_on(&scene->hosting, &scene->honest);
	leave(&scene->honest);
	hosting_end(&scene->hosting);
}

static inline void
send_bytes(int socket, const void *bytes, size_t size)
{
	/* The server may hang up before it has read all. */
	if (send(socket, bytes, size, MSG_NOSIGNAL) < 0)
		assert_true(errno == EPIPE || errno == ECONNRESET);
}

static inline void
send_frame(
	struct guest *guest, uint64_t length, const void *payload, size_t size)
{
	send_bytes(guest->socket, &length, sizeof(length));
	if (size > 0)
		send_bytes(guest->socket, payload, size);
}

/* Sees that what happened at the server before now has been dealt with. */
static inline void
pass_two_rounds(struct guest *honest)
{
	for (int i = 0; i < 2; i++)
		MUST_RAISE(RuntimeError,
			ask_as(honest, request_for(REQUEST_HOLD, UINT64_MAX)));
}

/* Stops the server until it is let go on, so that events pile up. */
static inline void
stop_server(struct scene *scene)
{
	assert_true(process_stop(scene->hosting.server));
}

static inline void
let_server_go_on(struct scene *scene)
{
	kill(scene->hosting.server, SIGCONT);
}

#endif
