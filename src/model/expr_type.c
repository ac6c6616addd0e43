/* expr_type.c - finds the form of an operator that fits its arguments, and fits the arguments. */

#include "model/expr_tree.h"

#include <stdio.h>
#include <string.h>

const char *expr_type_words(enum value_type t)
{
    static const char *const words[] = { [VALUE_BOOL] = "a condition", [VALUE_NUMBER] = "a number",
        [VALUE_MONEY] = "money", [VALUE_TEXT] = "a text", [VALUE_DATE] = "a date",
        [VALUE_INSTANT] = "an instant", [VALUE_DURATION] = "a duration",
        [VALUE_CALENDAR] = "months or years", [VALUE_CHOICE] = "a choice",
        [VALUE_REF] = "a reference", [VALUE_PLACE] = "a place", [VALUE_LIST] = "a list",
        [VALUE_NONE] = "null" };
    return words[t];
}

static enum value_type type_of(char letter)
{
    static const char letters[] = "bnmtdiucqrpl"; /* in the order of enum value_type */
    const char *at = letter ? strchr(letters, letter | 0x20) : NULL;

    return at ? (enum value_type)(at - letters) : VALUE_NONE;
}

static bool is_literal(const struct expr *x, enum expr_literal lit)
{
    return x->node == NODE_LITERAL && x->lit == lit;
}

/* May still become something else. */
static bool is_soft(const struct expr *x)
{
    return is_literal(x, LIT_TEXT) || is_literal(x, LIT_NULL) || is_literal(x, LIT_NUMBER) ||
           is_literal(x, LIT_PERCENT) || is_literal(x, LIT_KM);
}

enum err_code expr_raise(struct expr_check *c, struct expr *x, uint8_t scale)
{
    int by = scale - x->scale;

    if (by <= 0) {
        return OK;
    }
    if (x->node != NODE_LITERAL) {
        x->up = (uint8_t)by;
        return OK;
    }
    if (__builtin_mul_overflow(x->value.i, expr_pow10(by), &x->value.i)) {
        return expr_fail_at(c->maker, x->pos, "\"%.*s\" is too large here.", STR_ARG(x->name));
    }
    x->scale = x->value.scale = scale;
    return OK;
}

static enum err_code as_choice(struct expr_check *c, struct expr *x, const struct expr *like)
{
    const struct choice_list *l = like ? like->list : NULL;
    const struct choice *found = l ? choice_by_code(l, x->name) : NULL;

    if (!found) {
        char known[200] = "";
        size_t at = 0;
        for (size_t i = 0; l && i < l->n && at + 40 < sizeof known; i++) {
            struct str code = str_sub(l->choices[i].code, 0, 30);
            known[at] = '\0';
            at += (size_t)snprintf(known + at, sizeof known - at, "%s'%.*s'", at ? ", " : "",
                STR_ARG(code));
        }
        return expr_fail_at(c->maker, x->pos, "'%.*s' is not one of the choices: %s%s.",
            (int)(x->name.n < 60 ? x->name.n : 60), x->name.p, known,
            l && at + 40 >= sizeof known ? ", ..." : "");
    }
    x->value.i = found->id;
    x->list = l;
    return OK;
}

static enum err_code as_instant(struct expr_check *c, struct expr *x)
{
    struct str s = x->name;

    if (instant_parse(s, &x->value.i)) {
        return OK;
    }
    /* without an offset: the zone's own clock */
    struct str full = arena_fmt(c->maker->mem, "%.*s%sZ", STR_ARG(s), s.n == 16 ? ":00" : "");
    if (s.n < 16 || !instant_parse(full, &x->value.i)) {
        return expr_fail_at(c->maker, x->pos,
            "Expected a date or an instant like '2026-01-31' or '2026-01-31T10:00', found '%.*s'.",
            (int)(s.n < 40 ? s.n : 40), s.p);
    }
    struct civil shown = civil_of(x->value.i);
    x->value.i = zone_instant(c->env->zone, &shown);
    return OK;
}

