/*
 * condition_class.h - what a make of conditions is made of: the calls of
 * condition.h, each as it is done in shared memory, or by a proxy.
 */
#ifndef FORKLORE_CONDITION_CLASS_H
#define FORKLORE_CONDITION_CLASS_H

#include "value.h"

#include <stdatomic.h>
#include <stdbool.h>

struct condition_class;
struct error;

/* What each condition begins with, of whichever make. */
struct condition {
	const struct condition_class *class;
	atomic_int holders;
};

struct condition_class {
	/* With CONDITION_INTERFACE, condition_hold and condition_drop. */
	struct value_class value_class;
	struct error *(*acquire)(struct condition *);
	struct error *(*release)(struct condition *);
	struct error *(*wait)(struct condition *, double timeout, bool *);
	struct error *(*notify)(struct condition *, long n);
	struct error *(*owner_died)(struct condition *, bool *died);
	void (*destroy)(struct condition *);
};

#define CONDITION_INTERFACE "Condition"

/* Begins a condition of a make, with one holder. */
void condition_init(
	struct condition *condition, const struct condition_class *class);

/* Adds a holder, and takes one away; without any, the condition is destroyed.
 */
void condition_hold(void *condition);
void condition_drop(void *condition);

#endif
