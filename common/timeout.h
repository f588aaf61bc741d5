/* timeout.h - how long a call may wait: seconds, as a double. */
#ifndef FORKLORE_TIMEOUT_H
#define FORKLORE_TIMEOUT_H

#include <math.h>

/* A timeout that never comes. */
#define FOREVER INFINITY

#endif
