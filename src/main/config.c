/* config.c - the table of what can be configured: name, kind, bounds, default, one line of help. */

#include "main/config.h"

#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { TEXT, SIZE, MILLIS, NUMBER };

struct row {
    const char *name;
    enum kind kind;
    size_t at;
    int64_t def, min, max; /* bytes, milliseconds or the number itself */
    const char *text;      /* default of TEXT */
    bool reload;
    const char *help;
};

#define AT(member) offsetof(struct config, member)
#define KB 1024LL
#define MB (1024 * KB)

static const struct row rows[] = {
    { "database", TEXT, AT(database_url), .help = "postgresql://...; without it SQLite in the folder" },
    { "listen", TEXT, AT(listen), .text = "127.0.0.1:8080", .help = "address and port" },
    { "base_url", TEXT, AT(base_url), .text = "", .reload = true,
        .help = "as seen from outside, https://crm.example.com; requests for other hosts are refused" },
    { "trusted_proxies", TEXT, AT(trusted_proxies), .text = "", .reload = true,
        .help = "addresses whose X-Forwarded-For and -Proto hold, by commas" },
    { "tls_certificate", TEXT, AT(tls_certificate), .text = "", .help = "PEM file, with its chain" },
    { "tls_key", TEXT, AT(tls_key), .text = "", .help = "PEM file of its key" },
    { "web_root", TEXT, AT(web_root), .text = "", .help = "for development: assets from this folder" },
    { "helper", TEXT, AT(helper), .text = "",
        .help = "the program kith-helper; without it the one beside kith, or in /usr/lib/kith" },
    { "body_max", SIZE, AT(body_max), 4 * MB, 16 * KB, 64 * MB, NULL, true, "request body" },
    { "body_open", SIZE, AT(body_open), 64 * KB, 4 * KB, 64 * MB, NULL, true,
        "request body of somebody who has not signed in" },
    { "upload_max", SIZE, AT(upload_max), 256 * MB, 16 * KB, 16384 * MB, NULL, true, "an uploaded file" },
    { "arena_max", SIZE, AT(arena_max), 128 * MB, 4 * MB, 2048 * MB, NULL, true, "memory of one call" },
    { "query_budget", MILLIS, AT(query_budget), 5000, 100, 600000, NULL, true,
        "a user's own filter, in milliseconds" },
    { "quick_budget", MILLIS, AT(quick_budget), 2, 1, 100, NULL, true,
        "a read on a network thread, in milliseconds; past it, it moves to a worker" },
    { "slow_call", MILLIS, AT(slow_call), 500, 1, 600000, NULL, true,
        "a call is logged as slow after so many milliseconds" },
    { "idle_look", MILLIS, AT(idle_look), 1000, 100, 600000, NULL, true,
        "a server that nobody woke looks for due jobs and the changes of other servers, in milliseconds" },
    { "workers", NUMBER, AT(workers), 8, 2, 64, NULL, false, "worker threads" },
    { "queue_max", NUMBER, AT(queue_max), 4096, 16, 100000, NULL, false,
        "calls in wait before 503 is answered" },
    { "connections_max", NUMBER, AT(connections_max), 4096, 16, 100000, NULL, false, "connections" },
    { "head_seconds", NUMBER, AT(head_seconds), 20, 1, 3600, NULL, true,
        "seconds for the head of a request to come" },
    { "body_seconds", NUMBER, AT(body_seconds), 3600, 1, 86400, NULL, true,
        "seconds for a request's body to come" },
    { "body_rate", SIZE, AT(body_rate), 2 * KB, 0, 1024 * MB, NULL, true,
        "bytes a second of a body, at least, once it has had head_seconds to begin" },
    { "rate_per_minute", NUMBER, AT(rate_per_minute), 0, 0, 10000000, NULL, true,
        "requests per token, session or address; 0 for no limit" },
    { "backup_hours", NUMBER, AT(backup_hours), 24, 0, 8760, NULL, true,
        "hours between back-ups into DIR/backup; 0 for none" },
    { "backup_keep", NUMBER, AT(backup_keep), 7, 1, 1000, NULL, true, "back-ups kept" },
};
enum { ROWS = sizeof rows / sizeof rows[0], FILE_MAX = 64 << 10 };

static void set_number(struct config *cfg, const struct row *r, int64_t v)
{
    char *at = (char *)cfg + r->at;

    if (r->kind == NUMBER) {
        int narrow = (int)v;
        memcpy(at, &narrow, sizeof narrow);
    } else {
        v = r->kind == MILLIS ? v * 1000 : v;
        memcpy(at, &v, sizeof v);
    }
}

void config_defaults(struct config *cfg, const char *dir)
{
    *cfg = (struct config) { .dir = dir };
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].kind == TEXT) {
            memcpy((char *)cfg + rows[i].at, &rows[i].text, sizeof rows[i].text);
        } else {
            set_number(cfg, &rows[i], rows[i].def);
        }
    }
}

/* "4M", "512K", "2G", or plain bytes. */
static bool read_size(struct str s, int64_t *out)
{
    int64_t unit = 1;

    if (s.n > 1) {
        switch (s.p[s.n - 1] | 0x20) {
        case 'k':
            unit = KB;
            break;
        case 'm':
            unit = MB;
            break;
        case 'g':
            unit = 1024 * MB;
            break;
        default:
            break;
        }
    }
    s.n -= unit > 1;
    return str_to_int(s, out) && !__builtin_mul_overflow(*out, unit, out);
}

