/* pool.h - the threads that do what may block. What is heavy holds only part of them, so that a report
 * keeps nobody from saving a record. */

#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "http/exchange.h"

struct pool;

/* Lives in mem. */
struct pool *pool_create(
    struct arena *mem, int threads, int queue_max, void (*run)(struct exchange *x));
/* Ends after what is queued is done. NULL is allowed. */
void pool_destroy(struct pool *p);
/* false when too many wait. */
bool pool_add(struct pool *p, struct exchange *x);
int pool_waiting(struct pool *p);

#endif
