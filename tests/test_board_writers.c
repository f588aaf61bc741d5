/*
 * test_board_writers.c - what conditions, managers and pools write on the board
 * of what they wait for, and of who has a lock.
 */
#include "board.h"

#include "condition.h"
#include "lines.h"
#include "manager.h"
#include "must.h"
#include "pool.h"
#include "post.h"
#include "process.h"
#include "server.h"
#include "sys.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a child tells when it has come somewhere. */
static struct post told;

static void
tell_and_sleep(void)
{
	post_send(&told, 't');
	for (;;)
		pause();
}

/* A condition of one make or the other, and what is on the board of it. */
static struct manager *manager;
static struct condition *condition;
static const struct board_note *note;

static void
begin(bool hosted)
{
	board_up();
	board_take_line("main");
	told = post_open();
	if (hosted) {
		MUST(manager_new(&manager));
		MUST(manager_condition(manager, &condition));
	} else {
		MUST(condition_new(&condition));
	}
	note = find_note();
	assert_non_null(note);
}

static void
end(void)
{
	condition_free(condition);
	manager_free(manager);
	post_close(&told);
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
note_follows_the_lock(void)
{
	assert_int_equal(note->owner, 0);
	acquire();
	assert_int_equal(note->owner, getpid());
	acquire();
	release();
	assert_int_equal(note->owner, getpid());
	release();
	assert_int_equal(note->owner, 0);
}

IN_CHILD(note_follows_the_lock_in_shared_memory)
{
	begin(false);
	assert_int_equal(note->manager, 0);
	note_follows_the_lock();
	end();
}

IN_CHILD(note_follows_the_lock_at_a_manager)
{
	begin(true);
	assert_non_null(find_line(note->manager, "manager"));
	note_follows_the_lock();
	end();
}

static void
await_address(void *lifeline)
{
	char *address;

	board_take_line("creator");
	MUST_RAISE(ConnectionError,
		server_await_address(*(int *)lifeline, &address));
	assert_int_equal(line_of(getpid())->activity, ACTIVITY_RUN);
}

/* The manager does not come to say where it is. */
IN_CHILD(creator_waits_for_its_manager)
{
	int ends[2];
	pid_t creator;

	board_up();
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	creator = child_start(await_address, &ends[0]);
	await_activity(creator, ACTIVITY_AWAIT_MANAGER);
	shutdown(ends[1], SHUT_RDWR);
	assert_int_equal(child_wait(creator), 0);
	close(ends[0]);
	close(ends[1]);
}

static void
wait_once(void *unused)
{
	(void)unused;
	board_take_line("waiter");
	acquire();
	post_send(&told, 'w');
	MUST(condition_wait(condition, FOREVER, NULL));
	assert_int_equal(line_of(getpid())->activity, ACTIVITY_RUN);
	assert_int_equal(note->owner, getpid());
	release();
}

/* Starts a waiter, and takes the lock that it gives back when it waits. */
static pid_t
start_waiter(void)
{
	pid_t waiter = child_start(wait_once, NULL);

	post_await(&told);
	acquire();
	assert_int_equal(note->owner, getpid());
	assert_int_equal(line_of(waiter)->activity, ACTIVITY_AWAIT_NOTIFY);
	assert_int_equal(line_of(waiter)->condition, note->number);
	return waiter;
}

/* The lock is kept for a while after the notify. */
static void
notified_waiter_waits_for_the_lock(void)
{
	pid_t waiter = start_waiter();

	MUST(condition_notify(condition, 1));
	assert_int_equal(note->notifier, getpid());
	assert_int_equal(note->woken, 1);
	await_activity(waiter, ACTIVITY_AWAIT_LOCK);
	assert_int_equal(line_of(waiter)->condition, note->number);
	assert_int_equal(note->owner, getpid());
	release();
	assert_int_equal(child_wait(waiter), 0);
}

IN_CHILD(notified_waiter_waits_for_the_lock_in_shared_memory)
{
	begin(false);
	notified_waiter_waits_for_the_lock();
	end();
}

IN_CHILD(notified_waiter_waits_for_the_lock_at_a_manager)
{
	begin(true);
	notified_waiter_waits_for_the_lock();
	end();
}

IN_CHILD(manager_promotes_a_waiter_that_is_stopped)
{
	pid_t waiter;

	begin(true);
	waiter = start_waiter();
	assert_true(process_stop(waiter));
	MUST(condition_notify(condition, 1));
	assert_int_equal(line_of(waiter)->activity, ACTIVITY_AWAIT_LOCK);
	kill(waiter, SIGCONT);
	release();
	assert_int_equal(child_wait(waiter), 0);
	end();
}

/*
 * Waits until a waiter has looked for the dead twice. It falls asleep before
 * the first look, and after each.
 */
static void
await_two_looks(pid_t waiter)
{
	static const char sleeps[] = "voluntary_ctxt_switches";
	long before = process_number(waiter, sleeps);

	assert_true(before >= 0);
	AWAIT(process_number(waiter, sleeps) >= before + 3);
}

/*
 * While a waiter sleeps it looks for the dead from time to time; if it stood
 * for the lock to do so, it would not see that it is notified meanwhile.
 */
IN_CHILD(waiter_that_is_notified_late_waits_for_the_lock)
{
	pid_t waiter;

	begin(false);
	waiter = start_waiter();
	await_two_looks(waiter);
	MUST(condition_notify(condition, 1));
	await_activity(waiter, ACTIVITY_AWAIT_LOCK);
	release();
	assert_int_equal(child_wait(waiter), 0);
	end();
}

static atomic_bool *enough;

static void
wait_for_a_moment(void *unused)
{
	(void)unused;
	board_take_line("waiter");
	acquire();
	while (!*enough) {
		post_send(&told, 'w');
		MUST(condition_wait(condition, 0.01, NULL));
	}
	release();
}

static void
waiter_whose_time_is_up_waits_for_the_lock(void)
{
	void *memory;
	pid_t waiter;

	MUST(sys_map_shared(sizeof(*enough), &memory));
	enough = memory;
	waiter = child_start(wait_for_a_moment, NULL);
	post_await(&told);
	acquire();
	await_activity(waiter, ACTIVITY_AWAIT_LOCK);
	*enough = true;
	release();
	assert_int_equal(child_wait(waiter), 0);
	sys_unmap_shared(memory, sizeof(*enough));
}

IN_CHILD(waiter_whose_time_is_up_waits_for_the_lock_in_shared_memory)
{
	begin(false);
	waiter_whose_time_is_up_waits_for_the_lock();
	end();
}

IN_CHILD(waiter_whose_time_is_up_waits_for_the_lock_at_a_manager)
{
	begin(true);
	waiter_whose_time_is_up_waits_for_the_lock();
	end();
}

static void
acquire_once(void *unused)
{
	(void)unused;
	board_take_line("taker");
	acquire();
	assert_int_equal(note->owner, getpid());
	assert_int_equal(line_of(getpid())->activity, ACTIVITY_RUN);
	release();
}

static void
who_wants_the_lock_says_so(void)
{
	pid_t taker;

	acquire();
	taker = child_start(acquire_once, NULL);
	await_activity(taker, ACTIVITY_AWAIT_LOCK);
	assert_int_equal(line_of(taker)->condition, note->number);
	assert_int_equal(note->owner, getpid());
	release();
	assert_int_equal(child_wait(taker), 0);
}

IN_CHILD(who_wants_the_lock_says_so_in_shared_memory)
{
	begin(false);
	who_wants_the_lock_says_so();
	end();
}

IN_CHILD(who_wants_the_lock_says_so_at_a_manager)
{
	begin(true);
	who_wants_the_lock_says_so();
	end();
}

static void
notify_counts_whom_it_wakes(void)
{
	pid_t waiters[4];

	acquire();
	MUST(condition_notify_all(condition));
	assert_int_equal(note->woken, 0);
	assert_true(note->notified > 0);
	release();
	for (size_t i = 0; i < 4; i++) {
		waiters[i] = start_waiter();
		release();
	}
	acquire();
	MUST(condition_notify(condition, 1));
	assert_int_equal(note->woken, 1);
	MUST(condition_notify_all(condition));
	assert_int_equal(note->woken, 3);
	MUST(condition_notify(condition, 2));
	assert_int_equal(note->woken, 0);
	release();
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(child_wait(waiters[i]), 0);
	assert_int_equal(note->owner, 0);
}

IN_CHILD(notify_counts_whom_it_wakes_in_shared_memory)
{
	begin(false);
	notify_counts_whom_it_wakes();
	end();
}

IN_CHILD(notify_counts_whom_it_wakes_at_a_manager)
{
	begin(true);
	notify_counts_whom_it_wakes();
	end();
}

static void
acquire_for_good(void *unused)
{
	(void)unused;
	acquire();
	tell_and_sleep();
}

static pid_t
start_holder(void)
{
	pid_t holder = child_start(acquire_for_good, NULL);

	post_await(&told);
	assert_int_equal(note->owner, holder);
	return holder;
}

IN_CHILD(lock_of_a_killed_owner_is_its_successors_in_shared_memory)
{
	pid_t holder;

	begin(false);
	holder = start_holder();
	child_kill(holder);
	assert_int_equal(note->owner, holder);
	acquire();
	assert_int_equal(note->owner, getpid());
	release();
	assert_int_equal(note->owner, 0);
	end();
}

IN_CHILD(lock_of_a_killed_owner_is_nobodys_at_a_manager)
{
	begin(true);
	child_kill(start_holder());
	AWAIT(note->owner == 0);
	acquire();
	assert_int_equal(note->owner, getpid());
	release();
	end();
}

IN_CHILD(note_is_freed_with_its_condition_at_a_manager)
{
	begin(true);
	condition_free(condition);
	AWAIT(!find_note());
	MUST(manager_condition(manager, &condition));
	assert_non_null(find_note());
	end();
	assert_null(find_note());
	assert_int_equal(line_count(0), 1);
}

IN_CHILD(notes_of_a_killed_manager_are_freed_with_it)
{
	begin(true);
	kill(note->manager, SIGKILL);
	end();
	assert_null(find_note());
	assert_int_equal(line_count(0), 1);
}

IN_CHILD(pool_forgets_the_lines_of_workers_that_ended)
{
	struct pool *pool;
	pid_t first;

	board_up();
	board_take_line("main");
	MUST(pool_new(2, &pool));
	AWAIT(find_line(0, "worker 1") && find_line(0, "worker 2"));
	first = find_line(0, "worker 1")->process;
	await_activity(first, ACTIVITY_AWAIT_CHUNK);
	kill(first, SIGKILL);
	AWAIT(!find_line(first, NULL) && find_line(0, "worker 1"));
	/* main, its handler, the zygote and two workers */
	assert_int_equal(line_count(0), 5);
	pool_free(pool);
	assert_int_equal(line_count(0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note_follows_the_lock_in_shared_memory),
		cmocka_unit_test(note_follows_the_lock_at_a_manager),
		cmocka_unit_test(
			notified_waiter_waits_for_the_lock_in_shared_memory),
		cmocka_unit_test(
			notified_waiter_waits_for_the_lock_at_a_manager),
		cmocka_unit_test(creator_waits_for_its_manager),
		cmocka_unit_test(manager_promotes_a_waiter_that_is_stopped),
		cmocka_unit_test(
			waiter_that_is_notified_late_waits_for_the_lock),
		cmocka_unit_test(
			waiter_whose_time_is_up_waits_for_the_lock_in_shared_memory),
		cmocka_unit_test(
			waiter_whose_time_is_up_waits_for_the_lock_at_a_manager),
		cmocka_unit_test(who_wants_the_lock_says_so_in_shared_memory),
		cmocka_unit_test(who_wants_the_lock_says_so_at_a_manager),
		cmocka_unit_test(notify_counts_whom_it_wakes_in_shared_memory),
		cmocka_unit_test(notify_counts_whom_it_wakes_at_a_manager),
		cmocka_unit_test(
			lock_of_a_killed_owner_is_its_successors_in_shared_memory),
		cmocka_unit_test(
			lock_of_a_killed_owner_is_nobodys_at_a_manager),
		cmocka_unit_test(note_is_freed_with_its_condition_at_a_manager),
		cmocka_unit_test(notes_of_a_killed_manager_are_freed_with_it),
		cmocka_unit_test(pool_forgets_the_lines_of_workers_that_ended),
	};

	return cmocka_run_group_tests(tests, adopt_orphans, kill_orphans) != 0;
}
