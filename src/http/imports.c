/* imports.c - looking into an import: its first rows, and those that were rejected, as a file to be mended. */

#include "http/api.h"
#include "model/import_job.h"

enum { REJECTS_PAGE = 200, PREVIEW = 20 };

enum err_code import_rows_get(struct call *c, struct exchange *x)
{
    int64_t rows;

    TRY(param_int(c, x, "rows", 1, REJECTS_PAGE, PREVIEW, &rows));
    return import_preview(c, x->record, (int)rows);
}

struct rejects {
    struct body_stream stream;
    int64_t import, last;
};

struct turn {
    struct exchange *x;
    struct buf *out;
    bool *more;
};

static enum err_code next_page(struct call *c, void *arg)
{
    struct turn *t = arg;
    struct rejects *r = t->x->reply.stream->state;

    TRY(api_authenticate(c, t->x));
    TRY(import_rejects(c, r->import, r->last, REJECTS_PAGE, t->out, &r->last));
    *t->more = r->last != 0;
    return OK;
}

static enum err_code fill(struct exchange *x, struct buf *out, bool *more)
{
    struct turn t = { x, out, more };
    struct call *c = ARENA_NEW(out->mem, struct call); /* the arena gives its model back */

    call_init(c, x->api->org, out->mem, x->call.who, VIA_API);
    c->request = x->id;
    return call_read(c, next_page, &t);
}

enum err_code import_rejects_get(struct call *c, struct exchange *x)
{
    struct rejects *r = ARENA_NEW(x->mem, struct rejects);

    r->import = x->record;
    TRY(import_rejects(c, r->import, 0, REJECTS_PAGE, &c->body, &r->last));
    x->reply.type = "text/csv; charset=utf-8";
    reply_header(x, "Content-Disposition", STR("attachment; filename=\"rejects.csv\""));
    r->stream = (struct body_stream) { fill, r };
    x->reply.stream = r->last ? &r->stream : NULL;
    return OK;
}
