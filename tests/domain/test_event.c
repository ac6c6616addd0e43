/* test_event.c - did() in SQL, in memory and as a list of the test's own; counts that equal a recount; visitors, merges,
 * removal; what comes twice; segments. */

#include "domain.h"

#include "base/rand.h"
#include "domain/event/event.h"
#include "model/expr.h"
#include "model/merge.h"
#include "model/visit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 8, EVENTS = 700, NAMES = 3 };

struct kept { /* the test's own list */
    int64_t person, at, cents;
    int name, page;
    bool pro;
};
static struct kept all[EVENTS * 4];
static size_t nall;
static int64_t people[PEOPLE];
static char key[64];

/* ---- sending ---- */

static bool no_limit(void *arg, struct str client, int64_t per_minute, int64_t n)
{
    (void)arg, (void)client, (void)per_minute, (void)n;
    return true;
}

struct request {
    const char *name, *json;
};

static enum err_code send_request(struct call *c, void *arg)
{
    struct request *r = arg;
    struct visit v = { .within = no_limit };
    json_t *input;

    TRY(json_read(c->mem, str_of(r->json), &input, &c->err));
    v.input = input;
    for (const struct intake *i = event_module.intakes; i->name; i++) {
        if (strcmp(i->name, r->name) == 0) {
            return i->take(c, &v);
        }
    }
    return ERR_NOT_FOUND;
}

static void send(struct world *w, const char *name, const char *json)
{
    writes(w, send_request, &(struct request) { name, json });
}

static enum err_code read_key(struct call *c, void *arg)
{
    struct str s;

    (void)arg;
    TRY(db_text(c, &s, SQL("SELECT \"key\" FROM \"event_sources\" ORDER BY \"id\" DESC LIMIT 1"), VALS()));
    snprintf(key, sizeof key, "%.*s", STR_ARG(s));
    return OK;
}

static void begin(struct world *w)
{
    char json[160];

    nall = 0;
    make(w, "event_source", "{\"name\": \"s\", \"kind\": \"server\"}");
    reads(w, read_key, NULL);
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(json, sizeof json, "{\"last_name\": \"P%d\", \"external_id\": \"%s-%d\"}", i, key, i);
        people[i] = make(w, "contact", json);
    }
}

/* Sends one event of a person, sometimes as a visitor, and notes it. */
static void send_one(struct world *w, struct rng *rng, bool visitor)
{
    int64_t back = (int64_t)rng_below(rng, rng_below(rng, 3) ? DAYS(4) : DAYS(70));
    int who = (int)rng_below(rng, PEOPLE);
    struct kept k = { .person = people[who], .at = w->org->test_now - back, .name = (int)rng_below(rng, NAMES),
        .page = (int)rng_below(rng, 4), .cents = (int64_t)rng_below(rng, 2000), .pro = rng_below(rng, 2) };
    char json[600], at[INSTANT_TEXT];

    instant_format(k.at, at);
    snprintf(json, sizeof json,
        "{\"writeKey\": \"%s\", \"%s\": \"%s-%d\", \"event\": \"e%d\", \"timestamp\": \"%s\", \"messageId\": \"m%zu\","
        " \"properties\": {\"url\": \"%s\", \"price\": %" PRId64 ".%02d, \"plan\": \"%s\"}}",
        key, visitor ? "anonymousId" : "userId", key, who, k.name, at, nall,
        k.page == 0 ? "" : k.page == 1 ? "/pricing" : k.page == 2 ? "/pricing/pro" : "/other", k.cents / 100,
        (int)(k.cents % 100), k.pro ? "pro" : "free");
    send(w, "track", json);
    if (rng_below(rng, 10) == 0) {
        send(w, "track", json); /* again: it counts once */
    }
    all[nall++] = k;
}

static void identify_all(struct world *w)
{
    char json[400];

    for (int i = 0; i < PEOPLE; i++) {
        snprintf(json, sizeof json, "{\"writeKey\": \"%s\", \"userId\": \"%s-%d\", \"anonymousId\": \"%s-%d\"}", key, key, i, key, i);
        send(w, "identify", json);
    }
    assert_int_equal(workers_drain(w->org, &w->err), OK);
}

/* ---- three ways to count ---- */

struct question {
    char text[200];
    const char *where; /* inside did(); NULL for none */
    int name;
    int64_t hours;
};

static bool fits(const struct question *q, const struct kept *k)
{
    if (!q->where) {
        return true;
    }
    if (strstr(q->where, "like")) {
        return k->page == 1 || k->page == 2;
    }
    if (strstr(q->where, "empty")) {
        return k->page == 0;
    }
    if (strstr(q->where, "plan")) {
        return k->pro && k->cents > 1250;
    }
    return k->cents != 500 || k->page != 3;
}

static int64_t count_own(const struct world *w, const struct question *q, int64_t person)
{
    int64_t n = 0;

    for (size_t i = 0; i < nall; i++) {
        n += all[i].person == person && all[i].name == q->name && all[i].at > w->org->test_now - HOURS(q->hours)
            && fits(q, &all[i]);
    }
    return n;
}

