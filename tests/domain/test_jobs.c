/* test_jobs.c - work in the background: what is written twice counts once, a lease is one worker's, and what a call
 * takes back or gives back.
 *
 * On SQLite every batch of the writer is lost once here, as by a commit that fails, and its calls run again. */

#include "domain.h"

#include "model/auth.h"
#include "model/file.h"
#include "model/import_ahead.h"
#include "model/import_stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PEOPLE = 2300, ZONES = 2100, TWINS = 230 };

struct asked {
    struct sql sql;
    int64_t n;
};

static enum err_code ask(struct call *c, void *arg)
{
    struct asked *a = arg;

    return db_int(c, &a->n, a->sql, VALS());
}

static int64_t number(struct world *w, struct sql sql)
{
    struct asked a = { sql, 0 };

    reads(w, ask, &a);
    return a.n;
}

struct many {
    const char *entity, *field;
    int from, n;
};

static enum err_code make_some(struct call *c, void *arg)
{
    const struct many *m = arg;

    for (int i = m->from; i < m->from + m->n; i++) {
        struct record *r = record_of(c, m->entity);
        json_t *tree = json_pack("{s:s}", m->field, arena_fmt(c->mem, "Person %d", i).p);
        arena_defer(c->mem, (void (*)(void *))json_decref, tree);
        TRY(record_fill(c, r, tree));
        TRY(record_create(c, r));
    }
    return OK;
}

static void make_many(struct world *w, const char *entity, const char *field, int n)
{
    for (int from = 0; from < n; from += 100) {
        writes(w, make_some, &(struct many) { entity, field, from, n - from < 100 ? n - from : 100 });
    }
}

/* The clock of a test stands still: what was ordered for later is due now. */
static enum err_code all_is_due(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"due\" = $1 WHERE \"state\" = 'waiting' AND \"kind\" IN ('lookup', 'match_sweep')"),
        VALS(V(c->now)));
}

static void settle(struct world *w)
{
    writes(w, all_is_due, NULL);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
}

/* ---- twice ---- */

static void a_pass_of_a_lookup__sees_each_record_once(void **state)
{
    struct world *w = *state;

    make(w, "object", "{\"name\": \"x_zone\", \"plural\": \"x_zones\"}");
    make(w, "field", "{\"entity\": \"x_zone\", \"name\": \"x_code\", \"kind\": \"text\"}");
    make_many(w, "contact", "last_name", PEOPLE);
    make_many(w, "x_zone", "x_code", ZONES);
    make(w, "field",
        "{\"entity\": \"contact\", \"name\": \"x_zone\", \"kind\": \"reference\", \"target\": \"x_zone\", \"lookup\":"
        " [{\"field\": \"last_name\", \"key\": \"x_code\"}]}");
    settle(w);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"lookup_keys\"")), ZONES);
    assert_int_equal(count(w, "contact", "x_zone is not empty"), ZONES);
    assert_int_equal(count(w, "contact", "x_zone is not empty and x_zone.x_code != last_name"), 0);
    assert_int_equal(
        number(w, SQL("SELECT count(*) FROM \"jobs\" WHERE \"kind\" = 'lookup' AND \"result\" LIKE '%\"matched\": 2100,%'")), 1);
}

static void a_segment__has_everybody(void **state)
{
    struct world *w = *state;

    make(w, "segment", "{\"name\": \"Persons\", \"code\": \"persons\", \"where\": \"last_name starts with 'Person '\"}");
    settle(w);
    assert_int_equal(count(w, "contact", "in_segment('persons')"), PEOPLE);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"segment_changes\" WHERE \"kind\" = 'e'")), PEOPLE);
    change(w, "segment", 1, "{\"where\": \"last_name = 'Person 7'\"}");
    settle(w);
    assert_int_equal(count(w, "contact", "in_segment('persons')"), 1);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"segment_changes\" WHERE \"kind\" = 'l'")), PEOPLE - 1);
}

