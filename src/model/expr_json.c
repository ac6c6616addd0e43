/* expr_json.c - a tree as JSON and back, so that a screen can build what a person could type.
 *
 *   {"field": "company.name"}  {"text": "x"}  {"value": "90d"}  (now, null, 500 EUR, 2026-01-31)
 *   {"op": "and", "args": [...]}  {"op": "not in", "args": [...]}  {"op": "neg", "args": [...]}
 *   {"call": "lower", "args": [...]}  {"call": "count", "args": [{"field": "orders"}], "where": {}}
 */

#include "model/expr_tree.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

/* ---- out ---- */

static void put(const struct expr *x, struct json_writer *w, const char *name);

static void put_args(const struct expr *x, struct json_writer *w)
{
    json_array(w, "args");
    for (size_t i = 0; i < x->n; i++) {
        put(x->args[i], w, NULL);
    }
    json_end_array(w);
}

static void put_path(const struct expr *x, const struct expr *value, struct json_writer *w)
{
    char text[EXPR_TEXT_MAX];
    size_t n = 0;

    for (size_t i = 0; i < x->npath; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n ? "." : "",
            STR_ARG(x->path[i]->name));
    }
    if (x->node == NODE_ROWS) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n ? "." : "",
            STR_ARG(x->child->name));
    }
    for (size_t i = 0; value && i < value->npath; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, ".%.*s", STR_ARG(value->path[i]->name));
    }
    json_text(w, "field", (struct str) { text, n < sizeof text ? n : 0 });
}

static void put_rows(const struct expr *x, struct json_writer *w)
{
    json_cstr(w, "call", expr_rows_name(x->rows));
    json_array(w, "args");
    json_object(w, NULL);
    put_path(x, x->n ? x->args[0] : NULL, w);
    json_end_object(w);
    json_end_array(w);
    if (x->where) {
        put(x->where, w, "where");
    }
}

static void put(const struct expr *x, struct json_writer *w, const char *name)
{
    json_object(w, name);
    switch ((int)x->node) {
    case NODE_LITERAL:
        json_text(w, x->lit == LIT_TEXT ? "text" : "value", x->name);
        break;
    case NODE_FIELD:
        put_path(x, NULL, w);
        break;
    case NODE_ROWS:
        put_rows(x, w);
        break;
    case NODE_EXTENSION:
        json_cstr(w, "call", x->extension->name);
        put_args(x, w);
        break;
    case NODE_OP:
        json_cstr(w, x->op->shape == SHAPE_CALL ? "call" : "op", x->op->name);
        put_args(x, w);
        break;
    default:
        json_cstr(w, "op",
            x->node == NODE_AND  ? "and"
            : x->node == NODE_OR ? "or"
                                 : "not");
        put_args(x, w);
        break;
    }
    json_end_object(w);
}

void expr_json(const struct expr *x, struct json_writer *w, const char *name)
{
    put(x, w, name);
}

/* ---- in ---- */

static enum err_code take(struct expr_maker *m, const json_t *j, struct expr **out);

static enum err_code take_args(struct expr_maker *m, const json_t *j, struct expr *x)
{
    const json_t *args = json_object_get(j, "args");
    size_t n = json_array_size(args);

    if (args && !json_is_array(args)) {
        return expr_fail_at(m, -1, "\"args\" must be an array.");
    }
    if (n > EXPR_LIST_MAX + 1) {
        return expr_fail_at(m, -1, "A list or chain may have at most %d items.", EXPR_LIST_MAX);
    }
    x->args = ARENA_ARRAY(m->mem, struct expr *, n + 1);
    x->n = n;
    for (size_t i = 0; i < n; i++) {
        TRY(take(m, json_array_get(args, i), &x->args[i]));
    }
    return OK;
}

/* A path or the name of a function, as the parser would have read it. */
static bool is_path(struct str s)
{
    bool start = true;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool digit = c >= '0' && c <= '9';
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (c == '.' && !start) {
            start = true;
            continue;
        }
        if (!(letter || (digit && (!start || i > 0)) || (c == '@' && start))) {
            return false;
        }
        start = false;
    }
    return s.n && !start && !expr_is_keyword(s);
}

