/*
 * test_pool_faults.c - a pool whose tasks fail, whose values cannot be sent,
 * and whose initializer fails: what each submission is told, and that the pool
 * goes on where it can.
 */
#include "pool.h"

#include "condition.h"
#include "encoding.h"
#include "result.h"
#include "tasks.h"

#include <signal.h>
#include <unistd.h>

#define NOT_TO_BE_SENT                                               \
	"Condition objects should only be shared between processes " \
	"through inheritance"

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

/* Gives the pid of a pool's only worker, which must be able to work. */
static pid_t
pid_of_worker(struct pool *pool)
{
	SCOPED(value) pid = NULL;

	MUST(pool_apply(pool, give_pid, value_empty_list(), &pid));
	return (pid_t)integer_of(pid);
}

/* Waits for reports, which may come in any order, and gives their sum. */
static long long
sum_reports(int count)
{
	long long sum = 0;

	for (int i = 0; i < count; i++)
		sum += wire_receive(&reports);
	return sum;
}

static struct value *
value_of_new_condition(void)
{
	SCOPED(condition) condition = NULL;

	MUST(condition_new(&condition));
	return value_condition(condition);
}

IN_CHILD(item_that_cannot_be_sent_fails_its_chunk_only)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	pid_t worker;

	open_wires();
	pool = make_pool(1);
	worker = pid_of_worker(pool);
	MUST(pool_map_async(pool, report,
		value_list(value_integer(1), value_integer(20),
			value_integer(300), value_of_new_condition(),
			value_integer(4000)),
		2, NULL, &result));
	MUST_RAISE_SAYING(RuntimeError, NOT_TO_BE_SENT,
		result_get(result, CHILD_LIMIT, NULL));
	/* Every chunk has been heard of, and this one never ran. */
	assert_int_equal(sum_reports(3), 1 + 20 + 4000);
	assert_false(wire_is_readable(&reports, 0));
	assert_int_equal(pid_of_worker(pool), worker);
	close_wires();
}

IN_CHILD(argument_that_cannot_be_sent_is_refused_by_the_handler)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(result) result = NULL;
	SCOPED(error) error = NULL;
	SCOPED(error) again = NULL;

	MUST(pool_apply_async(pool, echo, value_list(value_of_new_condition()),
		NULL, &result));
	error = result_get(result, CHILD_LIMIT, NULL);
	assert_int_equal(error->kind, RuntimeError);
	assert_true(is_from(error, "handler"));
	assert_false(is_from(error, "worker 1"));
	again = result_get(result, 0, NULL);
	assert_string_equal(again->message, error->message);
	assert_int_equal(again->frame_count, error->frame_count);
}

IN_CHILD(items_that_cannot_be_sent_need_only_one_idle_worker)
{
	SCOPED(pool) pool = make_pool(1);
	struct value *items = value_empty_list();

	for (int i = 0; i < 1000; i++)
		value_append(items, value_of_new_condition());
	MUST_RAISE_SAYING(RuntimeError, NOT_TO_BE_SENT,
		pool_map(pool, echo, items, 1, NULL));
	pid_of_worker(pool);
}

static struct value *
nest(int depth)
{
	struct value *value = value_empty_list();

	while (--depth > 0)
		value = value_list(value);
	return value;
}

IN_CHILD(item_nested_too_deep_is_refused)
{
	SCOPED(pool) pool = make_pool(1);

	/* What an apply adds around its arguments is not sent. */
	MUST(pool_apply(pool, give_pid, nest(ENCODING_DEPTH_LIMIT), NULL));
	MUST_RAISE_WITH(ValueError, "nested deeper",
		pool_map(pool, give_pid,
			value_list(nest(ENCODING_DEPTH_LIMIT + 1)), 1, NULL));
}

static struct error *
give_condition(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_of_new_condition();
	return NULL;
}

IN_CHILD(result_that_cannot_be_sent_is_a_maybe_encoding_error)
{
	SCOPED(pool) pool = make_pool(1);
	pid_t worker = pid_of_worker(pool);

	MUST_RAISE_SAYING(MaybeEncodingError,
		"Error sending result. Reason: "
		"RuntimeError: " NOT_TO_BE_SENT,
		pool_apply(pool, give_condition, value_empty_list(), NULL));
	assert_int_equal(pid_of_worker(pool), worker);
}

