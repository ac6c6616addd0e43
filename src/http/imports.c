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
    int64_t import;
    struct import_rejects at;
};

static enum err_code next_page(struct call *c, void *state, struct buf *out, bool *more)
{
    struct rejects *r = state;

    TRY(import_rejects(c, r->import, REJECTS_PAGE, out, &r->at));
    *more = r->at.last != 0;
    return OK;
}

enum err_code import_rejects_get(struct call *c, struct exchange *x)
{
    struct rejects *r = ARENA_NEW(x->mem, struct rejects);
    bool more;

    r->import = x->record;
    TRY(next_page(c, r, &c->body, &more));
    x->reply.type = r->at.lines ? "application/x-ndjson" : "text/csv; charset=utf-8";
    reply_header(x, "Content-Disposition",
        r->at.lines ? STR("attachment; filename=\"rejects.jsonl\"") : STR("attachment; filename=\"rejects.csv\""));
    answer_in_pages(x, next_page, r, more);
    return OK;
}
