/* err.h - how a failure travels: one code, the field it is about, and a sentence for a person.
 *
 * Functions that can fail return enum err_code and are MUST_CHECK. The lowest code that knows what
 * happened fills the error; everything above passes it on untouched. */

#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(at, from) __attribute__((format(printf, at, from)))

enum err_code {
    OK = 0,
    ERR_INVALID,         /* 400, or 422 when a field is named */
    ERR_UNAUTHENTICATED, /* 401 */
    ERR_FORBIDDEN,       /* 403 */
    ERR_NOT_FOUND,       /* 404, also for what the caller may not see */
    ERR_CONFLICT,        /* 409: unique key or business rule */
    ERR_STALE,           /* 412: not the version that was read */
    ERR_TOO_LARGE,       /* 413 */
    ERR_RATE,            /* 429 */
    ERR_BUSY,            /* 503: try again */
    ERR_FULL,            /* 507: the disk is full, reading goes on */
    ERR_BUDGET,          /* the statement passed the steps it was given; never seen outside */
    ERR_INTERNAL,        /* 500 */
};

struct err {
    enum err_code code;
    char field[128]; /* path of the field at fault, empty when none is */
    char msg[400];
};

/* Fills *e and returns code. field may be NULL. */
enum err_code err_set(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    PRINTF(4, 5);
enum err_code err_setv(
    struct err *e, enum err_code code, const char *field, const char *fmt, va_list args)
    PRINTF(4, 0);
void err_clear(struct err *e);

/* Something about what was asked for: another record or row of the same work may well succeed. */
bool err_from_input(enum err_code code);
/* The stable word for a code in answers: "invalid", "not_found", ... */
const char *err_name(enum err_code code);
/* The HTTP status of an error; 422 for ERR_INVALID with a field. */
int err_status(const struct err *e);

/* Passes a failure on. The only macro of the house that alters control flow. */
#define TRY(x)                                                                                     \
    do {                                                                                           \
        enum err_code try_code_ = (x);                                                             \
        if (try_code_ != OK) {                                                                     \
            return try_code_;                                                                      \
        }                                                                                          \
    } while (0)

/* A branch that cannot happen, kept alive in release. */
#define NEVER(x) __builtin_expect(!!(x), 0)

#endif
