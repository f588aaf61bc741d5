/*
 * accounts.c - what the storm's main process submits, and whether what comes of
 * it is right; storm.c says what right is.
 */
#include "accounts.h"

#include "condition.h"
#include "error.h"
#include "panic.h"
#include "pool.h"
#include "result.h"
#include "sys.h"
#include "value.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
accounts_chance(struct accounts *self)
{
	return storm_draw(
		self->storm->seed, (uint64_t)self->next_number++, 1000);
}

/* Says what is waited for from now on, within the limit. */
void
accounts_step(struct accounts *self, const char *format, ...)
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

struct error *
accounts_submit(struct accounts *self, enum errand errand, size_t size)
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
count_value(struct accounts *self, size_t place, const struct value *value)
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
count_loss(struct accounts *self, size_t place, const struct error *loss)
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
await_end(struct accounts *self, size_t place)
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
struct error *
accounts_await(struct accounts *self, size_t first)
{
	for (size_t i = first; i < self->count; i++) {
		accounts_step(self, "waits for the end of a task (%zu of %zu)",
			i + 1, self->count);
		TRY(await_end(self, i));
	}
	self->count = first;
	return NULL;
}

/* How many sleepers have no result yet. */
size_t
accounts_left(struct accounts *self, size_t first)
{
	size_t left = 0;

	for (size_t i = first; i < self->count; i++)
		left += !result_ready(self->tickets[i].result);
	return left;
}

struct error *
accounts_enter(void)
{
	TRY(condition_acquire(stage_condition));
	TRY(errand_mend(stage_condition));
	return NULL;
}

struct error *
accounts_leave(void)
{
	TRY(condition_release(stage_condition));
	return NULL;
}

/* Fails unless a number lies where what is known of it says. */
struct error *
accounts_compare(const char *what, long number, long least, long most)
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
struct error *
accounts_check(struct accounts *self)
{
	const struct outcome *add = &self->gust[ERRAND_ADD];
	const struct outcome *taken = &self->gust[ERRAND_TAKE];
	long changes = 0, losses = 0;

	for (size_t i = 0; i <= ERRAND_SLEEP; i++) {
		changes += self->gust[i].changes;
		losses += self->gust[i].losses;
	}
	TRY(accounts_enter());
	TRY(accounts_compare("changes", stage->left - self->left, changes,
		changes + losses));
	TRY(accounts_compare("tokens", stage->tokens,
		add->changes - taken->changes - taken->losses,
		add->changes + add->losses - taken->changes));
	TRY(accounts_leave());
	return NULL;
}

void
accounts_begin(struct accounts *self)
{
	memset(self->gust, 0, sizeof(self->gust));
	self->left = stage->left;
}

void
accounts_end(struct accounts *self)
{
	for (size_t i = 0; i <= ERRAND_SLEEP; i++) {
		self->all.values += self->gust[i].values;
		self->all.losses += self->gust[i].losses;
		self->all.unbegun += self->gust[i].unbegun;
	}
}
