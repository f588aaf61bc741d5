/*
 * error_callback.c - a solution to the exercise in docs/error_callback.md: the
 * callback counts its calls.
 *
 * The callback runs in another thread than the one that reads the count. It has
 * run before the result is ready, so result_wait() puts the two in order.
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

/* Called with the submission's error; counts. */
static struct error *
report(const struct error *error, void *context)
{
	int *calls = context;

	say("%s", error->message);
	++*calls;
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
	int calls = 0;
	struct callbacks callbacks = {
		.error_callback = report, .context = &calls};
	TRY(pool_starmap_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, &callbacks, &result));
	pause_for(options.delay);

	TRY(condition_acquire(condition));
	say("Tasks begin.");
	TRY(condition_notify_all(condition));
	TRY(condition_release(condition));
	result_wait(result, FOREVER);
	say("Calls: %d.", calls);
	say("Tasks done.");
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
