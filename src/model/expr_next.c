/* expr_next.c - when does time alone change an answer?
 *
 * Words of the calendar (today, age, in_period, ...) can change only where a day begins. What
 * counts from `now` changes steadily: between two such days a comparison of steadily growing or
 * falling sides turns over at one instant at most for each of its orders, found by halving. The
 * answer is never too late; where the direction is not known it may be too early. */

#include "model/expr_tree.h"

enum trend { STILL, RISES, FALLS, UNSURE };

static enum trend turned(enum trend t)
{
    return t == RISES ? FALLS : t == FALLS ? RISES : t;
}

static enum trend together(enum trend a, enum trend b)
{
    return a == STILL ? b : b == STILL || a == b ? a : UNSURE;
}

static enum err_code trend_of(struct expr_reader *r, const struct expr *x, enum trend *out);

/* Times or divided by what stands still: its sign tells. Each side is looked at once, or a deep
 * product would take time without end. */
static enum err_code trend_term(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    enum trend a, b;
    struct value v;

    TRY(trend_of(r, x->args[0], &a));
    TRY(trend_of(r, x->args[1], &b));
    bool second = x->op->name[0] == '*' && a == STILL;
    if ((second ? a : b) != STILL) {
        *out = UNSURE;
        return OK;
    }
    *out = second ? b : a;
    if (*out == RISES || *out == FALLS) {
        TRY(expr_read(r, x->args[!second], &v));
        *out = v.absent || v.i == 0 ? STILL : v.i < 0 ? turned(*out) : *out;
    }
    return OK;
}

/* The argument that coalesce or if takes now; a change of that is a break of its own. */
static enum err_code trend_chosen(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    bool yes;

    *out = STILL;
    if (x->op->name[0] == 'i') {
        TRY(expr_read_if(r, x->args[0], &yes));
        return trend_of(r, x->args[yes ? 1 : 2], out);
    }
    for (size_t i = 0; i < x->n; i++) {
        struct value v;
        TRY(expr_read(r, x->args[i], &v));
        if (!v.absent) {
            return trend_of(r, x->args[i], out);
        }
    }
    return OK;
}

static enum err_code trend_sum(struct expr_reader *r, const struct expr *x, bool minus,
    enum trend *out)
{
    enum trend a, b;

    TRY(trend_of(r, x->args[0], &a));
    TRY(trend_of(r, x->args[1], &b));
    *out = together(a, minus ? turned(b) : b);
    return OK;
}

/* All arguments the same way. */
static enum err_code trend_all(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    *out = STILL;
    for (size_t i = 0; i < x->n; i++) {
        enum trend t;
        TRY(trend_of(r, x->args[i], &t));
        *out = together(*out, t);
    }
    return OK;
}

static bool is_call(const struct expr *x, const char *name)
{
    return str_is(str_of(x->op->name), name);
}

static enum err_code trend_call(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    static const char *const steady[] = { "min", "max", "round", "floor", "ceil", "date", "year" };

    if (is_call(x, "coalesce") || is_call(x, "if")) {
        return trend_chosen(r, x, out);
    }
    if (is_call(x, "days_between")) {
        TRY(trend_sum(r, x, true, out));
        *out = turned(*out);
        return OK;
    }
    TRY(trend_all(r, x, out));
    if (is_call(x, "age")) {
        *out = turned(*out);
        return OK;
    }
    for (size_t i = 0; i < sizeof steady / sizeof *steady; i++) {
        if (is_call(x, steady[i])) {
            return OK;
        }
    }
    *out = *out == STILL ? STILL : UNSURE;
    return OK;
}

static enum err_code trend_field(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    const struct live_field *f = x->path[x->npath - 1];
    struct expr_reader inner = *r;
    bool absent;

    *out = STILL;
    TRY(expr_walk(r, x, x->npath - 1, &inner.id, &absent));
    return absent || f->stored || !f->expr ? OK : trend_of(&inner, f->expr, out);
}

