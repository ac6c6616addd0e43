/* expr_eval.c - the memory back end: one record, its fields asked of the row source. */

#include "model/expr_tree.h"

#include "base/calc.h"
#include "base/utf8.h"

#include <string.h>

static void set_absent(struct value *v, enum value_type type)
{
    *v = (struct value) { .type = type, .absent = true };
}

/* ---- what functions of modules keep for the next ---- */

struct expr_kept {
    const void *of; /* whose it is */
    int64_t id;     /* of the record */
    struct str key;
    void *what;
    struct expr_kept *next;
};

void *expr_memo_find(const struct expr_rows *rows, const void *of, int64_t id, struct str key)
{
    for (struct expr_kept *m = rows->memo ? rows->memo->first : NULL; m; m = m->next) {
        if (m->of == of && m->id == id && str_eq(m->key, key)) {
            return m->what;
        }
    }
    return NULL;
}

void expr_memo_keep(const struct expr_rows *rows, const void *of, int64_t id, struct str key, void *what)
{
    if (rows->memo) {
        struct expr_kept *m = ARENA_NEW(rows->memo->mem, struct expr_kept);
        *m = (struct expr_kept) { of, id, key, what, rows->memo->first };
        rows->memo->first = m;
    }
}

/* What the row source gave, in the form that the operators expect: money by its base amount,
 * a month and day without year absent. */
static void settle(const struct expr *x, struct value *v)
{
    v->type = x->type;
    if (v->absent) {
        set_absent(v, x->type);
    } else if (x->type == VALUE_DATE && v->base == DATE_MONTH_DAY) {
        v->absent = true;
    } else if (x->type == VALUE_MONEY) {
        v->i = v->base;
        v->absent = v->no_base;
    }
}

/* The id behind the references of a path: *absent when one of them leads nowhere. */
enum err_code expr_walk(
    struct expr_reader *r, const struct expr *x, size_t steps, int64_t *id, bool *absent)
{
    *id = r->id;
    *absent = false;
    for (size_t i = 0; i < steps; i++) {
        struct value v = { 0 };
        TRY(r->rows->field(r->rows->arg, x->path[i], *id, &v));
        if (v.absent) {
            *absent = true;
            return OK;
        }
        *id = v.i;
    }
    return OK;
}

/* The field as its source gives it: own amounts and months with days included. */
static enum err_code read_raw(struct expr_reader *r, const struct expr *x, struct value *out)
{
    int64_t id;
    bool absent;

    TRY(expr_walk(r, x, x->npath - 1, &id, &absent));
    if (absent) {
        set_absent(out, x->type);
        return OK;
    }
    *out = (struct value) { 0 };
    return r->rows->field(r->rows->arg, x->path[x->npath - 1], id, out);
}

static enum err_code read_field(struct expr_reader *r, const struct expr *x, struct value *out)
{
    const struct live_field *f = x->path[x->npath - 1];

    if (!f->expr || f->stored) {
        TRY(read_raw(r, x, out));
        settle(x, out);
        return OK;
    }
    struct expr_reader inner = *r;
    bool absent;
    TRY(expr_walk(r, x, x->npath - 1, &inner.id, &absent));
    /* a record in the bin has no fields, computed ones included */
    if (!absent && x->npath > 1 && f->entity->id) {
        struct value id = { 0 };
        TRY(r->rows->field(r->rows->arg, f->entity->id, inner.id, &id));
        absent = id.absent;
    }
    if (absent || ++inner.depth > EXPR_DEPTH_MAX) {
        set_absent(out, x->type);
        return OK;
    }
    return expr_read(&inner, f->expr, out);
}

static enum err_code read_literal(struct expr_reader *r, const struct expr *x, struct value *out)
{
    *out = x->value;
    if (x->lit == LIT_NOW) {
        out->i = r->now;
    } else if (x->lit == LIT_TODAY) {
        out->i = zone_date(x->env->zone, r->now);
    } else if (x->lit == LIT_ME) {
        out->i = r->me;
        out->absent = r->me == 0;
    }
    return OK;
}

