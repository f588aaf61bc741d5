/*
 * test_crew.c - a crew whose owner is the test: who is idle, what is told of
 * replies and of losses, and that lost workers are replaced.
 */
#include "crew.h"

#include "channel.h"
#include "encoding.h"
#include "process.h"
#include "sys.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What a crew told its owner last, and how often. */
struct told {
	struct crew *crew;
	int replies, losses;
	size_t seat;
	enum reply_kind kind;
	long long integer;
	bool begun;
	struct error *why;
};

static void
on_reply(void *owner, size_t seat, enum reply_kind kind, struct reader *reply)
{
	struct told *told = owner;
	SCOPED(value) value = NULL;

	told->replies++;
	told->seat = seat;
	told->kind = kind;
	if (kind == REPLY_VALUES) {
		MUST(decode_value(reply, &value));
		told->integer = integer_of(value);
	}
}

static void
on_loss(void *owner, size_t seat, bool begun, struct error *why)
{
	struct told *told = owner;

	told->losses++;
	told->seat = seat;
	told->begun = begun;
	error_free(told->why);
	told->why = why;
}

static void
start_crew(struct told *told, struct worker_plan *plan, size_t seats)
{
	const struct crew_owner owner = {on_reply, on_loss, told};
	sigset_t broken_pipe;

	/* A worker that dies leaves a pipe without a reader. */
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	sigprocmask(SIG_BLOCK, &broken_pipe, NULL);
	open_wires();
	remember_descriptors();
	*told = (struct told){.seat = NO_SEAT};
	MUST(crew_new(plan, seats, owner, &told->crew));
}

static void
end_crew(struct told *told)
{
	crew_free(told->crew);
	error_free(told->why);
	close_wires();
}

static size_t
await_idle(const struct told *told)
{
	while (crew_idle(told->crew) == NO_SEAT)
		MUST(crew_step(told->crew));
	return crew_idle(told->crew);
}

static void
await_reply(const struct told *told)
{
	const int before = told->replies;

	while (told->replies == before)
		MUST(crew_step(told->crew));
}

static void
await_loss(const struct told *told)
{
	const int before = told->losses;

	while (told->losses == before)
		MUST(crew_step(told->crew));
}

/* Begins a chunk of one item, which is taken, for an idle seat. */
static void
begin_item(const struct told *told, size_t seat, task_function *task,
	struct value *item)
{
	struct chunk_head head = {.task = task, .count = 1};
	struct buffer *buffer = crew_begin(told->crew, seat, &head.number);

	chunk_head_put(&head, buffer);
	MUST(encode_value(item, buffer));
	value_free(item);
}

/* Gives a task with an integer to an idle worker, and gives its seat. */
static size_t
give(const struct told *told, task_function *task, long long integer)
{
	size_t seat = await_idle(told);

	begin_item(told, seat, task, value_integer(integer));
	MUST(crew_send(told->crew, seat));
	return seat;
}

