/* export.c - all of a list, as CSV or as one JSON document a line, page by page.
 *
 * Each page is a call of its own: no reader stands open for as long as a slow client takes, and the
 * rights are those of the moment. The first page is made before the answer begins, so that a wrong
 * request is still refused as one. */

#include "base/csv.h"
#include "http/api.h"
#include "model/query.h"

#include <string.h>

enum { PAGE = 200, CURSOR_MAX = 8192 };

struct export {
    struct list_request q;
    struct str entity; /* by name: the model may be another one at the next page */
    struct body_stream stream;
    bool csv;
    char after[CURSOR_MAX];
};

static void csv_head(struct buf *out, const struct query_page *p)
{
    for (size_t i = 0; i < p->nfields; i++) {
        if (i) {
            buf_byte(out, ',');
        }
        csv_cell(out, p->fields[i]->name, ',');
    }
    buf_lit(out, "\r\n");
}

static void csv_line(struct call *c, struct buf *out, const struct query_page *p, struct record *r)
{
    struct buf cell;

    buf_init(&cell, c->mem, BODY_MAX);
    for (size_t i = 0; i < p->nfields; i++) {
        if (i) {
            buf_byte(out, ',');
        }
        if (p->fields[i]->stored) {
            buf_clear(&cell);
            cells_to_text(c, p->fields[i], record_cells(r, p->fields[i]), p->names, &cell);
            csv_cell(out, buf_str(&cell), ',');
        }
    }
    buf_lit(out, "\r\n");
}

static void json_line(struct call *c, struct buf *out, const struct query_page *p, struct record *r)
{
    struct json_writer w;

    json_init(&w, out);
    json_object(&w, NULL);
    for (size_t i = 0; i < p->nfields; i++) {
        if (p->fields[i]->stored) {
            json_name(&w, p->fields[i]->name);
            cells_to_json(c, p->fields[i], record_cells(r, p->fields[i]), p->names, &w);
        }
    }
    json_end_object(&w);
    buf_byte(out, '\n');
}

/* One page into out; *more when there is another, whose place is kept. */
static enum err_code page(struct call *c, struct export *e, struct buf *out, bool *more)
{
    struct query_page p;
    bool first = !e->after[0];
    struct list_request q = e->q;

    q.e = model_entity(c->model, e->entity);
    if (!q.e) {
        return fail(c, ERR_NOT_FOUND, NULL, "this entity is gone");
    }
    q.after = str_of(e->after);
    TRY(query_page(c, &q, &p));
    if (e->csv && first) {
        csv_head(out, &p);
    }
    for (size_t i = 0; i < p.n; i++) {
        if (e->csv) {
            csv_line(c, out, &p, p.rows[i]);
        } else {
            json_line(c, out, &p, p.rows[i]);
        }
    }
    if (p.next.n >= sizeof e->after) {
        return fail(c, ERR_TOO_LARGE, NULL, "the sort keys are too long to page by");
    }
    memcpy(e->after, p.next.p, p.next.n);
    e->after[p.next.n] = '\0';
    *more = p.next.n > 0;
    return OK;
}

struct turn {
    struct exchange *x;
    struct buf *out;
    bool *more;
};

static enum err_code next_page(struct call *c, void *arg)
{
    struct turn *t = arg;
    struct export *e = t->x->reply.stream->state;

    TRY(api_authenticate(c, t->x));
    return page(c, e, t->out, t->more);
}

static enum err_code fill(struct exchange *x, struct buf *out, bool *more)
{
    struct turn t = { x, out, more };
    struct call *c = ARENA_NEW(out->mem, struct call); /* the arena gives its model back */

    call_init(c, x->api->org, out->mem, x->call.who, VIA_API);
    c->request = x->id;
    return call_read(c, next_page, &t);
}

enum err_code records_export(struct call *c, struct exchange *x)
{
    struct str format = param(x, "format");
    struct export *e = ARENA_NEW(x->mem, struct export);
    const struct live_entity *entity;
    bool more = false;

    TRY(route_entity(c, x, &entity));
    e->entity = arena_str(x->mem, entity->name);
    e->csv = !format.n || str_is(format, "csv");
    if (!e->csv && !str_is(format, "jsonl")) {
        return fail(c, ERR_INVALID, "format", "format is csv or jsonl");
    }
    e->q = (struct list_request) { .where = param(x, "where"),
        .sort = param(x, "sort"), .fields = param(x, "fields"), .q = param(x, "q"), .limit = PAGE,
        .right = RIGHT_EXPORT };
    TRY(param_flag(c, x, "bin", &e->q.bin));
    TRY(page(c, e, &c->body, &more));
    x->reply.type = e->csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    reply_header(x, "Content-Disposition",
        arena_fmt(x->mem, "attachment; filename=\"%.*s.%s\"", STR_ARG(entity->plural),
            e->csv ? "csv" : "jsonl"));
    e->stream = (struct body_stream) { fill, e };
    x->reply.stream = more ? &e->stream : NULL;
    return OK;
}
