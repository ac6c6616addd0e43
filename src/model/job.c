/* job.c - orders jobs, and tells of them. job_run.c runs them. */

#include "model/job_steps.h"

#include "model/action.h"
#include "model/change.h"
#include "model/org.h"
#include "model/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_MICROS = 15000 };

/* ---- the kind "action": an action that takes its time ---- */

static enum err_code run_action(struct call *c)
{
    const json_t *in = c->job->input;
    struct str on = json_str(json_object_get(in, "on"));
    const struct live_entity *e = on.n ? model_entity(c->model, on) : NULL;
    const struct action *a = action_find(c->model, e, json_str(json_object_get(in, "action")));
    const json_t *list = json_object_get(in, "ids");
    size_t n = json_array_size(list);
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, n + 1);
    bool queued;

    for (size_t i = 0; i < n; i++) {
        ids[i] = json_integer_value(json_array_get(list, i));
    }
    if (!a) {
        return fail(c, ERR_NOT_FOUND, NULL, "the action is not there any more");
    }
    TRY(action_run(c, a, e, ids, n, json_object_get(in, "input"), &queued));
    if (!c->job->result.n) {
        job_result(c, buf_str(&c->body));
    }
    return OK;
}

static const struct job_kind action_kind = { .name = "action", .run = run_action };

const struct job_kind *job_kind_of(const struct org *o, struct str name)
{
    if (str_is(name, action_kind.name)) {
        return &action_kind;
    }
    for (const struct module *const *m = o->modules; *m; m++) {
        for (const struct job_kind *k = (*m)->jobs; k && k->name; k++) {
            if (str_is(name, k->name)) {
                return k;
            }
        }
    }
    return NULL;
}

/* ---- enqueue ---- */

static void tell_queued(struct org *o, void *arg)
{
    (void)arg;
    __atomic_add_fetch(&o->jobs_queued, 1, __ATOMIC_RELAXED);
}

/* The job that has the key already; due no later than ordered, where the order says so. */
static enum err_code find_keyed(struct call *c, const struct job_order *order, int64_t *id, bool *found)
{
    if (!order->sooner) {
        return db_find(c, id, found, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"), VALS(V(order->key)));
    }
    /* one that gives its key away and looks for the last time is waited for: either it sees what this call has done, or
     * its key is free */
    TRY(db_find(c, id, found,
        SQL2("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1", "SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1 FOR UPDATE"),
        VALS(V(order->key))));
    if (!*found) {
        return OK;
    }
    call_after_commit(c, tell_queued, NULL);
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"due\" = $2 WHERE \"id\" = $1 AND \"due\" > $2"),
        VALS(V(*id), V(order->due ? order->due : c->now)));
}

enum err_code job_enqueue(struct call *c, const struct job_order *order, int64_t *id)
{
    const struct job_kind *kind = job_kind_of(c->org, str_of(order->kind));
    struct str input = STR("{}");
    int64_t user = order->user ? order->user : kind && kind->system ? 0 : c->who->id;
    bool found = false;

    if (!kind) {
        return fail(c, ERR_INTERNAL, NULL, "there is no kind of job \"%s\"", order->kind);
    }
    if (order->input) {
        char *text = json_dumps(order->input, JSON_COMPACT);
        input = arena_str(c->mem, str_of(text));
        free(text); /* jansson's own */
    }
    /* again only where another transaction took the key since it was looked for, on PostgreSQL */
    while (!found) {
        TRY(order->key ? find_keyed(c, order, id, &found) : OK);
        if (found) {
            return OK;
        }
        TRY(db_find(c, id, &found,
            SQL("INSERT INTO \"jobs\" (\"kind\", \"key\", \"user\", \"due\", \"attempts\", \"state\","
                " \"input\", \"mark\", \"done\", \"total\", \"created_at\", \"cancel\", \"change_set\")"
                " VALUES ($1, $2, $3, $4, 0, 'waiting', $5, 0, 0, 0, $6, 0, $7) ON CONFLICT DO NOTHING RETURNING \"id\""),
            VALS(V(order->kind), V(order->key), V(user), V(order->due ? order->due : c->now), V(input), V(c->now),
                order->change_set ? V(order->change_set) : V_NULL)));
    }
    call_after_commit(c, tell_queued, NULL);
    return OK;
}

void job_progress(struct call *c, int64_t done, int64_t total)
{
    c->job->done = done;
    c->job->total = total;
}

enum err_code job_continue(struct call *c, int64_t mark, int64_t done, int64_t total)
{
    c->job->mark = mark;
    job_progress(c, done, total);
    c->job->again = true;
    return OK;
}

enum err_code job_come_again(struct call *c, int64_t due)
{
    c->job->due = due;
    return OK;
}

enum err_code job_give_key(struct call *c, int64_t job)
{
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"key\" = NULL WHERE \"id\" = $1"), VALS(V(job)));
}

