/* crash_records.c - the record engine under crashes: contacts and companies with parts, tags and
 * roll-ups, from several threads.
 *
 * What was acknowledged is there by id and version, with exactly one row in the feed; whatever else
 * there is hangs together as check_all() sees it. On PostgreSQL the client process dies alone. */

#include "crash_org.h"

#include "base/time.h"
#include "model/check.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { OWN = 24, SHARED = 32, POINTS_EACH = 10 };

static const char *const entities[] = { "contact", "company" };

/* That contacts may refer to. Guarded by there being one point at a time; the child has a copy. */
static _Atomic int64_t companies[SHARED];

/* ---- calls ---- */

enum op { CREATE = 1, UPDATE, DELETE, RESTORE };

struct edit {
    enum op op;
    int entity; /* of entities */
    const char *json;
    int64_t id, version, change_set;
};

static enum err_code run_edit(struct call *c, void *arg)
{
    struct edit *e = arg;
    const struct live_entity *le = model_entity(c->model, str_of(entities[e->entity]));
    struct record *r = record_new(c, le);
    json_t *tree;

    if (e->op == DELETE) {
        TRY(record_delete(c, le, e->id, e->version));
    } else if (e->op == RESTORE) {
        TRY(record_restore(c, le, e->id));
    } else {
        TRY(json_read(c->mem, str_of(e->json), &tree, &c->err));
        TRY(record_fill(c, r, tree));
        r->id = e->op == UPDATE ? e->id : 0;
        r->version = e->op == UPDATE ? e->version : 0;
        TRY(e->op == UPDATE ? record_update(c, r) : record_create(c, r));
        e->id = r->id;
    }
    e->change_set = c->change_set;
    return OK;
}

static int64_t some_company(struct client *cl)
{
    return companies[rng_below(&cl->r, SHARED)];
}

static void contact_json(struct client *cl, int64_t key, int64_t version, char *out, size_t room)
{
    int64_t company = some_company(cl);
    uint64_t tag = rng_below(&cl->r, 8);
    int n = snprintf(out, room,
        "{\"first_name\": \"Person %" PRId64 "\", \"last_name\": \"Version %" PRId64 "\"", key,
        version);

    if (rng_below(&cl->r, 3)) {
        n += snprintf(out + n, room - (size_t)n,
            ", \"emails\": [{\"address\": \"p%" PRId64 ".%" PRIu64 "@example.org\", \"primary\": true},"
            " {\"address\": \"other%" PRId64 "@example.org\"}]",
            key, rng_below(&cl->r, 5), key);
    }
    if (rng_below(&cl->r, 2)) {
        n += snprintf(out + n, room - (size_t)n,
            ", \"tags\": [\"tag %" PRIu64 "\", \"tag %" PRIu64 "\"]", tag, tag + 1);
    }
    if (company) {
        n += snprintf(out + n, room - (size_t)n, ", \"company\": %" PRId64, company);
    }
    snprintf(out + n, room - (size_t)n, "}");
}

/* Some ask for a code that a company may have already. */
static void company_json(struct client *cl, int64_t key, int64_t version, char *out, size_t room)
{
    int64_t parent = rng_below(&cl->r, 4) ? 0 : some_company(cl);
    int n = snprintf(out, room, "{\"name\": \"Company %" PRId64 " version %" PRId64 "\"", key, version);

    if (rng_below(&cl->r, 5) == 0) {
        n += snprintf(out + n, room - (size_t)n, ", \"customer_code\": \"C%" PRIu64 "\"",
            rng_below(&cl->r, 4));
    }
    if (version == 1 && parent) {
        n += snprintf(out + n, room - (size_t)n, ", \"parent\": %" PRId64, parent);
    }
    snprintf(out + n, room - (size_t)n, "}");
}

/* Business as usual: a code taken, a reference to what went meanwhile, waiting for each other. */
static bool is_refusal(enum err_code code)
{
    return code == ERR_INVALID || code == ERR_CONFLICT || code == ERR_NOT_FOUND || code == ERR_BUSY;
}

/* value: the version it will have, negative in the bin. */
static bool submit(struct client *cl, struct edit *e, int64_t key, int64_t value)
{
    struct report r = { .what = REPORT_TRY, .op = e->op, .key = key, .a = e->id, .b = value };
    struct err err;

    client_report(cl, &r);
    enum err_code code = crash_call(cl->stage->world, true, run_edit, e, &err);
    r.what = code == OK ? REPORT_DONE : REPORT_REFUSED;
    r.op = e->op + e->change_set * 16 + e->entity * 8;
    r.a = e->id;
    client_report(cl, &r);
    if (code != OK && !is_refusal(code)) {
        client_trouble(cl, "%s of a %s answered %s %s (%s)",
            e->op == CREATE ? "create" : e->op == UPDATE ? "update" : "delete or restore",
            entities[e->entity], err_name(code), err.msg, err.field);
    }
    return code == OK;
}

/* Even keys are contacts, odd ones companies. */
static void one_call(struct client *cl)
{
    size_t slot = rng_below(&cl->r, OWN);
    bool company = slot % 4 == 0;
    int64_t fresh = ((cl->stage->point + 1) * 100 + cl->number) * 10000000LL + cl->calls * 2 + company;
    int64_t key = cl->own[slot] ? cl->own[slot] : fresh, was = cl->value[slot];
    struct edit e = { .entity = company, .id = cl->ids[slot] };
    int64_t value = was + 1;
    char json[1000];

    if (!cl->own[slot]) {
        e.op = CREATE;
        value = 1;
    } else if (was < 0) {
        e.op = RESTORE;
        value = -was + 1;
        if (rng_below(&cl->r, 2)) {
            cl->own[slot] = 0; /* stays in the bin */
            return;
        }
    } else {
        e.op = rng_below(&cl->r, 4) ? UPDATE : DELETE;
        value = e.op == DELETE ? -was - 1 : was + 1;
        e.version = was;
    }
    (company ? company_json : contact_json)(cl, key, value, json, sizeof json);
    e.json = json;
    if (submit(cl, &e, key, value)) {
        cl->own[slot] = key;
        cl->value[slot] = value;
        cl->ids[slot] = e.id;
        if (company && value == 1) {
            companies[rng_below(&cl->r, SHARED)] = e.id;
        }
    }
}

