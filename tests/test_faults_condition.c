/*
 * test_faults_condition.c - workers that share a condition and are killed while
 * they hold it, wait on it or stand for it, together with their zygote or not;
 * and a manager that is killed.
 *
 * A task reports when it has the lock and is about to wait. Whoever gets the
 * lock after that knows that it waits.
 */
#include "condition.h"
#include "faults.h"
#include "hosting.h"
#include "link.h"
#include "pool.h"
#include "proxy.h"
#include "result.h"
#include "sys.h"
#include "tasks.h"
#include "value.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#define WORKERS 4

/* Inherited by the workers. */
static struct condition *condition;
static struct wire turn;

/* What misuse raises. */
static enum error_kind misuse;

/* Where the condition is, if not in shared memory. */
static struct hosting hosting;

static void
in_shared_memory(void (*test)(void))
{
	open_wires();
	wire_open(&turn);
	misuse = AssertionError;
	MUST(condition_new(&condition));
	test();
	condition_free(condition);
	wire_close(&turn);
	close_wires();
}

static void
at_a_manager(void (*test)(void))
{
	open_wires();
	wire_open(&turn);
	misuse = RuntimeError;
	hosting = hosting_start();
	MUST(proxy_new(hosting.address, &condition));
	test();
	condition_free(condition);
	link_forget(hosting.address);
	if (hosting.server)
		hosting_end(&hosting);
	wire_close(&turn);
	close_wires();
}

/*
 * ON_BOTH(name) { ... } defines two test functions: with the condition in
 * shared memory, and with a proxy. They run in children.
 */
