/* message_send.c - the job that sends what is due through one mail server.
 *
 * One job at a time works for a server, so its rate is the installation's. A round is one transaction: it notes what the
 * server has answered since the last one and marks as in flight what goes out next, at most one message for each
 * connection; only then are they sent. So what can be unknown after a crash is what was on the connections.
 *
 * A page lasts two seconds: what has not gone by then is looked for again, so that nothing waits behind a slow server. */

#include "domain/message/message_sending.h"

#include "base/log.h"
#include "model/org.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TROUBLE = 5 };
enum { IDLE_MICROS = 20000, GATHER_MICROS = 2000, LOOK_MICROS = 1000000, EMPTY_MICROS = 100000 };
enum { PAGE_MICROS = 2000000 };
enum { KEEP_MICROS = 15000000, DRAIN_MICROS = 30000000 }; /* the lease is of a minute */

/* ---- a round ---- */

static void decide(struct page *p, size_t i, enum fate fate)
{
    __atomic_store_n(&p->fate[i], (uint8_t)fate, __ATOMIC_RELAXED);
}

static void done(void *owner, const struct smtp_item *item, const struct smtp_result *r)
{
    struct sending *s = owner;
    struct ready *m = item->arg;

    if (r->outcome == SMTP_DEFERRED && (r->code == 421 || r->code == 450 || r->code == 451 || r->code == 452)) {
        pace_slow_down(s, m);
    }
    s->sent += r->outcome == SMTP_ACCEPTED;
    if (r->outcome != SMTP_ACCEPTED && r->outcome != SMTP_UNKNOWN) {
        decide(m->page, (size_t)(m - m->page->list), FATE_NOT_SENT);
    }
    round_add_ending(s, m, r);
}

/* A page whose last message has ended, other than the one that goes out; NULL: all have some on their way. */
static struct page *free_page(struct sending *s)
{
    for (int i = 0; i < MAIL_PAGES; i++) {
        if (!s->pages[i].left && s->pages + i != s->page) {
            return s->pages + i;
        }
    }
    return NULL;
}

/* Its time is over: what has not gone comes again when it is its turn among all that is due then. */
static void end_page(struct sending *s)
{
    struct page *p = s->page;

    if (p->at == p->n || time_monotonic() < p->until || !free_page(s)) {
        return;
    }
    maker_rest(s);
    sending_give_back(p, p->at);
    p->at = p->made = p->n;
}

/* What may go now, and what does not go at all. */
static void choose(struct sending *s)
{
    struct smtp_result none = { 0 };
    struct page *p = s->page;
    int64_t now = time_monotonic();
    size_t room = (size_t)smtp_room(s->smtp), made = page_made(s);

    for (; p->known < made; p->known++) {
        struct ready *m = &p->list[p->known];
        m->domain = m->reason ? 0 : pace_domain_of(s, m->to);
    }
    for (size_t i = p->at; i < made && round_next(s)->ngoing < room; i++) {
        struct ready *m = &p->list[i];
        if (p->fate[i]) {
            continue;
        }
        if (m->reason || (pace_domain_waits(s, m, now) && pace_puts_off(s, m, now))) {
            decide(p, i, FATE_NOT_SENT);
            round_add_ending(s, m, &none);
        } else if (!pace_domain_waits(s, m, now)) {
            if (!pace_server_lets(s, now)) {
                break;
            }
            pace_domain_goes(s, m, now);
            decide(p, i, FATE_TAKEN);
            round_add_going(s, m);
        }
    }
    while (p->at < made && p->fate[p->at]) {
        p->at++;
    }
}

/* A commit costs the same for one answer as for many, and they come one by one: they are waited for a little. Half of
 * what is under way while the other half is committed was measured slower: the disk makes the pace, and twice as often. */
static bool is_worth_a_commit(const struct sending *s)
{
    const struct round *n = round_next(s);
    int64_t now = time_monotonic();

    if (!n->nendings && !n->ngoing) {
        return round_has_pace(s) || now - s->wrote_at >= KEEP_MICROS;
    }
    return n->nendings * 10 >= (size_t)s->server.smtp.connections * 9 || n->nendings >= MAIL_PAGE
        || !smtp_under_way(s->smtp) || now - n->since >= GATHER_MICROS;
}