/* ---- rows ---- */

__extension__ typedef __int128 wide;

struct totals {
    int64_t count, best;
    wide sum; /* of at most 2^63 rows of 64 bits: cannot overflow */
    bool hit, miss; /* a row that meets the filter; one that does not */
    bool any;
};

static enum err_code take_row(
    struct expr_reader *r, const struct expr *x, struct totals *t, bool *done)
{
    bool meets = true;
    struct value v = { .absent = true };

    if (x->where) {
        TRY(expr_read_if(r, x->where, &meets));
    }
    t->hit |= meets;
    t->miss |= !meets;
    *done = (x->rows == ROWS_ANY || x->rows == ROWS_NONE) ? t->hit
          : x->rows == ROWS_ALL                           ? t->miss
                                                          : false;
    if (!meets) {
        return OK;
    }
    if (x->n) {
        TRY(expr_read(r, x->args[0], &v));
        if (v.absent) {
            return OK;
        }
        bool better = x->rows == ROWS_MIN ? v.i < t->best : v.i > t->best;
        t->best = !t->any || better ? v.i : t->best;
        t->any = true;
        t->sum += v.i;
    }
    t->count++;
    return OK;
}

static void finish_rows(const struct expr *x, const struct totals *t, struct value *out)
{
    bool fits = t->sum >= INT64_MIN && t->sum <= INT64_MAX;

    if (x->rows == ROWS_COUNT) {
        out->i = t->count;
    } else if (x->rows == ROWS_ANY) {
        out->i = t->hit;
    } else if (x->rows == ROWS_NONE) {
        out->i = !t->hit;
    } else if (x->rows == ROWS_ALL) {
        out->i = !t->miss;
    } else if (!t->any) {
        out->absent = true;
    } else if (x->rows == ROWS_MIN || x->rows == ROWS_MAX) {
        out->i = t->best;
    } else if (!fits) {
        out->absent = true;
    } else if (x->rows == ROWS_SUM) {
        out->i = (int64_t)t->sum;
    } else {
        out->absent = !calc_div((int64_t)t->sum, t->count, x->scale - x->args[0]->scale, &out->i);
    }
}

static enum err_code read_rows(struct expr_reader *r, const struct expr *x, struct value *out)
{
    struct expr_reader inner = *r;
    struct totals t = { 0 };
    int64_t parent, *ids = NULL;
    size_t n = 0;
    bool absent, done = false;

    TRY(expr_walk(r, x, x->npath, &parent, &absent));
    if (!absent && x->npath && x->parent->id) {
        struct value id = { 0 };
        TRY(r->rows->field(r->rows->arg, x->parent->id, parent, &id));
        absent = id.absent;
    }
    if (!absent) {
        TRY(r->rows->children(r->rows->arg, x->child, parent, &ids, &n));
    }
    for (size_t i = 0; i < n && !done; i++) {
        inner.id = ids[i];
        TRY(take_row(&inner, x, &t, &done));
    }
    finish_rows(x, &t, out);
    return OK;
}

/* ---- any node ---- */

struct expr_call expr_call_of(const struct expr *x)
{
    const struct expr_extension *e = x->extension;
    struct expr_call call = { (const struct expr *const *)x->args, x->n, x->parent };
    bool text = x->n && x->args[0]->node == NODE_LITERAL && x->args[0]->lit == LIT_TEXT;

    if (e->about) {
        call.entity = e->about(e->arg, x->env->model, text ? x->args[0]->name : STR(""));
    }
    return call;
}

static enum err_code read_extension(struct expr_reader *r, const struct expr *x, struct value *out)
{
    const struct expr_extension *e = x->extension;
    struct expr_call call = expr_call_of(x);

