/*
 * wait_for.c - a solution to the second exercise in docs/fork_global.md: nobody
 * hopes, everybody looks.
 *
 * What they look at is in memory that the workers inherit, and is changed only
 * by whoever has the lock. To miss a notification does no harm: who comes late
 * finds the state as it is by then.
 */
#include "condition.h"
#include "error.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "value.h"

#include <sys/mman.h>

static struct condition *condition;

/* Shared by all processes; guarded by the condition's lock. */
struct state {
	int waiting;
	bool begun;
};

static struct state *state;

static bool
have_begun(void *context)
{
	(void)context;
	return state->begun;
}

static bool
are_waiting(void *tasks)
{
	return state->waiting == *(int *)tasks;
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
	state->waiting++;
	TRY(condition_notify_all(condition));
	TRY(condition_wait_for(condition, have_begun, NULL, FOREVER, NULL));
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

	state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state == MAP_FAILED)
		return RAISE_ERRNO("no memory to share");
	TRY(condition_new(&condition));
	TRY(pool_new(options.workers, &pool));

	struct value *items = value_empty_list();
	for (int number = 0; number < options.tasks; number++)
		value_append(items, value_integer(number));
	TRY(pool_map_async(
		pool, task, items, DEFAULT_CHUNK_SIZE, NULL, &result));

	TRY(condition_acquire(condition));
	TRY(condition_wait_for(
		condition, are_waiting, &options.tasks, FOREVER, NULL));
	say("Tasks begin.");
	state->begun = true;
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