static void drain(struct world *w)
{
    assert_int_equal(workers_drain(w->org, &w->err), OK);
}

/* What is looked for is looked for of all changes of a batch together: of records whose keys are not stored yet, too. */
static void twins_of_one_batch__are_a_pair_until_one_changes(void **state)
{
    struct world *w = *state;
    int64_t ids[3];

    drain(w);
    int64_t pairs = count(w, "duplicate", "state = 'open'");
    int64_t found = number(w, SQL("SELECT count(*) FROM \"match_records\""));
    for (int i = 0; i < 3; i++) {
        ids[i] = make(w, "contact",
            i == 2 ? "{\"last_name\": \"Other\", \"first_name\": \"Bo\"}"
                   : "{\"last_name\": \"Batchtwin\", \"first_name\": \"Ada\", \"birthday\": \"1980-04-17\"}");
    }
    drain(w);
    assert_int_equal(count(w, "duplicate", "state = 'open'"), pairs + 1);
    change(w, "contact", ids[0], "{\"description\": \"says nothing of who it is\"}");
    drain(w);
    assert_int_equal(count(w, "duplicate", "state = 'open'"), pairs + 1);
    /* the change that counts is not the last of the batch */
    change(w, "contact", ids[0], "{\"last_name\": \"Zobel\", \"birthday\": \"1951-12-30\", \"first_name\": \"Quentin\"}");
    change(w, "contact", ids[0], "{\"description\": \"neither does this\"}");
    drain(w);
    assert_int_equal(count(w, "duplicate", "state = 'open'"), pairs);
    for (int i = 0; i < 3; i++) {
        bin(w, "contact", ids[i]);
    }
    drain(w);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_records\"")), found);
}

static enum err_code order_sweep(struct call *c, void *arg)
{
    json_t *input = json_pack("{s:s, s:i}", "entity", "contact", "later", 0);
    int64_t id;

    (void)arg;
    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c, &(struct job_order) { .kind = "match_sweep", .input = input }, &id);
}

static void sweep(struct world *w)
{
    settle(w);
    writes(w, order_sweep, NULL);
    settle(w);
}

static enum err_code spoil_keys(struct call *c, void *arg)
{
    (void)arg;
    TRY(db_exec(c, SQL("UPDATE \"state\" SET \"value\" = 'another' WHERE \"key\" LIKE 'match_keys:%'"), VALS()));
    return db_exec(c, SQL("INSERT INTO \"match_keys\" (\"entity\", \"key\", \"record\") SELECT max(\"entity\"), 77, 999999 FROM \"match_keys\""),
        VALS());
}

static void a_sweep__makes_all_keys_and_closes_all_pairs(void **state)
{
    struct world *w = *state;
    char json[200];

    for (int i = 0; i < 2 * TWINS; i++) {
        snprintf(json, sizeof json, "{\"last_name\": \"Twin%d\", \"first_name\": \"Ada\", \"emails\": [{\"address\": \"twin%d@example.org\"}]}",
            i / 2, i / 2);
        make(w, "contact", json);
    }
    sweep(w);
    assert_int_equal(count(w, "duplicate", "state = 'open'"), TWINS);
    int64_t keys = number(w, SQL("SELECT count(*) FROM \"match_keys\""));
    writes(w, spoil_keys, NULL);
    sweep(w);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_keys\" WHERE \"record\" = 999999")), 0);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_keys\"")), keys);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_records\"")), PEOPLE + 2 * TWINS);
    int64_t rule = number(w, SQL("SELECT \"id\" FROM \"duplicate_rules\" WHERE \"entity\" = 'contact'"));
    change(w, "duplicate_rule", rule, "{\"active\": false}");
    make(w, "contact", "{\"last_name\": \"Unseen\"}"); /* nobody makes its keys */
    settle(w);
    change(w, "duplicate_rule", rule, "{\"active\": true}");
    sweep(w);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_records\"")), PEOPLE + 2 * TWINS + 1);
    change(w, "duplicate_rule", rule, "{\"review\": 1, \"merge\": 1}");
    sweep(w);
    assert_int_equal(count(w, "duplicate", "state = 'open'"), 0);
}