IN_CHILD(error_of_a_task_comes_with_the_frames_of_its_worker)
{
	SCOPED(pool) pool = make_pool(1);
	pid_t worker = pid_of_worker(pool);
	SCOPED(error) error = pool_apply(
		pool, refuse, value_list(value_text("no, 'thanks'")), NULL);

	assert_non_null(error);
	assert_int_equal(error->kind, ValueError);
	assert_string_equal(error->message, "no, 'thanks'");
	assert_string_equal(error->frames[0].function, "refuse");
	assert_string_equal(error->frames[0].place, "worker 1");
	assert_true(is_from(error, "main"));
	assert_int_equal(pid_of_worker(pool), worker);
}

/* Refuses item 1 at once and item 0 when it may; reports the others. */
static struct error *
refuse_0_late(const struct value *arguments, struct value **result)
{
	long long number = integer_at(arguments, 0);

	if (number > 1)
		return report(arguments, result);
	if (number == 0)
		wire_receive(&gate);
	return RAISE(ValueError, "item %d", (int)number);
}

IN_CHILD(first_error_is_kept_and_all_chunks_are_awaited)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	open_wires();
	pool = make_pool(2);
	MUST(pool_map_async(
		pool, refuse_0_late, integers(0, 4), 1, NULL, &result));
	/* Given to the worker whose error came back. */
	assert_int_equal(wire_receive(&reports), 2);
	assert_false(result_ready(result));
	assert_int_equal(wire_receive(&reports), 3);
	assert_false(result_ready(result));
	/* What the same worker does next is heard of after its error. */
	MUST(pool_apply(pool, square, integers(0, 1), NULL));
	open_gate(1);
	MUST_RAISE_SAYING(
		ValueError, "item 1", result_get(result, CHILD_LIMIT, NULL));
	close_wires();
}

IN_CHILD(error_of_a_task_ends_its_chunk)
{
	SCOPED(pool) pool = NULL;

	open_wires();
	pool = make_pool(1);
	MUST_RAISE_SAYING(ValueError, "item 1",
		pool_map(pool, refuse_0_late, integers(1, 9), 4, NULL));
	assert_int_equal(sum_reports(4), 5 + 6 + 7 + 8);
	assert_false(wire_is_readable(&reports, 0));
	close_wires();
}

static struct error *
fail_to_initialize(const struct value *arguments)
{
	const char *message;

	TRY(value_text_at(arguments, 0, &message));
	wire_receive(&gate);
	return RAISE(ValueError, "%s", message);
}

static struct pool *
make_pool_with(size_t workers, initializer_function *initializer)
{
	const struct pool_options options = {.initializer = initializer,
		.initializer_arguments = value_list(value_text("no start"))};
	struct pool *pool;

	MUST(pool_new_with(workers, &options, &pool));
	return pool;
}

/* Checks that a broken pool takes nothing, and can be ended as any other. */
static void
check_broken(struct pool *pool, enum error_kind kind, const char *message)
{
	struct result *result;

	MUST_RAISE_WITH(
		kind, message, pool_apply(pool, square, integers(1, 2), NULL));
	MUST_RAISE_WITH(kind, message,
		pool_map_async(
			pool, square, value_empty_list(), 1, NULL, &result));
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	MUST(pool_terminate(pool));
	no_child_must_be_left();
}

static struct error *
count_failure(const struct error *error, void *count)
{
	if (error->kind == ValueError)
		++*(int *)count;
	return NULL;
}

