/* stream.c - the change stream: what the feed says, cut down to what each listener may read.
 *
 * A listener's place in the feed moves only when its bytes were made, and bytes are made only when the
 * last ones are sent: a slow client costs a place in a list and nothing else. */

#include "http/stream.h"

#include "base/log.h"
#include "base/thread.h"
#include "model/access.h"
#include "model/change.h"
#include "model/merge.h"
#include "model/notify.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { TURN = 100, OUT_MAX = 1 << 20 };
static const int64_t heartbeat = SECONDS(15);

struct streams {
    struct api *api;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_t thread;
    struct listener *first;
    int n;
    bool woken, poked, closing, started;
};

struct place { /* of a listener, in its exchange's arena */
    struct body_stream stream;
    int64_t after, model;
    bool reset; /* what it asks for is no longer kept */
};

/* ---- what is sent ---- */

static const char *kind_word(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_CREATE:
        return "create";
    case CHANGE_UPDATE:
        return "update";
    case CHANGE_DELETE:
        return "delete";
    case CHANGE_RESTORE:
        return "restore";
    case CHANGE_PURGE:
        return "purge";
    case CHANGE_ENTER:
        return "enter";
    case CHANGE_LEAVE:
        return "leave";
    }
    return "other";
}

/* A record that is gone can be looked at no more: only who may read all of its kind hears of it. */
static enum err_code may_hear(
    struct call *c, const struct live_entity *e, const struct change *ch, bool *yes)
{
    struct record *r;

    *yes = access_level(c, e, RIGHT_READ) != LEVEL_NONE;
    if (!*yes) {
        return OK;
    }
    if (ch->kind == CHANGE_PURGE) {
        *yes = access_level(c, e, RIGHT_READ) == LEVEL_ALL;
        return OK;
    }
    enum err_code code = record_load(c, e, ch->record, false, &r);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        *yes = access_level(c, e, RIGHT_READ) == LEVEL_ALL;
        return OK;
    }
    TRY(code);
    return access_record(c, r, RIGHT_READ, yes);
}

static enum err_code put_fields(struct call *c, const struct live_entity *e, struct json_writer *w,
    const struct change *ch)
{
    json_t *numbers;

    if (!ch->fields.n) {
        return OK;
    }
    TRY(json_read(c->mem, ch->fields, &numbers, &c->err));
    json_array(w, "fields");
    for (size_t i = 0; i < json_array_size(numbers); i++) {
        int64_t n = json_integer_value(json_array_get(numbers, i));
        const struct live_field *f = entity_field(e, arena_fmt(c->mem, "@%" PRId64, n));
        if (f && !f->def.system && access_field(c, f) != FIELD_HIDDEN) {
            json_text(w, NULL, f->name);
        }
    }
    json_end_array(w);
    return OK;
}

/* Where it went, when it was merged into one that may be seen: who looks at it goes there. */
static enum err_code put_into(struct call *c, const struct live_entity *e, struct json_writer *w, int64_t id)
{
    struct record *survivor;
    int64_t into;
    bool yes = false;

    TRY(merge_target(c, e, id, &into));
    if (!into) {
        return OK;
    }
    enum err_code code = record_load(c, e, into, true, &survivor);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK;
    }
    TRY(code);
    TRY(access_record(c, survivor, RIGHT_READ, &yes));
    if (yes) {
        json_int(w, "into", into);
    }
    return OK;
}

static enum err_code put_change(
    struct call *c, const struct live_entity *e, const struct change *ch, struct buf *out)
{
    struct json_writer w;
    char at[INSTANT_TEXT];

    instant_format(ch->at, at);
    buf_fmt(out, "id: %" PRId64 "\nevent: change\ndata: ", ch->seq);
    json_init(&w, out);
    json_object(&w, NULL);
    json_int(&w, "seq", ch->seq);
    json_text(&w, "entity", e->name);
    json_int(&w, "id", ch->record);
    json_cstr(&w, "kind", kind_word(ch->kind));
    json_int(&w, "change_set", ch->change_set);
    json_cstr(&w, "at", at);
    TRY(put_fields(c, e, &w, ch));
    TRY(ch->kind == CHANGE_DELETE ? put_into(c, e, &w, ch->record) : OK);
    json_end_object(&w);
    buf_lit(out, "\n\n");
    return OK;
}

