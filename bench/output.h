/* output.h - findings as a table for people, or as rows for programs. */
#ifndef BENCH_OUTPUT_H
#define BENCH_OUTPUT_H

#include <stdbool.h>

struct finding;

/* The names of the columns. */
void output_head(bool csv);

/*
 * A row for each peer that was measured, or one without a peer. In rows for
 * programs no field has a comma or a quotation mark, so none is quoted.
 */
void output_finding(const struct finding *finding, bool csv);

#endif
