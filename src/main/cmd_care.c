/* cmd_care.c - kith backup, restore, check, migrate, job, undo, openapi, package, demo, completion. */

#include "base/buf.h"
#include "base/json.h"
#include "base/time.h"
#include "domain/demo/demo.h"
#include "main/commands.h"
#include "main/installation.h"
#include "main/shell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct option_row data_options[] = { OPTION_DATA, OPTION_END };

/* Sends one request and prints the answer as it is. */
static int plain(struct cmd *cmd, const char *method, struct str target, struct str body, FILE *out)
{
    struct shell *s;
    struct answer a;
    int code = shell_open(cmd, &s);

    if (code != EXIT_DONE) {
        return code;
    }
    code = shell_request(s, method, target, body, &a);
    if (code == EXIT_DONE) {
        fwrite(a.body.p, 1, a.body.n, out);
        fputc('\n', out);
    }
    shell_close(s);
    return code;
}

/* ---- backup and restore ---- */

static int backup(struct cmd *cmd)
{
    struct shell *s;
    struct answer a;
    char resolved[4096];
    const char *path = cmd->words[0];
    int code = shell_open(cmd, &s);

    if (code != EXIT_DONE) {
        return code;
    }
    /* the server's working folder is another: the path must not depend on it */
    if (path && path[0] != '/' && getcwd(resolved, sizeof resolved)) {
        path = arena_fmt(cmd->mem, "%s/%s", resolved, path).p;
    }
    code = shell_request(s, "POST", STR("/api/v1/backup"),
        path ? json_compact(cmd->mem, json_pack("{s:s}", "file", path)) : STR("{}"), &a);
    if (code == EXIT_DONE) {
        const char *file = json_string_value(json_object_get(answer_json(s, &a), "file"));
        puts(cmd->json ? a.body.p : file ? file : "");
    }
    shell_close(s);
    return code;
}

static bool copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char chunk[65536];
    size_t n;
    bool ok = in && out;

    while (ok && (n = fread(chunk, 1, sizeof chunk, in)) > 0) {
        ok = fwrite(chunk, 1, n, out) == n;
    }
    if (in) {
        (void)fclose(in);
    }
    if (out) {
        ok = fflush(out) == 0 && fsync(fileno(out)) == 0 && ok;
        ok = fclose(out) == 0 && ok;
    }
    return ok;
}

/* The new file is checked where it will stand, before the old one is given up. */
static int put_in_place(struct cmd *cmd, struct installation *i, const char *file)
{
    struct str db = arena_fmt(cmd->mem, "%s/orgs/main/kith.db", i->cfg.dir);
    struct str fresh = arena_fmt(cmd->mem, "%s.restored", db.p);
    struct str before = arena_fmt(cmd->mem, "%s.before-restore", db.p);
    struct db_config cfg = { .backend = DB_SQLITE, .path = fresh.p };
    struct conn *conn = NULL;
    struct err e = { 0 };
    int64_t bad = 1;

    if (!copy_file(file, fresh.p)) {
        return cmd_fail(cmd, "cannot copy %s", file);
    }
    enum err_code code = conn_open(&cfg, CONN_WRITE, &conn, &e);
    if (code == OK) {
        code = conn_int(conn,
            SQL("SELECT (SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok') +"
                " (SELECT count(*) = 0 FROM sqlite_master WHERE name = 'change_sets')"),
            VALS(), &bad, NULL, &e);
        conn_close(conn);
    }
    if (code != OK || bad) {
        unlink(fresh.p);
        return cmd_fail(cmd, "%s is no sound backup: %s", file, code == OK ? "it is damaged" : e.msg);
    }
    /* what the log of the old file holds goes into it before it is put aside */
    cfg.path = db.p;
    conn = NULL;
    if (access(db.p, F_OK) == 0
        && (conn_open(&cfg, CONN_WRITE, &conn, &e) != OK || conn_checkpoint(conn, NULL, &e) != OK)) {
        conn_close(conn);
        unlink(fresh.p);
        return cmd_fail(cmd, "the old database cannot be closed: %s", e.msg);
    }
    conn_close(conn);
    if (access(arena_fmt(cmd->mem, "%s-wal", db.p).p, F_OK) == 0) {
        unlink(fresh.p);
        return cmd_fail(cmd, "another program has %s open", db.p);
    }
    if ((rename(db.p, before.p) != 0 && errno != ENOENT) || rename(fresh.p, db.p) != 0) {
        return cmd_fail(cmd, "cannot put the file into %s", db.p);
    }
    printf("restored; the data from before are in %s\n", before.p);
    return EXIT_DONE;
}

