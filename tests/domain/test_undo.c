/* test_undo.c - random change sets over every entity and kind of field, undone in random order.
 *
 * Entities, fields and values come from the live model: a new entity or kind is in the test by itself. A
 * refused undo must name the record in the way and is tried again later; at the end the tables equal what
 * they were, but for version, updated_*, history, feed and sequences. */

#include "domain.h"
#include "model/merge.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PER_ENTITY = 40, SETS_MAX = 20000 };

struct play {
    struct rng r;
    int64_t sets[SETS_MAX];
    size_t nsets;
    int64_t made[4000], changed[4000], binned[4000]; /* per entity */
    int64_t merged[4000];
    int64_t refused;
};

struct act {
    struct play *p;
    const char *entity;
    int64_t change_set;
};

static int64_t another_record(struct call *c, struct play *p, const struct live_entity *e, int64_t id)
{
    int64_t other = 0;

    for (int i = 0; i < 5 && (!other || other == id); i++) {
        other = some_record(c, &p->r, e);
    }
    return other == id ? 0 : other;
}

/* Two or three records into one, sometimes with a choice of whose value wins. */
static enum err_code merge_some(struct call *c, struct play *p, const struct live_entity *e, int64_t id)
{
    int64_t ids[3] = { id, another_record(c, p, e, id), 0 };
    json_t *fields = json_pack("{}");
    struct merging *m;
    size_t n = 2;

    arena_defer(c->mem, (void (*)(void *))json_decref, fields);
    if (!ids[1]) {
        return OK;
    }
    ids[2] = another_record(c, p, e, id);
    n += ids[2] && ids[2] != ids[1];
    for (size_t i = 0; i < e->nfields; i++) {
        if (merge_decides(e->fields[i]) && rng_below(&p->r, 4) == 0) {
            json_object_set_new(fields, e->fields[i]->name.p, json_integer(ids[rng_below(&p->r, n)]));
        }
    }
    TRY(merge_open(c, e, ids, n, &m));
    TRY(merge_run(c, m, fields, NULL));
    p->merged[e->index]++;
    return OK;
}

static enum err_code act_once(struct call *c, struct play *p, const struct live_entity *e)
{
    struct record *r = record_new(c, e);
    int64_t id = some_record(c, &p->r, e);
    uint64_t what = id ? rng_below(&p->r, 10) : 0;

    if (what < 4) {
        TRY(record_fill(c, r, random_object(c, &p->r, e, true)));
        TRY(record_create(c, r));
        p->made[e->index]++;
        return OK;
    }
    if (what < 8) {
        TRY(record_fill(c, r, random_object(c, &p->r, e, false)));
        r->id = id;
        TRY(record_update(c, r));
        p->changed[e->index]++;
        return OK;
    }
    if (what == 8 && rng_below(&p->r, 2)) {
        return merge_some(c, p, e, id);
    }
    TRY(record_delete(c, e, id, 0));
    p->binned[e->index]++;
    return OK;
}

static enum err_code act(struct call *c, void *arg)
{
    struct act *a = arg;
    const struct live_entity *e = model_entity(c->model, str_of(a->entity));

    TRY(act_once(c, a->p, e));
    if (rng_below(&a->p->r, 4) == 0) {
        TRY(act_once(c, a->p, e));
    }
    a->change_set = c->change_set;
    return OK;
}

/* ---- a dump of every table of records, without what may differ ---- */

