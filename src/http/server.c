/* server.c - opens the sockets, starts and stops the threads. */

#include "http/server.h"

#include "base/log.h"
#include "http/connection.h"
#include "http/limit.h"
#include "http/metrics.h"
#include "http/pool.h"
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, NETWORK_THREADS = 2, HEAD_MAX = 32 << 10, IDLE_SECONDS = 75,
    LOCAL_CONNECTIONS = 64 };

/* ---- sockets ---- */

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

static enum err_code open_tcp(const char *where, int *fd, int *port, struct err *e)
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

static enum err_code open_local(const char *path, int *fd, struct err *e)
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

/* ---- daemons ---- */

static void PRINTF(2, 0) log_library(void *cls, const char *fmt, va_list args)
{
    char line[400];

    (void)cls;
    vsnprintf(line, sizeof line, fmt, args);
    log_event(LOG_DEBUG, &(struct log_context) { "net", NULL, 0 }, "%s", line);
}

/* Addresses are decoded by request.c, where a %00 is seen. */
static size_t leave_escapes(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls, (void)mhd;
    return strlen(s);
}

static struct MHD_Daemon *start_daemon(
    struct server *s, int fd, unsigned threads, unsigned connections, struct tls *tls)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem more[8];

    flags |= tls ? MHD_USE_TLS : 0;
    tls_options(tls, more, sizeof more / sizeof more[0]);
    return MHD_start_daemon(flags, 0, NULL, NULL, connection_handle, s,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_THREAD_POOL_SIZE, threads,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
        MHD_OPTION_URI_LOG_CALLBACK, connection_begin, s,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, connection_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, connection_count, s,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

static enum err_code start_daemons(
    struct server *s, const struct server_options *o, struct err *e)
{
    unsigned most = (unsigned)s->api.org->cfg->connections_max;

    TRY(open_tcp(o->listen, &s->tcp_socket, &s->port, e));
    s->tcp = start_daemon(s, s->tcp_socket, NETWORK_THREADS, most, s->tls);
    if (!s->tcp) {
        return err_set(e, ERR_INTERNAL, NULL, "the network threads do not start");
    }
    if (o->socket) {
        TRY(open_local(o->socket, &s->local_socket, e));
        s->local = start_daemon(s, s->local_socket, 0, LOCAL_CONNECTIONS, NULL);
        if (!s->local) {
            return err_set(e, ERR_INTERNAL, NULL, "the local socket does not start");
        }
    }
    return OK;
}

enum err_code server_start(
    struct org *org, const struct server_options *o, struct server **out, struct err *e)
{
    struct server *s = ARENA_NEW(org->mem, struct server);
    const struct config *cfg = org->cfg;

    s->tcp_socket = s->local_socket = -1;
    s->local_path = o->socket;
    pthread_mutex_init(&s->lock, NULL);
    s->api.org = org;
    s->api.metrics = ARENA_NEW(org->mem, struct metrics);
    s->api.metrics->started = time_now();
    s->api.limiter = limiter_create(org->mem);
    s->api.pool = pool_create(org->mem, cfg->workers, cfg->queue_max, connection_continue);
    s->api.streams = streams_create(org->mem, &s->api);
    enum err_code code = OK;
    if (cfg->tls_certificate && cfg->tls_certificate[0]) {
        code = tls_open(org->mem, cfg, &s->tls, e);
        s->api.serves_tls = true;
    }
    if (code == OK) {
        code = start_daemons(s, o, e);
    }
    if (code != OK) {
        server_stop(s, 0);
        return code;
    }
    *out = s;
    return OK;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_wake(void *server)
{
    streams_wake(((struct server *)server)->api.streams);
}

enum err_code server_reload_tls(struct server *s, struct err *e)
{
    return s->tls ? tls_reload(s->tls, s->api.org->cfg, e) : OK;
}

/* ---- the end ---- */

static void wait_for_calls(struct server *s, int seconds)
{
    int64_t until = time_monotonic() + SECONDS(seconds);

    while (s->api.metrics->under_way > 0 && time_monotonic() < until) {
        usleep(5000);
    }
}

void server_stop(struct server *s, int seconds)
{
    if (!s) {
        return;
    }
    s->api.stopping = true;
    if (s->tcp) {
        (void)MHD_quiesce_daemon(s->tcp);
    }
    if (s->local) {
        (void)MHD_quiesce_daemon(s->local);
    }
    streams_close(s->api.streams);
    wait_for_calls(s, seconds);
    pool_destroy(s->api.pool);
    if (s->tcp) {
        MHD_stop_daemon(s->tcp);
    }
    if (s->local) {
        MHD_stop_daemon(s->local);
    }
    if (s->tcp_socket >= 0) {
        close(s->tcp_socket);
    }
    if (s->local_socket >= 0) {
        close(s->local_socket);
        (void)unlink(s->local_path);
    }
    streams_destroy(s->api.streams);
    limiter_destroy(s->api.limiter);
    tls_close(s->tls);
    for (int i = 0; i < s->nspare; i++) {
        arena_destroy(s->spare[i]);
    }
    pthread_mutex_destroy(&s->lock);
}
