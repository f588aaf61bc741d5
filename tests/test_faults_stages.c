/*
 * test_faults_stages.c - a worker that is killed at each stage of a task.
 *
 * The pool has one worker, so its pipes are the only ones. How full they are
 * tells how far the worker is. A callback that does not return keeps the pool's
 * handler from reading and writing meanwhile, so that the worker stays there.
 */
#include "faults.h"
#include "pool.h"
#include "result.h"
#include "tasks.h"

#include <signal.h>
#include <unistd.h>

#define LARGE ((size_t)1 << 22)

/* By which the handler tells that it is held, and may go on. */
static struct wire held, may_go;

/* The pool's ends of the pipes to its worker, whose process this is. */
struct scene {
	struct pool *pool;
	pid_t worker;
	int chunks, replies;
	struct result *holding;
	/* Known once it was held. */
	pid_t handler_thread;
};

static void
set_scene(struct scene *scene)
{
	SCOPED(value) pid = NULL;

	open_wires();
	wire_open(&held);
	wire_open(&may_go);
	remember_descriptors();
	MUST(pool_new(1, &scene->pool));
	MUST(pool_apply(scene->pool, give_pid, value_empty_list(), &pid));
	scene->worker = (pid_t)integer_of(pid);
	/* Now it waits to be woken. */
	assert_true(process_await(scene->worker, 'S'));
	scene->chunks = find_end(O_WRONLY);
	scene->replies = find_end(O_RDONLY);
	scene->holding = NULL;
}

static void
clear_scene(struct scene *scene)
{
	pool_free(scene->pool);
	result_free(scene->holding);
	wire_close(&held);
	wire_close(&may_go);
	close_wires();
}

static struct error *
hold_handler(const struct value *value, void *context)
{
	(void)value;
	(void)context;
	wire_send(&held, gettid());
	wire_receive(&may_go);
	return NULL;
}

/* Returns when the handler is in a callback. */
static void
hold_the_handler(struct scene *scene)
{
	const struct callbacks callbacks = {.callback = hold_handler};

	result_free(scene->holding);
	MUST(pool_map_async(scene->pool, square, value_empty_list(), 1,
		&callbacks, &scene->holding));
	scene->handler_thread = (pid_t)wire_receive(&held);
}

static void
let_the_handler_go_on(void)
{
	wire_send(&may_go, 0);
}

/* Kills the worker, and waits until the zygote reaped it. */
static void
kill_the_worker(struct scene *scene)
{
	kill_process(scene->worker);
	process_await_reaped(scene->worker);
}

/* Checks that the pool has another worker by now, and that it works. */
static void
must_be_replaced(struct scene *scene)
{
	SCOPED(value) pid = NULL;

	MUST(pool_apply(scene->pool, give_pid, value_empty_list(), &pid));
	assert_int_not_equal(integer_of(pid), scene->worker);
}

static struct value *
large_value(void)
{
	static const char bytes[LARGE];

	return value_bytes(bytes, sizeof(bytes));
}

static size_t
size_of(const struct value *value)
{
	const void *bytes;
	size_t size;

	MUST(value_get_bytes(value, &bytes, &size));
	return size;
}

/* Reports the worker's process id, and gives the size of its argument. */
static struct error *
report_and_measure(const struct value *arguments, struct value **result)
{
	const struct value *argument;

	wire_send(&reports, getpid());
	TRY(value_at(arguments, 0, &argument));
	*result = value_integer((long long)size_of(argument));
	return NULL;
}

/*
 * Returns when the worker has asked for a task with a large argument, which is
 * more than its pipe takes, and was stopped before it has read any of it.
 */
static void
send_much(struct scene *scene, struct result **result)
{
	SCOPED(result) held_up = NULL;

	hold_the_handler(scene);
	MUST(pool_apply_async(
		scene->pool, hold, integers(0, 1), NULL, &held_up));
	MUST(pool_apply_async(scene->pool, report_and_measure,
		value_list(large_value()), NULL, result));
	let_the_handler_go_on();
	/* It was woken when both were laid out. */
	wire_receive(&reports);
	hold_the_handler(scene);
	open_gate(1);
	await_bytes(scene->replies);
	assert_true(process_await(scene->worker, 'S'));
	assert_true(process_stop(scene->worker));
	let_the_handler_go_on();
	await_full_pipe(scene->chunks);
}

