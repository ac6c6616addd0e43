/* cmd_import.c - kith import and export: CSV and JSON lines.
 *
 * The file is read twice: once to find the order of day and month in columns of dates, once to send it in
 * chunks. One change set holds the whole import, so that one undo takes it back. */

#include "base/csv.h"
#include "base/json.h"
#include "main/commands.h"
#include "main/shell.h"
#include "model/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a chunk: while one is written no other write runs. So few, some 20 ms, when a server does it for
 * others as well; alone, as many as one call takes. */
enum { CHUNK_SHARED = 500, CHUNK_ALONE = IMPORT_ROWS };
enum { ROW_MAX = 16 << 20, CELLS_MAX = 500, COLUMNS = 500 };

struct source {
    FILE *file;
};

static ptrdiff_t read_some(void *arg, char *out, size_t n)
{
    struct source *s = arg;
    size_t got = fread(out, 1, n, s->file);

    return got == 0 && ferror(s->file) ? -1 : (ptrdiff_t)got;
}

/* ---- dates: day or month first? ---- */

struct date_guess {
    int64_t seen, first_over_12, second_over_12;
    bool other; /* holds something that is not such a date */
    bool year_first;
};

static bool three_numbers(struct str s, int64_t *part)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < 3; i++) {
        size_t from = i;
        while (i < s.n && isdigit((unsigned char)s.p[i])) {
            i++;
        }
        if (i == from || !str_to_int(str_sub(s, from, i - from), &part[n++])) {
            return false;
        }
        if (i < s.n && (n == 3 || !strchr("/.-", s.p[i]))) {
            return false;
        }
    }
    return n == 3;
}

static void look_at_date(struct date_guess *g, struct str cell)
{
    int64_t part[3] = { 0 };

    cell = str_trim(cell);
    if (!cell.n || g->other) {
        return;
    }
    if (cell.n > 10 || !three_numbers(cell, part)) {
        g->other = true;
        return;
    }
    g->seen++;
    g->year_first = part[0] > 31;
    g->first_over_12 += part[0] > 12;
    g->second_over_12 += part[1] > 12;
}

/* Where both could be meant, the month comes first unless the file shows otherwise. */
static const char *order_of(const struct date_guess *g)
{
    if (g->other || !g->seen || g->year_first) {
        return NULL;
    }
    return g->first_over_12 && !g->second_over_12 ? "dmy" : "mdy";
}

/* ---- sending ---- */

struct import {
    struct cmd *cmd;
    struct shell *s;
    size_t chunk;
    const char *entity, *path;
    struct str *header; /* of the columns */
    size_t ncolumns;
    struct date_guess *dates;
    json_t *rows;       /* of the chunk */
    int64_t first_row, created, updated, rejected, warnings, change_set;
    FILE *rejects;
    bool lines;         /* JSON lines */
    bool told_columns;
};

static json_t *chunk_request(struct import *im)
{
    json_t *request = json_pack("{s:O, s:I}", im->lines ? "records" : "rows", im->rows, "first_row",
        (json_int_t)im->first_row);
    const char *key = cmd_option(im->cmd, "key");

    if (!im->lines) {
        json_t *columns = json_pack("[]"), *formats = json_pack("{}");
        for (size_t i = 0; i < im->ncolumns; i++) {
            json_array_append_new(columns, json_stringn(im->header[i].p, im->header[i].n));
            const char *order = order_of(&im->dates[i]);
            if (order) {
                json_object_set_new(
                    formats, arena_cstr(im->cmd->mem, im->header[i]), json_string(order));
            }
        }
        json_object_set_new(request, "columns", columns);
        json_object_set_new(request, "formats", formats);
    }
    if (key) {
        json_object_set_new(request, "key", json_string(key));
    }
    if (im->change_set) {
        json_object_set_new(request, "change_set", json_integer(im->change_set));
    }
    return request;
}

static void write_cell(struct import *im, FILE *out, struct str cell)
{
    struct buf b;

    buf_init(&b, im->cmd->mem, ROW_MAX * 3);
    csv_cell(&b, cell, ',');
    fwrite(b.p ? b.p : "", 1, b.n, out);
}