static void ask(struct rng *rng, struct question *q)
{
    static const char *const conditions[]
        = { NULL, NULL, "url like '/pricing%'", "url is empty", "prop('plan') = 'pro' and prop_number('price') > 12.5",
              "not (prop_number('price') = 5 and url = '/other')" };

    q->where = conditions[rng_below(rng, 6)];
    q->name = (int)rng_below(rng, NAMES);
    q->hours = 1 + (int64_t)rng_below(rng, rng_below(rng, 2) ? 100 : 24 * 80);
    snprintf(q->text, sizeof q->text, "did('e%d'%s%s, %" PRId64 "h)", q->name, q->where ? ", " : "",
        q->where ? q->where : "", q->hours);
}

struct evaluation {
    const char *text;
    int64_t person, now, value, next;
};

static enum err_code evaluate(struct call *c, void *arg)
{
    struct evaluation *a = arg;
    struct expr_scope scope = access_scope(c, model_entity(c->model, STR("contact")));
    const struct expr *x;
    struct record *r;
    struct value v;

    TRY(expr_parse(&scope, str_of(a->text), "where", &x, &c->err));
    TRY(record_load(c, scope.entity, a->person, true, &r));
    struct expr_rows rows = record_rows(c, r);
    TRY(expr_explain(x, &rows, c->mem, a->now, 0, NULL, &a->next, &v));
    a->value = v.absent ? -1 : v.i;
    return OK;
}

static int64_t in_memory(struct world *w, const char *text, int64_t person, int64_t now, int64_t *next)
{
    struct evaluation a = { .text = text, .person = person, .now = now };

    reads(w, evaluate, &a);
    if (next) {
        *next = a.next;
    }
    return a.value;
}

static void compare(struct world *w, struct rng *rng, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        struct question q;
        char where[300];
        ask(rng, &q);
        int who = (int)rng_below(rng, PEOPLE);
        int64_t n = count_own(w, &q, people[who]), next;
        int64_t memory = in_memory(w, q.text, people[who], w->org->test_now, &next);
        snprintf(where, sizeof where, "%s = %" PRId64 " and id = %" PRId64, q.text, n, people[who]);
        if (memory != n || count(w, "contact", where) != 1) {
            print_error("%s of person %d: %" PRId64 " in memory, wanted %" PRId64 "\n", q.text, who, memory, n);
        }
        assert_int_equal(memory, n);
        assert_int_equal(count(w, "contact", where), 1);
        /* nothing changes before the instant that is told */
        if (next != INT64_MAX) {
            assert_true(next > w->org->test_now);
            int64_t between = w->org->test_now + (int64_t)rng_below(rng, (uint64_t)(next - w->org->test_now));
            assert_int_equal(in_memory(w, q.text, people[who], between, NULL), n);
        } else {
            assert_int_equal(n, 0);
        }
    }
}

static enum err_code recount(struct call *c, void *arg)
{
    int64_t *wrong = arg;
    /* both ways, so that neither has what the other has not */
    return db_int(c, wrong,
        SQL("SELECT count(*) FROM (SELECT \"person\", \"name\", \"at\" / 86400000000 AS day, count(*) AS n, max(\"at\") AS"
            " last FROM \"events\" GROUP BY 1, 2, 3) e FULL JOIN \"event_days\" d ON d.\"person\" = e.\"person\" AND"
            " d.\"name\" = e.\"name\" AND d.\"day\" = e.day WHERE e.n IS NULL OR d.\"n\" IS NULL OR e.n <> d.\"n\" OR"
            " e.last <> d.\"last_at\""),
        VALS());
}

static void check_counts(struct world *w)
{
    int64_t wrong;

    reads(w, recount, &wrong);
    assert_int_equal(wrong, 0);
}

static void did__is_the_same_in_sql_in_memory_and_on_paper(void **state)
{
    struct world *w = *state;
    struct rng rng = { 20261129 };

    begin(w);
    for (int i = 0; i < EVENTS; i++) {
        send_one(w, &rng, false);
    }
    check_counts(w);
    compare(w, &rng, 300);
    w->org->test_now += HOURS(37);
    compare(w, &rng, 100);
}

static void visitors__become_people_with_what_they_did_before(void **state)
{
    struct world *w = *state;
    struct rng rng = { 7 };

    begin(w);
    for (int i = 0; i < EVENTS; i++) {
        send_one(w, &rng, rng_below(&rng, 2));
    }
    identify_all(w);
    identify_all(w); /* again: nothing moves */
    check_counts(w);
    compare(w, &rng, 150);
    for (int i = 0; i < 50; i++) {
        send_one(w, &rng, true);
    }
    check_counts(w);
    compare(w, &rng, 50);
}

static enum err_code merge_two(struct call *c, void *arg)
{
    struct merging *m;

    TRY(merge_open(c, model_entity(c->model, STR("contact")), arg, 2, &m));
    return merge_run(c, m, NULL, NULL);
}

