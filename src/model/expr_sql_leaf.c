/* expr_sql_leaf.c - comparisons and the other leaves of a condition as SQL.
 *
 * A leaf over one column is written so that an index on it serves; what is calculated is compared
 * once, and its complement is `(...) IS NOT TRUE`, for no index could serve it anyway. */

#include "model/expr_tree.h"

#include "base/utf8.h"

#include <string.h>

/* How the left side of a comparison is written. */
enum how { AS_VALUE, AS_PLAIN, AS_KEY, AS_OWN, AS_DAY };

struct leaf {
    struct expr_writer *w;
    const struct expr *x;
    enum how how;
    bool folded; /* the right side is a key already */
};

static void put(const struct leaf *l)
{
    struct expr_writer *w = l->w;
    bool key = w->key;

    if (l->how == AS_DAY) {
        expr_write_day(w, l->x);
    } else if (l->how == AS_OWN) {
        expr_write_part(w, l->x, PART_OWN);
    } else if (l->how == AS_PLAIN) {
        expr_write_plain(w, l->x);
    } else {
        w->key = l->how == AS_KEY;
        expr_write(w, l->x);
        w->key = key;
    }
}

/* The left side is a bare column, which may stand twice. */
static bool is_bare(const struct leaf *l)
{
    const struct expr *x = l->x;

    if (!expr_is_column(l->w, x)) {
        return false;
    }
    return l->how == AS_OWN || l->how == AS_KEY || l->how == AS_PLAIN ||
           (l->how == AS_VALUE && !x->up && !expr_is_partial(x->path[l->w->level]) &&
               x->path[l->w->level]->value != KIND_DURATION);
}

static const char *opposite(const char *sign)
{
    static const char *const pairs[][2] = { { "=", "<>" }, { "<", ">=" }, { "<=", ">" },
        { ">", "<=" }, { ">=", "<" } };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (strcmp(pairs[i][0], sign) == 0) {
            return pairs[i][1];
        }
    }
    return "=";
}

static const char *flipped(const char *sign)
{
    return sign[0] == '<' ? (sign[1] ? ">=" : ">") : sign[0] == '>' ? (sign[1] ? "<=" : "<") : sign;
}

/* Order of texts is by bytes: keys have the right collation, other texts are given it. */
static void put_collation(const struct leaf *l, const char *sign)
{
    if (l->w->out->backend == DB_POSTGRES && l->x->type == VALUE_TEXT && l->how != AS_KEY &&
        sign[0] != '=') {
        sql_lit(l->w->out, " COLLATE \"C\"");
    }
}

static void put_sign(const struct leaf *l, const char *sign)
{
    put_collation(l, sign);
    sql_lit(l->w->out, " ");
    sql_add_literal(l->w->out, sign);
    sql_lit(l->w->out, " ");
}

/* left sign $n, or its complement. */
static void compare_bound(const struct leaf *l, const char *sign, const struct value *v, bool yes)
{
    struct expr_writer *w = l->w;
    bool key = w->key;

    if (v->absent) {
        expr_write_truth(w, !yes);
        return;
    }
    bool bare = is_bare(l);
    sql_lit(w->out, "(");
    put(l);
    put_sign(l, yes || !bare ? sign : opposite(sign));
    w->key = l->how == AS_KEY && !l->folded;
    expr_bind(w, v, false);
    w->key = key;
    if (!yes && bare) {
        sql_lit(w->out, " OR ");
        put(l);
        sql_lit(w->out, " IS NULL");
    }
    sql_lit(w->out, ")");
    if (!yes && !bare) {
        sql_lit(w->out, " IS NOT TRUE");
    }
}

static void compare_int(const struct leaf *l, const char *sign, int64_t i, bool yes)
{
    struct value v = { .type = VALUE_NUMBER, .i = i };

    compare_bound(l, sign, &v, yes);
}

/* low <= left < end */
static void compare_range(const struct leaf *l, const struct value *low, const struct value *end,
    bool yes)
{
    sql_lit(l->w->out, "(");
    compare_bound(l, ">=", low, yes);
    sql_add_literal(l->w->out, yes ? " AND " : " OR ");
    compare_bound(l, "<", end, yes);
    sql_lit(l->w->out, ")");
}