/* FILE.rejects.csv: the rows as they were, and why, ready to be mended and imported. */
static bool open_rejects(struct import *im)
{
    struct str path = arena_fmt(im->cmd->mem, "%s.rejects.%s", im->path, im->lines ? "jsonl" : "csv");

    if (im->rejects) {
        return true;
    }
    im->rejects = fopen(path.p, "wb");
    if (!im->rejects) {
        (void)cmd_fail(im->cmd, "cannot write %s", path.p);
        return false;
    }
    for (size_t i = 0; !im->lines && i < im->ncolumns; i++) {
        write_cell(im, im->rejects, im->header[i]);
        fputc(',', im->rejects);
    }
    fputs(im->lines ? "" : "why\n", im->rejects);
    return true;
}

static void write_reject(struct import *im, const json_t *reject)
{
    size_t at = (size_t)(json_integer_value(json_object_get(reject, "row")) - im->first_row);
    const json_t *row = json_array_get(im->rows, at), *errors = json_object_get(reject, "errors");
    struct buf why;

    if (!open_rejects(im)) {
        return;
    }
    buf_init(&why, im->cmd->mem, 64 << 10);
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *e = json_array_get(errors, i);
        struct str field = json_str(json_object_get(e, "field"));
        buf_lit(&why, i ? "; " : "");
        buf_add(&why, field);
        buf_lit(&why, field.n ? ": " : "");
        buf_add(&why, json_str(json_object_get(e, "message")));
    }
    if (im->lines) {
        char *text = json_dumps(row, JSON_COMPACT);
        fprintf(im->rejects, "%s\n", text ? text : "{}");
        free(text); /* jansson's own */
    }
    for (size_t i = 0; !im->lines && i < im->ncolumns; i++) {
        write_cell(im, im->rejects, json_str(json_array_get(row, i)));
        fputc(',', im->rejects);
    }
    if (!im->lines) {
        write_cell(im, im->rejects, buf_str(&why));
        fputc('\n', im->rejects);
    }
    if (im->rejected < 10) {
        fprintf(stderr, "row %" PRId64 ": %.*s\n",
            (int64_t)json_integer_value(json_object_get(reject, "row")), STR_ARG(buf_str(&why)));
    }
    im->rejected++;
}

static void tell_columns(struct import *im, const json_t *columns)
{
    for (size_t i = 0; !im->told_columns && i < json_array_size(columns); i++) {
        const json_t *one = json_array_get(columns, i);
        if (!json_is_string(json_object_get(one, "field"))) {
            fprintf(stderr, "column \"%s\" is left out: no field has this name\n",
                json_string_value(json_object_get(one, "column")));
        }
    }
    im->told_columns = true;
}

static int send_chunk(struct import *im)
{
    struct answer a;
    struct arena_mark mark = arena_mark(im->cmd->mem);
    struct str target = arena_fmt(im->cmd->mem, "/api/v1/%s/import", im->entity);

    if (!json_array_size(im->rows)) {
        return EXIT_DONE;
    }
    int code = shell_request(
        im->s, "POST", target, json_compact(im->cmd->mem, chunk_request(im)), &a);
    if (code == EXIT_DONE) {
        const json_t *tree = answer_json(im->s, &a);
        const json_t *rejected = json_object_get(tree, "rejected");
        const json_t *warnings = json_object_get(tree, "warnings");
        im->change_set = json_integer_value(json_object_get(tree, "change_set"));
        im->created += json_integer_value(json_object_get(tree, "created"));
        im->updated += json_integer_value(json_object_get(tree, "updated"));
        tell_columns(im, json_object_get(tree, "columns"));
        for (size_t i = 0; i < json_array_size(rejected); i++) {
            write_reject(im, json_array_get(rejected, i));
        }
        for (size_t i = 0; i < json_array_size(warnings); i++, im->warnings++) {
            const json_t *w = json_array_get(warnings, i);
            if (im->warnings < 10) {
                fprintf(stderr, "row %" PRId64 ": %s: %s; left empty\n",
                    (int64_t)json_integer_value(json_object_get(w, "row")),
                    json_string_value(json_object_get(w, "field")),
                    json_string_value(json_object_get(w, "message")));
            }
        }
    }
    im->first_row += (int64_t)json_array_size(im->rows);
    json_array_clear(im->rows);
    arena_rewind(im->cmd->mem, mark);
    return code;
}

