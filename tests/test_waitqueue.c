/*
 * test_waitqueue.c - first in, first out, and no wake-up lost on the dead.
 *
 * A thread can stand in several places, so most tests need no second one. The
 * queue is touched by one process at a time, which stands for its lock.
 */
#include "waitqueue.h"

#include "child.h"
#include "must.h"
#include "post.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct waitqueue *queue;
static struct post joined;

static int
open_queue(void **state)
{
	void *memory;

	(void)state;
	MUST(sys_map_shared(sizeof(*queue), &memory));
	queue = memory;
	joined = post_open();
	return 0;
}

static int
close_queue(void **state)
{
	(void)state;
	post_close(&joined);
	sys_unmap_shared(queue, sizeof(*queue));
	return 0;
}

static struct place *
join(void)
{
	struct place *place;

	MUST(waitqueue_join(queue, &place));
	return place;
}

static void
join_and_hang(void *context)
{
	struct place **place = context;

	*place = join();
	assert_int_equal(
		write(joined.ends[1], place, sizeof(*place)), sizeof(*place));
	for (;;)
		pause();
}

/* A child that has joined; *place is where. */
static pid_t
start_waiter(struct place **place)
{
	pid_t pid = child_start(join_and_hang, place);

	assert_true(becomes_readable(joined.ends[0]));
	assert_int_equal(
		read(joined.ends[0], place, sizeof(*place)), sizeof(*place));
	return pid;
}

/* Whether the places are notified that have a '1' in the pattern, no others. */
static void
must_be_notified(struct place *const *places, const char *pattern)
{
	for (size_t i = 0; pattern[i]; i++)
		if (waitqueue_notified(places[i]) != (pattern[i] == '1'))
			fail_msg("place %zu of %s", i, pattern);
}

static void
join_several(struct place **places, int count)
{
	for (int i = 0; i < count; i++)
		places[i] = join();
}

static void
leave_all(struct place *const *places, int count)
{
	for (int i = 0; i < count; i++)
		waitqueue_leave(queue, places[i]);
	assert_int_equal(queue->notified, 0);
}

static void
who_joins_is_not_notified(void **state)
{
	struct place *place = join();

	(void)state;
	assert_false(waitqueue_notified(place));
	waitqueue_leave(queue, place);
}

static void
first_in_is_first_out(void **state)
{
	struct place *places[4];

	(void)state;
	join_several(places, 4);
	waitqueue_notify(queue, 1);
	must_be_notified(places, "1000");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "1100");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "1110");
	leave_all(places, 4);
}

/* The order is that of joining, not that of the places. */
static void
who_joins_in_an_old_place_is_last(void **state)
{
	struct place *places[3];

	(void)state;
	join_several(places, 3);
	waitqueue_leave(queue, places[0]);
	assert_ptr_equal(join(), places[0]);
	waitqueue_notify(queue, 1);
	must_be_notified(places, "010");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "011");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "111");
	leave_all(places, 3);
}

static void
notify_wakes_as_many_as_it_says(void **state)
{
	static const struct {
		long n;
		const char *pattern;
	} cases[] = {{LONG_MIN, "0000"}, {-1, "0000"}, {0, "0000"}, {1, "1000"},
		{2, "1100"}, {3, "1110"}, {4, "1111"}, {5, "1111"},
		{LONG_MAX, "1111"}};
	struct place *places[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		join_several(places, 4);
		waitqueue_notify(queue, cases[i].n);
		must_be_notified(places, cases[i].pattern);
		leave_all(places, 4);
	}
}

static void
notify_of_nobody_is_not_remembered(void **state)
{
	struct place *place;

	(void)state;
	waitqueue_notify(queue, 1);
	waitqueue_notify(queue, LONG_MAX);
	place = join();
	assert_false(waitqueue_notified(place));
	waitqueue_notify(queue, 5);
	waitqueue_leave(queue, place);
	place = join();
	assert_false(waitqueue_notified(place));
	waitqueue_leave(queue, place);
}

static void
notify_goes_to_those_that_are_not_yet_notified(void **state)
{
	struct place *places[3];

	(void)state;
	join_several(places, 3);
	waitqueue_notify(queue, 1);
	waitqueue_notify(queue, 2);
	must_be_notified(places, "111");
	leave_all(places, 3);
}

static void
who_left_takes_no_wake_up(void **state)
{
	struct place *places[3];

	(void)state;
	join_several(places, 3);
	waitqueue_leave(queue, places[0]);
	waitqueue_notify(queue, 1);
	must_be_notified(places, "010");
	leave_all(places + 1, 2);
}

