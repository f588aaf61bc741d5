/*
 * test_board.c - what the board says of threads and of conditions. Once a board
 * is up it is for good, so each test has a process of its own.
 */
#include "board.h"

#include "condition.h"
#include "manager.h"
#include "must.h"
#include "pool.h"
#include "post.h"
#include "process.h"
#include "server.h"
#include "sys.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The board, to spoil it. */
static struct board *
board_up(void)
{
	MUST(board_put_up());
	return (struct board *)board_read();
}

static bool
is_taken(const struct board_line *line)
{
	return line->process != 0 && line->activity != ACTIVITY_NONE;
}

/* How many lines a process has, or all have: 0. */
static size_t
line_count(pid_t process)
{
	const struct board *board = board_read();
	size_t count = 0;

	for (size_t i = 0; i < BOARD_LINES; i++)
		count += is_taken(&board->lines[i]) &&
			 (!process || board->lines[i].process == process);
	return count;
}

/* The line of a process, or of a place; NULL if there is none. */
static const struct board_line *
find_line(pid_t process, const char *place)
{
	const struct board *board = board_read();

	for (size_t i = 0; i < BOARD_LINES; i++) {
		const struct board_line *line = &board->lines[i];

		if (is_taken(line) && (!process || line->process == process) &&
			(!place || strcmp(line->place, place) == 0))
			return line;
	}
	return NULL;
}

static const struct board_line *
line_of(pid_t process)
{
	const struct board_line *line = find_line(process, NULL);

	assert_non_null(line);
	return line;
}

