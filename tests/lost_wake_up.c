/*
 * lost_wake_up.c - a program that hangs: it notifies before anybody waits.
 *
 * It does so with a condition in shared memory, as in scenarios/fork_global.c,
 * and with one in a manager. All who wait are notified, which is nobody. Only
 * then a pool is made, whose tasks wait on the one in the manager; and the main
 * process waits on the other.
 */
#include "condition.h"
#include "error.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

/* What the tasks wait on. */
static struct condition *hosted;

static struct error *
wait_on(struct condition *condition)
{
	TRY(condition_acquire(condition));
	TRY(condition_wait(condition, FOREVER, NULL));
	TRY(condition_release(condition));
	return NULL;
}

static struct error *
notify(struct condition *condition)
{
	TRY(condition_acquire(condition));
	TRY(condition_notify_all(condition));
	TRY(condition_release(condition));
	return NULL;
}

static struct error *
task(const struct value *arguments, struct value **returned)
{
	long long number;

	(void)returned;
	TRY(value_integer_at(arguments, 0, &number));

	say("Task %lld waiting...", number);
	TRY(wait_on(hosted));
	say("Task %lld completed", number);
	return NULL;
}

static struct error *
run(struct options options)
{
	SCOPED(condition) shared = NULL;
	SCOPED(manager) manager = NULL;
	SCOPED(condition) proxy = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	TRY(condition_new(&shared));
	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &proxy));
	hosted = proxy;
	TRY(notify(shared));
	TRY(notify(hosted));

	TRY(pool_new(options.workers, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++)
		value_append(items, value_integer(number));
	TRY(pool_map_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));

	TRY(wait_on(shared));
	say("Tasks done.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