/* An instant against a day: the day's bounds in the zone. */
static void compare_to_day(
    struct expr_writer *w, const struct expr *x, const char *sign, int64_t day, bool yes)
{
    const struct zone *z = x->env->zone;
    struct leaf l = { w, x, AS_VALUE };

    if (!expr_day_ok(day)) {
        expr_write_truth(w, !yes);
        return;
    }
    struct value start = { .type = VALUE_INSTANT, .i = zone_day_start(z, day) };
    struct value end = { .type = VALUE_INSTANT, .i = zone_day_start(z, day + 1) };
    if (sign[0] == '=') {
        compare_range(&l, &start, &end, yes);
    } else if (sign[0] == '<') {
        compare_bound(&l, "<", sign[1] ? &end : &start, yes);
    } else {
        compare_bound(&l, ">=", sign[1] ? &start : &end, yes);
    }
}

/* left * by sign v, as a comparison of left itself. */
static void compare_lowered(const struct leaf *l, const char *sign, int64_t v, int64_t by, bool yes)
{
    int64_t q = v / by - (v % by < 0);
    bool exact = v % by == 0;

    if (sign[0] == '=' && !exact) {
        expr_write_truth(l->w, !yes);
    } else if (strcmp(sign, "<") == 0) {
        compare_int(l, exact ? "<" : "<=", q, yes);
    } else if (strcmp(sign, ">=") == 0) {
        compare_int(l, exact ? ">=" : ">", q, yes);
    } else {
        compare_int(l, sign, q, yes);
    }
}

static void compare_ref(
    struct expr_writer *w, const struct expr *x, const struct value *v, bool yes)
{
    struct leaf l = { w, x, AS_VALUE };
    struct leaf kind = { w, x, AS_OWN };
    const struct live_field *f = x->node == NODE_FIELD ? x->path[x->npath - 1] : NULL;

    if (!f || f->def.kind != KIND_ANYREF || !v->entity) {
        compare_bound(&l, "=", v, yes);
        return;
    }
    sql_lit(w->out, "(");
    compare_int(&kind, "=", v->entity->number, yes);
    sql_add_literal(w->out, yes ? " AND " : " OR ");
    compare_bound(&l, "=", v, yes);
    sql_lit(w->out, ")");
}

/* count(...) >= 1 and its like need not count. */
static bool compare_count(
    struct expr_writer *w, const struct expr *x, const char *sign, int64_t v, bool yes)
{
    bool some = (strcmp(sign, ">") == 0 && v == 0) || (strcmp(sign, ">=") == 0 && v == 1);
    bool nothing = (strcmp(sign, "=") == 0 && v == 0) || (strcmp(sign, "<") == 0 && v == 1) ||
                   (strcmp(sign, "<=") == 0 && v == 0);

    if (x->node != NODE_ROWS || x->rows != ROWS_COUNT || x->up || (!some && !nothing)) {
        return false;
    }
    expr_write_rows_if(w, x, some == yes);
    return true;
}

static void compare_constant(struct expr_writer *w, const struct expr *x, const struct expr *a,
    const char *sign, const struct expr *b, bool yes)
{
    struct value v = expr_constant(b, w->out->text.mem, w->now, w->me);
    struct leaf l = { w, a, AS_VALUE };

    if (v.absent) {
        expr_write_truth(w, !yes);
        return;
    }
    if (x->own) {
        struct leaf own = { w, a, AS_OWN };
        struct value currency = { .type = VALUE_TEXT, .s = x->currency };
        sql_lit(w->out, "(");
        compare_bound(&own, sign, &v, yes);
        sql_add_literal(w->out, yes ? " AND (" : " OR (");
        expr_write_part(w, a, PART_CURRENCY);
        sql_add_literal(w->out, yes ? " = " : " <> ");
        expr_bind(w, &currency, false);
        if (!yes) {
            sql_lit(w->out, " OR ");
            expr_write_part(w, a, PART_CURRENCY);
            sql_lit(w->out, " IS NULL");
        }
        sql_lit(w->out, "))");
    } else if (a->type == VALUE_INSTANT && b->type == VALUE_DATE) {
        compare_to_day(w, a, sign, v.i, yes);
    } else if (a->type == VALUE_DATE && b->type == VALUE_INSTANT) {
        int64_t day;
        v.absent = !expr_instant_day(a->env->zone, v.i, &day);
        v.i = v.absent ? 0 : day;
        compare_bound(&l, sign, &v, yes);
    } else if (a->up && !a->constant) {
        l.how = AS_PLAIN;
        compare_lowered(&l, sign, v.i, expr_pow10(a->up), yes);
    } else if (a->type == VALUE_DURATION && expr_is_column(w, a)) {
        l.how = AS_OWN;
        compare_lowered(&l, sign, v.i, SECONDS(1), yes);
    } else if (a->type == VALUE_REF) {
        compare_ref(w, a, &v, yes);
    } else if (!compare_count(w, a, sign, v.i, yes)) {
        l.how = a->type == VALUE_TEXT && expr_folds(a, b) ? AS_KEY : AS_VALUE;
        compare_bound(&l, sign, &v, yes);
    }
}