/* The task ran once and was heard of, though not from the one that is dead. */
static void
must_have_been_run_by_another(struct scene *scene, struct result *result)
{
	const struct value *size;

	MUST(result_get(result, CHILD_LIMIT, &size));
	assert_int_equal(integer_of(size), LARGE);
	assert_int_not_equal(wire_receive(&reports), scene->worker);
	assert_false(wire_is_readable(&reports, 0));
}

IN_CHILD(task_of_a_worker_killed_before_it_reads_goes_to_another)
{
	SCOPED(result) result = NULL;
	struct scene scene;

	set_scene(&scene);
	assert_true(process_stop(scene.worker));
	MUST(pool_apply_async(scene.pool, hold, integers(7, 8), NULL, &result));
	await_bytes(scene.chunks);
	kill_the_worker(&scene);
	assert_int_not_equal(wire_receive(&reports), scene.worker);
	open_gate(1);
	MUST(result_get(result, CHILD_LIMIT, NULL));
	assert_false(wire_is_readable(&reports, 0));
	clear_scene(&scene);
}

IN_CHILD(task_of_a_worker_killed_before_it_reads_much_goes_to_another)
{
	SCOPED(result) result = NULL;
	struct scene scene;

	set_scene(&scene);
	send_much(&scene, &result);
	kill_the_worker(&scene);
	must_have_been_run_by_another(&scene, result);
	clear_scene(&scene);
}

IN_CHILD(task_of_a_worker_killed_while_it_reads_goes_to_another)
{
	SCOPED(result) result = NULL;
	struct scene scene;

	set_scene(&scene);
	send_much(&scene, &result);
	hold_the_handler(&scene);
	/* Now it reads what is there, and waits for the rest. */
	assert_int_equal(kill(scene.worker, SIGCONT), 0);
	await_empty_pipe(scene.chunks);
	assert_true(process_await(scene.worker, 'S'));
	kill_the_worker(&scene);
	let_the_handler_go_on();
	must_have_been_run_by_another(&scene, result);
	clear_scene(&scene);
}

/* What was laid out behind it may wait for it, so it is run after it. */
IN_CHILD(task_that_was_not_begun_is_run_before_later_ones)
{
	SCOPED(result) result = NULL;
	SCOPED(result) second = NULL;
	SCOPED(result) third = NULL;
	struct scene scene;

	set_scene(&scene);
	send_much(&scene, &result);
	MUST(pool_apply_async(
		scene.pool, report, integers(1, 2), NULL, &second));
	hold_the_handler(&scene);
	MUST(pool_apply_async(
		scene.pool, report, integers(2, 3), NULL, &third));
	kill_the_worker(&scene);
	let_the_handler_go_on();
	MUST(result_get(third, CHILD_LIMIT, NULL));
	assert_true(wire_receive(&reports) > 2);
	assert_int_equal(wire_receive(&reports), 1);
	assert_int_equal(wire_receive(&reports), 2);
	clear_scene(&scene);
}

/* A worker gets ready when it is let in. */
static struct wire entrance;

static struct error *
report_and_enter(const struct value *arguments)
{
	(void)arguments;
	wire_send(&reports, getpid());
	wire_receive(&entrance);
	return NULL;
}

static struct error *
report_and_stay(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	pause();
	return NULL;
}

static struct error *
hold_at_error(const struct error *error, void *context)
{
	(void)error;
	return hold_handler(NULL, context);
}

