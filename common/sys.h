/*
 * sys.h - the system's calls, without their pitfalls: interrupted and short
 * ones, descriptors that leak into children, clocks that jump.
 */
#ifndef FORKLORE_SYS_H
#define FORKLORE_SYS_H

#include "timeout.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* The seconds of a clock that only goes forward, from an arbitrary start. */
double sys_now(void);

/*
 * The moment on sys_now()'s clock that lies timeout seconds ahead. FOREVER
 * gives FOREVER; less than 0, or not a number, gives now.
 */
double sys_deadline(double timeout);

/* What is left until a deadline, in seconds, never less than 0. */
double sys_remaining(double deadline);

/*
 * What is left until a deadline as poll() and epoll_wait() want it: whole
 * milliseconds, rounded up, -1 for FOREVER.
 */
int sys_remaining_milliseconds(double deadline);

/* Sleeps for that many seconds, signals or not; 0 or less returns at once. */
void sys_sleep(double seconds);

/* Fills bytes with what nobody can guess. Panics where the kernel has none. */
void sys_random(void *bytes, size_t size);

/*
 * A number for the calling thread, never 0, that no other thread on the machine
 * has had or will have, unlike its id in the kernel, which is used again. It is
 * random; a forked child has a new one.
 */
static inline uint64_t sys_thread(void);

/* The calling process's id, without asking the kernel each time. */
static inline pid_t sys_process(void);

/*
 * Forks. *pid is 0 in the child, whose private descriptors (below) are closed,
 * but for the one that is kept, if it is not less than 0. Raises OSError.
 */
struct error *sys_fork(int kept, pid_t *pid);

/*
 * Waits until a child of this process has ended, if it has not been reaped.
 * Gives its status as waitpid() does; 0 if it had been reaped.
 */
int sys_reap(pid_t pid);

/*
 * Descriptors. All that are made here close on exec. A private one is also
 * closed in every child that this process forks, so that no child keeps a
 * connection of its parent's open; sys_close() must then close it. The calls
 * may be made from any thread.
 */

/*
 * Makes a descriptor of this process private, and gives it back. Less than 0 is
 * fine: it is no descriptor.
 */
int sys_private(int descriptor);

/* Closes a descriptor, private or not; less than 0 is fine. Keeps errno. */
void sys_close(int descriptor);

/* Makes a pipe of two private descriptors, ends[0] to read. Raises OSError. */
struct error *sys_pipe(int ends[2]);

/*
 * Makes a pair of connected sockets that keep messages apart, both private: one
 * for this process, one for a child, to be kept in sys_fork(). Raises OSError.
 */
struct error *sys_socket_pair(int ends[2]);

/* Makes a private stream socket of the Unix family. Raises OSError. */
struct error *sys_socket(int *made);

/* Makes reads and writes of it return at once. Raises OSError. */
struct error *sys_set_nonblocking(int descriptor);

/*
 * Memory that this process shares with the children it forks from now on; all
 * zero. It is gone with the last process that has it mapped. Raises OSError.
 */
struct error *sys_map_shared(size_t size, void **memory);

/* Unmaps such memory from this process; NULL is fine. */
void sys_unmap_shared(void *memory, size_t size);

/*
 * Sleeps while *word is expected, until sys_futex_wake() or the deadline (on
 * sys_now()'s clock). May also return for no reason: look again. The word may
 * be in shared memory.
 */
void sys_futex_wait(
	const _Atomic uint32_t *word, uint32_t expected, double deadline);

/* Wakes everybody who sleeps on word, in whichever process. */
void sys_futex_wake(const _Atomic uint32_t *word);

/*
 * Makes a mutex for the threads of all processes that share its memory; it
 * passes to the next one, with EOWNERDEAD, when the thread that has it is
 * killed.
 */
void sys_init_robust_mutex(pthread_mutex_t *mutex);

/*
 * Locks such a mutex, as pthread_mutex_lock() does and with its results; but
 * goes on within 0.1 s where that would wait for ever for a mutex that is free.
 */
int sys_lock_robust_mutex(pthread_mutex_t *mutex);

/* What is known of the caller; a thread's number is 0 until it is drawn. */
extern _Thread_local uint64_t sys_known_thread;
extern pid_t sys_known_process;

/* Draws the calling thread's number, and gives it. */
uint64_t sys_draw_thread(void);

static inline uint64_t
sys_thread(void)
{
	return sys_known_thread ? sys_known_thread : sys_draw_thread();
}

static inline pid_t
sys_process(void)
{
	return sys_known_process;
}

#endif