static enum err_code another_sweeps(struct call *c, void *arg)
{
    const bool *yes = arg;

    return *yes ? db_exec(c,
                      SQL("INSERT INTO \"jobs\" (\"kind\", \"key\", \"state\", \"worker\", \"lease\", \"due\", \"attempts\", \"input\","
                          " \"mark\", \"done\", \"total\", \"created_at\", \"cancel\") SELECT 'match_sweep', 'match_sweep:at:' || max(\"entity\"),"
                          " 'running', 'another', $1, $1, 1, '{}', 0, 0, 0, 0, 0 FROM \"match_keys\""),
                      VALS(V(c->now + SECONDS(3600))))
                : db_exec(c, SQL("DELETE FROM \"jobs\" WHERE \"worker\" = 'another'"), VALS());
}

static void a_sweep__comes_again_while_another_is_at_work(void **state)
{
    struct world *w = *state;
    const struct sql waiting = SQL("SELECT count(*) FROM \"jobs\" WHERE \"kind\" = 'match_sweep' AND \"state\" = 'waiting'");
    bool yes = true;

    settle(w);
    writes(w, another_sweeps, &yes);
    int64_t records = number(w, SQL("SELECT count(*) FROM \"match_records\""));
    make_many(w, "contact", "last_name", 450);
    settle(w);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"match_records\"")), records + 450);
    int64_t done = number(w, SQL("SELECT count(*) FROM \"jobs\" WHERE \"kind\" = 'match_sweep' AND \"result\" IS NOT NULL"));
    settle(w); /* it has come and gone, and stands in the queue again */
    assert_int_equal(number(w, waiting), 1);
    yes = false;
    writes(w, another_sweeps, &yes);
    settle(w);
    assert_int_equal(number(w, waiting), 0);
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"jobs\" WHERE \"kind\" = 'match_sweep' AND \"result\" IS NOT NULL")), done + 1);
}

struct tokens {
    int64_t user, id;
    struct arena *mem;
    struct str token;
};

static enum err_code make_token(struct call *c, void *arg)
{
    struct tokens *t = arg;

    TRY(token_create(c, t->user, STR("Till"), STR(""), 0, &t->token, &t->id));
    t->token = arena_str(t->mem, t->token);
    return OK;
}

static enum err_code use_token(struct call *c, void *arg)
{
    const struct tokens *t = arg;
    const struct user *who;

    return auth_token(c, t->token, &who);
}

static enum err_code write_marks(struct call *c, void *arg)
{
    (void)arg;
    return auth_write_marks(c);
}

static void the_use_of_a_token__is_noted(void **state)
{
    struct world *w = *state;
    struct tokens t = { .mem = w->mem };

    t.user = make(w, "user", "{\"name\": \"Till\", \"email\": \"till@kith.example\"}");
    writes(w, make_token, &t);
    reads(w, use_token, &t);
    assert_true(auth_has_marks(w->org));
    writes(w, write_marks, NULL);
    assert_false(auth_has_marks(w->org));
    assert_int_equal(number(w, SQL("SELECT count(*) FROM \"tokens\" WHERE \"used_at\" IS NOT NULL")), 1);
}

/* ---- an import whose rows are made late ---- */

enum { PIECES = 4, PIECE = 600 };

static enum err_code put_piece(struct call *c, int64_t import, int64_t first)
{
    struct buf text;

