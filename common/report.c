/*
 * The report is printed by a signal handler, in whatever state its thread is:
 * so nothing here allocates, locks or calls stdio. What is told comes from the
 * board, and from /proc: whether a process lives, and whether it was stopped.
 * Others go on writing on the board meanwhile, so each thing is read there
 * once.
 */
#include "report.h"

#include "board.h"
#include "error.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define LIMIT_STATUS 124

/* How long a report may take for which nobody waits, in seconds. */
#define PATIENCE 10

static const char *const activity_texts[] = {
	[ACTIVITY_RUN] = "runs its own code",
	[ACTIVITY_SLEEP] = "sleeps",
	[ACTIVITY_PRINT] = "waits for its output to be read",
	[ACTIVITY_AWAIT_LOCK] = "waits for the lock of",
	[ACTIVITY_AWAIT_NOTIFY] = "waits to be notified by",
	[ACTIVITY_AWAIT_MANAGER] = "waits for a reply of the manager",
	[ACTIVITY_AWAIT_RESULT] = "waits for a result",
	[ACTIVITY_AWAIT_POOL] = "waits for the end of a pool's work",
	[ACTIVITY_AWAIT_EXIT] = "waits for the end of a process",
	[ACTIVITY_AWAIT_CHUNK] = "waits for tasks",
	[ACTIVITY_AWAIT_ROOM] = "waits for its reply to be read",
	[ACTIVITY_AWAIT_REPLIES] = "waits for workers' replies and for work",
	[ACTIVITY_AWAIT_ORDERS] = "waits for orders and for workers' ends",
	[ACTIVITY_AWAIT_REQUESTS] = "waits for requests",
};

static pid_t main_process;
static double started;

/* A thread of a process that lives, as it was when the report began. */
struct thread {
	pid_t process;
	/* The letter by which the kernel tells the process's state. */
	char state;
	char place[BOARD_PLACE_SIZE];
	enum activity activity;
	uint64_t condition;
	double since;
};

/* All of them, in the order of their processes. */
static struct thread threads[BOARD_LINES];
static size_t thread_count;

/*
 * A line of text under construction. What does not fit is cut off; there is
 * room for the longest name that a program can have.
 */
struct text {
	char bytes[512];
	size_t length;
};

static void
put(struct text *text, const char *words)
{
	while (*words && text->length < sizeof(text->bytes) - 1)
		text->bytes[text->length++] = *words++;
}

static void
put_number(struct text *text, uint64_t number)
{
	char digits[24];
	size_t first = sizeof(digits) - 1;

	digits[first] = '\0';
	do
		digits[--first] = (char)('0' + number % 10);
	while (number /= 10);
	put(text, digits + first);
}

/* With one digit after the point. */
static void
put_seconds(struct text *text, double seconds)
{
	uint64_t tenths = (uint64_t)(fmax(seconds, 0) * 10 + 0.5);

	put_number(text, tenths / 10);
	put(text, ".");
	put_number(text, tenths % 10);
	put(text, " s");
}

/* Goes on at a column, or after a space if that is behind. */
static void
pad(struct text *text, size_t column)
{
	do
		put(text, " ");
	while (text->length < column && text->length < sizeof(text->bytes) - 1);
}

/* Whether it makes sense to try again; waits until it does. */
static bool
can_write_again(void)
{
	struct pollfd error_output = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (errno == EAGAIN)
		return poll(&error_output, 1, -1) > 0 || errno == EINTR;
	return errno == EINTR;
}

static void
print(struct text *text)
{
	const char *next = text->bytes;
	ssize_t wrote;

	text->bytes[text->length++] = '\n';
	while (text->length > 0) {
		wrote = write(STDERR_FILENO, next, text->length);
		if (wrote < 0 && !can_write_again())
			break;
		if (wrote > 0) {
			next += wrote;
			text->length -= (size_t)wrote;
		}
	}
	text->length = 0;
}

/* Reads what /proc says of a process, as text; false if that is impossible. */
static bool
read_stat(pid_t process, char *stat, size_t size)
{
	struct text path = {.length = 0};
	ssize_t length = -1;
	int file;

	put(&path, "/proc/");
	put_number(&path, (uint64_t)process);
	put(&path, "/stat");
	path.bytes[path.length] = '\0';
	file = open(path.bytes, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = read(file, stat, size - 1);
		close(file);
	}
	if (length > 0)
		stat[length] = '\0';
	return length > 0;
}

/*
 * The letter by which the kernel tells a process's state; 'X' if it is gone. If
 * there are no descriptors left, or no /proc, it is only known that it lives:
 * '?'.
 */
