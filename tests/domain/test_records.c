/* test_records.c - records through the engine, as the modules and users define them. */

#include "domain.h"

#include <string.h>

#define HAS(body, text) assert_non_null(strstr((body), (text)))
#define LACKS(body, text) assert_null(strstr((body), (text)))

static void contact__is_stored_normalised_and_read_back(void **state)
{
    struct world *w = *state;
    int64_t company = make(w, "company", "{\"name\": \"Acme\", \"website\": \"www.acme.example\"}");
    char json[400];
    snprintf(json, sizeof json,
        "{\"first_name\": \"Ana\", \"last_name\": \"Müller\", \"company\": %lld,"
        " \"emails\": [{\"address\": \"Ana.M@Example.ORG\", \"kind\": \"work\"}, \"b@c.example\"],"
        " \"phones\": [\"+49 (0)30 123456\"], \"birthday\": \"--02-29\", \"tags\": [\"vip\"],"
        " \"addresses\": [{\"street\": \"Hauptstr. 1\", \"city\": \"Berlin\", \"country\": \"Germany\"}],"
        " \"hobbies\": [\"wine\", \"books\"], \"home\": {\"lat\": 52.5, \"lng\": 13.4}}",
        (long long)company);
    int64_t id = make(w, "contact", json);
    const char *body = get(w, "contact", id, NULL);
    HAS(body, "\"name\":\"Ana Müller\"");
    HAS(body, "\"key\":\"ana.m@example.org\"");
    HAS(body, "\"key\":\"+4930123456\"");
    HAS(body, "\"birthday\":\"--02-29\"");
    HAS(body, "\"email\":\"Ana.M@Example.ORG\"");
    HAS(body, "\"city\":\"Berlin\"");
    HAS(body, "\"country\":\"DE\"");
    HAS(body, "\"tags\":[\"vip\"]");
    HAS(body, "\"name\":\"Acme\"");
    HAS(body, "\"version\":1");
    HAS(get(w, "company", company, "domain,contact_count"), "\"contact_count\":1");
    HAS(w->body.p, "\"domain\":\"acme.example\"");
    assert_int_equal(count(w, "contact", "last_name = 'muller' and company.name = 'acme'"), 1);
    assert_int_equal(count(w, "contact", "hobbies has 'wine' and tags has 'vip'"), 1);
    assert_int_equal(count(w, "company", "count(contacts where city = 'Berlin') >= 1"), 1);
    change(w, "contact", id, "{\"company\": null}");
    HAS(get(w, "company", company, "contact_count"), "\"contact_count\":0");
    undo(w, last_change_set(w));
    HAS(get(w, "company", company, "contact_count"), "\"contact_count\":1");
}

static void bad_values__are_named_all_at_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(make_fails(w, "contact", "{\"nme\": 1}"), ERR_INVALID);
    assert_string_equal(w->err.field, "nme");
    assert_int_equal(make_fails(w, "contact", "{\"first_name\": 12}"), ERR_INVALID);
    assert_string_equal(w->err.field, "first_name");
    assert_int_equal(make_fails(w, "contact", "{\"emails\": [\"a@b@c\"]}"), ERR_INVALID);
    assert_string_equal(w->err.field, "emails[0]");
    assert_int_equal(make_fails(w, "contact", "{}"), ERR_INVALID);
    assert_int_equal(make_fails(w, "contact", "{\"last_name\": \"X\", \"birthday\": \"2030-01-01\"}"),
        ERR_INVALID);
    assert_string_equal(w->err.field, "birthday");
    assert_int_equal(make_fails(w, "contact", "{\"last_name\": \"X\", \"company\": 99999}"),
        ERR_INVALID);
    assert_int_equal(make_fails(w, "company", "{\"industry\": \"retail\"}"), ERR_INVALID);
    assert_string_equal(w->err.field, "name");
}

static void own_objects__live_like_built_in_ones(void **state)
{
    struct world *w = *state;

    make(w, "object", "{\"name\": \"x_boat\", \"plural\": \"x_boats\", \"title_field\": \"x_name\"}");
    make(w, "field", "{\"entity\": \"x_boat\", \"name\": \"x_name\", \"kind\": \"text\"}");
    make(w, "field", "{\"entity\": \"x_boat\", \"name\": \"x_length\", \"kind\": \"decimal\", \"scale\": 1}");
    make(w, "field",
        "{\"entity\": \"x_boat\", \"name\": \"x_owner\", \"kind\": \"reference\", \"target\": \"contact\"}");
    make(w, "field",
        "{\"entity\": \"x_boat\", \"name\": \"x_state\", \"kind\": \"choice\","
        " \"choices\": [{\"code\": \"afloat\", \"label\": \"Afloat\"}, {\"code\": \"sunk\"}]}");
    make(w, "field", "{\"entity\": \"contact\", \"name\": \"x_boat_count\", \"kind\": \"rollup\","
                     " \"expr\": \"count(x_boats where x_state = 'afloat')\"}");
    int64_t person = make(w, "contact", "{\"last_name\": \"Sailor\"}");
    char json[200];
    snprintf(json, sizeof json,
        "{\"x_name\": \"Nina\", \"x_length\": 8.5, \"x_owner\": %lld, \"x_state\": \"afloat\"}",
        (long long)person);
    int64_t boat = make(w, "x_boat", json);
    HAS(get(w, "x_boat", boat, NULL), "\"x_length\":8.5");
    HAS(w->body.p, "\"name\":\"Sailor\"");
    HAS(get(w, "contact", person, "x_boat_count"), "\"x_boat_count\":1");
    change(w, "x_boat", boat, "{\"x_state\": \"sunk\"}");
    HAS(get(w, "contact", person, "x_boat_count"), "\"x_boat_count\":0");
    assert_int_equal(count(w, "x_boat", "x_name like 'ni%' and x_length > 8"), 1);
    assert_int_equal(count(w, "contact", "any(x_boats where x_length > 8)"), 1);
    assert_int_equal(make_fails(w, "field",
                         "{\"entity\": \"x_boat\", \"name\": \"x_name\", \"kind\": \"text\"}"),
        ERR_CONFLICT);
}

