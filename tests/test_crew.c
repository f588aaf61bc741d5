/*
 * test_crew.c - a crew whose owner is the test: who gets a parcel, what is told
 * of replies and of losses, and that lost workers are replaced.
 */
#include "crew.h"

#include "channel.h"
#include "encoding.h"
#include "faults.h"
#include "process.h"
#include "shelf.h"
#include "sys.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What a crew told its owner last, and how often. */
struct told {
	struct crew *crew;
	int replies, losses, returns;
	const struct parcel *parcel;
	enum reply_kind kind;
	/* The last integer that came, and the first ones. */
	long long integer, integers[8];
	bool begun;
	struct error *why;
};

/* More than any test has under way at once. */
static struct parcel parcels[128];
static size_t parcel_count;

static void
on_reply(void *owner, struct parcel *parcel, enum reply_kind kind,
	struct reader *reply)
{
	struct told *told = owner;
	SCOPED(value) value = NULL;

	told->replies++;
	told->parcel = parcel;
	told->kind = kind;
	if (kind == REPLY_VALUES)
		MUST(decode_value(reply, &value));
	if (value && value_kind(value) == VALUE_INTEGER) {
		told->integer = integer_of(value);
		told->integers[(told->replies - 1) % 8] = told->integer;
	}
}

static void
on_loss(void *owner, struct parcel *parcel, bool begun, struct error *why)
{
	struct told *told = owner;

	told->losses++;
	told->parcel = parcel;
	told->begun = begun;
	error_free(told->why);
	told->why = why;
}

static void
on_return(void *owner, struct parcel *parcel)
{
	struct told *told = owner;

	told->returns++;
	told->parcel = parcel;
}

static void
start_crew(struct told *told, struct worker_plan *plan, size_t seats)
{
	const struct crew_owner owner = {on_reply, on_loss, on_return, told};
	sigset_t broken_pipe;

	/* A worker that dies leaves a pipe without a reader. */
	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	sigprocmask(SIG_BLOCK, &broken_pipe, NULL);
	open_wires();
	remember_descriptors();
	*told = (struct told){0};
	MUST(crew_new(plan, seats, owner, &told->crew));
}

static void
end_crew(struct told *told)
{
	crew_free(told->crew);
	error_free(told->why);
	close_wires();
}

static void
await_replies(const struct told *told, int count)
{
	while (told->replies < count)
		MUST(crew_step(told->crew));
}

static void
await_reply(const struct told *told)
{
	await_replies(told, told->replies + 1);
}

static void
await_loss(const struct told *told)
{
	const int before = told->losses;

	while (told->losses == before)
		MUST(crew_step(told->crew));
}

/* Begins a chunk of one value, which is taken. */
static struct parcel *
begin_value(const struct told *told, task_function *task, struct value *value)
{
	struct parcel *parcel = &parcels[parcel_count++ % 128];
	struct chunk_head head = {.task = task, .count = 1};
	struct buffer *buffer;

	assert_true(crew_has_room(told->crew));
	buffer = crew_begin(told->crew, parcel);
	head.number = parcel->number;
	chunk_head_put(&head, buffer);
	MUST(encode_value(value, buffer));
	value_free(value);
	return parcel;
}

static struct parcel *
give_value(const struct told *told, task_function *task, struct value *value)
{
	struct parcel *parcel = begin_value(told, task, value);

	MUST(crew_send(told->crew, parcel));
	return parcel;
}

static struct parcel *
give(const struct told *told, task_function *task, long long integer)
{
	return give_value(told, task, value_integer(integer));
}

/*
 * Makes a step in which nothing need happen: who is to be woken is; and from
 * then on, the crew hears of what happens in the order in which it does.
 */
static void
make_a_step(const struct told *told)
{
	crew_wake(told->crew);
	MUST(crew_step(told->crew));
}

/* Has a worker hold, and gives its process id. */
static pid_t
hold_worker(const struct told *told)
{
	give(told, hold, 6);
	/* The worker may yet have to be made. */
	do
		make_a_step(told);
	while (!wire_is_readable(&reports, 0.01));
	return (pid_t)wire_receive(&reports);
}

