/*
 * fork_global.c - a solution to the first exercise in docs/fork_global.md: the
 * condition is an argument of the pool's initializer.
 *
 * An initializer's arguments are there before the workers are forked. So they
 * are inherited, and the condition is never encoded.
 */
#include "condition.h"
#include "error.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

/* Each worker's own; the main process leaves it alone. */
static struct condition *condition;

/* What each worker does first; its argument is the condition. */
static struct error *
keep(const struct value *arguments)
{
	TRY(value_condition_at(arguments, 0, &condition));
	return NULL;
}

/* What each task does; its argument is its number. */
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

	double seconds = draw(number);
	pause_for(seconds);
	say("Task %lld completed with %s", number, real_text(seconds).digits);
	return NULL;
}

/* What the main process does. */
static struct error *
run(struct options options)
{
	SCOPED(condition) shared = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	TRY(condition_new(&shared));
	struct pool_options inherited = {.initializer = keep,
		.initializer_arguments = value_list(value_condition(shared))};
	TRY(pool_new_with(options.workers, &inherited, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++)
		value_append(items, value_integer(number));
	TRY(pool_map_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));
	pause_for(options.delay);

	TRY(condition_acquire(shared));
	say("Tasks begin.");
	TRY(condition_notify_all(shared));
	TRY(condition_release(shared));
	result_wait(result, FOREVER);
	say("Tasks done.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