static char
state_of(pid_t process)
{
	char stat[512];
	const char *name_end;

	if (!read_stat(process, stat, sizeof(stat)))
		return kill(process, 0) < 0 && errno == ESRCH ? 'X' : '?';
	name_end = strrchr(stat, ')');
	return name_end && strlen(name_end) > 2 ? name_end[2] : '?';
}

static bool
is_gone(char state)
{
	return state == 'X' || state == 'Z';
}

static bool
is_stopped(char state)
{
	return state == 'T' || state == 't';
}

/* Keeps what a line says, behind the threads of the processes before. */
static void
take_thread(const struct board_line *line)
{
	struct thread thread = {.process = line->process,
		.activity = line->activity,
		.condition = line->condition,
		.since = line->since};
	size_t i;

	if (thread.process == 0 || thread.activity == ACTIVITY_NONE)
		return;
	thread.state = state_of(thread.process);
	if (is_gone(thread.state))
		return;
	memcpy(thread.place, line->place, sizeof(thread.place));
	for (i = thread_count++; i > 0; i--) {
		if (threads[i - 1].process <= thread.process)
			break;
		threads[i] = threads[i - 1];
	}
	threads[i] = thread;
}

/* The first thread of a process; NULL if it has none. */
static const struct thread *
thread_of(pid_t process)
{
	for (size_t i = 0; i < thread_count; i++)
		if (threads[i].process == process)
			return &threads[i];
	return NULL;
}

/*
 * "worker 2 (pid 4711)", and perhaps ", which is stopped": then it tells that a
 * comma has to follow, if the sentence goes on.
 */
static bool
put_process(struct text *text, pid_t process)
{
	const struct thread *thread = thread_of(process);
	char state = thread ? thread->state : state_of(process);

	put(text, thread ? thread->place : "a process");
	put(text, " (pid ");
	put_number(text, (uint64_t)process);
	put(text, ")");
	if (is_gone(state))
		put(text, ", which has ended");
	else if (is_stopped(state))
		put(text, ", which is stopped");
	return is_gone(state) || is_stopped(state);
}

/* As the subject of a sentence, or its agent. */
static void
put_actor(struct text *text, pid_t process)
{
	if (put_process(text, process))
		put(text, ",");
}

/* "condition 1": the how-manieth on the board. */
static void
put_condition(struct text *text, const struct board *board, uint64_t condition)
{
	for (size_t i = 0; condition != 0 && i < BOARD_NOTES; i++)
		if (board->notes[i].number == condition) {
			put(text, "condition ");
			put_number(text, i + 1);
			return;
		}
	put(text, "a condition");
}

/* What a thread is at; the kernel knows better of one that was stopped. */
static void
put_activity(struct text *text, const struct board *board,
	const struct thread *thread)
{
	if (is_stopped(thread->state))
		put(text, "is stopped, until SIGCONT, where it ");
	put(text, activity_texts[thread->activity]);
	if (thread->activity == ACTIVITY_AWAIT_LOCK ||
		thread->activity == ACTIVITY_AWAIT_NOTIFY) {
		put(text, " ");
		put_condition(text, board, thread->condition);
	}
	if (thread->activity != ACTIVITY_RUN) {
		put(text, ", for ");
		put_seconds(text, sys_now() - thread->since);
	}
}

static void
print_thread(const struct board *board, const struct thread *thread)
{
	struct text text = {.length = 0};

	put(&text, "  ");
	put(&text, thread->place);
	pad(&text, 13);
	put(&text, "pid ");
	put_number(&text, (uint64_t)thread->process);
	pad(&text, 26);
	put_activity(&text, board, thread);
	print(&text);
}

/* Who waits at a condition. */
struct crowd {
	size_t for_notify;
	size_t for_lock;
	/* Of those who wait to be notified: since the last notify. */
	size_t too_late;
};

static struct crowd
crowd_at(uint64_t condition, double notified)
{
	struct crowd crowd = {0};

	for (size_t i = 0; i < thread_count; i++) {
		const struct thread *thread = &threads[i];

		if (thread->condition != condition)
			continue;
		crowd.for_lock += thread->activity == ACTIVITY_AWAIT_LOCK;
		if (thread->activity != ACTIVITY_AWAIT_NOTIFY)
			continue;
		crowd.for_notify++;
		crowd.too_late += thread->since > notified;
	}
	return crowd;
}

