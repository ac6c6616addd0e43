/* test_powerloss.c - the VFS forgets what was not synced, keeps what was, and its handles die. */

#include "store.h"

#include <stdio.h>

#define FIXTURE(test) cmocka_unit_test_setup_teardown(test, store_open, store_close)

static struct conn *on_vfs(struct store *s, bool sync_off)
{
    struct db_config cfg = { .path = s->path, .vfs = db_powerloss_vfs(), .sync_off = sync_off };
    struct conn *db = NULL;

    assert_ok(conn_open(&cfg, CONN_WRITE, &db, &s->e), s->e);
    return db;
}

static void set_up(struct store *s)
{
    store_script(s, "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT");
    conn_close(s->db);
    s->db = NULL;
}

static int64_t insert(struct store *s, struct conn *db, int64_t from, int64_t n)
{
    int64_t done = 0;

    for (int64_t i = from; i < from + n; i++) {
        done += conn_exec(db, SQL("INSERT INTO t VALUES ($1)"), VALS(V(i)), NULL, &s->e) == OK;
    }
    return done;
}

static int64_t rows(struct store *s)
{
    struct conn *db = store_connect(s, CONN_WRITE);
    int64_t n = store_int(s, db, "SELECT count(*) FROM t");

    assert_int_equal(
        store_int(s, db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
        1);
    conn_close(db);
    return n;
}

static void what_is_committed_outlives_the_loss(void **state)
{
    struct store *s = *state;

    set_up(s);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct conn *db = on_vfs(s, false);
        int64_t from = 1 + (int64_t)seed * 100;
        assert_int_equal(insert(s, db, from, 10), 10);
        assert_ok(conn_begin(db, TX_WRITE, &s->e), s->e);
        assert_int_equal(insert(s, db, from + 50, 10), 10);
        if (seed % 4 == 1) {
            conn_rollback(db);
            assert_ok(conn_script(db, "PRAGMA wal_checkpoint(TRUNCATE)", &s->e), s->e);
        }
        db_power_loss(seed);
        /* the cache may still take a change, but nothing is committed any more */
        bool stands = insert(s, db, from + 80, 1) == 1 && conn_commit(db, &s->e) == OK;
        assert_true(!stands);
        conn_close(db);
        assert_int_equal(rows(s), 10 * (int64_t)(seed + 1));
    }
}

static void without_syncs_something_is_lost(void **state)
{
    struct store *s = *state;
    bool lost = false;

    set_up(s);
    for (uint64_t seed = 0; seed < 20 && !lost; seed++) {
        struct conn *db = on_vfs(s, true), *left = NULL;
        int64_t before = 0, n = 0;
        assert_ok(conn_int(db, SQL("SELECT count(*) FROM t"), VALS(), &before, NULL, &s->e), s->e);
        assert_int_equal(insert(s, db, 1 + (int64_t)seed * 100, 50), 50);
        db_power_loss(seed);
        conn_close(db);
        left = store_connect(s, CONN_WRITE);
        lost = conn_int(left, SQL("SELECT count(*) FROM t"), VALS(), &n, NULL, &s->e) != OK
            || n != before + 50;
        conn_close(left);
    }
    assert_true(lost);
}

static void put(struct store *s, struct conn *db, enum tx tx, int64_t n)
{
    assert_ok(conn_begin(db, tx, &s->e), s->e);
    assert_int_equal(insert(s, db, n, 1), 1);
    assert_ok(conn_commit(db, &s->e), s->e);
}

/* Of commits that lag the last may be gone, never one before another; a commit that does not lag holds them. */
static void what_lags_is_lost_from_the_end_only(void **state)
{
    struct store *s = *state;
    bool lost = false;

    set_up(s);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct conn *db = on_vfs(s, false);
        int64_t from = 1 + (int64_t)seed * 100, durable = from + 8;
        assert_ok(conn_script(db, "DELETE FROM t", &s->e), s->e);
        for (int64_t n = from; n <= from + 16; n++) {
            put(s, db, n == durable ? TX_WRITE : TX_LAG, n);
        }
        db_power_loss(seed);
        conn_close(db);
        struct conn *left = store_connect(s, CONN_WRITE);
        int64_t n = store_int(s, left, "SELECT count(*) FROM t");
        assert_true(n >= 9 && n <= 17);
        assert_int_equal(store_int(s, left, "SELECT max(n) - min(n) + 1 FROM t"), n);
        assert_int_equal(store_int(s, left, "SELECT min(n) FROM t"), from);
        lost = lost || n < 17;
        conn_close(left);
    }
    assert_true(lost);
}

static void nothing_opens_while_the_power_is_off(void **state)
{
    struct store *s = *state;
    struct db_config cfg = { .path = s->path, .vfs = "powerloss" };
    struct conn *db = NULL;

    set_up(s);
    conn_close(on_vfs(s, false));
    db_power_loss(1);
    assert_int_not_equal(conn_open(&cfg, CONN_WRITE, &db, &s->e), OK);
    conn_close(on_vfs(s, false));
}

int test_powerloss(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE(what_is_committed_outlives_the_loss),
        FIXTURE(without_syncs_something_is_lost),
        FIXTURE(what_lags_is_lost_from_the_end_only),
        FIXTURE(nothing_opens_while_the_power_is_off),
    };

    return cmocka_run_group_tests_name("power loss on SQLite", tests, NULL, NULL);
}