IN_CHILD(workers_become_idle_and_answer)
{
	struct worker_plan plan = {0};
	struct told told;
	size_t seat;

	start_crew(&told, &plan, 2);
	assert_int_equal(crew_idle(told.crew), NO_SEAT);
	seat = give(&told, square, 12);
	await_reply(&told);
	assert_int_equal(told.seat, seat);
	assert_int_equal(told.kind, REPLY_VALUES);
	assert_int_equal(told.integer, 144);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

IN_CHILD(busy_seat_is_not_idle_until_it_answered)
{
	struct worker_plan plan = {0};
	struct told told;
	size_t first, second;

	start_crew(&told, &plan, 2);
	first = give(&told, hold, 1);
	second = give(&told, hold, 2);
	assert_int_not_equal(first, second);
	assert_int_equal(crew_idle(told.crew), NO_SEAT);
	await_reports(2);
	open_gate(1);
	await_reply(&told);
	assert_int_equal(crew_idle(told.crew), told.seat);
	open_gate(1);
	await_reply(&told);
	assert_int_equal(told.replies, 2);
	end_crew(&told);
}

IN_CHILD(error_of_a_task_is_a_reply)
{
	struct worker_plan plan = {0};
	struct told told;
	size_t seat;

	start_crew(&told, &plan, 1);
	seat = give(&told, refuse, 1);
	await_reply(&told);
	assert_int_equal(told.kind, REPLY_ERROR);
	assert_int_equal(crew_idle(told.crew), seat);
	end_crew(&told);
}

IN_CHILD(cancelled_message_leaves_its_seat_idle)
{
	struct worker_plan plan = {0};
	struct told told;
	size_t seat;

	start_crew(&told, &plan, 1);
	seat = await_idle(&told);
	begin_item(&told, seat, report, value_integer(1));
	crew_cancel(told.crew, seat);
	assert_int_equal(crew_idle(told.crew), seat);
	give(&told, report, 2);
	await_reply(&told);
	assert_int_equal(told.integer, 2);
	/* Of the other, the worker never heard. */
	assert_int_equal(wire_receive(&reports), 2);
	end_crew(&told);
}

IN_CHILD(worker_killed_at_work_is_lost_and_replaced)
{
	struct worker_plan plan = {0};
	struct told told;
	char message[128];
	size_t seat;
	pid_t pid;

	start_crew(&told, &plan, 2);
	seat = give(&told, hold, 1);
	pid = (pid_t)wire_receive(&reports);
	assert_int_equal(kill(pid, SIGTERM), 0);
	await_loss(&told);
	assert_int_equal(told.seat, seat);
	assert_true(told.begun);
	assert_int_equal(told.why->kind, WorkerLostError);
	snprintf(message, sizeof(message),
		"worker %zu (pid %d) was killed by SIGTERM (signal 15) while "
		"it ran a task",
		seat + 1, (int)pid);
	assert_string_equal(told.why->message, message);
	/* Both seats are to be had again. */
	give(&told, hold, 1);
	give(&told, hold, 1);
	for (int i = 0; i < 2; i++)
		assert_int_not_equal(wire_receive(&reports), pid);
	end_crew(&told);
}

static pid_t
pid_of_worker(struct told *told)
{
	give(told, give_pid, 0);
	await_reply(told);
	return (pid_t)told->integer;
}

IN_CHILD(message_that_was_not_read_is_told_from_one_that_was)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = pid_of_worker(&told);
	assert_true(process_stop(pid));
	give(&told, square, 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_loss(&told);
	assert_false(told.begun);
	assert_int_equal(told.why->kind, WorkerLostError);
	end_crew(&told);
}

IN_CHILD(large_message_to_a_dying_worker_is_lost_alone)
{
	static const char bytes[1 << 22];
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	for (int i = 0; i < 20; i++) {
		pid_t pid = pid_of_worker(&told);
		size_t seat = await_idle(&told);

		/* Both its pipes become useless at the same moment. */
		assert_true(process_stop(pid));
		begin_item(
			&told, seat, echo, value_bytes(bytes, sizeof(bytes)));
		MUST(crew_send(told.crew, seat));
		assert_int_equal(kill(pid, SIGKILL), 0);
		await_loss(&told);
		assert_false(told.begun);
	}
	end_crew(&told);
}

/* Waits, without a step of the crew, until a worker's end was noticed. */
static void
await_reaped(int64_t pid)
{
	double deadline = sys_deadline(CHILD_LIMIT);

	while (kill((pid_t)pid, 0) == 0 && sys_remaining(deadline) > 0)
		sys_sleep(0.0001);
	assert_int_not_equal(kill((pid_t)pid, 0), 0);
}

IN_CHILD(idle_worker_that_is_killed_is_just_replaced)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = pid_of_worker(&told);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_reaped(pid);
	MUST(crew_step(told.crew));
	assert_int_not_equal(pid_of_worker(&told), pid);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

/*
 * Makes a step in which nothing happens: from then on, the crew hears of what
 * happens in the order in which it does.
 */
static void
forget_old_events(const struct told *told)
{
	crew_wake(told->crew);
	MUST(crew_step(told->crew));
}

IN_CHILD(reply_of_a_worker_that_has_ended_counts)
{
	struct worker_plan plan = {.maximum_chunks = 1};
	struct told told;

	start_crew(&told, &plan, 1);
	for (int i = 1; i <= 10; i++) {
		int64_t pid;

		give(&told, hold, 6);
		pid = wire_receive(&reports);
		open_gate(1);
		await_reaped(pid);
		await_reply(&told);
		assert_int_equal(told.kind, REPLY_VALUES);
		assert_int_equal(told.integer, 6);
		assert_int_equal(told.replies, i);
	}
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

IN_CHILD(reply_counts_though_the_end_is_heard_of_first)
{
	struct worker_plan plan = {.maximum_chunks = 1};
	struct told told;

	start_crew(&told, &plan, 2);
	for (int i = 1; i <= 10; i++) {
		int64_t killed, other;

		give(&told, hold, 6);
		give(&told, hold, 6);
		killed = wire_receive(&reports);
		other = wire_receive(&reports);
		forget_old_events(&told);
		/* There is a report to be taken before there is any reply. */
		kill((pid_t)killed, SIGKILL);
		await_reaped(killed);
		open_gate(1);
		await_reaped(other);
		while (told.replies < i || told.losses < i)
			MUST(crew_step(told.crew));
		assert_int_equal(told.replies, i);
		assert_int_equal(told.losses, i);
	}
	end_crew(&told);
}

IN_CHILD(idle_workers_killed_between_two_steps_are_replaced)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 2);
	for (int i = 0; i < 10; i++) {
		int64_t pids[2];
		size_t first = give(&told, hold, 6);

		assert_int_not_equal(give(&told, hold, 6), first);
		for (int j = 0; j < 2; j++)
			pids[j] = wire_receive(&reports);
		open_gate(2);
		await_reply(&told);
		while (told.replies < 2 * (i + 1))
			await_reply(&told);
		forget_old_events(&told);
		for (int j = 0; j < 2; j++) {
			kill((pid_t)pids[j], SIGKILL);
			await_reaped(pids[j]);
		}
		MUST(crew_step(told.crew));
	}
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

/* Puts garbage in place of a reply, as its argument says, and waits. */
static struct error *
talk_garbage(const struct value *arguments, struct value **result)
{
	static const struct {
		uint64_t length;
		uint8_t kind;
	} frames[] = {
		{UINT64_MAX, 0},
		{WORKER_MESSAGE_LIMIT + 1, REPLY_VALUES},
		{1, 77},
		{1, REPLY_READY},
		{1, REPLY_BROKEN},
		{0, 0},
	};
	long long which = integer_at(arguments, 0);
	ssize_t size = frames[which].length > 0;
	int replies = find_end(O_WRONLY);

	(void)result;
	wire_send(&reports, getpid());
	wire_send(&(struct wire){-1, replies}, (long long)frames[which].length);
	assert_int_equal(
		write(replies, &frames[which].kind, (size_t)size), size);
	wire_receive(&gate);
	return NULL;
}

IN_CHILD(garbage_costs_the_worker_its_life_and_not_the_crew)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	for (long long i = 0; i < 6; i++) {
		long long pid;

		give(&told, talk_garbage, i);
		pid = wire_receive(&reports);
		await_loss(&told);
		assert_true(told.begun);
		assert_int_equal(told.why->kind, WorkerLostError);
		assert_non_null(strstr(told.why->message, "SIGKILL"));
		assert_int_not_equal(pid_of_worker(&told), pid);
	}
	assert_int_equal(told.losses, 6);
	end_crew(&told);
}

