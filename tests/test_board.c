/*
 * test_board.c - the board: the lines of threads, and the notes of conditions.
 */
#include "board.h"

#include "lines.h"
#include "must.h"
#include "post.h"
#include "sys.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

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
	board_forget(getpid(), 0);
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
	board_forget(child, 0);
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
end_at_once(void *unused)
{
	(void)unused;
}

IN_CHILD(line_of_one_who_ended_is_taken_where_none_is_free)
{
	struct sitter sitter = {.place = "late", .activity = ACTIVITY_SLEEP};
	struct board *board = board_up();
	pid_t child = child_start(end_at_once, NULL);

	assert_int_equal(child_wait(child), 0);
	for (size_t i = 0; i < BOARD_LINES; i++)
		board->lines[i].process = getppid();
	board->lines[5].process = child;
	board->used = BOARD_LINES;
	sitter_start(&sitter);
	assert_ptr_equal(line_of(getpid()), &board->lines[5]);
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
	board_forget(11, 0);
	assert_int_equal(notes[0]->number, 0);
	assert_int_equal(notes[1]->number, 8);
	assert_int_equal(notes[2]->number, 9);
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
			line_of_one_who_ended_is_taken_where_none_is_free),
		cmocka_unit_test(
			board_promote_moves_one_line_of_that_process_and_condition),
		cmocka_unit_test(
			note_says_who_has_the_lock_and_what_the_last_notify_was),
		cmocka_unit_test(notes_run_out_and_are_used_again),
		cmocka_unit_test(board_forget_frees_the_notes_of_a_manager),
	};

	return cmocka_run_group_tests(tests, adopt_orphans, kill_orphans) != 0;
}
