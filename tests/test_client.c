/* test_client.c - one connection to the manager's process, seen from inside. */
#include "client.h"
#include "error.h"
#include "events.h"
#include "request.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <sys/socket.h>

/* A client, and the other end of its connection. */
struct fixture {
	struct events events;
	struct client *client;
	int peer;
	struct channel channel;
};

static int
set_up(void **state)
{
	static struct fixture fixture;
	int ends[2];

	if (events_init(&fixture.events) ||
		socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
		sys_set_nonblocking(ends[0]))
		return -1;
	fixture.client = client_new(ends[0], &fixture.events);
	fixture.peer = ends[1];
	channel_init(&fixture.channel, ends[1], ends[1], REQUEST_LIMIT);
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	client_free(fixture->client);
	channel_fini(&fixture->channel);
	sys_close(fixture->peer);
	events_fini(&fixture->events);
	return 0;
}

static struct reader
receive(struct fixture *fixture)
{
	struct reader message;

	assert_null(channel_receive(&fixture->channel, &message));
	return message;
}

static void
client_begins_as_a_stranger_with_a_challenge(void **state)
{
	struct fixture *fixture = *state;

	assert_true(fixture->client->stranger);
	assert_int_equal(receive(fixture).length, HANDSHAKE_NONCE_SIZE);
}

static void
client_reply_ends_a_request(void **state)
{
	struct fixture *fixture = *state;
	struct reader message;
	uint64_t number;

	receive(fixture);
	fixture->client->asking = true;
	client_reply(fixture->client, 7);
	assert_false(fixture->client->asking);
	message = receive(fixture);
	assert_null(reply_take(&message, &number));
	assert_int_equal(number, 7);
}

static void
client_reply_error_brings_the_error(void **state)
{
	struct fixture *fixture = *state;
	SCOPED(error) error = NULL;
	struct reader message;
	uint64_t number;

	receive(fixture);
	fixture->client->channel.limit = REQUEST_LIMIT;
	client_reply_error(fixture->client, RAISE(RuntimeError, "no lock"));
	message = receive(fixture);
	error = reply_take(&message, &number);
	assert_non_null(error);
	assert_int_equal(error->kind, RuntimeError);
	assert_string_equal(error->message, "no lock");
}

static void
client_whose_peer_is_gone_is_doomed(void **state)
{
	struct fixture *fixture = *state;

	sys_close(fixture->peer);
	fixture->peer = -1;
	client_reply(fixture->client, 7);
	assert_true(fixture->client->doomed);
}

static void
client_that_does_not_read_is_doomed_and_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	int replies = 0;

	while (!fixture->client->doomed) {
		client_reply(fixture->client, 7);
		replies++;
	}
	/* Who lags behind by a few replies is not doomed yet. */
	assert_true(replies > 100);
}

static void
client_of_finds_whose_visitor_it_is(void **state)
{
	struct fixture *fixture = *state;

	assert_ptr_equal(client_of(&fixture->client->visitor), fixture->client);
}

static void
client_is_doomed_only_for_an_error(void **state)
{
	struct fixture *fixture = *state;

	client_doom_for(fixture->client, NULL);
	assert_false(fixture->client->doomed);
	client_doom_for(fixture->client, RAISE(ValueError, "nonsense"));
	assert_true(fixture->client->doomed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(client_begins_as_a_stranger_with_a_challenge),
		TEST(client_reply_ends_a_request),
		TEST(client_reply_error_brings_the_error),
		TEST(client_whose_peer_is_gone_is_doomed),
		TEST(client_that_does_not_read_is_doomed_and_not_waited_for),
		TEST(client_of_finds_whose_visitor_it_is),
		TEST(client_is_doomed_only_for_an_error),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL) != 0;
}
