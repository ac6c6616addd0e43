/* access_compile.c - compiles what a user's roles give into one immutable snapshot, and keeps those of the users
 * who are at work. */

#include "model/access_steps.h"

#include "model/access_cache.h"
#include "model/org.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_SLOTS = 1024 };
struct access_cache {
    pthread_mutex_t lock;
    struct access *slots[CACHE_SLOTS];
};

static enum level level_of(struct str code)
{
    for (int l = LEVEL_ALL; l > LEVEL_NONE; l--) {
        if (str_is(code, level_name((enum level)l))) {
            return (enum level)l;
        }
    }
    return LEVEL_NONE;
}

/* ---- the cache ---- */

struct access_cache *access_cache_create(void)
{
    struct access_cache *cache = calloc(1, sizeof *cache);

    if (!cache) {
        abort();
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void give_locked(struct access *a)
{
    if (a && --a->refs == 0) {
        arena_destroy(a->mem);
    }
}

void access_cache_destroy(struct access_cache *cache)
{
    if (!cache) {
        return;
    }
    for (int i = 0; i < CACHE_SLOTS; i++) {
        give_locked(cache->slots[i]);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

struct held {
    struct access_cache *cache;
    struct access *access;
};

static void give_back(void *arg)
{
    struct held *h = arg;

    pthread_mutex_lock(&h->cache->lock);
    give_locked(h->access);
    pthread_mutex_unlock(&h->cache->lock);
}

static struct access *cached(struct call *c, int64_t id)
{
    struct access_cache *cache = c->org->access;
    struct access *a;

    pthread_mutex_lock(&cache->lock);
    a = cache->slots[(uint64_t)id % CACHE_SLOTS];
    if (a && a->user.id == id && a->model_version == c->model->version
        && a->access_version == __atomic_load_n(&c->org->access_version, __ATOMIC_RELAXED)) {
        a->refs++;
    } else {
        a = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    return a;
}

static void keep(struct call *c, struct access *a)
{
    struct access_cache *cache = c->org->access;
    struct access **slot = &cache->slots[(uint64_t)a->user.id % CACHE_SLOTS];

    pthread_mutex_lock(&cache->lock);
    give_locked(*slot);
    *slot = a;
    a->refs++;
    pthread_mutex_unlock(&cache->lock);
}

/* ---- compiling ---- */

static enum err_code load_ids(
    struct call *c, struct arena *mem, struct sql sql, struct dbvals v, int64_t **ids, size_t *n)
{
    struct rows rows;
    size_t room = 0;

    *n = 0;
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        ARENA_ROOM(mem, *ids, *n, room);
        (*ids)[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

static enum err_code load_user(struct call *c, struct access *a, int64_t id)
{
    struct rows rows;
    bool found = false;

    TRY(db_query(c, &rows,
        SQL("SELECT \"email\", \"name\", \"admin\", \"team\", \"language\", \"zone\" FROM \"users\""
            " WHERE \"id\" = $1 AND \"active\" = 1 AND \"deleted_at\" IS NULL"),
        VALS(V(id))));
    if (rows_next(&rows)) {
        found = true;
        a->user = (struct user) {
            .id = id,
            .email = arena_str(a->mem, stmt_text(rows.st, 0)),
            .name = arena_str(a->mem, stmt_text(rows.st, 1)),
            .admin = col_int(&rows, 2) != 0,
            .team = col_int(&rows, 3),
            .language = arena_str(a->mem, stmt_text(rows.st, 4)),
            .zone = zone_get(stmt_text(rows.st, 5)),
            .access = a,
        };
        if (!stmt_text(rows.st, 5).n || !a->user.zone) {
            a->user.zone = zone_get(c->model->zone);
        }
        if (!a->user.zone) {
            a->user.zone = zone_utc();
        }
    }
    TRY(rows_end(&rows));
    if (!found) {
        return fail(c, ERR_UNAUTHENTICATED, NULL, "this user is not active");
    }
    TRY(load_ids(c, a->mem,
        SQL("SELECT \"to\" FROM \"user_teams_links\" WHERE \"from\" = $1 AND \"deleted_at\" IS NULL"
            " UNION SELECT \"team\" FROM \"users\" WHERE \"id\" = $1 AND \"team\" IS NOT NULL"),
        VALS(V(id)), &a->teams, &a->nteams));
    return load_ids(c, a->mem,
        SQL("WITH RECURSIVE tree (id) AS (SELECT \"to\" FROM \"user_teams_links\" WHERE \"from\" = $1"
            " AND \"deleted_at\" IS NULL UNION SELECT \"team\" FROM \"users\" WHERE \"id\" = $1 AND"
            " \"team\" IS NOT NULL UNION SELECT t.\"id\" FROM \"teams\" t JOIN tree ON"
            " t.\"parent\" = tree.id WHERE t.\"deleted_at\" IS NULL) SELECT id FROM tree"),
        VALS(V(id)), &a->below, &a->nbelow);
}

struct grant_row {
    struct grant g;
    int64_t role;
    struct str entity, condition;
};

static enum err_code load_grants(
    struct call *c, struct access *a, int64_t id, struct grant_row **out, size_t *n)
{
    struct rows rows;
    size_t room = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT g.\"role\", r.\"name\", g.\"entity\", g.\"condition\", g.\"actions\", g.\"read\","
            " g.\"create\", g.\"update\", g.\"delete\", g.\"export\", g.\"import\", g.\"bulk\","
            " r.\"may_explain\", r.\"may_customise\" FROM \"user_roles_links\" l JOIN \"roles\" r ON"
            " r.\"id\" = l.\"to\" AND r.\"deleted_at\" IS NULL LEFT JOIN \"grants\" g ON"
            " g.\"role\" = r.\"id\" AND g.\"deleted_at\" IS NULL WHERE l.\"from\" = $1 AND"
            " l.\"deleted_at\" IS NULL ORDER BY g.\"id\""),
        VALS(V(id))));
    const struct choice_list *levels = map_get(&c->model->lists, STR("access_level"));
    *n = 0;
    while (rows_next(&rows)) {
        ARENA_ROOM(a->mem, *out, *n, room);
        struct grant_row *g = &(*out)[(*n)++];
        *g = (struct grant_row) {
            .role = col_int(&rows, 0),
            .g.role = arena_str(a->mem, stmt_text(rows.st, 1)),
            .entity = arena_str(a->mem, stmt_text(rows.st, 2)),
            .condition = arena_str(a->mem, stmt_text(rows.st, 3)),
            .g.actions = arena_str(a->mem, stmt_text(rows.st, 4)),
        };
        for (int r = 0; r < RIGHT_COUNT; r++) {
            const struct choice *level = choice_by_id(levels, col_int(&rows, 5 + r));
            g->g.level[r] = (uint8_t)(level ? level_of(level->code) : LEVEL_NONE);
        }
        a->may_explain = a->may_explain || col_int(&rows, 12);
        a->may_customise = a->may_customise || col_int(&rows, 13);
    }
    return rows_end(&rows);
}

static void add_grant(struct access *a, struct entity_access *ea, const struct grant *g)
{
    struct grant *more = ARENA_ARRAY(a->mem, struct grant, ea->n + 1);

    if (ea->n) {
        memcpy(more, ea->grants, ea->n * sizeof *more);
    }
    ea->grants = more;
    ea->grants[ea->n++] = *g;
    for (int r = 0; r < RIGHT_COUNT; r++) {
        if (g->level[r] > ea->most[r]) {
            ea->most[r] = g->level[r];
        }
    }
    ea->conditional = ea->conditional || g->condition;
}

static enum err_code parse_condition(struct call *c, struct access *a, const struct live_entity *e,
    struct str text, const struct expr **out)
{
    struct expr_scope scope = { .mem = a->mem, .model = c->model, .entity = e,
        .zone = a->user.zone, .me = a->user.id };
    struct err ignored = { 0 };

    *out = NULL;
    if (!text.n) {
        return OK;
    }
    /* a condition that no longer holds against the model gives nothing, never everything */
    if (expr_condition(&scope, text, "condition", out, &ignored) != OK) {
        return expr_condition(&scope, STR("false"), "condition", out, &c->err);
    }
    return OK;
}

static enum err_code compile_entity(struct call *c, struct access *a, const struct live_entity *e,
    const struct grant_row *rows, size_t n, struct entity_access *ea)
{
    for (size_t i = 0; i < n; i++) {
        bool own_row = false, star = str_is(rows[i].entity, "*");
        for (size_t k = 0; star && k < n; k++) {
            own_row = own_row
                || (rows[k].role == rows[i].role && str_eq(rows[k].entity, e->name));
        }
        if (star ? own_row || (e->def.flags & ENTITY_ADMIN) : !str_eq(rows[i].entity, e->name)) {
            continue;
        }
        struct grant g = rows[i].g;
        TRY(parse_condition(c, a, e, rows[i].condition, &g.condition));
        add_grant(a, ea, &g);
    }
    if (e->def.flags & ENTITY_PUBLIC) {
        struct grant g = { .role = STR("everybody") };
        g.level[RIGHT_READ] = LEVEL_ALL;
        add_grant(a, ea, &g);
    }
    if (e->def.flags & ENTITY_PERSONAL) {
        struct grant own = { .role = STR("everybody") }, shared = { .role = STR("everybody") };
        for (int r = 0; r < RIGHT_COUNT; r++) {
            own.level[r] = LEVEL_OWN;
        }
        add_grant(a, ea, &own);
        shared.level[RIGHT_READ] = LEVEL_ALL;
        TRY(parse_condition(c, a, e, STR("shared"), &shared.condition));
        add_grant(a, ea, &shared);
    }
    return OK;
}

static enum err_code load_field_grants(struct call *c, struct access *a, int64_t id)
{
    struct rows rows;
    const struct choice_list *levels = map_get(&c->model->lists, STR("field_grant_level"));

    for (size_t i = 0; i < c->model->nentities; i++) {
        for (size_t k = 0; k < c->model->entities[i]->nfields; k++) {
            int64_t number = c->model->entities[i]->fields[k]->number;
            a->nfields = number >= a->nfields ? number + 1 : a->nfields;
        }
    }
    a->fields = ARENA_ARRAY(a->mem, uint8_t, (size_t)a->nfields + 1);
    TRY(db_query(c, &rows,
        SQL("SELECT g.\"entity\", g.\"field\", g.\"level\" FROM \"user_roles_links\" l JOIN \"roles\" r"
            " ON r.\"id\" = l.\"to\" AND r.\"deleted_at\" IS NULL JOIN \"field_grants\" g ON"
            " g.\"role\" = r.\"id\" AND g.\"deleted_at\" IS NULL WHERE l.\"from\" = $1 AND"
            " l.\"deleted_at\" IS NULL"),
        VALS(V(id))));
    while (rows_next(&rows)) {
        const struct live_entity *e = model_entity(c->model, stmt_text(rows.st, 0));
        const struct live_field *f = e ? entity_field(e, stmt_text(rows.st, 1)) : NULL;
        const struct choice *level = choice_by_id(levels, col_int(&rows, 2));
        if (!f || !level) {
            continue;
        }
        uint8_t said = str_is(level->code, "write") ? 1 + FIELD_WRITE
            : str_is(level->code, "read")           ? 1 + FIELD_READ
                                                    : 1 + FIELD_HIDDEN;
        /* roles unite: the most generous of those that say something */
        if (said > a->fields[f->number]) {
            a->fields[f->number] = said;
        }
    }
    return rows_end(&rows);
}

static enum err_code compile(struct call *c, struct access *a, int64_t id)
{
    struct grant_row *rows = NULL;
    size_t n = 0;

    a->model_version = c->model->version;
    a->access_version = __atomic_load_n(&c->org->access_version, __ATOMIC_RELAXED);
    TRY(load_user(c, a, id));
    TRY(load_grants(c, a, id, &rows, &n));
    a->entities = ARENA_ARRAY(a->mem, struct entity_access, c->model->nentities);
    for (size_t i = 0; i < c->model->nentities; i++) {
        TRY(compile_entity(c, a, c->model->entities[i], rows, n, &a->entities[i]));
    }
    return load_field_grants(c, a, id);
}

enum err_code user_load(struct call *c, int64_t id, const struct user **out)
{
    struct access *a = cached(c, id);

    if (!a) {
        struct arena *mem = arena_create(0);
        a = ARENA_NEW(mem, struct access);
        a->mem = mem;
        a->refs = 1;
        enum err_code code = compile(c, a, id);
        if (code != OK) {
            arena_destroy(mem);
            return code;
        }
        keep(c, a);
    }
    struct held *h = ARENA_NEW(c->mem, struct held);
    *h = (struct held) { c->org->access, a };
    arena_defer(c->mem, give_back, h);
    struct user *u = ARENA_NEW(c->mem, struct user);
    *u = a->user;
    *out = u;
    return OK;
}

static void forget_all(struct org *o, void *arg)
{
    (void)arg;
    __atomic_add_fetch(&o->access_version, 1, __ATOMIC_RELAXED);
}

void access_changed(struct call *c)
{
    call_after_commit(c, forget_all, NULL);
}