#define ON_BOTH(name)                   \
	static void name(void);         \
	IN_CHILD(name##_shared)         \
	{                               \
		in_shared_memory(name); \
	}                               \
	IN_CHILD(name##_hosted)         \
	{                               \
		at_a_manager(name);     \
	}                               \
	static void name(void)

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

static void
acquire(void)
{
	MUST(condition_acquire(condition));
}

static void
release(void)
{
	MUST(condition_release(condition));
}

static bool
owner_died(void)
{
	bool died;

	MUST(condition_owner_died(condition, &died));
	return died;
}

/* Takes the lock twice, reports, waits at the gate, and gives it back. */
static struct error *
own(const struct value *arguments, struct value **result)
{
	TRY(condition_acquire(condition));
	TRY(condition_acquire(condition));
	wire_send(&reports, getpid());
	wire_receive(&gate);
	(void)arguments;
	(void)result;
	TRY(condition_release(condition));
	TRY(condition_release(condition));
	return NULL;
}

/* Notifies one, and has the lock when it goes on to own it. */
static struct error *
notify_and_own(const struct value *arguments, struct value **result)
{
	TRY(condition_acquire(condition));
	TRY(condition_notify(condition, 1));
	TRY(own(arguments, result));
	TRY(condition_release(condition));
	return NULL;
}

/* Reports, waits, and tells whether the owner before it died. */
static struct error *
wait_once(const struct value *arguments, struct value **result)
{
	bool notified = false;

	(void)arguments;
	TRY(condition_acquire(condition));
	wire_send(&reports, getpid());
	TRY(condition_wait(condition, FOREVER, &notified));
	assert_true(notified);
	*result = value_integer(owner_died());
	TRY(condition_release(condition));
	return NULL;
}

/*
 * Reports, waits for its turn, reports again, acquires, and tells whether the
 * owner before it died. (The first time, a proxy has to connect.)
 */
static struct error *
stand_for_it(const struct value *arguments, struct value **result)
{
	(void)arguments;
	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	wire_send(&reports, getpid());
	wire_receive(&turn);
	wire_send(&reports, getpid());
	TRY(condition_acquire(condition));
	*result = value_integer(owner_died());
	TRY(condition_release(condition));
	return NULL;
}

/* A task, its result, and the worker that is at it. */
struct part {
	struct result *result;
	pid_t worker;
};

/* Submits a task, and returns when it has reported. */
static struct part
start(struct pool *pool, task_function *task)
{
	struct part part;

	MUST(pool_apply_async(
		pool, task, value_empty_list(), NULL, &part.result));
	part.worker = (pid_t)wire_receive(&reports);
	return part;
}

/* The same with one that has the lock then; it waits when this returns. */
static struct part
start_waiter(struct pool *pool)
{
	struct part part = start(pool, wait_once);

	acquire();
	release();
	return part;
}

/* Gives a task its turn; it stands for the lock when this returns. */
static void
let_stand(const struct part *part)
{
	wire_send(&turn, 0);
	assert_int_equal(wire_receive(&reports), part->worker);
	assert_true(process_await(part->worker, 'S'));
}

static void
must_be_lost_part(struct part *part)
{
	must_be_lost(part->result, part->worker);
	result_free(part->result);
}

/* Checks that a task came to its end, and what it told. */
static void
must_have_told(struct part *part, bool died)
{
	const struct value *value;

	MUST(result_get(part->result, CHILD_LIMIT, &value));
	assert_int_equal(integer_of(value), died);
	result_free(part->result);
}

/*
 * The same of one whose forerunner may have had the lock for a moment: a
 * manager may hear that the lock is free before it hears of a death.
 */
static void
must_have_come(struct part *part)
{
	MUST(result_get(part->result, CHILD_LIMIT, NULL));
	result_free(part->result);
}

/*
 * Checks that the lock is free, with no death left to tell of, and that all
 * workers can wait and be notified.
 */
static void
must_be_as_good_as_new(struct pool *pool)
{
	struct part parts[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		parts[i] = start_waiter(pool);
	acquire();
	assert_false(owner_died());
	MUST(condition_notify_all(condition));
	release();
	for (int i = 0; i < WORKERS; i++)
		must_have_told(&parts[i], false);
}

ON_BOTH(lock_of_a_killed_worker_passes_on)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part owner = start(pool, own);

	kill_process(owner.worker);
	acquire();
	assert_true(owner_died());
	release();
	must_be_lost_part(&owner);
	must_be_as_good_as_new(pool);
}

ON_BOTH(lock_of_a_killed_worker_passes_to_one_that_stands_for_it)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part next = start(pool, stand_for_it);
	struct part owner = start(pool, own);

	let_stand(&next);
	assert_false(result_ready(next.result));
	kill_process(owner.worker);
	must_be_lost_part(&owner);
	must_have_told(&next, true);
	must_be_as_good_as_new(pool);
}

ON_BOTH(worker_killed_while_it_waits_does_not_hold_up_notify_all)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part parts[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		parts[i] = start_waiter(pool);
	kill_process(parts[1].worker);
	must_be_lost_part(&parts[1]);
	acquire();
	assert_false(owner_died());
	MUST(condition_notify_all(condition));
	release();
	for (int i = 0; i < WORKERS; i++)
		if (i != 1)
			must_have_told(&parts[i], false);
	must_be_as_good_as_new(pool);
}

ON_BOTH(worker_killed_while_it_waits_takes_no_wake_up)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part first = start_waiter(pool);
	struct part second = start_waiter(pool);

	kill_process(first.worker);
	must_be_lost_part(&first);
	acquire();
	MUST(condition_notify(condition, 1));
	release();
	must_have_told(&second, false);
	must_be_as_good_as_new(pool);
}

/* It was notified, and died before it could have the lock. */
ON_BOTH(worker_killed_once_it_was_notified_has_heirs)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part first = start_waiter(pool);
	struct part second = start_waiter(pool);

	acquire();
	MUST(condition_notify(condition, 1));
	kill_process(first.worker);
	must_be_lost_part(&first);
	assert_false(result_ready(second.result));
	release();
	must_have_come(&second);
	must_be_as_good_as_new(pool);
}

/* The same when the lock is free: nobody gives it back any more. */
ON_BOTH(worker_killed_once_it_could_go_on_has_heirs)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part first = start_waiter(pool);
	struct part second = start_waiter(pool);

	assert_true(process_stop(first.worker));
	acquire();
	MUST(condition_notify(condition, 1));
	release();
	assert_false(result_ready(second.result));
	kill_process(first.worker);
	must_be_lost_part(&first);
	must_have_come(&second);
	must_be_as_good_as_new(pool);
}

ON_BOTH(notify_of_a_killed_worker_counts)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part waiter = start_waiter(pool);
	struct part notifier = start(pool, notify_and_own);

	assert_false(result_ready(waiter.result));
	kill_process(notifier.worker);
	must_be_lost_part(&notifier);
	must_have_told(&waiter, true);
	must_be_as_good_as_new(pool);
}

