/* test_hosted.c - who gets a manager's condition, and when, without processes.
 */
#include "must.h"

#include "hosted.h"
#include "sys.h"

#include <math.h>

#define LONG_TIME 1000.0

/* A condition, its visitors, and to whom the lock was granted, in order. */
static struct {
	struct hosted hosted;
	struct visitor visitors[5];
	struct visitor *granted[16];
	size_t granted_count;
} stage;

#define HOSTED (&stage.hosted)

/* The visitors by name: a to e. */
static struct visitor *const a = &stage.visitors[0];
static struct visitor *const b = &stage.visitors[1];
static struct visitor *const c = &stage.visitors[2];
static struct visitor *const d = &stage.visitors[3];
static struct visitor *const e = &stage.visitors[4];

static int
set_stage(void **state)
{
	(void)state;
	memset(&stage, 0, sizeof(stage));
	hosted_init(&stage.hosted, 1);
	return 0;
}

static void
note(struct visitor *visitor)
{
	assert_true(stage.granted_count < 16);
	/* Whoever is told of a lock has it, and stands nowhere. */
	assert_ptr_equal(stage.hosted.owner, visitor);
	assert_int_equal(visitor->state, VISITOR_NOWHERE);
	stage.granted[stage.granted_count++] = visitor;
}

/* The lock was granted to these since the last time this was asked. */
#define MUST_BE_GRANTED(...)                                \
	must_be_granted((struct visitor *[]){__VA_ARGS__},  \
		sizeof((struct visitor *[]){__VA_ARGS__}) / \
			sizeof(struct visitor *),           \
		__LINE__)
#define NOBODY_MUST_BE_GRANTED() must_be_granted(NULL, 0, __LINE__)

static void
must_be_granted(struct visitor **expected, size_t count, int line)
{
	bool equal = stage.granted_count == count;

	for (size_t i = 0; equal && i < count; i++)
		equal = stage.granted[i] == expected[i];
	if (!equal) {
		for (size_t i = 0; i < stage.granted_count; i++)
			print_error("the lock was granted to %c\n",
				(char)('a' + (stage.granted[i] - a)));
		_fail(__FILE__, line);
	}
	stage.granted_count = 0;
}

static void
acquire(struct visitor *visitor)
{
	hosted_acquire(HOSTED, visitor);
}

static void
release(struct visitor *visitor)
{
	MUST(hosted_release(HOSTED, visitor, note));
}

/* Lets a visitor take the lock, which is free, and wait. */
static void
wait_for_notify(struct visitor *visitor, double timeout)
{
	acquire(visitor);
	assert_ptr_equal(stage.hosted.owner, visitor);
	MUST(hosted_wait(HOSTED, visitor, timeout, note));
	assert_int_equal(visitor->state, VISITOR_WAITS);
}

static void
notify(struct visitor *visitor, long long amount)
{
	MUST(hosted_notify(HOSTED, visitor, amount));
}

static void
forget(struct visitor *visitor)
{
	hosted_forget(HOSTED, visitor, note);
	assert_int_equal(visitor->state, VISITOR_NOWHERE);
}

static bool
owner_died(struct visitor *owner)
{
	bool died;

	MUST(hosted_owner_died(HOSTED, owner, &died));
	return died;
}

/* Tickets and deadlines come from sys_now(), which is never that far ahead. */
static void
let_time_pass(void)
{
	hosted_expire(HOSTED, sys_now() + 2 * LONG_TIME, note);
}

static void
hosted_lock_that_is_free_is_taken_at_once(void **state)
{
	(void)state;
	acquire(a);
	assert_ptr_equal(stage.hosted.owner, a);
	assert_int_equal(a->state, VISITOR_NOWHERE);
	NOBODY_MUST_BE_GRANTED();
}

static void
hosted_lock_is_granted_in_order(void **state)
{
	(void)state;
	acquire(a);
	acquire(b);
	acquire(c);
	acquire(d);
	assert_int_equal(b->state, VISITOR_WANTS_LOCK);
	NOBODY_MUST_BE_GRANTED();
	release(a);
	MUST_BE_GRANTED(b);
	acquire(a);
	release(b);
	MUST_BE_GRANTED(c);
	release(c);
	release(d);
	MUST_BE_GRANTED(d, a);
	release(a);
	NOBODY_MUST_BE_GRANTED();
	assert_null(stage.hosted.owner);
}

