/* access.c - answers from the compiled rights: for one record in memory, and why. access_compile.c makes them of a
 * user's roles, access_sql.c writes them into queries. */

#include "model/access_steps.h"

#include "model/match.h"
#include "model/query_plan.h"

#include <inttypes.h>
#include <string.h>

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

/* ---- answering ---- */

bool access_all_powerful(const struct call *c)
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

bool access_scope_allows(const struct call *c, const struct live_entity *e, enum right right)
{
    bool looks = right == RIGHT_READ || right == RIGHT_EXPORT;

    /* what the program makes is nobody's to change, and some links are the administrators' */
    return (looks || !(e->def.flags & ENTITY_DERIVED)) && (looks || !(e->def.flags & ENTITY_BY_ADMINS) || c->who->admin)
        && scope_allows(c, e, right);
}

const struct entity_access *access_of(const struct call *c, const struct live_entity *e)
{
    return c->who->access ? &c->who->access->entities[e->index] : NULL;
}

const struct live_entity *access_link_owner(const struct live_entity *e)
{
    return e->def.flags & ENTITY_LINK ? ((struct live_field *)entity_field(e, STR("from")))->target
                                      : NULL;
}

/* What it takes on the near end to do something to a link row. */
enum right access_link_right(enum right right)
{
    return right == RIGHT_READ || right == RIGHT_EXPORT ? right : RIGHT_UPDATE;
}

enum level access_level(const struct call *c, const struct live_entity *e, enum right right)
{
    if (!access_scope_allows(c, e, right)) {
        return LEVEL_NONE;
    }
    if (c->who->admin) {
        return LEVEL_ALL;
    }
    if (access_link_owner(e)) {
        return access_level(c, access_link_owner(e), access_link_right(right));
    }
    const struct entity_access *ea = access_of(c, e);
    if ((e->def.flags & ENTITY_CUSTOMISE) && c->who->access && c->who->access->may_customise) {
        return LEVEL_ALL;
    }
    return ea ? (enum level)ea->most[right] : LEVEL_NONE;
}

struct sources {
    const struct call *c;
    bool hidden;
};

static void look_at_source(void *arg, const struct expr_use *u)
{
    struct sources *s = arg;

    s->hidden = s->hidden || (!u->field->def.system && access_field(s->c, u->field) == FIELD_HIDDEN);
}

/* What is computed says what it is computed from. */
static bool is_of_hidden(const struct call *c, const struct live_field *f)
{
    struct sources s = { c, false };

    if (f->expr) {
        expr_uses(f->expr, look_at_source, &s);
    }
    return s.hidden;
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
    if ((list && access_field(c, list) == FIELD_HIDDEN) || is_of_hidden(c, f)) {
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
    *yes = access_scope_allows(c, r->e, right)
        && (c->who->admin
            || ((r->e->def.flags & ENTITY_CUSTOMISE) && c->who->access
                && c->who->access->may_customise));
    if (*yes || !access_scope_allows(c, r->e, right)) {
        return OK;
    }
    if (access_link_owner(r->e)) {
        struct record *from;
        TRY(record_load(c, access_link_owner(r->e), record_get(r, "from").i, false, &from));
        return access_record(c, from, access_link_right(right), yes);
    }
    const struct entity_access *ea = access_of(c, r->e);
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
    if ((r->e->def.flags & ENTITY_PAIR) && !access_all_powerful(c)) {
        TRY(match_pair_seen(c, r, yes));
        if (!*yes) {
            return OK;
        }
    }
    TRY(access_owns(c, r, right, yes));
    bool may_be_shared = r->id && !(r->e->def.flags & ENTITY_ADMIN) && access_scope_allows(c, r->e, right);
    return *yes || !may_be_shared ? OK : is_shared(c, r, right, yes);
}


bool access_action(const struct call *c, const char *right)
{
    struct str want = str_of(right), entity;

    if (access_all_powerful(c)) {
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
    const struct entity_access *ea = access_of(c, e);
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
    explain_grants(c, access_of(c, e), right, r);
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
        .rights = access_all_powerful(c) ? NULL : other_rows, .rights_arg = c };
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
        .extensions = c->model->functions,
    };
}

enum err_code access_keep_condition(
    struct call *c, struct record *r, const char *field, const struct live_entity *e)
{
    struct expr_scope scope = access_scope(c, e);
    const struct expr *x;
    struct buf b;

    TRY(expr_condition(&scope, record_get(r, field).s, field, &x, &c->err));
    buf_init(&b, c->mem, 32 << 10);
    expr_text(x, true, &b);
    TRY(buf_status(&b, &c->err));
    record_set(c, r, field, V(buf_str(&b)));
    return OK;
}
