/* connection.c - carries exchanges over libmicrohttpd.
 *
 * The address callback makes the exchange, the handler takes the head, then the body, then starts it.
 * Whoever finishes it elsewhere resumes the connection, and the handler, called again on its own thread,
 * queues the answer: never in the first call of a request, which would close the connection.
 * No arena is used under a ceiling here: a jump across the library's frames would break it. */

#include "http/connection.h"

#include "base/log.h"
#include "base/utf8.h"
#include "http/limit.h"
#include "http/metrics.h"
#include "http/pool.h"
#include "http/reply_mhd.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DRAIN_MOST = 4, SPOOL_FROM = 1 << 20 };

struct arena *server_take_arena(struct server *s)
{
    struct arena *mem = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->nspare) {
        mem = s->spare[--s->nspare];
    }
    pthread_mutex_unlock(&s->lock);
    return mem ? mem : arena_create(0);
}

void server_give_arena(struct server *s, struct arena *mem)
{
    arena_reset(mem);
    pthread_mutex_lock(&s->lock);
    bool kept = s->nspare < ARENAS_KEPT;
    if (kept) {
        s->spare[s->nspare++] = mem;
    }
    pthread_mutex_unlock(&s->lock);
    if (!kept) {
        arena_destroy(mem);
    }
}

/* ---- leaving the thread and coming back ---- */

static void leave(struct exchange *x)
{
    struct carrier *k = x->carrier;

    k->stage = STAGE_AWAY;
    MHD_suspend_connection(k->mhd);
}

static void finish(struct exchange *x)
{
    struct carrier *k = x->carrier;

    k->stage = STAGE_READY;
    MHD_resume_connection(k->mhd); /* k may be gone after this */
}

void connection_continue(struct exchange *x)
{
    struct carrier *k = x->carrier;

    if (k->admitting) {
        k->admitting = false;
        k->refused = api_admit(x, true) != ADMIT_YES;
        pace_now(k->sender, PACE_BODY);
        k->stage = STAGE_ADMITTED;
        MHD_resume_connection(k->mhd); /* k may be gone after this */
    } else if (k->streaming) {
        carrier_fill(k);
    } else {
        api_continue(x);
    }
}

/* ---- the head ---- */

void *connection_begin(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct server *s = cls;
    struct arena *mem = server_take_arena(s);
    struct exchange *x = exchange_new(&s->api, mem);
    struct carrier *k = ARENA_NEW(mem, struct carrier);
    const union MHD_ConnectionInfo *info
        = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    *k = (struct carrier) { .server = s, .mhd = mhd, .x = x,
        .sender = info ? info->socket_context : NULL };
    if (k->sender && k->sender->part == PACE_IDLE) {
        pace_now(k->sender, PACE_HEAD);
    }
    x->req.target = arena_str(mem, str_of(uri));
    x->carrier = k;
    x->leave = leave;
    x->finish = finish;
    if (s->api.metrics) {
        atomic_fetch_add_explicit(&s->api.metrics->under_way, 1, memory_order_relaxed);
    }
    return k;
}

/* The library puts what stands in a folded line behind the name of the header before it: what says how long a body is must
 * not hide so, nor behind a space in front of the colon. */
static bool is_misnamed(const char *name)
{
    static const char *const lengths[] = { "Content-Length", "Transfer-Encoding" };

    for (const char *p = name; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("!#$%&'*+-.^_`|~", *p)) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = strlen(lengths[i]);
        if (strncasecmp(name, lengths[i], n) == 0 && name[n]) {
            return true;
        }
    }
    return !*name;
}

static enum MHD_Result take_header(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct carrier *k = cls;
    size_t n = strlen(name);

    (void)kind;
    k->lengths += strcasecmp(name, "Content-Length") == 0
        || strcasecmp(name, "Transfer-Encoding") == 0;
    k->coded |= strcasecmp(name, "Transfer-Encoding") == 0 && strcasecmp(value, "chunked") != 0;
    k->hosts += strcasecmp(name, "Host") == 0;
    k->misnamed |= is_misnamed(name);
    for (int h = 0; h < HEADERS; h++) {
        const char *known = header_name((enum header)h);
        if ((known[0] | 0x20) == (name[0] | 0x20) && strlen(known) == n
            && strcasecmp(known, name) == 0) {
            k->x->req.headers[h] = str_of(value);
        }
    }
    return MHD_YES;
}

