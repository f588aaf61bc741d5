/* test_pool.c - what the calls of a pool give, and what they refuse. */
#include "pool.h"

#include "buffer.h"
#include "condition.h"
#include "encoding.h"
#include "result.h"
#include "tasks.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

static void
must_have_no_error(struct result *result)
{
	MUST(result_get(result, CHILD_LIMIT, NULL));
}

IN_CHILD(apply_gives_what_the_task_returned)
{
	SCOPED(pool) pool = make_pool(2);
	SCOPED(value) product = NULL;

	MUST(pool_apply(pool, multiply,
		value_list(value_integer(6), value_integer(7)), &product));
	assert_int_equal(integer_of(product), 42);
}

static struct error *
return_nothing(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	return NULL;
}

IN_CHILD(task_that_leaves_its_result_alone_gives_nothing)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) value = NULL;

	MUST(pool_apply(pool, return_nothing, value_empty_list(), &value));
	assert_int_equal(value_kind(value), VALUE_NOTHING);
}

IN_CHILD(value_may_be_left_to_the_pool)
{
	SCOPED(pool) pool = make_pool(1);

	MUST(pool_apply(pool, give_pid, value_empty_list(), NULL));
	MUST(pool_map(pool, square, integers(0, 9), DEFAULT_CHUNK_SIZE, NULL));
	MUST(pool_starmap(pool, give_pid, value_list(value_empty_list()),
		DEFAULT_CHUNK_SIZE, NULL));
}

/* Item 0 comes last, as the test has the gate opened last. */
static struct error *
square_late_if_0(const struct value *arguments, struct value **result)
{
	if (integer_at(arguments, 0) == 0)
		wire_receive(&gate);
	TRY(square(arguments, result));
	wire_send(&reports, integer_at(arguments, 0));
	return NULL;
}

IN_CHILD(map_keeps_the_order_of_items)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	const struct value *squares;

	open_wires();
	pool = make_pool(2);
	MUST(pool_map_async(
		pool, square_late_if_0, integers(0, 10), 1, NULL, &result));
	for (int i = 1; i < 10; i++)
		assert_int_not_equal(wire_receive(&reports), 0);
	assert_false(result_ready(result));
	wire_send(&gate, 0);
	MUST(result_get(result, CHILD_LIMIT, &squares));
	assert_int_equal(value_count(squares), 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(integer_at(squares, (size_t)i), i * i);
	close_wires();
}

IN_CHILD(starmap_gives_each_list_as_arguments)
{
	SCOPED(pool) pool = make_pool(2);
	SCOPED(value) products = NULL;

	MUST(pool_starmap(pool, multiply,
		value_list(value_list(value_integer(2), value_integer(3)),
			value_list(value_integer(4), value_integer(5))),
		DEFAULT_CHUNK_SIZE, &products));
	assert_int_equal(value_count(products), 2);
	assert_int_equal(integer_at(products, 0), 6);
	assert_int_equal(integer_at(products, 1), 20);
}

IN_CHILD(map_gives_a_list_as_one_argument)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) lists = NULL;
	const struct value *list;

	MUST(pool_map(pool, echo, value_list(integers(5, 8)),
		DEFAULT_CHUNK_SIZE, &lists));
	assert_int_equal(value_count(lists), 1);
	MUST(value_at(lists, 0, &list));
	assert_int_equal(value_count(list), 3);
	assert_int_equal(integer_at(list, 2), 7);
}

IN_CHILD(async_forms_return_while_the_task_runs)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) applied = NULL;
	SCOPED(result) mapped = NULL;
	SCOPED(result) starmapped = NULL;

	open_wires();
	pool = make_pool(3);
	MUST(pool_apply_async(
		pool, hold, value_list(value_integer(1)), NULL, &applied));
	MUST(pool_map_async(pool, hold, integers(2, 3), 1, NULL, &mapped));
	MUST(pool_starmap_async(
		pool, hold, value_list(integers(3, 4)), 1, NULL, &starmapped));
	for (int i = 0; i < 3; i++)
		wire_receive(&reports);
	assert_false(result_ready(applied));
	assert_false(result_ready(mapped));
	assert_false(result_ready(starmapped));
	for (int i = 0; i < 3; i++)
		wire_send(&gate, 0);
	must_have_no_error(applied);
	must_have_no_error(mapped);
	must_have_no_error(starmapped);
	close_wires();
}

/*
 * Checks, as a text of their lengths, into which chunks a pool cuts so many
 * items: with one chunk per worker, those of a chunk have a process in common.
 */
