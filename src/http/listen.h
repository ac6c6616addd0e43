/* listen.h - sockets to listen on: an address, or a path on this machine. */

#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/err.h"

/* "127.0.0.1:8080", "[::1]:0", ":80"; *port is the one that was given. */
MUST_CHECK enum err_code listen_tcp(const char *where, int *fd, int *port, struct err *e);
/* Only this user may connect. What stood at the path is removed: the caller holds the folder's lock. */
MUST_CHECK enum err_code listen_local(const char *path, int *fd, struct err *e);

#endif
