/*
 * footprint.c - how much the storm's processes have.
 *
 * What one round needs, the heap has had after the first. So growth beyond that
 * is either a leak or a heap that falls to pieces, and the latter stays within
 * GROWTH: a leak of 32 bytes a task is beyond it after seven rounds of 20,000,
 * one of 1 kB a kill after 4,096 kills.
 * Between two moments at which nobody is killed, a worker may have or lack its
 * two pipes, or its two connections to a manager; not more.
 */
#include "footprint.h"

#include "storm.h"

#include "error.h"
#include "process.h"
#include "scenario.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* In kB. */
#define GROWTH 4096

#define DESCRIPTORS_OF_A_WORKER 2

/* A sanitizer keeps what was freed, and books of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_A_SANITIZERS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEMORY_IS_A_SANITIZERS true
#endif
#endif
#ifndef MEMORY_IS_A_SANITIZERS
#define MEMORY_IS_A_SANITIZERS false
#endif

static const char *const names[] = {"main process", "zygote", "manager"};

static struct error *
take_memory(pid_t pid, long *kilobytes)
{
	*kilobytes = process_number(pid, "RssAnon");
	if (*kilobytes < 0)
		return RAISE(OSError, "nothing tells the memory of pid %d",
			(int)pid);
	return NULL;
}

static struct error *
take_descriptors(pid_t pid, long *descriptors)
{
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	if (!directory)
		return RAISE_ERRNO("%s", path);
	*descriptors = 0;
	while (readdir(directory))
		++*descriptors;
	closedir(directory);
	return NULL;
}

/* The child of this process that is not the zygote; 0 if there is none. */
static pid_t
find_manager(void)
{
	pid_t children[2];
	size_t count = process_children(getpid(), children, 2);

	for (size_t i = 0; i < count; i++)
		if (children[i] != stage->zygote)
			return children[i];
	return 0;
}

struct error *
footprint_take(struct footprint *footprint)
{
	pid_t pids[] = {getpid(), stage->zygote, find_manager()};

	/* What the heap of this process keeps for later is no leak. */
	malloc_trim(0);
	*footprint = (struct footprint){0};
	for (size_t i = 0; i < FOOTPRINT_PROCESSES; i++) {
		if (!pids[i])
			continue;
		TRY(take_memory(pids[i], &footprint->processes[i].kilobytes));
		TRY(take_descriptors(
			pids[i], &footprint->processes[i].descriptors));
	}
	return NULL;
}

void
footprint_begin(struct footprint *early, const struct footprint *first_round)
{
	for (size_t i = 0; i < FOOTPRINT_PROCESSES; i++)
		early->processes[i].kilobytes =
			first_round->processes[i].kilobytes;
}

struct error *
footprint_compare(const struct footprint *early, const struct footprint *late,
	int workers)
{
	for (size_t i = 0; i < FOOTPRINT_PROCESSES; i++) {
		long kilobytes = late->processes[i].kilobytes -
				 early->processes[i].kilobytes;
		long descriptors = late->processes[i].descriptors -
				   early->processes[i].descriptors;

		if (!MEMORY_IS_A_SANITIZERS && kilobytes > GROWTH)
			return RAISE(AssertionError,
				"the memory of the %s grew by %ld kB", names[i],
				kilobytes);
		if (descriptors > DESCRIPTORS_OF_A_WORKER * workers)
			return RAISE(AssertionError,
				"the %s has %ld descriptors more", names[i],
				descriptors);
	}
	return NULL;
}

void
footprint_tell(const char *mode, const struct footprint *early,
	const struct footprint *late)
{
	for (size_t i = 0; i < FOOTPRINT_PROCESSES; i++)
		if (late->processes[i].descriptors > 0)
			say("%s: %s: %ld kB after the first round, %ld at the "
			    "end; descriptors at first %ld, at the end %ld",
				mode, names[i], early->processes[i].kilobytes,
				late->processes[i].kilobytes,
				early->processes[i].descriptors,
				late->processes[i].descriptors);
}
