/*
 * proxy.h - a condition of which only a stand-in is here: every call asks the
 * manager that hosts it.
 *
 * A proxy can be sent to another process: what is written down is where its
 * manager is, and which condition it stands for. A manager keeps a condition as
 * long as a proxy to it lives in a process that lives. A child that inherits a
 * proxy is such a process from its first use of it on. A proxy that is on its
 * way holds nothing: who sends one keeps its own until it has arrived.
 */
#ifndef FORKLORE_PROXY_H
#define FORKLORE_PROXY_H

struct condition;
struct error;

/*
 * Has the manager at an address make a condition, and gives a proxy to it,
 * which the caller frees. Raises ConnectionError, AuthenticationError.
 */
struct error *proxy_new(const char *address, struct condition **condition);

#endif
