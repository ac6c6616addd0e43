/* domain.c - opens worlds and runs calls in them. */

#include "domain.h"

#include "base/rand.h"
#include "domain/activity/activity.h"
#include "domain/campaign/campaign.h"
#include "domain/company/company.h"
#include "domain/consent/consent.h"
#include "domain/contact/contact.h"
#include "domain/dashboard/dashboard.h"
#include "domain/demo/demo.h"
#include "domain/event/event.h"
#include "domain/message/message.h"
#include "domain/order/order.h"
#include "domain/quality/quality.h"
#include "domain/segment/segment.h"
#include "model/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct module *const world_modules[]
    = { &system_module, &company_module, &contact_module, &activity_module, &order_module,
          &quality_module, &segment_module, &event_module, &consent_module, &message_module, &campaign_module, &dashboard_module, &demo_module, NULL };

bool world_is_postgres(void)
{
    return getenv("KITH_TEST_PG") != NULL;
}

static void must(struct world *w, enum err_code code)
{
    if (code != OK) {
        print_error("%s: %s (%s)\n", err_name(code), w->err.msg, w->err.field);
    }
    assert_int_equal(code, OK);
}

int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char path[200];
    uint64_t token;

    if (getenv("KITH_TEST_TWICE")) {
        writer_twice_each(true);
    }
    rand_bytes(&token, sizeof token);
    snprintf(w->dir, sizeof w->dir, "/tmp/kith-domain-XXXXXX");
    if (!w || !mkdtemp(w->dir)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/orgs", w->dir);
    mkdir(path, 0700);
    snprintf(w->schema, sizeof w->schema, "t%08x", (unsigned)token);
    snprintf(path, sizeof path, "%s/orgs/%s", w->dir, w->schema);
    mkdir(path, 0700);
    w->cfg = (struct config) { .dir = w->dir, .database_url = getenv("KITH_TEST_PG"),
        .arena_max = 256 << 20, .query_budget = 5000000, .quick_budget = 2000, .queue_max = 1000 };
    w->mem = arena_create(0);
    must(w, org_open(&w->org, &w->cfg, w->schema, world_modules, &w->err));
    w->org->test_now = 1767225600000000; /* 2026-01-01T00:00:00Z */
    *state = w;
    return 0;
}

struct world *world_once(void)
{
    static void *state; /* guarded by there being one thread */

    if (!state && world_open(&state) != 0) {
        abort();
    }
    return state;
}

int world_close(void **state)
{
    struct world *w = *state;
    char command[200];

    if (getenv("KITH_KEEP")) {
        print_message("kept in %s\n", w->dir);
        return 0;
    }

    if (w->cfg.database_url) {
        struct conn *db;
        if (org_take_writer(w->org, &db, &w->err) == OK) {
            snprintf(command, sizeof command, "DROP SCHEMA \"kith_%s\" CASCADE", w->schema);
            (void)!conn_script(db, command, &w->err);
            org_give_writer(w->org, db);
        }
    }
    org_close(w->org);
    arena_destroy(w->mem);
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    int status = system(command);
    free(w);
    return status;
}

struct step {
    struct world *w;
    step_fn *fn;
    void *arg;
};

static enum err_code as_user(struct call *c, void *arg)
{
    struct step *s = arg;

    if (s->w->user) {
        TRY(user_load(c, s->w->user, &c->who));
    }
    return s->fn(c, s->arg);
}

static enum err_code run(struct world *w, enum tx tx, step_fn *fn, void *arg)
{
    struct arena *mem = arena_create((size_t)w->cfg.arena_max);
    struct call c;
    struct step s = { w, fn, arg };

    call_init(&c, w->org, mem, user_system(), VIA_API);
    enum err_code code = tx == TX_WRITE ? call_write(&c, as_user, &s) : call_read(&c, as_user, &s);
    w->err = c.err;
    w->body = arena_str(w->mem, buf_str(&c.body));
    arena_destroy(mem);
    return code;
}

void writes(struct world *w, step_fn *fn, void *arg)
{
    must(w, run(w, TX_WRITE, fn, arg));
}

void reads(struct world *w, step_fn *fn, void *arg)
{
    must(w, run(w, TX_READ, fn, arg));
}

enum err_code write_fails(struct world *w, step_fn *fn, void *arg)
{
    enum err_code code = run(w, TX_WRITE, fn, arg);

    assert_int_not_equal(code, OK);
    return code;
}

enum err_code read_any(struct world *w, step_fn *fn, void *arg)
{
    return run(w, TX_READ, fn, arg);
}