static void
hosted_lock_is_released_as_often_as_taken(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		acquire(a);
	acquire(b);
	release(a);
	release(a);
	NOBODY_MUST_BE_GRANTED();
	release(a);
	MUST_BE_GRANTED(b);
	release(b);
	assert_null(stage.hosted.owner);
}

static void
hosted_lock_is_only_for_its_owner(void **state)
{
	bool died;

	(void)state;
	for (int i = 0; i < 2; i++) {
		MUST_RAISE_WITH(RuntimeError, "cannot release un-acquired lock",
			hosted_release(HOSTED, b, note));
		MUST_RAISE_WITH(RuntimeError, "cannot wait on un-acquired lock",
			hosted_wait(HOSTED, b, FOREVER, note));
		MUST_RAISE_WITH(RuntimeError,
			"cannot notify on un-acquired lock",
			hosted_notify(HOSTED, b, 1));
		MUST_RAISE(RuntimeError, hosted_owner_died(HOSTED, b, &died));
		assert_int_equal(b->state, VISITOR_NOWHERE);
		/* Once nobody has it, once somebody else does. */
		acquire(a);
	}
	release(a);
	release(a);
	NOBODY_MUST_BE_GRANTED();
}

static void
hosted_wait_gives_the_lock_back_whole_and_takes_it_back_whole(void **state)
{
	(void)state;
	acquire(a);
	acquire(a);
	acquire(b);
	wait_for_notify(a, FOREVER);
	MUST_BE_GRANTED(b);
	notify(b, 1);
	NOBODY_MUST_BE_GRANTED();
	release(b);
	MUST_BE_GRANTED(a);
	assert_true(a->notified);
	acquire(b);
	/* Twice before the wait, once within wait_for_notify(). */
	release(a);
	release(a);
	NOBODY_MUST_BE_GRANTED();
	release(a);
	MUST_BE_GRANTED(b);
}

static void
hosted_waiters_are_notified_in_order(void **state)
{
	(void)state;
	wait_for_notify(c, FOREVER);
	wait_for_notify(a, LONG_TIME);
	wait_for_notify(b, FOREVER);
	acquire(d);
	notify(d, 1);
	notify(d, 1);
	assert_int_equal(b->state, VISITOR_WAITS);
	release(d);
	MUST_BE_GRANTED(c);
	release(c);
	MUST_BE_GRANTED(a);
	notify(a, 1);
	release(a);
	MUST_BE_GRANTED(b);
	assert_true(a->notified && b->notified && c->notified);
}

static void
hosted_notify_wakes_as_many_as_it_says(void **state)
{
	static const long long none[] = {0, -1, INT64_MIN};

	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	wait_for_notify(c, FOREVER);
	wait_for_notify(d, FOREVER);
	acquire(e);
	for (size_t i = 0; i < 3; i++)
		notify(e, none[i]);
	assert_int_equal(a->state, VISITOR_WAITS);
	notify(e, 2);
	assert_int_equal(b->state, VISITOR_WANTS_LOCK);
	assert_int_equal(c->state, VISITOR_WAITS);
	notify(e, INT64_MAX);
	assert_int_equal(d->state, VISITOR_WANTS_LOCK);
	notify(e, 1);
	for (int i = 0; i < 4; i++)
		release(stage.hosted.owner);
	MUST_BE_GRANTED(a, b, c, d);
}

static void
hosted_notify_of_nobody_is_not_kept(void **state)
{
	(void)state;
	acquire(a);
	notify(a, 5);
	release(a);
	wait_for_notify(b, FOREVER);
	acquire(a);
	release(a);
	assert_int_equal(b->state, VISITOR_WAITS);
	NOBODY_MUST_BE_GRANTED();
}

static void
hosted_waiter_stands_behind_those_that_stand_already(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	acquire(b);
	acquire(c);
	notify(b, 1);
	acquire(d);
	for (int i = 0; i < 4; i++)
		release(stage.hosted.owner);
	MUST_BE_GRANTED(c, a, d);
}

