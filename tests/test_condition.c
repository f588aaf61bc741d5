/*
 * test_condition.c - what a condition promises, and both makes of it keep.
 *
 * A child says that it has the lock and is about to wait. Whoever gets the lock
 * after that knows that it waits.
 */
#include "condition.h"

#include "buffer.h"
#include "child.h"
#include "encoding.h"
#include "manager.h"
#include "must.h"
#include "post.h"
#include "process.h"
#include "proxy.h"
#include "server.h"
#include "sys.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the makes differ, and are meant to. */
struct make {
	bool hosted;
	enum error_kind misuse;
	const char *wait_message;
	const char *notify_message;
	const char *release_message;
};

static const struct make shared_make = {
	.misuse = AssertionError,
	.wait_message = "must acquire() condition before using wait()",
	.notify_message = "lock is not owned",
	.release_message =
		"attempt to release recursive lock not owned by thread",
};

static const struct make manager_make = {
	.hosted = true,
	.misuse = RuntimeError,
	.wait_message = "cannot wait on un-acquired lock",
	.notify_message = "cannot notify on un-acquired lock",
	.release_message = "cannot release un-acquired lock",
};

/* What a test and its children have in common. */
static const struct make *make;
static struct manager *manager;
static struct condition *condition;
/*
 * A 'w' from whoever is about to wait; and the names of those that are back,
 * in capitals if they were notified.
 */
static struct post waits, woken;

/* In shared memory, guarded by the lock. */
static struct notes {
	int counter;
	int calls;
	bool flag;
} * notes;

