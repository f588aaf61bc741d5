/*
 * test_kill_points.c - a process is killed after each instruction of what it
 * does with a condition in shared memory, and the others find it whole.
 *
 * For each operation, and for each count of instructions, there is a new
 * condition with some that wait on it. One process, the victim, walks through
 * that many instructions of the operation, and is killed. What the others then
 * find is its outcome:
 *
 *   F or T  whether condition_owner_died() tells the next owner of a death
 *   0 to 3  how many of those that wait have been notified, and go on without
 *           any further notify
 *
 * Each operation comes with its story: the outcomes that follow one another as
 * it is killed later and later. All other things hold after each kill: the lock
 * passes on, notify(1) wakes one more, notify_all wakes all that are left, what
 * was given to the dead wakes nobody that came later, and the queue is empty
 * when all are gone.
 *
 * That takes some minutes, so by default only some instructions are tried,
 * a prime apart, from a first one that is drawn each time. With
 * FORKLORE_EVERY_POINT=1 in the environment all are; and of two that are killed
 * one after the other, some thousand pairs. Where no process can be traced, all
 * that is skipped.
 */
#include <limits.h>
#include <math.h>

/*
 * The source itself, since nothing else shows who stands in the queue. In it, a
 * waiter rises every 0.1 s to look for the dead, whatever its deadline. Here it
 * sleeps on, so that a walk has the same steps where the machine is slow.
 */
#define fmin(deadline, patrol) (deadline)
#include "condition_shared.c"
#undef fmin

#include "child.h"
#include "must.h"
#include "post.h"
#include "process.h"
#include "steps.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAITERS 3

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

/* No such point: no second one is killed. */
#define NEVER -1L

struct operation {
	/* How many wait already, and go on waiting. */
	int waiters;
	/* What others do before that, and when the victim stands ready. */
	void (*before)(void);
	void (*meanwhile)(void);
	/* What the victim does before its first step, and then step by step. */
	void (*prepare)(void);
	void (*run)(void);
	/* What others do when it sleeps; if nothing, it is killed asleep. */
	void (*when_asleep)(void);
	/* What else befalls the others when it is dead. */
	void (*afterwards)(void);
	const char *story;
};

struct outcome {
	/* How many were told that an owner died. */
	int told;
	/* How many were notified, of those that live and wait. */
	int notified;
};

/* One kill, or two, and what came of it; shared with the process that tries. */
struct attempt {
	const struct operation *operation;
	/* After how many steps they are killed. */
	long first, second;
	/* Whether another one has had the lock before, if it was free. */
	bool overtaken;
	/* Whether they were through before that. */
	bool first_ended, second_ended;
	struct outcome outcome;
};

/*
 * The C library reads the clock in memory that the kernel shares with it, and
 * reads again if it just changed. Here each walk is to have the same steps.
 */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	return (int)syscall(SYS_clock_gettime, clock, now);
}

/* Who waits for the lock waits on, too. */
int
pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
	(void)until;
	return pthread_mutex_lock(mutex);
}

static struct attempt *attempt;
static struct condition *condition;
static struct shared *shared;

/* Words from those that have the lock, and from those that were woken. */
static struct post ready, woken;

/* Those that wait and live; the one that is to die notified. */
static pid_t waiters[WAITERS], bearer;
static int waiting;

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
notify_one(void)
{
	MUST(condition_notify(condition, 1));
}

static void
notify_all(void)
{
	MUST(condition_notify_all(condition));
}

static bool
owner_died(void)
{
	bool died;

	MUST(condition_owner_died(condition, &died));
	return died;
}

static void
wait_forever(void)
{
	MUST(condition_wait(condition, FOREVER, NULL));
}

/* The time has passed before it can sleep, but for a clock that is coarse. */
static void
wait_in_vain(void)
{
	bool notified = true;

	MUST(condition_wait(condition, 1e-9, &notified));
	assert_false(notified);
}

static void
wait_for_a_moment(void)
{
	MUST(condition_wait(condition, 2e-3, NULL));
}

static void
let_it_sleep(void)
{
}