static void
check_chunks(size_t workers, int count, long chunk_size, const char *expected)
{
	const struct pool_options options = {.maximum_chunks = 1};
	SCOPED(pool) pool = NULL;
	SCOPED(value) pids = NULL;
	char lengths[256] = "";
	size_t length = 0;

	MUST(pool_new_with(workers, &options, &pool));
	MUST(pool_map(pool, give_pid, integers(0, count), chunk_size, &pids));
	assert_int_equal(value_count(pids), count);
	for (size_t i = 0; i < (size_t)count; i++) {
		length++;
		if (i + 1 < (size_t)count &&
			integer_at(pids, i) == integer_at(pids, i + 1))
			continue;
		sprintf(lengths + strlen(lengths), "%zu ", length);
		length = 0;
	}
	assert_string_equal(lengths, expected);
}

IN_CHILD(default_chunk_size_makes_four_chunks_per_worker)
{
	check_chunks(1, 1, DEFAULT_CHUNK_SIZE, "1 ");
	check_chunks(1, 4, DEFAULT_CHUNK_SIZE, "1 1 1 1 ");
	check_chunks(1, 5, DEFAULT_CHUNK_SIZE, "2 2 1 ");
	check_chunks(1, 8, DEFAULT_CHUNK_SIZE, "2 2 2 2 ");
	check_chunks(1, 9, DEFAULT_CHUNK_SIZE, "3 3 3 ");
	check_chunks(2, 17, DEFAULT_CHUNK_SIZE, "3 3 3 3 3 2 ");
	check_chunks(4, 4, DEFAULT_CHUNK_SIZE, "1 1 1 1 ");
}

IN_CHILD(chunk_size_is_as_it_is_asked_for)
{
	check_chunks(2, 6, 1, "1 1 1 1 1 1 ");
	check_chunks(2, 12, 5, "5 5 2 ");
	check_chunks(2, 10, 5, "5 5 ");
	check_chunks(2, 3, LONG_MAX, "3 ");
}

IN_CHILD(chunk_size_below_1_is_refused)
{
	SCOPED(pool) pool = make_pool(1);
	struct result *result;

	MUST_RAISE_SAYING(ValueError, "Chunksize must be 1+, not 0",
		pool_map(pool, square, integers(0, 3), 0, NULL));
	MUST_RAISE_SAYING(ValueError, "Chunksize must be 1+, not -1",
		pool_starmap(pool, square, value_empty_list(), -1, NULL));
	MUST_RAISE_SAYING(ValueError, "Chunksize must be 1+, not 0",
		pool_map_async(
			pool, square, value_integer(1), 0, NULL, &result));
	MUST_RAISE_SAYING(ValueError, "Chunksize must be 1+, not -7",
		pool_starmap_async(
			pool, square, value_empty_list(), -7, NULL, &result));
}

IN_CHILD(items_that_are_no_list_are_refused)
{
	SCOPED(pool) pool = make_pool(1);
	struct result *result;

	MUST_RAISE_SAYING(TypeError, "list of items expected, not integer",
		pool_map(pool, square, value_integer(3), 1, NULL));
	MUST_RAISE_SAYING(TypeError, "list of items expected, not text",
		pool_starmap(pool, square, value_text("ab"), 1, NULL));
	MUST_RAISE_SAYING(TypeError,
		"list of arguments expected as item 1, not real",
		pool_starmap(pool, square,
			value_list(integers(0, 1), value_real(1)), 1, NULL));
	MUST_RAISE_SAYING(TypeError,
		"list of arguments expected as item 0, not nothing",
		pool_apply_async(pool, square, value_nothing(), NULL, &result));
}

IN_CHILD(empty_map_is_ready_at_once_with_an_empty_list)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) held = NULL;
	SCOPED(result) mapped = NULL;
	SCOPED(result) starmapped = NULL;
	const struct value *values;

	open_wires();
	pool = make_pool(1);
	MUST(pool_map_async(pool, hold, integers(0, 1), 1, NULL, &held));
	wire_receive(&reports);
	MUST(pool_map_async(pool, square, value_empty_list(),
		DEFAULT_CHUNK_SIZE, NULL, &mapped));
	assert_true(result_ready(mapped));
	MUST(result_get(mapped, 0, &values));
	assert_int_equal(value_count(values), 0);
	MUST(pool_starmap_async(
		pool, square, value_empty_list(), 1, NULL, &starmapped));
	assert_true(result_ready(starmapped));
	wire_send(&gate, 0);
	must_have_no_error(held);
	close_wires();
}

