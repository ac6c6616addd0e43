/* records.c - reading, making and changing records of any entity: the same code for all of them. */

#include "http/api.h"
#include "model/change.h"
#include "model/query.h"

#include <inttypes.h>
#include <string.h>

/* ---- reading ---- */

static enum err_code list_of_params(
    struct call *c, struct exchange *x, struct list_request *q)
{
    int64_t limit;

    *q = (struct list_request) {
        .where = param(x, "where"),
        .sort = param(x, "sort"),
        .fields = param(x, "fields"),
        .expand = param(x, "expand"),
        .after = param(x, "after"),
        .from = param(x, "from"),
        .q = param(x, "q"),
        .right = RIGHT_READ,
    };
    TRY(route_entity(c, x, &q->e));
    TRY(param_int(c, x, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit));
    TRY(param_flag(c, x, "bin", &q->bin));
    TRY(param_flag(c, x, "count", &q->count));
    q->limit = (int)limit;
    return OK;
}

enum err_code records_list(struct call *c, struct exchange *x)
{
    struct list_request q;

    TRY(list_of_params(c, x, &q));
    return query_list(c, &q);
}

/* A member of the body that is text, or false after fail_field(). */
static struct str text_member(struct call *c, struct exchange *x, const char *name)
{
    const json_t *v = json_object_get(x->input, name);

    if (v && !json_is_null(v) && !json_is_string(v)) {
        fail_field(c, name, "%s is text", name);
    }
    return json_str(v);
}

static bool flag_member(struct call *c, struct exchange *x, const char *name)
{
    const json_t *v = json_object_get(x->input, name);

    if (v && !json_is_null(v) && !json_is_boolean(v)) {
        fail_field(c, name, "%s is true or false", name);
    }
    return json_is_true(v);
}

enum err_code records_query(struct call *c, struct exchange *x)
{
    const json_t *where = json_object_get(x->input, "where");
    const json_t *limit = json_object_get(x->input, "limit");
    struct list_request q = {
        .sort = text_member(c, x, "sort"),
        .fields = text_member(c, x, "fields"),
        .expand = text_member(c, x, "expand"),
        .after = text_member(c, x, "after"),
        .from = text_member(c, x, "from"),
        .q = text_member(c, x, "q"),
        .bin = flag_member(c, x, "bin"),
        .count = flag_member(c, x, "count"),
        .where = json_str(where),
        .limit = (int)(limit ? json_integer_value(limit) : LIST_LIMIT),
        .right = RIGHT_READ,
    };

    if (where && !json_is_string(where) && !json_is_null(where)) {
        q.where_json = where;
    }
    TRY(input_only(c, x->input, x->route->body));
    TRY(route_entity(c, x, &q.e));
    if (limit && (!json_is_integer(limit) || json_integer_value(limit) < 1
                     || json_integer_value(limit) > LIST_LIMIT_MAX)) {
        return fail(c, ERR_INVALID, "limit", "limit is a number from 1 to %d", LIST_LIMIT_MAX);
    }
    return query_list(c, &q);
}

enum err_code records_aggregate(struct call *c, struct exchange *x)
{
    int64_t limit;
    struct aggregate_request q = {
        .where = param(x, "where"),
        .measure = param(x, "measure"),
        .group = param(x, "group"),
        .q = param(x, "q"),
        .sort = param(x, "sort"),
    };

    TRY(route_entity(c, x, &q.e));
    TRY(param_int(c, x, "limit", 1, 10000, 1000, &limit));
    q.limit = (int)limit;
    return query_aggregate(c, &q);
}

enum err_code record_get_one(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    size_t from = c->body.n;

    TRY(route_entity(c, x, &e));
    struct str fields = param(x, "fields");
    enum err_code code = query_get(c, e, x->record, fields, param(x, "expand"));
    if (code == ERR_NOT_FOUND) {
        struct err first = c->err;
        bool moved;
        err_clear(&c->err);
        TRY(record_moved(c, x, e, &moved));
        c->err = moved ? c->err : first;
        return moved ? OK : code;
    }
    TRY(code);
    if (!fields.n || str_find(fields, STR("version")) >= 0) {
        x->reply.etag = body_version(c, from);
    }
    return OK;
}

enum err_code record_history(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    int64_t before, limit;

    TRY(route_entity(c, x, &e));
    TRY(param_int(c, x, "before", 1, INT64_MAX, 0, &before));
    TRY(param_int(c, x, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit));
    return history_json(c, e, x->record, before, (int)limit);
}

static bool right_of(struct str name, enum right *out)
{
    for (int r = 0; r < RIGHT_COUNT; r++) {
        if (str_is(name, right_name((enum right)r))) {
            *out = (enum right)r;
            return true;
        }
    }
    return false;
}

enum err_code record_rights(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    enum right right = RIGHT_READ;
    int64_t user;

    TRY(route_entity(c, x, &e));
    TRY(param_int(c, x, "user", 1, INT64_MAX, c->who->id, &user));
    if (param_given(x, "right") && !right_of(param(x, "right"), &right)) {
        return fail(c, ERR_INVALID, "right",
            "right is one of read, create, update, delete, export, import, bulk");
    }
    return access_explain(c, e, x->record, user, right);
}

/* ---- writing ---- */

/* The record as it is now, as the answer, with its ETag. */
static enum err_code answer_record(struct call *c, struct exchange *x, struct record *r)
{
    size_t from = c->body.n;

    TRY(query_record(c, r, NULL, 0, NULL));
    x->reply.etag = body_version(c, from);
    return OK;
}

