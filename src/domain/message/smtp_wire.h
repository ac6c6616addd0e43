/* smtp_wire.h - what the files of a sender share: its connections, and how one of them ends. */

#ifndef DOMAIN_MESSAGE_SMTP_WIRE_H
#define DOMAIN_MESSAGE_SMTP_WIRE_H

#include "domain/message/smtp.h"

#include <gnutls/gnutls.h>
#include <poll.h>
#include <sys/socket.h>

enum { LINE = 1024, COMMANDS = 2048, ADDRESSES = 8 };

enum stage {
    CLOSED,
    CONNECTING,
    HANDSHAKE,
    GREETING,
    HELLO,
    STARTTLS,
    AUTH_PLAIN,
    AUTH_LOGIN_USER,
    AUTH_LOGIN_NAME,
    AUTH_LOGIN_PASSWORD,
    IDLE,
    MAIL,
    RCPT,
    DATA,
    BODY,  /* being sent, or sent and waiting for the answer */
    EMPTY, /* the recipient was refused and DATA taken all the same: an empty text ends it */
    RESET,
};

struct connection {
    struct smtp *s;
    int fd;
    gnutls_session_t tls; /* NULL: plain */
    enum stage stage;
    int64_t deadline;
    bool greeted, pipelining, starttls, auth_plain, auth_login, secured;
    bool wants_write; /* the socket would not take more */
    char in[LINE * 2];
    size_t nin;
    char out[COMMANDS];
    size_t nout, sent; /* of the commands */
    struct str body;   /* behind them; then the closing dot */
    size_t body_sent, tail_sent;
    bool closing; /* the tail belongs to the body that goes out */
    struct smtp_item item;
    bool has_item;
    struct smtp_result said; /* the first reply that refused the item */
    bool refused;
};

struct smtp {
    struct smtp_server server;
    smtp_done_fn *done;
    void *owner;
    struct sockaddr_storage addresses[ADDRESSES];
    socklen_t sizes[ADDRESSES];
    int naddresses, next_address;
    gnutls_certificate_credentials_t trust;
    struct connection *connections;
    struct pollfd *polls;
    int under_way;
    int trouble;
    enum smtp_step failed_at; /* the last connection that came to nothing */
    enum smtp_fault fault;
    char why[200];
    int tries; /* of smtp_try */
};

/* ---- a connection's life (smtp.c) ---- */
/* It is of no more use. What it carried keeps what was said of it; without a word it is unsent, put off, or unknown once
 * all of it was sent. */
void wire_drop(struct connection *k, enum smtp_fault fault, const char *why);
/* Begins the talk: also once more, when it has become a secret one. */
void wire_greet(struct connection *k);

/* ---- how one comes to stand (smtp_connect.c) ---- */
MUST_CHECK enum err_code wire_look_up(struct smtp *s, struct err *e);
void wire_dial(struct connection *k);
void wire_connected(struct connection *k);
bool wire_start_tls(struct connection *k);
void wire_shake_hands(struct connection *k);

#endif
