/* gather.h - a SQLite VFS over another that writes the log in large pieces. */

#ifndef DB_GATHER_H
#define DB_GATHER_H

/* The name of the VFS over `base` (NULL: the system's); NULL when there is no such base. Only for connections with
 * synchronous=FULL: there the log is synced, and so written, before others learn of a commit. */
const char *gather_vfs(const char *base);

#endif
