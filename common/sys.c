#include "sys.h"

#include "error.h"
#include "panic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The longest sleep that is asked of the kernel at once, in seconds. */
#define LONGEST_SLEEP 1e6

/* How long who waits for a robust mutex trusts to be woken, in seconds. */
#define TRUST 0.1

/*
 * The private descriptors of this process. The lock is held across fork(), and
 * where sockets and pipes are made and entered here; so no child gets one
 * unseen.
 */
static pthread_mutex_t private_lock = PTHREAD_MUTEX_INITIALIZER;
static int *private_descriptors;
static size_t private_count;
static size_t private_room;

/* The private descriptor that the child keeps which this thread is forking. */
static _Thread_local int kept_descriptor = -1;

_Thread_local uint64_t sys_known_thread;
pid_t sys_known_process;

double
sys_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
sys_deadline(double timeout)
{
	return timeout > 0 ? sys_now() + timeout : sys_now();
}

double
sys_remaining(double deadline)
{
	return fmax(deadline - sys_now(), 0);
}

int
sys_remaining_milliseconds(double deadline)
{
	double milliseconds = ceil(sys_remaining(deadline) * 1000);

	if (isinf(deadline))
		return -1;
	return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

static struct timespec
timespec_of(double seconds)
{
	time_t whole = (time_t)seconds;

	return (struct timespec){
		whole, (long)((seconds - (double)whole) * 1e9)};
}

void
sys_sleep(double seconds)
{
	double deadline = sys_deadline(seconds);
	double remaining;

	while ((remaining = sys_remaining(deadline)) > 0) {
		struct timespec pause =
			timespec_of(fmin(remaining, LONGEST_SLEEP));

		nanosleep(&pause, NULL);
	}
}

void
sys_random(void *bytes, size_t size)
{
	unsigned char *next = bytes;

	while (size > 0) {
		ssize_t got = getrandom(next, size, 0);

		if (got < 0 && errno != EINTR)
			panic("getrandom: %s", strerror(errno));
		if (got > 0) {
			next += got;
			size -= (size_t)got;
		}
	}
}

uint64_t
sys_draw_thread(void)
{
	while (sys_known_thread == 0)
		sys_random(&sys_known_thread, sizeof(sys_known_thread));
	return sys_known_thread;
}

struct error *
sys_fork(int kept, pid_t *pid)
{
	kept_descriptor = kept;
	*pid = fork();
	kept_descriptor = -1;
	if (*pid < 0)
		return RAISE_ERRNO("fork");
	return NULL;
}

int
sys_reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void
remember_private(int descriptor)
{
	if (private_count == private_room) {
		private_room = private_room ? 2 * private_room : 16;
		private_descriptors =
			must_have(reallocarray(private_descriptors,
				private_room, sizeof(*private_descriptors)));
	}
	private_descriptors[private_count++] = descriptor;
}

int
sys_private(int descriptor)
{
	if (descriptor < 0)
		return descriptor;
	pthread_mutex_lock(&private_lock);
	remember_private(descriptor);
	pthread_mutex_unlock(&private_lock);
	return descriptor;
}

void
sys_close(int descriptor)
{
	int saved = errno;

	if (descriptor < 0)
		return;
	pthread_mutex_lock(&private_lock);
	for (size_t i = 0; i < private_count; i++)
		if (private_descriptors[i] == descriptor) {
			private_descriptors[i] =
				private_descriptors[--private_count];
			break;
		}
	close(descriptor);
	pthread_mutex_unlock(&private_lock);
	errno = saved;
}

struct error *
sys_pipe(int ends[2])
{
	int failed;

	pthread_mutex_lock(&private_lock);
	failed = pipe2(ends, O_CLOEXEC);
	if (!failed) {
		remember_private(ends[0]);
		remember_private(ends[1]);
	}
	pthread_mutex_unlock(&private_lock);
	return failed ? RAISE_ERRNO("pipe") : NULL;
}

struct error *
sys_socket(int *made)
{
	pthread_mutex_lock(&private_lock);
	*made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*made >= 0)
		remember_private(*made);
	pthread_mutex_unlock(&private_lock);
	return *made < 0 ? RAISE_ERRNO("socket") : NULL;
}

struct error *
sys_socket_pair(int ends[2])
{
	int failed;

	pthread_mutex_lock(&private_lock);
	failed = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
	if (!failed) {
		remember_private(ends[0]);
		remember_private(ends[1]);
	}
	pthread_mutex_unlock(&private_lock);
	return failed ? RAISE_ERRNO("socketpair") : NULL;
}

static void
before_fork(void)
{
	pthread_mutex_lock(&private_lock);
}

static void
after_fork_in_parent(void)
{
	pthread_mutex_unlock(&private_lock);
}

static void
after_fork_in_child(void)
{
	for (size_t i = 0; i < private_count; i++)
		if (private_descriptors[i] != kept_descriptor)
			close(private_descriptors[i]);
	private_count = 0;
	if (kept_descriptor >= 0)
		remember_private(kept_descriptor);
	sys_known_thread = 0;
	sys_known_process = getpid();
	pthread_mutex_unlock(&private_lock);
}

/*
 * Before all other constructors: a fork takes locks in the reverse of the order
 * in which they were made known, and this one is to be the last, as it is
 * elsewhere.
 */
__attribute__((constructor(101))) static void
watch_forks(void)
{
	sys_known_process = getpid();
	if (pthread_atfork(before_fork, after_fork_in_parent,
		    after_fork_in_child) != 0)
		panic("out of memory");
}

struct error *
sys_set_nonblocking(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL);

	if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0)
		return RAISE_ERRNO("fcntl");
	return NULL;
}

struct error *
sys_map_shared(size_t size, void **memory)
{
	*memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*memory == MAP_FAILED) {
		*memory = NULL;
		return RAISE_ERRNO("mmap of %zu shared bytes", size);
	}
	return NULL;
}

void
sys_unmap_shared(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

void
sys_futex_wait(const _Atomic uint32_t *word, uint32_t expected, double deadline)
{
	double remaining = sys_remaining(deadline);
	struct timespec timeout = timespec_of(fmin(remaining, LONGEST_SLEEP));

	if (remaining > 0)
		syscall(SYS_futex, word, FUTEX_WAIT, expected, &timeout, NULL,
			0);
}

void
sys_futex_wake(const _Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void
sys_init_robust_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
}

/*
 * The sanitizer for threads does not see that this takes a mutex over from the
 * killed, as it does of pthread_mutex_lock().
 */
#ifdef __SANITIZE_THREAD__
#define pthread_mutex_timedlock(mutex, until) \
	((void)(until), pthread_mutex_lock(mutex))
#endif

static struct timespec
time_of_day_after(double seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return timespec_of(
		(double)now.tv_sec + (double)now.tv_nsec / 1e9 + seconds);
}

/*
 * Who gives a robust mutex back wakes one of those that wait for it. That one
 * may be killed before it has the mutex. If it is still free, the kernel wakes
 * the next; but if a third has taken it meanwhile, then nobody does, and the
 * mutex does not tell that third that somebody waits. So who waits looks again.
 *
 * The time of day can be set, but pthread_mutex_clocklock() is unknown to
 * valgrind and to the sanitizer for threads.
 */
int
sys_lock_robust_mutex(pthread_mutex_t *mutex)
{
	struct timespec until;
	int result;

	do {
		until = time_of_day_after(TRUST);
		result = pthread_mutex_timedlock(mutex, &until);
	} while (result == ETIMEDOUT);
	return result;
}
