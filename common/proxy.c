#include "proxy.h"

#include "buffer.h"
#include "condition.h"
#include "condition_class.h"
#include "encoding.h"
#include "error.h"
#include "link.h"
#include "panic.h"
#include "request.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

struct proxy {
	struct condition condition;
	char *address;
	uint64_t number;
	/* The process in whose name the manager counts this proxy. */
	_Atomic pid_t holder;
	/* Whether the lock was ever taken through it. */
	atomic_bool locked;
};

static const struct condition_class proxy_class;

static struct proxy *
proxy_of(const struct condition *condition)
{
	return (struct proxy *)condition;
}

/*
 * A child that inherited a proxy has to hold the condition in its own name. Of
 * its threads, the first to come does.
 */
static struct error *
hold(struct proxy *proxy)
{
	struct request request = {
		.kind = REQUEST_HOLD, .condition = proxy->number};
	struct error *error;

	if (atomic_exchange(&proxy->holder, sys_process()) == sys_process())
		return NULL;
	error = TRACED(
		link_request_for_process(proxy->address, &request, NULL));
	if (error)
		atomic_store(&proxy->holder, 0);
	return error;
}

static struct error *
ask(struct condition *condition, struct request request, uint64_t *reply)
{
	struct proxy *proxy = proxy_of(condition);

	TRY(hold(proxy));
	request.condition = proxy->number;
	TRY(link_request(proxy->address, &request, reply));
	return NULL;
}

static struct error *
proxy_acquire(struct condition *condition)
{
	atomic_store(&proxy_of(condition)->locked, true);
	return ask(condition, (struct request){.kind = REQUEST_ACQUIRE}, NULL);
}

static struct error *
proxy_release(struct condition *condition)
{
	return ask(condition, (struct request){.kind = REQUEST_RELEASE}, NULL);
}

static struct error *
proxy_wait(struct condition *condition, double timeout, bool *notified)
{
	uint64_t reply;

	TRY(ask(condition,
		(struct request){.kind = REQUEST_WAIT, .timeout = timeout},
		&reply));
	*notified = reply;
	return NULL;
}

static struct error *
proxy_notify(struct condition *condition, long n)
{
	return ask(condition,
		(struct request){.kind = REQUEST_NOTIFY, .amount = n}, NULL);
}

static struct error *
proxy_owner_died(struct condition *condition, bool *died)
{
	uint64_t reply;

	TRY(ask(condition, (struct request){.kind = REQUEST_OWNER_DIED},
		&reply));
	*died = reply;
	return NULL;
}

static struct condition *
make_proxy(char *address, uint64_t number)
{
	struct proxy *proxy = must_have(calloc(1, sizeof(*proxy)));

	condition_init(&proxy->condition, &proxy_class);
	proxy->address = address;
	proxy->number = number;
	return &proxy->condition;
}

/* A manager that is gone holds nothing: errors do not matter here. */
static void
proxy_destroy(struct condition *condition)
{
	struct proxy *proxy = proxy_of(condition);
	struct request let_go = {
		.kind = REQUEST_LET_GO, .condition = proxy->number};
	struct request drop = {
		.kind = REQUEST_DROP, .condition = proxy->number};

	if (proxy->holder == sys_process() && proxy->locked)
		error_free(link_request(proxy->address, &let_go, NULL));
	if (proxy->holder == sys_process())
		error_free(
			link_request_for_process(proxy->address, &drop, NULL));
	free(proxy->address);
	free(proxy);
}

static struct error *
proxy_encode(const void *condition, struct buffer *buffer)
{
	const struct proxy *proxy = proxy_of(condition);

	buffer_put_number(buffer, proxy->number);
	buffer_put_text(buffer, proxy->address);
	return NULL;
}

static struct error *
proxy_decode(struct reader *reader, void **object)
{
	SCOPED(condition) condition = NULL;
	uint64_t number;
	char *address;

	TRY(reader_take_number(reader, &number));
	TRY(reader_take_text(reader, &address));
	condition = make_proxy(address, number);
	TRY(hold(proxy_of(condition)));
	*object = condition;
	condition = NULL;
	return NULL;
}

static const struct condition_class proxy_class = {
	.value_class =
		{
			.interface = CONDITION_INTERFACE,
			.name = "condition proxy",
			.hold = condition_hold,
			.drop = condition_drop,
			.encode = proxy_encode,
			.decode = proxy_decode,
		},
	.acquire = proxy_acquire,
	.release = proxy_release,
	.wait = proxy_wait,
	.notify = proxy_notify,
	.owner_died = proxy_owner_died,
	.destroy = proxy_destroy,
};

__attribute__((constructor)) static void
register_class(void)
{
	encoding_register(&proxy_class.value_class);
}

struct error *
proxy_new(const char *address, struct condition **condition)
{
	struct request request = {.kind = REQUEST_MAKE};
	struct proxy *proxy;
	uint64_t number;

	TRY(link_request_for_process(address, &request, &number));
	*condition = make_proxy(must_have(strdup(address)), number);
	proxy = proxy_of(*condition);
	proxy->holder = sys_process();
	return NULL;
}
