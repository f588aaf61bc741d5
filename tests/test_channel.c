/* test_channel.c - messages arrive whole, in order, or not at all. */
#include "channel.h"

#include "child.h"
#include "must.h"
#include "post.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LIMIT ((size_t)4 << 20)

/* Two channels that write to each other. */
struct pair {
	struct channel near, far;
	/* What each reads from and writes to. */
	int near_in, near_out, far_in, far_out;
};

static void
open_pipes(struct pair *pair)
{
	int there[2], back[2];

	assert_int_equal(pipe(there), 0);
	assert_int_equal(pipe(back), 0);
	*pair = (struct pair){.near_in = back[0],
		.near_out = there[1],
		.far_in = there[0],
		.far_out = back[1]};
	channel_init(&pair->near, back[0], there[1], LIMIT);
	channel_init(&pair->far, there[0], back[1], LIMIT);
}

static void
open_sockets(struct pair *pair)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	*pair = (struct pair){.near_in = ends[0],
		.near_out = ends[0],
		.far_in = ends[1],
		.far_out = ends[1]};
	channel_init(&pair->near, ends[0], ends[0], LIMIT);
	channel_init(&pair->far, ends[1], ends[1], LIMIT);
}

static void
close_far(struct pair *pair)
{
	channel_fini(&pair->far);
	close(pair->far_in);
	if (pair->far_out != pair->far_in)
		close(pair->far_out);
}

static void
close_pair(struct pair *pair)
{
	close_far(pair);
	channel_fini(&pair->near);
	close(pair->near_in);
	if (pair->near_out != pair->near_in)
		close(pair->near_out);
}

/* What stands at a place of a long payload. */
static unsigned char
pattern(size_t place)
{
	return (unsigned char)(place * 7 + place / 251);
}