static void
hosted_wait_of_no_time_keeps_the_lock(void **state)
{
	static const double timeouts[] = {0, -1, -INFINITY, NAN};

	(void)state;
	acquire(a);
	acquire(b);
	for (size_t i = 0; i < 4; i++) {
		MUST(hosted_wait(HOSTED, a, timeouts[i], note));
		assert_int_equal(a->state, VISITOR_NOWHERE);
		assert_false(a->notified);
		assert_ptr_equal(stage.hosted.owner, a);
	}
	NOBODY_MUST_BE_GRANTED();
}

static void
hosted_wait_of_no_time_forgets_an_earlier_notify(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	acquire(b);
	notify(b, 1);
	release(b);
	MUST_BE_GRANTED(a);
	assert_true(a->notified);
	MUST(hosted_wait(HOSTED, a, 0, note));
	assert_false(a->notified);
}

static void
hosted_expire_ends_only_waits_whose_time_has_come(void **state)
{
	double before = sys_now();

	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, LONG_TIME);
	wait_for_notify(c, LONG_TIME / 2);
	hosted_expire(HOSTED, before + LONG_TIME / 4, note);
	NOBODY_MUST_BE_GRANTED();
	hosted_expire(HOSTED, sys_now() + LONG_TIME / 2, note);
	MUST_BE_GRANTED(c);
	assert_false(c->notified);
	release(c);
	hosted_expire(HOSTED, sys_now() + LONG_TIME, note);
	MUST_BE_GRANTED(b);
	assert_int_equal(a->state, VISITOR_WAITS);
}

static void
hosted_expire_makes_a_waiter_stand_for_the_lock(void **state)
{
	(void)state;
	wait_for_notify(a, LONG_TIME);
	acquire(b);
	acquire(c);
	let_time_pass();
	assert_int_equal(a->state, VISITOR_WANTS_LOCK);
	release(b);
	release(c);
	MUST_BE_GRANTED(c, a);
	assert_false(a->notified);
}

static void
hosted_waiter_that_timed_out_takes_no_notify(void **state)
{
	(void)state;
	wait_for_notify(a, LONG_TIME);
	wait_for_notify(b, FOREVER);
	acquire(c);
	let_time_pass();
	notify(c, 1);
	release(c);
	MUST_BE_GRANTED(a);
	assert_false(a->notified);
	release(a);
	MUST_BE_GRANTED(b);
	assert_true(b->notified);
}

static void
hosted_waiter_that_was_notified_does_not_time_out(void **state)
{
	(void)state;
	wait_for_notify(a, LONG_TIME);
	acquire(b);
	notify(b, 1);
	let_time_pass();
	release(b);
	MUST_BE_GRANTED(a);
	assert_true(a->notified);
}

static void
hosted_next_deadline_is_the_earliest(void **state)
{
	double before = sys_now();

	(void)state;
	assert_true(hosted_next_deadline(HOSTED) == FOREVER);
	wait_for_notify(a, FOREVER);
	assert_true(hosted_next_deadline(HOSTED) == FOREVER);
	wait_for_notify(b, 3 * LONG_TIME);
	wait_for_notify(c, LONG_TIME);
	assert_true(hosted_next_deadline(HOSTED) >= before + LONG_TIME);
	assert_true(hosted_next_deadline(HOSTED) <= sys_now() + LONG_TIME);
	forget(c);
	assert_true(hosted_next_deadline(HOSTED) >= before + 3 * LONG_TIME);
	forget(b);
	assert_true(hosted_next_deadline(HOSTED) == FOREVER);
}

static void
forgotten_stranger_changes_nothing(void **state)
{
	(void)state;
	acquire(a);
	acquire(b);
	forget(c);
	NOBODY_MUST_BE_GRANTED();
	release(a);
	MUST_BE_GRANTED(b);
	assert_false(owner_died(b));
}

static void
forgotten_owner_gives_the_lock_back_whole(void **state)
{
	(void)state;
	acquire(a);
	acquire(a);
	acquire(b);
	forget(a);
	MUST_BE_GRANTED(b);
	assert_true(owner_died(b));
	release(b);
	assert_null(stage.hosted.owner);
}

static void
forgotten_waiter_is_not_notified(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	wait_for_notify(c, FOREVER);
	forget(b);
	acquire(d);
	notify(d, 2);
	release(d);
	release(a);
	MUST_BE_GRANTED(a, c);
	assert_false(owner_died(c));
}

