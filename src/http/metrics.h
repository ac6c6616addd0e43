/* metrics.h - what the server counts, for Prometheus, and the lines of the log about requests. */

#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "http/exchange.h"

#include <stdatomic.h>

enum { LATENCY_STEPS = 12 };

struct metrics {
    _Atomic uint64_t by_class[6];           /* answers by first digit of the status */
    _Atomic uint64_t latency[LATENCY_STEPS + 1]; /* by upper bound, see metrics.c */
    _Atomic uint64_t latency_micros;
    _Atomic uint64_t bytes_out, slow, limited, too_slow;
    _Atomic int64_t under_way, connections, streams;
    int64_t started;
};

/* Once per exchange, when its reply is ready: counts, and logs what was slow. */
void metrics_note(struct exchange *x);

#endif
