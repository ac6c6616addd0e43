/* test_schema.c - from nothing to a schema, and from one to the next. */

#include "store.h"

#include "db/schema.h"

#include <string.h>

#define FIXTURE(test) cmocka_unit_test_setup_teardown(test, store_open, store_close)

static const struct schema_column person_columns[] = {
    { .name = "name", .type = DB_TEXT, .not_null = true },
    { .name = "age", .type = DB_INT },
    { .name = "weight", .type = DB_REAL },
    { .name = "photo", .type = DB_BLOB },
    { .name = "company", .type = DB_INT, .references = "companies", .on_delete = "SET NULL" },
};
static const struct schema_index person_indexes[] = {
    { .name = "k_people_name", .columns = "\"name\" DESC, \"id\"" },
    { .name = "k_people_age", .columns = "\"age\"", .unique = true, .where = "\"age\" > 100" },
};
static const struct schema_column company_columns[] = {
    { .name = "order", .type = DB_TEXT },
    { .name = "boss", .type = DB_INT, .references = "people" },
};
static const struct schema_column link_columns[] = {
    { .name = "a", .type = DB_INT, .not_null = true },
    { .name = "b", .type = DB_TEXT, .not_null = true },
};
static const struct schema_table first[] = {
    { .name = "people",
        .auto_id = true,
        .columns = person_columns,
        .ncolumns = 5,
        .indexes = person_indexes,
        .nindexes = 2 },
    { .name = "companies", .auto_id = true, .columns = company_columns, .ncolumns = 2 },
    { .name = "links",
        .key = "\"a\", \"b\"",
        .without_rowid = true,
        .columns = link_columns,
        .ncolumns = 2 },
};

static size_t apply(struct store *s, const struct schema_table *tables, size_t n)
{
    struct schema_plan plan;

    assert_ok(schema_compare(s->db, s->mem, tables, n, &plan, &s->e), s->e);
    assert_ok(schema_apply(s->db, &plan, &s->e), s->e);
    return plan.n;
}

static void exec(struct store *s, const char *text, enum err_code want)
{
    enum err_code code = conn_exec(s->db, (struct sql) { text, NULL }, VALS(), NULL, &s->e);

    if (code != want) {
        fail_msg("%s: %s %s", text, err_name(code), s->e.msg);
    }
}

static void a_schema_applied_twice_has_nothing_to_do(void **state)
{
    struct store *s = *state;

    assert_true(apply(s, first, 3) >= 5);
    assert_int_equal(apply(s, first, 3), 0);
    exec(s, "INSERT INTO companies (\"order\") VALUES ('x')", OK);
    exec(s, "INSERT INTO people (name, company, age) VALUES ('a', 1, 101)", OK);
    exec(s, "INSERT INTO people (name, company) VALUES ('a', 99)", ERR_CONFLICT);
    exec(s, "INSERT INTO people (name, age) VALUES ('a', 101)", ERR_CONFLICT);
    exec(s, "INSERT INTO people (age) VALUES (1)", ERR_INTERNAL);
    exec(s, "INSERT INTO companies (boss) VALUES (99)", ERR_CONFLICT);
    exec(s, "INSERT INTO links (a, b) VALUES (1, 'x')", OK);
    exec(s, "INSERT INTO links (a, b) VALUES (1, 'x')", ERR_CONFLICT);
    exec(s, "DELETE FROM companies", OK);
    assert_int_equal(store_int(s, s->db, "SELECT count(*) FROM people WHERE company IS NULL"), 1);
}

static void columns_come_and_are_renamed_and_stale_indexes_go(void **state)
{
    static const struct schema_column columns[] = {
        { .name = "full_name", .type = DB_TEXT, .not_null = true, .was = "name" },
        { .name = "age", .type = DB_INT },
        { .name = "level", .type = DB_INT, .not_null = true, .def = "3" },
        { .name = "friend", .type = DB_INT, .references = "people", .on_delete = "CASCADE" },
    };
    static const struct schema_index indexes[] = {
        { .name = "k_people_full", .columns = "\"full_name\"" },
    };
    static const struct schema_table next[] = {
        { .name = "people",
            .auto_id = true,
            .columns = columns,
            .ncolumns = 4,
            .indexes = indexes,
            .nindexes = 1 },
    };
    struct store *s = *state;

    apply(s, first, 3);
    exec(s, "INSERT INTO people (name) VALUES ('a')", OK);
    store_script(s, "CREATE INDEX by_hand ON people (age)");
    assert_true(apply(s, next, 1) > 0);
    assert_int_equal(apply(s, next, 1), 0);
    assert_int_equal(
        store_int(s, s->db, "SELECT level FROM people WHERE full_name = 'a' AND weight IS NULL"), 3);
    exec(s, "INSERT INTO people (full_name, friend) VALUES ('b', 77)", ERR_CONFLICT);
    store_script(s, "DROP INDEX by_hand"); /* not ours to drop: still there */
    exec(s, "DROP INDEX k_people_name", ERR_INTERNAL);
}

