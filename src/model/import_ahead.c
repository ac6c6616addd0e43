/* import_ahead.c - rows made ahead of the writing.
 *
 * The thread has reading calls only. It stops when SLICES slices are made and not yet written; a transaction takes
 * rows of one piece at most, so as many as a piece has must fit, and some for the next. */

#include "model/import_ahead.h"

#include "base/thread.h"
#include "model/import_job_steps.h"
#include "model/import_stage.h"
#include "model/import_steps.h"
#include "model/org.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLICE = 250, SLICES = PIECE_ROWS / SLICE + 4 };

struct slice {
    struct arena *mem, *call_mem;
    struct call c; /* holds the model */
    int64_t access_version;
    struct import_ready rows[SLICE];
};

struct piece {
    struct piece *next;
    struct arena *mem;
    struct str text;
    struct import_piece rows;
    size_t nslices;
    /* under the lock */
    struct slice **slices; /* NULL: not made yet, or given back */
    size_t made, written;  /* slices up to here; written: what is missing before nobody asks for */
    bool making, past;     /* the thread is at it; the writing side has done with it: who is last gives it back */
};

struct import_ahead {
    struct job_work *w;
    const struct import_source *source;
    int64_t position; /* where it begins */
    struct arena *mem;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct piece *first, *last; /* first: the one that is being written */
    bool taken;                 /* the first was given to the writing side */
    size_t held;                /* slices made and not given back */
    bool stop, over;
    struct err e; /* why it is over before the end */
    /* of the writing side: how long it has waited in the transaction that began then */
    int64_t began, waited;
};

/* ---- a row ---- */

/* Texts may stand in what goes with the call. */
static struct record *keep_record(struct arena *mem, const struct record *r)
{
    struct record *kept = ARENA_NEW(mem, struct record);
    size_t n = (size_t)r->e->ncells;

    kept->e = r->e;
    kept->cells = ARENA_ARRAY(mem, struct dbval, n + 1);
    for (size_t i = 0; i < n; i++) {
        kept->cells[i] = r->cells[i];
        if (r->cells[i].type == DB_TEXT || r->cells[i].type == DB_BLOB) {
            kept->cells[i].s = arena_str(mem, r->cells[i].s);
        }
    }
    return kept;
}

static bool has_looked_up(const struct live_entity *e, const json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const struct live_field *f = entity_field(e, str_of(name));
        if (f && import_is_looked_up(f->def.kind)) {
            return true;
        }
    }
    return false;
}

/* The cells of a row into r. *rest: some are left for the writing call. false: nothing can be made of it here. */
static bool fill(struct importing *im, struct record *r, size_t at, bool *rest)
{
    const struct import_rows *rows = im->rows;
    struct call *c = im->c;
    json_t *object;

    *rest = false;
    if (rows->lines) {
        return import_line(c, r->e, rows->cells[at][0], &object) == OK && !has_looked_up(r->e, object)
            && record_fill(c, r, object) == OK;
    }
    *rest = import_has_looked_up(im->p, rows->cells[at], rows->ncells[at]);
    import_fill(im, r, rows->cells[at], rows->ncells[at], rows->first_row + (int64_t)at, FILL_ALONE);
    return call_status(c) == OK && !im->warnings_buf.n;
}

static void make_row(struct call *c, const struct import_plan *p, const struct import_rows *rows, size_t at,
    bool alone, struct arena *mem, struct import_ready *out)
{
    struct importing im = { .c = c, .p = p, .rows = rows };
    struct record *r = record_new(c, p->e);
    bool *filled, rest;

    buf_init(&im.warnings_buf, c->mem, BODY_MAX);
    json_init(&im.warnings, &im.warnings_buf);
    if (!fill(&im, r, at, &rest)) {
        return;
    }
    filled = ARENA_ARRAY(mem, bool, p->e->nfields + 1);
    memcpy(filled, r->set, p->e->nfields * sizeof *filled);
    if (!rest && alone && record_make(c, r) != OK) {
        return;
    }
    *out = (struct import_ready) { keep_record(mem, r), filled, !rest && alone };
}

