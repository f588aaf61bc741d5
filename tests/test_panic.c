/* test_panic.c - the end of a program that cannot go on. */
#include "panic.h"

#include "hear.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
assert_aborted(const struct heard *heard)
{
	assert_true(WIFSIGNALED(heard->status));
	assert_int_equal(WTERMSIG(heard->status), SIGABRT);
}

static void
panic_with_numbers(void *context)
{
	(void)context;
	panic_at("here.c", 7, "%d of %s", 3, "four");
}

static void
panic_writes_its_message_and_aborts(void **state)
{
	struct heard heard = hear(STDERR_FILENO, panic_with_numbers, NULL);

	(void)state;
	assert_string_equal(heard.text, "panic: here.c:7: 3 of four\n");
	assert_aborted(&heard);
}

enum { LINE_OF_PANIC = __LINE__ + 6 };

static void
panic_somewhere(void *context)
{
	(void)context;
	panic("lost in %s", __func__);
}

static void
panic_says_where(void **state)
{
	struct heard heard = hear(STDERR_FILENO, panic_somewhere, NULL);
	char expected[256];

	(void)state;
	snprintf(expected, sizeof(expected),
		"panic: %s:%d: lost in panic_somewhere\n", __FILE__,
		LINE_OF_PANIC);
	assert_string_equal(heard.text, expected);
	assert_aborted(&heard);
}

static void
panic_at_length(void *context)
{
	panic("%s", (const char *)context);
}

static void
long_message_is_cut_and_its_line_ended(void **state)
{
	char message[2001];
	struct heard heard;

	(void)state;
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = 0;
	heard = hear(STDERR_FILENO, panic_at_length, message);
	assert_non_null(strstr(heard.text, "xxxxxxxx"));
	assert_true(heard.length < sizeof(message));
	assert_int_equal(heard.text[heard.length - 1], '\n');
	assert_aborted(&heard);
}

static void
panic_for_want_of_memory(void *context)
{
	must_have(context);
}

static void
must_have_panics_without_memory(void **state)
{
	struct heard heard =
		hear(STDERR_FILENO, panic_for_want_of_memory, NULL);

	(void)state;
	assert_non_null(strstr(heard.text, ": out of memory\n"));
	assert_aborted(&heard);
}

static void
must_have_gives_the_pointer_back(void **state)
{
	int object;

	(void)state;
	assert_ptr_equal(must_have(&object), &object);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(panic_writes_its_message_and_aborts),
		cmocka_unit_test(panic_says_where),
		cmocka_unit_test(long_message_is_cut_and_its_line_ended),
		cmocka_unit_test(must_have_panics_without_memory),
		cmocka_unit_test(must_have_gives_the_pointer_back),
	};

	return cmocka_run_group_tests_name("panic", tests, NULL, NULL) != 0;
}
