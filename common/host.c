#include "host.h"

#include "client.h"
#include "error.h"
#include "hosted.h"
#include "panic.h"
#include "request.h"
#include "sys.h"

#include <inttypes.h>
#include <stdlib.h>

static LIST_HEAD(, hosted) conditions = LIST_HEAD_INITIALIZER(conditions);

/* The lock that a client stood in a queue for is now its own. */
static void
granted(struct visitor *visitor)
{
	client_reply(client_of(visitor), visitor->notified);
}

static struct error *
find_condition(uint64_t number, struct hosted **found)
{
	struct hosted *hosted;

	LIST_FOREACH (hosted, &conditions, link)
		if (hosted->number == number) {
			*found = hosted;
			return NULL;
		}
	return RAISE(
		RuntimeError, "the manager has no condition %" PRIu64, number);
}

/*
 * The number is random: an old proxy that comes to a new manager, since that
 * was given the same process id, does not find a condition of the same number.
 */
static struct hosted *
make_condition(void)
{
	struct hosted *hosted = must_have(malloc(sizeof(*hosted)));
	uint64_t number;

	sys_random(&number, sizeof(number));
	hosted_init(hosted, number);
	LIST_INSERT_HEAD(&conditions, hosted, link);
	return hosted;
}

static void
free_condition(struct hosted *hosted)
{
	LIST_REMOVE(hosted, link);
	hosted_fini(hosted);
	free(hosted);
}

static void
free_unused_conditions(void)
{
	struct hosted *hosted = LIST_FIRST(&conditions);

	while (hosted) {
		struct hosted *next = LIST_NEXT(hosted, link);

		if (hosted_unused(hosted))
			free_condition(hosted);
		hosted = next;
	}
}

static void
hold(struct client *client, struct hosted *hosted)
{
	client->holds = must_have(reallocarray(
		client->holds, client->hold_count + 1, sizeof(*client->holds)));
	client->holds[client->hold_count++] = hosted;
	hosted->holds++;
}

static void
drop(struct client *client, struct hosted *hosted)
{
	for (size_t i = 0; i < client->hold_count; i++)
		if (client->holds[i] == hosted) {
			client->holds[i] = client->holds[--client->hold_count];
			hosted->holds--;
			return;
		}
}

/*
 * Does what is asked; *number is the reply, unless the client now stands in a
 * queue.
 */
static struct error *
carry_out(
	struct client *client, const struct request *request, uint64_t *number)
{
	struct visitor *visitor = &client->visitor;
	struct hosted *hosted;
	bool died = false;

	*number = 0;
	if (request->kind == REQUEST_MAKE) {
		hosted = make_condition();
		hold(client, hosted);
		*number = hosted->number;
		return NULL;
	}
	TRY(find_condition(request->condition, &hosted));
	switch (request->kind) {
	case REQUEST_HOLD:
		hold(client, hosted);
		break;
	case REQUEST_DROP:
		drop(client, hosted);
		free_unused_conditions();
		break;
	case REQUEST_ACQUIRE:
		hosted_acquire(hosted, visitor);
		break;
	case REQUEST_RELEASE:
		return hosted_release(hosted, visitor, granted);
	case REQUEST_LET_GO:
		hosted_let_go(hosted, visitor, granted);
		free_unused_conditions();
		break;
	case REQUEST_WAIT:
		return hosted_wait(hosted, visitor, request->timeout, granted);
	case REQUEST_NOTIFY:
		return hosted_notify(hosted, visitor, request->amount);
	case REQUEST_OWNER_DIED:
		TRY(hosted_owner_died(hosted, visitor, &died));
		*number = died;
		break;
	case REQUEST_MAKE:
	case REQUEST_KIND_COUNT:
		break;
	}
	return NULL;
}

void
host_serve(struct client *client, const struct request *request)
{
	struct error *error;
	uint64_t number;

	client->asking = request_has_reply(request->kind);
	/* It has heard of its last wake-up, if there was one. */
	client->visitor.notified = false;
	error = TRACED(carry_out(client, request, &number));
	if (!client->asking)
		error_free(error);
	else if (error)
		client_reply_error(client, error);
	else if (client->visitor.state == VISITOR_NOWHERE)
		client_reply(client, number);
}

void
host_forget(struct client *client)
{
	struct hosted *hosted;

	LIST_FOREACH (hosted, &conditions, link)
		hosted_forget(hosted, &client->visitor, granted);
	while (client->hold_count > 0)
		client->holds[--client->hold_count]->holds--;
	free_unused_conditions();
}

void
host_expire(void)
{
	struct hosted *hosted;

	LIST_FOREACH (hosted, &conditions, link)
		hosted_expire(hosted, sys_now(), granted);
}

double
host_next_deadline(void)
{
	const struct hosted *hosted;
	double next = FOREVER;

	LIST_FOREACH (hosted, &conditions, link)
		next = fmin(next, hosted_next_deadline(hosted));
	return next;
}

void
host_end(void)
{
	struct hosted *hosted;

	while ((hosted = LIST_FIRST(&conditions)))
		free_condition(hosted);
}
