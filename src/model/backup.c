/* backup.c - copies by VACUUM INTO: one read snapshot, nothing held up but the end of the log. */

#include "model/backup.h"

#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MAX = 1024 };

static enum err_code copy_into(struct org *o, const char *path, struct err *e)
{
    struct conn *db = NULL;
    struct db_config cfg = o->db;

    TRY(conn_open(&cfg, CONN_WRITE, &db, e));
    /* each page is read once and written once, in order: nothing is gained by keeping it */
    enum err_code code = conn_script(db, "PRAGMA mmap_size=0; PRAGMA cache_size=-8000", e);
    code = code != OK ? code : conn_exec(db, SQL("VACUUM INTO $1"), VALS(V(path)), NULL, e);
    conn_close(db);
    return code;
}

/* On disk, and under its name, before anybody is told. */
static enum err_code settle(const char *part, const char *path, struct err *e)
{
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    if (!ok || rename(part, path) != 0) {
        return err_set(e, ERR_INTERNAL, NULL, "cannot write %s: %s", path, strerror(errno));
    }
    return OK;
}

enum err_code backup_make(struct org *o, const char *path, char out[BACKUP_PATH], struct err *e)
{
    char part[BACKUP_PATH + 8], when[INSTANT_TEXT];

    if (o->db.backend == DB_POSTGRES) {
        return err_set(e, ERR_CONFLICT, NULL, "on PostgreSQL, pg_dump makes the backups");
    }
    if (path) {
        snprintf(out, BACKUP_PATH, "%s", path);
    } else {
        snprintf(out, BACKUP_PATH, "%s/backup", o->cfg->dir);
        (void)mkdir(out, 0700);
        instant_format(org_now(o), when);
        for (char *p = when; *p; p++) {
            *p = *p == ':' ? '-' : *p;
        }
        snprintf(out, BACKUP_PATH, "%s/backup/%s-%s.db", o->cfg->dir, o->name, when);
    }
    if (access(out, F_OK) == 0) {
        return err_set(e, ERR_CONFLICT, "file", "%s is there already", out);
    }
    snprintf(part, sizeof part, "%s.part", out);
    (void)unlink(part);
    mode_t mask = umask(077);
    enum err_code code = copy_into(o, part, e);
    umask(mask);
    if (code == OK) {
        code = settle(part, out, e);
    }
    if (code != OK) {
        (void)unlink(part);
    }
    return code;
}

struct kept {
    char name[256];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct kept *)a)->name, ((const struct kept *)b)->name);
}

/* The names carry the time, so their order is that of age. */
static size_t list_backups(struct org *o, struct kept *kept)
{
    char folder[BACKUP_PATH];
    size_t n = 0;
    struct dirent *d;

    snprintf(folder, sizeof folder, "%s/backup", o->cfg->dir);
    DIR *dir = opendir(folder);
    while (dir && n < KEPT_MAX && (d = readdir(dir))) {
        struct str name = str_of(d->d_name);
        if (str_starts(name, str_of(o->name)) && str_ends(name, STR(".db"))) {
            snprintf(kept[n++].name, sizeof kept->name, "%s", d->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(kept, n, sizeof *kept, by_name);
    return n;
}

enum err_code backup_by_schedule(struct org *o, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct kept *kept = ARENA_ARRAY(mem, struct kept, KEPT_MAX);
    size_t n = list_backups(o, kept);
    char path[BACKUP_PATH];
    struct stat st;
    bool due = n == 0;
    enum err_code code = OK;

    if (n) {
        snprintf(path, sizeof path, "%s/backup/%s", o->cfg->dir, kept[n - 1].name);
        due = stat(path, &st) != 0
            || SECONDS(st.st_mtime) + HOURS(o->cfg->backup_hours) <= time_now();
    }
    if (due && o->cfg->backup_hours > 0 && o->db.backend == DB_SQLITE) {
        code = backup_make(o, NULL, path, e);
        if (code == OK) {
            log_event(LOG_INFO, NULL, "backup made: %s", path);
        }
        for (size_t i = 0; code == OK && i + (size_t)o->cfg->backup_keep <= n; i++) {
            snprintf(path, sizeof path, "%s/backup/%s", o->cfg->dir, kept[i].name);
            (void)unlink(path);
        }
    }
    arena_destroy(mem);
    return code;
}
