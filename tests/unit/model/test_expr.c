/* test_expr.c - what a person meets: errors, limits, rights, the SQL that indexes serve, modules'
 * functions, explain. That the back ends agree is the random test's part. */

#include "test_expr.h"

#include "model/expr_tree.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int begin(void **state)
{
    struct world *w = world_make(1, "Europe/Berlin");

    world_fill(w);
    w->at = 1;
    *state = w;
    return 0;
}

static int end(void **state)
{
    world_end(*state);
    return 0;
}

static const struct expr *parse(struct world *w, const char *text)
{
    const struct expr *x = NULL;

    if (expr_parse(&w->scope, str_of(text), NULL, &x, &w->err) != OK) {
        fail_msg("%s: %s", text, w->err.msg);
    }
    return x;
}

static void refuse(struct world *w, const char *text, const char *why)
{
    const struct expr *x;

    if (expr_condition(&w->scope, str_of(text), NULL, &x, &w->err) == OK) {
        fail_msg("accepted: %.200s", text);
    }
    assert_int_equal(w->err.code, ERR_INVALID);
    assert_string_equal(w->err.field, "where");
    if (strcmp(w->err.msg, why) != 0) {
        fail_msg("%.200s\nsays    %s\nand not %s", text, w->err.msg, why);
    }
}

static void errors_say_where_and_what(void **state)
{
    struct world *w = *state;

    refuse(w, "", "The expression is empty.");
    refuse(w, "scroe > 5", "At column 1: Unknown field \"scroe\" of contact; did you mean "
        "\"score\"?");
    refuse(w, "name = 'ü' and company.nmae = 'x'",
        "At column 16: Unknown field \"nmae\" of company; did you mean \"name\"?");
    refuse(w, "score >", "At column 8: Expected a name or a value, found the end.");
    refuse(w, "score > 5 5", "At column 11: Expected and, or, or the end, found \"5\".");
    refuse(w, "score > 'x'", "At column 9: Expected a number, found a text.");
    refuse(w, "score", "At column 1: Expected a condition, found a number; compare it with "
        "something.");
    refuse(w, "status = 'nwe'",
        "At column 10: 'nwe' is not one of the choices: 'new', 'lead', 'customer', 'lost'.");
    refuse(w, "name = 'x", "At column 8: This text has no closing '.");
    refuse(w, "joined > 2026-02-30", "At column 10: There is no day 2026-02-30.");
    refuse(w, "joined > 'soon'", "At column 10: Expected a date like '2026-01-31', found 'soon'.");
    refuse(w, "x_seen < now - 3m", "At column 16: \"m\" is not a unit (min are minutes, mo are "
        "months);"
        " known are s, min, h, d, w, mo, y.");
    refuse(w, "nick = null",
        "At column 8: Nothing equals null; write \"is empty\" or \"is not empty\".");
    refuse(w, "1 < score < 5",
        "At column 11: Comparisons do not chain; write \"a < b and b < c\", or \"between\".");
    refuse(w, "cuont(orders) > 1",
        "At column 1: Unknown function \"cuont\"; did you mean \"count\"?");
    refuse(w, "did('x', 7d) > 1",
        "At column 1: did() needs the behaviour module, which is not installed.");
    refuse(w, "orders > 1", "At column 1: \"orders\" are several records: ask count(), any(), "
        "sum() and "
        "the like of them.");
    refuse(w, "extra = 'x'", "At column 1: \"extra\" holds JSON, which is never filtered on.");
    refuse(w, "company = 'Acme'", "At column 11: Expected a reference, found a text (a reference "
        "is "
        "compared by its number, me, or a field behind it, as in \"company.name = 'x'\").");
    refuse(w, "x_seen + 1mo < now", "At column 8: Months and years can be added to a date, now or "
        "today, "
        "not to a stored instant: move them to the other side (\"x < now - 1y\") or write "
        "date(x).");
    refuse(w, "company.parent.parent.parent.name = 'x'",
        "At column 1: A path leads through at most 3 references.");
    refuse(w, "lower(score) = 'x'", "At column 1: lower() takes a text; found a number.");
    refuse(w, "status < 'new'", "At column 8: \"<\" does not work on a choice.");
    refuse(w, "vip \xff", "The expression is not valid UTF-8 at byte 5.");
}

