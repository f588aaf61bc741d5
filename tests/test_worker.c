/*
 * test_worker.c - a worker in a child, with the test in the pool's place at the
 * shelf and at the other ends of its two pipes.
 */
#include "worker.h"

#include "channel.h"
#include "condition.h"
#include "encoding.h"
#include "shelf.h"
#include "sys.h"
#include "tasks.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* A worker in seat 2, and this side of it. */
static struct {
	struct worker_plan plan;
	int chunks[2], replies[2];
	struct channel channel;
	pid_t pid;
} worker;

#define SEAT 2

static void
run_worker(void *unused)
{
	(void)unused;
	close(worker.chunks[1]);
	close(worker.replies[0]);
	worker_run(&worker.plan, SEAT, worker.chunks[0], worker.replies[1]);
}

static void
start_worker(struct worker_plan plan)
{
	void *begun;

	open_wires();
	MUST(sys_map_shared((SEAT + 1) * sizeof(*plan.begun), &begun));
	plan.begun = begun;
	MUST(shelf_new(SEAT + 1, &plan.shelf));
	worker.plan = plan;
	assert_int_equal(pipe2(worker.chunks, O_CLOEXEC), 0);
	assert_int_equal(pipe2(worker.replies, O_CLOEXEC), 0);
	worker.pid = child_start(run_worker, NULL);
	close(worker.chunks[0]);
	close(worker.replies[1]);
	channel_init(&worker.channel, worker.replies[0], worker.chunks[1],
		WORKER_MESSAGE_LIMIT);
}

static void
forget_worker(void)
{
	channel_fini(&worker.channel);
	close(worker.replies[0]);
	shelf_free(worker.plan.shelf);
	sys_unmap_shared((void *)worker.plan.begun,
		(SEAT + 1) * sizeof(*worker.plan.begun));
	close_wires();
}

/* Hangs up; then the worker must end with status 0, and no more to say. */
static void
end_worker(void)
{
	char byte;

	close(worker.chunks[1]);
	assert_int_equal(child_wait(worker.pid), 0);
	assert_int_equal(read(worker.replies[0], &byte, 1), 0);
	forget_worker();
}

static uint64_t
begun(void)
{
	return atomic_load(&worker.plan.begun[SEAT]);
}

/* Sends what stands in the channel. */
static void
flush_channel(void)
{
	MUST(channel_end(&worker.channel));
	MUST(channel_flush(&worker.channel));
}

/* Lays a chunk out, and wakes the worker if it sleeps. */
static void
lay_out(struct reader chunk)
{
	size_t taker, sleeper;

	/* It was asked for one after another. */
	while (shelf_taken(worker.plan.shelf, &taker))
		assert_int_equal(taker, SEAT);
	shelf_put(worker.plan.shelf, chunk, 0);
	if (!shelf_find_sleeper(worker.plan.shelf, &sleeper))
		return;
	assert_int_equal(sleeper, SEAT);
	channel_begin(&worker.channel);
	flush_channel();
}

/* Writes a chunk whose items are those of a list, which is taken. */
static void
write_chunk(struct buffer *buffer, uint64_t number, task_function *task,
	bool starred, struct value *items)
{
	const struct chunk_head head = {
		number, task, starred, value_count(items)};
	const struct value *item;

	chunk_head_put(&head, buffer);
	for (size_t i = 0; i < head.count; i++) {
		MUST(value_at(items, i, &item));
		MUST(encode_value(item, buffer));
	}
	value_free(items);
}

/* Lays such a chunk out. */
static void
send_chunk(
	uint64_t number, task_function *task, bool starred, struct value *items)
{
	struct buffer chunk = {0};

	write_chunk(&chunk, number, task, starred, items);
	lay_out((struct reader){chunk.bytes, chunk.length});
	buffer_fini(&chunk);
}

/* Waits for a reply of a kind. */
static struct reader
await_reply(enum reply_kind expected)
{
	struct reader reply;
	uint8_t kind;

	MUST(channel_receive(&worker.channel, &reply));
	MUST(reader_take_byte(&reply, &kind));
	assert_int_equal(kind, expected);
	return reply;
}

static void
await_ready(void)
{
	struct reader reply = await_reply(REPLY_READY);

	MUST(reader_end(&reply));
}