static enum err_code dump_entity(struct call *c, const struct live_entity *e, struct buf *out)
{
    for (int t = 0; t <= e->nside; t++) {
        struct rows rows;
        struct sqltext s;
        struct sql sql;
        struct dbvals v;
        sqltext_init(&s, c->mem, conn_backend(c->db));
        sql_lit(&s, "SELECT \"id\"");
        for (struct live_field **f = e->table_fields[t]; *f; f++) {
            if (str_is((*f)->name, "version") || str_is((*f)->name, "updated_at")
                || str_is((*f)->name, "updated_by")) {
                continue;
            }
            for (int i = 0; i < (*f)->ncolumns; i++) {
                sql_lit(&s, ", ");
                sql_ident(&s, (*f)->columns[i].name);
            }
            if ((*f)->key_column) {
                sql_lit(&s, ", ");
                sql_ident(&s, (*f)->key_column);
            }
        }
        sql_lit(&s, " FROM ");
        sql_ident(&s, e->tables[t]);
        sql_lit(&s, " ORDER BY \"id\"");
        TRY(sqltext_end(&s, &sql, &v, &c->err));
        TRY(db_query(c, &rows, sql, v));
        while (rows_next(&rows)) {
            buf_add(out, e->name);
            for (int i = 0; i < stmt_columns(rows.st); i++) {
                buf_byte(out, '|');
                if (!stmt_is_null(rows.st, i)) {
                    buf_add(out, stmt_text(rows.st, i));
                } else {
                    buf_lit(out, "\\N");
                }
            }
            buf_byte(out, '\n');
        }
        TRY(rows_end(&rows));
    }
    return OK;
}

static enum err_code dump(struct call *c, void *arg)
{
    struct buf *out = arg;
    struct rows rows;

    for (size_t i = 0; i < c->model->nentities; i++) {
        if (plays(c->model->entities[i])) {
            TRY(dump_entity(c, c->model->entities[i], out));
        }
    }
    TRY(db_query(c, &rows,
        SQL("SELECT 'e', \"entity\", \"record\", \"field\", \"position\", \"key\" FROM \"part_emails\""
            " UNION ALL SELECT 'p', \"entity\", \"record\", \"field\", \"position\", \"key\" FROM"
            " \"part_phones\" UNION ALL SELECT 'a', \"entity\", \"record\", \"field\", \"position\","
            " \"key\" FROM \"part_addresses\" UNION ALL SELECT 'u', \"entity\", \"record\","
            " \"field\", \"position\", \"key\" FROM \"part_urls\" UNION ALL SELECT 'k', \"field\","
            " \"record\", \"choice\", 0, '' FROM \"picks\" ORDER BY 1, 2, 3, 4, 5, 6"),
        VALS()));
    while (rows_next(&rows)) {
        for (int i = 0; i < 6; i++) {
            buf_add(out, stmt_text(rows.st, i));
            buf_byte(out, '|');
        }
        buf_byte(out, '\n');
    }
    return rows_end(&rows);
}

static struct str dump_all(struct world *w)
{
    struct buf b;

    buf_init(&b, w->mem, 256 << 20);
    reads(w, dump, &b);
    return buf_str(&b);
}

static enum err_code names_of(struct call *c, void *arg)
{
    struct buf *b = arg;

    for (size_t i = 0; i < c->model->nentities; i++) {
        if (plays(c->model->entities[i])) {
            buf_fmt(b, "%s ", c->model->entities[i]->name.p);
        }
    }
    return OK;
}

static void play(struct world *w, struct play *p, struct str names, size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        struct str rest = names, name;
        while (str_split(&rest, ' ', &name)) {
            struct act a = { p, arena_cstr(w->mem, name), 0 };
            struct arena *mem = arena_create(0);
            struct call c;
            call_init(&c, w->org, mem, user_system(), VIA_API);
            enum err_code code = call_write(&c, act, &a);
            if (code == ERR_INTERNAL) {
                print_error("%s: %s\n", a.entity, c.err.msg);
            }
            assert_int_not_equal(code, ERR_INTERNAL);
            if (code == OK && a.change_set && p->nsets < SETS_MAX) {
                p->sets[p->nsets++] = a.change_set;
            }
            arena_destroy(mem);
        }
    }
}

static enum err_code undo_one(struct call *c, void *arg)
{
    return undo_change_set(c, *(int64_t *)arg, &(int64_t) { 0 });
}