/* Between two breaks: which way does the value of x go? */
static enum err_code trend_of(struct expr_reader *r, const struct expr *x, enum trend *out)
{
    *out = STILL;
    if (!x->clock || expr_is_condition(x)) {
        return OK;
    }
    if (x->node == NODE_LITERAL) {
        *out = x->lit == LIT_NOW ? RISES : STILL;
        return OK;
    }
    if (x->node == NODE_FIELD) {
        return trend_field(r, x, out);
    }
    if (x->node != NODE_OP) {
        *out = x->node == NODE_ROWS && x->n && x->args[0]->clock ? UNSURE : STILL;
        return OK;
    }
    if (x->op->shape == SHAPE_SUM) {
        return trend_sum(r, x, x->op->name[0] == '-', out);
    }
    if (x->op->shape == SHAPE_TERM) {
        return trend_term(r, x, out);
    }
    if (x->op->shape == SHAPE_SIGN) {
        TRY(trend_of(r, x->args[0], out));
        *out = turned(*out);
        return OK;
    }
    return trend_call(r, x, out);
}

/* ---- turning points ---- */

enum { NO_ORDER = 2 };

struct pair { /* b NULL: the value of a itself */
    const struct expr *a, *b;
    int order;
    struct value value;
};

static enum err_code look(struct expr_reader *r, struct pair *p)
{
    bool absent;

    if (!p->b) {
        return expr_read(r, p->a, &p->value);
    }
    TRY(expr_compare(r, p->a, p->b, &p->order, &absent));
    p->order = absent ? NO_ORDER : (p->order > 0) - (p->order < 0);
    return OK;
}

static bool differs(const struct pair *a, const struct pair *b)
{
    if (a->b) {
        return a->order != b->order;
    }
    return a->value.absent != b->value.absent ||
           (!a->value.absent && (a->value.i != b->value.i || !str_eq(a->value.s, b->value.s)));
}

/* The first instant in (now, end] at which the pair stands otherwise; lowers *next to it. */
static enum err_code turning_point(
    struct expr_reader *r, const struct expr *a, const struct expr *b, int64_t *next)
{
    const int64_t far = DAYS(365 * 150), end = expr_end_instant() - 1; /* date() knows no more */
    int64_t low = r->now, high = *next - 1; /* at *next another stretch begins */
    struct pair start = { a, b, 0, { 0 } }, there = start;
    struct expr_reader at = *r;

    if (high > low + far) {
        high = low + far;
    }
    high = low < end && high > end ? end : high;
    if (high <= low) {
        return OK;
    }
    TRY(look(r, &start));
    at.now = high;
    TRY(look(&at, &there));
    if (!differs(&start, &there)) {
        return OK;
    }
    while (high - low > 1) {
        at.now = low + (high - low) / 2;
        TRY(look(&at, &there));
        *(differs(&start, &there) ? &high : &low) = at.now;
    }
    *next = high < *next ? high : *next;
    return OK;
}

static enum err_code compare_break(
    struct expr_reader *r, const struct expr *a, const struct expr *b, int64_t *next)
{
    enum trend ta, tb = STILL;

    TRY(trend_of(r, a, &ta));
    if (b) {
        TRY(trend_of(r, b, &tb));
    }
    ta = together(ta, turned(tb));
    if (ta == UNSURE) {
        *next = r->now + 1;
        return OK;
    }
    return ta == STILL ? OK : turning_point(r, a, b, next);
}

static int64_t day_end(const struct expr_reader *r, const struct expr *x)
{
    const struct zone *z = x->env->zone;
    int64_t end = zone_day_start(z, zone_date(z, r->now) + 1);

    return end > r->now ? end : r->now + 1;
}

/* The end of the zone's day, or an earlier change of its clock. `now - 1mo` grows steadily only so
 * far: 29 to 31 March all become 28 February, and an hour that comes twice goes back once. */
static int64_t steady_end(const struct expr_reader *r, const struct expr *x)
{
    const struct zone *z = x->env->zone;
    int64_t low = r->now, high = day_end(r, x);
    int32_t offset = zone_offset(z, low);

    if (zone_offset(z, high) == offset) {
        return high;
    }
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(zone_offset(z, middle) == offset ? &low : &high) = middle;
    }
    return high;
}

