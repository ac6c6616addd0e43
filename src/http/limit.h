/* limit.h - how often one client may ask: a token bucket per token, session or address. */

#ifndef HTTP_LIMIT_H
#define HTTP_LIMIT_H

#include "http/exchange.h"

struct limiter;

struct limiter *limiter_create(struct arena *mem);
void limiter_destroy(struct limiter *l); /* NULL is allowed */
/* Takes one; false when there is none left. per_minute 0: always true. */
bool limiter_take(struct limiter *l, struct str client, int per_minute, int64_t now);
/* The same for n at once: true as long as anything is left, and what was too much is waited for. */
bool limiter_spend(struct limiter *l, struct str client, int64_t per_minute, int64_t n, int64_t now);

#endif
