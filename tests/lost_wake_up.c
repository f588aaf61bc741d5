/*
 * lost_wake_up.c - a program that hangs: it notifies before anybody waits.
 *
 * It does so twice: with a condition in shared memory, as in
 * scenarios/fork_global.c, and with one in a manager. All who wait are
 * notified, which is nobody, and only then a pool is made, whose tasks wait.
 */
#include "condition.h"
#include "error.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

/* What the tasks of a pool wait on: what this was when the pool was made. */
static struct condition *condition;

static struct error *
task(const struct value *arguments, struct value **returned)
{
	long long number;

	(void)returned;
	TRY(value_integer_at(arguments, 0, &number));

	TRY(condition_acquire(condition));
	say("Task %lld waiting...", number);
	TRY(condition_wait(condition, FOREVER, NULL));
	TRY(condition_release(condition));
	say("Task %lld completed", number);
	return NULL;
}

static struct error *
notify_and_begin(
	struct options options, struct pool **pool, struct result **result)
{
	TRY(condition_acquire(condition));
	TRY(condition_notify_all(condition));
	TRY(condition_release(condition));

	TRY(pool_new(options.workers, pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++)
		value_append(items, value_integer(number));
	TRY(pool_map_async(
		*pool, task, items, DEFAULT_CHUNK_SIZE, NULL, result));
	return NULL;
}

static struct error *
run(struct options options)
{
	SCOPED(condition) shared = NULL;
	SCOPED(manager) manager = NULL;
	SCOPED(condition) hosted = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	SCOPED(pool) other_pool = NULL;
	SCOPED(result) other_result = NULL;

	TRY(condition_new(&shared));
	condition = shared;
	TRY(notify_and_begin(options, &pool, &result));

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &hosted));
	condition = hosted;
	TRY(notify_and_begin(options, &other_pool, &other_result));

	result_wait(result, FOREVER);
	say("Tasks done.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
