/* children.h - the children of this process, also those that it inherited. */

#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

/*
 * Kills every child of this process with SIGKILL, as /proc lists them; none
 * of its grandchildren. A child's pid cannot pass to a stranger before the
 * child is waited for, so that nobody else is hit as long as no other thread
 * waits.
 */
void children_kill(void);

#endif
