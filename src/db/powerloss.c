/* powerloss.c - a SQLite VFS over the system's that forgets what was not synced, as a power cut does.
 *
 * Each file has its contents of now in memory, and the writes and truncations since its last sync in
 * order. Only a sync takes them to the real file. A loss keeps a random part of them: whole sectors
 * of any write, in order, and of what lay past the old end perhaps half a sector. A file whose
 * creation was not synced may be gone, one whose removal was not may be back. Locks and the WAL's
 * shared memory are the real file's own. For one process: nobody else sees what is not synced. */

#include "base/rand.h"
#include "db/backend.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

enum { SECTOR = 512 };

/* A write, or with no bytes a truncation to at. */
struct change {
    struct change *next;
    int64_t at;
    size_t n;
    uint8_t bytes[];
};

struct node {
    struct node *next;
    char *path;
    int refs;
    bool created; /* since the last sync: its name may be lost */
    bool removed; /* not synced either: it may come back as old */
    uint8_t *now, *old;
    int64_t size, room, old_size; /* old_size: at the last sync */
    struct change *changes, **last;
};

struct file {
    sqlite3_file base; /* first: SQLite knows this part */
    struct node *node;
    unsigned epoch;
    sqlite3_file *real;
};

/* All of it guarded by the lock. */
static struct {
    pthread_mutex_t lock;
    sqlite3_vfs *real;
    struct node *nodes;
    unsigned epoch; /* handles of an earlier one are dead */
    bool down;      /* since the loss, until db_powerloss_vfs() is asked for again */
} power = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void enter(void)
{
    pthread_mutex_lock(&power.lock);
}

static int leave(int rc)
{
    pthread_mutex_unlock(&power.lock);
    return rc;
}

static struct file *self(sqlite3_file *f)
{
    return (struct file *)(void *)f;
}

static bool dead(const struct file *f)
{
    return f->epoch != power.epoch;
}

/* ---- nodes ---- */

static void forget_changes(struct node *n)
{
    while (n->changes) {
        struct change *c = n->changes;
        n->changes = c->next;
        free(c);
    }
    n->last = &n->changes;
}

static void free_node(struct node *n)
{
    forget_changes(n);
    free(n->path);
    free(n->now);
    free(n->old);
    free(n);
}

static struct node *find(const char *path)
{
    struct node *n = power.nodes;

    while (n && (n->removed || strcmp(n->path, path) != 0)) {
        n = n->next;
    }
    return n;
}

static void unlink_node(struct node *n)
{
    struct node **at = &power.nodes;

    while (*at != n) {
        at = &(*at)->next;
    }
    *at = n->next;
}

/* The directory was synced: names made and removed up to now are for good. */
static void sync_names(void)
{
    for (struct node **at = &power.nodes; *at;) {
        struct node *n = *at;
        if (n->removed && !n->refs) {
            *at = n->next;
            free_node(n);
            continue;
        }
        n->created = false;
        at = &n->next;
    }
}

static void grow(struct node *n, int64_t size)
{
    if (size > n->room) {
        int64_t room = size * 2 + SECTOR;
        uint8_t *more = db_alloc((size_t)room);
        if (n->size) {
            memcpy(more, n->now, (size_t)n->size);
        }
        free(n->now);
        n->now = more;
        n->room = room;
    }
    if (size > n->size) {
        memset(n->now + n->size, 0, (size_t)(size - n->size));
        n->size = size;
    }
}

static int note(struct node *n, int64_t at, const void *bytes, size_t count)
{
    struct change *c = db_alloc(sizeof *c + count);

    c->at = at;
    c->n = count;
    if (count) {
        memcpy(c->bytes, bytes, count);
    }
    *n->last = c;
    n->last = &c->next;
    return SQLITE_OK;
}

static int load(struct node *n, sqlite3_file *real)
{
    sqlite3_int64 size;
    int rc = real->pMethods->xFileSize(real, &size);

    if (rc == SQLITE_OK && size) {
        grow(n, size);
        rc = real->pMethods->xRead(real, n->now, (int)size, 0);
    }
    n->old_size = n->size;
    return rc;
}

/* ---- a file ---- */

static int file_close(sqlite3_file *base)
{
    struct file *f = self(base);

    enter();
    if (f->node && !dead(f)) {
        f->node->refs--;
        /* one with changes stays: closing is not syncing */
        if (!f->node->refs && !f->node->changes && !f->node->created && !f->node->removed) {
            unlink_node(f->node);
            free_node(f->node);
        }
    }
    return leave(f->real->pMethods->xClose(f->real));
}