static int
set_up(void **state)
{
	void *memory;

	/* A test that hangs is a test that fails. */
	alarm(2 * (unsigned)CHILD_LIMIT);
	make = *state;
	waits = post_open();
	woken = post_open();
	MUST(sys_map_shared(sizeof(*notes), &memory));
	notes = memory;
	if (make->hosted) {
		MUST(manager_new(&manager));
		MUST(manager_condition(manager, &condition));
	} else {
		MUST(condition_new(&condition));
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	condition_free(condition);
	manager_free(manager);
	condition = NULL;
	manager = NULL;
	sys_unmap_shared(notes, sizeof(*notes));
	post_close(&waits);
	post_close(&woken);
	alarm(0);
	return 0;
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

static void
must_not_own(void)
{
	bool ignored;

	MUST_RAISE_EXACTLY(condition_notify(condition, 1), make->misuse,
		make->notify_message);
	MUST_RAISE_EXACTLY(condition_notify_all(condition), make->misuse,
		make->notify_message);
	MUST_RAISE_EXACTLY(condition_release(condition), make->misuse,
		make->release_message);
	MUST_RAISE_EXACTLY(condition_wait(condition, FOREVER, &ignored),
		make->misuse, make->wait_message);
	MUST_RAISE_EXACTLY(condition_wait(condition, 0, NULL), make->misuse,
		make->wait_message);
}

static bool
owner_died(void)
{
	bool died;

	MUST(condition_owner_died(condition, &died));
	return died;
}

static void
notify(long n)
{
	acquire();
	MUST(condition_notify(condition, n));
	release();
}

/* Waits with the lock held; says who is back, and how. */
static bool
wait_as(char name, double timeout)
{
	bool notified = false;

	post_send(&waits, 'w');
	MUST(condition_wait(condition, timeout, &notified));
	post_send(&woken, (char)(notified ? toupper(name) : name));
	return notified;
}

struct waiter {
	char name;
	double timeout;
};

static void
wait_once(void *context)
{
	const struct waiter *waiter = context;

	acquire();
	wait_as(waiter->name, waiter->timeout);
	release();
}

/* Returns when the child, which has the lock, has begun to wait. */
static void
await_waiter(void)
{
	assert_int_equal(post_await(&waits), 'w');
	acquire();
	release();
}

static pid_t
start_waiter(char name, double timeout)
{
	struct waiter waiter = {name, timeout};
	pid_t pid = child_start(wait_once, &waiter);

	await_waiter();
	return pid;
}

/* The next to be back are those named, in any order. */
static void
must_be_back(const char *names)
{
	char left[16];
	char *found;

	assert_true(strlen(names) < sizeof(left));
	strcpy(left, names);
	for (size_t i = strlen(left); i > 0; i--) {
		char name = post_await(&woken);

		found = strchr(left, name);
		if (!found)
			fail_msg("%c is back, not one of %s", name, left);
		*found = left[i - 1];
		left[i - 1] = 0;
	}
}

static void
must_end(const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(child_wait(pids[i]), 0);
}

static void
lock_is_free_as_often_as_it_was_taken(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		acquire();
	for (int i = 0; i < 3; i++) {
		MUST(condition_notify_all(condition));
		release();
	}
	must_not_own();
	acquire();
	release();
	must_not_own();
}

/* One step of the counter, which loses its way if another comes between. */
static void
count_slowly(void)
{
	int before = notes->counter;

	sched_yield();
	notes->counter = before + 1;
}

static void
count_under_the_lock(void *context)
{
	(void)context;
	for (int i = 0; i < 100; i++) {
		acquire();
		acquire();
		count_slowly();
		release();
		count_slowly();
		release();
	}
}

static void
lock_keeps_others_out_until_its_last_release(void **state)
{
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		pids[i] = child_start(count_under_the_lock, NULL);
	must_end(pids, 3);
	assert_int_equal(notes->counter, 600);
}

static void
misuse_tells_what_was_wrong(void **state)
{
	struct error *error;
	bool died;

	(void)state;
	must_not_own();
	error = condition_owner_died(condition, &died);
	assert_non_null(error);
	assert_int_equal(error->kind, make->misuse);
	error_free(error);
}

static void
expect_not_to_own(void *context)
{
	(void)context;
	must_not_own();
}

static void
child_does_not_inherit_the_lock(void **state)
{
	(void)state;
	acquire();
	child_must_succeed(expect_not_to_own, NULL);
	MUST(condition_notify_all(condition));
	release();
}

/* What befalls a thread that has not got the lock. */
static void *
misuse_in_thread(void *context)
{
	struct error **errors = context;

	errors[0] = condition_notify(condition, 1);
	errors[1] = condition_release(condition);
	errors[2] = condition_wait(condition, 0, NULL);
	return NULL;
}

static void
threads_of_one_process_are_different_owners(void **state)
{
	struct error *errors[3];
	pthread_t thread;

	(void)state;
	acquire();
	assert_int_equal(
		pthread_create(&thread, NULL, misuse_in_thread, errors), 0);
	pthread_join(thread, NULL);
	MUST_RAISE_EXACTLY(errors[0], make->misuse, make->notify_message);
	MUST_RAISE_EXACTLY(errors[1], make->misuse, make->release_message);
	MUST_RAISE_EXACTLY(errors[2], make->misuse, make->wait_message);
	release();
}

static void *
count_in_thread(void *context)
{
	struct error **error = context;

	*error = condition_acquire(condition);
	for (int i = 0; i < 100 && !*error; i++) {
		*error = condition_acquire(condition);
		count_slowly();
		if (!*error)
			*error = condition_release(condition);
	}
	if (!*error)
		*error = condition_release(condition);
	return NULL;
}

static void
threads_of_one_process_keep_each_other_out(void **state)
{
	struct error *errors[2];
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
					 count_in_thread, &errors[i]),
			0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	MUST(errors[0]);
	MUST(errors[1]);
	assert_int_equal(notes->counter, 200);
}

static void
wait_with_a_deep_lock(void *context)
{
	(void)context;
	for (int i = 0; i < 3; i++)
		acquire();
	wait_as('a', FOREVER);
	for (int i = 0; i < 3; i++) {
		MUST(condition_notify_all(condition));
		release();
	}
	must_not_own();
}

static void
wait_gives_the_lock_back_whole_and_takes_it_whole(void **state)
{
	pid_t pid = child_start(wait_with_a_deep_lock, NULL);

	(void)state;
	await_waiter();
	notify(1);
	must_be_back("A");
	assert_int_equal(child_wait(pid), 0);
}

static void
wait_without_time_returns_at_once(void **state)
{
	static const double timeouts[] = {0, -0.0, -1, -INFINITY, NAN};

	(void)state;
	acquire();
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		bool notified = true;

		MUST(condition_wait(condition, timeouts[i], &notified));
		assert_false(notified);
		MUST(condition_notify_all(condition));
	}
	release();
	must_not_own();
}

