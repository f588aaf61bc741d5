/* payload.h - how many bytes are sent when many are. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stddef.h>

#define PAYLOAD ((size_t)64 << 20)

#endif