static void keep_header(struct import *im, const struct csv_row *row)
{
    im->ncolumns = row->n < COLUMNS ? row->n : COLUMNS;
    im->header = ARENA_ARRAY(im->cmd->mem, struct str, im->ncolumns + 1);
    im->dates = ARENA_ARRAY(im->cmd->mem, struct date_guess, im->ncolumns + 1);
    for (size_t i = 0; i < im->ncolumns; i++) {
        im->header[i] = arena_str(im->cmd->mem, str_trim(row->cells[i]));
    }
}

/* One pass over the file: looks at the dates, or sends. */
static int pass_csv(struct import *im, bool sends)
{
    struct arena *mem = arena_create(0);
    struct source src = { fopen(im->path, "rb") };
    struct csv_row row;
    struct err e = { 0 };
    int exit = EXIT_DONE;
    enum err_code code = OK;

    if (!src.file) {
        arena_destroy(mem);
        return cmd_fail(im->cmd, "cannot read %s", im->path);
    }
    struct csv_reader *r = csv_open(mem, read_some, &src, 0, ROW_MAX, CELLS_MAX);
    code = csv_next(r, &row, &e);
    if (code == OK && !sends) {
        keep_header(im, &row);
    }
    while (exit == EXIT_DONE && code == OK && (code = csv_next(r, &row, &e)) == OK) {
        json_t *cells = sends ? json_pack("[]") : NULL;
        for (size_t i = 0; i < row.n && i < im->ncolumns; i++) {
            if (sends) {
                json_t *cell = json_stringn(row.cells[i].p, row.cells[i].n);
                json_array_append_new(cells, cell ? cell : json_string(""));
            } else {
                look_at_date(&im->dates[i], row.cells[i]);
            }
        }
        if (sends && json_array_append_new(im->rows, cells) == 0
            && json_array_size(im->rows) == im->chunk) {
            exit = send_chunk(im);
        }
    }
    (void)fclose(src.file);
    arena_destroy(mem);
    if (exit == EXIT_DONE && code != ERR_NOT_FOUND) {
        return cmd_fail(im->cmd, "%s: %s", im->path, e.msg);
    }
    return exit == EXIT_DONE && sends ? send_chunk(im) : exit;
}

static int pass_lines(struct import *im)
{
    FILE *f = fopen(im->path, "rb");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int exit = EXIT_DONE;
    int64_t number = 0;

    if (!f) {
        return cmd_fail(im->cmd, "cannot read %s", im->path);
    }
    while (exit == EXIT_DONE && (n = getline(&line, &room, f)) >= 0) {
        json_error_t error;
        json_t *record;
        number++;
        if (!str_trim((struct str) { line, (size_t)n }).n) {
            continue;
        }
        record = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, &error);
        if (!record) {
            exit = cmd_fail(im->cmd, "%s:%" PRId64 ": %s", im->path, number, error.text);
        } else if (json_array_append_new(im->rows, record) == 0
            && json_array_size(im->rows) == im->chunk) {
            exit = send_chunk(im);
        }
    }
    free(line); /* getline's and jansson's own */
    (void)fclose(f);
    return exit == EXIT_DONE ? send_chunk(im) : exit;
}

