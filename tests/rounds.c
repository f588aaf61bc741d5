/*
 * rounds.c - the storm's main process, round by round.
 */
#include "accounts.h"
#include "condition.h"
#include "error.h"
#include "footprint.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "reveille.h"
#include "scenario.h"
#include "storm.h"
#include "sys.h"
#include "value.h"

#include <stdio.h>

/* One of 16 tasks of the plain mode is large in each direction. */
static struct error *
submit_any(struct accounts *self)
{
	uint64_t bits = accounts_chance(self);
	size_t size = 65536 + (bits >> 8) % 196608;

	if (self->storm->mode == MODE_PLAIN)
		return accounts_submit(self,
			bits % 16 == 0   ? ERRAND_LARGE_ARGUMENT
			: bits % 16 == 1 ? ERRAND_LARGE_RESULT
					 : ERRAND_COMPUTE,
			size);
	return accounts_submit(
		self, ERRAND_CHANGE + (enum errand)(bits % 3), 0);
}

static struct error *
run_gust(struct accounts *self, int tasks)
{
	accounts_begin(self);
	for (int i = 0; i < tasks; i++)
		TRY(submit_any(self));
	TRY(accounts_await(self, 0));
	if (self->storm->mode != MODE_PLAIN) {
		accounts_step(
			self, "waits for the lock, to look at the accounts");
		TRY(accounts_check(self));
		if (accounts_chance(self) % 8 == 0)
			TRY(reveille_ambush(self));
		else
			TRY(reveille_sound(self));
	}
	accounts_end(self);
	return NULL;
}

/* Has every worker there and idle, so that all rounds are looked at alike. */
static struct error *
check_calm_pool(struct accounts *self)
{
	accounts_begin(self);
	for (int i = 0; i < self->storm->workers; i++)
		TRY(accounts_submit(self, ERRAND_COMPUTE, 0));
	TRY(accounts_await(self, 0));
	if (self->storm->mode != MODE_PLAIN)
		TRY(reveille_check_fresh(self));
	for (size_t i = 0; i <= ERRAND_SLEEP; i++)
		if (self->gust[i].losses > 0)
			return RAISE(AssertionError, "lost, but not killed");
	accounts_end(self);
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

/* A round in which nobody is killed would end well whatever is broken. */
static void
await_a_kill(struct accounts *self, long kills_before)
{
	accounts_step(self, "waits until a worker is killed");
	while (kills() == kills_before)
		sys_sleep(0.00005);
}

/* Says how it went since some moment, when that was all there was. */
static void
tell(struct accounts *self, const char *what, const struct outcome *before,
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
run_round(struct accounts *self)
{
	struct outcome before = self->all;
	long kills_before = kills();
	double began = sys_now();
	struct footprint late;
	char what[32];

	gale_rage();
	for (int left = self->storm->tasks; left > 0; left -= GUST)
		TRY(run_gust(self, left < GUST ? left : GUST));
	await_a_kill(self, kills_before);
	gale_calm();
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
tell_all(struct accounts *self, double began)
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
run_rounds(struct accounts *self)
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
	static struct accounts self;
	struct error *error;

	self.storm = storm;
	accounts_step(&self, "starts");
	TRY(make_condition(storm->mode, &manager));
	condition = stage_condition;
	TRY(pool_new_with(storm->workers,
		&(struct pool_options){.initializer = errand_announce}, &pool));
	self.pool = pool;
	error = TRACED(run_rounds(&self));
	gale_calm();
	for (size_t i = 0; i < self.count; i++)
		result_free(self.tickets[i].result);
	accounts_step(&self, "ends the pool");
	return error;
}
