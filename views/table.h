/* table.h - a record as a table for a terminal. */
#ifndef VIEWS_TABLE_H
#define VIEWS_TABLE_H

#include <stdio.h>

struct error;
struct record;

/*
 * Writes a record as lines of text: a column for each place, a row for each
 * entry. What happened begins in the column of its place, and goes on to the
 * right; it is cut off at the width of the terminal, or at COLUMNS if that is
 * set, or at 100 where there is no terminal.
 */
struct error *table_write(const struct record *record, FILE *file);

#endif