static void compare_two(struct expr_writer *w, const struct expr *a, const char *sign,
    const struct expr *b, bool yes)
{
    bool mixed = a->type != b->type && (a->type == VALUE_INSTANT || b->type == VALUE_INSTANT);
    enum how how = mixed ? AS_DAY : a->type == VALUE_TEXT && expr_folds(a, b) ? AS_KEY : AS_VALUE;
    struct leaf l = { w, a, how }, r = { w, b, how };
    bool bare = is_bare(&l) && is_bare(&r);

    sql_lit(w->out, "(");
    put(&l);
    put_sign(&l, yes || !bare ? sign : opposite(sign));
    put(&r);
    if (!yes && bare) {
        sql_lit(w->out, " OR ");
        put(&l);
        sql_lit(w->out, " IS NULL OR ");
        put(&r);
        sql_lit(w->out, " IS NULL");
    }
    sql_lit(w->out, ")");
    if (!yes && !bare) {
        sql_lit(w->out, " IS NOT TRUE");
    }
}

static void compare(struct expr_writer *w, const struct expr *x, const struct expr *a,
    const char *sign, const struct expr *b, bool yes)
{
    if (b->constant) {
        compare_constant(w, x, a, sign, b, yes);
    } else if (a->constant) {
        compare_constant(w, x, b, flipped(sign), a, yes);
    } else {
        compare_two(w, a, sign, b, yes);
    }
}

SQL_IF(expr_sql_compare)
{
    const struct expr_op *op = x->op->negates ? x->op->negates : x->op;

    compare(w, x, x->args[0], op->name, x->args[1], yes);
}

SQL_IF(expr_sql_between)
{
    sql_lit(w->out, "(");
    compare(w, x, x->args[0], ">=", x->args[1], yes);
    sql_add_literal(w->out, yes ? " AND " : " OR ");
    compare(w, x, x->args[0], "<=", x->args[2], yes);
    sql_lit(w->out, ")");
}

/* ---- lists of values ---- */

static struct str list_text(
    struct expr_writer *w, const struct expr *x, bool key, size_t *n)
{
    struct buf b;
    bool pg = w->out->backend == DB_POSTGRES;

    *n = 0;
    buf_init(&b, w->out->text.mem, 4 * EXPR_TEXT_MAX + 32 * EXPR_LIST_MAX);
    buf_byte(&b, pg ? '{' : '[');
    for (size_t i = 1; i < x->n; i++) {
        struct value v = expr_constant(x->args[i], w->out->text.mem, w->now, w->me);
        if (v.absent) {
            continue;
        }
        buf_lit(&b, (*n)++ ? "," : "");
        if (v.type != VALUE_TEXT) {
            buf_int(&b, v.i);
            continue;
        }
        struct str s = key ? utf8_fold(w->out->text.mem, v.s) : v.s;
        buf_byte(&b, '"');
        for (size_t k = 0; k < s.n; k++) {
            unsigned char c = (unsigned char)s.p[k];
            if (!pg && c < 0x20) {
                buf_fmt(&b, "\\u%04x", c);
                continue;
            }
            if (c == '"' || c == '\\') {
                buf_byte(&b, '\\');
            }
            buf_byte(&b, (char)c);
        }
        buf_byte(&b, '"');
    }
    buf_byte(&b, pg ? '}' : ']');
    w->out->text.failed |= b.failed;
    return buf_str(&b);
}

