/*
 * test_handler.c - a handler without a pool around it: what it takes, and when,
 * and that it hears of what is submitted while it has nothing to do.
 */
#include "handler.h"

#include "buffer.h"
#include "condition.h"
#include "process.h"
#include "result.h"
#include "shelf.h"
#include "submission.h"
#include "tasks.h"

#include <stdatomic.h>
#include <unistd.h>

static struct handler *
start_handler(struct worker_plan *plan, size_t workers)
{
	struct handler *handler;

	MUST(handler_new(plan, workers, &handler));
	return handler;
}

/* Makes a submission of one integer, and the caller's share of its result. */
static struct submission *
make_submission(struct handler *handler, task_function *task, long long integer,
	const struct callbacks *callbacks, struct result **result)
{
	struct submission *submission;

	*result = result_new(handler, callbacks);
	submission = submission_new(
		*result, task, integers(integer, integer + 1), 1);
	submission->single = true;
	return submission;
}

static struct result *
submit(struct handler *handler, task_function *task, long long integer)
{
	struct result *result;

	MUST(handler_submit(handler,
		make_submission(handler, task, integer, NULL, &result)));
	return result;
}

/* Submits items, a list which is taken, each in a chunk of its own. */
static struct result *
submit_all(struct handler *handler, task_function *task, struct value *items,
	const struct callbacks *callbacks)
{
	struct result *result = result_new(handler, callbacks);

	MUST(handler_submit(handler, submission_new(result, task, items, 1)));
	return result;
}

/* Waits for a value, and frees its result. */
static void
must_give(struct result *result, long long integer)
{
	const struct value *value;

	MUST(result_get(result, CHILD_LIMIT, &value));
	assert_int_equal(integer_of(value), integer);
	result_free(result);
}

static void
must_be_refused(struct handler *handler, enum error_kind kind, const char *why)
{
	struct result *result;
	struct submission *submission =
		make_submission(handler, square, 3, NULL, &result);

	MUST_RAISE_SAYING(kind, why, handler_submit(handler, submission));
	result_free(result);
}

IN_CHILD(handler_hears_of_what_comes_while_it_is_idle)
{
	struct worker_plan plan = {0};
	struct handler *handler = start_handler(&plan, 1);

	/* Each time, the last one has left it with nothing to do. */
	for (long long i = 0; i < 200; i++)
		must_give(submit(handler, square, i), i * i);
	handler_free(handler);
}

IN_CHILD(handler_takes_much_at_once)
{
	struct worker_plan plan = {0};
	struct handler *handler = start_handler(&plan, 2);
	struct result *results[200];

	for (long long i = 0; i < 200; i++)
		results[i] = submit(handler, square, i);
	for (long long i = 0; i < 200; i++)
		must_give(results[i], i * i);
	handler_free(handler);
}

/* Reports the first item of its argument, a list. */
static struct error *
report_first(const struct value *arguments, struct value **result)
{
	const struct value *list;

	(void)result;
	TRY(value_at(arguments, 0, &list));
	wire_send(&reports, integer_at(list, 0));
	return NULL;
}

/*
 * Task 5 opens the gate for all others that come to it: for task 0, and for
 * those after task 5.
 */
static struct error *
wait_for_5(const struct value *arguments, struct value **result)
{
	long long number = integer_at(arguments, 0);

	if (number == 5)
		open_gate(7);
	else if (number == 0 || number > 5)
		wire_receive(&gate);
	return square(arguments, result);
}

IN_CHILD(no_task_stands_behind_one_that_waits_for_it)
{
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *results[12];

	open_wires();
	handler = start_handler(&plan, 2);
	for (int i = 0; i < 50; i++) {
		for (long long j = 0; j < 12; j++)
			results[j] = submit(handler, wait_for_5, j);
		for (long long j = 0; j < 12; j++)
			must_give(results[j], j * j);
	}
	handler_free(handler);
	close_wires();
}

