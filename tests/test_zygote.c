/*
 * test_zygote.c - a zygote and workers of the tests' own, which obey what comes
 * on their first descriptor and answer on the second.
 */
#include "zygote.h"

#include "sys.h"
#include "tasks.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Reads from a worker, and what it is told. */
static struct wire answers, orders;

static const int context = 7;

static void
open_all(void)
{
	wire_open(&answers);
	wire_open(&orders);
}

static void
close_all(void)
{
	wire_close(&answers);
	wire_close(&orders);
}

static struct zygote *
make_zygote(zygote_main *run, size_t seats)
{
	struct zygote *zygote;

	MUST(zygote_new(run, &context, seats, &zygote));
	return zygote;
}

static void
spawn(struct zygote *zygote, size_t seat)
{
	MUST(zygote_spawn(zygote, seat, orders.in, answers.out));
}

static struct zygote_report
await_report(struct zygote *zygote)
{
	struct pollfd entry = {
		.fd = zygote_descriptor(zygote), .events = POLLIN};
	struct zygote_report report;
	bool got;

	assert_int_equal(poll(&entry, 1, (int)(CHILD_LIMIT * 1000)), 1);
	MUST(zygote_next_report(zygote, &got, &report));
	assert_true(got);
	assert_int_equal(report.failure, 0);
	return report;
}

/* Tells its pid, and waits for an order: exit status, or minus a signal. */
static void
obey(const void *unused, size_t seat, int in, int out)
{
	long long order;

	(void)unused;
	(void)seat;
	wire_send(&(struct wire){-1, out}, getpid());
	order = wire_receive(&(struct wire){in, -1});
	if (order < 0)
		raise((int)-order);
	_exit((int)order);
}

static void
tell_all(const void *told, size_t seat, int in, int out)
{
	const struct wire wire = {in, out};

	wire_send(&wire, *(const int *)told);
	wire_send(&wire, (long long)seat);
	wire_send(&wire, getppid());
	wire_send(&wire, wire_receive(&wire));
}

IN_CHILD(worker_runs_with_its_seat_and_its_descriptors)
{
	struct zygote *zygote;
	long long parent;

	open_all();
	zygote = make_zygote(tell_all, 3);
	spawn(zygote, 2);
	assert_int_equal(wire_receive(&answers), context);
	assert_int_equal(wire_receive(&answers), 2);
	parent = wire_receive(&answers);
	assert_int_not_equal(parent, getpid());
	wire_send(&orders, 99);
	assert_int_equal(wire_receive(&answers), 99);
	/* All workers have the same parent, which is a child of this process.
	 */
	spawn(zygote, 0);
	wire_receive(&answers);
	assert_int_equal(wire_receive(&answers), 0);
	assert_int_equal(wire_receive(&answers), parent);
	assert_int_equal(waitpid((pid_t)parent, NULL, WNOHANG), 0);
	zygote_free(zygote);
	close_all();
}

IN_CHILD(exit_status_and_signal_are_reported)
{
	struct zygote *zygote;
	struct zygote_report report;
	long long pid;

	open_all();
	zygote = make_zygote(obey, 2);
	spawn(zygote, 1);
	pid = wire_receive(&answers);
	wire_send(&orders, 42);
	report = await_report(zygote);
	assert_int_equal(report.seat, 1);
	assert_int_equal(report.pid, pid);
	assert_true(WIFEXITED(report.status));
	assert_int_equal(WEXITSTATUS(report.status), 42);
	spawn(zygote, 0);
	pid = wire_receive(&answers);
	wire_send(&orders, -SIGTERM);
	report = await_report(zygote);
	assert_int_equal(report.seat, 0);
	assert_int_equal(report.pid, pid);
	assert_true(WIFSIGNALED(report.status));
	assert_int_equal(WTERMSIG(report.status), SIGTERM);
	zygote_free(zygote);
	close_all();
}

IN_CHILD(function_that_returns_ends_the_worker_with_status_0)
{
	struct zygote *zygote;

	open_all();
	zygote = make_zygote(tell_all, 1);
	spawn(zygote, 0);
	wire_send(&orders, 0);
	assert_int_equal(await_report(zygote).status, 0);
	zygote_free(zygote);
	close_all();
}

