/*
 * storm.c - tasks by the ten thousand, while their workers are killed.
 *
 * A pool's workers run tasks, and every 1 to 4 ms one of them is killed with
 * SIGKILL, whatever it is doing, in one of three modes: the tasks only compute,
 * some with large arguments and results; or they share a condition in shared
 * memory; or they share one in a manager, through proxies that are sent to
 * them. What must hold, in each mode:
 *
 * - Every task ends once: with its right value, having run once; or with a
 *   WorkerLostError, having run once or never, which names signal 9 and a pid
 *   that was killed, and no pid is named more often than it was killed.
 * - What lives through the storm (main process, zygote, manager) does not grow;
 *   see footprint.c.
 * - Nothing hangs: each step has a limit. At the end no process is left.
 *
 * With a condition, a task changes two halves that are equal while nobody has
 * the lock, some tasks add a token and notify one waiter, some wait for a token
 * and take it. Then this must hold too:
 *
 * - The halves are equal for whoever gets the lock, unless
 * condition_owner_died() says that they may not be.
 * - The halves, and the tokens, have changed as often as the tasks say that
 *   ended with a value, and by one at most for each task that was lost.
 * - While nobody has died who had the lock: if a token is there, and a living
 *   thread waits, then somebody has been notified who has not gone on yet, or
 *   died and has a living heir. So when no more are killed, either all tokens
 *   are taken or nobody waits, without any further call by anybody. (Who waits
 *   found no token. Each that came since came with a notification, which went
 *   to one that waited then. Who goes on takes a token, so no more are left
 *   than wake-ups are under way; and a wake-up whose bearer dies goes to one
 *   that waited when it was given, which each that waits now did.)
 * - Who dies while it has the lock may leave tokens without a wake-up: added
 *   and not announced, or announced to it. So the next owner that hears of the
 *   death notifies as many as there are tokens.
 *
 * The last but one would be hard to see while tasks come and go: the next
 * notification makes good for one that was lost. So after each gust of tasks
 * all workers are made to wait, and some are notified and, while the lock is
 * kept from them, killed. Then there is calm for a moment, and the survivors
 * must take all tokens. In half of these cases the calm begins before the lock
 * is given back; then no owner can have died, and the main process only looks
 * on. In the others it begins later, and the main process looks whether an
 * owner died.
 *
 * Sometimes one is notified that was stopped before, and is killed when the
 * lock is free: nobody but the other waiters can find that out.
 *
 * All chances (whom to kill and when, which task does what) are drawn from the
 * seed, which is printed and can be given again. The scheduling is the
 * system's: with the same seed other things happen in detail.
 */
#include "storm.h"

#include "error.h"
#include "option.h"
#include "scenario.h"
#include "sys.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TASKS_LIMIT 1000000000
#define SECONDS_LIMIT 1000000

struct options_of_storm {
	struct storm storm;
	/* Whether only that mode is run. */
	bool one_mode;
};

const char *
mode_name(enum mode mode)
{
	static const char *const names[] = {"plain", "condition", "manager"};

	return names[mode];
}

static const struct argp_option known_options[] = {
	{.name = "mode",
		.key = 'm',
		.arg = "MODE",
		.doc = "plain, condition or manager (all, one after another)"},
	{.name = "tasks",
		.key = 't',
		.arg = "N",
		.doc = "Submit N tasks a round (20000)"},
	{.name = "workers",
		.key = 'w',
		.arg = "N",
		.doc = "Have N workers in the pool (4)"},
	{.name = "seconds",
		.key = 'c',
		.arg = "N",
		.doc = "Begin rounds for N seconds, divided among the modes, "
		       "but run at least one of each (0)"},
	{.name = "seed",
		.key = 's',
		.arg = "N",
		.doc = "Draw the chances that belong to N (new ones each run)"},
	{.name = "limit",
		.key = 'l',
		.arg = "N",
		.doc = "Take a step for a hang after N seconds (60)"},
	{0},
};

static void
choose_mode(struct options_of_storm *options, const char *text)
{
	options->one_mode = true;
	for (int mode = 0; mode < MODE_COUNT; mode++)
		if (strcmp(text, mode_name((enum mode)mode)) == 0) {
			options->storm.mode = (enum mode)mode;
			return;
		}
	options->one_mode = false;
	if (strcmp(text, "all") != 0)
		option_refuse("mode", text, "plain, condition, manager or all");
}

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
	struct options_of_storm *options = state->input;
	struct storm *storm = &options->storm;

	switch (key) {
	case ARGP_KEY_INIT:
		/* One line says what is wrong; no second one to try --help. */
		state->err_stream = NULL;
		return 0;
	case 'm':
		choose_mode(options, text);
		return 0;
	case 't':
		storm->tasks =
			(int)option_whole_number("tasks", text, 1, TASKS_LIMIT);
		return 0;
	case 'w':
		storm->workers = (int)option_whole_number(
			"workers", text, 1, WORKERS_LIMIT);
		return 0;
	case 'c':
		storm->seconds = (double)option_whole_number(
			"seconds", text, 0, SECONDS_LIMIT);
		return 0;
	case 's':
		storm->seed = option_seed(text);
		return 0;
	case 'l':
		storm->limit = (double)option_whole_number(
			"limit", text, 1, SECONDS_LIMIT);
		return 0;
	case ARGP_KEY_ARG:
		option_refuse_word(text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct options_of_storm
read_options(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = known_options,
		.parser = parse_option,
		.doc = "Runs tasks while their workers are killed, and looks "
		       "whether anything is lost.",
	};
	struct options_of_storm options = {
		.storm = {.tasks = 20000, .workers = 4, .limit = 60}};

	sys_random(&options.storm.seed, sizeof(options.storm.seed));
	if (argp_parse(&parser, argc, argv, 0, NULL, &options) != 0)
		exit(2);
	return options;
}

/* The parent is the killer: see gale.c. */
static int
run_mode(const struct storm *storm)
{
	pid_t killer = getpid();
	pid_t pid = fork();

	if (pid < 0) {
		perror("storm: fork");
		return 1;
	}
	if (pid > 0)
		return gale_blow(storm, pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != killer)
		_exit(1);
	exit(scenario_status(TRACED(rounds_run(storm))));
}

static int
set_stage_and_run(const struct storm *storm)
{
	void *memory;
	struct error *error = TRACED(sys_map_shared(sizeof(*stage), &memory));
	int status;

	if (error)
		return scenario_status(error);
	stage = memory;
	stage->deadline = sys_now() + storm->limit;
	say("%s: seed %llu, %d workers, %d tasks a round",
		mode_name(storm->mode), (unsigned long long)storm->seed,
		storm->workers, storm->tasks);
	status = run_mode(storm);
	sys_unmap_shared(stage, sizeof(*stage));
	return status;
}

int
main(int argc, char *argv[])
{
	struct options_of_storm options = read_options(argc, argv);
	struct storm storm = options.storm;
	int status;

	/* Who loses its parent becomes a child of this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (options.one_mode)
		return set_stage_and_run(&storm);
	storm.seconds /= MODE_COUNT;
	for (int mode = 0; mode < MODE_COUNT; mode++) {
		storm.mode = (enum mode)mode;
		status = set_stage_and_run(&storm);
		if (status != 0)
			return status;
	}
	return 0;
}
