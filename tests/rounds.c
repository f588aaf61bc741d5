/*
 * rounds.c - the storm's main process: it submits, keeps the accounts, and
 * looks at the end of each gust whether they are right; storm.c says what
 * right is.
 */
#include "storm.h"

#include "condition.h"
#include "error.h"
#include "footprint.h"
#include "manager.h"
#include "panic.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "sys.h"
#include "value.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long to look without touching the lock, before looking for the dead. */
#define UNTOUCHED 0.3

/* One task that was submitted. */
struct ticket {
	long long number;
	enum errand errand;
	size_t size;
	struct result *result;
};

/* What became of the tasks of one errand. */
struct outcome {
	long values;
	long losses;
	/* Of the values: how many changed the halves. */
	long changes;
	/* Of the losses: how many were never begun. */
	long unbegun;
};

struct main_process {
	const struct storm *storm;
	struct pool *pool;
	long long next_number;
	int round;
	struct ticket tickets[GUST + WORKERS_LIMIT];
	size_t count;
	struct outcome gust[ERRAND_SLEEP + 1];
	struct outcome all;
	/* What the halves were when the gust began. */
	long left;
	struct footprint early;
};

static uint64_t
chance(struct main_process *self)
{
	return storm_draw(
		self->storm->seed, (uint64_t)self->next_number++, 1000);
}

/* Says what is waited for from now on, within the limit. */
__attribute__((format(printf, 2, 3))) static void
step(struct main_process *self, const char *format, ...)
{
	va_list arguments;
	int length = snprintf(stage->step, sizeof(stage->step),
		"round %d, task %lld: ", self->round, self->next_number);

	va_start(arguments, format);
	vsnprintf(stage->step + length, sizeof(stage->step) - (size_t)length,
		format, arguments);
	va_end(arguments);
	atomic_store(&stage->deadline, sys_now() + self->storm->limit);
}

static void
rage(void)
{
	atomic_store(&stage->raging, true);
}

/* When it returns, nobody is killed any more. */
static void
calm(void)
{
	atomic_store(&stage->raging, false);
	while (stage->striking)
		sys_sleep(0.00005);
}

/* Makes what a task's errand is about; NULL if it is about nothing. */
static struct value *
matter(const struct ticket *ticket)
{
	unsigned char *bytes;
	struct value *value;

	if (ticket->errand == ERRAND_LARGE_RESULT)
		return value_integer((long long)ticket->size);
	if (ticket->errand != ERRAND_LARGE_ARGUMENT)
		return NULL;
	bytes = must_have(malloc(ticket->size));
	errand_fill(ticket->number, bytes, ticket->size);
	value = value_bytes(bytes, ticket->size);
	free(bytes);
	return value;
}

static struct error *
submit(struct main_process *self, enum errand errand, size_t size)
{
	struct ticket *ticket = &self->tickets[self->count];
	struct value *arguments, *about;

	*ticket = (struct ticket){
		.number = self->next_number++, .errand = errand, .size = size};
	atomic_store(&stage->runs[self->count], 0);
	arguments = value_list(value_integer((long long)self->count),
		value_integer(ticket->number), value_integer(errand));
	about = matter(ticket);
	if (about)
		value_append(arguments, about);
	else if (self->storm->mode == MODE_MANAGER)
		value_append(arguments, value_condition(stage_condition));
	TRY(pool_apply_async(
		self->pool, errand_run, arguments, NULL, &ticket->result));
	self->count++;
	return NULL;
}

/* One of 16 tasks of the plain mode is large in each direction. */
static struct error *
submit_any(struct main_process *self)
{
	uint64_t bits = chance(self);
	size_t size = 65536 + (bits >> 8) % 196608;

	if (self->storm->mode == MODE_PLAIN)
		return submit(self,
			bits % 16 == 0   ? ERRAND_LARGE_ARGUMENT
			: bits % 16 == 1 ? ERRAND_LARGE_RESULT
					 : ERRAND_COMPUTE,
			size);
	return submit(self, ERRAND_CHANGE + (enum errand)(bits % 3), 0);
}

/* A loss is right if it names a signal 9 that the killer did send. */
static struct error *
check_loss(const struct error *error)
{
	int pid, end = 0;

	if (error->kind != WorkerLostError ||
		sscanf(error->message,
			"worker %*d (pid %d) was killed by SIGKILL (signal 9) "
			"while it ran a task%n",
			&pid, &end) != 1 ||
		end == 0 || pid <= 0 || pid >= PIDS)
		return error_copy(error);
	if (atomic_fetch_add(&stage->fates[pid].losses, 1) >=
		stage->fates[pid].kills)
		return RAISE(AssertionError,
			"more losses than kills of this pid: %s",
			error->message);
	return NULL;
}

