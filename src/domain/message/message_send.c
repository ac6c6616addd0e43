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

enum { TRIES = 6, TROUBLE = 5 };
enum { IDLE_MICROS = 20000, GATHER_MICROS = 2000, LOOK_MICROS = 1000000, EMPTY_MICROS = 100000 };
enum { PAGE_MICROS = 2000000 };
enum { KEEP_MICROS = 15000000, DRAIN_MICROS = 30000000 }; /* the lease is of a minute */

/* ---- a round ---- */

static enum err_code note_ending(struct call *c, const struct ending *end)
{
    const struct smtp_result *r = &end->r;
    struct str reply = str_of(arena_fmt(c->mem, "%d %.180s", r->code, r->text).p);

    bool again = r->outcome == SMTP_DEFERRED || r->outcome == SMTP_UNSENT
        || (r->outcome == SMTP_UNKNOWN && end->m->transactional);
    if (r->outcome == SMTP_ACCEPTED) {
        return db_exec(c,
            SQL("UPDATE \"messages\" SET \"state\" = 'accepted', \"at\" = $2, \"accepted_at\" = $2, \"reason\" = NULL WHERE"
                " \"id\" = $1 AND \"state\" = 'in_flight'"),
            VALS(V(end->m->id), V(c->now)));
    }
    if (again) {
        /* 1, 4, 16, 64, 256 minutes; what could not even be tried costs no try, and waits for the server alone. A campaign
         * writes to a person: by then he may have another address. */
        return db_exec(c,
            SQL("UPDATE \"messages\" SET \"state\" = CASE WHEN \"attempts\" + $4 > $5 THEN 'refused' ELSE 'planned' END, \"at\" ="
                " $2, \"attempts\" = \"attempts\" + $4, \"reason\" = 'deferred', \"reply\" = $3, \"due\" = $2 + $4 * 60000000 *"
                " CASE \"attempts\" WHEN 0 THEN 1 WHEN 1 THEN 4 WHEN 2 THEN 16 WHEN 3 THEN 64 ELSE 256 END, \"address\" ="
                " CASE WHEN $6 = 1 OR \"attempts\" + $4 > $5 THEN \"address\" END WHERE \"id\" = $1 AND \"state\" = 'in_flight'"),
            VALS(V(end->m->id), V(c->now), V(reply), V(r->outcome == SMTP_UNSENT ? 0 : 1), V(TRIES - 1),
                V(end->m->transactional)));
    }
    return db_exec(c,
        SQL("UPDATE \"messages\" SET \"state\" = $4, \"at\" = $2, \"reason\" = $5, \"reply\" = $3 WHERE \"id\" = $1 AND"
            " \"state\" = 'in_flight'"),
        VALS(V(end->m->id), V(c->now), V(reply), V(r->outcome == SMTP_UNKNOWN ? "unknown" : "refused"),
            V(r->outcome == SMTP_UNKNOWN ? "connection_lost" : "refused")));
}

static enum err_code note_skipped(struct call *c, const struct ready *m)
{
    return db_exec(c,
        SQL("UPDATE \"messages\" SET \"state\" = $4, \"reason\" = $2, \"at\" = $3 WHERE \"id\" = $1 AND \"state\" = 'planned'"),
        VALS(V(m->id), V(m->reason), V(c->now), V(strcmp(m->reason, "held_out") == 0 ? "held_out" : "skipped")));
}

static enum err_code note_put_off(struct call *c, const struct ready *m)
{
    return db_exec(c, SQL("UPDATE \"messages\" SET \"due\" = $2 WHERE \"id\" = $1 AND \"state\" = 'planned'"),
        VALS(V(m->id), V(c->now + m->put_off)));
}

static enum err_code store_links(struct call *c, struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        struct batch_state *b = &s->batches[i];
        for (size_t k = b->links.stored; k < b->links.n; k++) {
            TRY(db_exec(c,
                SQL("INSERT INTO \"message_links\" (\"batch\", \"number\", \"url\") VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
                VALS(V(b->b.id), V((int64_t)k), V(b->links.urls[k]))));
        }
    }
    return OK;
}