static enum err_code answer_stored(
    struct call *c, struct exchange *x, const struct live_entity *e, int64_t id)
{
    struct record *r;

    TRY(record_load(c, e, id, true, &r));
    return answer_record(c, x, r);
}

/* Adds "duplicates" to the object that was just written. */
static void put_duplicates(struct call *c, const int64_t *ids, size_t n)
{
    if (!n || c->body.failed || !c->body.n) {
        return;
    }
    c->body.n--; /* its closing brace */
    json_array(&c->out, "duplicates");
    for (size_t i = 0; i < n; i++) {
        json_int(&c->out, NULL, ids[i]);
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
}

/* Of those with the same e-mail only the ones that the caller may see. */
static enum err_code seen_duplicates(
    struct call *c, struct record *r, int64_t **ids, size_t *n)
{
    size_t found, seen = 0;

    TRY(record_same_email(c, r, ids, &found));
    for (size_t i = 0; i < found; i++) {
        struct record *other;
        bool yes = false;
        TRY(record_load(c, r->e, (*ids)[i], false, &other));
        if (record_get(other, "deleted_at").type == DB_NULL) {
            TRY(access_record(c, other, RIGHT_READ, &yes));
        }
        if (yes) {
            (*ids)[seen++] = (*ids)[i];
        }
    }
    *n = seen;
    return OK;
}

static enum err_code create(
    struct call *c, struct exchange *x, struct record *r, const int64_t *ids, size_t n)
{
    TRY(record_create(c, r));
    TRY(answer_record(c, x, r));
    put_duplicates(c, ids, n);
    x->reply.status = 201;
    reply_header(x, "Location",
        arena_fmt(c->mem, "/api/v1/%.*s/%" PRId64, STR_ARG(r->e->plural), r->id));
    return OK;
}

enum err_code record_post(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    struct str duplicates = param(x, "duplicates");
    int64_t *ids;
    size_t n;

    TRY(route_entity(c, x, &e));
    TRY(access_require(c, e, RIGHT_CREATE));
    if (duplicates.n && !str_is(duplicates, "refuse") && !str_is(duplicates, "allow")) {
        return fail(c, ERR_INVALID, "duplicates", "duplicates is refuse or allow");
    }
    struct record *r = record_new(c, e);
    TRY(record_fill(c, r, x->input));
    TRY(seen_duplicates(c, r, &ids, &n));
    if (n && str_is(duplicates, "refuse")) {
        return fail(c, ERR_CONFLICT, "emails", "%.*s %" PRId64 " has this e-mail address already",
            STR_ARG(e->name), ids[0]);
    }
    return create(c, x, r, ids, n);
}

enum err_code record_patch(struct call *c, struct exchange *x)
{
    const struct live_entity *e;

    TRY(route_entity(c, x, &e));
    struct record *r = record_new(c, e);
    r->id = x->record;
    TRY(if_match(c, x, &r->version));
    TRY(record_fill(c, r, x->input));
    TRY(record_update(c, r));
    return answer_stored(c, x, e, r->id);
}

enum err_code record_remove(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    int64_t version;

    TRY(route_entity(c, x, &e));
    TRY(if_match(c, x, &version));
    TRY(record_delete(c, e, x->record, version));
    x->reply.status = 204;
    return OK;
}

enum err_code record_put_back(struct call *c, struct exchange *x)
{
    const struct live_entity *e;

    TRY(route_entity(c, x, &e));
    TRY(record_restore(c, e, x->record));
    return answer_stored(c, x, e, x->record);
}

/* ---- upsert ---- */

static enum err_code by_external_id(
    struct call *c, const struct live_entity *e, struct record *r, int64_t **ids, size_t *n)
{
    struct dbval key = e->external_id ? r->cells[e->external_id->cell] : V_NULL;
    struct buf where;

    if (key.type != DB_TEXT || !key.s.n) {
        return fail(c, ERR_INVALID, "external_id", "the body needs an external_id to find by");
    }
    buf_init(&where, c->mem, 2000);
    buf_lit(&where, "external_id = '");
    for (size_t i = 0; i < key.s.n; i++) {
        if (key.s.p[i] == '\'') {
            buf_byte(&where, '\'');
        }
        buf_byte(&where, key.s.p[i]);
    }
    buf_byte(&where, '\'');
    struct list_request q = { .e = e, .where = buf_str(&where), .right = RIGHT_READ };
    return query_ids(c, &q, 0, 0, 2, ids, n);
}

enum err_code records_upsert(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    struct str key = param(x, "key");
    int64_t *ids;
    size_t n;

    TRY(route_entity(c, x, &e));
    struct record *r = record_new(c, e);
    TRY(record_fill(c, r, x->input));
    if (str_is(key, "external_id")) {
        TRY(by_external_id(c, e, r, &ids, &n));
    } else if (str_is(key, "email")) {
        TRY(seen_duplicates(c, r, &ids, &n));
    } else {
        return fail(c, ERR_INVALID, "key", "key is external_id or email");
    }
    if (n > 1) {
        return fail(c, ERR_CONFLICT, str_is(key, "email") ? "emails" : "external_id",
            "more than one record fits: %" PRId64 ", %" PRId64 "", ids[0], ids[1]);
    }
    if (!n && (e->def.flags & ENTITY_UPLOAD)) {
        return fail(c, ERR_CONFLICT, NULL, "%s are uploaded, not made", e->label_plural.p);
    }
    if (!n) {
        return create(c, x, r, NULL, 0);
    }
    r->id = ids[0];
    TRY(if_match(c, x, &r->version));
    TRY(record_update(c, r));
    return answer_stored(c, x, e, r->id);
}
