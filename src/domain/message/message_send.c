/* message_send.c - the job that sends what is due through one mail server.
 *
 * One job at a time works for a server, so its rate is the installation's. A round is one transaction: it notes what the
 * server has answered since the last one and marks as in flight what goes out next, at most one message for each
 * connection; only then are they sent. So what can be unknown after a crash is what was on the connections.
 *
 * Texts are filled in ahead of the sending, a page of people at a time in a read transaction. Whether somebody may be
 * written to is asked there, at the last moment, and the reason of a no is kept. */

#include "domain/message/message_steps.h"

#include "domain/consent/consent.h"

#include "base/log.h"
#include "model/link.h"
#include "model/merge.h"
#include "model/normal.h"
#include "model/org.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 400, SLICE = 16, DOMAINS = 512, TRIES = 6, TROUBLE = 5 };
enum { IDLE_MICROS = 20000, GATHER_MICROS = 2000, LOOK_MICROS = 1000000 };
enum { KEEP_MICROS = 15000000, DRAIN_MICROS = 30000000 }; /* the lease is of a minute */

struct page;
struct batch_state;

/* A message that is, or is about to be, ready. */
struct ready {
    int64_t id, contact;
    struct batch_state *batch;
    struct str to, from, data;
    const char *reason; /* it is not sent, and why; NULL: it is */
    int domain;
    struct page *page;
    bool transactional;
    bool his; /* it goes to the person's own address */
    bool held_out; /* of the control group: asked like the others, and not sent */
};

/* People who are due; those of one page may still be on their way while mails for the next are made. */
struct page {
    struct arena *mem;
    struct ready list[PAGE];
    size_t n, made, at, left; /* made: how many mails are; at: the next to go; left: not noted as ended yet */
    bool taken[PAGE];   /* by the network, or it does not go at all */
};

/* How fast one domain may get mails: slower when it asks for that, then again faster little by little. */
struct domain_pace {
    struct str name;
    int64_t next;     /* by the monotonic clock */
    double rate;      /* messages a second; 0: no limit */
    int64_t slowed;   /* when it last asked */
};

struct ending {
    struct ready *m;
    struct smtp_result r;
};

struct batch_state {
    struct batch b;
    struct mail_layout layout;
    struct mail_links links;
    bool usable;
    bool paced; /* b.next has moved */
};

struct sending {
    struct job_work *w;
    int64_t server_id;
    struct mail_server server;
    struct smtp *smtp;
    struct arena *texts, *keys;    /* layouts, of the model that they were read in; their keys */
    struct batch_state *batches;
    size_t nbatches;
    struct page pages[2], *page;   /* page: the one that goes out */
    struct ending endings[SMTP_CONNECTIONS_MAX + 2 * PAGE];
    size_t nendings;
    struct ready *going[SMTP_CONNECTIONS_MAX];
    bool stopped[SMTP_CONNECTIONS_MAX]; /* cancelled before it went */
    size_t ngoing;
    struct domain_pace domains[DOMAINS];
    size_t ndomains;
    int64_t next;                  /* when the server's rate lets the next one go */
    int64_t sent, looked_at, wrote_at;
    int64_t model; /* the version that the layouts were read in */
};

/* ---- what is sent by whom ---- */

static enum err_code read_batches(struct call *c, void *arg)
{
    struct sending *s = arg;
    struct batch *open;
    size_t n;

