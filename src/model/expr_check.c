/* expr_check.c - gives every name of a tree its meaning in the live model, and every node its type.
 *
 * A field that the asker may not read is unknown to him: the same error as for a name that does not
 * exist, and it is not suggested. */

#include "model/expr_tree.h"

#include <string.h>

/* ---- suggestions ---- */

static size_t edit_distance(struct str a, struct str b)
{
    size_t row[64];

    if (a.n >= 64 || b.n >= 64) {
        return 64;
    }
    for (size_t j = 0; j <= b.n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t swap = corner + (a.p[i - 1] != b.p[j - 1]);
            corner = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = swap < step ? swap : step;
        }
    }
    return row[b.n];
}

void expr_nearest_try(struct expr_nearest *n, struct str name)
{
    size_t d = edit_distance(n->want, name);

    /* a third of the letters wrong is another word */
    if (d * 3 <= n->want.n + 2 && (!n->best.n || d < n->distance)) {
        n->best = name;
        n->distance = d;
    }
}

static bool may_read(const struct expr_check *c, const struct live_field *f)
{
    const struct expr_scope *s = c->scope;

    return f->def.kind != KIND_NONE && !f->def.system && (!s->may_read || s->may_read(s->arg, f));
}

static enum err_code unknown_name(
    struct expr_check *c, const struct expr *x, const struct live_entity *e, struct str name)
{
    struct expr_nearest near = { .want = name };

    for (size_t i = 0; e && i < e->nfields; i++) {
        if (may_read(c, e->fields[i])) {
            expr_nearest_try(&near, e->fields[i]->name);
        }
    }
    for (size_t i = 0; e && i < e->nchildren; i++) {
        if (may_read(c, e->children[i]->by)) {
            expr_nearest_try(&near, e->children[i]->name);
        }
    }
    struct str shown = str_sub(name, 0, 60);
    struct str entity = e ? e->name : STR("(no record)");
    if (near.best.n) {
        return expr_fail_at(c->maker, x->pos, "Unknown field \"%.*s\" of %.*s; did you mean "
            "\"%.*s\"?", STR_ARG(shown), STR_ARG(entity), STR_ARG(near.best));
    }
    return expr_fail_at(c->maker, x->pos, "Unknown field \"%.*s\" of %.*s.", STR_ARG(shown),
        STR_ARG(entity));
}

/* ---- fields ---- */

void expr_field_type(const struct live_field *f, struct expr *x)
{
    static const enum value_type types[KIND_COUNT] = { [KIND_NONE] = VALUE_NONE,
        [KIND_TEXT] = VALUE_TEXT, [KIND_LONG_TEXT] = VALUE_TEXT, [KIND_RICH_TEXT] = VALUE_TEXT,
        [KIND_INT] = VALUE_NUMBER, [KIND_DECIMAL] = VALUE_NUMBER, [KIND_MONEY] = VALUE_MONEY,
        [KIND_PERCENT] = VALUE_NUMBER, [KIND_BOOL] = VALUE_BOOL, [KIND_DATE] = VALUE_DATE,
        [KIND_INSTANT] = VALUE_INSTANT, [KIND_DURATION] = VALUE_DURATION,
        [KIND_CHOICE] = VALUE_CHOICE, [KIND_CHOICES] = VALUE_LIST, [KIND_TAGS] = VALUE_LIST,
        [KIND_REF] = VALUE_REF, [KIND_MANY] = VALUE_NONE, [KIND_ANYREF] = VALUE_REF,
        [KIND_EMAILS] = VALUE_LIST, [KIND_PHONES] = VALUE_LIST, [KIND_ADDRESSES] = VALUE_LIST,
        [KIND_URLS] = VALUE_LIST, [KIND_NAME] = VALUE_TEXT, [KIND_FILE] = VALUE_REF,
        [KIND_PLACE] = VALUE_PLACE, [KIND_NUMBER] = VALUE_TEXT, [KIND_FORMULA] = VALUE_NONE,
        [KIND_ROLLUP] = VALUE_NONE, [KIND_JSON] = VALUE_NONE };

    x->type = types[f->value];
    if (f->expr && !f->stored) {
        x->type = f->expr->type;
        x->scale = (uint8_t)(f->expr->scale + f->expr->up);
        x->list = f->expr->list;
        x->target = f->expr->target;
        return;
    }
    x->scale = x->type == VALUE_NUMBER ? f->scale : x->type == VALUE_MONEY ? 2 : 0;
    x->list = f->list;
    x->target = f->def.kind == KIND_ANYREF ? NULL : f->target;
}

