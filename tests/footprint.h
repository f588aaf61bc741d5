/*
 * footprint.h - what the processes of the storm that live through it have:
 * memory and descriptors.
 */
#ifndef FORKLORE_FOOTPRINT_H
#define FORKLORE_FOOTPRINT_H

struct error;

/* Main process, zygote and, where there is one, manager. */
enum { FOOTPRINT_PROCESSES = 3 };

struct footprint {
	struct {
		/* Of its own in memory, files and shared memory aside. */
		long kilobytes;
		long descriptors;
	} processes[FOOTPRINT_PROCESSES];
};

/*
 * Looks at this process and at its children, which are a manager, if there is
 * one, and the zygote. Raises OSError.
 */
struct error *footprint_take(struct footprint *footprint);

/*
 * After the first round: that is when memory is early; descriptors are as soon
 * as all workers are there, before any round.
 */
void
footprint_begin(struct footprint *early, const struct footprint *first_round);

/*
 * Raises AssertionError if a process has grown beyond what it may: 4096 kB, and
 * two descriptors for each worker. See footprint.c for the reason.
 */
struct error *footprint_compare(const struct footprint *early,
	const struct footprint *late, int workers);

/* Says both. */
void footprint_tell(const char *mode, const struct footprint *early,
	const struct footprint *late);

#endif