static enum err_code text_as(
    struct expr_check *c, struct expr *x, enum value_type type, const struct expr *like)
{
    if (type == VALUE_CHOICE) {
        TRY(as_choice(c, x, like));
    } else if (type == VALUE_DATE || (type == VALUE_INSTANT && x->name.n == 10)) {
        type = VALUE_DATE;
        if (!date_parse(x->name, &x->value.i)) {
            return expr_fail_at(c->maker, x->pos, "Expected a date like '2026-01-31', found "
                "'%.*s'.", (int)(x->name.n < 40 ? x->name.n : 40), x->name.p);
        }
    } else if (type == VALUE_INSTANT) {
        TRY(as_instant(c, x));
    } else if (type == VALUE_REF && like && !like->target) {
        struct str name, rest = x->name;
        const struct live_entity *e = NULL;
        if (str_split(&rest, ':', &name)) {
            e = model_entity(c->env->model, name);
        }
        if (!e || !str_to_int(rest, &x->value.i)) {
            return expr_fail_at(c->maker, x->pos, "Expected a record like 'contact:12'.");
        }
        x->value.entity = e;
    } else {
        return expr_fail_at(c->maker, x->pos, "Expected %s, found a text%s.",
            expr_type_words(type), type == VALUE_REF ? " (a reference is compared by its number, "
            "me, or a field behind it, as in \"company.name = 'x'\")" : "");
    }
    x->type = x->value.type = type;
    return OK;
}

enum err_code expr_coerce(
    struct expr_check *c, struct expr *x, enum value_type type, const struct expr *like)
{
    if (is_literal(x, LIT_NULL)) {
        x->type = x->value.type = type;
        return OK;
    }
    if (x->type == type) {
        return OK;
    }
    if (is_literal(x, LIT_TEXT)) {
        return text_as(c, x, type, like);
    }
    if (x->type == VALUE_NUMBER && type == VALUE_MONEY && x->scale <= 2) {
        TRY(expr_raise(c, x, 2));
        if (x->node == NODE_LITERAL) {
            x->type = x->value.type = VALUE_MONEY;
        }
        return OK;
    }
    bool id = is_literal(x, LIT_NUMBER) && x->scale == 0;
    if (id && type == VALUE_REF && (!like || like->target)) {
        x->type = x->value.type = VALUE_REF;
        return OK;
    }
    return expr_fail_at(c->maker, x->pos, "Expected %s, found %s.", expr_type_words(type),
        expr_type_words(x->type));
}

/* The argument whose type the others must take: the first that is not a mere literal. */
static struct expr *lead_of(struct expr **args, size_t n)
{
    struct expr *lead = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!is_soft(args[i])) {
            if (args[i]->type == VALUE_MONEY || !lead || is_soft(lead) ||
                (lead->type == VALUE_REF && lead->node == NODE_LITERAL)) {
                lead = args[i];
            }
        } else if (!lead || (is_literal(lead, LIT_NULL))) {
            lead = args[i];
        }
    }
    return lead;
}

static bool is_moment(enum value_type t)
{
    return t == VALUE_DATE || t == VALUE_INSTANT;
}

/* `amount > 500 EUR`: a field's own amount; a computed amount is in base currency. */
static enum err_code own_currency(
    struct expr_check *c, struct expr *x, struct expr **args, size_t n)
{
    const struct expr *with = NULL;
    size_t fields = 0;

    for (size_t i = 0; i < n; i++) {
        if (!is_literal(args[i], LIT_MONEY)) {
            fields += args[i]->node == NODE_FIELD &&
                      args[i]->path[args[i]->npath - 1]->ncolumns >= 2;
            continue;
        }
        if (with && !str_eq(with->currency, args[i]->currency)) {
            return expr_fail_at(c->maker, args[i]->pos, "Two currencies meet in one comparison.");
        }
        with = args[i];
    }
    if (!with) {
        return OK;
    }
    bool compares = x->op->shape == SHAPE_COMPARE || x->op->shape == SHAPE_BETWEEN;
    if (compares && fields == 1 && args[0]->node == NODE_FIELD && n > 1) {
        x->own = true;
        for (size_t i = 1; i < n; i++) {
            x->own &= is_literal(args[i], LIT_MONEY);
        }
    }
    if (!x->own && !str_eq(with->currency, c->env->model->currency)) {
        return expr_fail_at(c->maker, with->pos,
            "Another currency than %.*s stands only in a comparison of a field with amounts, as in "
            "\"amount > 500 %.*s\".", STR_ARG(c->env->model->currency), STR_ARG(with->currency));
    }
    x->currency = with->currency;
    return OK;
}

