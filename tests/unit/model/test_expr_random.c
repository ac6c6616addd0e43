/* test_expr_random.c - the back ends agree: random typed expressions over random rows, in memory
 * and in each database; text, tree and JSON lead to each other; explain knows when time changes an
 * answer. Every row of the operator table is met, in every form and for every type. */

#include "random_expr.h"
#include "test_expr.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tally {
    struct recipe recipe;
    char name[60];
    int64_t yes, no, made, refused;
};

static struct recipe recipes[400];
static struct tally tallies[500];
static size_t ntallies, nrecipes;

int expr_rounds = 7;
uint64_t expr_seed = 1;

static void name_tally(struct tally *t, const struct recipe *r)
{
    static const char letters[] = "bnmtdiucqrpl";
    size_t n = strcspn(r->form, " ");

    snprintf(t->name, sizeof t->name, "%s %.*s%s%c", r->op->name, (int)n, r->form,
        r->x == VALUE_NONE ? "" : " x=", r->x == VALUE_NONE ? ' ' : letters[r->x]);
}

/* ---- one expression ---- */

static const char *sql_of(struct world *w, const struct expr *x, bool condition, struct sql *sql,
    struct dbvals *v)
{
    struct sqltext s;
    struct sqltext body;
    struct expr_sql to = { .out = &body, .alias = 0, .now = w->now, .me = w->scope.me };

    sqltext_init(&body, w->scratch, w->cfg.backend);
    if (condition) {
        expr_sql_condition(x, &to);
    } else {
        expr_sql_value(x, &to);
    }
    s = body;
    buf_init(&s.text, w->scratch, 2 << 20);
    sql_lit(&s, "SELECT t0.\"id\"");
    if (!condition) {
        sql_lit(&s, ", ");
        buf_add(&s.text, buf_str(&body.text));
    }
    sql_lit(&s, " FROM \"contacts\" t0");
    if (to.side) {
        assert_int_equal(to.side, 2);
        sql_lit(&s, " JOIN \"contact_x1\" t0_x1 ON t0_x1.\"id\" = t0.\"id\"");
    }
    if (condition) {
        sql_lit(&s, " WHERE ");
        buf_add(&s.text, buf_str(&body.text));
    }
    sql_lit(&s, " ORDER BY 1");
    s.text.failed |= body.text.failed;
    if (sqltext_end(&s, sql, v, &w->err) != OK) {
        return NULL;
    }
    return sql->text;
}

static void disagree(struct world *w, struct str text, const char *sql, int64_t id,
    const char *memory, const char *database)
{
    fail_msg("seed %" PRIu64 ", %s, zone %s\n%.*s\n%s\nrecord %" PRId64 ": memory %s, SQL %s",
        expr_seed, w->cfg.backend == DB_SQLITE ? "SQLite" : "PostgreSQL", zone_name(w->scope.zone),
        STR_ARG(text), sql, id, memory, database);
}

static bool verdict(struct world *w, const struct expr *x, int64_t id)
{
    struct value v = random_read(w, x, id);

    return !v.absent && v.i;
}

static void check_condition(struct world *w, const struct expr *x, struct str text, struct tally *t)
{
    struct sql sql;
    struct dbvals vals;
    struct stmt *st;
    bool row, in[WORLD_ROWS + 1] = { false };

    if (!sql_of(w, x, true, &sql, &vals)) {
        t->refused++;
        return;
    }
    if (conn_query(w->db, sql, vals, &st, &w->err) != OK) {
        fail_msg("%s\n%.*s\n%s", w->err.msg, STR_ARG(text), sql.text);
    }
    for (;;) {
        if (stmt_step(st, &row, &w->err) != OK) {
            fail_msg("%s\n%.*s\n%s", w->err.msg, STR_ARG(text), sql.text);
        }
        if (!row) {
            break;
        }
        in[stmt_int(st, 0)] = true;
    }
    stmt_end(st);
    for (int64_t id = 1; id <= (int64_t)w->nrows[CONTACT]; id++) {
        bool yes = verdict(w, x, id);
        if (yes != in[id]) {
            disagree(w, text, sql.text, id, yes ? "yes" : "no", in[id] ? "yes" : "no");
        }
        t->yes += yes;
        t->no += !yes;
    }
}