struct making {
    const struct import_ahead *a;
    const struct piece *piece;
    struct slice *slice;
    size_t from, n;
};

static enum err_code make_slice(struct call *c, void *arg)
{
    struct making *mk = arg;
    const struct import_source *src = mk->a->source;
    const struct live_entity *e = model_entity(c->model, src->entity);
    const struct import_piece *p = &mk->piece->rows;
    const struct import_rows rows = { .cells = p->cells, .ncells = p->ncells, .lines = src->lines, .n = p->n,
        .first_row = p->first_row };
    struct import_plan *plan;
    json_t *spec;

    if (!e) {
        return fail(c, ERR_NOT_FOUND, NULL, "the object is not there any more");
    }
    c->via = VIA_IMPORT;
    TRY(json_read(c->mem, src->spec, &spec, &c->err));
    TRY(import_plan_make(c, e, spec, src->dry, &plan));
    bool alone = record_stands_alone(c, e);
    for (size_t i = 0; i < mk->n; i++) {
        struct arena_mark mark = arena_mark(c->mem);
        make_row(c, plan, &rows, mk->from + i, alone, mk->slice->mem, &mk->slice->rows[i]);
        err_clear(&c->err);
        c->errors = NULL;
        arena_rewind(c->mem, mark);
    }
    return OK;
}

#ifdef KITH_TESTING
static _Atomic int64_t slow;

void import_ahead_slow(int64_t micros)
{
    slow = micros;
}

static void rest(void)
{
    usleep((unsigned)slow);
}
#else
static void rest(void)
{
}
#endif

static struct slice *new_slice(const struct import_ahead *a, const struct piece *piece, size_t k)
{
    struct arena *mem = arena_create(0);
    struct slice *s = ARENA_NEW(mem, struct slice);
    size_t from = k * SLICE, left = piece->rows.n - from;
    struct making mk = { a, piece, s, from, left < SLICE ? left : SLICE };

    s->mem = mem;
    s->call_mem = arena_create((size_t)a->w->org->cfg->arena_max * 4);
    s->access_version = __atomic_load_n(&a->w->org->access_version, __ATOMIC_RELAXED);
    call_init(&s->c, a->w->org, s->call_mem, user_system(), VIA_JOB);
    struct arena_mark mark = arena_mark(s->call_mem);
    if (job_work_look(a->w, &s->c, make_slice, &mk) != OK) {
        memset(s->rows, 0, sizeof s->rows); /* the writing call finds out what is the matter */
    }
    arena_rewind(s->call_mem, mark);
    return s;
}

static void free_slice(struct slice *s)
{
    arena_destroy(s->call_mem); /* gives the model back */
    arena_destroy(s->mem);
}

/* ---- pieces ---- */

struct loading {
    const struct import_source *source;
    int64_t position;
    struct piece *piece;
};

static enum err_code load_piece(struct call *c, void *arg)
{
    struct loading *l = arg;
    struct rows rows;
    bool found = false;

    TRY(db_query(c, &rows,
        SQL("SELECT \"first_row\", \"rows\", \"text\" FROM \"import_pieces\" WHERE \"import\" = $1 AND"
            " \"first_row\" <= $2 ORDER BY \"first_row\" DESC LIMIT 1"),
        VALS(V(l->source->import), V(l->position + 1))));
    if (rows_next(&rows)) {
        found = true;
        l->piece->rows.first_row = col_int(&rows, 0);
        l->piece->rows.n = (size_t)col_int(&rows, 1);
        l->piece->text = arena_str(l->piece->mem, stmt_text(rows.st, 2));
    }
    TRY(rows_end(&rows));
    return found ? OK : fail(c, ERR_NOT_FOUND, NULL, "the rows of this file are not kept any more");
}

/* The piece with the row behind a position; what was done of it before is not made. */
static enum err_code read_piece(struct import_ahead *a, int64_t position, struct piece **out, struct err *e)
{
    struct arena *mem = arena_create(0), *call_mem = arena_create((size_t)a->w->org->cfg->arena_max * 4);
    struct piece *p = ARENA_NEW(mem, struct piece);
    struct loading l = { a->source, position, p };
    struct call c;