static void
wait_and_tell(void *context)
{
	bool notified = false;

	(void)context;
	acquire();
	post_send(&ready, 'w');
	MUST(condition_wait(condition, FOREVER, &notified));
	assert_true(notified);
	post_send(&woken, owner_died() ? 'T' : 'F');
	release();
}

/* Starts a process that waits. */
static pid_t
start_waiting(void)
{
	pid_t pid = child_start(wait_and_tell, NULL);

	assert_int_equal(post_await(&ready), 'w');
	acquire();
	release();
	return pid;
}

static void
run_and_hang(void *context)
{
	void (**run)(void) = context;

	(*run)();
	post_send(&ready, 'h');
	for (;;)
		pause();
}

/* Starts a process that is through with something, and only to be killed. */
static pid_t
start_to_hang(void (*run)(void))
{
	pid_t pid = child_start(run_and_hang, &run);

	assert_int_equal(post_await(&ready), 'h');
	return pid;
}

/*
 * Starts those that live. They are stopped, so that only the victim moves until
 * it is dead. With the lock in our hands, none of them has it.
 */
static void
start_waiters(int count)
{
	for (waiting = 0; waiting < count; waiting++)
		waiters[waiting] = start_waiting();
	acquire();
	for (int i = 0; i < count; i++)
		assert_true(process_stop(waiters[i]));
	release();
}

static void
kill_first_waiter(void)
{
	child_kill(waiters[0]);
	waiters[0] = waiters[--waiting];
}

static void
start_bearer(void)
{
	bearer = start_waiting();
}

static void
kill_bearer(void)
{
	child_kill(bearer);
}

static void
acquire_and_notify_one(void)
{
	acquire();
	notify_one();
}

/* The victim is to hear of a death. */
static void
kill_owner(void)
{
	child_kill(start_to_hang(acquire));
}

/*
 * An owner notifies the bearer, and both are killed; the count is as if that
 * had been just before it grew.
 */
static void
kill_bearer_and_owner(void)
{
	pid_t owner = start_to_hang(acquire_and_notify_one);

	kill_bearer();
	child_kill(owner);
	shared->waiters.notified = 0;
}

/* Notifies the victim, which sleeps, and has two behind it. */
static void
notify_victim(void)
{
	start_waiters(2);
	acquire_and_notify_one();
	release();
}

static void
acquire_and_release(void)
{
	acquire();
	release();
}

static const struct operation acquiring = {
	.waiters = 1,
	.run = acquire,
	.story = "F0 T0",
};

static const struct operation releasing = {
	.waiters = 1,
	.prepare = acquire,
	.run = release,
	.story = "T0 F0",
};

static const struct operation releasing_after_a_death = {
	.before = kill_owner,
	.prepare = acquire,
	.run = release,
	.story = "T0 F0",
};

static const struct operation falling_asleep_after_a_death = {
	.before = kill_owner,
	.prepare = acquire,
	.run = wait_forever,
	.story = "T0 F0",
};

/* Its wake-up passes to the one behind it until it is its own. */
static const struct operation being_notified = {
	.prepare = acquire,
	.run = wait_forever,
	.when_asleep = notify_victim,
	.story = "T0 F0 F1 T1 T0",
};

static const struct operation timing_out = {
	.waiters = 1,
	.prepare = acquire,
	.run = wait_for_a_moment,
	.when_asleep = let_it_sleep,
	.story = "T0 F0 T0",
};

static const struct operation notifying_one = {
	.waiters = 2,
	.prepare = acquire,
	.run = notify_one,
	.story = "T0 T1",
};

/* Whom it notified has an heir. */
static const struct operation notifying_one_who_dies = {
	.waiters = 2,
	.prepare = acquire,
	.run = notify_one,
	.afterwards = kill_first_waiter,
	.story = "T0 T1",
};

static const struct operation notifying_all = {
	.waiters = 3,
	.prepare = acquire,
	.run = notify_all,
	.story = "T0 T1 T2 T3",
};

/* Who is killed while it hands a wake-up on may have it handed on twice. */
static const struct operation handing_on = {
	.waiters = 2,
	.before = start_bearer,
	.prepare = acquire_and_notify_one,
	.meanwhile = kill_bearer,
	.run = release,
	.story = "T1 T2 T1 F1",
};

