/* api.c - the way of a request: parse, find its row, sign in, run inside a transaction, answer.
 *
 * On SQLite a quick read runs on the network thread under a small budget; what passes it starts again
 * on the pool. A write is handed to the writer thread without waiting. On PostgreSQL, where each step
 * waits for another machine, everything goes to the pool. */

#include "http/api.h"

#include "base/log.h"
#include "base/rand.h"
#include "http/assets.h"
#include "http/pool.h"
#include "model/auth.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARSE_HERE = 64 << 10 }; /* bodies up to this are read on the network thread */

static const struct user nobody = { .name = STR_INIT("nobody") };

struct exchange *exchange_new(struct api *api, struct arena *mem)
{
    struct exchange *x = ARENA_NEW(mem, struct exchange);
    static const char digits[] = "0123456789abcdef";

    x->api = api;
    x->mem = mem;
    x->req.spool = -1;
    x->started = time_monotonic();
    uint64_t id = (atomic_fetch_add(&api->requests, 1) + (uint64_t)x->started) * 0x9e3779b97f4a7c15u;
    for (int i = 0; i < REQUEST_ID - 1; i++, id >>= 4) {
        x->id[i] = digits[id & 15];
    }
    reply_reset(x);
    return x;
}

/* ---- who is calling ---- */

static bool is_unsafe(const struct exchange *x)
{
    return x->req.method != METHOD_GET;
}

static struct str bearer(const struct exchange *x)
{
    struct str s = x->req.headers[H_AUTHORIZATION];

    return s.n > 7 && str_eq_nocase(str_sub(s, 0, 7), STR("Bearer ")) ? str_trim(str_sub(s, 7, s.n))
                                                                      : STR("");
}

/* A browser says where a request comes from: another site must not sign anybody in or act for him. */
static enum err_code check_origin(struct call *c, struct exchange *x)
{
    struct str origin = x->req.headers[H_ORIGIN], host = x->req.headers[H_HOST];
    ptrdiff_t at = str_find(origin, STR("://"));

    if (!is_unsafe(x) || at < 0 || (x->route->flags & ROUTE_ELSEWHERE)) {
        return OK;
    }
    if (!str_eq_nocase(str_sub(origin, (size_t)at + 3, origin.n), host)) {
        return fail(c, ERR_FORBIDDEN, NULL, "this request comes from another site");
    }
    return OK;
}

static enum err_code check_csrf(struct call *c, struct exchange *x)
{
    struct str given = x->req.headers[H_CSRF];

    if (!is_unsafe(x)) {
        return OK;
    }
    TRY(check_origin(c, x));
    if (given.n != x->csrf.n || !given.n || memcmp(given.p, x->csrf.p, given.n) != 0) {
        return fail(c, ERR_FORBIDDEN, "X-CSRF-Token",
            "changing something needs the CSRF token that signing in gave");
    }
    return OK;
}

enum err_code api_authenticate(struct call *c, struct exchange *x)
{
    struct str token = bearer(x);

    c->who = &nobody;
    c->via = VIA_API;
    if (x->req.shell) {
        c->who = user_system();
        c->via = VIA_SHELL;
        return OK;
    }
    if (token.n) {
        return auth_token(c, token, &c->who);
    }
    x->session = cookie_value(x->req.headers[H_COOKIE], "kith_session");
    if (x->session.n && !(x->route->flags & ROUTE_OPEN)) {
        c->via = VIA_UI;
        TRY(auth_session(c, x->session, &x->csrf, &c->who));
        return x->route->flags & ROUTE_FRAME ? check_origin(c, x) : check_csrf(c, x);
    }
    if (x->route->flags & ROUTE_OPEN) {
        return check_origin(c, x);
    }
    return fail(c, ERR_UNAUTHENTICATED, NULL,
        "sign in, or send a token: Authorization: Bearer kith_...");
}

static struct str secret_of(const struct exchange *x)
{
    struct str secret = bearer(x);

    return secret.n ? secret : cookie_value(x->req.headers[H_COOKIE], "kith_session");
}

/* Whether the writer can sign him in without a look at the database. */
static bool is_warm(struct exchange *x)
{
    struct str secret = secret_of(x);

    return x->req.shell || !secret.n || auth_is_warm(&x->call, secret);
}

/* ---- the body of the call ---- */

static enum err_code run_route(struct call *c, void *arg)
{
    struct exchange *x = arg;

    reply_reset(x);
    x->operation = 0;
    arena_set_ceiling(c->mem, arena_used(c->mem) + (size_t)c->cfg->arena_max);
    TRY(api_authenticate(c, x));
    if ((x->route->flags & ROUTE_WHOLE) && c->who->scopes.n) {
        return fail(c, ERR_FORBIDDEN, NULL, "a token limited to scopes may not do this");
    }
    if (x->budget && (x->route->flags & ROUTE_FILTER || conn_backend(c->db) == DB_SQLITE)) {
        conn_budget(c->db, x->budget);
    }
    if (c->tx == TX_WRITE && x->req.headers[H_IDEMPOTENCY_KEY].n) {
        return idempotent_run(c, x);
    }
    return x->route->run(c, x);
}

