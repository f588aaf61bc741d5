/*
 * fork_global.c - the same, but the condition is a global that the workers
 * inherit.
 *
 * The workers are forked when the pool is made, and inherit what is global
 * then. So the condition in shared memory reaches the tasks without ever being
 * encoded; all that is sent to them is their numbers.
 */
#include "condition.h"
#include "error.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

static struct condition *condition;

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
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	TRY(condition_new(&condition));
	TRY(pool_new(options.workers, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++)
		value_append(items, value_integer(number));
	TRY(pool_map_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));
	pause_for(options.delay);

	TRY(condition_acquire(condition));
	say("Tasks begin.");
	TRY(condition_notify_all(condition));
	TRY(condition_release(condition));
	result_wait(result, FOREVER);
	say("Tasks done.");
	/* A global has no scope whose end would free it. */
	condition_free(condition);
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
