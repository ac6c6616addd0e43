/* expr_eval_ops.c - the evaluators of the rows of expr_ops.c that need only their arguments. */

#include "model/expr_tree.h"

#include "base/calc.h"
#include "base/utf8.h"
#include "model/normal.h"
#include "model/parts.h"

#include <math.h>
#include <string.h>

static void put(struct value *out, bool present, int64_t i)
{
    out->absent = !present;
    out->i = present ? i : 0;
}

/* ---- order ---- */

static int order_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* An instant against a day: before it, in it (equal) or after it. The constant's bounds are
 * exact; a day that is stored is met by the instant's own day. */
static int order_moment(const struct expr *instant, int64_t i, const struct expr *date, int64_t day,
    bool *absent)
{
    const struct zone *z = instant->env->zone;
    int64_t own;

    if (date->constant) {
        if (!expr_day_ok(day)) {
            *absent = true;
            return 0;
        }
        return i < zone_day_start(z, day) ? -1 : i >= zone_day_start(z, day + 1) ? 1 : 0;
    }
    if (!expr_instant_day(z, i, &own)) {
        *absent = true;
        return 0;
    }
    return order_int(own, day);
}

int expr_order(const struct expr *a, const struct value *va, const struct expr *b,
    const struct value *vb, struct arena *mem, bool *absent)
{
    if (va->absent || vb->absent) {
        *absent = true;
        return 0;
    }
    if (a->type == VALUE_TEXT) {
        if (expr_folds(a, b)) {
            return str_cmp(utf8_fold(mem, va->s), utf8_fold(mem, vb->s));
        }
        return str_cmp(va->s, vb->s);
    }
    if (a->type == VALUE_INSTANT && b->type == VALUE_DATE) {
        return order_moment(a, va->i, b, vb->i, absent);
    }
    if (a->type == VALUE_DATE && b->type == VALUE_INSTANT) {
        return -order_moment(b, vb->i, a, va->i, absent);
    }
    if (a->type == VALUE_REF && va->entity && vb->entity && va->entity != vb->entity) {
        return 1;
    }
    return order_int(va->i, vb->i);
}

/* ---- texts ---- */

static bool match(const char *how, struct str text, struct str what)
{
    return how[0] == 'l' ? expr_like(text, what)
         : how[0] == 'c' ? str_find(text, what) >= 0
         : how[0] == 's' ? str_starts(text, what)
                         : str_ends(text, what);
}

static enum field_kind list_kind(const struct expr *x)
{
    return x->path[x->npath - 1]->value;
}

/* The parts of a list as its JSON gives them; false when there are none. */
static enum err_code parts_of(struct expr_reader *r, const struct value *list, json_t **out)
{
    struct err ignored = { 0 };

    *out = NULL;
    if (list->absent || !list->s.n) {
        return OK;
    }
    return json_read(r->mem, list->s, out, &ignored);
}

EVAL(expr_eval_match)
{
    const struct expr_op *op = x->op->negates ? x->op->negates : x->op;
    json_t *parts, *part;
    size_t i;

    *out = (struct value) { .type = VALUE_BOOL };
    if (a[1].absent) {
        return OK;
    }
    if (x->args[0]->type == VALUE_LIST) {
        struct str what = expr_part_key(r->mem, x->args[0], a[1].s, false);
        TRY(parts_of(r, &a[0], &parts));
        json_array_foreach(parts, i, part) {
            out->i |= match(op->name, json_str(json_object_get(part, "key")), what);
        }
        return OK;
    }
    if (a[0].absent) {
        return OK;
    }
    if (expr_folds(x->args[0], x->args[1])) {
        out->i = match(op->name, utf8_fold(r->mem, a[0].s), utf8_fold(r->mem, a[1].s));
    } else {
        out->i = match(op->name, a[0].s, a[1].s);
    }
    return OK;
}

struct str expr_part_key(struct arena *mem, const struct expr *list, struct str typed, bool whole)
{
    enum field_kind kind = list_kind(list);
    struct str key;
    const char *why;