    p->mem = mem;
    call_init(&c, a->w->org, call_mem, user_system(), VIA_JOB);
    enum err_code code = job_work_look(a->w, &c, load_piece, &l);
    *e = c.err;
    arena_destroy(call_mem);
    if (code == OK) {
        code = stage_rows(mem, p->text, p->rows.n, &p->rows.cells, &p->rows.ncells, &p->rows.n, e);
    }
    if (code == OK && p->rows.first_row - 1 + (int64_t)p->rows.n <= position) {
        code = err_set(e, ERR_NOT_FOUND, NULL, "the rows of this file are not kept any more");
    }
    if (code != OK) {
        arena_destroy(mem);
        return code;
    }
    p->nslices = (p->rows.n + SLICE - 1) / SLICE;
    p->slices = ARENA_ARRAY(mem, struct slice *, p->nslices + 1);
    p->made = p->written = (size_t)(position - (p->rows.first_row - 1)) / SLICE;
    p->making = true;
    *out = p;
    return OK;
}

static void free_piece(struct piece *p)
{
    for (size_t k = 0; k < p->nslices; k++) {
        if (p->slices[k]) {
            free_slice(p->slices[k]);
        }
    }
    arena_destroy(p->mem);
}

/* ---- the thread ---- */

static void append(struct import_ahead *a, struct piece *p)
{
    pthread_mutex_lock(&a->lock);
    *(a->last ? &a->last->next : &a->first) = p;
    a->last = p;
    pthread_cond_broadcast(&a->moved);
    pthread_mutex_unlock(&a->lock);
}

/* The slice to make next, when there is room for it; nslices for none. */
static size_t next_slice(struct import_ahead *a, struct piece *p)
{
    pthread_mutex_lock(&a->lock);
    while (a->held >= SLICES && !a->stop && !p->past) {
        pthread_cond_wait(&a->moved, &a->lock);
    }
    p->made = p->made < p->written ? p->written : p->made; /* the writing side was faster, and made those rows itself */
    size_t k = a->stop || p->past || p->made > p->nslices ? p->nslices : p->made;
    pthread_mutex_unlock(&a->lock);
    return k;
}

/* false: it is to stop. p may be gone behind it. */
static bool make_slices(struct import_ahead *a, struct piece *p)
{
    for (size_t k; (k = next_slice(a, p)) < p->nslices;) {
        rest();
        struct slice *s = new_slice(a, p, k);
        pthread_mutex_lock(&a->lock);
        bool wanted = k >= p->written && !p->past;
        if (wanted) {
            p->slices[k] = s;
            a->held++;
        }
        p->made = k + 1;
        pthread_cond_broadcast(&a->moved);
        pthread_mutex_unlock(&a->lock);
        if (!wanted) {
            free_slice(s);
        }
    }
    pthread_mutex_lock(&a->lock);
    p->making = false;
    bool past = p->past, stop = a->stop;
    pthread_mutex_unlock(&a->lock);
    if (past) {
        free_piece(p);
    }
    return !stop;
}

static void *work(void *arg)
{
    struct import_ahead *a = arg;
    int64_t position = a->position;
    struct err e = { 0 };
    bool go_on = true;

    while (go_on && e.code == OK && position < a->source->rows) {
        struct piece *p;
        if (read_piece(a, position, &p, &e) == OK) {
            position = p->rows.first_row - 1 + (int64_t)p->rows.n;
            append(a, p);
            go_on = make_slices(a, p);
        }
    }
    pthread_mutex_lock(&a->lock);
    a->over = true;
    a->e = e;
    pthread_cond_broadcast(&a->moved);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- the writing side ---- */

enum err_code import_ahead_start(
    struct job_work *w, const struct import_source *source, struct import_ahead **out)
{
    struct arena *mem = arena_create(0);
    struct import_ahead *a = ARENA_NEW(mem, struct import_ahead);

    *a = (struct import_ahead) { .w = w, .source = source, .position = source->position, .mem = mem };
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->moved, NULL);
    if (!thread_start(&a->thread, "kith-import", work, a)) {
        arena_destroy(mem);
        return err_set(&w->err, ERR_INTERNAL, NULL, "cannot start a thread");
    }
    *out = a;
    return OK;
}

