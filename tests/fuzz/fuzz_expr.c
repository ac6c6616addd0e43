/* fuzz_expr.c - any bytes as an expression, or as the JSON of one: parsed, written as SQL for both
 * databases, worked out for a record, explained, and put back into text.
 *
 * Aborts when accepted text does not read back as the same text, or when the SQL holds a byte of
 * the input outside of its bound values. */

#include "../unit/model/world.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Letters, digits and signs that we write ourselves; input could only add others. */
static void check_sql(struct world *w, const struct expr *x, enum db_backend backend)
{
    struct sqltext s;
    struct expr_sql to = { .out = &s, .now = w->now, .me = 2 };
    struct sql sql;
    struct dbvals v;
    struct err e;

    sqltext_init(&s, w->scratch, backend);
    if (expr_type(x) == VALUE_BOOL) {
        expr_sql_condition(x, &to);
    } else if (expr_type(x) < VALUE_PLACE && expr_type(x) != VALUE_CALENDAR) {
        expr_sql_value(x, &to);
    }
    if (sqltext_end(&s, &sql, &v, &e) != OK) {
        return;
    }
    for (const char *p = sql.text; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                strchr(" \"'$_.,()[]=<>|*/%&+-", *p))) {
            abort();
        }
        if (*p == '\'' && *++p != '\'') { /* the only text is the empty one */
            abort();
        }
    }
}

static struct str text_of(struct world *w, const struct expr *x)
{
    struct buf b;

    buf_init(&b, w->scratch, 1 << 20);
    expr_text(x, false, &b);
    return buf_str(&b);
}

static void use(struct world *w, const struct expr_scope *s, const struct expr *x)
{
    struct expr_rows rows = world_rows(w);
    const struct expr *again;
    struct str text = text_of(w, x);
    struct json_writer out;
    struct buf json;
    struct err e;
    struct value v;
    int64_t next;

    if (text.n <= 16 * 1024 &&
        (expr_parse(s, text, NULL, &again, &e) != OK || !str_eq(text_of(w, again), text))) {
        abort();
    }
    check_sql(w, x, DB_SQLITE);
    check_sql(w, x, DB_POSTGRES);
    buf_init(&json, w->scratch, 4 << 20);
    json_init(&out, &json);
    if (expr_explain(x, &rows, w->scratch, w->now, 2, &out, &next, &v) != OK || next <= w->now) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct world *w;

    if (!w) {
        w = world_make(1, "Europe/Berlin");
        world_fill(w);
        w->at = 7;
    }
    struct arena_mark mark = arena_mark(w->scratch);
    struct expr_scope s = w->scope;
    struct str input = arena_str(w->scratch, (struct str) { (const char *)data, n });
    const struct expr *x;
    json_t *tree;
    struct err e;
    s.mem = w->scratch;
    if (n && data[0] == '{') {
        if (json_read(w->scratch, input, &tree, &e) == OK &&
            expr_from_json(&s, tree, NULL, &x, &e) == OK) {
            use(w, &s, x);
        }
    } else if (expr_parse(&s, input, NULL, &x, &e) == OK) {
        use(w, &s, x);
    }
    arena_rewind(w->scratch, mark);
    return 0;
}