/* Waits until something is so; gives up where only a hang gets. */
#define AWAIT(what)                                                     \
	do {                                                            \
		double give_up = sys_now() + CHILD_LIMIT;               \
                                                                        \
		while (!(what)) {                                       \
			if (sys_now() > give_up)                        \
				fail_msg("this never came: %s", #what); \
			sched_yield();                                  \
		}                                                       \
	} while (0)

/* Waits until a process, which has one line, is at something. */
static void
await_activity(pid_t process, enum activity activity)
{
	AWAIT(line_count(process) == 1 &&
		line_of(process)->activity == activity);
}

/* The one note that is taken; NULL if there is none. */
static const struct board_note *
find_note(void)
{
	const struct board *board = board_read();
	const struct board_note *found = NULL;

	for (size_t i = 0; i < BOARD_NOTES; i++)
		if (board->notes[i].number != 0) {
			assert_null(found);
			found = &board->notes[i];
		}
	return found;
}

IN_CHILD(without_a_board_nothing_is_written)
{
	struct error *error;

	board_take_line("worker %d", 2);
	error = RAISE(ValueError, "no");
	assert_string_equal(error->frames[0].place, "worker 2");
	error_free(error);
	board_begin(ACTIVITY_SLEEP, 0);
	board_end();
	board_promote(getpid(), 1);
	board_forget(getpid());
	assert_null(board_take_note(1, 0));
	board_note_owner(NULL, getpid());
	board_note_notify(NULL, getpid(), 1);
	board_free_note(NULL);
	assert_null(board_read());
}

IN_CHILD(board_is_put_up_once)
{
	const struct board *board = board_up();

	board_take_line("main");
	MUST(board_put_up());
	assert_ptr_equal(board_read(), board);
	assert_int_equal(line_count(getpid()), 1);
}

IN_CHILD(line_says_where_its_thread_is_and_what_it_waits_for)
{
	const struct board_line *line;
	double before;

	board_up();
	board_take_line("worker %d", 2);
	line = line_of(getpid());
	assert_string_equal(line->place, "worker 2");
	assert_int_equal(line->activity, ACTIVITY_RUN);
	before = sys_now();
	board_begin(ACTIVITY_AWAIT_LOCK, 7);
	assert_int_equal(line->activity, ACTIVITY_AWAIT_LOCK);
	assert_int_equal(line->condition, 7);
	assert_true(before <= line->since && line->since <= sys_now());
	board_end();
	assert_int_equal(line->activity, ACTIVITY_RUN);
}

IN_CHILD(thread_that_takes_a_line_again_renames_it)
{
	board_up();
	board_take_line("somebody");
	board_take_line("main");
	assert_int_equal(line_count(0), 1);
	assert_string_equal(line_of(getpid())->place, "main");
}

IN_CHILD(long_place_is_cut)
{
	board_up();
	board_take_line("%0*d", 2 * BOARD_PLACE_SIZE, 1);
	assert_int_equal(
		strlen(line_of(getpid())->place), BOARD_PLACE_SIZE - 1);
}

/* What a thread does with its line, and until when it does that. */
struct sitter {
	pthread_t thread;
	const char *place;
	enum activity activity;
	uint64_t condition;
	struct post ready, go;
};

static void *
sit(void *argument)
{
	struct sitter *sitter = argument;

	if (sitter->place)
		board_take_line("%s", sitter->place);
	board_begin(sitter->activity, sitter->condition);
	post_send(&sitter->ready, 'r');
	post_await(&sitter->go);
	board_end();
	return NULL;
}

static void
sitter_start(struct sitter *sitter)
{
	sitter->ready = post_open();
	sitter->go = post_open();
	assert_int_equal(pthread_create(&sitter->thread, NULL, sit, sitter), 0);
	post_await(&sitter->ready);
}

static void
sitter_end(struct sitter *sitter)
{
	post_send(&sitter->go, 'g');
	pthread_join(sitter->thread, NULL);
	post_close(&sitter->ready);
	post_close(&sitter->go);
}

IN_CHILD(thread_without_a_line_writes_nothing)
{
	struct sitter sitter = {.activity = ACTIVITY_SLEEP};

	board_up();
	board_take_line("main");
	sitter_start(&sitter);
	assert_int_equal(line_count(0), 1);
	assert_int_equal(line_of(getpid())->activity, ACTIVITY_RUN);
	sitter_end(&sitter);
}

IN_CHILD(line_is_freed_when_its_thread_ends_and_used_again)
{
	struct sitter one = {.place = "one", .activity = ACTIVITY_SLEEP};
	struct sitter other = {.place = "other", .activity = ACTIVITY_PRINT};
	const struct board_line *line;

	board_up();
	sitter_start(&one);
	line = find_line(getpid(), "one");
	assert_non_null(line);
	assert_int_equal(line->activity, ACTIVITY_SLEEP);
	sitter_end(&one);
	assert_int_equal(line_count(0), 0);

	sitter_start(&other);
	assert_ptr_equal(find_line(getpid(), "other"), line);
	assert_int_equal(board_read()->used, 1);
	sitter_end(&other);
}

static pthread_key_t last_key;
static bool round_over;

/* Called twice: after all other keys' destructors, the second time. */
static void
write_once_more(void *value)
{
	if (!round_over) {
		round_over = true;
		pthread_setspecific(last_key, value);
	} else {
		board_begin(ACTIVITY_SLEEP, 1);
	}
}

static void *
take_a_line_and_end(void *unused)
{
	(void)unused;
	board_take_line("ending");
	pthread_setspecific(last_key, &last_key);
	return NULL;
}

IN_CHILD(thread_that_ends_leaves_the_line_alone_that_it_had)
{
	const struct board *board = board_up();
	pthread_t thread;

	pthread_key_create(&last_key, write_once_more);
	assert_int_equal(
		pthread_create(&thread, NULL, take_a_line_and_end, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(round_over);
	assert_int_equal(board->used, 1);
	assert_int_equal(board->lines[0].process, 0);
	assert_int_equal(board->lines[0].activity, ACTIVITY_NONE);
}

/* What a child tells when it has come somewhere. */
static struct post told;

static void
tell_and_sleep(void)
{
	post_send(&told, 't');
	for (;;)
		pause();
}

static void
take_a_line_after_the_fork(void *unused)
{
	(void)unused;
	/* This is no word about the parent, whose line was inherited. */
	board_begin(ACTIVITY_SLEEP, 1);
	board_take_line("child");
	board_begin(ACTIVITY_PRINT, 0);
	tell_and_sleep();
}

IN_CHILD(forked_child_has_a_line_of_its_own_until_it_is_forgotten)
{
	const struct board_line *own, *line;
	pid_t child;

	board_up();
	board_take_line("main");
	own = line_of(getpid());
	told = post_open();
	child = child_start(take_a_line_after_the_fork, NULL);
	post_await(&told);
	line = line_of(child);
	assert_string_equal(line->place, "child");
	assert_int_equal(line->activity, ACTIVITY_PRINT);
	assert_string_equal(own->place, "main");
	assert_int_equal(own->activity, ACTIVITY_RUN);

	child_kill(child);
	assert_ptr_equal(line_of(child), line);
	board_forget(child);
	assert_null(find_line(child, NULL));
	assert_ptr_equal(line_of(getpid()), own);
	post_close(&told);
}

static void
end_when_the_parent_waits(void *parent)
{
	board_take_line("child");
	await_activity(*(pid_t *)parent, ACTIVITY_AWAIT_EXIT);
	post_send(&told, 's');
}

IN_CHILD(board_reap_says_what_it_waits_for_and_forgets_the_child)
{
	pid_t parent = getpid();
	pid_t child;

	board_up();
	board_take_line("main");
	told = post_open();
	child = child_start(end_when_the_parent_waits, &parent);
	board_reap(child);
	assert_true(readable_within(told.ends[0], 0));
	assert_int_equal(line_of(getpid())->activity, ACTIVITY_RUN);
	assert_int_equal(line_count(0), 1);
	post_close(&told);
}

IN_CHILD(lines_run_out_and_are_used_again)
{
	struct sitter sitter = {.place = "late", .activity = ACTIVITY_SLEEP};
	struct board *board = board_up();

	for (size_t i = 0; i < BOARD_LINES; i++)
		board->lines[i].process = 1;
	sitter_start(&sitter);
	assert_null(find_line(getpid(), NULL));
	sitter_end(&sitter);

	board->lines[BOARD_LINES - 1].process = 0;
	sitter_start(&sitter);
	assert_ptr_equal(line_of(getpid()), &board->lines[BOARD_LINES - 1]);
	assert_int_equal(board->used, BOARD_LINES);
	sitter_end(&sitter);
}

static void
wait_for_7(void *unused)
{
	(void)unused;
	board_take_line("child");
	board_begin(ACTIVITY_AWAIT_NOTIFY, 7);
	tell_and_sleep();
}

IN_CHILD(board_promote_moves_one_line_of_that_process_and_condition)
{
	struct sitter sitters[] = {
		{.place = "7", .activity = ACTIVITY_AWAIT_NOTIFY, 7},
		{.place = "7 too", .activity = ACTIVITY_AWAIT_NOTIFY, 7},
		{.place = "8", .activity = ACTIVITY_AWAIT_NOTIFY, 8},
		{.place = "result", .activity = ACTIVITY_AWAIT_RESULT, 7},
	};
	const enum activity lock = ACTIVITY_AWAIT_LOCK;
	const struct board_line *lines;
	size_t moved;
	double before;
	pid_t child;

	lines = board_up()->lines;
	told = post_open();
	child = child_start(wait_for_7, NULL);
	post_await(&told);
	for (size_t i = 0; i < 4; i++)
		sitter_start(&sitters[i]);
	/* They took the lines 1 to 4, after the child. */
	before = sys_now();
	board_promote(getpid(), 7);
	moved = lines[1].activity == lock ? 1 : 2;
	assert_int_equal(lines[moved].activity, lock);
	assert_true(lines[moved].since >= before);
	assert_int_equal(lines[3 - moved].activity, ACTIVITY_AWAIT_NOTIFY);
	assert_true(lines[3 - moved].since < before);
	board_promote(getpid(), 7);
	board_promote(getpid(), 7);
	assert_int_equal(lines[0].activity, ACTIVITY_AWAIT_NOTIFY);
	assert_int_equal(lines[1].activity, lock);
	assert_int_equal(lines[2].activity, lock);
	assert_int_equal(lines[3].activity, ACTIVITY_AWAIT_NOTIFY);
	assert_int_equal(lines[4].activity, ACTIVITY_AWAIT_RESULT);

	for (size_t i = 0; i < 4; i++)
		sitter_end(&sitters[i]);
	child_kill(child);
	post_close(&told);
}

IN_CHILD(note_says_who_has_the_lock_and_what_the_last_notify_was)
{
	struct board_note *note;
	double before = sys_now();

	board_up();
	note = board_take_note(7, 11);
	assert_ptr_equal(find_note(), note);
	assert_int_equal(note->number, 7);
	assert_int_equal(note->manager, 11);
	assert_int_equal(note->owner, 0);
	assert_true(note->notified == 0);
	board_note_owner(note, 12);
	assert_int_equal(note->owner, 12);
	board_note_owner(note, 0);
	assert_int_equal(note->owner, 0);
	board_note_notify(note, 13, 5);
	assert_int_equal(note->notifier, 13);
	assert_int_equal(note->woken, 5);
	assert_true(before <= note->notified && note->notified <= sys_now());
	board_free_note(note);
	assert_null(find_note());
}

IN_CHILD(notes_run_out_and_are_used_again)
{
	struct board_note *notes[BOARD_NOTES];

	board_up();
	for (size_t i = 0; i < BOARD_NOTES; i++) {
		notes[i] = board_take_note(i + 1, 0);
		assert_non_null(notes[i]);
		assert_int_equal(notes[i]->number, i + 1);
	}
	assert_null(board_take_note(1000, 0));
	board_note_owner(notes[100], 12);
	board_note_notify(notes[100], 13, 5);
	board_free_note(notes[100]);
	assert_ptr_equal(board_take_note(1000, 0), notes[100]);
	assert_int_equal(notes[100]->owner, 0);
	assert_true(notes[100]->notified == 0);
}

IN_CHILD(board_forget_frees_the_notes_of_a_manager)
{
	struct board_note *notes[3];

	board_up();
	notes[0] = board_take_note(7, 11);
	notes[1] = board_take_note(8, 12);
	notes[2] = board_take_note(9, 0);
	board_forget(11);
	assert_int_equal(notes[0]->number, 0);
	assert_int_equal(notes[1]->number, 8);
	assert_int_equal(notes[2]->number, 9);
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
		cmocka_unit_test(without_a_board_nothing_is_written),
		cmocka_unit_test(board_is_put_up_once),
		cmocka_unit_test(
			line_says_where_its_thread_is_and_what_it_waits_for),
		cmocka_unit_test(thread_that_takes_a_line_again_renames_it),
		cmocka_unit_test(long_place_is_cut),
		cmocka_unit_test(thread_without_a_line_writes_nothing),
		cmocka_unit_test(
			line_is_freed_when_its_thread_ends_and_used_again),
		cmocka_unit_test(
			thread_that_ends_leaves_the_line_alone_that_it_had),
		cmocka_unit_test(
			forked_child_has_a_line_of_its_own_until_it_is_forgotten),
		cmocka_unit_test(
			board_reap_says_what_it_waits_for_and_forgets_the_child),
		cmocka_unit_test(lines_run_out_and_are_used_again),
		cmocka_unit_test(
			board_promote_moves_one_line_of_that_process_and_condition),
		cmocka_unit_test(
			note_says_who_has_the_lock_and_what_the_last_notify_was),
		cmocka_unit_test(notes_run_out_and_are_used_again),
		cmocka_unit_test(board_forget_frees_the_notes_of_a_manager),
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