ON_BOTH(workers_killed_at_once_leave_the_lock_to_the_living)
{
	SCOPED(pool) pool = make_pool(WORKERS);
	struct part parts[WORKERS] = {
		start_waiter(pool),
		start_waiter(pool),
		start(pool, stand_for_it),
		start(pool, own),
	};

	let_stand(&parts[2]);
	for (int i = 0; i < WORKERS; i++)
		assert_true(process_stop(parts[i].worker));
	for (int i = 0; i < WORKERS; i++)
		kill_process(parts[i].worker);
	acquire();
	assert_true(owner_died());
	MUST(condition_notify_all(condition));
	release();
	for (int i = 0; i < WORKERS; i++)
		must_be_lost_part(&parts[i]);
	must_be_as_good_as_new(pool);
}

/* The kernel kills the workers, wherever they are. */
ON_BOTH(killed_zygote_leaves_the_lock_to_the_living)
{
	struct pool *pool = make_pool(WORKERS), *another;
	struct part parts[WORKERS] = {
		start_waiter(pool),
		start_waiter(pool),
		start(pool, stand_for_it),
		start(pool, own),
	};
	pid_t zygote = process_parent(parts[0].worker);

	let_stand(&parts[2]);
	kill_process(zygote);
	acquire();
	assert_true(owner_died());
	/* Nobody is there to be woken, and nobody to be waited for. */
	MUST(condition_notify_all(condition));
	release();
	for (int i = 0; i < WORKERS; i++) {
		MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
			result_get(parts[i].result, CHILD_LIMIT, NULL));
		result_free(parts[i].result);
	}
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
		pool_apply(pool, give_pid, value_empty_list(), NULL));
	pool_free(pool);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(
			waitpid(parts[i].worker, NULL, 0), parts[i].worker);
	another = make_pool(WORKERS);
	must_be_as_good_as_new(another);
	pool_free(another);
}

/* A thread and the errors that it met. */
struct stranger {
	pthread_t id;
	struct error *notify, *release;
};

static void *
end_with_the_lock(void *unused)
{
	(void)unused;
	error_free(condition_acquire(condition));
	error_free(condition_acquire(condition));
	return NULL;
}

static void *
meddle(void *context)
{
	struct stranger *stranger = context;

	stranger->id = pthread_self();
	stranger->notify = condition_notify_all(condition);
	stranger->release = condition_release(condition);
	return NULL;
}

/* The C library gives the id of a thread that was joined to the next one. */
ON_BOTH(thread_with_the_id_of_an_owner_that_ended_is_no_owner)
{
	struct stranger stranger;
	pthread_t owner, next;

	assert_int_equal(
		pthread_create(&owner, NULL, end_with_the_lock, NULL), 0);
	assert_int_equal(pthread_join(owner, NULL), 0);
	assert_int_equal(pthread_create(&next, NULL, meddle, &stranger), 0);
	assert_int_equal(pthread_join(next, NULL), 0);
	assert_true(pthread_equal(stranger.id, owner));
	MUST_RAISE(misuse, stranger.notify);
	MUST_RAISE(misuse, stranger.release);
	acquire();
	assert_true(owner_died());
	release();
}

/* Kills the manager, which was a child of this process, and reaps it. */
static void
kill_manager(void)
{
	child_kill(hosting.server);
	hosting.server = 0;
	sys_close(hosting.lifeline);
	free(hosting.address);
	hosting.address = "";
}

/* Checks that an error is a ConnectionError that was raised in a place. */
static void
must_come_from(const char *place, struct result *result)
{
	struct error *error = result_get(result, CHILD_LIMIT, NULL);

	assert_non_null(error);
	if (!is_from(error, place))
		fail_msg("not from %s: %s", place, error->message);
	MUST_RAISE(ConnectionError, error);
	result_free(result);
}

/* Gives back the condition that its worker inherited. */
static struct error *
give_condition(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_condition(condition);
	return NULL;
}

/* Checks that the workers of a pool are these three, none replaced. */
static void
must_be_the_workers(struct pool *pool, const pid_t pids[3])
{
	SCOPED(result) held = NULL;

	MUST(pool_map_async(pool, hold, integers(0, 3), 1, NULL, &held));
	for (int i = 0; i < 3; i++) {
		pid_t pid = (pid_t)wire_receive(&reports);

		assert_true(pid == pids[0] || pid == pids[1] || pid == pids[2]);
	}
	open_gate(3);
	MUST(result_get(held, CHILD_LIMIT, NULL));
}

