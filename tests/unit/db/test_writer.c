/* test_writer.c - many calls in one commit, and none harmed by another. */

#include "store.h"

#include "base/time.h"
#include "db/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FIXTURE(test) cmocka_unit_test_setup_teardown(test, store_open, store_close)

enum kind { INSERT, CLASH, BOMB, SWALLOW, EARLY };

struct put {
    struct write_call call;
    enum kind kind;
    int64_t n;
    enum err_code answered;
    int runs;
    _Atomic bool over;
};

static enum err_code run_put(struct write_call *w, struct conn *db)
{
    struct put *p = (struct put *)w;
    struct err e;
    enum err_code code;

    p->runs++;
    if (p->kind == EARLY) {
        return conn_exec(db, SQL("INSERT INTO t (n) VALUES (1)"), VALS(), NULL, &e);
    }
    code = conn_exec(db, SQL("INSERT INTO t (n) VALUES ($1)"), VALS(V(p->n)), NULL, &e);
    if (code == OK && p->kind == CLASH) {
        code = conn_exec(db, SQL("INSERT INTO t (n) VALUES (1)"), VALS(), NULL, &e);
    } else if (code == OK && p->kind != INSERT) {
        code = conn_exec(db, SQL("INSERT OR ROLLBACK INTO t (n) VALUES (1)"), VALS(), NULL, &e);
        if (p->kind == SWALLOW) {
            code = OK;
        }
    }
    return code;
}

static void done_put(struct write_call *w, enum err_code code, const struct err *e)
{
    struct put *p = (struct put *)w;

    (void)e;
    p->answered = code;
    p->over = true;
}

static struct writer *start(struct store *s)
{
    struct writer *w;

    store_script(s, "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1)");
    assert_ok(writer_start(s->db, 10000, NULL, NULL, &w, &s->e), s->e);
    s->db = NULL; /* the writer closes it */
    return w;
}

static void wait_for(struct put *p, int n)
{
    for (int i = 0; i < n; i++) {
        struct timespec pause = { .tv_nsec = 1000000 };
        while (!p[i].over) {
            nanosleep(&pause, NULL);
        }
    }
}

static void a_call_that_breaks_the_batch_hurts_no_other(void **state)
{
    enum { CALLS = 600 };
    static struct put puts[CALLS];
    struct store *s = *state;
    struct writer *w = start(s);
    struct writer_stats stats;

    memset(puts, 0, sizeof puts);
    for (int i = 0; i < CALLS; i++) {
        puts[i] = (struct put) { .call = { run_put, done_put }, .n = i + 10 };
        puts[i].kind = i % 97 == 50 ? BOMB : i % 89 == 40 ? SWALLOW : i % 31 == 7 ? CLASH : INSERT;
    }
    for (int i = 0; i < CALLS; i++) {
        assert_int_equal(writer_submit(w, &puts[i].call), OK);
    }
    wait_for(puts, CALLS);
    writer_stats(w, &stats);
    writer_stop(w);
    assert_int_equal(stats.calls, CALLS);
    assert_true(stats.retried > 0 && stats.waiting == 0);
    struct conn *r = store_connect(s, CONN_READ);
    for (int i = 0; i < CALLS; i++) {
        int64_t there;
        assert_ok(conn_int(r, SQL("SELECT count(*) FROM t WHERE n = $1"), VALS(V(puts[i].n)), &there,
                      NULL, &s->e),
            s->e);
        assert_int_equal(there, puts[i].kind == INSERT);
        assert_int_equal(puts[i].answered == OK, puts[i].kind == INSERT);
    }
    conn_close(r);
}

/* Whether batches had to be run again when some of the calls are of a kind. */
static uint64_t run_apart_with(struct store *s, enum kind kind)
{
    enum { CALLS = 500 };
    static struct put puts[CALLS];
    struct writer *w = start(s);
    struct writer_stats stats;

    memset(puts, 0, sizeof puts);
    for (int i = 0; i < CALLS; i++) {
        puts[i] = (struct put) { .call = { run_put, done_put }, .n = i + 10 };
        puts[i].kind = i % 50 == 20 ? kind : INSERT;
        assert_int_equal(writer_submit(w, &puts[i].call), OK);
    }
    wait_for(puts, CALLS);
    writer_stats(w, &stats);
    writer_stop(w);
    assert_int_equal(stats.retried, 0);
    struct conn *r = store_connect(s, CONN_READ);
    for (int i = 0; i < CALLS; i++) {
        int64_t there;
        assert_ok(conn_int(r, SQL("SELECT count(*) FROM t WHERE n = $1"), VALS(V(puts[i].n)), &there,
                      NULL, &s->e),
            s->e);
        assert_int_equal(there, puts[i].kind == INSERT);
        assert_int_equal(puts[i].answered, puts[i].kind == INSERT ? OK : ERR_CONFLICT);
    }
    conn_close(r);
    return stats.apart;
}

