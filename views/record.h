/*
 * record.h - a record of a run, read back from the file that --trace wrote.
 * docs/tracing.md says what stands in such a file.
 */
#ifndef VIEWS_RECORD_H
#define VIEWS_RECORD_H

#include "error.h"
#include "scoped.h"

#include <stddef.h>

/* No entry: what causes an entry that nothing caused. */
#define NO_ENTRY ((size_t)-1)

/* process, task, message, error, condition and output. */
#define CATEGORY_COUNT 6
extern const char *const record_categories[CATEGORY_COUNT];

/* A place: a thread of a process, with a column of its own in every view. */
struct place {
	/* "main", "handler", "worker 2", "worker 2 (2nd)": unique in a record.
	 */
	const char *name;
	/* The number of its process in the file, from 1. */
	long long process;
	/* How many entries it has; at least one. */
	size_t entries;
};

/* Something that happened. A text that is missing in the file is NULL. */
struct entry {
	/* The place where it happened, as an index into the record's places. */
	size_t place;
	/* "notify"; and what a reader wants to see, "notify: wakes 4". */
	const char *kind;
	const char *name;
	/* One of record_categories. */
	const char *category;
	/* Microseconds since the first entry, and how long it lasted. */
	long long time;
	long long duration;
	/* What caused it, an index of an earlier entry, or NO_ENTRY. */
	size_t cause;
	/* The program's line that it is about; NULL and 0 where there is none.
	 */
	const char *file;
	long long line;
	/* How many entries of each place it knows of: place_count numbers. */
	const size_t *clock;
	/* What was printed or said; returned; raised; who looked at an error.
	 */
	const char *text;
	const char *value;
	const char *error;
	const char *observer;
};

struct record {
	/* The program's name, its whole command line, and what --explain says.
	 */
	const char *program;
	const char *command;
	const char *ledger;
	/* How many entries there was no room for. */
	long long lost;
	/* At least one. Those of a process stand together, in the order in
	 * which processes turned up; workers stand last, by their numbers. */
	struct place *places;
	size_t place_count;
	/* At least one. In the order of time; an entry comes after its cause.
	 */
	struct entry *entries;
	size_t entry_count;
	/* The clocks of all entries, one after another. */
	size_t *clocks;
	/* The parsed file, which owns all texts. */
	void *source;
};

/*
 * Reads the record in a file. Raises OSError where it cannot be read, and
 * ValueError, with the place in the file and what would be right, where it is
 * empty, cut off, no JSON, not a record, or one whose entries contradict each
 * other. What comes back is to be freed with record_free().
 */
struct error *record_read(const char *path, struct record **record);
void record_free(struct record *record);
DEFINE_SCOPED(record)

/*
 * The place that is over with an entry, which is its own, "exit", or another
 * one's, "end of worker 2"; NO_ENTRY if none is, or none of the record's.
 */
size_t
record_ended_place(const struct record *record, const struct entry *entry);

#endif
