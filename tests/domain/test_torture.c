/* test_torture.c - makes each chosen database step of an operation fail, with each code that a database
 * can answer: the error comes back, nothing of the call is kept, and the next call works.
 *
 * The fault is set inside the call, on the thread that runs it. KITH_TORTURE=all takes every step. */

#include "domain.h"

#include "base/rand.h"
#include "model/import.h"
#include "model/merge.h"
#include "model/sqltext.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 10, LAST = 5, SEEDED = 5, BEHIND = 12 };

struct shot {
    struct world *w;
    int64_t company, other, contact, set; /* what the operation is about */
    int64_t round;
    int64_t at; /* this step fails, 0 for none */
    enum err_code code;
    bool after_body; /* the step is the engine's, after the operation: it fails in the first try only */
    bool tried;
    int64_t steps; /* counted in the operation */
    int64_t all;   /* and to the end of its call */
    step_fn *fn;
};

/* ---- the operations ---- */

static enum err_code put(
    struct call *c, const char *entity, int64_t id, struct str json, int64_t *made)
{
    struct record *r = record_of(c, entity);
    json_t *tree;

    TRY(json_read(c->mem, json, &tree, &c->err));
    TRY(record_fill(c, r, tree));
    r->id = id;
    TRY(id ? record_update(c, r) : record_create(c, r));
    if (made) {
        *made = r->id;
    }
    return OK;
}

static struct str contact_text(struct call *c, const struct shot *s, int64_t company, const char *tag)
{
    return arena_fmt(c->mem,
        "{\"first_name\": \"Ada\", \"last_name\": \"Round %" PRId64 "\", \"company\": %" PRId64
        ", \"emails\": [{\"address\": \"a%" PRId64 "@example.org\", \"primary\": true},"
        " {\"address\": \"b%" PRId64 "@example.org\"}], \"phones\": [{\"number\": \"+49 30 %" PRId64
        "\"}], \"tags\": [\"%s\", \"vip\"], \"external_id\": \"T%" PRId64 "\"}",
        s->round, company, s->round, s->round, 5550000 + s->round, tag, s->round);
}

static enum err_code create_contact(struct call *c, void *arg)
{
    struct shot *s = arg;

    return put(c, "contact", 0, contact_text(c, s, s->company, "blue"), NULL);
}

/* A tag that nobody used makes a choice, and with it a new snapshot of the model. */
static enum err_code create_with_new_tag(struct call *c, void *arg)
{
    struct shot *s = arg;
    struct str tag = arena_fmt(c->mem, "tag %" PRId64, s->round);

    return put(c, "contact", 0, contact_text(c, s, s->company, tag.p), NULL);
}

static enum err_code update_contact(struct call *c, void *arg)
{
    struct shot *s = arg;

    return put(c, "contact", s->contact, contact_text(c, s, s->company, "green"), NULL);
}

static enum err_code delete_and_restore(struct call *c, void *arg)
{
    struct shot *s = arg;
    const struct live_entity *e = model_entity(c->model, STR("contact"));

    TRY(record_delete(c, e, s->contact, 0));
    TRY(record_restore(c, e, s->contact));
    return record_delete(c, e, s->contact, 0);
}

static enum err_code undo_it(struct call *c, void *arg)
{
    return undo_change_set(c, ((struct shot *)arg)->set, &(int64_t) { 0 });
}

static enum err_code merge_contacts(struct call *c, void *arg)
{
    struct shot *s = arg;
    int64_t ids[2] = { s->contact, 0 };
    struct merging *m;

    TRY(put(c, "contact", 0, contact_text(c, s, s->company, "blue"), &ids[1]));
    TRY(put(c, "task", 0,
        arena_fmt(c->mem, "{\"title\": \"Call\", \"contact\": %" PRId64 "}", ids[1]), NULL));
    TRY(merge_open(c, model_entity(c->model, STR("contact")), ids, 2, &m));
    return merge_run(c, m, NULL, NULL);
}