static enum err_code check_value_field(
    struct expr_check *c, const struct expr *x, const struct live_field *f)
{
    if (f->value == KIND_JSON) {
        return expr_fail_at(c->maker, x->pos, "\"%.*s\" holds JSON, which is never filtered on.",
            STR_ARG(f->name));
    }
    if (f->def.kind == KIND_MANY) {
        return expr_fail_at(c->maker, x->pos, "\"%.*s\" are several records: ask count(%.*s), "
            "any(%.*s where to.name = '...') and the like.", STR_ARG(f->name), STR_ARG(f->name),
            STR_ARG(f->name));
    }
    if (!f->stored && !f->expr && f->value != KIND_CHOICES && f->value != KIND_TAGS &&
        !kind_is_list(f->value)) {
        return expr_fail_at(c->maker, x->pos, "\"%.*s\" cannot be used in an expression.",
            STR_ARG(f->name));
    }
    return OK;
}

/* One step along a reference. */
static enum err_code follow(struct expr_check *c, struct expr *x, const struct live_field *f,
    const struct live_entity **e)
{
    if ((f->def.kind != KIND_REF && f->def.kind != KIND_FILE) || !f->target) {
        return expr_fail_at(c->maker, x->pos, "\"%.*s\" is not a reference, so nothing can be "
            "read through it.", STR_ARG(f->name));
    }
    if (x->npath == EXPR_PATH_MAX - 1) {
        return expr_fail_at(c->maker, x->pos, "A path leads through at most %d references.",
            EXPR_PATH_MAX - 1);
    }
    x->path[x->npath++] = f;
    *e = f->target;
    return OK;
}

static const struct live_field *find_field(
    struct expr_check *c, const struct live_entity *e, struct str name)
{
    const struct live_field *f = e ? entity_field(e, name) : NULL;

    return f && may_read(c, f) ? f : NULL;
}

static const struct live_child *find_child(
    struct expr_check *c, const struct live_entity *e, struct str name)
{
    const struct live_child *found = e ? entity_child(e, name) : NULL;
    int64_t number;

    for (size_t i = 0; e && !found && name.n && name.p[0] == '@' && i < e->nchildren; i++) {
        if (str_to_int(str_sub(name, 1, name.n), &number) && e->children[i]->by->number == number) {
            found = e->children[i];
        }
    }
    return found && may_read(c, found->by) ? found : NULL;
}

enum err_code expr_check_name(struct expr_check *c, struct expr *x)
{
    const struct live_entity *e = c->entity;
    struct str rest = x->name, part;

    x->path = ARENA_ARRAY(c->maker->mem, const struct live_field *, EXPR_PATH_MAX);
    x->npath = 0;
    for (;;) {
        (void)str_split(&rest, '.', &part);
        const struct live_field *f = find_field(c, e, part);
        if (!f) {
            if (find_child(c, e, part)) {
                return expr_fail_at(c->maker, x->pos, "\"%.*s\" are several records: ask count(), "
                    "any(), sum() and the like of them.", STR_ARG(part));
            }
            return unknown_name(c, x, e, part);
        }
        if (!rest.n) {
            TRY(check_value_field(c, x, f));
            x->path[x->npath++] = f;
            expr_field_type(f, x);
            x->clock = !f->stored && f->expr && f->expr->clock;
            return OK;
        }
        TRY(follow(c, x, f, &e));
    }
}

/* ---- rows of other entities ---- */

static const char *const rows_names[] = { [ROWS_COUNT] = "count", [ROWS_ANY] = "any",
    [ROWS_NONE] = "none", [ROWS_ALL] = "all", [ROWS_SUM] = "sum", [ROWS_MIN] = "min",
    [ROWS_MAX] = "max", [ROWS_AVG] = "avg" };