/* May run twice: it changes nothing but the database, and `stopped`. */
static enum err_code write_round(struct call *c, void *arg)
{
    struct sending *s = arg;
    int64_t n;

    TRY(store_links(c, s));
    for (size_t i = 0; i < s->nbatches; i++) {
        if (s->batches[i].paced) {
            TRY(db_exec(c, SQL("UPDATE \"message_batches\" SET \"next\" = $2 WHERE \"id\" = $1"),
                VALS(V(s->batches[i].b.id), V(s->batches[i].b.next))));
        }
    }
    for (size_t i = 0; i < s->nendings; i++) {
        const struct ending *end = &s->endings[i];
        TRY(end->m->reason ? note_skipped(c, end->m) : end->m->put_off ? note_put_off(c, end->m) : note_ending(c, end));
    }
    for (size_t i = 0; i < s->ngoing; i++) {
        TRY(db_changed(c, &n,
            SQL("UPDATE \"messages\" SET \"state\" = 'in_flight', \"address\" = $2, \"at\" = $3, \"contact\" = $4 WHERE"
                " \"id\" = $1 AND \"state\" = 'planned' AND EXISTS (SELECT 1 FROM \"message_batches\" b WHERE b.\"id\" ="
                " \"messages\".\"batch\" AND b.\"state\" = 'open') AND NOT EXISTS (SELECT 1 FROM \"messages\" o WHERE"
                " o.\"batch\" = \"messages\".\"batch\" AND o.\"contact\" = $4 AND o.\"occasion\" = \"messages\".\"occasion\""
                " AND o.\"id\" <> $1)"),
            VALS(V(s->going[i]->id), V(s->going[i]->to), V(c->now), V(s->going[i]->contact))));
        s->stopped[i] = n == 0;
    }
    return OK;
}

static void ended(struct sending *s, struct ready *m, const struct smtp_result *r)
{
    s->endings[s->nendings++] = (struct ending) { m, *r };
}

static void done(void *owner, const struct smtp_item *item, const struct smtp_result *r)
{
    struct sending *s = owner;
    struct ready *m = item->arg;

    if (r->outcome == SMTP_DEFERRED && (r->code == 421 || r->code == 450 || r->code == 451 || r->code == 452)) {
        pace_slow_down(s, m);
    }
    s->sent += r->outcome == SMTP_ACCEPTED;
    ended(s, m, r);
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
    sending_give_back(p, p->at);
    p->at = p->made = p->n;
}

/* Fills `going` with what may go now. */
static void choose(struct sending *s)
{
    struct smtp_result none = { 0 };
    struct page *p = s->page;
    int64_t now = time_monotonic();
    size_t room = (size_t)smtp_room(s->smtp);

    s->ngoing = 0;
    for (size_t i = p->at; i < p->made && s->ngoing < room; i++) {
        struct ready *m = &p->list[i];
        if (p->taken[i]) {
            continue;
        }
        if (m->reason || (pace_domain_waits(s, m, now) && pace_puts_off(s, m, now))) {
            p->taken[i] = true;
            ended(s, m, &none);
        } else if (!pace_domain_waits(s, m, now)) {
            if (!pace_server_lets(s, now)) {
                break;
            }
            pace_domain_goes(s, m, now);
            p->taken[i] = true;
            s->going[s->ngoing++] = m;
        }
    }
    while (p->at < p->made && p->taken[p->at]) {
        p->at++;
    }
}

static bool moved_pace(const struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        if (s->batches[i].paced) {
            return true;
        }
    }
    return false;
}

static void forget_pace(struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        s->batches[i].paced = false;
    }
}