static void undo__is_refused_where_something_newer_depends(void **state)
{
    struct world *w = *state;
    int64_t id = make(w, "contact", "{\"last_name\": \"First\"}");
    int64_t created = last_change_set(w);

    change(w, "contact", id, "{\"last_name\": \"Second\"}");
    int64_t second = last_change_set(w);
    change(w, "contact", id, "{\"last_name\": \"Third\"}");
    int64_t third = last_change_set(w);
    assert_int_equal(undo_fails(w, second), ERR_CONFLICT);
    HAS(w->err.msg, "contact");
    assert_int_equal(undo_fails(w, created), ERR_CONFLICT);
    undo(w, third);
    undo(w, second);
    HAS(get(w, "contact", id, "name"), "First");
    undo(w, last_change_set(w)); /* the undo of the undo */
    HAS(get(w, "contact", id, "name"), "Second");
    undo(w, last_change_set(w));
    undo(w, created);
    assert_int_equal(count(w, "contact", "last_name = 'first'"), 0);
}

static void lists__page_to_the_end_in_order(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 12; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"name\": \"Pager %02d\"%s%d%s}", i % 6,
            i % 3 ? ", \"employees\": " : ", \"alias\": \"", i % 3 ? i % 4 : i, i % 3 ? "" : "\"");
        make(w, "company", json);
    }
    HAS(list(w, "company", "name like 'Pager%'", "-employees,name"), "\"next\":null");
    HAS(aggregate(w, "company", "name like 'Pager%'", "count(), sum(employees)", "name"),
        "\"count()\":2");
}

/* Two writers, in the order that fools a reader who goes by the oldest open transaction: the first to begin
 * draws the higher number and ends first. */
struct crossing {
    struct org *org;
    struct arena *mem;
    struct conn *other; /* stays open */
    struct call inner;
    int64_t open, ended; /* numbers drawn */
};

static enum err_code draw(struct call *c, int64_t *number)
{
    TRY(change_note_person(c, CHANGE_ENTER, model_entity(c->model, STR("company")), 1, 1));
    return db_int(c, number, SQL("SELECT max(\"id\") FROM \"feed\""), VALS());
}

static enum err_code draw_crosswise(struct call *c, void *arg)
{
    struct crossing *x = arg;
    int64_t begun;

    TRY(db_int(c, &begun, SQL2("SELECT 0", "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"), VALS()));
    assert_int_equal(org_take_writer(x->org, &x->other, &c->err), OK);
    call_init(&x->inner, x->org, x->mem, user_system(), VIA_SYSTEM);
    x->inner.db = x->other;
    x->inner.tx = TX_WRITE;
    assert_int_equal(conn_begin(x->other, TX_WRITE, &c->err), OK);
    assert_int_equal(draw(&x->inner, &x->open), OK);
    return draw(c, &x->ended);
}

static enum err_code horizon(struct call *c, void *arg)
{
    return feed_horizon(c, arg);
}

static void a_change_that_is_not_committed_yet__is_not_passed_over(void **state)
{
    struct world *w = *state;
    struct crossing x = { .org = w->org, .mem = arena_create(0) };
    int64_t seq;

    if (!world_is_postgres()) {
        arena_destroy(x.mem);
        skip();
    }
    writes(w, draw_crosswise, &x);
    assert_true(x.ended > x.open);
    reads(w, horizon, &seq);
    assert_true(seq < x.open);
    assert_int_equal(conn_commit(x.other, &w->err), OK);
    org_give_writer(w->org, x.other);
    reads(w, horizon, &seq);
    assert_true(seq >= x.ended);
    arena_destroy(x.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contact__is_stored_normalised_and_read_back),
        cmocka_unit_test(bad_values__are_named_all_at_once),
        cmocka_unit_test(own_objects__live_like_built_in_ones),
        cmocka_unit_test(undo__is_refused_where_something_newer_depends),
        cmocka_unit_test(lists__page_to_the_end_in_order),
        cmocka_unit_test(a_change_that_is_not_committed_yet__is_not_passed_over),
    };

    return cmocka_run_group_tests_name("records", tests, world_open, world_close);
}
