/* access.c - compiles what a user's roles give, and answers from it: in SQL for sets, in memory for
 * one record. */

#include "model/access.h"

#include "model/access_cache.h"
#include "model/match.h"
#include "model/org.h"
#include "model/query_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct grant {
    uint8_t level[RIGHT_COUNT];
    const struct expr *condition;
    struct str role, actions;
};

struct entity_access {
    struct grant *grants;
    size_t n;
    uint8_t most[RIGHT_COUNT]; /* highest level over the grants */
    bool conditional;
};

struct access {
    struct arena *mem;
    int refs;
    int64_t model_version, access_version;
    struct user user;
    int64_t *teams, *below; /* mine; mine and beneath */
    size_t nteams, nbelow;
    struct entity_access *entities; /* in the model's order */
    uint8_t *fields;                /* by number: 0 nothing said, else 1 + enum field_right */
    int64_t nfields;
    bool may_explain, may_customise;
};

enum { CACHE_SLOTS = 1024 };
struct access_cache {
    pthread_mutex_t lock;
    struct access *slots[CACHE_SLOTS];
};

const char *right_name(enum right r)
{
    static const char *const names[RIGHT_COUNT]
        = { "read", "create", "update", "delete", "export", "import", "bulk" };

    return names[r];
}

const char *level_name(enum level l)
{
    static const char *const names[] = { "none", "own", "team", "below", "all" };

    return names[l];
}

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
        if (*n == room) {
            room = room ? room * 2 : 8;
            int64_t *more = ARENA_ARRAY(mem, int64_t, room);
            if (*n) {
                memcpy(more, *ids, *n * sizeof *more);
            }
            *ids = more;
        }
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
        if (*n == room) {
            room = room ? room * 2 : 16;
            struct grant_row *more = ARENA_ARRAY(a->mem, struct grant_row, room);
            if (*n) {
                memcpy(more, *out, *n * sizeof *more);
            }
            *out = more;
        }
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

/* ---- answering ---- */

static bool all_powerful(const struct call *c)
{
    return c->who->admin && !c->who->scopes.n;
}

/* "read", "contacts:read", "contacts:write"; write includes read. */
static bool scope_allows(const struct call *c, const struct live_entity *e, enum right right)
{
    struct str rest = c->who->scopes, one, entity;
    bool reading = right == RIGHT_READ || right == RIGHT_EXPORT;

    if (!rest.n) {
        return true;
    }
    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (str_is(one, "*") || str_is(one, "write") || (reading && str_is(one, "read"))) {
            return true;
        }
        if (str_split(&one, ':', &entity) && (str_eq(entity, e->plural) || str_eq(entity, e->name))
            && (str_is(one, "write") || (reading && str_is(one, "read")))) {
            return true;
        }
    }
    return false;
}

static const struct entity_access *access_to(const struct call *c, const struct live_entity *e)
{
    return c->who->access ? &c->who->access->entities[e->index] : NULL;
}

static const struct live_entity *link_owner(const struct live_entity *e)
{
    return e->def.flags & ENTITY_LINK ? ((struct live_field *)entity_field(e, STR("from")))->target
                                      : NULL;
}

/* What it takes on the near end to do something to a link row. */
static enum right link_right(enum right right)
{
    return right == RIGHT_READ || right == RIGHT_EXPORT ? right : RIGHT_UPDATE;
}

enum level access_level(const struct call *c, const struct live_entity *e, enum right right)
{
    if (!scope_allows(c, e, right)) {
        return LEVEL_NONE;
    }
    if (c->who->admin) {
        return LEVEL_ALL;
    }
    if (link_owner(e)) {
        return access_level(c, link_owner(e), link_right(right));
    }
    const struct entity_access *ea = access_to(c, e);
    if ((e->def.flags & ENTITY_CUSTOMISE) && c->who->access && c->who->access->may_customise) {
        return LEVEL_ALL;
    }
    return ea ? (enum level)ea->most[right] : LEVEL_NONE;
}

