/* expr_explain.c - why an answer is what it is, and until when: the tree with values and verdicts,
 * and the next instant at which time alone changes it. */

#include "model/expr_tree.h"

#include <stdio.h>
#include <string.h>

/* ---- a row source that asks once ---- */

struct kept_field {
    const struct live_field *f;
    int64_t id;
    struct value v;
};

struct kept_rows {
    const struct live_child *child;
    int64_t id, *ids;
    size_t n;
};

struct keeper {
    const struct expr_rows *from;
    struct arena *mem;
    struct map fields, rows;
};

static struct str key_of(struct keeper *k, const void *what, int64_t id)
{
    struct {
        const void *what;
        int64_t id;
    } key = { what, id };

    return arena_str(k->mem, (struct str) { (const char *)&key, sizeof key });
}

static enum err_code keep_field(
    void *arg, const struct live_field *f, int64_t id, struct value *out)
{
    struct keeper *k = arg;
    struct str key = key_of(k, f, id);
    struct kept_field *kept = map_get(&k->fields, key);

    if (!kept) {
        kept = ARENA_NEW(k->mem, struct kept_field);
        TRY(k->from->field(k->from->arg, f, id, &kept->v));
        map_put(&k->fields, key, kept);
    }
    *out = kept->v;
    return OK;
}

static enum err_code keep_children(
    void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n)
{
    struct keeper *k = arg;
    struct str key = key_of(k, child, id);
    struct kept_rows *kept = map_get(&k->rows, key);

    if (!kept) {
        kept = ARENA_NEW(k->mem, struct kept_rows);
        TRY(k->from->children(k->from->arg, child, id, &kept->ids, &kept->n));
        map_put(&k->rows, key, kept);
    }
    *ids = kept->ids;
    *n = kept->n;
    return OK;
}

/* ---- values as JSON ---- */

static void put_value(
    const struct expr *x, const struct value *v, struct json_writer *w, const char *name)
{
    char text[64];
    const struct choice *c;

    if (v->absent) {
        json_none(w, name);
        return;
    }
    switch ((int)x->type) {
    case VALUE_BOOL:
        json_flag(w, name, v->i != 0);
        return;
    case VALUE_NUMBER:
    case VALUE_MONEY:
        (void)str_from_scaled(v->i, x->scale + x->up, text);
        json_raw(w, name, str_of(text));
        return;
    case VALUE_TEXT:
        json_text(w, name, v->s);
        return;
    case VALUE_DATE:
        if (expr_day_ok(v->i)) {
            (void)date_format(v->i, text);
            json_cstr(w, name, text);
            return;
        }
        break;
    case VALUE_INSTANT:
        if (expr_day_ok(v->i / DAYS(1) - 1) && expr_day_ok(v->i / DAYS(1) + 1)) {
            (void)instant_format(v->i, text);
            json_cstr(w, name, text);
            return;
        }
        break;
    case VALUE_DURATION:
        (void)str_from_scaled(v->i, 6, text);
        json_raw(w, name, str_of(text)); /* seconds */
        return;
    case VALUE_CHOICE:
        c = choice_by_id(x->list, v->i);
        json_text(w, name, c ? c->code : STR(""));
        return;
    case VALUE_PLACE:
        snprintf(text, sizeof text, "%.7f, %.7f", v->lat, v->lng);
        json_cstr(w, name, text);
        return;
    case VALUE_LIST:
        json_raw(w, name, v->s.n ? v->s : STR("[]"));
        return;
    default:
        break;
    }
    json_int(w, name, v->i);
}

/* ---- the tree ---- */

static struct str text_of(struct arena *mem, const struct expr *x)
{
    struct buf b;

    buf_init(&b, mem, 4 * EXPR_TEXT_MAX);
    expr_text(x, false, &b);
    return buf_str(&b);
}

static bool is_plain_literal(const struct expr *x)
{
    return x->node == NODE_LITERAL && x->lit != LIT_NOW && x->lit != LIT_TODAY && x->lit != LIT_ME;
}

static enum err_code put_node(
    struct expr_reader *r, const struct expr *x, struct json_writer *w, const char *name)
{
    bool chain = x->node == NODE_AND || x->node == NODE_OR || x->node == NODE_NOT;
    struct value v;

    TRY(expr_read(r, x, &v));
    json_object(w, name);
    json_text(w, "text", text_of(r->mem, x));
    if (x->type == VALUE_BOOL) {
        json_flag(w, "holds", !v.absent && v.i);
    } else {
        put_value(x, &v, w, "value");
    }
    if (chain) {
        json_cstr(w, "op", x->node == NODE_AND ? "and" : x->node == NODE_OR ? "or" : "not");
    } else if (x->node == NODE_FIELD) {
        const struct live_field *f = x->path[x->npath - 1];
        if (x->type == VALUE_BOOL) {
            put_value(x, &v, w, "value");
        }
        if (f->def.label) {
            json_text(w, "label", f->label);
        }
    }
    if (chain || x->node == NODE_OP) {
        json_array(w, "args");
        for (size_t i = 0; i < x->n; i++) {
            if (!is_plain_literal(x->args[i])) {
                TRY(put_node(r, x->args[i], w, NULL));
            }
        }
        json_end_array(w);
    }
    json_end_object(w);
    return OK;
}

/* ---- the next change ---- */

static bool same_value(const struct value *a, const struct value *b)
{
    return a->absent == b->absent && (a->absent || (a->i == b->i && str_eq(a->s, b->s)));
}

static int count_nodes(const struct expr *x)
{
    int n = 1 + (x->where ? count_nodes(x->where) : 0);

    for (size_t i = 0; i < x->n; i++) {
        n += count_nodes(x->args[i]);
    }
    return n;
}

/* Goes from one possible change to the next until the answer is another. After so many it is
 * early: whoever asked looks again then. */
enum { LOOKS = 2000, LOOKS_AT_NODES = 100000 };

static enum err_code find_next(
    struct expr_reader *r, const struct expr *x, const struct value *now, int64_t *next)
{
    struct expr_reader at = *r;
    struct value v;
    int looks = LOOKS_AT_NODES / count_nodes(x);

    *next = INT64_MAX;
    looks = looks < LOOKS ? looks : LOOKS;
    for (int i = 0; i < looks && x->clock; i++) {
        TRY(expr_next_turn(&at, x, next));
        if (*next == INT64_MAX) {
            return OK;
        }
        at.now = *next;
        TRY(expr_read(&at, x, &v));
        if (!same_value(now, &v)) {
            return OK;
        }
    }
    return OK;
}

enum err_code expr_explain(const struct expr *x, const struct expr_rows *rows, struct arena *mem,
    int64_t now, int64_t me, struct json_writer *w, int64_t *next, struct value *out)
{
    struct keeper k = { .from = rows, .mem = mem };
    struct expr_memo memo = { .mem = mem };
    struct expr_rows kept = { &k, keep_field, keep_children, rows->call, rows->self, rows->memo ? rows->memo : &memo };
    struct expr_reader r = { .rows = &kept, .mem = mem, .now = now, .me = me };

    map_init(&k.fields, mem);
    map_init(&k.rows, mem);
    TRY(expr_eval(x, &kept, mem, now, me, out));
    if (w) {
        TRY(put_node(&r, x, w, NULL));
    }
    struct value first;
    TRY(expr_read(&r, x, &first));
    return find_next(&r, x, &first, next);
}