/* The set of the list's values, after `=`/`IN` or `<>`/`NOT IN`. */
static void put_set(struct expr_writer *w, struct str list, bool text, bool yes)
{
    if (w->out->backend == DB_POSTGRES) {
        sql_add_literal(w->out, yes ? " = ANY(CAST(" : " <> ALL(CAST(");
        sql_bind(w->out, db_text_val(list));
        sql_add_literal(w->out, text ? " AS TEXT[]))" : " AS BIGINT[]))");
        return;
    }
    sql_add_literal(w->out, yes ? " IN (SELECT value FROM json_each("
                                : " NOT IN (SELECT value FROM json_each(");
    sql_bind(w->out, db_text_val(list));
    sql_lit(w->out, "))");
}

/* Items that one set cannot hold: days beside instants, records of any entity, mixed folding. */
static bool pairwise(const struct expr *x)
{
    const struct expr *a = x->args[0];
    bool any = a->type == VALUE_REF && !a->target;

    for (size_t i = 1; i < x->n && !any; i++) {
        any = x->args[i]->type != a->type ||
              (a->type == VALUE_TEXT && expr_folds(a, x->args[i]) != expr_folds(a, x->args[1]));
    }
    return any || x->n == 2;
}

SQL_IF(expr_sql_in)
{
    struct leaf l = { w, x->args[0], AS_VALUE };
    size_t n;

    if (pairwise(x) && x->args[0]->type != VALUE_NUMBER && x->args[0]->type != VALUE_MONEY) {
        sql_lit(w->out, "(");
        for (size_t i = 1; i < x->n; i++) {
            sql_add_literal(w->out, i == 1 ? "" : yes ? " OR " : " AND ");
            compare(w, x, x->args[0], "=", x->args[i], yes);
        }
        sql_lit(w->out, ")");
        return;
    }
    bool text = x->args[0]->type == VALUE_TEXT;
    l.how = text && expr_folds(x->args[0], x->args[1]) ? AS_KEY : AS_VALUE;
    struct str list = list_text(w, x, l.how == AS_KEY, &n);
    bool bare = is_bare(&l);
    sql_lit(w->out, "(");
    put(&l);
    put_set(w, list, text, yes || !bare);
    if (!yes && bare) {
        sql_lit(w->out, " OR ");
        put(&l);
        sql_lit(w->out, " IS NULL");
    }
    sql_lit(w->out, ")");
    if (!yes && !bare) {
        sql_lit(w->out, " IS NOT TRUE");
    }
}

/* ---- parts and picks ---- */

/* Rows of the side table of a list: FROM ... WHERE their record. Returns its alias. */
static int list_from(struct expr_writer *w, const struct expr *x)
{
    const struct live_field *f = x->path[w->level];
    int alias = sql_new_alias(w->out);

    sql_lit(w->out, "EXISTS (SELECT 1 FROM ");
    sql_ident(w->out, kind_part_table(f->value));
    sql_lit(w->out, " ");
    sql_alias(w->out, alias);
    sql_lit(w->out, " WHERE ");
    if (!kind_is_picks(f->value)) {
        sql_column(w->out, alias, "entity");
        sql_lit(w->out, " = ");
        sql_int(w->out, f->entity->number);
        sql_lit(w->out, " AND ");
    }
    sql_column(w->out, alias, "field");
    sql_lit(w->out, " = ");
    sql_int(w->out, f->number);
    sql_lit(w->out, " AND ");
    sql_column(w->out, alias, "record");
    sql_lit(w->out, " = ");
    sql_column(w->out, w->alias, "id");
    return alias;
}