enum field_right access_field(const struct call *c, const struct live_field *f)
{
    if (f->def.system) {
        return FIELD_HIDDEN;
    }
    if (c->who->admin) {
        return FIELD_WRITE;
    }
    const struct access *a = c->who->access;
    const struct live_field *list
        = f->def.mirror ? entity_field(f->entity, str_of(f->def.mirror)) : NULL;
    if (list && access_field(c, list) == FIELD_HIDDEN) {
        return FIELD_HIDDEN; /* a piece of what is hidden */
    }
    uint8_t said = a && f->number < a->nfields ? a->fields[f->number] : 0;
    if (said) {
        return (enum field_right)(said - 1);
    }
    return f->def.sensitive ? FIELD_HIDDEN : FIELD_WRITE;
}

enum err_code access_require(struct call *c, const struct live_entity *e, enum right right)
{
    if (access_level(c, e, right) == LEVEL_NONE) {
        /* something may be shared with one who has no right of his own */
        if (right == RIGHT_READ && !c->who->scopes.n && !(e->def.flags & ENTITY_ADMIN)) {
            return OK;
        }
        return fail(c, ERR_FORBIDDEN, NULL, "you may not %s %s", right_name(right),
            e->label_plural.p);
    }
    return OK;
}

static bool in(const int64_t *ids, size_t n, int64_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool level_holds(const struct call *c, enum level level, const struct record *r)
{
    const struct access *a = c->who->access;
    struct dbval owner = record_get(r, "owner"), team = record_get(r, "team");
    bool mine = owner.type == DB_INT && owner.i == c->who->id;

    switch (level) {
    case LEVEL_NONE:
        return false;
    case LEVEL_ALL:
        return true;
    case LEVEL_OWN:
        return mine;
    case LEVEL_TEAM:
        return mine || (team.type == DB_INT && in(a->teams, a->nteams, team.i));
    case LEVEL_BELOW:
        return mine || (team.type == DB_INT && in(a->below, a->nbelow, team.i));
    }
    return false;
}

static enum err_code is_shared(struct call *c, const struct record *r, enum right right, bool *yes)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    int64_t one;

    *yes = false;
    if (right == RIGHT_DELETE || right == RIGHT_CREATE) {
        return OK;
    }
    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT 1 FROM ");
    sql_ident(&s, r->e->tables[0]);
    sql_lit(&s, " t0 WHERE t0.\"id\" = ");
    sql_bind(&s, V(r->id));
    TRY(access_stream_sql(c, r->e, right, 0, 0, &s));
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    return db_find(c, &one, yes, sql, v);
}

enum err_code access_owns(struct call *c, struct record *r, enum right right, bool *yes)
{
    *yes = scope_allows(c, r->e, right)
        && (c->who->admin
            || ((r->e->def.flags & ENTITY_CUSTOMISE) && c->who->access
                && c->who->access->may_customise));
    if (*yes || !scope_allows(c, r->e, right)) {
        return OK;
    }
    if (link_owner(r->e)) {
        struct record *from;
        TRY(record_load(c, link_owner(r->e), record_get(r, "from").i, false, &from));
        return access_record(c, from, link_right(right), yes);
    }
    const struct entity_access *ea = access_to(c, r->e);
    for (size_t i = 0; ea && i < ea->n && !*yes; i++) {
        const struct grant *g = &ea->grants[i];
        if (!level_holds(c, (enum level)g->level[right], r)) {
            continue;
        }
        *yes = true;
        if (g->condition) {
            struct expr_rows rows = record_rows(c, r);
            struct value v;
            TRY(expr_eval(g->condition, &rows, c->mem, c->now, c->who->id, &v));
            *yes = !v.absent && v.i;
        }
    }
    return OK;
}

enum err_code access_record(struct call *c, struct record *r, enum right right, bool *yes)
{
    if ((r->e->def.flags & ENTITY_PAIR) && !all_powerful(c)) {
        TRY(match_pair_seen(c, r, yes));
        if (!*yes) {
            return OK;
        }
    }
    TRY(access_owns(c, r, right, yes));
    bool may_be_shared = r->id && !(r->e->def.flags & ENTITY_ADMIN) && scope_allows(c, r->e, right);
    return *yes || !may_be_shared ? OK : is_shared(c, r, right, yes);
}


