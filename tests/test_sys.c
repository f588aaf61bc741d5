/* test_sys.c - the system's calls, without their pitfalls. */
#include "sys.h"

#include "child.h"
#include "must.h"
#include "post.h"
#include "steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
is_open(int descriptor)
{
	return fcntl(descriptor, F_GETFD) >= 0;
}

static bool
closes_on_exec(int descriptor)
{
	return fcntl(descriptor, F_GETFD) == FD_CLOEXEC;
}

static void
now_goes_forward(void **state)
{
	double before = sys_now();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		double now = sys_now();

		assert_true(now >= before);
		before = now;
	}
}

static void
deadline_lies_ahead_by_the_timeout(void **state)
{
	double before = sys_now();
	double deadline = sys_deadline(1000);

	(void)state;
	assert_true(deadline >= before + 1000);
	assert_true(deadline <= sys_now() + 1000);
	assert_true(sys_remaining(deadline) <= 1000);
	assert_true(sys_remaining(deadline) > 1000 - CHILD_LIMIT);
}

static void
no_time_at_all_is_now(void **state)
{
	static const double timeouts[] = {0, -0.0, -1, -INFINITY, NAN};

	(void)state;
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		double before = sys_now();
		double deadline = sys_deadline(timeouts[i]);

		assert_true(deadline >= before && deadline <= sys_now());
		assert_true(sys_remaining(deadline) == 0);
		assert_int_equal(sys_remaining_milliseconds(deadline), 0);
	}
}

static void
forever_stays_forever(void **state)
{
	double deadline = sys_deadline(FOREVER);

	(void)state;
	assert_true(isinf(deadline) && deadline > 0);
	assert_true(isinf(sys_remaining(deadline)));
	assert_int_equal(sys_remaining_milliseconds(deadline), -1);
}

static void
remaining_milliseconds_fit_an_int(void **state)
{
	(void)state;
	assert_int_equal(
		sys_remaining_milliseconds(sys_deadline(1e300)), INT_MAX);
	assert_in_range(sys_remaining_milliseconds(sys_deadline(1000)),
		(1000 - (int)CHILD_LIMIT) * 1000, 1000 * 1000);
}

/* Else a loop around poll() would spin through the last millisecond. */
static void
remaining_milliseconds_are_rounded_up(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		double deadline = sys_deadline(0.0005);

		if (sys_remaining_milliseconds(deadline) == 0)
			assert_true(sys_now() >= deadline);
	}
}

static volatile sig_atomic_t signal_count;

static void
count_signal(int number)
{
	(void)number;
	signal_count++;
}

static void
sleep_in_a_hail_of_signals(void *context)
{
	const struct itimerval hail = {{0, 2000}, {0, 2000}};
	double start = sys_now();

	(void)context;
	signal(SIGALRM, count_signal);
	setitimer(ITIMER_REAL, &hail, NULL);
	sys_sleep(0.05);
	assert_true(sys_now() - start >= 0.05);
	assert_true(signal_count > 0);
}

static void
sleep_lasts_signals_or_not(void **state)
{
	(void)state;
	child_must_succeed(sleep_in_a_hail_of_signals, NULL);
}

static void
sleep_without_time(void *context)
{
	(void)context;
	sys_sleep(0);
	sys_sleep(-1);
	sys_sleep(-INFINITY);
	sys_sleep(NAN);
}

static void
sleep_of_nothing_returns(void **state)
{
	(void)state;
	child_must_succeed(sleep_without_time, NULL);
}

static void
random_bytes_differ_and_keep_their_bounds(void **state)
{
	unsigned char one[66] = {0}, other[66] = {0};

	(void)state;
	sys_random(one + 1, 64);
	sys_random(other + 1, 64);
	assert_memory_not_equal(one, other, sizeof(one));
	assert_int_equal(one[0] + one[65], 0);
	sys_random(NULL, 0);
}

