/* bulk.c - one change for many records.
 *
 * The job walks the ids that were given, or those that the filter finds up to the newest record of the
 * moment of the order, ascending: the mark is the place in the list, or the last id. A record is changed
 * in a savepoint of its own, so that one that refuses hurts no other. */

#include "model/bulk.h"

#include "model/change.h"
#include "model/entries.h"
#include "model/job.h"
#include "model/query_plan.h"

#include <string.h>

enum { CHUNK = 200, ERRORS_KEPT = 100 };

struct chosen { /* what a step's look leaves; none of it may need a defer */
    int64_t *ids;
    size_t n;
    int64_t total;
};

/* ---- the order ---- */

static const json_t *part(const json_t *input, const char *name)
{
    const json_t *v = json_object_get(input, name);

    return json_is_null(v) ? NULL : v;
}

static enum err_code check_choice(
    struct call *c, const struct live_entity *e, const json_t *input, bool restores)
{
    const struct expr *x;
    const json_t *ids = part(input, "ids"), *where = part(input, "where"), *bin = part(input, "bin");

    if (!ids == !where) {
        return fail(c, ERR_INVALID, ids ? "where" : "ids",
            "say which records: either \"ids\", or \"where\" (an empty one is all)");
    }
    if (ids && (!json_is_array(ids) || !json_array_size(ids) || json_array_size(ids) > BULK_IDS)) {
        return fail(c, ERR_INVALID, "ids", "ids is a list of 1 to %d numbers", BULK_IDS);
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (!json_is_integer(json_array_get(ids, i))) {
            return fail(c, ERR_INVALID, "ids", "ids is a list of numbers");
        }
    }
    if (where && !json_is_string(where) && !json_is_object(where)) {
        return fail(c, ERR_INVALID, "where", "where is a filter");
    }
    if (where) {
        TRY(plan_where(c, e, json_str(where), json_is_object(where) ? where : NULL, &x));
    }
    if (part(input, "q") && !json_is_string(part(input, "q"))) {
        return fail(c, ERR_INVALID, "q", "q is text");
    }
    if (bin && json_is_true(bin) != restores) {
        return fail(c, ERR_INVALID, "bin", "what is in the bin can be restored, and nothing else");
    }
    return OK;
}

static const struct live_field *writable(
    struct call *c, const struct live_entity *e, const char *name)
{
    const struct live_field *f = entity_field(e, str_of(name));

    if (!f || f->def.system || access_field(c, f) == FIELD_HIDDEN || name[0] == '@') {
        fail_field(c, name, "%s has no field \"%.60s\"", e->label.p, name);
        return NULL;
    }
    if (f->def.read_only || f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP
        || access_field(c, f) != FIELD_WRITE) {
        fail_field(c, name, "%s cannot be changed", f->label.p);
        return NULL;
    }
    return f;
}

static void check_lists(struct call *c, const struct live_entity *e, const json_t *lists,
    const char *member)
{
    const char *name;
    json_t *entries;

    if (lists && !json_is_object(lists)) {
        fail_field(c, member, "%s is an object: {\"tags\": [\"vip\"]}", member);
        return;
    }
    json_object_foreach((json_t *)lists, name, entries)
    {
        const struct live_field *f = writable(c, e, name);
        if (f && (!entries_in(f) || !json_is_array(entries))) {
            fail_field(c, name, entries_in(f) ? "%s expects a list" : "%s holds one value: set it",
                f->label.p);
        }
    }
}

static enum err_code check_values(struct call *c, const struct live_entity *e, const json_t *input)
{
    const json_t *set = part(input, "set"), *clear = part(input, "clear");
    struct record *probe = record_new(c, e);
    const char *name;
    json_t *v;

    if ((set && !json_is_object(set)) || (clear && !json_is_array(clear))) {
        return fail(c, ERR_INVALID, set ? "set" : "clear", set ? "set is an object" : "clear is a list");
    }
    json_object_foreach((json_t *)set, name, v)
    {
        (void)writable(c, e, name);
    }
    for (size_t i = 0; i < json_array_size(clear); i++) {
        const json_t *one = json_array_get(clear, i);
        (void)writable(c, e, json_is_string(one) ? json_string_value(one) : "");
    }
    check_lists(c, e, part(input, "add"), "add");
    check_lists(c, e, part(input, "remove"), "remove");
    TRY(call_status(c));
    if (set) {
        TRY(record_fill(c, probe, set));
    }
    return OK;
}