bool access_action(const struct call *c, const char *right)
{
    struct str want = str_of(right), entity;

    if (all_powerful(c)) {
        return true;
    }
    if (!str_split(&want, '.', &entity)) {
        return false;
    }
    const struct live_entity *e = model_entity(c->model, entity);
    if (!e || !scope_allows(c, e, RIGHT_UPDATE)) {
        return false;
    }
    for (int r = 0; r < RIGHT_COUNT; r++) {
        if (str_is(want, right_name((enum right)r))) {
            return access_level(c, e, (enum right)r) > LEVEL_NONE;
        }
    }
    const struct entity_access *ea = access_to(c, e);
    for (size_t i = 0; ea && i < ea->n; i++) {
        struct str rest = ea->grants[i].actions, one;
        while (str_split(&rest, ',', &one)) {
            one = str_trim(one);
            if (str_is(one, "*") || str_eq(one, want)) {
                return true;
            }
        }
    }
    return c->who->admin;
}

/* ---- SQL ---- */

static void id_list(struct sqltext *s, const int64_t *ids, size_t n)
{
    sql_lit(s, "(");
    for (size_t i = 0; i < n; i++) {
        if (i) {
            sql_lit(s, ", ");
        }
        sql_int(s, ids[i]);
    }
    if (!n) {
        sql_lit(s, "NULL");
    }
    sql_lit(s, ")");
}

static void level_sql(struct call *c, enum level level, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;

    if (level == LEVEL_ALL) {
        sql_lit(s, "1 = 1");
        return;
    }
    if (level == LEVEL_NONE) {
        sql_lit(s, "1 = 0");
        return;
    }
    sql_lit(s, "(");
    sql_column(s, alias, "owner");
    sql_lit(s, " = ");
    sql_bind(s, V(c->who->id));
    bool below = level == LEVEL_BELOW;
    if (level != LEVEL_OWN && (below ? a->nbelow : a->nteams)) {
        sql_lit(s, " OR ");
        sql_column(s, alias, "team");
        sql_lit(s, " IN ");
        id_list(s, below ? a->below : a->teams, below ? a->nbelow : a->nteams);
    }
    sql_lit(s, ")");
}

static void share_sql(
    struct call *c, const struct live_entity *e, enum right right, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;
    const struct choice_list *levels = map_get(&c->model->lists, STR("share_level"));
    const struct choice *write = choice_by_code(levels, STR("write"));

    sql_column(s, alias, "id");
    sql_lit(s, " IN (SELECT h.\"record_id\" FROM \"shares\" h WHERE h.\"record_entity\" = ");
    sql_int(s, e->number);
    sql_lit(s, " AND (h.\"user\" = ");
    sql_bind(s, V(c->who->id));
    if (a && a->nteams) {
        sql_lit(s, " OR h.\"with_team\" IN ");
        id_list(s, a->teams, a->nteams);
    }
    sql_lit(s, ") AND h.\"deleted_at\" IS NULL AND (h.\"until\" IS NULL OR h.\"until\" > ");
    sql_bind(s, V(c->now));
    sql_lit(s, ")");
    if (right != RIGHT_READ && right != RIGHT_EXPORT && write) {
        sql_lit(s, " AND h.\"level\" = ");
        sql_int(s, write->id);
    }
    sql_lit(s, ")");
}

/* " AND (condition)". One that looks at the side tables of the record itself brings them along. */
static void condition_sql(struct call *c, const struct live_entity *e, const struct expr *condition,
    int alias, struct sqltext *s)
{
    struct sqltext plain;
    struct expr_sql x = { .out = &plain, .alias = alias, .now = c->now, .me = c->who->id };

    clause_begin(&plain, c, s);
    expr_sql_condition(condition, &x);
    sql_lit(s, " AND (");
    if (!x.side) {
        clause_end(&plain, s);
        buf_add(&s->text, buf_str(&plain.text));
        sql_lit(s, ")");
        return;
    }
    int inner = sql_new_alias(s);
    struct sqltext from, where;
    clause_begin(&where, c, s);
    x = (struct expr_sql) { .out = &where, .alias = inner, .now = c->now, .me = c->who->id };
    expr_sql_condition(condition, &x);
    clause_begin(&from, c, &where);
    from_sql(&from, e, inner, x.side);
    clause_end(&from, s);
    sql_column(s, alias, "id");
    sql_lit(s, " IN (SELECT ");
    sql_column(s, inner, "id");
    buf_add(&s->text, buf_str(&from.text));
    sql_lit(s, " WHERE ");
    buf_add(&s->text, buf_str(&where.text));
    sql_lit(s, "))");
}