static bool try_undo(struct world *w, struct play *p, int64_t set, bool loud)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, w->org, mem, user_system(), VIA_API);
    enum err_code code = call_write(&c, undo_one, &set);
    if (code != OK) {
        if (code != ERR_CONFLICT) {
            print_error("change set %lld: %s (%s)\n", (long long)set, c.err.msg, c.err.field);
        }
        assert_int_equal(code, ERR_CONFLICT);
        if (!strpbrk(c.err.msg, "0123456789")) {
            print_error("change set %lld: %s (%s)\n", (long long)set, c.err.msg, c.err.field);
        }
        /* "... 12 ...": the record in the way has a number */
        assert_non_null(strpbrk(c.err.msg, "0123456789"));
        p->refused++;
        if (loud) {
            print_error("change set %lld: %s\n", (long long)set, c.err.msg);
        }
    }
    arena_destroy(mem);
    return code == OK;
}

static void undo_all(struct world *w, struct play *p)
{
    size_t left = p->nsets;

    for (int round = 0; left > 0; round++) {
        size_t before = left;
        for (size_t i = left; i > 1; i--) {
            size_t k = rng_below(&p->r, i);
            int64_t other = p->sets[k];
            p->sets[k] = p->sets[i - 1];
            p->sets[i - 1] = other;
        }
        for (size_t i = 0; i < left;) {
            if (try_undo(w, p, p->sets[i], false)) {
                p->sets[i] = p->sets[--left];
            } else {
                i++;
            }
        }
        if (left == before) {
            print_error("%zu change sets can never be undone, the first is %lld\n", left,
                (long long)p->sets[0]);
            for (size_t i = 0; i < left; i++) {
                (void)try_undo(w, p, p->sets[i], true);
            }
        }
        assert_true(left < before);
    }
}

static void report(struct world *w, const struct play *p)
{
    const struct model *m = org_take_model(w->org);

    for (size_t i = 0; i < m->nentities; i++) {
        if (plays(m->entities[i]) && !m->entities[i]->custom) {
            print_message("%-24s made %4lld changed %4lld binned %4lld merged %4lld\n",
                m->entities[i]->name.p, (long long)p->made[i], (long long)p->changed[i],
                (long long)p->binned[i], (long long)p->merged[i]);
        }
    }
    org_give_model(w->org, m);
}

static void random_change_sets__are_undone_in_random_order(void **state)
{
    struct world *w = *state;
    struct play *p = calloc(1, sizeof *p);
    struct buf names;
    const char *rounds = getenv("KITH_UNDO_ROUNDS");

    p->r.state = 20260101;
    buf_init(&names, w->mem, 1 << 16);
    reads(w, names_of, &names);
    play(w, p, buf_str(&names), 3); /* what was there before */
    p->nsets = 0;
    struct str before = dump_all(w);
    play(w, p, buf_str(&names), rounds ? strtoul(rounds, NULL, 10) : PER_ENTITY);
    report(w, p);
    size_t sets = p->nsets;
    struct str between = dump_all(w);
    assert_false(str_eq(before, between));
    undo_all(w, p);
    struct str after = dump_all(w);
    print_message("%zu change sets undone, %lld refusals on the way\n", sets, (long long)p->refused);
    if (!str_eq(before, after)) {
        size_t at = 0;
        while (at < before.n && at < after.n && before.p[at] == after.p[at]) {
            at++;
        }
        size_t from = at > 300 ? at - 300 : 0; /* cmocka prints some 1,000 bytes at a time */
        print_error("before: %.*s\n", STR_ARG(str_sub(before, from, 800)));
        print_error("after: %.*s\n", STR_ARG(str_sub(after, from, 800)));
    }
    assert_true(str_eq(before, after));
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_change_sets__are_undone_in_random_order),
    };

    return cmocka_run_group_tests_name("undo", tests, world_open, world_close);
}
