/* random_expr.c - walks the rows of the operator table and makes arguments for their letters.
 *
 * A row whose letters this file does not know fails the test: so a new operator cannot stay
 * untested. Literals are mostly values that some record holds, so that both answers occur. */

#include "random_expr.h"

#include <stdio.h>
#include <string.h>

static uint64_t below(struct maker *m, uint64_t n)
{
    return rng_below(&m->w->rng, n);
}

static struct arena *mem(struct maker *m)
{
    return m->w->scratch;
}

static enum value_type type_of(char letter)
{
    static const char letters[] = "bnmtdiucqrpl";
    const char *at = strchr(letters, letter | 0x20);

    return at ? (enum value_type)(at - letters) : VALUE_NONE;
}

size_t random_recipes(struct recipe *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < expr_nops; i++) {
        const struct expr_op *op = &expr_ops[i];
        const char *form = op->forms;
        while (form) {
            const char *end = strchr(form, ' ');
            const char *x = strpbrk(form, "xX");
            bool all = x && (!end || x < end);
            for (int t = 0; t < VALUE_NONE; t++) {
                if (all ? (op->types & TYPE_BIT((enum value_type)t)) != 0 : t == 0) {
                    assert_true(n < room);
                    out[n++] = (struct recipe) { op, form,
                        all ? (enum value_type)t : VALUE_NONE };
                }
            }
            form = end ? end + 1 : NULL;
        }
    }
    return n;
}

/* ---- fields and literals ---- */

static bool is_usable(const struct live_field *f)
{
    return f->value != KIND_JSON && f->def.kind != KIND_MANY;
}

/* A field of the type, at most two references away; NULL when none was found. */
static const struct live_field *some_field(struct maker *m, enum value_type t, struct str *path)
{
    const struct live_field *found = NULL;

    for (int tries = 0; tries < 60 && !found; tries++) {
        const struct live_entity *e = m->w->e[m->entity];
        *path = STR("");
        for (uint64_t steps = below(m, 5) / 2; steps > 0; steps--) {
            const struct live_field *f = e->fields[below(m, e->nfields)];
            if (f->def.kind == KIND_REF && f->target) {
                *path = arena_fmt(mem(m), "%.*s%.*s.", STR_ARG(*path), STR_ARG(f->name));
                e = f->target;
            }
        }
        const struct live_field *f = e->fields[below(m, e->nfields)];
        struct expr x = { 0 };
        expr_field_type(f, &x);
        if (is_usable(f) && x.type == t) {
            found = f;
            *path = arena_fmt(mem(m), "%.*s%.*s", STR_ARG(*path), STR_ARG(f->name));
        }
    }
    return found;
}

static struct str quoted(struct maker *m, struct str s)
{
    struct buf b;

    buf_init(&b, mem(m), 1000);
    buf_byte(&b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        buf_lit(&b, s.p[i] == '\'' ? "'" : "");
        buf_byte(&b, s.p[i]);
    }
    buf_byte(&b, '\'');
    return buf_str(&b);
}

static struct str some_text(struct maker *m)
{
    static const char *const pool[] = { "anna", "A", "mul", "abc", "50%", "日", "😀", "e",
        "x y", "it's",
        "\\", "[", "*", "?", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "x@", "", " a", "Straße",
        "{1,2}", "\"q\"" };

    return str_of(pool[below(m, sizeof pool / sizeof *pool)]);
}

static struct str some_literal(struct maker *m, enum value_type t)
{
    static const char *const numbers[] = { "0", "1", "2", "10", "100", "0.5", "12.345", "-3",
        "1000000", "999999999999", "0.000001", "7.25" };
    static const char *const money[] = { "0", "500", "12.5", "500 EUR", "-1", "0.01", "499.995" };
    static const char *const dates[] = { "today", "today - 7d", "today + 1mo", "today - 30y",
        "2000-02-29", "2026-03-29", "2026-10-25", "'1990-03-30'", "today + 2w", "date(now)",
        "0001-01-01", "9999-12-31" };
    static const char *const instants[] = { "now", "now - 90d", "now - 1y", "now + 3h",
        "'2026-03-29T02:30'", "2026-03-29T01:00:00Z", "now - 1mo", "now + 6mo - 30min" };
    static const char *const durations[] = { "90d", "0s", "1s", "3h", "1.5min", "2w", "5s",
        "12345s" };
    static const char *const places[] = { "home" };
#define ONE_OF(a) str_of((a)[below(m, sizeof(a) / sizeof *(a))])

