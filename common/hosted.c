#include "hosted.h"

#include "board.h"
#include "error.h"
#include "sys.h"
#include "trace.h"

void
hosted_init(struct hosted *hosted, uint64_t number)
{
	*hosted = (struct hosted){.number = number};
	TAILQ_INIT(&hosted->wanting);
	TAILQ_INIT(&hosted->waiting);
	hosted->note = board_take_note(number, sys_process());
}

void
hosted_fini(struct hosted *hosted)
{
	board_free_note(hosted->note);
}

bool
hosted_unused(const struct hosted *hosted)
{
	return hosted->holds == 0 && !hosted->owner &&
	       TAILQ_EMPTY(&hosted->wanting) && TAILQ_EMPTY(&hosted->waiting);
}

static void
stand_for_lock(struct hosted *hosted, struct visitor *visitor)
{
	visitor->state = VISITOR_WANTS_LOCK;
	TAILQ_INSERT_TAIL(&hosted->wanting, visitor, link);
}

static void
own(struct hosted *hosted, struct visitor *visitor, unsigned long depth)
{
	hosted->owner = visitor;
	hosted->depth = depth;
	visitor->granted_by =
		visitor->notified ? visitor->woken_by : hosted->released_by;
	board_note_owner(hosted->note, visitor->process);
}

/* Passes the lock, which is free, to whoever has wanted it longest. */
static void
grant(struct hosted *hosted, hosted_granted *granted)
{
	struct visitor *next = TAILQ_FIRST(&hosted->wanting);

	if (hosted->owner || !next)
		return;
	TAILQ_REMOVE(&hosted->wanting, next, link);
	next->state = VISITOR_NOWHERE;
	own(hosted, next, next->depth);
	granted(next);
}

static void
give_back(struct hosted *hosted, bool died, hosted_granted *granted)
{
	hosted->released_by = hosted->owner->asked_by;
	hosted->owner = NULL;
	hosted->depth = 0;
	hosted->owner_died = died;
	board_note_owner(hosted->note, 0);
	grant(hosted, granted);
}

void
hosted_acquire(struct hosted *hosted, struct visitor *visitor)
{
	visitor->hosted = hosted;
	visitor->notified = false;
	if (hosted->owner == visitor) {
		hosted->depth++;
	} else if (!hosted->owner) {
		own(hosted, visitor, 1);
	} else {
		visitor->depth = 1;
		stand_for_lock(hosted, visitor);
	}
}

struct error *
hosted_release(
	struct hosted *hosted, struct visitor *visitor, hosted_granted *granted)
{
	if (hosted->owner != visitor)
		return RAISE(RuntimeError, "cannot release un-acquired lock");
	if (--hosted->depth == 0)
		give_back(hosted, false, granted);
	return NULL;
}

void
hosted_let_go(
	struct hosted *hosted, struct visitor *visitor, hosted_granted *granted)
{
	if (hosted->owner == visitor)
		give_back(hosted, false, granted);
}

struct error *
hosted_wait(struct hosted *hosted, struct visitor *visitor, double timeout,
	hosted_granted *granted)
{
	if (hosted->owner != visitor)
		return RAISE(RuntimeError, "cannot wait on un-acquired lock");
	visitor->notified = false;
	if (!(timeout > 0))
		return NULL;
	visitor->state = VISITOR_WAITS;
	visitor->hosted = hosted;
	visitor->depth = hosted->depth;
	visitor->deadline = sys_deadline(timeout);
	visitor->ticket = hosted->next_ticket++;
	TAILQ_INSERT_TAIL(&hosted->waiting, visitor, link);
	give_back(hosted, false, granted);
	return NULL;
}

static void
end_wait(struct hosted *hosted, struct visitor *visitor, bool notified)
{
	TAILQ_REMOVE(&hosted->waiting, visitor, link);
	visitor->notified = notified;
	board_promote(visitor->process, hosted->number);
	stand_for_lock(hosted, visitor);
}

/* Wakes the first in the queue, if its ticket is below a bound. */
static bool
wake_first(struct hosted *hosted, uint64_t below, uint64_t woken_by)
{
	struct visitor *first = TAILQ_FIRST(&hosted->waiting);

	if (!first || first->ticket >= below)
		return false;
	first->heirs_below = below;
	first->woken_by = woken_by;
	end_wait(hosted, first, true);
	return true;
}

struct error *
hosted_notify(struct hosted *hosted, struct visitor *visitor, int64_t amount)
{
	size_t woken = 0;

	if (hosted->owner != visitor)
		return RAISE(RuntimeError, "cannot notify on un-acquired lock");
	while (amount > 0 &&
		wake_first(hosted, hosted->next_ticket, visitor->asked_by)) {
		amount--;
		woken++;
	}
	trace_woken(visitor->asked_by, woken);
	board_note_notify(hosted->note, visitor->process, woken);
	return NULL;
}

struct error *
hosted_owner_died(struct hosted *hosted, struct visitor *visitor, bool *died)
{
	if (hosted->owner != visitor)
		return RAISE(RuntimeError, "cannot ask about un-acquired lock");
	*died = hosted->owner_died;
	return NULL;
}

void
hosted_expire(struct hosted *hosted, double now, hosted_granted *granted)
{
	struct visitor *visitor = TAILQ_FIRST(&hosted->waiting);

	while (visitor) {
		struct visitor *next = TAILQ_NEXT(visitor, link);

		if (visitor->deadline <= now)
			end_wait(hosted, visitor, false);
		visitor = next;
	}
	grant(hosted, granted);
}

double
hosted_next_deadline(const struct hosted *hosted)
{
	const struct visitor *visitor;
	double next = FOREVER;

	TAILQ_FOREACH (visitor, &hosted->waiting, link)
		if (visitor->deadline < next)
			next = visitor->deadline;
	return next;
}

/* Takes a visitor out of the queue that it stands in, if it does. */
static void
leave_queue(struct hosted *hosted, struct visitor *visitor)
{
	if (visitor->state == VISITOR_WAITS)
		TAILQ_REMOVE(&hosted->waiting, visitor, link);
	else if (visitor->state == VISITOR_WANTS_LOCK)
		TAILQ_REMOVE(&hosted->wanting, visitor, link);
	visitor->state = VISITOR_NOWHERE;
}

void
hosted_forget(
	struct hosted *hosted, struct visitor *visitor, hosted_granted *granted)
{
	if (visitor->hosted == hosted) {
		leave_queue(hosted, visitor);
		if (visitor->notified)
			wake_first(hosted, visitor->heirs_below,
				visitor->woken_by);
		visitor->notified = false;
	}
	if (hosted->owner == visitor)
		give_back(hosted, true, granted);
	else
		grant(hosted, granted);
}
