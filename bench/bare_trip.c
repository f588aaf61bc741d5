/* bare_trip.c - messages to another process and back, small and large. */
#include "bare.h"
#include "error.h"
#include "panic.h"
#include "partner.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No signal comes, so no call is interrupted. */
static void
send_all(int out, const char *bytes, size_t size)
{
	for (ssize_t sent; size > 0; bytes += sent, size -= (size_t)sent) {
		sent = write(out, bytes, size);
		if (sent < 0)
			_exit(1);
	}
}

/* Tells whether all came; there is none of it at the end of the stream. */
static bool
receive_all(int in, char *bytes, size_t size)
{
	for (ssize_t got; size > 0; bytes += got, size -= (size_t)got) {
		got = read(in, bytes, size);
		if (got <= 0)
			return false;
	}
	return true;
}

static void
echo_messages(int in, int out)
{
	char message[8];

	while (receive_all(in, message, sizeof(message)))
		send_all(out, message, sizeof(message));
}

static void
echo_payloads(int in, int out)
{
	char *bytes = must_have(malloc(PAYLOAD));

	while (receive_all(in, bytes, PAYLOAD)) {
		send_all(out, bytes, PAYLOAD);
		free(bytes);
		bytes = must_have(malloc(PAYLOAD));
	}
	free(bytes);
}

static void
make_trip(const struct partner *partner)
{
	char message[8] = {0};

	send_all(partner->out, message, sizeof(message));
	receive_all(partner->in, message, sizeof(message));
}

static double
trip_seconds(const struct partner *partner, long count)
{
	double start;

	make_trip(partner);
	start = sys_now();
	for (long i = 0; i < count; i++)
		make_trip(partner);
	return sys_now() - start;
}

struct error *
bare_pipe_trip(const struct trial *trial, double *value)
{
	struct partner partner;

	TRY(partner_start_on_pipes(&partner, echo_messages));
	*value = 1e6 * trip_seconds(&partner, trial->count) /
		 (double)trial->count;
	partner_end(&partner);
	return NULL;
}

struct error *
bare_two_socket_trips(const struct trial *trial, double *value)
{
	struct partner partner;

	TRY(partner_start_on_socket(&partner, echo_messages));
	*value = 1e6 * trip_seconds(&partner, 2 * trial->count) /
		 (double)trial->count;
	partner_end(&partner);
	return NULL;
}

struct error *
bare_copy(const struct trial *trial, double *value)
{
	char *sent = must_have(malloc(PAYLOAD)), *received;
	double start, seconds = 0;
	struct partner partner;

	TRY(partner_start_on_pipes(&partner, echo_payloads));
	memset(sent, 1, PAYLOAD);
	for (long i = 0; i < trial->count; i++) {
		start = sys_now();
		received = must_have(malloc(PAYLOAD));
		send_all(partner.out, sent, PAYLOAD);
		receive_all(partner.in, received, PAYLOAD);
		seconds += sys_now() - start;
		free(received);
	}
	partner_end(&partner);
	free(sent);
	*value = 2e-9 * PAYLOAD * (double)trial->count / seconds;
	return NULL;
}
