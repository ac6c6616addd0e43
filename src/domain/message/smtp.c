/* smtp.c - connections to a mail server as small machines that one thread turns.
 *
 * A message is unknown only between the end of its data and the server's answer: so at most one for each connection.
 * Where the server can take it, envelope and DATA go out together, which leaves two waits a message. */

#include "domain/message/smtp_wire.h"

#include "base/buf.h"
#include "base/time.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char tail[] = ".\r\n";

/* ---- ends ---- */

static void finish(struct connection *k, const struct smtp_result *r)
{
    struct smtp_item item = k->item;

    k->has_item = false;
    k->refused = false;
    k->s->under_way--;
    k->s->done(k->s->owner, &item, r);
}

static void hang_up(struct connection *k)
{
    if (k->tls) {
        gnutls_deinit(k->tls);
        k->tls = NULL;
    }
    if (k->fd >= 0) {
        (void)close(k->fd);
    }
    *k = (struct connection) { .s = k->s, .fd = -1, .item = k->item, .has_item = k->has_item };
}

static enum smtp_step step_of(enum stage stage)
{
    return stage <= CONNECTING ? SMTP_AT_CONNECT
        : stage == HANDSHAKE   ? SMTP_AT_TLS
        : stage == GREETING    ? SMTP_AT_GREETING
        : stage <= STARTTLS    ? SMTP_AT_HELLO
                               : SMTP_AT_SIGN_IN;
}

void wire_drop(struct connection *k, enum smtp_fault fault, const char *why)
{
    bool asked = k->stage == BODY && k->closing && k->body_sent == k->body.n && k->tail_sent == sizeof tail - 1;
    /* who hangs up on a message has seen it: it counts as a try */
    struct smtp_result r = { .outcome = asked ? SMTP_UNKNOWN : k->stage > IDLE ? SMTP_DEFERRED : SMTP_UNSENT };

    (void)snprintf(r.text, sizeof r.text, "%s", why);
    if (k->stage != CLOSED && k->stage < IDLE) {
        k->s->trouble++;
        k->s->failed_at = step_of(k->stage);
        k->s->fault = fault;
        (void)snprintf(k->s->why, sizeof k->s->why, "%s", why);
    }
    if (k->refused) {
        r = k->said;
    }
    hang_up(k);
    if (k->has_item) {
        finish(k, &r);
    }
}

/* ---- sending ---- */

static void say(struct connection *k, enum stage next, const char *fmt, ...) PRINTF(3, 4);
static void say(struct connection *k, enum stage next, const char *fmt, ...)
{
    va_list args;

    if (k->sent == k->nout) {
        k->sent = k->nout = 0;
    }
    va_start(args, fmt);
    int n = vsnprintf(k->out + k->nout, sizeof k->out - k->nout, fmt, args);
    va_end(args);
    k->nout += n > 0 && (size_t)n < sizeof k->out - k->nout ? (size_t)n : 0;
    k->stage = next;
    k->deadline = time_monotonic() + k->s->server.patience;
}

/* Bytes taken; 0 when the socket is full; -1 when it is gone. */
static ssize_t push(struct connection *k, const char *p, size_t n)
{
    ssize_t taken;

    if (k->tls) {
        taken = gnutls_record_send(k->tls, p, n);
        return taken == GNUTLS_E_AGAIN || taken == GNUTLS_E_INTERRUPTED ? 0 : taken < 0 ? -1 : taken;
    }
    taken = send(k->fd, p, n, MSG_NOSIGNAL);
    return taken < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : taken;
}

/* Commands, then the body and its closing dot, as far as the socket takes them. Small pieces go together. */
static bool flush(struct connection *k)
{
    char piece[16 << 10];

    k->wants_write = false;
    for (;;) {
        size_t commands = k->nout - k->sent, body = k->body.n - k->body_sent, n = 0;
        size_t end = k->closing ? sizeof tail - 1 - k->tail_sent : 0;
        if (!commands && !body && !end) {
            return true;
        }
        size_t take = commands < sizeof piece ? commands : sizeof piece;
        memcpy(piece, k->out + k->sent, take);
        n += take;
        take = body < sizeof piece - n ? body : sizeof piece - n;
        if (take) {
            memcpy(piece + n, k->body.p + k->body_sent, take);
        }
        n += take;
        size_t last = take == body && end <= sizeof piece - n ? end : 0;
        memcpy(piece + n, tail + k->tail_sent, last);
        n += last;
        ssize_t taken = push(k, piece, n);
        if (taken < 0) {
            return false;
        }
        if (taken == 0) {
            k->wants_write = true;
            return true;
        }
        size_t left = (size_t)taken, part = left < commands ? left : commands;
        k->sent += part;
        left -= part;
        part = left < body ? left : body;
        k->body_sent += part;
        k->tail_sent += left - part;
    }
}