static void a_call_that_fails_before_it_writes_costs_the_batch_nothing(void **state)
{
    assert_int_equal(run_apart_with(*state, EARLY), 0);
}

static void what_a_failed_call_wrote_is_undone_alone(void **state)
{
    assert_true(run_apart_with(*state, CLASH) > 0);
}

static void running_a_call_waits_for_its_answer(void **state)
{
    struct store *s = *state;
    struct writer *w = start(s);
    struct put good = { .call = { run_put, NULL }, .n = 5 };
    struct put bad = { .call = { run_put, NULL }, .kind = CLASH, .n = 6 };

    assert_ok(writer_run(w, &good.call, &s->e), s->e);
    assert_int_equal(writer_run(w, &bad.call, &s->e), ERR_CONFLICT);
    writer_stop(w);
}

static void a_full_queue_refuses_at_once(void **state)
{
    struct store *s = *state;
    struct writer *w;
    struct put put = { .call = { run_put, done_put }, .n = 5 };

    assert_ok(writer_start(s->db, 0, NULL, NULL, &w, &s->e), s->e);
    s->db = NULL;
    assert_int_equal(writer_submit(w, &put.call), ERR_BUSY);
    assert_int_equal(writer_run(w, &put.call, &s->e), ERR_BUSY);
    writer_stop(w);
}

static void stopping_answers_what_waits(void **state)
{
    static struct put puts[1000];
    struct store *s = *state;
    struct writer *w = start(s);

    memset(puts, 0, sizeof puts);
    for (int i = 0; i < 1000; i++) {
        puts[i] = (struct put) { .call = { run_put, done_put }, .n = i + 10 };
        assert_int_equal(writer_submit(w, &puts[i].call), OK);
    }
    writer_stop(w);
    for (int i = 0; i < 1000; i++) {
        assert_true(puts[i].over && puts[i].answered == OK);
    }
}

struct client {
    pthread_t thread;
    struct writer *w;
    int64_t from;
    int done;
};

static void *client(void *arg)
{
    struct client *c = arg;
    struct err e;

    for (int i = 0; i < 500; i++) {
        struct put p = { .call = { run_put, NULL }, .n = c->from + i };
        c->done += writer_run(c->w, &p.call, &e) == OK;
    }
    return NULL;
}