static void limits_are_named(void **state)
{
    struct world *w = *state;
    char *text = calloc(1, 70000);

    assert_non_null(text);
    memset(text, ' ', 17000);
    refuse(w, text, "The expression is longer than 16384 bytes.");
    memset(text, 0, 70000);
    memset(text, '(', 65);
    refuse(w, text, "At column 65: The expression is nested deeper than 64.");
    memset(text, 0, 70000);
    strcpy(text, "score in (1");
    for (int i = 0; i < 1000; i++) {
        strcat(text, ",1");
    }
    strcat(text, ")");
    refuse(w, text, "At column 2011: A list or chain may have at most 1000 items.");
    memset(text, 0, 70000);
    strcpy(text, "score>1");
    for (int i = 0; i < 700; i++) {
        strcat(text, " or score>1");
    }
    refuse(w, text, "At column 7332: The expression has more than 2000 parts.");
    free(text);
}

static bool may_read(void *arg, const struct live_field *f)
{
    (void)arg;
    return !str_is(f->name, "score");
}

static void a_hidden_field_is_unknown(void **state)
{
    struct world *w = *state;

    w->scope.may_read = may_read;
    refuse(w, "score > 5",
        "At column 1: Unknown field \"score\" of contact; did you mean \"story\"?");
    refuse(w, "owner.contacts = 1", "At column 1: \"contacts\" are several records: ask count(), "
        "any(), "
        "sum() and the like of them.");
    refuse(w, "count(company.contacts where score > 1) > 0",
        "At column 30: Unknown field \"score\" of contact; did you mean \"story\"?");
}

/* ---- SQL ---- */

static void writes(struct world *w, const char *text, enum db_backend backend, const char *want)
{
    struct sqltext s;
    struct expr_sql to = { .out = &s, .now = w->now, .me = 2 };
    struct sql sql;
    struct dbvals v;

    sqltext_init(&s, w->scratch, backend);
    expr_sql_condition(parse(w, text), &to);
    assert_ok(sqltext_end(&s, &sql, &v, &w->err), w->err);
    if (strcmp(sql.text, want) != 0) {
        fail_msg("%s\ngives   %s\nand not %s", text, sql.text, want);
    }
}

