/* test_objects.c - objects and fields that users make at run time: every kind, many of them, added, renamed
 * and removed again. */

#include "domain.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HAS(body, text) assert_non_null(strstr((body), (text)))

/* What a kind needs beside its name, as members of JSON; NULL: nothing. */
static const char *const needs[KIND_COUNT] = {
    [KIND_DECIMAL] = "\"scale\": 3",
    [KIND_CHOICE] = "\"choices\": [{\"code\": \"one\"}, {\"code\": \"two\", \"label\": \"Two\"}]",
    [KIND_CHOICES] = "\"choices\": [{\"code\": \"one\"}, {\"code\": \"two\"}]",
    [KIND_REF] = "\"target\": \"contact\"",
    [KIND_MANY] = "\"target\": \"company\"",
    [KIND_NUMBER] = "\"pattern\": \"B-{year}-{0000}\"",
    [KIND_FORMULA] = "\"expr\": \"x_integer * 2 + 1\"",
    [KIND_ROLLUP] = "\"expr\": \"count(x_parts where x_weight > 2)\"",
};

static void add_field(struct world *w, const char *entity, const char *name, enum field_kind kind)
{
    char json[500];

    snprintf(json, sizeof json, "{\"entity\": \"%s\", \"name\": \"%s\", \"kind\": \"%s\"%s%s}", entity,
        name, field_kind_name(kind), needs[kind] ? ", " : "", needs[kind] ? needs[kind] : "");
    make(w, "field", json);
}

static void make_object(struct world *w, const char *name, const char *plural)
{
    char json[200];

    snprintf(json, sizeof json, "{\"name\": \"%s\", \"plural\": \"%s\"}", name, plural);
    make(w, "object", json);
}

struct filled {
    const char *entity;
    struct rng r;
    int64_t id;
    struct str json;
    size_t nfields;
};

static enum err_code fill_all(struct call *c, void *arg)
{
    struct filled *f = arg;
    const struct live_entity *e = model_entity(c->model, str_of(f->entity));
    struct record *r = record_new(c, e);
    json_t *tree = json_pack("{}");

    arena_defer(c->mem, (void (*)(void *))json_decref, tree);
    /* each member of its own generator's taking, until none is missing */
    for (int tries = 0; tries < 60; tries++) {
        json_object_update_missing(tree, random_object(c, &f->r, e, true));
    }
    TRY(record_fill(c, r, tree));
    TRY(record_create(c, r));
    f->id = r->id;
    f->nfields = json_object_size(tree);
    return OK;
}

static void every_kind__is_stored_filtered_and_undone(void **state)
{
    struct world *w = *state;
    struct filled f = { .entity = "x_ship", .r = { 5 } };
    char name[60], where[120];

    make(w, "contact", "{\"last_name\": \"Owner\"}");
    make(w, "company", "{\"name\": \"Yard\"}");
    make(w, "file", "{\"name\": \"plan.txt\"}");
    make_object(w, "x_ship", "x_ships");
    make_object(w, "x_part", "x_parts");
    make(w, "field", "{\"entity\": \"x_part\", \"name\": \"x_of\", \"kind\": \"reference\", \"target\": \"x_ship\","
                     " \"inverse\": \"x_parts\"}");
    make(w, "field", "{\"entity\": \"x_part\", \"name\": \"x_weight\", \"kind\": \"integer\"}");
    for (int k = KIND_TEXT; k < KIND_COUNT; k++) {
        snprintf(name, sizeof name, "x_%s", field_kind_name((enum field_kind)k));
        add_field(w, "x_ship", name, (enum field_kind)k);
    }
    writes(w, fill_all, &f);
    print_message("%zu members of %d kinds\n", f.nfields, KIND_COUNT - 1);
    assert_true(f.nfields >= 22);
    const char *body = get(w, "x_ship", f.id, NULL);
    for (int k = KIND_TEXT; k < KIND_COUNT; k++) {
        snprintf(name, sizeof name, "\"x_%s\":", field_kind_name((enum field_kind)k));
        HAS(body, name);
        snprintf(name, sizeof name, "\"x_%s\":null", field_kind_name((enum field_kind)k));
        if (strstr(body, name)) {
            print_error("%s came back empty\n", name);
        }
        assert_null(strstr(body, name));
    }
    HAS(body, "\"x_auto_number\":\"B-2026-0001\"");
    HAS(body, "\"x_rollup\":0");
    snprintf(where, sizeof where, "{\"x_of\": %lld, \"x_weight\": 3}", (long long)f.id);
    int64_t part = make(w, "x_part", where);
    HAS(get(w, "x_ship", f.id, "x_rollup"), "\"x_rollup\":1");
    assert_int_equal(count(w, "x_ship", "x_rollup = 1 and x_integer is not empty and x_place is not empty"), 1);
    assert_int_equal(count(w, "x_part", "x_of.x_yes_no is not empty and x_of.x_reference.last_name = 'owner'"), 1);
    bin(w, "x_part", part);
    HAS(get(w, "x_ship", f.id, "x_rollup"), "\"x_rollup\":0");
}