static void
put_pattern(struct channel *channel, size_t size)
{
	unsigned char *bytes = buffer_extend(channel_begin(channel), size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = pattern(i);
	MUST(channel_end(channel));
}

static void
must_be_pattern(const struct reader *payload, size_t size)
{
	assert_int_equal(payload->length, size);
	for (size_t i = 0; i < size; i++)
		if (payload->bytes[i] != pattern(i))
			fail_msg("byte %zu of %zu is false", i, size);
}

static void
put_text(struct channel *channel, const char *text)
{
	buffer_put_bytes(channel_begin(channel), text, strlen(text));
	MUST(channel_end(channel));
}

static void
must_be_text(const struct reader *payload, const char *text)
{
	assert_int_equal(payload->length, strlen(text));
	assert_memory_equal(payload->bytes, text, strlen(text));
}

static void
must_receive(struct channel *channel, const char *text)
{
	struct reader payload;

	MUST(channel_receive(channel, &payload));
	must_be_text(&payload, text);
}

/* Writes a frame by hand, of a length that may be false. */
static void
write_frame(int descriptor, uint64_t length, const char *payload)
{
	size_t size = strlen(payload);

	assert_int_equal(write(descriptor, &length, 8), 8);
	if (size > 0)
		assert_int_equal(write(descriptor, payload, size), size);
}

static void
messages_go_both_ways(struct pair *pair)
{
	put_text(&pair->near, "hello");
	MUST(channel_flush(&pair->near));
	assert_false(channel_has_outgoing(&pair->near));
	must_receive(&pair->far, "hello");
	put_text(&pair->far, "");
	put_text(&pair->far, "back");
	MUST(channel_flush(&pair->far));
	must_receive(&pair->near, "");
	must_receive(&pair->near, "back");
	close_pair(pair);
}

static void
messages_go_both_ways_over_pipes(void **state)
{
	struct pair pair;

	(void)state;
	open_pipes(&pair);
	messages_go_both_ways(&pair);
}

static void
messages_go_both_ways_over_a_socket(void **state)
{
	struct pair pair;

	(void)state;
	open_sockets(&pair);
	messages_go_both_ways(&pair);
}

static void
nothing_goes_before_it_is_flushed(void **state)
{
	struct pair pair;
	struct reader payload;
	bool filled, got;

	(void)state;
	open_pipes(&pair);
	MUST(sys_set_nonblocking(pair.far_in));
	put_text(&pair.near, "later");
	assert_true(channel_has_outgoing(&pair.near));
	MUST(channel_fill(&pair.far, &filled));
	assert_false(filled);
	MUST(channel_next(&pair.far, &got, &payload));
	assert_false(got);
	MUST(channel_flush(&pair.near));
	MUST(channel_fill(&pair.far, &filled));
	assert_true(filled);
	MUST(channel_next(&pair.far, &got, &payload));
	assert_true(got);
	must_be_text(&payload, "later");
	close_pair(&pair);
}

static void
frame_may_be_split_at_every_byte(void **state)
{
	unsigned char frame[8 + 5] = {
		5, 0, 0, 0, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
	struct pair pair;
	struct reader payload;
	bool got;

	(void)state;
	open_pipes(&pair);
	for (size_t split = 1; split < sizeof(frame); split++) {
		size_t rest = sizeof(frame) - split;

		assert_int_equal(write(pair.near_out, frame, split), split);
		MUST(channel_fill(&pair.far, NULL));
		MUST(channel_next(&pair.far, &got, &payload));
		assert_false(got);
		assert_int_equal(
			write(pair.near_out, frame + split, rest), rest);
		MUST(channel_fill(&pair.far, NULL));
		MUST(channel_next(&pair.far, &got, &payload));
		assert_true(got);
		must_be_text(&payload, "hello");
	}
	close_pair(&pair);
}

static void
frames_may_come_byte_by_byte(void **state)
{
	static const char frames[] = "\2\0\0\0\0\0\0\0ab\0\0\0\0\0\0\0\0"
				     "\1\0\0\0\0\0\0\0c";
	static const char *const texts[] = {"ab", "", "c"};
	struct pair pair;
	struct reader payload;
	size_t count = 0;
	bool got;

	(void)state;
	open_sockets(&pair);
	for (size_t i = 0; i < sizeof(frames) - 1; i++) {
		assert_int_equal(write(pair.near_out, &frames[i], 1), 1);
		MUST(channel_fill(&pair.far, NULL));
		MUST(channel_next(&pair.far, &got, &payload));
		if (got)
			must_be_text(&payload, texts[count++]);
	}
	assert_int_equal(count, 3);
	close_pair(&pair);
}

static void
many_frames_may_come_in_one_read(void **state)
{
	struct pair pair;
	struct reader payload;
	uint64_t number;
	bool got;

	(void)state;
	open_pipes(&pair);
	for (uint64_t i = 0; i < 1000; i++) {
		buffer_put_number(channel_begin(&pair.near), i);
		MUST(channel_end(&pair.near));
	}
	MUST(channel_flush(&pair.near));
	MUST(channel_fill(&pair.far, NULL));
	for (uint64_t i = 0; i < 1000; i++) {
		MUST(channel_next(&pair.far, &got, &payload));
		assert_true(got);
		MUST(reader_take_number(&payload, &number));
		assert_int_equal(number, i);
	}
	MUST(channel_next(&pair.far, &got, &payload));
	assert_false(got);
	close_pair(&pair);
}

static void
send_patterns(void *context)
{
	struct pair *pair = context;

	for (size_t size = 0; size < 100; size++)
		put_pattern(&pair->near, size);
	put_pattern(&pair->near, LIMIT);
	put_pattern(&pair->near, 3);
	put_pattern(&pair->near, 100000);
	MUST(channel_flush(&pair->near));
	assert_int_equal(pair->near.outgoing.room, 0);
}

static void
long_frames_come_whole(struct pair *pair)
{
	pid_t pid = child_start(send_patterns, pair);
	struct reader payload;

	for (size_t size = 0; size < 100; size++) {
		MUST(channel_receive(&pair->far, &payload));
		must_be_pattern(&payload, size);
	}
	MUST(channel_receive(&pair->far, &payload));
	must_be_pattern(&payload, LIMIT);
	MUST(channel_receive(&pair->far, &payload));
	must_be_pattern(&payload, 3);
	MUST(channel_receive(&pair->far, &payload));
	must_be_pattern(&payload, 100000);
	assert_int_equal(child_wait(pid), 0);
	close_pair(pair);
}

static void
long_frames_come_whole_through_a_pipe(void **state)
{
	struct pair pair;

	(void)state;
	open_pipes(&pair);
	long_frames_come_whole(&pair);
}

static void
long_frames_come_whole_through_a_socket(void **state)
{
	struct pair pair;

	(void)state;
	open_sockets(&pair);
	long_frames_come_whole(&pair);
}

static int
pipe_size(int descriptor)
{
	int size = fcntl(descriptor, F_GETPIPE_SZ);

	assert_true(size > 0);
	return size;
}

/* Whether this user may have a pipe that large now. */
static bool
can_widen(int size)
{
	int ends[2], result;

	assert_int_equal(pipe(ends), 0);
	result = fcntl(ends[1], F_SETPIPE_SZ, size);
	close(ends[0]);
	close(ends[1]);
	return result >= 0;
}

static void
only_a_long_frame_makes_its_pipe_wide(void **state)
{
	struct reader payload;
	struct pair pair;
	int usual;

	(void)state;
	open_pipes(&pair);
	usual = pipe_size(pair.near_out);
	MUST(sys_set_nonblocking(pair.near_out));
	if (!can_widen(1 << 20))
		skip();
	for (int i = 0; i < 2; i++) {
		put_pattern(&pair.near, 30000);
		MUST(channel_flush(&pair.near));
		MUST(channel_receive(&pair.far, &payload));
	}
	assert_int_equal(pipe_size(pair.near_out), usual);
	put_pattern(&pair.near, 100000);
	MUST(channel_flush(&pair.near));
	assert_true(pipe_size(pair.near_out) > usual);
	assert_int_equal(pipe_size(pair.far_out), usual);
	close_pair(&pair);
}

static void
too_long_payload_is_not_sent(void **state)
{
	struct pair pair;

	(void)state;
	open_pipes(&pair);
	pair.near.limit = 5;
	put_text(&pair.near, "12345");
	buffer_put_bytes(channel_begin(&pair.near), "123456", 6);
	MUST_RAISE_EXACTLY(channel_end(&pair.near), ValueError,
		"a message of 6 bytes, where at most 5 are allowed");
	put_text(&pair.near, "after");
	MUST(channel_flush(&pair.near));
	must_receive(&pair.far, "12345");
	must_receive(&pair.far, "after");
	close_pair(&pair);
}

static void
too_long_frame_is_not_received(void **state)
{
	struct pair pair;
	struct reader payload;

	(void)state;
	open_pipes(&pair);
	pair.far.limit = 5;
	write_frame(pair.near_out, 5, "12345");
	write_frame(pair.near_out, 6, "");
	must_receive(&pair.far, "12345");
	MUST_RAISE_EXACTLY(channel_receive(&pair.far, &payload),
		ConnectionError,
		"a frame of 6 bytes, where at most 5 are allowed");
	/* There is no way on from there. */
	MUST_RAISE_EXACTLY(channel_receive(&pair.far, &payload),
		ConnectionError,
		"a frame of 6 bytes, where at most 5 are allowed");
	close_pair(&pair);
}

static void
absurd_lengths_are_refused(void **state)
{
	static const uint64_t lengths[] = {
		LIMIT + 1, INT64_MAX, 1ull << 63, UINT64_MAX - 8, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct pair pair;
		struct reader payload;
		struct error *error;

		open_pipes(&pair);
		write_frame(pair.near_out, lengths[i], "x");
		error = channel_receive(&pair.far, &payload);
		assert_non_null(error);
		assert_int_equal(error->kind, ConnectionError);
		error_free(error);
		close_pair(&pair);
	}
}

static void
cancelled_frame_has_never_begun(void **state)
{
	struct pair pair;

	(void)state;
	open_pipes(&pair);
	put_text(&pair.near, "first");
	buffer_put_text(channel_begin(&pair.near), "never");
	channel_cancel(&pair.near);
	put_text(&pair.near, "sent");
	channel_begin(&pair.near);
	channel_cancel(&pair.near);
	MUST(channel_flush(&pair.near));
	assert_false(channel_has_outgoing(&pair.near));
	must_receive(&pair.far, "first");
	must_receive(&pair.far, "sent");
	channel_begin(&pair.near);
	channel_cancel(&pair.near);
	assert_false(channel_has_outgoing(&pair.near));
	close_pair(&pair);
}

static void
payload_is_that_of_the_frame_begun_last(void **state)
{
	struct pair pair;
	struct reader payload;

	(void)state;
	open_pipes(&pair);
	buffer_put_bytes(channel_begin(&pair.near), "one", 3);
	/* Not only when it was ended. */
	payload = channel_payload(&pair.near);
	must_be_text(&payload, "one");
	MUST(channel_end(&pair.near));
	payload = channel_payload(&pair.near);
	must_be_text(&payload, "one");
	put_text(&pair.near, "");
	payload = channel_payload(&pair.near);
	must_be_text(&payload, "");
	put_text(&pair.near, "three");
	payload = channel_payload(&pair.near);
	must_be_text(&payload, "three");
	/* Nobody has taken it: it goes with the others. */
	MUST(channel_flush(&pair.near));
	must_receive(&pair.far, "one");
	must_receive(&pair.far, "");
	must_receive(&pair.far, "three");
	close_pair(&pair);
}

static void
moved_frames_go_out_elsewhere(void **state)
{
	struct pair pair;
	struct channel draft;
	struct reader payload;

	(void)state;
	open_pipes(&pair);
	channel_init(&draft, -1, -1, LIMIT);
	for (int i = 0; i < 2; i++) {
		put_text(&draft, "first");
		put_pattern(&draft, 1000);
		channel_move(&draft, &pair.near);
		assert_false(channel_has_outgoing(&draft));
		assert_true(channel_has_outgoing(&pair.near));
		/* Either goes on as if nothing had happened. */
		put_text(&pair.near, "behind");
		put_text(&draft, "later");
		MUST(channel_flush(&pair.near));
		must_receive(&pair.far, "first");
		MUST(channel_receive(&pair.far, &payload));
		must_be_pattern(&payload, 1000);
		must_receive(&pair.far, "behind");
		assert_true(channel_has_outgoing(&draft));
		channel_move(&draft, &pair.near);
		MUST(channel_flush(&pair.near));
		must_receive(&pair.far, "later");
	}
	channel_fini(&draft);
	close_pair(&pair);
}

static void
nothing_can_be_moved(void **state)
{
	struct pair pair;
	struct channel draft;

	(void)state;
	open_pipes(&pair);
	channel_init(&draft, -1, -1, LIMIT);
	channel_move(&draft, &pair.near);
	assert_false(channel_has_outgoing(&draft));
	assert_false(channel_has_outgoing(&pair.near));
	put_text(&draft, "dropped");
	channel_cancel(&draft);
	channel_move(&draft, &pair.near);
	assert_false(channel_has_outgoing(&pair.near));
	channel_fini(&draft);
	close_pair(&pair);
}

static void
long_frame_leaves_no_memory_taken(void **state)
{
	struct pair pair;
	struct reader payload;
	pid_t pid;

	(void)state;
	open_pipes(&pair);
	buffer_extend(channel_begin(&pair.near), LIMIT);
	channel_cancel(&pair.near);
	assert_int_equal(pair.near.outgoing.room, 0);
	pid = child_start(send_patterns, &pair);
	do
		MUST(channel_receive(&pair.far, &payload));
	while (payload.length < LIMIT);
	do
		MUST(channel_receive(&pair.far, &payload));
	while (payload.length < 100000);
	assert_int_equal(child_wait(pid), 0);
	/* The next frame needs no more than what it is. */
	put_text(&pair.near, "short");
	MUST(channel_flush(&pair.near));
	must_receive(&pair.far, "short");
	assert_true(pair.far.incoming.room < LIMIT);
	close_pair(&pair);
}

static void
end_of_the_stream_raises(void **state)
{
	struct pair pair;
	struct reader payload;
	bool filled = true;

	(void)state;
	open_pipes(&pair);
	put_text(&pair.far, "last");
	MUST(channel_flush(&pair.far));
	close_far(&pair);
	must_receive(&pair.near, "last");
	MUST_RAISE_EXACTLY(channel_receive(&pair.near, &payload),
		ConnectionError, "the other side is gone");
	MUST_RAISE_EXACTLY(channel_fill(&pair.near, &filled), ConnectionError,
		"the other side is gone");
	assert_false(filled);
	channel_fini(&pair.near);
	close(pair.near_in);
	close(pair.near_out);
}

static void
end_within_a_frame_raises(void **state)
{
	static const char frame[] = "\5\0\0\0\0\0\0\0hell";

	(void)state;
	for (size_t length = 0; length < sizeof(frame); length++) {
		struct pair pair;
		struct reader payload;

		open_sockets(&pair);
		assert_int_equal(write(pair.far_out, frame, length), length);
		close_far(&pair);
		MUST_RAISE_EXACTLY(channel_receive(&pair.near, &payload),
			ConnectionError, "the other side is gone");
		channel_fini(&pair.near);
		close(pair.near_in);
	}
}

static void
flush_to_nobody(void *context)
{
	struct pair *pair = context;

	if (pair->near_in != pair->near_out)
		signal(SIGPIPE, SIG_IGN);
	close_far(pair);
	put_text(&pair->near, "hello?");
	MUST_RAISE_EXACTLY(channel_flush(&pair->near), ConnectionError,
		"write: Broken pipe");
	channel_fini(&pair->near);
}

/* Each pair is open in the child alone, so that its other side can go. */
static void
open_pipes_and_flush(void *context)
{
	struct pair pair;

	(void)context;
	open_pipes(&pair);
	flush_to_nobody(&pair);
}

static void
open_sockets_and_flush(void *context)
{
	struct pair pair;

	(void)context;
	open_sockets(&pair);
	flush_to_nobody(&pair);
}

static void
peer_of_a_pipe_that_is_gone_raises(void **state)
{
	(void)state;
	child_must_succeed(open_pipes_and_flush, NULL);
}

static void
peer_of_a_socket_that_is_gone_raises_and_kills_nobody(void **state)
{
	(void)state;
	child_must_succeed(open_sockets_and_flush, NULL);
}

static void
reset_connection_raises(void **state)
{
	struct pair pair;
	struct reader payload;
	struct error *error;

	(void)state;
	open_sockets(&pair);
	/* What the peer has not read when it goes resets the connection. */
	put_text(&pair.near, "unread");
	MUST(channel_flush(&pair.near));
	close_far(&pair);
	error = channel_receive(&pair.near, &payload);
	assert_non_null(error);
	assert_int_equal(error->kind, ConnectionError);
	error_free(error);
	channel_fini(&pair.near);
	close(pair.near_in);
}

static void
full_pipe_takes_what_it_can_and_the_rest_later(void **state)
{
	struct pair pair;
	struct reader payload;
	int flushes = 0;
	bool got;

	(void)state;
	open_pipes(&pair);
	MUST(sys_set_nonblocking(pair.near_out));
	put_pattern(&pair.near, 3000000);
	MUST(channel_flush(&pair.near));
	assert_true(channel_has_outgoing(&pair.near));
	/* What begins in the midst of a frame comes after it. */
	put_text(&pair.near, "next");
	buffer_put_text(channel_begin(&pair.near), "never");
	channel_cancel(&pair.near);
	do {
		MUST(channel_fill(&pair.far, NULL));
		MUST(channel_next(&pair.far, &got, &payload));
		MUST(channel_flush(&pair.near));
		flushes++;
	} while (!got);
	assert_true(flushes > 1);
	must_be_pattern(&payload, 3000000);
	must_receive(&pair.far, "next");
	assert_false(channel_has_outgoing(&pair.near));
	close_pair(&pair);
}

static void
fill_of_nothing_returns_at_once_without_blocking(void **state)
{
	struct pair pair;
	bool filled = true;

	(void)state;
	open_sockets(&pair);
	MUST(sys_set_nonblocking(pair.near_in));
	MUST(channel_fill(&pair.near, &filled));
	assert_false(filled);
	MUST(channel_fill(&pair.near, NULL));
	close_pair(&pair);
}

/* Where a signal says that it has come. */
static struct post alarms;

static void
post_alarm(int number)
{
	(void)number;
	post_send(&alarms, 'a');
}

static void
receive_in_a_hail_of_signals(void *context)
{
	struct pair *pair = context;
	const struct itimerval hail = {{0, 2000}, {0, 2000}};
	struct sigaction action = {.sa_handler = post_alarm};

	/* Without SA_RESTART, so that each interrupts the read. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &hail, NULL);
	must_receive(&pair->far, "hello");
}

static void
receive_goes_on_after_signals(void **state)
{
	struct pair pair;
	pid_t pid;

	(void)state;
	alarms = post_open();
	open_pipes(&pair);
	pid = child_start(receive_in_a_hail_of_signals, &pair);
	for (int i = 0; i < 5; i++)
		assert_int_equal(post_await(&alarms), 'a');
	put_text(&pair.near, "hello");
	MUST(channel_flush(&pair.near));
	assert_int_equal(child_wait(pid), 0);
	close_pair(&pair);
	post_close(&alarms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_go_both_ways_over_pipes),
		cmocka_unit_test(messages_go_both_ways_over_a_socket),
		cmocka_unit_test(nothing_goes_before_it_is_flushed),
		cmocka_unit_test(frame_may_be_split_at_every_byte),
		cmocka_unit_test(frames_may_come_byte_by_byte),
		cmocka_unit_test(many_frames_may_come_in_one_read),
		cmocka_unit_test(long_frames_come_whole_through_a_pipe),
		cmocka_unit_test(long_frames_come_whole_through_a_socket),
		cmocka_unit_test(only_a_long_frame_makes_its_pipe_wide),
		cmocka_unit_test(too_long_payload_is_not_sent),
		cmocka_unit_test(too_long_frame_is_not_received),
		cmocka_unit_test(absurd_lengths_are_refused),
		cmocka_unit_test(cancelled_frame_has_never_begun),
		cmocka_unit_test(payload_is_that_of_the_frame_begun_last),
		cmocka_unit_test(moved_frames_go_out_elsewhere),
		cmocka_unit_test(nothing_can_be_moved),
		cmocka_unit_test(long_frame_leaves_no_memory_taken),
		cmocka_unit_test(end_of_the_stream_raises),
		cmocka_unit_test(end_within_a_frame_raises),
		cmocka_unit_test(peer_of_a_pipe_that_is_gone_raises),
		cmocka_unit_test(
			peer_of_a_socket_that_is_gone_raises_and_kills_nobody),
		cmocka_unit_test(reset_connection_raises),
		cmocka_unit_test(
			full_pipe_takes_what_it_can_and_the_rest_later),
		cmocka_unit_test(
			fill_of_nothing_returns_at_once_without_blocking),
		cmocka_unit_test(receive_goes_on_after_signals),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL) != 0;
}
