/* main.c - runs the tests of db/ on SQLite and, when KITH_TEST_PG holds a URL, on PostgreSQL. */

#include "store.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum db_backend store_backend = DB_SQLITE;

static int next_schema;

struct conn *store_connect(struct store *s, enum conn_mode mode)
{
    struct conn *c = NULL;

    assert_ok(conn_open(&s->cfg, mode, &c, &s->e), s->e);
    return c;
}

void store_script(struct store *s, const char *text)
{
    assert_ok(conn_script(s->db, text, &s->e), s->e);
}

int64_t store_int(struct store *s, struct conn *c, const char *text)
{
    int64_t v;

    assert_ok(conn_int(c, (struct sql) { text, NULL }, VALS(), &v, NULL, &s->e), s->e);
    return v;
}

int store_open(void **state)
{
    struct store *s = calloc(1, sizeof *s);

    assert_non_null(s);
    s->mem = arena_create(0);
    s->cfg.backend = store_backend;
    snprintf(s->folder, sizeof s->folder, "%s/kith-db-XXXXXX",
        getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/test.db", s->folder);
    snprintf(s->schema, sizeof s->schema, "unit_%d_%d", (int)getpid(), next_schema++);
    s->cfg.path = s->path;
    s->cfg.url = getenv("KITH_TEST_PG");
    s->cfg.schema = s->schema;
    s->db = store_connect(s, CONN_WRITE);
    assert_ok(db_prepare_store(s->db, &s->e), s->e);
    *state = s;
    return 0;
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int store_close(void **state)
{
    struct store *s = *state;

    arena_destroy(s->mem);
    if (s->db && store_backend == DB_POSTGRES) {
        char text[120];
        conn_rollback(s->db);
        snprintf(text, sizeof text, "DROP SCHEMA IF EXISTS \"%s\" CASCADE", s->schema);
        assert_ok(conn_script(s->db, text, &s->e), s->e);
    }
    conn_close(s->db);
    nftw(s->folder, forget, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

static int run_all(void)
{
    return test_conn() + test_functions() + test_schema();
}

int main(void)
{
    int failed = run_all() + test_writer() + test_powerloss();

    if (getenv("KITH_TEST_PG")) {
        store_backend = DB_POSTGRES;
        failed += run_all();
    } else {
        puts("skipped: PostgreSQL, because KITH_TEST_PG is not set");
    }
    return failed != 0;
}