static bool is_listed(const char *list, struct str address)
{
    struct str rest = str_of(list), one;

    while (str_split(&rest, ',', &one)) {
        if (str_eq(str_trim(one), address)) {
            return true;
        }
    }
    return false;
}

static void take_address(struct carrier *k, const struct sockaddr *sa)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct request *r = &k->x->req;

    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        r->loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)sa;
        inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
        r->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    }
    r->address = arena_str(k->x->mem, str_of(text));
}

/* Behind a proxy that we trust, the client is whom the proxy names last. */
static void look_through_proxy(struct carrier *k)
{
    struct request *r = &k->x->req;
    const char *trusted = k->server->api.org->cfg->trusted_proxies;
    struct str rest = r->headers[H_FORWARDED_FOR], one, last = STR("");
    unsigned char raw[16];

    if (!trusted || !trusted[0] || !is_listed(trusted, r->address)) {
        return;
    }
    r->secure = r->secure || str_eq_nocase(r->headers[H_FORWARDED_PROTO], STR("https"));
    while (str_split(&rest, ',', &one)) {
        last = str_trim(one);
    }
    const char *text = arena_cstr(k->x->mem, last);
    if (last.n && (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1)) {
        r->address = last;
        r->loopback = false;
    }
}

/* The other end of the local socket acts as the administrator when it runs as us, or as root. */
static bool is_shell(struct carrier *k)
{
    const union MHD_ConnectionInfo *info
        = MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t n = sizeof peer;

    if (!info || !str_is(k->x->req.headers[H_SHELL], "1")) {
        return false;
    }
    return getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0
        && (peer.uid == geteuid() || peer.uid == 0);
}

static void take_head(struct carrier *k, const char *method)
{
    struct exchange *x = k->x;
    const union MHD_ConnectionInfo *client
        = MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    x->req.method = method_of(method);
    x->req.head = strcmp(method, "HEAD") == 0;
    x->req.secure = k->server->api.serves_tls;
    MHD_get_connection_values(k->mhd, MHD_HEADER_KIND, take_header, k);
    if (!utf8_valid(x->req.headers[H_USER_AGENT], NULL)) {
        x->req.headers[H_USER_AGENT] = STR("");
    }
    x->req.address = STR("");
    if (client && client->client_addr) {
        take_address(k, client->client_addr);
        k->local = client->client_addr->sa_family == AF_UNIX;
    }
    if (k->local) {
        x->req.shell = is_shell(k);
        x->req.loopback = true;
        x->req.secure = false;
    } else {
        look_through_proxy(k);
    }
}

/* ---- what is refused before anything is read ---- */

static bool host_fits(struct carrier *k)
{
    const char *base = k->server->api.org->cfg->base_url;
    struct str host = str_of(base), given = k->x->req.headers[H_HOST];
    ptrdiff_t at = str_find(host, STR("://"));

    if (k->local || at < 0 || str_is(k->x->req.target, "/healthz")
        || str_is(k->x->req.target, "/metrics")) {
        return true;
    }
    host = str_sub(host, (size_t)at + 3, host.n);
    at = str_find_byte(host, '/');
    host = at >= 0 ? str_sub(host, 0, (size_t)at) : host;
    return str_eq_nocase(host, given);
}

static bool within_rate(struct carrier *k)
{
    struct server *s = k->server;
    struct request *r = &k->x->req;
    struct str who = r->headers[H_AUTHORIZATION];

    if (r->shell || s->api.org->cfg->rate_per_minute <= 0) {
        return true;
    }
    if (!who.n) {
        who = cookie_value(r->headers[H_COOKIE], "kith_session");
    }
    /* a secret that is made up would be a fresh bucket each time: the address counts too, with more */
    int n = s->api.org->cfg->rate_per_minute;
    int64_t now = time_monotonic();
    return limiter_take(s->api.limiter, r->address, who.n ? n * 10 : n, now)
        && (!who.n || limiter_take(s->api.limiter, who, n, now));
}

static bool is_upload(const struct carrier *k)
{
    return k->x->req.method == METHOD_POST && str_starts(k->x->req.target, STR("/api/v1/files?"));
}

/* What the machine's administrator uploads from the shell has no limit. */
static int64_t body_limit(const struct carrier *k)
{
    const struct config *cfg = k->server->api.org->cfg;

    if (!is_upload(k)) {
        return cfg->body_max;
    }
    return k->x->req.shell ? INT64_MAX : cfg->upload_max > cfg->body_max ? cfg->upload_max : cfg->body_max;
}