IN_CHILD(long_and_short_tasks_keep_their_order)
{
	static const char bytes[100000];
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *results[100];

	open_wires();
	handler = start_handler(&plan, 1);
	for (long long i = 0; i < 100; i++) {
		results[i] = submit_all(handler, report_first,
			value_list(value_list(value_integer(i),
				value_bytes(bytes, i % 3 ? 1 : sizeof(bytes)))),
			NULL);
	}
	for (long long i = 0; i < 100; i++) {
		assert_int_equal(wire_receive(&reports), i);
		MUST(result_get(results[i], CHILD_LIMIT, NULL));
		result_free(results[i]);
	}
	handler_free(handler);
	close_wires();
}

/* More than fits on the shelf, and into a pipe. */
static struct value *
large_value(void)
{
	static const char bytes[1 << 22];

	return value_bytes(bytes, sizeof(bytes));
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

/* Waits for the values of a submission, so many, and frees its result. */
static void
must_give_values(struct result *result, size_t count, long long last)
{
	const struct value *values;

	MUST(result_get(result, CHILD_LIMIT, &values));
	assert_int_equal(value_count(values), count);
	assert_int_equal(integer_at(values, count - 1), last);
	result_free(result);
}

IN_CHILD(item_that_refuses_to_be_sent_leaves_nothing_behind)
{
	struct worker_plan plan = {0};
	struct handler *handler = start_handler(&plan, 1);
	SCOPED(condition) condition = NULL;
	struct result *refused;

	MUST(condition_new(&condition));
	refused = submit_all(handler, square,
		value_list(
			value_list(large_value(), value_condition(condition))),
		NULL);
	MUST_RAISE_WITH(RuntimeError, "Condition objects",
		result_get(refused, CHILD_LIMIT, NULL));
	must_give_values(
		submit_all(handler, measure, value_list(large_value()), NULL),
		1, 1 << 22);
	result_free(refused);
	handler_free(handler);
}

/* The plan of a handler whose tasks reach for the shelf. */
static const struct worker_plan *common_plan;

/*
 * Takes what comes next on the shelf, as its worker would; which is killed
 * before it begins that. Its argument is the number of its own chunk.
 */
static struct error *
take_another(const struct value *arguments, struct value **result)
{
	long long number = integer_at(arguments, 0);
	size_t seat = atomic_load(&common_plan->begun[1]) == (uint64_t)number;
	struct buffer chunk = {0};
	uint64_t cause;

	(void)result;
	wire_send(&reports, getpid());
	wire_receive(&gate);
	while (!shelf_take(common_plan->shelf, seat, &chunk, &cause))
		look_again_soon();
	wire_send(&reports, number);
	for (;;)
		pause();
	return NULL;
}

/* Keeps the handler's thread where it is. */
static struct error *
wait_at_the_gate(const struct value *value, void *unused)
{
	(void)value;
	(void)unused;
	wire_send(&reports, 0);
	wire_receive(&gate);
	return NULL;
}

/* Reports its argument, and waits at the gate. */
static struct error *
report_and_hold(const struct value *arguments, struct value **result)
{
	TRY(report(arguments, result));
	wire_receive(&gate);
	return NULL;
}

/*
 * Two workers have taken 3 and 4 and begun neither. That with the later one is
 * lost first; then the other; and only then does the handler hear of it.
 */
IN_CHILD(what_was_not_begun_is_dealt_again_in_its_order)
{
	const struct callbacks callbacks = {wait_at_the_gate, NULL, NULL};
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *results[8], *empty;
	pid_t pids[3];
	long long early, one, other;

	open_wires();
	common_plan = &plan;
	handler = start_handler(&plan, 2);
	for (int i = 1; i <= 2; i++) {
		results[i] = submit(handler, take_another, i);
		pids[i] = (pid_t)wire_receive(&reports);
	}
	for (int i = 3; i <= 6; i++)
		results[i] = submit(handler, report_and_hold, i);
	open_gate(1);
	early = wire_receive(&reports);
	open_gate(1);
	assert_int_equal(wire_receive(&reports), 3 - early);
	empty = submit_all(handler, square, value_empty_list(), &callbacks);
	wire_receive(&reports);
	results[7] = submit(handler, report_and_hold, 7);
	for (int i = 0; i < 2; i++) {
		pid_t pid = pids[i == 0 ? 3 - early : early];

		assert_int_equal(kill(pid, SIGKILL), 0);
		process_await_reaped(pid);
	}
	open_gate(1);
	one = wire_receive(&reports);
	other = wire_receive(&reports);
	assert_int_equal(one + other, 3 + 4);
	open_gate(5);
	for (int i = 1; i <= 2; i++) {
		MUST_RAISE(WorkerLostError,
			result_get(results[i], CHILD_LIMIT, NULL));
		result_free(results[i]);
	}
	for (int i = 3; i <= 7; i++)
		must_give(results[i], i);
	result_free(empty);
	handler_free(handler);
	close_wires();
}

IN_CHILD(what_was_submitted_before_close_is_done)
{
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *held, *others;

	open_wires();
	for (int i = 0; i < 2; i++) {
		handler = start_handler(&plan, 1);
		held = submit(handler, hold, 42);
		wire_receive(&reports);
		/* More than the shelf takes; and longer than it takes. */
		others = i == 0 ? submit_all(handler, square, integers(0, 200),
					  NULL)
				: submit_all(handler, measure,
					  value_list(large_value()), NULL);
		handler_close(handler);
		open_gate(1);
		MUST(handler_join(handler));
		must_give(held, 42);
		if (i == 0)
			must_give_values(others, 200, 199 * 199);
		else
			must_give_values(others, 1, 1 << 22);
		handler_free(handler);
	}
	close_wires();
}

IN_CHILD(handler_whose_zygote_is_killed_while_its_workers_end_ends)
{
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *result;
	const struct value *value;
	pid_t worker;
	int chunks;

	remember_descriptors();
	handler = start_handler(&plan, 1);
	result = submit(handler, give_pid, 0);
	MUST(result_get(result, CHILD_LIMIT, &value));
	worker = (pid_t)integer_of(value);
	result_free(result);
	assert_true(process_stop(worker));
	chunks = find_end(O_WRONLY);
	handler_close(handler);
	/* It hangs up, and waits for the worker's end, which does not come. */
	while (fcntl(chunks, F_GETFD) >= 0)
		look_again_soon();
	assert_int_equal(kill(process_parent(worker), SIGKILL), 0);
	MUST(handler_join(handler));
	handler_free(handler);
	await_all_children();
}

IN_CHILD(submit_after_close_is_refused)
{
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *held;

	open_wires();
	handler = start_handler(&plan, 1);
	held = submit(handler, hold, 42);
	wire_receive(&reports);
	handler_close(handler);
	must_be_refused(handler, ValueError, "Pool not running");
	open_gate(1);
	MUST(handler_join(handler));
	must_give(held, 42);
	must_be_refused(handler, ValueError, "Pool not running");
	handler_free(handler);
	close_wires();
}

IN_CHILD(submit_after_terminate_is_refused)
{
	struct worker_plan plan = {0};
	struct handler *handler = start_handler(&plan, 1);

	handler_terminate(handler);
	must_be_refused(handler, ValueError, "Pool not running");
	/* No way leads back. */
	handler_close(handler);
	must_be_refused(handler, ValueError, "Pool not running");
	handler_free(handler);
}

IN_CHILD(join_before_close_is_refused)
{
	struct worker_plan plan = {0};
	struct handler *handler = start_handler(&plan, 1);

	MUST_RAISE_SAYING(
		ValueError, "Pool is still running", handler_join(handler));
	handler_close(handler);
	MUST(handler_join(handler));
	MUST(handler_join(handler));
	no_child_must_be_left();
	handler_free(handler);
}

IN_CHILD(terminate_ends_what_is_pending_and_all_processes)
{
	struct worker_plan plan = {0};
	struct handler *handler;
	struct result *running, *waiting;

	open_wires();
	handler = start_handler(&plan, 1);
	running = submit(handler, hold, 1);
	wire_receive(&reports);
	waiting = submit(handler, square, 1);
	handler_terminate(handler);
	no_child_must_be_left();
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(running, 0, NULL));
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(waiting, 0, NULL));
	handler_free(handler);
	result_free(running);
	result_free(waiting);
	close_wires();
}

