/* shiviz.h - a record as a log for ShiViz. */
#ifndef VIEWS_SHIVIZ_H
#define VIEWS_SHIVIZ_H

#include <stdio.h>

struct error;
struct record;

/*
 * Writes a record as a file that ShiViz reads without further settings. After
 * its head come two lines for each entry: the first has its place and its
 * clock, the second says what happened. Raises ValueError where two places
 * would have the same name there.
 */
struct error *shiviz_write(const struct record *record, FILE *file);

#endif