/* Replies before its worker does. */
static struct error *
reply_too_soon(const struct value *arguments, struct value **result)
{
	SCOPED(value) seven = value_integer(7);
	struct channel channel;
	struct buffer *reply;

	channel_init(&channel, -1, find_end(O_WRONLY), WORKER_MESSAGE_LIMIT);
	reply = channel_begin(&channel);
	buffer_put_byte(reply, REPLY_VALUES);
	TRY(encode_value(seven, reply));
	TRY(channel_end(&channel));
	TRY(channel_flush(&channel));
	channel_fini(&channel);
	TRY(echo(arguments, result));
	return NULL;
}

IN_CHILD(reply_that_nobody_awaits_costs_the_worker_its_life)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = pid_of_worker(&told);
	give(&told, reply_too_soon, 0);
	await_reply(&told);
	assert_int_equal(told.integer, 7);
	while (crew_idle(told.crew) != NO_SEAT)
		MUST(crew_step(told.crew));
	assert_int_not_equal(pid_of_worker(&told), pid);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

static struct error *
fail_to_initialize(const struct value *arguments)
{
	(void)arguments;
	return RAISE(OSError, "no start");
}

IN_CHILD(failing_initializer_is_the_error_of_the_crew)
{
	struct worker_plan plan = {.initializer = fail_to_initialize};
	struct told told;
	SCOPED(error) error = NULL;

	start_crew(&told, &plan, 2);
	while (!error)
		error = crew_step(told.crew);
	assert_int_equal(error->kind, OSError);
	assert_string_equal(error->message, "no start");
	assert_int_equal(crew_idle(told.crew), NO_SEAT);
	end_crew(&told);
}

