/* backup.h - consistent copies of the database while it is at work. */

#ifndef MODEL_BACKUP_H
#define MODEL_BACKUP_H

#include "model/org.h"

enum { BACKUP_PATH = 4096 };

/* SQLite: a compact copy into path, or into DIR/backup/<org>-<time>.db; written beside it first, so that a
 * file of the final name is always whole. ERR_CONFLICT when the file is there; on PostgreSQL it says that
 * pg_dump does this. */
MUST_CHECK enum err_code backup_make(
    struct org *o, const char *path, char out[BACKUP_PATH], struct err *e);
/* Makes one when the newest is older than backup_hours, and removes all but the newest backup_keep. */
MUST_CHECK enum err_code backup_by_schedule(struct org *o, struct err *e);

#endif