struct turn {
    struct exchange *x;
    struct place *p;
    struct buf *out;
    bool more;
};

static enum err_code take_turn(struct call *c, void *arg)
{
    struct turn *t = arg;
    struct place *p = t->p;
    struct change *changes;
    int64_t horizon;
    size_t n;

    TRY(api_authenticate(c, t->x)); /* who has signed out, or may no longer, hears no more */
    TRY(feed_horizon(c, &horizon));
    TRY(feed_read(c, p->after, horizon, TURN, &changes, &n));
    int64_t after = p->after;
    for (size_t i = 0; i < n; i++) {
        const struct live_entity *e = model_entity_number(c->model, changes[i].entity);
        bool yes = false;
        after = changes[i].seq;
        if (e && !(e->def.flags & ENTITY_TABLE)) {
            TRY(may_hear(c, e, &changes[i], &yes));
        }
        if (yes) {
            TRY(put_change(c, e, &changes[i], t->out));
        }
    }
    if (c->model->version != p->model) {
        buf_fmt(t->out, "event: meta\ndata: {\"version\":%" PRId64 "}\n\n", c->model->version);
    }
    p->model = c->model->version;
    p->after = after;
    t->more = n == TURN;
    return OK;
}

static enum err_code fill(struct exchange *x, struct buf *out, bool *more)
{
    struct turn t = { .x = x, .p = x->reply.stream->state, .out = out };
    struct call *c = ARENA_NEW(out->mem, struct call); /* the arena gives its model back */

    call_init(c, x->api->org, out->mem, x->call.who, VIA_API);
    c->request = x->id;
    TRY(call_follow(c, take_turn, &t));
    *more = t.more;
    return OK;
}

/* ---- the route ---- */

enum err_code changes_stream(struct call *c, struct exchange *x)
{
    struct place *p = ARENA_NEW(x->mem, struct place);
    struct str last = x->req.headers[H_LAST_EVENT_ID];
    int64_t after, oldest = 0;

    if (!x->api->streams) {
        return fail(c, ERR_INVALID, NULL, "there is no stream here");
    }
    TRY(param_int(c, x, "after", 0, INT64_MAX, -1, &after));
    if (last.n && (!str_to_int(last, &after) || after < 0)) {
        return fail(c, ERR_INVALID, "Last-Event-ID", "Last-Event-ID is the id of an event");
    }
    if (after < 0) {
        TRY(feed_horizon(c, &after));
    } else {
        TRY(db_int(c, &oldest, SQL("SELECT coalesce(min(\"id\"), 0) FROM \"feed\""), VALS()));
        p->reset = oldest > after + 1 && after > 0;
    }
    p->after = after;
    p->model = c->model->version;
    p->stream = (struct body_stream) { fill, p };
    x->reply.stream = &p->stream;
    x->reply.event_stream = true;
    x->reply.type = "text/event-stream";
    buf_lit(&c->body, p->reset ? "event: reset\ndata: {}\n\n" : ": hello\n\n");
    return OK;
}

/* ---- the thread ---- */

/* One listener's turn. It sleeps while this runs: nobody else touches it. True when it has bytes. */
static bool serve(struct listener *l, bool changed, int64_t now)
{
    bool more = true, due = now - l->said >= heartbeat;

    if (!changed && !due && !l->fresh) {
        return false;
    }
    l->fresh = false;
    arena_reset(l->mem);
    buf_init(&l->out, l->mem, OUT_MAX);
    while (more && !l->out.n) {
        more = false;
        enum err_code code = l->x->reply.stream->fill(l->x, &l->out, &more);
        if (code == ERR_BUSY) {
            break;
        }
        if (code != OK || l->out.failed) {
            l->end = true;
            return true;
        }
    }
    if (!l->out.n && due) {
        buf_lit(&l->out, ": still here\n\n");
    }
    if (l->out.n) {
        l->said = now;
    }
    return l->out.n > 0;
}

