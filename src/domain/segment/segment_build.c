/* segment_build.c - all members of a new or edited segment, made beside those that readers see. */

#include "domain/segment/segment_steps.h"

#include "model/query.h"

#include <inttypes.h>

enum { PAGE = 1000, SWEEP = 2000 };

struct verdict {
    int64_t person, next; /* next: until when time alone does not change it */
    bool in;
};

struct building {
    struct job_work *w;
    int64_t id, version, was, begun, late, swapped, entered, left;
    int64_t after, reached; /* reached: by the page at hand, which may be written twice */
    struct verdict *page;   /* PAGE at most: who is in, or may come in by time alone */
    size_t npage;
    struct segment s; /* of the call at hand */
    struct str where; /* as it was at the beginning: one that is edited meanwhile is begun anew */
    bool over, stale;
};

/* ---- the beginning ---- */

static enum err_code begin(struct call *c, void *arg)
{
    struct building *b = arg;
    int64_t highest;

    TRY(job_give_key(c, b->w->id));
    TRY(segment_load(c, b->id, &b->s));
    if (!b->s.x) {
        return fail(c, ERR_INVALID, "where", "the condition of this segment cannot be read any more");
    }
    b->where = arena_str(b->w->mem, b->s.where);
    b->was = b->s.live;
    TRY(db_int(c, &highest,
        SQL("SELECT coalesce(max(\"version\"), 0) FROM \"segment_members\" WHERE \"segment\" = $1"),
        VALS(V(b->id))));
    b->version = (highest > b->was ? highest : b->was) + 1;
    TRY(segment_late_mark(c, &b->late));
    return feed_horizon(c, &b->begun);
}

static enum err_code is_current(struct call *c, struct building *b)
{
    TRY(segment_load(c, b->id, &b->s));
    b->stale = !str_eq(b->s.where, b->where) || b->s.live != b->was || !b->s.x;
    return OK;
}

/* ---- pages of people ---- */

static enum err_code judge_page(struct call *c, struct building *b, const int64_t *ids, size_t n)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));

    for (size_t i = 0; i < n; i++) {
        struct call_mark mark = call_mark(c);
        struct segment_person him = { 0 };
        struct verdict v = { .person = ids[i] };
        TRY(record_load(c, people, ids[i], true, &him.r));
        TRY(segment_judge(c, &b->s, &him, &v.in, &v.next));
        call_rewind(c, mark);
        if (v.in || v.next != INT64_MAX) {
            b->page[b->npage++] = v;
        }
    }
    return OK;
}

/* Without holding the writer up: who changes from now on is judged again before the swap. */
static enum err_code read_page(struct call *c, void *arg)
{
    struct building *b = arg;
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    struct buf ever;
    int64_t *ids;
    size_t n;

    b->npage = 0;
    TRY(is_current(c, b));
    if (b->stale) {
        return OK;
    }
    buf_init(&ever, c->mem, SEGMENT_WHERE);
    expr_ever(b->s.x, &ever);
    q.where = b->s.clock && ever.failed ? STR("") : b->s.clock ? buf_str(&ever) : b->s.where;
    TRY(query_ids(c, &q, b->after, 0, PAGE, &ids, &n));
    for (size_t i = 0; !b->s.clock && i < n; i++) {
        b->page[b->npage++] = (struct verdict) { ids[i], INT64_MAX, true };
    }
    TRY(b->s.clock ? judge_page(c, b, ids, n) : OK);
    b->reached = n ? ids[n - 1] : b->after;
    b->over = n < PAGE;
    return OK;
}

static enum err_code put_page(struct call *c, void *arg)
{
    struct building *b = arg;

    TRY(is_current(c, b));
    for (size_t i = 0; !b->stale && i < b->npage; i++) {
        const struct verdict *v = &b->page[i];
        TRY(segment_built(c, &b->s, b->version, v->person, v->in, v->next));
    }
    return OK;
}

/* ---- the swap ---- */

