/*
 * test_faults_parent.c - a main process that is killed with SIGKILL: in each
 * scenario at each of its stages; and in a program whose other processes are at
 * work, wait, or are stopped at that moment. Nothing is left of it.
 *
 * The test becomes the parent of who loses its own, and so sees everybody end.
 * Runs in the root of the repository; BUILD in the environment is the folder of
 * the built programs, "build" if unset.
 */
#include "condition.h"
#include "faults.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "tasks.h"
#include "value.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Checks that no socket has a name that begins so. */
static void
no_socket_must_be_left(const char *directory)
{
	FILE *sockets = fopen("/proc/net/unix", "r");
	char line[256];

	assert_non_null(sockets);
	while (fgets(line, sizeof(line), sockets))
		if (strstr(line, directory))
			fail_msg("a socket is left: %s", line);
	fclose(sockets);
}

/* A pipe of one page that takes only so many bytes. */
struct narrow_pipe {
	int ends[2];
	size_t room;
};

#define PAGE 4096

static struct narrow_pipe
open_narrow_pipe(size_t room)
{
	static const char page[PAGE];
	struct narrow_pipe made = {.room = room};
	ssize_t filled = (ssize_t)(PAGE - room);

	assert_int_equal(pipe2(made.ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(made.ends[1], F_SETPIPE_SZ, PAGE), PAGE);
	assert_int_equal(write(made.ends[1], page, (size_t)filled), filled);
	return made;
}

/*
 * Closes it, and checks that nobody else has it, and what was written, where an
 * N stands for each digit.
 */
static void
close_narrow_pipe(struct narrow_pipe *narrow, const char *expected)
{
	char page[PAGE + 1] = "", *written = page + PAGE - narrow->room;

	close(narrow->ends[1]);
	assert_int_equal(read(narrow->ends[0], page, PAGE), PAGE);
	for (char *digit = written; *digit; digit++)
		if (isdigit((unsigned char)*digit))
			*digit = 'N';
	assert_string_equal(written, expected);
	assert_int_equal(read(narrow->ends[0], page, PAGE), 0);
	close(narrow->ends[0]);
}

/*
 * A scenario, and what it has written when it is killed: its standard output
 * takes no more than that, so whoever wants to write more waits, and the main
 * process has not ended by itself.
 */
struct stage {
	const char *scenario;
	const char *delay;
	const char *written;
	/* How many processes lose their parent: the workers have the zygote. */
	int orphans;
};

/* The one that is tested. */
static const struct stage *stage;

#define REFUSAL                                                      \
	"Condition objects should only be shared between processes " \
	"through inheritance\n"
#define WAITS "Task N waiting...\n"
#define BEGIN "Tasks begin.\n"

static const struct stage silent_when_it_began = {
	"silent_failure", "0", BEGIN, 1};
static const struct stage callback_when_it_was_called = {
	"error_callback", "3600", REFUSAL, 1};
static const struct stage callback_when_it_began = {
	"error_callback", "1", REFUSAL BEGIN, 1};
static const struct stage reraise_when_it_began = {
	"get_reraise", "0", BEGIN, 1};
/* One task has the lock. The next one has it, and is held up, or is to. */
static const struct stage manager_when_one_waits = {
	"manager_proxy", "3600", WAITS, 2};
static const struct stage global_when_one_waits = {
	"fork_global", "3600", WAITS, 1};
static const struct stage manager_when_all_wait = {
	"manager_proxy", "3600", WAITS WAITS WAITS WAITS, 2};
static const struct stage global_when_all_wait = {
	"fork_global", "3600", WAITS WAITS WAITS WAITS, 1};
static const struct stage manager_when_all_are_notified = {
	"manager_proxy", "1", WAITS WAITS WAITS WAITS BEGIN, 2};
static const struct stage global_when_all_are_notified = {
	"fork_global", "1", WAITS WAITS WAITS WAITS BEGIN, 1};

struct run {
	struct narrow_pipe out, err;
};

static void
run_scenario(void *context)
{
	const struct run *run = context;
	char program[128];

	snprintf(program, sizeof(program), "%s/scenarios/%s", build_folder(),
		stage->scenario);
	dup2(run->out.ends[1], STDOUT_FILENO);
	dup2(run->err.ends[1], STDERR_FILENO);
	execl(program, program, "--delay", stage->delay, (char *)NULL);
	_exit(127);
}

static void
kill_at_stage(void)
{
	char directory[] = "/tmp/test-parent-XXXXXX";
	struct run run = {
		open_narrow_pipe(strlen(stage->written)), open_narrow_pipe(0)};
	pid_t program;
	int orphans;

	assert_non_null(mkdtemp(directory));
	setenv("TMPDIR", directory, 1);
	program = child_start(run_scenario, &run);
	await_full_pipe(run.out.ends[0]);
	child_kill(program);
	orphans = must_all_end_well();
	/* Nothing holds this one up: it may have ended its pool by then. */
	if (stage != &reraise_when_it_began || orphans != 0)
		assert_int_equal(orphans, stage->orphans);
	close_narrow_pipe(&run.out, stage->written);
	close_narrow_pipe(&run.err, "");
	no_socket_must_be_left(directory);
	assert_int_equal(rmdir(directory), 0);
}

static void
killed_scenario_leaves_nothing(void **state)
{
	void (*run)(void) = kill_at_stage;

	stage = *state;
	child_must_succeed(run_alone, &run);
}

/* A program with a pool and a manager, and how it tells that it is at work. */
struct program {
	struct wire ready;
	pid_t main, zygote, server;
	pid_t workers[3];
};

static struct condition *condition;

/* Reports and waits, at the manager. */
static struct error *
wait_for_ever(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	TRY(condition_acquire(condition));
	wire_send(&reports, getpid());
	TRY(condition_wait(condition, FOREVER, NULL));
	return NULL;
}

/* Reports, and keeps the lock. */
static struct error *
own_for_ever(const struct value *arguments, struct value **result)
{
	TRY(condition_acquire(condition));
	TRY(hold(arguments, result));
	return NULL;
}

/* One worker waits, one has the lock, and one is idle. */
static void
be_at_work(void *ready)
{
	struct manager *manager;
	struct pool *pool;
	struct result *result;
	const struct value *pid;

	MUST(manager_new(&manager));
	MUST(manager_condition(manager, &condition));
	MUST(pool_new(3, &pool));
	MUST(pool_apply_async(
		pool, wait_for_ever, value_empty_list(), NULL, &result));
	wire_send(ready, wire_receive(&reports));
	MUST(pool_apply_async(
		pool, own_for_ever, value_empty_list(), NULL, &result));
	wire_send(ready, wire_receive(&reports));
	MUST(pool_apply_async(
		pool, give_pid, value_empty_list(), NULL, &result));
	MUST(result_get(result, CHILD_LIMIT, &pid));
	wire_send(ready, integer_of(pid));
	for (;;)
		pause();
}

/* Starts a program, and returns when it is at work. */
static struct program
start_program(void)
{
	struct program program;
	pid_t children[2];

	open_wires();
	wire_open(&program.ready);
	program.main = child_start(be_at_work, &program.ready);
	for (int i = 0; i < 3; i++)
		program.workers[i] = (pid_t)wire_receive(&program.ready);
	program.zygote = process_parent(program.workers[0]);
	assert_int_equal(process_children(program.main, children, 2), 2);
	program.server = children[children[0] == program.zygote];
	return program;
}

/* Kills its main process, and checks that the others end by themselves. */
static void
kill_program(struct program *program)
{
	child_kill(program->main);
	assert_int_equal(must_all_end_well(), 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(process_state(program->workers[i]), 0);
	/* Nobody is left who could write. */
	wire_must_end(&program->ready, 0);
	close_wires();
}

IN_CHILD(killed_program_leaves_nothing)
{
	struct program program = start_program();

	kill_program(&program);
}

IN_CHILD(killed_program_leaves_no_stopped_worker)
{
	struct program program = start_program();

	for (int i = 0; i < 3; i++)
		assert_true(process_stop(program.workers[i]));
	kill_program(&program);
}

/* Nobody lets them go on but the kernel, at the end of their parent. */
IN_CHILD(killed_program_leaves_no_stopped_zygote)
{
	struct program program = start_program();

	assert_true(process_stop(program.zygote));
	kill_program(&program);
}

IN_CHILD(killed_program_leaves_no_stopped_manager)
{
	struct program program = start_program();

	assert_true(process_stop(program.server));
	kill_program(&program);
}

IN_CHILD(killed_program_leaves_nothing_though_all_of_it_was_stopped)
{
	struct program program = start_program();

	assert_true(process_stop(program.zygote));
	assert_true(process_stop(program.server));
	for (int i = 0; i < 3; i++)
		assert_true(process_stop(program.workers[i]));
	assert_true(process_stop(program.main));
	kill_program(&program);
}

/* A scenario that is killed at a stage, as a test. */
#define KILLED(stage)                                                      \
	{                                                                  \
#stage "_is_killed", killed_scenario_leaves_nothing, NULL, \
			NULL, (void *)&stage                               \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KILLED(silent_when_it_began),
		KILLED(callback_when_it_was_called),
		KILLED(callback_when_it_began),
		KILLED(reraise_when_it_began),
		KILLED(manager_when_one_waits),
		KILLED(global_when_one_waits),
		KILLED(manager_when_all_wait),
		KILLED(global_when_all_wait),
		KILLED(manager_when_all_are_notified),
		KILLED(global_when_all_are_notified),
		cmocka_unit_test(killed_program_leaves_nothing),
		cmocka_unit_test(killed_program_leaves_no_stopped_worker),
		cmocka_unit_test(killed_program_leaves_no_stopped_zygote),
		cmocka_unit_test(killed_program_leaves_no_stopped_manager),
		cmocka_unit_test(
			killed_program_leaves_nothing_though_all_of_it_was_stopped),
	};

	return cmocka_run_group_tests_name("faults_parent", tests,
		       adopt_orphans, kill_orphans) != 0;
}
