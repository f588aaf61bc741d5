/* test_memory.c - memory grows, and what is large lies in large pages. */
#include "memory.h"

#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEGABYTE ((size_t)1 << 20)

static void
memory_keeps_what_is_in_it(void **state)
{
	char *memory = memory_resize(NULL, 4);

	(void)state;
	memcpy(memory, "text", 4);
	memory = memory_resize(memory, 16 * MEGABYTE);
	assert_memory_equal(memory, "text", 4);
	memory[16 * MEGABYTE - 1] = 1;
	memory = memory_resize(memory, 64 * MEGABYTE);
	assert_int_equal(memory[16 * MEGABYTE - 1], 1);
	memory = memory_resize(memory, 4);
	assert_memory_equal(memory, "text", 4);
	free(memory);
}

/* Whether the mapping that holds an address is marked for large pages. */
static bool
wants_large_pages(const char *address)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long first, end;
	bool here = false, marked = false;
	char line[512];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			here = first <= (uintptr_t)address &&
			       (uintptr_t)address < end;
		if (here && strncmp(line, "VmFlags:", 8) == 0)
			marked = strstr(line, " hg") != NULL;
	}
	fclose(file);
	return marked;
}

static void
large_memory_wants_large_pages(void **state)
{
	char *memory;

	(void)state;
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0)
		skip();
	memory = memory_resize(NULL, 64 * MEGABYTE);
	assert_true(wants_large_pages(memory));
	assert_true(wants_large_pages(memory + 64 * MEGABYTE - 1));
	memory = memory_resize(memory, 128 * MEGABYTE);
	assert_true(wants_large_pages(memory + 128 * MEGABYTE - 1));
	free(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_keeps_what_is_in_it),
		cmocka_unit_test(large_memory_wants_large_pages),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL) != 0;
}
