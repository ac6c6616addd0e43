/* message_round.c - what a job that sends has to note, one transaction after the other.
 *
 * A round is committed while the job's thread turns the connections and gathers the next one: a commit waits for the
 * disk, and an answer for the other side. Where one thread commits for all, it is handed to that; elsewhere to one of our
 * own. What a round marks as in flight is sent once it is on the disk; rows in flight are never more than there are
 * connections, since whatever has ended before is noted in the same transaction. */

#include "domain/message/message_sending.h"

#include "base/thread.h"
#include "base/time.h"
#include "model/org.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 6 };

struct rounds {
    struct sending *s;
    struct round two[2], *next, *written; /* next: is gathered; written: is being committed; NULL: none */
    struct job_later *later;              /* the call that commits it; NULL: our thread does */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool given; /* changed under the lock; atomic, since who is told by the bell must not wait for who rings it */
    bool over;  /* under the lock */
    enum err_code code;
};

/* ---- its transaction ---- */

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

static enum err_code note(struct call *c, const struct ending *end)
{
    return end->m->reason ? note_skipped(c, end->m) : end->m->put_off ? note_put_off(c, end->m) : note_ending(c, end);
}

static enum err_code store_links(struct call *c, const struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        const struct batch_state *b = &s->batches[i];
        for (size_t k = b->links.stored; k < b->storing; k++) {
            TRY(db_exec(c,
                SQL("INSERT INTO \"message_links\" (\"batch\", \"number\", \"url\") VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
                VALS(V(b->b.id), V((int64_t)k), V(b->links.urls[k]))));
        }
    }
    return OK;
}

static enum err_code store_pace(struct call *c, const struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        const struct batch_state *b = &s->batches[i];
        if (b->pacing) {
            TRY(db_exec(c, SQL("UPDATE \"message_batches\" SET \"next\" = $2 WHERE \"id\" = $1"),
                VALS(V(b->b.id), V(b->pacing_next))));
        }
    }
    return OK;
}

/* May run twice: it changes nothing but the database, and `stopped`. */
static enum err_code write_round(struct call *c, void *arg)
{
    struct rounds *r = arg;
    struct round *w = r->written;
    int64_t n;

    TRY(store_links(c, r->s));
    TRY(store_pace(c, r->s));
    for (size_t i = 0; i < w->nendings; i++) {
        TRY(note(c, &w->endings[i]));
    }
    for (size_t i = 0; i < w->ngoing; i++) {
        TRY(db_changed(c, &n,
            SQL("UPDATE \"messages\" SET \"state\" = 'in_flight', \"address\" = $2, \"at\" = $3, \"contact\" = $4 WHERE"
                " \"id\" = $1 AND \"state\" = 'planned' AND EXISTS (SELECT 1 FROM \"message_batches\" b WHERE b.\"id\" ="
                " \"messages\".\"batch\" AND b.\"state\" = 'open') AND NOT EXISTS (SELECT 1 FROM \"messages\" o WHERE"
                " o.\"batch\" = \"messages\".\"batch\" AND o.\"contact\" = $4 AND o.\"occasion\" = \"messages\".\"occasion\""
                " AND o.\"id\" <> $1)"),
            VALS(V(w->going[i]->id), V(w->going[i]->to), V(c->now), V(w->going[i]->contact))));
        w->stopped[i] = n == 0;
    }
    return OK;
}

/* ---- the thread that commits ---- */

static void committed(void *arg)
{
    struct rounds *r = arg;
    uint64_t one = 1;

    pthread_mutex_lock(&r->lock);
    __atomic_store_n(&r->given, false, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&r->moved);
    (void)!write(r->s->bell, &one, sizeof one);
    pthread_mutex_unlock(&r->lock);
}

/* Where each connection commits by itself. */
static void *work(void *arg)
{
    struct rounds *r = arg;

    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->given && !r->over) {
            pthread_cond_wait(&r->moved, &r->lock);
        }
        if (!r->given) {
            break;
        }
        pthread_mutex_unlock(&r->lock);
        r->code = job_work_write(r->s->w, write_round, r); /* also keeps the lease */
        committed(r);
        pthread_mutex_lock(&r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void rounds_close(void *arg)
{
    struct rounds *r = arg;

    pthread_mutex_lock(&r->lock);
    r->over = true;
    pthread_cond_broadcast(&r->moved);
    while (r->given) {
        pthread_cond_wait(&r->moved, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->thread, NULL);
    }
    if (r->later) {
        (void)!job_work_outcome(r->later);
    }
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
}

enum err_code rounds_open(struct sending *s)
{
    struct rounds *r = ARENA_NEW(s->w->mem, struct rounds);

    r->s = s;
    r->next = r->two;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->moved, NULL);
    arena_defer(s->w->mem, rounds_close, r);
    s->rounds = r;
    if (s->w->org->writer) {
        return OK;
    }
    r->started = thread_start(&r->thread, "kith-rounds", work, r);
    return r->started ? OK : err_set(&s->w->err, ERR_INTERNAL, NULL, "cannot start a thread");
}

