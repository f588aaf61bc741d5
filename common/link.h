/*
 * link.h - a client's connections to managers.
 *
 * Each thread has a connection of its own to each manager, since its requests
 * may wait, and since the manager tells owners of locks apart by connection. A
 * process has one more to each, through which it holds conditions for as long
 * as it lives. All of them are made when first needed, and made anew after a
 * fork.
 */
#ifndef FORKLORE_LINK_H
#define FORKLORE_LINK_H

#include <stdint.h>

struct error;
struct request;

/*
 * Sends a request to the manager at an address over the calling thread's
 * connection, waits for the reply, if there is one to it, and gives that.
 * Raises the error that the manager replies with, ConnectionError if it is
 * gone, AuthenticationError if it turns the client away.
 */
struct error *link_request(
	const char *address, const struct request *request, uint64_t *reply);

/*
 * The same over the process's connection, which several threads may share. For
 * requests that do not wait.
 */
struct error *link_request_for_process(
	const char *address, const struct request *request, uint64_t *reply);

/*
 * Closes the calling thread's and the process's connections to an address, but
 * not one that another thread is using.
 */
void link_forget(const char *address);

#endif