static enum err_code import_some(struct call *c, void *arg)
{
    struct shot *s = arg;
    json_t *input;
    struct str text = arena_fmt(c->mem,
        "{\"columns\": [\"First name\", \"Last name\", \"E-mails\", \"Company\", \"External id\"],"
        " \"first_row\": 1, \"key\": \"external_id\", \"rows\": ["
        "[\"Eve\", \"One %" PRId64 "\", \"e%" PRId64 "@example.org\", \"Torture Ltd\", \"I%" PRId64 "\"],"
        "[\"Bob\", \"Two %" PRId64 "\", \"f%" PRId64 "@example.org\", \"Nobody\", \"J%" PRId64 "\"],"
        "[\"Max\", \"Three %" PRId64 "\", \"same@example.org\", \"Torture Ltd\", \"S\"]]}",
        s->round, s->round, s->round, s->round, s->round, s->round, s->round);

    TRY(json_read(c->mem, text, &input, &c->err));
    return import_chunk(c, model_entity(c->model, STR("contact")), input);
}

static enum err_code add_field(struct call *c, void *arg)
{
    const struct shot *s = arg;

    return put(c, "field", 0,
        arena_fmt(c->mem, "{\"entity\": \"contact\", \"name\": \"x_torture_%" PRId64 "\", \"kind\": \"text\"}", s->round), NULL);
}

/* ---- everything that is stored, as one line per table ---- */

static enum err_code sum_table(struct call *c, const char *table, struct buf *out)
{
    struct rows rows;
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    uint64_t sum = 0;
    int64_t n = 0;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    /* as one text where a prepared statement may not change its columns, as it would once a field is added */
    if (world_is_postgres()) {
        sql_lit(&s, "SELECT CAST(t AS text) FROM ");
    } else {
        sql_lit(&s, "SELECT * FROM ");
    }
    sql_ident(&s, table);
    sql_lit(&s, " t");
    TRY(sqltext_end(&s, &sql, &v, &c->err));
    TRY(db_query(c, &rows, sql, v));
    while (rows_next(&rows)) {
        uint64_t h = 14695981039346656037u;
        for (int i = 0; i < stmt_columns(rows.st); i++) {
            struct str text = stmt_text(rows.st, i);
            for (size_t k = 0; k < text.n; k++) {
                h = (h ^ (uint8_t)text.p[k]) * 1099511628211u;
            }
            h = (h ^ (stmt_is_null(rows.st, i) ? 257u : 256u)) * 1099511628211u;
        }
        sum += h;
        n++;
    }
    buf_fmt(out, "%s %" PRId64 " %016" PRIx64 "\n", table, n, sum);
    return rows_end(&rows);
}

static enum err_code sum_all(struct call *c, void *arg)
{
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (int t = 0; t <= e->nside; t++) {
            TRY(sum_table(c, e->tables[t], arg));
        }
    }
    return OK;
}

static struct str sums(struct world *w)
{
    struct buf b;

    buf_init(&b, w->mem, 1 << 20);
    reads(w, sum_all, &b);
    return buf_str(&b);
}

static void say_difference(struct str before, struct str after)
{
    struct str a, b;

    while (str_split(&before, '\n', &a) && str_split(&after, '\n', &b)) {
        if (!str_eq(a, b)) {
            print_error("  was %.*s, is %.*s\n", STR_ARG(a), STR_ARG(b));
        }
    }
}

/* ---- shooting ---- */

static enum err_code under_fire(struct call *c, void *arg)
{
    struct shot *s = arg;
    int64_t extra = s->after_body ? s->steps : 0;

    (void)db_fail_at(0, OK);
    if (s->at && !(s->after_body && s->tried)) {
        (void)db_fail_at(s->at + extra, s->code);
    }
    s->tried = true;
    enum err_code code = s->fn(c, s);
    if (!s->after_body) {
        int64_t steps = db_fail_at(0, OK);
        s->steps = code == OK ? steps : s->steps;
    }
    return code;
}

static enum err_code cease(struct call *c, void *arg)
{
    (void)c;
    *(int64_t *)arg = db_fail_at(0, OK);
    return OK;
}