IN_CHILD(no_report_is_taken_without_waiting)
{
	struct zygote *zygote;
	struct zygote_report report;
	bool got = true;

	open_all();
	zygote = make_zygote(obey, 1);
	MUST(zygote_next_report(zygote, &got, &report));
	assert_false(got);
	spawn(zygote, 0);
	wire_receive(&answers);
	MUST(zygote_next_report(zygote, &got, &report));
	assert_false(got);
	zygote_free(zygote);
	close_all();
}

IN_CHILD(seat_may_be_filled_again)
{
	struct zygote *zygote;
	long long last = 0;

	open_all();
	zygote = make_zygote(obey, 1);
	for (int i = 0; i < 10; i++) {
		long long pid;

		spawn(zygote, 0);
		pid = wire_receive(&answers);
		assert_int_not_equal(pid, last);
		last = pid;
		wire_send(&orders, i);
		assert_int_equal(await_report(zygote).status, i << 8);
	}
	zygote_free(zygote);
	close_all();
}

static void
count_own_descriptors(const void *unused, size_t seat, int in, int out)
{
	(void)unused;
	(void)seat;
	(void)in;
	wire_send(&(struct wire){-1, out}, (long long)descriptor_count());
}

IN_CHILD(zygote_keeps_nothing_of_what_it_gave_to_a_worker)
{
	struct zygote *zygote;
	long long count = 0;

	open_all();
	zygote = make_zygote(count_own_descriptors, 1);
	for (int i = 0; i < 5; i++) {
		spawn(zygote, 0);
		if (i == 0)
			count = wire_receive(&answers);
		else
			assert_int_equal(wire_receive(&answers), count);
		await_report(zygote);
	}
	zygote_free(zygote);
	close_all();
}

IN_CHILD(kill_ends_the_worker_in_a_seat)
{
	struct zygote *zygote;
	struct zygote_report report;
	long long pid;

	open_all();
	zygote = make_zygote(obey, 2);
	spawn(zygote, 0);
	wire_receive(&answers);
	spawn(zygote, 1);
	pid = wire_receive(&answers);
	MUST(zygote_kill(zygote, 1));
	report = await_report(zygote);
	assert_int_equal(report.pid, pid);
	assert_int_equal(report.status, SIGKILL);
	/* Of an empty seat, nothing becomes. */
	MUST(zygote_kill(zygote, 1));
	wire_send(&orders, 5);
	report = await_report(zygote);
	assert_int_equal(report.seat, 0);
	assert_int_equal(report.status, 5 << 8);
	zygote_free(zygote);
	close_all();
}

static void
end_at_once(const void *unused, size_t seat, int in, int out)
{
	(void)unused;
	(void)in;
	wire_send(&(struct wire){-1, out}, 0);
	_exit((int)(seat & 0x7f));
}

IN_CHILD(many_reports_wait_until_they_are_taken)
{
	enum { SEATS = 500 };
	static int seen[SEATS];
	struct zygote *zygote;
	struct zygote_report report;

	open_all();
	zygote = make_zygote(end_at_once, SEATS);
	/* More reports than a socket holds, of which none is taken so far. */
	for (size_t i = 0; i < SEATS; i++)
		spawn(zygote, i);
	for (size_t i = 0; i < SEATS; i++)
		wire_receive(&answers);
	for (int i = 0; i < SEATS; i++) {
		report = await_report(zygote);
		assert_in_range(report.seat, 0, SEATS - 1);
		assert_int_equal(report.status, (int)(report.seat & 0x7f) << 8);
		assert_int_equal(seen[report.seat]++, 0);
	}
	zygote_free(zygote);
	close_all();
}

/* Ignores what can be ignored. */
static void
resist(const void *unused, size_t seat, int in, int out)
{
	(void)in;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_IGN);
	wire_send(&(struct wire){-1, out}, getpid());
	if (seat == 1)
		raise(SIGSTOP);
	for (;;)
		pause();
	(void)unused;
}

