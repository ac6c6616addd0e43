/* engine.c - the routes about the engine itself: actions, undo, jobs, search, meta, explain. */

#include "http/api.h"
#include "http/openapi.h"
#include "model/action.h"
#include "model/change.h"
#include "model/expr.h"
#include "model/job.h"
#include "model/meta.h"
#include "model/query.h"
#include "model/search.h"

#include <inttypes.h>
#include <string.h>

enum { IDS_MAX = 10000 };

/* ---- actions ---- */

static enum err_code run_action(struct call *c, struct exchange *x, const struct action *a,
    const int64_t *ids, size_t n, const json_t *input)
{
    const struct live_entity *e = a->on ? model_entity(c->model, str_of(a->on)) : NULL;
    bool queued = false;
    size_t before = c->body.n;

    TRY(action_run(c, a, e, ids, n, input, &queued));
    if (c->body.n == before) {
        json_object(&c->out, NULL);
        json_end_object(&c->out);
    }
    if (queued) {
        x->reply.status = 202;
    }
    return OK;
}

static enum err_code no_action(struct call *c, struct exchange *x)
{
    return fail(c, ERR_NOT_FOUND, NULL, "there is no action \"%.*s\" here",
        (int)(x->name.n < 60 ? x->name.n : 60), x->name.p);
}

enum err_code action_one(struct call *c, struct exchange *x)
{
    const struct action *a = route_action(c, x);

    if (!a || !a->on) {
        return no_action(c, x);
    }
    return run_action(c, x, a, &x->record, 1, x->input);
}

static enum err_code ids_of(
    struct call *c, const json_t *list, int64_t **ids, size_t *n)
{
    *n = json_array_size(list);
    if (!json_is_array(list) || *n > IDS_MAX) {
        return fail(c, ERR_INVALID, "ids", "ids is a list of at most %d numbers", IDS_MAX);
    }
    *ids = ARENA_ARRAY(c->mem, int64_t, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id) || json_integer_value(id) <= 0) {
            return fail(c, ERR_INVALID, "ids", "ids is a list of numbers");
        }
        (*ids)[i] = json_integer_value(id);
    }
    return OK;
}

static void drop_json(void *arg)
{
    json_decref(arg);
}

struct found_ids {
    size_t n;
    int64_t *ids;
};

static enum err_code ids_by_filter(struct call *c, const struct action *a, const json_t *where, struct found_ids *out)
{
    struct list_request q = { .e = model_entity(c->model, str_of(a->on)), .where = json_str(where), .right = RIGHT_READ };

    TRY(query_ids(c, &q, 0, 0, IDS_MAX + 1, &out->ids, &out->n));
    return out->n > IDS_MAX ? fail(c, ERR_INVALID, "where", "this fits more than %d records", IDS_MAX) : OK;
}

enum err_code action_filter(struct call *c, struct exchange *x)
{
    const struct action *a = route_action(c, x);
    struct found_ids *found = ARENA_NEW(x->mem, struct found_ids);

    if (!a || !a->on || json_object_get(x->input, "ids")) {
        return OK; /* action_many says what is wrong, or has no use for it */
    }
    TRY(ids_by_filter(c, a, json_object_get(x->input, "where"), found));
    x->prepared = found;
    return OK;
}

enum err_code action_many(struct call *c, struct exchange *x)
{
    const struct action *a = route_action(c, x);
    const json_t *list = json_object_get(x->input, "ids");
    const json_t *where = json_object_get(x->input, "where");
    const struct found_ids *before = x->prepared;
    int64_t *ids = NULL;
    size_t n = 0;

    if (!a) {
        return no_action(c, x);
    }
    if (!a->on) {
        return run_action(c, x, a, NULL, 0, x->input);
    }
    if (list) {
        TRY(ids_of(c, list, &ids, &n));
    } else if (json_is_string(where)) {
        struct found_ids found = { 0 };
        TRY(before ? OK : ids_by_filter(c, a, where, &found));
        ids = before ? before->ids : found.ids;
        n = before ? before->n : found.n;
    }
    json_t *input = json_copy(x->input);
    arena_defer(c->mem, drop_json, input);
    json_object_del(input, "ids");
    json_object_del(input, "where");
    return run_action(c, x, a, ids, n, input);
}

/* ---- change sets ---- */

enum err_code undo_run(struct call *c, struct exchange *x)
{
    const json_t *set = json_object_get(x->input, "change_set");
    int64_t job;

    TRY(input_only(c, x->input, "change_set"));
    if (!json_is_integer(set)) {
        return fail(c, ERR_INVALID, "change_set", "change_set is a number");
    }
    TRY(undo_change_set(c, json_integer_value(set), &job));
    json_object(&c->out, NULL);
    if (job) {
        json_int(&c->out, "job", job);
        x->reply.status = 202;
    }
    json_int(&c->out, "undone", json_integer_value(set));
    json_int(&c->out, "change_set", c->change_set);
    json_end_object(&c->out);
    return OK;
}

