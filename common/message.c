#include "message.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

void
message_put(struct message *message, const char *words)
{
	while (*words && message->length < sizeof(message->bytes) - 1)
		message->bytes[message->length++] = *words++;
}

void
message_put_number(struct message *message, uint64_t number)
{
	char digits[24];
	size_t first = sizeof(digits) - 1;

	digits[first] = '\0';
	do
		digits[--first] = (char)('0' + number % 10);
	while (number /= 10);
	message_put(message, digits + first);
}

void
message_put_seconds(struct message *message, double seconds)
{
	uint64_t tenths = (uint64_t)(fmax(seconds, 0) * 10 + 0.5);

	message_put_number(message, tenths / 10);
	message_put(message, ".");
	message_put_number(message, tenths % 10);
	message_put(message, " s");
}

void
message_pad(struct message *message, size_t column)
{
	do
		message_put(message, " ");
	while (message->length < column &&
		message->length < sizeof(message->bytes) - 1);
}

/* Whether it makes sense to try again; waits until it does. */
static bool
can_write_again(void)
{
	struct pollfd error_output = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (errno == EAGAIN)
		return poll(&error_output, 1, -1) > 0 || errno == EINTR;
	return errno == EINTR;
}

const char *
message_text(struct message *message)
{
	message->bytes[message->length] = '\0';
	return message->bytes;
}

void
message_print(struct message *message)
{
	const char *next = message->bytes;
	ssize_t wrote;

	message->bytes[message->length++] = '\n';
	while (message->length > 0) {
		wrote = write(STDERR_FILENO, next, message->length);
		if (wrote < 0 && !can_write_again())
			break;
		if (wrote > 0) {
			next += wrote;
			message->length -= (size_t)wrote;
		}
	}
	message->length = 0;
}
