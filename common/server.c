/*
 * One thread and one event loop. No client is ever waited for: one to whom a
 * reply cannot be written at once is let go, and who is to be granted a lock
 * later stands in a queue of hosted.h meanwhile.
 *
 * A client begins as a stranger, who has HANDSHAKE_SECONDS to prove that it
 * knows the key. When there are too many strangers, the oldest has to go for
 * the next to come; but not before it has had UNDISTURBED_SECONDS, during which
 * those who come wait outside. So strangers who say nothing can delay others,
 * but not push them out; unless no descriptor is left, where the oldest has to
 * go at once. Who sends what makes no sense loses its own connection, no more.
 */
#include "server.h"

#include "board.h"
#include "channel.h"
#include "client.h"
#include "door.h"
#include "encoding.h"
#include "error.h"
#include "events.h"
#include "handshake.h"
#include "host.h"
#include "request.h"
#include "sys.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STRANGERS_LIMIT 128

static struct {
	int lifeline;
	int listener;
	int handle;
	/* Whether those who come have to wait outside. */
	bool shut;
	/* Given up for a moment when no descriptor is left. */
	int spare;
	struct events events;
	/* Each in the order in which they came; strangers are clients, too. */
	struct client_list clients;
	struct client_list strangers;
	size_t stranger_count;
} self = {
	.clients = TAILQ_HEAD_INITIALIZER(self.clients),
	.strangers = TAILQ_HEAD_INITIALIZER(self.strangers),
};

/* Raises what costs the client its connection. */
static struct error *
serve_guest(struct client *client, struct reader *message, bool *replies)
{
	struct request request;

	if (client->asking)
		return RAISE(ConnectionError, "a request before the reply");
	TRY(request_take(message, &request));
	*replies = request_has_reply(request.kind);
	client->visitor.asked_by = client->channel.cause;
	client->visitor.granted_by = 0;
	trace(.kind = TRACE_RECEIVE, .cause = client->channel.cause,
		.condition = request.condition,
		.text = request_name(request.kind));
	host_serve(client, &request);
	return NULL;
}

/* A stranger is a guest now, or gone. */
static void
strike_stranger(struct client *client)
{
	TAILQ_REMOVE(&self.strangers, client, stranger_link);
	self.stranger_count--;
}

static struct error *
serve_stranger(struct client *client, struct reader *message)
{
	bool welcome;

	TRY(handshake_reply(
		&client->channel, client->nonce, message, &welcome));
	client_flush(client);
	if (!welcome)
		return RAISE(AuthenticationError, "another key");
	client->stranger = false;
	strike_stranger(client);
	client->channel.limit = REQUEST_LIMIT;
	return NULL;
}

/* Who says more before it has the reply to something does not wait for it. */
static struct error *
read_client(struct client *client)
{
	struct reader message;
	bool got, replies = false;

	TRY(channel_fill(&client->channel, NULL));
	TRY(channel_next(&client->channel, &got, &message));
	while (got && !replies && !client->doomed) {
		replies = client->stranger;
		if (client->stranger)
			TRY(serve_stranger(client, &message));
		else
			TRY(serve_guest(client, &message, &replies));
		TRY(channel_next(&client->channel, &got, &message));
	}
	if (got && replies)
		return RAISE(ConnectionError, "a message before the reply");
	return NULL;
}

static void
serve_client(struct client *client)
{
	if (!client->doomed)
		client_doom_for(client, read_client(client));
}

/* Only this user's processes may even try. */
static bool
is_our_user(int connection, pid_t *process)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*process = peer.pid;
	return peer.uid == geteuid();
}

/* The one that has tried longest; NULL if there is none. */
static struct client *
oldest_stranger(void)
{
	struct client *client;

	TAILQ_FOREACH (client, &self.strangers, stranger_link)
		if (!client->doomed)
			return client;
	return NULL;
}

static void
doom_oldest_stranger(void)
{
	struct client *oldest = oldest_stranger();

	if (oldest)
		client_doom(oldest);
}

/* When the next may come: now if there is room, or if one can give way. */
static double
next_admission(void)
{
	const struct client *oldest = oldest_stranger();

	if (self.stranger_count < STRANGERS_LIMIT || !oldest)
		return 0;
	return oldest->undisturbed_until;
}

/* Lets nobody in while nobody may come. */
static struct error *
mind_door(void)
{
	bool shut = next_admission() > sys_now();

	if (shut && !self.shut)
		TRY(events_ignore(&self.events, self.listener));
	if (!shut && self.shut)
		TRY(events_listen(
			&self.events, self.listener, TO_READ, &self.listener));
	self.shut = shut;
	return NULL;
}

static void
welcome_stranger(int connection, pid_t process)
{
	struct client *client = client_new(connection, &self.events);

	client->visitor.process = process;
	TAILQ_INSERT_TAIL(&self.clients, client, link);
	TAILQ_INSERT_TAIL(&self.strangers, client, stranger_link);
	if (++self.stranger_count > STRANGERS_LIMIT)
		doom_oldest_stranger();
}