static int restore(struct cmd *cmd)
{
    struct installation i = { 0 };
    struct err e = { 0 };

    if (installation_open(cmd->mem, cmd_option(cmd, "data"), &i, &e) != OK) {
        return cmd_fail(cmd, "%s (stop the server first)", e.msg);
    }
    int code = i.cfg.database_url
        ? cmd_fail(cmd, "on PostgreSQL, restore with pg_restore while no server runs")
        : put_in_place(cmd, &i, cmd->words[0]);
    folder_unlock(i.lock);
    return code;
}

const struct command cmd_backup = { "backup", "[FILE]", data_options, backup,
    "Writes a consistent copy of the database while the server runs; into DIR/backup without FILE." };
const struct command cmd_restore = { "restore", "FILE", data_options, restore,
    "Puts a backup in the place of the database; the old one is kept beside it." };

/* ---- check, migrate ---- */

static int check(struct cmd *cmd)
{
    struct shell *s;
    struct answer a;
    int code = shell_open(cmd, &s);

    if (code != EXIT_DONE) {
        return code;
    }
    code = shell_request(s, "GET", STR("/api/v1/check"), STR(""), &a);
    if (code == EXIT_DONE) {
        const json_t *tree = answer_json(s, &a), *findings = json_object_get(tree, "findings");
        size_t n = json_array_size(findings);
        for (size_t i = 0; !cmd->json && i < n; i++) {
            const json_t *f = json_array_get(findings, i);
            printf("%s (%" PRId64 ")\n", json_string_value(json_object_get(f, "what")),
                (int64_t)json_integer_value(json_object_get(f, "count")));
        }
        if (!shell_print_json(cmd, &a)) {
            printf("%" PRId64 " checks, %zu findings\n",
                (int64_t)json_integer_value(json_object_get(tree, "checks")), n);
        }
        code = n ? EXIT_PARTLY : EXIT_DONE;
    }
    shell_close(s);
    return code;
}

static int migrate(struct cmd *cmd)
{
    struct shell *s;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        puts("the database is up to this program");
        shell_close(s);
    }
    return code;
}

const struct command cmd_check = { "check", NULL, data_options, check,
    "Checks the whole database: file, references, keys, parts, roll-ups. Exit code 3 when it finds\n"
    "something." };
const struct command cmd_migrate = { "migrate", NULL, data_options, migrate,
    "Brings the database up to this program; the server does so by itself at start." };

/* ---- jobs, undo, OpenAPI, packages ---- */

static int job(struct cmd *cmd)
{
    if (cmd->nwords > 1 && strcmp(cmd->words[0], "cancel") == 0) {
        return plain(cmd, "POST", arena_fmt(cmd->mem, "/api/v1/jobs/%s/cancel", cmd->words[1]),
            STR(""), stdout);
    }
    return plain(cmd, "GET",
        cmd->nwords ? arena_fmt(cmd->mem, "/api/v1/jobs/%s", cmd->words[0]) : STR("/api/v1/jobs"),
        STR(""), stdout);
}

/* A large change set is undone by a job: the command ends when that has. */
static int await_job(struct shell *s, const struct answer *ordered)
{
    static const char *const busy[] = { "waiting", "running", NULL };
    int64_t job = json_integer_value(json_object_get(answer_json(s, ordered), "job"));
    struct answer a;
    char target[60];

    if (!job) {
        return EXIT_DONE;
    }
    snprintf(target, sizeof target, "/api/v1/jobs/%" PRId64, job);
    int code = shell_await(s, str_of(target), busy, NULL, &a);
    if (code != EXIT_DONE) {
        return code;
    }
    const json_t *tree = answer_json(s, &a);
    bool left = json_integer_value(json_object_get(json_object_get(tree, "result"), "left")) != 0;
    printf("%.*s\n", STR_ARG(a.body));
    return str_is(json_str(json_object_get(tree, "state")), "done") && !left ? EXIT_DONE : EXIT_PARTLY;
}

static int undo(struct cmd *cmd)
{
    int64_t id;

    struct shell *s;
    struct answer a;

    if (!str_to_int(str_of(cmd->words[0]), &id)) {
        return cmd_usage(cmd, "a change set is a number");
    }
    int code = shell_open(cmd, &s);
    if (code != EXIT_DONE) {
        return code;
    }
    code = shell_request(s, "POST", STR("/api/v1/undo"),
        json_compact(cmd->mem, json_pack("{s:I}", "change_set", (json_int_t)id)), &a);
    if (code == EXIT_DONE) {
        fwrite(a.body.p, 1, a.body.n, stdout);
        putchar('\n');
        code = await_job(s, &a);
    }
    shell_close(s); /* in this process the job runs now */
    return code;
}