static void check_value(struct world *w, const struct expr *x, struct str text, struct tally *t)
{
    struct sql sql;
    struct dbvals vals;
    struct stmt *st;
    bool row;

    if (!sql_of(w, x, false, &sql, &vals)) {
        t->refused++;
        return;
    }
    if (conn_query(w->db, sql, vals, &st, &w->err) != OK) {
        fail_msg("%s\n%.*s\n%s", w->err.msg, STR_ARG(text), sql.text);
    }
    for (;;) {
        if (stmt_step(st, &row, &w->err) != OK) {
            fail_msg("%s\n%.*s\n%s", w->err.msg, STR_ARG(text), sql.text);
        }
        if (!row) {
            break;
        }
        struct value v = random_read(w, x, stmt_int(st, 0));
        bool same = v.absent == stmt_is_null(st, 1) &&
                    (v.absent || (v.type == VALUE_TEXT ? str_eq(v.s, stmt_text(st, 1))
                                                       : v.i == stmt_int(st, 1)));
        if (!same) {
            struct str said = v.absent ? STR("absent") : v.type == VALUE_TEXT ? v.s
                                        : arena_fmt(w->scratch, "%" PRId64, v.i);
            disagree(w, text, sql.text, stmt_int(st, 0), arena_cstr(w->scratch, said),
                stmt_is_null(st, 1) ? "NULL" : arena_cstr(w->scratch, stmt_text(st, 1)));
        }
    }
    stmt_end(st);
}

static struct str text_of(struct world *w, const struct expr *x, bool by_number)
{
    struct buf b;

    buf_init(&b, w->scratch, 1 << 20);
    expr_text(x, by_number, &b);
    assert_false(b.failed);
    return buf_str(&b);
}

static struct str json_of(struct world *w, const struct expr *x)
{
    struct buf b;
    struct json_writer out;

    buf_init(&b, w->scratch, 4 << 20);
    json_init(&out, &b);
    expr_json(x, &out, NULL);
    assert_false(b.failed);
    return buf_str(&b);
}

static void same_text(struct str a, struct str b)
{
    if (!str_eq(a, b)) {
        fail_msg("not the same:\n%.*s\n%.*s", STR_ARG(a), STR_ARG(b));
    }
}

/* Text -> tree -> text, by name and by number, and tree -> JSON -> tree. */
static void check_round_trip(struct world *w, const struct expr *x, const struct expr_scope *s)
{
    const struct expr *again;
    struct str text = text_of(w, x, false), json = json_of(w, x);
    json_t *tree;

    if (text.n > EXPR_TEXT_MAX) {
        return;
    }
    for (int by_number = 0; by_number < 2; by_number++) {
        struct str form = text_of(w, x, by_number != 0);
        if (form.n > EXPR_TEXT_MAX) {
            continue;
        }
        if (expr_parse(s, form, NULL, &again, &w->err) != OK) {
            fail_msg("%s\n%.*s", w->err.msg, STR_ARG(form));
        }
        same_text(json_of(w, again), json);
        same_text(text_of(w, again, false), text);
    }
    if (json_read(w->scratch, json, &tree, &w->err) == OK) { /* deep ones are refused */
        assert_ok(expr_from_json(s, tree, NULL, &again, &w->err), w->err);
        same_text(text_of(w, again, false), text);
    }
}

/* A condition about an expression of any type. */
static struct str as_condition(struct maker *m, struct str text, const struct expr *x)
{
    static const char *const signs[] = { "=", ">=", "<", "!=", ">" };
    struct expr_scope s = m->w->scope;
    struct str literal;

    s.mem = m->w->scratch;
    if (x->type == VALUE_BOOL) {
        return text;
    }
    if (x->type == VALUE_CALENDAR) {
        text = arena_fmt(m->w->scratch, "joined + (%.*s)", STR_ARG(text));
        assert_ok(expr_parse(&s, text, NULL, &x, &m->w->err), m->w->err);
    }
    for (int tries = 0; tries < 4; tries++) {
        int64_t id = 1 + (int64_t)rng_below(&m->w->rng, m->w->nrows[CONTACT]);
        struct value v = random_read(m->w, x, id);
        if (random_literal_of(m, x, &v, &literal)) {
            size_t n = x->type == VALUE_CHOICE || x->type == VALUE_REF || x->type == VALUE_BOOL ? 1
                                                                                               : 5;
            return arena_fmt(m->w->scratch, "(%.*s) %s %.*s", STR_ARG(text),
                signs[rng_below(&m->w->rng, n)], STR_ARG(literal));
        }
    }
    return arena_fmt(m->w->scratch, "(%.*s) is not empty", STR_ARG(text));
}

static struct {
    int64_t exact, early, far, never; /* far: given up past five years */
} turns;

static bool holds_at(struct world *w, const struct expr *x, int64_t id, int64_t now)
{
    int64_t then = w->now;

    w->now = now;
    bool yes = verdict(w, x, id);
    w->now = then;
    return yes;
}