static void merges__bring_events_along_and_undo_parts_them(void **state)
{
    struct world *w = *state;
    struct rng rng = { 99 };

    begin(w);
    for (int i = 0; i < EVENTS; i++) {
        send_one(w, &rng, false);
    }
    int64_t ids[2] = { people[0], people[1] };
    writes(w, merge_two, ids);
    int64_t set = last_change_set(w);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    check_counts(w);
    struct kept before[EVENTS];
    memcpy(before, all, sizeof before);
    for (size_t i = 0; i < nall; i++) {
        all[i].person = all[i].person == ids[1] ? ids[0] : all[i].person;
    }
    int64_t gone = people[1];
    people[1] = people[0];
    compare(w, &rng, 100);
    undo(w, set);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    memcpy(all, before, sizeof before);
    people[1] = gone;
    check_counts(w);
    compare(w, &rng, 100);
}

static enum err_code purge_one(struct call *c, void *arg)
{
    return record_purge(c, model_entity(c->model, STR("contact")), *(int64_t *)arg, false);
}

static enum err_code count_of(struct call *c, void *arg)
{
    int64_t *person = arg;
    return db_int(c, person,
        SQL("SELECT (SELECT count(*) FROM \"events\" WHERE \"person\" = $1) + (SELECT count(*) FROM \"event_days\" WHERE"
            " \"person\" = $1) + (SELECT count(*) FROM \"event_visitors\" WHERE \"person\" = $1)"),
        VALS(V(*person)));
}

static void removal__takes_the_events_along(void **state)
{
    struct world *w = *state;
    struct rng rng = { 3 };

    begin(w);
    for (int i = 0; i < EVENTS; i++) {
        send_one(w, &rng, false);
    }
    identify_all(w);
    bin(w, "contact", people[0]);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    int64_t n = people[0];
    reads(w, count_of, &n);
    assert_true(n > 0);
    writes(w, purge_one, &people[0]);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    n = people[0];
    reads(w, count_of, &n);
    assert_int_equal(n, 0);
    n = people[1];
    reads(w, count_of, &n);
    assert_true(n > 0);
}

static enum err_code count_all(struct call *c, void *arg)
{
    return db_int(c, arg, SQL("SELECT (SELECT count(*) FROM \"events\") + (SELECT count(*) FROM \"event_days\") + (SELECT"
                              " count(*) FROM \"event_messages\")"), VALS());
}

static enum err_code order_retention(struct call *c, void *arg)
{
    (void)arg;
    return job_enqueue(c, &(struct job_order) { .kind = "event_retention" }, &(int64_t) { 0 });
}

static void retention__removes_whole_months(void **state)
{
    struct world *w = *state;
    struct rng rng = { 4 };
    int64_t n;

    begin(w);
    for (int i = 0; i < 50; i++) {
        send_one(w, &rng, false);
    }
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    reads(w, count_all, &n);
    assert_true(n >= 50);
    w->org->test_now += DAYS(440);
    writes(w, order_retention, NULL);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    reads(w, count_all, &n);
    assert_int_equal(n, 0);
}

static void segments__that_followed_are_what_a_build_finds(void **state)
{
    struct world *w = *state;
    struct rng rng = { 5 };
    static const char *const conditions[] = { "did('e0', 3d) >= 2", "did('e1', url like '/pricing%', 20h) > 0",
        "last_did('e2') > now - 2d", "did('e0') = 0 or did('e1', 10d) between 3 and 9" };
    char json[300];

    begin(w);
    for (int i = 0; i < 4; i++) {
        snprintf(json, sizeof json, "{\"name\": \"E%d\", \"where\": \"%s\"}", i, conditions[i]);
        make(w, "segment", json);
    }
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    for (int round = 0; round < 25; round++) {
        for (int i = 0; i < 12; i++) {
            send_one(w, &rng, rng_below(&rng, 4) == 0);
        }
        if (round % 5 == 0) {
            identify_all(w);
        }
        w->org->test_now += (int64_t)rng_below(&rng, HOURS(30));
        assert_int_equal(workers_drain(w->org, &w->err), OK);
        for (int i = 0; i < 4; i++) {
            snprintf(json, sizeof json, "in_segment('e%d') and not (%s) or not in_segment('e%d') and (%s)", i, conditions[i],
                i, conditions[i]);
            assert_int_equal(count(w, "contact", json), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(did__is_the_same_in_sql_in_memory_and_on_paper, world_open, world_close),
        cmocka_unit_test_setup_teardown(visitors__become_people_with_what_they_did_before, world_open, world_close),
        cmocka_unit_test_setup_teardown(merges__bring_events_along_and_undo_parts_them, world_open, world_close),
        cmocka_unit_test_setup_teardown(removal__takes_the_events_along, world_open, world_close),
        cmocka_unit_test_setup_teardown(retention__removes_whole_months, world_open, world_close),
        cmocka_unit_test_setup_teardown(segments__that_followed_are_what_a_build_finds, world_open, world_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