static void many_clients_share_commits(void **state)
{
    struct store *s = *state;
    struct writer *w = start(s);
    struct client clients[8];
    struct writer_stats stats;
    int64_t from = time_monotonic();
    int done = 0;

    for (int i = 0; i < 8; i++) {
        clients[i] = (struct client) { .w = w, .from = 1000 + i * 1000 };
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client, &clients[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(clients[i].thread, NULL);
        done += clients[i].done;
    }
    int64_t took = time_monotonic() - from;
    writer_stats(w, &stats);
    writer_stop(w);
    assert_int_equal(done, 4000);
    print_message("8 clients: %lld calls/s, %llu commits for %llu calls\n",
        4000 * 1000000LL / (long long)took, (unsigned long long)stats.batches,
        (unsigned long long)stats.calls);
}

/* What lags is in the log when it is answered, whatever the log is written in: a reader finds it whole. */
static void what_lags_is_committed_apart_and_seen_at_once(void **state)
{
    enum { CALLS = 200 };
    static struct put puts[CALLS];
    struct store *s = *state;
    struct writer *w = start(s);
    struct conn *r = store_connect(s, CONN_READ);
    struct writer_stats stats;

    memset(puts, 0, sizeof puts);
    for (int i = 0; i < CALLS; i++) {
        puts[i] = (struct put) { .call = { .run = run_put, .lags = i % 2 == 0 }, .n = i + 10 };
        assert_ok(writer_run(w, &puts[i].call, &s->e), s->e);
        assert_int_equal(store_int(s, r, "SELECT count(*) FROM t"), i + 2);
    }
    writer_pause(w);
    for (int i = 0; i < CALLS; i++) {
        puts[i] = (struct put) { .call = { run_put, done_put, .lags = i % 2 == 0 }, .n = i + 1000 };
        assert_int_equal(writer_submit(w, &puts[i].call), OK);
    }
    writer_stats(w, &stats);
    uint64_t before = stats.batches;
    writer_resume(w);
    wait_for(puts, CALLS);
    writer_stats(w, &stats);
    assert_int_equal(stats.batches - before, CALLS);
    assert_int_equal(stats.urgent, 0);
    assert_int_equal(store_int(s, r, "SELECT count(*) FROM t"), 2 * CALLS + 1);
    conn_close(r);
    writer_stop(w);
}

static int64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* A writer that never rests leaves no moment to begin the log anew, unless it is made to stop. */
static void the_log_begins_anew_while_the_writer_pauses(void **state)
{
    struct store *s = *state;
    struct writer *w = start(s);
    struct conn *keeper = store_connect(s, CONN_WRITE);
    char log[sizeof s->path + 8];
    struct client clients[4];
    int64_t most = 0;
    int anew = 0;

    snprintf(log, sizeof log, "%s-wal", s->path);
    for (int i = 0; i < 4; i++) {
        clients[i] = (struct client) { .w = w, .from = 1000 + i * 1000 };
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client, &clients[i]), 0);
    }
    for (int i = 0; i < 50; i++) {
        struct timespec pause = { .tv_nsec = 2000000 };
        bool is = false;
        nanosleep(&pause, NULL);
        /* beside a commit it may be told that the log is busy, and comes again, as the server's does */
        assert_true(conn_checkpoint(keeper, NULL, &s->e) == OK || s->e.code == ERR_BUSY);
        most = size_of(log) > most ? size_of(log) : most;
        writer_pause(w);
        assert_ok(conn_checkpoint_whole(keeper, &is, &s->e), s->e);
        writer_resume(w);
        anew += is;
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(clients[i].thread, NULL);
        assert_int_equal(clients[i].done, 500);
    }
    assert_int_equal(anew, 50);
    assert_int_equal(store_int(s, keeper, "SELECT count(*) FROM t"), 2001);
    conn_close(keeper);
    writer_stop(w);
    print_message("the log was %lld bytes at most\n", (long long)most);
}

/* Room behind the commits: the file grows now and then, not with each, and what lies there is no part of the data. */
static void the_log_has_room_behind_its_commits(void **state)
{
    struct store *s = *state;
    char log[sizeof s->path + 8];
    int64_t size = 0;
    int grown = 0;

    snprintf(log, sizeof log, "%s-wal", s->path);
    store_script(s, "CREATE TABLE room (n INTEGER) STRICT");
    for (int i = 0; i < 200; i++) {
        store_script(s, "BEGIN IMMEDIATE; INSERT INTO room VALUES (1); COMMIT");
        grown += size_of(log) != size;
        size = size_of(log);
    }
    assert_in_range(grown, 2, 8);
    struct conn *other = store_connect(s, CONN_WRITE);
    assert_int_equal(store_int(s, other, "SELECT count(*) FROM room"), 200);
    conn_close(other);
}

int test_writer(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE(a_call_that_breaks_the_batch_hurts_no_other),
        FIXTURE(a_call_that_fails_before_it_writes_costs_the_batch_nothing),
        FIXTURE(what_a_failed_call_wrote_is_undone_alone),
        FIXTURE(running_a_call_waits_for_its_answer),
        FIXTURE(a_full_queue_refuses_at_once),
        FIXTURE(stopping_answers_what_waits),
        FIXTURE(many_clients_share_commits),
        FIXTURE(what_lags_is_committed_apart_and_seen_at_once),
        FIXTURE(the_log_begins_anew_while_the_writer_pauses),
        FIXTURE(the_log_has_room_behind_its_commits),
    };

    return cmocka_run_group_tests_name("writer on SQLite", tests, NULL, NULL);
}