static const struct operation recovering = {
	.waiters = 2,
	.before = start_bearer,
	.meanwhile = kill_bearer_and_owner,
	.run = acquire,
	.story = "T1",
};

/* What whoever comes after the victim does, to be killed as well. */
static const struct operation succeeding = {
	.run = acquire_and_release,
};

/* How many places are in a state. */
static int
places_in(enum place_state state)
{
	const struct waitqueue *queue = &shared->waiters;
	int count = 0;

	for (uint32_t i = 0; i < queue->used; i++)
		count += queue->places[i].state == state;
	return count;
}

/* A lock that is free is 0; the kernel leaves a bit in that of the killed. */
static bool
is_free(void)
{
	return shared->lock.__data.__lock == 0;
}

/* What must come of a kill, as the memory shows it while nobody moves. */
static struct outcome
foresee(void)
{
	int notified = places_in(PLACE_NOTIFIED);

	return (struct outcome){
		.told = !is_free() || shared->owner_died,
		/* Of wake-ups that were handed on twice there may be more. */
		.notified = notified < waiting ? notified : waiting,
	};
}

/* The lock is ours, whatever it does that will want it, or has had it. */
static void
overtake(struct walker *victim)
{
	long steps = LONG_MAX;

	acquire();
	assert_false(owner_died());
	walker_walk(victim, &steps);
	assert_false(owner_died());
	release();
}

/* Takes a process through it, and kills it; gives whether it was through. */
static bool
walk_and_kill(const struct operation *operation, long steps)
{
	struct walker victim;
	enum walk walk;

	walker_start(&victim, operation->prepare, operation->run);
	if (operation->meanwhile)
		operation->meanwhile();
	walk = walker_walk(&victim, &steps);
	if (walk == WALK_SLEEPS && operation->when_asleep) {
		operation->when_asleep();
		walk = walker_walk(&victim, &steps);
	}
	if (attempt->overtaken && walk == WALK_STANDS && is_free())
		overtake(&victim);
	walker_kill(&victim);
	return walk != WALK_STANDS;
}

/* The next one is killed as well, and takes no wake-up with it. */
static struct outcome
kill_successor(struct outcome before)
{
	struct outcome after;

	attempt->second_ended = walk_and_kill(&succeeding, attempt->second);
	after = foresee();
	assert_in_range(after.notified, before.notified, before.notified + 1);
	return after;
}

/* To be asked with the lock. */
static void
counts_must_be_right(void)
{
	assert_int_equal(shared->waiters.notified, places_in(PLACE_NOTIFIED));
}

/* Waits until so many were woken; gives how many of them heard of a death. */
static int
await_woken(int count)
{
	int told = 0;

	for (int i = 0; i < count; i++)
		told += post_await(&woken) == 'T';
	return told;
}

/* Those that live find the lock, and those that were notified come back. */
static struct outcome
look(struct outcome foreseen)
{
	struct outcome found = {.notified = foreseen.notified};

	for (int i = 0; i < waiting; i++)
		kill(waiters[i], SIGCONT);
	acquire();
	found.told += owner_died();
	counts_must_be_right();
	release();
	found.told += await_woken(foreseen.notified);
	return found;
}

/* So many wait still: notify(1) wakes one of them, notify_all the others. */
static void
wake(int count)
{
	acquire();
	assert_false(owner_died());
	assert_int_equal(places_in(PLACE_NOTIFIED), 0);
	if (count > 0) {
		notify_one();
		assert_int_equal(places_in(PLACE_NOTIFIED), 1);
		assert_int_equal(places_in(PLACE_WAITING), count - 1);
	}
	release();
	await_woken(count > 0);
	acquire();
	notify_all();
	release();
	for (int i = 0; i < waiting; i++)
		assert_int_equal(child_wait(waiters[i]), 0);
}

/* Stands in each place that there is. */
static void
join_everywhere(void)
{
	struct place *place;

	acquire();
	for (uint32_t i = 0; i < shared->waiters.used; i++)
		MUST(waitqueue_join(&shared->waiters, &place));
	release();
}

