/*
 * host.h - the conditions of the manager's process, and what its guests may ask
 * of them.
 */
#ifndef FORKLORE_HOST_H
#define FORKLORE_HOST_H

struct client;
struct error;
struct request;

/*
 * Does what a guest asks, and replies to it; or lets it stand in a queue, and
 * replies when the lock is its own.
 */
void host_serve(struct client *client, const struct request *request);

/* A client is gone: its locks pass on, its holds end, it leaves all queues. */
void host_forget(struct client *client);

/* Ends the waits whose deadlines have passed. */
void host_expire(void);

/* The next deadline of any waiter, or FOREVER. */
double host_next_deadline(void);

/* Frees all conditions; nothing may be asked of them any more. */
void host_end(void);

#endif