    buf_init(&text, c->mem, 1 << 20);
    for (int i = 0; i < PIECE; i++) {
        struct str row = arena_fmt(c->mem, "{\"last_name\": \"Late %" PRId64 "\"}", first + i);
        stage_row(&text, &row, 1);
    }
    return db_exec(c, SQL("INSERT INTO \"import_pieces\" (\"import\", \"first_row\", \"rows\", \"text\") VALUES ($1, $2, $3, $4)"),
        VALS(V(import), V(first), V((int64_t)PIECE), V(buf_str(&text))));
}

static enum err_code upload(struct call *c, void *arg)
{
    struct record *r = record_of(c, "import");
    int64_t file;

    TRY(file_create(c, STR("late.jsonl"), STR("application/json"), STR("{}"), &file));
    r->trusted = true;
    record_set(c, r, "entity", V("contact"));
    record_set(c, r, "file", V(file));
    TRY(record_create(c, r));
    *(int64_t *)arg = r->id;
    return OK;
}

/* As if the file had had more rows, in pieces that are not worth four thousand. */
static enum err_code order_import(struct call *c, void *arg)
{
    struct record *r = record_of(c, "import");
    int64_t id;

    r->id = *(int64_t *)arg;
    r->trusted = true;
    record_set(c, r, "state", V("running"));
    record_set(c, r, "rows", V((int64_t)PIECES * PIECE));
    TRY(record_update(c, r));
    TRY(db_exec(c, SQL("DELETE FROM \"import_pieces\" WHERE \"import\" = $1"), VALS(V(r->id))));
    for (int i = 0; i < PIECES; i++) {
        TRY(put_piece(c, r->id, 1 + i * PIECE));
    }
    json_t *input = json_pack("{s:I, s:b}", "import", (json_int_t)r->id, "dry", 0);
    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c, &(struct job_order) { .kind = "import_run", .input = input }, &id);
}

/* The writing side is faster than the thread that makes rows ahead, and done with pieces that it is still at. */
static void an_import__does_not_wait_for_rows_that_come_late(void **state)
{
    static const int64_t rests[] = { 0, 100000, 700000 };
    struct world *w = *state;
    int64_t took[3];

    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        int64_t had = count(w, "contact", "last_name starts with 'Late '"), from, import;
        writes(w, upload, &import);
        assert_int_equal(workers_drain(w->org, &w->err), OK);
        import_ahead_slow(rests[i]);
        from = time_monotonic();
        writes(w, order_import, &import);
        assert_int_equal(workers_drain(w->org, &w->err), OK);
        assert_int_equal(count(w, "contact", "last_name starts with 'Late '") - had, PIECES * PIECE);
        took[i] = time_monotonic() - from;
    }
    assert_true(took[2] < took[0] + rests[2] * PIECES * 2); /* a piece has three slices, and waits for one to be read at all */
    import_ahead_slow(0);
    assert_int_equal(count(w, "import", "state = 'done' and created = 2400"), sizeof rests / sizeof *rests);
}

/* ---- leases ---- */

static struct {
    enum err_code outcome;
    bool again, steals;
    int runs;
} of_test;

static enum err_code steal(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"lease\" = \"lease\" + 7 WHERE \"kind\" LIKE 'test_%' AND \"state\" = 'running'"), VALS());
}

/* As when a worker takes so long that another finds the lease run out: in a transaction of its own. */
static void lose_lease(struct org *o)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    assert_int_equal(call_write(&c, steal, NULL), OK);
    arena_destroy(mem);
}

static enum err_code test_look(struct call *c)
{
    if (of_test.steals) {
        lose_lease(c->org);
    }
    return OK;
}

static enum err_code test_run(struct call *c)
{
    of_test.runs++;
    TRY(db_exec(c, SQL("INSERT INTO \"state\" (\"key\", \"value\") VALUES ('test', '') ON CONFLICT (\"key\") DO NOTHING"), VALS()));
    if (of_test.outcome != OK) {
        return fail(c, of_test.outcome, NULL, "as told");
    }
    return of_test.again ? job_continue(c, 1, 1, 2) : OK;
}

