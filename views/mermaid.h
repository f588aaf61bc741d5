/* mermaid.h - a record as a diagram in a document. */
#ifndef VIEWS_MERMAID_H
#define VIEWS_MERMAID_H

#include <stdio.h>

struct error;
struct record;

/*
 * Writes a record as a sequence diagram in the language of Mermaid, which
 * GitHub draws: an arrow for each entry that was caused in another place, and a
 * note for each other one, and for entries that are missing. Raises ValueError
 * where it would be longer than GitHub accepts.
 */
struct error *mermaid_write(const struct record *record, FILE *file);

#endif
