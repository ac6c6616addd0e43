/* cmd_import.c - kith import and export: a file up and an import of it, records down. */

#include "base/buf.h"
#include "base/json.h"
#include "main/commands.h"
#include "main/shell.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { TOLD = 10 };

/* ---- import ---- */

struct import {
    struct cmd *cmd;
    struct shell *s;
    const char *path;
    char target[60]; /* of the import's record */
};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int send_file(struct import *im, int64_t *file)
{
    FILE *f = fopen(im->path, "rb");
    struct str target;
    struct answer a;

    if (!f) {
        return cmd_fail(im->cmd, "cannot read %s", im->path);
    }
    target = arena_fmt(im->cmd->mem, "/api/v1/files?name=%.*s",
        STR_ARG(url_escape(im->cmd->mem, str_of(file_name(im->path)))));
    int code = shell_upload(im->s, target, f, &a);
    (void)fclose(f);
    *file = code == EXIT_DONE ? json_integer_value(json_object_get(answer_json(im->s, &a), "id")) : 0;
    return code;
}

/* The options of the import: those given as JSON, and the keys. */
static int read_options(struct import *im, json_t **options)
{
    const char *given = cmd_option(im->cmd, "options"), *key = cmd_option(im->cmd, "key");
    const char *mode = cmd_option(im->cmd, "mode"), *duplicates = cmd_option(im->cmd, "duplicates");
    struct err e = { 0 };

    *options = json_pack("{}");
    arena_defer(im->cmd->mem, (void (*)(void *))json_decref, *options);
    if (given) {
        json_t *tree;
        if (json_read(im->cmd->mem, str_of(given), &tree, &e) != OK || !json_is_object(tree)) {
            return cmd_usage(im->cmd, "--options takes a JSON object: %s",
                *e.msg ? e.msg : "this is something else");
        }
        json_object_update(*options, tree);
    }
    if (key) {
        json_t *keys = json_pack("[]");
        struct str rest = str_of(key), one;
        while (str_split(&rest, ',', &one)) {
            json_array_append_new(keys, json_stringn(one.p, one.n));
        }
        json_object_set_new(*options, "keys", keys);
    }
    if (mode) {
        json_object_set_new(*options, "mode", json_string(mode));
    }
    if (duplicates) {
        json_object_set_new(*options, "duplicates", json_string(duplicates));
    }
    return EXIT_DONE;
}

static void tell_progress(const json_t *import)
{
    int64_t rows = json_integer_value(json_object_get(import, "rows"));

    if (isatty(STDERR_FILENO) && rows) {
        fprintf(stderr, "\r%" PRId64 " of %" PRId64 " rows",
            (int64_t)json_integer_value(json_object_get(import, "position")), rows);
    }
}

/* Until it is not at work any more; what failed is told. */
static int await(struct import *im, struct answer *a, const json_t **import)
{
    static const char *const busy[] = { "reading", "checking", "running", NULL };
    int code = shell_await(im->s, str_of(im->target), busy, tell_progress, a);

    if (isatty(STDERR_FILENO)) {
        fputs("\r\033[K", stderr);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    *import = answer_json(im->s, a);
    struct str state = json_str(json_object_get(*import, "state"));
    const char *why = json_string_value(json_object_get(*import, "error"));
    if (str_is(state, "failed") || str_is(state, "cancelled")) {
        return cmd_fail(im->cmd, "%s: %s", im->path, why ? why : "the import was cancelled");
    }
    return EXIT_DONE;
}

static bool is_named(const json_t *options, const char *column)
{
    const json_t *columns = json_object_get(options, "columns");

    for (size_t i = 0; column && i < json_array_size(columns); i++) {
        const json_t *one = json_array_get(columns, i);
        struct str name = json_is_string(one) ? json_str(one) : json_str(json_object_get(one, "column"));
        if (str_is(name, column)) {
            return true;
        }
    }
    return false;
}

static void tell_columns(const json_t *import, const json_t *options)
{
    const json_t *columns = json_object_get(import, "columns");

    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *one = json_array_get(columns, i);
        const char *name = json_string_value(json_object_get(one, "column"));
        if (!json_is_string(json_object_get(one, "field")) && !is_named(options, name)) {
            fprintf(stderr, "column \"%s\" is left out: no field has this name\n", name ? name : "");
        }
    }
}

static void tell_row(const json_t *of, const json_t *error, const char *end)
{
    const char *field = json_string_value(json_object_get(error, "field"));
    const char *message = json_string_value(json_object_get(error, "message"));

    fprintf(stderr, "row %" PRId64 ": %s%s%s%s\n",
        (int64_t)json_integer_value(json_object_get(of, "row")), field ? field : "",
        field && *field ? ": " : "", message ? message : "", end);
}

static void tell_report(const json_t *import)
{
    const json_t *report = json_object_get(import, "report");
    const json_t *rejects = json_object_get(report, "rejects"), *warnings = json_object_get(report, "warnings");

    for (size_t i = 0; i < json_array_size(rejects) && i < TOLD; i++) {
        const json_t *one = json_array_get(rejects, i), *errors = json_object_get(one, "errors");
        for (size_t k = 0; k < json_array_size(errors); k++) {
            tell_row(one, json_array_get(errors, k), "");
        }
    }
    for (size_t i = 0; i < json_array_size(warnings) && i < TOLD; i++) {
        tell_row(json_array_get(warnings, i), json_array_get(warnings, i), "; left empty");
    }
}