static int
accept_connection(void)
{
	return accept4(self.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* The spare descriptor takes a connection, to close it at once. */
static void
turn_away(void)
{
	int connection;

	sys_close(self.spare);
	connection = accept_connection();
	if (connection < 0)
		/* The whole machine is short of something: give it a moment. */
		sys_sleep(0.01);
	sys_close(connection);
	self.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* When no descriptor is left, strangers have to go first. */
static void
make_room(void)
{
	if (self.stranger_count > 0)
		doom_oldest_stranger();
	else
		turn_away();
}

static void
answer_door(void)
{
	int connection = accept_connection();
	pid_t process;

	if (connection < 0 && (errno == EMFILE || errno == ENFILE))
		make_room();
	else if (connection >= 0 && is_our_user(connection, &process))
		welcome_stranger(connection, process);
	else
		sys_close(connection);
}

static void
let_go(struct client *client)
{
	TAILQ_REMOVE(&self.clients, client, link);
	host_forget(client);
	if (client->stranger)
		strike_stranger(client);
	client_free(client);
}

/* Also of those whom this dooms. */
static void
let_go_of_doomed(void)
{
	struct client *client;

	while ((client = client_next_doomed()))
		let_go(client);
}

static double
next_deadline(void)
{
	const struct client *oldest = oldest_stranger();
	double next = host_next_deadline();

	if (self.shut)
		next = fmin(next, next_admission());
	if (oldest)
		next = fmin(next, oldest->handshake_deadline);
	return next;
}

static void
do_what_is_due(void)
{
	double now = sys_now();
	struct client *client;

	host_expire();
	TAILQ_FOREACH (client, &self.strangers, stranger_link)
		if (client->handshake_deadline <= now)
			client_doom(client);
}

/*
 * Gives all memory back, as a checker likes to see it; but passes no locks on,
 * since their owners may live.
 */
_Noreturn static void
end(void)
{
	struct client *client;

	while ((client = TAILQ_FIRST(&self.clients))) {
		TAILQ_REMOVE(&self.clients, client, link);
		client_free(client);
	}
	host_end();
	sys_close(self.listener);
	sys_close(self.handle);
	sys_close(self.spare);
	events_fini(&self.events);
	_exit(0);
}

/* What events are about, other than clients. */
static void
serve_other(const void *whose)
{
	if (whose == &self.lifeline)
		end();
	answer_door();
}

static bool
is_client(const void *whose)
{
	return whose != &self.lifeline && whose != &self.listener;
}

/* One round: whatever is ready, then whatever is due. */
static struct error *
serve_once(void)
{
	void *whose[EVENTS_AT_ONCE];
	double deadline = next_deadline();
	size_t count;

	board_begin(ACTIVITY_AWAIT_REQUESTS, 0);
	TRY(events_wait(&self.events, deadline, whose, &count));
	board_end();
	for (size_t i = 0; i < count; i++)
		if (is_client(whose[i]))
			serve_client(whose[i]);
		else
			serve_other(whose[i]);
	if (sys_remaining(deadline) <= 0)
		do_what_is_due();
	let_go_of_doomed();
	TRY(mind_door());
	return NULL;
}

static struct error *
open_up(char **address)
{
	struct rlimit limit;

	/* Each client needs a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	TRY(events_init(&self.events));
	TRY(door_open(&self.listener, &self.handle, address));
	self.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (self.spare < 0)
		return RAISE_ERRNO("a spare descriptor");
	TRY(events_listen(
		&self.events, self.lifeline, TO_READ, &self.lifeline));
	TRY(events_listen(
		&self.events, self.listener, TO_READ, &self.listener));
	return NULL;
}

/* Sends the address, or an error, to the creator. */
static void
report(const char *address, struct error *error)
{
	struct channel channel;
	struct buffer *message;

	channel_init(&channel, self.lifeline, self.lifeline, REQUEST_LIMIT);
	message = channel_begin(&channel);
	buffer_put_byte(message, error != NULL);
	if (error)
		encode_error(error, message);
	else
		buffer_put_text(message, address);
	error_free(channel_end(&channel));
	error_free(channel_flush(&channel));
	channel_fini(&channel);
}

void
server_run(int lifeline)
{
	char *address = NULL;
	struct error *error;
	sigset_t none;

	board_take_line("manager");
	/* Ctrl-C is for the creator; its end is ours. */
	signal(SIGINT, SIG_IGN);
	/* One that was stopped goes on, to see that its creator is gone. */
	prctl(PR_SET_PDEATHSIG, SIGCONT);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	self.lifeline = lifeline;
	error = TRACED(open_up(&address));
	report(address, error);
	free(address);
	while (!error)
		error = serve_once();
	error_free(error);
	_exit(1);
}

static struct error *
take_report(struct reader *message, char **address)
{
	struct error *error;
	uint8_t failed;

	TRY(reader_take_byte(message, &failed));
	if (!failed) {
		TRY(reader_take_text(message, address));
		return NULL;
	}
	TRY(decode_error(message, &error));
	return error;
}

struct error *
server_await_address(int lifeline, char **address)
{
	struct channel channel;
	struct reader message;
	struct error *error;

	channel_init(&channel, lifeline, lifeline, REQUEST_LIMIT);
	board_begin(ACTIVITY_AWAIT_MANAGER, 0);
	error = TRACED(channel_receive(&channel, &message));
	board_end();
	if (!error)
		error = TRACED(take_report(&message, address));
	channel_fini(&channel);
	return error;
}