IN_CHILD(initializer_that_fails_breaks_the_pool)
{
	int told = 0;
	const struct callbacks callbacks = {NULL, count_failure, &told};
	SCOPED(pool) pool = NULL;
	SCOPED(result) one = NULL;
	SCOPED(result) other = NULL;
	SCOPED(error) error = NULL;

	open_wires();
	pool = make_pool_with(3, fail_to_initialize);
	MUST(pool_map_async(pool, square, integers(0, 9), 1, &callbacks, &one));
	MUST(pool_apply_async(
		pool, square, integers(0, 1), &callbacks, &other));
	open_gate(3);
	error = result_get(one, CHILD_LIMIT, NULL);
	assert_non_null(error);
	assert_int_equal(error->kind, ValueError);
	assert_string_equal(error->message, "no start");
	assert_string_equal(error->frames[0].function, "fail_to_initialize");
	assert_memory_equal(error->frames[0].place, "worker ", 7);
	MUST_RAISE_SAYING(
		ValueError, "no start", result_get(other, CHILD_LIMIT, NULL));
	check_broken(pool, ValueError, "no start");
	assert_int_equal(told, 2);
	close_wires();
}

/* The first worker is fine, its replacement is not. */
static struct error *
initialize_once(const struct value *arguments)
{
	if (wire_receive(&gate) == 1)
		return NULL;
	wire_send(&gate, 0);
	return fail_to_initialize(arguments);
}

IN_CHILD(initializer_failing_in_a_replacement_breaks_it_too)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	open_wires();
	pool = make_pool_with(1, initialize_once);
	wire_send(&gate, 1);
	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &result));
	assert_int_equal(kill((pid_t)wire_receive(&reports), SIGKILL), 0);
	MUST_RAISE_WITH(
		WorkerLostError, "", result_get(result, CHILD_LIMIT, NULL));
	result_free(result);
	result = NULL;
	MUST(pool_apply_async(pool, square, integers(0, 1), NULL, &result));
	wire_send(&gate, 0);
	MUST_RAISE_SAYING(
		ValueError, "no start", result_get(result, CHILD_LIMIT, NULL));
	check_broken(pool, ValueError, "no start");
	close_wires();
}

static struct error *
crash_in_initializer(const struct value *arguments)
{
	(void)arguments;
	wire_send(&reports, getpid());
	raise(SIGKILL);
	return NULL;
}

IN_CHILD(initializer_that_crashes_breaks_the_pool)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	int starts = 0;

	open_wires();
	pool = make_pool_with(2, crash_in_initializer);
	/* If the pool is broken by now, that is what this call raises. */
	error_free(
		pool_apply_async(pool, square, integers(0, 1), NULL, &result));
	if (result)
		MUST_RAISE_WITH(WorkerLostError, "before they were ready",
			result_get(result, CHILD_LIMIT, NULL));
	check_broken(pool, WorkerLostError, "before they were ready");
	for (; wire_is_readable(&reports, 0); starts++)
		wire_receive(&reports);
	/* Not at the first, and not without end. */
	assert_in_range(starts, 3, 40);
	close_wires();
}

IN_CHILD(initializer_still_running_does_not_hinder_terminate)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	open_wires();
	pool = make_pool_with(2, fail_to_initialize);
	MUST(pool_apply_async(pool, square, integers(0, 1), NULL, &result));
	MUST(pool_terminate(pool));
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(result, 0, NULL));
	close_wires();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item_that_cannot_be_sent_fails_its_chunk_only),
		cmocka_unit_test(
			argument_that_cannot_be_sent_is_refused_by_the_handler),
		cmocka_unit_test(
			items_that_cannot_be_sent_need_only_one_idle_worker),
		cmocka_unit_test(item_nested_too_deep_is_refused),
		cmocka_unit_test(
			result_that_cannot_be_sent_is_a_maybe_encoding_error),
		cmocka_unit_test(
			error_of_a_task_comes_with_the_frames_of_its_worker),
		cmocka_unit_test(
			first_error_is_kept_and_all_chunks_are_awaited),
		cmocka_unit_test(error_of_a_task_ends_its_chunk),
		cmocka_unit_test(initializer_that_fails_breaks_the_pool),
		cmocka_unit_test(
			initializer_failing_in_a_replacement_breaks_it_too),
		cmocka_unit_test(initializer_that_crashes_breaks_the_pool),
		cmocka_unit_test(
			initializer_still_running_does_not_hinder_terminate),
	};

	return cmocka_run_group_tests_name("pool_faults", tests, NULL, NULL) !=
	       0;
}