enum err_code read_fails(struct world *w, step_fn *fn, void *arg)
{
    enum err_code code = run(w, TX_READ, fn, arg);

    assert_int_not_equal(code, OK);
    return code;
}

struct edit {
    const char *entity, *json;
    int64_t id;   /* 0: a new one */
    int64_t made; /* may be made twice, the first undone */
};

static enum err_code do_edit(struct call *c, void *arg)
{
    struct edit *e = arg;
    struct record *r = record_of(c, e->entity);
    json_t *tree;

    TRY(json_read(c->mem, str_of(e->json), &tree, &c->err));
    TRY(record_fill(c, r, tree));
    r->id = e->id;
    if (e->id) {
        return record_update(c, r);
    }
    TRY(record_create(c, r));
    e->made = r->id;
    return OK;
}

int64_t make(struct world *w, const char *entity, const char *json)
{
    struct edit e = { .entity = entity, .json = json };

    writes(w, do_edit, &e);
    return e.made;
}

void change(struct world *w, const char *entity, int64_t id, const char *json)
{
    struct edit e = { .entity = entity, .json = json, .id = id };

    writes(w, do_edit, &e);
}

enum err_code make_fails(struct world *w, const char *entity, const char *json)
{
    struct edit e = { .entity = entity, .json = json };

    return write_fails(w, do_edit, &e);
}

enum err_code change_fails(struct world *w, const char *entity, int64_t id, const char *json)
{
    struct edit e = { .entity = entity, .json = json, .id = id };

    return write_fails(w, do_edit, &e);
}

static enum err_code do_bin(struct call *c, void *arg)
{
    struct edit *e = arg;

    return record_delete(c, model_entity(c->model, str_of(e->entity)), e->id, 0);
}

void bin(struct world *w, const char *entity, int64_t id)
{
    struct edit e = { entity, NULL, id };

    writes(w, do_bin, &e);
}

struct ask {
    const char *entity, *where, *sort, *fields, *measure, *group;
    int64_t id;
};

static struct str or_empty(const char *s)
{
    return str_of(s ? s : "");
}

static enum err_code do_list(struct call *c, void *arg)
{
    struct ask *a = arg;
    struct list_request q = { .e = model_entity(c->model, str_of(a->entity)),
        .where = or_empty(a->where), .sort = or_empty(a->sort), .limit = 200 };

    return query_list(c, &q);
}

const char *list(struct world *w, const char *entity, const char *where, const char *sort)
{
    struct ask a = { .entity = entity, .where = where, .sort = sort };

    reads(w, do_list, &a);
    return w->body.p;
}

static enum err_code do_get(struct call *c, void *arg)
{
    struct ask *a = arg;

    return query_get(c, model_entity(c->model, str_of(a->entity)), a->id, or_empty(a->fields),
        (struct str) { "", 0 });
}

const char *get(struct world *w, const char *entity, int64_t id, const char *fields)
{
    struct ask a = { .entity = entity, .id = id, .fields = fields };

    reads(w, do_get, &a);
    return w->body.p;
}

static enum err_code do_aggregate(struct call *c, void *arg)
{
    struct ask *a = arg;
    struct aggregate_request q = { .e = model_entity(c->model, str_of(a->entity)),
        .where = or_empty(a->where), .measure = or_empty(a->measure), .group = or_empty(a->group) };

    return query_aggregate(c, &q);
}

const char *aggregate(struct world *w, const char *entity, const char *where, const char *measure,
    const char *group)
{
    struct ask a = { .entity = entity, .where = where, .measure = measure, .group = group };

    reads(w, do_aggregate, &a);
    return w->body.p;
}

int64_t count(struct world *w, const char *entity, const char *where)
{
    struct err e;
    json_t *tree;

    aggregate(w, entity, where, "count() as n", NULL);
    must(w, json_read(w->mem, w->body, &tree, &e));
    return json_integer_value(json_object_get(json_array_get(json_object_get(tree, "rows"), 0), "n"));
}

static enum err_code do_last(struct call *c, void *arg)
{
    return db_int(c, arg, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"change_sets\""), VALS());
}

int64_t last_change_set(struct world *w)
{
    int64_t id;

    reads(w, do_last, &id);
    return id;
}

static enum err_code do_undo(struct call *c, void *arg)
{
    return undo_change_set(c, *(int64_t *)arg, &(int64_t) { 0 });
}

void undo(struct world *w, int64_t change_set)
{
    writes(w, do_undo, &change_set);
}

enum err_code undo_fails(struct world *w, int64_t change_set)
{
    return write_fails(w, do_undo, &change_set);
}