static void put_has(struct expr_writer *w, const struct expr *x, const struct expr *item)
{
    struct value v = expr_constant(item, w->out->text.mem, w->now, w->me);
    bool picks = x->args[0]->list != NULL;
    int alias;

    if (v.absent) {
        expr_write_truth(w, false);
        return;
    }
    if (!picks) {
        v.s = expr_part_key(w->out->text.mem, x->args[0], v.s, true);
    }
    alias = list_from(w, x->args[0]);
    sql_lit(w->out, " AND ");
    sql_column(w->out, alias, picks ? "choice" : "key");
    sql_lit(w->out, " = ");
    expr_bind(w, &v, false);
    sql_lit(w->out, ")");
}

SQL_IF(expr_sql_has)
{
    bool all = str_is(str_of(x->op->name), "has all");

    sql_add_literal(w->out, yes ? "(" : "NOT (");
    for (size_t i = 1; i < x->n; i++) {
        if (i > 1) {
            sql_add_literal(w->out, all ? " AND " : " OR ");
        }
        put_has(w, x, x->args[i]);
    }
    sql_lit(w->out, ")");
}

SQL_IF(expr_sql_present)
{
    const struct expr *a = x->args[0];
    const struct live_field *f = a->node == NODE_FIELD ? a->path[a->npath - 1] : NULL;
    struct leaf l = { w, a, f && (f->stored || !f->expr) ? AS_OWN : AS_VALUE };

    sql_lit(w->out, "(");
    put(&l);
    sql_add_literal(w->out, yes ? " IS NOT NULL" : " IS NULL");
    sql_lit(w->out, ")");
}

/* ---- texts ---- */

/* The text before the only wildcard, a % at the end; false for other patterns. */
static bool prefix_of(struct arena *mem, struct str pattern, struct str *out, bool *whole)
{
    struct str bytes;
    struct buf b;

    buf_init(&b, mem, pattern.n + 1);
    *whole = true;
    while (pattern.n) {
        enum expr_wild wild = expr_like_next(&pattern, &bytes);
        if (wild != WILD_NONE) {
            *whole = false;
            *out = buf_str(&b);
            return wild == WILD_ANY && !pattern.n;
        }
        buf_add(&b, bytes);
    }
    *out = buf_str(&b);
    return true;
}

static void put_pattern(const struct leaf *l, struct str pattern, bool yes)
{
    struct expr_writer *w = l->w;
    bool sqlite = w->out->backend == DB_SQLITE, bare = is_bare(l);
    bool positive = yes || !bare;

    sql_lit(w->out, "(");
    put(l);
    sql_add_literal(w->out, sqlite ? (positive ? " GLOB " : " NOT GLOB ")
                                   : (positive ? " LIKE " : " NOT LIKE "));
    sql_bind(w->out, db_text_val(expr_like_sql(w->out->text.mem, pattern, w->out->backend)));
    if (!yes && bare) {
        sql_lit(w->out, " OR ");
        put(l);
        sql_lit(w->out, " IS NULL");
    }
    sql_lit(w->out, ")");
    if (!yes && !bare) {
        sql_lit(w->out, " IS NOT TRUE");
    }
}

static void put_presence(const struct leaf *l, bool yes)
{
    sql_lit(l->w->out, "(");
    put(l);
    sql_add_literal(l->w->out, yes ? " IS NOT NULL)" : " IS NULL)");
}

/* what: already folded when the left side is a key. */
static void put_match(const struct leaf *l, char how, struct str what, bool yes)
{
    struct arena *mem = l->w->out->text.mem;
    struct value low = { .type = VALUE_TEXT }, end = low;
    struct leaf raw = { l->w, l->x, l->how, true };
    bool whole = false, prefix = how == 's';
    struct str text = what;

    if (how == 'l') {
        prefix = prefix_of(mem, what, &text, &whole);
    }
    if (prefix && whole) {
        low.s = text;
        compare_bound(&raw, "=", &low, yes);
    } else if (prefix && !text.n) {
        put_presence(l, yes);
    } else if (prefix && expr_prefix_end(mem, text, &end.s)) {
        low.s = text;
        compare_range(&raw, &low, &end, yes);
    } else if (how == 'l') {
        put_pattern(l, what, yes);
    } else {
        struct str quoted = expr_like_quote(mem, text);
        const char *after = how == 'e' ? "" : "%";
        put_pattern(l, arena_fmt(mem, "%s%.*s%s", how == 's' ? "" : "%", STR_ARG(quoted), after),
            yes);
    }
}