enum err_code job_take_key(struct call *c, int64_t job, struct str key, bool *taken)
{
    int64_t id;
    bool found;

    TRY(db_find(c, &id, &found, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"), VALS(V(key))));
    *taken = !found || id == job;
    if (!found) {
        return db_exec(c, SQL("UPDATE \"jobs\" SET \"key\" = $2 WHERE \"id\" = $1"), VALS(V(job), V(key)));
    }
    return *taken ? OK : job_give_key(c, job);
}

int64_t job_mark(const struct call *c)
{
    return c->job ? c->job->mark : 0;
}

void job_result(struct call *c, struct str json)
{
    if (c->job) {
        c->job->result = json;
    }
}

bool job_step_is_long(const struct call *c)
{
    return c->job && time_now() - c->began > STEP_MICROS;
}

enum err_code job_works_on(struct call *c, int64_t change_set, bool *yes)
{
    int64_t id;

    return db_find(c, &id, yes,
        SQL("SELECT \"id\" FROM \"jobs\" WHERE \"change_set\" = $1 AND \"state\" IN ('waiting',"
            " 'running') LIMIT 1"),
        VALS(V(change_set)));
}

static enum err_code may_see(struct call *c, int64_t id)
{
    int64_t user;
    bool found;

    TRY(db_find(c, &user, &found, SQL("SELECT \"user\" FROM \"jobs\" WHERE \"id\" = $1"),
        VALS(V(id))));
    return found && (c->who->admin || user == c->who->id)
        ? OK
        : fail(c, ERR_NOT_FOUND, NULL, "there is no job %" PRId64, id);
}

enum err_code job_cancel(struct call *c, int64_t id)
{
    TRY(may_see(c, id));
    return db_exec(c,
        SQL("UPDATE \"jobs\" SET \"cancel\" = 1, \"state\" = CASE \"state\" WHEN 'waiting' THEN"
            " 'cancelled' ELSE \"state\" END, \"key\" = CASE \"state\" WHEN 'waiting' THEN NULL ELSE"
            " \"key\" END WHERE \"id\" = $1 AND \"state\" IN ('waiting', 'running')"),
        VALS(V(id)));
}

static void instant_or_null(struct call *c, struct rows *rows, int col, const char *name)
{
    char text[INSTANT_TEXT];

    if (col_null(rows, col)) {
        json_cstr(&c->out, name, NULL);
        return;
    }
    instant_format(col_int(rows, col), text);
    json_cstr(&c->out, name, text);
}

static void row_json(struct call *c, struct rows *rows)
{
    json_object(&c->out, NULL);
    json_int(&c->out, "id", col_int(rows, 0));
    json_text(&c->out, "kind", stmt_text(rows->st, 1));
    json_text(&c->out, "state", stmt_text(rows->st, 2));
    json_int(&c->out, "done", col_int(rows, 3));
    json_int(&c->out, "total", col_int(rows, 4));
    json_int(&c->out, "attempts", col_int(rows, 5));
    instant_or_null(c, rows, 6, "created_at");
    instant_or_null(c, rows, 7, "due");
    instant_or_null(c, rows, 8, "ended_at");
    if (col_null(rows, 9)) {
        json_cstr(&c->out, "result", NULL);
    } else {
        json_raw(&c->out, "result", stmt_text(rows->st, 9));
    }
    struct str error = stmt_text(rows->st, 10);
    json_text(&c->out, "error",
        error.n ? str_of(text_message(c->mem, call_language(c), arena_cstr(c->mem, error))) : error);
    json_int(&c->out, "user", col_int(rows, 11));
    if (col_null(rows, 12)) {
        json_none(&c->out, "change_set");
    } else {
        json_int(&c->out, "change_set", col_int(rows, 12));
    }
    json_end_object(&c->out);
}

#define JOB_COLUMNS                                                                                \
    "SELECT \"id\", \"kind\", \"state\", \"done\", \"total\", \"attempts\", \"created_at\", \"due\","    \
    " \"ended_at\", \"result\", \"error\", \"user\", \"change_set\" FROM \"jobs\" "

enum err_code job_json(struct call *c, int64_t id)
{
    struct rows rows;

    TRY(may_see(c, id));
    TRY(db_query(c, &rows, SQL(JOB_COLUMNS "WHERE \"id\" = $1"), VALS(V(id))));
    while (rows_next(&rows)) {
        row_json(c, &rows);
    }
    return rows_end(&rows);
}

enum err_code jobs_json(struct call *c, struct str state, int64_t before, int limit)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL(JOB_COLUMNS "WHERE \"id\" < $1 AND ($2 = 1 OR \"user\" = $3) AND ($4 = '' OR"
                        " \"state\" = $4) ORDER BY \"id\" DESC LIMIT $5"),
        VALS(V(before ? before : INT64_MAX), V(c->who->admin), V(c->who->id), V(state), V(limit))));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    while (rows_next(&rows)) {
        row_json(c, &rows);
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return rows_end(&rows);
}
