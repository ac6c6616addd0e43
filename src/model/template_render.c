/* template_render.c - a template with the values of one reader. Counted steps and a ceiling of the
 * output bound what a text can cost, whoever wrote it. */

#include "model/template_tree.h"

#include "base/utf8.h"
#include "model/query.h"

#include <inttypes.h>

enum { ROW_STEPS = 50 }; /* a row is read from the database */

struct rendering {
    struct showing show;
    const struct template *t;
    struct record **records; /* per slot */
    const json_t **objects;
    struct buf *out;
    struct template_missing *missing;
    bool sample;
    int steps;
};

static enum err_code step(struct rendering *r)
{
    if (++r->steps > TEMPLATE_STEPS_MAX || r->out->failed) {
        return fail(
            r->show.c, ERR_TOO_LARGE, NULL, "this text grows beyond what one message may hold");
    }
    return OK;
}

static const json_t *member(const struct rendering *r, const struct template_term *t)
{
    const json_t *v = r->objects[t->slot];

    for (size_t i = 0; v && i < t->npath; i++) {
        v = json_object_get(v, arena_cstr(r->show.mem, t->path[i]));
    }
    return v && !json_is_null(v) ? v : NULL;
}

static struct str member_text(const struct rendering *r, const json_t *v)
{
    if (json_is_string(v)) {
        return json_str(v);
    }
    if (json_is_integer(v)) {
        return arena_fmt(r->show.mem, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    }
    return json_is_true(v) ? STR("true") : STR("");
}

static enum err_code look_up(struct rendering *r, const struct template_term *t, struct shown *out)
{
    struct call *c = r->show.c;

    *out = (struct shown) { .text = t->text };
    if (t->kind == TERM_PATH) {
        const json_t *v = member(r, t);
        out->absent = !v;
        out->text = member_text(r, v);
    } else if (t->kind == TERM_EXPR) {
        struct record *record = r->records[t->slot];
        *out = (struct shown) { .absent = true, .typed = true, .expr = t->expr, .text = STR("") };
        if (record) {
            struct expr_rows rows = record_rows_seen(c, record);
            TRY(expr_eval(t->expr, &rows, r->show.mem, c->now, c->who->id, &out->value));
            out->absent = out->value.absent;
        }
    }
    return OK;
}

/* ---- values ---- */

static void put(struct rendering *r, const struct template_node *n, struct shown *v)
{
    if (n->place == PLACE_PLAIN) {
        for (size_t i = 0; i < v->text.n; i++) {
            char ch = v->text.p[i];
            bool line = ch == '\n' || ch == '\r';
            buf_byte(r->out, line && r->t->mode == TEMPLATE_LINE ? ' ' : ch);
        }
    } else if (v->html && n->place == PLACE_TEXT) {
        buf_add(r->out, v->text);
    } else {
        html_escape(r->out, v->text, n->place);
    }
}

static void note_missing(struct rendering *r, struct str name)
{
    struct template_missing *m = r->missing;
    size_t i = 0;

    while (i < m->n && !str_eq(m->names[i], name)) {
        i++;
    }
    if (i == m->n && i < TEMPLATE_MISSING_MAX) {
        m->names[m->n++] = name;
    }
}

static enum err_code put_value(struct rendering *r, const struct template_node *n)
{
    struct shown v;

    TRY(look_up(r, &n->term, &v));
    for (size_t i = 0; i < n->nfilters; i++) {
        const struct filter_use *use = &n->filters[i];
        TRY(use->filter->run(&r->show, &v, use->args, use->nargs));
    }
    TRY(shown_text(&r->show, &v));
    if (v.absent || !v.text.n) {
        note_missing(r, n->term.text);
        if (!r->sample || n->term.kind != TERM_EXPR || r->records[n->term.slot]) {
            return OK;
        }
        v = (struct shown) { .text = arena_fmt(r->show.mem, "[%.*s]", STR_ARG(n->term.text)) };
    }
    put(r, n, &v);
    return OK;
}

/* ---- conditions and loops ---- */

static enum err_code holds(struct rendering *r, const struct template_condition *cond, bool *yes)
{
    struct shown v;