    switch ((int)t) {
    case VALUE_BOOL:
        return below(m, 2) ? STR("true") : STR("false");
    case VALUE_NUMBER:
        return ONE_OF(numbers);
    case VALUE_MONEY:
        return ONE_OF(money);
    case VALUE_TEXT:
        return quoted(m, some_text(m));
    case VALUE_DATE:
        return ONE_OF(dates);
    case VALUE_INSTANT:
        return ONE_OF(instants);
    case VALUE_DURATION:
        return ONE_OF(durations);
    case VALUE_CALENDAR:
        return below(m, 2) ? STR("1y") : STR("7mo");
    case VALUE_PLACE:
        return ONE_OF(places);
    default:
        return below(m, 3) ? STR("3") : STR("me");
    }
}

bool random_literal_of(struct maker *m, const struct expr *x, const struct value *v,
    struct str *out)
{
    char text[64];
    uint8_t scale = (uint8_t)(x->scale + x->up);

    if (v->absent) {
        return false;
    }
    switch ((int)x->type) {
    case VALUE_NUMBER:
    case VALUE_MONEY:
        (void)str_from_scaled(v->i, x->type == VALUE_MONEY ? 2 : scale, text);
        break;
    case VALUE_TEXT:
        *out = quoted(m, v->s);
        return true;
    case VALUE_DATE:
        if (!expr_day_ok(v->i)) {
            return false;
        }
        (void)date_format(v->i, text);
        break;
    case VALUE_INSTANT:
        if (!expr_day_ok(v->i / DAYS(1) - 1) || !expr_day_ok(v->i / DAYS(1) + 1)) {
            return false;
        }
        (void)instant_format(v->i, text);
        break;
    case VALUE_DURATION:
        if (v->i < 0 || v->i % SECONDS(1) != 0) {
            return false;
        }
        snprintf(text, sizeof text, "%llds", (long long)(v->i / SECONDS(1)));
        break;
    case VALUE_CHOICE: {
        const struct choice *c = choice_by_id(x->list, v->i);
        *out = c ? quoted(m, c->code) : STR("");
        return c != NULL;
    }
    case VALUE_REF:
        if (v->entity && !x->target) {
            *out = arena_fmt(mem(m), "'%.*s:%lld'", STR_ARG(v->entity->name), (long long)v->i);
            return true;
        }
        snprintf(text, sizeof text, "%lld", (long long)v->i);
        break;
    case VALUE_BOOL:
        snprintf(text, sizeof text, "%s", v->i ? "true" : "false");
        break;
    default:
        return false;
    }
    *out = arena_str(mem(m), str_of(text));
    return true;
}

struct value random_read(struct world *w, const struct expr *x, int64_t id)
{
    struct expr_rows rows = world_rows(w);
    struct expr_reader r = { .rows = &rows, .mem = w->scratch, .now = w->now, .me = w->scope.me,
        .id = id };
    struct value v;

    assert_int_equal(expr_read(&r, x, &v), OK);
    return v;
}

/* A literal equal to what the text has for some record, or any literal. */
static struct str literal_like(struct maker *m, struct str text, enum value_type t)
{
    struct expr_scope s = m->w->scope;
    const struct expr *x;
    struct err e;
    struct str out;