static pid_t
pid_of_worker(struct told *told)
{
	give(told, give_pid, 0);
	await_reply(told);
	return (pid_t)told->integer;
}

IN_CHILD(workers_answer)
{
	struct worker_plan plan = {0};
	struct told told;
	const struct parcel *parcel;

	start_crew(&told, &plan, 2);
	parcel = give(&told, square, 12);
	await_reply(&told);
	assert_ptr_equal(told.parcel, parcel);
	assert_int_equal(told.kind, REPLY_VALUES);
	assert_int_equal(told.integer, 144);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

IN_CHILD(no_parcel_is_behind_another_while_a_worker_sleeps)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 4);
	for (int i = 1; i <= 20; i++) {
		for (int j = 0; j < 4; j++)
			give(&told, hold, j);
		make_a_step(&told);
		await_reports(4);
		open_gate(4);
		await_replies(&told, 4 * i);
	}
	end_crew(&told);
}

static struct value *
zeros(size_t size)
{
	static const char bytes[1 << 22];

	return value_bytes(bytes, size);
}

/* More than a pipe takes at once. */
static struct value *
large_value(void)
{
	return zeros((size_t)1 << 22);
}

static struct error *
measure(const struct value *arguments, struct value **result)
{
	const struct value *argument;
	const void *bytes;
	size_t size;

	TRY(value_at(arguments, 0, &argument));
	TRY(value_get_bytes(argument, &bytes, &size));
	*result = value_integer((long long)size);
	return NULL;
}

/* How many workers have been woken who did not read that yet. */
static int
count_woken(void)
{
	struct stat about;
	int count = 0;

	for (int i = 0; i < 256; i++)
		if (!remembered[i] && fstat(i, &about) == 0 &&
			S_ISFIFO(about.st_mode) &&
			(fcntl(i, F_GETFL) & O_ACCMODE) == O_WRONLY)
			count += bytes_in_pipe(i) > 0;
	return count;
}

static struct error *
report_and_hold(const struct value *arguments, struct value **result)
{
	TRY(report(arguments, result));
	wire_receive(&gate);
	return NULL;
}

/* One worker holds; the others sleep, and are stopped. */
static void
stop_all_but_one(const struct told *told, pid_t *pids, int count)
{
	pid_t holder;

	for (int i = 0; i < count; i++)
		pids[i] = hold_worker(told);
	open_gate(count);
	await_replies(told, count);
	for (int i = 0; i < count; i++)
		assert_true(process_await(pids[i], 'S'));
	holder = hold_worker(told);
	for (int i = 0; i < count; i++)
		if (pids[i] != holder)
			assert_true(process_stop(pids[i]));
}

IN_CHILD(as_many_are_woken_as_find_something)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pids[5];

	start_crew(&told, &plan, 5);
	stop_all_but_one(&told, pids, 5);
	give(&told, report, 1);
	give(&told, report_and_hold, 2);
	give(&told, square, 3);
	/* Not before the crew has nothing else to do. */
	assert_int_equal(count_woken(), 0);
	open_gate(1);
	await_reports(2);
	/* One that was awake has taken two of them. */
	for (int i = 0; i < 2; i++) {
		make_a_step(&told);
		assert_int_equal(count_woken(), 1);
	}
	/* Or sooner, when much was laid out; but then not for what follows. */
	give(&told, square, 4);
	assert_int_equal(count_woken(), 1);
	give_value(&told, measure, zeros(40000));
	assert_int_equal(count_woken(), 3);
	give(&told, square, 5);
	assert_int_equal(count_woken(), 3);
	make_a_step(&told);
	assert_int_equal(count_woken(), 4);
	for (int i = 0; i < 5; i++)
		assert_int_equal(kill(pids[i], SIGCONT), 0);
	open_gate(1);
	await_replies(&told, 12);
	end_crew(&told);
}