/* True when the answer is there already. */
static bool refuse_early(struct carrier *k)
{
    struct exchange *x = k->x;

    if (k->server->api.stopping) {
        reply_error(x, 503, "busy", "the server is stopping");
    } else if (k->lengths > 1) {
        /* two servers on the way could read it differently */
        reply_error(x, 400, "invalid", "the length of the body is said twice");
    } else if (k->misnamed) {
        reply_error(x, 400, "invalid", "the name of a header is none, or its value goes on in a line of its own");
    } else if (k->coded) {
        reply_error(x, 501, "not_implemented", "chunked is the only transfer encoding that is known");
    } else if (k->hostless) {
        reply_error(x, 400, "invalid", "a request names one host");
    } else if (k->too_large) {
        reply_error(x, 413, "too_large", "a body has at most %lld bytes", (long long)k->max);
    } else if (k->no_room) {
        reply_error(x, 507, "full", "there is no room for the upload");
    } else if (!host_fits(k)) {
        reply_error(x, 421, "misdirected", "this server does not answer for that host");
    } else if (k->limited) {
        if (k->server->api.metrics) {
            atomic_fetch_add(&k->server->api.metrics->limited, 1);
        }
        reply_error(x, 429, "rate_limited", "too many requests; try again in a moment");
    } else {
        return false;
    }
    return true;
}

/* ---- the body ---- */

static const char *header(struct carrier *k, const char *name)
{
    return MHD_lookup_connection_value(k->mhd, MHD_HEADER_KIND, name);
}

/* The length that the head tells, -1 when it is none that one can use; *told false where it tells none. */
static int64_t declared(struct carrier *k, bool *told)
{
    const char *length = header(k, "Content-Length");
    int64_t n = 0;

    *told = length != NULL;
    return length && (!str_to_int(str_of(length), &n) || n < 0) ? -1 : n;
}

static void close_spool(void *arg)
{
    close(*(int *)arg);
}

static bool spool_write(struct carrier *k, struct str s)
{
    while (s.n) {
        ssize_t n = write(k->x->req.spool, s.p, s.n);
        if (n <= 0) {
            return false;
        }
        s = str_sub(s, (size_t)n, s.n);
    }
    return true;
}

