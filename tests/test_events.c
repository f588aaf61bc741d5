/* test_events.c - an event loop hears of what is ready, and of nothing else. */
#include "error.h"
#include "events.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* An event loop and a pipe whose reading end it listens for. */
struct fixture {
	struct events events;
	int pipe[2];
	void *whose[EVENTS_AT_ONCE];
	size_t count;
};

static int
set_up(void **state)
{
	static struct fixture fixture;

	if (events_init(&fixture.events) || sys_pipe(fixture.pipe))
		return -1;
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	sys_close(fixture->pipe[0]);
	sys_close(fixture->pipe[1]);
	events_fini(&fixture->events);
	return 0;
}

static void
wait_until(struct fixture *fixture, double deadline)
{
	assert_null(events_wait(
		&fixture->events, deadline, fixture->whose, &fixture->count));
}

static void
listen_to_reading_end(struct fixture *fixture)
{
	assert_null(events_listen(&fixture->events, fixture->pipe[0], TO_READ,
		&fixture->pipe[0]));
}

static void
events_tell_whose_descriptor_can_be_read(void **state)
{
	struct fixture *fixture = *state;

	listen_to_reading_end(fixture);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	wait_until(fixture, FOREVER);
	assert_int_equal(fixture->count, 1);
	assert_ptr_equal(fixture->whose[0], &fixture->pipe[0]);
}

static void
events_tell_of_the_end_of_a_stream(void **state)
{
	struct fixture *fixture = *state;

	listen_to_reading_end(fixture);
	sys_close(fixture->pipe[1]);
	fixture->pipe[1] = -1;
	wait_until(fixture, FOREVER);
	assert_int_equal(fixture->count, 1);
}

static void
events_tell_whose_descriptor_can_be_written(void **state)
{
	struct fixture *fixture = *state;

	assert_null(events_listen(&fixture->events, fixture->pipe[1], TO_WRITE,
		&fixture->pipe[1]));
	wait_until(fixture, FOREVER);
	assert_ptr_equal(fixture->whose[0], &fixture->pipe[1]);
}

static void
events_wait_returns_at_its_deadline(void **state)
{
	struct fixture *fixture = *state;
	double deadline = sys_deadline(0.01);

	listen_to_reading_end(fixture);
	wait_until(fixture, deadline);
	assert_int_equal(fixture->count, 0);
	assert_true(sys_now() >= deadline);
}

static void
events_ignore_silences_a_descriptor(void **state)
{
	struct fixture *fixture = *state;

	listen_to_reading_end(fixture);
	assert_int_equal(write(fixture->pipe[1], "x", 1), 1);
	assert_null(events_ignore(&fixture->events, fixture->pipe[0]));
	wait_until(fixture, sys_now());
	assert_int_equal(fixture->count, 0);
}

static void *
ring(void *events)
{
	events_ring(events);
	events_ring(events);
	return NULL;
}

static void
bell_wakes_once_however_often_it_was_rung(void **state)
{
	struct fixture *fixture = *state;
	double deadline;
	pthread_t thread;

	assert_int_equal(
		pthread_create(&thread, NULL, ring, &fixture->events), 0);
	wait_until(fixture, FOREVER);
	assert_int_equal(fixture->count, 0);
	pthread_join(thread, NULL);
	/* The second ring may have come before or after the first wait. */
	wait_until(fixture, sys_now());
	wait_until(fixture, deadline = sys_deadline(0.01));
	assert_int_equal(fixture->count, 0);
	assert_true(sys_now() >= deadline);
}

static void
bell_wakes_again_when_it_is_rung_again(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++) {
		/* Only a bell that is not heard lets it pass. */
		double deadline = sys_deadline(30);

		events_ring(&fixture->events);
		wait_until(fixture, deadline);
		assert_true(sys_now() < deadline);
	}
}

static void
events_listen_to_no_descriptor_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	SCOPED(error) error = NULL;

	error = events_listen(&fixture->events, -1, TO_READ, fixture);
	assert_non_null(error);
	assert_int_equal(error->kind, OSError);
	assert_string_equal(error->message, "epoll_ctl: Bad file descriptor");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_tell_whose_descriptor_can_be_read),
		TEST(events_tell_of_the_end_of_a_stream),
		TEST(events_tell_whose_descriptor_can_be_written),
		TEST(events_wait_returns_at_its_deadline),
		TEST(events_ignore_silences_a_descriptor),
		TEST(bell_wakes_once_however_often_it_was_rung),
		TEST(bell_wakes_again_when_it_is_rung_again),
		TEST(events_listen_to_no_descriptor_is_an_error),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL) != 0;
}
