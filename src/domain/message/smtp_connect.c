/* smtp_connect.c - how a connection to a mail server comes to stand: the name, the socket, TLS; and a trial of all of it
 * that sends nothing. */

#include "domain/message/smtp_wire.h"

#include "base/time.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* ---- the name ---- */

enum err_code wire_look_up(struct smtp *s, struct err *e)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *list = NULL;
    char port[12];

    (void)snprintf(port, sizeof port, "%d", s->server.port);
    int code = getaddrinfo(s->server.host, port, &hints, &list);
    if (code != 0) {
        return err_set(e, ERR_BUSY, "host", "the mail server %s is not found: %s", s->server.host, gai_strerror(code));
    }
    for (struct addrinfo *a = list; a && s->naddresses < ADDRESSES; a = a->ai_next) {
        memcpy(&s->addresses[s->naddresses], a->ai_addr, a->ai_addrlen);
        s->sizes[s->naddresses++] = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return OK;
}

/* ---- TLS ---- */

bool wire_start_tls(struct connection *k)
{
    struct smtp *s = k->s;

    if (gnutls_init(&k->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0) {
        k->tls = NULL;
        return false;
    }
    (void)gnutls_set_default_priority(k->tls);
    (void)gnutls_credentials_set(k->tls, GNUTLS_CRD_CERTIFICATE, s->trust);
    (void)gnutls_server_name_set(k->tls, GNUTLS_NAME_DNS, s->server.host, strlen(s->server.host));
    if (!s->server.unverified) {
        gnutls_session_set_verify_cert(k->tls, s->server.host, 0);
    }
    gnutls_transport_set_int(k->tls, k->fd);
    k->stage = HANDSHAKE;
    k->deadline = time_monotonic() + s->server.patience;
    return true;
}

void wire_shake_hands(struct connection *k)
{
    int code = gnutls_handshake(k->tls);
    char why[200];
    gnutls_datum_t said = { 0 };

    if (code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED) {
        k->wants_write = gnutls_record_get_direction(k->tls) == 1;
        return;
    }
    if (code != 0 && !gnutls_error_is_fatal(code)) {
        return;
    }
    if (code != 0) {
        bool untrusted = code == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
        if (untrusted) {
            (void)gnutls_certificate_verification_status_print(
                gnutls_session_get_verify_cert_status(k->tls), GNUTLS_CRT_X509, &said, 0);
        }
        (void)snprintf(why, sizeof why, "TLS: %.180s", said.data ? (const char *)said.data : gnutls_strerror(code));
        gnutls_free(said.data);
        wire_drop(k, untrusted ? SMTP_UNTRUSTED : SMTP_BROKE, why);
        return;
    }
    k->secured = true;
    k->wants_write = false;
    if (k->greeted) {
        wire_greet(k);
    } else {
        k->stage = GREETING;
    }
}

/* ---- the socket ---- */

static void drop_by_error(struct connection *k, const char *what)
{
    char why[200];
    enum smtp_fault fault = errno == ECONNREFUSED ? SMTP_CLOSED : errno == ETIMEDOUT ? SMTP_SILENT : SMTP_BROKE;

    (void)snprintf(why, sizeof why, "%s: %s", what, strerror(errno));
    wire_drop(k, fault, why);
}

void wire_dial(struct connection *k)
{
    struct smtp *s = k->s;
    int on = 1, at = s->next_address % s->naddresses;

    k->fd = socket(s->addresses[at].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    k->stage = CONNECTING;
    if (k->fd < 0) {
        drop_by_error(k, "no socket");
        return;
    }
    (void)setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    k->deadline = time_monotonic() + s->server.patience;
    if (connect(k->fd, (struct sockaddr *)&s->addresses[at], s->sizes[at]) != 0 && errno != EINPROGRESS) {
        s->next_address++;
        drop_by_error(k, "the server cannot be reached");
        return;
    }
    k->wants_write = true;
}

void wire_connected(struct connection *k)
{
    int why = 0;
    socklen_t n = sizeof why;

    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0 || why) {
        errno = why;
        k->s->next_address++;
        drop_by_error(k, "the server cannot be reached");
        return;
    }
    k->wants_write = false;
    k->stage = GREETING;
    if (k->s->server.security == SMTP_TLS) {
        if (!wire_start_tls(k)) {
            wire_drop(k, SMTP_BROKE, "TLS cannot be set up");
            return;
        }
        wire_shake_hands(k);
    }
}

/* ---- a trial ---- */

bool smtp_try(struct smtp *s, int64_t micros, struct smtp_trial *out)
{
    struct connection *k = s->connections;
    int64_t until = time_monotonic() + micros;

    do {
        bool another = k->stage == CLOSED && (!s->tries || (s->failed_at == SMTP_AT_CONNECT && s->tries < s->naddresses));
        if (another) { /* a name may have an address that nobody answers at, and one that works */
            s->next_address = s->tries++;
            wire_dial(k);
        }
        if (k->stage == IDLE || (k->stage == CLOSED && !another)) {
            *out = (struct smtp_trial) { .good = k->stage == IDLE, .step = s->failed_at, .fault = s->fault,
                .secured = k->secured };
            (void)snprintf(out->text, sizeof out->text, "%s", s->why);
            return true;
        }
        smtp_turn(s, until - time_monotonic(), -1);
    } while (time_monotonic() < until);
    return false;
}