const char *expr_rows_name(enum expr_rows_op op)
{
    return rows_names[op];
}

bool expr_is_rows_op(struct str name, enum expr_rows_op *op)
{
    for (size_t i = 0; i < sizeof rows_names / sizeof *rows_names; i++) {
        if (str_is(name, rows_names[i])) {
            *op = (enum expr_rows_op)i;
            return true;
        }
    }
    return false;
}

static enum err_code rows_type(struct expr_check *c, struct expr *x)
{
    struct expr *v = x->n ? x->args[0] : NULL;
    bool sums = x->rows == ROWS_SUM || x->rows == ROWS_AVG;
    unsigned fine = TYPE_BIT(VALUE_NUMBER) | TYPE_BIT(VALUE_MONEY) | TYPE_BIT(VALUE_DURATION);

    x->type = x->rows == ROWS_COUNT ? VALUE_NUMBER : VALUE_BOOL;
    if (x->rows < ROWS_SUM) {
        return v ? expr_fail_at(c->maker, v->pos, "%s() takes the rows, not a field of them.",
                       rows_names[x->rows])
                 : OK;
    }
    if (!v) {
        return expr_fail_at(c->maker, x->pos, "%s() takes a field of the rows, as in "
            "%s(%.*s.amount).", rows_names[x->rows], rows_names[x->rows], STR_ARG(x->child->name));
    }
    if (!sums) {
        fine |= TYPE_BIT(VALUE_DATE) | TYPE_BIT(VALUE_INSTANT);
    }
    if (!(fine & TYPE_BIT(v->type))) {
        return expr_fail_at(c->maker, v->pos, "%s() does not work on %s.", rows_names[x->rows],
            expr_type_words(v->type));
    }
    x->type = v->type;
    x->scale = v->scale;
    if (x->rows == ROWS_AVG && x->type == VALUE_NUMBER && x->scale < 4) {
        x->scale = 4;
    }
    return OK;
}

/* Splits "company.orders.total" at the child. Leaves what follows it in *rest. */
static enum err_code find_rows(struct expr_check *c, struct expr *x, struct expr *named,
    struct str *rest)
{
    const struct live_entity *e = c->entity;
    struct str part;

    x->path = ARENA_ARRAY(c->maker->mem, const struct live_field *, EXPR_PATH_MAX);
    x->pos = named->pos;
    *rest = named->name;
    while (str_split(rest, '.', &part)) {
        const struct live_child *child = find_child(c, e, part);
        if (child) {
            x->child = child;
            x->parent = e;
            return OK;
        }
        const struct live_field *f = find_field(c, e, part);
        if (!f) {
            return unknown_name(c, x, e, part);
        }
        if (!rest->n) {
            return expr_fail_at(c->maker, x->pos, "Expected rows of another object, found the "
                "field \"%.*s\".", STR_ARG(part));
        }
        TRY(follow(c, x, f, &e));
    }
    return unknown_name(c, x, e, named->name);
}

enum err_code expr_check_rows(struct expr_check *c, struct expr *x)
{
    struct str rest;

    if (x->n != 1 || x->args[0]->node != NODE_FIELD) {
        return expr_fail_at(c->maker, x->pos, "%s() takes rows of another object, as in "
            "count(orders where status = 'paid').", rows_names[x->rows]);
    }
    struct expr *value = x->args[0];
    x->node = NODE_ROWS;
    TRY(find_rows(c, x, value, &rest));
    struct expr_check inner = *c;
    inner.entity = x->child->entity;
    x->n = 0;
    if (rest.n) {
        value->name = rest;
        TRY(expr_check_tree(&inner, value));
        x->clock |= value->clock;
        x->n = 1;
    }
    if (x->where) {
        TRY(expr_check_tree(&inner, x->where));
        if (x->where->type != VALUE_BOOL) {
            return expr_fail_at(c->maker, x->where->pos, "Expected a condition, found %s.",
                expr_type_words(x->where->type));
        }
        x->clock |= x->where->clock;
    } else if (x->rows == ROWS_ALL) {
        return expr_fail_at(c->maker, x->pos, "all() takes a condition, as in "
            "all(orders where status = 'paid').");
    }
    return rows_type(c, x);
}