IN_CHILD(handler_without_a_task_can_be_freed_at_once)
{
	for (int i = 0; i < 20; i++) {
		struct worker_plan plan = {0};

		handler_free(start_handler(&plan, 2));
	}
	handler_free(NULL);
}

/* What a callback found out about the thread that it runs in. */
struct found {
	struct handler *handler, *other;
	bool is_current, is_others;
	struct error *raised;
};

static struct error *
look_around(const struct value *value, void *context)
{
	struct found *found = context;

	(void)value;
	found->is_current = handler_is_current(found->handler);
	found->is_others = handler_is_current(found->other);
	handler_close(found->handler);
	found->raised = handler_join(found->handler);
	return NULL;
}

IN_CHILD_BESIDE_THREADS(callback_runs_in_the_thread_of_its_handler)
{
	struct worker_plan plan = {0}, other_plan = {0};
	struct found found = {.is_others = true};
	const struct callbacks callbacks = {look_around, NULL, &found};
	struct result *result;

	found.handler = start_handler(&plan, 1);
	found.other = start_handler(&other_plan, 1);
	MUST(handler_submit(
		found.handler, make_submission(found.handler, square, 5,
				       &callbacks, &result)));
	must_give(result, 25);
	assert_true(found.is_current);
	assert_false(found.is_others);
	assert_false(handler_is_current(found.handler));
	MUST_RAISE_SAYING(RuntimeError,
		"a callback waits for the end of its own pool", found.raised);
	MUST(handler_join(found.handler));
	handler_free(found.handler);
	handler_free(found.other);
}

