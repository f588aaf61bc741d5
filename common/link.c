/*
 * A link is made without a connection, and connects when it is first asked;
 * when its connection breaks, it will connect anew. The links that threads
 * share have a lock each, so that a manager that does not answer holds up
 * nobody who asks another.
 */
#include "link.h"

#include "board.h"
#include "channel.h"
#include "door.h"
#include "error.h"
#include "handshake.h"
#include "panic.h"
#include "request.h"
#include "sys.h"
#include "trace.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct link {
	char *address;
	/* The process that may use it: a forked child makes its own. */
	pid_t process;
	/* One request at a time. */
	pthread_mutex_t lock;
	/* Guarded by lock: the connection, or -1. */
	int socket;
	struct channel channel;
	/* Guarded by process_lock: how many threads are at it. */
	int users;
	SLIST_ENTRY(link) next;
};

SLIST_HEAD(link_list, link);

/* The calling thread's links; the key is there to free them when it ends. */
static _Thread_local struct link_list thread_links;
static pthread_key_t thread_ends;

/*
 * The process's links. The lock is held for a moment at a time, and across
 * fork().
 */
static struct link_list process_links;
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;

static void
disconnect(struct link *link)
{
	channel_fini(&link->channel);
	sys_close(link->socket);
	link->socket = -1;
}

static void
link_free(struct link *link)
{
	/* After a fork, the number may stand for something else. */
	if (link->process != sys_process())
		link->socket = -1;
	disconnect(link);
	free(link->address);
	free(link);
}

static void
free_links(void *list)
{
	struct link_list *links = list;
	struct link *link;

	while ((link = SLIST_FIRST(links))) {
		SLIST_REMOVE_HEAD(links, next);
		link_free(link);
	}
}

static void
before_fork(void)
{
	pthread_mutex_lock(&process_lock);
}

static void
after_fork(void)
{
	pthread_mutex_unlock(&process_lock);
}

__attribute__((constructor)) static void
watch_threads_and_forks(void)
{
	if (pthread_key_create(&thread_ends, free_links) != 0 ||
		pthread_atfork(before_fork, after_fork, after_fork) != 0)
		panic("out of memory");
}

static bool
is_inherited(const struct link *link)
{
	return link && link->process != sys_process();
}

/*
 * A forked child frees the links that the thread which forked it had; but only
 * lays aside those of the process, guarded by process_lock, since another
 * thread may have been changing them at that moment.
 */
static void
drop_inherited_thread_links(void)
{
	if (is_inherited(SLIST_FIRST(&thread_links)))
		free_links(&thread_links);
}

static void
lay_inherited_process_links_aside(void)
{
	static struct link_list inherited;
	struct link *link;

	while (is_inherited(link = SLIST_FIRST(&process_links))) {
		SLIST_REMOVE_HEAD(&process_links, next);
		SLIST_INSERT_HEAD(&inherited, link, next);
	}
}

static struct link *
find(const struct link_list *links, const char *address)
{
	struct link *link;

	SLIST_FOREACH (link, links, next)
		if (strcmp(link->address, address) == 0)
			return link;
	return NULL;
}

/* The link to an address in a list, made if there is none. */
static struct link *
provide(struct link_list *links, const char *address)
{
	struct link *link = find(links, address);

	if (link)
		return link;
	link = must_have(calloc(1, sizeof(*link)));
	link->address = must_have(strdup(address));
	link->process = sys_process();
	link->socket = -1;
	pthread_mutex_init(&link->lock, NULL);
	SLIST_INSERT_HEAD(links, link, next);
	return link;
}

static struct error *
connect_link(struct link *link)
{
	struct error *error;

	TRY(door_connect(link->address, &link->socket));
	channel_init(&link->channel, link->socket, link->socket, REQUEST_LIMIT);
	error = TRACED(handshake_as_client(&link->channel));
	if (error)
		disconnect(link);
	return error;
}

/* Records what is asked: the condition's own calls are known as such. */
static void
tell_request(const struct request *request)
{
	static const enum trace_kind calls[REQUEST_KIND_COUNT] = {
		[REQUEST_ACQUIRE] = TRACE_ACQUIRE,
		[REQUEST_RELEASE] = TRACE_RELEASE,
		[REQUEST_WAIT] = TRACE_WAIT,
		[REQUEST_NOTIFY] = TRACE_NOTIFY,
	};

	if (calls[request->kind])
		trace_condition(calls[request->kind], request->condition, 0);
	else
		trace(.kind = TRACE_REQUEST, .condition = request->condition,
			.text = request_name(request->kind));
}