static int file_read(sqlite3_file *base, void *out, int n, sqlite3_int64 at)
{
    struct file *f = self(base);

    enter();
    if (dead(f)) {
        return leave(SQLITE_IOERR_READ);
    }
    int64_t there = f->node->size > at ? f->node->size - at : 0;
    there = there < n ? there : n;
    if (there) {
        memcpy(out, f->node->now + at, (size_t)there);
    }
    memset((uint8_t *)out + there, 0, (size_t)(n - there));
    return leave(there == n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
}

static int file_write(sqlite3_file *base, const void *bytes, int n, sqlite3_int64 at)
{
    struct file *f = self(base);

    enter();
    if (dead(f)) {
        return leave(SQLITE_IOERR_WRITE);
    }
    grow(f->node, at + n);
    memcpy(f->node->now + at, bytes, (size_t)n);
    return leave(note(f->node, at, bytes, (size_t)n));
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *f = self(base);

    enter();
    if (dead(f)) {
        return leave(SQLITE_IOERR_TRUNCATE);
    }
    grow(f->node, size);
    f->node->size = size;
    return leave(note(f->node, size, NULL, 0));
}

/* The system's own sync is left out: only this process can lose power here. */
static int file_sync(sqlite3_file *base, int flags)
{
    struct file *f = self(base);
    int rc = SQLITE_OK;

    (void)flags;
    enter();
    if (dead(f)) {
        return leave(SQLITE_IOERR_FSYNC);
    }
    for (struct change *c = f->node->changes; c && rc == SQLITE_OK; c = c->next) {
        rc = c->n ? f->real->pMethods->xWrite(f->real, c->bytes, (int)c->n, c->at)
                  : f->real->pMethods->xTruncate(f->real, c->at);
    }
    if (rc == SQLITE_OK) {
        forget_changes(f->node);
        f->node->old_size = f->node->size;
        if (f->node->created) {
            sync_names();
        }
    }
    return leave(rc);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct file *f = self(base);

    enter();
    if (dead(f)) {
        return leave(SQLITE_IOERR_FSTAT);
    }
    *size = f->node->size;
    return leave(SQLITE_OK);
}

static bool is_dead(struct file *f)
{
    enter();
    bool is = dead(f);
    (void)leave(0);
    return is;
}

static int file_lock(sqlite3_file *base, int level)
{
    struct file *f = self(base);

    return is_dead(f) ? SQLITE_IOERR_LOCK : f->real->pMethods->xLock(f->real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    return self(base)->real->pMethods->xUnlock(self(base)->real, level);
}

static int file_reserved(sqlite3_file *base, int *out)
{
    return self(base)->real->pMethods->xCheckReservedLock(self(base)->real, out);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    struct file *f = self(base);

    switch (op) {
    case SQLITE_FCNTL_SIZE_HINT: /* these would touch the real file */
    case SQLITE_FCNTL_CHUNK_SIZE:
    case SQLITE_FCNTL_MMAP_SIZE:
    case SQLITE_FCNTL_SYNC:
    case SQLITE_FCNTL_COMMIT_PHASETWO:
        return SQLITE_NOTFOUND;
    default:
        return f->real->pMethods->xFileControl(f->real, op, arg);
    }
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

/* As the system's: bytes beside a write stay whole. Nothing is said of order. */
static int file_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out)
{
    struct file *f = self(base);

    return is_dead(f) ? SQLITE_IOERR_SHMMAP
                      : f->real->pMethods->xShmMap(f->real, page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *base, int at, int n, int flags)
{
    struct file *f = self(base);
    bool take = flags & SQLITE_SHM_LOCK;

    return take && is_dead(f) ? SQLITE_IOERR_SHMLOCK
                              : f->real->pMethods->xShmLock(f->real, at, n, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    self(base)->real->pMethods->xShmBarrier(self(base)->real);
}

static int file_shm_unmap(sqlite3_file *base, int remove)
{
    struct file *f = self(base);

    return f->real->pMethods->xShmUnmap(f->real, remove && !is_dead(f));
}

/* Version 2: no memory mapping, which would go past us. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ---- */

static struct node *new_node(const char *path, bool existed)
{
    struct node *n = db_alloc(sizeof *n);

    n->path = db_alloc(strlen(path) + 1);
    memcpy(n->path, path, strlen(path));
    n->last = &n->changes;
    n->created = !existed;
    return n;
}

static int open_node(struct file *f, const char *path, bool existed)
{
    struct node *n = find(path);

    if (!n) {
        n = new_node(path, existed);
        int rc = load(n, f->real);
        if (rc != SQLITE_OK) {
            free_node(n);
            return rc;
        }
        n->next = power.nodes;
        power.nodes = n;
    }
    n->refs++;
    f->node = n;
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *got)
{
    struct file *f = self(base);
    int existed = 0;

    (void)vfs;
    if (!path || (flags & SQLITE_OPEN_DELETEONCLOSE)) {
        return power.real->xOpen(power.real, path, base, flags, got); /* nothing to lose */
    }
    memset(f, 0, sizeof *f);
    enter();
    if (power.down) {
        return leave(SQLITE_CANTOPEN);
    }
    f->epoch = power.epoch;
    f->real = (sqlite3_file *)(void *)(f + 1);
    int rc = power.real->xAccess(power.real, path, SQLITE_ACCESS_EXISTS, &existed);
    if (rc == SQLITE_OK) {
        rc = power.real->xOpen(power.real, path, f->real, flags, got);
    }
    if (rc == SQLITE_OK) {
        rc = open_node(f, path, existed);
        if (rc != SQLITE_OK) {
            f->real->pMethods->xClose(f->real);
        }
    }
    base->pMethods = rc == SQLITE_OK ? &methods : NULL;
    return leave(rc);
}

/* Keeps what the disk has of a file that is taken away. */
static void keep_old(struct node *n)
{
    struct stat st;
    int fd = open(n->path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0) {
        n->old = db_alloc((size_t)st.st_size + 1);
        n->old_size = pread(fd, n->old, (size_t)st.st_size, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    enter();
    if (power.down) {
        return leave(SQLITE_IOERR_DELETE);
    }
    struct node *n = find(path);
    if (!n) {
        n = new_node(path, true);
        n->next = power.nodes;
        power.nodes = n;
    }
    n->removed = true;
    forget_changes(n);
    if (!n->created) {
        keep_old(n);
    }
    int rc = power.real->xDelete(power.real, path, 0);
    if (rc == SQLITE_OK && sync) {
        sync_names();
    }
    return leave(rc);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    return power.real->xAccess(power.real, path, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int room, char *out)
{
    (void)vfs;
    return power.real->xFullPathname(power.real, path, room, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    return power.real->xRandomness(power.real, n, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int micros)
{
    (void)vfs;
    return power.real->xSleep(power.real, micros);
}

static int vfs_time(sqlite3_vfs *vfs, double *now)
{
    (void)vfs;
    return power.real->xCurrentTime(power.real, now);
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    return power.real->xGetLastError ? power.real->xGetLastError(power.real, n, out) : 0;
}

const char *db_powerloss_vfs(void)
{
    /* guarded by the lock */
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .zName = "powerloss",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };

    enter();
    power.down = false;
    if (!power.real) {
        power.real = sqlite3_vfs_find(NULL);
        vfs.szOsFile = (int)sizeof(struct file) + power.real->szOsFile;
        vfs.mxPathname = power.real->mxPathname;
        sqlite3_vfs_register(&vfs, 0);
    }
    (void)leave(0);
    return vfs.zName;
}

/* ---- the loss ---- */

static void put(int fd, const uint8_t *bytes, size_t n, int64_t at)
{
    ssize_t done = pwrite(fd, bytes, n, at);

    assert(done == (ssize_t)n);
    (void)done;
}

/* Each sector by itself; keep of 8 stay. */
static void keep_some(struct node *n, const struct change *c, int fd, struct rng *r, uint64_t keep)
{
    for (size_t at = 0; at < c->n;) {
        size_t to_end = (size_t)(SECTOR - (c->at + (int64_t)at) % SECTOR);
        size_t count = c->n - at < to_end ? c->n - at : to_end;
        if (rng_below(r, 8) < keep) {
            bool appended = c->at + (int64_t)at >= n->old_size;
            bool torn = appended && rng_below(r, 8) == 0;
            put(fd, c->bytes + at, torn ? rng_below(r, count + 1) : count, c->at + (int64_t)at);
        }
        at += count;
    }
}

static void lose_changes(struct node *n, struct rng *r)
{
    static const uint64_t parts[] = { 0, 0, 1, 4, 4, 7, 7, 8 };
    uint64_t keep = parts[rng_below(r, 8)];

    if (n->created && rng_below(r, 2)) {
        unlink(n->path);
        return;
    }
    int fd = n->changes ? open(n->path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    for (const struct change *c = n->changes; c; c = c->next) {
        if (c->n) {
            keep_some(n, c, fd, r, keep);
        } else if (rng_below(r, 8) < keep) {
            int rc = ftruncate(fd, c->at);
            assert(rc == 0);
            (void)rc;
        }
    }
    close(fd);
}

/* A name made anew since then, and synced, has taken the old one's place. */
static void bring_back(const struct node *n, struct rng *r)
{
    const struct node *other = find(n->path);
    int fd;

    if (!n->old || n->old_size < 0 || (other && !other->created) || rng_below(r, 2)) {
        return;
    }
    fd = open(n->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) {
        put(fd, n->old, (size_t)n->old_size, 0);
        close(fd);
    }
}

void db_power_loss(uint64_t seed)
{
    struct rng r = { seed };

    enter();
    for (struct node *n = power.nodes; n; n = n->next) {
        if (!n->removed) {
            lose_changes(n, &r);
        }
    }
    for (struct node *n = power.nodes; n; n = n->next) {
        if (n->removed) {
            bring_back(n, &r);
        }
    }
    while (power.nodes) {
        struct node *n = power.nodes;
        power.nodes = n->next;
        free_node(n);
    }
    power.epoch++;
    power.down = true;
    (void)leave(0);
}