static enum err_code grants_sql(struct call *c, const struct live_entity *e,
    const struct entity_access *ea, enum right right, int alias, struct sqltext *s)
{
    bool any = false;

    for (size_t i = 0; ea && i < ea->n; i++) {
        const struct grant *g = &ea->grants[i];
        if (g->level[right] == LEVEL_NONE) {
            continue;
        }
        if (any) {
            sql_lit(s, " OR ");
        }
        any = true;
        level_sql(c, (enum level)g->level[right], alias, s);
        if (g->condition) {
            condition_sql(c, e, g->condition, alias, s);
        }
    }
    if (!any) {
        sql_lit(s, "1 = 0");
    }
    return OK;
}

static bool sees_all(struct call *c, const struct live_entity *e, enum right right)
{
    const struct entity_access *ea = access_to(c, e);

    if (c->who->admin) {
        return true;
    }
    for (size_t i = 0; ea && i < ea->n; i++) {
        if (ea->grants[i].level[right] == LEVEL_ALL && !ea->grants[i].condition) {
            return true;
        }
    }
    return false;
}

static enum err_code link_end_sql(struct call *c, const struct live_entity *e, const char *end,
    enum right right, int alias, struct sqltext *s)
{
    const struct live_entity *target = entity_field(e, str_of(end))->target;

    if (sees_all(c, target, right) || (target->def.flags & ENTITY_PUBLIC)) {
        return OK;
    }
    int inner = sql_new_alias(s);
    sql_lit(s, " AND ");
    sql_column(s, alias, end);
    sql_lit(s, " IN (SELECT ");
    sql_column(s, inner, "id");
    sql_lit(s, " FROM ");
    sql_ident(s, target->tables[0]);
    sql_lit(s, " ");
    sql_alias(s, inner);
    sql_lit(s, " WHERE 1 = 1");
    TRY(access_sql(c, target, right, inner, s));
    sql_lit(s, ")");
    return OK;
}

enum err_code access_sql(struct call *c, const struct live_entity *e, enum right right, int alias,
    struct sqltext *s)
{
    if (!scope_allows(c, e, right)) {
        sql_lit(s, " AND 1 = 0");
        return OK;
    }
    if ((e->def.flags & ENTITY_PAIR) && !all_powerful(c)) {
        TRY(match_pair_sql(c, alias, s));
    }
    if (link_owner(e)) {
        TRY(link_end_sql(c, e, "from", link_right(right), alias, s));
        return link_end_sql(c, e, "to", RIGHT_READ, alias, s);
    }
    if (sees_all(c, e, right)) {
        return OK;
    }
    sql_lit(s, " AND (");
    TRY(grants_sql(c, e, access_to(c, e), right, alias, s));
    if (right != RIGHT_DELETE && !(e->def.flags & ENTITY_ADMIN)) {
        sql_lit(s, " OR ");
        share_sql(c, e, right, alias, s);
    }
    sql_lit(s, ")");
    return OK;
}

int access_streams(struct call *c, const struct live_entity *e, enum right right)
{
    const struct entity_access *ea = access_to(c, e);

    if (!scope_allows(c, e, right) || sees_all(c, e, right) || link_owner(e)
        || (ea && ea->conditional) || (e->def.flags & (ENTITY_ADMIN | ENTITY_PERSONAL | ENTITY_PAIR))) {
        return 0;
    }
    enum level level = access_level(c, e, right);
    return level == LEVEL_NONE ? 1 : level == LEVEL_OWN ? 2 : 3;
}