static enum err_code test_work(struct job_work *w)
{
    if (of_test.steals) {
        lose_lease(w->org);
    }
    if (of_test.outcome == ERR_BUSY) {
        w->org->stopping = true;
    }
    return of_test.outcome == OK ? OK : err_set(&w->err, of_test.outcome, NULL, "as told");
}

/* A message each second, as a campaign is sent, or an import's rows at once: what the consumers make of it. */
static enum err_code write_few(struct call *c, void *arg)
{
    return make_some(c, &(struct many) { "contact", "last_name", 0, *(int *)arg });
}

static bool fills[2];

static enum err_code test_writes(struct job_work *w)
{
    int few = 2, many = 200;

    TRY(job_work_write(w, write_few, &few));
    fills[0] = workers_fill_feed(w->org);
    TRY(job_work_write(w, write_few, &many));
    fills[1] = workers_fill_feed(w->org);
    w->lags = true;
    return job_work_end(w, write_few, &few);
}

static const struct job_kind test_kinds[] = {
    { .name = "test_writes", .work = test_writes, .system = true },
    { .name = "test_run", .look = test_look, .run = test_run, .system = true },
    { .name = "test_work", .work = test_work, .system = true },
    { .name = NULL },
};
static const struct module test_module = { .name = "test", .jobs = test_kinds };

/* The modules without it. */
static const struct module *const *add_test_module(struct world *w)
{
    static const struct module *modules[64];
    const struct module *const *before = w->org->modules;
    size_t n = 0;

    for (; before[n]; n++) {
        modules[n] = before[n];
    }
    modules[n] = &test_module;
    w->org->modules = modules;
    return before;
}

static enum err_code enqueue(struct call *c, void *arg)
{
    int64_t id;

    return job_enqueue(c, &(struct job_order) { .kind = arg }, &id);
}

static enum err_code forget(struct call *c, void *arg)
{
    (void)arg;
    TRY(db_exec(c, SQL("DELETE FROM \"state\" WHERE \"key\" = 'test'"), VALS()));
    return db_exec(c, SQL("DELETE FROM \"jobs\" WHERE \"kind\" LIKE 'test_%'"), VALS());
}

/* Consumers stand back for the second, and only until it ends: beside a campaign that is sent for hours they go on. */
static void consumers__make_way_for_what_fills_the_feed(void **state)
{
    struct world *w = *state;

    assert_int_equal(workers_drain(w->org, &w->err), OK);
    w->org->filled = 0;
    const struct module *const *before = add_test_module(w);
    writes(w, enqueue, (void *)(uintptr_t) "test_writes");
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    w->org->modules = before;
    assert_false(fills[0]);
    assert_true(fills[1]);
    assert_false(workers_fill_feed(w->org));
    writes(w, forget, NULL);
}

static int64_t left_running(struct world *w, const char *kind)
{
    writes(w, enqueue, (void *)(uintptr_t)kind);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    w->org->stopping = false;
    int64_t n = number(w, SQL("SELECT count(*) FROM \"jobs\" WHERE \"kind\" LIKE 'test_%' AND \"state\" = 'running' AND"
                              " \"lease\" % 10 = 7 AND \"error\" IS NULL AND \"attempts\" = 1"));
    n += 10 * number(w, SQL("SELECT count(*) FROM \"state\" WHERE \"key\" = 'test'"));
    writes(w, forget, NULL);
    return n;
}

static void a_job_of_another_worker__is_left_alone(void **state)
{
    struct world *w = *state;
    const struct module *const *before = add_test_module(w);

    for (int steals = 0; steals < 2; steals++) {
        of_test.steals = steals;
        for (int again = 0; again < 2; again++) {
            of_test.again = again && steals; /* else it would come back for ever */
            of_test.outcome = OK;
            assert_int_equal(left_running(w, "test_run"), steals ? 1 : 10);
        }
        of_test.outcome = OK;
        assert_int_equal(left_running(w, "test_work"), steals);
        for (enum err_code code = ERR_INVALID; steals && code < ERR_FULL; code++) {
            of_test.outcome = code;
            assert_int_equal(left_running(w, "test_work"), 1);
            assert_int_equal(left_running(w, "test_run"), 1);
        }
    }
    w->org->modules = before;
}