IN_CHILD(free_kills_all_workers_and_waits_for_their_end)
{
	struct zygote *zygote;

	open_all();
	zygote = make_zygote(resist, 4);
	for (size_t i = 0; i < 4; i++) {
		spawn(zygote, i);
		wire_receive(&answers);
	}
	zygote_free(zygote);
	/* Whoever lived would hold the other end. */
	no_child_must_be_left();
	wire_must_end(&answers, 0);
	wire_close(&orders);
}

IN_CHILD(free_ends_a_stopped_zygote)
{
	struct zygote *zygote;
	long long parent;

	open_all();
	zygote = make_zygote(tell_all, 1);
	spawn(zygote, 0);
	wire_receive(&answers);
	wire_receive(&answers);
	parent = wire_receive(&answers);
	assert_int_equal(kill((pid_t)parent, SIGSTOP), 0);
	zygote_free(zygote);
	no_child_must_be_left();
	close_all();
	zygote_free(NULL);
}

IN_CHILD(descriptors_stay_the_callers)
{
	struct zygote *zygote;
	size_t before;

	open_all();
	zygote = make_zygote(obey, 1);
	before = descriptor_count();
	spawn(zygote, 0);
	wire_receive(&answers);
	assert_int_equal(descriptor_count(), before);
	wire_send(&orders, 0);
	await_report(zygote);
	zygote_free(zygote);
	close_all();
}

/* Starts a worker for each seat and gives the zygote's pid. */
static pid_t
spawn_all(struct zygote *zygote, size_t seats)
{
	pid_t parent = 0;

	for (size_t i = 0; i < seats; i++) {
		spawn(zygote, i);
		wire_receive(&answers);
		wire_receive(&answers);
		parent = (pid_t)wire_receive(&answers);
	}
	return parent;
}

IN_CHILD(killed_zygote_is_gone_and_its_workers_die)
{
	struct zygote *zygote;
	struct pollfd entry = {.events = POLLIN};
	struct zygote_report report;
	bool got;

	open_all();
	zygote = make_zygote(tell_all, 3);
	assert_int_equal(kill(spawn_all(zygote, 3), SIGKILL), 0);
	entry.fd = zygote_descriptor(zygote);
	assert_int_equal(poll(&entry, 1, (int)(CHILD_LIMIT * 1000)), 1);
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote is gone",
		zygote_next_report(zygote, &got, &report));
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
		zygote_spawn(zygote, 0, orders.in, answers.out));
	MUST_RAISE_WITH(
		ConnectionError, "the pool's zygote", zygote_kill(zygote, 0));
	wire_must_end(&answers, CHILD_LIMIT);
	zygote_free(zygote);
	await_all_children();
	wire_close(&orders);
}

/* Has workers, says so, and ends only by a signal. */
static void
have_workers(void *ready)
{
	spawn_all(make_zygote(tell_all, 3), 3);
	wire_send(ready, 0);
	for (;;)
		pause();
}

static void
check_end_of_creator(int sign)
{
	struct wire ready;
	pid_t child;

	open_all();
	wire_open(&ready);
	child = child_start(have_workers, &ready);
	wire_receive(&ready);
	assert_int_equal(kill(child, sign), 0);
	assert_int_equal(WTERMSIG(child_wait(child)), sign);
	wire_must_end(&answers, CHILD_LIMIT);
	/* The zygote came to this process, and ends by itself. */
	await_all_children();
	wire_close(&orders);
	wire_close(&ready);
}

IN_CHILD(zygote_and_workers_end_with_a_killed_creator)
{
	check_end_of_creator(SIGKILL);
}

IN_CHILD(zygote_and_workers_end_with_a_terminated_creator)
{
	check_end_of_creator(SIGTERM);
}

static void
send_signal_state(const void *unused, size_t seat, int in, int out)
{
	const struct wire wire = {in, out};
	struct sigaction action;
	sigset_t mask;

	(void)unused;
	(void)seat;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	wire_send(&wire, sigismember(&mask, SIGUSR1));
	wire_send(&wire, sigismember(&mask, SIGUSR2));
	wire_send(&wire, sigismember(&mask, SIGCHLD));
	sigaction(SIGCHLD, NULL, &action);
	wire_send(&wire, action.sa_handler == SIG_DFL);
	raise(SIGINT);
	wire_send(&wire, 0);
}