    if (whole && ((kind == KIND_EMAILS && normal_email(mem, typed, &key, &why)) ||
                     (kind == KIND_URLS && normal_url(mem, typed, &key, &why)) ||
                     (kind == KIND_PHONES &&
                         normal_phone(mem, typed, list->env->model->country, &key, &why)))) {
        return key;
    }
    if (kind == KIND_ADDRESSES) {
        return parts_address_words(mem, typed, list->env->model->country, whole);
    }
    /* a piece: as the key would spell it */
    char *p = arena_alloc(mem, typed.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < typed.n; i++) {
        char c = typed.p[i];
        if (kind == KIND_PHONES && strchr(" -/().\t", c)) {
            continue;
        }
        p[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return (struct str) { p, n };
}

static bool holds_item(
    struct expr_reader *r, const struct expr *x, json_t *parts, const struct value *item)
{
    json_t *part;
    size_t i;
    struct str key = STR("");

    if (item->absent) {
        return false;
    }
    if (!x->args[0]->list) {
        key = expr_part_key(r->mem, x->args[0], item->s, true);
    }
    json_array_foreach(parts, i, part) {
        if (x->args[0]->list ? json_integer_value(part) == item->i
                             : str_eq(json_str(json_object_get(part, "key")), key)) {
            return true;
        }
    }
    return false;
}

EVAL(expr_eval_has)
{
    bool all = str_is(str_of(x->op->name), "has all");
    json_t *parts;

    *out = (struct value) { .type = VALUE_BOOL, .i = all };
    TRY(parts_of(r, &a[0], &parts));
    for (size_t i = 1; i < x->n; i++) {
        if (holds_item(r, x, parts, &a[i]) != all) {
            out->i = !all;
            break;
        }
    }
    return OK;
}

EVAL(expr_eval_case)
{
    bool up = x->op->name[0] == 'u';

    *out = a[0];
    if (a[0].absent) {
        return OK;
    }
    struct str s = arena_str(r->mem, a[0].s);
    char *p = arena_alloc(r->mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool turn = up ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        p[i] = turn ? (char)(c ^ 0x20) : c;
    }
    out->s = (struct str) { p, s.n };
    return OK;
}

EVAL(expr_eval_length)
{
    (void)r, (void)x;
    put(out, !a[0].absent, a[0].absent ? 0 : (int64_t)utf8_length(a[0].s));
    return OK;
}

EVAL(expr_eval_concat)
{
    size_t n = 0;

    for (size_t i = 0; i < x->n; i++) {
        n += a[i].absent ? 0 : a[i].s.n;
    }
    char *p = arena_alloc(r->mem, n + 1);
    out->s = (struct str) { p, n };
    out->absent = n == 0;
    for (size_t i = 0; i < x->n; i++) {
        if (!a[i].absent && a[i].s.n) {
            memcpy(p, a[i].s.p, a[i].s.n);
            p += a[i].s.n;
        }
    }
    return OK;
}

/* ---- choosing ---- */

EVAL(expr_eval_coalesce)
{
    (void)a;
    for (size_t i = 0; i < x->n; i++) {
        TRY(expr_read(r, x->args[i], out));
        if (!out->absent) {
            break;
        }
    }
    return OK;
}

EVAL(expr_eval_if)
{
    bool yes;

    (void)a;
    TRY(expr_read_if(r, x->args[0], &yes));
    return expr_read(r, x->args[yes ? 1 : 2], out);
}

EVAL(expr_eval_least)
{
    bool least = str_is(str_of(x->op->name), "min");

    (void)r;
    out->absent = true;
    for (size_t i = 0; i < x->n; i++) {
        if (!a[i].absent && (out->absent || (least ? a[i].i < out->i : a[i].i > out->i))) {
            out->i = a[i].i;
            out->absent = false;
        }
    }
    return OK;
}

/* ---- numbers and moments ---- */

static bool both(const struct value *a)
{
    return !a[0].absent && !a[1].absent;
}

static enum err_code sum(struct expr_reader *r, const struct expr *x, const struct value *a,
    bool minus, struct value *out)
{
    enum value_type left = x->args[0]->type, right = x->args[1]->type;
    int64_t b = a[1].i, v = 0;
    bool ok = both(a) && (!minus || right != VALUE_CALENDAR || calc_sub(0, b, &b));

    (void)r;
    if (ok && left == VALUE_DATE && right == VALUE_DURATION) {
        b /= DAYS(1);
    }
    if (ok && right == VALUE_CALENDAR && left == VALUE_DATE) {
        ok = calc_month_add(a[0].i, b, &v);
    } else if (ok && right == VALUE_CALENDAR && left == VALUE_INSTANT) {
        ok = expr_instant_months(x->env->zone, a[0].i, b, &v);
    } else if (ok && right == VALUE_CALENDAR) {
        ok = calc_add(a[0].i, b, &v);
    } else if (ok) {
        ok = minus ? calc_sub(a[0].i, b, &v) : calc_add(a[0].i, b, &v);
    }
    if (ok && left == VALUE_DATE && right == VALUE_DATE) {
        ok = calc_mul(v, DAYS(1), 0, &v);
    }
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_add)
{
    return sum(r, x, a, false, out);
}

EVAL(expr_eval_sub)
{
    return sum(r, x, a, true, out);
}

EVAL(expr_eval_mul)
{
    int64_t v = 0;
    int down = x->args[0]->scale + x->args[1]->scale - x->scale;

    (void)r;
    bool ok = both(a) && calc_mul(a[0].i, a[1].i, down, &v);
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_div)
{
    int64_t v = 0;
    int up = x->scale - x->args[0]->scale + x->args[1]->scale;

    (void)r;
    bool ok = both(a) && calc_div(a[0].i, a[1].i, up, &v);
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_neg)
{
    int64_t v = 0;

    (void)r, (void)x;
    bool ok = !a[0].absent && calc_sub(0, a[0].i, &v);
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_abs)
{
    int64_t v = a[0].i;

    (void)r, (void)x;
    bool ok = !a[0].absent && (v >= 0 || calc_sub(0, v, &v));
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_round)
{
    int down = x->args[0]->scale - x->scale;
    int64_t p = expr_pow10(down), v = a[0].i / p, rest = a[0].i % p;

    (void)r;
    if (x->op->name[0] == 'r') {
        bool ok = !a[0].absent && calc_div(a[0].i, p, 0, &v);
    put(out, ok, v);
        return OK;
    }
    v += x->op->name[0] == 'f' ? -(rest < 0) : (rest > 0);
    put(out, !a[0].absent, v);
    return OK;
}

static bool day_of(const struct expr *x, const struct value *v, int64_t *day)
{
    *day = v->i;
    return !v->absent && (x->type == VALUE_DATE || expr_instant_day(x->env->zone, v->i, day));
}

EVAL(expr_eval_age)
{
    int64_t day, year = 0, today = zone_date(x->env->zone, r->now), month = 0, dom = 0;
    struct civil t = civil_of(today * DAYS(1));
    bool ok = day_of(x->args[0], &a[0], &day) && calc_year(day, &year) &&
              calc_month(day, &month) && calc_day(day, &dom);

    put(out, ok, t.year - year - (month * 100 + dom > expr_month_day(today)));
    return OK;
}

EVAL(expr_eval_part)
{
    int64_t day, v = 0;
    const char *name = x->op->name;
    bool ok = day_of(x->args[0], &a[0], &day);

    (void)r;
    ok = ok && (name[0] == 'y'   ? calc_year(day, &v)
                : name[0] == 'm' ? calc_month(day, &v)
                : name[0] == 'd' ? calc_day(day, &v)
                                 : calc_weekday(day, &v));
    put(out, ok, v);
    return OK;
}

EVAL(expr_eval_date)
{
    int64_t day;
    bool ok = day_of(x->args[0], &a[0], &day);

    (void)r;
    put(out, ok, day);
    return OK;
}

EVAL(expr_eval_days_between)
{
    int64_t v = 0;

    (void)r, (void)x;
    bool ok = both(a) && calc_sub(a[1].i, a[0].i, &v);
    put(out, ok, v);
    return OK;
}

static double degrees(const struct expr *x, const struct value *v)
{
    return (double)v->i / (double)expr_pow10(x->scale + x->up);
}

EVAL(expr_eval_distance)
{
    double lat, lng, km = 0;
    bool ok = both(a) && (x->n < 3 || !a[2].absent);

    (void)r;
    if (!ok) {
        put(out, false, 0);
        return OK;
    }
    lat = x->n == 3 ? degrees(x->args[1], &a[1]) : a[1].lat;
    lng = x->n == 3 ? degrees(x->args[2], &a[2]) : a[1].lng;
    ok = calc_distance(a[0].lat, a[0].lng, lat, lng, &km);
    put(out, ok, ok ? (int64_t)floor(km * 1000.0 + 0.5) : 0);
    return OK;
}

EVAL(expr_eval_degrees)
{
    double v = x->op->name[1] == 'o' ? a[0].lng : a[0].lat;

    (void)r;
    put(out, !a[0].absent, a[0].absent ? 0 : (int64_t)floor(v * 1000000.0 + 0.5));
    return OK;
}

/* ---- the calendar ---- */

EVAL(expr_eval_period)
{
    int64_t first, end, today = zone_date(x->env->zone, r->now);
    const struct zone *z = x->env->zone;

    *out = (struct value) { .type = VALUE_BOOL };
    if (a[0].absent || !expr_period(x->args[1]->name, today, &first, &end)) {
        return OK;
    }
    if (x->args[0]->type == VALUE_INSTANT) {
        out->i = a[0].i >= zone_day_start(z, first) && a[0].i < zone_day_start(z, end);
    } else {
        out->i = a[0].i >= first && a[0].i < end;
    }
    return OK;
}

/* Month*100+day of a date, or of a partial date that has no year. */
static enum err_code month_day(
    struct expr_reader *r, const struct expr *x, const struct value *v, int64_t *out, bool *ok)
{
    int64_t day, month = 0, dom = 0;
    struct value raw = *v;

    if (x->node == NODE_FIELD && x->path[x->npath - 1]->def.partial) {
        struct expr_reader inner = *r;
        int64_t id = r->id;
        for (size_t i = 0; i < x->npath; i++) {
            raw = (struct value) { 0 };
            TRY(inner.rows->field(inner.rows->arg, x->path[i], id, &raw));
            if (raw.absent) {
                break;
            }
            id = raw.i;
        }
        *ok = !raw.absent && raw.base != DATE_YEAR;
        if (!*ok) {
            return OK;
        }
    }
    *ok = day_of(x, &raw, &day) && calc_month(day, &month) && calc_day(day, &dom);
    *out = month * 100 + dom;
    return OK;
}

EVAL(expr_eval_anniversary)
{
    int64_t today = zone_date(x->env->zone, r->now), md = 0;
    struct expr_window w = expr_anniversaries(today, a[1].i / DAYS(1));
    bool ok;

    *out = (struct value) { .type = VALUE_BOOL };
    TRY(month_day(r, x->args[0], &a[0], &md, &ok));
    bool in = w.wraps ? md >= w.first || md <= w.last : md >= w.first && md <= w.last;
    out->i = ok && (w.all || in);
    return OK;
}