static enum err_code only_sign_in(struct call *c, void *arg)
{
    return api_authenticate(c, arg);
}

static void settle(struct exchange *x, enum err_code code)
{
    struct call *c = &x->call;
    struct reply *r = &x->reply;

    arena_set_ceiling(x->mem, 0);
    if (code == OK && c->body.failed) {
        code = err_set(&c->err, ERR_TOO_LARGE, NULL, "the answer is larger than %d MB",
            BODY_MAX >> 20);
    }
    if (code != OK) {
        if (c->err.code == OK) {
            c->err.code = code;
        }
        reply_problem(x);
        return;
    }
    if (!r->status) {
        r->status = 200;
    }
    if (!r->body.n && r->status != 204 && r->status != 304) {
        r->body = buf_str(&c->body);
    }
    reply_shorten(x);
}

static void rewind_call(struct exchange *x)
{
    arena_set_ceiling(x->mem, 0);
    arena_rewind(x->mem, x->fresh);
    x->prepared = NULL;
}

static enum err_code run_read(struct exchange *x, call_fn *fn, int64_t budget)
{
    struct call *c = &x->call;
    struct conn *conn;

    x->budget = budget;
    TRY(org_take_reader(x->api->org, &conn, &c->err));
    enum err_code code = call_run(c, conn, TX_READ, fn, x);
    x->budget = 0; /* a write may follow, which has none */
    conn_budget(conn, 0);
    org_give_reader(x->api->org, conn);
    return code;
}

/* ---- reading the input ---- */

static enum err_code read_input(struct exchange *x)
{
    struct err *e = &x->call.err;

    if (x->input_read || !(x->route->flags & ROUTE_BODY)) {
        return OK;
    }
    x->input_read = true;
    if (!x->req.body.n && x->route->lane == LANE_ACTION) {
        x->req.body = STR("{}");
    }
    if (!x->req.body.n) {
        return err_set(e, ERR_INVALID, NULL, "this address takes a JSON document as its body");
    }
    TRY(json_read(x->mem, x->req.body, &x->input, e));
    if (!json_is_object(x->input)) {
        return err_set(e, ERR_INVALID, NULL, "the body must be a JSON object");
    }
    x->fresh = arena_mark(x->mem);
    return OK;
}

/* ---- lanes ---- */

static bool on_sqlite(const struct exchange *x)
{
    return x->api->org->db.backend == DB_SQLITE;
}

static enum lane lane_of(struct exchange *x)
{
    if (x->route->lane == LANE_PAGE) {
        return page_counts(x) ? LANE_WRITE : LANE_READ;
    }
    if (x->route->lane != LANE_ACTION) {
        return x->route->lane;
    }
    const struct action *a = route_action(&x->call, x);
    return a && a->effect == EFFECT_READ ? LANE_HEAVY : LANE_WRITE;
}

static bool to_pool(struct exchange *x, bool heavy)
{
    x->heavy = heavy;
    x->leave(x);
    if (!pool_add(x->api->pool, x)) {
        reply_error(x, 503, "busy", "too many requests are waiting; try again in a moment");
        x->finish(x);
    }
    return false;
}

static void written(void *arg)
{
    struct exchange *x = arg;

    settle(x, x->call.err.code);
    x->finish(x);
}

/* Hands a write to the writer thread; x->leave() was called. */
static void submit(struct exchange *x)
{
    x->fresh = arena_mark(x->mem);
    enum err_code code = call_submit(&x->call, run_route, x, written, x);
    if (code != OK) {
        settle(x, code);
        x->finish(x);
    }
}

static enum err_code run_find(struct call *c, void *arg)
{
    struct exchange *x = arg;

    TRY(api_authenticate(c, x));
    conn_budget(c->db, x->budget);
    return x->route->find(c, x);
}

static bool finds_first(const struct exchange *x, enum lane lane)
{
    return lane == LANE_WRITE && x->route->find && json_is_string(json_object_get(x->input, "where"));
}

static enum err_code prepare(struct exchange *x, enum lane lane)
{
    TRY(read_input(x));
    TRY(x->route->prepare ? x->route->prepare(&x->call, x) : OK);
    return finds_first(x, lane) ? run_read(x, run_find, x->api->org->cfg->query_budget) : OK;
}