/* What was committed goes out, and the next is committed. */
static enum err_code turn_rounds(struct sending *s)
{
    TRY(round_take(s, false));
    if (!round_is_written(s)) {
        choose(s);
        if (is_worth_a_commit(s)) {
            round_write(s);
        }
    }
    return OK;
}

/* ---- the whole ---- */

static enum err_code recover(struct call *c, void *arg)
{
    struct sending *s = arg;

    /* what an earlier run had on its connections; see message.h for who is written to again */
    TRY(db_exec(c,
        SQL("UPDATE \"messages\" SET \"state\" = 'unknown', \"reason\" = 'crash', \"at\" = $2 WHERE \"state\" = 'in_flight' AND"
            " \"batch\" IN (SELECT \"id\" FROM \"message_batches\" WHERE \"server\" = $1 AND \"kind\" > 0)"),
        VALS(V(s->server_id), V(c->now))));
    return db_exec(c,
        SQL("UPDATE \"messages\" SET \"state\" = 'planned', \"reason\" = 'crash', \"at\" = $2 WHERE \"state\" = 'in_flight' AND"
            " \"batch\" IN (SELECT \"id\" FROM \"message_batches\" WHERE \"server\" = $1 AND \"kind\" = 0)"),
        VALS(V(s->server_id), V(c->now)));
}

struct report {
    struct sending *s;
    const char *error; /* NULL: the server works */
    int64_t again;     /* when to come back; 0: when something is due */
};

/* The last word, in the transaction that ends the job: nothing that was planned meanwhile is forgotten. */
static enum err_code finish(struct call *c, void *arg)
{
    const struct report *r = arg;
    int64_t due;
    bool found;

    TRY(round_write_last(c, r->s)); /* what the server said while the process was told to stop */
    TRY(batches_close_ended(c, r->s->server_id));
    TRY(job_give_key(c, r->s->w->id));
    enum err_code code = mail_server_tell(c, r->s->server_id, r->error);
    if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        return OK; /* the server's record is gone */
    }
    TRY(code);
    TRY(message_next_due(c, r->s->server_id, &due, &found));
    if (!found) {
        return OK;
    }
    return message_order_sender(c, r->s->server_id, r->again > due ? r->again : due);
}

static enum err_code load_texts(struct sending *s)
{
    TRY(rounds_flush(s)); /* it stores links of the ones there are, and their pace */
    arena_reset(s->texts);
    arena_reset(s->keys);
    s->looked_at = time_monotonic();
    struct call *c = ARENA_NEW(s->texts, struct call);
    call_init(c, s->w->org, s->texts, user_system(), VIA_JOB);
    enum err_code code = call_read(c, sending_read_batches, s);
    if (code != OK) {
        s->w->err = c->err;
    }
    return code;
}

static bool all_ended(const struct sending *s)
{
    for (int i = 0; i < MAIL_PAGES; i++) {
        if (s->pages[i].left) {
            return false;
        }
    }
    return true;
}

static enum err_code list_page(struct sending *s)
{
    struct arena *mem = arena_create((size_t)s->w->org->cfg->arena_max * 4);
    struct call c;

    call_init(&c, s->w->org, mem, user_system(), VIA_JOB);
    enum err_code code = job_work_look(s->w, &c, sending_list_page, s);
    if (code != OK) {
        (void)!round_take(s, true); /* the thread that writes has the same place for an error */
        s->w->err = c.err;
    }
    arena_destroy(mem);
    return code;
}

/* The next page, once all of the last one is on its way. *over: nothing is due, nothing under way, and nobody asked for
 * patience lately. */
static enum err_code turn_page(struct sending *s, bool *over)
{
    struct page *next = free_page(s);
    int64_t now = time_monotonic();

    *over = false;
    if (s->page->at < s->page->n || !next || (!s->page->n && now - s->listed_at < EMPTY_MICROS)) {
        return OK;
    }
    maker_rest(s);
    if (now - s->looked_at > LOOK_MICROS) {
        TRY(load_texts(s)); /* another text, a batch that was paused or opened */
    }
    s->page = next;
    TRY(list_page(s));
    s->listed_at = time_monotonic();
    s->page->until = s->listed_at + PAGE_MICROS;
    *over = !s->page->n && all_ended(s) && s->listed_at >= s->linger;
    return OK;
}

