/* test_error.c - errors: how they are made, grow frames, and are printed. */
#include "error.h"

#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SEVEN 7

static void
assert_frame(const struct error *error, size_t index, int line,
	const char *function, const char *call)
{
	const struct frame *frame = &error->frames[index];

	assert_true(index < error->frame_count);
	assert_string_equal(frame->file, __FILE__);
	assert_int_equal(frame->line, line);
	assert_string_equal(frame->function, function);
	assert_string_equal(frame->call, call);
	assert_string_equal(frame->place, "main");
}

enum { LINE_OF_FAILURE = __LINE__ + 6 };

static struct error *
fail_for(int number)
{
	if (number > 0)
		return RAISE(ValueError, "%d is %s", number, "too much");
	return NULL;
}

enum { LINE_OF_TRY = __LINE__ + 5 };

static struct error *
try_to_fail(int number, int *after)
{
	TRY(fail_for(number + SEVEN));
	*after = 1;
	return NULL;
}

static void
raise_makes_an_error_with_its_place(void **state)
{
	struct error *error = fail_for(3);

	(void)state;
	assert_non_null(error);
	assert_int_equal(error->kind, ValueError);
	assert_string_equal(error->message, "3 is too much");
	assert_int_equal(error->frame_count, 1);
	assert_frame(error, 0, LINE_OF_FAILURE, "fail_for",
		"RAISE(ValueError, ...)");
	error_free(error);
}

static void
raise_errno_adds_what_errno_says(void **state)
{
	struct error *error;
	int line;

	(void)state;
	errno = EMFILE;
	line = __LINE__ + 1;
	error = RAISE_ERRNO("open %d", 5);
	assert_int_equal(error->kind, OSError);
	assert_string_equal(error->message, "open 5: Too many open files");
	assert_int_equal(error->frame_count, 1);
	assert_frame(error, 0, line, __func__, "RAISE_ERRNO(...)");
	error_free(error);
}

static void
try_passes_an_error_up_with_a_frame(void **state)
{
	int after = 0;
	struct error *error = try_to_fail(1, &after);

	(void)state;
	assert_non_null(error);
	assert_int_equal(after, 0);
	assert_int_equal(error->frame_count, 2);
	assert_frame(error, 0, LINE_OF_FAILURE, "fail_for",
		"RAISE(ValueError, ...)");
	assert_frame(error, 1, LINE_OF_TRY, "try_to_fail",
		"fail_for(number + SEVEN)");
	error_free(error);
}

static void
try_goes_on_after_success(void **state)
{
	int after = 0;

	(void)state;
	MUST(try_to_fail(-SEVEN, &after));
	assert_int_equal(after, 1);
}

static struct error *
count_calls(int *calls)
{
	++*calls;
	return RAISE(IndexError, "none");
}

static struct error *
try_once(int *calls)
{
	TRY(count_calls(calls));
	return NULL;
}

static void
try_makes_the_call_once(void **state)
{
	int calls = 0;

	(void)state;
	MUST_RAISE_EXACTLY(try_once(&calls), IndexError, "none");
	assert_int_equal(calls, 1);
}

static void
traced_adds_a_frame_and_stays(void **state)
{
	int line = __LINE__ + 1;
	struct error *error = TRACED(fail_for(SEVEN));

	(void)state;
	assert_int_equal(error->frame_count, 2);
	assert_frame(error, 1, line, __func__, "fail_for(SEVEN)");
	error_free(error);
	assert_null(TRACED(fail_for(0)));
}

static void
every_kind_has_its_name(void **state)
{
	static const char *const names[] = {"AssertionError",
		"AuthenticationError", "ConnectionError", "IndexError",
		"MaybeEncodingError", "OSError", "PoolTerminatedError",
		"RuntimeError", "TimeoutError", "TypeError", "ValueError",
		"WorkerLostError"};

	(void)state;
	assert_int_equal(sizeof(names) / sizeof(*names), ERROR_KIND_COUNT);
	for (int kind = 0; kind < ERROR_KIND_COUNT; kind++)
		assert_string_equal(
			error_kind_name((enum error_kind)kind), names[kind]);
}

static struct error *
error_with_frames(void)
{
	struct error *error = error_new(RuntimeError, "%s", "it broke");

	error_add_frame(error,
		&(struct frame){"in.c", 10, "inner", "RAISE(...)", "worker 2"});
	error_add_frame(error,
		&(struct frame){"out.c", 20, "outer", "inner(1)", "main"});
	return error;
}

static void
traceback_is_python_s_with_the_oldest_call_first(void **state)
{
	struct error *error = error_with_frames();
	char *traceback = error_traceback(error);

	(void)state;
	assert_string_equal(traceback,
		"Traceback (most recent call last):\n"
		"  File \"out.c\", line 20, in outer\n"
		"    inner(1)\n"
		"  File \"in.c\", line 10, in inner [worker 2]\n"
		"    RAISE(...)\n"
		"RuntimeError: it broke\n");
	free(traceback);
	error_free(error);
}

static void
traceback_names_the_places_that_are_not_the_reader_s(void **state)
{
	struct error *error = error_with_frames();
	char *traceback;

	(void)state;
	error_set_place("worker %d", 2);
	traceback = error_traceback(error);
	error_set_place("main");
	assert_non_null(strstr(traceback, "in outer [main]\n"));
	assert_non_null(strstr(traceback, "in inner\n"));
	free(traceback);
	error_free(error);
}