static int openapi(struct cmd *cmd)
{
    return plain(cmd, "GET", STR("/api/v1/openapi.json"), STR(""), stdout);
}

static int package(struct cmd *cmd)
{
    struct str body;

    if (strcmp(cmd->words[0], "export") == 0) {
        return plain(cmd, "GET", STR("/api/v1/package"), STR(""), stdout);
    }
    if (strcmp(cmd->words[0], "install") != 0 || cmd->nwords < 2) {
        return cmd_usage(cmd, "it is either `export` or `install FILE`");
    }
    if (!cmd_read_file(cmd, cmd->words[1], 8 << 20, &body)) {
        return EXIT_FAILED;
    }
    return plain(cmd, "POST", STR("/api/v1/package"), body, stdout);
}

const struct command cmd_job = { "job", "[ID] [ID]", data_options, job,
    "Shows jobs: all, one by its id, or `job cancel ID` to stop one." };
const struct command cmd_undo
    = { "undo", "CHANGE_SET", data_options, undo, "Takes a change set back." };
const struct command cmd_openapi
    = { "openapi", NULL, data_options, openapi, "Writes the OpenAPI description of this installation." };
const struct command cmd_package = { "package", "export|install [FILE]", data_options, package,
    "Carries objects and fields of your own to another installation." };

/* ---- demo ---- */

static void progress(int64_t done, int64_t total)
{
    if (isatty(2)) {
        fprintf(stderr, "\r%" PRId64 " of %" PRId64 " people%s", done, total, done == total ? "\n" : "");
    }
}

static int demo(struct cmd *cmd)
{
    const char *people = cmd_option(cmd, "people"), *seed = cmd_option(cmd, "seed");
    const char *until = cmd_option(cmd, "until");
    struct demo_order order = { .people = 2000, .seed = 1, .progress = progress };
    int64_t seed_number = 1;
    struct shell *s;
    struct err e = { 0 };

    order.until = time_now() / DAYS(1);
    if ((people && (!str_to_int(str_of(people), &order.people) || order.people < 1))
        || (seed && !str_to_int(str_of(seed), &seed_number))
        || (until && !date_parse(str_of(until), &order.until))) {
        return cmd_usage(cmd, "people and seed are numbers, until is a date");
    }
    order.seed = (uint64_t)seed_number;
    int code = shell_open(cmd, &s);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!shell_org(s)) {
        code = cmd_fail(cmd, "stop the server first: a demo business is made in an empty installation");
    } else if (demo_make(shell_org(s), &order, &e) != OK) {
        code = cmd_fail(cmd, "%s %s", e.field, e.msg);
    }
    shell_close(s);
    return code;
}

static const struct option_row demo_options[] = { OPTION_DATA,
    { "people", "N", "how many (2,000)", false }, { "seed", "S", "another business (1)", false },
    { "until", "DATE", "the day up to which it has grown (today)", false }, OPTION_END };
const struct command cmd_demo = { "demo", NULL, demo_options, demo,
    "Makes an invented business: people, companies, activities, users. The same seed and day give the\n"
    "same records." };

/* ---- completion ---- */

static int completion(struct cmd *cmd)
{
    (void)cmd;
    puts("_kith() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    case $prev in --data) COMPREPLY=($(compgen -d -- \"$cur\")); return ;; esac\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W \"", stdout);
    for (const struct command *const *c = commands; *c; c++) {
        printf("%.*s ", (int)strcspn((*c)->name, " "), (*c)->name);
    }
    puts("\" -- \"$cur\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in");
    for (const struct command *const *c = commands; *c; c++) {
        if (strchr((*c)->name, ' ')) {
            continue;
        }
        printf("    %s) COMPREPLY=($(compgen -W \"", (*c)->name);
        for (const struct option_row *o = (*c)->options; o && o->name; o++) {
            printf("--%s ", o->name);
        }
        puts("--json --help\" -f -- \"$cur\")) ;;");
    }
    puts("    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n    esac\n}\ncomplete -F _kith kith");
    return EXIT_DONE;
}

const struct command cmd_completion = { "completion", NULL, NULL, completion,
    "Writes completion for bash: source <(kith completion)" };
