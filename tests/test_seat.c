/* test_seat.c - a seat's pipes, and what is said of a worker that is lost. */
#include "error.h"
#include "seat.h"
#include "sys.h"
#include "zygote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LIMIT 1000

/* A seat that is open, and the worker's ends of its pipes. */
struct fixture {
	struct seat seat;
	int chunks, replies;
};

static int
set_up(void **state)
{
	static struct fixture fixture;

	seat_init(&fixture.seat);
	if (seat_open(&fixture.seat, LIMIT, &fixture.chunks, &fixture.replies))
		return -1;
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	seat_leave(&fixture->seat);
	sys_close(fixture->chunks);
	sys_close(fixture->replies);
	return 0;
}

/* One message from the seat to the worker's end, and back as it came. */
static void
seat_carries_messages_both_ways(void **state)
{
	struct fixture *fixture = *state;
	struct channel *channel = &fixture->seat.channel;
	struct reader message;
	char bytes[64];
	ssize_t size;
	bool got;

	buffer_put_text(channel_begin(channel), "hello");
	assert_null(channel_end(channel));
	assert_null(channel_flush(channel));
	size = read(fixture->chunks, bytes, sizeof(bytes));
	assert_true(size > 0);
	assert_int_equal(write(fixture->replies, bytes, (size_t)size), size);
	assert_null(channel_fill(channel, NULL));
	assert_null(channel_next(channel, &got, &message));
	assert_true(got);
	assert_int_equal(message.length, sizeof(uint64_t) + strlen("hello"));
}

static void
seat_does_not_block(void **state)
{
	struct fixture *fixture = *state;
	bool filled = true;

	assert_null(channel_fill(&fixture->seat.channel, &filled));
	assert_false(filled);
}

static void
seat_hang_up_ends_the_chunks(void **state)
{
	struct fixture *fixture = *state;
	char byte;

	seat_hang_up(&fixture->seat);
	assert_int_equal(read(fixture->chunks, &byte, 1), 0);
}

static void
seat_is_empty_when_it_was_left(void **state)
{
	struct fixture *fixture = *state;
	char byte;

	assert_int_equal(fixture->seat.state, SEAT_STARTING);
	seat_leave(&fixture->seat);
	assert_int_equal(fixture->seat.state, SEAT_EMPTY);
	assert_int_equal(fixture->seat.in, -1);
	assert_int_equal(fixture->seat.out, -1);
	assert_int_equal(read(fixture->chunks, &byte, 1), 0);
}

static void
loss_must_say(const struct zygote_report *report, const char *message)
{
	SCOPED(error) error = seat_loss(report);

	assert_int_equal(error->kind, WorkerLostError);
	assert_string_equal(error->message, message);
}

static void
loss_names_worker_process_and_signal_or_status(void **state)
{
	(void)state;
	loss_must_say(
		&(struct zygote_report){
			.seat = 1, .pid = 77, .status = SIGKILL},
		"worker 2 (pid 77) was killed by SIGKILL (signal 9) while it "
		"ran a task");
	loss_must_say(
		&(struct zygote_report){.seat = 0, .pid = 8, .status = 3 << 8},
		"worker 1 (pid 8) exited with status 3 while it ran a task");
}

static void
loss_names_a_signal_that_has_only_a_number(void **state)
{
	(void)state;
	loss_must_say(&(struct zygote_report){.pid = 8, .status = SIGRTMIN + 3},
		"worker 1 (pid 8) was killed by signal 37 while it ran a task");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(seat_carries_messages_both_ways),
		TEST(seat_does_not_block),
		TEST(seat_hang_up_ends_the_chunks),
		TEST(seat_is_empty_when_it_was_left),
		cmocka_unit_test(
			loss_names_worker_process_and_signal_or_status),
		cmocka_unit_test(loss_names_a_signal_that_has_only_a_number),
	};

	return cmocka_run_group_tests_name("seat", tests, NULL, NULL) != 0;
}
