/* import_read.c - reads a file once, whatever its encoding and delimiter, into pieces of rows, and looks at
 * what its columns hold. */

#include "model/import_job_steps.h"

#include "base/child.h"
#include "model/file.h"
#include "model/helper.h"
#include "model/import_map.h"
#include "model/import_stage.h"
#include "model/job.h"
#include "model/org.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 2 << 20, READ_MOST = 1 << 20, UNPACKED_LEAST = 128 << 20, UNPACKED_TIMES = 16 };

enum file_format { FORMAT_CSV, FORMAT_LINES, FORMAT_SHEET, FORMAT_CARDS };

struct reading {
    struct job_work *w;
    enum file_format format;
    struct str sheet;   /* of a spreadsheet; empty for the first */
    int64_t import;
    struct file_info file;
    struct str entity;
    bool header;        /* the first row names the columns */
    int64_t at;         /* bytes of the file that were read */
    int64_t unpacked;   /* bytes of rows that were stored */
    struct buf got;     /* of one read */
    struct buf piece;
    int64_t first_row, rows; /* of the piece; the rows before it are stored */
    struct column_look *columns;
    size_t ncolumns;
    bool broken;
};

static enum err_code read_bytes(struct call *c, void *arg)
{
    struct reading *rd = arg;

    buf_clear(&rd->got);
    return rd->file.size ? file_read(c, &rd->file, rd->at, READ_MOST, &rd->got) : OK;
}

/* By what it holds, and by its name where that does not tell. */
static enum file_format format_of(struct str name, struct str bytes)
{
    if (str_starts(bytes, STR("PK\x03\x04"))) {
        return FORMAT_SHEET;
    }
    struct str begin = str_starts(bytes, STR("\xef\xbb\xbf")) ? str_sub(bytes, 3, bytes.n) : bytes;
    if (str_eq_nocase(str_sub(str_trim(str_sub(begin, 0, 64)), 0, 11), STR("BEGIN:VCARD"))) {
        return FORMAT_CARDS;
    }
    return str_ends(name, STR(".jsonl")) || str_ends(name, STR(".ndjson")) ? FORMAT_LINES : FORMAT_CSV;
}

/* A picture has lines and commas too, to whom looks for them. */
static enum err_code check_table(struct call *c, struct str bytes)
{
    const char *told = file_type_told(bytes);

    if (str_starts(bytes, STR("\xd0\xcf\x11\xe0"))) {
        return fail(c, ERR_INVALID, "file", "this is a spreadsheet of before 2007: save it as .xlsx or CSV");
    }
    return told ? fail(c, ERR_INVALID, "file", "this is no table but %s", told) : OK;
}

static enum err_code begin_reading(struct call *c, void *arg)
{
    struct reading *rd = arg;
    struct record *r;
    struct file_info file;
    json_t *options = NULL;

    TRY(record_load(c, model_entity(c->model, STR("import")), rd->import, true, &r));
    TRY(file_info(c, record_get(r, "file").i, &file));
    rd->file = (struct file_info) { file.id, file.size, arena_str(rd->w->mem, file.name),
        arena_str(rd->w->mem, file.type), arena_str(rd->w->mem, file.hash) };
    rd->entity = arena_str(rd->w->mem, record_get(r, "entity").s);
    if (record_get(r, "options").type == DB_TEXT) {
        TRY(json_read(c->mem, record_get(r, "options").s, &options, &c->err));
    }
    rd->header = !json_is_false(json_object_get(options, "header"));
    rd->sheet = arena_str(rd->w->mem, json_str(json_object_get(options, "sheet")));
    rd->at = 0;
    TRY(read_bytes(c, rd));
    rd->format = format_of(file.name, buf_str(&rd->got));
    rd->header = rd->header || rd->format == FORMAT_CARDS;
    TRY(rd->format == FORMAT_CSV ? check_table(c, buf_str(&rd->got)) : OK);
    buf_clear(&rd->got);
    return OK;
}

static enum err_code forget_pieces(struct call *c, void *arg)
{
    struct reading *rd = arg;

    TRY(db_exec(c, SQL("DELETE FROM \"import_pieces\" WHERE \"import\" = $1"), VALS(V(rd->import))));
    return db_exec(
        c, SQL("DELETE FROM \"import_rejects\" WHERE \"import\" = $1"), VALS(V(rd->import)));
}

/* For the reader of CSV: bytes out of what was read, reading more when there is none. */
struct source {
    struct reading *rd;
    size_t given;
    int fd; /* of a helper that converts the file; -1 without one */
};

static ptrdiff_t next_bytes(void *arg, char *out, size_t n)
{
    struct source *s = arg;
    struct reading *rd = s->rd;

    if (s->fd >= 0) {
        return read(s->fd, out, n);
    }
    if (s->given == rd->got.n) {
        if (rd->at >= rd->file.size) {
            return 0;
        }
        s->given = 0;
        if (job_work_read(rd->w, read_bytes, rd) != OK || !rd->got.n) {
            rd->broken = true;
            return -1;
        }
        rd->at += (int64_t)rd->got.n;
    }
    n = n < rd->got.n - s->given ? n : rd->got.n - s->given;
    memcpy(out, rd->got.p + s->given, n);
    s->given += n;
    return (ptrdiff_t)n;
}

