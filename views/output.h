/*
 * output.h - a file that is there when it is complete, and not before: whatever
 * goes wrong, what had its name is as it was.
 */
#ifndef VIEWS_OUTPUT_H
#define VIEWS_OUTPUT_H

#include "error.h"
#include "scoped.h"

#include <stdio.h>

struct output;

/*
 * Begins to write a file, or standard output if the path is NULL. What exists
 * and is no ordinary file, such as a pipe, is written to as it is. For others,
 * the program's signals are kept back until the output is finished or freed.
 * Raises OSError.
 */
struct error *output_new(const char *path, struct output **output);

/* Where to write to. */
FILE *output_file(struct output *output);

/* Puts the file in its place. Raises OSError if not all could be written. */
struct error *output_finish(struct output *output);

/* Gives up what is not finished, and frees the output; NULL is fine. */
void output_free(struct output *output);
DEFINE_SCOPED(output)

#endif
