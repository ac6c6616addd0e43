/* crash_events.c - the intake of events under crashes, from several threads.
 *
 * What was acknowledged is there once, also when the client sends it again; what was not answered is there once or not at
 * all; the counts of days are those of the events. On PostgreSQL the client process dies alone. */

#include "domain.h"
#include "harness.h"

#include "domain/event/event.h"
#include "model/visit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* Guarded by there being one point at a time; the child has a copy. */
static char org_name[40], write_key[64];
static struct config cfg;

static struct org *open_org(struct stage *s)
{
    struct org *o = NULL;
    struct err e = { 0 };

    cfg = (struct config) { .dir = s->dir, .database_url = getenv("KITH_TEST_PG"),
        .arena_max = 256 << 20, .query_budget = 5000000, .quick_budget = 2000, .queue_max = 1000 };
    if (org_open(&o, &cfg, org_name, world_modules, &e) != OK) {
        give_up("the organisation cannot be opened: %s", e.msg);
    }
    return o;
}

static enum err_code make_source(struct call *c, void *arg)
{
    struct record *r = record_of(c, "event_source");
    struct str key;
    json_t *tree;

    (void)arg;
    TRY(json_read(c->mem, STR("{\"name\": \"s\", \"kind\": \"server\"}"), &tree, &c->err));
    TRY(record_fill(c, r, tree));
    TRY(record_create(c, r));
    TRY(db_text(c, &key, SQL("SELECT \"key\" FROM \"event_sources\" WHERE \"id\" = $1"), VALS(V(r->id))));
    snprintf(write_key, sizeof write_key, "%.*s", STR_ARG(key));
    return OK;
}

static enum err_code in_call(struct org *o, bool write, call_fn *fn, void *arg, struct err *e)
{
    struct arena *mem = arena_create((size_t)cfg.arena_max);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_API);
    enum err_code code = write ? call_write(&c, fn, arg) : call_read(&c, fn, arg);
    *e = c.err;
    arena_destroy(mem);
    return code;
}

static void prepare(struct stage *s)
{
    static int next;
    struct err e;
    char path[300];

    snprintf(org_name, sizeof org_name, "crash_%d_%d", (int)getpid(), next++);
    snprintf(path, sizeof path, "%s/orgs", s->dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/orgs/%s", s->dir, org_name);
    mkdir(path, 0700);
    struct org *o = open_org(s);
    if (in_call(o, true, make_source, NULL, &e) != OK) {
        give_up("no source: %s", e.msg);
    }
    org_close(o);
}

static void clear(struct stage *s)
{
    struct conn *db;
    struct err e;
    char text[100];

    if (getenv("KITH_TEST_PG")) {
        struct org *o = open_org(s);
        snprintf(text, sizeof text, "DROP SCHEMA \"kith_%s\" CASCADE", org_name);
        if (org_take_writer(o, &db, &e) != OK || conn_script(db, text, &e) != OK) {
            give_up("%s: %s", text, e.msg);
        }
        org_give_writer(o, db);
        org_close(o);
    }
}

static void open_child(struct stage *s)
{
    if (s->vfs) {
        sqlite3_vfs_register(sqlite3_vfs_find(s->vfs), 1); /* the organisation asks for the default */
    }
    s->world = open_org(s);
}

/* ---- calls ---- */

static bool no_limit(void *arg, struct str client, int64_t per_minute, int64_t n)
{
    (void)arg, (void)client, (void)per_minute, (void)n;
    return true;
}

static enum err_code send(struct call *c, void *arg)
{
    struct visit v = { .within = no_limit };
    json_t *input;

    TRY(json_read(c->mem, str_of(arg), &input, &c->err));
    v.input = input;
    for (const struct intake *i = event_module.intakes; i->name; i++) {
        if (strcmp(i->name, "track") == 0) {
            return i->take(c, &v);
        }
    }
    return ERR_NOT_FOUND;
}

/* A new event, or, one time in four, the one before once more, as after an answer that was lost. */
static void one_call(struct client *cl)
{
    bool again = cl->own[0] && rng_below(&cl->r, 4) == 0;
    int64_t fresh = ((cl->stage->point + 1) * 100 + cl->number) * 10000000LL + cl->calls + 1;
    int64_t key = again ? cl->own[0] : fresh;
    struct report r = { .what = REPORT_TRY, .op = 1, .key = key, .a = key, .b = 1 };
    struct err e;
    char json[400];

    snprintf(json, sizeof json,
        "{\"writeKey\": \"%s\", \"anonymousId\": \"v%" PRIu64 "\", \"event\": \"crash %" PRIu64 "\", \"messageId\": \"%" PRId64
        "\", \"properties\": {\"title\": \"%" PRId64 "\", \"url\": \"/\"}}",
        write_key, rng_below(&cl->r, 20), rng_below(&cl->r, 3), key, key);
    client_report(cl, &r);
    enum err_code code = in_call(cl->stage->world, true, send, json, &e);
    r.what = code == OK ? REPORT_DONE : REPORT_REFUSED;
    client_report(cl, &r);
    if (code != OK && code != ERR_BUSY) {
        client_trouble(cl, "an event was answered %s %s", err_name(code), e.msg);
    }
    cl->own[0] = code == OK ? key : cl->own[0];
}

/* ---- looking at what is left ---- */

static enum err_code look(struct call *c, void *arg)
{
    struct stage *s = arg;
    size_t n;
    struct fate *fates = fates_of(s, &n);
    int64_t wrong;

    for (size_t i = 0; i < n; i++) {
        int64_t found;
        char title[32];
        if (!fates[i].used) {
            continue;
        }
        snprintf(title, sizeof title, "%" PRId64, fates[i].key);
        TRY(db_int(c, &found, SQL("SELECT count(*) FROM \"events\" WHERE \"title\" = $1"), VALS(V(title))));
        if (!fate_allows(&fates[i], found)) {
            finding(s, "event %s is there %" PRId64 " times, acknowledged %" PRId64, title, found, fates[i].value);
        }
    }
    TRY(db_int(c, &wrong,
        SQL("SELECT count(*) FROM (SELECT \"person\", \"name\", \"at\" / 86400000000 AS day, count(*) AS n FROM \"events\""
            " GROUP BY 1, 2, 3) e FULL JOIN \"event_days\" d ON d.\"person\" = e.\"person\" AND d.\"name\" = e.\"name\" AND"
            " d.\"day\" = e.day WHERE e.n IS NULL OR d.\"n\" IS NULL OR e.n <> d.\"n\""),
        VALS()));
    if (wrong) {
        finding(s, "%" PRId64 " days are counted wrongly", wrong);
    }
    return OK;
}

static void check(struct stage *s)
{
    struct org *o = open_org(s);
    struct err e;

    if (in_call(o, false, look, s, &e) != OK) {
        finding(s, "the database cannot be read: %s", e.msg);
    }
    org_close(o);
}

static const struct workload on_sqlite[] = {
    { .name = "events", .clients = 4, .points = 10, .power = true, .prepare = prepare, .open = open_child,
        .call = one_call, .check = check, .clear = clear },
    { 0 },
};

static const struct workload on_postgres[] = {
    { .name = "events on PostgreSQL", .clients = 4, .points = 10, .prepare = prepare, .open = open_child,
        .call = one_call, .check = check, .clear = clear },
    { 0 },
};

int main(int argc, char **argv)
{
    return crash_main(argc, argv, world_is_postgres() ? on_postgres : on_sqlite);
}
