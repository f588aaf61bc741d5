/* test_host.c - what the manager's guests may ask of its conditions. */
#include "client.h"
#include "error.h"
#include "events.h"
#include "host.h"
#include "request.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/socket.h>

/* Two guests, with the other ends of their connections. */
struct guest {
	struct client *client;
	int peer;
	struct channel channel;
};

struct fixture {
	struct events events;
	struct guest ann, bob;
};

static void
guest_init(struct guest *guest, struct events *events)
{
	struct reader challenge;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_null(sys_set_nonblocking(ends[0]));
	guest->client = client_new(ends[0], events);
	guest->client->stranger = false;
	guest->client->channel.limit = REQUEST_LIMIT;
	guest->peer = ends[1];
	channel_init(&guest->channel, ends[1], ends[1], REQUEST_LIMIT);
	assert_null(channel_receive(&guest->channel, &challenge));
}

static void
guest_fini(struct guest *guest)
{
	host_forget(guest->client);
	client_free(guest->client);
	channel_fini(&guest->channel);
	sys_close(guest->peer);
}

static int
set_up(void **state)
{
	static struct fixture fixture;

	assert_null(events_init(&fixture.events));
	guest_init(&fixture.ann, &fixture.events);
	guest_init(&fixture.bob, &fixture.events);
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	guest_fini(&fixture->ann);
	guest_fini(&fixture->bob);
	events_fini(&fixture->events);
	return 0;
}

static void
ask(struct guest *guest, struct request request)
{
	host_serve(guest->client, &request);
}

/* The number that a guest has got in reply. */
static uint64_t
answer(struct guest *guest)
{
	struct reader message;
	uint64_t number;

	assert_false(guest->client->asking);
	assert_null(channel_receive(&guest->channel, &message));
	assert_null(reply_take(&message, &number));
	return number;
}

static void
must_be_refused(struct guest *guest, const char *why)
{
	SCOPED(error) error = NULL;
	struct reader message;
	uint64_t number;

	assert_null(channel_receive(&guest->channel, &message));
	error = reply_take(&message, &number);
	assert_non_null(error);
	assert_int_equal(error->kind, RuntimeError);
	assert_string_equal(error->message, why);
}

static uint64_t
make(struct guest *guest)
{
	ask(guest, (struct request){.kind = REQUEST_MAKE});
	return answer(guest);
}

static void
each_condition_has_a_number_of_its_own(void **state)
{
	struct fixture *fixture = *state;

	assert_int_not_equal(make(&fixture->ann), make(&fixture->ann));
}

static void
condition_that_nobody_holds_is_gone(void **state)
{
	struct fixture *fixture = *state;
	uint64_t number = make(&fixture->ann);
	char why[64];

	ask(&fixture->bob, (struct request){REQUEST_HOLD, number, 0, 0});
	answer(&fixture->bob);
	ask(&fixture->ann, (struct request){REQUEST_DROP, number, 0, 0});
	ask(&fixture->bob, (struct request){REQUEST_DROP, number, 0, 0});
	ask(&fixture->bob, (struct request){REQUEST_ACQUIRE, number, 0, 0});
	assert_false(fixture->bob.client->asking);
	snprintf(why, sizeof(why), "the manager has no condition %" PRIu64,
		number);
	must_be_refused(&fixture->bob, why);
}

static void
drop_of_what_is_not_held_does_nothing(void **state)
{
	struct fixture *fixture = *state;
	uint64_t number = make(&fixture->ann);

	ask(&fixture->bob, (struct request){REQUEST_DROP, number, 0, 0});
	ask(&fixture->bob, (struct request){REQUEST_HOLD, number, 0, 0});
	answer(&fixture->bob);
}

static void
lock_of_a_guest_that_is_gone_passes_on(void **state)
{
	struct fixture *fixture = *state;
	uint64_t number = make(&fixture->ann);

	ask(&fixture->bob, (struct request){REQUEST_ACQUIRE, number, 0, 0});
	answer(&fixture->bob);
	ask(&fixture->ann, (struct request){REQUEST_ACQUIRE, number, 0, 0});
	assert_true(fixture->ann.client->asking);
	host_forget(fixture->bob.client);
	answer(&fixture->ann);
	ask(&fixture->ann, (struct request){REQUEST_OWNER_DIED, number, 0, 0});
	assert_int_equal(answer(&fixture->ann), 1);
}

static void
wait_ends_at_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	uint64_t number = make(&fixture->ann);

	assert_true(isinf(host_next_deadline()));
	ask(&fixture->ann, (struct request){REQUEST_ACQUIRE, number, 0, 0});
	answer(&fixture->ann);
	ask(&fixture->ann, (struct request){REQUEST_WAIT, number, 1e-6, 0});
	assert_true(host_next_deadline() <= sys_deadline(1e-6));
	sys_sleep(sys_remaining(host_next_deadline()));
	host_expire();
	assert_int_equal(answer(&fixture->ann), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_condition_has_a_number_of_its_own),
		TEST(condition_that_nobody_holds_is_gone),
		TEST(drop_of_what_is_not_held_does_nothing),
		TEST(lock_of_a_guest_that_is_gone_passes_on),
		TEST(wait_ends_at_its_deadline),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL) != 0;
}