static long long
take_integer(struct reader *reply)
{
	SCOPED(value) value = NULL;

	MUST(decode_value(reply, &value));
	return integer_of(value);
}

/* Waits for an error, which the caller frees. */
static struct error *
await_error(enum reply_kind kind)
{
	struct reader reply = await_reply(kind);
	struct error *error;

	MUST(decode_error(&reply, &error));
	MUST(reader_end(&reply));
	return error;
}

IN_CHILD(chunk_head_comes_through_whole)
{
	const struct chunk_head head = {UINT64_MAX, square, true, 1};
	struct buffer buffer = {0};
	struct reader reader;
	struct chunk_head taken;

	chunk_head_put(&head, &buffer);
	buffer_put_byte(&buffer, 5);
	reader = (struct reader){buffer.bytes, buffer.length};
	MUST(chunk_head_take(&reader, &taken));
	assert_int_equal(taken.number, UINT64_MAX);
	assert_ptr_equal(taken.task, square);
	assert_true(taken.starred);
	assert_int_equal(taken.count, 1);
	/* What follows it is left. */
	assert_int_equal(reader.length, 1);
	buffer_fini(&buffer);
}

IN_CHILD(chunk_head_cut_short_is_refused)
{
	const struct chunk_head head = {1, square, false, 3};
	struct buffer buffer = {0};
	struct chunk_head taken;

	chunk_head_put(&head, &buffer);
	for (size_t length = 0; length < buffer.length; length++) {
		struct reader reader = {buffer.bytes, length};

		MUST_RAISE(ValueError, chunk_head_take(&reader, &taken));
	}
	buffer_fini(&buffer);
}

IN_CHILD(worker_that_is_ready_says_who_it_is)
{
	start_worker((struct worker_plan){0});
	await_ready();
	end_worker();
}

IN_CHILD(chunk_is_answered_with_its_values_in_order)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, square, false, integers(5, 8));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 25);
	assert_int_equal(take_integer(&reply), 36);
	assert_int_equal(take_integer(&reply), 49);
	MUST(reader_end(&reply));
	send_chunk(
		2, multiply, true, value_list(integers(5, 7), integers(7, 9)));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 30);
	assert_int_equal(take_integer(&reply), 56);
	MUST(reader_end(&reply));
	end_worker();
}

IN_CHILD(chunk_of_no_items_is_answered_with_no_values)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, square, false, value_empty_list());
	reply = await_reply(REPLY_VALUES);
	MUST(reader_end(&reply));
	end_worker();
}

IN_CHILD(error_has_the_place_of_the_worker_in_its_frames)
{
	SCOPED(error) error = NULL;
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, refuse, false, value_list(value_text("why")));
	error = await_error(REPLY_ERROR);
	assert_int_equal(error->kind, ValueError);
	assert_string_equal(error->message, "why");
	for (size_t i = 0; i < error->frame_count; i++)
		assert_string_equal(error->frames[i].place, "worker 3");
	assert_string_equal(error->frames[0].function, "refuse");
	/* And it works on. */
	send_chunk(2, square, false, integers(5, 6));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 25);
	end_worker();
}

/* Reports its argument, and refuses 2. */
static struct error *
report_and_refuse_2(const struct value *arguments, struct value **result)
{
	TRY(report(arguments, result));
	if (integer_at(arguments, 0) == 2)
		return RAISE(RuntimeError, "2");
	return NULL;
}

IN_CHILD(error_ends_its_chunk)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, report_and_refuse_2, false, integers(0, 6));
	MUST_RAISE_SAYING(RuntimeError, "2", await_error(REPLY_ERROR));
	for (int i = 0; i < 3; i++)
		assert_int_equal(wire_receive(&reports), i);
	send_chunk(2, square, false, integers(5, 6));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 25);
	assert_false(wire_is_readable(&reports, 0));
	end_worker();
}

static struct error *
give_condition(const struct value *arguments, struct value **result)
{
	SCOPED(condition) condition = NULL;

	(void)arguments;
	TRY(condition_new(&condition));
	*result = value_list(value_integer(1), value_condition(condition));
	return NULL;
}

IN_CHILD(result_that_refuses_is_a_maybe_encoding_error)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, give_condition, true, value_list(value_empty_list()));
	MUST_RAISE_SAYING(MaybeEncodingError,
		"Error sending result. Reason: RuntimeError: "
		"Condition objects should only be shared between processes "
		"through inheritance",
		await_error(REPLY_ERROR));
	send_chunk(2, square, false, integers(5, 6));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 25);
	end_worker();
}