    s->model = c->model->version;
    TRY(mail_server_load(c, s->server_id, &s->server));
    TRY(batches_open(c, s->server_id, &open, &n));
    s->batches = ARENA_ARRAY(s->texts, struct batch_state, n ? n : 1);
    s->nbatches = n;
    for (size_t i = 0; i < n; i++) {
        struct batch_state *b = &s->batches[i];
        struct mail_sender sender;
        struct mail_text text;
        struct rows rows;
        b->b = open[i];
        b->links.mem = s->texts;
        enum err_code code = mail_sender_load(c, b->b.sender, &sender);
        code = code == OK ? mail_text_load(c, b->b.template, &text) : code;
        code = code == OK ? mail_layout_read(c, s->keys, &text, &sender, b->b.name, &b->layout) : code;
        b->usable = code == OK;
        if (code != OK) {
            TRY(err_from_input(code) ? OK : code);
            log_event(LOG_WARN, &(struct log_context) { .module = "message" }, "batch %" PRId64 " cannot be sent: %s",
                b->b.id, c->err.msg);
            err_clear(&c->err);
            continue;
        }
        TRY(db_query(c, &rows, SQL("SELECT \"url\" FROM \"message_links\" WHERE \"batch\" = $1 ORDER BY \"number\" LIMIT 500"),
            VALS(V(b->b.id))));
        while (b->links.n < MESSAGE_LINKS_MAX && rows_next(&rows)) {
            b->links.urls[b->links.n++] = col_text(&rows, 0);
        }
        TRY(rows_end(&rows));
        b->links.stored = b->links.n;
    }
    return OK;
}

/* ---- may he be written to? ---- */

/* What goes to him from the same page and stands in no row yet: of several campaigns that send together. */
static int64_t count_chosen(const struct ready *m)
{
    int64_t n = 0;

    for (size_t i = 0; i < m->page->made; i++) {
        const struct ready *other = &m->page->list[i];
        n += !m->page->taken[i] && !other->reason && !other->transactional && other->contact == m->contact;
    }
    return n;
}

static enum err_code count_recent(struct call *c, const struct batch *b, const struct ready *m, bool *full)
{
    int64_t n;

    *full = false;
    if (b->kind == BATCH_TRANSACTIONAL || !b->cap_count || !b->cap_days) {
        return OK;
    }
    TRY(db_int(c, &n,
        SQL("SELECT count(*) FROM \"messages\" m JOIN \"message_batches\" b ON b.\"id\" = m.\"batch\" WHERE m.\"contact\" = $1"
            " AND b.\"kind\" > 0 AND (m.\"accepted_at\" > $2 OR (m.\"state\" IN ('in_flight', 'unknown') AND m.\"at\" > $2))"),
        VALS(V(m->contact), V(c->now - DAYS(b->cap_days)))));
    *full = n + count_chosen(m) >= b->cap_count;
    return OK;
}

/* Somebody else of the same batch has this mailbox, and came first. */
static enum err_code shares_mailbox(struct call *c, const struct ready *m, bool *yes)
{
    int64_t id;

    for (size_t i = 0; i < m->page->n; i++) {
        const struct ready *other = &m->page->list[i];
        if (i < m->page->made && !other->reason && other->batch == m->batch && other->contact != m->contact
            && str_eq(other->to, m->to)) {
            *yes = true;
            return OK;
        }
    }
    return db_find(c, &id, yes,
        SQL("SELECT \"id\" FROM \"messages\" WHERE \"batch\" = $1 AND \"address\" = $2 AND \"contact\" <> $3 AND \"state\""
            " IN ('in_flight', 'accepted', 'unknown', 'bounced') LIMIT 1"),
        VALS(V(m->batch->b.id), V(m->to), V(m->contact)));
}

static enum err_code judge(struct call *c, const struct batch *b, struct record *person, struct ready *m)
{
    enum consent_verdict verdict = CONSENT_GIVEN;
    struct dbval email = person ? record_get(person, "email") : V_NULL;
    const char *why;
    struct str key, own;
    bool yes;

    if (!m->to.n && email.type == DB_TEXT) {
        m->to = email.s;
    }
    if (!m->to.n || !normal_email(c->mem, m->to, &key, &why) || !mime_is_address(key)) {
        m->reason = "no_address";
        return OK;
    }
    m->to = key;
    m->his = email.type == DB_TEXT && normal_email(c->mem, email.s, &own, &why) && str_eq(own, key);
    TRY(suppression_holds(c, key, &yes));
    m->reason = yes ? "suppressed" : NULL;
    if (m->reason || !b->purpose) {
        return OK;
    }
    if (record_get(person, "do_not_email").i) {
        m->reason = "do_not_email";
        return OK;
    }
    TRY(consent_verdict(c, person->id, b->purpose, STR("email"), &verdict));
    if (verdict != CONSENT_GIVEN) {
        m->reason = verdict == CONSENT_REFUSED ? "refused_consent" : "no_consent";
        return OK;
    }
    TRY(shares_mailbox(c, m, &yes));
    m->reason = yes ? "same_mailbox" : NULL;
    if (!m->reason) {
        TRY(count_recent(c, b, m, &yes));
        m->reason = yes ? "frequency" : NULL;
    }
    return OK;
}