static enum err_code check_order(struct call *c, const struct live_entity *e, const json_t *input)
{
    struct str verb = json_str(part(input, "do"));
    bool values = part(input, "set") || part(input, "clear") || part(input, "add")
        || part(input, "remove");

    if (verb.n ? values || (!str_is(verb, "delete") && !str_is(verb, "restore")) : !values) {
        return fail(c, ERR_INVALID, verb.n ? "do" : "set",
            "say what to do: \"set\", \"clear\", \"add\", \"remove\", or \"do\": \"delete\" or \"restore\"");
    }
    TRY(access_require(c, e, RIGHT_BULK));
    TRY(access_require(c, e, verb.n ? RIGHT_DELETE : RIGHT_UPDATE));
    if (e->def.flags & (ENTITY_TABLE | ENTITY_APPEND_ONLY)) {
        return fail(c, ERR_CONFLICT, NULL, "%s are never changed", e->label_plural.p);
    }
    TRY(check_choice(c, e, input, str_is(verb, "restore")));
    return check_values(c, e, input);
}

static enum err_code newest(struct call *c, const struct live_entity *e, int64_t *id)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT coalesce(max(\"id\"), 0) FROM ");
    sql_ident(&s, e->tables[0]);
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    return db_int(c, id, sql, v);
}

enum err_code bulk_order(struct call *c, const struct live_entity *e, const json_t *input)
{
    int64_t job, upto = 0;
    json_t *order;

    TRY(check_order(c, e, input));
    TRY(newest(c, e, &upto));
    order = json_copy((json_t *)input);
    arena_defer(c->mem, (void (*)(void *))json_decref, order);
    json_object_set_new(order, "entity", json_integer(e->number));
    json_object_set_new(order, "upto", json_integer(upto));
    c->change_kind = "bulk";
    TRY(change_set_open(c));
    TRY(job_enqueue(c,
        &(struct job_order) { .kind = "bulk", .input = order, .change_set = c->change_set }, &job));
    json_object(&c->out, NULL);
    json_int(&c->out, "job", job);
    json_int(&c->out, "change_set", c->change_set);
    json_end_object(&c->out);
    return OK;
}

/* ---- which records, in a read ---- */

static enum err_code entity_of_order(struct call *c, const struct live_entity **e)
{
    *e = model_entity_number(
        c->model, json_integer_value(json_object_get(c->job->input, "entity")));
    return *e ? OK : fail(c, ERR_NOT_FOUND, NULL, "the object is not there any more");
}

static enum err_code look_by_filter(struct call *c, const struct live_entity *e, struct chosen *ch)
{
    const json_t *in = c->job->input, *where = part(in, "where");
    struct list_request q = { .e = e, .where = json_str(where), .q = json_str(part(in, "q")),
        .where_json = json_is_object(where) ? where : NULL,
        .bin = str_is(json_str(part(in, "do")), "restore"), .right = RIGHT_READ };

    if (!c->job->mark) {
        TRY(query_count(c, &q, &ch->total));
    }
    return query_ids(c, &q, c->job->mark, json_integer_value(json_object_get(in, "upto")), CHUNK,
        &ch->ids, &ch->n);
}

enum err_code bulk_look(struct call *c)
{
    struct chosen *ch = ARENA_NEW(c->mem, struct chosen);
    const json_t *ids = part(c->job->input, "ids");
    const struct live_entity *e;

    TRY(entity_of_order(c, &e));
    ch->total = c->job->total;
    c->job->found = ch;
    if (!ids) {
        return look_by_filter(c, e, ch);
    }
    ch->total = (int64_t)json_array_size(ids);
    ch->ids = ARENA_ARRAY(c->mem, int64_t, CHUNK);
    for (size_t i = (size_t)c->job->mark; i < json_array_size(ids) && ch->n < CHUNK; i++) {
        ch->ids[ch->n++] = json_integer_value(json_array_get(ids, i));
    }
    return OK;
}

/* ---- one record ---- */

static enum err_code change_lists(struct call *c, struct record *r, const json_t *lists, bool add)
{
    const char *name;
    json_t *given;

