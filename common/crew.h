/*
 * crew.h - the workers of a pool, each in a seat of its own, and what comes
 * from them.
 *
 * Whoever owns the crew, one thread, sends parcels: chunks of work, each for
 * whichever worker is first to have nothing to do. The owner is told through a
 * struct crew_owner what became of each. The crew knows nothing of tasks. A
 * worker that ends is replaced. The thread has SIGPIPE blocked or ignored,
 * since a worker may end while it is written to.
 */
#ifndef FORKLORE_CREW_H
#define FORKLORE_CREW_H

#include "scoped.h"
#include "worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct buffer;
struct crew;
struct error;
struct reader;

/* What the crew knows of a chunk that its owner sends. */
struct parcel {
	/* The number in the chunk's head: higher than that of any before it. */
	uint64_t number;
	/* Whether it is too long for the shelf: its taker asks for it. */
	bool large;
	/* Among those that nobody took, or that a worker has. */
	TAILQ_ENTRY(parcel) link;
};

/* What the crew's owner is told of a parcel in the end, by crew_step(). */
struct crew_owner {
	/* A worker sent a reply to it, of a kind. */
	void (*replied)(void *owner, struct parcel *parcel,
		enum reply_kind kind, struct reader *reply);
	/*
	 * The worker that had it is lost, and why, in an error which is taken;
	 * begun tells whether it had read the chunk whole.
	 */
	void (*lost)(void *owner, struct parcel *parcel, bool begun,
		struct error *why);
	/*
	 * Nobody had taken it when another that was sent before it was lost and
	 * not begun: it is to be sent again, in the order of the numbers, since
	 * its task may wait for that one's.
	 */
	void (*returned)(void *owner, struct parcel *parcel);
	void *owner;
};

/*
 * Makes a crew of that many workers, which start at once. The plan is borrowed
 * until the crew is freed; its begun and its shelf are set here. Raises
 * OSError.
 */
struct error *crew_new(struct worker_plan *plan, size_t seats,
	struct crew_owner owner, struct crew **crew);

/*
 * Kills whoever is left and waits for the end of all. Of parcels that are under
 * way nothing more is told. NULL is fine.
 */
void crew_free(struct crew *crew);
DEFINE_SCOPED(crew)

/* Whether a parcel can be sent; if not, that may change in crew_step(). */
bool crew_has_room(struct crew *crew);

/*
 * Begins a parcel, if there is room for it: numbers it, and gives the buffer
 * for the chunk, which is to begin with a chunk_head of that number. Then
 * either crew_send() sends it, and borrows the parcel until its end is told, or
 * crew_cancel() drops it. crew_send() raises ValueError for a chunk of more
 * than WORKER_MESSAGE_LIMIT bytes, and has then dropped it.
 */
struct buffer *crew_begin(struct crew *crew, struct parcel *parcel);
struct error *crew_send(struct crew *crew, struct parcel *parcel);
void crew_cancel(struct crew *crew);

/* Lets all workers end and replaces none. No parcel may be under way. */
void crew_close(struct crew *crew);

/* Whether no worker is left. */
bool crew_gone(const struct crew *crew);

/* Makes crew_step() return soon. May be called from any thread. */
void crew_wake(struct crew *crew);

/*
 * Waits until something happens, and deals with all that has. An error means
 * that the crew is of no more use: its initializer failed, no worker can be
 * started, its zygote is gone, or a task has overwritten what it shares with
 * the workers. Of parcels that are under way then nothing more is told.
 */
struct error *crew_step(struct crew *crew);

#endif