/* ---- from the job's thread ---- */

const struct round *round_next(const struct sending *s)
{
    return s->rounds->next;
}

bool round_is_written(const struct sending *s)
{
    return s->rounds->written != NULL;
}

static void begin_content(struct round *n)
{
    n->since = n->nendings + n->ngoing ? n->since : time_monotonic();
}

void round_add_ending(struct sending *s, struct ready *m, const struct smtp_result *r)
{
    struct round *n = s->rounds->next;

    begin_content(n);
    n->endings[n->nendings++] = (struct ending) { m, *r };
}

void round_add_going(struct sending *s, struct ready *m)
{
    struct round *n = s->rounds->next;

    begin_content(n);
    n->going[n->ngoing++] = m;
}

bool round_has_pace(const struct sending *s)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        if (s->batches[i].paced) {
            return true;
        }
    }
    return false;
}

/* What the transaction reads, as it is now. */
static void freeze(struct rounds *r)
{
    struct sending *s = r->s;

    r->written = r->next;
    r->next = r->written == r->two ? r->two + 1 : r->two;
    r->next->nendings = r->next->ngoing = 0;
    for (size_t i = 0; i < s->nbatches; i++) {
        struct batch_state *b = &s->batches[i];
        b->storing = __atomic_load_n(&b->links.n, __ATOMIC_ACQUIRE);
        b->pacing = b->paced;
        b->pacing_next = b->b.next;
        b->paced = false;
    }
}

void round_write(struct sending *s)
{
    struct rounds *r = s->rounds;

    freeze(r);
    s->w->done = s->sent;
    s->wrote_at = time_monotonic();
    pthread_mutex_lock(&r->lock);
    r->given = true;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    if (!r->started) {
        r->code = job_work_submit(s->w, write_round, r, committed, r, &r->later);
        if (!r->later) {
            r->given = false; /* it was not taken, so nobody else looks at it */
        }
    }
}

/* After its commit: what has ended is over, what goes is handed over. */
static void hand_over(struct sending *s, struct round *n)
{
    for (size_t i = 0; i < s->nbatches; i++) {
        s->batches[i].links.stored = s->batches[i].storing;
    }
    for (size_t i = 0; i < n->nendings; i++) {
        n->endings[i].m->page->left--;
    }
    for (size_t i = 0; i < n->ngoing; i++) {
        struct ready *m = n->going[i];
        if (n->stopped[i]) {
            m->page->left--;
            continue;
        }
        smtp_send(s->smtp, &(struct smtp_item) { .from = m->from.p, .to = m->to.p, .data = m->data, .arg = m });
    }
    n->nendings = n->ngoing = 0;
}

enum err_code round_take(struct sending *s, bool wait)
{
    struct rounds *r = s->rounds;

    if (!r->written) {
        return OK;
    }
    if (wait) {
        pthread_mutex_lock(&r->lock);
        while (r->given) {
            pthread_cond_wait(&r->moved, &r->lock);
        }
        pthread_mutex_unlock(&r->lock);
    }
    if (__atomic_load_n(&r->given, __ATOMIC_ACQUIRE)) {
        return OK;
    }
    if (r->later) {
        r->code = job_work_outcome(r->later);
        r->later = NULL;
    }
    if (r->code == OK) {
        struct round *n = r->written;
        r->written = NULL;
        hand_over(s, n);
    }
    return r->code; /* a round that failed stays: nothing of it goes out, and rounds_rescue writes its endings */
}

enum err_code rounds_flush(struct sending *s)
{
    TRY(round_take(s, true));
    if (s->rounds->next->nendings || s->rounds->next->ngoing || round_has_pace(s)) {
        round_write(s);
        TRY(round_take(s, true));
    }
    return OK;
}

void round_end(struct sending *s)
{
    s->rounds->next->ngoing = 0;
    freeze(s->rounds);
}

enum err_code round_write_last(struct call *c, struct sending *s)
{
    return write_round(c, s->rounds);
}

static enum err_code write_endings(struct call *c, void *arg)
{
    const struct round *n = arg;

    for (size_t i = 0; i < n->nendings; i++) {
        TRY(note(c, &n->endings[i]));
    }
    return OK;
}

void rounds_rescue(struct sending *s)
{
    for (size_t i = 0; i < 2; i++) {
        if (s->rounds->two[i].nendings) {
            (void)!job_work_as_system(s->w, write_endings, &s->rounds->two[i]);
        }
    }
}