static struct error *
fail_to_initialize(const struct value *arguments)
{
	(void)arguments;
	wire_receive(&gate);
	return RAISE(OSError, "no start");
}

IN_CHILD(broken_handler_refuses_with_the_error_that_broke_it)
{
	struct worker_plan plan = {.initializer = fail_to_initialize};
	struct handler *handler;
	struct result *result;

	open_wires();
	handler = start_handler(&plan, 1);
	result = submit(handler, square, 5);
	open_gate(1);
	MUST_RAISE_SAYING(
		OSError, "no start", result_get(result, CHILD_LIMIT, NULL));
	must_be_refused(handler, OSError, "no start");
	handler_close(handler);
	MUST(handler_join(handler));
	handler_free(handler);
	result_free(result);
	close_wires();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handler_hears_of_what_comes_while_it_is_idle),
		cmocka_unit_test(handler_takes_much_at_once),
		cmocka_unit_test(no_task_stands_behind_one_that_waits_for_it),
		cmocka_unit_test(long_and_short_tasks_keep_their_order),
		cmocka_unit_test(
			item_that_refuses_to_be_sent_leaves_nothing_behind),
		cmocka_unit_test(
			what_was_not_begun_is_dealt_again_in_its_order),
		cmocka_unit_test(what_was_submitted_before_close_is_done),
		cmocka_unit_test(
			handler_whose_zygote_is_killed_while_its_workers_end_ends),
		cmocka_unit_test(submit_after_close_is_refused),
		cmocka_unit_test(submit_after_terminate_is_refused),
		cmocka_unit_test(join_before_close_is_refused),
		cmocka_unit_test(
			terminate_ends_what_is_pending_and_all_processes),
		cmocka_unit_test(handler_without_a_task_can_be_freed_at_once),
		cmocka_unit_test(callback_runs_in_the_thread_of_its_handler),
		cmocka_unit_test(
			broken_handler_refuses_with_the_error_that_broke_it),
	};

	return cmocka_run_group_tests_name("handler", tests, NULL, NULL) != 0;
}