/* A large upload goes on in a file of the data folder that has no name: it is gone with the request. */
static bool spool_begin(struct carrier *k)
{
    struct request *r = &k->x->req;

    r->spool = open(k->server->api.org->cfg->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (r->spool < 0) {
        return false;
    }
    arena_defer(k->x->mem, close_spool, &r->spool);
    bool kept = spool_write(k, buf_str(&k->body));
    buf_clear(&k->body);
    return kept;
}

static void take_data(struct carrier *k, const char *data, size_t n)
{
    struct request *r = &k->x->req;

    if (!k->body.mem) {
        buf_init(&k->body, k->x->mem, k->max);
    }
    if (k->taken > k->max) {
        k->too_large = true;
        return;
    }
    if (r->spool < 0 && k->taken > SPOOL_FROM && is_upload(k) && !spool_begin(k)) {
        k->no_room = true;
    }
    if (r->spool < 0) {
        buf_add(&k->body, (struct str) { data, n });
    } else if (!k->no_room) {
        k->no_room = !spool_write(k, (struct str) { data, n });
        r->spooled = (int64_t)k->taken;
    }
}

/* ---- the handler ---- */

static enum MHD_Result start(struct carrier *k)
{
    struct exchange *x = k->x;

    pace_now(k->sender, PACE_NONE);
    x->req.body = k->body.mem && x->req.spool < 0 ? buf_str(&k->body) : STR("");
    k->stage = STAGE_RUNNING;
    if (!refuse_early(k) && !api_start(x)) {
        return MHD_YES; /* gone elsewhere: k belongs to whoever has it now */
    }
    return carrier_answer(k);
}

/* The connection closes after this answer; who is still sending gets it all the same. */
static enum MHD_Result answer_unread(struct carrier *k)
{
    if (k->sender) {
        k->sender->unread = true;
    }
    return carrier_answer(k);
}

/* A large body is taken of one who has signed in. What is refused here is not read: the connection closes
 * after the answer. On PostgreSQL one whom this server does not know yet is looked up on the pool. */
static enum MHD_Result admit(struct carrier *k, int64_t length)
{
    struct exchange *x = k->x;

    switch (api_admit(x, false)) {
    case ADMIT_YES:
        return MHD_YES;
    case ADMIT_OPEN:
        k->max = (x->route && (x->route->flags & ROUTE_ELSEWHERE)) ? INTAKE_MAX : (size_t)x->api->org->cfg->body_open;
        k->too_large = length > (int64_t)k->max;
        return k->too_large && refuse_early(k) ? answer_unread(k) : MHD_YES;
    case ADMIT_NO:
        return answer_unread(k);
    case ADMIT_AWAY:
        break;
    }
    k->admitting = true;
    pace_now(k->sender, PACE_NONE);
    x->heavy = false;
    leave(x);
    if (!pool_add(x->api->pool, x)) {
        k->admitting = false;
        k->refused = true;
        reply_error(x, 503, "busy", "too many requests are waiting; try again in a moment");
        k->stage = STAGE_ADMITTED;
        MHD_resume_connection(k->mhd);
    }
    return MHD_YES;
}

static enum MHD_Result begin_body(struct carrier *k, const char *version)
{
    const struct config *cfg = k->server->api.org->cfg;
    bool told;
    int64_t length = declared(k, &told);
    bool chunked = !told && k->lengths;

    if (length || chunked) {
        pace_now(k->sender, PACE_BODY);
    }
    k->stage = STAGE_BODY;
    k->hostless = k->hosts > 1 || (!k->hosts && !k->local && strcmp(version, MHD_HTTP_VERSION_1_1) == 0);
    k->max = (size_t)body_limit(k);
    k->limited = !within_rate(k);
    k->too_large = length < 0 || length > (int64_t)k->max;
    if ((k->lengths > 1 || k->misnamed || k->coded || k->hostless || k->too_large || (k->limited && length)) && refuse_early(k)) {
        return answer_unread(k); /* not worth reading */
    }
    bool large = length > cfg->body_open || chunked;
    return large && !k->x->req.shell ? admit(k, length) : MHD_YES;
}

static enum MHD_Result more_body(struct carrier *k, const char *data, size_t n)
{
    k->taken += n;
    pace_taken(k->sender, k->taken);
    take_data(k, data, n);
    return k->taken > k->max * DRAIN_MOST ? MHD_NO : MHD_YES;
}

enum MHD_Result connection_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *size, void **state)
{
    struct carrier *k = *state;

    (void)cls, (void)url;
    if (!k) {
        return MHD_NO;
    }
    switch ((enum stage)k->stage) {
    case STAGE_HEAD:
        k->mhd = mhd;
        take_head(k, method);
        return begin_body(k, version);
    case STAGE_ADMITTED:
        if (k->refused) {
            return answer_unread(k);
        }
        k->stage = STAGE_BODY;
        return MHD_YES; /* the library calls again, with what it has of the body */
    case STAGE_BODY:
        if (*size) {
            size_t n = *size;
            *size = 0;
            return more_body(k, data, n);
        }
        return start(k);
    case STAGE_READY:
        return carrier_answer(k);
    case STAGE_RUNNING:
    case STAGE_AWAY:
    case STAGE_ANSWERED:
        break;
    }
    return MHD_YES;
}

void connection_end(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_RequestTerminationCode how)
{
    struct server *s = cls;
    struct carrier *k = *state;

    (void)mhd, (void)how;
    *state = NULL;
    if (!k) {
        return;
    }
    if (s->api.metrics) {
        atomic_fetch_sub_explicit(&s->api.metrics->under_way, 1, memory_order_relaxed);
    }
    if (s->api.streams) {
        streams_remove(s->api.streams, &k->listener);
    }
    if (k->page) {
        server_give_arena(s, k->page);
    }
    pace_now(k->sender, PACE_IDLE);
    server_give_arena(s, k->x->mem);
}

/* Clients of the network are watched, those of the local socket are this machine's own. */
static struct sender *watched(struct server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *client
        = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const union MHD_ConnectionInfo *fd
        = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (!client || !fd || !client->client_addr || client->client_addr->sa_family == AF_UNIX) {
        return NULL;
    }
    return pace_add(s->pace, fd->connect_fd, s->tls);
}

void connection_count(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode what)
{
    struct server *s = cls;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *state = watched(s, mhd);
    } else {
        pace_remove(s->pace, *state);
        *state = NULL;
    }
    if (s->api.metrics) {
        atomic_fetch_add_explicit(&s->api.metrics->connections,
            what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1, memory_order_relaxed);
    }
}