/* ---- calls ---- */

static enum err_code write_and_fail(struct call *c, void *arg)
{
    struct record *r = record_of(c, "contact");

    (void)arg;
    record_set(c, r, "last_name", V("Undone"));
    TRY(record_create(c, r));
    return fail(c, ERR_CONFLICT, NULL, "as told");
}

static enum err_code read_horizon(struct call *c, void *arg)
{
    return feed_horizon(c, arg);
}

static enum err_code write_one(struct call *c, void *arg)
{
    struct record *r = record_of(c, "contact");

    record_set(c, r, "last_name", V((const char *)arg));
    return record_create(c, r);
}

/* On PostgreSQL another writes and commits first. */
static enum err_code horizon_elsewhere(struct org *o, int64_t *seq)
{
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    enum err_code code = world_is_postgres() ? call_write(&c, write_one, (void *)(uintptr_t) "Other") : OK;
    if (code == OK) {
        code = call_follow(&c, read_horizon, seq);
    }
    arena_destroy(mem);
    return code;
}

static enum err_code write_behind_a_failure(struct call *c, void *arg)
{
    int64_t *horizon = arg;

    if (call_nested(c, write_and_fail, NULL) != ERR_CONFLICT) {
        return fail(c, ERR_INTERNAL, NULL, "it should have failed");
    }
    err_clear(&c->err);
    TRY(write_one(c, (void *)(uintptr_t) "Kept"));
    /* what others write and commit meanwhile stands above, and none may read past this one */
    return horizon_elsewhere(c->org, horizon);
}

static void a_part_that_failed__leaves_what_follows_to_the_feed(void **state)
{
    struct world *w = *state;
    int64_t within, kept;

    settle(w);
    writes(w, write_behind_a_failure, &within);
    kept = number(w,
        SQL("SELECT max(f.\"id\") FROM \"feed\" f JOIN \"contacts\" c ON c.\"id\" = f.\"record\" WHERE c.\"last_name\" = 'Kept'"));
    assert_true(within < kept);
    assert_true(number(w, SQL("SELECT max(\"id\") FROM \"feed\"")) >= kept);
}

static void note(struct org *o, void *arg)
{
    (void)o;
    of_test.runs += *(int *)arg;
}

static enum err_code ask_for_more(struct call *c, void *arg)
{
    (void)arg;
    of_test.runs = 0;
    for (int i = 0; i < 3; i++) {
        struct call_mark mark = call_mark(c);
        int *n = ARENA_NEW(c->mem, int);
        *n = 5;
        if (i == 1) {
            call_after_commit(c, note, n);
        }
        call_rewind(c, mark);
    }
    return change_set_open(c);
}

static void what_waits_for_the_commit__is_not_given_back(void **state)
{
    struct world *w = *state;

    writes(w, ask_for_more, NULL);
    assert_int_equal(of_test.runs, 5);
}

static enum err_code fill_memory(struct call *c, void *arg)
{
    struct arena *mem = arg;

    (void)ARENA_ARRAY(mem ? mem : c->mem, char, 300 << 20);
    return OK;
}

static enum err_code fill_scratch(struct call *c, void *arg)
{
    return call_scratch(c, fill_memory, arg ? c->mem : NULL);
}

static void a_ceiling_in_a_scratch__ends_the_call(void **state)
{
    struct world *w = *state;
    int one = 1;

    assert_int_equal(read_fails(w, fill_scratch, NULL), ERR_TOO_LARGE);
    assert_int_equal(read_fails(w, fill_scratch, &one), ERR_TOO_LARGE);
}