static void
ask_a_manager_that_is_killed(void)
{
	SCOPED(pool) pool = make_pool(3);
	struct part waiter = start_waiter(pool);
	struct part next = start(pool, stand_for_it);
	struct part owner = start(pool, own);

	let_stand(&next);
	kill_manager();
	MUST_RAISE(
		ConnectionError, result_get(waiter.result, CHILD_LIMIT, NULL));
	MUST_RAISE(ConnectionError, result_get(next.result, CHILD_LIMIT, NULL));
	assert_false(result_ready(owner.result));
	open_gate(1);
	MUST_RAISE(
		ConnectionError, result_get(owner.result, CHILD_LIMIT, NULL));
	MUST_RAISE(ConnectionError, condition_acquire(condition));
	MUST_RAISE(ConnectionError, condition_notify_all(condition));
	must_be_the_workers(
		pool, (pid_t[]){waiter.worker, next.worker, owner.worker});
	result_free(waiter.result);
	result_free(next.result);
	result_free(owner.result);
}

IN_CHILD(killed_manager_is_an_error_in_whoever_asks)
{
	at_a_manager(ask_a_manager_that_is_killed);
}

static void
send_proxies_of_a_killed_manager(void)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) before = NULL;
	SCOPED(value) after = NULL;
	struct result *sent, *given;

	MUST(pool_apply(pool, give_pid, value_empty_list(), &before));
	kill_manager();
	MUST(pool_apply_async(pool, echo,
		value_list(value_condition(condition)), NULL, &sent));
	must_come_from("worker 1", sent);
	MUST(pool_apply_async(
		pool, give_condition, value_empty_list(), NULL, &given));
	must_come_from("handler", given);
	MUST(pool_apply(pool, give_pid, value_empty_list(), &after));
	assert_int_equal(integer_of(before), integer_of(after));
}

IN_CHILD(proxy_of_a_killed_manager_is_an_error_of_its_task)
{
	at_a_manager(send_proxies_of_a_killed_manager);
}

/* Reports the worker's process id. */
static struct error *
report_pid(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	return NULL;
}

/* A worker decodes an item when it has run the one before. */
static void
kill_a_manager_while_a_worker_decodes(void)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) after = NULL;
	struct result *result;
	pid_t worker;

	assert_true(process_stop(hosting.server));
	MUST(pool_map_async(pool, report_pid,
		value_list(value_nothing(), value_condition(condition),
			value_nothing()),
		3, NULL, &result));
	worker = (pid_t)wire_receive(&reports);
	assert_true(process_await(worker, 'S'));
	assert_false(result_ready(result));
	kill_manager();
	must_come_from("worker 1", result);
	assert_false(wire_is_readable(&reports, 0));
	MUST(pool_apply(pool, give_pid, value_empty_list(), &after));
	assert_int_equal(integer_of(after), worker);
}

IN_CHILD(manager_killed_while_a_worker_decodes_is_an_error_of_its_task)
{
	at_a_manager(kill_a_manager_while_a_worker_decodes);
}

#define BOTH(test) \
	cmocka_unit_test(test##_shared), cmocka_unit_test(test##_hosted)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(lock_of_a_killed_worker_passes_on),
		BOTH(lock_of_a_killed_worker_passes_to_one_that_stands_for_it),
		BOTH(worker_killed_while_it_waits_does_not_hold_up_notify_all),
		BOTH(worker_killed_while_it_waits_takes_no_wake_up),
		BOTH(worker_killed_once_it_was_notified_has_heirs),
		BOTH(worker_killed_once_it_could_go_on_has_heirs),
		BOTH(notify_of_a_killed_worker_counts),
		BOTH(workers_killed_at_once_leave_the_lock_to_the_living),
		BOTH(killed_zygote_leaves_the_lock_to_the_living),
		BOTH(thread_with_the_id_of_an_owner_that_ended_is_no_owner),
		cmocka_unit_test(killed_manager_is_an_error_in_whoever_asks),
		cmocka_unit_test(
			proxy_of_a_killed_manager_is_an_error_of_its_task),
		cmocka_unit_test(
			manager_killed_while_a_worker_decodes_is_an_error_of_its_task),
	};

	return cmocka_run_group_tests_name("faults_condition", tests,
		       adopt_orphans, kill_orphans) != 0;
}
