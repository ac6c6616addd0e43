/* test_segments.c - in which order people are judged, and that the order changes no verdict. */

#include "domain.h"

#include <inttypes.h>
#include <stdio.h>

enum { IMPORTED = 1200, EDITED = 150 };

struct asked {
    struct sql sql;
    struct dbvals v;
    int64_t n;
};

static enum err_code ask(struct call *c, void *arg)
{
    struct asked *a = arg;

    return db_int(c, &a->n, a->sql, a->v);
}

static int64_t number(struct world *w, struct sql sql, struct dbvals v)
{
    struct asked a = { sql, v, 0 };

    reads(w, ask, &a);
    return a.n;
}

static void settle(struct world *w)
{
    assert_int_equal(workers_drain(w->org, &w->err), OK);
}

/* As an import does, some hundred in one transaction; its change set is of the call that orders it. */
static enum err_code import_some(struct call *c, void *arg)
{
    (void)arg;
    c->change_kind = "import";
    TRY(change_set_open(c));
    c->via = VIA_JOB;
    for (int i = 0; i < IMPORTED / 4; i++) {
        struct record *r = record_of(c, "contact");
        json_t *tree = json_pack("{s:s, s:s}", "last_name", "Vip", "first_name", "Imported");
        arena_defer(c->mem, (void (*)(void *))json_decref, tree);
        TRY(record_fill(c, r, tree));
        TRY(record_create(c, r));
    }
    return OK;
}

static void import_many(struct world *w)
{
    for (int i = 0; i < 4; i++) {
        writes(w, import_some, NULL);
    }
}

/* The place among all moves of the first move of this person, or of an imported one. */
static int64_t first_move(struct world *w, int64_t person, const char *segment)
{
    return number(w,
        SQL("SELECT coalesce(min(h.\"id\"), 0) FROM \"segment_changes\" h JOIN \"segments\" s ON s.\"id\" = h.\"segment\""
            " WHERE s.\"code\" = $2 AND h.\"person\" = $1 AND h.\"cause\" <> 'built'"),
        VALS(V(person), V(segment)));
}

static int64_t first_imported(struct world *w)
{
    return number(w,
        SQL("SELECT coalesce(min(h.\"id\"), 0) FROM \"segment_changes\" h JOIN \"contacts\" p ON p.\"id\" = h.\"person\" WHERE"
            " p.\"first_name\" = 'Imported'"),
        VALS());
}

static int64_t moves(struct world *w, int64_t person)
{
    return number(w, SQL("SELECT count(*) FROM \"segment_changes\" WHERE \"person\" = $1 AND \"cause\" <> 'built'"), VALS(V(person)));
}

/* Rows of members against what the conditions say of all: both segments, both ways. */
static void all_is_right(struct world *w)
{
    assert_int_equal(count(w, "contact", "in_segment('vips') and last_name != 'Vip'"), 0);
    assert_int_equal(count(w, "contact", "last_name = 'Vip' and not in_segment('vips')"), 0);
    assert_int_equal(count(w, "contact", "in_segment('dear') and not (in_segment('vips') and first_name = 'Ann')"), 0);
    assert_int_equal(count(w, "contact", "in_segment('vips') and first_name = 'Ann' and not in_segment('dear')"), 0);
    assert_int_equal(count(w, "contact", "in_segment('vips')"),
        number(w, SQL("SELECT \"size\" FROM \"segments\" WHERE \"code\" = 'vips'"), VALS()));
    assert_int_equal(count(w, "contact", "in_segment('dear')"),
        number(w, SQL("SELECT \"size\" FROM \"segments\" WHERE \"code\" = 'dear'"), VALS()));
}

static enum err_code all_is_due(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"due\" = $1 WHERE \"state\" = 'waiting' AND \"kind\" = 'segment_build'"), VALS(V(c->now)));
}

