/*
 * message.h - a line of text that even a signal handler can make and print: it
 * allocates nothing, takes no lock and leaves stdio alone.
 */
#ifndef FORKLORE_MESSAGE_H
#define FORKLORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * A line under construction; all zero is an empty one. What does not fit is cut
 * off; there is room for the longest name that a program can have.
 */
struct message {
	char bytes[512];
	size_t length;
};

void message_put(struct message *message, const char *words);
void message_put_number(struct message *message, uint64_t number);

/* With one digit after the point, and the unit: "1.5 s". */
void message_put_seconds(struct message *message, double seconds);

/* Goes on at a column, or after a space if that is behind. */
void message_pad(struct message *message, size_t column);

/* The text so far, which ends with a NUL. */
const char *message_text(struct message *message);

/* Writes the line to standard error, and begins an empty one. */
void message_print(struct message *message);

#endif
