/* growth.h - how a cost grows with what there is more of. */
#ifndef BENCH_GROWTH_H
#define BENCH_GROWTH_H

#include "figure.h"

#define SIZES_LIMIT 10

struct effort;

struct growth {
	const char *name;
	/* What there is more of: "tasks". */
	const char *of;
	/* The unit of its cost, for each one of these. */
	const char *unit;
	const char *about;
	/* How many there are, ended by 0; a quick run takes the first two. */
	long sizes[SIZES_LIMIT];
	measure_function *measure;
};

/* Ended by one without a name. */
extern const struct growth growths[];

/* The one of that name, or NULL. */
const struct growth *growth_find(const char *name);

/* The names of the columns. */
void growth_head(bool csv);

/* Measures one at all sizes, and prints a row for each. */
struct error *
growth_run(const struct growth *growth, const struct effort *effort, bool csv);

#endif