static void
traceback_without_frames_still_has_its_header(void **state)
{
	struct error *error = error_new(OSError, "100%% of %d", 3);
	char *traceback = error_traceback(error);

	(void)state;
	assert_string_equal(traceback, "Traceback (most recent call last):\n"
				       "OSError: 100% of 3\n");
	free(traceback);
	error_free(error);
}

static void
error_copy_shares_nothing(void **state)
{
	struct error *error = error_with_frames();
	struct error *copy = error_copy(error);
	char *before = error_traceback(error), *after;

	(void)state;
	memset(error->message, '?', strlen(error->message));
	error_add_frame(error, &copy->frames[0]);
	error_free(error);
	after = error_traceback(copy);
	assert_string_equal(after, before);
	assert_int_equal(copy->kind, RuntimeError);
	assert_int_equal(copy->frame_count, 2);
	free(before);
	free(after);
	error_free(copy);
}

static void
error_add_frame_copies_the_strings(void **state)
{
	struct error *error = error_new(ValueError, "no");
	char text[] = "text";

	(void)state;
	error_add_frame(error, &(struct frame){text, -1, text, text, text});
	memset(text, '?', strlen(text));
	assert_int_equal(error->frames[0].line, -1);
	assert_string_equal(error->frames[0].file, "text");
	assert_string_equal(error->frames[0].function, "text");
	assert_string_equal(error->frames[0].call, "text");
	assert_string_equal(error->frames[0].place, "text");
	error_free(error);
}

static void
long_messages_are_whole(void **state)
{
	char text[5001];
	struct error *error;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	error = RAISE(ValueError, "%s", text);
	assert_string_equal(error->message, text);
	error_free(error);
}

static void
frames_carry_the_thread_s_place(void **state)
{
	struct error *error;

	(void)state;
	error_set_place("worker %d", 12);
	assert_string_equal(error_place(), "worker 12");
	error = fail_for(1);
	error_set_place("main");
	error = TRACED(error);
	assert_string_equal(error->frames[0].place, "worker 12");
	assert_string_equal(error->frames[1].place, "main");
	error_free(error);
}

static void
place_is_cut_after_31_bytes(void **state)
{
	(void)state;
	error_set_place("%s", "0123456789012345678901234567890123456789");
	assert_string_equal(error_place(), "0123456789012345678901234567890");
	error_set_place("main");
}

static void *
tell_place_of_thread(void *told)
{
	*(char *)told = *error_place();
	error_set_place("thread");
	return NULL;
}

static void
place_belongs_to_one_thread(void **state)
{
	pthread_t thread;
	char told = 0;

	(void)state;
	error_set_place("handler");
	assert_int_equal(
		pthread_create(&thread, NULL, tell_place_of_thread, &told), 0);
	pthread_join(thread, NULL);
	assert_int_equal(told, 'm');
	assert_string_equal(error_place(), "handler");
	error_set_place("main");
}

/* Something that notes when it is freed. */
struct note {
	char name;
};

static char freed[8];
static size_t freed_count;

static void
note_free(struct note *note)
{
	if (note)
		freed[freed_count++] = note->name;
}
DEFINE_SCOPED(note)

static void
forget_freed(void)
{
	memset(freed, 0, sizeof(freed));
	freed_count = 0;
}

static struct error *
leave_by_try(int number)
{
	SCOPED(note) first = &(struct note){'1'};
	SCOPED(note) none = NULL;
	SCOPED(note) second = &(struct note){'2'};

	(void)first, (void)none, (void)second;
	TRY(fail_for(number));
	freed[freed_count++] = '-';
	return NULL;
}

static void
scoped_frees_in_reverse_however_the_scope_is_left(void **state)
{
	(void)state;
	forget_freed();
	MUST_RAISE_EXACTLY(leave_by_try(1), ValueError, "1 is too much");
	assert_string_equal(freed, "21");
	forget_freed();
	MUST(leave_by_try(0));
	assert_string_equal(freed, "-21");
}

static void
scoped_lets_go_what_is_handed_on(void **state)
{
	struct note note = {'x'};

	(void)state;
	forget_freed();
	{
		SCOPED(note) owned = &note;

		owned = NULL;
		(void)owned;
	}
	assert_string_equal(freed, "");
}

static void
error_free_takes_null(void **state)
{
	(void)state;
	error_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raise_makes_an_error_with_its_place),
		cmocka_unit_test(raise_errno_adds_what_errno_says),
		cmocka_unit_test(try_passes_an_error_up_with_a_frame),
		cmocka_unit_test(try_goes_on_after_success),
		cmocka_unit_test(try_makes_the_call_once),
		cmocka_unit_test(traced_adds_a_frame_and_stays),
		cmocka_unit_test(every_kind_has_its_name),
		cmocka_unit_test(
			traceback_is_python_s_with_the_oldest_call_first),
		cmocka_unit_test(
			traceback_names_the_places_that_are_not_the_reader_s),
		cmocka_unit_test(traceback_without_frames_still_has_its_header),
		cmocka_unit_test(error_copy_shares_nothing),
		cmocka_unit_test(error_add_frame_copies_the_strings),
		cmocka_unit_test(long_messages_are_whole),
		cmocka_unit_test(frames_carry_the_thread_s_place),
		cmocka_unit_test(place_is_cut_after_31_bytes),
		cmocka_unit_test(place_belongs_to_one_thread),
		cmocka_unit_test(
			scoped_frees_in_reverse_however_the_scope_is_left),
		cmocka_unit_test(scoped_lets_go_what_is_handed_on),
		cmocka_unit_test(error_free_takes_null),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL) != 0;
}
