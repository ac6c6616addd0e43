/* access_cache.h - the compiled rights of the users who are at work, kept until something about users,
 * teams, roles or the model changes. */

#ifndef MODEL_ACCESS_CACHE_H
#define MODEL_ACCESS_CACHE_H

struct access_cache;

struct access_cache *access_cache_create(void);
void access_cache_destroy(struct access_cache *cache); /* NULL is allowed */

#endif