static struct error *
crash(const struct value *arguments)
{
	(void)arguments;
	wire_send(&reports, 0);
	raise(SIGKILL);
	return NULL;
}

IN_CHILD(initializer_that_crashes_is_not_tried_for_ever)
{
	struct worker_plan plan = {.initializer = crash};
	struct told told;
	SCOPED(error) error = NULL;
	int starts = 0;

	start_crew(&told, &plan, 1);
	while (!error)
		error = crew_step(told.crew);
	assert_int_equal(error->kind, WorkerLostError);
	assert_string_equal(error->message,
		"17 workers in a row ended before they were ready");
	for (; wire_is_readable(&reports, 0); starts++)
		wire_receive(&reports);
	assert_int_equal(starts, 17);
	end_crew(&told);
}

IN_CHILD(closed_crew_lets_its_workers_end_and_replaces_none)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 3);
	await_idle(&told);
	assert_false(crew_gone(told.crew));
	crew_close(told.crew);
	while (!crew_gone(told.crew))
		MUST(crew_step(told.crew));
	assert_int_equal(crew_idle(told.crew), NO_SEAT);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

static void *
wake(void *crew)
{
	crew_wake(crew);
	return NULL;
}

IN_CHILD(wake_ends_a_step)
{
	struct worker_plan plan = {0};
	struct told told;
	pthread_t thread;

	start_crew(&told, &plan, 1);
	/* From now on, nothing else happens. */
	await_idle(&told);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
			pthread_create(&thread, NULL, wake, told.crew), 0);
		MUST(crew_step(told.crew));
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	/* Before the step, and twice, it counts too, and once. */
	crew_wake(told.crew);
	crew_wake(told.crew);
	MUST(crew_step(told.crew));
	end_crew(&told);
}

static struct error *
give_pid_of_zygote(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(getppid());
	return NULL;
}

IN_CHILD(killed_zygote_is_the_error_of_the_crew)
{
	struct worker_plan plan = {0};
	struct told told;
	struct error *error = NULL;

	start_crew(&told, &plan, 2);
	give(&told, give_pid_of_zygote, 0);
	await_reply(&told);
	assert_int_equal(kill((pid_t)told.integer, SIGKILL), 0);
	while (!error)
		error = crew_step(told.crew);
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote", error);
	end_crew(&told);
	await_all_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_become_idle_and_answer),
		cmocka_unit_test(busy_seat_is_not_idle_until_it_answered),
		cmocka_unit_test(error_of_a_task_is_a_reply),
		cmocka_unit_test(cancelled_message_leaves_its_seat_idle),
		cmocka_unit_test(worker_killed_at_work_is_lost_and_replaced),
		cmocka_unit_test(
			message_that_was_not_read_is_told_from_one_that_was),
		cmocka_unit_test(large_message_to_a_dying_worker_is_lost_alone),
		cmocka_unit_test(idle_worker_that_is_killed_is_just_replaced),
		cmocka_unit_test(reply_of_a_worker_that_has_ended_counts),
		cmocka_unit_test(reply_counts_though_the_end_is_heard_of_first),
		cmocka_unit_test(
			idle_workers_killed_between_two_steps_are_replaced),
		cmocka_unit_test(
			garbage_costs_the_worker_its_life_and_not_the_crew),
		cmocka_unit_test(
			reply_that_nobody_awaits_costs_the_worker_its_life),
		cmocka_unit_test(failing_initializer_is_the_error_of_the_crew),
		cmocka_unit_test(
			initializer_that_crashes_is_not_tried_for_ever),
		cmocka_unit_test(
			closed_crew_lets_its_workers_end_and_replaces_none),
		cmocka_unit_test(wake_ends_a_step),
		cmocka_unit_test(killed_zygote_is_the_error_of_the_crew),
	};

	return cmocka_run_group_tests_name("crew", tests, NULL, NULL) != 0;
}
