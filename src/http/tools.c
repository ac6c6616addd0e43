/* tools.c - routes beside the records: timeline, import, settings, packages, the check, files. */

#include "http/api.h"
#include "model/backup.h"
#include "model/bulk.h"
#include "model/check.h"
#include "model/file.h"
#include "model/import.h"
#include "model/package.h"
#include "model/query.h"
#include "model/setting.h"
#include "model/timeline.h"

#include <inttypes.h>
#include <string.h>

enum { PIECE = 1 << 20 };

enum err_code record_timeline(struct call *c, struct exchange *x)
{
    const struct live_entity *e;
    int64_t before = 0, limit;
    struct str at = param(x, "before");

    TRY(route_entity(c, x, &e));
    TRY(param_int(c, x, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT, &limit));
    if (at.n && !instant_parse(at, &before)) {
        return fail(c, ERR_INVALID, "before", "before is an instant, 2030-01-31T00:00:00Z");
    }
    return timeline_json(c, e, x->record, before, (int)limit);
}

enum err_code records_import(struct call *c, struct exchange *x)
{
    const struct live_entity *e;

    TRY(route_entity(c, x, &e));
    return import_chunk(c, e, x->input);
}

enum err_code records_bulk(struct call *c, struct exchange *x)
{
    const struct live_entity *e;

    TRY(route_entity(c, x, &e));
    TRY(input_only(c, x->input, x->route->body));
    TRY(bulk_order(c, e, x->input));
    x->reply.status = 202;
    return OK;
}

/* ---- settings ---- */

enum err_code settings_list(struct call *c, struct exchange *x)
{
    (void)x;
    return settings_json(c);
}

enum err_code setting_put(struct call *c, struct exchange *x)
{
    static const char *const scopes[] = { "installation", "organisation", "team", "user" };
    struct str scope = input_text(x, "scope");
    const json_t *id = json_object_get(x->input, "scope_id");
    int64_t scope_id = json_integer_value(id);

    TRY(input_only(c, x->input, x->route->body));
    for (int s = SETTING_INSTALLATION; s <= SETTING_USER; s++) {
        if (str_is(scope, scopes[s])) {
            if (s == SETTING_USER && !id) {
                scope_id = c->who->id;
            }
            x->reply.status = 204;
            return setting_set(c, input_text(x, "name"), (enum setting_scope)s, scope_id,
                json_object_get(x->input, "value"));
        }
    }
    return fail(c, ERR_INVALID, "scope", "scope is installation, org, team or user");
}

/* ---- packages and the check ---- */

static enum err_code administrator(struct call *c)
{
    if (!c->who->admin || c->who->scopes.n) {
        return fail(c, ERR_FORBIDDEN, NULL, "this is for administrators");
    }
    return OK;
}

enum err_code package_get(struct call *c, struct exchange *x)
{
    TRY(administrator(c));
    return package_export(c, param(x, "name"));
}

enum err_code package_post(struct call *c, struct exchange *x)
{
    size_t before = c->body.n;

    TRY(administrator(c));
    TRY(package_install(c, x->input));
    if (c->body.n == before) {
        x->reply.status = 204;
    }
    return OK;
}

enum err_code check_run(struct call *c, struct exchange *x)
{
    int64_t findings;

    (void)x;
    TRY(administrator(c));
    conn_budget(c->db, 0);
    return check_all(c, &findings);
}

enum err_code backup_run(struct call *c, struct exchange *x)
{
    struct str file = json_str(json_object_get(x->input, "file"));
    char out[BACKUP_PATH];

    TRY(administrator(c));
    /* only who sits at the machine says where: a token from afar could write over any file */
    if (file.n && !x->req.shell) {
        return fail(c, ERR_FORBIDDEN, "file", "the place is chosen by the server");
    }
    TRY(backup_make(c->org, file.n ? file.p : NULL, out, &c->err));
    json_object(&c->out, NULL);
    json_cstr(&c->out, "file", out);
    json_end_object(&c->out);
    return OK;
}

/* ---- files ---- */

