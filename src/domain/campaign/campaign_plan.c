/* campaign_plan.c - who gets it: frozen when it starts, or one by one as people enter a segment. */

#include "domain/campaign/campaign_steps.h"

#include "model/query.h"

#include <inttypes.h>

enum { PAGE = 1000, WATCHED = 200, ENOUGH = 200, REFUSED_PERCENT = 20 };
#define LATE_MOST HOURS(2)

/* ---- at once ---- */

/* What a page changes is taken over once it is committed: a writing call may run twice. */
struct planning {
    struct job_work *w;
    int64_t id, after, planned;
    bool over, begun; /* begun: it has gone beyond what stands in the way */
    int64_t page_end, page_n;
    int64_t *ids; /* of the page at hand, PAGE at most */
    bool page_over, gone; /* gone: it is not to be sent any more */
};

static enum err_code tell(struct call *c, int64_t id, const char *note, const char *status)
{
    struct record *r = record_of(c, "campaign");

    r->id = id;
    r->trusted = true;
    record_set(c, r, "note", V(note));
    TRY(record_update(c, r));
    return campaign_set_status(c, id, status);
}

/* A campaign that was due hours ago may be out of a back-up, or about something that is over: somebody decides. */
static enum err_code begin(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct campaign k;

    p->page_over = false;
    TRY(campaign_load(c, p->id, &k));
    if (!str_is(k.status, "scheduled") && !str_is(k.status, "sending")) {
        p->page_over = true;
        return OK;
    }
    if (!k.batch && k.scheduled_at > c->now) { /* it was put off since */
        p->page_over = true;
        TRY(job_give_key(c, p->w->id));
        return campaign_order_plan(c, &k, k.scheduled_at);
    }
    if (!k.batch && k.scheduled_at && c->now - k.scheduled_at > LATE_MOST) {
        p->page_over = true;
        return tell(c, k.id, "it should have gone out more than two hours ago", "late");
    }
    TRY(campaign_open(c, &k));
    return str_is(k.status, "scheduled") ? campaign_set_status(c, k.id, "sending") : OK;
}

static enum err_code read_page(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    struct campaign k;
    int64_t *ids;
    size_t n;

    TRY(campaign_load(c, p->id, &k));
    TRY(campaign_audience(c, &k, &q.where));
    TRY(query_ids(c, &q, p->after, 0, PAGE, &ids, &n));
    memcpy(p->ids, ids, n * sizeof *ids);
    p->page_n = (int64_t)n;
    p->page_end = n ? ids[n - 1] : p->after;
    p->page_over = n < PAGE;
    return OK;
}

static enum err_code plan_page(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct campaign k;
    bool made;

    TRY(campaign_load(c, p->id, &k));
    p->gone = !str_is(k.status, "sending") && !str_is(k.status, "paused");
    if (p->gone) {
        return OK;
    }
    for (int64_t i = 0; i < p->page_n; i++) {
        TRY(message_plan(c, &(struct message_order) { .batch = k.batch, .contact = p->ids[i],
                                .held_out = campaign_holds_out(&k, p->ids[i]) }, &made));
    }
    return message_wake(c, k.batch, 0);
}

static enum err_code finish(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct record *r = record_of(c, "campaign");
    struct campaign k;

    if (!p->begun) {
        return OK;
    }
    TRY(campaign_load(c, p->id, &k));
    if (!p->planned && str_is(k.status, "sending")) {
        return tell(c, p->id, "nobody is in its audience", "sent");
    }
    r->id = p->id;
    r->trusted = r->quiet = true;
    record_set(c, r, "audience", V(p->planned));
    return record_update(c, r);
}

static enum err_code give_up(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct campaign k;

    TRY(campaign_load(c, p->id, &k));
    TRY(k.batch ? message_set_batch(c, k.batch, "paused") : OK);
    return tell(c, p->id, arena_cstr(c->mem, str_sub(str_of(p->w->err.msg), 0, 390)), "paused");
}

static enum err_code plan(struct planning *p)
{
    TRY(job_work_write(p->w, begin, p));
    p->over = p->page_over;
    p->begun = !p->over;
    while (!p->over) {
        p->w->done = p->planned;
        TRY(job_work_read(p->w, read_page, p));
        TRY(job_work_write(p->w, plan_page, p));
        p->after = p->page_end;
        p->planned += p->gone ? 0 : p->page_n;
        p->over = p->page_over || p->gone;
    }
    return job_work_end(p->w, finish, p);
}

enum err_code campaign_plan_work(struct job_work *w)
{
    struct planning p = { .w = w, .id = json_integer_value(json_object_get(w->input, "campaign")),
        .ids = ARENA_ARRAY(w->mem, int64_t, PAGE) };
    enum err_code code = plan(&p);

    if (code == OK || w->cancelled || code == ERR_NOT_FOUND || (!err_from_input(code) && code != ERR_TOO_LARGE)) {
        return code;
    }
    struct err e = w->err;
    TRY(job_work_as_system(w, give_up, &p));
    w->err = e;
    return code;
}

/* ---- one by one ---- */