/* The answer stands until `next`, and is another from there on. */
static void check_next(struct world *w, const struct expr *x, struct str text)
{
    struct expr_rows rows = world_rows(w);
    struct value v;
    int64_t next;

    w->at = 1 + (int64_t)rng_below(&w->rng, w->nrows[CONTACT]);
    assert_int_equal(
        expr_explain(x, &rows, w->scratch, w->now, w->scope.me, NULL, &next, &v), OK);
    bool yes = !v.absent && v.i;
    assert_true(next > w->now);
    int64_t end = next == INT64_MAX ? w->now + DAYS(365 * 150) : next;
    for (int i = 0; i < 40; i++) {
        int64_t span = end - w->now;
        int64_t t = w->now + (int64_t)(rng_real(&w->rng) * (double)span);
        t = i == 0 ? end - 1 : i % 2 ? w->now + (t - w->now) % DAYS(400) % span : t;
        if (t < end && holds_at(w, x, w->at, t) != yes) {
            fail_msg("seed %" PRIu64 ", zone %s, record %" PRId64 "\n%.*s\nnext is %" PRId64
                     " but the answer %s changed at %" PRId64 ", now %" PRId64, expr_seed,
                zone_name(w->scope.zone), w->at, STR_ARG(text), next, yes ? "yes" : "no", t,
                w->now);
        }
    }
    if (next == INT64_MAX) {
        turns.never++;
    } else if (holds_at(w, x, w->at, next) != yes) {
        turns.exact++;
    } else if (next > w->now + DAYS(365 * 5)) {
        turns.far++;
    } else {
        turns.early++;
    }
    w->at = 0;
}

static struct {
    int64_t narrowed, yes; /* what is left of it asks for something, and held where it held */
} evers;

/* Where it holds at any time there holds what it asks for besides the clock. */
static void check_ever(struct world *w, const struct expr *x, struct str text, const struct expr_scope *s)
{
    const struct expr *ever;
    struct buf b;

    buf_init(&b, w->scratch, EXPR_TEXT_MAX);
    expr_ever(x, &b);
    if (!b.n || b.failed) {
        return;
    }
    if (expr_condition(s, buf_str(&b), NULL, &ever, &w->err) != OK) {
        fail_msg("%s\n%.*s\n%.*s", w->err.msg, STR_ARG(text), STR_ARG(buf_str(&b)));
    }
    assert_false(expr_uses_now(ever));
    evers.narrowed++;
    w->at = 1 + (int64_t)rng_below(&w->rng, w->nrows[CONTACT]);
    bool may = holds_at(w, ever, w->at, w->now);
    for (int i = 0; i < 20; i++) {
        int64_t t = w->now + (int64_t)(rng_real(&w->rng) * (double)DAYS(i % 2 ? 400 : 365 * 100)) * (i > 0);
        if (!holds_at(w, x, w->at, t)) {
            continue;
        }
        evers.yes++;
        if (!may) {
            fail_msg("seed %" PRIu64 ", record %" PRId64 "\n%.*s\nholds at %" PRId64 ", but not\n%.*s", expr_seed, w->at,
                STR_ARG(text), t, STR_ARG(buf_str(&b)));
        }
    }
    w->at = 0;
}

static bool one(struct world *w, struct maker *m, struct str text, struct tally *t)
{
    struct expr_scope s = w->scope;
    const struct expr *x;

    s.mem = w->scratch;
    if (expr_parse(&s, text, NULL, &x, &w->err) != OK) {
        if (w->err.code != ERR_INVALID) {
            fail_msg("%s", w->err.msg);
        }
        t->refused++;
        if (getenv("KITH_EXPR_REFUSED")) {
            fprintf(stderr, "%s <- %.*s\n", w->err.msg, STR_ARG(text));
        }
        return false;
    }
    check_round_trip(w, x, &s);
    bool plain = x->type != VALUE_CALENDAR && x->type != VALUE_LIST && x->type != VALUE_PLACE;
    if (plain && x->type != VALUE_MONEY) {
        check_value(w, x, text, t);
    }
    text = as_condition(m, text, x);
    if (expr_condition(&s, text, NULL, &x, &w->err) != OK) {
        t->refused++;
        return false;
    }
    check_condition(w, x, text, t);
    t->made++;
    for (int i = 0; i < 2 && x->clock; i++) {
        check_next(w, x, text);
        check_ever(w, x, text, &s);
    }
    text = arena_fmt(w->scratch, "not (%.*s)", STR_ARG(text));
    if (expr_condition(&s, text, NULL, &x, &w->err) == OK) {
        struct tally ignored = { 0 };
        check_condition(w, x, text, &ignored);
    }
    return true;
}

/* ---- all of them ---- */