static bool is_lines(const char *path)
{
    return str_ends(str_of(path), STR(".jsonl")) || str_ends(str_of(path), STR(".ndjson"));
}

/* FILE.rejects.csv: the rows as they were, and why, ready to be mended and imported. */
static int fetch_rejects(struct import *im)
{
    struct str path
        = arena_fmt(im->cmd->mem, "%s.rejects.%s", im->path, is_lines(im->path) ? "jsonl" : "csv");
    FILE *out = fopen(path.p, "wb");

    if (!out) {
        return cmd_fail(im->cmd, "cannot write %s", path.p);
    }
    int code = shell_stream(im->s, arena_fmt(im->cmd->mem, "%s/rejects", im->target), out);
    return fclose(out) == 0 || code != EXIT_DONE ? code : cmd_fail(im->cmd, "cannot write %s", path.p);
}

static int64_t count(const json_t *import, const char *name)
{
    return json_integer_value(json_object_get(import, name));
}

static void print_result(struct import *im, const json_t *import, bool check)
{
    const json_t *of = check ? json_object_get(import, "report") : import;
    int64_t set = count(import, "change_set");

    if (im->cmd->json) {
        json_t *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "import",
            (json_int_t)count(import, "id"), "created", (json_int_t)count(of, "created"), "updated",
            (json_int_t)count(of, "updated"), "unchanged", (json_int_t)count(of, "unchanged"), "skipped",
            (json_int_t)count(of, "skipped"), "rejected", (json_int_t)count(of, "rejected"), "warnings",
            (json_int_t)count(of, "warned"), "change_set", (json_int_t)set);
        printf("%s\n", json_compact(im->cmd->mem, out).p);
        return;
    }
    printf(check ? "%" PRId64 " would be made, %" PRId64 " changed, %" PRId64 " rejected, %" PRId64
                   " references left empty"
                 : "%" PRId64 " made, %" PRId64 " changed, %" PRId64 " rejected, %" PRId64
                   " references left empty",
        count(of, "created"), count(of, "updated"), count(of, "rejected"), count(of, "warned"));
    if (set) {
        printf("; change set %" PRId64, set);
    }
    putchar('\n');
}

static int import_file(struct import *im, json_t *options)
{
    const char *entity = im->cmd->words[0];
    bool check = cmd_option(im->cmd, "check") != NULL;
    const json_t *import;
    struct answer a;
    int64_t file = 0;
    int code = send_file(im, &file);

    if (code != EXIT_DONE) {
        return code;
    }
    json_t *order = json_pack("{s:s, s:I, s:O}", "entity", entity, "file", (json_int_t)file, "options", options);
    code = shell_request(im->s, "POST", STR("/api/v1/imports"), json_compact(im->cmd->mem, order), &a);
    if (code == EXIT_DONE) {
        snprintf(im->target, sizeof im->target, "/api/v1/imports/%" PRId64, count(answer_json(im->s, &a), "id"));
        code = await(im, &a, &import);
    }
    if (code == EXIT_DONE) {
        tell_columns(import, options);
        code = shell_request(im->s, "POST",
            arena_fmt(im->cmd->mem, "%s/%s", im->target, check ? "check" : "start"), STR("{}"), &a);
    }
    if (code == EXIT_DONE) {
        code = await(im, &a, &import);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    tell_report(import);
    bool rejected = count(check ? json_object_get(import, "report") : import, "rejected") > 0;
    code = rejected && !check ? fetch_rejects(im) : EXIT_DONE;
    print_result(im, import, check);
    return code != EXIT_DONE ? code : rejected ? EXIT_PARTLY : EXIT_DONE;
}

static int run_import(struct cmd *cmd)
{
    struct import im = { .cmd = cmd, .path = cmd->words[1] };
    json_t *options;
    int code = read_options(&im, &options);

    if (code == EXIT_DONE) {
        code = shell_open(cmd, &im.s);
    }
    if (code == EXIT_DONE) {
        code = import_file(&im, options);
        shell_close(im.s);
    }
    return code;
}

static const struct option_row import_options[] = { OPTION_DATA,
    { "key", "FIELDS", "records with the same value are changed instead of made (external_id,email)", false },
    { "mode", "both|create|update", "what happens to records that are there, and to those that are not", false },
    { "duplicates", "queue|reject|update", "what happens to rows that are probably somebody who is there", false },
    { "options", "JSON", "columns, formats and all else that an import takes; see the manual", false },
    { "check", NULL, "only tells what would happen", false }, OPTION_END };
const struct command cmd_import = { "import", "ENTITY FILE", import_options, run_import,
    "Imports a CSV file (any delimiter and encoding), a spreadsheet (.xlsx), vCards or JSON lines (.jsonl).\n"
    "Columns are found by name or label, or by what they hold. Rows that are rejected go to FILE.rejects.csv\n"
    "with the reason; the exit code then is 3." };

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
