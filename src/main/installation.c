/* installation.c - one process at a time holds a data folder: no two write one SQLite file. */

#include "main/installation.h"

#include "main/config.h"
#include "main/modules.h"
#include "model/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code folder_lock(const char *dir, int *lock, struct err *e)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/lock", dir);
    *lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (*lock < 0) {
        return err_set(e, ERR_FORBIDDEN, NULL, "cannot open %s: %s", path, strerror(errno));
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        close(*lock);
        *lock = -1;
        return err_set(e, ERR_BUSY, NULL, "another process holds %s", dir);
    }
    return OK;
}

void folder_unlock(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}

enum err_code installation_open(
    struct arena *mem, const char *dir, struct installation *i, struct err *e)
{
    *i = (struct installation) { .mem = mem, .lock = -1, .level = LOG_INFO };
    TRY(config_load(mem, dir, &i->cfg, &i->level, e));
    log_set_level(i->level);
    return folder_lock(dir, &i->lock, e);
}

enum err_code installation_open_org(struct installation *i, struct err *e)
{
    const char *orgs = arena_fmt(i->mem, "%s/orgs", i->cfg.dir).p;
    const char *main_org = arena_fmt(i->mem, "%s/orgs/main", i->cfg.dir).p;
    uint8_t key[32];

    TRY(key_load(i->cfg.dir, key, e));
    if ((mkdir(orgs, 0700) != 0 && errno != EEXIST) || (mkdir(main_org, 0700) != 0 && errno != EEXIST)) {
        return err_set(e, ERR_FORBIDDEN, NULL, "cannot make %s: %s", main_org, strerror(errno));
    }
    TRY(org_open(&i->org, &i->cfg, "main", modules, e));
    link_use_key(i->org, key);
    return OK;
}

void installation_close(struct installation *i)
{
    org_close(i->org);
    i->org = NULL;
    folder_unlock(i->lock);
    i->lock = -1;
}