static void leaves_are_bare(void **state)
{
    struct world *w = *state;
    const enum db_backend lite = DB_SQLITE, pg = DB_POSTGRES;

    writes(w, "score > 5", lite, "(t0.\"score\" > $1)");
    writes(w, "not score > 5", lite, "(t0.\"score\" <= $1 OR t0.\"score\" IS NULL)");
    writes(w, "score >= 5.5", lite, "(t0.\"score\" > $1)");
    writes(w, "name = 'Müller'", pg, "(t0.\"name_k\" = $1)");
    writes(w, "name starts with 'mü'", pg, "((t0.\"name_k\" >= $1) AND (t0.\"name_k\" < $2))");
    writes(w, "name like 'mü%'", lite, "((t0.\"name_k\" >= $1) AND (t0.\"name_k\" < $2))");
    writes(w, "name contains 'a'", lite, "(t0.\"name_k\" GLOB $1)");
    writes(w, "name contains 'a'", pg, "(t0.\"name_k\" LIKE $1)");
    writes(w, "nick < 'b'", pg, "(t0.\"nick\" COLLATE \"C\" < $1)");
    writes(w, "total_spent > 500", lite, "(t0.\"total_spent_k\" > $1)");
    writes(w, "total_spent > 500 EUR", lite,
        "((t0.\"total_spent\" > $1) AND (t0.\"total_spent_currency\" = $2))");
    writes(w, "x_seen < now - 1y", lite, "(t0_x1.\"x_seen\" < $1)");
    writes(w, "last_order_at = today", lite,
        "((t0.\"last_order_at\" >= $1) AND (t0.\"last_order_at\" < $2))");
    writes(w, "status in ('new', 'lead')", lite,
        "(t0.\"status\" IN (SELECT value FROM json_each($1)))");
    writes(w, "status not in ('new', 'lead')", pg,
        "(t0.\"status\" <> ALL(CAST($1 AS BIGINT[])) OR t0.\"status\" IS NULL)");
    writes(w, "company.name = 'x'", lite, "(t0.\"company\" IN (SELECT t1.\"id\" FROM "
        "\"companies\" t1 "
        "WHERE (t1.\"name_k\" = $1) AND t1.\"deleted_at\" IS NULL))");
    writes(w, "company.name != 'x'", lite, "(t0.\"company\" IS NULL OR t0.\"company\" NOT IN "
        "(SELECT "
        "t1.\"id\" FROM \"companies\" t1 WHERE (t1.\"name_k\" = $1) AND t1.\"deleted_at\" IS "
        "NULL))");
    writes(w, "count(orders where paid) >= 1", lite, "EXISTS (SELECT 1 FROM \"orders\" t1 WHERE "
        "t1.\"contact\" = t0.\"id\" AND t1.\"deleted_at\" IS NULL AND t1.\"paid\" = 1)");
    writes(w, "tags has 'vip'", lite, "(EXISTS (SELECT 1 FROM \"picks\" t1 WHERE t1.\"field\" = "
        "220 AND "
        "t1.\"record\" = t0.\"id\" AND t1.\"choice\" = $1))");
    writes(w, "owner = me", lite, "(t0.\"owner\" = $1)");
}

static void nesting_past_the_parser_is_refused(void **state)
{
    struct world *w = *state;
    struct sqltext s;
    struct expr_sql to = { .out = &s, .now = w->now };
    struct sql sql;
    struct dbvals v;
    struct str text = STR("score");

    for (int i = 0; i < 30; i++) {
        text = arena_fmt(w->scratch, "abs(%.*s)", STR_ARG(text));
    }
    sqltext_init(&s, w->scratch, DB_SQLITE);
    expr_sql_value(parse(w, text.p), &to);
    assert_int_equal(sqltext_end(&s, &sql, &v, &w->err), ERR_TOO_LARGE);
}

/* ---- functions of modules ---- */

static enum err_code did_check(
    void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg, (void)s;
    assert_non_null(call->entity);
    return expr_type(call->args[1]) == VALUE_BOOL
               ? OK
               : err_set(e, ERR_INVALID, "where", "a condition about orders is needed");
}

static const struct live_entity *did_about(void *arg, const struct model *m, struct str first)
{
    (void)arg;
    return str_is(first, "order") ? model_entity(m, STR("order")) : NULL;
}

static void did_sql(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct value days = expr_constant_value(call->args[2], s->out->text.mem, s->now, s->me);

    (void)arg;
    sql_int(s->out, days.i / DAYS(1));
}

static enum err_code did_eval(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    (void)arg, (void)rows, (void)id;
    out->i = expr_constant_value(call->args[2], mem, now, me).i / DAYS(1);
    return OK;
}

static void modules_bring_functions(void **state)
{
    struct world *w = *state;
    const struct expr_extension extensions[] = { { .name = "did", .least = 2, .most = 3,
                                                    .type = VALUE_NUMBER, .about = did_about,
                                                    .check = did_check, .sql = did_sql,
                                                    .eval = did_eval },
        { .name = NULL } };
    struct expr_rows rows = world_rows(w);
    struct value v;

    w->scope.extensions = extensions;
    const struct expr *x = parse(w, "did('order', note like 'a%' and paid, 7d) >= 7");
    assert_int_equal(expr_eval(x, &rows, w->scratch, w->now, 2, &v), OK);
    assert_int_equal(v.i, 1);
    writes(w, "did('order', paid, 7d) >= 3", DB_SQLITE, "(7 >= $1)");
    refuse(w, "did('order') > 1", "At column 1: did() takes 2 to 3 arguments, found 1.");
    w->scope.extensions = NULL;
}