static enum err_code check_count(struct expr_maker *m, const struct expr *x)
{
    static const struct {
        size_t least, most;
    } counts[] = { [SHAPE_COMPARE] = { 2, 2 }, [SHAPE_BETWEEN] = { 3, 3 },
        [SHAPE_IN] = { 2, EXPR_LIST_MAX + 1 }, [SHAPE_MATCH] = { 2, 2 }, [SHAPE_EMPTY] = { 1, 1 },
        [SHAPE_HAS] = { 2, EXPR_LIST_MAX + 1 }, [SHAPE_SUM] = { 2, 2 }, [SHAPE_TERM] = { 2, 2 },
        [SHAPE_SIGN] = { 1, 1 } };

    if (x->n < counts[x->op->shape].least || x->n > counts[x->op->shape].most) {
        return expr_fail_at(m, -1, "\"%s\" takes %zu arguments, found %zu.", x->op->name,
            counts[x->op->shape].least, x->n);
    }
    return OK;
}

static enum err_code take_op(
    struct expr_maker *m, const json_t *j, struct str name, struct expr *x)
{
    bool and = str_is(name, "and"), or = str_is(name, "or"), not= str_is(name, "not");

    TRY(take_args(m, j, x));
    x->name = name;
    if (and || or || not) {
        x->node = and ? NODE_AND : or ? NODE_OR : NODE_NOT;
        if (not ? x->n != 1 : x->n < 2) {
            return expr_fail_at(m, -1, "\"%.*s\" takes %s.", STR_ARG(name),
                not ? "one argument" : "two arguments or more");
        }
        return OK;
    }
    x->op = expr_op_named(name, false);
    if (!x->op) {
        return expr_fail_at(m, -1, "Unknown operator \"%.*s\".", STR_ARG(str_sub(name, 0, 60)));
    }
    return check_count(m, x);
}

static enum err_code take_object(struct expr_maker *m, const json_t *j, struct expr *x)
{
    static const char *const keys[] = { "field", "text", "value", "op", "call" };
    struct str s = { 0 };
    size_t which = 5;

    for (size_t i = 0; i < 5; i++) {
        const json_t *v = json_object_get(j, keys[i]);
        if (v && (which < 5 || !json_is_string(v))) {
            return expr_fail_at(m, -1, "A node has one of field, text, value, op, call, with a "
                "string.");
        }
        which = v ? i : which;
        s = v ? arena_str(m->mem, json_str(v)) : s;
    }
    if (which == 5 || !utf8_valid(s, NULL)) {
        return expr_fail_at(m, -1, "A node has one of field, text, value, op, call.");
    }
    if ((which == 0 || which == 4) && !is_path(s)) {
        return expr_fail_at(m, -1, "\"%.*s\" is not a name.", STR_ARG(str_sub(s, 0, 60)));
    }
    x->name = s;
    if (which == 0) {
        x->node = NODE_FIELD;
    } else if (which == 1) {
        x->lit = LIT_TEXT;
    } else if (which == 2) {
        TRY(expr_literal_word(m, x, s));
    } else if (which == 3) {
        x->node = NODE_OP;
        TRY(take_op(m, j, s, x));
    } else {
        const json_t *where = json_object_get(j, "where");
        x->node = NODE_OP;
        TRY(take_args(m, j, x));
        if (where) {
            TRY(take(m, where, &x->where));
        }
    }
    return OK;
}

static enum err_code take(struct expr_maker *m, const json_t *j, struct expr **out)
{
    if (!json_is_object(j)) {
        return expr_fail_at(m, -1, "Each node of the tree must be an object.");
    }
    *out = expr_node_new(m, NODE_LITERAL, -1);
    if (!*out) {
        return ERR_INVALID;
    }
    if (++m->depth > EXPR_DEPTH_MAX) {
        return expr_fail_at(m, -1, "The expression is nested deeper than %d.", EXPR_DEPTH_MAX);
    }
    TRY(take_object(m, j, *out));
    m->depth--;
    return OK;
}

enum err_code expr_from_json(const struct expr_scope *s, const json_t *tree, const char *about,
    const struct expr **out, struct err *e)
{
    struct expr_maker m = { .mem = s->mem, .err = e, .about = about ? about : "where" };
    struct expr *x;
    struct buf text;

    TRY(take(&m, tree, &x));
    TRY(expr_check_finish(s, &m, x, out));
    /* what comes as JSON must also be possible as text */
    buf_init(&text, s->mem, EXPR_TEXT_MAX);
    expr_text(*out, false, &text);
    if (text.failed) {
        return expr_fail_at(&m, -1, "The expression is longer than %d bytes.", EXPR_TEXT_MAX);
    }
    return OK;
}
