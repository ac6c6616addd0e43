/* upload.c - files up: what is small comes in the request's memory; what is large was spooled into a file without
 * a name as it arrived, and goes into the database in pieces, each a write of its own, so that nobody waits. The
 * record is made last. Pieces of an upload that never ended belong to no record and are collected. */

#include "http/api.h"
#include "model/file.h"
#include "model/query.h"

#include <inttypes.h>
#include <unistd.h>

enum { PIECE = 16 * FILE_CHUNK };

static enum err_code file_name(struct call *c, struct exchange *x, struct str *name)
{
    *name = param(x, "name");
    return name->n ? OK
                   : fail(c, ERR_INVALID, "name", "a file needs a name: POST /api/v1/files?name=...");
}

static enum err_code may_upload(struct call *c, void *arg)
{
    struct exchange *x = arg;
    struct str name;

    TRY(api_authenticate(c, x));
    TRY(file_name(c, x, &name));
    return access_require(c, model_entity(c->model, STR("file")), RIGHT_CREATE);
}

struct piece {
    struct str hash, bytes;
    int64_t first;
};

static enum err_code store_piece(struct call *c, void *arg)
{
    struct piece *p = arg;

    return file_store_piece(c, p->hash, p->first, p->bytes);
}

static enum err_code read_piece(struct exchange *x, struct call *c, char *room, int64_t at, size_t *n)
{
    ssize_t got = pread(x->req.spool, room, PIECE, at);

    if (got < 0 || (got == 0 && at < x->req.spooled)) {
        return fail(c, ERR_INTERNAL, NULL, "the upload cannot be read again");
    }
    *n = (size_t)got;
    return OK;
}

static enum err_code in_own_call(struct exchange *x, struct call *outer, bool writes, call_fn *fn, void *arg)
{
    struct arena *mem = arena_create((size_t)x->api->org->cfg->arena_max);
    struct call c;

    call_init(&c, x->api->org, mem, x->call.who, VIA_API);
    c.request = x->id;
    enum err_code code = writes ? call_write(&c, fn, arg) : call_read(&c, fn, arg);
    outer->err = code == OK ? outer->err : c.err;
    arena_destroy(mem);
    return code;
}

enum err_code file_prepare(struct call *c, struct exchange *x)
{
    struct file_hash *hash;
    struct piece p = { 0 };
    char *room;
    size_t n = 0;

    if (x->req.spool < 0) {
        return OK;
    }
    TRY(in_own_call(x, c, false, may_upload, x));
    room = arena_alloc(x->mem, PIECE);
    hash = file_hash_begin(x->mem);
    for (int64_t at = 0; at < x->req.spooled; at += (int64_t)n) {
        TRY(read_piece(x, c, room, at, &n));
        file_hash_add(hash, (struct str) { room, n });
    }
    p.hash = file_hash_end(hash, x->mem);
    for (int64_t at = 0; at < x->req.spooled; at += (int64_t)n) {
        TRY(read_piece(x, c, room, at, &n));
        p.bytes = (struct str) { room, n };
        p.first = at / FILE_CHUNK;
        TRY(in_own_call(x, c, true, store_piece, &p));
    }
    x->req.spool_hash = p.hash;
    return OK;
}

enum err_code file_post(struct call *c, struct exchange *x)
{
    const struct live_entity *e = model_entity(c->model, STR("file"));
    struct str name, type = x->req.headers[H_CONTENT_TYPE];
    int64_t id;

    TRY(file_name(c, x, &name));
    type = type.n ? type : STR("application/octet-stream");
    if (x->req.spool >= 0) {
        TRY(file_create_stored(c, name, type, x->req.spool_hash, x->req.spooled, &id));
    } else {
        TRY(file_create(c, name, type, x->req.body, &id));
    }
    x->reply.status = 201;
    reply_header(x, "Location", arena_fmt(c->mem, "/api/v1/files/%" PRId64, id));
    return query_get(c, e, id, STR(""), STR(""));
}
