/* message_check.c - whether a mail server can be used: a connection as sending would make it, up to the sign-in, and a
 * sentence about the step at which it went wrong. Nothing is sent.
 *
 * The network is a job's business, outside of any transaction: no call waits for another machine. */

#include "domain/message/message_steps.h"

#include "model/action.h"
#include "model/texts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PATIENCE = SECONDS(10), ALL = SECONDS(30), SLICE = 200000 }; /* the lease of a job is of a minute */

struct check {
    struct job_work *w;
    int64_t id;
    struct mail_server server;
    struct str language;
    const char *error; /* of the server's record; NULL: it works */
};

enum err_code mail_server_tell(struct call *c, int64_t id, const char *error)
{
    struct record *server, *change = record_of(c, "mail_server");
    const char *state = error ? "failing" : "ok";

    TRY(record_load(c, change->e, id, true, &server));
    struct dbval was = record_get(server, "state"), said = record_get(server, "error");
    if (was.type == DB_TEXT && str_is(was.s, state) && (!error || (said.type == DB_TEXT && str_is(said.s, error)))) {
        return OK;
    }
    change->id = id;
    change->trusted = change->quiet = change->replay = true;
    record_set(c, change, "state", V(state));
    record_set(c, change, "error", error ? V(str_sub(str_of(error), 0, 390)) : V_NULL);
    return record_update(c, change);
}

/* ---- in words ---- */

static const char *words(const struct check *k, const char *fmt, ...) PRINTF(2, 3);
static const char *words(const struct check *k, const char *fmt, ...)
{
    char text[1000];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return text_message(k->w->mem, k->language, arena_cstr(k->w->mem, str_of(text)));
}

static const char *words_of_connect(const struct check *k, const struct smtp_trial *t)
{
    const struct smtp_server *s = &k->server.smtp;

    return t->fault == SMTP_CLOSED
        ? words(k, "%s takes no connections on port %d: nothing listens there, or a firewall is in the way", s->host, s->port)
        : t->fault == SMTP_SILENT
        ? words(k, "%s does not answer on port %d: the port is wrong, or a firewall is in the way", s->host, s->port)
        : words(k, "%s cannot be reached on port %d: %s", s->host, s->port, t->text);
}

static const char *words_of_tls(const struct check *k, const struct smtp_trial *t)
{
    const struct smtp_server *s = &k->server.smtp;

    return t->fault == SMTP_UNTRUSTED ? words(k, "the certificate of %s is not accepted: %s", s->host, t->text)
        : s->security == SMTP_TLS
        ? words(k, "no TLS from the start on port %d of %s (%s): on port 587 it is mostly STARTTLS", s->port, s->host, t->text)
        : words(k, "%s offers STARTTLS, and then TLS fails: %s", s->host, t->text);
}

static const char *words_of_talk(const struct check *k, const struct smtp_trial *t)
{
    const struct smtp_server *s = &k->server.smtp;

    if (t->fault == SMTP_NO_STARTTLS) {
        return words(k, "%s does not offer STARTTLS on port %d", s->host, s->port);
    }
    if (t->fault == SMTP_NO_SIGN_IN) {
        return words(k, "%s offers no way of signing in that is known here (AUTH PLAIN, LOGIN)", s->host);
    }
    if (t->step == SMTP_AT_GREETING && t->fault == SMTP_SILENT && s->security != SMTP_TLS) {
        return words(k, "%s takes the connection on port %d and says nothing: on port 465 TLS from the start is expected",
            s->host, s->port);
    }
    return t->fault == SMTP_SAYS_NO ? words(k, "%s does not want to talk with this machine: %s", s->host, t->text)
                                    : words(k, "%s ends the talk before it began: %s", s->host, t->text);
}