/* Two workers are let in; one of them stays at a task, whose loss holds. */
static pid_t
set_scene_beside(struct scene *scene, struct result **staying)
{
	const struct pool_options options = {.initializer = report_and_enter};
	const struct callbacks callbacks = {.error_callback = hold_at_error};

	open_wires();
	wire_open(&held);
	wire_open(&may_go);
	wire_open(&entrance);
	scene->holding = NULL;
	MUST(pool_new_with(2, &options, &scene->pool));
	for (int i = 0; i < 2; i++) {
		wire_receive(&reports);
		wire_send(&entrance, 0);
	}
	MUST(pool_apply_async(scene->pool, report_and_stay, value_empty_list(),
		&callbacks, staying));
	return (pid_t)wire_receive(&reports);
}

/* The other takes the first of two tasks, and is killed before it has it. */
static void
lose_the_first(
	struct scene *scene, struct result **first, struct result **second)
{
	SCOPED(result) held_up = NULL;

	hold_the_handler(scene);
	MUST(pool_apply_async(
		scene->pool, hold, integers(0, 1), NULL, &held_up));
	MUST(pool_apply_async(scene->pool, report_and_measure,
		value_list(large_value()), NULL, first));
	let_the_handler_go_on();
	scene->worker = (pid_t)wire_receive(&reports);
	hold_the_handler(scene);
	open_gate(1);
	await_empty_pipe(gate.in);
	assert_true(process_await(scene->worker, 'S'));
	assert_true(process_stop(scene->worker));
	let_the_handler_go_on();
	MUST(pool_apply_async(
		scene->pool, report, integers(1, 2), NULL, second));
	assert_true(process_await(scene->handler_thread, 'S'));
	kill_the_worker(scene);
}

/*
 * As the first task is large, the second is laid out once the first is taken.
 * Here that is known no sooner than that its taker is dead, too: the handler is
 * held meanwhile, where it is told of yet another's death.
 */
IN_CHILD(order_is_kept_though_two_die_before_they_begin)
{
	SCOPED(result) staying = NULL;
	SCOPED(result) first = NULL;
	SCOPED(result) second = NULL;
	struct scene scene;
	pid_t beside, zygote;

	beside = set_scene_beside(&scene, &staying);
	zygote = process_parent(beside);
	lose_the_first(&scene, &first, &second);
	scene.worker = (pid_t)wire_receive(&reports);
	assert_true(process_await(scene.handler_thread, 'S'));
	kill_process(beside);
	wire_receive(&held);
	wire_send(&entrance, 0);
	await_empty_pipe(entrance.in);
	assert_true(process_await(scene.worker, 'S'));
	kill_the_worker(&scene);
	assert_true(process_await(zygote, 'S'));
	let_the_handler_go_on();
	for (int i = 0; i < 2; i++)
		wire_receive(&reports);
	/* One alone, so that what it takes first is what it runs first. */
	wire_send(&entrance, 0);
	assert_int_not_equal(wire_receive(&reports), 1);
	assert_int_equal(wire_receive(&reports), 1);
	clear_scene(&scene);
	wire_close(&entrance);
}

IN_CHILD(task_of_a_worker_killed_while_it_runs_is_lost_and_no_other)
{
	SCOPED(result) result = NULL;
	SCOPED(result) next = NULL;
	const struct value *squared;
	struct scene scene;

	set_scene(&scene);
	MUST(pool_apply_async(scene.pool, hold, integers(0, 1), NULL, &result));
	MUST(pool_apply_async(scene.pool, square, integers(5, 6), NULL, &next));
	assert_int_equal(wire_receive(&reports), scene.worker);
	kill_the_worker(&scene);
	must_be_lost(result, scene.worker);
	MUST(result_get(next, CHILD_LIMIT, &squared));
	assert_int_equal(integer_of(squared), 25);
	must_be_replaced(&scene);
	clear_scene(&scene);
}

static struct error *
hold_and_give_much(const struct value *arguments, struct value **result)
{
	SCOPED(value) ignored = NULL;

	TRY(hold(arguments, &ignored));
	*result = large_value();
	return NULL;
}