static enum err_code set_row(
    struct arena *mem, struct config *cfg, const struct row *r, struct str value, struct err *e)
{
    int64_t v;

    if (r->kind == TEXT) {
        const char *text = arena_cstr(mem, value);
        if (value.n || r->text) {
            memcpy((char *)cfg + r->at, &text, sizeof text);
        }
        return OK;
    }
    if (!(r->kind == SIZE ? read_size(value, &v) : str_to_int(value, &v)) || v < r->min
        || v > r->max) {
        return err_set(e, ERR_INVALID, r->name, "%s is a number from %" PRId64 " to %" PRId64, r->name,
            r->min, r->max);
    }
    set_number(cfg, r, v);
    return OK;
}

static bool read_level(struct str value, enum log_level *level)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };

    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (str_is(value, names[i])) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static enum err_code read_line(struct arena *mem, struct config *cfg, enum log_level *level,
    struct str line, struct err *e)
{
    struct str name;

    line = str_trim(line);
    if (!line.n || line.p[0] == '#') {
        return OK;
    }
    if (str_find_byte(line, '=') < 0 || !str_split(&line, '=', &name)) {
        return err_set(e, ERR_INVALID, NULL, "\"%.*s\" is not name = value", STR_ARG(line));
    }
    name = str_trim(name);
    line = str_trim(line);
    if (str_is(name, "log_level")) {
        return read_level(line, level)
            ? OK
            : err_set(e, ERR_INVALID, NULL, "log_level is debug, info, warn or error");
    }
    for (int i = 0; i < ROWS; i++) {
        if (str_is(name, rows[i].name)) {
            return set_row(mem, cfg, &rows[i], line, e);
        }
    }
    return err_set(e, ERR_INVALID, NULL, "there is nothing called \"%.*s\" to configure", STR_ARG(name));
}

static enum err_code read_all(const char *path, char *out, size_t room, size_t *n, struct err *e)
{
    FILE *f = fopen(path, "rb");

    if (!f) {
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_FORBIDDEN, NULL, "cannot read %s: %s",
            path, strerror(errno));
    }
    *n = fread(out, 1, room, f);
    (void)fclose(f);
    return OK;
}

enum err_code config_load(
    struct arena *mem, const char *dir, struct config *cfg, enum log_level *level, struct err *e)
{
    char *text = arena_alloc(mem, FILE_MAX);
    size_t n = 0;
    struct str rest, line;
    struct err why;
    int number = 0;

    config_defaults(cfg, arena_cstr(mem, str_of(dir)));
    TRY(read_all(arena_fmt(mem, "%s/kith.conf", dir).p, text, FILE_MAX, &n, e));
    rest = (struct str) { text, n };
    while (str_split(&rest, '\n', &line)) {
        number++;
        if (read_line(mem, cfg, level, line, &why) != OK) {
            return err_set(
                e, ERR_INVALID, NULL, "%s/kith.conf, line %d: %s", dir, number, why.msg);
        }
    }
    return OK;
}

static void write_row(FILE *f, const struct row *r, const char *given)
{
    fprintf(f, "# %s\n", r->help);
    if (given) {
        fprintf(f, "%s = %s\n\n", r->name, given);
    } else if (r->kind == TEXT) {
        fprintf(f, "# %s = %s\n\n", r->name, r->text ? r->text : "");
    } else if (r->kind == SIZE) {
        fprintf(f, "# %s = %" PRId64 "K\n\n", r->name, (int64_t)(r->def / KB));
    } else {
        fprintf(f, "# %s = %" PRId64 "\n\n", r->name, r->def);
    }
}

enum err_code config_write(const char *dir, const char *database_url, struct err *e)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/kith.conf", dir);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) {
        return err_set(e, ERR_CONFLICT, NULL, "cannot make %s: %s", path, strerror(errno));
    }
    fputs("# Kith. `kill -HUP` makes a running server read the limits, log_level and the\n"
          "# certificate again; the rest holds from the next start.\n\n", f);
    for (int i = 0; i < ROWS; i++) {
        write_row(f, &rows[i], strcmp(rows[i].name, "database") == 0 ? database_url : NULL);
    }
    fputs("# debug, info, warn or error\n# log_level = info\n", f);
    if (fflush(f) != 0 || fsync(fileno(f)) != 0) {
        (void)fclose(f);
        return err_set(e, ERR_FULL, NULL, "cannot write %s", path);
    }
    (void)fclose(f);
    return OK;
}

enum err_code key_make(const char *dir, struct err *e)
{
    char path[4200];
    uint8_t key[32];

    snprintf(path, sizeof path, "%s/key", dir);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        /* one that is there is kept: the same key serves every server of an installation */
        return errno == EEXIST ? OK : err_set(e, ERR_CONFLICT, NULL, "cannot make %s", path);
    }
    rand_bytes(key, sizeof key);
    bool good = write(fd, key, sizeof key) == (ssize_t)sizeof key && fsync(fd) == 0;
    close(fd);
    return good ? OK : err_set(e, ERR_FULL, NULL, "cannot write %s", path);
}

enum err_code key_load(const char *dir, uint8_t key[32], struct err *e)
{
    char path[4200];
    size_t n = 0;
    char bytes[33];

    snprintf(path, sizeof path, "%s/key", dir);
    TRY(read_all(path, bytes, sizeof bytes, &n, e));
    if (n != 32) {
        return err_set(e, ERR_INVALID, NULL, "%s is not a key of 32 bytes", path);
    }
    memcpy(key, bytes, 32);
    return OK;
}