/* From start to end on a thread that may block. */
static void run_blocking(struct exchange *x, enum lane lane)
{
    enum err_code code = prepare(x, lane);

    if (code != OK || lane == LANE_PLAIN) {
        settle(x, code);
    } else if (lane == LANE_WRITE) {
        settle(x, call_write(&x->call, run_route, x));
    } else {
        settle(x, run_read(x, run_route, x->api->org->cfg->query_budget));
    }
}

void api_continue(struct exchange *x)
{
    enum lane lane = lane_of(x);

    if (lane == LANE_WRITE && on_sqlite(x)) {
        enum err_code code = prepare(x, lane);
        if (code != OK) {
            settle(x, code);
            x->finish(x);
            return;
        }
        submit(x);
        return;
    }
    run_blocking(x, lane);
    x->finish(x);
}

static bool start_quick(struct exchange *x)
{
    enum err_code code = run_read(x, run_route, x->api->org->cfg->quick_budget);

    if (code == ERR_BUDGET) {
        rewind_call(x);
        return to_pool(x, true);
    }
    settle(x, code);
    return true;
}

static bool start_write(struct exchange *x)
{
    if (x->route->prepare || x->req.body.n > PARSE_HERE) {
        return to_pool(x, x->route->prepare != NULL);
    }
    enum err_code code = read_input(x);
    if (code == OK && finds_first(x, LANE_WRITE)) {
        return to_pool(x, true);
    }
    if (code == OK && !is_warm(x)) {
        code = run_read(x, only_sign_in, 0);
    }
    if (code != OK) {
        settle(x, code);
        return true;
    }
    x->leave(x);
    submit(x);
    return false;
}

static bool is_api(const struct exchange *x)
{
    struct str first = x->req.nsegments ? x->req.segments[0] : STR("");

#ifdef KITH_TESTING
    if (str_is(first, "test")) {
        return true;
    }
#endif
    return str_is(first, "api") || str_is(first, "p") || str_is(first, "v1") || str_is(first, "app-frame")
        || str_is(first, "healthz") || str_is(first, "metrics");
}

static bool parse(struct exchange *x)
{
    struct err e = { 0 };
    struct call *c = &x->call;

    if (c->org) {
        /* admitted already: the call holds its model once, and gives it back once */
        c->who = &nobody;
        c->cfg = c->org->cfg;
        c->now = org_now(c->org);
        c->errors = NULL;
        err_clear(&c->err);
    } else {
        call_init(c, x->api->org, x->mem, &nobody, VIA_API);
    }
    c->request = x->id;
    if (request_parse(x, &e) != OK) {
        x->call.err = e;
        reply_problem(x);
        return false;
    }
    return true;
}

enum admit api_admit(struct exchange *x, bool may_block)
{
    if (!parse(x)) {
        return ADMIT_NO;
    }
    if (!is_api(x)) {
        return ADMIT_OPEN;
    }
    if (!route_find(x)) {
        return ADMIT_NO;
    }
    if (x->route->flags & ROUTE_OPEN) {
        return ADMIT_OPEN;
    }
    if (secret_of(x).n && is_warm(x)) {
        return ADMIT_YES;
    }
    if (secret_of(x).n && !may_block && !on_sqlite(x)) {
        return ADMIT_AWAY;
    }
    enum err_code code = secret_of(x).n ? run_read(x, only_sign_in, 0) : api_authenticate(&x->call, x);
    if (code != OK) {
        settle(x, code);
    }
    return code == OK ? ADMIT_YES : ADMIT_NO;
}

bool api_start(struct exchange *x)
{
    if (!parse(x)) {
        return true;
    }
    if (!is_api(x)) {
        assets_reply(x);
        return true;
    }
    if (!route_find(x)) {
        return true;
    }
    x->fresh = arena_mark(x->mem);
    enum lane lane = lane_of(x);
    if (x->local) {
        run_blocking(x, lane);
        return true;
    }
    if (!on_sqlite(x) && lane != LANE_PLAIN) {
        return to_pool(x, lane == LANE_HEAVY);
    }
    switch (lane) {
    case LANE_QUICK:
        return start_quick(x);
    case LANE_WRITE:
        return start_write(x);
    case LANE_READ:
    case LANE_HEAVY:
        return to_pool(x, lane == LANE_HEAVY);
    case LANE_PLAIN:
    case LANE_ACTION:
    case LANE_PAGE:
        break;
    }
    enum err_code code = read_input(x);
    settle(x, code == OK ? x->route->run(&x->call, x) : code);
    return true;
}

static void nothing(struct exchange *x)
{
    (void)x;
}

struct exchange *api_exchange(
    struct api *api, struct arena *mem, const char *method, struct str target, struct str body)
{
    struct exchange *x = exchange_new(api, mem);

    x->req.method = method_of(method);
    x->req.target = target;
    x->req.body = body;
    x->req.shell = true;
    x->local = true;
    x->leave = nothing;
    x->finish = nothing;
    return x;
}
