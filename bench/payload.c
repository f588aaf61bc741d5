/* payload.c - how fast large values go to a worker and back. */
#include "bare.h"
#include "error.h"
#include "panic.h"
#include "pool.h"
#include "python.h"
#include "sys.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

static struct error *
echo(const struct value *arguments, struct value **result)
{
	const struct value *argument;

	TRY(value_at(arguments, 0, &argument));
	*result = value_copy(argument);
	return NULL;
}

static struct value *
payload(void)
{
	void *bytes = must_have(malloc(PAYLOAD));
	struct value *value;

	memset(bytes, 1, PAYLOAD);
	value = value_bytes(bytes, PAYLOAD);
	free(bytes);
	return value;
}

static struct error *
measure_payload(const struct trial *trial, double *value)
{
	SCOPED(pool) pool = NULL;
	double start, seconds = 0;

	TRY(pool_new(1, &pool));
	TRY(pool_apply(pool, echo, value_list(value_nothing()), NULL));
	for (long i = 0; i < trial->count; i++) {
		SCOPED(value) result = NULL;
		struct value *arguments = value_list(payload());

		start = sys_now();
		TRY(pool_apply(pool, echo, arguments, &result));
		seconds += sys_now() - start;
	}
	*value = 2e-9 * PAYLOAD * (double)trial->count / seconds;
	return NULL;
}

/*
 * A pool of 1 worker, which has run something before, is given a task whose
 * argument is 64 MiB of bytes and that gives them back. The clock runs from the
 * call, when the bytes are there, until the result is; so 128 MiB have been
 * moved. Beside it stands a process that reads 64 MiB from a pipe into fresh
 * memory and, when it has all, writes them to another, from which the first
 * process reads them into fresh memory: a worker, too, has to have all of an
 * argument before it can run.
 */
const struct figure payload_figure = {
	.name = "payload",
	.unit = "GB/s",
	.about = "64 MiB to a worker and back",
	.is_rate = true,
	.count = 3,
	.quick_count = 1,
	.measure = measure_payload,
	.peers = {{"CPython", python_prepare, NULL, 2},
		{"bare pipe copy", NULL, bare_copy, 0.7}},
};
