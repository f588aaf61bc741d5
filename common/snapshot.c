#include "snapshot.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Reads what /proc says of a process, as text; false if that is impossible. */
static bool
read_stat(pid_t process, char *stat, size_t size)
{
	struct message path = {.length = 0};
	ssize_t length = -1;
	int file;

	message_put(&path, "/proc/");
	message_put_number(&path, (uint64_t)process);
	message_put(&path, "/stat");
	file = open(message_text(&path), O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		length = read(file, stat, size - 1);
		close(file);
	}
	if (length > 0)
		stat[length] = '\0';
	return length > 0;
}

/* The letter that stands behind the name; 0 if that cannot be found out. */
static char
letter_of(pid_t process)
{
	char stat[512];
	const char *name_end;

	if (!read_stat(process, stat, sizeof(stat)))
		return 0;
	name_end = strrchr(stat, ')');
	return name_end && strlen(name_end) > 2 ? name_end[2] : 0;
}

enum process_state
snapshot_process(pid_t process)
{
	switch (letter_of(process)) {
	case 'X':
	case 'Z':
		return PROCESS_GONE;
	case 'T':
	case 't':
		return PROCESS_STOPPED;
	case 0:
		/* Also where no descriptor is left to read with. */
		return kill(process, 0) < 0 && errno == ESRCH ? PROCESS_GONE
							      : PROCESS_LIVES;
	default:
		return PROCESS_LIVES;
	}
}

/* Keeps what a line says, behind the threads of the processes before. */
static void
take_thread(struct snapshot *snapshot, const struct board_line *line)
{
	struct thread thread = {.process = line->process,
		.activity = line->activity,
		.condition = line->condition,
		.since = line->since};
	struct thread *threads = snapshot->threads;
	size_t i;

	if (thread.process == 0 || thread.activity == ACTIVITY_NONE)
		return;
	thread.state = snapshot_process(thread.process);
	if (thread.state == PROCESS_GONE)
		return;
	memcpy(thread.place, line->place, sizeof(thread.place));
	for (i = snapshot->count++; i > 0; i--) {
		if (threads[i - 1].process <= thread.process)
			break;
		threads[i] = threads[i - 1];
	}
	threads[i] = thread;
}

void
snapshot_take(struct snapshot *snapshot, const struct board *board)
{
	snapshot->count = 0;
	for (size_t i = 0; i < board->used; i++)
		take_thread(snapshot, &board->lines[i]);
}

const struct thread *
snapshot_thread_of(const struct snapshot *snapshot, pid_t process)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->threads[i].process == process)
			return &snapshot->threads[i];
	return NULL;
}
