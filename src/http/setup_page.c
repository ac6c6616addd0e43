/* setup_page.c - serves the set-up page and its files, and nothing else, from one thread.
 *
 * The page is the web application's where there is one; whoever asks for no page of an application gets the plain form,
 * which does the same. Both send the same fields to /setup, with the token, and are signed in by the answer. */

#include "http/setup_page.h"

#include "http/api.h"
#include "http/assets.h"
#include "http/listen.h"
#include "model/auth.h"

#include <microhttpd.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { FORM_MAX = 16 << 10, PAGE_MAX = 64 << 10 };

struct setup_page {
    struct MHD_Daemon *daemon;
    int fd, port;
    struct str token;
    setup_fn *make;
    void *arg;
    struct api api; /* only to number exchanges, and to find the files of the application */
    _Atomic bool done;
    _Atomic int open;
};

struct visit {
    struct exchange *x;
    struct buf body;
};

static const char style[] = "body{font:16px/1.6 system-ui,sans-serif;max-width:30rem;margin:3rem auto;"
    "padding:0 1rem;color-scheme:light dark}label{display:block;margin:.8rem 0 .2rem}input{width:100%;"
    "box-sizing:border-box;font:inherit;padding:.4rem .5rem}button{font:inherit;margin-top:1.2rem;"
    "padding:.5rem 1.2rem}[role=alert]{border:1px solid;padding:.5rem .8rem}";

static void put_escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'') {
            buf_fmt(out, "&#%d;", c);
        } else {
            buf_byte(out, c);
        }
    }
}

static void put_input(struct buf *out, const char *name, const char *label, const char *type,
    struct str value)
{
    buf_fmt(out, "<label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" type=\"%s\" value=\"", name,
        label, name, name, type);
    put_escaped(out, value);
    buf_lit(out, "\">");
}

static void put_form(struct buf *out, const struct setup_page *p, struct exchange *x, const char *wrong)
{
    struct str currency = param(x, "currency"), zone = param(x, "zone");
    struct str language = param(x, "language");

    buf_lit(out, "<h1>Set up Kith</h1>");
    if (wrong) {
        buf_lit(out, "<p role=\"alert\">");
        put_escaped(out, str_of(wrong));
        buf_lit(out, "</p>");
    }
    buf_lit(out, "<form method=\"post\" action=\"/setup\"><input type=\"hidden\" name=\"token\" value=\"");
    put_escaped(out, p->token);
    buf_lit(out, "\">");
    put_input(out, "company", "Company (optional)", "text", param(x, "company"));
    put_input(out, "name", "Your name", "text", param(x, "name"));
    put_input(out, "email", "Your e-mail address", "email", param(x, "email"));
    put_input(out, "password", "Password (at least 10 characters)", "password", STR(""));
    put_input(out, "currency", "Base currency", "text", currency.n ? currency : STR("EUR"));
    put_input(out, "zone", "Time zone", "text", zone.n ? zone : STR("UTC"));
    put_input(out, "country", "Country (optional: phone numbers are read by it)", "text",
        param(x, "country"));
    put_input(out, "language", "Language", "text", language.n ? language : STR("en"));
    buf_lit(out, "<button>Set up</button></form>");
}

static void put_page(struct buf *out, struct str nonce, bool ready)
{
    buf_lit(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\""
                 " content=\"width=device-width\"><title>Kith</title>");
    if (ready) {
        buf_lit(out, "<meta http-equiv=\"refresh\" content=\"2;url=/\">");
    }
    buf_fmt(out, "<style nonce=\"%.*s\">%s</style></head><body>", STR_ARG(nonce), style);
}

static bool token_fits(const struct setup_page *p, struct str given)
{
    return given.n == p->token.n && sodium_memcmp(given.p, p->token.p, given.n) == 0;
}