static int run_import(struct cmd *cmd)
{
    struct import im = { .cmd = cmd, .entity = cmd->words[0], .path = cmd->words[1], .first_row = 1 };
    struct str path = str_of(im.path);

    im.lines = str_ends(path, STR(".jsonl")) || str_ends(path, STR(".ndjson"));
    im.rows = json_pack("[]");
    arena_defer(cmd->mem, (void (*)(void *))json_decref, im.rows);
    int code = im.lines ? EXIT_DONE : pass_csv(&im, false);
    if (code == EXIT_DONE) {
        code = shell_open(cmd, &im.s);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    im.chunk = shell_org(im.s) ? CHUNK_ALONE : CHUNK_SHARED;
    code = im.lines ? pass_lines(&im) : pass_csv(&im, true);
    shell_close(im.s);
    if (im.rejects) {
        (void)fclose(im.rejects);
    }
    printf(cmd->json ? "{\"created\": %" PRId64 ", \"updated\": %" PRId64 ", \"rejected\": %" PRId64
                       ", \"warnings\": %" PRId64 ", \"change_set\": %" PRId64 "}\n"
                     : "%" PRId64 " made, %" PRId64 " changed, %" PRId64 " rejected, %" PRId64
                       " references left empty; change set %" PRId64 "\n",
        im.created, im.updated, im.rejected, im.warnings, im.change_set);
    return code != EXIT_DONE ? code : im.rejected ? EXIT_PARTLY : EXIT_DONE;
}

static const struct option_row import_options[] = { OPTION_DATA,
    { "key", "FIELD", "records with the same value are changed instead of made (external_id, email)",
        false },
    OPTION_END };
const struct command cmd_import = { "import", "ENTITY FILE", import_options, run_import,
    "Imports a CSV file (any delimiter and encoding) or JSON lines (.jsonl). Columns are found by name\n"
    "or label. Rows that are rejected go to FILE.rejects.csv with the reason; the exit code then is 3." };

/* ---- export ---- */

static const char *format_of(const char *path)
{
    static const char *const formats[] = { "csv", "xlsx", "vcf" };

    for (size_t i = 0; path && i < sizeof formats / sizeof *formats; i++) {
        struct str name = str_of(path), end = str_of(formats[i]);
        if (name.n > end.n && name.p[name.n - end.n - 1] == '.' && str_ends(name, end)) {
            return formats[i];
        }
    }
    return "jsonl";
}

static int run_export(struct cmd *cmd)
{
    struct shell *s;
    const char *where = cmd_option(cmd, "where"), *fields = cmd_option(cmd, "fields");
    const char *format = cmd_option(cmd, "format"), *sort = cmd_option(cmd, "sort");
    const char *path = cmd->nwords > 1 ? cmd->words[1] : NULL;
    FILE *out = path ? fopen(path, "wb") : stdout;
    struct buf b;

    if (!out) {
        return cmd_fail(cmd, "cannot write %s", path);
    }
    if (!format) {
        format = format_of(path);
    }
    buf_init(&b, cmd->mem, 64 << 10);
    buf_fmt(&b, "/api/v1/%s/export?format=%s", cmd->words[0], format);
    const char *const names[] = { "where", "fields", "sort" };
    const char *const values[] = { where, fields, sort };
    for (size_t i = 0; i < 3; i++) {
        if (values[i]) {
            buf_fmt(&b, "&%s=", names[i]);
            buf_add(&b, url_escape(cmd->mem, str_of(values[i])));
        }
    }
    int code = shell_open(cmd, &s);
    if (code == EXIT_DONE) {
        code = shell_stream(s, buf_str(&b), out);
        shell_close(s);
    }
    if (path && fclose(out) != 0 && code == EXIT_DONE) {
        return cmd_fail(cmd, "cannot write %s", path);
    }
    return code;
}

static const struct option_row export_options[] = { OPTION_DATA,
    { "format", "csv|jsonl|xlsx|vcf", "by the file's name when left out; JSON lines to standard output", false },
    { "where", "TEXT", "a filter", false }, { "fields", "LIST", "columns, separated by commas", false },
    { "sort", "LIST", "an order", false }, OPTION_END };
const struct command cmd_export = { "export", "ENTITY [FILE]", export_options, run_export,
    "Writes all records of an entity that you may see, or those of a filter." };
