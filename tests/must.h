/*
 * must.h - what tests expect of calls that can fail; and tests that run in a
 * child, since they might hang or change their process.
 */
#ifndef FORKLORE_MUST_H
#define FORKLORE_MUST_H

#include "child.h"
#include "error.h"
#include "process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Fails the test, and prints the traceback, if the call fails. */
#define MUST(call) must_at((call), #call, __FILE__, __LINE__)

/* Fails the test unless the call raises an error of this kind. */
#define MUST_RAISE(kind, call) MUST_RAISE_WITH(kind, "", call)

/* The same, with these words in its message. */
#define MUST_RAISE_WITH(kind, words, call) \
	must_raise_at(kind, words, (call), #call, __FILE__, __LINE__)

/* The same, with exactly this message. */
#define MUST_RAISE_EXACTLY(call, kind, message) \
	must_raise_exactly_at((call), kind, message, #call, __FILE__, __LINE__)

/*
 * IN_CHILD(name) { ... } defines the test function name, which runs in a child.
 * It also fails if it leaves a process or a descriptor behind; and memory, if a
 * sanitizer looks for that.
 */
#define IN_CHILD(name) IN_CHILD_UNLESS(name, (void)0)
#define IN_CHILD_UNLESS(name, skipped)               \
	static void name##_in_child(void);           \
	static void name(void **state)               \
	{                                            \
		void (*run)(void) = name##_in_child; \
                                                     \
		(void)state;                         \
		skipped;                             \
		child_must_succeed(run_alone, &run); \
	}                                            \
	static void name##_in_child(void)

/*
 * The same for a test that forks beside other threads of its process, as a
 * second pool does. The allocators of the sanitizers know nothing of fork(): in
 * a child that is forked while other threads allocate, they may wait for a lock
 * that nobody has. So such a test is skipped with them; test-asan and test-tsan
 * fail where one is not.
 */
#define IN_CHILD_BESIDE_THREADS(name) \
	IN_CHILD_UNLESS(name, skip_where_threads_cannot_fork())

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER
#endif
#if defined(HAS_ADDRESS_SANITIZER) || defined(HAS_THREAD_SANITIZER)
#define skip_where_threads_cannot_fork() skip()
#else
#define skip_where_threads_cannot_fork() (void)0
#endif

/* ThreadSanitizer gives up on a thread that has more than 64 mutexes. */
#ifdef HAS_THREAD_SANITIZER
#define skip_under_thread_sanitizer() skip()
#else
#define skip_under_thread_sanitizer() (void)0
#endif

/*
 * It also keeps a signal back while the thread that it is for waits: who waits
 * for ever never hears of it.
 */
#ifdef HAS_THREAD_SANITIZER
#define SIGNALS_COME_LATE true
#else
#define SIGNALS_COME_LATE false
#endif

/*
 * What valgrind does in its own way. It keeps the limits itself: the hard one
 * of descriptors cannot be lowered, and a pair of sockets beyond it is closed
 * again and yet said to be made. Its mmap fails with an errno of its own. And a
 * child keeps a descriptor of its parent's log.
 */
#define skip_under_valgrind()                    \
	do {                                     \
		if (getenv("FORKLORE_VALGRIND")) \
			skip();                  \
	} while (0)

/* A checker counts processes in a file, which grows with each. */
#define skip_where_processes_are_counted()   \
	do {                                 \
		if (getenv("FORKLORE_LOGS")) \
			skip();              \
	} while (0)

static inline void
must_at(struct error *error, const char *call, const char *file, int line)
{
	char *traceback;

	if (!error)
		return;
	traceback = error_traceback(error);
	error_free(error);
	print_error("%s raised this:\n", call);
	/* CMocka would cut it short. */
	fputs(traceback, stderr);
	free(traceback);
	_fail(file, line);
}

static inline void
must_raise_at(enum error_kind kind, const char *words, struct error *error,
	const char *call, const char *file, int line)
{
	const char *raised = error ? error_kind_name(error->kind) : "nothing";
	const char *said = error ? error->message : "";

	if (!error || error->kind != kind || !strstr(said, words)) {
		print_error("%s raised %s: %s\nwhere %s: %s was expected\n",
			call, raised, said, error_kind_name(kind), words);
		_fail(file, line);
	}
	error_free(error);
}

/* How many entries a directory has, "." and ".." aside. */
static inline size_t
entry_count(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2;
}

/* How many descriptors this process has, and one more to count them with. */
static inline size_t
descriptor_count(void)
{
	return entry_count("/proc/self/fd");
}

/* Lets this process, and its children, have so many more descriptors. */
static inline void
leave_descriptors(size_t more)
{
	rlim_t limit = 0;

	for (size_t free = 0; free <= more; limit++)
		free += fcntl((int)limit, F_GETFD) < 0;
	limit--;
	assert_int_equal(
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){limit, limit}), 0);
}

/* Fails the test if this process has any child, a zombie included. */
static inline void
no_child_must_be_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static inline void
run_alone(void *context)
{
	void (**run)(void) = context;
	size_t descriptors = descriptor_count();

	/* Who loses its parent becomes a child of this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	(*run)();
	no_child_must_be_left();
	assert_int_equal(descriptor_count(), descriptors);
	/* Not _exit(), so that a sanitizer looks for leaks. */
	exit(0);
}

/*
 * For a group of such tests: what a test that fails leaves behind becomes a
 * child of the test program, and is killed at the end.
 */
static inline int
adopt_orphans(void **state)
{
	(void)state;
	return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static inline int
kill_orphans(void **state)
{
	(void)state;
	while (waitpid(-1, NULL, WNOHANG) >= 0)
		if (process_kill_children() == 0 || waitpid(-1, NULL, 0) < 0)
			break;
	return 0;
}

static inline void
must_raise_exactly_at(struct error *error, enum error_kind kind,
	const char *message, const char *call, const char *file, int line)
{
	const char *raised = error ? error_kind_name(error->kind) : "nothing";
	const char *said = error ? error->message : "";

	if (!error || error->kind != kind || strcmp(said, message) != 0) {
		print_error("%s raised %s '%s', not %s '%s'\n", call, raised,
			said, error_kind_name(kind), message);
		error_free(error);
		_fail(file, line);
	}
	error_free(error);
}

#endif