/* A value with one of everything in it, and what is odd about each kind. */
static struct value *
make_odd_values(void)
{
	return value_list(value_nothing(), value_integer(INT64_MIN),
		value_integer(INT64_MAX), value_integer(-1), value_real(-0.0),
		value_real(5e-324), value_real(-INFINITY), value_real(NAN),
		value_text(""), value_text("gr\xc3\xbc\xc3\x9f\n"),
		value_bytes(NULL, 0), value_bytes("\0\xff\0", 3),
		value_empty_list(),
		value_list(value_list(value_empty_list(), value_text("x"))));
}

static void
must_be_equal(const struct value *one, const struct value *other)
{
	struct buffer left = {0}, right = {0};

	MUST(encode_value(one, &left));
	MUST(encode_value(other, &right));
	assert_int_equal(left.length, right.length);
	assert_memory_equal(left.bytes, right.bytes, left.length);
	buffer_fini(&left);
	buffer_fini(&right);
}

/* The worker's side: as a value of its own it must be equal too. */
static struct error *
check_odd_values(const struct value *arguments, struct value **result)
{
	SCOPED(value) expected = make_odd_values();
	const struct value *argument;

	TRY(value_at(arguments, 0, &argument));
	must_be_equal(argument, expected);
	TRY(echo(arguments, result));
	return NULL;
}

IN_CHILD(values_of_every_kind_go_both_ways)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) expected = make_odd_values();
	SCOPED(value) value = NULL;

	MUST(pool_apply(
		pool, check_odd_values, value_list(make_odd_values()), &value));
	must_be_equal(value, expected);
}

/* More than any pipe or buffer holds at once; less where all is slow. */
#define LARGE ((size_t)(CHILD_LIMIT > 30 ? 4 : 64) << 20)

/* Bytes of which no two stretches are the same. */
static struct value *
make_large_value(uint32_t seed)
{
	const size_t size = LARGE;
	uint32_t *words = malloc(size);
	struct value *value;

	assert_non_null(words);
	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = (uint32_t)i * 2654435761u ^ seed;
	value = value_bytes(words, size);
	free(words);
	return value;
}

IN_CHILD(large_values_go_both_ways_on_several_workers_at_once)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	const struct value *values, *value;

	open_wires();
	pool = make_pool(2);
	MUST(pool_map_async(pool, hold,
		value_list(make_large_value(1), make_large_value(2)), 1, NULL,
		&result));
	for (int i = 0; i < 2; i++)
		wire_receive(&reports);
	for (int i = 0; i < 2; i++)
		wire_send(&gate, 0);
	MUST(result_get(result, CHILD_LIMIT, &values));
	for (uint32_t i = 0; i < 2; i++) {
		SCOPED(value) expected = make_large_value(i + 1);
		const void *bytes, *expected_bytes;
		size_t size;

		MUST(value_at(values, i, &value));
		MUST(value_get_bytes(expected, &expected_bytes, &size));
		MUST(value_get_bytes(value, &bytes, &size));
		assert_int_equal(size, LARGE);
		assert_true(memcmp(bytes, expected_bytes, LARGE) == 0);
	}
	close_wires();
}

static void
check_squares(size_t workers, long long count, long chunk_size)
{
	SCOPED(pool) pool = make_pool(workers);
	SCOPED(value) squares = NULL;

	MUST(pool_map(pool, square, integers(0, count), chunk_size, &squares));
	assert_int_equal(value_count(squares), count);
	for (long long i = 0; i < count; i++)
		assert_int_equal(integer_at(squares, (size_t)i), i * i);
}

IN_CHILD(thousand_tasks_run_on_1_worker)
{
	check_squares(1, 1000, 1);
}

IN_CHILD(thousand_tasks_run_on_2_workers)
{
	check_squares(2, 1000, 1);
}

IN_CHILD(thousand_tasks_run_on_8_workers)
{
	check_squares(8, 1000, 1);
}

IN_CHILD(map_of_20000_items_is_whole)
{
	check_squares(2, 20000, DEFAULT_CHUNK_SIZE);
}

IN_CHILD(more_workers_than_tasks_are_fine)
{
	check_squares(8, 3, DEFAULT_CHUNK_SIZE);
}

