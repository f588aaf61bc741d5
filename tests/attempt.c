/* attempt.c - see attempt.h. */

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

#include "attempt.h"
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

/* Shared with the process that tries. */
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

const struct operation acquiring = {
	.waiters = 1,
	.run = acquire,
	.story = "F0 T0",
};

const struct operation releasing = {
	.waiters = 1,
	.prepare = acquire,
	.run = release,
	.story = "T0 F0",
};

const struct operation releasing_after_a_death = {
	.before = kill_owner,
	.prepare = acquire,
	.run = release,
	.story = "T0 F0",
};

const struct operation falling_asleep_after_a_death = {
	.before = kill_owner,
	.prepare = acquire,
	.run = wait_forever,
	.story = "T0 F0",
};

/* Its wake-up passes to the one behind it until it is its own. */
const struct operation being_notified = {
	.prepare = acquire,
	.run = wait_forever,
	.when_asleep = notify_victim,
	.story = "T0 F0 F1 T1 T0",
};

const struct operation timing_out = {
	.waiters = 1,
	.prepare = acquire,
	.run = wait_for_a_moment,
	.when_asleep = let_it_sleep,
	.story = "T0 F0 T0",
};

const struct operation notifying_one = {
	.waiters = 2,
	.prepare = acquire,
	.run = notify_one,
	.story = "T0 T1",
};

/* Whom it notified has an heir. */
const struct operation notifying_one_who_dies = {
	.waiters = 2,
	.prepare = acquire,
	.run = notify_one,
	.afterwards = kill_first_waiter,
	.story = "T0 T1",
};

const struct operation notifying_all = {
	.waiters = 3,
	.prepare = acquire,
	.run = notify_all,
	.story = "T0 T1 T2 T3",
};

/* Who is killed while it hands a wake-up on may have it handed on twice. */
const struct operation handing_on = {
	.waiters = 2,
	.before = start_bearer,
	.prepare = acquire_and_notify_one,
	.meanwhile = kill_bearer,
	.run = release,
	.story = "T1 T2 T1 F1",
};

const struct operation recovering = {
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

struct attempt
attempt_make(struct attempt made)
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
	return *attempt;
}

int
attempt_set_up(void **state)
{
	void *memory;

	(void)state;
	MUST(sys_map_shared(sizeof(*attempt), &memory));
	attempt = memory;
	return 0;
}

int
attempt_tear_down(void **state)
{
	(void)state;
	sys_unmap_shared(attempt, sizeof(*attempt));
	return 0;
}