static const char *const zones[] = { "Europe/Berlin", "UTC", "America/New_York", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca" };

/* One expression of each kind; with top_up only of those that have been met too seldom. */
static void round_of(struct world *w, int depth, bool top_up)
{
    for (size_t i = 0; i < ntallies; i++) {
        struct tally *t = &tallies[i];
        if (top_up && t->yes >= 20 && t->no >= 20) {
            continue;
        }
        struct arena_mark mark = arena_mark(w->scratch);
        for (int tries = 0; tries < 12; tries++) {
            struct maker m = { w, CONTACT, depth };
            enum value_type type;
            struct str text = i < nrecipes
                ? random_of(&m, &t->recipe)
                : random_rows(&m, (enum expr_rows_op)(i - nrecipes), &type);
            if (text.n && one(w, &m, text, t)) {
                break;
            }
        }
        arena_rewind(w->scratch, mark);
    }
}

static void start_tallies(void)
{
    nrecipes = random_recipes(recipes, sizeof recipes / sizeof *recipes);
    memset(tallies, 0, sizeof tallies);
    for (ntallies = 0; ntallies < nrecipes; ntallies++) {
        tallies[ntallies].recipe = recipes[ntallies];
        name_tally(&tallies[ntallies], &recipes[ntallies]);
    }
    for (int op = 0; op <= ROWS_AVG; op++) {
        snprintf(tallies[ntallies++].name, sizeof tallies->name, "%s()",
            expr_rows_name((enum expr_rows_op)op));
    }
}

static void report(const char *backend, int64_t millis)
{
    int64_t made = 0, yes = 0, no = 0, least_yes = INT64_MAX, least_no = INT64_MAX, refused = 0;

    for (size_t i = 0; i < ntallies; i++) {
        const struct tally *t = &tallies[i];
        printf("%-34s %8" PRId64 " yes %8" PRId64 " no\n", t->name, t->yes, t->no);
        made += t->made;
        refused += t->refused;
        yes += t->yes;
        no += t->no;
        least_yes = t->yes < least_yes ? t->yes : least_yes;
        least_no = t->no < least_no ? t->no : least_no;
    }
    printf("%s: %" PRId64 " expressions of %zu kinds (%" PRId64 " refused), %" PRId64 " yes, "
        "%" PRId64
           " no, at least %" PRId64 " yes and %" PRId64 " no of each kind, %" PRId64 " ms\n",
        backend, made, ntallies, refused, yes, no, least_yes, least_no, millis);
    printf("next change: %" PRId64 " exact, %" PRId64 " never, %" PRId64 " none for five years, "
        "%" PRId64
           " early\n", turns.exact, turns.never, turns.far, turns.early);
    printf("narrowed: %" PRId64 ", held %" PRId64 " times\n", evers.narrowed, evers.yes);
    assert_true(evers.narrowed > expr_rounds && evers.yes > expr_rounds);
    assert_true(refused < made);
    assert_true(turns.exact > 10 * expr_rounds && turns.never > 5 * expr_rounds);
}

static void run_backend(enum db_backend backend)
{
    struct timespec a, b;
    bool pg = backend == DB_POSTGRES;

    clock_gettime(CLOCK_MONOTONIC, &a);
    start_tallies();
    memset(&turns, 0, sizeof turns);
    for (int round = 0; round < expr_rounds; round++) {
        struct world *w = world_make(expr_seed * 1000 + (uint64_t)round,
            zones[(size_t)round % (sizeof zones / sizeof *zones)]);
        world_fill(w);
        world_store(w, backend);
        for (int depth = 1; depth <= 3; depth++) {
            round_of(w, depth, false);
        }
        for (int more = 0; more < 60 && round == expr_rounds - 1; more++) {
            round_of(w, 1, true);
        }
        world_end(w);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    report(pg ? "PostgreSQL" : "SQLite",
        (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
    for (size_t i = 0; i < ntallies; i++) {
        const struct tally *t = &tallies[i];
        if (t->yes < 20 || t->no < 20) {
            fail_msg("%s: only %" PRId64 " yes and %" PRId64 " no", t->name, t->yes, t->no);
        }
    }
}

static void memory_and_sqlite_agree(void **state)
{
    (void)state;
    run_backend(DB_SQLITE);
}

static void memory_and_postgres_agree(void **state)
{
    (void)state;
    if (!getenv("KITH_TEST_PG")) {
        puts("skipped: PostgreSQL, because KITH_TEST_PG is not set");
        return;
    }
    run_backend(DB_POSTGRES);
}

int test_expr_random(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_and_sqlite_agree),
        cmocka_unit_test(memory_and_postgres_agree),
    };

    return cmocka_run_group_tests_name("expr random", tests, NULL, NULL);
}