static const char *words_of(const struct check *k, const struct smtp_trial *t)
{
    const struct smtp_server *s = &k->server.smtp;

    if (t->good) {
        return !s->user ? words(k, "%s answers and can be used; nobody signs in, since no user name is set", s->host)
            : t->secured
            ? words(k, "%s answers, the connection is encrypted, and %s may sign in", s->host, s->user)
            : words(k, "%s answers and %s may sign in; the connection is not encrypted", s->host, s->user);
    }
    switch (t->step) {
    case SMTP_AT_CONNECT:
        return words_of_connect(k, t);
    case SMTP_AT_TLS:
        return words_of_tls(k, t);
    case SMTP_AT_GREETING:
    case SMTP_AT_HELLO:
        return words_of_talk(k, t);
    case SMTP_AT_SIGN_IN:
        break;
    }
    return t->fault == SMTP_SAYS_NO
        ? words(k, "%s refuses the user name %s or its password: %s", s->host, s->user, t->text)
        : words(k, "%s does not let %s sign in: %s", s->host, s->user, t->text);
}

/* ---- the job ---- */

static enum err_code read_server(struct call *c, void *arg)
{
    struct check *k = arg;
    struct smtp_server *s = &k->server.smtp;
    struct arena *mem = k->w->mem;

    TRY(mail_server_load(c, k->id, &k->server));
    k->language = arena_str(mem, call_language(c));
    s->host = arena_cstr(mem, str_of(s->host)); /* the call's memory goes before the talk begins */
    s->hello = arena_cstr(mem, str_of(s->hello));
    s->user = s->user ? arena_cstr(mem, str_of(s->user)) : NULL;
    s->password = arena_cstr(mem, str_of(s->password));
    s->connections = 1;
    s->patience = PATIENCE;
    return OK;
}

static enum err_code keep_state(struct call *c, void *arg)
{
    const struct check *k = arg;

    return mail_server_tell(c, k->id, k->error);
}

static void never(void *owner, const struct smtp_item *item, const struct smtp_result *r)
{
    (void)owner, (void)item, (void)r; /* nothing is handed over */
}

static enum err_code give_result(struct check *k, bool good, const char *step, const char *message)
{
    static const size_t most = 4000;
    struct json_writer json;
    struct buf b;

    buf_init(&b, k->w->mem, most);
    json_init(&json, &b);
    json_object(&json, NULL);
    json_flag(&json, "ok", good);
    json_cstr(&json, "step", step);
    json_cstr(&json, "message", message);
    json_end_object(&json);
    k->w->result = buf_str(&b);
    return job_work_end(k->w, keep_state, k);
}

enum err_code message_check_work(struct job_work *w)
{
    static const char *const steps[] = { [SMTP_AT_CONNECT] = "connect", [SMTP_AT_TLS] = "tls", [SMTP_AT_GREETING] = "greeting",
        [SMTP_AT_HELLO] = "hello", [SMTP_AT_SIGN_IN] = "sign_in" };
    struct check *k = ARENA_NEW(w->mem, struct check);
    struct smtp_trial trial = { .step = SMTP_AT_CONNECT, .fault = SMTP_SILENT, .text = "the server does not answer" };
    int64_t until = time_monotonic() + ALL;
    struct smtp *smtp;

    k->w = w;
    k->id = json_integer_value(json_object_get(w->input, "server"));
    TRY(job_work_read(w, read_server, k));
    enum err_code code = smtp_open(w->mem, &k->server.smtp, never, NULL, &smtp, &w->err);
    if (code == ERR_BUSY) {
        k->error = arena_cstr(w->mem, str_of(w->err.msg));
        err_clear(&w->err);
        return give_result(k, false, "name", text_message(w->mem, k->language, k->error));
    }
    TRY(code);
    while (!smtp_try(smtp, SLICE, &trial) && time_monotonic() < until) {
        if (job_work_stops(w)) {
            return err_set(&w->err, ERR_BUSY, NULL, "the server is stopping");
        }
    }
    k->error = trial.good ? NULL : arena_cstr(w->mem, str_of(trial.text));
    return give_result(k, trial.good, trial.good ? "done" : steps[trial.step], words_of(k, &trial));
}

enum err_code message_act_check(struct call *c)
{
    json_t *input = json_pack("{s:I}", "server", (json_int_t)target(c));
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    TRY(job_enqueue(c, &(struct job_order) { .kind = "mail_check", .input = input,
                           .key = arena_fmt(c->mem, "mail_check:%" PRId64 ":%" PRId64, target(c), c->who->id).p }, &job));
    out_int(c, "job", job);
    return OK;
}