static void
forgotten_one_that_wants_the_lock_is_passed_over(void **state)
{
	(void)state;
	acquire(a);
	acquire(b);
	acquire(c);
	forget(b);
	release(a);
	MUST_BE_GRANTED(c);
	assert_false(owner_died(c));
}

static void
forgotten_one_that_only_wants_the_lock_wakes_nobody(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	/* What b was woken for once, it has lived to use. */
	wait_for_notify(b, FOREVER);
	acquire(c);
	notify(c, 2);
	release(c);
	release(a);
	release(b);
	MUST_BE_GRANTED(a, b);
	wait_for_notify(a, FOREVER);
	acquire(c);
	acquire(b);
	forget(b);
	release(c);
	NOBODY_MUST_BE_GRANTED();
	assert_int_equal(a->state, VISITOR_WAITS);
}

static void
forgotten_one_that_timed_out_wakes_nobody(void **state)
{
	(void)state;
	wait_for_notify(a, LONG_TIME);
	wait_for_notify(b, FOREVER);
	acquire(c);
	let_time_pass();
	forget(a);
	release(c);
	NOBODY_MUST_BE_GRANTED();
	assert_int_equal(b->state, VISITOR_WAITS);
}

static void
wake_up_of_one_forgotten_is_handed_on(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	wait_for_notify(c, FOREVER);
	acquire(d);
	notify(d, 1);
	forget(a);
	assert_int_equal(b->state, VISITOR_WANTS_LOCK);
	assert_int_equal(c->state, VISITOR_WAITS);
	/* And on, if the heir is forgotten too. */
	forget(b);
	assert_int_equal(c->state, VISITOR_WANTS_LOCK);
	release(d);
	MUST_BE_GRANTED(c);
	assert_true(c->notified);
	assert_false(owner_died(c));
}

static void
each_wake_up_is_handed_on_once(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	wait_for_notify(c, FOREVER);
	wait_for_notify(d, FOREVER);
	acquire(e);
	notify(e, 2);
	forget(a);
	assert_int_equal(d->state, VISITOR_WAITS);
	forget(b);
	release(e);
	release(c);
	MUST_BE_GRANTED(c, d);
	assert_true(c->notified && d->notified);
}

static void
late_waiter_does_not_inherit(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	acquire(b);
	acquire(c);
	acquire(d);
	notify(b, 1);
	release(b);
	MUST(hosted_wait(HOSTED, c, FOREVER, note));
	MUST_BE_GRANTED(c, d);
	/* d has the lock, a stands for it, c waits, but not since the notify.
	 */
	forget(a);
	release(d);
	NOBODY_MUST_BE_GRANTED();
	assert_int_equal(c->state, VISITOR_WAITS);
}

static void
late_waiter_does_not_inherit_from_an_heir(void **state)
{
	(void)state;
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	acquire(c);
	acquire(d);
	notify(c, 1);
	MUST(hosted_wait(HOSTED, c, FOREVER, note));
	MUST_BE_GRANTED(d);
	forget(a);
	assert_int_equal(b->state, VISITOR_WANTS_LOCK);
	forget(b);
	assert_int_equal(c->state, VISITOR_WAITS);
}

/* Lets a be woken, and own the lock, while b waits. */
static void
wake_the_first_of_two(void)
{
	wait_for_notify(a, FOREVER);
	wait_for_notify(b, FOREVER);
	acquire(c);
	notify(c, 1);
	release(c);
	MUST_BE_GRANTED(a);
	assert_true(a->notified);
}

static void
wake_up_of_an_owner_who_was_not_heard_of_since_is_handed_on(void **state)
{
	(void)state;
	wake_the_first_of_two();
	acquire(d);
	forget(a);
	release(d);
	MUST_BE_GRANTED(d, b);
	assert_true(b->notified);
}

static void
wake_up_of_an_owner_who_was_heard_of_is_not_handed_on(void **state)
{
	(void)state;
	wake_the_first_of_two();
	a->notified = false;
	forget(a);
	NOBODY_MUST_BE_GRANTED();
	assert_int_equal(b->state, VISITOR_WAITS);
}

