/*
 * history.h - the record of a run, put in order: whose each entry is, how long
 * it lasted, which line of the program it is about, what caused it, and its
 * vector clock.
 */
#ifndef FORKLORE_HISTORY_H
#define FORKLORE_HISTORY_H

#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_NAME_SIZE 48

/* A thread, in the order of the first entries. */
struct track {
	/* "worker 2"; one that has the place of another: "worker 2 (2nd)". */
	char name[HISTORY_NAME_SIZE];
	/* Small numbers, from 1: of the process, and of the thread in it. */
	int process, thread;
	uint64_t thread_id;
	pid_t process_id;
	/* Its first entry. */
	uint64_t first;
};

/* An entry. */
struct event {
	/* NULL: it was never completed. */
	const struct entry *entry;
	size_t track;
	/* In microseconds from the first, growing in each track. */
	long long begin, end;
	/* The line of the program; file is NULL if there is none. */
	const char *file;
	int line;
	/* The number of the entry that caused it; 0 if none is known. */
	uint64_t cause;
	/* The number of its condition; 0 if it has none. */
	size_t condition;
	/* The number of its submission; the first task, and how many. */
	uint64_t submission;
	uint64_t task, tasks;
	uint64_t chunk;
	/* Whom it is about, of a fork, an exit: a track, or NO_TRACK. */
	size_t child;
};

#define NO_TRACK SIZE_MAX

struct history {
	/* Entry n is events[n]; there is no entry 0. */
	struct event *events;
	size_t count;
	/* How many there was no room for. */
	uint64_t lost;
	struct track *tracks;
	size_t track_count;
	/* Of entry n, one number for each track. */
	uint32_t *clocks;
	struct source *source;
};

/* Puts in order what is recorded by now. There must be an open record. */
struct history *history_new(void);
void history_free(struct history *history);

/* The number of a track in the clock of an entry. */
uint32_t
history_clock(const struct history *history, uint64_t number, size_t track);

/* What a kind is called in files: "task_start". */
const char *history_kind_name(enum trace_kind kind);

#endif
