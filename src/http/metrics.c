/* metrics.c - counters in Prometheus' text form, the access log, the slow-call log, health. */

#include "http/metrics.h"

#include "base/log.h"
#include "http/api.h"
#include "http/pool.h"
#include "http/stream.h"
#include "model/notify.h"

#include <inttypes.h>
#include <sys/stat.h>

static const int64_t steps[LATENCY_STEPS] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000,
    250000, 1000000, 10000000 };

static void log_slow(struct exchange *x, int64_t micros)
{
    struct log_context ctx = { "http", x->id, x->call.who ? x->call.who->id : 0 };

    log_event(LOG_WARN, &ctx, "slow: %s %.*s took %" PRId64 " ms, status %d",
        x->req.method < METHOD_OTHER ? method_name(x->req.method) : "?",
        (int)(x->req.target.n < 600 ? x->req.target.n : 600), x->req.target.p, micros / 1000,
        x->reply.status);
}

void metrics_note(struct exchange *x)
{
    struct metrics *m = x->api->metrics;
    int64_t micros = time_monotonic() - x->started, slow = x->api->org->cfg->slow_call;
    int step = 0;

    if (!m) {
        return;
    }
    while (step < LATENCY_STEPS && micros > steps[step]) {
        step++;
    }
    atomic_fetch_add_explicit(&m->by_class[x->reply.status / 100 % 6], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->latency[step], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->latency_micros, (uint64_t)micros, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->bytes_out, x->reply.body.n, memory_order_relaxed);
    if (slow && micros > slow && !x->reply.event_stream) {
        atomic_fetch_add_explicit(&m->slow, 1, memory_order_relaxed);
        log_slow(x, micros);
    }
    log_event(LOG_DEBUG,
        &(struct log_context) { "http", x->id, x->call.who ? x->call.who->id : 0 },
        "%s %.*s %d %zu bytes %" PRId64 " us from %.*s", method_name(x->req.method),
        (int)(x->req.target.n < 600 ? x->req.target.n : 600), x->req.target.p, x->reply.status,
        x->reply.body.n, micros, STR_ARG(x->req.address));
}

enum err_code health_get(struct call *c, struct exchange *x)
{
    int64_t one;

    TRY(db_int(c, &one, SQL("SELECT 1"), VALS()));
    x->reply.type = "text/plain; charset=utf-8";
    x->reply.body = c->org->read_only ? STR("ok, reading only: the disk is full\n") : STR("ok\n");
    return OK;
}

#ifdef KITH_TESTING
enum err_code clock_put(struct call *c, struct exchange *x)
{
    struct str now = input_text(x, "now");
    int64_t at = 0;

    if (now.n && !instant_parse(now, &at)) {
        return fail(c, ERR_INVALID, "now", "now is an instant");
    }
    c->org->test_now = at;
    x->reply.status = 204;
    return OK;
}

enum err_code twice_put(struct call *c, struct exchange *x)
{
    (void)c;
    writer_twice_each(json_is_true(json_object_get(x->input, "on")));
    x->reply.status = 204;
    return OK;
}
#endif

/* ---- Prometheus ---- */

static void put_number(struct buf *out, const char *name, const char *type, int64_t v)
{
    buf_fmt(out, "# TYPE kith_%s %s\nkith_%s %" PRId64 "\n", name, type, name, v);
}

static void put_requests(struct buf *out, struct metrics *m)
{
    uint64_t sum = 0;

    buf_lit(out, "# TYPE kith_http_answers_total counter\n");
    for (int i = 1; i < 6; i++) {
        buf_fmt(out, "kith_http_answers_total{class=\"%dxx\"} %" PRIu64 "\n", i,
            (uint64_t)m->by_class[i]);
    }
    buf_lit(out, "# TYPE kith_http_seconds histogram\n");
    for (int i = 0; i < LATENCY_STEPS; i++) {
        sum += m->latency[i];
        buf_fmt(out, "kith_http_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", (double)steps[i] / 1e6, sum);
    }
    sum += m->latency[LATENCY_STEPS];
    buf_fmt(out, "kith_http_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", sum);
    buf_fmt(out, "kith_http_seconds_sum %g\n", (double)m->latency_micros / 1e6);
    buf_fmt(out, "kith_http_seconds_count %" PRIu64 "\n", sum);
}