IN_CHILD(task_of_a_worker_killed_while_it_writes_is_lost_and_no_other)
{
	SCOPED(result) result = NULL;
	SCOPED(result) next = NULL;
	const struct value *squared;
	struct scene scene;

	set_scene(&scene);
	MUST(pool_apply_async(
		scene.pool, hold_and_give_much, integers(0, 1), NULL, &result));
	MUST(pool_apply_async(scene.pool, square, integers(5, 6), NULL, &next));
	wire_receive(&reports);
	hold_the_handler(&scene);
	open_gate(1);
	await_full_pipe(scene.replies);
	assert_true(process_await(scene.worker, 'S'));
	kill_the_worker(&scene);
	let_the_handler_go_on();
	must_be_lost(result, scene.worker);
	MUST(result_get(next, CHILD_LIMIT, &squared));
	assert_int_equal(integer_of(squared), 25);
	must_be_replaced(&scene);
	clear_scene(&scene);
}

IN_CHILD(task_of_a_worker_killed_after_it_wrote_is_done)
{
	SCOPED(result) result = NULL;
	const struct value *value;
	struct scene scene;

	set_scene(&scene);
	MUST(pool_apply_async(scene.pool, hold, integers(7, 8), NULL, &result));
	wire_receive(&reports);
	hold_the_handler(&scene);
	open_gate(1);
	await_bytes(scene.replies);
	/* Its reply is in the pipe, and it waits for the next chunk. */
	assert_true(process_await(scene.worker, 'S'));
	kill_the_worker(&scene);
	let_the_handler_go_on();
	MUST(result_get(result, CHILD_LIMIT, &value));
	assert_int_equal(integer_of(value), 7);
	assert_false(wire_is_readable(&reports, 0));
	must_be_replaced(&scene);
	clear_scene(&scene);
}

/* It reads nothing and never will, and the pool has more for it than it took.
 */
IN_CHILD(worker_that_stopped_reading_does_not_hinder_terminate)
{
	SCOPED(result) result = NULL;
	struct scene scene;

	set_scene(&scene);
	send_much(&scene, &result);
	MUST(pool_terminate(scene.pool));
	no_child_must_be_left();
	assert_int_equal(process_state(scene.worker), 0);
	MUST_RAISE_EXACTLY(result_get(result, 0, NULL), PoolTerminatedError,
		"the pool was terminated while the work was pending");
	assert_false(wire_is_readable(&reports, 0));
	clear_scene(&scene);
}

/* It is in the midst of its reply, and stays there. */
IN_CHILD(worker_that_stopped_writing_does_not_hinder_terminate)
{
	SCOPED(result) result = NULL;
	struct scene scene;

	set_scene(&scene);
	MUST(pool_apply_async(
		scene.pool, hold_and_give_much, integers(0, 1), NULL, &result));
	wire_receive(&reports);
	hold_the_handler(&scene);
	open_gate(1);
	await_full_pipe(scene.replies);
	assert_true(process_stop(scene.worker));
	let_the_handler_go_on();
	await_empty_pipe(scene.replies);
	MUST(pool_terminate(scene.pool));
	no_child_must_be_left();
	assert_int_equal(process_state(scene.worker), 0);
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(result, 0, NULL));
	clear_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			task_of_a_worker_killed_before_it_reads_goes_to_another),
		cmocka_unit_test(
			task_of_a_worker_killed_before_it_reads_much_goes_to_another),
		cmocka_unit_test(
			task_of_a_worker_killed_while_it_reads_goes_to_another),
		cmocka_unit_test(
			task_that_was_not_begun_is_run_before_later_ones),
		cmocka_unit_test(
			order_is_kept_though_two_die_before_they_begin),
		cmocka_unit_test(
			task_of_a_worker_killed_while_it_runs_is_lost_and_no_other),
		cmocka_unit_test(
			task_of_a_worker_killed_while_it_writes_is_lost_and_no_other),
		cmocka_unit_test(
			task_of_a_worker_killed_after_it_wrote_is_done),
		cmocka_unit_test(
			worker_that_stopped_reading_does_not_hinder_terminate),
		cmocka_unit_test(
			worker_that_stopped_writing_does_not_hinder_terminate),
	};

	return cmocka_run_group_tests_name("faults_stages", tests,
		       adopt_orphans, kill_orphans) != 0;
}
