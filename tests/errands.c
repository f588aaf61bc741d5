/* errands.c - what the storm's workers do; storm.c says why. */
#include "storm.h"

#include "condition.h"
#include "error.h"
#include "panic.h"
#include "value.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a taker waits for a token, in seconds, unless it sleeps. */
#define PATIENCE 0.002

struct stage *stage;
struct condition *stage_condition;

/* Who is no worker says what it does to nobody. */
static struct slot nobody;
static struct slot *mine = &nobody;

static void
now(enum doing doing)
{
	atomic_store(&mine->doing, doing);
}

struct error *
errand_announce(const struct value *arguments)
{
	(void)arguments;
	atomic_store(&stage->zygote, getppid());
	for (size_t i = 0; i < 2 * WORKERS_LIMIT; i++) {
		pid_t none = 0;

		if (atomic_compare_exchange_strong(
			    &stage->slots[i].pid, &none, getpid())) {
			mine = &stage->slots[i];
			return NULL;
		}
	}
	return RAISE(RuntimeError, "the dead fill all slots");
}

long long
errand_answer(long long number)
{
	return (long long)(storm_draw(1, (uint64_t)number, 2) >> 4);
}

void
errand_fill(long long number, unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] =
			(unsigned char)((size_t)number * 31 + i * 7 + i / 256);
}

/* Long enough that some are killed in the midst of it. */
static void
dwell(void)
{
	for (volatile int i = 0; i < 10000; i++)
		;
}

struct error *
errand_mend(struct condition *condition)
{
	bool died;

	TRY(condition_owner_died(condition, &died));
	if (died) {
		atomic_store(&stage->right, stage->left);
		atomic_fetch_add(&stage->mended, 1);
		TRY(condition_notify(condition, stage->tokens));
	} else if (stage->left != stage->right) {
		return RAISE(AssertionError,
			"the halves are %ld and %ld, but no owner died",
			stage->left, stage->right);
	}
	return NULL;
}

static struct error *
enter(struct condition *condition)
{
	now(DOING_ACQUIRING);
	TRY(condition_acquire(condition));
	now(DOING_HOLDING);
	TRY(errand_mend(condition));
	return NULL;
}

static struct error *
leave(struct condition *condition)
{
	now(DOING_RELEASING);
	TRY(condition_release(condition));
	now(DOING_COMPUTING);
	return NULL;
}

static void
change_halves(void)
{
	atomic_fetch_add(&stage->left, 1);
	dwell();
	atomic_fetch_add(&stage->right, 1);
}

static struct error *
change(struct condition *condition)
{
	TRY(enter(condition));
	change_halves();
	TRY(leave(condition));
	return NULL;
}

static struct error *
add(struct condition *condition)
{
	TRY(enter(condition));
	change_halves();
	atomic_fetch_add(&stage->tokens, 1);
	dwell();
	TRY(condition_notify(condition, 1));
	TRY(leave(condition));
	return NULL;
}

struct taker {
	struct condition *condition;
	struct error *error;
};

/*
 * An owner may have died during each wait, and who waits again gives back the
 * lock and with it the notice of that death. So each time is the time to mend.
 */
static bool
may_go_on(void *context)
{
	struct taker *taker = context;

	now(DOING_HOLDING);
	taker->error = TRACED(errand_mend(taker->condition));
	if (taker->error || stage->tokens > 0)
		return true;
	/* Said with the lock held: who then gets the lock can notify. */
	atomic_store(&mine->since, atomic_fetch_add(&stage->last_wait, 1));
	now(DOING_WAITING);
	return false;
}

static struct error *
take(struct condition *condition, double timeout, bool *took)
{
	struct taker taker = {.condition = condition};

	TRY(enter(condition));
	TRY(condition_wait_for(condition, may_go_on, &taker, timeout, took));
	TRY(taker.error);
	now(DOING_HOLDING);
	if (*took) {
		change_halves();
		atomic_fetch_sub(&stage->tokens, 1);
	}
	TRY(leave(condition));
	return NULL;
}

static struct error *
check_bytes(const struct value *arguments, long long number)
{
	const struct value *item;
	const void *bytes;
	unsigned char *expected;
	size_t size;
	bool same;

	TRY(value_at(arguments, 3, &item));
	TRY(value_get_bytes(item, &bytes, &size));
	expected = must_have(malloc(size));
	errand_fill(number, expected, size);
	same = memcmp(bytes, expected, size) == 0;
	free(expected);
	return same ? NULL : RAISE(AssertionError, "an argument came spoilt");
}

static struct error *
give_bytes(
	const struct value *arguments, long long number, struct value **result)
{
	long long size;
	unsigned char *bytes;

	TRY(value_integer_at(arguments, 3, &size));
	bytes = must_have(malloc((size_t)size));
	errand_fill(number, bytes, (size_t)size);
	*result = value_bytes(bytes, (size_t)size);
	free(bytes);
	return NULL;
}

/* Does what has to do with the condition; *changed tells of the halves. */
static struct error *
use_condition(const struct value *arguments, enum errand errand, bool *changed)
{
	struct condition *condition = stage_condition;

	if (value_count(arguments) > 3)
		TRY(value_condition_at(arguments, 3, &condition));
	*changed = true;
	switch (errand) {
	case ERRAND_CHANGE:
		return change(condition);
	case ERRAND_ADD:
		return add(condition);
	case ERRAND_TAKE:
		return take(condition, PATIENCE, changed);
	case ERRAND_SLEEP:
		return take(condition, FOREVER, changed);
	default:
		*changed = false;
		return NULL;
	}
}

static struct error *
run(const struct value *arguments, long long number, enum errand errand,
	struct value **result)
{
	bool changed = false;

	if (errand == ERRAND_LARGE_RESULT)
		return give_bytes(arguments, number, result);
	if (errand == ERRAND_LARGE_ARGUMENT)
		TRY(check_bytes(arguments, number));
	else if (errand == ERRAND_COMPUTE)
		dwell();
	else
		TRY(use_condition(arguments, errand, &changed));
	*result = value_integer(2 * errand_answer(number) + changed);
	return NULL;
}

struct error *
errand_run(const struct value *arguments, struct value **result)
{
	long long place, number, errand;

	now(DOING_COMPUTING);
	TRY(value_integer_at(arguments, 0, &place));
	TRY(value_integer_at(arguments, 1, &number));
	TRY(value_integer_at(arguments, 2, &errand));
	atomic_fetch_add(&stage->runs[place], 1);
	TRY(run(arguments, number, (enum errand)errand, result));
	now(DOING_BETWEEN);
	return NULL;
}