/* Stream 0: what is shared; 1: mine; 2: my teams'. */
enum err_code access_stream_sql(struct call *c, const struct live_entity *e, enum right right,
    int stream, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;
    bool below = access_level(c, e, right) == LEVEL_BELOW;

    sql_lit(s, " AND ");
    if (stream == 0) {
        share_sql(c, e, right, alias, s);
    } else if (stream == 1) {
        sql_column(s, alias, "owner");
        sql_lit(s, " = ");
        sql_bind(s, V(c->who->id));
    } else {
        sql_column(s, alias, "team");
        sql_lit(s, " IN ");
        id_list(s, below ? a->below : a->teams, below ? a->nbelow : a->nteams);
    }
    return OK;
}

/* ---- why ---- */

static void explain_grants(
    struct call *c, const struct entity_access *ea, enum right right, struct record *r)
{
    json_array(&c->out, "grants");
    for (size_t i = 0; ea && i < ea->n; i++) {
        const struct grant *g = &ea->grants[i];
        json_object(&c->out, NULL);
        json_text(&c->out, "role", g->role);
        json_cstr(&c->out, "level", level_name((enum level)g->level[right]));
        if (g->condition) {
            struct buf b;
            buf_init(&b, c->mem, 16 << 10);
            expr_text(g->condition, false, &b);
            json_text(&c->out, "condition", buf_str(&b));
        }
        if (r) {
            json_flag(&c->out, "level_holds", level_holds(c, (enum level)g->level[right], r));
        }
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
}

enum err_code access_explain(
    struct call *c, const struct live_entity *e, int64_t id, int64_t user, enum right right)
{
    const struct user *asker = c->who, *who = c->who;
    struct record *r = NULL;
    bool yes = false, may_ask = asker->admin || (asker->access && asker->access->may_explain);

    if (user && user != asker->id && !may_ask) {
        return fail(c, ERR_FORBIDDEN, NULL, "you may not ask what others have access to");
    }
    if (user && user != asker->id) {
        TRY(user_load(c, user, &who));
    }
    if (id) {
        TRY(record_load(c, e, id, false, &r));
        bool seen;
        TRY(access_record(c, r, RIGHT_READ, &seen));
        if (!seen && !may_ask) {
            return fail(c, ERR_NOT_FOUND, NULL, "there is no such %s", e->name.p);
        }
    }
    c->who = who;
    enum err_code code = r ? access_record(c, r, right, &yes) : OK;
    yes = r ? yes : access_level(c, e, right) > LEVEL_NONE;
    json_object(&c->out, NULL);
    json_text(&c->out, "entity", e->name);
    json_cstr(&c->out, "right", right_name(right));
    json_flag(&c->out, "allowed", yes);
    json_cstr(&c->out, "because",
        who->admin       ? "administrators may do everything"
            : yes && !r  ? "a role gives it"
            : yes        ? "a role or a share gives it"
                         : "no role and no share gives it");
    explain_grants(c, access_to(c, e), right, r);
    json_end_object(&c->out);
    c->who = asker;
    return code;
}

static bool may_read(void *arg, const struct live_field *f)
{
    return access_field(arg, f) != FIELD_HIDDEN;
}

static void other_rows(void *arg, const struct live_entity *e, int alias, struct sqltext *out)
{
    struct call *c = arg;

    if (access_sql(c, e, RIGHT_READ, alias, out) != OK) {
        out->text.failed = true;
    }
}

struct expr_sql access_expr(struct call *c, struct sqltext *out, int alias)
{
    return (struct expr_sql) { .out = out, .alias = alias, .now = c->now, .me = c->who->id,
        .rights = all_powerful(c) ? NULL : other_rows, .rights_arg = c };
}

struct expr_scope access_scope(struct call *c, const struct live_entity *e)
{
    return (struct expr_scope) {
        .mem = c->mem,
        .model = c->model,
        .entity = e,
        .zone = c->who->zone ? c->who->zone
            : zone_get(c->model->zone) ? zone_get(c->model->zone)
                                       : zone_utc(),
        .may_read = may_read,
        .arg = c,
        .me = c->who->id,
    };
}
