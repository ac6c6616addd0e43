/* reply.c - what goes back: bodies, headers, and errors that a person understands.
 *
 * An error of ours is told to the log and not to the client; he gets the request's id to quote. */

#include "http/exchange.h"

#include "base/log.h"
#include "model/texts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { PROBLEM_MAX = 64 << 10, ERRORS_TOLD = 50, WORTH_SHORTENING = 8 << 10 };

static const struct {
    int status;
    const char *title;
} titles[] = {
    { 400, "Bad request" }, { 401, "Not signed in" }, { 403, "Not allowed" },
    { 404, "Not found" }, { 405, "Method not allowed" }, { 409, "Conflict" },
    { 412, "Changed in the meantime" }, { 413, "Too large" }, { 415, "Unsupported media type" }, { 416, "Range not satisfiable" },
    { 421, "Misdirected request" }, { 422, "Not valid" }, { 429, "Too many requests" },
    { 500, "Internal error" }, { 501, "Not implemented" }, { 503, "Busy" }, { 507, "Storage is full" },
};

static const char *title_of(int status)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

void reply_header(struct exchange *x, const char *name, struct str value)
{
    struct reply *r = &x->reply;

    if (r->nheaders < REPLY_HEADERS) {
        r->headers[r->nheaders++] = (struct reply_header) { name, arena_str(x->mem, value) };
    }
}

void reply_reset(struct exchange *x)
{
    x->reply = (struct reply) { .type = "application/json" };
}

void reply_text(struct exchange *x, int status, const char *type, struct str body)
{
    reply_reset(x);
    x->reply.status = status;
    x->reply.type = type;
    x->reply.body = body;
}

void reply_shorten(struct exchange *x)
{
    struct reply *r = &x->reply;
    z_stream z = { .next_in = (Bytef *)(uintptr_t)r->body.p, .avail_in = (uInt)r->body.n };

    if (r->status != 200 || r->stream || r->nheaders + 2 > REPLY_HEADERS || r->body.n < WORTH_SHORTENING || r->body.n > UINT_MAX
        || strcmp(r->type, "application/json") != 0) {
        return;
    }
    reply_header(x, "Vary", STR("Accept-Encoding"));
    if (!accepts_coding(x, "gzip") || deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return;
    }
    size_t most = deflateBound(&z, (uLong)r->body.n);
    char *out = arena_alloc(x->mem, most);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)most;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
        r->body = (struct str) { out, z.total_out };
        reply_header(x, "Content-Encoding", STR("gzip"));
    }
    deflateEnd(&z);
}

/* "first_name" of the third operation of a batch is "operations[2].first_name". */
static void put_field(struct exchange *x, struct json_writer *w, const char *field)
{
    char path[200];

    if (x->operation) {
        snprintf(path, sizeof path, "operations[%d]%s%s", x->operation - 1, field[0] ? "." : "",
            field);
        field = path;
    }
    json_cstr(w, "field", field);
}

/* Some sentences are made where nobody knows who reads them. */
static const char *in_language(struct exchange *x, const char *message)
{
    return x->call.model ? text_message(x->mem, call_language(&x->call), message) : message;
}

static void put_one(
    struct exchange *x, struct json_writer *w, const char *field, const char *message)
{
    json_object(w, NULL);
    put_field(x, w, field);
    json_cstr(w, "message", in_language(x, message));
    json_end_object(w);
}

static void put_errors(struct exchange *x, struct json_writer *w, const struct err *e)
{
    int told = 0;

    json_array(w, "errors");
    for (struct field_error *f = x->call.errors; f && told < ERRORS_TOLD; f = f->next, told++) {
        put_one(x, w, f->field ? f->field : "", f->message);
    }
    if (!told && (e->field[0] || x->operation)) {
        put_one(x, w, e->field, e->msg);
    }
    json_end_array(w);
}

static void write_problem(struct exchange *x, int status, const char *code, const struct err *e)
{
    struct buf out;
    struct json_writer w;
    char type[80];

    snprintf(type, sizeof type, "urn:kith:error:%s", code);
    buf_init(&out, x->mem, PROBLEM_MAX);
    json_init(&w, &out);
    json_object(&w, NULL);
    json_cstr(&w, "type", type);
    json_cstr(&w, "title", text_in(x->call.model ? call_language(&x->call) : STR(""), title_of(status)));
    json_int(&w, "status", status);
    json_cstr(&w, "code", code);
    json_cstr(&w, "detail", in_language(x, e->msg));
    if (x->operation) {
        json_int(&w, "index", x->operation - 1);
    }
    put_errors(x, &w, e);
    json_cstr(&w, "request", x->id);
    json_end_object(&w);
    struct reply_header kept = { NULL };
    for (int i = 0; i < x->reply.nheaders; i++) {
        if (strcmp(x->reply.headers[i].name, "Allow") == 0) {
            kept = x->reply.headers[i];
        }
    }
    reply_text(x, status, "application/problem+json", buf_str(&out));
    if (kept.name) {
        x->reply.headers[x->reply.nheaders++] = kept;
    }
    if (status == 401) {
        reply_header(x, "WWW-Authenticate", STR("Bearer"));
    } else if (status == 503 || status == 429) {
        reply_header(x, "Retry-After", STR("2"));
    }
}

void reply_problem(struct exchange *x)
{
    struct err e = x->call.err;

    if (e.code == ERR_INTERNAL || e.code == OK) {
        log_event(LOG_ERROR, &(struct log_context) { "http", x->id, 0 }, "%.*s: %s",
            (int)(x->req.path.n < 200 ? x->req.path.n : 200), x->req.path.p ? x->req.path.p : "",
            e.msg);
        err_set(&e, ERR_INTERNAL, NULL, "something went wrong here; ask the administrator to look for"
            " this request in the log");
        x->call.errors = NULL;
    } else if (e.code == ERR_BUDGET) {
        err_set(&e, ERR_BUDGET, "where", "this filter or order has to look at too many records; it"
            " needs an index on a field that it compares");
        x->call.errors = NULL;
    } else if (e.code != ERR_INVALID) {
        x->call.errors = NULL;
    }
    write_problem(x, err_status(&e), err_name(e.code), &e);
}

void reply_error(struct exchange *x, int status, const char *code, const char *fmt, ...)
{
    struct err e = { 0 };
    va_list args;

    va_start(args, fmt);
    err_setv(&e, ERR_INVALID, NULL, fmt, args);
    va_end(args);
    x->call.errors = NULL;
    write_problem(x, status, code, &e);
}

/* Over one JSON value at p; the writer made it, so it is well-formed. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;

    for (; p < end; p++) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++) {
                p += *p == '\\';
            }
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            if (--depth < 0) {
                return p;
            }
        } else if (*p == ',' && !depth) {
            return p;
        }
    }
    return end;
}

struct str body_version(struct call *c, size_t from)
{
    static const char name[] = "\"version\":";
    const char *p = c->body.p + from, *end = c->body.p + c->body.n;
    size_t n = sizeof name - 1;

    if (p >= end || *p != '{') {
        return STR("");
    }
    for (p++; p + n < end; p++) {
        if (memcmp(p, name, n) == 0) {
            size_t digits = strspn(p + n, "0123456789");
            return arena_str(c->mem, (struct str) { p + n, digits });
        }
        p = skip_value(p, end);
    }
    return STR("");
}