static enum err_code store_piece(struct call *c, void *arg)
{
    struct reading *rd = arg;

    return db_exec(c,
        SQL("INSERT INTO \"import_pieces\" (\"import\", \"first_row\", \"rows\", \"text\") VALUES ($1, $2,"
            " $3, $4)"),
        VALS(V(rd->import), V(rd->first_row), V(rd->rows), V(buf_str(&rd->piece))));
}

static enum err_code end_piece(struct reading *rd)
{
    if (!rd->rows) {
        return OK;
    }
    rd->w->done = rd->at;
    rd->w->total = rd->file.size;
    rd->unpacked += (int64_t)rd->piece.n;
    if (rd->unpacked > UNPACKED_LEAST + rd->file.size * UNPACKED_TIMES) {
        return err_set(&rd->w->err, ERR_TOO_LARGE, "file", "the file unpacks to far more than it is");
    }
    TRY(job_work_write(rd->w, store_piece, rd));
    rd->first_row += rd->rows;
    rd->rows = 0;
    buf_clear(&rd->piece);
    return OK;
}

static enum err_code row_is_in(struct reading *rd)
{
    rd->rows++;
    TRY(buf_status(&rd->piece, &rd->w->err));
    return rd->rows >= PIECE_ROWS || rd->piece.n >= PIECE_BYTES ? end_piece(rd) : OK;
}

static void take_header(struct reading *rd, const struct csv_row *row)
{
    rd->ncolumns = row->n;
    rd->columns = ARENA_ARRAY(rd->w->mem, struct column_look, row->n + 1);
    for (size_t i = 0; i < row->n; i++) {
        struct str name = str_trim(row->cells[i]);
        rd->columns[i].header = rd->header && name.n
            ? arena_str(rd->w->mem, name)
            : arena_fmt(rd->w->mem, "Column %zu", i + 1);
    }
}

static enum err_code take_row(struct reading *rd, const struct csv_row *row)
{
    for (size_t i = 0; i < row->n && i < rd->ncolumns; i++) {
        column_look_at(rd->w->mem, &rd->columns[i], row->cells[i]);
    }
    stage_row(&rd->piece, row->cells, row->n < rd->ncolumns ? row->n : rd->ncolumns);
    return row_is_in(rd);
}

static enum err_code read_csv(struct reading *rd, int fd)
{
    struct arena *mem = arena_create(0);
    struct source source = { rd, 0, fd };
    struct csv_row row;
    struct err e = { 0 };
    struct csv_reader *r = csv_open(mem, next_bytes, &source, fd >= 0 ? ',' : 0, ROW_MAX, STAGE_COLUMNS);
    enum err_code code = csv_next(r, &row, &e), stored = OK;

    if (code == OK) {
        take_header(rd, &row);
        stored = rd->header ? OK : take_row(rd, &row);
    }
    while (code == OK && stored == OK && (code = csv_next(r, &row, &e)) == OK) {
        stored = take_row(rd, &row);
    }
    arena_destroy(mem);
    if (stored != OK || rd->broken) {
        return stored != OK ? stored : rd->w->err.code;
    }
    if (code != ERR_NOT_FOUND) {
        return err_set(&rd->w->err, ERR_INVALID, "file", "%s", e.msg);
    }
    return rd->ncolumns ? end_piece(rd)
                        : err_set(&rd->w->err, ERR_INVALID, "file", "the file has no rows");
}

/* ---- files that the helper reads ---- */

/* The helper jumps about in a spreadsheet, so it gets the whole file. */
static enum err_code copy_to(struct reading *rd, int fd)
{
    struct source source = { rd, 0, -1 };
    char bytes[64 << 10];
    ptrdiff_t n;

    while ((n = next_bytes(&source, bytes, sizeof bytes)) > 0) {
        for (ptrdiff_t at = 0; at < n;) {
            ssize_t wrote = write(fd, bytes + at, (size_t)(n - at));
            if (wrote <= 0) {
                return err_set(&rd->w->err, ERR_INTERNAL, NULL, "no room to unpack the file");
            }
            at += wrote;
        }
    }
    return n < 0 ? rd->w->err.code : lseek(fd, 0, SEEK_SET) == 0 ? OK : ERR_INTERNAL;
}

static enum err_code read_converted(struct reading *rd)
{
    const char *argv[] = { helper_path(rd->w->mem, rd->w->org->cfg),
        rd->format == FORMAT_CARDS ? "vcard-to-csv" : "xlsx-to-csv",
        rd->sheet.n ? rd->sheet.p : NULL, NULL };
    int fd = memfd_create("import", MFD_CLOEXEC);
    struct child child;
    struct err e = { 0 };