IN_CHILD(thousand_submissions_are_all_answered)
{
	enum { COUNT = 1000 };
	SCOPED(pool) pool = make_pool(2);
	struct result *results[COUNT];
	const struct value *value;

	for (long long i = 0; i < COUNT; i++)
		MUST(pool_apply_async(
			pool, square, integers(i, i + 1), NULL, &results[i]));
	for (long long i = 0; i < COUNT; i++) {
		MUST(result_get(results[i], CHILD_LIMIT, &value));
		assert_int_equal(integer_of(value), i * i);
		result_free(results[i]);
	}
}

/* Meets so many others, all at work at once: each holds a worker. */
IN_CHILD(idle_workers_do_not_wait_for_a_busy_one)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	open_wires();
	pool = make_pool(4);
	MUST(pool_map_async(pool, hold, integers(0, 4), 1, NULL, &result));
	for (int i = 0; i < 4; i++)
		wire_receive(&reports);
	for (int i = 0; i < 4; i++)
		wire_send(&gate, 0);
	must_have_no_error(result);
	close_wires();
}

IN_CHILD(pool_without_workers_is_refused)
{
	struct pool *pool;

	MUST_RAISE_SAYING(ValueError, "Number of processes must be at least 1",
		pool_new(0, &pool));
	MUST_RAISE_SAYING(ValueError, "Number of processes must be at least 1",
		pool_new_with(0,
			&(struct pool_options){
				.initializer_arguments = integers(0, 3)},
			&pool));
}

static struct error *
make_inner_pool(const struct value *arguments, struct value **result)
{
	struct pool *pool;

	(void)arguments;
	(void)result;
	TRY(pool_new(1, &pool));
	return NULL;
}

IN_CHILD(pool_in_a_worker_is_refused)
{
	SCOPED(pool) pool = make_pool(1);

	MUST_RAISE_SAYING(AssertionError,
		"daemonic processes are not allowed to have children",
		pool_apply(pool, make_inner_pool, value_empty_list(), NULL));
}

static long long initialized;

static struct error *
initialize(const struct value *arguments)
{
	TRY(value_integer_at(arguments, 1, &initialized));
	return NULL;
}

static struct error *
give_initialized(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result =
		value_list(value_integer(initialized), value_integer(getpid()));
	return NULL;
}

IN_CHILD(initializer_runs_first_in_each_worker)
{
	const struct pool_options options = {.initializer = initialize,
		.initializer_arguments =
			value_list(value_text("unused"), value_integer(7)),
		.maximum_chunks = 2};
	SCOPED(pool) pool = NULL;
	SCOPED(value) pairs = NULL;
	const struct value *pair;

	MUST(pool_new_with(2, &options, &pool));
	/* On the replacements too. */
	MUST(pool_map(pool, give_initialized, integers(0, 12), 1, &pairs));
	for (size_t i = 0; i < 12; i++) {
		MUST(value_at(pairs, i, &pair));
		assert_int_equal(integer_at(pair, 0), 7);
	}
	assert_int_equal(initialized, 0);
}

static struct condition *shared;

static struct error *
share(const struct value *arguments)
{
	TRY(value_condition_at(arguments, 0, &shared));
	return NULL;
}

static struct error *
wait_on_shared(const struct value *arguments, struct value **result)
{
	bool notified;

	(void)arguments;
	TRY(condition_acquire(shared));
	wire_send(&reports, 0);
	TRY(condition_wait(shared, FOREVER, &notified));
	TRY(condition_release(shared));
	*result = value_integer(notified);
	return NULL;
}

IN_CHILD(condition_in_shared_memory_may_go_to_the_initializer)
{
	SCOPED(condition) condition = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	const struct value *notified;

	open_wires();
	MUST(condition_new(&condition));
	MUST(pool_new_with(1,
		&(struct pool_options){.initializer = share,
			.initializer_arguments =
				value_list(value_condition(condition))},
		&pool));
	MUST(pool_apply_async(
		pool, wait_on_shared, value_empty_list(), NULL, &result));
	/* The worker has the lock now, until it waits. */
	wire_receive(&reports);
	MUST(condition_acquire(condition));
	MUST(condition_notify(condition, 1));
	MUST(condition_release(condition));
	MUST(result_get(result, CHILD_LIMIT, &notified));
	assert_int_equal(integer_of(notified), 1);
	close_wires();
}