    s.mem = mem(m);
    s.entity = m->w->e[m->entity];
    if (expr_parse(&s, text, NULL, &x, &e) == OK && below(m, 5)) {
        for (int tries = 0; tries < 4; tries++) {
            int64_t id = 1 + (int64_t)below(m, m->w->nrows[m->entity]);
            struct value v = random_read(m->w, x, id);
            if (random_literal_of(m, x, &v, &out)) {
                return out;
            }
        }
        if (x->type == VALUE_CHOICE && x->list) {
            return quoted(m, x->list->choices[below(m, x->list->n)].code);
        }
    }
    return some_literal(m, t);
}

/* ---- trees ---- */

static struct str like_pattern(struct maker *m, struct str field, char how)
{
    struct str text = literal_like(m, field, VALUE_TEXT);
    size_t n = text.n > 2 ? text.n - 2 : 0, from = 0, to = n;
    struct str inner = str_sub(text, 1, n);

    if (text.n < 2 || text.p[0] != '\'' || !below(m, 3) || memchr(inner.p, '\'', inner.n)) {
        return quoted(m, some_text(m));
    }
    from = how == 's' ? 0 : below(m, n + 1);
    to = how == 'e' ? n : from + below(m, n - from + 1);
    while (from < n && (inner.p[from] & 0xc0) == 0x80) {
        from++;
    }
    while (to < n && (inner.p[to] & 0xc0) == 0x80) {
        to++;
    }
    inner = str_sub(inner, from, to < from ? 0 : to - from);
    static const char *const around[][2] = { { "%", "%" }, { "", "%" }, { "%", "" }, { "_", "%" },
        { "", "" }, { "%_", "" }, { "\\\\", "%" } };
    size_t k = below(m, 7);
    return how == 'l' ? arena_fmt(mem(m), "'%s%.*s%s'", around[k][0], STR_ARG(inner), around[k][1])
                      : arena_fmt(mem(m), "'%.*s'", STR_ARG(inner));
}

static struct str period(struct maker *m)
{
    static const char *const pool[] = { "today", "yesterday", "tomorrow", "this week", "last week",
        "next week", "this month", "last month", "next month", "this quarter", "last quarter",
        "this year", "last year", "next year", "last 7 days", "last 400 days", "next 3 months",
        "last 30 years", "next 2 weeks", "this day" };

    return quoted(m, ONE_OF(pool));
}

static struct str list_item(struct maker *m, struct str list)
{
    static const char *const parts[] = { "ann@example.com", "BOB@mail.de", "+49 30 123456",
        "030 123456", "https://example.com/a", "main street 1", "rue 7", "http://b.de/",
        "nothing" };
    struct expr_scope s = m->w->scope;
    const struct expr *x;
    struct err e;

    s.mem = mem(m);
    s.entity = m->w->e[m->entity];
    if (expr_parse(&s, list, NULL, &x, &e) != OK) {
        return quoted(m, STR("refused"));
    }
    return quoted(m, x->list ? x->list->choices[below(m, x->list->n)].code : ONE_OF(parts));
}

static struct str number_constant(struct maker *m, const struct expr_op *op)
{
    static const char *const degrees[] = { "48.8566", "2.3522", "0", "52.5", "13.4", "49" };
    static const char *const digits[] = { "0", "1", "2", "3" };

    return strcmp(op->name, "distance") == 0 ? ONE_OF(degrees) : ONE_OF(digits);
}

/* A date beside instants, an instant beside dates. */
static struct str other_moment(
    struct maker *m, enum value_type x, struct str first, bool constant)
{
    if (x == VALUE_INSTANT) {
        struct str day = arena_fmt(mem(m), "date(%.*s)", STR_ARG(first));
        return constant || below(m, 3) ? literal_like(m, day, VALUE_DATE)
                                       : random_value(m, VALUE_DATE);
    }
    if (x == VALUE_DATE) {
        return constant ? some_literal(m, VALUE_INSTANT) : random_value(m, VALUE_INSTANT);
    }
    return STR("");
}