/* Makes the installation of what was sent; the browser that sent it is signed in. */
static bool set_up(struct setup_page *p, struct exchange *x, struct err *e)
{
    struct setup_form f = { param(x, "company"), param(x, "name"), param(x, "email"), param(x, "password"),
        param(x, "currency"), param(x, "zone"), param(x, "country"), param(x, "language"),
        x->req.headers[H_USER_AGENT] };
    struct str session = STR("");

    if (p->make(p->arg, x->mem, &f, &session, e) != OK) {
        return false;
    }
    p->done = true;
    reply_header(x, "Set-Cookie",
        arena_fmt(x->mem, "kith_session=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000", STR_ARG(session)));
    return true;
}

static void reply_plain(struct setup_page *p, struct exchange *x, bool good, bool ready, const char *wrong)
{
    struct str nonce = secret_text(x->mem, 16);
    struct buf out;

    buf_init(&out, x->mem, PAGE_MAX);
    put_page(&out, nonce, ready);
    if (!good) {
        buf_lit(&out, "<h1>Kith is not set up yet</h1><p>Open the address that stands on the terminal in"
                      " which the server was started.</p>");
    } else if (ready) {
        buf_lit(&out, "<h1>Kith is ready</h1><p>It opens in a moment. <a href=\"/welcome\">Go on</a></p>");
    } else {
        put_form(&out, p, x, wrong);
    }
    x->reply.status = !good ? 403 : wrong ? 422 : 200;
    x->reply.type = "text/html; charset=utf-8";
    x->reply.body = buf_str(&out);
    reply_header(x, "Content-Security-Policy",
        arena_fmt(x->mem, "default-src 'none'; style-src 'nonce-%.*s'; form-action 'self'; base-uri 'none';"
                          " frame-ancestors 'none'", STR_ARG(nonce)));
}

/* To the page of the application. */
static void reply_json(struct exchange *x, int status, const struct err *wrong)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, x->mem, PAGE_MAX);
    json_init(&w, &out);
    json_object(&w, NULL);
    json_cstr(&w, "code", status == 200 ? "ready" : status == 422 ? "invalid" : status == 403 ? "forbidden" : "setup");
    json_cstr(&w, "detail", wrong ? wrong->msg : "Kith is not set up yet");
    json_array(&w, "errors");
    if (wrong && wrong->field[0]) {
        json_object(&w, NULL);
        json_cstr(&w, "field", wrong->field);
        json_cstr(&w, "message", wrong->msg);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    x->reply.status = status;
    x->reply.type = status == 200 ? "application/json" : "application/problem+json";
    x->reply.body = buf_str(&out);
}

static bool is_file(const struct exchange *x)
{
    struct str path = x->req.path;

    return str_starts(path, STR("/assets/")) || str_is(path, "/begin.js") || str_is(path, "/icon.svg")
        || str_is(path, "/manifest.webmanifest") || str_starts(path, STR("/icon-"));
}

static void make_answer(struct setup_page *p, struct visit *v, bool post)
{
    struct exchange *x = v->x;
    struct err e = { 0 };

    if (post) {
        x->req.target = arena_fmt(x->mem, "/setup?%.*s", STR_ARG(buf_str(&v->body)));
    }
    bool read = request_parse(x, &e) == OK, good = read && token_fits(p, param(x, "token"));
    bool json = str_find(x->req.headers[H_ACCEPT], STR("application/json")) >= 0;
    bool was_ready = p->done, ready = was_ready;
    if (read && !post && is_file(x)) {
        assets_reply(x);
    } else if (read && str_starts(x->req.path, STR("/api/"))) {
        reply_json(x, 503, NULL);
    } else if (good && post && !was_ready) {
        ready = set_up(p, x, &e);
        json ? reply_json(x, ready ? 200 : 422, ready ? NULL : &e)
             : reply_plain(p, x, true, ready, ready ? NULL : e.msg);
    } else if (good && !ready && !post && str_find(x->req.headers[H_ACCEPT], STR("text/html")) >= 0
        && assets_have_application(x)) {
        x->req.path = STR("/");
        assets_reply(x);
    } else if (json && post) {
        reply_json(x, good ? 200 : 403, NULL);
    } else {
        reply_plain(p, x, good, ready, NULL);
    }
}