static enum err_code shoot(struct shot *s, int64_t at, enum err_code code, bool after_body)
{
    struct arena *mem = arena_create((size_t)s->w->cfg.arena_max);
    struct call c;

    s->at = at;
    s->code = code;
    s->after_body = after_body;
    s->tried = false;
    call_init(&c, s->w->org, mem, user_system(), VIA_API);
    enum err_code got = call_write(&c, under_fire, s);
    s->w->err = c.err;
    arena_destroy(mem);
    s->w->org->read_only = false; /* a full disk stops writing until somebody looks */
    writes(s->w, cease, &s->all);
    return got;
}

static void set_up(struct shot *s, step_fn *fn)
{
    struct world *w = s->w;
    char json[400];

    s->round++;
    s->fn = fn;
    if (!s->company) {
        s->company = make(w, "company", "{\"name\": \"Torture Ltd\"}");
        s->other = make(w, "company", "{\"name\": \"Other Ltd\"}");
    }
    snprintf(json, sizeof json,
        "{\"first_name\": \"Old\", \"last_name\": \"Round %" PRId64 "\", \"company\": %" PRId64
        ", \"emails\": [{\"address\": \"old%" PRId64 "@example.org\"}], \"tags\": [\"vip\", \"blue\"]}",
        s->round, s->company, s->round);
    s->contact = make(w, "contact", json);
    snprintf(json, sizeof json,
        "{\"last_name\": \"Changed\", \"company\": %" PRId64 ", \"tags\": [\"green\"]}", s->other);
    change(w, "contact", s->contact, json);
    s->set = last_change_set(w);
}

/* One fault: all or nothing, and then the same operation without it. */
static void fail_once(struct shot *s, step_fn *fn, int64_t at, enum err_code code, bool after_body)
{
    set_up(s, fn);
    struct str before = sums(s->w);
    enum err_code got = shoot(s, at, code, after_body);
    bool right = got == code || (after_body && got == OK);

    if (!right) {
        print_error("step %" PRId64 " failed with %s, the call answered %s %s\n", at, err_name(code),
            err_name(got), s->w->err.msg);
    }
    assert_true(right);
    struct str after = sums(s->w);
    if (got != OK && !str_eq(before, after)) {
        print_error("something is kept of a call whose step %" PRId64 " failed with %s:\n", at,
            err_name(code));
        say_difference(before, after);
    }
    assert_int_equal(got == OK, !str_eq(before, after));
    if (got == OK) {
        return;
    }
    enum err_code again = shoot(s, 0, OK, false);
    if (again != OK) {
        print_error("after step %" PRId64 " failed with %s the next call answered %s %s\n", at,
            err_name(code), err_name(again), s->w->err.msg);
    }
    assert_int_equal(again, OK);
}

static void torture(struct world *w, step_fn *fn)
{
    static const enum err_code codes[] = { ERR_BUSY, ERR_FULL, ERR_INTERNAL };
    struct shot s = { .w = w, .round = time_monotonic() % 1000000 };
    struct rng r = { 7 };
    const char *word = getenv("KITH_TORTURE");
    bool every = word && strcmp(word, "all") == 0;
    int64_t n = 0;

    for (int i = 0; i < 2; i++) { /* the second is as all further ones */
        set_up(&s, fn);
        assert_int_equal(shoot(&s, 0, OK, false), OK);
    }
    int64_t steps = s.steps;
    assert_true(steps > FIRST);
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
        for (int64_t at = 1; at <= steps; at++) {
            if (every || at <= FIRST || at > steps - LAST) {
                fail_once(&s, fn, at, codes[k], false);
                n++;
            }
        }
        for (int i = 0; i < SEEDED && !every; i++, n++) {
            fail_once(&s, fn, 1 + (int64_t)rng_below(&r, (uint64_t)steps), codes[k], false);
        }
        /* what ends the call: the release of its savepoint, where it has one, and the commit */
        for (int64_t at = 1; at <= (world_is_postgres() ? 1 : 2); at++, n++) {
            s.steps = steps;
            fail_once(&s, fn, at, codes[k], true);
        }
        /* a new snapshot of the model is made after the body, in more steps than these */
        for (int i = 0; i < SEEDED && fn == create_with_new_tag; i++, n++) {
            s.steps = steps;
            fail_once(&s, fn, 1 + (int64_t)rng_below(&r, 500), codes[k], true);
        }
    }
    print_message("%" PRId64 " steps, %" PRId64 " faults\n", steps, n);
}