static struct str argument(
    struct maker *m, const struct recipe *r, size_t i, char letter, struct str first)
{
    static const char *const spans[] = { "0d", "7d", "2w", "30d", "364d", "365d", "90d" };
    enum value_type x = r->x;
    const char *name = r->op->name;
    bool constant_list = strchr(r->form, 'x') && (r->op->shape == SHAPE_IN) && i > 0;

    switch (letter) {
    case 'x':
    case 'X':
        if (i > 0 && r->op->mixed && below(m, 3) == 0) {
            struct str other = other_moment(m, x, first, constant_list);
            if (other.n) {
                return other;
            }
        }
        if (i > 0 && (constant_list || below(m, 3))) {
            return literal_like(m, first, x);
        }
        return random_value(m, x);
    case 'N':
        return number_constant(m, r->op);
    case 'T':
        return strcmp(name, "in_period") == 0
                   ? period(m)
                   : like_pattern(m, first, strstr(name, "like")     ? 'l'
                                            : strstr(name, "starts") ? 's'
                                            : strstr(name, "ends")   ? 'e'
                                                                     : 'c');
    case 'U':
        return ONE_OF(spans);
    case 'b':
        return random_condition(m);
    case 'a':
        return i == 0 ? random_value(m, (enum value_type)below(m, VALUE_CALENDAR))
                      : list_item(m, first);
    case 'l':
    case 'p':
        break;
    case 'u':
        if (r->form[0] == 'd') {
            return ONE_OF(spans);
        }
        break;
    case 'i':
        if (r->form[1] == 'c') {
            return below(m, 2) ? STR("now") : STR("2024-02-29T12:00:00Z");
        }
        break;
    case 'n': case 'm': case 't': case 'd': case 'c': case 'q': case 'r':
        break;
    default:
        fail_msg("no generator for the letter %c of \"%s\"", letter, name);
    }
    return random_value(m, type_of(letter));
}

static struct str put_together(struct maker *m, const struct expr_op *op, struct str *a, size_t n)
{
    struct buf b;

    buf_init(&b, mem(m), 100000);
    if (op->shape == SHAPE_SIGN) {
        buf_fmt(&b, "-(%.*s)", STR_ARG(a[0]));
        return buf_str(&b);
    }
    bool call = op->shape == SHAPE_CALL;
    if (call) {
        buf_lit(&b, op->name);
    } else {
        buf_fmt(&b, "(%.*s) %s", STR_ARG(a[0]), op->name);
    }
    bool list = call || op->shape == SHAPE_IN || op->shape == SHAPE_HAS;
    buf_lit(&b, list ? "(" : " ");
    for (size_t i = !call; i < n; i++) {
        const char *between = op->shape == SHAPE_BETWEEN ? " and " : ", ";
        buf_lit(&b, i > !call ? between : "");
        buf_fmt(&b, list ? "%.*s" : "(%.*s)", STR_ARG(a[i]));
    }
    buf_lit(&b, list ? ")" : "");
    return buf_str(&b);
}

struct str random_of(struct maker *m, const struct recipe *r)
{
    struct str args[8] = { { 0 } };
    size_t n = strcspn(r->form, ":+"), more = r->form[n] == '+' ? below(m, 4) : 0;
    char letter = 'x';

    m->depth--;
    if (strcmp(r->op->name, "min") == 0 || strcmp(r->op->name, "max") == 0) {
        more++;
    }
    for (size_t i = 0; i < n + more; i++) {
        letter = i < n ? r->form[i] : letter;
        struct str first = args[0];
        if (letter == 'X' && r->form[0] == 'b') {
            first = args[1];
        }
        args[i] = argument(m, r, first.n ? i : 0, letter, first);
    }
    m->depth++;
    return put_together(m, r->op, args, n + more);
}

static struct str from_table(struct maker *m, enum value_type t)
{
    static struct recipe all[400];
    static size_t n;
    struct str none = STR("");

    n = n ? n : random_recipes(all, 400);
    for (int tries = 0; tries < 200; tries++) {
        const struct recipe *r = &all[below(m, n)];
        char result = r->form[strcspn(r->form, ":") + 1];
        if (result == 'X' ? r->x == t : type_of(result) == t) {
            return random_of(m, r);
        }
    }
    return none;
}

