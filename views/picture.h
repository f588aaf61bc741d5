/* picture.h - a record as a picture. */
#ifndef VIEWS_PICTURE_H
#define VIEWS_PICTURE_H

#include <stdio.h>

struct error;
struct record;

/*
 * Writes a record as an SVG document, one file that needs no other: a column
 * for each place, a row for each entry, and an arrow from each cause that
 * stands in another column, or in the same one further up than the last entry
 * there. Time goes downwards, but not to scale: a long pause is a band with its
 * length. What is too long for its label is told to who points at it.
 */
struct error *picture_write(const struct record *record, FILE *file);

#endif
