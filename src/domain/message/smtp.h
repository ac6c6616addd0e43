/* smtp.h - hands messages to one mail server over connections that stay open (RFC 5321, pipelining by RFC 2920,
 * STARTTLS or TLS from the start, AUTH PLAIN and LOGIN).
 *
 * One thread owns a sender and turns it: what connections can do they do, then it waits. It knows nothing of mail's
 * content and keeps nothing: each message ends in one call of `done` with what is known about it. */

#ifndef DOMAIN_MESSAGE_SMTP_H
#define DOMAIN_MESSAGE_SMTP_H

#include "base/arena.h"

enum smtp_security { SMTP_PLAIN, SMTP_STARTTLS, SMTP_TLS };
enum { SMTP_CONNECTIONS_MAX = 500 };

struct smtp_server {
    const char *host;
    int port;
    enum smtp_security security;
    bool unverified;            /* its certificate may be anybody's: a server on the own network */
    const char *user, *password; /* user NULL: none */
    const char *hello;          /* the name that this end gives itself */
    int connections;            /* at once, 1 to SMTP_CONNECTIONS_MAX */
    int64_t patience;           /* microseconds for one reply */
};

enum smtp_outcome {
    SMTP_ACCEPTED,
    SMTP_DEFERRED, /* 4xx, or the connection ended once the server was told of it: later */
    SMTP_REFUSED,  /* 5xx: never, also when the connection ended right after */
    SMTP_UNSENT,   /* no connection stood: the server was not told of it */
    SMTP_UNKNOWN,  /* the connection ended behind the end of the message and before the answer: nobody can tell */
};
struct smtp_result {
    enum smtp_outcome outcome;
    int code;       /* of the server's reply, 0 for none */
    char text[200]; /* what it said, or what went wrong */
};

struct smtp_item {
    const char *from, *to; /* without angle brackets */
    struct str data;       /* lines end in CRLF, a dot that begins one is doubled; lives until done */
    void *arg;
};
typedef void smtp_done_fn(void *owner, const struct smtp_item *item, const struct smtp_result *r);

struct smtp;
/* Looks the server up. Lives in mem, which closes the connections when it goes. */
MUST_CHECK enum err_code smtp_open(struct arena *mem, const struct smtp_server *server, smtp_done_fn *done, void *owner,
    struct smtp **out, struct err *e);
/* How many messages it takes now: one for each connection that is idle or not open. */
int smtp_room(const struct smtp *s);
int smtp_under_way(const struct smtp *s);
/* Only when there is room. */
void smtp_send(struct smtp *s, const struct smtp_item *item);
/* Moves what can be moved, and waits at most so long for more; less when `wake` (-1: none) is readable. */
void smtp_turn(struct smtp *s, int64_t micros, int wake);
/* How many connections in a row could not be made, or were refused; *why what the last one said. 0 as soon as one
 * stands. */
int smtp_trouble(const struct smtp *s, const char **why);

/* ---- a trial, which hands nothing over ---- */
enum smtp_step { SMTP_AT_CONNECT, SMTP_AT_TLS, SMTP_AT_GREETING, SMTP_AT_HELLO, SMTP_AT_SIGN_IN };
enum smtp_fault {
    SMTP_BROKE,
    SMTP_CLOSED,      /* nobody listens there */
    SMTP_SILENT,      /* no answer in time */
    SMTP_UNTRUSTED,   /* its certificate */
    SMTP_SAYS_NO,     /* in words */
    SMTP_NO_STARTTLS, /* it does not offer what was asked for */
    SMTP_NO_SIGN_IN,
};
struct smtp_trial {
    bool good, secured;
    enum smtp_step step; /* where it failed, and why */
    enum smtp_fault fault;
    char text[200];
};
/* One connection as sending would make it, up to the sign-in: on for at most so many microseconds. True: it is over. */
bool smtp_try(struct smtp *s, int64_t micros, struct smtp_trial *out);

/* A text with CRLF line ends as smtp_item.data wants it. */
struct str smtp_stuff(struct arena *mem, struct str text);

#endif