static void
wait_lasts_until_its_timeout(void **state)
{
	double start = sys_now();
	bool notified = true;

	(void)state;
	acquire();
	acquire();
	MUST(condition_wait(condition, 0.05, &notified));
	assert_false(notified);
	assert_true(sys_now() - start >= 0.05);
	MUST(condition_wait(condition, 0.01, NULL));
	release();
	release();
	must_not_own();
}

static void
wait_tells_that_it_was_notified_in_time(void **state)
{
	pid_t pid = start_waiter('a', CHILD_LIMIT);

	(void)state;
	notify(1);
	must_be_back("A");
	assert_int_equal(child_wait(pid), 0);
}

static void
who_timed_out_takes_no_later_wake_up(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter('a', 0.02);
	must_be_back("a");
	pids[1] = start_waiter('b', FOREVER);
	notify(1);
	must_be_back("B");
	must_end(pids, 2);
}

/* Whoever gets it: a waiter that says that it timed out has not had it. */
static void
wake_up_is_not_lost_on_who_times_out_meanwhile(void **state)
{
	pid_t pids[2];
	char first;

	(void)state;
	pids[0] = start_waiter('a', 0.02);
	pids[1] = start_waiter('b', FOREVER);
	acquire();
	sys_sleep(0.04);
	MUST(condition_notify(condition, 1));
	release();
	first = post_await(&woken);
	if (first == 'A')
		notify(1);
	must_be_back(first == 'B' ? "a" : "B");
	must_end(pids, 2);
}

static void
notify_wakes_who_waited_longest(void **state)
{
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		pids[i] = start_waiter((char)('a' + i), FOREVER);
	notify(1);
	must_be_back("A");
	notify(1);
	must_be_back("B");
	notify(1);
	must_be_back("C");
	must_end(pids, 3);
}

static void
notify_wakes_no_more_than_it_says(void **state)
{
	pid_t pids[3];

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	pids[2] = start_waiter('c', 0.3);
	notify(2);
	must_be_back("AB");
	must_be_back("c");
	must_end(pids, 3);
}

static void
notify_of_none_or_less_wakes_nobody(void **state)
{
	pid_t pid = start_waiter('a', 0.2);

	(void)state;
	notify(0);
	notify(-1);
	notify(LONG_MIN);
	must_be_back("a");
	assert_int_equal(child_wait(pid), 0);
}

static void
notify_of_more_than_wait_wakes_all(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	notify(5);
	must_be_back("AB");
	must_end(pids, 2);
}

static void
notify_is_not_remembered(void **state)
{
	pid_t pid;

	(void)state;
	notify(1);
	notify(LONG_MAX);
	acquire();
	MUST(condition_notify_all(condition));
	release();
	pid = start_waiter('a', 0.05);
	must_be_back("a");
	assert_int_equal(child_wait(pid), 0);
}