    if (fd < 0) {
        return err_set(&rd->w->err, ERR_INTERNAL, NULL, "no memory for the file");
    }
    enum err_code code = copy_to(rd, fd);
    if (code == OK) {
        code = child_start(argv, fd, -1, &child, &rd->w->err);
    }
    close(fd);
    if (code != OK) {
        return code;
    }
    code = read_csv(rd, child.out);
    /* what the helper says about the file is better than that it held no rows */
    enum err_code ended = child_end(&child, code != OK && rd->first_row + rd->rows > 1, &e);
    if (ended != OK) {
        rd->w->err = e;
        return ended;
    }
    return code;
}

static enum err_code take_line(struct reading *rd, struct str line)
{
    if (!str_trim(line).n) {
        return OK;
    }
    stage_row(&rd->piece, &line, 1);
    return row_is_in(rd);
}

static enum err_code read_lines(struct reading *rd)
{
    struct source source = { rd, 0, -1 };
    struct buf line;
    char bytes[64 << 10];
    ptrdiff_t n;

    buf_init(&line, rd->w->mem, ROW_MAX);
    while ((n = next_bytes(&source, bytes, sizeof bytes)) > 0) {
        struct str rest = { bytes, (size_t)n };
        for (ptrdiff_t end; (end = str_find_byte(rest, '\n')) >= 0;) {
            buf_add(&line, str_sub(rest, 0, (size_t)end));
            TRY(buf_status(&line, &rd->w->err));
            TRY(take_line(rd, buf_str(&line)));
            buf_clear(&line);
            rest = str_sub(rest, (size_t)end + 1, rest.n);
        }
        buf_add(&line, rest);
    }
    if (n < 0) {
        return rd->w->err.code;
    }
    TRY(buf_status(&line, &rd->w->err));
    TRY(take_line(rd, buf_str(&line)));
    return end_piece(rd);
}

static void column_json(
    struct json_writer *w, const struct column_look *l, const struct import_header *h)
{
    const char *order = column_order(l);
    char decimal[2] = { column_decimal(l), 0 };

    json_object(w, NULL);
    json_text(w, "column", l->header);
    json_int(w, "filled", l->filled);
    json_array(w, "samples");
    for (size_t k = 0; k < l->nsamples; k++) {
        json_text(w, NULL, l->samples[k]);
    }
    json_end_array(w);
    if (h->target.n) {
        json_text(w, "field", h->target);
    } else {
        json_none(w, "field");
    }
    if (order) {
        json_cstr(w, "format", order);
    }
    if (decimal[0]) {
        json_cstr(w, "decimal", decimal);
    }
    json_end_object(w);
}

static void columns_json(struct call *c, const struct reading *rd, struct buf *b)
{
    struct import_header *headers = ARENA_ARRAY(c->mem, struct import_header, rd->ncolumns + 1);
    struct json_writer w;

    for (size_t i = 0; i < rd->ncolumns; i++) {
        const struct column_look *l = &rd->columns[i];
        headers[i] = (struct import_header) { l->header, l->samples, l->nsamples, { "", 0 } };
    }
    import_suggest_all(c, model_entity(c->model, rd->entity), headers, rd->ncolumns);
    json_init(&w, b);
    json_array(&w, NULL);
    for (size_t i = 0; i < rd->ncolumns; i++) {
        column_json(&w, &rd->columns[i], &headers[i]);
    }
    json_end_array(&w);
}

static enum err_code is_read(struct call *c, void *arg)
{
    struct reading *rd = arg;
    struct record *r = import_progress(c, rd->import);
    struct buf b;

    struct record *now;
    TRY(record_load(c, r->e, rd->import, true, &now));
    if (!import_is_state(now, "reading")) {
        return OK; /* cancelled meanwhile */
    }
    buf_init(&b, c->mem, 4 << 20);
    columns_json(c, rd, &b);
    TRY(buf_status(&b, &c->err));
    record_set(c, r, "columns", V(buf_str(&b)));
    record_set(c, r, "rows", V(rd->first_row - 1));
    record_set(c, r, "position", V(0));
    import_set_state(c, r, "ready");
    return record_update(c, r);
}

enum err_code import_read_work(struct job_work *w)
{
    struct reading rd = { .w = w, .first_row = 1,
        .import = json_integer_value(json_object_get(w->input, "import")) };
    enum err_code code;

    buf_init(&rd.got, w->mem, READ_MOST + FILE_CHUNK);
    code = job_work_read(w, begin_reading, &rd);
    code = code == OK ? job_work_write(w, forget_pieces, &rd) : code;
    if (code != OK) {
        return import_tell_failure(w, rd.import, code);
    }
    buf_init(&rd.piece, w->mem, PIECE_BYTES + 2 * ROW_MAX);
    code = rd.format == FORMAT_LINES ? read_lines(&rd)
        : rd.format == FORMAT_CSV    ? read_csv(&rd, -1)
                                     : read_converted(&rd);
    if (code == OK) {
        code = job_work_end(w, is_read, &rd);
    }
    return import_tell_failure(w, rd.import, code);
}

