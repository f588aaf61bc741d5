/*
 * backdrop.h - what stands behind the entries of a picture: stripes, the heads
 * of the columns, lifelines with their bars, and pauses.
 */
#ifndef VIEWS_BACKDROP_H
#define VIEWS_BACKDROP_H

struct layout;
struct svg;

void backdrop_draw(struct svg *svg, const struct layout *layout);

#endif
