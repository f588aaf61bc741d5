/*
 * test_kill_points.c - a process is killed after each instruction of what it
 * does with a condition in shared memory, and the others find it whole.
 *
 * For each operation, and for each count of instructions, there is an attempt
 * (attempt.h). Its outcome is told so:
 *
 *   F or T  whether condition_owner_died() tells the next owner of a death
 *   0 to 3  how many of those that wait have been notified, and go on without
 *           any further notify
 *
 * Each operation comes with its story: the outcomes that follow one another as
 * it is killed later and later.
 *
 * That takes some minutes, so by default only some instructions are tried,
 * a prime apart, from a first one that is drawn each time. With
 * FORKLORE_EVERY_POINT=1 in the environment all are; and of two that are killed
 * one after the other, some thousand pairs. Where no process can be traced, all
 * that is skipped.
 */
#include "attempt.h"
#include "must.h"
#include "steps.h"
#include "sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * How far apart the instructions are that are tried. With sanitizers there are
 * more of them.
 */
#ifdef HAS_ADDRESS_SANITIZER
enum { STRIDE = 307, FIRST_OF_PAIR = 2999, SECOND_OF_PAIR = 307 };
#else
enum { STRIDE = 71, FIRST_OF_PAIR = 997, SECOND_OF_PAIR = 149 };
#endif
/* The same where every one is: of pairs there are too many. */
enum { FIRST_OF_EVERY_PAIR = 31, SECOND_OF_EVERY_PAIR = 11 };

/* The points that are tried: the first one, then one that is drawn, and on. */
struct points {
	long stride, next;
};

static bool
tries_every_point(void)
{
	const char *every = getenv("FORKLORE_EVERY_POINT");

	return every && strcmp(every, "1") == 0;
}

static long
points_after(const struct points *points, long point)
{
	return point == 0 ? points->next : point + points->stride;
}

static struct points
draw_points(long stride)
{
	uint32_t chance;

	sys_random(&chance, sizeof(chance));
	return (struct points){stride, 1 + (long)(chance % (uint64_t)stride)};
}

/* Adds an outcome to a story, unless nothing has changed. */
static void
tell(char *story, size_t size, struct outcome outcome)
{
	char word[8];
	size_t length = strlen(story);

	snprintf(word, sizeof(word), "%c%d", outcome.told ? 'T' : 'F',
		outcome.notified);
	if (length >= 2 && strcmp(story + length - 2, word) == 0)
		return;
	snprintf(
		story + length, size - length, "%s%s", length ? " " : "", word);
}

/*
 * Whether a story is the one expected, but for what is short in it, where not
 * every point was tried. It begins and ends alike.
 */
static bool
is_told(const char *expected, const char *story, bool every_point)
{
	const char *end = expected + strlen(expected) - 2;

	if (every_point)
		return strcmp(expected, story) == 0;
	if (strncmp(expected, story, 2) != 0 ||
		strcmp(end, story + strlen(story) - 2) != 0)
		return false;
	for (; *story && *expected; expected += expected[2] ? 3 : 2)
		if (strncmp(expected, story, 2) == 0)
			story += story[2] ? 3 : 2;
	return *story == '\0';
}

static void
story_may_leave_out_what_is_short(void **state)
{
	static const char whole[] = "T0 F0 F1 T1 T0";

	(void)state;
	assert_true(is_told(whole, whole, true));
	assert_true(is_told(whole, whole, false));
	assert_true(is_told(whole, "T0 F1 T0", false));
	assert_true(is_told("T1", "T1", false));
	assert_false(is_told(whole, "T0 F1 T0", true));
	assert_false(is_told(whole, "T0 F1", false));
	assert_false(is_told(whole, "F0 F1 T1 T0", false));
	assert_false(is_told(whole, "T0 F1 F0 T1 T0", false));
	assert_false(is_told(whole, "T0 F2 T0", false));
	assert_false(is_told("T1", "T1 F1 T1", false));
}

