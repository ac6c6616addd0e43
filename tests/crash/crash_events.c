/* crash_events.c - the intake of events under crashes, from several threads.
 *
 * What was acknowledged is there once, also when the client sends it again; what was not answered is there once or not at
 * all; the counts of days are those of the events. On PostgreSQL the client process dies alone. */

#include "crash_org.h"

#include "domain/event/event.h"
#include "model/visit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char write_key[64]; /* guarded by there being one point at a time; the child has a copy */

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

static void prepare(struct stage *s)
{
    struct err e;

    crash_org_prepare(s);
    struct org *o = crash_org(s);
    if (crash_call(o, true, make_source, NULL, &e) != OK) {
        give_up("no source: %s", e.msg);
    }
    org_close(o);
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
    enum err_code code = crash_call(cl->stage->world, true, send, json, &e);
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
    struct org *o = crash_org(s);
    struct err e;

    if (crash_call(o, false, look, s, &e) != OK) {
        finding(s, "the database cannot be read: %s", e.msg);
    }
    org_close(o);
}

static const struct workload on_sqlite[] = {
    { .name = "events", .clients = 4, .points = 10, .power = true, .prepare = prepare, .open = crash_org_open,
        .call = one_call, .check = check, .clear = crash_org_clear },
    { 0 },
};

static const struct workload on_postgres[] = {
    { .name = "events on PostgreSQL", .clients = 4, .points = 10, .prepare = prepare, .open = crash_org_open,
        .call = one_call, .check = check, .clear = crash_org_clear },
    { 0 },
};

int main(int argc, char **argv)
{
    return crash_main(argc, argv, world_is_postgres() ? on_postgres : on_sqlite);
}
