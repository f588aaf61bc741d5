/*
 * figure.h - something about Forklore that is measured, and what it is measured
 * beside.
 *
 * Each figure is a file of its own, which says above it what exactly is
 * measured, from which moment to which. Its peers do the same work, as often
 * and with the same payload, by other means.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stdbool.h>

#define PEERS_LIMIT 3

struct error;

/* One measurement: for whom, and how much is to be done in it. */
struct trial {
	const char *figure;
	long count;
};

/*
 * Does what is to be measured, and gives how much it cost or achieved, in the
 * unit of its figure. Runs in a process of its own (party.h).
 */
typedef struct error *
measure_function(const struct trial *trial, double *value);

/* Who stands beside Forklore; one without a name is none. */
struct peer {
	const char *name;
	/*
	 * Makes it ready, once; raises an error, which says why it is left out,
	 * if it is not here. NULL if there is nothing to do.
	 */
	struct error *(*prepare)(void);
	/* NULL: peer.py knows how to measure what has the figure's name. */
	measure_function *measure;
	/* How many times as good Forklore is wanted to be; 0 for no wish. */
	double wanted;
};

struct figure {
	const char *name;
	const char *unit;
	/* What it is, for people. */
	const char *about;
	/* Of a rate more is better; of a cost, less. */
	bool is_rate;
	/* How much is done in one measurement, and in a quick one. */
	long count, quick_count;
	measure_function *measure;
	struct peer peers[PEERS_LIMIT];
};

/* The figures, ended by NULL. */
extern const struct figure *const figures[];

/* The one of that name, or NULL. */
const struct figure *figure_find(const char *name);

extern const struct figure map_figure, map_default_figure;
extern const struct figure apply_figure;
extern const struct figure pool_figure, pool_used_figure;
extern const struct figure condition_figure;
extern const struct figure notify_figure, notify_manager_figure;
extern const struct figure proxy_figure;
extern const struct figure payload_figure;
extern const struct figure memory_figure;
extern const struct figure silent_failure_figure, error_callback_figure,
	get_reraise_figure, manager_proxy_figure, fork_global_figure;

#endif