IN_CHILD(items_cut_short_are_answered_with_an_error)
{
	const struct chunk_head head = {1, square, false, 2};
	struct buffer chunk = {0};

	start_worker((struct worker_plan){0});
	await_ready();
	chunk_head_put(&head, &chunk);
	lay_out((struct reader){chunk.bytes, chunk.length});
	buffer_fini(&chunk);
	MUST_RAISE_WITH(
		ValueError, "ends 1 bytes early", await_error(REPLY_ERROR));
	end_worker();
}

static long long initialized;

static struct error *
initialize(const struct value *arguments)
{
	TRY(value_integer_at(arguments, 0, &initialized));
	wire_send(&reports, initialized);
	return NULL;
}

static struct error *
give_initialized(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(initialized);
	return NULL;
}

IN_CHILD(initializer_runs_once_and_before_the_worker_is_ready)
{
	SCOPED(value) arguments = integers(17, 18);
	struct reader reply;

	start_worker((struct worker_plan){
		.initializer = initialize, .initializer_arguments = arguments});
	await_ready();
	assert_int_equal(wire_receive(&reports), 17);
	send_chunk(1, give_initialized, false, integers(0, 2));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 17);
	assert_false(wire_is_readable(&reports, 0));
	end_worker();
}

IN_CHILD(error_of_the_initializer_comes_in_place_of_readiness)
{
	SCOPED(value) arguments = value_list(value_text("no integer"));
	SCOPED(error) error = NULL;
	size_t taker;
	char byte;

	start_worker((struct worker_plan){
		.initializer = initialize, .initializer_arguments = arguments});
	send_chunk(1, square, false, integers(0, 1));
	error = await_error(REPLY_BROKEN);
	assert_int_equal(error->kind, TypeError);
	assert_string_equal(error->message, "integer expected, not text");
	assert_true(is_from(error, "worker 3"));
	/* It ends then, whatever there would be to do. */
	assert_int_equal(read(worker.replies[0], &byte, 1), 0);
	assert_false(shelf_taken(worker.plan.shelf, &taker));
	end_worker();
}

IN_CHILD(maximum_of_chunks_ends_the_worker_with_status_0)
{
	struct reader reply;
	char byte;

	start_worker((struct worker_plan){.maximum_chunks = 3});
	await_ready();
	for (uint64_t i = 1; i <= 3; i++) {
		/* However many items are in them, and whatever comes of it. */
		send_chunk(i, i == 2 ? refuse : square, false,
			integers(0, (long long)i));
		if (i == 2)
			MUST_RAISE(TypeError, await_error(REPLY_ERROR));
		else
			reply = await_reply(REPLY_VALUES);
	}
	(void)reply;
	assert_int_equal(child_wait(worker.pid), 0);
	assert_int_equal(read(worker.replies[0], &byte, 1), 0);
	close(worker.chunks[1]);
	forget_worker();
}

IN_CHILD(end_of_the_stream_in_a_frame_ends_the_worker)
{
	const uint64_t length = 1000;

	start_worker((struct worker_plan){0});
	await_ready();
	assert_int_equal(write(worker.chunks[1], &length, sizeof(length)),
		sizeof(length));
	end_worker();
}

IN_CHILD(chunk_counts_as_begun_once_it_was_read_whole)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	assert_int_equal(begun(), 0);
	send_chunk(UINT64_MAX, hold, false, integers(0, 1));
	wire_receive(&reports);
	assert_int_equal(begun(), UINT64_MAX);
	open_gate(1);
	reply = await_reply(REPLY_VALUES);
	send_chunk(5, square, false, integers(2, 3));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 4);
	assert_int_equal(begun(), 5);
	/* The other seats have words of their own. */
	assert_int_equal(atomic_load(&worker.plan.begun[0]), 0);
	assert_int_equal(atomic_load(&worker.plan.begun[1]), 0);
	end_worker();
}

/* Lays out that there is a chunk too long for a place, and is asked for it. */
static void
be_asked(void)
{
	struct reader asked;

	lay_out((struct reader){0});
	asked = await_reply(REPLY_ASK);
	MUST(reader_end(&asked));
}

