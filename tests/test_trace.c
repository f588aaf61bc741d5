/* test_trace.c - the record of a run, and what is read out of it. */
#include "trace.h"

#include "channel.h"
#include "history.h"
#include "must.h"
#include "post.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

IN_CHILD(nothing_is_recorded_where_no_record_is_open)
{
	assert_false(trace_is_open());
	assert_int_equal(trace(.kind = TRACE_SLEEP), 0);
	assert_int_equal(trace_latest(), 0);
	assert_null(trace_entry(1));
	trace_woken(1, 4);
	trace_begin_line();
	trace_end_line();
}

IN_CHILD(an_entry_holds_what_was_told)
{
	const struct entry *entry;

	MUST(trace_open());
	MUST(trace_open());
	assert_int_equal(trace(.kind = TRACE_SLEEP), 1);
	assert_int_equal(trace(.kind = TRACE_NOTIFY, .cause = 1, .condition = 7,
				 .text = "a word"),
		2);
	assert_int_equal(trace_latest(), 2);
	entry = trace_entry(2);
	assert_non_null(entry);
	assert_int_equal(entry->kind, TRACE_NOTIFY);
	assert_int_equal(entry->told.cause, 1);
	assert_int_equal(entry->told.condition, 7);
	assert_string_equal(entry->text, "a word");
	assert_string_equal(entry->place, "main");
	assert_string_equal(entry->told.file, __FILE__);
	assert_int_equal(entry->process, getpid());
	assert_true(entry->time <= sys_now());
	assert_true(entry->time >= trace_entry(1)->time);
	trace_woken(2, 4);
	assert_int_equal(entry->told.woken, 4);
	assert_null(trace_entry(0));
	assert_null(trace_entry(3));
	assert_null(trace_entry(UINT64_MAX));
}

IN_CHILD(a_long_text_is_cut_off)
{
	char text[4 * TRACE_TEXT_SIZE];

	MUST(trace_open());
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	trace(.kind = TRACE_PRINT, .text = text);
	assert_int_equal(strlen(trace_entry(1)->text), TRACE_TEXT_SIZE - 1);
}

IN_CHILD(no_character_is_cut_in_two)
{
	static const char e[] = "\xc3\xa9";
	char text[2 * TRACE_TEXT_SIZE] = "";
	SCOPED(error) error = NULL;

	MUST(trace_open());
	for (int i = 0; i < TRACE_TEXT_SIZE / 2; i++)
		strcat(text, e);
	error = RAISE(OSError, "%s", text);
	trace(.kind = TRACE_PRINT, .text = text);
	trace_error(error, .kind = TRACE_ERROR_BORN);
	/* "OSError: " has an odd number of bytes. */
	assert_int_equal(strlen(trace_entry(1)->text), TRACE_TEXT_SIZE - 2);
	assert_int_equal(strlen(trace_entry(2)->text), TRACE_TEXT_SIZE - 1);
	error_free(error);
	error = RAISE(ValueError, "%s", text);
	trace_error(error, .kind = TRACE_ERROR_BORN);
	assert_int_equal(strlen(trace_entry(3)->text), TRACE_TEXT_SIZE - 2);
	assert_string_equal(
		trace_entry(3)->text + TRACE_TEXT_SIZE - 2 - strlen(e), e);
}

IN_CHILD(an_error_is_kept_with_where_it_was_made)
{
	SCOPED(error) error = RAISE(ValueError, "no");
	int line = __LINE__ - 1;

	MUST(trace_open());
	trace_error(error, .kind = TRACE_ERROR_BORN);
	assert_string_equal(trace_entry(1)->text, "ValueError: no");
	assert_string_equal(trace_entry(1)->born_in, __FILE__);
	assert_int_equal(trace_entry(1)->born_at, line);
}