/* ---- a page of messages ---- */

static int domain_of(struct sending *s, struct str address)
{
    ptrdiff_t at = str_find_byte(address, '@');
    struct str name = str_sub(address, (size_t)(at + 1), address.n);

    for (size_t i = 0; i < s->ndomains; i++) {
        if (str_eq(s->domains[i].name, name)) {
            return (int)i;
        }
    }
    if (s->ndomains == DOMAINS) {
        return 0; /* domains beyond share a pace */
    }
    s->domains[s->ndomains] = (struct domain_pace) { .name = arena_str(s->w->mem, name), .rate = (double)s->server.domain_rate };
    return (int)s->ndomains++;
}

/* Who was merged away meanwhile is the one he became, unless that one has a message of the batch himself. *person: NULL
 * when there is nobody to write to, and m->reason says why. */
static enum err_code find_person(struct call *c, struct ready *m, struct record **person)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    int64_t into = 0, other;
    bool has = false;

    *person = NULL;
    enum err_code code = record_load(c, people, m->contact, true, person);
    if (code == OK && (*person)->cells[people->deleted_at->cell].type == DB_NULL) {
        return OK;
    }
    if (code != OK && code != ERR_NOT_FOUND) {
        return code;
    }
    err_clear(&c->err);
    *person = NULL;
    m->reason = "deleted";
    TRY(merge_target(c, people, m->contact, &into));
    if (!into) {
        return OK;
    }
    m->reason = "merged";
    TRY(db_find(c, &other, &has, SQL("SELECT \"id\" FROM \"messages\" WHERE \"batch\" = $1 AND \"contact\" = $2 LIMIT 1"),
        VALS(V(m->batch->b.id), V(into))));
    if (has) {
        return OK;
    }
    m->reason = NULL;
    m->contact = into;
    code = record_load(c, people, into, true, person);
    if (code == ERR_NOT_FOUND || (code == OK && (*person)->cells[people->deleted_at->cell].type != DB_NULL)) {
        err_clear(&c->err);
        *person = NULL;
        m->reason = "deleted";
        return OK;
    }
    return code;
}

static enum err_code prepare_one(struct call *c, struct ready *m)
{
    struct batch_state *b = m->batch;
    struct mail_wish wish = { .message = m->id, .purpose = b->b.purpose, .track_opens = b->b.track_opens,
        .links = b->b.track_clicks ? &b->links : NULL };
    struct mail_bytes mail;

    if (m->contact) {
        TRY(find_person(c, m, &wish.person));
        if (!wish.person) {
            return OK;
        }
    }
    TRY(judge(c, &b->b, wish.person, m));
    m->reason = m->reason ? m->reason : m->held_out ? "held_out" : NULL;
    if (m->reason) {
        return OK;
    }
    wish.to = m->to;
    wish.links_are_his = m->his;
    TRY(mail_render(c, &b->layout, &wish, &mail));
    m->from = arena_str(m->page->mem, mail.from);
    m->data = arena_str(m->page->mem, mail.data);
    return OK;
}

static enum err_code take_rows(struct call *c, struct sending *s, struct batch_state *b, size_t most)
{
    struct page *p = s->page;
    size_t from = p->n;
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"contact\", \"address\", \"reason\" FROM \"messages\" WHERE \"batch\" = $1 AND \"state\" = 'planned' AND"
            " \"due\" <= $2 ORDER BY \"due\", \"id\" LIMIT $3"),
        VALS(V(b->b.id), V(c->now), V((int64_t)most))));
    while (p->n < PAGE && p->n - from < most && rows_next(&rows)) {
        p->list[p->n++] = (struct ready) { .id = col_int(&rows, 0), .contact = col_int(&rows, 1), .batch = b, .page = p,
            .transactional = b->b.kind == BATCH_TRANSACTIONAL,
            .to = arena_str(p->mem, stmt_text(rows.st, 2)), .held_out = str_is(stmt_text(rows.st, 3), "held_out") };
    }
    return rows_end(&rows);
}