    json_object_foreach((json_t *)lists, name, given)
    {
        const struct live_field *f = entity_field(r->e, str_of(name));
        if (!f) {
            return fail(c, ERR_INVALID, name, "there is no such field any more");
        }
        TRY(entries_change(c, r, f, given, add));
    }
    return OK;
}

static enum err_code fill(struct call *c, struct record *r, const json_t *in)
{
    const json_t *clear = part(in, "clear");

    if (part(in, "set")) {
        TRY(record_fill(c, r, part(in, "set")));
    }
    if (clear) {
        json_t *nothing = json_pack("{}");
        arena_defer(c->mem, (void (*)(void *))json_decref, nothing);
        for (size_t i = 0; i < json_array_size(clear); i++) {
            json_object_set_new(
                nothing, json_string_value(json_array_get(clear, i)), json_null());
        }
        TRY(record_fill(c, r, nothing));
    }
    TRY(change_lists(c, r, part(in, "add"), true));
    return change_lists(c, r, part(in, "remove"), false);
}

struct one {
    const struct live_entity *e;
    int64_t id;
    bool changed;
};

static enum err_code change_one(struct call *c, void *arg)
{
    struct one *one = arg;
    struct str verb = json_str(part(c->job->input, "do"));
    struct record *r = record_new(c, one->e);
    int64_t before = c->changes;

    if (str_is(verb, "delete")) {
        TRY(record_delete(c, one->e, one->id, 0));
    } else if (str_is(verb, "restore")) {
        TRY(record_restore(c, one->e, one->id));
    } else {
        r->id = one->id;
        TRY(fill(c, r, c->job->input));
        TRY(record_update(c, r));
    }
    one->changed = c->changes != before;
    return OK;
}

/* ---- the job ---- */

struct tally {
    json_t *all, *errors;
};

static enum err_code tally_open(struct call *c, struct tally *t)
{
    if (c->job->before.n) {
        TRY(json_read(c->mem, c->job->before, &t->all, &c->err));
    } else {
        t->all = json_pack("{s:i, s:i, s:i, s:[]}", "changed", 0, "unchanged", 0, "failed", 0, "errors");
        arena_defer(c->mem, (void (*)(void *))json_decref, t->all);
    }
    t->errors = json_object_get(t->all, "errors");
    return OK;
}

static void count_one(struct tally *t, const char *what)
{
    json_object_set_new(
        t->all, what, json_integer(json_integer_value(json_object_get(t->all, what)) + 1));
}

static void note_error(struct call *c, struct tally *t, int64_t id)
{
    const char *field = c->errors ? c->errors->field : c->err.field[0] ? c->err.field : NULL;
    const char *message = c->errors ? c->errors->message : c->err.msg;

    count_one(t, "failed");
    if (json_array_size(t->errors) < ERRORS_KEPT) {
        json_array_append_new(t->errors, json_pack("{s:I, s:s?, s:s}", "id", (json_int_t)id, "field",
            field, "message", message));
    }
    err_clear(&c->err);
    c->errors = NULL;
}

enum err_code bulk_run(struct call *c)
{
    const struct chosen *ch = c->job->found;
    bool by_id = part(c->job->input, "ids") != NULL;
    int64_t mark = c->job->mark;
    struct one one = { NULL, 0, false };
    struct tally t;
    size_t i = 0;

    TRY(entity_of_order(c, &one.e));
    TRY(access_require(c, one.e, RIGHT_BULK));
    TRY(tally_open(c, &t));
    for (; i < ch->n && !job_step_is_long(c); i++) {
        one.id = ch->ids[i];
        enum err_code code = call_nested(c, change_one, &one);
        if (code == OK) {
            count_one(&t, one.changed ? "changed" : "unchanged");
        } else if (!err_from_input(code) || !conn_in_tx(c->db)) {
            return code;
        } else {
            note_error(c, &t, one.id);
        }
        mark = by_id ? mark + 1 : one.id;
    }
    char *text = json_dumps(t.all, JSON_COMPACT);
    job_result(c, arena_str(c->mem, str_of(text)));
    free(text); /* jansson's own */
    if (i < ch->n || ch->n == CHUNK) {
        return job_continue(c, mark, c->job->done + (int64_t)i, ch->total);
    }
    job_progress(c, c->job->done + (int64_t)i, ch->total);
    return OK;
}