static void
print_lock(
	size_t condition, pid_t manager, pid_t owner, const struct crowd *crowd)
{
	struct text text = {.length = 0};

	put(&text, "Condition ");
	put_number(&text, condition);
	if (manager) {
		put(&text, ", hosted by ");
		put_process(&text, manager);
	} else {
		put(&text, ", in shared memory");
	}
	put(&text, ": ");
	if (owner)
		put_actor(&text, owner);
	else
		put(&text, "nobody");
	put(&text, " has its lock");
	if (crowd->for_lock > 0) {
		put(&text, "; ");
		put_number(&text, crowd->for_lock);
		put(&text, crowd->for_lock == 1 ? " waits" : " wait");
		put(&text, " for it");
	}
	put(&text, ".");
	print(&text);
}

static void
print_notify(const struct board_note *note, double notified,
	const struct crowd *crowd)
{
	struct text text = {.length = 0};

	put(&text, "  ");
	put_number(&text, crowd->for_notify);
	put(&text, crowd->for_notify == 1 ? " waits" : " wait");
	put(&text, " to be notified. ");
	if (notified > 0) {
		put(&text, "The last notify, by ");
		put_actor(&text, note->notifier);
		put(&text, " ");
		put_seconds(&text, sys_now() - notified);
		put(&text, " ago, woke ");
		put_number(&text, note->woken);
		if (crowd->too_late > 0) {
			put(&text, "; ");
			put_number(&text, crowd->too_late);
			put(&text, " began to wait after it, and missed it");
		}
		put(&text, ".");
	} else {
		put(&text, "There was no notify yet.");
	}
	print(&text);
}

/* What a note says, unless nobody has to do with the condition any more. */
static void
print_note(const struct board *board, const struct board_note *note)
{
	uint64_t number = note->number;
	pid_t manager = note->manager, owner = note->owner;
	double notified = note->notified;
	struct crowd crowd = crowd_at(number, notified);

	if (number == 0 || (manager && is_gone(state_of(manager))) ||
		(!owner && crowd.for_lock + crowd.for_notify == 0))
		return;
	print_lock((size_t)(note - board->notes) + 1, manager, owner, &crowd);
	print_notify(note, notified, &crowd);
}

static void
print_report(const char *what)
{
	const struct board *board = board_read();
	struct text text = {.length = 0};

	put(&text, program_invocation_short_name);
	put(&text, what);
	put_seconds(&text, sys_now() - started);
	put(&text, ". Who waits for what:");
	print(&text);
	for (size_t i = 0; i < board->used; i++)
		take_thread(&board->lines[i]);
	for (size_t i = 0; i < thread_count; i++)
		print_thread(board, &threads[i]);
	for (size_t i = 0; i < BOARD_NOTES; i++)
		print_note(board, &board->notes[i]);
}

/* There is one report: if a second signal comes meanwhile, it just ends. */
static void
on_signal(int number)
{
	static atomic_flag begun = ATOMIC_FLAG_INIT;
	bool is_main = getpid() == main_process;

	if (is_main && !atomic_flag_test_and_set(&begun)) {
		/* To die of that would hide what the program died of. */
		signal(SIGPIPE, SIG_IGN);
		print_report(number == SIGINT ? ": interrupted after "
					      : ": no end after ");
	}
	if (is_main && number == SIGALRM)
		_exit(LIMIT_STATUS);
	signal(number, SIG_DFL);
	raise(number);
	/* The first process of a container does not die of it. */
	_exit(128 + number);
}

/* Also if the program was started with the signal ignored, or blocked. */
static void
handle(int number)
{
	struct sigaction action = {
		.sa_handler = on_signal, .sa_flags = SA_NODEFER};
	sigset_t just_this;

	sigaction(number, &action, NULL);
	sigemptyset(&just_this);
	sigaddset(&just_this, number);
	pthread_sigmask(SIG_UNBLOCK, &just_this, NULL);
}

/* It rings again, should the report not get through. */
static void
start_clock(double limit)
{
	struct itimerval timer = {.it_value.tv_sec = (time_t)limit,
		.it_interval.tv_sec = PATIENCE};

	timer.it_value.tv_usec =
		(suseconds_t)((limit - (double)(time_t)limit) * 1e6);
	setitimer(ITIMER_REAL, &timer, NULL);
}

struct error *
report_when_it_hangs(double limit)
{
	TRY(board_put_up());
	board_take_line("main");
	main_process = getpid();
	started = sys_now();
	handle(SIGINT);
	handle(SIGALRM);
	if (isfinite(limit))
		start_clock(limit);
	return NULL;
}
