/*
 * test_handler.c - a handler without a pool around it: what it takes, and when,
 * and that it hears of what is submitted while it has nothing to do.
 */
#include "handler.h"

#include "result.h"
#include "submission.h"
#include "tasks.h"

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
		results[i] = result_new(handler, NULL);
		MUST(handler_submit(handler,
			submission_new(results[i], report_first,
				value_list(value_list(value_integer(i),
					value_bytes(bytes,
						i % 3 ? 1 : sizeof(bytes)))),
				1)));
	}
	for (long long i = 0; i < 100; i++) {
		assert_int_equal(wire_receive(&reports), i);
		MUST(result_get(results[i], CHILD_LIMIT, NULL));
		result_free(results[i]);
	}
	handler_free(handler);
	close_wires();
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
