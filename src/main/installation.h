/* installation.h - a data folder that this process holds: its configuration, its lock, its organisation. */

#ifndef MAIN_INSTALLATION_H
#define MAIN_INSTALLATION_H

#include "base/log.h"
#include "model/org.h"

struct installation {
    struct arena *mem;
    struct config cfg;
    enum log_level level;
    struct org *org;
    int lock;
};

/* Takes DIR/lock; ERR_BUSY when another process holds the folder. */
MUST_CHECK enum err_code folder_lock(const char *dir, int *lock, struct err *e);
void folder_unlock(int lock);
/* Configuration and lock; with an organisation by installation_open_org. */
MUST_CHECK enum err_code installation_open(
    struct arena *mem, const char *dir, struct installation *i, struct err *e);
MUST_CHECK enum err_code installation_open_org(struct installation *i, struct err *e);
void installation_close(struct installation *i);

#endif
