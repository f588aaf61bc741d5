/*
 * manager_proxy.c - a solution to the exercise in docs/manager_proxy.md: the
 * main process notifies until the tasks are done.
 *
 * A notification is not kept. So whoever may have come too early gives it once
 * more, as long as somebody may still wait for it.
 */
#include "condition.h"
#include "error.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

/* What each task does; its arguments are the condition and its number. */
static struct error *
task(const struct value *arguments, struct value **returned)
{
	struct condition *condition;
	long long number;

	(void)returned;
	TRY(value_condition_at(arguments, 0, &condition));
	TRY(value_integer_at(arguments, 1, &number));

	TRY(condition_acquire(condition));
	say("Task %lld waiting...", number);
	TRY(condition_wait(condition, FOREVER, NULL));
	TRY(condition_release(condition));

	double seconds = draw(number);
	pause_for(seconds);
	say("Task %lld completed with %s", number, real_text(seconds).digits);
	return NULL;
}

/* What the main process does. */
static struct error *
run(struct options options)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(pool_new(options.workers, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++) {
		struct value *shared = value_condition(condition);

		value_append(items, value_list(shared, value_integer(number)));
	}
	TRY(pool_starmap_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));
	pause_for(options.delay);

	say("Tasks begin.");
	do {
		TRY(condition_acquire(condition));
		TRY(condition_notify_all(condition));
		TRY(condition_release(condition));
	} while (!result_wait(result, 0.1));
	say("Tasks done.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