    if (!e->eval) {
        out->absent = true;
        return OK;
    }
    return e->eval(e->arg, &call, r->rows, r->mem, r->id, r->now, r->me, out);
}

static enum err_code read_op(struct expr_reader *r, const struct expr *x, struct value *out)
{
    const struct expr_op *op = x->op->negates ? x->op->negates : x->op;
    struct value few[4] = { 0 }, *a = few;

    if (!op->lazy) {
        if (x->n > 4) {
            a = ARENA_ARRAY(r->mem, struct value, x->n);
        }
        for (size_t i = 0; i < x->n; i++) {
            TRY(expr_read(r, x->args[i], &a[i]));
        }
    }
    TRY(op->eval(r, x, a, out));
    if (x->op->negates) {
        out->i = !out->i;
        out->absent = false;
    }
    return OK;
}

static enum err_code read_logic(struct expr_reader *r, const struct expr *x, struct value *out)
{
    bool yes = false;

    for (size_t i = 0; i < x->n; i++) {
        TRY(expr_read_if(r, x->args[i], &yes));
        if (yes != (x->node == NODE_AND)) {
            break; /* decided */
        }
    }
    out->i = x->node == NODE_NOT ? !yes : yes;
    return OK;
}

enum err_code expr_read_plain(struct expr_reader *r, const struct expr *x, struct value *out)
{
    *out = (struct value) { .type = x->type };
    switch ((int)x->node) {
    case NODE_LITERAL:
        TRY(read_literal(r, x, out));
        break;
    case NODE_FIELD:
        TRY(read_field(r, x, out));
        break;
    case NODE_ROWS:
        TRY(read_rows(r, x, out));
        break;
    case NODE_OP:
        TRY(read_op(r, x, out));
        break;
    case NODE_EXTENSION:
        TRY(read_extension(r, x, out));
        break;
    default:
        TRY(read_logic(r, x, out));
        break;
    }
    out->type = x->type;
    out->scale = x->scale;
    return OK;
}

enum err_code expr_read(struct expr_reader *r, const struct expr *x, struct value *out)
{
    TRY(expr_read_plain(r, x, out));
    out->scale = (uint8_t)(out->scale + x->up);
    if (x->up && !out->absent) {
        out->absent = !calc_mul(out->i, expr_pow10(x->up), 0, &out->i);
    }
    return OK;
}

enum err_code expr_read_if(struct expr_reader *r, const struct expr *x, bool *out)
{
    struct value v;

    TRY(expr_read(r, x, &v));
    *out = !v.absent && v.i;
    return OK;
}

static enum err_code no_field(
    void *arg, const struct live_field *f, int64_t id, struct value *out)
{
    (void)arg, (void)f, (void)id;
    out->absent = true;
    return OK;
}

static enum err_code no_children(
    void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n)
{
    (void)arg, (void)child, (void)id;
    *ids = NULL;
    *n = 0;
    return OK;
}

struct value expr_constant(const struct expr *x, struct arena *mem, int64_t now, int64_t me)
{
    static const struct expr_rows none = { NULL, no_field, no_children };
    struct expr_reader r = { .rows = &none, .mem = mem, .now = now, .me = me };
    struct value v;

    if (expr_read(&r, x, &v) != OK) {
        set_absent(&v, x->type);
    }
    return v;
}

struct value expr_constant_value(const struct expr *x, struct arena *mem, int64_t now, int64_t me)
{
    struct value v = { .type = x->type, .absent = true };

    return x->constant ? expr_constant(x, mem, now, me) : v;
}

enum err_code expr_eval(const struct expr *x, const struct expr_rows *rows, struct arena *mem,
    int64_t now, int64_t me, struct value *out)
{
    struct expr_reader r = { .rows = rows, .mem = mem, .now = now, .me = me };

    TRY(expr_read(&r, x, out));
    if (x->type == VALUE_MONEY) {
        out->base = out->i;
        out->currency = x->env->model->currency;
    }
    return OK;
}

