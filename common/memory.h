/* memory.h - memory that grows, to many megabytes if need be. */
#ifndef FORKLORE_MEMORY_H
#define FORKLORE_MEMORY_H

#include <stddef.h>

/*
 * Does what realloc() does, and panics where there is no memory. For 4 MiB or
 * more, the system is asked for large pages, if it has some: it gives memory a
 * page at a time, when that is first written to, and for so much the giving
 * takes longer than the writing.
 */
void *memory_resize(void *memory, size_t size);

#endif
