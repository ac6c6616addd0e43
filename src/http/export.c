/* export.c - all of a list, as CSV, one JSON document a line, vCards, or a spreadsheet, page by page.
 *
 * Each page is a call of its own: no reader stands open for as long as a slow client takes, and the
 * rights are those of the moment. The first page is made before the answer begins, so that a wrong
 * request is still refused as one. */

#include "base/child.h"
#include "base/csv.h"
#include "http/api.h"
#include "model/helper.h"
#include "model/query.h"
#include "model/vcard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 200, CURSOR_MAX = 8192, FILE_PIECE = 256 << 10 };

enum format { FORMAT_CSV, FORMAT_XLSX, FORMAT_JSONL, FORMAT_VCF };
static const struct {
    const char *word, *type;
} formats[] = { { "csv", "text/csv; charset=utf-8" },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "jsonl", "application/x-ndjson" }, { "vcf", "text/vcard; charset=utf-8" } };

struct export {
    struct list_request q;
    struct str entity; /* by name: the model may be another one at the next page */
    struct body_stream stream;
    enum format format;
    int *file; /* of a spreadsheet */
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

static void csv_line(
    struct call *c, struct buf *out, const struct query_page *p, size_t row, bool runs)
{
    struct buf cell;

    buf_init(&cell, c->mem, BODY_MAX);
    for (size_t i = 0; i < p->nfields; i++) {
        if (i) {
            buf_byte(out, ',');
        }
        buf_clear(&cell);
        query_page_text(c, p, row, i, &cell);
        csv_cell(out, csv_tamed(c->mem, buf_str(&cell), runs), ',');
    }
    buf_lit(out, "\r\n");
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
    if ((e->format == FORMAT_CSV || e->format == FORMAT_XLSX) && first) {
        csv_head(out, &p);
    }
    for (size_t i = 0; i < p.n; i++) {
        if (e->format == FORMAT_CSV || e->format == FORMAT_XLSX) {
            csv_line(c, out, &p, i, e->format == FORMAT_CSV);
        } else if (e->format == FORMAT_VCF) {
            TRY(vcard_write(c, p.rows[i], out));
        } else {
            TRY(query_page_json(c, &p, i, out));
            buf_byte(out, '\n');
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

static enum err_code next_page(struct call *c, void *state, struct buf *out, bool *more)
{
    return page(c, state, out, more);
}

static enum err_code read_format(struct call *c, struct str word, enum format *out)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (str_is(word, formats[i].word)) {
            *out = (enum format)i;
            return OK;
        }
    }
    *out = FORMAT_CSV;
    return word.n ? fail(c, ERR_INVALID, "format", "format is csv, xlsx, jsonl or vcf") : OK;
}

/* ---- a spreadsheet is made whole, in a file that has no name, and then sent ---- */

static void close_file(void *arg)
{
    close(*(int *)arg);
}

static enum err_code scratch_file(struct call *c, struct arena *mem, int **out)
{
    int *fd = ARENA_NEW(mem, int);

    *fd = memfd_create("export", MFD_CLOEXEC);
    if (*fd < 0) {
        return fail(c, ERR_INTERNAL, NULL, "no room for the spreadsheet");
    }
    arena_defer(mem, close_file, fd);
    *out = fd;
    return OK;
}

static enum err_code write_all(struct call *c, int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n <= 0) {
            return fail(c, ERR_INTERNAL, NULL, "no room for the spreadsheet");
        }
        s = str_sub(s, (size_t)n, s.n);
    }
    return OK;
}

static enum err_code all_pages(struct call *c, struct export *e, int fd)
{
    bool more = true;

    while (more) {
        struct arena_mark mark = arena_mark(c->mem);
        struct buf out;
        buf_init(&out, c->mem, BODY_MAX);
        TRY(page(c, e, &out, &more));
        TRY(buf_status(&out, &c->err));
        TRY(write_all(c, fd, buf_str(&out)));
        arena_rewind(c->mem, mark);
    }
    return lseek(fd, 0, SEEK_SET) == 0 ? OK : fail(c, ERR_INTERNAL, NULL, "no room for the spreadsheet");
}

static enum err_code send_file(struct exchange *x, struct buf *out, bool *more)
{
    struct export *e = x->reply.stream->state;
    char *room = buf_reserve(out, FILE_PIECE);
    ssize_t n = room ? read(*e->file, room, FILE_PIECE) : -1;

    if (n < 0) {
        return ERR_INTERNAL;
    }
    out->n += (size_t)n;
    *more = n == FILE_PIECE;
    return OK;
}

static enum err_code make_spreadsheet(struct call *c, struct exchange *x, struct export *e)
{
    const char *argv[] = { helper_path(c->mem, c->cfg), "csv-to-xlsx", NULL };
    struct child child;
    bool more;
    int *rows = NULL;

    TRY(scratch_file(c, c->mem, &rows));
    TRY(scratch_file(c, x->mem, &e->file));
    TRY(all_pages(c, e, *rows));
    TRY(child_start(argv, *rows, *e->file, &child, &c->err));
    TRY(child_end(&child, false, &c->err));
    if (lseek(*e->file, 0, SEEK_SET) != 0) {
        return fail(c, ERR_INTERNAL, NULL, "the spreadsheet cannot be read");
    }
    e->stream = (struct body_stream) { send_file, e };
    x->reply.stream = &e->stream;
    TRY(send_file(x, &c->body, &more));
    x->reply.stream = more ? &e->stream : NULL;
    return OK;
}

enum err_code records_export(struct call *c, struct exchange *x)
{
    struct export *e = ARENA_NEW(x->mem, struct export);
    const struct live_entity *entity;
    bool more = false;

    TRY(route_entity(c, x, &entity));
    TRY(read_format(c, param(x, "format"), &e->format));
    if (e->format == FORMAT_VCF && !vcard_of(entity)) {
        return fail(c, ERR_INVALID, "format", "%s are no people: there are no cards of them",
            entity->label_plural.p);
    }
    e->entity = arena_str(x->mem, entity->name);
    e->q = (struct list_request) { .where = param(x, "where"),
        .sort = param(x, "sort"), .fields = e->format == FORMAT_VCF ? vcard_fields(c, entity) : param(x, "fields"),
        .q = param(x, "q"), .limit = PAGE, .right = RIGHT_EXPORT };
    TRY(param_flag(c, x, "bin", &e->q.bin));
    x->reply.type = formats[e->format].type;
    reply_header(x, "Content-Disposition",
        arena_fmt(x->mem, "attachment; filename=\"%.*s.%s\"", STR_ARG(entity->plural),
            formats[e->format].word));
    if (e->format == FORMAT_XLSX) {
        return make_spreadsheet(c, x, e);
    }
    TRY(page(c, e, &c->body, &more));
    answer_in_pages(x, next_page, e, more);
    return OK;
}