static enum err_code judge_late(struct call *c, struct building *b, int64_t id)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct segment_person him = { 0 };
    bool moved;
    enum err_code code = record_load(c, people, id, true, &him.r);

    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return segment_put(c, &b->s, b->version, id, NULL, false, "deleted", &moved);
    }
    TRY(code);
    return segment_renew(c, &b->s, b->version, &him, "built");
}

/* People whose changes were judged against the old version while the new one was made: those of the feed, and those of
 * whom it does not tell. */
static enum err_code judge_late_ones(struct call *c, struct building *b)
{
    int64_t cursor, after = 0, n = PAGE;

    TRY(segments_lock(c, &cursor));
    while (n == PAGE) {
        int64_t ids[PAGE];
        struct rows rows;
        n = 0;
        TRY(db_query(c, &rows,
            SQL("SELECT \"person\" FROM \"feed\" WHERE \"id\" > $1 AND \"id\" <= $2 AND \"person\" > $3 UNION SELECT"
                " \"person\" FROM \"segment_late\" WHERE \"id\" > $4 AND \"person\" > $3 ORDER BY 1 LIMIT 1000"),
            VALS(V(b->begun), V(cursor), V(after), V(b->late))));
        while (n < PAGE && rows_next(&rows)) {
            ids[n++] = col_int(&rows, 0);
        }
        TRY(rows_end(&rows));
        for (int64_t i = 0; i < n; i++) {
            TRY(judge_late(c, b, ids[i]));
        }
        after = n ? ids[n - 1] : after;
    }
    return OK;
}

/* Who names this segment was judged by its old members: a build leaves no single entries in the feed. */
static enum err_code build_dependents(struct call *c, struct building *b)
{
    struct segment *all;
    size_t n;
    int64_t job;

    TRY(segments_load(c, &all, &n));
    for (size_t i = 0; i < n; i++) {
        bool named = false;
        for (size_t k = 0; all[i].follows && k < all[i].nnames && !named; k++) {
            named = str_eq(all[i].names[k], b->s.code);
        }
        TRY(named ? segment_order_build(c, all[i].id, SECONDS(1), &job) : OK);
    }
    return OK;
}

static enum err_code swap(struct call *c, void *arg)
{
    struct building *b = arg;
    const struct live_entity *e = model_entity(c->model, STR("segment"));
    struct record *r = record_new(c, e);
    int64_t size;

    TRY(is_current(c, b));
    if (b->stale) {
        return OK;
    }
    TRY(judge_late_ones(c, b));
    TRY(db_int(c, &size,
        SQL("SELECT count(*) FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" = $2"),
        VALS(V(b->id), V(b->version))));
    r->id = b->id;
    r->trusted = r->quiet = r->replay = true;
    record_set(c, r, "live", V(b->version));
    record_set(c, r, "size", V(size));
    record_set(c, r, "state", V("live"));
    record_set(c, r, "built_at", V(c->now));
    record_set(c, r, "error", V_NULL);
    TRY(record_update(c, r));
    b->swapped = c->now;
    TRY(build_dependents(c, b));
    return b->s.clock ? segment_timers_plan(c) : OK;
}

/* ---- afterwards ---- */

/* Notes who is only in the one version, for some of them; who has moved since the swap is noted already. */
static enum err_code note_difference(struct call *c, struct building *b, int64_t in, int64_t other,
    const char *kind, int64_t after, int64_t *reached, size_t *n)
{
    int64_t ids[SWEEP];
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT m.\"person\" FROM \"segment_members\" m WHERE m.\"segment\" = $1 AND m.\"version\" = $2 AND"
            " m.\"person\" > $4 AND NOT EXISTS (SELECT 1 FROM \"segment_members\" o WHERE o.\"segment\" = $1 AND"
            " o.\"version\" = $3 AND o.\"person\" = m.\"person\") AND NOT EXISTS (SELECT 1 FROM \"segment_changes\" h"
            " WHERE h.\"person\" = m.\"person\" AND h.\"at\" >= $5 AND h.\"segment\" = $1 AND h.\"cause\" <> 'built')"
            " ORDER BY m.\"person\" LIMIT 2000"),
        VALS(V(b->id), V(in), V(other), V(after), V(b->swapped))));
    while (*n < SWEEP && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < *n; i++) {
        TRY(db_exec(c,
            SQL("INSERT INTO \"segment_changes\" (\"segment\", \"person\", \"kind\", \"at\", \"cause\") VALUES ($1, $2, $3,"
                " $4, 'built')"),
            VALS(V(b->id), V(ids[i]), V(kind), V(b->swapped))));
    }
    *reached = *n ? ids[*n - 1] : after;
    return OK;
}

