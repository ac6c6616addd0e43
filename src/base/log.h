/* log.h - one line of logfmt to stderr per event, from any thread:
 * ts=2026-01-02T03:04:05.678901Z lvl=info mod=http req=7f3a user=12 msg="..." */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_context {
    const char *module;  /* may be NULL */
    const char *request; /* request id, may be NULL */
    long long user;      /* 0 for none */
};

void log_set_level(enum log_level least);
void log_event(enum log_level level, const struct log_context *ctx, const char *fmt, ...)
    PRINTF(3, 4);

#endif
