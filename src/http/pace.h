/* pace.h - how long a client may take to send: head and body within a time, the body above a lowest rate.
 *
 * libmicrohttpd ends a connection on which nothing moves; one byte now and then keeps it. So each
 * connection has a place here that says what it is waited for, and a thread that looks at all of them
 * twice a second shuts the socket of one that is late. What is shut ends as if the client had gone.
 *
 * A client that was refused before its body was read is still sending. Were its socket closed at once, the
 * kernel would reset the connection, and the client would lose the answer: so the thread keeps a handle of the
 * socket for some seconds, and throws away what comes. */

#ifndef HTTP_PACE_H
#define HTTP_PACE_H

#include "http/metrics.h"
#include "model/org.h"

#include <pthread.h>

/* Between two requests nothing is waited for until the library itself ends the connection. */
enum { PACE_IDLE_SECONDS = 75 };

enum pace_part {
    PACE_IDLE, /* between two requests */
    PACE_HEAD, /* its head, from the first line on; of the first request from the connection's start */
    PACE_BODY,
    PACE_NONE  /* the request is here: the server's turn */
};

/* A connection's place. Written by the connection's thread, read by the one that looks. */
struct sender {
    int fd; /* -1: the place is free */
    _Atomic enum pace_part part;
    _Atomic int64_t since; /* monotonic */
    _Atomic int64_t taken; /* bytes of the body */
    bool unread;           /* it was answered before its body was read: its socket lingers */
    void *context;         /* of the server, for the handshake */
    struct sender *next;   /* free place */
};

struct pace;

/* Limits are read from org->cfg at each look, so a reload holds at once. connections: the most at once. */
MUST_CHECK enum err_code pace_start(struct org *org, struct metrics *metrics, int connections,
    struct pace **out, struct err *e);
/* Ends the thread; places may still be given back. */
void pace_stop(struct pace *p); /* NULL is allowed */
void pace_destroy(struct pace *p);

/* NULL when there is no place: then the connection is not watched. */
struct sender *pace_add(struct pace *p, int fd, void *context);
/* Before the socket is closed, so that no other connection's is shut. NULL is allowed. */
void pace_remove(struct pace *p, struct sender *s);

/* NULL is allowed in all of them. */
void pace_now(struct sender *s, enum pace_part part);
static inline void pace_taken(struct sender *s, size_t n)
{
    if (s) {
        atomic_store_explicit(&s->taken, (int64_t)n, memory_order_relaxed);
    }
}

/* Whether a client that sends since `since` is late; taken as in struct sender. */
bool pace_is_late(
    const struct config *cfg, enum pace_part part, int64_t since, int64_t taken, int64_t now);

#endif
