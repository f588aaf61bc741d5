/*
 * process.h - what the kernel tells of another process, in /proc, and how to
 * wait until that is so. Such a wait has no limit: it is for processes whose
 * own end is seen to, as child.h does. Without CMocka, for the storm has none.
 */
#ifndef FORKLORE_PROCESS_H
#define FORKLORE_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Between two looks at something that comes, and does not tell. */
static inline void
look_again_soon(void)
{
	usleep(100);
}

/*
 * The letter of a process's state, and its parent; false if it was reaped. Of
 * a process with threads, the state is the first one's.
 */
static inline bool
process_look(pid_t pid, char *state, pid_t *parent)
{
	char path[32], line[512], *name_end = NULL;
	int found = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "r");
	if (!stat)
		return false;
	/* The name may contain anything, but what follows it no ')'. */
	if (fgets(line, sizeof(line), stat))
		name_end = strrchr(line, ')');
	fclose(stat);
	if (name_end)
		found = sscanf(name_end, ") %c %d", state, parent);
	return found == 2;
}

/* The state alone; 0 if it was reaped. */
static inline char
process_state(pid_t pid)
{
	char state;
	pid_t parent;

	return process_look(pid, &state, &parent) ? state : 0;
}

/* The parent alone; 0 if it was reaped. */
static inline pid_t
process_parent(pid_t pid)
{
	char state;
	pid_t parent;

	return process_look(pid, &state, &parent) ? parent : 0;
}

/* Waits until a process is in a state; false if it has ended instead. */
static inline bool
process_await(pid_t pid, char state)
{
	char now;

	while ((now = process_state(pid)) != state) {
		if (now == 0 || now == 'Z')
			return false;
		look_again_soon();
	}
	return true;
}

/* Waits until a process has ended, and its parent has reaped it. */
static inline void
process_await_reaped(pid_t pid)
{
	while (process_state(pid) != 0)
		look_again_soon();
}

/*
 * Stops a process, wherever it is, and returns when it has stopped; false if it
 * has ended instead.
 */
static inline bool
process_stop(pid_t pid)
{
	return kill(pid, SIGSTOP) == 0 && process_await(pid, 'T');
}

/* A number of /proc/PID/status, by its name; -1 if there is none. */
static inline long
process_number(pid_t pid, const char *name)
{
	size_t length = strlen(name);
	char path[32], line[256];
	long number = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "r");
	if (!status)
		return -1;
	while (number < 0 && fgets(line, sizeof(line), status))
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			sscanf(line + length + 1, "%ld", &number);
	fclose(status);
	return number;
}

/* Gives the children of a process's first thread, so many at most. */
static inline size_t
process_children(pid_t pid, pid_t *children, size_t most)
{
	char path[64];
	size_t count = 0;
	FILE *list;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
		(int)pid);
	list = fopen(path, "r");
	if (!list)
		return 0;
	while (count < most && fscanf(list, "%d", &children[count]) == 1)
		count++;
	fclose(list);
	return count;
}

/*
 * Kills children of the calling process, those of its first thread; gives how
 * many, 0 if there are none.
 */
static inline size_t
process_kill_children(void)
{
	pid_t children[64];
	size_t count = process_children(getpid(), children, 64);

	for (size_t i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	return count;
}

#endif
