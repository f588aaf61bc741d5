/*
 * child.h - processes for tests.
 *
 * CMocka's asserts jump back into the test runner. In a forked child that would
 * run the remaining tests there, and nobody would hear of the failure. A child
 * started here aborts at a failed assert instead, crashes as it would outside
 * of a test, ends with _exit, and is killed when the test program dies.
 */
#ifndef FORKLORE_CHILD_H
#define FORKLORE_CHILD_H

#include <sys/types.h>

/*
 * How long anything may take that does happen, in seconds: only a hang does. A
 * checker under which everything is slower sets FORKLORE_PATIENCE, which says
 * how many times as long.
 */
#define CHILD_LIMIT child_limit()

double child_limit(void);

/*
 * The folder of the built programs: BUILD in the environment, "build" if that
 * is unset.
 */
const char *build_folder(void);

/* What a child does; it ends with status 0 when that returns. */
typedef void child_main(void *context);

/* Starts a child, and gives its process id. Fails the test if it cannot. */
pid_t child_start(child_main *run, void *context);

/*
 * Waits until a child has ended, and gives its wait status. After CHILD_LIMIT
 * it is killed and the test fails.
 */
int child_wait(pid_t pid);

/* Starts a child, waits for it, and fails the test unless its status is 0. */
void child_must_succeed(child_main *run, void *context);

/* Kills a child with SIGKILL and waits for its end. */
void child_kill(pid_t pid);

/* Becomes this program anew, from its beginning, with one argument. */
void child_start_over(const char *argument);

#endif