IN_CHILD(maximum_of_chunks_replaces_workers)
{
	const struct pool_options options = {.maximum_chunks = 2};
	SCOPED(pool) pool = NULL;
	SCOPED(value) pids = NULL;

	MUST(pool_new_with(1, &options, &pool));
	MUST(pool_map(pool, give_pid, integers(0, 6), 1, &pids));
	for (size_t i = 0; i < 6; i += 2)
		assert_int_equal(integer_at(pids, i), integer_at(pids, i + 1));
	assert_int_not_equal(integer_at(pids, 1), integer_at(pids, 2));
	assert_int_not_equal(integer_at(pids, 3), integer_at(pids, 4));
	assert_int_not_equal(integer_at(pids, 1), integer_at(pids, 4));
}

IN_CHILD(worker_without_a_maximum_stays)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) pids = NULL;

	MUST(pool_map(pool, give_pid, integers(0, 100), 1, &pids));
	for (size_t i = 1; i < 100; i++)
		assert_int_equal(integer_at(pids, i), integer_at(pids, 0));
}

IN_CHILD(workers_have_what_was_global_when_the_pool_was_made)
{
	SCOPED(pool) pool = NULL;
	SCOPED(value) pair = NULL;

	initialized = 41;
	pool = make_pool(1);
	initialized = 42;
	MUST(pool_apply(pool, give_initialized, value_empty_list(), &pair));
	assert_int_equal(integer_at(pair, 0), 41);
}

static struct error *
print(const struct value *arguments, struct value **result)
{
	const char *text;

	(void)result;
	TRY(value_text_at(arguments, 0, &text));
	fputs(text, stdout);
	return NULL;
}

IN_CHILD(what_a_task_prints_is_out_once_before_its_result_is)
{
	char file[] = "/tmp/forklore-test-XXXXXX", text[64] = "";
	int descriptor = mkstemp(file);
	struct pool *pool;

	assert_true(descriptor >= 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(dup2(descriptor, STDOUT_FILENO), STDOUT_FILENO);
	fputs("before ", stdout);
	pool = make_pool(1);
	MUST(pool_apply(
		pool, print, value_list(value_text("in a task ")), NULL));
	pread(descriptor, text, sizeof(text) - 1, 0);
	assert_string_equal(text, "before in a task ");
	fputs("after", stdout);
	pool_free(pool);
	fflush(stdout);
	pread(descriptor, text, sizeof(text) - 1, 0);
	assert_string_equal(text, "before in a task after");
	close(descriptor);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apply_gives_what_the_task_returned),
		cmocka_unit_test(
			task_that_leaves_its_result_alone_gives_nothing),
		cmocka_unit_test(value_may_be_left_to_the_pool),
		cmocka_unit_test(map_keeps_the_order_of_items),
		cmocka_unit_test(starmap_gives_each_list_as_arguments),
		cmocka_unit_test(map_gives_a_list_as_one_argument),
		cmocka_unit_test(async_forms_return_while_the_task_runs),
		cmocka_unit_test(
			default_chunk_size_makes_four_chunks_per_worker),
		cmocka_unit_test(chunk_size_is_as_it_is_asked_for),
		cmocka_unit_test(chunk_size_below_1_is_refused),
		cmocka_unit_test(items_that_are_no_list_are_refused),
		cmocka_unit_test(empty_map_is_ready_at_once_with_an_empty_list),
		cmocka_unit_test(values_of_every_kind_go_both_ways),
		cmocka_unit_test(
			large_values_go_both_ways_on_several_workers_at_once),
		cmocka_unit_test(thousand_tasks_run_on_1_worker),
		cmocka_unit_test(thousand_tasks_run_on_2_workers),
		cmocka_unit_test(thousand_tasks_run_on_8_workers),
		cmocka_unit_test(map_of_20000_items_is_whole),
		cmocka_unit_test(more_workers_than_tasks_are_fine),
		cmocka_unit_test(thousand_submissions_are_all_answered),
		cmocka_unit_test(idle_workers_do_not_wait_for_a_busy_one),
		cmocka_unit_test(pool_without_workers_is_refused),
		cmocka_unit_test(pool_in_a_worker_is_refused),
		cmocka_unit_test(initializer_runs_first_in_each_worker),
		cmocka_unit_test(
			condition_in_shared_memory_may_go_to_the_initializer),
		cmocka_unit_test(maximum_of_chunks_replaces_workers),
		cmocka_unit_test(worker_without_a_maximum_stays),
		cmocka_unit_test(
			workers_have_what_was_global_when_the_pool_was_made),
		cmocka_unit_test(
			what_a_task_prints_is_out_once_before_its_result_is),
	};

	return cmocka_run_group_tests_name("pool", tests, NULL, NULL) != 0;
}