static void
the_dead_are_skipped(void **state)
{
	struct place *places[4];
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter(&places[0]);
	pids[1] = start_waiter(&places[1]);
	join_several(places + 2, 2);
	child_kill(pids[0]);
	child_kill(pids[1]);
	waitqueue_notify(queue, 1);
	must_be_notified(places, "0010");
	waitqueue_notify(queue, LONG_MAX);
	must_be_notified(places + 2, "11");
	waitqueue_hand_on(queue);
	leave_all(places + 2, 2);
}

static void
place_of_the_dead_is_used_again(void **state)
{
	struct place *dead, *places[2];
	pid_t pid = start_waiter(&dead);

	(void)state;
	child_kill(pid);
	/* Only a notifier looks for the dead. */
	waitqueue_notify(queue, 1);
	waitqueue_hand_on(queue);
	join_several(places, 2);
	assert_true(places[0] == dead || places[1] == dead);
	must_be_notified(places, "00");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "10");
	leave_all(places, 2);
}

static void
wake_up_of_the_dead_is_handed_on(void **state)
{
	struct place *places[3];
	pid_t pid = start_waiter(&places[0]);

	(void)state;
	join_several(places + 1, 2);
	waitqueue_notify(queue, 1);
	waitqueue_hand_on(queue);
	must_be_notified(places, "100");
	child_kill(pid);
	waitqueue_hand_on(queue);
	must_be_notified(places, "010");
	waitqueue_hand_on(queue);
	must_be_notified(places, "010");
	leave_all(places + 1, 2);
}

static void
wake_up_is_not_handed_to_latecomers(void **state)
{
	struct place *dead, *late;
	pid_t pid = start_waiter(&dead);

	(void)state;
	waitqueue_notify(queue, 1);
	late = join();
	child_kill(pid);
	waitqueue_hand_on(queue);
	assert_false(waitqueue_notified(late));
	assert_int_equal(queue->notified, 0);
	waitqueue_leave(queue, late);
}

static void
wake_up_is_handed_on_from_heir_to_heir(void **state)
{
	struct place *places[4];
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter(&places[0]);
	pids[1] = start_waiter(&places[1]);
	places[2] = join();
	waitqueue_notify(queue, 1);
	places[3] = join();
	child_kill(pids[0]);
	waitqueue_hand_on(queue);
	must_be_notified(places, "0100");
	child_kill(pids[1]);
	waitqueue_hand_on(queue);
	must_be_notified(places, "0010");
	/* The last heir takes it with it: who is left came too late. */
	waitqueue_leave(queue, places[2]);
	waitqueue_hand_on(queue);
	assert_false(waitqueue_notified(places[3]));
	waitqueue_leave(queue, places[3]);
}

static void
wake_ups_of_several_dead_are_all_handed_on(void **state)
{
	struct place *places[6];
	pid_t pids[2];

	(void)state;
	pids[0] = start_waiter(&places[0]);
	pids[1] = start_waiter(&places[1]);
	join_several(places + 2, 4);
	waitqueue_notify(queue, 3);
	must_be_notified(places, "111000");
	child_kill(pids[0]);
	child_kill(pids[1]);
	waitqueue_hand_on(queue);
	must_be_notified(places + 2, "1110");
	leave_all(places + 2, 4);
}

static void
wake_ups_of_all_are_handed_to_nobody(void **state)
{
	struct place *dead, *late;
	pid_t pid = start_waiter(&dead);

	(void)state;
	waitqueue_notify(queue, LONG_MAX);
	late = join();
	child_kill(pid);
	waitqueue_hand_on(queue);
	assert_false(waitqueue_notified(late));
	waitqueue_leave(queue, late);
}

static void
count_is_put_right_after_a_kill(void **state)
{
	struct place *places[2];
	pid_t pid = start_waiter(&places[0]);

	(void)state;
	places[1] = join();
	waitqueue_notify(queue, 1);
	/* As if the notifier had died between the place and the count. */
	queue->notified = 0;
	child_kill(pid);
	waitqueue_recover(queue);
	assert_int_equal(queue->notified, 1);
	waitqueue_hand_on(queue);
	must_be_notified(places, "01");
	leave_all(places + 1, 1);
}

static void
take_mutex_and_hang(void *context)
{
	struct place *place = context;

	assert_int_equal(pthread_mutex_lock(&place->alive), 0);
	post_send(&joined, 'l');
	for (;;)
		pause();
}

static void
place_is_good_after_death_in_the_midst_of_joining(void **state)
{
	struct place *place = join();
	pid_t pid;

	(void)state;
	waitqueue_leave(queue, place);
	pid = child_start(take_mutex_and_hang, place);
	assert_int_equal(post_await(&joined), 'l');
	child_kill(pid);
	assert_ptr_equal(join(), place);
	waitqueue_notify(queue, 1);
	assert_true(waitqueue_notified(place));
	waitqueue_leave(queue, place);
}

