/*
 * census.c - which processes there were, and which were killed on purpose.
 *
 * To be preloaded (LD_PRELOAD) into a program whose processes a checker looks
 * at: the checker's logs alone do not tell whether one is missing, nor whether
 * one that stops in the middle was meant to. To the file "census" in the folder
 * that FORKLORE_LOGS names, this adds lines of four kinds, each with one write:
 *
 *     program PID PARENT   where a program begins
 *     process PID PARENT   where one forks; the parent and the child say so
 *     beside PID           before one forks that has further threads
 *     killed PID           before SIGKILL is sent
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A number that no program gets by itself, so that none misses it. */
#define CENSUS_DESCRIPTOR 900

static int census = -1;

/* The threads of the program's own making that nobody has joined. */
static _Atomic int threads;

__attribute__((format(printf, 1, 2))) static void
note(const char *format, ...)
{
	char line[80];
	va_list arguments;
	int length;

	if (census < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (write(census, line, (size_t)length) != length)
		abort();
}

/* The file is opened early, since a program may run out of descriptors. */
__attribute__((constructor)) static void
note_program(void)
{
	const char *folder = getenv("FORKLORE_LOGS");
	char file[256];
	int opened;

	if (!folder)
		return;
	snprintf(file, sizeof(file), "%s/census", folder);
	opened = open(file, O_WRONLY | O_APPEND);
	census = fcntl(opened, F_DUPFD_CLOEXEC, CENSUS_DESCRIPTOR);
	if (census < 0)
		abort();
	close(opened);
	note("program %d %d\n", (int)getpid(), (int)getppid());
}

pid_t
fork(void)
{
	pid_t (*next)(void);
	pid_t parent = getpid();
	pid_t pid;

	if (threads > 0)
		note("beside %d\n", (int)parent);
	*(void **)&next = dlsym(RTLD_NEXT, "fork");
	pid = next();
	if (pid == 0)
		threads = 0;
	if (pid >= 0)
		note("process %d %d\n", (int)(pid ? pid : getpid()),
			(int)parent);
	return pid;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
	void *(*run)(void *), void *argument)
{
	int (*next)(
		pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int failure;

	*(void **)&next = dlsym(RTLD_NEXT, "pthread_create");
	failure = next(thread, attributes, run, argument);
	threads += failure == 0;
	return failure;
}

int
pthread_join(pthread_t thread, void **returned)
{
	int (*next)(pthread_t, void **);
	int failure;

	*(void **)&next = dlsym(RTLD_NEXT, "pthread_join");
	failure = next(thread, returned);
	threads -= failure == 0;
	return failure;
}

int
kill(pid_t pid, int sign)
{
	int (*next)(pid_t, int);

	*(void **)&next = dlsym(RTLD_NEXT, "kill");
	if (sign == SIGKILL)
		note("killed %d\n", (int)pid);
	return next(pid, sign);
}
