/* message_page.c - who is due at a mail server, may he be written to, and his mail.
 *
 * Texts are filled in ahead of the sending, a page of people at a time in a read transaction. Whether somebody may be
 * written to is asked there, at the last moment, and the reason of a no is kept. */

#include "domain/message/message_sending.h"

#include "domain/consent/consent.h"

#include "base/log.h"
#include "base/time.h"
#include "model/merge.h"
#include "model/normal.h"

#include <inttypes.h>
#include <string.h>

/* Each is a read of its own: it sees what was noted before, and holds up nobody who tidies the file for longer. */
enum { SLICE_MICROS = 5000 };

/* ---- what is sent by whom ---- */

enum err_code sending_read_batches(struct call *c, void *arg)
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

/* It goes to him from the same page, whether it stands in its row yet or not: of several campaigns that send together. */
static bool is_chosen(const struct ready *m, size_t i)
{
    const struct ready *other = &m->page->list[i];

    return !other->reason && !other->transactional && other->contact == m->contact
        && __atomic_load_n(&m->page->fate[i], __ATOMIC_RELAXED) != FATE_NOT_SENT;
}

static bool is_counted(const struct ready *m, int64_t id)
{
    for (size_t i = 0; i < m->page->made; i++) {
        if (m->page->list[i].id == id) {
            return is_chosen(m, i);
        }
    }
    return false;
}

static enum err_code count_recent(struct call *c, const struct batch *b, const struct ready *m, bool *full)
{
    struct rows rows;
    int64_t n = 0;

    *full = false;
    if (b->kind == BATCH_TRANSACTIONAL || !b->cap_count || !b->cap_days) {
        return OK;
    }
    for (size_t i = 0; i < m->page->made; i++) {
        n += is_chosen(m, i);
    }
    TRY(db_query(c, &rows,
        SQL("SELECT m.\"id\" FROM \"messages\" m JOIN \"message_batches\" b ON b.\"id\" = m.\"batch\" WHERE m.\"contact\" = $1"
            " AND b.\"kind\" > 0 AND (m.\"accepted_at\" > $2 OR (m.\"state\" IN ('in_flight', 'unknown') AND m.\"at\" > $2))"
            " LIMIT $3"),
        VALS(V(m->contact), V(c->now - DAYS(b->cap_days)), V(b->cap_count + MAIL_PAGE))));
    while (rows_next(&rows)) {
        n += !is_counted(m, col_int(&rows, 0));
    }
    TRY(rows_end(&rows));
    *full = n >= b->cap_count;
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
    while (p->n < MAIL_PAGE && p->n - from < most && rows_next(&rows)) {
        p->list[p->n++] = (struct ready) { .id = col_int(&rows, 0), .contact = col_int(&rows, 1), .batch = b, .page = p,
            .transactional = b->b.kind == BATCH_TRANSACTIONAL,
            .to = arena_str(p->mem, stmt_text(rows.st, 2)), .held_out = str_is(stmt_text(rows.st, 3), "held_out") };
    }
    return rows_end(&rows);
}

void sending_give_back(struct page *p, size_t from)
{
    for (size_t i = from; i < p->n; i++) {
        struct batch_state *b = p->list[i].batch;
        if (p->fate[i]) {
            continue;
        }
        p->left--;
        if (b->b.per_hour) {
            b->b.next -= HOURS(1) / b->b.per_hour;
            b->paced = true;
        }
    }
}

/* The batches of a kind share what room there is. */
static enum err_code take_kind(struct call *c, struct sending *s, enum batch_kind kind)
{
    size_t waiting = 0;

    for (size_t i = 0; i < s->nbatches; i++) {
        waiting += s->batches[i].usable && s->batches[i].b.kind == kind;
    }
    for (size_t i = 0; i < s->nbatches && s->page->n < MAIL_PAGE; i++) {
        struct batch_state *b = &s->batches[i];
        if (!b->usable || b->b.kind != kind) {
            continue;
        }
        size_t before = s->page->n, share = (MAIL_PAGE - before) / waiting--;
        size_t hour = b->b.per_hour ? (size_t)(b->b.per_hour / 60 + 1) : MAIL_PAGE;
        if (b->b.next > c->now) {
            continue;
        }
        TRY(take_rows(c, s, b, share < 1 ? 1 : share < hour ? share : hour));
        if (b->b.per_hour && s->page->n > before) {
            b->paced = true;
            b->b.next = c->now + (int64_t)(s->page->n - before) * HOURS(1) / b->b.per_hour;
        }
    }
    return OK;
}

/* What answers a person's act goes first. */
enum err_code sending_list_page(struct call *c, void *arg)
{
    struct sending *s = arg;
    struct page *p = s->page;

    arena_reset(p->mem);
    p->n = p->made = p->known = p->at = p->left = 0;
    memset(p->fate, 0, sizeof p->fate);
    TRY(take_kind(c, s, BATCH_TRANSACTIONAL));
    TRY(take_kind(c, s, BATCH_TRIGGERED));
    TRY(take_kind(c, s, BATCH_BROADCAST));
    p->left = p->n;
    return OK;
}

enum err_code sending_make_slice(struct call *c, void *arg)
{
    struct slice *l = arg;
    struct page *p = l->page;

    l->stale = c->model->version != l->s->model;
    if (l->stale) {
        return OK;
    }
    int64_t until = time_monotonic() + SLICE_MICROS;
    for (size_t i = p->made; i < l->end && !__atomic_load_n(l->rest, __ATOMIC_RELAXED) && time_monotonic() < until; i++) {
        struct arena_mark mark = arena_mark(c->mem);
        struct ready *m = &p->list[i];
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
        arena_rewind(c->mem, mark);
        __atomic_store_n(&p->made, i + 1, __ATOMIC_RELEASE);
        l->told(l->owner);
    }
    return OK;
}