/* Under the lock: takes slices out of a piece, into a list for which the caller has room. */
static size_t take_slices(struct import_ahead *a, struct piece *p, size_t before, struct slice **out)
{
    size_t n = 0;

    for (size_t k = 0; k < p->nslices && k < before; k++) {
        if (p->slices[k]) {
            out[n++] = p->slices[k];
            p->slices[k] = NULL;
        }
    }
    a->held -= n;
    pthread_cond_broadcast(&a->moved);
    return n;
}

static void free_all(struct slice **slices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free_slice(slices[i]);
    }
}

/* Where the thread still makes rows of it, which nobody needs any more, that gives it back. */
static void give_first_back(struct import_ahead *a)
{
    struct slice *given[SLICES];

    pthread_mutex_lock(&a->lock);
    struct piece *p = a->first;
    a->first = p->next;
    a->last = p->next ? a->last : NULL;
    a->taken = false;
    p->past = true;
    bool making = p->making;
    size_t n = take_slices(a, p, p->nslices, given);
    pthread_mutex_unlock(&a->lock);
    free_all(given, n);
    if (!making) {
        free_piece(p);
    }
}

enum err_code import_ahead_piece(struct import_ahead *a, struct import_piece *out, struct err *e)
{
    if (a->taken) {
        give_first_back(a);
    }
    pthread_mutex_lock(&a->lock);
    while (!a->first && !a->over) {
        pthread_cond_wait(&a->moved, &a->lock);
    }
    a->taken = a->first != NULL;
    if (a->taken) {
        *out = a->first->rows;
    } else if (a->e.code != OK) {
        *e = a->e;
    }
    bool taken = a->taken;
    pthread_mutex_unlock(&a->lock);
    return taken           ? OK
        : e->code != OK    ? e->code
                           : err_set(e, ERR_NOT_FOUND, NULL, "the rows of this file are not kept any more");
}

/* No transaction holds the writer up for longer than this, all its rows together, for what it can make itself. */
enum { PATIENCE_MICROS = 50000 };

/* Under the lock. */
static void wait_for(struct import_ahead *a, const struct piece *p, size_t slice, const struct call *c)
{
    int64_t from = time_now(), at;
    struct timespec until;

    a->waited = a->began == c->began ? a->waited : 0;
    a->began = c->began;
    at = from + PATIENCE_MICROS - a->waited;
    until.tv_sec = at / 1000000;
    until.tv_nsec = at % 1000000 * 1000;
    while (p->made <= slice && !a->over && time_now() < at && pthread_cond_timedwait(&a->moved, &a->lock, &until) == 0) {
    }
    a->waited += time_now() - from;
}

const struct import_ready *import_ahead_row(struct import_ahead *a, const struct call *c, size_t row)
{
    size_t k = row / SLICE;

    pthread_mutex_lock(&a->lock);
    const struct piece *p = a->first;
    if (p->made <= k) {
        wait_for(a, p, k, c);
    }
    const struct slice *s = p->made > k ? p->slices[k] : NULL;
    pthread_mutex_unlock(&a->lock);
    /* the slice holds its model, so no other can stand at the same address */
    bool good = s && s->c.model == c->model
        && s->access_version == __atomic_load_n(&c->org->access_version, __ATOMIC_RELAXED);
    return good ? &s->rows[row % SLICE] : NULL;
}

void import_ahead_written(struct import_ahead *a, size_t rows)
{
    struct slice *given[SLICES];

    pthread_mutex_lock(&a->lock);
    a->first->written = rows / SLICE;
    size_t n = take_slices(a, a->first, rows / SLICE, given);
    pthread_mutex_unlock(&a->lock);
    free_all(given, n);
}

void import_ahead_stop(struct import_ahead *a)
{
    if (!a) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->moved);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    for (struct piece *p = a->first, *next; p; p = next) {
        next = p->next;
        free_piece(p);
    }
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->moved);
    arena_destroy(a->mem);
}
