/*
 * manager.h - a server process that hosts conditions.
 *
 * The conditions it makes are proxies: they can be the arguments of tasks. Only
 * processes of this user get in that were forked from the program that made the
 * manager, since only they know its key. The server ends when its creator ends,
 * however that ends; Ctrl-C alone does not end it.
 */
#ifndef FORKLORE_MANAGER_H
#define FORKLORE_MANAGER_H

#include "scoped.h"

struct condition;
struct error;
struct manager;

/*
 * Starts the server; the caller frees the manager. Raises OSError if the system
 * refuses. May be called from any process and thread of a program.
 */
struct error *manager_new(struct manager **manager);

/*
 * Ends the server and waits for its end; its conditions raise ConnectionError
 * from then on. NULL is fine. In another process than the creator it does
 * nothing.
 */
void manager_free(struct manager *manager);
DEFINE_SCOPED(manager)

/*
 * Makes a condition in the server, and gives a proxy to it, which the caller
 * frees with condition_free(). Raises ConnectionError if the server is gone.
 */
struct error *
manager_condition(struct manager *manager, struct condition **condition);

#endif