static void a_formula_added_later__is_made_for_records_that_are_there(void **state)
{
    struct world *w = *state;
    int64_t id = make(w, "company", "{\"name\": \"Before\", \"employees\": 21}");

    make(w, "field", "{\"entity\": \"company\", \"name\": \"x_twice\", \"kind\": \"formula\", \"expr\":"
                     " \"employees * 2\"}");
    make(w, "contact", "{\"last_name\": \"Works there\"}");
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    HAS(get(w, "company", id, "x_twice"), "\"x_twice\":42");
    change(w, "company", id, "{\"employees\": 5}");
    HAS(get(w, "company", id, "x_twice"), "\"x_twice\":10");
}

static void renaming__breaks_nothing(void **state)
{
    struct world *w = *state;

    make_object(w, "x_room", "x_rooms");
    int64_t field
        = make(w, "field", "{\"entity\": \"x_room\", \"name\": \"x_size\", \"kind\": \"integer\"}");
    make(w, "field", "{\"entity\": \"x_room\", \"name\": \"x_guests\", \"kind\": \"many\", \"target\": \"contact\"}");
    int64_t guest = make(w, "contact", "{\"last_name\": \"Guest\"}");
    char json[200];
    snprintf(json, sizeof json, "{\"x_size\": 30, \"tags\": [\"quiet\"], \"x_guests\": [%lld]}", (long long)guest);
    int64_t room = make(w, "x_room", json);
    int64_t view = make(w, "view", "{\"name\": \"Large\", \"entity\": \"x_room\", \"where\": \"x_size > 20\"}");
    int64_t object = count(w, "object", NULL);
    change(w, "object", object, "{\"name\": \"x_suite\", \"plural\": \"x_suites\"}");
    HAS(get(w, "x_suite", room, NULL), "\"x_size\":30");
    HAS(w->body.p, "Guest");
    assert_int_equal(count(w, "x_suite", "tags has 'quiet' and count(x_guests) = 1"), 1);
    HAS(get(w, "view", view, "where"), "x_size > 20");
    change(w, "field", field, "{\"name\": \"x_area\"}");
    HAS(get(w, "view", view, "where"), "x_area > 20"); /* kept by number, shown with the name of now */
    assert_int_equal(make_fails(w, "x_suite", "{\"x_size\": \"big\"}"), ERR_INVALID);
}

static void many_fields__stand_in_side_tables(void **state)
{
    struct world *w = *state;
    struct filled f = { .entity = "company", .r = { 9 } };
    const char *rounds = getenv("KITH_FIELD_COUNT");
    int n = rounds ? atoi(rounds) : 100;
    char name[60];

    for (int i = 0; i < n; i++) {
        static const enum field_kind kinds[] = { KIND_TEXT, KIND_MONEY, KIND_DATE, KIND_INT, KIND_BOOL,
            KIND_PLACE, KIND_EMAILS, KIND_LONG_TEXT };
        snprintf(name, sizeof name, "x_m%d", i);
        add_field(w, "company", name, kinds[i % 8]);
    }
    writes(w, fill_all, &f);
    const char *body = get(w, "company", f.id, NULL);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "\"x_m%d\":null", i);
        assert_null(strstr(body, name));
    }
    assert_int_equal(count(w, "company", "x_m0 is not empty and x_m3 is not empty and x_m7 is not empty"), 1);
}

static void added_and_removed__leaves_the_rest_alone(void **state)
{
    struct world *w = *state;
    const char *rounds = getenv("KITH_FIELD_ROUNDS");
    int n = rounds ? atoi(rounds) : 30;
    int64_t id = make(w, "group", "{\"name\": \"Steady\"}");
    char name[60], json[200];

    for (int i = 0; i < n; i++) {
        snprintf(json, sizeof json, "{\"entity\": \"group\", \"name\": \"x_r%d\", \"kind\": \"text\"}", i);
        int64_t field = make(w, "field", json);
        snprintf(json, sizeof json, "{\"x_r%d\": \"round %d\"}", i, i);
        change(w, "group", id, json);
        snprintf(name, sizeof name, "x_r%d", i);
        HAS(get(w, "group", id, name), "round");
        bin(w, "field", field);
    }
    HAS(get(w, "group", id, NULL), "\"name\":\"Steady\"");
    assert_null(strstr(w->body.p, "x_r"));
}

/* On PostgreSQL in one database: each has its schema, and what both need of the database is there for both. */
static void two_organisations__live_side_by_side(void **state)
{
    struct world *w = *state, *other;
    void *second = NULL;

    assert_int_equal(world_open(&second), 0);
    other = second;
    int64_t here = make(w, "company", "{\"name\": \"Here Ltd\"}");
    make(other, "company", "{\"name\": \"There Ltd\"}");
    assert_int_equal(count(w, "company", "name = 'There Ltd'"), 0);
    assert_int_equal(count(other, "company", "name = 'There Ltd'"), 1);
    assert_int_equal(world_close(&second), 0);
    /* the end of one leaves what the other needs */
    change(w, "company", here, "{\"name\": \"Still here Ltd\"}");
    void *third = NULL;
    assert_int_equal(world_open(&third), 0);
    assert_int_equal(world_close(&third), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind__is_stored_filtered_and_undone),
        cmocka_unit_test(a_formula_added_later__is_made_for_records_that_are_there),
        cmocka_unit_test(renaming__breaks_nothing),
        cmocka_unit_test(many_fields__stand_in_side_tables),
        cmocka_unit_test(added_and_removed__leaves_the_rest_alone),
        cmocka_unit_test(two_organisations__live_side_by_side),
    };

    return cmocka_run_group_tests_name("objects", tests, world_open, world_close);
}