static struct error *
check_bytes(const struct ticket *ticket, const struct value *value)
{
	unsigned char *expected = must_have(malloc(ticket->size));
	const void *bytes;
	size_t size;
	struct error *error = TRACED(value_get_bytes(value, &bytes, &size));

	errand_fill(ticket->number, expected, ticket->size);
	if (!error &&
		(size != ticket->size || memcmp(bytes, expected, size) != 0))
		error = RAISE(AssertionError, "a result came spoilt");
	free(expected);
	return error;
}

static struct error *
check_value(
	const struct ticket *ticket, const struct value *value, bool *changed)
{
	long long got, answer = 2 * errand_answer(ticket->number);

	if (ticket->errand == ERRAND_LARGE_RESULT)
		return check_bytes(ticket, value);
	TRY(value_get_integer(value, &got));
	if (got != answer && got != answer + 1)
		return RAISE(AssertionError, "a wrong value came back");
	*changed = got != answer;
	return NULL;
}

static struct error *
count_value(struct main_process *self, size_t place, const struct value *value)
{
	const struct ticket *ticket = &self->tickets[place];
	struct outcome *outcome = &self->gust[ticket->errand];
	bool changed = false;

	TRY(check_value(ticket, value, &changed));
	if (stage->runs[place] != 1)
		return RAISE(AssertionError, "a task with a value ran %d times",
			stage->runs[place]);
	outcome->values++;
	outcome->changes += changed;
	return NULL;
}

static struct error *
count_loss(struct main_process *self, size_t place, const struct error *loss)
{
	TRY(check_loss(loss));
	if (stage->runs[place] > 1)
		return RAISE(AssertionError,
			"a task that was lost ran %d times",
			stage->runs[place]);
	self->gust[self->tickets[place].errand].losses++;
	self->gust[self->tickets[place].errand].unbegun +=
		stage->runs[place] == 0;
	return NULL;
}

/* Waits for a task's end, and writes down which it was. */
static struct error *
await_end(struct main_process *self, size_t place)
{
	SCOPED(error) loss = NULL;
	const struct value *value;

	loss = result_get(self->tickets[place].result, FOREVER, &value);
	if (loss)
		TRY(count_loss(self, place, loss));
	else
		TRY(count_value(self, place, value));
	result_free(self->tickets[place].result);
	self->tickets[place].result = NULL;
	return NULL;
}

/* Waits for all tasks from a place on. */
static struct error *
await_all(struct main_process *self, size_t first)
{
	for (size_t i = first; i < self->count; i++) {
		step(self, "waits for the end of a task (%zu of %zu)", i + 1,
			self->count);
		TRY(await_end(self, i));
	}
	self->count = first;
	return NULL;
}

/* How many sleepers have no result yet. */
static size_t
sleepers_left(struct main_process *self, size_t first)
{
	size_t left = 0;

	for (size_t i = first; i < self->count; i++)
		left += !result_ready(self->tickets[i].result);
	return left;
}

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
enter(void)
{
	TRY(condition_acquire(stage_condition));
	TRY(errand_mend(stage_condition));
	return NULL;
}

static struct error *
leave(void)
{
	TRY(condition_release(stage_condition));
	return NULL;
}

static struct error *
set_tokens(long tokens)
{
	TRY(enter());
	atomic_store(&stage->tokens, tokens);
	TRY(leave());
	return NULL;
}

/* Fails unless a number lies where what is known of it says. */
static struct error *
check_account(const char *what, long number, long least, long most)
{
	if (number < least || number > most)
		return RAISE(AssertionError, "%s: %ld, not from %ld to %ld",
			what, number, least, most);
	return NULL;
}

/*
 * Whether every task that came to its end did what it said, once, and no task
 * did more: who was lost may have done it or not.
 */
static struct error *
check_accounts(struct main_process *self)
{
	const struct outcome *add = &self->gust[ERRAND_ADD];
	const struct outcome *taken = &self->gust[ERRAND_TAKE];
	long changes = 0, losses = 0;

	for (size_t i = 0; i <= ERRAND_SLEEP; i++) {
		changes += self->gust[i].changes;
		losses += self->gust[i].losses;
	}
	TRY(enter());
	TRY(check_account("changes", stage->left - self->left, changes,
		changes + losses));
	TRY(check_account("tokens", stage->tokens,
		add->changes - taken->changes - taken->losses,
		add->changes + add->losses - taken->changes));
	TRY(leave());
	return NULL;
}