/* ---- the operators that look at fields themselves ---- */

EVAL(expr_eval_present)
{
    struct value raw;

    (void)a;
    *out = (struct value) { .type = VALUE_BOOL };
    if (x->args[0]->node == NODE_FIELD) {
        const struct live_field *f = x->args[0]->path[x->args[0]->npath - 1];
        if (f->stored || !f->expr) {
            TRY(read_raw(r, x->args[0], &raw));
            out->i = !raw.absent && !(x->args[0]->type == VALUE_LIST &&
                                      (raw.s.n == 0 || str_is(raw.s, "[]")));
            return OK;
        }
    }
    out->i = !a[0].absent;
    return OK;
}

/* Own amount of the field in a comparison with `500 EUR`. */
static enum err_code own_amount(struct expr_reader *r, const struct expr *x, struct value *out)
{
    TRY(read_raw(r, x->args[0], out));
    out->absent |= !str_eq(out->currency, x->currency);
    return OK;
}

static bool holds(const char *sign, int order)
{
    return sign[0] == '=' ? order == 0
         : sign[0] == '<' ? (order < 0 || (sign[1] && order == 0))
                          : (order > 0 || (sign[1] && order == 0));
}

/* The order of two arguments. One that was raised past the largest number is still known to be
 * larger or smaller than a constant beside it, as SQL finds by lowering the constant. */
static enum err_code order(struct expr_reader *r, const struct expr *a, const struct value *va,
    const struct expr *b, const struct value *vb, int *out, bool *absent)
{
    bool left = va->absent && a->up && b->constant && !vb->absent;
    bool right = vb->absent && b->up && a->constant && !va->absent;
    struct value plain;

    if (!left && !right) {
        *out = expr_order(a, va, b, vb, r->mem, absent);
        return OK;
    }
    TRY(expr_read_plain(r, left ? a : b, &plain));
    *absent = plain.absent;
    *out = (plain.i > 0) == left ? 1 : -1;
    return OK;
}

enum err_code expr_compare(struct expr_reader *r, const struct expr *a, const struct expr *b,
    int *out, bool *absent)
{
    struct value va, vb;

    *absent = false;
    TRY(expr_read(r, a, &va));
    TRY(expr_read(r, b, &vb));
    return order(r, a, &va, b, &vb, out, absent);
}

EVAL(expr_eval_compare)
{
    const struct expr_op *op = x->op->negates ? x->op->negates : x->op;
    bool absent = false;
    int found;

    *out = (struct value) { .type = VALUE_BOOL };
    if (x->own) {
        struct value own;
        TRY(own_amount(r, x, &own));
        out->i = !own.absent && holds(op->name, (own.i > a[1].i) - (own.i < a[1].i));
        return OK;
    }
    TRY(order(r, x->args[0], &a[0], x->args[1], &a[1], &found, &absent));
    out->i = !absent && holds(op->name, found);
    return OK;
}

EVAL(expr_eval_between)
{
    bool no_low = false, no_high = false;
    int low, high;

    *out = (struct value) { .type = VALUE_BOOL };
    if (x->own) {
        struct value own;
        TRY(own_amount(r, x, &own));
        out->i = !own.absent && own.i >= a[1].i && own.i <= a[2].i;
        return OK;
    }
    TRY(order(r, x->args[0], &a[0], x->args[1], &a[1], &low, &no_low));
    TRY(order(r, x->args[0], &a[0], x->args[2], &a[2], &high, &no_high));
    out->i = !no_low && !no_high && low >= 0 && high <= 0;
    return OK;
}

EVAL(expr_eval_in)
{
    (void)r;
    *out = (struct value) { .type = VALUE_BOOL };
    for (size_t i = 1; i < x->n && !out->i; i++) {
        bool absent = false;
        int found = expr_order(x->args[0], &a[0], x->args[i], &a[i], r->mem, &absent);
        out->i = !absent && found == 0;
    }
    return OK;
}
