/* selection.h - a record of only some categories of entries. */
#ifndef VIEWS_SELECTION_H
#define VIEWS_SELECTION_H

#include <stdbool.h>

struct record;

/*
 * Which categories: a bit for each of record_categories, in their order.
 * Reads them from words between commas; tells whether each is one.
 */
bool selection_parse(const char *words, unsigned *selection);

/*
 * Leaves only entries of these categories in a record, and only places that
 * have some; tells whether there are any, and leaves the record alone if not.
 *
 * What is left is a whole record again. A clock counts the entries that are
 * left. A cause that is gone is replaced by the nearest one from which the
 * entry could know: the latest in another place of which its place did not know
 * before.
 */
bool selection_apply(struct record *record, unsigned selection);

#endif
