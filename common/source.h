/*
 * source.h - which line of which source file an address of this program is,
 * from what the compiler wrote down for debuggers.
 */
#ifndef FORKLORE_SOURCE_H
#define FORKLORE_SOURCE_H

struct source;

/* Opens what is known of this program; NULL if nothing is. */
struct source *source_open(void);
void source_close(struct source *source);

/*
 * Gives the file, as it was named to the compiler, and the line of the call
 * that returns to an address; NULL if that is unknown. The name lasts until the
 * source is closed.
 */
const char *
source_of_call(struct source *source, const void *address, int *line);

#endif
