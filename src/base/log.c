/* log.c - one write(2) per event, so that lines of many threads never mix. */

#include "base/log.h"

#include "base/time.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 4096, MESSAGE = 1800 };

/* set once at start, read everywhere */
static _Atomic int least_level = LOG_INFO;

void log_set_level(enum log_level least)
{
    atomic_store(&least_level, (int)least);
}

/* Quotes, back slashes and control bytes escaped: a message cannot forge a line or a key. */
static size_t quote(char *out, const char *s)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    out[n++] = '"';
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\') {
            out[n++] = '\\';
            out[n++] = (char)ch;
        } else if (ch == '\n') {
            out[n++] = '\\';
            out[n++] = 'n';
        } else if (ch < 0x20 || ch == 0x7f) {
            out[n++] = '?';
            out[n++] = hex[ch & 15];
        } else {
            out[n++] = (char)ch;
        }
    }
    out[n++] = '"';
    return n;
}

void log_event(enum log_level level, const struct log_context *ctx, const char *fmt, ...)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    char line[LINE], message[MESSAGE], stamp[INSTANT_TEXT];
    va_list args;

    if ((int)level < atomic_load(&least_level)) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    instant_format(time_now(), stamp);
    int n = snprintf(line, 200, "ts=%s lvl=%s", stamp, names[level]);
    if (ctx && ctx->module) {
        n += snprintf(line + n, 40, " mod=%.30s", ctx->module);
    }
    if (ctx && ctx->request) {
        n += snprintf(line + n, 60, " req=%.50s", ctx->request);
    }
    if (ctx && ctx->user) {
        n += snprintf(line + n, 40, " user=%lld", ctx->user);
    }
    n += snprintf(line + n, 10, " msg=");
    size_t len = (size_t)n + quote(line + n, message);
    line[len++] = '\n';
    for (size_t at = 0; at < len;) {
        ssize_t put = write(STDERR_FILENO, line + at, len - at);
        if (put <= 0) {
            return; /* nobody is left to tell */
        }
        at += (size_t)put;
    }
}
