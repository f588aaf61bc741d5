/* align.h - a section of a transcript brought up to date with new output. */

#ifndef TESTS_ALIGN_H
#define TESTS_ALIGN_H

#include <stdbool.h>

struct section;
struct text;

/*
 * Adds to text the lines of the section as they should read for this output,
 * and to changes a line for each line that goes (-) or comes (+). Patterns
 * which still match are kept, the most that can be; a block whose lines have
 * changed stays a block; everything else becomes a literal line. The section
 * may be NULL, if there is none yet. Returns false, having added nothing, if
 * section and output are too long to be compared.
 */
bool section_align(const struct section *, const struct text *output,
	struct text *text, struct text *changes);

#endif