/* ---- what to say next ---- */

static void start_body(struct connection *k)
{
    k->body = k->item.data;
    k->body_sent = k->tail_sent = 0;
    k->closing = true;
    k->stage = BODY;
    k->deadline = time_monotonic() + k->s->server.patience;
}

static void start_item(struct connection *k)
{
    k->body = (struct str) { "", 0 };
    k->body_sent = 0;
    k->closing = false;
    k->refused = false;
    say(k, MAIL, "MAIL FROM:<%s>\r\n", k->item.from);
    if (k->pipelining) {
        say(k, MAIL, "RCPT TO:<%s>\r\nDATA\r\n", k->item.to);
    }
}

static void become_idle(struct connection *k)
{
    k->stage = IDLE;
    k->s->trouble = 0;
    k->deadline = INT64_MAX;
    if (k->has_item) {
        start_item(k);
    }
}

static void base64(const char *bytes, size_t n, char *out, size_t room)
{
    if (sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL) <= room) {
        sodium_bin2base64(out, room, (const unsigned char *)bytes, n, sodium_base64_VARIANT_ORIGINAL);
    } else {
        out[0] = 0;
    }
}

static void sign_in(struct connection *k)
{
    const struct smtp_server *server = &k->s->server;
    char plain[400], text[600];

    if (k->auth_plain) {
        int n = snprintf(plain, sizeof plain, "%c%s%c%s", 0, server->user, 0, server->password ? server->password : "");
        base64(plain, n > 0 && (size_t)n < sizeof plain ? (size_t)n : 0, text, sizeof text);
        say(k, AUTH_PLAIN, "AUTH PLAIN %s\r\n", text);
    } else if (k->auth_login) {
        say(k, AUTH_LOGIN_USER, "AUTH LOGIN\r\n");
    } else {
        wire_drop(k, SMTP_NO_SIGN_IN, "the server offers no way of signing in that is known here (AUTH PLAIN, LOGIN)");
    }
}

void wire_greet(struct connection *k)
{
    k->pipelining = k->starttls = k->auth_plain = k->auth_login = false;
    say(k, HELLO, "EHLO %s\r\n", k->s->server.hello);
}

/* ---- replies ---- */

static void keep_reply(struct connection *k, int code, const char *text)
{
    if (!k->refused) {
        k->refused = true;
        k->said = (struct smtp_result) { .outcome = code / 100 == 5 ? SMTP_REFUSED : SMTP_DEFERRED, .code = code };
        (void)snprintf(k->said.text, sizeof k->said.text, "%s", text);
    }
}

static void drop_by_reply(struct connection *k, const char *what, int code, const char *text)
{
    char why[200];

    (void)snprintf(why, sizeof why, "%s: %d %.150s", what, code, text);
    wire_drop(k, SMTP_SAYS_NO, why);
}

static void after_hello(struct connection *k)
{
    const struct smtp_server *server = &k->s->server;

    k->greeted = true;
    if (server->security == SMTP_STARTTLS && !k->secured) {
        if (!k->starttls) {
            wire_drop(k, SMTP_NO_STARTTLS, "the server does not offer STARTTLS");
            return;
        }
        say(k, STARTTLS, "STARTTLS\r\n");
    } else if (server->user) {
        sign_in(k);
    } else {
        become_idle(k);
    }
}

/* The end of an item: its reply, and what the connection does next. */
static void end_item(struct connection *k, const struct smtp_result *r)
{
    k->stage = IDLE;
    k->deadline = INT64_MAX;
    finish(k, r);
    if (k->stage == IDLE && k->has_item) { /* `done` has sent another one */
        start_item(k);
    }
}

