/*
 * door.h - where a manager is reached: a socket that has an address, but no
 * file.
 *
 * The socket is bound in a new directory of mode 0700, and the directory is
 * removed at once. What is left is a descriptor of the socket's file, and
 * through that descriptor's entry in /proc, which the kernel shows to this user
 * only, the socket can still be reached. So an open door leaves nothing behind,
 * however its manager ends. What is left by one that is killed while it opens,
 * its creator removes, who knows the directory's name.
 */
#ifndef FORKLORE_DOOR_H
#define FORKLORE_DOOR_H

#include <sys/types.h>

struct error;

/*
 * Opens a door: *listener is a non-blocking socket to accept from, *handle must
 * stay open for the address to work. The caller closes both and frees the
 * address. Raises OSError.
 */
struct error *door_open(int *listener, int *handle, char **address);

/* Removes what the door of a process, forked from this one, may have left. */
void door_clear(pid_t process);

/*
 * Connects to a door; the caller closes the socket with sys_close(). Raises
 * ConnectionError if nobody is behind it, AuthenticationError if it belongs
 * to another user, OSError.
 */
struct error *door_connect(const char *address, int *connection);

#endif
