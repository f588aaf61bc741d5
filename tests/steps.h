/*
 * steps.h - a process that is taken through an operation one instruction at a
 * time, so that it can be killed between any two of them.
 *
 * An instruction that enters the kernel is one step, whatever the kernel does
 * in it. The steps count from one marker to the other; a few at both ends, in
 * which the process stops at a marker, are not the operation's.
 */
#ifndef FORKLORE_STEPS_H
#define FORKLORE_STEPS_H

#include <stdbool.h>
#include <sys/types.h>

/* A process that walks; all zero before walker_start(). */
struct walker {
	pid_t pid;
	/* Whether its last step sleeps in the kernel, and was said to. */
	bool asleep;
};

enum walk {
	/* It took all its steps. */
	WALK_STANDS,
	/* It sleeps in the kernel; that step counts as taken. */
	WALK_SLEEPS,
	/* It is through. */
	WALK_ENDED,
};

/*
 * Whether processes can be made to walk here. Not where tracing is forbidden,
 * nor where something runs the program that has more instructions than it, or
 * where the sanitizer for threads has made hundreds out of each.
 */
bool walking_is_possible(void);

/*
 * Starts a process that calls prepare(), if not NULL, and then stands before
 * the first instruction of operation().
 */
void walker_start(
	struct walker *walker, void (*prepare)(void), void (*operation)(void));

/*
 * Lets it take *steps steps, and counts them down. Where it sleeps, this tells
 * so once; when called again, waits until it is awake. Fails the test if the
 * operation crashes.
 */
enum walk walker_walk(struct walker *walker, long *steps);

/* Kills it where it stands or sleeps, and waits for its end. */
void walker_kill(struct walker *walker);

#endif
