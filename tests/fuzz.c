/* fuzz.c - the targets by name, and the door through which libFuzzer comes. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

const struct fuzz_target fuzz_targets[] = {
	{"value", fuzz_value},
	{"error", fuzz_error},
	{"request", fuzz_request},
	{"reply", fuzz_reply},
	{"chunk", fuzz_chunk},
	{"outcome", fuzz_outcome},
	{"handshake", fuzz_handshake},
	{"channel", fuzz_channel},
	{"server", fuzz_server},
	{NULL, NULL},
};

static const struct fuzz_target *
find_target(const char *name)
{
	const struct fuzz_target *target = fuzz_targets;

	while (target->name && (!name || strcmp(target->name, name) != 0))
		target++;
	if (!target->name) {
		fprintf(stderr,
			"FUZZ_TARGET is '%s', which is no target, as \"value\" "
			"is: tests/fuzz.c has them all\n",
			name ? name : "");
		exit(2);
	}
	return target;
}

/* What libFuzzer calls first, and then with one input after the other. */
static const struct fuzz_target *fuzzed;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzzed = find_target(getenv("FUZZ_TARGET"));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzzed->run((struct reader){bytes, size});
	return 0;
}