static void
forgotten_owner_of_one_condition_may_wait_at_another(void **state)
{
	struct hosted other;

	(void)state;
	hosted_init(&other, 2);
	acquire(a);
	hosted_acquire(&other, a);
	MUST(hosted_wait(&other, a, FOREVER, note));
	acquire(b);
	hosted_forget(HOSTED, a, note);
	MUST_BE_GRANTED(b);
	assert_true(owner_died(b));
	assert_int_equal(a->state, VISITOR_WAITS);
	assert_false(hosted_unused(&other));
	hosted_forget(&other, a, note);
	assert_true(hosted_unused(&other));
}

static void
owner_died_is_told_to_the_next_owner_only(void **state)
{
	(void)state;
	acquire(a);
	assert_false(owner_died(a));
	forget(a);
	acquire(b);
	acquire(b);
	assert_true(owner_died(b));
	assert_true(owner_died(b));
	release(b);
	assert_true(owner_died(b));
	release(b);
	acquire(c);
	assert_false(owner_died(c));
}

static void
owner_died_is_over_after_a_wait(void **state)
{
	(void)state;
	acquire(a);
	forget(a);
	wait_for_notify(b, FOREVER);
	acquire(c);
	assert_false(owner_died(c));
	notify(c, 1);
	release(c);
	MUST_BE_GRANTED(b);
	assert_false(owner_died(b));
}

static void
hosted_is_unused_when_nobody_has_anything_to_do_with_it(void **state)
{
	(void)state;
	assert_true(hosted_unused(HOSTED));
	stage.hosted.holds = 1;
	assert_false(hosted_unused(HOSTED));
	stage.hosted.holds = 0;
	wait_for_notify(a, FOREVER);
	assert_false(hosted_unused(HOSTED));
	acquire(b);
	acquire(c);
	forget(a);
	assert_false(hosted_unused(HOSTED));
	forget(b);
	MUST_BE_GRANTED(c);
	assert_false(hosted_unused(HOSTED));
	release(c);
	assert_true(hosted_unused(HOSTED));
}

#define TEST(name) cmocka_unit_test_setup(name, set_stage)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosted_lock_that_is_free_is_taken_at_once),
		TEST(hosted_lock_is_granted_in_order),
		TEST(hosted_lock_is_released_as_often_as_taken),
		TEST(hosted_lock_is_only_for_its_owner),
		TEST(hosted_wait_gives_the_lock_back_whole_and_takes_it_back_whole),
		TEST(hosted_waiters_are_notified_in_order),
		TEST(hosted_notify_wakes_as_many_as_it_says),
		TEST(hosted_notify_of_nobody_is_not_kept),
		TEST(hosted_waiter_stands_behind_those_that_stand_already),
		TEST(hosted_wait_of_no_time_keeps_the_lock),
		TEST(hosted_wait_of_no_time_forgets_an_earlier_notify),
		TEST(hosted_expire_ends_only_waits_whose_time_has_come),
		TEST(hosted_expire_makes_a_waiter_stand_for_the_lock),
		TEST(hosted_waiter_that_timed_out_takes_no_notify),
		TEST(hosted_waiter_that_was_notified_does_not_time_out),
		TEST(hosted_next_deadline_is_the_earliest),
		TEST(forgotten_stranger_changes_nothing),
		TEST(forgotten_owner_gives_the_lock_back_whole),
		TEST(forgotten_waiter_is_not_notified),
		TEST(forgotten_one_that_wants_the_lock_is_passed_over),
		TEST(forgotten_one_that_only_wants_the_lock_wakes_nobody),
		TEST(forgotten_one_that_timed_out_wakes_nobody),
		TEST(wake_up_of_one_forgotten_is_handed_on),
		TEST(each_wake_up_is_handed_on_once),
		TEST(late_waiter_does_not_inherit),
		TEST(late_waiter_does_not_inherit_from_an_heir),
		TEST(wake_up_of_an_owner_who_was_not_heard_of_since_is_handed_on),
		TEST(wake_up_of_an_owner_who_was_heard_of_is_not_handed_on),
		TEST(forgotten_owner_of_one_condition_may_wait_at_another),
		TEST(owner_died_is_told_to_the_next_owner_only),
		TEST(owner_died_is_over_after_a_wait),
		TEST(hosted_is_unused_when_nobody_has_anything_to_do_with_it),
	};

	return cmocka_run_group_tests_name("hosted", tests, NULL, NULL) != 0;
}