IN_CHILD(worker_goes_on_with_the_next_parcel_without_the_crew)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	hold_worker(&told);
	for (int i = 0; i < 5; i++)
		give(&told, report, i);
	open_gate(1);
	/* In their order; and the crew makes no step meanwhile. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(wire_receive(&reports), i);
	await_replies(&told, 6);
	assert_int_equal(told.integer, 4);
	end_crew(&told);
}

IN_CHILD(there_is_room_again_when_something_was_taken)
{
	struct worker_plan plan = {0};
	struct told told;
	int given = 0;

	start_crew(&told, &plan, 1);
	hold_worker(&told);
	for (; crew_has_room(told.crew); given++)
		give(&told, square, given);
	assert_int_equal(given, SHELF_PLACES);
	open_gate(1);
	while (!crew_has_room(told.crew))
		MUST(crew_step(told.crew));
	give(&told, square, 100);
	await_replies(&told, given + 2);
	assert_int_equal(told.integer, 10000);
	end_crew(&told);
}

IN_CHILD(error_of_a_task_is_a_reply)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	give(&told, refuse, 1);
	await_reply(&told);
	assert_int_equal(told.kind, REPLY_ERROR);
	give(&told, square, 2);
	await_reply(&told);
	assert_int_equal(told.integer, 4);
	end_crew(&told);
}

IN_CHILD(cancelled_parcel_is_dropped)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	begin_value(&told, report, value_integer(1));
	crew_cancel(told.crew);
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
	const struct parcel *parcel;
	char message[128];
	pid_t pid;

	start_crew(&told, &plan, 1);
	parcel = give(&told, hold, 1);
	give(&told, report, 2);
	make_a_step(&told);
	pid = (pid_t)wire_receive(&reports);
	assert_int_equal(kill(pid, SIGTERM), 0);
	await_loss(&told);
	assert_ptr_equal(told.parcel, parcel);
	assert_true(told.begun);
	assert_int_equal(told.why->kind, WorkerLostError);
	snprintf(message, sizeof(message),
		"worker 1 (pid %d) was killed by SIGTERM (signal 15) while it "
		"ran a task",
		(int)pid);
	assert_string_equal(told.why->message, message);
	/* Its replacement finds what lay behind. */
	await_replies(&told, 1);
	assert_int_equal(told.integer, 2);
	assert_int_not_equal(pid_of_worker(&told), pid);
	assert_int_equal(told.losses, 1);
	end_crew(&told);
}

static struct error *
kill_its_worker(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	raise(SIGKILL);
	return NULL;
}