static struct error *
send_and_receive(
	struct link *link, const struct request *request, struct reader *reply)
{
	tell_request(request);
	request_put(request, channel_begin(&link->channel));
	TRY(channel_end(&link->channel));
	TRY(channel_flush(&link->channel));
	if (request_has_reply(request->kind)) {
		TRY(channel_receive(&link->channel, reply));
		trace_condition(
			TRACE_REPLY, request->condition, link->channel.cause);
	}
	return NULL;
}

/* Records that the lock was granted: by whose release, or whose notify. */
static void
tell_grant(const struct link *link, const struct request *request,
	uint64_t notified)
{
	const struct entry *reply = trace_entry(link->channel.cause);
	uint64_t origin = reply ? reply->told.origin : 0;

	if (request->kind == REQUEST_ACQUIRE)
		trace_condition(TRACE_ACQUIRED, request->condition, origin);
	else if (request->kind == REQUEST_WAIT)
		trace_condition(notified ? TRACE_WOKEN : TRACE_TIMED_OUT,
			request->condition, origin);
}

static struct error *
exchange(struct link *link, const struct request *request, uint64_t *number)
{
	bool has_reply = request_has_reply(request->kind);
	struct reader reply;
	struct error *broken;

	/* Whose connection broke has nothing left to give up. */
	if (link->socket < 0 && !has_reply)
		return NULL;
	if (link->socket < 0)
		TRY(connect_link(link));
	broken = TRACED(send_and_receive(link, request, &reply));
	if (broken) {
		disconnect(link);
		return broken;
	}
	if (has_reply)
		TRY(reply_take(&reply, number));
	return NULL;
}

/* Asks over a link that nobody else is using. */
static struct error *
ask(struct link *link, const struct request *request, uint64_t *number)
{
	uint64_t reply = 0;
	struct error *error = TRACED(exchange(link, request, &reply));

	if (error)
		trace_error(error, .kind = TRACE_FAILED);
	else
		tell_grant(link, request, reply);
	if (number)
		*number = reply;
	return error;
}

/* What it is, in the end, that who asks this waits for. */
static enum activity
activity_of(const struct request *request)
{
	switch (request->kind) {
	case REQUEST_ACQUIRE:
		return ACTIVITY_AWAIT_LOCK;
	case REQUEST_WAIT:
		return ACTIVITY_AWAIT_NOTIFY;
	default:
		return ACTIVITY_AWAIT_MANAGER;
	}
}

struct error *
link_request(
	const char *address, const struct request *request, uint64_t *reply)
{
	struct error *error;

	pthread_setspecific(thread_ends, &thread_links);
	drop_inherited_thread_links();
	board_begin(activity_of(request), request->condition);
	error = TRACED(ask(provide(&thread_links, address), request, reply));
	board_end();
	return error;
}

static struct link *
begin_to_share(const char *address)
{
	struct link *link;

	pthread_mutex_lock(&process_lock);
	lay_inherited_process_links_aside();
	link = provide(&process_links, address);
	link->users++;
	pthread_mutex_unlock(&process_lock);
	return link;
}

static void
end_to_share(struct link *link)
{
	pthread_mutex_lock(&process_lock);
	link->users--;
	pthread_mutex_unlock(&process_lock);
}

struct error *
link_request_for_process(
	const char *address, const struct request *request, uint64_t *reply)
{
	struct link *link = begin_to_share(address);
	struct error *error;

	board_begin(activity_of(request), request->condition);
	pthread_mutex_lock(&link->lock);
	error = TRACED(ask(link, request, reply));
	pthread_mutex_unlock(&link->lock);
	board_end();
	end_to_share(link);
	return error;
}

static void
forget(struct link_list *links, const char *address)
{
	struct link *link = find(links, address);

	if (link && link->users == 0) {
		SLIST_REMOVE(links, link, link, next);
		link_free(link);
	}
}

void
link_forget(const char *address)
{
	drop_inherited_thread_links();
	forget(&thread_links, address);
	pthread_mutex_lock(&process_lock);
	lay_inherited_process_links_aside();
	forget(&process_links, address);
	pthread_mutex_unlock(&process_lock);
}