static enum err_code same_kind(
    struct expr_check *c, struct expr *x, const struct expr *lead, struct expr *arg)
{
    if (lead->type == VALUE_CHOICE && arg->list && arg->list != lead->list) {
        return expr_fail_at(c->maker, arg->pos, "These choices are of another list.");
    }
    /* a field that leads to any object may stand beside literals, which say of which one they are */
    bool itself = arg == lead && arg->node == NODE_FIELD
        && (x->op->shape == SHAPE_COMPARE || x->op->shape == SHAPE_IN);
    if (lead->type != VALUE_REF || itself || arg->node == NODE_LITERAL || lead->node == NODE_LITERAL) {
        return OK;
    }
    if (!arg->target || !lead->target || arg->target != lead->target) {
        return expr_fail_at(c->maker, x->pos, "These references lead to different objects.");
    }
    return OK;
}

/* All of args become one type. */
static enum err_code unify(struct expr_check *c, struct expr *x, struct expr **args, size_t n)
{
    struct expr *lead = lead_of(args, n);
    uint8_t scale = 0;

    if (lead->type == VALUE_NONE) {
        return expr_fail_at(c->maker, lead->pos, "Nothing here tells what null stands for.");
    }
    if (!(x->op->types & TYPE_BIT(lead->type))) {
        return expr_fail_at(c->maker, x->pos, "\"%s\" does not work on %s.", x->op->name,
            expr_type_words(lead->type));
    }
    if (lead->type == VALUE_MONEY) {
        TRY(own_currency(c, x, args, n));
    }
    for (size_t i = 0; i < n; i++) {
        struct expr *arg = args[i];
        if (is_literal(arg, LIT_NULL) && x->op->shape != SHAPE_CALL) {
            return expr_fail_at(c->maker, arg->pos,
                "Nothing equals null; write \"is empty\" or \"is not empty\".");
        }
        if (lead->type == VALUE_MONEY && arg->type == VALUE_NUMBER && arg->scale > 2 &&
            x->op->shape != SHAPE_CALL) {
            scale = arg->scale > scale ? arg->scale : scale;
            continue; /* compared as numbers */
        }
        if (!(x->op->mixed && is_moment(lead->type) && is_moment(arg->type))) {
            TRY(expr_coerce(c, arg, lead->type, lead));
        }
        if (arg->type != lead->type && is_moment(arg->type) && !x->op->mixed) {
            return expr_fail_at(c->maker, arg->pos, "Expected an instant, found a date.");
        }
        TRY(same_kind(c, x, lead, arg));
        int raised = arg->scale + arg->up;
        scale = raised > scale ? (uint8_t)raised : scale;
    }
    for (size_t i = 0; i < n && (lead->type == VALUE_NUMBER || lead->type == VALUE_MONEY); i++) {
        TRY(expr_raise(c, args[i], scale));
    }
    return OK;
}

static bool fits(const struct expr *x, char letter, bool soft)
{
    enum value_type t = type_of(letter);

    if (letter == 'a' || letter == 'x' || letter == 'X') {
        return true;
    }
    if (letter < 'a' && !x->constant) {
        return false;
    }
    if (x->type == t) {
        return true;
    }
    if (!soft) {
        return false;
    }
    return (is_literal(x, LIT_NULL) && t != VALUE_LIST && t != VALUE_PLACE) ||
           (is_literal(x, LIT_TEXT) && (t == VALUE_DATE || t == VALUE_INSTANT)) ||
           (x->type == VALUE_NUMBER && t == VALUE_MONEY);
}

/* The letter for argument i of a form; 0 past its end. */
static char letter_at(const char *form, size_t i)
{
    size_t n = strcspn(form, ":");
    bool more = n && form[n - 1] == '+';

    n -= more;
    return i < n ? form[i] : more ? form[n - 1] : '\0';
}