static enum MHD_Result answer(
    struct setup_page *p, struct visit *v, struct MHD_Connection *mhd, bool post)
{
    struct exchange *x = v->x;
    struct reply *reply = &x->reply;
    static const struct { const char *name; enum header header; } wanted[] = { { "Accept", H_ACCEPT },
        { "Accept-Encoding", H_ACCEPT_ENCODING }, { "User-Agent", H_USER_AGENT },
        { "If-None-Match", H_IF_NONE_MATCH } };

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const char *value = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, wanted[i].name);
        x->req.headers[wanted[i].header] = value ? arena_str(x->mem, str_of(value)) : STR("");
    }
    make_answer(p, v, post);
    struct MHD_Response *r = MHD_create_response_from_buffer(
        reply->body.n, (void *)(uintptr_t)reply->body.p, MHD_RESPMEM_MUST_COPY);
    if (!r) {
        return MHD_NO;
    }
    for (int i = 0; i < reply->nheaders; i++) {
        (void)MHD_add_response_header(r, reply->headers[i].name, reply->headers[i].value.p);
    }
    (void)MHD_add_response_header(r, "Content-Type", reply->type);
    (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    (void)MHD_add_response_header(r, "Connection", "close");
    enum MHD_Result queued = MHD_queue_response(mhd, (unsigned)reply->status, r);
    MHD_destroy_response(r);
    return queued;
}

static void *begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct setup_page *p = cls;
    struct arena *mem = arena_create(0);
    struct visit *v = ARENA_NEW(mem, struct visit);

    (void)mhd;
    v->x = exchange_new(&p->api, mem);
    v->x->req.target = arena_str(mem, str_of(uri));
    v->x->req.method = METHOD_GET;
    buf_init(&v->body, mem, FORM_MAX);
    p->open++;
    return v;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *size, void **state)
{
    struct setup_page *p = cls;
    struct visit *v = *state;
    bool post = strcmp(method, "POST") == 0;

    (void)url, (void)version;
    if (!v->x->started) {
        buf_add(&v->body, (struct str) { data, *size });
        if (*size) {
            *size = 0;
            return v->body.failed ? MHD_NO : MHD_YES;
        }
        return answer(p, v, mhd, post);
    }
    v->x->started = 0; /* the first call only brings the head */
    return MHD_YES;
}

static void end(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_RequestTerminationCode how)
{
    struct setup_page *p = cls;
    struct visit *v = *state;

    (void)mhd, (void)how;
    if (v) {
        *state = NULL;
        arena_destroy(v->x->mem);
        p->open--;
    }
}

enum err_code setup_page_start(struct arena *mem, const char *listen, const char *web_root,
    setup_fn *make, void *arg, struct setup_page **out, struct err *e)
{
    struct setup_page *p = ARENA_NEW(mem, struct setup_page);
    struct config *cfg = ARENA_NEW(mem, struct config);

    /* there is no organisation yet: this one only says where the files are */
    cfg->web_root = web_root;
    p->api.org = ARENA_NEW(mem, struct org);
    p->api.org->cfg = cfg;
    p->make = make;
    p->arg = arg;
    p->token = secret_text(mem, 24);
    TRY(listen_tcp(listen, &p->fd, &p->port, e));
    p->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, p,
        MHD_OPTION_LISTEN_SOCKET, p->fd, MHD_OPTION_CONNECTION_LIMIT, 64u,
        MHD_OPTION_CONNECTION_TIMEOUT, 20u, MHD_OPTION_URI_LOG_CALLBACK, begin, p,
        MHD_OPTION_NOTIFY_COMPLETED, end, p, MHD_OPTION_END);
    if (!p->daemon) {
        close(p->fd);
        return err_set(e, ERR_INTERNAL, NULL, "the network thread does not start");
    }
    *out = p;
    return OK;
}

int setup_page_port(const struct setup_page *p)
{
    return p->port;
}

const char *setup_page_token(const struct setup_page *p)
{
    return p->token.p;
}

bool setup_page_done(const struct setup_page *p)
{
    return p->done;
}

void setup_page_stop(struct setup_page *p)
{
    for (int i = 0; i < 400 && p->open; i++) {
        usleep(5000);
    }
    MHD_stop_daemon(p->daemon); /* closes the socket too */
}
