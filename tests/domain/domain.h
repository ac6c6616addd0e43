/* domain.h - an organisation of its own for each test, on SQLite or PostgreSQL, with the real modules. */

#ifndef TESTS_DOMAIN_DOMAIN_H
#define TESTS_DOMAIN_DOMAIN_H

#include "model/access.h"
#include "model/change.h"
#include "model/job.h"
#include "model/org.h"
#include "model/query.h"
#include "model/record.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#undef fail /* the word is ours: model/call.h */
// clang-format on

struct world {
    char dir[64];
    char schema[64];
    struct config cfg;
    struct org *org;
    struct arena *mem;
    int64_t user; /* in whose name calls run; 0 the system */
    struct err err;
    struct str body; /* of the last answer */
};

extern const struct module *const world_modules[];

/* For cmocka: group set-up makes a world and puts it into *state. */
int world_open(void **state);
int world_close(void **state);
bool world_is_postgres(void);
/* One for the life of the program, as fuzz targets want it; ends the program where there can be none. */
struct world *world_once(void);

/* Each runs one call and expects it to succeed, unless _fails. */
typedef enum err_code step_fn(struct call *c, void *arg);
void writes(struct world *w, step_fn *fn, void *arg);
void reads(struct world *w, step_fn *fn, void *arg);
enum err_code write_fails(struct world *w, step_fn *fn, void *arg);
enum err_code read_fails(struct world *w, step_fn *fn, void *arg);

/* Whatever comes out. */
enum err_code read_any(struct world *w, step_fn *fn, void *arg);

int64_t make(struct world *w, const char *entity, const char *json);
void change(struct world *w, const char *entity, int64_t id, const char *json);
enum err_code make_fails(struct world *w, const char *entity, const char *json);
enum err_code change_fails(struct world *w, const char *entity, int64_t id, const char *json);
void bin(struct world *w, const char *entity, int64_t id);
/* The answer's JSON, for str_find and the like; lives until the next call. */
const char *list(struct world *w, const char *entity, const char *where, const char *sort);
const char *get(struct world *w, const char *entity, int64_t id, const char *fields);
const char *aggregate(struct world *w, const char *entity, const char *where, const char *measure,
    const char *group);
int64_t count(struct world *w, const char *entity, const char *where);
int64_t last_change_set(struct world *w);
void undo(struct world *w, int64_t change_set);
enum err_code undo_fails(struct world *w, int64_t change_set);

#endif