/*
 * Waits until no token is left, or no sleeper. If somebody was killed who had
 * the lock, and nobody came since, nobody knows; then it is for this process
 * to come.
 */
static struct error *
settle(struct main_process *self, size_t first, bool owner_may_have_died)
{
	double next = sys_deadline(UNTOUCHED);

	step(self, "no token is taken, though somebody waits: a wake-up is "
		   "lost, or the lock");
	while (stage->tokens > 0 && sleepers_left(self, first) > 0) {
		sys_sleep(0.00005);
		if (owner_may_have_died && sys_remaining(next) <= 0) {
			TRY(enter());
			TRY(leave());
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
wake_the_rest(struct main_process *self, size_t first)
{
	step(self, "waits for the lock, to wake the rest");
	TRY(enter());
	atomic_store(&stage->tokens, (long)sleepers_left(self, first));
	TRY(condition_notify_all(stage_condition));
	TRY(leave());
	TRY(await_all(self, first));
	return NULL;
}

static struct error *
submit_sleepers(struct main_process *self, int count)
{
	size_t first = self->count;

	for (int i = 0; i < count; i++)
		TRY(submit(self, ERRAND_SLEEP, 0));
	step(self, "waits until the sleepers sleep");
	while (sleepers_left(self, first) != waiting())
		sys_sleep(0.00005);
	return NULL;
}

/*
 * Has all workers sleep until there is a token, gives some out, and keeps the
 * lock for a moment, in which those that were notified and cannot go on yet are
 * killed. Then as many of the others as there are tokens must go on.
 */
static struct error *
reveille(struct main_process *self)
{
	size_t first = self->count;
	uint64_t bits = chance(self);
	long tokens = 1 + (long)(bits >> 8) % self->storm->workers;
	bool calm_first = bits & 1;

	TRY(set_tokens(0));
	TRY(submit_sleepers(self, self->storm->workers));
	step(self, "waits for the lock, to notify %ld sleepers", tokens);
	TRY(enter());
	TRY(add_tokens(tokens, bits & 2));
	sys_sleep((double)((bits >> 16) % 4000) / 1e6);
	if (calm_first)
		calm();
	TRY(leave());
	if (!calm_first)
		sys_sleep((double)((bits >> 32) % 1000) / 1e6);
	calm();
	TRY(settle(self, first, !calm_first));
	TRY(wake_the_rest(self, first));
	TRY(set_tokens(0));
	rage();
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
notify_and_kill(struct main_process *self, struct slot *slot)
{
	step(self, "waits for the lock, to notify a sleeper that is killed");
	TRY(enter());
	gale_stop(slot);
	TRY(add_tokens(1, true));
	TRY(leave());
	gale_kill_stopped(slot);
	return NULL;
}

/*
 * Has all workers sleep, and kills the one that is notified at a moment when
 * nobody has the lock, and nobody comes to ask for it: the sleepers must find
 * out for themselves.
 */
static struct error *
ambush(struct main_process *self)
{
	size_t first = self->count;
	struct slot *slot;

	TRY(set_tokens(0));
	TRY(submit_sleepers(self, self->storm->workers));
	calm();
	slot = longest_waiting();
	if (slot)
		TRY(notify_and_kill(self, slot));
	TRY(settle(self, first, false));
	TRY(wake_the_rest(self, first));
	TRY(set_tokens(0));
	rage();
	return NULL;
}

static void
begin_gust(struct main_process *self)
{
	memset(self->gust, 0, sizeof(self->gust));
	self->left = stage->left;
}

static void
end_gust(struct main_process *self)
{
	for (size_t i = 0; i <= ERRAND_SLEEP; i++) {
		self->all.values += self->gust[i].values;
		self->all.losses += self->gust[i].losses;
		self->all.unbegun += self->gust[i].unbegun;
	}
}

static struct error *
run_gust(struct main_process *self, int tasks)
{
	begin_gust(self);
	for (int i = 0; i < tasks; i++)
		TRY(submit_any(self));
	TRY(await_all(self, 0));
	if (self->storm->mode != MODE_PLAIN) {
		step(self, "waits for the lock, to look at the accounts");
		TRY(check_accounts(self));
		if (chance(self) % 8 == 0)
			TRY(ambush(self));
		else
			TRY(reveille(self));
	}
	end_gust(self);
	return NULL;
}

/* With nobody killed: a fresh waiter gets a fresh token, and not before. */
static struct error *
check_fresh_waiter(struct main_process *self)
{
	TRY(submit_sleepers(self, 1));
	step(self, "waits for the lock, which should be free");
	TRY(enter());
	if (sleepers_left(self, 0) != 1)
		return RAISE(AssertionError, "a sleeper woke without a token");
	TRY(add_tokens(1, true));
	TRY(leave());
	TRY(await_all(self, 0));
	TRY(check_account("tokens that are left", stage->tokens, 0, 0));
	return NULL;
}

/* Has every worker there and idle, so that all rounds are looked at alike. */
static struct error *
check_calm_pool(struct main_process *self)
{
	begin_gust(self);
	for (int i = 0; i < self->storm->workers; i++)
		TRY(submit(self, ERRAND_COMPUTE, 0));
	TRY(await_all(self, 0));
	if (self->storm->mode != MODE_PLAIN)
		TRY(check_fresh_waiter(self));
	for (size_t i = 0; i <= ERRAND_SLEEP; i++)
		if (self->gust[i].losses > 0)
			return RAISE(AssertionError, "lost, but not killed");
	end_gust(self);
	return NULL;
}

static long
kills(void)
{
	long sum = 0;

	for (size_t i = 0; i < DOING_COUNT; i++)
		sum += stage->kills[i];
	return sum;
}

/* Says how it went since some moment, when that was all there was. */
static void
tell(struct main_process *self, const char *what, const struct outcome *before,
	long kills_before, double since)
{
	long values = self->all.values - before->values;
	long losses = self->all.losses - before->losses;

	say("%s: %s: %ld tasks, %ld values, %ld losses, %ld kills, %.0f "
	    "tasks/s",
		mode_name(self->storm->mode), what, values + losses, values,
		losses, kills() - kills_before,
		(double)(values + losses) / (sys_now() - since));
}

static struct error *
run_round(struct main_process *self)
{
	struct outcome before = self->all;
	long kills_before = kills();
	double began = sys_now();
	struct footprint late;
	char what[32];

	rage();
	for (int left = self->storm->tasks; left > 0; left -= GUST)
		TRY(run_gust(self, left < GUST ? left : GUST));
	calm();
	TRY(check_calm_pool(self));
	snprintf(what, sizeof(what), "round %d", ++self->round);
	tell(self, what, &before, kills_before, began);
	TRY(footprint_take(&late));
	if (self->round == 1)
		footprint_begin(&self->early, &late);
	TRY(footprint_compare(&self->early, &late, self->storm->workers));
	return NULL;
}

static void
tell_all(struct main_process *self, double began)
{
	const char *mode = mode_name(self->storm->mode);
	struct footprint late;

	for (size_t i = 0; i < DOING_COUNT; i++)
		say("%s: %ld killed %s", mode, stage->kills[i],
			doing_name((enum doing)i));
	say("%s: %ld of those lost had not begun", mode, self->all.unbegun);
	if (self->storm->mode != MODE_PLAIN)
		say("%s: the halves were put right %ld times", mode,
			stage->mended);
	if (!footprint_take(&late))
		footprint_tell(mode, &self->early, &late);
	tell(self, "ended well", &(struct outcome){0}, 0, began);
}

static struct error *
run_rounds(struct main_process *self)
{
	double began = sys_now();

	TRY(check_calm_pool(self));
	TRY(footprint_take(&self->early));
	do
		TRY(run_round(self));
	while (sys_now() - began < self->storm->seconds);
	tell_all(self, began);
	return NULL;
}

static struct error *
make_condition(enum mode mode, struct manager **manager)
{
	if (mode == MODE_CONDITION)
		TRY(condition_new(&stage_condition));
	if (mode == MODE_MANAGER) {
		TRY(manager_new(manager));
		TRY(manager_condition(*manager, &stage_condition));
	}
	return NULL;
}

struct error *
rounds_run(const struct storm *storm)
{
	/* Freed in the reverse order: the pool is the first to end. */
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;
	SCOPED(pool) pool = NULL;
	static struct main_process self;
	struct error *error;

	self.storm = storm;
	step(&self, "starts");
	TRY(make_condition(storm->mode, &manager));
	condition = stage_condition;
	TRY(pool_new_with(storm->workers,
		&(struct pool_options){.initializer = errand_announce}, &pool));
	self.pool = pool;
	error = TRACED(run_rounds(&self));
	calm();
	for (size_t i = 0; i < self.count; i++)
		result_free(self.tickets[i].result);
	step(&self, "ends the pool");
	return error;
}
