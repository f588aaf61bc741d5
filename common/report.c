/*
 * The report is printed by a signal handler, in whatever state its thread is:
 * so nothing here allocates, locks or calls stdio. What is told comes from the
 * board, and from /proc: whether a process lives, and whether it was stopped.
 */
#include "report.h"

#include "board.h"
#include "error.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define LIMIT_STATUS 124

static const char *const activity_texts[] = {
	[ACTIVITY_RUN] = "runs",
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

/* A line of text under construction. What does not fit is cut off. */
struct text {
	char bytes[256];
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

static void
pad(struct text *text, size_t column)
{
	while (text->length < column)
		put(text, " ");
}

static void
print(struct text *text)
{
	const char *next = text->bytes;
	ssize_t wrote;

	text->bytes[text->length++] = '\n';
	while (text->length > 0) {
		wrote = write(STDERR_FILENO, next, text->length);
		if (wrote < 0 && errno != EINTR)
			break;
		if (wrote > 0) {
			next += wrote;
			text->length -= (size_t)wrote;
		}
	}
	text->length = 0;
}

/* The letter by which the kernel tells a process's state; 'X' if it is gone. */
static char
state_of(pid_t process)
{
	struct text path = {.length = 0};
	char stat[512];
	ssize_t length = -1;
	const char *name_end = NULL;
	int file;

	put(&path, "/proc/");
	put_number(&path, (uint64_t)process);
	put(&path, "/stat");
	path.bytes[path.length] = '\0';
	file = open(path.bytes, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = read(file, stat, sizeof(stat) - 1);
		close(file);
	}
	if (length > 0) {
		stat[length] = '\0';
		name_end = strrchr(stat, ')');
	}
	return name_end && strlen(name_end) > 2 ? name_end[2] : 'X';
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

/* The first line of a process; NULL if it has none. */
static const struct board_line *
line_of(const struct board *board, pid_t process)
{
	for (size_t i = 0; i < board->used; i++)
		if (board->lines[i].process == process &&
			board->lines[i].activity != ACTIVITY_NONE)
			return &board->lines[i];
	return NULL;
}

/* "worker 2 (pid 4711)"; of one that has ended, nobody knows what it was. */
static void
put_process(struct text *text, const struct board *board, pid_t process)
{
	const struct board_line *line = line_of(board, process);

	put(text, line && !is_gone(state_of(process)) ? line->place
						      : "a process");
	put(text, " (pid ");
	put_number(text, (uint64_t)process);
	put(text, ")");
}

static void
put_owner(struct text *text, const struct board *board, pid_t owner)
{
	char state;

	if (!owner) {
		put(text, "nobody");
		return;
	}
	put_process(text, board, owner);
	state = state_of(owner);
	if (is_gone(state))
		put(text, ", which has ended,");
	else if (is_stopped(state))
		put(text, ", which is stopped,");
}

static const struct board_note *
note_of(const struct board *board, uint64_t condition)
{
	for (size_t i = 0; condition != 0 && i < BOARD_NOTES; i++)
		if (board->notes[i].number == condition)
			return &board->notes[i];
	return NULL;
}

/* What a thread is at; the kernel knows better of one that was stopped. */
static void
put_activity(struct text *text, const struct board *board,
	const struct board_line *line, char state)
{
	enum activity activity = line->activity;
	const struct board_note *note = note_of(board, line->condition);
	bool on_condition = activity == ACTIVITY_AWAIT_LOCK ||
			    activity == ACTIVITY_AWAIT_NOTIFY;

	if (is_stopped(state))
		put(text, "is stopped, until SIGCONT; ");
	put(text, activity_texts[activity]);
	if (on_condition)
		put(text, " condition ");
	if (on_condition && note)
		put_number(text, (uint64_t)(note - board->notes) + 1);
	if (activity != ACTIVITY_RUN) {
		put(text, ", for ");
		put_seconds(text, sys_now() - line->since);
	}
}

/* Whether one line is to be printed before another. */
static bool
precedes(const struct board_line *line, const struct board_line *other)
{
	return line->process < other->process ||
	       (line->process == other->process && line < other);
}

/* The line to be printed after another, or first of all; NULL at the end. */
static const struct board_line *
line_after(const struct board *board, const struct board_line *last)
{
	const struct board_line *next = NULL;

	for (size_t i = 0; i < board->used; i++) {
		const struct board_line *line = &board->lines[i];

		if (line->activity != ACTIVITY_NONE &&
			(!last || precedes(last, line)) &&
			(!next || precedes(line, next)))
			next = line;
	}
	return next;
}

static void
print_line(const struct board *board, const struct board_line *line)
{
	struct text text = {.length = 0};
	pid_t process = line->process;
	char state = state_of(process);

	if (is_gone(state))
		return;
	put(&text, "  ");
	put(&text, line->place);
	pad(&text, 13);
	put(&text, "pid ");
	put_number(&text, (uint64_t)process);
	pad(&text, 26);
	put_activity(&text, board, line, state);
	print(&text);
}

/* Who waits at a condition, among the living. */
struct crowd {
	size_t for_notify;
	size_t for_lock;
	/* Of those who wait to be notified: since the last notify. */
	size_t too_late;
};

static struct crowd
crowd_at(const struct board *board, const struct board_note *note)
{
	struct crowd crowd = {0};

	for (size_t i = 0; i < board->used; i++) {
		const struct board_line *line = &board->lines[i];

		if (line->condition != note->number ||
			is_gone(state_of(line->process)))
			continue;
		crowd.for_lock += line->activity == ACTIVITY_AWAIT_LOCK;
		if (line->activity != ACTIVITY_AWAIT_NOTIFY)
			continue;
		crowd.for_notify++;
		crowd.too_late += line->since > note->notified;
	}
	return crowd;
}

static void
print_lock(const struct board *board, const struct board_note *note,
	const struct crowd *crowd)
{
	struct text text = {.length = 0};

	put(&text, "Condition ");
	put_number(&text, (uint64_t)(note - board->notes) + 1);
	if (note->manager) {
		put(&text, ", hosted by ");
		put_process(&text, board, note->manager);
		put(&text, ": ");
	} else {
		put(&text, ", in shared memory: ");
	}
	put_owner(&text, board, note->owner);
	put(&text, " has its lock; ");
	put_number(&text, crowd->for_lock);
	put(&text, crowd->for_lock == 1 ? " waits for it." : " wait for it.");
	print(&text);
}

static void
print_notify(const struct board *board, const struct board_note *note,
	const struct crowd *crowd)
{
	struct text text = {.length = 0};

	put(&text, "  ");
	put_number(&text, crowd->for_notify);
	put(&text, crowd->for_notify == 1 ? " waits" : " wait");
	put(&text, " to be notified. ");
	if (note->notified > 0) {
		put(&text, "The last notify, by ");
		put_process(&text, board, note->notifier);
		put(&text, " ");
		put_seconds(&text, sys_now() - note->notified);
		put(&text, " ago, woke ");
		put_number(&text, note->woken);
		put(&text, "; ");
		put_number(&text, crowd->too_late);
		put(&text, " began to wait after it.");
	} else {
		put(&text, "There was no notify yet.");
	}
	print(&text);
}

static void
print_note(const struct board *board, const struct board_note *note)
{
	struct crowd crowd = crowd_at(board, note);

	if (note->number == 0 ||
		(!note->owner && crowd.for_lock + crowd.for_notify == 0))
		return;
	print_lock(board, note, &crowd);
	print_notify(board, note, &crowd);
}

static void
print_report(const char *what)
{
	const struct board *board = board_read();
	const struct board_line *line = NULL;
	struct text text = {.length = 0};

	put(&text, program_invocation_short_name);
	put(&text, what);
	put_seconds(&text, sys_now() - started);
	put(&text, ". Who waits for what:");
	print(&text);
	while ((line = line_after(board, line)))
		print_line(board, line);
	for (size_t i = 0; i < BOARD_NOTES; i++)
		print_note(board, &board->notes[i]);
}

static void
on_signal(int signal)
{
	if (getpid() == main_process) {
		print_report(signal == SIGINT ? ": interrupted after "
					      : ": no end after ");
		if (signal == SIGALRM)
			_exit(LIMIT_STATUS);
	}
	/* The handler was called once, and is gone. */
	raise(signal);
}

/* Also if the program was started with the signal ignored, or blocked. */
static void
handle(int signal)
{
	struct sigaction action = {.sa_handler = on_signal,
		.sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
	sigset_t just_this;

	sigaction(signal, &action, NULL);
	sigemptyset(&just_this);
	sigaddset(&just_this, signal);
	pthread_sigmask(SIG_UNBLOCK, &just_this, NULL);
}

static void
start_clock(double limit)
{
	struct itimerval timer = {.it_value.tv_sec = (time_t)limit};

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
