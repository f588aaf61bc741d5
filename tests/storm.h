/*
 * storm.h - what the processes of the storm share: storm.c says what it is.
 *
 * The first process kills and watches (gale.c). It forks the main process,
 * which has the pool (rounds.c), keeps the accounts (accounts.c) and wakes
 * sleepers (reveille.c), and whose workers run the tasks (errands.c).
 */
#ifndef FORKLORE_STORM_H
#define FORKLORE_STORM_H

#include "task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct condition;

#define WORKERS_LIMIT 64

/* So many tasks are submitted at once, and all ended before the next. */
#define GUST 250

/* No pid is greater on any Linux. */
#define PIDS 4194304

enum mode {
	MODE_PLAIN,
	MODE_CONDITION,
	MODE_MANAGER,
	MODE_COUNT,
};

/* What a worker is at, as it says itself. */
enum doing {
	DOING_BETWEEN,
	DOING_COMPUTING,
	DOING_ACQUIRING,
	DOING_HOLDING,
	DOING_WAITING,
	DOING_RELEASING,
	DOING_COUNT,
};

/* A living worker; pid is 0 where there is none. */
struct slot {
	_Atomic pid_t pid;
	_Atomic int doing;
	/* While it waits: who began earlier has the lower number. */
	_Atomic long since;
};

/* What became of a pid: how often it was killed, and how often mourned. */
struct fate {
	_Atomic uint16_t kills;
	_Atomic uint16_t losses;
};

/* In memory that all processes of a mode share. */
struct stage {
	/* Told by the main process. */
	_Atomic bool raging;
	_Atomic double deadline;
	char step[160];

	/* Told by the killer: whether it may be about to kill. */
	_Atomic bool striking;
	/* How many it killed that were doing what. */
	_Atomic long kills[DOING_COUNT];

	/* Told by the workers. */
	_Atomic pid_t zygote;
	/* A dead worker's slot is kept until the killer has looked at it. */
	struct slot slots[2 * WORKERS_LIMIT];
	/* How often each task of the gust was begun. */
	_Atomic int runs[GUST + WORKERS_LIMIT];

	/* Guarded by the condition's lock; others may look at tokens. */
	_Atomic long left, right;
	_Atomic long tokens;
	_Atomic long last_wait;
	/* How often the halves were put right. */
	_Atomic long mended;

	struct fate fates[PIDS];
};

struct storm {
	enum mode mode;
	uint64_t seed;
	int tasks;
	int workers;
	/* Rounds go on so long; at least one is run. */
	double seconds;
	/* How long one step may take, in seconds; only a hang does. */
	double limit;
};

/* Set before any fork; the condition too, for who inherits it. */
extern struct stage *stage;
extern struct condition *stage_condition;

const char *mode_name(enum mode mode);
const char *doing_name(enum doing doing);

/* gale.c */

/*
 * Kills workers while the main process says so, until that has ended, and
 * gives the program's exit status: 1 if it failed, if it hung (it is killed
 * then), or if it left a process behind.
 */
int gale_blow(const struct storm *storm, pid_t main_process);

/*
 * For the main process: has workers killed from now on; or no more, when it
 * returns.
 */
void gale_rage(void);
void gale_calm(void);

/*
 * For the main process while there is calm: stops a worker wherever it is, and
 * returns when it has stopped; kills a worker that was stopped.
 */
void gale_stop(struct slot *slot);
void gale_kill_stopped(struct slot *slot);

/* rounds.c */

/* The main process: runs rounds until the time is over. */
struct error *rounds_run(const struct storm *storm);

/* errands.c */

/* What a task of a number is about. */
enum errand {
	/* Without a condition. */
	ERRAND_COMPUTE,
	ERRAND_LARGE_ARGUMENT,
	ERRAND_LARGE_RESULT,
	/* With one. */
	ERRAND_CHANGE,
	ERRAND_ADD,
	ERRAND_TAKE,
	/* Takes too, however long it has to wait. */
	ERRAND_SLEEP,
};

/* The initializer: says that the worker is there to be killed. */
initializer_function errand_announce;

/*
 * The task. Its arguments: its place in stage->runs, its number, its errand,
 * and what the errand is about: a size, bytes, or a condition if it was sent.
 * It gives errand_answer() times two, and one more if it changed the halves; or
 * bytes.
 */
task_function errand_run;

long long errand_answer(long long number);
void errand_fill(long long number, unsigned char *bytes, size_t size);

/*
 * For the holder of the lock: looks whether the halves are equal. If the last
 * owner died, makes them so, and wakes as many as there are tokens, since the
 * dead may have owed a wake-up. Raises AssertionError if they differ though
 * nobody died.
 */
struct error *errand_mend(struct condition *condition);

/*
 * A number for each seed and each pair of numbers; all the storm's chances are
 * drawn so. This is splitmix64's last step, applied twice.
 */
static inline uint64_t
storm_draw(uint64_t seed, uint64_t one, uint64_t other)
{
	uint64_t bits = seed + one * 0x9e3779b97f4a7c15;

	for (int i = 0; i < 2; i++) {
		bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
		bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
		bits = (bits ^ (bits >> 31)) + other;
	}
	return bits;
}

#endif