static bool form_fits(const char *form, const struct expr *x, bool soft)
{
    size_t n = strcspn(form, ":");

    n -= form[n - 1] == '+';
    if (x->n < n) {
        return false;
    }
    for (size_t i = 0; i < x->n; i++) {
        char letter = letter_at(form, i);
        if (!letter || !fits(x->args[i], letter, soft)) {
            return false;
        }
    }
    return true;
}

static const char *next_form(const char *form)
{
    const char *space = strchr(form, ' ');

    return space ? space + 1 : NULL;
}

static enum err_code no_form(struct expr_check *c, const struct expr *x)
{
    char takes[160] = "", found[120] = "";
    size_t at = 0, shown = 0;

    for (const char *f = x->op->forms; f && shown < 3; f = next_form(f), shown++) {
        at += (size_t)snprintf(takes + at, sizeof takes - at, "%s", shown ? ", or " : "");
        for (size_t i = 0; f[i] != ':' && f[i] != '+' && at + 30 < sizeof takes; i++) {
            const char *words = strchr("axX", f[i]) ? "a value" : expr_type_words(type_of(f[i]));
            at += (size_t)snprintf(takes + at, sizeof takes - at, "%s%s", i ? " and " : "", words);
        }
    }
    at = 0;
    for (size_t i = 0; i < x->n && at + 30 < sizeof found; i++) {
        at += (size_t)snprintf(found + at, sizeof found - at, "%s%s%s", i ? " and " : "",
            expr_type_words(x->args[i]->type),
            x->args[i]->constant || x->args[i]->type != VALUE_TEXT ? "" : " that is not fixed");
    }
    return expr_fail_at(c->maker, x->pos, "%s%s takes %s; found %s.",
        x->op->shape == SHAPE_SIGN ? "-" : x->op->name, x->op->shape == SHAPE_CALL ? "()" : "",
        takes, x->n ? found : "nothing");
}

static enum err_code fit_form(struct expr_check *c, struct expr *x, const char *form)
{
    char result = form[strcspn(form, ":") + 1];
    size_t first = 0;

    while (letter_at(form, first) != 'x' && letter_at(form, first) != 'X' && first < x->n) {
        enum value_type want = type_of(letter_at(form, first));
        struct expr *arg = x->args[first];
        if (want != VALUE_NONE) {
            TRY(expr_coerce(c, arg, want, NULL));
            if (arg->type != want && arg->type != VALUE_NUMBER) {
                return expr_fail_at(c->maker, arg->pos, "Expected %s, found %s.",
                    expr_type_words(want), expr_type_words(arg->type));
            }
        }
        first++;
    }
    if (first < x->n) {
        TRY(unify(c, x, x->args + first, x->n - first));
    }
    x->scale = x->n ? (uint8_t)(x->args[0]->scale + x->args[0]->up) : 0;
    x->type = type_of(result);
    if (result == 'X') {
        const struct expr *lead = lead_of(x->args + first, x->n - first);
        x->type = lead->type;
        x->scale = (uint8_t)(lead->scale + lead->up);
        x->list = lead->list;
        x->target = lead->target;
    }
    return OK;
}

enum err_code expr_check_op(struct expr_check *c, struct expr *x)
{
    const char *form = NULL;

    x->constant = true;
    for (size_t i = 0; i < x->n; i++) {
        x->constant &= x->args[i]->constant;
        x->clock |= x->args[i]->clock;
        if (is_literal(x->args[i], LIT_PERCENT) &&
            (x->op->shape == SHAPE_SUM || x->op->shape == SHAPE_TERM)) {
            return expr_fail_at(c->maker, x->args[i]->pos, "A percentage can be compared, not "
                "calculated with; write \"x * 10 / 100\".");
        }
    }
    for (int soft = 0; soft < 2 && !form; soft++) {
        for (const char *f = x->op->forms; f && !form; f = next_form(f)) {
            form = form_fits(f, x, soft) ? f : NULL;
        }
    }
    if (!form) {
        return no_form(c, x);
    }
    TRY(fit_form(c, x, form));
    if (x->type == VALUE_BOOL && x->op->eval == NULL && !x->op->negates) {
        return expr_fail_at(c->maker, x->pos, "This operator has no meaning.");
    }
    return x->op->check ? x->op->check(c, x) : OK;
}
