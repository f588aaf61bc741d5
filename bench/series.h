/*
 * series.h - a figure, measured again and again, in turn with its peers.
 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include "figure.h"

#include <stddef.h>

#define ROUNDS_LIMIT 1000

/* How much is measured. */
struct effort {
	int rounds;
	/* Little work in each measurement, and no round thrown away. */
	bool quick;
	/* What takes longer hangs, in seconds. */
	double limit;
};

/* The median of some numbers, and how far they spread. */
struct spread {
	double median, low, high;
};

struct spread spread_of(const double *numbers, size_t count);

/* What was found of a figure beside one of its peers. */
struct beside {
	const struct peer *peer;
	/* Whether it could be measured in each round. */
	bool is_measured;
	double median;
	/* How many times as good Forklore is, round by round. */
	struct spread ratio;
};

struct finding {
	const struct figure *figure;
	double median;
	struct beside beside[PEERS_LIMIT];
};

/*
 * Measures a figure and its peers in turn, one round after another; a first
 * round is thrown away, but in a quick run. Whoever of the peers cannot be
 * measured is left out, with a word on standard error. *is_sound becomes false
 * if that is so for another reason than that the peer is not here. Raises an
 * error if the figure itself cannot be measured.
 */
struct error *series_run(const struct figure *figure,
	const struct effort *effort, struct finding *finding, bool *is_sound);

#endif