static void reply_to_item(struct connection *k, int code, const char *text)
{
    struct smtp_result r = { .code = code };
    bool good = code / 100 == 2;

    switch ((int)k->stage) {
    case MAIL:
    case RCPT:
        if (!good) {
            keep_reply(k, code, text);
        }
        if (k->pipelining) {
            k->stage = k->stage == MAIL ? RCPT : DATA;
        } else if (!good) {
            say(k, RESET, "RSET\r\n");
        } else if (k->stage == MAIL) {
            say(k, RCPT, "RCPT TO:<%s>\r\n", k->item.to);
        } else {
            say(k, DATA, "DATA\r\n");
        }
        return;
    case DATA:
        if (code == 354 && !k->refused) {
            start_body(k);
        } else if (code == 354) {
            say(k, EMPTY, ".\r\n");
        } else {
            keep_reply(k, code, text);
            say(k, RESET, "RSET\r\n");
        }
        return;
    case BODY:
        r.outcome = good ? SMTP_ACCEPTED : code / 100 == 5 ? SMTP_REFUSED : SMTP_DEFERRED;
        (void)snprintf(r.text, sizeof r.text, "%s", text);
        if (k->body_sent < k->body.n || k->tail_sent < sizeof tail - 1) {
            hang_up(k); /* an answer before the end: what is left must not go out as something else */
            finish(k, &r);
            return;
        }
        k->closing = false;
        k->s->trouble = r.outcome == SMTP_ACCEPTED ? 0 : k->s->trouble;
        end_item(k, &r);
        return;
    case EMPTY:
        say(k, RESET, "RSET\r\n");
        return;
    case RESET:
        r = k->said;
        end_item(k, &r);
        return;
    default:
        wire_drop(k, SMTP_BROKE, "the server says something that nobody asked for");
    }
}

/* A whole reply: the code and the text of its last line. */
static void take_reply(struct connection *k, int code, const char *text)
{
    const struct smtp_server *server = &k->s->server;
    char word[300];

    if (code == 421 && k->stage >= IDLE) {
        if (k->has_item && k->stage != BODY) {
            keep_reply(k, code, text);
            struct smtp_result r = k->said;
            hang_up(k);
            finish(k, &r);
            return;
        }
        drop_by_reply(k, "the server closes", code, text);
        return;
    }
    switch ((int)k->stage) {
    case GREETING:
        code == 220 ? wire_greet(k) : drop_by_reply(k, "the server refuses", code, text);
        return;
    case HELLO:
        code == 250 ? after_hello(k) : drop_by_reply(k, "EHLO", code, text);
        return;
    case STARTTLS:
        if (code != 220 || k->nin || !wire_start_tls(k)) { /* bytes behind the reply would be an attacker's */
            drop_by_reply(k, "STARTTLS", code, text);
            return;
        }
        wire_shake_hands(k);
        return;
    case AUTH_LOGIN_USER:
    case AUTH_LOGIN_NAME:
        if (code != 334) {
            drop_by_reply(k, "signing in", code, text);
        } else if (k->stage == AUTH_LOGIN_USER) {
            base64(server->user, strlen(server->user), word, sizeof word);
            say(k, AUTH_LOGIN_NAME, "%s\r\n", word);
        } else {
            base64(server->password ? server->password : "", strlen(server->password ? server->password : ""), word,
                sizeof word);
            say(k, AUTH_LOGIN_PASSWORD, "%s\r\n", word);
        }
        return;
    case AUTH_PLAIN:
    case AUTH_LOGIN_PASSWORD:
        code == 235 ? become_idle(k) : drop_by_reply(k, "signing in", code, text);
        return;
    default:
        reply_to_item(k, code, text);
    }
}

/* What the lines of EHLO's reply offer. */
static void take_offer(struct connection *k, struct str line)
{
    struct str word = line;
    ptrdiff_t blank = str_find_byte(line, ' ');

    word = blank >= 0 ? str_sub(line, 0, (size_t)blank) : line;
    if (str_eq_nocase(word, STR("PIPELINING"))) {
        k->pipelining = true;
    } else if (str_eq_nocase(word, STR("STARTTLS"))) {
        k->starttls = true;
    } else if (str_eq_nocase(word, STR("AUTH"))) {
        struct str rest = str_sub(line, word.n, line.n), one;
        while (str_split(&rest, ' ', &one)) {
            k->auth_plain = k->auth_plain || str_eq_nocase(one, STR("PLAIN"));
            k->auth_login = k->auth_login || str_eq_nocase(one, STR("LOGIN"));
        }
    }
}

