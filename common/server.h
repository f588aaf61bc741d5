/*
 * server.h - the manager's process: conditions, and the clients that use them.
 */
#ifndef FORKLORE_SERVER_H
#define FORKLORE_SERVER_H

struct error;

/*
 * Serves whoever knocks and knows the key, until the other end of the lifeline
 * is closed. First it sends one message over the lifeline: a text, the address
 * of its door, or why there is none; server_await_address() is what reads it.
 * Never returns; ends the process with status 0, or 1 if it could not serve.
 */
_Noreturn void server_run(int lifeline);

/*
 * Waits on the creator's end of a lifeline until the server is ready, and gives
 * its address, which the caller frees. Raises why it is not.
 */
struct error *server_await_address(int lifeline, char **address);

#endif
