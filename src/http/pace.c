/* pace.c - looks at every connection twice a second and shuts the sockets of those that are late.
 *
 * The lock guards which places are taken: a socket is shut only while its place is, and the place is given
 * back before the library closes the socket. What a place says is read without it. */

#include "http/pace.h"

#include "base/log.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MILLIS = 500, LINGER_MILLIS = 50, LINGER_MOST = 128, LINGER_SECONDS = 3, LINGER_PIECE = 1 << 20 };

struct pace {
    struct org *org;
    struct metrics *metrics;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool started, stop;
    struct sender *places, *spare;
    int nplaces, used;
    struct {
        int fd;
        int64_t until;
    } lingering[LINGER_MOST];
    int nlingering;
};

bool pace_is_late(
    const struct config *cfg, enum pace_part part, int64_t since, int64_t taken, int64_t now)
{
    int64_t head = SECONDS(cfg->head_seconds), spent = now - since;

    switch (part) {
    case PACE_IDLE:
        /* the library ends it when nothing comes: one that is here for longer is sending a head */
        return spent > SECONDS(PACE_IDLE_SECONDS) + head;
    case PACE_HEAD:
        return spent > head;
    case PACE_BODY:
        /* as long as a head may take it may take to begin; from then on the rate counts */
        return spent > SECONDS(cfg->body_seconds)
            || (spent > head && taken < (spent - head) / 1000 * cfg->body_rate / 1000);
    case PACE_NONE:
        break;
    }
    return false;
}

static void say_whom(char *out, size_t room, int fd)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;

    out[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&sa, &n) != 0) {
        return;
    }
    const void *at = sa.ss_family == AF_INET6
        ? (const void *)&((const struct sockaddr_in6 *)(const void *)&sa)->sin6_addr
        : (const void *)&((const struct sockaddr_in *)(const void *)&sa)->sin_addr;
    (void)inet_ntop(sa.ss_family, at, out, (socklen_t)room);
}

static void look(struct pace *p)
{
    const struct config *cfg = p->org->cfg;
    int64_t now = time_monotonic();

    for (int i = 0; i < p->nplaces; i++) {
        struct sender *s = &p->places[i];
        char whom[INET6_ADDRSTRLEN];
        enum pace_part part = s->part;
        if (s->fd < 0 || !pace_is_late(cfg, part, s->since, s->taken, now)) {
            continue;
        }
        say_whom(whom, sizeof whom, s->fd);
        log_event(LOG_INFO, &(struct log_context) { "net", NULL, 0 },
            "%s sends too slowly: %" PRId64 " bytes of a %s in %" PRId64 " s", whom,
            part == PACE_BODY ? (int64_t)s->taken : 0, part == PACE_BODY ? "body" : "head",
            (now - s->since) / SECONDS(1));
        (void)shutdown(s->fd, SHUT_RDWR);
        s->part = PACE_NONE;
        atomic_fetch_add(&p->metrics->too_slow, 1);
    }
}

/* What comes is thrown away by the kernel; true once the client has closed, or has had its time. */
static bool has_gone(int fd, int64_t until, bool stop)
{
    ssize_t n = recv(fd, NULL, LINGER_PIECE, MSG_TRUNC | MSG_DONTWAIT);

    return stop || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || time_monotonic() > until;
}

static void let_go(struct pace *p)
{
    int kept = 0;

    for (int i = 0; i < p->nlingering; i++) {
        if (has_gone(p->lingering[i].fd, p->lingering[i].until, p->stop)) {
            close(p->lingering[i].fd);
        } else {
            p->lingering[kept++] = p->lingering[i];
        }
    }
    p->nlingering = kept;
}

static void *watch(void *arg)
{
    struct pace *p = arg;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct timespec until;
        if (!p->used && !p->nlingering) {
            pthread_cond_wait(&p->cond, &p->lock);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (p->nlingering ? LINGER_MILLIS : LOOK_MILLIS) * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        while (!p->stop && pthread_cond_timedwait(&p->cond, &p->lock, &until) == 0) {
        }
        look(p);
        let_go(p);
    }
    let_go(p);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum err_code pace_start(struct org *org, struct metrics *metrics, int connections,
    struct pace **out, struct err *e)
{
    struct pace *p = ARENA_NEW(org->mem, struct pace);

    *p = (struct pace) { .org = org, .metrics = metrics, .nplaces = connections };
    p->places = ARENA_ARRAY(org->mem, struct sender, (size_t)connections);
    for (int i = connections - 1; i >= 0; i--) {
        p->places[i].fd = -1;
        p->places[i].next = p->spare;
        p->spare = &p->places[i];
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->cond, NULL);
    p->started = thread_start(&p->thread, "kith-pace", watch, p);
    *out = p;
    return p->started ? OK
                      : err_set(e, ERR_INTERNAL, NULL, "the thread that watches senders does not start");
}

void pace_stop(struct pace *p)
{
    if (!p || !p->started) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->cond);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    p->started = false;
}

void pace_destroy(struct pace *p)
{
    if (!p) {
        return;
    }
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->lock);
}

struct sender *pace_add(struct pace *p, int fd, void *context)
{
    pthread_mutex_lock(&p->lock);
    struct sender *s = p->spare;
    if (s) {
        p->spare = s->next;
        s->fd = fd;
        s->unread = false;
        s->context = context;
        pace_now(s, PACE_HEAD);
        if (p->used++ == 0) {
            pthread_cond_signal(&p->cond);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return s;
}

void pace_remove(struct pace *p, struct sender *s)
{
    if (!s) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    if (s->unread && p->started && p->nlingering < LINGER_MOST) {
        int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0) {
            p->lingering[p->nlingering].fd = fd;
            p->lingering[p->nlingering++].until = time_monotonic() + SECONDS(LINGER_SECONDS);
            pthread_cond_signal(&p->cond);
        }
    }
    s->fd = -1;
    s->next = p->spare;
    p->spare = s;
    p->used--;
    pthread_mutex_unlock(&p->lock);
}

void pace_now(struct sender *s, enum pace_part part)
{
    if (!s) {
        return;
    }
    if (part != PACE_NONE) {
        atomic_store_explicit(&s->since, time_coarse(), memory_order_relaxed);
        atomic_store_explicit(&s->taken, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&s->part, part, memory_order_release);
}
