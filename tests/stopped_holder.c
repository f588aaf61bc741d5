/*
 * stopped_holder.c - a program that hangs: one worker is stopped while it has
 * the lock.
 *
 * It is scenarios/fork_global.c, but that each task, once it has the lock,
 * stops its own process, as Ctrl-Z or a debugger would. So the first stops,
 * and the others wait for the lock. The lock of a process that was killed
 * passes on; one that is stopped may go on at any time, so it keeps what it
 * has.
 */
#include "condition.h"
#include "error.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

#include <signal.h>

static struct condition *condition;

static struct error *
task(const struct value *arguments, struct value **returned)
{
	long long number;

	(void)returned;
	TRY(value_integer_at(arguments, 0, &number));

	TRY(condition_acquire(condition));
	say("Task %lld waiting...", number);
	raise(SIGSTOP);
	TRY(condition_wait(condition, FOREVER, NULL));
	TRY(condition_release(condition));
	say("Task %lld completed", number);
	return NULL;
}

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
	condition_free(condition);
	return NULL;
}

int
main(int argc, char *argv[])
{
	return scenario_status(TRACED(run(scenario_options(argc, argv))));
}