struct ids {
	pid_t process;
	uint64_t thread;
};

static void
must_have_other_ids(void *context)
{
	const struct ids *parent = context;

	assert_int_equal(sys_process(), getpid());
	assert_int_not_equal(sys_process(), parent->process);
	assert_true(sys_thread() != 0);
	assert_true(sys_thread() != parent->thread);
	assert_true(sys_thread() == sys_thread());
}

static void
ids_are_new_after_a_fork(void **state)
{
	struct ids ids = {sys_process(), sys_thread()};

	(void)state;
	assert_int_equal(ids.process, getpid());
	assert_true(ids.thread != 0);
	child_must_succeed(must_have_other_ids, &ids);
	assert_true(sys_thread() == ids.thread);
}

static void *
note_thread(void *noted)
{
	*(uint64_t *)noted = sys_thread();
	return NULL;
}

static void
no_two_threads_ever_have_the_same_number(void **state)
{
	uint64_t noted[3] = {sys_thread()};
	pthread_t thread;

	(void)state;
	/* The second is likely to get the kernel's id of the first again. */
	for (int i = 1; i < 3; i++) {
		assert_int_equal(
			pthread_create(&thread, NULL, note_thread, &noted[i]),
			0);
		pthread_join(thread, NULL);
		assert_true(noted[i] != 0);
	}
	assert_true(noted[0] != noted[1] && noted[0] != noted[2]);
	assert_true(noted[1] != noted[2]);
}

static void
fork_and_reap(void *context)
{
	pid_t pid;

	(void)context;
	MUST(sys_fork(-1, &pid));
	if (pid == 0)
		_exit(getpid() == sys_process() ? 0 : 1);
	sys_reap(pid);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	/* Somebody has reaped it already: that is fine. */
	sys_reap(pid);
}

static void
fork_makes_a_child_that_reap_awaits(void **state)
{
	(void)state;
	child_must_succeed(fork_and_reap, NULL);
}

/* Which of some descriptors a child is to find open. */
struct look {
	const int *descriptors;
	const bool *open;
	int count;
};

static void
look_at_descriptors(void *context)
{
	const struct look *look = context;

	for (int i = 0; i < look->count; i++)
		assert_int_equal(is_open(look->descriptors[i]), look->open[i]);
}

static void
child_must_find(const int *descriptors, const bool *open, int count)
{
	child_must_succeed(
		look_at_descriptors, &(struct look){descriptors, open, count});
}

