/*
 * silent_failure.c - a solution to the exercise in docs/silent_failure.md: the
 * result is asked whether the tasks succeeded.
 */
#include "condition.h"
#include "error.h"
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
	SCOPED(condition) condition = NULL;
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	TRY(condition_new(&condition));
	TRY(pool_new(options.workers, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++) {
		struct value *shared = value_condition(condition);

		value_append(items, value_list(shared, value_integer(number)));
	}
	TRY(pool_starmap_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));
	pause_for(options.delay);

	TRY(condition_acquire(condition));
	say("Tasks begin.");
	TRY(condition_notify_all(condition));
	TRY(condition_release(condition));
	result_wait(result, FOREVER);

	bool successful;
	TRY(result_successful(result, &successful));
	say(successful ? "Tasks done." : "Tasks failed.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
