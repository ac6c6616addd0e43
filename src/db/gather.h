/* gather.h - a SQLite VFS over another that writes the log in large pieces. */

#ifndef DB_GATHER_H
#define DB_GATHER_H

/* The name of the VFS over `base` (NULL: the system's); NULL when there is no such base. The page that ends a commit is
 * written with all that waits before it: others learn of a commit that lags without a sync. */
const char *gather_vfs(const char *base);

#endif
