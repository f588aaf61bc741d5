/*
 * lines.h - what stands on the board (board.h), for tests to read it. Once a
 * board is up it is for good, so each test that wants one is a process.
 */
#ifndef FORKLORE_LINES_H
#define FORKLORE_LINES_H

#include "board.h"
#include "must.h"
#include "sys.h"

#include <sched.h>
#include <string.h>

/* Puts the board up, and gives it, to be spoilt. */
static inline struct board *
board_up(void)
{
	MUST(board_put_up());
	return (struct board *)board_read();
}

static inline bool
is_taken(const struct board_line *line)
{
	return line->process != 0 && line->activity != ACTIVITY_NONE;
}

/* How many lines a process has, or all have: 0. */
static inline size_t
line_count(pid_t process)
{
	const struct board *board = board_read();
	size_t count = 0;

	for (size_t i = 0; i < BOARD_LINES; i++)
		count += is_taken(&board->lines[i]) &&
			 (!process || board->lines[i].process == process);
	return count;
}

/* The line of a process, or of a place; NULL if there is none. */
static inline const struct board_line *
find_line(pid_t process, const char *place)
{
	const struct board *board = board_read();

	for (size_t i = 0; i < BOARD_LINES; i++) {
		const struct board_line *line = &board->lines[i];

		if (is_taken(line) && (!process || line->process == process) &&
			(!place || strcmp(line->place, place) == 0))
			return line;
	}
	return NULL;
}

static inline const struct board_line *
line_of(pid_t process)
{
	const struct board_line *line = find_line(process, NULL);

	assert_non_null(line);
	return line;
}

/* Waits until something is so; gives up where only a hang gets. */
#define AWAIT(what)                                                     \
	do {                                                            \
		double give_up = sys_now() + CHILD_LIMIT;               \
                                                                        \
		while (!(what)) {                                       \
			if (sys_now() > give_up)                        \
				fail_msg("this never came: %s", #what); \
			sched_yield();                                  \
		}                                                       \
	} while (0)

/* Whether any thread of a process is at something. */
static inline bool
is_at(pid_t process, enum activity activity)
{
	const struct board *board = board_read();

	for (size_t i = 0; i < BOARD_LINES; i++)
		if (board->lines[i].process == process &&
			board->lines[i].activity == activity)
			return true;
	return false;
}

static inline void
await_activity(pid_t process, enum activity activity)
{
	AWAIT(is_at(process, activity));
}

/* The one note that is taken; NULL if there is none. */
static inline const struct board_note *
find_note(void)
{
	const struct board *board = board_read();
	const struct board_note *found = NULL;

	for (size_t i = 0; i < BOARD_NOTES; i++)
		if (board->notes[i].number != 0) {
			assert_null(found);
			found = &board->notes[i];
		}
	return found;
}

#endif