static void
condition_is_whole_after_a_kill(void **state)
{
	const struct operation *operation = *state;
	struct points points = draw_points(tries_every_point() ? 1 : STRIDE);
	char story[256] = "";
	long point = 0, kills = 0;

	if (!walking_is_possible())
		skip();
	for (;; point = points_after(&points, point)) {
		struct attempt made =
			attempt_make((struct attempt){.operation = operation,
				.first = point,
				.second = NEVER});

		tell(story, sizeof(story), made.outcome);
		kills++;
		if (made.first_ended)
			break;
	}
	print_message("%ld kills, every %ld from %ld to %ld: %s\n", kills,
		points.stride, points.next, point, story);
	if (!is_told(operation->story, story, points.stride == 1))
		fail_msg("%s was expected", operation->story);
}

/*
 * Kills one, and the one that comes after it at one point after another. A
 * death is told until that one gives the lock back. Tells whether the first
 * one was through.
 */
static bool
kill_successors(const struct operation *operation, long first,
	const struct points *points, long *kills)
{
	char story[256] = "";
	struct attempt made;
	long second = 0;

	for (;; second = points_after(points, second)) {
		made = attempt_make((struct attempt){.operation = operation,
			.first = first,
			.second = second});
		made.outcome.notified = 0;
		tell(story, sizeof(story), made.outcome);
		++*kills;
		if (made.second_ended)
			break;
	}
	if (strcmp(story, "T0 F0") != 0 && strcmp(story, "F0 T0 F0") != 0)
		fail_msg(
			"killed after %ld instructions: then %s", first, story);
	return made.first_ended;
}

static void
condition_is_whole_after_two_kills(void **state)
{
	const struct operation *operation = *state;
	struct points firsts = draw_points(
		tries_every_point() ? FIRST_OF_EVERY_PAIR : FIRST_OF_PAIR);
	struct points seconds = draw_points(
		tries_every_point() ? SECOND_OF_EVERY_PAIR : SECOND_OF_PAIR);
	long first = 0, kills = 0;

	if (!walking_is_possible())
		skip();
	while (!kill_successors(operation, first, &seconds, &kills))
		first = points_after(&firsts, first);
	print_message("%ld pairs, every %ld from %ld, and every %ld from "
		      "%ld\n",
		kills, firsts.stride, firsts.next, seconds.stride,
		seconds.next);
}

/* Before it is killed, it goes on while another one has the lock. */
static void
next_owner_is_not_disturbed(void **state)
{
	const struct operation *operation = *state;
	struct points points = draw_points(tries_every_point() ? 1 : STRIDE);
	struct attempt made = {.first_ended = false};

	if (!walking_is_possible())
		skip();
	for (long point = 0; !made.first_ended;
		point = points_after(&points, point))
		made = attempt_make((struct attempt){.operation = operation,
			.first = point,
			.second = NEVER,
			.overtaken = true});
}

#define ON(operation, test)                                  \
	{                                                    \
#test " (" #operation ")", test, NULL, NULL, \
			(void *)&operation                   \
	}
#define ONCE_AND_TWICE(operation)                       \
	ON(operation, condition_is_whole_after_a_kill), \
		ON(operation, condition_is_whole_after_two_kills)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(story_may_leave_out_what_is_short),
		ONCE_AND_TWICE(acquiring),
		ONCE_AND_TWICE(releasing),
		ONCE_AND_TWICE(releasing_after_a_death),
		ONCE_AND_TWICE(falling_asleep_after_a_death),
		ONCE_AND_TWICE(being_notified),
		ONCE_AND_TWICE(timing_out),
		ONCE_AND_TWICE(notifying_one),
		ONCE_AND_TWICE(notifying_one_who_dies),
		ONCE_AND_TWICE(notifying_all),
		ONCE_AND_TWICE(handing_on),
		ONCE_AND_TWICE(recovering),
		ON(acquiring, next_owner_is_not_disturbed),
		ON(releasing, next_owner_is_not_disturbed),
		ON(releasing_after_a_death, next_owner_is_not_disturbed),
		ON(falling_asleep_after_a_death, next_owner_is_not_disturbed),
		ON(timing_out, next_owner_is_not_disturbed),
	};

	return cmocka_run_group_tests_name("kill points", tests, attempt_set_up,
		       attempt_tear_down) != 0;
}