IN_CHILD(what_there_is_no_room_for_is_counted)
{
	struct history *history;

	MUST(trace_open());
	for (uint64_t i = 0; i < TRACE_ROOM; i++)
		assert_int_equal(trace(.kind = TRACE_WAKE), i + 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(trace(.kind = TRACE_WAKE), 0);
	assert_int_equal(trace_latest(), TRACE_ROOM);
	history = history_new();
	assert_int_equal(history->count, TRACE_ROOM);
	assert_int_equal(history->lost, 3);
	history_free(history);
}

static void
record_and_die(void *context)
{
	(void)context;
	trace(.kind = TRACE_SLEEP);
	trace(.kind = TRACE_WAKE);
	kill(getpid(), SIGKILL);
}

IN_CHILD(what_a_killed_process_recorded_is_there)
{
	MUST(trace_open());
	assert_int_equal(
		child_wait(child_start(record_and_die, NULL)), SIGKILL);
	assert_int_equal(trace_entry(1)->kind, TRACE_SLEEP);
	assert_int_equal(trace_entry(2)->kind, TRACE_WAKE);
	assert_int_equal(trace(.kind = TRACE_SLEEP), 3);
}

static void
record_without_end(void *context)
{
	const struct post *post = context;

	trace(.kind = TRACE_SLEEP);
	post_send(post, 'b');
	for (;;)
		trace(.kind = TRACE_SLEEP);
}

/* At whichever instruction it is killed, at most one entry is not complete. */
IN_CHILD(a_process_killed_in_the_midst_spoils_one_entry_at_most)
{
	struct post post = post_open();
	int rounds = 20;
	uint64_t missing = 0, claimed;

	MUST(trace_open());
	for (int i = 0; i < rounds; i++) {
		pid_t child = child_start(record_without_end, &post);

		assert_int_equal(post_await(&post), 'b');
		child_kill(child);
		claimed = trace_log->claimed;
		if (claimed >= TRACE_ROOM)
			break;
		for (uint64_t n = 1; n <= claimed; n++)
			missing += !trace_entry(n);
		assert_true(missing <= (uint64_t)i + 1);
		missing = 0;
	}
	post_close(&post);
}

static void
record_what_kills(void *context)
{
	const char *text = context;

	trace(.kind = TRACE_PRINT, .text = text);
}

/* Behind the end of a file there is nothing to read: who does is killed. */
IN_CHILD(an_entry_is_not_there_before_all_of_it_is)
{
	int empty = memfd_create("empty", MFD_CLOEXEC);
	char *text = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, empty, 0);

	assert_ptr_not_equal(text, MAP_FAILED);
	MUST(trace_open());
	assert_int_equal(
		child_wait(child_start(record_what_kills, text)), SIGBUS);
	assert_int_equal(trace_log->claimed, 1);
	assert_null(trace_entry(1));
	munmap(text, 1);
	close(empty);
}

IN_CHILD(a_half_written_entry_is_left_out)
{
	struct history *history;

	MUST(trace_open());
	trace(.kind = TRACE_SLEEP);
	atomic_fetch_add(&trace_log->claimed, 1);
	trace(.kind = TRACE_WAKE, .cause = 2);
	history = history_new();
	assert_int_equal(history->count, 3);
	assert_int_equal(history->lost, 0);
	assert_null(history->events[2].entry);
	assert_int_equal(history->events[3].cause, 0);
	assert_int_equal(history_clock(history, 3, 0), 2);
	assert_int_equal(history->events[1].end, history->events[3].begin);
	history_free(history);
}

static void
start_as_worker(void *context)
{
	(void)context;
	error_set_place("worker 1");
	trace_start();
	trace(.kind = TRACE_SLEEP);
}

IN_CHILD(a_child_starts_because_of_the_fork)
{
	struct history *history;
	uint64_t fork;

	MUST(trace_open());
	trace(.kind = TRACE_SLEEP);
	fork = trace(.kind = TRACE_FORK);
	child_must_succeed(start_as_worker, NULL);
	trace(.kind = TRACE_WAKE);
	history = history_new();
	assert_int_equal(history->events[3].cause, fork);
	assert_int_equal(history->events[4].cause, 0);
	assert_int_equal(history->events[fork].child, 1);
	/* It knows of the two before the fork, and the parent not of it. */
	assert_int_equal(history_clock(history, 4, 0), 2);
	assert_int_equal(history_clock(history, 4, 1), 2);
	assert_int_equal(history_clock(history, 5, 0), 3);
	assert_int_equal(history_clock(history, 5, 1), 0);
	history_free(history);
}

IN_CHILD(who_has_the_place_of_another_is_the_2nd)
{
	struct history *history;

	MUST(trace_open());
	trace(.kind = TRACE_FORK);
	for (int i = 0; i < 3; i++)
		child_must_succeed(start_as_worker, NULL);
	history = history_new();
	assert_int_equal(history->track_count, 4);
	assert_string_equal(history->tracks[0].name, "main");
	assert_string_equal(history->tracks[1].name, "worker 1");
	assert_string_equal(history->tracks[2].name, "worker 1 (2nd)");
	assert_string_equal(history->tracks[3].name, "worker 1 (3rd)");
	assert_int_equal(history->tracks[3].process, 4);
	assert_int_equal(history->tracks[3].thread, 1);
	history_free(history);
}