static enum err_code go(struct sending *s)
{
    if (!s->nendings && !s->ngoing && !moved_pace(s) && time_monotonic() - s->wrote_at < KEEP_MICROS) {
        return OK;
    }
    s->w->done = s->sent;
    TRY(job_work_write(s->w, write_round, s)); /* also keeps the lease */
    s->wrote_at = time_monotonic();
    for (size_t i = 0; i < s->nbatches; i++) {
        s->batches[i].links.stored = s->batches[i].links.n;
    }
    forget_pace(s);
    for (size_t i = 0; i < s->nendings; i++) {
        s->endings[i].m->page->left--;
    }
    s->nendings = 0;
    for (size_t i = 0; i < s->ngoing; i++) {
        struct ready *m = s->going[i];
        if (s->stopped[i]) {
            m->page->left--;
            continue;
        }
        smtp_send(s->smtp, &(struct smtp_item) { .from = m->from.p, .to = m->to.p, .data = m->data, .arg = m });
    }
    s->ngoing = 0;
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

    r->s->ngoing = 0;
    TRY(write_round(c, r->s)); /* what the server said while the process was told to stop */
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
    if (now - s->looked_at > LOOK_MICROS) {
        TRY(load_texts(s)); /* another text, a batch that was paused or opened */
    }
    s->page = next;
    TRY(job_work_read(s->w, sending_list_page, s));
    s->listed_at = time_monotonic();
    s->page->until = s->listed_at + PAGE_MICROS;
    *over = !s->page->n && all_ended(s) && s->listed_at >= s->linger;
    return OK;
}

/* How long nothing can happen unless the server says something. */
static int64_t idle_time(const struct sending *s)
{
    int64_t until_next = s->next - time_monotonic();

    if (s->page->made < s->page->n && s->page->made - s->page->at < 2 * (size_t)s->server.smtp.connections) {
        return 0; /* there are mails to make */
    }
    if (s->page->at == s->page->n || !smtp_room(s->smtp)) {
        return IDLE_MICROS;
    }
    return s->server.rate && until_next > 0 && until_next < IDLE_MICROS ? until_next : IDLE_MICROS / 20;
}

/* Answers come one by one, and a commit costs the same for one as for many. */
static void gather(struct sending *s)
{
    int64_t until = time_monotonic() + GATHER_MICROS;

    smtp_turn(s->smtp, idle_time(s));
    while (smtp_under_way(s->smtp) && s->page->made == s->page->n && s->nendings && s->nendings * 2 < (size_t)s->server.smtp.connections
        && time_monotonic() < until) {
        smtp_turn(s->smtp, GATHER_MICROS / 4);
    }
}

/* Waits for what is on the connections; nothing new goes. */
static void drain(struct sending *s)
{
    int64_t until = time_monotonic() + DRAIN_MICROS;

    while (smtp_under_way(s->smtp) && time_monotonic() < until) {
        smtp_turn(s->smtp, IDLE_MICROS);
    }
}

/* Everything that is due, until nothing is, the server fails, or the process stops. *why: it fails. */
static enum err_code send_all(struct sending *s, const char **why)
{
    bool over;

    for (;;) {
        *why = NULL;
        if (job_work_stops(s->w)) {
            drain(s);
            return OK;
        }
        TRY(turn_page(s, &over));
        if (over) {
            *why = smtp_trouble(s->smtp, why) ? *why : NULL;
            return OK;
        }
        end_page(s);
        choose(s);
        TRY(go(s));
        if (s->page->made < s->page->n && s->page->made - s->page->at < 2 * (size_t)s->server.smtp.connections) {
            TRY(job_work_read(s->w, sending_make_slice, s));
        }
        gather(s);
        if (smtp_trouble(s->smtp, why) >= TROUBLE) {
            drain(s);
            return OK;
        }
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
    s->page = s->pages;
    TRY(job_work_write(w, recover, s));
    s->wrote_at = time_monotonic();
    TRY(load_texts(s));
    enum err_code code = smtp_open(w->mem, &s->server.smtp, done, s, &s->smtp, &w->err);
    if (code == OK) {
        code = send_all(s, &why);
        if (code != OK) { /* what the server still says is kept, whatever went wrong here; the pace is another's by now */
            drain(s);
            s->ngoing = 0;
            forget_pace(s);
            (void)!job_work_as_system(w, write_round, s);
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
    w->result = arena_fmt(w->mem, "{\"sent\": %" PRId64 "}", s->sent);
    return job_work_end(w, finish, &report);
}
