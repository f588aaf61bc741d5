/*
 * canary.c - what a checker has to catch. A checker that finds nothing might
 * just not look; so each is shown that it can find what it is there for.
 *
 *     canary NAME    a child of this process does what NAME says (see below);
 *                    the process itself does nothing wrong, and exits with 0
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Volatile, so that no compiler leaves out what would have no effect. */
static int *volatile array;
static volatile int sink;

/* Reads past the end of an array. */
static void
overrun(void)
{
	array = calloc(4, sizeof(*array));
	sink = array[4];
	free(array);
}

/* Loses the only pointer to some memory. */
static void
leak(void)
{
	array = malloc(4 * sizeof(*array));
	array = NULL;
}

static void *
count_up(void *nothing)
{
	sink++;
	return nothing;
}

/* Two threads change a number, and nothing puts one before the other. */
static void
race(void)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, count_up, NULL) != 0)
			abort();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* Adds what no int can hold. */
static void
overflow(void)
{
	sink = INT_MAX;
	sink = sink + 1;
}

/* valgrind ends who kills itself in good order, so it takes another process. */
static void
have_a_child_kill(int (*send)(pid_t, int))
{
	pid_t victim = getpid();

	if (fork() == 0) {
		send(victim, SIGKILL);
		_exit(0);
	}
	for (;;)
		pause();
}

/* Reads past the end of an array, and is killed on purpose: still an error. */
static void
overrun_killed(void)
{
	overrun();
	have_a_child_kill(kill);
}

static int
kill_unseen(pid_t pid, int sign)
{
	return (int)syscall(SYS_kill, pid, sign);
}

/* Is killed in a way that the census does not see. */
static void
stray_kill(void)
{
	have_a_child_kill(kill_unseen);
}

/* Leaves no log. */
static void
no_log(void)
{
	const char *folder = getenv("FORKLORE_LOGS");
	char file[256];

	snprintf(file, sizeof(file), "%s/%d.log", folder ? folder : ".",
		(int)getpid());
	unlink(file);
}

/* Is in no census: the child of a fork that was not seen. */
static void
no_census(void)
{
	if (syscall(SYS_fork) > 0)
		wait(NULL);
}

static void *
do_nothing(void *nothing)
{
	return nothing;
}

/* Forks beside another thread, which may hang under a sanitizer. */
static void
fork_beside_thread(void)
{
	pthread_t thread;
	pid_t pid;

	if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
		abort();
	pid = fork();
	while (pid == 0)
		pause();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	pthread_join(thread, NULL);
}

static const struct canary {
	const char *name;
	void (*sing)(void);
} canaries[] = {
	{"overrun", overrun},
	{"leak", leak},
	{"race", race},
	{"overflow", overflow},
	{"overrun_killed", overrun_killed},
	{"stray_kill", stray_kill},
	{"no_log", no_log},
	{"no_census", no_census},
	{"fork_beside_thread", fork_beside_thread},
};

int
main(int argc, char *argv[])
{
	const struct canary *canary = canaries;
	size_t left = sizeof(canaries) / sizeof(*canaries);
	pid_t child;

	for (; left > 0; left--, canary++)
		if (argc == 2 && strcmp(argv[1], canary->name) == 0)
			break;
	if (left == 0) {
		fprintf(stderr, "canary: wants the name of a canary\n");
		return 2;
	}
	child = fork();
	if (child == 0) {
		canary->sing();
		/* Not _exit(), so that a sanitizer looks for leaks. */
		exit(0);
	}
	return child > 0 && waitpid(child, NULL, 0) == child ? 0 : 1;
}