/* What is done to the tables after the body: a model is made, and must be gone again. */
static void torture_rebuild(struct world *w, step_fn *fn)
{
    static const enum err_code codes[] = { ERR_BUSY, ERR_FULL, ERR_INTERNAL };
    struct shot s = { .w = w };
    struct rng r = { 8 };

    set_up(&s, fn);
    assert_int_equal(shoot(&s, 0, OK, false), OK);
    int64_t steps = s.steps, behind = s.all - s.steps;
    assert_true(behind > BEHIND);
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
        for (int64_t i = 0; i < BEHIND; i++) {
            int64_t at = i < BEHIND / 2 ? behind - i : 1 + (int64_t)rng_below(&r, (uint64_t)behind);
            s.steps = steps;
            fail_once(&s, fn, at, codes[k], true);
        }
    }
    print_message("%" PRId64 " steps after the body\n", behind);
}

/* ---- leaving from inside a savepoint ---- */

static enum err_code fill_memory(struct call *c, void *arg)
{
    ((struct shot *)arg)->round++; /* another one */
    TRY(create_contact(c, arg));
    for (;;) {
        (void)arena_alloc(c->mem, 1 << 20);
    }
}

static enum err_code too_large_inside(struct call *c, void *arg)
{
    TRY(create_contact(c, arg));
    return call_nested(c, fill_memory, arg);
}

static void reaching_the_ceiling_in_a_savepoint__keeps_nothing(void **state)
{
    struct world *w = *state;
    struct shot s = { .w = w, .round = time_monotonic() % 1000000 };

    for (int i = 0; i < 3; i++) {
        set_up(&s, create_contact);
        struct str before = sums(w);
        assert_int_equal(write_fails(w, too_large_inside, &s), ERR_TOO_LARGE);
        struct str after = sums(w);
        say_difference(before, after);
        assert_true(str_eq(before, after));
        writes(w, create_contact, &s);
    }
}

#define TORTURE(name, fn)                                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        torture(*state, fn);                                                                       \
    }

TORTURE(creating_a_contact__is_all_or_nothing, create_contact)
TORTURE(creating_a_contact_with_a_new_tag__is_all_or_nothing, create_with_new_tag)
TORTURE(changing_a_contact__is_all_or_nothing, update_contact)
TORTURE(deleting_and_restoring__is_all_or_nothing, delete_and_restore)
TORTURE(undoing_a_change_set__is_all_or_nothing, undo_it)
TORTURE(importing_a_chunk__is_all_or_nothing, import_some)
TORTURE(merging__is_all_or_nothing, merge_contacts)

static void adding_a_field__is_all_or_nothing(void **state)
{
    torture_rebuild(*state, add_field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creating_a_contact__is_all_or_nothing),
        cmocka_unit_test(creating_a_contact_with_a_new_tag__is_all_or_nothing),
        cmocka_unit_test(changing_a_contact__is_all_or_nothing),
        cmocka_unit_test(deleting_and_restoring__is_all_or_nothing),
        cmocka_unit_test(undoing_a_change_set__is_all_or_nothing),
        cmocka_unit_test(importing_a_chunk__is_all_or_nothing),
        cmocka_unit_test(merging__is_all_or_nothing),
        cmocka_unit_test(adding_a_field__is_all_or_nothing),
        cmocka_unit_test(reaching_the_ceiling_in_a_savepoint__keeps_nothing),
    };

    return cmocka_run_group_tests_name("torture", tests, world_open, world_close);
}