static void
places_are_used_again(void **state)
{
	struct place *places[2];

	(void)state;
	for (int i = 0; i < WAITQUEUE_PLACES + 10; i++) {
		join_several(places, 2);
		waitqueue_notify(queue, i % 3);
		leave_all(places, 2);
	}
	assert_int_equal(queue->used, 2);
}

static void
full_queue_raises(void **state)
{
	static struct place *places[WAITQUEUE_PLACES];
	struct place *place;

	(void)state;
	skip_under_thread_sanitizer();
	join_several(places, WAITQUEUE_PLACES);
	MUST_RAISE_EXACTLY(waitqueue_join(queue, &place), RuntimeError,
		"all 4096 places to wait on a condition are taken");
	waitqueue_notify(queue, 1);
	must_be_notified(places, "10");
	waitqueue_leave(queue, places[0]);
	assert_ptr_equal(join(), places[0]);
	waitqueue_notify(queue, WAITQUEUE_PLACES - 1);
	assert_false(waitqueue_notified(places[0]));
	assert_true(waitqueue_notified(places[1]));
	assert_true(waitqueue_notified(places[WAITQUEUE_PLACES - 1]));
	leave_all(places, WAITQUEUE_PLACES);
}

static void
sleep_until_notified(void *context)
{
	struct place *place = join();

	(void)context;
	post_send(&joined, 'j');
	while (!waitqueue_notified(place))
		waitqueue_sleep(place, FOREVER);
}

static void
sleepers_are_woken(void **state)
{
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		pids[i] = child_start(sleep_until_notified, NULL);
		assert_int_equal(post_await(&joined), 'j');
		post_await_sleep(pids[i]);
	}
	waitqueue_notify(queue, 1);
	assert_int_equal(child_wait(pids[0]), 0);
	waitqueue_notify(queue, LONG_MAX);
	assert_int_equal(child_wait(pids[1]), 0);
	assert_int_equal(child_wait(pids[2]), 0);
}

static void
heir_is_woken(void **state)
{
	struct place *dead;
	pid_t pid = start_waiter(&dead);
	pid_t heir = child_start(sleep_until_notified, NULL);

	(void)state;
	assert_int_equal(post_await(&joined), 'j');
	post_await_sleep(heir);
	waitqueue_notify(queue, 1);
	child_kill(pid);
	waitqueue_hand_on(queue);
	assert_int_equal(child_wait(heir), 0);
}

static void
sleep_until_the_deadline(void *context)
{
	struct place *place = join();
	double deadline = sys_deadline(0.02);

	(void)context;
	while (sys_remaining(deadline) > 0)
		waitqueue_sleep(place, deadline);
	assert_false(waitqueue_notified(place));
	waitqueue_leave(queue, place);
}

static void
sleep_ends_at_its_deadline(void **state)
{
	(void)state;
	child_must_succeed(sleep_until_the_deadline, NULL);
}

#define QUEUE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, open_queue, close_queue)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(who_joins_is_not_notified),
		QUEUE_TEST(first_in_is_first_out),
		QUEUE_TEST(who_joins_in_an_old_place_is_last),
		QUEUE_TEST(notify_wakes_as_many_as_it_says),
		QUEUE_TEST(notify_of_nobody_is_not_remembered),
		QUEUE_TEST(notify_goes_to_those_that_are_not_yet_notified),
		QUEUE_TEST(who_left_takes_no_wake_up),
		QUEUE_TEST(the_dead_are_skipped),
		QUEUE_TEST(place_of_the_dead_is_used_again),
		QUEUE_TEST(wake_up_of_the_dead_is_handed_on),
		QUEUE_TEST(wake_up_is_not_handed_to_latecomers),
		QUEUE_TEST(wake_up_is_handed_on_from_heir_to_heir),
		QUEUE_TEST(wake_ups_of_several_dead_are_all_handed_on),
		QUEUE_TEST(wake_ups_of_all_are_handed_to_nobody),
		QUEUE_TEST(count_is_put_right_after_a_kill),
		QUEUE_TEST(place_is_good_after_death_in_the_midst_of_joining),
		QUEUE_TEST(places_are_used_again),
		QUEUE_TEST(full_queue_raises),
		QUEUE_TEST(sleepers_are_woken),
		QUEUE_TEST(heir_is_woken),
		QUEUE_TEST(sleep_ends_at_its_deadline),
	};

	return cmocka_run_group_tests_name("waitqueue", tests, NULL, NULL) != 0;
}
