/* gather.c - writes SQLite's log in large pieces.
 *
 * A commit appends a header of 24 bytes and a page of 4,096 for each page that it changed, in calls of their own;
 * most of their cost is that of the call. Here what follows on what was written waits in a buffer, until it is full
 * or anything else is done with the file, or the page ends a commit: others read the log as soon as SQLite has
 * told them of it, which need not be behind a sync. What is written again, a page of the same transaction or the
 * sums of those behind it, is not held back. The files but the log are the base's own.
 *
 * A sync of a file that has grown writes where it lies on the disk too, and takes twice as long and more. So commits
 * that are synced keep zeros behind them, which hold no page that SQLite would take for one. Only whoever writes may
 * write them, since another process might append there. */

#include "db/gather.h"

#include "db/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { ROOM = 128 << 10, NAME = 64, LOG_HEADER = 32, FRAME_HEADER = 24 };
enum { AHEAD_LEAST = 64 << 10, AHEAD_MOST = 1 << 20 };

struct log_file {
    sqlite3_file base; /* first: SQLite knows it as this */
    sqlite3_file *under; /* behind this struct */
    char *waiting;
    sqlite3_int64 at; /* where the first byte that waits belongs */
    int n;
    sqlite3_int64 end; /* what is written again lies before it */
    sqlite3_int64 size; /* the file reached there when it was looked at last */
    bool synced;       /* the last commit was */
    bool commits;      /* the header of the last page of a commit was written, the page comes next */
};

static struct log_file *self(sqlite3_file *f)
{
    return (struct log_file *)f;
}

static int write_out(struct log_file *f)
{
    int n = f->n;

    f->n = 0;
    return n ? f->under->pMethods->xWrite(f->under, f->waiting, n, f->at) : SQLITE_OK;
}

/* Behind what was written; a disk that has no place for it is told of by the next commit. */
static void keep_room(struct log_file *f)
{
    static const char zeros[AHEAD_LEAST];
    sqlite3_int64 size = 0, ahead = f->end < AHEAD_LEAST ? AHEAD_LEAST : f->end > AHEAD_MOST ? AHEAD_MOST : f->end;
    int rc = f->under->pMethods->xFileSize(f->under, &size);

    if (rc == SQLITE_OK && size <= f->end) {
        for (size = f->end; rc == SQLITE_OK && size < f->end + ahead; size += AHEAD_LEAST) {
            rc = f->under->pMethods->xWrite(f->under, zeros, AHEAD_LEAST, size);
        }
    }
    f->size = size;
}

static int end_commit(struct log_file *f)
{
    int rc = write_out(f);

    if (rc == SQLITE_OK && f->synced && f->end > f->size) {
        keep_room(f);
    }
    f->synced = false;
    return rc;
}

/* In the header of a page stands how long the database is behind the commit that it ends, otherwise 0. */
static bool ends_commit(const char *header)
{
    return (header[4] | header[5] | header[6] | header[7]) != 0;
}

static int log_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 at)
{
    struct log_file *f = self(base);
    bool again = at < f->end && n != LOG_HEADER, last = f->commits && n > FRAME_HEADER;
    bool follows = f->n && at == f->at + f->n && f->n + n <= ROOM;
    int rc = follows ? SQLITE_OK : write_out(f);

    f->end = n == LOG_HEADER || at + n > f->end ? at + n : f->end;
    f->commits = n == FRAME_HEADER && !again && ends_commit(bytes);
    if (rc != SQLITE_OK || again || n > ROOM) {
        return rc != SQLITE_OK ? rc : f->under->pMethods->xWrite(f->under, bytes, n, at);
    }
    if (!f->waiting) {
        f->waiting = db_alloc(ROOM);
    }
    f->at = follows ? f->at : at;
    memcpy(f->waiting + f->n, bytes, (size_t)n);
    f->n += n;
    return last ? end_commit(f) : SQLITE_OK;
}

static int log_close(sqlite3_file *base)
{
    struct log_file *f = self(base);

    (void)!write_out(f);
    free(f->waiting);
    return f->under->pMethods->xClose(f->under);
}

