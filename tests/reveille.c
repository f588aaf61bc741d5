/*
 * reveille.c - all workers sleep and some are woken, to see that none of them
 * misses it; storm.c says why.
 */
#include "reveille.h"

#include "accounts.h"
#include "condition.h"
#include "error.h"
#include "sys.h"

#include <stdatomic.h>

/* How long to look without touching the lock, before looking for the dead. */
#define UNTOUCHED 0.3

/* How many workers say that they wait. */
static size_t
waiting(void)
{
	size_t count = 0;

	for (size_t i = 0; i < 2 * WORKERS_LIMIT; i++)
		count += stage->slots[i].pid &&
			 stage->slots[i].doing == DOING_WAITING;
	return count;
}

static struct error *
set_tokens(long tokens)
{
	TRY(accounts_enter());
	atomic_store(&stage->tokens, tokens);
	TRY(accounts_leave());
	return NULL;
}

/*
 * Waits until no token is left, or no sleeper. If somebody was killed who had
 * the lock, and nobody came since, nobody knows; then it is for this process
 * to come.
 */
static struct error *
settle(struct accounts *self, size_t first, bool owner_may_have_died)
{
	double next = sys_deadline(UNTOUCHED);

	accounts_step(self,
		"no token is taken, though somebody waits: a wake-up is "
		"lost, or the lock");
	while (stage->tokens > 0 && accounts_left(self, first) > 0) {
		sys_sleep(0.00005);
		if (owner_may_have_died && sys_remaining(next) <= 0) {
			TRY(accounts_enter());
			TRY(accounts_leave());
			next = sys_deadline(UNTOUCHED);
		}
	}
	return NULL;
}

/* Adds tokens, and notifies as many in one of two ways. */
static struct error *
add_tokens(long tokens, bool one_by_one)
{
	atomic_fetch_add(&stage->tokens, tokens);
	if (!one_by_one)
		return condition_notify(stage_condition, tokens);
	for (long i = 0; i < tokens; i++)
		TRY(condition_notify(stage_condition, 1));
	return NULL;
}

/* Gives all that still sleep a token each. */
static struct error *
wake_the_rest(struct accounts *self, size_t first)
{
	accounts_step(self, "waits for the lock, to wake the rest");
	TRY(accounts_enter());
	atomic_store(&stage->tokens, (long)accounts_left(self, first));
	TRY(condition_notify_all(stage_condition));
	TRY(accounts_leave());
	TRY(accounts_await(self, first));
	return NULL;
}

static struct error *
submit_sleepers(struct accounts *self, int count)
{
	size_t first = self->count;

	for (int i = 0; i < count; i++)
		TRY(accounts_submit(self, ERRAND_SLEEP, 0));
	accounts_step(self, "waits until the sleepers sleep");
	while (accounts_left(self, first) != waiting())
		sys_sleep(0.00005);
	return NULL;
}

/*
 * Has all workers sleep until there is a token, gives some out, and keeps the
 * lock for a moment, in which those that were notified and cannot go on yet are
 * killed. Then as many of the others as there are tokens must go on.
 */
struct error *
reveille_sound(struct accounts *self)
{
	size_t first = self->count;
	uint64_t bits = accounts_chance(self);
	long tokens = 1 + (long)(bits >> 8) % self->storm->workers;
	bool calm_first = bits & 1;

	TRY(set_tokens(0));
	TRY(submit_sleepers(self, self->storm->workers));
	accounts_step(
		self, "waits for the lock, to notify %ld sleepers", tokens);
	TRY(accounts_enter());
	TRY(add_tokens(tokens, bits & 2));
	sys_sleep((double)((bits >> 16) % 4000) / 1e6);
	if (calm_first)
		gale_calm();
	TRY(accounts_leave());
	if (!calm_first)
		sys_sleep((double)((bits >> 32) % 1000) / 1e6);
	gale_calm();
	TRY(settle(self, first, !calm_first));
	TRY(wake_the_rest(self, first));
	TRY(set_tokens(0));
	gale_rage();
	return NULL;
}

/* Of the workers that say that they wait, the one that has longest. */
static struct slot *
longest_waiting(void)
{
	struct slot *longest = NULL;

	for (size_t i = 0; i < 2 * WORKERS_LIMIT; i++) {
		struct slot *slot = &stage->slots[i];

		if (slot->pid && slot->doing == DOING_WAITING &&
			(!longest || slot->since < longest->since))
			longest = slot;
	}
	return longest;
}

/* Notifies a sleeper that cannot go on, and kills it when the lock is free. */
static struct error *
notify_and_kill(struct accounts *self, struct slot *slot)
{
	accounts_step(
		self, "waits for the lock, to notify a sleeper that is killed");
	TRY(accounts_enter());
	gale_stop(slot);
	TRY(add_tokens(1, true));
	TRY(accounts_leave());
	gale_kill_stopped(slot);
	return NULL;
}

/*
 * Has all workers sleep, and kills the one that is notified at a moment when
 * nobody has the lock, and nobody comes to ask for it: the sleepers must find
 * out for themselves.
 */
struct error *
reveille_ambush(struct accounts *self)
{
	size_t first = self->count;
	struct slot *slot;

	TRY(set_tokens(0));
	TRY(submit_sleepers(self, self->storm->workers));
	gale_calm();
	slot = longest_waiting();
	if (slot)
		TRY(notify_and_kill(self, slot));
	TRY(settle(self, first, false));
	TRY(wake_the_rest(self, first));
	TRY(set_tokens(0));
	gale_rage();
	return NULL;
}

/* With nobody killed: a fresh waiter gets a fresh token, and not before. */
struct error *
reveille_check_fresh(struct accounts *self)
{
	TRY(submit_sleepers(self, 1));
	accounts_step(self, "waits for the lock, which should be free");
	TRY(accounts_enter());
	if (accounts_left(self, 0) != 1)
		return RAISE(AssertionError, "a sleeper woke without a token");
	TRY(add_tokens(1, true));
	TRY(accounts_leave());
	TRY(accounts_await(self, 0));
	TRY(accounts_compare("tokens that are left", stage->tokens, 0, 0));
	return NULL;
}