/* The same of a child that keeps one private descriptor. */
static void
keeping_child_must_find(
	int kept, const int *descriptors, const bool *open, int count)
{
	struct look look = {descriptors, open, count};
	int status;
	pid_t pid;

	MUST(sys_fork(kept, &pid));
	if (pid == 0) {
		/* An assert would go on in the test runner. */
		for (int i = 0; i < look.count; i++)
			if (is_open(look.descriptors[i]) != look.open[i])
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
pipe_is_private(void **state)
{
	int ends[2];
	char byte = 'x';

	(void)state;
	MUST(sys_pipe(ends));
	assert_true(closes_on_exec(ends[0]) && closes_on_exec(ends[1]));
	assert_int_equal(write(ends[1], &byte, 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	child_must_find(ends, (bool[]){false, false}, 2);
	assert_true(is_open(ends[0]) && is_open(ends[1]));
	sys_close(ends[0]);
	sys_close(ends[1]);
	assert_false(is_open(ends[0]) || is_open(ends[1]));
}

static void
socket_pair_is_private_but_for_the_end_that_is_kept(void **state)
{
	int ends[2];
	char bytes[8];

	(void)state;
	MUST(sys_socket_pair(ends));
	assert_true(closes_on_exec(ends[0]) && closes_on_exec(ends[1]));
	child_must_find(ends, (bool[]){false, false}, 2);
	keeping_child_must_find(ends[1], ends, (bool[]){false, true}, 2);
	assert_int_equal(write(ends[0], "one", 3), 3);
	assert_int_equal(write(ends[0], "2", 1), 1);
	assert_int_equal(read(ends[1], bytes, sizeof(bytes)), 3);
	assert_int_equal(read(ends[1], bytes, sizeof(bytes)), 1);
	sys_close(ends[1]);
	assert_int_equal(read(ends[0], bytes, sizeof(bytes)), 0);
	sys_close(ends[0]);
	assert_false(is_open(ends[0]) || is_open(ends[1]));
}

static void
only_private_descriptors_are_closed_in_a_child(void **state)
{
	int found[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		found[i] = dup(STDERR_FILENO);
	assert_int_equal(sys_private(found[1]), found[1]);
	child_must_find(found, (bool[]){true, false, true}, 3);
	for (int i = 0; i < 3; i++)
		sys_close(found[i]);
}

static void
many_private_descriptors_are_all_closed(void **state)
{
	int found[200];
	bool open[200] = {false};

	(void)state;
	for (int i = 0; i < 200; i++)
		found[i] = sys_private(dup(STDERR_FILENO));
	for (int i = 0; i < 200; i += 3) {
		sys_close(found[i]);
		assert_int_equal(dup(STDERR_FILENO), found[i]);
		open[i] = true;
	}
	child_must_find(found, open, 200);
	for (int i = 0; i < 200; i++)
		sys_close(found[i]);
}

static void
make_private_pipe_and_fork(void *context)
{
	int ends[2];

	(void)context;
	MUST(sys_pipe(ends));
	child_must_find(ends, (bool[]){false, false}, 2);
	assert_true(is_open(ends[0]));
}

static void
child_has_private_descriptors_of_its_own(void **state)
{
	(void)state;
	child_must_succeed(make_private_pipe_and_fork, NULL);
}

static void
close_keeps_errno_and_takes_none(void **state)
{
	int descriptor = dup(STDERR_FILENO);

	(void)state;
	errno = ENOSPC;
	sys_close(-1);
	assert_int_equal(errno, ENOSPC);
	sys_close(descriptor);
	sys_close(descriptor);
	assert_int_equal(errno, ENOSPC);
}

static void
nonblocking_read_returns_at_once(void **state)
{
	struct post post = post_open();
	char byte;

	(void)state;
	MUST(sys_set_nonblocking(post.ends[0]));
	assert_int_equal(read(post.ends[0], &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	post_close(&post);
	MUST_RAISE_EXACTLY(
		sys_set_nonblocking(-1), OSError, "fcntl: Bad file descriptor");
}

static void
run_out_of_descriptors(void *context)
{
	int ends[2];
	int lowest = dup(STDERR_FILENO);
	struct rlimit limit = {(rlim_t)lowest + 1, (rlim_t)lowest + 1};

	(void)context;
	close(lowest);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	MUST_RAISE_EXACTLY(
		sys_pipe(ends), OSError, "pipe: Too many open files");
	MUST_RAISE_EXACTLY(sys_socket_pair(ends), OSError,
		"socketpair: Too many open files");
	/* Neither has kept what it could get. */
	assert_int_equal(dup(STDERR_FILENO), lowest);
}

static void
os_error_tells_of_too_many_files(void **state)
{
	(void)state;
	skip_under_valgrind();
	child_must_succeed(run_out_of_descriptors, NULL);
}

static void
double_number(void *context)
{
	atomic_uint *number = context;

	assert_int_equal(*number, 21);
	*number *= 2;
}

static void
shared_memory_is_seen_by_a_child(void **state)
{
	void *memory;
	atomic_uint *number;

	(void)state;
	MUST(sys_map_shared(1 << 20, &memory));
	number = memory;
	assert_int_equal(number[0] + number[1000], 0);
	number[1000] = 21;
	child_must_succeed(double_number, &number[1000]);
	assert_int_equal(number[1000], 42);
	sys_unmap_shared(memory, 1 << 20);
	sys_unmap_shared(NULL, 1 << 20);
}

static void
too_much_shared_memory_is_refused(void **state)
{
	size_t size = SIZE_MAX / 2;
	char message[80];
	void *memory = &size;

	(void)state;
	skip_under_valgrind();
	snprintf(message, sizeof(message),
		"mmap of %zu shared bytes: Cannot allocate memory", size);
	MUST_RAISE_EXACTLY(sys_map_shared(size, &memory), OSError, message);
	assert_null(memory);
}

/* Words in shared memory on which processes sleep. */
struct words {
	_Atomic uint32_t word;
	atomic_int awake;
	pthread_mutex_t mutex;
};

static struct words *
map_words(void)
{
	void *memory;

	MUST(sys_map_shared(sizeof(struct words), &memory));
	return memory;
}

static void
unmap_words(struct words *words)
{
	sys_unmap_shared(words, sizeof(*words));
}

struct sleeper {
	struct words *words;
	struct post post;
};

static void
sleep_on_word(void *context)
{
	const struct sleeper *sleeper = context;
	struct words *words = sleeper->words;

	post_send(&sleeper->post, 's');
	while (words->word == 0)
		sys_futex_wait(&words->word, 0, FOREVER);
	words->awake++;
}

static void
futex_wake_reaches_all_processes(void **state)
{
	struct sleeper sleeper = {map_words(), post_open()};
	struct words *words = sleeper.words;
	pid_t pids[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		pids[i] = child_start(sleep_on_word, &sleeper);
		assert_int_equal(post_await(&sleeper.post), 's');
		post_await_sleep(pids[i]);
	}
	words->word = 1;
	sys_futex_wake(&words->word);
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_wait(pids[i]), 0);
	assert_int_equal(words->awake, 3);
	post_close(&sleeper.post);
	unmap_words(words);
}

static void
sleep_on_wrong_words(void *context)
{
	struct words *words = context;
	double start = sys_now();

	/* The word has changed already. */
	sys_futex_wait(&words->word, 1, FOREVER);
	/* The deadline has passed already. */
	sys_futex_wait(&words->word, 0, 0);
	sys_futex_wait(&words->word, 0, start);
	while (sys_now() < start + 0.02)
		sys_futex_wait(&words->word, 0, start + 0.02);
}

static void
futex_wait_returns_by_itself(void **state)
{
	struct words *words = map_words();

	(void)state;
	child_must_succeed(sleep_on_wrong_words, words);
	unmap_words(words);
}

static void
futex_wait_lasts_until_its_deadline(void **state)
{
	struct words *words = map_words();
	double deadline = sys_deadline(0.05);
	int returns = 0;

	(void)state;
	for (; sys_remaining(deadline) > 0; returns++)
		sys_futex_wait(&words->word, 0, deadline);
	/* It may return for no reason, but that is not how it sleeps. */
	assert_in_range(returns, 0, 10);
	unmap_words(words);
}

static void
hold_mutex(void *context)
{
	const struct sleeper *holder = context;

	assert_int_equal(pthread_mutex_lock(&holder->words->mutex), 0);
	post_send(&holder->post, 'l');
	for (;;)
		pause();
}

static void
robust_mutex_passes_on_from_the_killed(void **state)
{
	struct sleeper holder = {map_words(), post_open()};
	pthread_mutex_t *mutex = &holder.words->mutex;
	pid_t pid;

	(void)state;
	sys_init_robust_mutex(mutex);
	pid = child_start(hold_mutex, &holder);
	assert_int_equal(post_await(&holder.post), 'l');
	assert_int_equal(pthread_mutex_trylock(mutex), EBUSY);
	child_kill(pid);
	assert_int_equal(pthread_mutex_lock(mutex), EOWNERDEAD);
	assert_int_equal(pthread_mutex_consistent(mutex), 0);
	assert_int_equal(pthread_mutex_unlock(mutex), 0);
	assert_int_equal(pthread_mutex_lock(mutex), 0);
	pthread_mutex_unlock(mutex);
	post_close(&holder.post);
	unmap_words(holder.words);
}

/* Inherited by the processes that want it. */
static pthread_mutex_t *wanted;

static void
have_mutex(void)
{
	assert_int_equal(sys_lock_robust_mutex(wanted), 0);
	pthread_mutex_unlock(wanted);
}

static void
say_and_have_mutex(void *context)
{
	post_send(context, 's');
	have_mutex();
}

/*
 * The first is woken, and another has the mutex before it. The second is not
 * to wait for a wake-up that died with the first.
 */
static void
robust_mutex_passes_by_one_that_is_killed_when_woken(void **state)
{
	struct words *words;
	struct post post;
	struct walker first;
	long steps = LONG_MAX, none = 0;
	pid_t second;

	(void)state;
	/* There, who waits for such a mutex trusts to be woken. */
	skip_under_thread_sanitizer();
	if (!walking_is_possible())
		skip();
	words = map_words();
	post = post_open();
	wanted = &words->mutex;
	sys_init_robust_mutex(wanted);
	assert_int_equal(pthread_mutex_lock(wanted), 0);
	walker_start(&first, NULL, have_mutex);
	assert_int_equal(walker_walk(&first, &steps), WALK_SLEEPS);
	second = child_start(say_and_have_mutex, &post);
	assert_int_equal(post_await(&post), 's');
	post_await_sleep(second);
	pthread_mutex_unlock(wanted);
	assert_int_equal(walker_walk(&first, &none), WALK_STANDS);
	assert_int_equal(pthread_mutex_lock(wanted), 0);
	walker_kill(&first);
	pthread_mutex_unlock(wanted);
	assert_int_equal(child_wait(second), 0);
	post_close(&post);
	unmap_words(words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now_goes_forward),
		cmocka_unit_test(deadline_lies_ahead_by_the_timeout),
		cmocka_unit_test(no_time_at_all_is_now),
		cmocka_unit_test(forever_stays_forever),
		cmocka_unit_test(remaining_milliseconds_fit_an_int),
		cmocka_unit_test(remaining_milliseconds_are_rounded_up),
		cmocka_unit_test(sleep_lasts_signals_or_not),
		cmocka_unit_test(sleep_of_nothing_returns),
		cmocka_unit_test(random_bytes_differ_and_keep_their_bounds),
		cmocka_unit_test(ids_are_new_after_a_fork),
		cmocka_unit_test(no_two_threads_ever_have_the_same_number),
		cmocka_unit_test(fork_makes_a_child_that_reap_awaits),
		cmocka_unit_test(pipe_is_private),
		cmocka_unit_test(
			socket_pair_is_private_but_for_the_end_that_is_kept),
		cmocka_unit_test(
			only_private_descriptors_are_closed_in_a_child),
		cmocka_unit_test(many_private_descriptors_are_all_closed),
		cmocka_unit_test(child_has_private_descriptors_of_its_own),
		cmocka_unit_test(close_keeps_errno_and_takes_none),
		cmocka_unit_test(nonblocking_read_returns_at_once),
		cmocka_unit_test(os_error_tells_of_too_many_files),
		cmocka_unit_test(shared_memory_is_seen_by_a_child),
		cmocka_unit_test(too_much_shared_memory_is_refused),
		cmocka_unit_test(futex_wake_reaches_all_processes),
		cmocka_unit_test(futex_wait_returns_by_itself),
		cmocka_unit_test(futex_wait_lasts_until_its_deadline),
		cmocka_unit_test(robust_mutex_passes_on_from_the_killed),
		cmocka_unit_test(
			robust_mutex_passes_by_one_that_is_killed_when_woken),
	};

	return cmocka_run_group_tests_name("sys", tests, NULL, NULL) != 0;
}
