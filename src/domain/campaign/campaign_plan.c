/* campaign_plan.c - who gets it: frozen when it starts, or one by one as people enter a segment. */

#include "domain/campaign/campaign_steps.h"

#include "model/query.h"

#include <inttypes.h>

enum { PAGE = 1000, RUNNING = 200, ENOUGH = 200, REFUSED_PERCENT = 20 };
#define LATE_MOST HOURS(2)

/* ---- at once ---- */

/* What a page changes is taken over once it is committed: a writing call may run twice. */
struct planning {
    struct job_work *w;
    int64_t id, after, planned;
    bool over;
    int64_t page_end, page_n;
    bool page_over;
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
    if (!k.batch && k.scheduled_at && c->now - k.scheduled_at > LATE_MOST) {
        p->page_over = true;
        return tell(c, k.id, "it should have gone out more than two hours ago", "late");
    }
    TRY(campaign_open(c, &k));
    return str_is(k.status, "scheduled") ? campaign_set_status(c, k.id, "sending") : OK;
}

static enum err_code plan_page(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    struct campaign k;
    int64_t *ids;
    size_t n;
    bool made;

    TRY(campaign_load(c, p->id, &k));
    p->page_end = p->after;
    p->page_n = 0;
    p->page_over = !str_is(k.status, "sending") && !str_is(k.status, "paused");
    if (p->page_over) {
        return OK;
    }
    TRY(campaign_audience(c, &k, &q.where));
    TRY(query_ids(c, &q, p->after, 0, PAGE, &ids, &n));
    for (size_t i = 0; i < n; i++) {
        TRY(message_plan(c, &(struct message_order) { .batch = k.batch, .contact = ids[i],
                                .held_out = campaign_holds_out(&k, ids[i]) }, &made));
    }
    p->page_end = n ? ids[n - 1] : p->after;
    p->page_n = (int64_t)n;
    p->page_over = n < PAGE;
    return message_wake(c, k.batch, 0);
}

static enum err_code finish(struct call *c, void *arg)
{
    struct planning *p = arg;
    struct record *r = record_of(c, "campaign");

    if (!p->planned && p->after == 0) {
        struct campaign k;
        TRY(campaign_load(c, p->id, &k));
        return k.batch ? tell(c, p->id, "nobody is in its audience", "sent") : OK;
    }
    r->id = p->id;
    r->trusted = r->quiet = true;
    record_set(c, r, "audience", V(p->planned));
    return record_update(c, r);
}

static enum err_code give_up(struct call *c, void *arg)
{
    struct planning *p = arg;

    return tell(c, p->id, arena_cstr(c->mem, str_sub(str_of(p->w->err.msg), 0, 390)), "paused");
}

static enum err_code plan(struct planning *p)
{
    TRY(job_work_write(p->w, begin, p));
    p->over = p->page_over;
    while (!p->over) {
        p->w->done = p->planned;
        TRY(job_work_write(p->w, plan_page, p));
        p->after = p->page_end;
        p->planned += p->page_n;
        p->over = p->page_over;
    }
    return job_work_end(p->w, finish, p);
}

enum err_code campaign_plan_work(struct job_work *w)
{
    struct planning p = { .w = w, .id = json_integer_value(json_object_get(w->input, "campaign")) };
    enum err_code code = plan(&p);

    if (code == OK || w->cancelled || code == ERR_NOT_FOUND || !err_from_input(code)) {
        return code;
    }
    struct err e = w->err;
    TRY(job_work_as_system(w, give_up, &p));
    w->err = e;
    return code;
}

/* ---- one by one ---- */

static enum err_code running(struct call *c, struct campaign *out, size_t *n)
{
    int64_t ids[RUNNING], status = model_choice(c->model, "campaign", "status", STR("running"));
    struct rows rows;
    size_t found = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"campaigns\" WHERE \"status\" = $1 AND \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 200"),
        VALS(V(status))));
    while (found < RUNNING && rows_next(&rows)) {
        ids[found++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < found; i++) {
        TRY(campaign_load(c, ids[i], &out[i]));
    }
    *n = found;
    return OK;
}