    *yes = true;
    if (!cond->term.text.n) {
        return OK; /* else */
    }
    TRY(look_up(r, &cond->term, &v));
    if (cond->op != COND_HOLDS) {
        *yes = str_eq(v.text, cond->with) == (cond->op == COND_EQUAL);
    } else if (cond->term.kind == TERM_EXPR) {
        *yes = !v.absent && v.value.i != 0;
    } else {
        const json_t *m = member(r, &cond->term);
        *yes = m && !json_is_false(m) && !(json_is_array(m) && !json_array_size(m)) &&
               !(json_is_string(m) && !v.text.n);
    }
    *yes ^= cond->negated;
    return OK;
}

static enum err_code render(struct rendering *r, const struct template_node *n);

/* The rows of the record in the loop's slot, in the order asked for, as far as the reader may see
 * them: read together, with the names of what they refer to. */
static enum err_code loop_rows(struct rendering *r, const struct template_node *n)
{
    struct call *c = r->show.c;
    const struct record *parent = r->records[n->term.slot];
    struct query_page page;
    struct list_request q = { .e = n->child->entity,
        .sort = n->sort,
        .limit = n->limit,
        .right = RIGHT_READ };
    const struct ref_names *names = r->show.names;

    if (!parent) {
        return OK;
    }
    q.where =
        n->child->by->def.kind == KIND_ANYREF
            ? arena_fmt(r->show.mem, "%.*s = '%.*s:%" PRId64 "'%s%.*s%s",
                  STR_ARG(n->child->by->name), STR_ARG(parent->e->name), parent->id,
                  n->where.n ? " and (" : "", STR_ARG(n->where), n->where.n ? ")" : "")
            : arena_fmt(r->show.mem, "%.*s = %" PRId64 "%s%.*s%s", STR_ARG(n->child->by->name),
                  parent->id, n->where.n ? " and (" : "", STR_ARG(n->where), n->where.n ? ")" : "");
    TRY(query_page(c, &q, &page));
    r->show.names = page.names;
    for (size_t i = 0; i < page.n; i++) {
        r->steps += ROW_STEPS;
        TRY(step(r));
        r->records[n->slot] = page.rows[i];
        TRY(render(r, n->inside));
    }
    r->records[n->slot] = NULL;
    r->show.names = names;
    return OK;
}

static enum err_code loop_list(struct rendering *r, const struct template_node *n)
{
    const json_t *list = member(r, &n->term);

    for (size_t i = 0; i < json_array_size(list) && i < (size_t)n->limit; i++) {
        TRY(step(r));
        r->objects[n->slot] = json_array_get(list, i);
        TRY(render(r, n->inside));
    }
    r->objects[n->slot] = NULL;
    return OK;
}

static enum err_code render(struct rendering *r, const struct template_node *n)
{
    for (; n; n = n->next) {
        bool yes;
        TRY(step(r));
        switch (n->kind) {
        case NODE_COPY:
            buf_add(r->out, n->text);
            break;
        case NODE_PUT:
            TRY(put_value(r, n));
            break;
        case NODE_IF:
            TRY(holds(r, &n->cond, &yes));
            TRY(render(r, yes ? n->inside : n->otherwise));
            break;
        case NODE_FOR:
            TRY(n->child ? loop_rows(r, n) : loop_list(r, n));
            break;
        }
    }
    return OK;
}

enum err_code template_render(struct call *c, const struct template *t,
    const struct template_data *data, struct buf *out,
    struct template_missing *missing)
{
    struct rendering r = {
        .show = { .c = c, .mem = c->mem, .language = data->language, .zone = data->zone },
        .t = t,
        .out = out,
        .missing = missing,
        .sample = data->sample
    };

    r.records = ARENA_ARRAY(c->mem, struct record *, (size_t)t->slots + 1);
    r.objects = ARENA_ARRAY(c->mem, const json_t *, (size_t)t->slots + 1);
    for (size_t i = 0; i < t->nroots; i++) {
        r.records[i] = data->records ? data->records[i] : NULL;
        r.objects[i] = data->objects ? data->objects[i] : NULL;
    }
    TRY(render(&r, t->first));
    return out->failed
               ? fail(c, ERR_TOO_LARGE, NULL, "this text grows beyond what one message may hold")
               : OK;
}