static void put_writer(struct buf *out, struct org *o)
{
    struct writer_stats s = { 0 };

    if (!o->writer) {
        return;
    }
    writer_stats(o->writer, &s);
    put_number(out, "writer_calls_total", "counter", (int64_t)s.calls);
    put_number(out, "writer_batches_total", "counter", (int64_t)s.batches);
    put_number(out, "writer_retried_total", "counter", (int64_t)s.retried);
    put_number(out, "writer_waiting", "gauge", s.waiting);
    buf_fmt(out, "# TYPE kith_writer_commit_seconds_total counter\n"
                 "kith_writer_commit_seconds_total %g\n",
        (double)s.commit_micros / 1e6);
}

static void put_wal(struct buf *out, struct call *c)
{
    struct stat s;

    if (c->org->db.backend == DB_SQLITE
        && stat(arena_fmt(c->mem, "%s-wal", c->org->db.path).p, &s) == 0) {
        put_number(out, "wal_bytes", "gauge", s.st_size);
    }
}

static enum err_code put_consumers(struct call *c, struct buf *out)
{
    struct rows rows;

    buf_lit(out, "# TYPE kith_feed_consumer gauge\n");
    TRY(db_query(c, &rows, SQL("SELECT \"name\", \"seq\" FROM \"cursors\" ORDER BY \"name\""), VALS()));
    while (rows_next(&rows)) {
        buf_fmt(out, "kith_feed_consumer{name=\"%.*s\"} %" PRId64 "\n", STR_ARG(stmt_text(rows.st, 0)),
            col_int(&rows, 1));
    }
    return rows_end(&rows);
}

static enum err_code put_database(struct call *c, struct buf *out)
{
    int64_t horizon, newest, jobs;

    TRY(db_int(c, &newest, SQL("SELECT coalesce(max(\"id\"), 0) FROM \"feed\""), VALS()));
    TRY(db_int(c, &horizon, SQL("SELECT coalesce(min(\"seq\"), 0) FROM \"cursors\""), VALS()));
    TRY(db_int(c, &jobs, SQL("SELECT count(*) FROM \"jobs\" WHERE \"state\" = 'waiting'"), VALS()));
    put_number(out, "feed_newest", "gauge", newest);
    put_number(out, "feed_slowest_consumer", "gauge", horizon);
    put_number(out, "jobs_waiting", "gauge", jobs);
    return put_consumers(c, out);
}

/* Numbers tell much about a business: from this machine, or with an administrator's word. */
static enum err_code may_see(struct call *c, struct exchange *x)
{
    if (x->req.shell || (x->req.loopback && !x->req.headers[H_FORWARDED_FOR].n)) {
        return OK;
    }
    if (!c->who->admin || c->who->scopes.n) {
        return fail(c, c->who->id ? ERR_FORBIDDEN : ERR_UNAUTHENTICATED, NULL,
            "metrics are for administrators");
    }
    return OK;
}

enum err_code metrics_get(struct call *c, struct exchange *x)
{
    struct metrics *m = x->api->metrics;
    struct buf out;

    TRY(may_see(c, x));
    buf_init(&out, c->mem, 64 << 10);
    put_number(&out, "up", "gauge", 1);
    if (m) {
        put_requests(&out, m);
        put_number(&out, "http_under_way", "gauge", m->under_way);
        put_number(&out, "http_connections", "gauge", m->connections);
        put_number(&out, "http_bytes_total", "counter", (int64_t)m->bytes_out);
        put_number(&out, "http_slow_total", "counter", (int64_t)m->slow);
        put_number(&out, "http_limited_total", "counter", (int64_t)m->limited);
        put_number(&out, "http_slow_senders_total", "counter", (int64_t)m->too_slow);
        put_number(&out, "start_time_seconds", "gauge", m->started / SECONDS(1));
    }
    if (x->api->pool) {
        put_number(&out, "pool_waiting", "gauge", pool_waiting(x->api->pool));
    }
    if (x->api->streams) {
        put_number(&out, "streams", "gauge", streams_count(x->api->streams));
    }
    if (c->org->notify) {
        struct notify_stats told = notify_stats(c->org);
        put_number(&out, "notices_sent_total", "counter", told.sent);
        put_number(&out, "notices_heard_total", "counter", told.heard);
    }
    put_number(&out, "read_only", "gauge", c->org->read_only);
    put_number(&out, "model_version", "gauge", c->model->version);
    put_writer(&out, c->org);
    put_wal(&out, c);
    TRY(put_database(c, &out));
    x->reply.type = "text/plain; version=0.0.4; charset=utf-8";
    x->reply.body = buf_str(&out);
    return OK;
}