/* The batches of a kind share what room there is. */
static enum err_code take_kind(struct call *c, struct sending *s, enum batch_kind kind)
{
    size_t waiting = 0;

    for (size_t i = 0; i < s->nbatches; i++) {
        waiting += s->batches[i].usable && s->batches[i].b.kind == kind;
    }
    for (size_t i = 0; i < s->nbatches && s->page->n < PAGE; i++) {
        struct batch_state *b = &s->batches[i];
        if (!b->usable || b->b.kind != kind) {
            continue;
        }
        size_t before = s->page->n, share = (PAGE - before) / waiting--;
        size_t hour = b->b.per_hour ? (size_t)(b->b.per_hour / 60 + 1) : PAGE;
        if (b->b.next > c->now) {
            continue;
        }
        TRY(take_rows(c, s, b, share < 1 ? 1 : share < hour ? share : hour));
        if (b->b.per_hour) {
            b->paced = true;
            b->b.next = c->now + (int64_t)(s->page->n - before) * HOURS(1) / b->b.per_hour;
        }
    }
    return OK;
}

/* What answers a person's act goes first. */
static enum err_code list_page(struct call *c, void *arg)
{
    struct sending *s = arg;
    struct page *p = s->page;

    arena_reset(p->mem);
    p->n = p->made = p->at = p->left = 0;
    memset(p->taken, 0, sizeof p->taken);
    TRY(take_kind(c, s, BATCH_TRANSACTIONAL));
    TRY(take_kind(c, s, BATCH_TRIGGERED));
    TRY(take_kind(c, s, BATCH_BROADCAST));
    p->left = p->n;
    return OK;
}

/* Some mails of the page, while the server reads what it was sent. */
static enum err_code make_slice(struct call *c, void *arg)
{
    struct sending *s = arg;
    struct page *p = s->page;

    if (c->model->version != s->model) { /* the layouts are of another: the rest waits for new ones */
        p->left -= p->n - p->made;
        p->n = p->made;
        s->looked_at = 0;
        return OK;
    }
    for (size_t end = p->made + SLICE < p->n ? p->made + SLICE : p->n; p->made < end; p->made++) {
        struct arena_mark mark = arena_mark(c->mem);
        struct ready *m = &p->list[p->made];
        enum err_code code = prepare_one(c, m);
        if (code != OK && err_from_input(code)) {
            log_event(LOG_WARN, &(struct log_context) { .module = "message" }, "mail %" PRId64 " cannot be made: %s", m->id,
                c->err.msg);
            err_clear(&c->err);
            m->reason = "not_rendered";
            code = OK;
        }
        TRY(code);
        m->to = arena_str(p->mem, m->to);
        m->domain = m->reason ? 0 : domain_of(s, m->to);
        arena_rewind(c->mem, mark);
    }
    return OK;
}

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
        TRY(end->m->reason ? note_skipped(c, end->m) : note_ending(c, end));
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

/* A domain that says "not so fast" gets half as many, then a tenth more each minute. */
static void slow_down(struct sending *s, struct ready *m)
{
    struct domain_pace *d = &s->domains[m->domain];
    double most = s->server.domain_rate ? (double)s->server.domain_rate : 100;

    d->rate = d->rate > 0 && d->rate < most ? d->rate / 2 : most / 2;
    d->rate = d->rate < 0.05 ? 0.05 : d->rate;
    d->slowed = time_monotonic();
}

static void done(void *owner, const struct smtp_item *item, const struct smtp_result *r)
{
    struct sending *s = owner;
    struct ready *m = item->arg;

    if (r->outcome == SMTP_DEFERRED && (r->code == 421 || r->code == 450 || r->code == 451 || r->code == 452)) {
        slow_down(s, m);
    }
    s->sent += r->outcome == SMTP_ACCEPTED;
    ended(s, m, r);
}