/* How long nothing can happen unless the server says something. */
static int64_t idle_time(const struct sending *s)
{
    int64_t until_next = s->next - time_monotonic();

    if (round_is_written(s)) {
        return IDLE_MICROS; /* its bell is heard */
    }
    if (round_next(s)->nendings || round_next(s)->ngoing) {
        return GATHER_MICROS / 4;
    }
    if (s->page->at == s->page->n || !smtp_room(s->smtp)) {
        return IDLE_MICROS;
    }
    return s->server.rate && until_next > 0 && until_next < IDLE_MICROS ? until_next : IDLE_MICROS / 20;
}

/* Waits for what is on the connections; nothing new goes than what is marked as in flight. */
static enum err_code drain(struct sending *s)
{
    int64_t until = time_monotonic() + DRAIN_MICROS;
    maker_rest(s);
    enum err_code code = round_take(s, true);

    while (smtp_under_way(s->smtp) && time_monotonic() < until) {
        smtp_turn(s->smtp, IDLE_MICROS, -1);
    }
    return code;
}

/* Everything that is due, until nothing is, the server fails, or the process stops. *why: it fails. */
static enum err_code send_all(struct sending *s, const char **why)
{
    uint64_t count;
    bool over;

    for (;;) {
        *why = NULL;
        if (job_work_stops(s->w)) {
            return drain(s);
        }
        TRY(turn_page(s, &over));
        if (over) {
            *why = smtp_trouble(s->smtp, why) ? *why : NULL;
            return rounds_flush(s);
        }
        end_page(s);
        TRY(maker_go(s));
        TRY(turn_rounds(s));
        smtp_turn(s->smtp, idle_time(s), s->bell);
        (void)!read(s->bell, &count, sizeof count);
        if (smtp_trouble(s->smtp, why) >= TROUBLE) {
            return drain(s);
        }
    }
}

static void close_bell(void *arg)
{
    const struct sending *s = arg;

    if (s->bell >= 0) {
        (void)close(s->bell);
    }
}

enum err_code message_send_work(struct job_work *w)
{
    struct sending *s = ARENA_NEW(w->mem, struct sending);
    struct report report = { .s = s };
    const char *why = NULL;

    s->w = w;
    s->server_id = json_integer_value(json_object_get(w->input, "server"));
    s->texts = arena_create(0);
    arena_defer(w->mem, (void (*)(void *))arena_destroy, s->texts);
    s->keys = arena_create(0);
    arena_defer(w->mem, (void (*)(void *))arena_destroy, s->keys);
    for (int i = 0; i < MAIL_PAGES; i++) {
        s->pages[i].mem = arena_create(0);
        arena_defer(w->mem, (void (*)(void *))arena_destroy, s->pages[i].mem);
    }
    s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    arena_defer(w->mem, close_bell, s);
    s->page = s->pages;
    TRY(job_work_write(w, recover, s));
    s->wrote_at = time_monotonic();
    TRY(rounds_open(s));
    TRY(maker_open(s));
    TRY(load_texts(s));
    enum err_code code = smtp_open(w->mem, &s->server.smtp, done, s, &s->smtp, &w->err);
    if (code == OK) {
        code = send_all(s, &why);
        if (code != OK) {
            (void)!drain(s);
            rounds_rescue(s);
            return code;
        }
    } else {
        why = w->err.msg;
    }
    if (why) {
        report.error = arena_cstr(w->mem, str_of(why));
        report.again = org_now(w->org) + MINUTES(1);
        log_event(LOG_WARN, &(struct log_context) { .module = "message" }, "mail server %" PRId64 " fails: %s", s->server_id,
            report.error);
    }
    for (size_t i = 0; i < s->nbatches; i++) {
        if (!s->batches[i].usable && !report.again) {
            report.again = org_now(w->org) + MINUTES(1); /* somebody may mend it */
        }
    }
    round_end(s);
    w->result = arena_fmt(w->mem, "{\"sent\": %" PRId64 "}", s->sent);
    return job_work_end(w, finish, &report);
}