static void
notify_all_wakes_all(void **state)
{
	pid_t pids[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pids[i] = start_waiter((char)('a' + i), FOREVER);
	acquire();
	MUST(condition_notify_all(condition));
	release();
	must_be_back("ABCD");
	must_end(pids, 4);
}

static void
do_nothing(void *context)
{
	(void)context;
}

static void
wait_until_flag_is_set(void *context)
{
	(void)context;
	acquire();
	wait_as('a', FOREVER);
	assert_true(notes->flag);
	release();
}

static void
who_is_notified_goes_on_when_the_lock_is_given_back(void **state)
{
	pid_t pid = child_start(wait_until_flag_is_set, NULL);

	(void)state;
	await_waiter();
	acquire();
	MUST(condition_notify(condition, 1));
	/* Time enough for whoever would not wait for the lock. */
	child_must_succeed(do_nothing, NULL);
	notes->flag = true;
	release();
	must_be_back("A");
	assert_int_equal(child_wait(pid), 0);
}

/* The predicate of all tests; it counts its calls, and must have the lock. */
static bool
flag_is_set(void *context)
{
	(void)context;
	notes->calls++;
	MUST(condition_notify(condition, 0));
	return notes->flag;
}

static void
wait_for_what_is_true_does_not_wait(void **state)
{
	bool held = false;

	(void)state;
	notes->flag = true;
	acquire();
	MUST(condition_wait_for(condition, flag_is_set, NULL, FOREVER, &held));
	assert_true(held);
	assert_int_equal(notes->calls, 1);
	MUST(condition_wait_for(condition, flag_is_set, NULL, 0, NULL));
	assert_int_equal(notes->calls, 2);
	release();
	must_not_own();
}

static void
wait_for_flag(void *context)
{
	bool held = false;

	(void)context;
	acquire();
	acquire();
	post_send(&waits, 'w');
	MUST(condition_wait_for(condition, flag_is_set, NULL, FOREVER, &held));
	assert_true(held);
	release();
	release();
	must_not_own();
}

static void
wait_for_waits_until_it_is_true(void **state)
{
	pid_t pid = child_start(wait_for_flag, NULL);

	(void)state;
	await_waiter();
	assert_int_equal(notes->calls, 1);
	notify(1);
	acquire();
	notes->flag = true;
	/* The first wake-up may not have been used yet. */
	MUST(condition_notify_all(condition));
	release();
	assert_int_equal(child_wait(pid), 0);
	assert_true(notes->calls >= 2);
}

static void
wait_for_gives_up_at_its_timeout(void **state)
{
	static const double timeouts[] = {0, -1, NAN};
	double start = sys_now();
	bool held = true;

	(void)state;
	acquire();
	MUST(condition_wait_for(condition, flag_is_set, NULL, 0.5, &held));
	assert_false(held);
	assert_true(sys_now() - start >= 0.5);
	assert_true(notes->calls >= 2);
	for (size_t i = 0; i < 3; i++) {
		held = true;
		notes->calls = 0;
		MUST(condition_wait_for(
			condition, flag_is_set, NULL, timeouts[i], &held));
		assert_false(held);
		assert_int_equal(notes->calls, 1);
	}
	release();
}

static void
own_and_hang(void *context)
{
	int *depth = context;

	for (int i = 0; i < *depth; i++)
		acquire();
	post_send(&waits, 'o');
	for (;;)
		pause();
}

static pid_t
start_owner(int depth)
{
	pid_t pid = child_start(own_and_hang, &depth);

	assert_int_equal(post_await(&waits), 'o');
	return pid;
}

static void
lock_of_the_killed_passes_on(void **state)
{
	(void)state;
	child_kill(start_owner(2));
	acquire();
	assert_true(owner_died());
	acquire();
	assert_true(owner_died());
	release();
	assert_true(owner_died());
	release();
	must_not_own();
	acquire();
	assert_false(owner_died());
	release();
}

static void
acquire_and_expect_a_death(void *context)
{
	(void)context;
	post_send(&waits, 'w');
	acquire();
	assert_true(owner_died());
	release();
}

static void
lock_of_the_killed_passes_to_who_stands_for_it(void **state)
{
	pid_t owner = start_owner(1), next;

	(void)state;
	next = child_start(acquire_and_expect_a_death, NULL);
	assert_int_equal(post_await(&waits), 'w');
	child_kill(owner);
	assert_int_equal(child_wait(next), 0);
	acquire();
	assert_false(owner_died());
	release();
}

static void
own_and_end(void *context)
{
	(void)context;
	acquire();
}

/* Frees the condition while it has the lock, and lives on with another one. */
static void
free_while_owner(void *context)
{
	struct condition *other;

	(void)context;
	acquire();
	acquire();
	condition_free(condition);
	MUST(condition_new(&other));
	MUST(condition_acquire(other));
	MUST(condition_release(other));
	post_send(&waits, 'w');
	post_await(&woken);
	condition_free(other);
}

static void
lock_of_who_freed_the_condition_passes_on(void **state)
{
	pid_t child = child_start(free_while_owner, NULL);

	(void)state;
	post_await(&waits);
	acquire();
	assert_false(owner_died());
	release();
	post_send(&woken, 'g');
	assert_int_equal(child_wait(child), 0);
}

static void
lock_of_who_ended_passes_on(void **state)
{
	(void)state;
	child_must_succeed(own_and_end, NULL);
	acquire();
	assert_true(owner_died());
	release();
	acquire();
	assert_false(owner_died());
	release();
}

static void
wait_forgets_that_an_owner_died(void **state)
{
	(void)state;
	child_kill(start_owner(1));
	acquire();
	assert_true(owner_died());
	MUST(condition_wait(condition, 0.01, NULL));
	assert_false(owner_died());
	release();
}

static void
waiters_outlive_an_owner(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	child_kill(start_owner(1));
	notify(1);
	must_be_back("A");
	notify(1);
	must_be_back("B");
	must_end(pids, 2);
}

static void
notify_and_hang(void *context)
{
	(void)context;
	acquire();
	MUST(condition_notify(condition, 1));
	post_send(&waits, 'n');
	for (;;)
		pause();
}

static void
wait_and_expect_a_death(void *context)
{
	(void)context;
	acquire();
	assert_true(wait_as('a', FOREVER));
	assert_true(owner_died());
	release();
}

static void
waiter_learns_that_its_notifier_died(void **state)
{
	pid_t waiter = child_start(wait_and_expect_a_death, NULL), notifier;

	(void)state;
	await_waiter();
	notifier = child_start(notify_and_hang, NULL);
	assert_int_equal(post_await(&waits), 'n');
	child_kill(notifier);
	must_be_back("A");
	assert_int_equal(child_wait(waiter), 0);
}

static void
killed_waiter_takes_no_wake_up(void **state)
{
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		pids[i] = start_waiter((char)('a' + i), FOREVER);
	child_kill(pids[0]);
	notify(1);
	must_be_back("B");
	notify(LONG_MAX);
	must_be_back("C");
	must_end(pids + 1, 2);
}

static void
killed_waiters_do_not_hold_up_notify_all(void **state)
{
	pid_t pids[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pids[i] = start_waiter((char)('a' + i), FOREVER);
	child_kill(pids[1]);
	child_kill(pids[2]);
	acquire();
	MUST(condition_notify_all(condition));
	release();
	must_be_back("AD");
	assert_int_equal(child_wait(pids[0]), 0);
	assert_int_equal(child_wait(pids[3]), 0);
	acquire();
	assert_false(owner_died());
	release();
}

/* Killed while its notifier still has the lock, a waiter has not got it. */
static void
waiter_killed_before_the_lock_is_free_has_heirs(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	acquire();
	MUST(condition_notify(condition, 1));
	child_kill(pids[0]);
	release();
	must_be_back("B");
	assert_int_equal(child_wait(pids[1]), 0);
}

/* Stopped, it cannot take the lock, though the lock is free. */
static void
waiter_killed_before_it_goes_on_has_heirs(void **state)
{
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	assert_true(process_stop(pids[0]));
	notify(1);
	child_kill(pids[0]);
	must_be_back("B");
	assert_int_equal(child_wait(pids[1]), 0);
}

static void
wake_up_is_not_handed_to_who_waited_later(void **state)
{
	pid_t pids[2];
	struct waiter late = {'b', 0.3};

	(void)state;
	pids[0] = start_waiter('a', FOREVER);
	acquire();
	MUST(condition_notify(condition, 1));
	/* It stands for the lock, and waits once it has got it. */
	pids[1] = child_start(wait_once, &late);
	child_kill(pids[0]);
	release();
	must_be_back("b");
	assert_int_equal(child_wait(pids[1]), 0);
}

static void
connect_then_notify_and_hang(void *context)
{
	const struct post *go = context;

	/* To be known to a manager before the others. */
	acquire();
	release();
	post_send(&woken, 'h');
	assert_int_equal(post_await(go), 'g');
	notify_and_hang(NULL);
}

static void
run_server(void *lifeline)
{
	server_run(*(int *)lifeline);
}

/* A manager's server whose process id is known, and a condition there. */
static pid_t
use_own_server(int *lifeline)
{
	char *address;
	int ends[2];
	pid_t server;

	condition_free(condition);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	sys_private(ends[0]);
	server = child_start(run_server, &ends[1]);
	sys_close(ends[1]);
	*lifeline = ends[0];
	MUST(server_await_address(*lifeline, &address));
	MUST(proxy_new(address, &condition));
	free(address);
	return server;
}

/* A manager that was busy hears of both deaths at once. */
static void
wake_up_outlives_notifier_and_notified(void **state)
{
	int lifeline = -1;
	pid_t server = make->hosted ? use_own_server(&lifeline) : 0;
	struct post go = post_open();
	pid_t notifier = child_start(connect_then_notify_and_hang, &go);
	pid_t pids[2];

	(void)state;
	assert_int_equal(post_await(&woken), 'h');
	pids[0] = start_waiter('a', FOREVER);
	pids[1] = start_waiter('b', FOREVER);
	post_send(&go, 'g');
	assert_int_equal(post_await(&waits), 'n');
	if (server)
		assert_true(process_stop(server));
	child_kill(pids[0]);
	child_kill(notifier);
	if (server)
		kill(server, SIGCONT);
	must_be_back("B");
	assert_int_equal(child_wait(pids[1]), 0);
	sys_close(lifeline);
	if (server)
		assert_int_equal(child_wait(server), 0);
	post_close(&go);
}

/* Exit statuses of the child below, besides 0. */
enum { INHERITED_THE_LOCK = 1, CANNOT_CHOOSE_IDS = 77 };

/*
 * Ends in a process that has the id of a killed owner. The C library's fork
 * would not let the id be chosen.
 */
static void
use_the_id_of_a_killed_owner(void *context)
{
	pid_t killed = start_owner(1);
	struct clone_args arguments = {.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&killed,
		.set_tid_size = 1};
	struct error *error;
	long pid;

	(void)context;
	child_kill(killed);
	do
		pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
	while (pid < 0 && errno == EEXIST);
	if (pid < 0)
		_exit(CANNOT_CHOOSE_IDS);
	if (pid > 0)
		_exit(WEXITSTATUS(child_wait((pid_t)pid)));
	error = condition_notify(condition, 1);
	_exit(error ? 0 : INHERITED_THE_LOCK);
}

static void
id_of_a_killed_owner_does_not_bring_its_lock(void **state)
{
	int status =
		child_wait(child_start(use_the_id_of_a_killed_owner, NULL));

	(void)state;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_CHOOSE_IDS)
		skip();
	assert_int_equal(status, 0);
}

static void
value_holds_a_share_of_its_condition(void **state)
{
	struct value *list = value_list(
		value_condition(condition), value_condition(condition));
	struct condition *found = NULL;

	(void)state;
	MUST(value_condition_at(list, 1, &found));
	assert_ptr_equal(found, condition);
	MUST_RAISE_EXACTLY(value_condition_at(list, 2, &found), IndexError,
		"item 2 of a list of 2");
	condition_free(condition);
	condition = NULL;
	/* It lives on in the list. */
	MUST(condition_acquire(found));
	MUST(condition_release(found));
	value_free(list);
}

static void
what_is_no_condition_raises_type_error(void **state)
{
	SCOPED(value) list = value_list(value_text("no condition"));
	struct condition *found;
	struct error *error = value_condition_at(list, 0, &found);

	(void)state;
	assert_non_null(error);
	assert_int_equal(error->kind, TypeError);
	assert_non_null(strstr(error->message, "Condition expected, not "));
	error_free(error);
}

static void
shared_condition_refuses_to_be_encoded(void **state)
{
	SCOPED(value) list = value_list(
		value_integer(1), value_list(value_condition(condition)));
	struct buffer buffer = {0};

	(void)state;
	MUST_RAISE_EXACTLY(encode_value(list, &buffer), RuntimeError,
		"Condition objects should only be shared between processes "
		"through inheritance");
	buffer_fini(&buffer);
	acquire();
	release();
}

static void
encode_condition(struct buffer *buffer)
{
	SCOPED(value) list = value_list(value_condition(condition));

	MUST(encode_value(list, buffer));
}

/* Gives what was encoded, a list with one condition. */
static struct value *
decode_list_of_one(const struct buffer *buffer)
{
	struct reader reader = {buffer->bytes, buffer->length};
	struct value *list;

	MUST(decode_value(&reader, &list));
	MUST(reader_end(&reader));
	assert_int_equal(value_count(list), 1);
	return list;
}

static void
decoded_proxy_is_the_same_condition(void **state)
{
	struct buffer buffer = {0};
	struct condition *decoded;
	struct value *list;

	(void)state;
	encode_condition(&buffer);
	list = decode_list_of_one(&buffer);
	MUST(value_condition_at(list, 0, &decoded));
	assert_ptr_not_equal(decoded, condition);
	MUST(condition_acquire(decoded));
	MUST(condition_notify(condition, 1));
	MUST(condition_release(condition));
	must_not_own();
	value_free(list);
	acquire();
	release();
	buffer_fini(&buffer);
}

static void
wait_on_decoded(void *context)
{
	struct value *list = decode_list_of_one(context);
	struct condition *inherited = condition;

	MUST(value_condition_at(list, 0, &condition));
	acquire();
	wait_as('a', FOREVER);
	release();
	value_free(list);
	condition = inherited;
}

static void
decoded_proxy_works_in_another_process(void **state)
{
	struct buffer buffer = {0};
	pid_t pid;

	(void)state;
	encode_condition(&buffer);
	pid = child_start(wait_on_decoded, &buffer);
	await_waiter();
	notify(1);
	must_be_back("A");
	assert_int_equal(child_wait(pid), 0);
	buffer_fini(&buffer);
}

static void
decoded_proxy_keeps_its_condition(void **state)
{
	struct buffer buffer = {0};
	struct condition *decoded;
	struct value *list;

	(void)state;
	encode_condition(&buffer);
	list = decode_list_of_one(&buffer);
	MUST(value_condition_at(list, 0, &decoded));
	condition_free(condition);
	condition = NULL;
	MUST(condition_acquire(decoded));
	MUST(condition_release(decoded));
	value_free(list);
	buffer_fini(&buffer);
}

/* Decoding raises this kind of error, with or without a manager. */
static void
must_not_decode(const struct buffer *buffer, enum error_kind kind)
{
	struct reader reader = {buffer->bytes, buffer->length};
	struct value *list;
	struct error *error = decode_value(&reader, &list);

	assert_non_null(error);
	assert_int_equal(error->kind, kind);
	error_free(error);
}

static void
condition_that_nobody_holds_is_gone(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	encode_condition(&buffer);
	condition_free(condition);
	condition = NULL;
	must_not_decode(&buffer, RuntimeError);
	buffer_fini(&buffer);
}

static void
every_truncation_of_a_proxy_raises(void **state)
{
	struct buffer buffer = {0};
	size_t whole;

	(void)state;
	encode_condition(&buffer);
	whole = buffer.length;
	for (buffer.length = 0; buffer.length < whole; buffer.length++)
		must_not_decode(&buffer, ValueError);
	buffer_fini(&buffer);
}

static void
proxy_without_its_manager_raises_connection_error(void **state)
{
	struct buffer buffer = {0};
	struct error *errors[3];

	(void)state;
	encode_condition(&buffer);
	manager_free(manager);
	manager = NULL;
	errors[0] = condition_acquire(condition);
	errors[1] = condition_wait(condition, FOREVER, NULL);
	errors[2] = condition_notify_all(condition);
	for (int i = 0; i < 3; i++) {
		assert_non_null(errors[i]);
		assert_int_equal(errors[i]->kind, ConnectionError);
		error_free(errors[i]);
	}
	must_not_decode(&buffer, ConnectionError);
	buffer_fini(&buffer);
}

static void
condition_free_takes_null(void **state)
{
	(void)state;
	condition_free(NULL);
}

#define ON(make, test)                                         \
	{                                                      \
#test " (" #make ")", test, set_up, tear_down, \
			(void *)&make##_make                   \
	}
#define ON_BOTH(test) ON(shared, test), ON(manager, test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(lock_is_free_as_often_as_it_was_taken),
		ON_BOTH(lock_keeps_others_out_until_its_last_release),
		ON_BOTH(misuse_tells_what_was_wrong),
		ON_BOTH(child_does_not_inherit_the_lock),
		ON_BOTH(threads_of_one_process_are_different_owners),
		ON_BOTH(threads_of_one_process_keep_each_other_out),
		ON_BOTH(wait_gives_the_lock_back_whole_and_takes_it_whole),
		ON_BOTH(wait_without_time_returns_at_once),
		ON_BOTH(wait_lasts_until_its_timeout),
		ON_BOTH(wait_tells_that_it_was_notified_in_time),
		ON_BOTH(who_timed_out_takes_no_later_wake_up),
		ON_BOTH(wake_up_is_not_lost_on_who_times_out_meanwhile),
		ON_BOTH(notify_wakes_who_waited_longest),
		ON_BOTH(notify_wakes_no_more_than_it_says),
		ON_BOTH(notify_of_none_or_less_wakes_nobody),
		ON_BOTH(notify_of_more_than_wait_wakes_all),
		ON_BOTH(notify_is_not_remembered),
		ON_BOTH(notify_all_wakes_all),
		ON_BOTH(who_is_notified_goes_on_when_the_lock_is_given_back),
		ON_BOTH(wait_for_what_is_true_does_not_wait),
		ON_BOTH(wait_for_waits_until_it_is_true),
		ON_BOTH(wait_for_gives_up_at_its_timeout),
		ON_BOTH(lock_of_the_killed_passes_on),
		ON_BOTH(lock_of_the_killed_passes_to_who_stands_for_it),
		ON_BOTH(lock_of_who_ended_passes_on),
		ON_BOTH(lock_of_who_freed_the_condition_passes_on),
		ON_BOTH(wait_forgets_that_an_owner_died),
		ON_BOTH(waiters_outlive_an_owner),
		ON_BOTH(waiter_learns_that_its_notifier_died),
		ON_BOTH(killed_waiter_takes_no_wake_up),
		ON_BOTH(killed_waiters_do_not_hold_up_notify_all),
		ON_BOTH(waiter_killed_before_the_lock_is_free_has_heirs),
		ON_BOTH(waiter_killed_before_it_goes_on_has_heirs),
		ON_BOTH(wake_up_is_not_handed_to_who_waited_later),
		ON_BOTH(wake_up_outlives_notifier_and_notified),
		ON_BOTH(id_of_a_killed_owner_does_not_bring_its_lock),
		ON_BOTH(value_holds_a_share_of_its_condition),
		ON_BOTH(what_is_no_condition_raises_type_error),
		ON_BOTH(condition_free_takes_null),
		ON(shared, shared_condition_refuses_to_be_encoded),
		ON(manager, decoded_proxy_is_the_same_condition),
		ON(manager, decoded_proxy_works_in_another_process),
		ON(manager, decoded_proxy_keeps_its_condition),
		ON(manager, condition_that_nobody_holds_is_gone),
		ON(manager, every_truncation_of_a_proxy_raises),
		ON(manager, proxy_without_its_manager_raises_connection_error),
	};

	return cmocka_run_group_tests_name("condition", tests, NULL, NULL) != 0;
}