/* One line "250-text" or "250 text". False when it is none. */
static bool take_line(struct connection *k, struct str line)
{
    char text[200];
    int code = 0;

    for (int i = 0; i < 3; i++) {
        if ((size_t)i >= line.n || line.p[i] < '0' || line.p[i] > '9') {
            return false;
        }
        code = code * 10 + (line.p[i] - '0');
    }
    if (code < 200 || code > 599 || (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')) {
        return false;
    }
    struct str rest = str_sub(line, 4, line.n);
    if (k->stage == HELLO && code == 250) {
        take_offer(k, rest);
    }
    if (line.n > 3 && line.p[3] == '-') {
        return true;
    }
    size_t n = rest.n < sizeof text - 1 ? rest.n : sizeof text - 1;
    for (size_t i = 0; i < n; i++) {
        text[i] = (unsigned char)rest.p[i] < ' ' || (unsigned char)rest.p[i] > '~' ? '?' : rest.p[i];
    }
    text[n] = 0;
    take_reply(k, code, text);
    return true;
}

static void take_lines(struct connection *k)
{
    while (k->fd >= 0 && k->stage != HANDSHAKE) {
        char *end = memchr(k->in, '\n', k->nin);
        if (!end) {
            if (k->nin == sizeof k->in) {
                wire_drop(k, SMTP_BROKE, "the server's reply has no end");
            }
            return;
        }
        char line[sizeof k->in];
        size_t n = (size_t)(end - k->in), whole = n + 1;
        n -= n && k->in[n - 1] == '\r';
        memcpy(line, k->in, n);
        k->nin -= whole;
        memmove(k->in, k->in + whole, k->nin);
        if (!take_line(k, (struct str) { line, n })) {
            wire_drop(k, SMTP_BROKE, "what the server says is no SMTP");
            return;
        }
    }
}

/* Of a server that says each of its replies by itself the second comes once the first is acknowledged, which the system
 * leaves undone for 40 ms in the hope of something that goes the same way. It forgets each time that it was told. */
static void hurry(const struct connection *k)
{
    int one = 1;

    if (k->fd >= 0 && k->pipelining && k->stage >= MAIL && k->stage <= DATA) {
        (void)setsockopt(k->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    }
}

static void pull(struct connection *k)
{
    for (;;) {
        size_t room = sizeof k->in - k->nin;
        ssize_t n = k->tls ? gnutls_record_recv(k->tls, k->in + k->nin, room) : recv(k->fd, k->in + k->nin, room, 0);
        if (k->tls && (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)) {
            return;
        }
        if (!k->tls && n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            wire_drop(k, SMTP_BROKE, "the server has closed the connection");
            return;
        }
        k->nin += (size_t)n;
        take_lines(k);
        if (k->fd < 0 || k->stage == HANDSHAKE || !k->tls) {
            return; /* what is left of a plain socket is told by poll */
        }
    }
}

/* ---- turning ---- */

static void serve(struct connection *k, short events)
{
    if (k->stage == CONNECTING) {
        if (events) {
            wire_connected(k);
        }
    } else if (k->stage == HANDSHAKE) {
        wire_shake_hands(k);
    } else if (events & (POLLIN | POLLHUP | POLLERR)) {
        pull(k);
        hurry(k);
    }
    if (k->fd >= 0 && k->stage != CONNECTING && k->stage != HANDSHAKE && !flush(k)) {
        wire_drop(k, SMTP_BROKE, "the connection broke");
    }
}

void smtp_turn(struct smtp *s, int64_t micros, int wake)
{
    int64_t now = time_monotonic(), until = now + micros;
    nfds_t n = 0;

    for (int i = 0; i < s->server.connections; i++) {
        struct connection *k = &s->connections[i];
        if (k->fd < 0) {
            continue;
        }
        short events = k->stage == CONNECTING || k->wants_write ? POLLIN | POLLOUT : POLLIN;
        s->polls[n++] = (struct pollfd) { .fd = k->fd, .events = events };
        until = k->deadline < until ? k->deadline : until;
    }
    int wait = until > now ? (int)((until - now + 999) / 1000) : 0;
    s->polls[n] = (struct pollfd) { .fd = wake, .events = POLLIN };
    (void)poll(s->polls, n + 1, wait);
    now = time_monotonic();
    nfds_t at = 0;
    for (int i = 0; i < s->server.connections; i++) {
        struct connection *k = &s->connections[i];
        if (k->fd < 0 || at >= n || s->polls[at].fd != k->fd) {
            continue;
        }
        short events = s->polls[at++].revents;
        if (events || k->nout > k->sent) {
            serve(k, events);
        }
        if (k->fd >= 0 && k->deadline <= now) {
            wire_drop(k, SMTP_SILENT, "the server does not answer");
        }
    }
}

/* ---- from outside ---- */

int smtp_room(const struct smtp *s)
{
    return s->server.connections - s->under_way;
}

int smtp_under_way(const struct smtp *s)
{
    return s->under_way;
}

int smtp_trouble(const struct smtp *s, const char **why)
{
    *why = s->why;
    return s->trouble;
}

void smtp_send(struct smtp *s, const struct smtp_item *item)
{
    struct connection *best = NULL;

    for (int i = 0; i < s->server.connections; i++) {
        struct connection *k = &s->connections[i];
        if (k->has_item || (k->stage != IDLE && k->stage != CLOSED)) {
            continue;
        }
        if (!best || (best->stage == CLOSED && k->stage == IDLE)) {
            best = k;
        }
        if (k->stage == IDLE) {
            break;
        }
    }
    if (!best) {
        struct smtp_result r = { .outcome = SMTP_UNSENT, .text = "no connection is free" };
        s->done(s->owner, item, &r);
        return;
    }
    best->item = *item;
    best->has_item = true;
    s->under_way++;
    if (best->stage == CLOSED) {
        wire_dial(best);
        return;
    }
    start_item(best);
    if (!flush(best)) {
        wire_drop(best, SMTP_BROKE, "the connection broke");
    }
}

static void close_all(void *arg)
{
    struct smtp *s = arg;

    for (int i = 0; i < s->server.connections; i++) {
        struct connection *k = &s->connections[i];
        if (k->fd >= 0 && k->stage == IDLE) {
            (void)push(k, "QUIT\r\n", 6);
        }
        k->has_item = false;
        hang_up(k);
    }
    if (s->trust) {
        gnutls_certificate_free_credentials(s->trust);
    }
}

enum err_code smtp_open(struct arena *mem, const struct smtp_server *server, smtp_done_fn *done, void *owner,
    struct smtp **out, struct err *e)
{
    struct smtp *s = ARENA_NEW(mem, struct smtp);

    s->server = *server; /* its texts may go before this does */
    s->server.host = arena_cstr(mem, str_of(server->host));
    s->server.hello = arena_cstr(mem, str_of(server->hello));
    s->server.user = server->user ? arena_cstr(mem, str_of(server->user)) : NULL;
    s->server.password = server->password ? arena_cstr(mem, str_of(server->password)) : NULL;
    s->done = done;
    s->owner = owner;
    s->server.connections = server->connections < 1 ? 1
        : server->connections > SMTP_CONNECTIONS_MAX ? SMTP_CONNECTIONS_MAX
                                                     : server->connections;
    s->connections = ARENA_ARRAY(mem, struct connection, (size_t)s->server.connections);
    s->polls = ARENA_ARRAY(mem, struct pollfd, (size_t)s->server.connections + 1);
    for (int i = 0; i < s->server.connections; i++) {
        s->connections[i] = (struct connection) { .s = s, .fd = -1 };
    }
    arena_defer(mem, close_all, s);
    TRY(wire_look_up(s, e));
    if (server->security != SMTP_PLAIN) {
        if (gnutls_certificate_allocate_credentials(&s->trust) != 0) {
            s->trust = NULL;
            return err_set(e, ERR_INTERNAL, NULL, "TLS cannot be set up");
        }
        (void)gnutls_certificate_set_x509_system_trust(s->trust);
    }
    *out = s;
    return OK;
}

/* The next dot at the beginning of a line, or the end. */
static size_t next_dot(struct str text, size_t from)
{
    for (size_t at = from; at < text.n; at++) {
        const char *dot = memchr(text.p + at, '.', text.n - at);
        if (!dot) {
            break;
        }
        at = (size_t)(dot - text.p);
        if (!at || text.p[at - 1] == '\n') {
            return at;
        }
    }
    return text.n;
}

struct str smtp_stuff(struct arena *mem, struct str text)
{
    struct buf out;
    size_t done = 0, dot = next_dot(text, 0);

    if (dot == text.n) {
        return text;
    }
    buf_init(&out, mem, text.n * 2 + 1);
    while (dot < text.n) {
        buf_add(&out, str_sub(text, done, dot - done));
        buf_lit(&out, "..");
        done = dot + 1;
        dot = next_dot(text, done);
    }
    buf_add(&out, str_sub(text, done, text.n));
    return buf_str(&out);
}
