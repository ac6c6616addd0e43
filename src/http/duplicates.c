/* duplicates.c - what may be a duplicate, merging records, what that would do, and where an old id leads. */

#include "http/api.h"
#include "model/match.h"
#include "model/merge.h"
#include "model/query.h"

#include <inttypes.h>

/* ---- merge ---- */

enum err_code records_merge_preview(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    struct str rest = param(x, "ids"), one;
    int64_t ids[MERGE_MAX + 1];
    struct merging *m;
    size_t n = 0;

    TRY(route_entity(c, x, &e));
    while (n <= MERGE_MAX && str_split(&rest, ',', &one)) {
        if (!str_to_int(str_trim(one), &ids[n++])) {
            return fail(c, ERR_INVALID, "ids", "ids are numbers, separated by commas");
        }
    }
    TRY(merge_open(c, e, ids, n, &m));
    return merge_preview(c, m);
}

static enum err_code answer(struct call *c, struct exchange *x, const struct merging *m)
{
    size_t from = c->body.n;
    struct record *r;

    TRY(record_load(c, m->e, m->ids[0], true, &r));
    TRY(query_record(c, r, NULL, 0, NULL));
    x->reply.etag = body_version(c, from);
    if (c->body.failed || c->body.n == from) {
        return OK;
    }
    c->body.n--; /* its closing brace: what was done stands behind the record */
    json_array(&c->out, "merged");
    for (size_t i = 1; i < m->n; i++) {
        json_int(&c->out, NULL, m->ids[i]);
    }
    json_end_array(&c->out);
    json_int(&c->out, "moved", m->moved);
    json_int(&c->out, "change_set", c->change_set);
    json_end_object(&c->out);
    return OK;
}

enum err_code records_merge(struct call *c, struct exchange *x)
{
    const json_t *list = json_object_get(x->input, "ids");
    const struct live_entity *e;
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, MERGE_MAX + 1);
    struct merging *m;
    size_t n = 0;

    TRY(route_entity(c, x, &e));
    TRY(input_only(c, x->input, x->route->body));
    for (; n < json_array_size(list) && n <= MERGE_MAX; n++) {
        if (!json_is_integer(json_array_get(list, n))) {
            return fail(c, ERR_INVALID, "ids", "ids is a list of numbers, the survivor's first");
        }
        ids[n] = json_integer_value(json_array_get(list, n));
    }
    TRY(merge_open(c, e, ids, n, &m));
    TRY(merge_run(c, m, json_object_get(x->input, "fields"), json_object_get(x->input, "values")));
    return answer(c, x, m);
}

/* ---- while somebody types ---- */

enum err_code records_duplicates(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    int64_t limit;

    TRY(route_entity(c, x, &e));
    TRY(param_int(c, x, "limit", 1, 50, 5, &limit));
    return match_check(c, e, x->input, (int)limit);
}

/* ---- an old id ---- */

enum err_code record_moved(
    struct call *c, struct exchange *x, const struct live_entity *e, bool *moved)
{
    struct record *r;
    int64_t into;

    *moved = false;
    TRY(merge_target(c, e, x->record, &into));
    if (!into) {
        return OK;
    }
    enum err_code code = record_load(c, e, into, false, &r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    TRY(access_record(c, r, RIGHT_READ, moved));
    *moved = *moved && r->cells[e->deleted_at->cell].type == DB_NULL;
    if (!*moved) {
        return OK;
    }
    x->reply.status = 308;
    reply_header(x, "Location",
        arena_fmt(c->mem, "/api/v1/%.*s/%" PRId64, STR_ARG(e->plural), into));
    json_object(&c->out, NULL);
    json_int(&c->out, "id", x->record);
    json_int(&c->out, "merged_into", into);
    json_end_object(&c->out);
    return OK;
}