static bool domain_lets(struct sending *s, struct ready *m, int64_t now)
{
    struct domain_pace *d = &s->domains[m->domain];

    if (d->slowed && now - d->slowed > MINUTES(1)) {
        d->rate *= 1.1;
        d->slowed = now;
        double most = (double)s->server.domain_rate;
        if (most > 0 ? d->rate >= most : d->rate > 100) {
            d->rate = most;
            d->slowed = 0;
        }
    }
    if (d->rate <= 0) {
        return true;
    }
    if (d->next > now) {
        return false;
    }
    d->next = (d->next > now - SECONDS(1) ? d->next : now) + (int64_t)(1e6 / d->rate);
    return true;
}

/* The rate is kept by a clock and not by pauses, so that it does not depend on how fast the server answers. */
static bool server_lets(struct sending *s, int64_t now)
{
    if (!s->server.rate) {
        return true;
    }
    if (s->next > now) {
        return false;
    }
    s->next = (s->next > now - SECONDS(1) / 10 ? s->next : now) + SECONDS(1) / s->server.rate;
    return true;
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
        struct domain_pace *d = &s->domains[m->domain];
        if (p->taken[i]) {
            continue;
        }
        if (m->reason) {
            p->taken[i] = true;
            ended(s, m, &none);
        } else if (d->rate <= 0 || d->next <= now) {
            if (!server_lets(s, now)) {
                break;
            }
            if (domain_lets(s, m, now)) {
                p->taken[i] = true;
                s->going[s->ngoing++] = m;
            }
        }
    }
    while (p->at < p->made && p->taken[p->at]) {
        p->at++;
    }
}

static enum err_code go(struct sending *s)
{
    if (!s->nendings && !s->ngoing && time_monotonic() - s->wrote_at < KEEP_MICROS) {
        return OK;
    }
    s->w->done = s->sent;
    TRY(job_work_write(s->w, write_round, s)); /* also keeps the lease */
    s->wrote_at = time_monotonic();
    for (size_t i = 0; i < s->nbatches; i++) {
        s->batches[i].links.stored = s->batches[i].links.n;
        s->batches[i].paced = false;
    }
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

static enum err_code tell_state(struct call *c, const struct report *r)
{
    struct record *server, *change = record_of(c, "mail_server");
    const char *state = r->error ? "failing" : "ok";

    TRY(record_load(c, change->e, r->s->server_id, true, &server));
    struct dbval was = record_get(server, "state"), said = record_get(server, "error");
    if (was.type == DB_TEXT && str_is(was.s, state) && (!r->error || (said.type == DB_TEXT && str_is(said.s, r->error)))) {
        return OK;
    }
    change->id = r->s->server_id;
    change->trusted = change->quiet = change->replay = true;
    record_set(c, change, "state", V(state));
    record_set(c, change, "error", r->error ? V(str_sub(str_of(r->error), 0, 390)) : V_NULL);
    return record_update(c, change);
}

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
    enum err_code code = tell_state(c, r);
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
    enum err_code code = call_read(c, read_batches, s);
    if (code != OK) {
        s->w->err = c->err;
    }
    return code;
}

/* The next page, once all of the last one is on its way and the one before has ended. *over: nothing is due, and nothing
 * under way. */
static enum err_code turn_page(struct sending *s, bool *over)
{
    struct page *other = s->page == s->pages ? s->pages + 1 : s->pages;

    *over = false;
    if (s->page->at < s->page->n || other->left) {
        return OK;
    }
    if (time_monotonic() - s->looked_at > LOOK_MICROS) {
        TRY(load_texts(s)); /* another text, a batch that was paused or opened */
    }
    s->page = other;
    TRY(job_work_read(s->w, list_page, s));
    if (!s->page->n) {
        s->page = other == s->pages ? s->pages + 1 : s->pages;
        *over = !s->page->left;
    }
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
        choose(s);
        TRY(go(s));
        if (s->page->made < s->page->n && s->page->made - s->page->at < 2 * (size_t)s->server.smtp.connections) {
            TRY(job_work_read(s->w, make_slice, s));
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
    for (int i = 0; i < 2; i++) {
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
        if (code != OK) { /* what the server still says is kept, whatever went wrong here */
            drain(s);
            s->ngoing = 0;
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
