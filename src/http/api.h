/* api.h - from a request to its reply, whoever carries it: the network threads, the shell. */

#ifndef HTTP_API_H
#define HTTP_API_H

#include "http/route.h"
#include "model/org.h"

#include <stdatomic.h>

struct pool;
struct streams;
struct limiter;
struct metrics;

struct api {
    struct org *org;
    struct pool *pool;       /* NULL: everything runs where it is called */
    struct streams *streams; /* NULL: no change stream */
    struct limiter *limiter;
    struct metrics *metrics;
    bool serves_tls;
    _Atomic bool stopping;
    _Atomic uint64_t requests; /* only to tell lines of the log apart */
};

/* Before a body is taken that is more than somebody who has not signed in may send. ADMIT_NO: the reply is
 * there. ADMIT_OPEN: the address is open to all, so the smaller limit holds. ADMIT_AWAY, not with may_block:
 * it must be asked again from the pool. */
enum admit { ADMIT_YES, ADMIT_OPEN, ADMIT_NO, ADMIT_AWAY };
enum admit api_admit(struct exchange *x, bool may_block);
/* Takes the exchange as far as this thread may. True: the reply is there. False: x->leave() was called,
 * and x->finish() follows on some thread. With x->local it is always true. */
bool api_start(struct exchange *x);
/* A pool thread's part. */
void api_continue(struct exchange *x);
/* What follows the first page of an answer, which is in the call's body already: next adds one page to out and says
 * whether there is more. state must live in x->mem. */
typedef enum err_code page_fn(struct call *c, void *state, struct buf *out, bool *more);
void answer_in_pages(struct exchange *x, page_fn *next, void *state, bool more);
/* Fills who, via and the session of the call; ERR_UNAUTHENTICATED, ERR_FORBIDDEN (CSRF). */
MUST_CHECK enum err_code api_authenticate(struct call *c, struct exchange *x);

/* The effect and its answer are stored together: the same key with the same request answers again
 * without an effect; with another request it is refused. */
MUST_CHECK enum err_code idempotent_run(struct call *c, struct exchange *x);

/* Of the administrator of this machine, for api_start; target "/api/v1/...". */
struct exchange *api_exchange(
    struct api *api, struct arena *mem, const char *method, struct str target, struct str body);
/* Begins an exchange on a fresh arena. */
struct exchange *exchange_new(struct api *api, struct arena *mem);

#endif