/* A segment that is built anew without having been edited changes nobody. */
static void built_anew__changes_nobody(struct world *w, int64_t segment)
{
    int64_t before = number(w, SQL("SELECT count(*) FROM \"segment_changes\""), VALS());
    int64_t live = number(w, SQL("SELECT \"live\" FROM \"segments\" WHERE \"id\" = $1"), VALS(V(segment)));

    change(w, "segment", segment, "{\"where\": \"last_name = 'Vip' and last_name is not empty\"}");
    settle(w);
    writes(w, all_is_due, NULL);
    settle(w);
    assert_true(number(w, SQL("SELECT \"live\" FROM \"segments\" WHERE \"id\" = $1"), VALS(V(segment))) > live);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"segment_changes\""), VALS()), before);
    all_is_right(w);
}

static void what_somebody_does_behind_an_import__is_judged_first(void **state)
{
    struct world *w = *state;
    int64_t ann = make(w, "contact", "{\"last_name\": \"Late\", \"first_name\": \"Ann\"}");
    int64_t bob = make(w, "contact", "{\"last_name\": \"Vip\", \"first_name\": \"Bob\"}");
    int64_t eve = make(w, "contact", "{\"last_name\": \"Vip\", \"first_name\": \"Eve\"}");
    int64_t vips = make(w, "segment", "{\"name\": \"Vips\", \"code\": \"vips\", \"where\": \"last_name = 'Vip'\"}");

    make(w, "segment", "{\"name\": \"Dear\", \"code\": \"dear\", \"where\": \"in_segment('vips') and first_name = 'Ann'\"}");
    settle(w);
    writes(w, all_is_due, NULL);
    settle(w);
    assert_int_equal(count(w, "contact", "in_segment('vips')"), 2);

    import_many(w);
    change(w, "contact", ann, "{\"last_name\": \"Vip\"}");
    change(w, "contact", bob, "{\"last_name\": \"Bob\"}");
    bin(w, "contact", eve);
    import_many(w);
    settle(w);

    int64_t imported = first_imported(w);
    assert_in_range(first_move(w, ann, "vips"), 1, imported);
    assert_in_range(first_move(w, ann, "dear"), 1, imported); /* and what follows from it */
    assert_in_range(first_move(w, bob, "vips"), 1, imported);
    assert_in_range(first_move(w, eve, "vips"), 1, imported);
    /* the import's turn came to them again, and moved nobody twice */
    assert_int_equal(moves(w, ann), 2);
    assert_int_equal(moves(w, bob), 1);
    assert_int_equal(moves(w, eve), 1);
    assert_int_equal(count(w, "contact", "in_segment('vips')"), 2 * IMPORTED + 1);
    assert_int_equal(count(w, "contact", "in_segment('dear')"), 1);
    all_is_right(w);
    built_anew__changes_nobody(w, vips);
}

/* Each by itself, but so many that there is nothing to go before: their turn is the feed's. */
static void what_comes_in_hundreds__waits_its_turn(void **state)
{
    struct world *w = *state;
    char json[80];

    import_many(w);
    for (int i = 0; i < EDITED; i++) {
        snprintf(json, sizeof json, "{\"last_name\": \"Vip\", \"first_name\": \"Own %d\"}", i);
        make(w, "contact", json);
    }
    settle(w);
    assert_true(number(w,
                    SQL("SELECT min(h.\"id\") FROM \"segment_changes\" h JOIN \"contacts\" p ON p.\"id\" = h.\"person\" WHERE"
                        " p.\"first_name\" LIKE 'Own %'"),
                    VALS())
        > number(w,
            SQL("SELECT max(h.\"id\") FROM \"segment_changes\" h JOIN \"contacts\" p ON p.\"id\" = h.\"person\" WHERE"
                " p.\"first_name\" = 'Imported'"),
            VALS()));
    all_is_right(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_does_behind_an_import__is_judged_first),
        cmocka_unit_test(what_comes_in_hundreds__waits_its_turn),
    };

    return cmocka_run_group_tests_name("segments", tests, world_open, world_close);
}