/* The triggered ones of a segment. A paused one too: whoever enters meanwhile waits with it. */
static enum err_code watching(struct call *c, int64_t segment, struct campaign **out, size_t *n)
{
    int64_t going = model_choice(c->model, "campaign", "status", STR("running"));
    int64_t waiting = model_choice(c->model, "campaign", "status", STR("paused"));
    int64_t kind = model_choice(c->model, "campaign", "kind", STR("triggered"));
    int64_t *ids = NULL;
    size_t room = 0;
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"campaigns\" WHERE \"segment\" = $1 AND \"status\" IN ($2, $3) AND \"kind\" = $4 AND"
            " \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 10000"),
        VALS(V(segment), V(going), V(waiting), V(kind))));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, ids, *n, room);
        ids[(*n)++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    *out = ARENA_ARRAY(c->mem, struct campaign, *n ? *n : 1);
    for (size_t i = 0; i < *n; i++) {
        TRY(campaign_load(c, ids[i], &(*out)[i]));
    }
    return OK;
}

/* Of those who enter: is he one of the audience, and not left out? */
static enum err_code is_meant(struct call *c, const struct campaign *k, int64_t person, bool *yes)
{
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    int64_t *ids;
    size_t n;

    TRY(campaign_audience(c, k, &q.where));
    TRY(query_ids(c, &q, person - 1, person, 1, &ids, &n));
    *yes = n == 1;
    return OK;
}

/* Its condition cannot be read any more: it waits, and the others go on. */
static enum err_code stop_one(struct call *c, struct campaign *k)
{
    const char *why = arena_fmt(c->mem, "%.380s", c->err.msg).p;

    err_clear(&c->err);
    k->stopped = true;
    if (str_is(k->status, "paused")) {
        return OK;
    }
    TRY(message_set_batch(c, k->batch, "paused"));
    return tell(c, k->id, why, "paused");
}

static enum err_code enters(struct call *c, struct campaign *k, const struct change *ch)
{
    int64_t due = ch->at + k->delay;
    bool yes, made;

    if (k->stopped || ch->at < k->started_at) {
        return OK;
    }
    enum err_code code = is_meant(c, k, ch->person, &yes);
    if (code != OK) {
        return err_from_input(code) ? stop_one(c, k) : code;
    }
    if (!yes) {
        return OK;
    }
    TRY(message_plan(c, &(struct message_order) { .batch = k->batch, .contact = ch->person,
                            .occasion = k->again ? ch->seq : 0, .due = due,
                            .held_out = campaign_holds_out(k, ch->person) }, &made));
    return made ? message_wake(c, k->batch, due) : OK;
}

enum err_code campaigns_consume(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *segment = model_entity(c->model, STR("segment"));
    struct campaign *all = NULL;
    int64_t of = 0; /* the segment that they are of */
    size_t nall = 0;

    for (size_t i = 0; segment && i < n; i++) {
        const struct change *ch = &changes[i];
        if (ch->kind != CHANGE_ENTER || ch->entity != segment->number || !ch->person) {
            continue;
        }
        TRY(of == ch->record ? OK : watching(c, ch->record, &all, &nall));
        of = ch->record;
        for (size_t k = 0; k < nall; k++) {
            TRY(enters(c, &all[k], ch));
        }
    }
    return OK;
}

/* ---- the end ---- */

/* Counting a large batch takes longer than others should wait for the writer: it is done before. */
struct watched {
    struct campaign k;
    struct batch_counts n;
    bool planned;
};
struct watch {
    struct watched *list;
    size_t n;
};

static enum err_code watched_ids(struct call *c, int64_t *ids, size_t *n)
{
    int64_t sending = model_choice(c->model, "campaign", "status", STR("sending"));
    int64_t going = model_choice(c->model, "campaign", "status", STR("running"));
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"campaigns\" WHERE \"status\" IN ($1, $2) AND \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 200"),
        VALS(V(sending), V(going))));
    while (*n < WATCHED && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

enum err_code campaign_watch_look(struct call *c)
{
    struct watch *w = ARENA_NEW(c->mem, struct watch);
    int64_t ids[WATCHED], job;
    size_t n;

    TRY(watched_ids(c, ids, &n));
    w->list = ARENA_ARRAY(c->mem, struct watched, n ? n : 1);
    for (size_t i = 0; i < n; i++) {
        struct watched *one = &w->list[w->n];
        TRY(campaign_load(c, ids[i], &one->k));
        if (one->k.batch) {
            TRY(db_find(c, &job, &one->planned, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"),
                VALS(V(arena_fmt(c->mem, "campaign_plan:%" PRId64, ids[i])))));
            TRY(message_count(c, one->k.batch, &one->n));
            w->n++;
        }
    }
    c->job->found = w;
    return OK;
}

static enum err_code watch_one(struct call *c, const struct watched *one)
{
    const struct batch_counts *n = &one->n;
    struct campaign k;
    struct batch_counts now;

    TRY(campaign_load(c, one->k.id, &k));
    if (!str_eq(k.status, one->k.status)) {
        return OK;
    }
    int64_t refused = n->refused - k.refused, tried = n->accepted + n->refused + n->bounced - k.tried;
    if (tried >= ENOUGH && refused * 100 > tried * REFUSED_PERCENT) {
        TRY(message_set_batch(c, k.batch, "paused"));
        return tell(c, k.id, "too many are refused by the mail server", "paused");
    }
    if (str_is(k.kind, "triggered") || one->planned || n->planned || n->in_flight) {
        return OK;
    }
    TRY(message_count(c, k.batch, &now)); /* it seems to be over: nothing may have come since */
    if (now.planned || now.in_flight) {
        return OK;
    }
    TRY(message_set_batch(c, k.batch, "closed"));
    return campaign_set_status(c, k.id, "sent");
}

enum err_code campaign_watch(struct call *c)
{
    const struct watch *w = c->job->found;

    for (size_t i = 0; w && i < w->n; i++) {
        TRY(watch_one(c, &w->list[i]));
    }
    return OK;
}