/* ---- explain ---- */

static void explain_tells_values_and_when(void **state)
{
    struct world *w = *state;
    struct expr_rows rows = world_rows(w);
    struct json_writer out;
    struct buf b;
    struct value v;
    int64_t next;

    *world_cell(w, CONTACT, 1, "score") = (struct value) { .i = 7 };
    *world_cell(w, CONTACT, 1, "last_order_at") = (struct value) { .i = w->now - DAYS(89) };
    buf_init(&b, w->scratch, 10000);
    json_init(&out, &b);
    const struct expr *x = parse(w, "score > 5 and not last_order_at < now - 90d");
    assert_int_equal(expr_explain(x, &rows, w->scratch, w->now, 2, &out, &next, &v), OK);
    assert_int_equal(v.i, 1);
    assert_int_equal(next, w->now + DAYS(1) + 1);
    assert_str(buf_str(&b),
        "{\"text\":\"score > 5 and not last_order_at < now - 90d\",\"holds\":true,\"op\":\"and\","
        "\"args\":["
        "{\"text\":\"score > 5\",\"holds\":true,\"args\":[{\"text\":\"score\",\"value\":7}]},"
        "{\"text\":\"not last_order_at < now - 90d\",\"holds\":true,\"op\":\"not\",\"args\":["
        "{\"text\":\"last_order_at < now - 90d\",\"holds\":false,\"args\":["
        "{\"text\":\"last_order_at\",\"value\":\"2025-12-29T22:30:00Z\"},"
        "{\"text\":\"now - 90d\",\"value\":\"2025-12-28T22:30:00Z\",\"args\":["
        "{\"text\":\"now\",\"value\":\"2026-03-28T22:30:00Z\"}]}]}]}]}");
}

static void days_are_the_zones(void **state)
{
    struct world *w = *state;
    struct expr_rows rows = world_rows(w);
    struct value v;
    int64_t next;

    /* 28 March 2026, 23:30 in Berlin; clocks go forward that night */
    const struct expr *x = parse(w, "today = 2026-03-28");
    assert_int_equal(expr_explain(x, &rows, w->scratch, w->now, 2, NULL, &next, &v), OK);
    assert_int_equal(v.i, 1);
    assert_int_equal(next, w->now + MINUTES(30));
    assert_int_equal(expr_eval(parse(w, "now + 1mo = 2026-04-28T21:30:00Z"), &rows, w->scratch,
                         w->now, 2, &v), OK);
    assert_int_equal(v.i, 1);
}

/* ---- the manual ---- */

static void the_manual_names_every_row(void **state)
{
    static char text[1 << 16];
    FILE *f = fopen(EXPR_MANUAL, "rb");

    (void)state;
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (size_t i = 0; i < expr_nops; i++) {
        char want[40];
        bool call = expr_ops[i].shape == SHAPE_CALL;
        snprintf(want, sizeof want, "`%s", expr_ops[i].name);
        if (!strstr(text, want)) {
            fail_msg("docs/manual/expressions.md does not name %s%s", want, call ? "(" : "");
        }
        assert_non_null(expr_ops[i].help);
    }
}

int test_expr(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_say_where_and_what, begin, end),
        cmocka_unit_test_setup_teardown(limits_are_named, begin, end),
        cmocka_unit_test_setup_teardown(a_hidden_field_is_unknown, begin, end),
        cmocka_unit_test_setup_teardown(leaves_are_bare, begin, end),
        cmocka_unit_test_setup_teardown(nesting_past_the_parser_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(modules_bring_functions, begin, end),
        cmocka_unit_test_setup_teardown(explain_tells_values_and_when, begin, end),
        cmocka_unit_test_setup_teardown(days_are_the_zones, begin, end),
        cmocka_unit_test(the_manual_names_every_row),
    };

    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
