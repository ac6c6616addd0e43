/* server.c - starts and stops the threads of the network. */

#include "http/server.h"

#include "base/log.h"
#include "http/connection.h"
#include "http/limit.h"
#include "http/listen.h"
#include "http/metrics.h"
#include "http/pool.h"
#include "http/tls.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NETWORK_THREADS = 2, HEAD_MAX = 32 << 10, LOCAL_CONNECTIONS = 64 };

static void wake(void *arg, uint64_t touched, bool here)
{
    (void)touched, (void)here;
    streams_wake(((struct server *)arg)->api.streams);
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
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PACE_IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
        MHD_OPTION_URI_LOG_CALLBACK, connection_begin, s,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, connection_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, connection_count, s,
        MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

static enum err_code open_sockets(
    struct server *s, const struct server_options *o, struct err *e)
{
    const struct config *cfg = s->api.org->cfg;

    if (cfg->tls_certificate && cfg->tls_certificate[0]) {
        TRY(tls_open(s->api.org->mem, cfg, &s->tls, e));
        s->api.serves_tls = true;
    }
    TRY(listen_tcp(o->listen, &s->tcp_socket, &s->port, e));
    return o->socket ? listen_local(o->socket, &s->local_socket, e) : OK;
}

enum err_code server_create(
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
    org->wake_arg = s;
    org->wake = wake;
    *out = s;
    return open_sockets(s, o, e);
}

enum err_code server_open(struct server *s, struct err *e)
{
    unsigned most = (unsigned)s->api.org->cfg->connections_max;

    /* each network thread has its share of the connections, rounded up */
    TRY(pace_start(s->api.org, s->api.metrics, (int)most + NETWORK_THREADS, &s->pace, e));
    s->tcp = start_daemon(s, s->tcp_socket, NETWORK_THREADS, most, s->tls);
    if (s->tcp && s->local_socket >= 0) {
        s->local = start_daemon(s, s->local_socket, 0, LOCAL_CONNECTIONS, NULL);
    }
    if (!s->tcp || (s->local_socket >= 0 && !s->local)) {
        return err_set(e, ERR_INTERNAL, NULL, "the network threads do not start");
    }
    return OK;
}

int server_port(const struct server *s)
{
    return s->port;
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
    pace_stop(s->pace);
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
}

void server_destroy(struct server *s)
{
    if (!s) {
        return;
    }
    streams_destroy(s->api.streams);
    limiter_destroy(s->api.limiter);
    pace_destroy(s->pace);
    tls_close(s->tls);
    for (int i = 0; i < s->nspare; i++) {
        arena_destroy(s->spare[i]);
    }
    pthread_mutex_destroy(&s->lock);
}