struct noting {
    struct building *b;
    bool left;
    int64_t after, reached;
    size_t n;
};

static enum err_code note_some(struct call *c, void *arg)
{
    struct noting *t = arg;
    int64_t in = t->left ? t->b->was : t->b->version, other = t->left ? t->b->version : t->b->was;

    return note_difference(c, t->b, in, other, t->left ? "l" : "e", t->after, &t->reached, &t->n);
}

/* Of older ones only: another build may be at work on a newer one. */
static enum err_code remove_some(struct call *c, void *arg)
{
    struct noting *t = arg;
    int64_t n;

    TRY(db_changed(c, &n,
        SQL("DELETE FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" < $2 AND \"person\" IN (SELECT"
            " \"person\" FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" < $2 LIMIT 2000)"),
        VALS(V(t->b->id), V(t->b->version))));
    t->n = (size_t)n;
    return OK;
}

static enum err_code tell_failure(struct call *c, void *arg)
{
    struct building *b = arg;
    struct record *r = record_of(c, "segment");

    r->id = b->id;
    r->trusted = r->quiet = r->replay = true;
    record_set(c, r, "state", V("failed"));
    record_set(c, r, "error", V(str_sub(str_of(b->w->err.msg), 0, 300)));
    enum err_code code = record_update(c, r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    return code;
}

static enum err_code nothing(struct call *c, void *arg)
{
    (void)c, (void)arg;
    return OK;
}

static enum err_code clear_up(struct building *b)
{
    struct job_work *w = b->w;
    struct noting entered = { .b = b, .n = SWEEP }, left = { .b = b, .left = true, .n = SWEEP }, old = { .b = b, .n = 1 };

    while (entered.n == SWEEP) {
        TRY(job_work_write(w, note_some, &entered));
        entered.after = entered.reached;
        b->entered += (int64_t)entered.n;
    }
    while (b->was && left.n == SWEEP) {
        TRY(job_work_write(w, note_some, &left));
        left.after = left.reached;
        b->left += (int64_t)left.n;
    }
    while (old.n) {
        TRY(job_work_write(w, remove_some, &old));
    }
    w->result = arena_fmt(w->mem, "{\"entered\": %" PRId64 ", \"left\": %" PRId64 "}", b->entered, b->left);
    return job_work_end(w, nothing, NULL);
}

static enum err_code build(struct building *b)
{
    do {
        b->over = b->stale = false;
        b->after = b->reached = 0;
        TRY(job_work_write(b->w, begin, b));
        while (!b->over && !b->stale) {
            b->w->done = b->after;
            TRY(job_work_read(b->w, read_page, b));
            TRY(job_work_write(b->w, put_page, b));
            b->after = b->reached;
        }
        TRY(b->stale ? OK : job_work_write(b->w, swap, b));
    } while (b->stale);
    return clear_up(b);
}

enum err_code segment_build_work(struct job_work *w)
{
    struct building b = { .w = w, .id = json_integer_value(json_object_get(w->input, "segment")),
        .page = ARENA_ARRAY(w->mem, struct verdict, PAGE) };
    enum err_code code = build(&b);

    if (code == OK || w->cancelled || code == ERR_NOT_FOUND || (!err_from_input(code) && code != ERR_TOO_LARGE)) {
        return code;
    }
    struct err e = w->err;
    TRY(job_work_as_system(w, tell_failure, &b));
    w->err = e;
    return code;
}