static void match_list(struct expr_writer *w, const struct expr *x, char how, bool yes)
{
    struct value v = expr_constant(x->args[1], w->out->text.mem, w->now, w->me);
    /* the key of a part, as if it were a text field of its own row */
    struct live_field key = { .name = STR("key"), .value = KIND_TEXT, .stored = true,
        .columns = { { "key", DB_TEXT } }, .ncolumns = 1 };
    const struct live_field *path[] = { &key };
    struct expr part = { .node = NODE_FIELD, .type = VALUE_TEXT, .path = path, .npath = 1,
        .env = x->env };
    struct expr_writer inner = *w;
    struct leaf l = { &inner, &part, AS_VALUE };

    sql_add_literal(w->out, yes ? "" : "NOT ");
    inner.alias = list_from(w, x->args[0]);
    inner.level = 0;
    sql_lit(w->out, " AND ");
    put_match(&l, how, expr_part_key(w->out->text.mem, x->args[0], v.s, false), true);
    sql_lit(w->out, ")");
}

SQL_IF(expr_sql_match)
{
    const struct expr_op *op = x->op->negates ? x->op->negates : x->op;
    struct value v = expr_constant(x->args[1], w->out->text.mem, w->now, w->me);
    bool folds = x->args[0]->type == VALUE_TEXT && expr_folds(x->args[0], x->args[1]);
    struct leaf l = { w, x->args[0], folds ? AS_KEY : AS_VALUE };

    if (v.absent) {
        expr_write_truth(w, !yes);
    } else if (x->args[0]->type == VALUE_LIST) {
        match_list(w, x, op->name[0], yes);
    } else {
        put_match(&l, op->name[0], folds ? utf8_fold(w->out->text.mem, v.s) : v.s, yes);
    }
}

/* ---- the calendar ---- */

SQL_IF(expr_sql_period)
{
    const struct zone *z = x->env->zone;
    struct leaf l = { w, x->args[0], AS_VALUE };
    struct value low = { .type = x->args[0]->type }, end = low;

    if (!expr_period(x->args[1]->name, zone_date(z, w->now), &low.i, &end.i)) {
        expr_write_truth(w, !yes);
        return;
    }
    if (low.type == VALUE_INSTANT) {
        low.i = zone_day_start(z, low.i);
        end.i = zone_day_start(z, end.i);
    }
    compare_range(&l, &low, &end, yes);
}

static void put_month_day(struct expr_writer *w, const struct expr *a)
{
    const struct live_field *f = a->node == NODE_FIELD ? a->path[a->npath - 1] : NULL;

    if (f && f->stored && expr_is_partial(f) && f->key_column) {
        expr_write_part(w, a, PART_MONTH_DAY);
        return;
    }
    int alias = sql_new_alias(w->out);
    sql_lit(w->out, "(SELECT kith_month(");
    sql_column(w->out, alias, "d");
    sql_lit(w->out, ") * 100 + kith_day(");
    sql_column(w->out, alias, "d");
    sql_lit(w->out, ") FROM (SELECT ");
    expr_write_day(w, a);
    sql_lit(w->out, " AS \"d\") ");
    sql_alias(w->out, alias);
    sql_lit(w->out, ")");
}

SQL_IF(expr_sql_anniversary)
{
    struct value n = expr_constant(x->args[1], w->out->text.mem, w->now, w->me);
    int64_t today = zone_date(x->env->zone, w->now);
    struct expr_window win = expr_anniversaries(today, n.i / DAYS(1));

    sql_lit(w->out, "((");
    put_month_day(w, x->args[0]);
    if (win.all) {
        sql_lit(w->out, " BETWEEN 101 AND 1231");
    } else if (!win.wraps) {
        sql_lit(w->out, " BETWEEN ");
        sql_int(w->out, win.first);
        sql_lit(w->out, " AND ");
        sql_int(w->out, win.last);
    } else {
        sql_lit(w->out, " NOT BETWEEN ");
        sql_int(w->out, win.last + 1);
        sql_lit(w->out, " AND ");
        sql_int(w->out, win.first - 1);
    }
    sql_add_literal(w->out, yes ? "))" : ") IS NOT TRUE)");
}
