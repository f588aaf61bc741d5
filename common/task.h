/* task.h - the functions that a pool's workers run. */
#ifndef FORKLORE_TASK_H
#define FORKLORE_TASK_H

struct error;
struct value;

/*
 * A task. It borrows a list of its arguments. It returns its result in *result,
 * a value which it gives away, or leaves that alone for nothing; or it returns
 * an error. It runs in a worker, in the state in which the pool was made.
 */
typedef struct error *
task_function(const struct value *arguments, struct value **result);

/* Run first in each worker; an error breaks the pool. Borrows its arguments. */
typedef struct error *initializer_function(const struct value *arguments);

#endif