IN_CHILD(chunk_too_long_for_the_shelf_is_asked_for)
{
	static const char bytes[2 * SHELF_CHUNK_LIMIT];
	struct reader reply;
	size_t taker;

	start_worker((struct worker_plan){0});
	await_ready();
	for (uint64_t i = 1; i <= 3; i++) {
		be_asked();
		/* It is this worker's already. */
		assert_true(shelf_taken(worker.plan.shelf, &taker));
		assert_int_equal(taker, SEAT);
		assert_int_equal(begun(), i == 1 ? 0 : i + 8);
		write_chunk(channel_begin(&worker.channel), i + 9, echo, false,
			value_list(value_bytes(bytes, sizeof(bytes))));
		flush_channel();
		reply = await_reply(REPLY_VALUES);
		assert_true(reply.length > sizeof(bytes));
		assert_int_equal(begun(), i + 9);
	}
	/* And those that are on the shelf as before. */
	send_chunk(20, square, false, integers(5, 6));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 25);
	end_worker();
}

IN_CHILD(chunks_that_lie_there_are_taken_without_a_wake_up)
{
	struct reader reply;

	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, hold, false, integers(1, 2));
	wire_receive(&reports);
	for (long long i = 2; i < 5; i++)
		send_chunk((uint64_t)i, square, false, integers(i, i + 1));
	/* From here on the pool does nothing. */
	open_gate(1);
	reply = await_reply(REPLY_VALUES);
	for (long long i = 2; i < 5; i++) {
		reply = await_reply(REPLY_VALUES);
		assert_int_equal(take_integer(&reply), i * i);
	}
	end_worker();
}

IN_CHILD(chunk_that_did_not_come_whole_is_not_begun)
{
	const struct chunk_head head = {9, square, false, 1};
	struct buffer whole = {0};
	uint64_t length;

	start_worker((struct worker_plan){0});
	await_ready();
	be_asked();
	chunk_head_put(&head, &whole);
	length = whole.length + 1;
	assert_int_equal(write(worker.chunks[1], &length, sizeof(length)),
		sizeof(length));
	assert_int_equal(write(worker.chunks[1], whole.bytes, whole.length),
		whole.length);
	buffer_fini(&whole);
	close(worker.chunks[1]);
	assert_int_equal(child_wait(worker.pid), 0);
	assert_int_equal(begun(), 0);
	forget_worker();
}

static struct error *
give_whether_worker(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(worker_is_current());
	return NULL;
}

IN_CHILD(worker_knows_that_it_is_one)
{
	struct reader reply;

	assert_false(worker_is_current());
	start_worker((struct worker_plan){0});
	await_ready();
	send_chunk(1, give_whether_worker, false, integers(0, 1));
	reply = await_reply(REPLY_VALUES);
	assert_int_equal(take_integer(&reply), 1);
	assert_false(worker_is_current());
	end_worker();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunk_head_comes_through_whole),
		cmocka_unit_test(chunk_head_cut_short_is_refused),
		cmocka_unit_test(worker_that_is_ready_says_who_it_is),
		cmocka_unit_test(chunk_is_answered_with_its_values_in_order),
		cmocka_unit_test(chunk_of_no_items_is_answered_with_no_values),
		cmocka_unit_test(
			error_has_the_place_of_the_worker_in_its_frames),
		cmocka_unit_test(error_ends_its_chunk),
		cmocka_unit_test(result_that_refuses_is_a_maybe_encoding_error),
		cmocka_unit_test(items_cut_short_are_answered_with_an_error),
		cmocka_unit_test(
			initializer_runs_once_and_before_the_worker_is_ready),
		cmocka_unit_test(
			error_of_the_initializer_comes_in_place_of_readiness),
		cmocka_unit_test(
			maximum_of_chunks_ends_the_worker_with_status_0),
		cmocka_unit_test(end_of_the_stream_in_a_frame_ends_the_worker),
		cmocka_unit_test(chunk_counts_as_begun_once_it_was_read_whole),
		cmocka_unit_test(chunk_too_long_for_the_shelf_is_asked_for),
		cmocka_unit_test(
			chunks_that_lie_there_are_taken_without_a_wake_up),
		cmocka_unit_test(chunk_that_did_not_come_whole_is_not_begun),
		cmocka_unit_test(worker_knows_that_it_is_one),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL) != 0;
}
