#include "zygote.h"

#include "board.h"
#include "error.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct zygote {
	pid_t pid;
	int socket;
};

enum verb {
	SPAWN,
	KILL,
};

/*
 * What the pool sends, without gaps; two descriptors come along with SPAWN.
 */
struct order {
	enum verb verb;
	uint32_t seat;
	/* What the record is to say of why. */
	uint64_t cause;
};

/*
 * What the zygote's process knows of a seat. Reports are not queued: each is
 * written from here when the socket takes it, so the zygote never waits for a
 * pool that waits for it.
 */
struct child {
	enum {
		CHILD_NONE,
		CHILD_RUNS,
		CHILD_TO_REPORT,
	} state;
	struct zygote_report report;
};

/*
 * The zygote's process. Static, so that its memory stays reachable in workers.
 */
static struct {
	zygote_main *main_function;
	const void *context;
	size_t seats;
	struct child *children;
	int socket;
	int signals;
	sigset_t old_mask;
} self;

static struct error *
send_order(struct zygote *zygote, struct order order, int *descriptors)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec part = {&order, sizeof(order)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (descriptors) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors,
			2 * sizeof(int));
	}
	while (sendmsg(zygote->socket, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return RAISE(ConnectionError, "the pool's zygote: %s",
				strerror(errno));
	return NULL;
}

/* False when the pool is gone. *in and *out are -1 where none came. */
static bool
receive_order(struct order *order, int *in, int *out)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec part = {order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int descriptors[2] = {-1, -1};
	ssize_t got;

	do
		got = recvmsg(self.socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != sizeof(*order))
		return false;
	if (control.header.cmsg_len == CMSG_LEN(sizeof(descriptors)))
		memcpy(descriptors, CMSG_DATA(&control.header),
			sizeof(descriptors));
	*in = descriptors[0];
	*out = descriptors[1];
	return true;
}

_Noreturn static void
be_worker(size_t seat, int in, int out, pid_t zygote)
{
	/* A zygote that was killed takes its workers along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != zygote)
		_exit(0);
	close(self.signals);
	sigprocmask(SIG_SETMASK, &self.old_mask, NULL);
	self.main_function(self.context, seat, in, out);
	_exit(0);
}

static void
spawn(size_t seat, int in, int out, uint64_t cause)
{
	struct child *child = &self.children[seat];
	uint64_t entry = trace(.kind = TRACE_FORK, .cause = cause);
	pid_t zygote = getpid();
	pid_t pid = fork();

	if (pid == 0)
		be_worker(seat, in, out, zygote);
	if (pid > 0)
		trace_child(entry, pid);
	child->state = pid > 0 ? CHILD_RUNS : CHILD_TO_REPORT;
	child->report = (struct zygote_report){
		.seat = seat, .pid = pid, .failure = pid > 0 ? 0 : errno};
	close(in);
	close(out);
}

/* False when the pool is gone. */
static bool
obey(void)
{
	struct order order;
	int in, out;

	if (!receive_order(&order, &in, &out))
		return false;
	if (order.verb == SPAWN)
		spawn(order.seat, in, out, order.cause);
	else if (self.children[order.seat].state == CHILD_RUNS)
		kill(self.children[order.seat].report.pid, SIGKILL);
	return true;
}

static void
take_end(pid_t pid, int status)
{
	board_forget(pid, status);
	for (size_t i = 0; i < self.seats; i++) {
		struct child *child = &self.children[i];

		if (child->state == CHILD_RUNS && child->report.pid == pid) {
			child->report.status = status;
			child->state = CHILD_TO_REPORT;
		}
	}
}

static void
reap(void)
{
	struct signalfd_siginfo ignored;
	pid_t pid;
	int status;

	while (read(self.signals, &ignored, sizeof(ignored)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		take_end(pid, status);
}

/* Sends what the socket takes; tells whether something is left to report. */
static bool
report(void)
{
	for (size_t i = 0; i < self.seats; i++) {
		struct child *child = &self.children[i];

		if (child->state != CHILD_TO_REPORT)
			continue;
		if (send(self.socket, &child->report, sizeof(child->report),
			    MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return true;
		child->state = CHILD_NONE;
	}
	return false;
}

_Noreturn static void
end(void)
{
	pid_t pid;
	int status;

	for (size_t i = 0; i < self.seats; i++)
		if (self.children[i].state == CHILD_RUNS)
			kill(self.children[i].report.pid, SIGKILL);
	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid > 0)
			board_forget(pid, status);
	_exit(0);
}

static void
take_signals(void)
{
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	signal(SIGCHLD, SIG_DFL);
	/* Ctrl-C is for the program's main process; its end is ours. */
	signal(SIGINT, SIG_IGN);
	/* One that was stopped goes on, to see that its pool is gone. */
	prctl(PR_SET_PDEATHSIG, SIGCONT);
	sigprocmask(SIG_BLOCK, &ended, &self.old_mask);
	self.signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
	if (self.signals < 0)
		_exit(1);
}

_Noreturn static void
be_zygote(void)
{
	board_take_line("zygote");
	take_signals();
	for (;;) {
		struct pollfd entries[] = {
			{.fd = self.socket, .events = POLLIN},
			{.fd = self.signals, .events = POLLIN},
		};

		if (report())
			entries[0].events |= POLLOUT;
		board_begin(ACTIVITY_AWAIT_ORDERS, 0);
		if (poll(entries, 2, -1) < 0)
			continue;
		board_end();
		if (entries[1].revents)
			reap();
		if (entries[0].revents & ~POLLOUT && !obey())
			end();
	}
}

struct error *
zygote_new(zygote_main *main_function, const void *context, size_t seats,
	struct zygote **zygote)
{
	int sockets[2];
	pid_t pid;
	struct error *error;

	TRY(sys_socket_pair(sockets));
	error = TRACED(board_fork(sockets[1], &pid));
	if (!error && pid == 0) {
		self.main_function = main_function;
		self.context = context;
		self.seats = seats;
		self.children = must_have(calloc(seats, sizeof(struct child)));
		self.socket = sockets[1];
		be_zygote();
	}
	sys_close(sockets[1]);
	if (error) {
		sys_close(sockets[0]);
		return error;
	}
	*zygote = must_have(malloc(sizeof(**zygote)));
	**zygote = (struct zygote){.pid = pid, .socket = sockets[0]};
	return NULL;
}

void
zygote_free(struct zygote *zygote)
{
	if (!zygote)
		return;
	sys_close(zygote->socket);
	/* Somebody may have stopped it. */
	kill(zygote->pid, SIGCONT);
	board_reap(zygote->pid);
	free(zygote);
}

struct error *
zygote_spawn(struct zygote *zygote, size_t seat, int in, int out)
{
	TRY(send_order(zygote,
		(struct order){SPAWN, (uint32_t)seat, trace_latest()},
		(int[]){in, out}));
	return NULL;
}

struct error *
zygote_kill(struct zygote *zygote, size_t seat)
{
	TRY(send_order(zygote,
		(struct order){KILL, (uint32_t)seat, trace_latest()}, NULL));
	return NULL;
}

int
zygote_descriptor(const struct zygote *zygote)
{
	return zygote->socket;
}

struct error *
zygote_next_report(
	struct zygote *zygote, bool *got, struct zygote_report *report)
{
	ssize_t size;

	do
		size = recv(
			zygote->socket, report, sizeof(*report), MSG_DONTWAIT);
	while (size < 0 && errno == EINTR);
	*got = size == sizeof(*report);
	if (*got || (size < 0 && errno == EAGAIN))
		return NULL;
	return RAISE(ConnectionError, "the pool's zygote is gone");
}
