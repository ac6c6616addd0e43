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
    int64_t import, last;
};

static enum err_code next_page(struct call *c, void *state, struct buf *out, bool *more)
{
    struct rejects *r = state;

    TRY(import_rejects(c, r->import, r->last, REJECTS_PAGE, out, &r->last));
    *more = r->last != 0;
    return OK;
}

enum err_code import_rejects_get(struct call *c, struct exchange *x)
{
    struct rejects *r = ARENA_NEW(x->mem, struct rejects);

    r->import = x->record;
    TRY(import_rejects(c, r->import, 0, REJECTS_PAGE, &c->body, &r->last));
    x->reply.type = "text/csv; charset=utf-8";
    reply_header(x, "Content-Disposition", STR("attachment; filename=\"rejects.csv\""));
    answer_in_pages(x, next_page, r, r->last != 0);
    return OK;
}
