/*
 * request.h - what a client asks a manager for, and the manager's reply.
 *
 * A client has one request under way at a time. The reply to an acquire or a
 * wait comes when the lock is the client's. Who only gives something up is not
 * replied to, so that nobody has to wait for a reply to that.
 */
#ifndef FORKLORE_REQUEST_H
#define FORKLORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct reader;

/* The longest request or reply, in bytes. */
#define REQUEST_LIMIT ((size_t)1 << 16)

enum request_kind {
	/* Make a condition, held by this client; the reply is its number. */
	REQUEST_MAKE,
	/*
	 * Hold a condition, and let it go; it lasts while any client holds it.
	 * To let go has no reply.
	 */
	REQUEST_HOLD,
	REQUEST_DROP,
	REQUEST_ACQUIRE,
	REQUEST_RELEASE,
	/* Give the lock back whole, if this client has it. No reply. */
	REQUEST_LET_GO,
	/* For timeout seconds; the reply tells whether it was notified. */
	REQUEST_WAIT,
	/* Wakes the amount that have waited longest. */
	REQUEST_NOTIFY,
	/* The reply tells whether the last owner died. */
	REQUEST_OWNER_DIED,
	REQUEST_KIND_COUNT,
};

struct request {
	enum request_kind kind;
	/* The number of the condition; 0 is none. */
	uint64_t condition;
	double timeout;
	int64_t amount;
};

/* Whether there is a reply to a request of this kind. */
bool request_has_reply(enum request_kind kind);

/* What it is called: "acquire". */
const char *request_name(enum request_kind kind);

void request_put(const struct request *request, struct buffer *buffer);

/* Raises ValueError for bytes that are no request. */
struct error *request_take(struct reader *reader, struct request *request);

/* A reply is a number, whose meaning depends on the request, or an error. */
void reply_put(uint64_t number, struct buffer *buffer);
void reply_put_error(const struct error *error, struct buffer *buffer);

/* Raises the error that the reply is, or ValueError for bytes that are none. */
struct error *reply_take(struct reader *reader, uint64_t *number);

#endif
