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
#include "message.h"
#include "scribe.h"
#include "snapshot.h"
#include "sys.h"
#include "trace.h"

#include <errno.h>
#include <math.h>
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

/* Static, since a signal handler's stack may be small. */
static struct snapshot now;

/*
 * "worker 2 (pid 4711)", and perhaps ", which is stopped": then it tells that a
 * comma has to follow, if the sentence goes on.
 */
static bool
put_process(struct message *message, pid_t process)
{
	const struct thread *thread = snapshot_thread_of(&now, process);
	enum process_state state =
		thread ? thread->state : snapshot_process(process);

	message_put(message, thread ? thread->place : "a process");
	message_put(message, " (pid ");
	message_put_number(message, (uint64_t)process);
	message_put(message, ")");
	if (state == PROCESS_GONE)
		message_put(message, ", which has ended");
	else if (state == PROCESS_STOPPED)
		message_put(message, ", which is stopped");
	return state != PROCESS_LIVES;
}

/* As the subject of a sentence, or its agent. */
static void
put_actor(struct message *message, pid_t process)
{
	if (put_process(message, process))
		message_put(message, ",");
}

/* "condition 1": the how-manieth on the board. */
static void
put_condition(
	struct message *message, const struct board *board, uint64_t condition)
{
	for (size_t i = 0; condition != 0 && i < BOARD_NOTES; i++)
		if (board->notes[i].number == condition) {
			message_put(message, "condition ");
			message_put_number(message, i + 1);
			return;
		}
	message_put(message, "a condition");
}

/* What a thread is at; the kernel knows better of one that was stopped. */
static void
put_activity(struct message *message, const struct board *board,
	const struct thread *thread)
{
	if (thread->state == PROCESS_STOPPED)
		message_put(message, "is stopped, until SIGCONT, where it ");
	message_put(message, activity_texts[thread->activity]);
	if (thread->activity == ACTIVITY_AWAIT_LOCK ||
		thread->activity == ACTIVITY_AWAIT_NOTIFY) {
		message_put(message, " ");
		put_condition(message, board, thread->condition);
	}
	if (thread->activity != ACTIVITY_RUN) {
		message_put(message, ", for ");
		message_put_seconds(message, sys_now() - thread->since);
	}
}

static void
print_thread(const struct board *board, const struct thread *thread)
{
	struct message message = {.length = 0};

	message_put(&message, "  ");
	message_put(&message, thread->place);
	message_pad(&message, 13);
	message_put(&message, "pid ");
	message_put_number(&message, (uint64_t)thread->process);
	message_pad(&message, 26);
	put_activity(&message, board, thread);
	message_print(&message);
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

	for (size_t i = 0; i < now.count; i++) {
		const struct thread *thread = &now.threads[i];

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
	struct message message = {.length = 0};

	message_put(&message, "Condition ");
	message_put_number(&message, condition);
	if (manager) {
		message_put(&message, ", hosted by ");
		put_process(&message, manager);
	} else {
		message_put(&message, ", in shared memory");
	}
	message_put(&message, ": ");
	if (owner)
		put_actor(&message, owner);
	else
		message_put(&message, "nobody");
	message_put(&message, " has its lock");
	if (crowd->for_lock > 0) {
		message_put(&message, "; ");
		message_put_number(&message, crowd->for_lock);
		message_put(
			&message, crowd->for_lock == 1 ? " waits" : " wait");
		message_put(&message, " for it");
	}
	message_put(&message, ".");
	message_print(&message);
}

static void
print_notify(const struct board_note *note, double notified,
	const struct crowd *crowd)
{
	struct message message = {.length = 0};

	message_put(&message, "  ");
	message_put_number(&message, crowd->for_notify);
	message_put(&message, crowd->for_notify == 1 ? " waits" : " wait");
	message_put(&message, " to be notified. ");
	if (notified > 0) {
		message_put(&message, "The last notify, by ");
		put_actor(&message, note->notifier);
		message_put(&message, " ");
		message_put_seconds(&message, sys_now() - notified);
		message_put(&message, " ago, woke ");
		message_put_number(&message, note->woken);
		if (crowd->too_late > 0) {
			message_put(&message, "; ");
			message_put_number(&message, crowd->too_late);
			message_put(&message,
				" began to wait after it, and missed it");
		}
		message_put(&message, ".");
	} else {
		message_put(&message, "There was no notify yet.");
	}
	message_print(&message);
}

/* What a note says, unless nobody has to do with the condition any more. */
static void
print_note(const struct board *board, const struct board_note *note)
{
	uint64_t number = note->number;
	pid_t manager = note->manager, owner = note->owner;
	double notified = note->notified;
	struct crowd crowd = crowd_at(number, notified);

	if (number == 0 ||
		(manager && snapshot_process(manager) == PROCESS_GONE) ||
		(!owner && crowd.for_lock + crowd.for_notify == 0))
		return;
	print_lock((size_t)(note - board->notes) + 1, manager, owner, &crowd);
	print_notify(note, notified, &crowd);
}

static void
print_report(const char *what)
{
	const struct board *board = board_read();
	struct message message = {.length = 0};

	message_put(&message, program_invocation_short_name);
	message_put(&message, what);
	message_put_seconds(&message, sys_now() - started);
	message_put(&message, ". Who waits for what:");
	message_print(&message);
	snapshot_take(&now, board);
	for (size_t i = 0; i < now.count; i++)
		print_thread(board, &now.threads[i]);
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
		trace(.kind = TRACE_EXIT,
			.status =
				number == SIGINT ? number : LIMIT_STATUS << 8);
		scribe_finish();
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