static void
send_a_frame(void *context)
{
	const int *out = context;
	struct channel channel;

	channel_init(&channel, -1, *out, 100);
	trace(.kind = TRACE_SEND);
	buffer_put_byte(channel_begin(&channel), 9);
	MUST(channel_end(&channel));
	MUST(channel_flush(&channel));
	channel_fini(&channel);
}

IN_CHILD(a_frame_tells_what_caused_it)
{
	struct channel channel;
	struct reader payload;
	int ends[2];

	MUST(trace_open());
	assert_int_equal(pipe(ends), 0);
	channel_init(&channel, ends[0], -1, 100);
	for (uint64_t i = 1; i <= 2; i++) {
		child_must_succeed(send_a_frame, &ends[1]);
		MUST(channel_receive(&channel, &payload));
		assert_int_equal(payload.length, 1);
		assert_int_equal(payload.bytes[0], 9);
		assert_int_equal(channel.cause, i);
	}
	channel_fini(&channel);
	close(ends[0]);
	close(ends[1]);
}

/* Each must stand before, and within, those that are still open. */
IN_CHILD(what_lasts_ends_with_what_ends_it)
{
	struct history *history;
	const struct event *events;

	MUST(trace_open());
	trace(.kind = TRACE_TASK_START);
	trace(.kind = TRACE_ACQUIRE);
	trace(.kind = TRACE_BLOCKED);
	trace(.kind = TRACE_ACQUIRED);
	trace(.kind = TRACE_NOTIFY);
	trace(.kind = TRACE_RELEASE);
	trace(.kind = TRACE_REPLY);
	trace(.kind = TRACE_TASK_END);
	trace(.kind = TRACE_WAIT);
	history = history_new();
	events = history->events;
	assert_int_equal(events[1].end, events[8].begin);
	assert_int_equal(events[2].end, events[4].begin);
	assert_int_equal(events[3].end, events[4].begin);
	/* Nothing came to end it at once: it did not last. */
	assert_int_equal(events[5].end, events[5].begin + 1);
	assert_int_equal(events[6].end, events[7].begin);
	assert_true(events[9].end > events[9].begin);
	for (int i = 2; i <= 9; i++)
		assert_true(events[i].begin > events[i - 1].begin);
	history_free(history);
}

IN_CHILD(conditions_have_small_numbers)
{
	struct history *history;

	MUST(trace_open());
	trace(.kind = TRACE_ACQUIRE, .condition = 700);
	trace(.kind = TRACE_ACQUIRE, .condition = 5);
	trace(.kind = TRACE_RELEASE, .condition = 700);
	trace(.kind = TRACE_SLEEP);
	history = history_new();
	assert_int_equal(history->events[1].condition, 1);
	assert_int_equal(history->events[2].condition, 2);
	assert_int_equal(history->events[3].condition, 1);
	assert_int_equal(history->events[4].condition, 0);
	history_free(history);
}

/* This file is no part of the library: so the line is the one of the call. */
IN_CHILD(an_entry_has_the_line_of_the_program)
{
	struct history *history;
	int line;

	MUST(trace_open());
	trace(.kind = TRACE_SLEEP);
	line = __LINE__ - 1;
	trace_log->entries[0].told.file = "common/scenario.c";
	history = history_new();
	assert_non_null(history->events[1].file);
	assert_string_equal(history->events[1].file, __FILE__);
	assert_int_equal(history->events[1].line, line);
	history_free(history);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_recorded_where_no_record_is_open),
		cmocka_unit_test(an_entry_holds_what_was_told),
		cmocka_unit_test(a_long_text_is_cut_off),
		cmocka_unit_test(no_character_is_cut_in_two),
		cmocka_unit_test(an_error_is_kept_with_where_it_was_made),
		cmocka_unit_test(what_there_is_no_room_for_is_counted),
		cmocka_unit_test(what_a_killed_process_recorded_is_there),
		cmocka_unit_test(
			a_process_killed_in_the_midst_spoils_one_entry_at_most),
		cmocka_unit_test(an_entry_is_not_there_before_all_of_it_is),
		cmocka_unit_test(a_half_written_entry_is_left_out),
		cmocka_unit_test(a_child_starts_because_of_the_fork),
		cmocka_unit_test(who_has_the_place_of_another_is_the_2nd),
		cmocka_unit_test(a_frame_tells_what_caused_it),
		cmocka_unit_test(what_lasts_ends_with_what_ends_it),
		cmocka_unit_test(conditions_have_small_numbers),
		cmocka_unit_test(an_entry_has_the_line_of_the_program),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL) != 0;
}
