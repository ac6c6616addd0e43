/* test_lookup.c - references that the engine keeps: right for every record, whatever was written, undone or moved
 * to the bin on either side. */

#include "domain.h"
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PEOPLE = 40, ZONES = 12, CODES = 8, ROUNDS = 6, STEPS = 60 };

struct side {
    int64_t id[PEOPLE];
    bool gone[PEOPLE];
};

static int upto(struct rng *r, int n)
{
    return (int)(rng_next(r) % (uint64_t)n);
}

/* One code in the spellings that count as the same. */
static const char *spelled(struct rng *r, int code, char *out, size_t n)
{
    static const char *const before[] = { "", "D-", " " };

    snprintf(out, n, "%s101%d1", before[upto(r, 3)], code);
    return out;
}

static void person_json(struct rng *r, int code, char *out, size_t n)
{
    char text[40];

    if (code < 0) {
        snprintf(out, n, "{\"addresses\": []}");
    } else {
        snprintf(out, n, "{\"addresses\": [{\"city\": \"Berlin\", \"country\": \"%s\", \"postcode\": \"%s\"}]}",
            upto(r, 2) ? "DE" : "Germany", spelled(r, code, text, sizeof text));
    }
}

static void set_up(struct world *w)
{
    make(w, "object", "{\"name\": \"x_zone\", \"plural\": \"x_zones\"}");
    make(w, "field", "{\"entity\": \"x_zone\", \"name\": \"x_code\", \"kind\": \"text\"}");
    make(w, "field", "{\"entity\": \"x_zone\", \"name\": \"x_land\", \"kind\": \"text\"}");
    make(w, "field", "{\"entity\": \"x_zone\", \"name\": \"x_plain\", \"kind\": \"integer\"}");
    make(w, "field",
        "{\"entity\": \"contact\", \"name\": \"x_zone\", \"kind\": \"reference\", \"target\": \"x_zone\", \"lookup\":"
        " [{\"field\": \"postcode\", \"key\": \"x_code\"}, {\"field\": \"country\", \"key\": \"x_land\"}]}");
}

static void write_zone(struct world *w, struct rng *r, struct side *zones, int i)
{
    char json[200], text[40];
    int code = upto(r, CODES);

    snprintf(json, sizeof json, "{\"x_code\": \"%s\", \"x_land\": \"DE\", \"x_plain\": %d}",
        spelled(r, code, text, sizeof text), code);
    if (zones->id[i]) {
        change(w, "x_zone", zones->id[i], json);
    } else {
        zones->id[i] = make(w, "x_zone", json);
    }
}

static void step(struct world *w, struct rng *r, struct side *people, struct side *zones)
{
    char json[200];
    int i = upto(r, PEOPLE), z = upto(r, ZONES);

    switch (upto(r, 6)) {
    case 0: case 1: case 2:
        person_json(r, upto(r, CODES + 1) - 1, json, sizeof json);
        change(w, "contact", people->id[i], json);
        break;
    case 3:
        if (zones->id[z] && !zones->gone[z]) {
            bin(w, "x_zone", zones->id[z]);
            zones->id[z] = 0;
        }
        break;
    case 4:
        write_zone(w, r, zones, z);
        break;
    default: {
        int64_t before = last_change_set(w);
        person_json(r, upto(r, CODES), json, sizeof json);
        change(w, "contact", people->id[i], json);
        if (last_change_set(w) != before) { /* what was so already left none */
            undo(w, last_change_set(w));
        }
        break;
    }
    }
}

/* The clock of a test stands still: passes that begin a second after the change are due now. */
static enum err_code a_second_passes(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"due\" = $1 WHERE \"kind\" = 'lookup' AND \"state\" = 'waiting'"),
        VALS(V(c->now)));
}

static void settle(struct world *w)
{
    writes(w, a_second_passes, NULL);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
}

/* What the reference says against what the values say. */
static void check(struct world *w)
{
    for (int code = 0; code < CODES; code++) {
        char where[200];
        snprintf(where, sizeof where, "x_plain = %d", code);
        bool there = count(w, "x_zone", where) > 0;
        snprintf(where, sizeof where, "postcode = '101%d1' and x_zone is %s", code, there ? "empty" : "not empty");
        assert_int_equal(count(w, "contact", where), 0);
        snprintf(where, sizeof where, "postcode = '101%d1' and x_zone is not empty and x_zone.x_plain != %d", code, code);
        assert_int_equal(count(w, "contact", where), 0);
    }
    assert_int_equal(count(w, "contact", "postcode is empty and x_zone is not empty"), 0);
}

static void references_are_right__after_anything(void **state)
{
    struct world *w = *state;
    struct rng r = { 20 };
    struct side people = { 0 }, zones = { 0 };
    char json[120];

    for (int i = 0; i < PEOPLE / 2; i++) { /* half are there before the facts are attached */
        snprintf(json, sizeof json, "{\"last_name\": \"Before %d\", \"addresses\": [{\"postcode\": \"101%d1\", \"country\": \"DE\"}]}", i, i % CODES);
        people.id[i] = make(w, "contact", json);
    }
    set_up(w);
    for (int i = PEOPLE / 2; i < PEOPLE; i++) {
        snprintf(json, sizeof json, "{\"last_name\": \"After %d\"}", i);
        people.id[i] = make(w, "contact", json);
    }
    for (int i = 0; i < ZONES / 2; i++) {
        write_zone(w, &r, &zones, i);
    }
    settle(w);
    check(w);
    assert_true(count(w, "contact", "x_zone is not empty") > 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STEPS; i++) {
            step(w, &r, &people, &zones);
        }
        settle(w);
        check(w);
    }
}

/* While no facts change, a record is right in the very transaction that writes it. */
static void a_record_is_right_at_once(void **state)
{
    struct world *w = *state;
    int64_t p = make(w, "contact", "{\"last_name\": \"Once\"}");
    int64_t z = make(w, "x_zone", "{\"x_code\": \"99999\", \"x_land\": \"DE\", \"x_plain\": 99}");

    settle(w);
    change(w, "contact", p, "{\"addresses\": [{\"postcode\": \"D 99999\", \"country\": \"DE\"}]}");
    assert_int_equal(count(w, "contact", "x_zone.x_plain = 99"), 1);
    bin(w, "contact", p);
    undo(w, last_change_set(w));
    assert_int_equal(count(w, "contact", "x_zone.x_plain = 99"), 1);
    change(w, "x_zone", z, "{\"x_plain\": 98}"); /* no key: seen through the reference */
    assert_int_equal(count(w, "contact", "x_zone.x_plain = 98"), 1);
    make_fails(w, "field",
        "{\"entity\": \"contact\", \"name\": \"x_bad\", \"kind\": \"reference\", \"target\": \"x_zone\","
        " \"lookup\": [{\"field\": \"addresses\", \"key\": \"x_code\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_right__after_anything),
        cmocka_unit_test(a_record_is_right_at_once),
    };

    return cmocka_run_group_tests_name("lookup", tests, world_open, world_close);
}