static enum err_code rows_break(struct expr_reader *r, const struct expr *x, int64_t *next)
{
    struct expr_reader inner = *r;
    int64_t parent, *ids = NULL;
    size_t n = 0;
    bool absent;

    TRY(expr_walk(r, x, x->npath, &parent, &absent));
    if (!absent) {
        TRY(r->rows->children(r->rows->arg, x->child, parent, &ids, &n));
    }
    for (size_t i = 0; i < n; i++) {
        int64_t t = INT64_MAX;
        inner.id = ids[i];
        if (x->where && x->where->clock) {
            TRY(expr_next_break(&inner, x->where, &t));
            *next = t < *next ? t : *next;
        }
        if (x->n && x->args[0]->clock) {
            TRY(expr_next_break(&inner, x->args[0], &t));
            *next = t < *next ? t : *next;
        }
    }
    return OK;
}

static enum err_code extension_break(struct expr_reader *r, const struct expr *x, int64_t *next)
{
    const struct expr_extension *e = x->extension;
    struct expr_call call = expr_call_of(x);
    int64_t t = r->now + MINUTES(1);

    if (e->next) {
        TRY(e->next(e->arg, &call, r->rows, r->mem, r->id, r->now, r->me, &t));
    }
    *next = t < *next ? t : *next;
    return OK;
}

static enum err_code op_break(struct expr_reader *r, const struct expr *x, int64_t *next)
{
    enum expr_shape shape = x->op->shape;
    bool calendar = is_call(x, "age") || is_call(x, "in_period") || is_call(x, "anniversary_in");

    if (calendar) {
        int64_t end = day_end(r, x);
        *next = end < *next ? end : *next;
    }
    if (shape == SHAPE_SUM && x->args[1]->type == VALUE_CALENDAR && x->type == VALUE_INSTANT) {
        int64_t end = steady_end(r, x);
        *next = end < *next ? end : *next;
    }
    for (size_t i = 1; i < x->n && (shape == SHAPE_COMPARE || shape == SHAPE_BETWEEN ||
                                       shape == SHAPE_IN); i++) {
        if (x->args[0]->clock || x->args[i]->clock) {
            TRY(compare_break(r, x->args[0], x->args[i], next));
        }
    }
    if (is_call(x, "month") || is_call(x, "day") || is_call(x, "weekday") || calendar) {
        /* changes wherever the day of its argument does */
        enum trend t;
        TRY(trend_of(r, x->args[0], &t));
        if (t == STILL) {
            return OK;
        }
        int64_t end = day_end(r, x);
        bool now = x->args[0]->node == NODE_LITERAL;
        *next = !now ? r->now + 1 : end < *next ? end : *next;
    }
    return OK;
}

static enum err_code field_break(struct expr_reader *r, const struct expr *x, int64_t *next)
{
    const struct live_field *f = x->path[x->npath - 1];
    struct expr_reader inner = *r;
    bool absent;

    TRY(expr_walk(r, x, x->npath - 1, &inner.id, &absent));
    if (absent || f->stored || !f->expr || ++inner.depth > EXPR_DEPTH_MAX) {
        return OK;
    }
    return expr_next_break(&inner, f->expr, next);
}

enum err_code expr_next_break(struct expr_reader *r, const struct expr *x, int64_t *out)
{
    *out = INT64_MAX;
    if (!x->clock) {
        return OK;
    }
    if (x->node == NODE_LITERAL) {
        *out = x->lit == LIT_TODAY ? day_end(r, x) : INT64_MAX;
        return OK;
    }
    if (x->node == NODE_FIELD) {
        return field_break(r, x, out);
    }
    if (x->node == NODE_ROWS) {
        return rows_break(r, x, out);
    }
    for (size_t i = 0; i < x->n; i++) {
        int64_t t;
        TRY(expr_next_break(r, x->args[i], &t));
        *out = t < *out ? t : *out;
    }
    if (x->node == NODE_EXTENSION) {
        return extension_break(r, x, out);
    }
    return x->node == NODE_OP ? op_break(r, x, out) : OK;
}

enum err_code expr_next_turn(struct expr_reader *r, const struct expr *x, int64_t *out)
{
    TRY(expr_next_break(r, x, out));
    return compare_break(r, x, NULL, out);
}
