/* undo_job.c - takes back a change set of any size, some of it at a time.
 *
 * What is in the way of a step is told, and the step left; the others go on, because one person who has
 * booked since must not keep a whole import in place. The change set then does not count as undone, and
 * undoing it again, once the way is free, takes back what was left. */

#include "model/job.h"
#include "model/undo_steps.h"

#include <inttypes.h>
#include <string.h>

enum { CHUNK = 1000, ERRORS_KEPT = 100 };

struct undoing {
    struct job_work *w;
    int64_t set, undo_of, total;
    int64_t before; /* the sequence number from which all is done */
    int64_t done, left;
    struct buf errors;
    size_t nerrors;
    /* of one transaction, which may run twice */
    int64_t reached, taken;
    struct str told;
    size_t ntold;
    bool over;
};

static enum err_code begin(struct call *c, void *arg)
{
    struct undoing *u = arg;

    TRY(undo_may(c, u->set, &u->undo_of));
    return db_int(c, &u->total,
        SQL("SELECT count(*) FROM \"feed\" WHERE \"change_set\" = $1"), VALS(V(u->set)));
}

struct one {
    const struct undo_step *s;
    int64_t set;
};

static enum err_code take_back(struct call *c, void *arg)
{
    struct one *one = arg;

    return undo_step(c, one->s, one->set);
}

/* A second run finds what the first one took back: gone again, or back again. */
static bool was_taken_back(struct call *c, const struct undo_step *s, enum err_code code)
{
    const struct live_entity *e = model_entity_number(c->model, s->entity);
    struct record *r;

    if (code == ERR_NOT_FOUND && s->kind == CHANGE_CREATE) {
        return true;
    }
    if (code != ERR_CONFLICT || s->kind != CHANGE_PURGE || !e) {
        return false;
    }
    struct err kept = c->err;
    err_clear(&c->err);
    bool there = record_load(c, e, s->record, false, &r) == OK;
    c->err = kept;
    return there;
}

static void tell(struct call *c, struct json_writer *w, const struct undo_step *s)
{
    const struct live_entity *e = model_entity_number(c->model, s->entity);

    json_object(w, NULL);
    if (e) {
        json_text(w, "entity", e->name);
    } else {
        json_none(w, "entity");
    }
    json_int(w, "id", s->record);
    json_cstr(w, "message", c->err.msg);
    json_end_object(w);
}

static enum err_code some(struct call *c, void *arg)
{
    struct undoing *u = arg;
    struct undo_step *steps;
    struct json_writer w;
    struct buf b;
    size_t n, i = 0;

    u->taken = 0;
    u->ntold = 0;
    c->undo_of = u->set;
    c->change_kind = "undo";
    buf_init(&b, c->mem, 4 << 20);
    json_init(&w, &b);
    TRY(undo_steps(c, u->set, u->before, CHUNK, &steps, &n));
    rollups_hold(c);
    for (; i < n && !call_has_taken_enough(c); i++) {
        enum err_code code = call_nested(c, take_back, &(struct one) { &steps[i], u->set });
        u->reached = steps[i].seq;
        if (code == OK || was_taken_back(c, &steps[i], code)) {
            u->taken++;
        } else if (err_from_input(code) && conn_in_tx(c->db)) {
            tell(c, &w, &steps[i]);
            u->ntold++;
        } else {
            return code;
        }
        err_clear(&c->err);
        c->errors = NULL;
    }
    TRY(rollups_release(c));
    u->over = n < CHUNK && i == n;
    u->told = arena_str(u->w->mem, buf_str(&b));
    return buf_status(&b, &c->err);
}

static enum err_code finish(struct call *c, void *arg)
{
    struct undoing *u = arg;

    return u->left ? OK : undo_done(c, u->set, u->undo_of);
}

static void put_result(struct undoing *u)
{
    struct json_writer w;
    struct buf b;

    buf_init(&b, u->w->mem, 1 << 20);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_int(&w, "undone", u->done);
    json_int(&w, "left", u->left);
    json_array(&w, "errors");
    buf_add(&b, buf_str(&u->errors));
    json_end_array(&w);
    json_end_object(&w);
    u->w->result = buf_str(&b);
}

enum err_code undo_work(struct job_work *w)
{
    struct undoing u = { .w = w,
        .set = json_integer_value(json_object_get(w->input, "change_set")) };

    TRY(job_work_read(w, begin, &u));
    buf_init(&u.errors, w->mem, 1 << 20);
    w->total = u.total;
    while (!u.over) {
        w->done = u.done + u.left;
        TRY(job_work_write(w, some, &u));
        u.before = u.reached;
        u.done += u.taken;
        u.left += (int64_t)u.ntold;
        if (u.ntold && u.nerrors + u.ntold <= ERRORS_KEPT + CHUNK) {
            buf_lit(&u.errors, u.errors.n ? "," : "");
            buf_add(&u.errors, u.told);
            u.nerrors += u.ntold;
        }
    }
    put_result(&u);
    w->done = u.done + u.left;
    return job_work_end(w, finish, &u);
}