struct download {
    struct body_stream stream;
    struct file_info f;
    int64_t at, end;
};

static enum err_code piece(struct call *c, struct download *d, struct buf *out)
{
    int64_t n = d->end - d->at < PIECE ? d->end - d->at : PIECE;

    TRY(file_read(c, &d->f, d->at, (size_t)n, out));
    d->at += n;
    return OK;
}

struct turn {
    struct exchange *x;
    struct buf *out;
};

static enum err_code next_piece(struct call *c, void *arg)
{
    struct turn *t = arg;

    TRY(api_authenticate(c, t->x));
    return piece(c, t->x->reply.stream->state, t->out);
}

static enum err_code fill(struct exchange *x, struct buf *out, bool *more)
{
    struct download *d = x->reply.stream->state;
    struct turn t = { x, out };
    struct call *c = ARENA_NEW(out->mem, struct call); /* the arena gives its model back */

    call_init(c, x->api->org, out->mem, x->call.who, VIA_API);
    c->request = x->id;
    TRY(call_read(c, next_piece, &t));
    *more = d->at < d->end;
    return OK;
}

/* "bytes=0-99", "bytes=100-", "bytes=-50"; one range only. False when there is none to honour. */
static bool range_of(struct str s, int64_t size, int64_t *from, int64_t *to)
{
    struct str first;
    int64_t begin, last = size;

    if (!str_starts(s, STR("bytes=")) || str_find_byte(s, ',') >= 0) {
        return false;
    }
    s = str_sub(s, 6, s.n);
    if (str_find_byte(s, '-') < 0 || !str_split(&s, '-', &first)) {
        return false;
    }
    if (!first.n) {
        if (!str_to_int(s, &last) || last <= 0) {
            return false;
        }
        *from = last < size ? size - last : 0;
        *to = size;
        return true;
    }
    if (!str_to_int(first, &begin) || begin < 0 || (s.n && (!str_to_int(s, &last) || last < begin))) {
        return false;
    }
    *from = begin;
    *to = s.n && last < size ? last + 1 : size;
    return true;
}

static void put_disposition(struct exchange *x, const struct file_info *f)
{
    bool shown = str_is(f->type, "image/png") || str_is(f->type, "image/jpeg")
        || str_is(f->type, "image/gif") || str_is(f->type, "image/webp");
    struct buf out;

    buf_init(&out, x->mem, 4096);
    buf_lit(&out, shown ? "inline" : "attachment");
    buf_lit(&out, "; filename*=UTF-8''");
    for (size_t i = 0; i < f->name.n; i++) {
        unsigned char ch = (unsigned char)f->name.p[i];
        if ((ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || ch == '.'
            || ch == '-' || ch == '_') {
            buf_byte(&out, (char)ch);
        } else {
            buf_fmt(&out, "%%%02X", ch);
        }
    }
    reply_header(x, "Content-Disposition", buf_str(&out));
}

enum err_code file_content(struct call *c, struct exchange *x)
{
    struct download *d = ARENA_NEW(x->mem, struct download);
    int64_t from = 0, to;

    TRY(file_info(c, x->record, &d->f));
    to = d->f.size;
    x->reply.etag = str_sub(d->f.hash, 0, 64);
    x->reply.cacheable = true;
    x->reply.type = arena_cstr(x->mem, d->f.type);
    put_disposition(x, &d->f);
    reply_header(x, "Accept-Ranges", STR("bytes"));
    if (x->req.headers[H_RANGE].n && range_of(x->req.headers[H_RANGE], d->f.size, &from, &to)) {
        if (from >= d->f.size) {
            reply_error(x, 416, "range", "the file has %" PRId64 " bytes", d->f.size);
            return OK;
        }
        x->reply.status = 206;
        reply_header(x, "Content-Range",
            arena_fmt(x->mem, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, from, to - 1, d->f.size));
    }
    d->at = from;
    d->end = to;
    d->stream = (struct body_stream) { fill, d };
    TRY(piece(c, d, &c->body));
    x->reply.stream = d->at < d->end ? &d->stream : NULL;
    return OK;
}