/* ---- calls ---- */

static enum err_code check_extension(
    struct expr_check *c, struct expr *x, const struct expr_extension *ext)
{
    struct expr_check inner = *c;
    struct str first = x->n && x->args[0]->node == NODE_LITERAL && x->args[0]->lit == LIT_TEXT
                           ? x->args[0]->name
                           : STR("");
    struct expr_call *call = ARENA_NEW(c->maker->mem, struct expr_call);

    if (x->n < ext->least || x->n > ext->most) {
        return expr_fail_at(c->maker, x->pos, "%s() takes %zu to %zu arguments, found %zu.",
            ext->name, ext->least, ext->most, x->n);
    }
    if (ext->named && x->args[0]->node == NODE_FIELD) {
        struct str name = str_sub(x->args[0]->name, 0, 60);
        return expr_fail_at(c->maker, x->args[0]->pos, "%s() takes a name in quotes: %s('%.*s').", ext->name, ext->name,
            STR_ARG(name));
    }
    x->node = NODE_EXTENSION;
    x->extension = ext;
    x->parent = c->entity;
    x->type = ext->type;
    x->scale = ext->scale;
    x->clock = ext->clock;
    call->entity = c->entity;
    if (ext->about) {
        call->entity = inner.entity = ext->about(ext->arg, c->scope->model, first);
    }
    for (size_t i = 0; i < x->n; i++) {
        TRY(expr_check_tree(&inner, x->args[i]));
    }
    call->args = (const struct expr *const *)x->args;
    call->n = x->n;
    return ext->check ? ext->check(ext->arg, c->scope, call, c->maker->err) : OK;
}

static enum err_code unknown_call(struct expr_check *c, const struct expr *x)
{
    static const struct {
        const char *name, *module;
    } later[] = { { "did", "behaviour" }, { "in_segment", "segment" } };
    struct expr_nearest near = { .want = x->name };

    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (str_is(x->name, later[i].name)) {
            return expr_fail_at(c->maker, x->pos, "%s() needs the %s module, which is not "
                "installed.", later[i].name, later[i].module);
        }
    }
    for (size_t i = 0; i < expr_nops; i++) {
        if (expr_ops[i].shape == SHAPE_CALL) {
            expr_nearest_try(&near, str_of(expr_ops[i].name));
        }
    }
    for (size_t i = 0; i < sizeof rows_names / sizeof *rows_names; i++) {
        expr_nearest_try(&near, str_of(rows_names[i]));
    }
    struct str shown = str_sub(x->name, 0, 60);
    if (near.best.n) {
        return expr_fail_at(c->maker, x->pos, "Unknown function \"%.*s\"; did you mean "
            "\"%.*s\"?", STR_ARG(shown), STR_ARG(near.best));
    }
    return expr_fail_at(c->maker, x->pos, "Unknown function \"%.*s\".", STR_ARG(shown));
}

static enum err_code check_call(struct expr_check *c, struct expr *x)
{
    const struct expr_extension *ext = c->scope->extensions;
    const struct expr_op *op = expr_op_named(x->name, true);

    if (expr_is_rows_op(x->name, &x->rows) &&
        (!op || x->where || (x->n == 1 && x->args[0]->node == NODE_FIELD))) {
        return expr_check_rows(c, x);
    }
    if (x->where) {
        return expr_fail_at(c->maker, x->where->pos, "\"where\" stands only in count, any, none, "
            "all, sum, min, max and avg.");
    }
    for (; !op && ext && ext->name; ext++) {
        if (str_is(x->name, ext->name)) {
            return check_extension(c, x, ext);
        }
    }
    if (!op) {
        return unknown_call(c, x);
    }
    x->op = op;
    for (size_t i = 0; i < x->n; i++) {
        TRY(expr_check_tree(c, x->args[i]));
    }
    return expr_check_op(c, x);
}