struct str random_value(struct maker *m, enum value_type t)
{
    struct str s = STR("");
    enum value_type of = t;

    if (t == VALUE_CALENDAR) {
        return below(m, 2) ? STR("1y") : STR("3mo");
    }
    if (t == VALUE_BOOL && m->depth > 0 && below(m, 2)) {
        return random_condition(m);
    }
    if (m->depth > 0 && t != VALUE_LIST && t != VALUE_PLACE) {
        switch (below(m, 6)) {
        case 0:
            s = random_rows(m, (enum expr_rows_op)below(m, 8), &of);
            s = of == t ? s : STR("");
            break;
        case 1:
        case 2:
            s = from_table(m, t);
            break;
        default:
            break;
        }
    }
    if (s.n) {
        return s;
    }
    if ((below(m, 12) || t == VALUE_LIST || t == VALUE_PLACE) && some_field(m, t, &s)) {
        return s;
    }
    return t == VALUE_LIST ? STR("owner.contacts") : some_literal(m, t);
}

struct str random_rows(struct maker *m, enum expr_rows_op op, enum value_type *type)
{
    const struct live_entity *e = m->w->e[m->entity];
    struct maker in = *m;
    struct str path = STR(""), filter = STR("");
    enum value_type sums[] = { VALUE_NUMBER, VALUE_MONEY, VALUE_DURATION, VALUE_DATE,
        VALUE_INSTANT };

    *type = op == ROWS_COUNT ? VALUE_NUMBER : VALUE_BOOL;
    if (m->depth <= 0 || (!e->nchildren && m->entity != ORDER)) {
        *type = VALUE_NONE;
        return STR("");
    }
    if (m->entity == ORDER || (m->entity == CONTACT && below(m, 4) == 0)) {
        e = m->w->e[COMPANY];
        path = STR("company.");
    }
    const struct live_child *child = e->children[below(m, e->nchildren)];
    in.entity = (int)child->entity->number - 1;
    in.depth--;
    if (op >= ROWS_SUM) {
        struct str field;
        *type = sums[below(m, op == ROWS_SUM || op == ROWS_AVG ? 3 : 5)];
        if (!some_field(&in, *type, &field)) {
            *type = VALUE_NONE;
            return STR("");
        }
        filter = arena_fmt(mem(m), ".%.*s", STR_ARG(field));
    }
    if (op == ROWS_ALL || below(m, 3)) {
        struct str condition = random_condition(&in);
        filter = arena_fmt(mem(m), "%.*s where %.*s", STR_ARG(filter), STR_ARG(condition));
    }
    return arena_fmt(mem(m), "%s(%.*s%.*s%.*s)", expr_rows_name(op), STR_ARG(path),
        STR_ARG(child->name), STR_ARG(filter));
}

struct str random_condition(struct maker *m)
{
    struct str s, t;
    enum value_type of;

    switch (m->depth > 0 ? below(m, 8) : 7) {
    case 0:
        m->depth--;
        s = random_condition(m);
        t = random_condition(m);
        m->depth++;
        return arena_fmt(mem(m), "(%.*s) %s (%.*s)", STR_ARG(s), below(m, 2) ? "and" : "or",
            STR_ARG(t));
    case 1:
        m->depth--;
        s = random_condition(m);
        m->depth++;
        return arena_fmt(mem(m), "not (%.*s)", STR_ARG(s));
    case 2:
        s = random_rows(m, (enum expr_rows_op)(ROWS_ANY + below(m, 3)), &of);
        if (s.n) {
            return s;
        }
        break;
    case 3:
        if (some_field(m, VALUE_BOOL, &s)) {
            return s;
        }
        break;
    default:
        break;
    }
    m->depth--;
    s = from_table(m, VALUE_BOOL);
    m->depth++;
    return s.n ? s : STR("true");
}