/* Each place can be used again, and shows whether its user is alive. */
static void
places_must_be_good(void)
{
	uint32_t used = shared->waiters.used;

	child_kill(start_to_hang(join_everywhere));
	acquire();
	assert_int_equal(places_in(PLACE_WAITING), (int)used);
	notify_all();
	release();
	assert_int_equal(places_in(PLACE_FREE), (int)used);
	assert_int_equal(shared->waiters.used, used);
}

/* Who waits now is not woken by what is past, and leaves nothing behind. */
static void
nothing_must_be_left(void)
{
	acquire();
	wait_in_vain();
	assert_false(owner_died());
	counts_must_be_right();
	release();
	assert_int_equal(places_in(PLACE_FREE), (int)shared->waiters.used);
	assert_int_equal(shared->waiters.notified, 0);
}

static void
make_condition(void)
{
	MUST(condition_new(&condition));
	shared = shared_of(condition);
	ready = post_open();
	woken = post_open();
	/* What is called for the first time takes other steps. */
	acquire();
	wait_in_vain();
	notify_all();
	release();
}

/* A process of its own tries; if it hangs, the alarm ends it. */
static void
try(void *context)
{
	const struct operation *operation = attempt->operation;
	struct outcome foreseen;

	(void)context;
	alarm((unsigned)CHILD_LIMIT / 2);
	make_condition();
	if (operation->before)
		operation->before();
	if (operation->waiters > 0)
		start_waiters(operation->waiters);
	attempt->first_ended = walk_and_kill(operation, attempt->first);
	if (operation->afterwards)
		operation->afterwards();
	foreseen = foresee();
	if (attempt->second != NEVER)
		foreseen = kill_successor(foreseen);
	attempt->outcome = look(foreseen);
	assert_int_equal(attempt->outcome.told, foreseen.told);
	wake(waiting - foreseen.notified);
	nothing_must_be_left();
	places_must_be_good();
}

static void
make_attempt(struct attempt made)
{
	int status;

	*attempt = made;
	status = child_wait(child_start(try, NULL));
	if (status != 0)
		fail_msg("killed after %ld instructions, the next one after "
			 "%ld (%ld: never): the others %s",
			made.first, made.second, NEVER,
			WTERMSIG(status) == SIGALRM ? "hang"
						    : "find it broken");
}

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
		make_attempt((struct attempt){.operation = operation,
			.first = point,
			.second = NEVER});
		tell(story, sizeof(story), attempt->outcome);
		kills++;
		if (attempt->first_ended)
			break;
	}
	print_message("%ld kills, every %ld from %ld to %ld: %s\n", kills,
		points.stride, points.next, point, story);
	if (!is_told(operation->story, story, points.stride == 1))
		fail_msg("%s was expected", operation->story);
}

/*
 * Kills one, and the one that comes after it at one point after another. A
 * death is told until that one gives the lock back.
 */
static long
kill_successors(const struct operation *operation, long first,
	const struct points *points)
{
	char story[256] = "";
	long second = 0, kills = 0;

	for (;; second = points_after(points, second)) {
		make_attempt((struct attempt){.operation = operation,
			.first = first,
			.second = second});
		attempt->outcome.notified = 0;
		tell(story, sizeof(story), attempt->outcome);
		kills++;
		if (attempt->second_ended)
			break;
	}
	if (strcmp(story, "T0 F0") != 0 && strcmp(story, "F0 T0 F0") != 0)
		fail_msg(
			"killed after %ld instructions: then %s", first, story);
	return kills;
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
	for (;; first = points_after(&firsts, first)) {
		kills += kill_successors(operation, first, &seconds);
		if (attempt->first_ended)
			break;
	}
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

	if (!walking_is_possible())
		skip();
	for (long point = 0;; point = points_after(&points, point)) {
		make_attempt((struct attempt){.operation = operation,
			.first = point,
			.second = NEVER,
			.overtaken = true});
		if (attempt->first_ended)
			break;
	}
}

static int
open_attempt(void **state)
{
	void *memory;

	(void)state;
	MUST(sys_map_shared(sizeof(*attempt), &memory));
	attempt = memory;
	return 0;
}

static int
close_attempt(void **state)
{
	(void)state;
	sys_unmap_shared(attempt, sizeof(*attempt));
	return 0;
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

	return cmocka_run_group_tests_name(
		       "kill points", tests, open_attempt, close_attempt) != 0;
}
