/* listen.c - opens the sockets that a server listens on. */

#include "http/listen.h"

#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static bool split_listen(const char *listen, char *host, size_t room, char *port)
{
    struct str s = str_of(listen);
    ptrdiff_t at = -1;

    for (size_t i = 0; i < s.n; i++) {
        at = s.p[i] == ':' ? (ptrdiff_t)i : at;
    }
    if (at < 0 || s.n - (size_t)at - 1 > 5 || (size_t)at + 1 > room) {
        return false;
    }
    struct str h = str_sub(s, 0, (size_t)at);
    if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']') {
        h = str_sub(h, 1, h.n - 2);
    }
    snprintf(host, room, "%.*s", STR_ARG(h));
    snprintf(port, 6, "%s", listen + at + 1);
    return port[0] != '\0';
}

static int open_one(const struct addrinfo *ai)
{
    int one = 1, fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

enum err_code listen_tcp(const char *where, int *fd, int *port, struct err *e)
{
    char host[256], service[6];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
    struct sockaddr_storage bound;
    socklen_t n = sizeof bound;

    if (!split_listen(where, host, sizeof host, service)) {
        return err_set(e, ERR_INVALID, "listen", "\"%s\" is not HOST:PORT", where);
    }
    if (getaddrinfo(host[0] ? host : NULL, service, &hints, &found) != 0) {
        return err_set(e, ERR_INVALID, "listen", "the address \"%s\" is not known", where);
    }
    *fd = -1;
    for (const struct addrinfo *ai = found; ai && *fd < 0; ai = ai->ai_next) {
        *fd = open_one(ai);
    }
    freeaddrinfo(found);
    if (*fd < 0) {
        return err_set(e, ERR_CONFLICT, "listen", "cannot listen on %s: %s", where, strerror(errno));
    }
    *port = 0;
    if (getsockname(*fd, (struct sockaddr *)&bound, &n) == 0
        && getnameinfo((struct sockaddr *)&bound, n, NULL, 0, service, sizeof service,
               NI_NUMERICSERV) == 0) {
        *port = (int)strtol(service, NULL, 10);
    }
    return OK;
}

enum err_code listen_local(const char *path, int *fd, struct err *e)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof at.sun_path) {
        return err_set(e, ERR_INVALID, NULL, "the path of the data folder is too long for a socket");
    }
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    (void)unlink(path); /* of a server that was killed: the lock says that none runs */
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0077);
    bool good = *fd >= 0 && bind(*fd, (struct sockaddr *)&at, sizeof at) == 0
        && listen(*fd, 64) == 0;
    (void)umask(before);
    if (!good) {
        return err_set(e, ERR_CONFLICT, NULL, "cannot listen on %s: %s", path, strerror(errno));
    }
    return OK;
}