static int open_twice(void **state)
{
    writer_twice_each(true);
    return world_open(state);
}

static int close_twice(void **state)
{
    writer_twice_each(false);
    return world_close(state);
}

static enum err_code change_many(struct call *c, void *arg)
{
    (void)arg;
    return db_exec(c,
        SQL2("INSERT INTO \"feed\" (\"entity\", \"record\", \"kind\", \"fields\", \"person\", \"change_set\", \"at\") WITH"
             " RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 60000) SELECT \"entity\", 1000000 + n, \"kind\","
             " \"fields\", \"person\", \"change_set\", \"at\" FROM \"feed\", s WHERE \"id\" = (SELECT max(\"id\") FROM \"feed\")",
            "INSERT INTO \"feed\" (\"entity\", \"record\", \"kind\", \"fields\", \"person\", \"change_set\", \"at\") SELECT"
            " \"entity\", 1000000 + n, \"kind\", \"fields\", \"person\", \"change_set\", \"at\" FROM \"feed\","
            " generate_series(1, 60000) s(n) WHERE \"id\" = (SELECT max(\"id\") FROM \"feed\")"),
        VALS());
}

/* As behind a large import in a process of its own, where nobody waits and a consumer goes on for two seconds. */
static void consumers_far_behind__stay_within_the_memory_of_a_call(void **state)
{
    struct world *w = *state;

    make_many(w, "contact", "last_name", 1);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    make_many(w, "contact", "last_name", 1);
    writes(w, change_many, NULL);
    int64_t before = w->cfg.arena_max;
    w->cfg.arena_max = 4 << 20;
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    w->cfg.arena_max = before;
}

/* As a job does that looks first and then runs: the model may change in between. */
static void a_call_begun_again_in_its_arena__gives_back_both_models(void **state)
{
    struct world *w = *state;
    struct arena *mem = arena_create(0);
    struct call c;

    call_init(&c, w->org, mem, user_system(), VIA_JOB);
    make(w, "field", "{\"entity\": \"contact\", \"name\": \"x_between\", \"kind\": \"text\"}");
    call_init(&c, w->org, mem, user_system(), VIA_JOB);
    arena_destroy(mem);
    make(w, "field", "{\"entity\": \"contact\", \"name\": \"x_after\", \"kind\": \"text\"}");
    assert_int_equal(count(w, "contact", "x_after = 'a'"), 0);
}

int main(void)
{
    const struct CMUnitTest twice[] = {
        cmocka_unit_test(a_pass_of_a_lookup__sees_each_record_once),
        cmocka_unit_test(a_segment__has_everybody),
        cmocka_unit_test(twins_of_one_batch__are_a_pair_until_one_changes),
        cmocka_unit_test(a_sweep__makes_all_keys_and_closes_all_pairs),
        cmocka_unit_test(a_sweep__comes_again_while_another_is_at_work),
        cmocka_unit_test(the_use_of_a_token__is_noted),
        cmocka_unit_test(a_job_of_another_worker__is_left_alone),
    };
    const struct CMUnitTest once[] = {
        cmocka_unit_test(an_import__does_not_wait_for_rows_that_come_late),
        cmocka_unit_test(a_job_of_another_worker__is_left_alone),
        cmocka_unit_test(consumers__make_way_for_what_fills_the_feed),
        cmocka_unit_test(a_part_that_failed__leaves_what_follows_to_the_feed),
        cmocka_unit_test(what_waits_for_the_commit__is_not_given_back),
        cmocka_unit_test(a_ceiling_in_a_scratch__ends_the_call),
        cmocka_unit_test(consumers_far_behind__stay_within_the_memory_of_a_call),
        cmocka_unit_test(a_call_begun_again_in_its_arena__gives_back_both_models),
    };
    int failed = cmocka_run_group_tests_name("jobs, each write twice", twice, open_twice, close_twice);

    return failed + cmocka_run_group_tests_name("jobs", once, world_open, world_close);
}