static void put_instant(struct json_writer *w, const char *name, int64_t at)
{
    char text[INSTANT_TEXT];

    instant_format(at, text);
    json_cstr(w, name, text);
}

enum err_code change_sets_list(struct call *c, struct exchange *x)
{
    int64_t before, limit, user;
    bool all, people;

    TRY(param_int(c, x, "before", 1, INT64_MAX, INT64_MAX, &before));
    TRY(param_int(c, x, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit));
    TRY(param_int(c, x, "user", 1, INT64_MAX, c->who->id, &user));
    TRY(param_flag(c, x, "all", &all));
    TRY(param_flag(c, x, "people", &people));
    if ((all || people || user != c->who->id) && !c->who->admin) {
        return fail(c, ERR_FORBIDDEN, all ? "all" : people ? "people" : "user", "only administrators see what others changed");
    }
    return change_sets_json(c, all ? SETS_OF_ALL : people ? SETS_OF_PEOPLE : SETS_OF_USER, user, before, (int)limit);
}

/* ---- jobs ---- */

enum err_code jobs_list(struct call *c, struct exchange *x)
{
    int64_t before, limit;

    TRY(param_int(c, x, "before", 1, INT64_MAX, 0, &before));
    TRY(param_int(c, x, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit));
    return jobs_json(c, param(x, "state"), before, (int)limit);
}

enum err_code job_get(struct call *c, struct exchange *x)
{
    return job_json(c, x->record);
}

enum err_code job_stop(struct call *c, struct exchange *x)
{
    TRY(job_cancel(c, x->record));
    x->reply.status = 202;
    return job_json(c, x->record);
}

/* ---- search, meta, explain ---- */

static enum err_code entity_param(struct call *c, struct exchange *x, const struct live_entity **e)
{
    struct str name = param(x, "entity");

    *e = model_entity(c->model, name);
    if (!*e || ((*e)->def.flags & ENTITY_TABLE)) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"",
            (int)(name.n < 60 ? name.n : 60), name.p);
    }
    return OK;
}

enum err_code search_run(struct call *c, struct exchange *x)
{
    const struct live_entity *e = NULL;
    int64_t limit;

    TRY(param_int(c, x, "limit", 1, LIST_SEARCH_MAX, 20, &limit));
    if (param_given(x, "entity")) {
        TRY(entity_param(c, x, &e));
    }
    if (!str_trim(param(x, "q")).n) {
        return fail(c, ERR_INVALID, "q", "say what to search for");
    }
    return search_json(c, e, param(x, "q"), (int)limit);
}

/* A list of tags, or *, that names this one. */
static bool tag_listed(struct str list, struct str etag)
{
    struct str one;

    while (str_split(&list, ',', &one)) {
        one = str_trim(one);
        if (str_starts(one, STR("W/"))) {
            one = str_sub(one, 2, one.n);
        }
        if (str_is(one, "*")
            || (one.n == etag.n + 2 && str_eq(str_sub(one, 1, etag.n), etag))) {
            return true;
        }
    }
    return false;
}

enum err_code meta_get(struct call *c, struct exchange *x)
{
    x->reply.etag = meta_etag(c);
    x->reply.cacheable = true;
    if (tag_listed(x->req.headers[H_IF_NONE_MATCH], x->reply.etag)) {
        x->reply.status = 304;
        return OK;
    }
    return meta_json(c);
}

enum err_code access_get(struct call *c, struct exchange *x)
{
    int64_t user;

    TRY(param_int(c, x, "user", 1, INT64_MAX, c->who->id, &user));
    return access_preview(c, user);
}

enum err_code openapi_get(struct call *c, struct exchange *x)
{
    x->reply.etag = meta_etag(c);
    x->reply.cacheable = true;
    if (tag_listed(x->req.headers[H_IF_NONE_MATCH], x->reply.etag)) {
        x->reply.status = 304;
        return OK;
    }
    return openapi_json(c);
}

enum err_code explain_run(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    const struct expr *expr;
    struct record *r;
    struct value v;
    int64_t id, next;
    bool yes;

    TRY(entity_param(c, x, &e));
    TRY(param_int(c, x, "id", 1, INT64_MAX, 0, &id));
    struct expr_scope scope = access_scope(c, e);
    TRY(expr_condition(&scope, param(x, "where"), "where", &expr, &c->err));
    TRY(access_require(c, e, RIGHT_READ));
    TRY(record_load(c, e, id, true, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
    }
    struct expr_rows rows = record_rows_seen(c, r);
    json_object(&c->out, NULL);
    json_name(&c->out, STR("tree"));
    TRY(expr_explain(expr, &rows, c->mem, c->now, c->who->id, &c->out, &next, &v));
    json_flag(&c->out, "holds", !v.absent && v.i);
    if (next == INT64_MAX) {
        json_none(&c->out, "next_change");
    } else {
        put_instant(&c->out, "next_change", next);
    }
    json_end_object(&c->out);
    return OK;
}