IN_CHILD(worker_that_ends_as_soon_as_it_has_a_parcel_is_lost)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	for (int i = 0; i < 10; i++) {
		const struct parcel *parcel;

		assert_true(process_await(pid_of_worker(&told), 'S'));
		/* Nothing comes of it but its end. */
		parcel = give(&told, kill_its_worker, 0);
		await_loss(&told);
		assert_ptr_equal(told.parcel, parcel);
		assert_true(told.begun);
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

/* Each worker waits for a number; for any but 0, it ends. */
static struct wire entrance;

static struct error *
wait_at_the_entrance(const struct value *arguments)
{
	(void)arguments;
	if (wire_receive(&entrance) != 0)
		_exit(1);
	return NULL;
}

static void
send_to_the_entrance(long long number, int count)
{
	for (int i = 0; i < count; i++)
		wire_send(&entrance, number);
}

/*
 * Both workers sleep, and are stopped; a parcel is laid out, and one of them is
 * woken. Then one is killed, the first or the second.
 */
static void
kill_one_of_two(int victim)
{
	struct worker_plan plan = {.initializer = wait_at_the_entrance};
	struct told told;
	pid_t pids[2];

	wire_open(&entrance);
	start_crew(&told, &plan, 2);
	send_to_the_entrance(0, 2);
	for (int i = 0; i < 2; i++)
		pids[i] = hold_worker(&told);
	open_gate(2);
	await_replies(&told, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(process_await(pids[i], 'S'));
		assert_true(process_stop(pids[i]));
	}
	if (pids[0] > pids[1])
		victim = !victim;
	give(&told, give_pid, 0);
	make_a_step(&told);
	kill_process(pids[victim]);
	assert_int_equal(kill(pids[!victim], SIGCONT), 0);
	await_reply(&told);
	assert_int_equal(told.integer, pids[!victim]);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
	wire_close(&entrance);
}

IN_CHILD(worker_killed_when_it_was_woken_leaves_its_parcel_to_another)
{
	kill_one_of_two(0);
	kill_one_of_two(1);
}

/* Says that it is there, too. */
static struct error *
report_at_the_entrance(const struct value *arguments)
{
	wire_send(&reports, getpid());
	TRY(wait_at_the_entrance(arguments));
	return NULL;
}

/*
 * Both workers sleep, and one is killed, the first or the second. Its
 * replacement is not ready when a parcel is laid out.
 */
static void
kill_a_sleeper(int victim)
{
	struct worker_plan plan = {.initializer = report_at_the_entrance};
	struct told told;
	pid_t pids[2];

	wire_open(&entrance);
	start_crew(&told, &plan, 2);
	for (int i = 0; i < 2; i++) {
		wire_receive(&reports);
		wire_send(&entrance, 0);
	}
	for (int i = 0; i < 2; i++)
		pids[i] = hold_worker(&told);
	open_gate(2);
	await_replies(&told, 2);
	for (int i = 0; i < 2; i++)
		assert_true(process_await(pids[i], 'S'));
	if (pids[0] > pids[1])
		victim = !victim;
	kill_process(pids[victim]);
	while (!wire_is_readable(&reports, 0.01))
		make_a_step(&told);
	wire_receive(&reports);
	give(&told, give_pid, 0);
	await_reply(&told);
	assert_int_equal(told.integer, pids[!victim]);
	end_crew(&told);
	wire_close(&entrance);
}

IN_CHILD(sleeper_that_was_killed_takes_no_wake_up)
{
	kill_a_sleeper(0);
	kill_a_sleeper(1);
}

IN_CHILD(parcel_that_nobody_took_is_not_lost)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = pid_of_worker(&told);
	assert_true(process_stop(pid));
	give(&told, square, 5);
	make_a_step(&told);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_reply(&told);
	assert_int_equal(told.integer, 25);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

/*
 * Has the only worker, which holds, take a large parcel after that, and stops
 * it. It has asked for it, and gets none of it before the crew makes a step.
 */
static const struct parcel *
have_it_asked_for(const struct told *told, pid_t worker)
{
	const struct parcel *parcel = give_value(told, measure, large_value());

	open_gate(1);
	/* It does not sleep again before it has asked. */
	await_bytes(find_end(O_RDONLY));
	assert_true(process_await(worker, 'S'));
	assert_true(process_stop(worker));
	return parcel;
}

IN_CHILD(large_message_to_a_dying_worker_is_lost_alone)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	for (int i = 1; i <= 20; i++) {
		pid_t pid = hold_worker(&told);
		const struct parcel *parcel = have_it_asked_for(&told, pid);

		assert_int_equal(kill(pid, SIGKILL), 0);
		await_loss(&told);
		assert_ptr_equal(told.parcel, parcel);
		assert_false(told.begun);
		assert_int_equal(told.why->kind, WorkerLostError);
		assert_int_equal(told.replies, i);
	}
	end_crew(&told);
}

IN_CHILD(what_lies_behind_a_parcel_that_is_not_begun_comes_back)
{
	struct worker_plan plan = {0};
	struct told told;
	const struct parcel *last;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = hold_worker(&told);
	have_it_asked_for(&told, pid);
	/* It has taken it, and no pipe takes all of it at once. */
	assert_true(crew_has_room(told.crew));
	give(&told, report, 1);
	last = give_value(&told, measure, large_value());
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_loss(&told);
	assert_false(told.begun);
	assert_int_equal(told.returns, 2);
	assert_ptr_equal(told.parcel, last);
	/* Nothing is left of them, and the shelf can be used as before. */
	give_value(&told, measure, zeros(70000));
	await_reply(&told);
	assert_int_equal(told.integer, 70000);
	give(&told, square, 7);
	await_reply(&told);
	assert_int_equal(told.integer, 49);
	assert_false(wire_is_readable(&reports, 0));
	end_crew(&told);
}

