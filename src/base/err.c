/* err.c - fills, names and maps errors. */

#include "base/err.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int status;
} codes[] = {
    [OK] = { "ok", 200 },
    [ERR_INVALID] = { "invalid", 400 },
    [ERR_UNAUTHENTICATED] = { "unauthenticated", 401 },
    [ERR_FORBIDDEN] = { "forbidden", 403 },
    [ERR_NOT_FOUND] = { "not_found", 404 },
    [ERR_CONFLICT] = { "conflict", 409 },
    [ERR_STALE] = { "stale", 412 },
    [ERR_TOO_LARGE] = { "too_large", 413 },
    [ERR_RATE] = { "rate_limited", 429 },
    [ERR_BUSY] = { "busy", 503 },
    [ERR_FULL] = { "storage_full", 507 },
    [ERR_BUDGET] = { "too_costly", 422 },
    [ERR_INTERNAL] = { "internal", 500 },
};

enum err_code err_setv(
    struct err *e, enum err_code code, const char *field, const char *fmt, va_list args)
{
    e->code = code;
    snprintf(e->field, sizeof e->field, "%s", field ? field : "");
    vsnprintf(e->msg, sizeof e->msg, fmt, args);
    utf8_mend(e->field);
    utf8_mend(e->msg);
    return code;
}

enum err_code err_set(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    err_setv(e, code, field, fmt, args);
    va_end(args);
    return code;
}

void err_clear(struct err *e)
{
    e->code = OK;
    e->field[0] = e->msg[0] = '\0';
}

bool err_from_input(enum err_code code)
{
    return code == ERR_INVALID || code == ERR_CONFLICT || code == ERR_NOT_FOUND
        || code == ERR_FORBIDDEN || code == ERR_STALE;
}

const char *err_name(enum err_code code)
{
    return codes[code].name;
}

int err_status(const struct err *e)
{
    if (e->code == ERR_INVALID && e->field[0]) {
        return 422;
    }
    return codes[e->code].status;
}