static enum err_code check_logic(struct expr_check *c, struct expr *x)
{
    x->type = VALUE_BOOL;
    x->constant = true;
    for (size_t i = 0; i < x->n; i++) {
        struct expr *arg = x->args[i];
        TRY(expr_check_tree(c, arg));
        if (arg->type != VALUE_BOOL) {
            return expr_fail_at(c->maker, arg->pos, "Expected a condition, found %s.",
                expr_type_words(arg->type));
        }
        x->constant &= arg->constant;
        x->clock |= arg->clock;
    }
    return OK;
}

static enum err_code check_literal(struct expr_check *c, struct expr *x)
{
    x->constant = true;
    x->clock = x->lit == LIT_NOW || x->lit == LIT_TODAY;
    if (x->lit == LIT_TEXT) {
        x->type = x->value.type = VALUE_TEXT;
        x->value.s = x->name;
    }
    if (x->lit == LIT_INSTANT) {
        struct str s = x->name;
        struct civil shown;
        if (instant_parse(s, &x->value.i)) {
            return OK;
        }
        struct str full = arena_fmt(c->maker->mem, "%.*s%sZ", STR_ARG(s), s.n == 16 ? ":00" : "");
        if (s.n < 16 || !instant_parse(full, &x->value.i)) {
            return expr_fail_at(c->maker, x->pos, "\"%.*s\" is not an instant like "
                "2026-01-31T10:00 or 2026-01-31T10:00:00Z.", STR_ARG(s));
        }
        shown = civil_of(x->value.i);
        x->value.i = zone_instant(c->env->zone, &shown);
    }
    if (x->lit == LIT_ME) {
        x->target = model_entity(c->env->model, STR("user"));
    }
    return OK;
}

static enum err_code check_node(struct expr_check *c, struct expr *x)
{
    switch ((int)x->node) {
    case NODE_LITERAL:
        return check_literal(c, x);
    case NODE_FIELD:
        return expr_check_name(c, x);
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
        return check_logic(c, x);
    default:
        break;
    }
    if (!x->op || x->op->shape == SHAPE_CALL) {
        return check_call(c, x);
    }
    for (size_t i = 0; i < x->n; i++) {
        TRY(expr_check_tree(c, x->args[i]));
    }
    return expr_check_op(c, x);
}

enum err_code expr_check_tree(struct expr_check *c, struct expr *x)
{
    struct expr_check inner = *c;

    x->env = c->env;
    inner.depth++;
    if (inner.depth > EXPR_DEPTH_MAX) {
        return expr_fail_at(
            c->maker, x->pos, "The expression is nested deeper than %d.", EXPR_DEPTH_MAX);
    }
    return check_node(&inner, x);
}

enum err_code expr_check_finish(
    const struct expr_scope *s, struct expr_maker *m, struct expr *x, const struct expr **out)
{
    struct expr_env *env = ARENA_NEW(s->mem, struct expr_env);
    struct expr_check c = { .scope = s, .env = env, .entity = s->entity, .maker = m };

    env->model = s->model;
    env->zone = s->zone ? s->zone : zone_utc();
    TRY(expr_check_tree(&c, x));
    if (x->type == VALUE_NONE && x->node != NODE_LITERAL) {
        return expr_fail_at(m, x->pos, "This has no value.");
    }
    *out = x;
    return OK;
}

enum err_code expr_parse(const struct expr_scope *s, struct str text, const char *about,
    const struct expr **out, struct err *e)
{
    struct expr_maker m = { .mem = s->mem, .err = e, .about = about ? about : "where",
        .text = text };
    struct expr *x;

    TRY(expr_parse_text(&m, &x));
    return expr_check_finish(s, &m, x, out);
}

enum err_code expr_condition(const struct expr_scope *s, struct str text, const char *about,
    const struct expr **out, struct err *e)
{
    struct expr_maker m = { .mem = s->mem, .err = e, .about = about ? about : "where",
        .text = text };

    TRY(expr_parse(s, text, about, out, e));
    if ((*out)->type != VALUE_BOOL) {
        return expr_fail_at(&m, 0, "Expected a condition, found %s; compare it with something.",
            expr_type_words((*out)->type));
    }
    return OK;
}