IN_CHILD(what_lies_behind_a_parcel_that_was_begun_stays)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = hold_worker(&told);
	for (int i = 1; i <= 3; i++)
		give(&told, square, i);
	assert_int_equal(kill(pid, SIGKILL), 0);
	await_replies(&told, 3);
	assert_int_equal(told.losses, 1);
	assert_true(told.begun);
	assert_int_equal(told.returns, 0);
	assert_int_equal(told.integer, 9);
	end_crew(&told);
}

IN_CHILD(chunk_about_as_long_as_a_place_of_the_shelf_comes_through)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	/* With what stands before the bytes, some are longer, and some not. */
	for (int i = -64; i < 8; i++) {
		give_value(
			&told, measure, zeros(SHELF_CHUNK_LIMIT + (size_t)i));
		await_reply(&told);
		assert_int_equal(told.integer, (int)SHELF_CHUNK_LIMIT + i);
	}
	end_crew(&told);
}

IN_CHILD(one_large_message_waits_at_a_time)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 2);
	hold_worker(&told);
	hold_worker(&told);
	give(&told, square, 2);
	give_value(&told, measure, large_value());
	assert_false(crew_has_room(told.crew));
	open_gate(2);
	for (int i = 0; i < 10; i++) {
		while (!crew_has_room(told.crew))
			MUST(crew_step(told.crew));
		give_value(&told, measure, large_value());
		while (!crew_has_room(told.crew))
			MUST(crew_step(told.crew));
		give(&told, square, 3);
	}
	await_replies(&told, 24);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

IN_CHILD(message_beyond_the_limit_is_refused)
{
	struct worker_plan plan = {0};
	struct told told;
	struct buffer *buffer;

	start_crew(&told, &plan, 1);
	buffer = crew_begin(told.crew, &parcels[0]);
	buffer_extend(buffer, WORKER_MESSAGE_LIMIT + 1);
	MUST_RAISE(ValueError, crew_send(told.crew, &parcels[0]));
	assert_true(crew_has_room(told.crew));
	give(&told, square, 3);
	await_reply(&told);
	assert_int_equal(told.integer, 9);
	end_crew(&told);
}