/* ---- looking at what is left ---- */

struct looking {
    struct stage *s;
    struct fate *fates;
    size_t n;
    int64_t change_sets; /* newest one */
};

static void must_be_none(struct stage *s, const char *what, int64_t n)
{
    if (n) {
        finding(s, "%" PRId64 " %s", n, what);
    }
}

static enum err_code look_at_fates(struct call *c, struct looking *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct fate *f = &l->fates[i];
        int64_t version = 0;
        bool found;
        if (!f->used || !f->id) {
            continue;
        }
        if (f->key % 2) {
            TRY(db_find(c, &version, &found,
                SQL("SELECT CASE WHEN \"deleted_at\" IS NULL THEN \"version\" ELSE -\"version\" END"
                    " FROM \"companies\" WHERE \"id\" = $1"),
                VALS(V(f->id))));
        } else {
            TRY(db_find(c, &version, &found,
                SQL("SELECT CASE WHEN \"deleted_at\" IS NULL THEN \"version\" ELSE -\"version\" END"
                    " FROM \"contacts\" WHERE \"id\" = $1"),
                VALS(V(f->id))));
        }
        if (!fate_allows(f, version)) {
            finding(l->s, "%s %" PRId64 " has version %" PRId64 ", acknowledged was %" PRId64,
                entities[f->key % 2], f->id, version, f->value);
        }
    }
    return OK;
}

/* Every acknowledged change has one row in the feed. */
static enum err_code look_at_feed(struct call *c, struct looking *l)
{
    static const char *const kinds[] = { "", "c", "u", "d", "r" };
    int64_t done = 0, open = 0, made;

    for (size_t i = 0; i < l->s->nreports; i++) {
        const struct report *r = &l->s->reports[i];
        const struct live_entity *e = model_entity(c->model, str_of(entities[r->op / 8 % 2]));
        int64_t n;
        if (r->what != REPORT_DONE) {
            continue;
        }
        done++;
        TRY(db_int(c, &n,
            SQL("SELECT count(*) FROM \"feed\" WHERE \"change_set\" = $1 AND \"entity\" = $2 AND"
                " \"record\" = $3 AND \"kind\" = $4"),
            VALS(V(r->op / 16), V(e->number), V(r->a), V(kinds[r->op % 8]))));
        if (n != 1) {
            finding(l->s, "change set %" PRId64 " has %" PRId64 " rows in the feed for %s %" PRId64,
                r->op / 16, n, entities[r->op / 8 % 2], r->a);
        }
    }
    for (size_t i = 0; i < l->n; i++) {
        open += l->fates[i].used && l->fates[i].trying;
    }
    TRY(db_int(c, &made, SQL("SELECT count(*) FROM \"change_sets\" WHERE \"id\" > $1"),
        VALS(V(l->s->mark))));
    if (made < done || made > done + open) {
        finding(l->s, "%" PRId64 " change sets, %" PRId64 " acknowledged, %" PRId64 " unanswered", made,
            done, open);
    }
    return OK;
}

static enum err_code look(struct call *c, void *arg)
{
    struct looking *l = arg;
    int64_t n;

    TRY(look_at_fates(c, l));
    TRY(look_at_feed(c, l));
    TRY(db_int(c, &n,
        SQL("SELECT count(*) FROM (SELECT 1 FROM \"feed\" WHERE \"change_set\" > $1 GROUP BY"
            " \"change_set\", \"entity\", \"record\", \"kind\" HAVING count(*) > 1) d"),
        VALS(V(l->s->mark))));
    must_be_none(l->s, "changes stand twice in the feed", n);
    TRY(db_int(c, &n,
        SQL("SELECT count(*) FROM \"change_sets\" s WHERE NOT EXISTS (SELECT 1 FROM \"feed\" f WHERE"
            " f.\"change_set\" = s.\"id\")"),
        VALS()));
    must_be_none(l->s, "change sets without a change", n);
    TRY(db_int(c, &l->change_sets, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"change_sets\""),
        VALS()));
    TRY(check_all(c, &n));
    if (n) {
        finding(l->s, "%.*s", STR_ARG(buf_str(&c->body)));
    }
    return OK;
}

static void check(struct stage *s)
{
    struct org *o = crash_org(s);
    struct looking l = { .s = s };
    struct err e;

    l.fates = fates_of(s, &l.n);
    if (crash_call(o, false, look, &l, &e) != OK) {
        finding(s, "the check ended: %s", e.msg);
    }
    s->mark = l.change_sets;
    org_close(o);
}

static const struct workload on_sqlite[] = {
    { .name = "records", .clients = 4, .points = POINTS_EACH, .power = true, .prepare = crash_org_prepare,
        .open = crash_org_open, .call = one_call, .check = check, .clear = crash_org_clear },
    { 0 },
};

static const struct workload on_postgres[] = {
    { .name = "records on PostgreSQL", .clients = 4, .points = POINTS_EACH, .prepare = crash_org_prepare,
        .open = crash_org_open, .call = one_call, .check = check, .clear = crash_org_clear },
    { 0 },
};

int main(int argc, char **argv)
{
    return crash_main(argc, argv, world_is_postgres() ? on_postgres : on_sqlite);
}