/* Of those who enter: is he one of the audience, and not left out? */
static enum err_code is_meant(struct call *c, const struct campaign *k, int64_t person, bool *yes)
{
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    struct str where;
    int64_t *ids;
    size_t n;

    TRY(campaign_audience(c, k, &where));
    q.where = arena_fmt(c->mem, "id = %" PRId64 "%s%.*s%s", person, where.n ? " and (" : "", STR_ARG(where), where.n ? ")" : "");
    TRY(query_ids(c, &q, person - 1, person, 1, &ids, &n));
    *yes = n == 1;
    return OK;
}

enum err_code campaigns_consume(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *segment = model_entity(c->model, STR("segment"));
    struct campaign *all = ARENA_ARRAY(c->mem, struct campaign, RUNNING);
    size_t nall = 0;
    bool loaded = false, made, yes;

    for (size_t i = 0; segment && i < n; i++) {
        const struct change *ch = &changes[i];
        if (ch->kind != CHANGE_ENTER || ch->entity != segment->number || !ch->person) {
            continue;
        }
        TRY(loaded ? OK : running(c, all, &nall));
        loaded = true;
        for (size_t k = 0; k < nall; k++) {
            if (all[k].segment != ch->record || ch->at < all[k].started_at) {
                continue;
            }
            enum err_code code = all[k].stopped ? ERR_INVALID : is_meant(c, &all[k], ch->person, &yes);
            if (code != OK && !all[k].stopped && err_from_input(code)) {
                /* its condition cannot be read any more: it waits, and the others go on */
                const char *why = arena_fmt(c->mem, "%.380s", c->err.msg).p;
                err_clear(&c->err);
                all[k].stopped = true;
                TRY(message_set_batch(c, all[k].batch, "paused"));
                TRY(tell(c, all[k].id, why, "paused"));
            } else if (code != OK && !all[k].stopped) {
                return code;
            }
            if (code != OK || !yes) {
                continue;
            }
            int64_t due = ch->at + all[k].delay;
            TRY(message_plan(c, &(struct message_order) { .batch = all[k].batch, .contact = ch->person,
                                    .occasion = all[k].again ? ch->seq : 0, .due = due,
                                    .held_out = campaign_holds_out(&all[k], ch->person) }, &made));
            TRY(made ? message_wake(c, all[k].batch, due) : OK);
        }
    }
    return OK;
}

/* ---- the end ---- */

static enum err_code watch_one(struct call *c, int64_t id)
{
    struct batch_counts n;
    struct campaign k;

    TRY(campaign_load(c, id, &k));
    if (!k.batch) {
        return OK;
    }
    TRY(message_count(c, k.batch, &n));
    int64_t tried = n.accepted + n.refused + n.bounced;
    if (tried >= ENOUGH && n.refused * 100 > tried * REFUSED_PERCENT) {
        TRY(message_set_batch(c, k.batch, "paused"));
        return tell(c, id, "too many are refused by the mail server", "paused");
    }
    bool triggered = str_is(k.kind, "triggered"), planned;
    int64_t job;
    TRY(db_find(c, &job, &planned, SQL("SELECT \"id\" FROM \"jobs\" WHERE \"key\" = $1"),
        VALS(V(arena_fmt(c->mem, "campaign_plan:%" PRId64, id)))));
    if (triggered || planned || n.planned || n.in_flight) {
        return OK;
    }
    TRY(message_set_batch(c, k.batch, "closed"));
    return campaign_set_status(c, id, "sent");
}

enum err_code campaign_watch(struct call *c)
{
    int64_t sending = model_choice(c->model, "campaign", "status", STR("sending")), ids[RUNNING];
    int64_t going = model_choice(c->model, "campaign", "status", STR("running"));
    struct rows rows;
    size_t n = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"campaigns\" WHERE \"status\" IN ($1, $2) AND \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 200"),
        VALS(V(sending), V(going))));
    while (n < RUNNING && rows_next(&rows)) {
        ids[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        TRY(watch_one(c, ids[i]));
    }
    return OK;
}