IN_CHILD(worker_has_the_signal_mask_of_its_creator)
{
	struct zygote *zygote;
	sigset_t blocked;

	open_all();
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGCHLD, SIG_IGN);
	zygote = make_zygote(send_signal_state, 1);
	signal(SIGCHLD, SIG_DFL);
	spawn(zygote, 0);
	assert_int_equal(wire_receive(&answers), 1);
	assert_int_equal(wire_receive(&answers), 0);
	assert_int_equal(wire_receive(&answers), 0);
	assert_int_equal(wire_receive(&answers), 1);
	assert_int_equal(wire_receive(&answers), 0);
	assert_int_equal(await_report(zygote).status, 0);
	zygote_free(zygote);
	close_all();
}

/* Tells whether a descriptor that was private to the creator is open. */
static int private_descriptor;

static void
look_for_private(const void *unused, size_t seat, int in, int out)
{
	(void)unused;
	(void)seat;
	(void)in;
	wire_send(&(struct wire){-1, out},
		fcntl(private_descriptor, F_GETFD) >= 0);
}

IN_CHILD(worker_has_no_private_descriptor_of_its_creator)
{
	struct zygote *zygote;

	open_all();
	/* Of a number that nobody else gets. */
	private_descriptor = sys_private(fcntl(0, F_DUPFD_CLOEXEC, 200));
	zygote = make_zygote(look_for_private, 1);
	spawn(zygote, 0);
	assert_int_equal(wire_receive(&answers), 0);
	zygote_free(zygote);
	sys_close(private_descriptor);
	close_all();
}

IN_CHILD(failed_fork_is_reported)
{
	static const struct rlimit none = {0, 0};
	struct zygote *zygote;
	struct zygote_report report;
	struct pollfd entry = {.events = POLLIN};
	pid_t pid;
	bool got;

	open_all();
	/* The limit on processes does not bind root. */
	if (geteuid() == 0)
		assert_int_equal(setresuid(65534, 65534, 65534), 0);
	zygote = make_zygote(tell_all, 2);
	pid = spawn_all(zygote, 1);
	assert_int_equal(prlimit(pid, RLIMIT_NPROC, &none, NULL), 0);
	spawn(zygote, 1);
	entry.fd = zygote_descriptor(zygote);
	assert_int_equal(poll(&entry, 1, (int)(CHILD_LIMIT * 1000)), 1);
	MUST(zygote_next_report(zygote, &got, &report));
	assert_true(got);
	assert_int_equal(report.seat, 1);
	assert_int_equal(report.failure, EAGAIN);
	zygote_free(zygote);
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_runs_with_its_seat_and_its_descriptors),
		cmocka_unit_test(exit_status_and_signal_are_reported),
		cmocka_unit_test(
			function_that_returns_ends_the_worker_with_status_0),
		cmocka_unit_test(no_report_is_taken_without_waiting),
		cmocka_unit_test(seat_may_be_filled_again),
		cmocka_unit_test(
			zygote_keeps_nothing_of_what_it_gave_to_a_worker),
		cmocka_unit_test(kill_ends_the_worker_in_a_seat),
		cmocka_unit_test(many_reports_wait_until_they_are_taken),
		cmocka_unit_test(
			free_kills_all_workers_and_waits_for_their_end),
		cmocka_unit_test(free_ends_a_stopped_zygote),
		cmocka_unit_test(descriptors_stay_the_callers),
		cmocka_unit_test(killed_zygote_is_gone_and_its_workers_die),
		cmocka_unit_test(zygote_and_workers_end_with_a_killed_creator),
		cmocka_unit_test(
			zygote_and_workers_end_with_a_terminated_creator),
		cmocka_unit_test(worker_has_the_signal_mask_of_its_creator),
		cmocka_unit_test(
			worker_has_no_private_descriptor_of_its_creator),
		cmocka_unit_test(failed_fork_is_reported),
	};

	return cmocka_run_group_tests_name("zygote", tests, NULL, NULL) != 0;
}
