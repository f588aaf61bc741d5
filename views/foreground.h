/* foreground.h - the entries of a picture, and the arrows between them. */
#ifndef VIEWS_FOREGROUND_H
#define VIEWS_FOREGROUND_H

struct layout;
struct svg;

void foreground_draw(struct svg *svg, const struct layout *layout);

#endif