IN_CHILD(maximum_of_chunks_holds)
{
	struct worker_plan plan = {.maximum_chunks = 2};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = hold_worker(&told);
	for (int i = 1; i < 4; i++)
		give(&told, give_pid, 0);
	open_gate(1);
	await_replies(&told, 4);
	assert_int_equal(told.integers[1], pid);
	assert_int_not_equal(told.integers[2], pid);
	assert_int_equal(told.integers[3], told.integers[2]);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

static const struct worker_plan *common_plan;

/* Takes the next chunk for a seat that there is not. */
static struct error *
take_for_nobody(const struct value *arguments, struct value **result)
{
	struct buffer chunk = {0};
	uint64_t cause;

	shelf_take(common_plan->shelf, 99, &chunk, &cause);
	buffer_fini(&chunk);
	TRY(echo(arguments, result));
	return NULL;
}

IN_CHILD(shelf_that_a_task_overwrote_is_the_error_of_the_crew)
{
	struct worker_plan plan = {0};
	struct told told;
	struct error *error = NULL;

	common_plan = &plan;
	start_crew(&told, &plan, 1);
	/* There must be a next chunk by the time it is taken. */
	hold_worker(&told);
	give(&told, take_for_nobody, 0);
	give(&told, square, 0);
	open_gate(1);
	while (!error)
		error = crew_step(told.crew);
	MUST_RAISE_SAYING(RuntimeError,
		"a task has overwritten memory that its pool shares with it",
		error);
	end_crew(&told);
}

/*
 * Says of every chunk on the shelf that it is too long for a place, as a task
 * may by mistake: a place is 64 KiB, and the size is its third number.
 */
static struct error *
forge_sizes(const struct value *arguments, struct value **result)
{
	unsigned char *const *places = (void *)common_plan->shelf;

	for (size_t i = 0; i < SHELF_PLACES; i++)
		memset(*places + (i << 16) + 16, 0, 8);
	TRY(echo(arguments, result));
	return NULL;
}

IN_CHILD(size_that_a_task_overwrote_costs_a_worker)
{
	struct worker_plan plan = {0};
	struct told told;
	const struct parcel *parcel;

	common_plan = &plan;
	start_crew(&told, &plan, 1);
	/* The size must be there by the time it is overwritten. */
	hold_worker(&told);
	give(&told, forge_sizes, 0);
	parcel = give(&told, square, 7);
	open_gate(1);
	await_loss(&told);
	assert_ptr_equal(told.parcel, parcel);
	assert_false(told.begun);
	give(&told, square, 7);
	await_reply(&told);
	assert_int_equal(told.integer, 49);
	end_crew(&told);
}

IN_CHILD(sleeping_worker_that_is_killed_is_just_replaced)
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

IN_CHILD(reply_of_a_worker_that_has_ended_counts)
{
	struct worker_plan plan = {.maximum_chunks = 1};
	struct told told;

	start_crew(&told, &plan, 1);
	for (int i = 1; i <= 10; i++) {
		int64_t pid;

		pid = hold_worker(&told);
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

static struct error *
give_zeros(const struct value *arguments, struct value **result)
{
	*result = zeros((size_t)integer_at(arguments, 0));
	return NULL;
}

IN_CHILD(long_replies_of_a_worker_that_has_ended_count)
{
	struct worker_plan plan = {.maximum_chunks = 3};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = hold_worker(&told);
	give(&told, give_zeros, 400000);
	give(&told, give_zeros, 400000);
	open_gate(1);
	/* It ends before they are read only where its pipe takes both. */
	if (fcntl(find_end(O_RDONLY), F_SETPIPE_SZ, 1 << 20) >= 0)
		await_reaped(pid);
	await_replies(&told, 3);
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

		killed = hold_worker(&told);
		other = hold_worker(&told);
		make_a_step(&told);
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

IN_CHILD(sleeping_workers_killed_between_two_steps_are_replaced)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 2);
	for (int i = 0; i < 10; i++) {
		int64_t pids[2];

		for (int j = 0; j < 2; j++)
			pids[j] = hold_worker(&told);
		open_gate(2);
		await_replies(&told, 2 * (i + 1));
		make_a_step(&told);
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
		{INT64_MAX, 0},
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
	for (long long i = 0; i < 7; i++) {
		long long pid;

		give(&told, talk_garbage, i);
		make_a_step(&told);
		pid = wire_receive(&reports);
		await_loss(&told);
		assert_true(told.begun);
		assert_int_equal(told.why->kind, WorkerLostError);
		assert_non_null(strstr(told.why->message, "SIGKILL"));
		assert_int_not_equal(pid_of_worker(&told), pid);
	}
	assert_int_equal(told.losses, 7);
	end_crew(&told);
}

/* Sends a reply in place of the worker. */
static void
reply_for_the_worker(enum reply_kind kind)
{
	SCOPED(value) seven = value_integer(7);
	SCOPED(error) no_start = RAISE(OSError, "no start");
	struct channel channel;
	struct buffer *reply;

	channel_init(&channel, -1, find_end(O_WRONLY), WORKER_MESSAGE_LIMIT);
	reply = channel_begin(&channel);
	buffer_put_byte(reply, (uint8_t)kind);
	if (kind == REPLY_VALUES)
		MUST(encode_value(seven, reply));
	if (kind == REPLY_BROKEN)
		encode_error(no_start, reply);
	MUST(channel_end(&channel));
	MUST(channel_flush(&channel));
	channel_fini(&channel);
}

/* Replies, and then its worker does; or asks, and nobody replies again. */
static struct error *
reply_too_soon(const struct value *arguments, struct value **result)
{
	reply_for_the_worker(REPLY_VALUES);
	if (integer_at(arguments, 0) == REPLY_ASK) {
		reply_for_the_worker(REPLY_ASK);
		wire_receive(&gate);
	}
	TRY(echo(arguments, result));
	return NULL;
}

static void
send_reply_that_nobody_awaits(enum reply_kind kind)
{
	struct worker_plan plan = {0};
	struct told told;
	pid_t pid;

	start_crew(&told, &plan, 1);
	pid = pid_of_worker(&told);
	give(&told, reply_too_soon, kind);
	await_reply(&told);
	assert_int_equal(told.integer, 7);
	while (process_state(pid) != 0)
		MUST(crew_step(told.crew));
	assert_int_not_equal(pid_of_worker(&told), pid);
	assert_int_equal(told.losses, 0);
	end_crew(&told);
}

IN_CHILD(reply_that_nobody_awaits_costs_the_worker_its_life)
{
	send_reply_that_nobody_awaits(REPLY_VALUES);
	send_reply_that_nobody_awaits(REPLY_ASK);
}

static struct error *
say_that_it_is_broken(const struct value *arguments, struct value **result)
{
	reply_for_the_worker(REPLY_BROKEN);
	wire_receive(&gate);
	TRY(echo(arguments, result));
	return NULL;
}

IN_CHILD(worker_that_was_ready_cannot_break_the_crew)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 1);
	give(&told, say_that_it_is_broken, 0);
	await_loss(&told);
	assert_int_equal(told.why->kind, WorkerLostError);
	give(&told, square, 2);
	await_reply(&told);
	assert_int_equal(told.integer, 4);
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

/* One more than may end in a row before they are ready. */
#define FALSE_STARTS 17

IN_CHILD(false_starts_between_good_ones_are_no_error)
{
	struct worker_plan plan = {.initializer = wait_at_the_entrance};
	struct told told;

	wire_open(&entrance);
	start_crew(&told, &plan, 1);
	for (int i = 0; i < FALSE_STARTS; i++) {
		send_to_the_entrance(1, 1);
		send_to_the_entrance(0, 1);
		kill_process(pid_of_worker(&told));
	}
	assert_int_equal(told.losses, 0);
	end_crew(&told);
	wire_close(&entrance);
}

IN_CHILD(workers_that_were_ready_are_no_false_starts)
{
	struct worker_plan plan = {.initializer = wait_at_the_entrance};
	struct told told;
	pid_t pids[FALSE_STARTS];

	wire_open(&entrance);
	start_crew(&told, &plan, FALSE_STARTS);
	send_to_the_entrance(0, FALSE_STARTS);
	for (int i = 0; i < FALSE_STARTS; i++)
		pids[i] = hold_worker(&told);
	for (int i = 0; i < FALSE_STARTS; i++)
		kill_process(pids[i]);
	/* No other gets ready meanwhile. */
	while (told.losses < FALSE_STARTS)
		MUST(crew_step(told.crew));
	end_crew(&told);
	wire_close(&entrance);
}

IN_CHILD(workers_of_a_closed_crew_are_no_false_starts)
{
	struct worker_plan plan = {.initializer = wait_at_the_entrance};
	struct told told;

	wire_open(&entrance);
	start_crew(&told, &plan, FALSE_STARTS);
	crew_close(told.crew);
	send_to_the_entrance(1, FALSE_STARTS);
	while (!crew_gone(told.crew))
		MUST(crew_step(told.crew));
	end_crew(&told);
	wire_close(&entrance);
}

/*
 * One event may be heard of with the report that makes it void: of the other
 * worker, which ends last.
 */
IN_CHILD(reply_heard_of_after_the_end_of_its_worker_is_void)
{
	for (int i = 1; i <= 5; i++) {
		struct worker_plan plan = {0};
		struct told told;
		pid_t pids[2], busy;

		start_crew(&told, &plan, 2);
		for (int j = 0; j < 2; j++)
			pids[j] = hold_worker(&told);
		open_gate(2);
		await_replies(&told, 2);
		busy = hold_worker(&told);
		crew_close(told.crew);
		await_reaped(pids[busy == pids[0]]);
		open_gate(1);
		await_reaped(busy);
		while (!crew_gone(told.crew))
			MUST(crew_step(told.crew));
		assert_int_equal(told.replies, 3);
		make_a_step(&told);
		end_crew(&told);
	}
}

IN_CHILD(closed_crew_lets_its_workers_end_and_replaces_none)
{
	struct worker_plan plan = {0};
	struct told told;

	start_crew(&told, &plan, 3);
	assert_false(crew_gone(told.crew));
	crew_close(told.crew);
	while (!crew_gone(told.crew))
		MUST(crew_step(told.crew));
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
	pid_of_worker(&told);
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
		cmocka_unit_test(workers_answer),
		cmocka_unit_test(
			no_parcel_is_behind_another_while_a_worker_sleeps),
		cmocka_unit_test(as_many_are_woken_as_find_something),
		cmocka_unit_test(
			worker_goes_on_with_the_next_parcel_without_the_crew),
		cmocka_unit_test(there_is_room_again_when_something_was_taken),
		cmocka_unit_test(error_of_a_task_is_a_reply),
		cmocka_unit_test(cancelled_parcel_is_dropped),
		cmocka_unit_test(worker_killed_at_work_is_lost_and_replaced),
		cmocka_unit_test(
			worker_that_ends_as_soon_as_it_has_a_parcel_is_lost),
		cmocka_unit_test(
			worker_killed_when_it_was_woken_leaves_its_parcel_to_another),
		cmocka_unit_test(sleeper_that_was_killed_takes_no_wake_up),
		cmocka_unit_test(parcel_that_nobody_took_is_not_lost),
		cmocka_unit_test(large_message_to_a_dying_worker_is_lost_alone),
		cmocka_unit_test(
			what_lies_behind_a_parcel_that_is_not_begun_comes_back),
		cmocka_unit_test(
			what_lies_behind_a_parcel_that_was_begun_stays),
		cmocka_unit_test(
			chunk_about_as_long_as_a_place_of_the_shelf_comes_through),
		cmocka_unit_test(one_large_message_waits_at_a_time),
		cmocka_unit_test(message_beyond_the_limit_is_refused),
		cmocka_unit_test(maximum_of_chunks_holds),
		cmocka_unit_test(
			shelf_that_a_task_overwrote_is_the_error_of_the_crew),
		cmocka_unit_test(size_that_a_task_overwrote_costs_a_worker),
		cmocka_unit_test(
			sleeping_worker_that_is_killed_is_just_replaced),
		cmocka_unit_test(reply_of_a_worker_that_has_ended_counts),
		cmocka_unit_test(long_replies_of_a_worker_that_has_ended_count),
		cmocka_unit_test(reply_counts_though_the_end_is_heard_of_first),
		cmocka_unit_test(
			sleeping_workers_killed_between_two_steps_are_replaced),
		cmocka_unit_test(
			garbage_costs_the_worker_its_life_and_not_the_crew),
		cmocka_unit_test(
			reply_that_nobody_awaits_costs_the_worker_its_life),
		cmocka_unit_test(worker_that_was_ready_cannot_break_the_crew),
		cmocka_unit_test(failing_initializer_is_the_error_of_the_crew),
		cmocka_unit_test(
			initializer_that_crashes_is_not_tried_for_ever),
		cmocka_unit_test(false_starts_between_good_ones_are_no_error),
		cmocka_unit_test(workers_that_were_ready_are_no_false_starts),
		cmocka_unit_test(workers_of_a_closed_crew_are_no_false_starts),
		cmocka_unit_test(
			reply_heard_of_after_the_end_of_its_worker_is_void),
		cmocka_unit_test(
			closed_crew_lets_its_workers_end_and_replaces_none),
		cmocka_unit_test(wake_ends_a_step),
		cmocka_unit_test(killed_zygote_is_the_error_of_the_crew),
	};

	return cmocka_run_group_tests_name("crew", tests, NULL, NULL) != 0;
}