static int log_read(sqlite3_file *base, void *bytes, int n, sqlite3_int64 at)
{
    struct log_file *f = self(base);
    int rc = write_out(f);

    return rc == SQLITE_OK ? f->under->pMethods->xRead(f->under, bytes, n, at) : rc;
}

static int log_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct log_file *f = self(base);
    int rc = write_out(f);

    f->size = 0;
    return rc == SQLITE_OK ? f->under->pMethods->xTruncate(f->under, size) : rc;
}

static int log_sync(sqlite3_file *base, int flags)
{
    struct log_file *f = self(base);
    int rc = write_out(f);

    f->synced = true;
    return rc == SQLITE_OK ? f->under->pMethods->xSync(f->under, flags) : rc;
}

static int log_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct log_file *f = self(base);
    int rc = write_out(f);

    return rc == SQLITE_OK ? f->under->pMethods->xFileSize(f->under, size) : rc;
}

static int log_lock(sqlite3_file *base, int level)
{
    return self(base)->under->pMethods->xLock(self(base)->under, level);
}

static int log_unlock(sqlite3_file *base, int level)
{
    return self(base)->under->pMethods->xUnlock(self(base)->under, level);
}

static int log_reserved(sqlite3_file *base, int *yes)
{
    return self(base)->under->pMethods->xCheckReservedLock(self(base)->under, yes);
}

static int log_control(sqlite3_file *base, int op, void *arg)
{
    return self(base)->under->pMethods->xFileControl(self(base)->under, op, arg);
}

static int log_sector(sqlite3_file *base)
{
    return self(base)->under->pMethods->xSectorSize(self(base)->under);
}

static int log_device(sqlite3_file *base)
{
    return self(base)->under->pMethods->xDeviceCharacteristics(self(base)->under);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

static sqlite3_vfs *base_of(const sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *got)
{
    struct log_file *f = self(file);

    if (!(flags & SQLITE_OPEN_WAL)) {
        return base_of(vfs)->xOpen(base_of(vfs), path, file, flags, got);
    }
    *f = (struct log_file) { .under = (sqlite3_file *)(f + 1) };
    f->under->pMethods = NULL;
    int rc = base_of(vfs)->xOpen(base_of(vfs), path, f->under, flags, got);
    f->base.pMethods = f->under->pMethods ? &log_methods : NULL;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    return base_of(vfs)->xDelete(base_of(vfs), path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    return base_of(vfs)->xAccess(base_of(vfs), path, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int room, char *out)
{
    return base_of(vfs)->xFullPathname(base_of(vfs), path, room, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out)
{
    return base_of(vfs)->xRandomness(base_of(vfs), n, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int micros)
{
    return base_of(vfs)->xSleep(base_of(vfs), micros);
}

static int vfs_time(sqlite3_vfs *vfs, double *now)
{
    return base_of(vfs)->xCurrentTime(base_of(vfs), now);
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    return base_of(vfs)->xGetLastError(base_of(vfs), n, out);
}

/* ---- one VFS for each base: SQLite keeps them, to the end ---- */

struct over {
    sqlite3_vfs vfs;
    char name[NAME];
};

static const char *make(sqlite3_vfs *base, const char *name)
{
    struct over *o = db_alloc(sizeof *o);

    snprintf(o->name, sizeof o->name, "%s", name);
    o->vfs = (sqlite3_vfs) {
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct log_file) + base->szOsFile,
        .mxPathname = base->mxPathname,
        .zName = o->name,
        .pAppData = base,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (sqlite3_vfs_register(&o->vfs, 0) != SQLITE_OK) {
        free(o);
        return NULL;
    }
    return o->name;
}

const char *gather_vfs(const char *base)
{
    sqlite3_vfs *under = sqlite3_vfs_find(base), *there;
    char name[NAME];

    if (!under) {
        return NULL;
    }
    snprintf(name, sizeof name, "gather-%s", under->zName);
    there = sqlite3_vfs_find(name);
    /* two that come here together make two of one name, and use the same */
    return there ? there->zName : make(under, name);
}