static void serve_all(struct streams *s, bool changed)
{
    int64_t now = time_monotonic();
    struct listener *l = s->first;

    while (l) {
        struct listener *next = l->next;
        if (l->waiting) {
            pthread_mutex_unlock(&s->lock);
            bool bytes = serve(l, changed, now);
            pthread_mutex_lock(&s->lock);
            next = l->next;
            if (bytes || l->end) {
                l->waiting = false;
                l->ready(l);
            }
        }
        l = next;
    }
}

static void *watch(void *arg)
{
    struct streams *s = arg;
    const struct org *org = s->api->org;
    bool shared = org->db.backend == DB_POSTGRES;
    struct look look;

    look_woken(&look, org);
    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        struct timespec until;
        int64_t now = time_monotonic(), most = now + SECONDS(1); /* for the heartbeat */
        int64_t at = time_now() + ((shared && look.at < most ? look.at : most) - now);
        until.tv_sec = at / 1000000;
        until.tv_nsec = at % 1000000 * 1000;
        while (!s->woken && !s->poked && !s->closing
            && pthread_cond_timedwait(&s->cond, &s->lock, &until) == 0) {
        }
        bool changed = s->woken;
        if (s->woken) {
            look_woken(&look, org);
        } else if (shared && time_monotonic() >= look.at) {
            /* other servers tell when they have written, but a word may be lost */
            changed = true;
            look_idle(&look, org);
        }
        s->woken = false;
        s->poked = false;
        if (!s->closing) {
            serve_all(s, changed);
        }
        if (changed && !s->closing) {
            /* many writes, one look: at most fifty rounds a second */
            pthread_mutex_unlock(&s->lock);
            nanosleep(&(struct timespec) { 0, 20000000 }, NULL);
            pthread_mutex_lock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

struct streams *streams_create(struct arena *mem, struct api *api)
{
    struct streams *s = ARENA_NEW(mem, struct streams);

    s->api = api;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->cond, NULL);
    s->started = thread_start(&s->thread, "kith-stream", watch, s);
    return s;
}

void streams_wake(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    s->woken = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
}

bool streams_add(struct streams *s, struct listener *l)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->n < STREAMS_MAX && !s->closing;
    if (room) {
        l->next = s->first;
        l->before = NULL;
        if (s->first) {
            s->first->before = l;
        }
        s->first = l;
        s->n++;
        l->listed = true;
        l->said = time_monotonic();
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

void streams_wait(struct streams *s, struct listener *l)
{
    pthread_mutex_lock(&s->lock);
    l->waiting = true;
    if (s->closing) {
        l->waiting = false;
        l->end = true;
        l->ready(l);
    } else {
        l->fresh = true; /* something may have come while it was sending */
        s->poked = true;
        pthread_cond_signal(&s->cond);
    }
    pthread_mutex_unlock(&s->lock);
}

void streams_remove(struct streams *s, struct listener *l)
{
    pthread_mutex_lock(&s->lock);
    if (l->listed) {
        if (l->before) {
            l->before->next = l->next;
        } else {
            s->first = l->next;
        }
        if (l->next) {
            l->next->before = l->before;
        }
        s->n--;
        l->listed = false;
    }
    pthread_mutex_unlock(&s->lock);
}

void streams_close(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
    if (s->started) {
        pthread_join(s->thread, NULL);
        s->started = false;
    }
    pthread_mutex_lock(&s->lock);
    for (struct listener *l = s->first; l; l = l->next) {
        if (l->waiting) {
            l->waiting = false;
            l->end = true;
            l->ready(l);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

int streams_count(struct streams *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void streams_destroy(struct streams *s)
{
    if (!s) {
        return;
    }
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->lock);
}
