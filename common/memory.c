#include "memory.h"

#include "panic.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* From here on, the last large page may be wasted for the most part. */
#define LARGE ((size_t)4 << 20)

/* Advice only: where it cannot be followed, nothing is lost. */
static void
ask_for_large_pages(void *memory, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t offset = (uintptr_t)memory % page;

	madvise((char *)memory - offset, size + offset, MADV_HUGEPAGE);
}

void *
memory_resize(void *memory, size_t size)
{
	memory = must_have(realloc(memory, size));
	if (size >= LARGE)
		ask_for_large_pages(memory, size);
	return memory;
}