static void a_number_comes_again_only_where_that_is_said(void **state)
{
    static const struct schema_column columns[] = { { .name = "n", .type = DB_INT } };
    static const struct schema_table tables[] = {
        { .name = "kept", .auto_id = true, .columns = columns, .ncolumns = 1 },
        { .name = "again", .auto_id = true, .ids_again = true, .columns = columns, .ncolumns = 1 },
    };
    struct store *s = *state;
    bool sqlite = conn_backend(s->db) == DB_SQLITE; /* PostgreSQL's identity never goes back */

    apply(s, tables, 2);
    for (int i = 0; i < 2; i++) {
        int64_t id, next;
        struct sql insert = i ? SQL("INSERT INTO again (n) VALUES (1)")
                              : SQL("INSERT INTO kept (n) VALUES (1)");
        assert_ok(conn_insert(s->db, insert, VALS(), &id, &s->e), s->e);
        exec(s, i ? "DELETE FROM again" : "DELETE FROM kept", OK);
        assert_ok(conn_insert(s->db, insert, VALS(), &next, &s->e), s->e);
        assert_int_equal(next, i && sqlite ? id : id + 1);
    }
    assert_int_equal(apply(s, tables, 2), 0);
}

static void a_table_that_numbered_its_rows_gets_a_key_of_its_own(void **state)
{
    static const struct schema_column columns[] = {
        { .name = "owner", .type = DB_INT },
        { .name = "key", .type = DB_TEXT },
    };
    static const struct schema_column keyed[] = {
        { .name = "owner", .type = DB_INT, .not_null = true },
        { .name = "key", .type = DB_TEXT, .not_null = true },
        { .name = "kind", .type = DB_TEXT },
    };
    static const struct schema_index by_key[] = { { .name = "k_parts_key", .columns = "\"key\"" } };
    static const struct schema_table before = { .name = "parts", .auto_id = true, .columns = columns,
        .ncolumns = 2, .indexes = by_key, .nindexes = 1 };
    static const struct schema_table after = { .name = "parts", .key = "\"owner\", \"key\"",
        .without_rowid = true, .columns = keyed, .ncolumns = 3, .indexes = by_key, .nindexes = 1 };
    struct store *s = *state;

    apply(s, &before, 1);
    exec(s, "INSERT INTO parts (owner, \"key\") VALUES (1, 'a'), (1, 'b'), (2, 'a')", OK);
    assert_true(apply(s, &after, 1) > 0);
    assert_int_equal(apply(s, &after, 1), 0);
    assert_int_equal(store_int(s, s->db, "SELECT count(*) FROM parts WHERE kind IS NULL"), 3);
    exec(s, "INSERT INTO parts (owner, \"key\") VALUES (1, 'b')", ERR_CONFLICT);
    exec(s, "DROP INDEX k_parts_key", OK);
}

static void what_cannot_be_done_is_refused_with_the_reason(void **state)
{
    static const struct schema_column typed[] = { { .name = "age", .type = DB_TEXT } };
    static const struct schema_column bare[] = { { .name = "new", .type = DB_INT, .not_null = true } };
    static const struct schema_table one[] = {
        { .name = "people", .auto_id = true, .columns = typed, .ncolumns = 1 }
    };
    static const struct schema_table two[] = {
        { .name = "people", .auto_id = true, .columns = bare, .ncolumns = 1 }
    };
    struct store *s = *state;
    struct schema_plan plan;

    apply(s, first, 3);
    assert_ok(schema_compare(s->db, s->mem, one, 1, &plan, &s->e), s->e);
    assert_non_null(plan.refusal);
    assert_non_null(strstr(plan.refusal, "people.age"));
    assert_int_equal(schema_apply(s->db, &plan, &s->e), ERR_CONFLICT);
    assert_ok(schema_compare(s->db, s->mem, two, 1, &plan, &s->e), s->e);
    assert_non_null(plan.refusal);
}

static void a_failing_step_leaves_nothing_behind(void **state)
{
    struct store *s = *state;
    struct schema_plan plan;

    assert_ok(schema_compare(s->db, s->mem, first, 3, &plan, &s->e), s->e);
    plan.steps[plan.n - 1] = (char[]) { "CREATE NONSENSE" };
    assert_int_equal(schema_apply(s->db, &plan, &s->e), ERR_INTERNAL);
    assert_true(apply(s, first, 3) >= 5);
}

int test_schema(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE(a_schema_applied_twice_has_nothing_to_do),
        FIXTURE(a_number_comes_again_only_where_that_is_said),
        FIXTURE(columns_come_and_are_renamed_and_stale_indexes_go),
        FIXTURE(a_table_that_numbered_its_rows_gets_a_key_of_its_own),
        FIXTURE(what_cannot_be_done_is_refused_with_the_reason),
        FIXTURE(a_failing_step_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name(
        store_backend == DB_SQLITE ? "schema on SQLite" : "schema on PostgreSQL", tests, NULL, NULL);
}
