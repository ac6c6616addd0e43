/* reply_mhd.c - turns a reply into a response of libmicrohttpd, whole or piece by piece. */

#include "http/reply_mhd.h"

#include "http/metrics.h"
#include "http/pool.h"

#include <string.h>

enum { PIECE_MAX = 64 << 20, BLOCK = 32 << 10 };

/* ---- bodies made while they are sent ---- */

/* Runs on the streams' thread: the connection sleeps. */
static void listener_ready(struct listener *l)
{
    struct carrier *k = l->x->carrier;

    k->chunk = buf_str(&l->out);
    k->sent = 0;
    k->more = !l->end;
    MHD_resume_connection(k->mhd);
}

void carrier_fill(struct carrier *k)
{
    arena_reset(k->page);
    buf_init(&k->out, k->page, PIECE_MAX);
    k->more = false;
    if (k->x->reply.stream->fill(k->x, &k->out, &k->more) != OK || k->out.failed) {
        k->broken = true;
    }
    k->chunk = buf_str(&k->out);
    k->sent = 0;
    MHD_resume_connection(k->mhd);
}

static ssize_t wait_for_more(struct carrier *k)
{
    struct exchange *x = k->x;

    MHD_suspend_connection(k->mhd);
    if (x->reply.event_stream) {
        streams_wait(x->api->streams, &k->listener);
    } else {
        x->heavy = true;
        if (!pool_add(x->api->pool, x)) {
            k->broken = true;
            MHD_resume_connection(k->mhd);
        }
    }
    return 0;
}

static ssize_t read_piece(void *cls, uint64_t at, char *out, size_t max)
{
    struct carrier *k = cls;
    size_t n = k->chunk.n - k->sent;

    (void)at;
    if (k->broken) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (n) {
        n = n < max ? n : max;
        memcpy(out, k->chunk.p + k->sent, n);
        k->sent += n;
        return (ssize_t)n;
    }
    return k->more ? wait_for_more(k) : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *streamed(struct carrier *k)
{
    struct exchange *x = k->x;

    k->page = server_take_arena(k->server);
    k->chunk = x->reply.body;
    k->streaming = true;
    k->more = true;
    if (x->reply.event_stream) {
        k->listener = (struct listener) { .x = x, .ready = listener_ready, .mem = k->page };
        if (!streams_add(x->api->streams, &k->listener)) {
            k->more = false;
            x->reply.stream = NULL;
            reply_error(x, 503, "busy", "too many listen to changes already");
            return MHD_create_response_from_buffer(
                x->reply.body.n, (void *)(uintptr_t)x->reply.body.p, MHD_RESPMEM_PERSISTENT);
        }
    }
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_piece, k, NULL);
}

/* ---- headers ---- */

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    (void)MHD_add_response_header(r, name, value);
}

static bool has_header(const struct reply *reply, const char *name)
{
    for (int i = 0; i < reply->nheaders; i++) {
        if (strcmp(reply->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_headers(struct carrier *k, struct MHD_Response *r)
{
    struct exchange *x = k->x;
    struct reply *reply = &x->reply;

    for (int i = 0; i < reply->nheaders; i++) {
        add(r, reply->headers[i].name, reply->headers[i].value.p);
    }
    if (reply->type && reply->status != 204 && reply->status != 304) {
        add(r, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    }
    if (reply->etag.n) {
        char quoted[128];
        size_t n = reply->etag.n < 120 ? reply->etag.n : 120;
        quoted[0] = '"';
        memcpy(quoted + 1, reply->etag.p, n);
        memcpy(quoted + 1 + n, "\"", 2);
        add(r, MHD_HTTP_HEADER_ETAG, quoted);
    }
    add(r, "X-Request-Id", x->id);
    add(r, "X-Content-Type-Options", "nosniff");
    if (!has_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL)) {
        add(r, MHD_HTTP_HEADER_CACHE_CONTROL, reply->cacheable ? "private, no-cache" : "no-store");
    }
    if (!has_header(reply, "Content-Security-Policy")) {
        add(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    }
    if (reply->page) {
        add(r, "Referrer-Policy", "same-origin");
        add(r, "Cross-Origin-Opener-Policy", "same-origin");
        add(r, "X-Frame-Options", "DENY");
    }
    if (x->req.secure) {
        add(r, "Strict-Transport-Security", "max-age=31536000");
    }
    if (reply->event_stream) {
        add(r, "X-Accel-Buffering", "no"); /* a proxy must not hold events back */
    }
    if (k->server->api.stopping) {
        add(r, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

enum MHD_Result carrier_answer(struct carrier *k)
{
    struct exchange *x = k->x;
    struct MHD_Response *r;

    k->stage = STAGE_ANSWERED;
    if (x->reply.stream && !x->req.head) {
        r = streamed(k);
    } else {
        r = MHD_create_response_from_buffer(
            x->reply.body.n, (void *)(uintptr_t)x->reply.body.p, MHD_RESPMEM_PERSISTENT);
    }
    if (!r) {
        return MHD_NO;
    }
    add_headers(k, r);
    metrics_note(x);
    enum MHD_Result queued = MHD_queue_response(k->mhd, (unsigned)x->reply.status, r);
    MHD_destroy_response(r);
    return queued;
}
