/* expr_ops.c - every operator and function as a row: types, SQL, evaluator, help.
 *
 * Adding one is adding a row (and its two back ends): the parser knows functions by name, the
 * checker reads the forms, the property test makes trees from the same rows, and a test holds the
 * manual against them. */

#include "model/expr_tree.h"

#define N TYPE_BIT(VALUE_NUMBER)
#define M TYPE_BIT(VALUE_MONEY)
#define T TYPE_BIT(VALUE_TEXT)
#define D TYPE_BIT(VALUE_DATE)
#define I TYPE_BIT(VALUE_INSTANT)
#define U TYPE_BIT(VALUE_DURATION)
#define B TYPE_BIT(VALUE_BOOL)
#define Q TYPE_BIT(VALUE_CHOICE)
#define R TYPE_BIT(VALUE_REF)
#define ORDERED (N | M | T | D | I | U)
#define ANY (ORDERED | B | Q | R)

static enum err_code whole_scale(struct expr_check *c, struct expr *x)
{
    (void)c;
    x->scale = 0;
    return OK;
}

/* Money and numbers meet at the larger scale. */
static enum err_code sum_scale(struct expr_check *c, struct expr *x)
{
    struct expr *a = x->args[0], *b = x->args[1];
    uint8_t scale = a->scale > b->scale ? a->scale : b->scale;

    if (x->type == VALUE_NUMBER || x->type == VALUE_MONEY) {
        TRY(expr_raise(c, a, scale));
        TRY(expr_raise(c, b, scale));
        x->scale = scale;
        return OK;
    }
    x->scale = 0;
    struct value span = expr_constant_value(b, c->maker->mem, 0, 0);
    if (a->type == VALUE_DATE && b->type == VALUE_DURATION &&
        (b->clock || span.absent || span.i % DAYS(1) != 0)) {
        return expr_fail_at(c->maker, b->pos,
            "A date moves by whole days, as in \"7d\" or \"2w\"; only an instant moves by less.");
    }
    if (b->type == VALUE_CALENDAR && span.absent) {
        return expr_fail_at(c->maker, b->pos, "These are too many months.");
    }
    if (a->type == VALUE_INSTANT && b->type == VALUE_CALENDAR && !a->constant) {
        return expr_fail_at(c->maker, x->pos,
            "Months and years can be added to a date, now or today, not to a stored instant: move "
            "them to the other side (\"x < now - 1y\") or write date(x).");
    }
    return OK;
}

static enum err_code product_scale(struct expr_check *c, struct expr *x)
{
    uint8_t a = x->args[0]->scale, b = x->args[1]->scale;
    int most = a > b ? a : b, sum = a + b;

    (void)c;
    most = most > 6 ? most : 6;
    x->scale = x->type == VALUE_NUMBER ? (uint8_t)(sum < most ? sum : most)
             : x->type == VALUE_MONEY  ? 2
                                       : 0;
    return OK;
}

static enum err_code quotient_scale(struct expr_check *c, struct expr *x)
{
    uint8_t a = x->args[0]->scale;

    (void)c;
    x->scale = x->type == VALUE_MONEY ? 2 : x->type == VALUE_DURATION ? 0 : 4;
    if (x->type == VALUE_NUMBER && x->args[0]->type == VALUE_NUMBER && a > 4) {
        x->scale = a;
    }
    return OK;
}

static enum err_code round_scale(struct expr_check *c, struct expr *x)
{
    x->scale = 0;
    if (x->n == 2) {
        struct expr *n = x->args[1];
        if (n->node != NODE_LITERAL || n->scale || n->value.i > EXPR_SCALE_MAX || n->value.absent) {
            return expr_fail_at(c->maker, n->pos, "The digits to keep are a number from 0 to %d.",
                EXPR_SCALE_MAX);
        }
        x->scale = (uint8_t)n->value.i < x->args[0]->scale ? (uint8_t)n->value.i
                                                            : x->args[0]->scale;
    }
    return OK;
}

static enum err_code distance_scale(struct expr_check *c, struct expr *x)
{
    (void)c;
    x->scale = 3;
    return OK;
}

static enum err_code degrees_scale(struct expr_check *c, struct expr *x)
{
    (void)c;
    x->scale = 6;
    return OK;
}

static enum err_code period_name(struct expr_check *c, struct expr *x)
{
    int64_t first, end;

    if (x->args[1]->node == NODE_LITERAL && x->args[1]->lit == LIT_TEXT &&
        expr_period(x->args[1]->name, 0, &first, &end)) {
        x->clock = true;
        return OK;
    }
    return expr_fail_at(c->maker, x->args[1]->pos,
        "Expected a period: 'today', 'yesterday', 'tomorrow', 'this|last|next "
        "day|week|month|quarter|year', 'last 7 days', 'next 3 months'.");
}

static enum err_code anniversary_days(struct expr_check *c, struct expr *x)
{
    struct expr *n = x->args[1];

    x->clock = true;
    if (n->node != NODE_LITERAL || n->value.absent || n->value.i % DAYS(1) != 0 ||
        n->value.i > DAYS(10000)) {
        return expr_fail_at(c->maker, n->pos, "Expected whole days, as in \"7d\".");
    }
    return OK;
}

static enum err_code age_scale(struct expr_check *c, struct expr *x)
{
    x->clock = true;
    return whole_scale(c, x);
}

static enum err_code constants_only(struct expr_check *c, struct expr *x)
{
    for (size_t i = 1; i < x->n; i++) {
        if (!x->args[i]->constant) {
            return expr_fail_at(c->maker, x->args[i]->pos,
                "The items of a list are values, not fields; use \"=\" with \"or\".");
        }
    }
    return OK;
}

static enum err_code two_or_more(struct expr_check *c, struct expr *x)
{
    /* SQLite puts at most 500 together */
    return x->n >= 2 && x->n <= 100
               ? OK
               : expr_fail_at(c->maker, x->pos, "%s() takes two to a hundred values.", x->op->name);
}

static enum err_code list_items(struct expr_check *c, struct expr *x)
{
    enum value_type type = x->args[0]->list ? VALUE_CHOICE : VALUE_TEXT;

    for (size_t i = 1; i < x->n; i++) {
        if (x->args[i]->node != NODE_LITERAL) {
            return expr_fail_at(c->maker, x->args[i]->pos, "Expected a text in quotes.");
        }
        TRY(expr_coerce(c, x->args[i], type, x->args[0]));
    }
    return OK;
}

static enum err_code not_picks(struct expr_check *c, struct expr *x)
{
    return x->args[0]->type != VALUE_LIST || !x->args[0]->list
               ? OK
               : expr_fail_at(c->maker, x->pos, "Choices and tags are asked with \"has\".");
}

enum { EQ, NE, LT, LE, GT, GE, BETWEEN, NOT_BETWEEN, IN, NOT_IN, LIKE, NOT_LIKE, CONTAINS,
    NOT_CONTAINS, STARTS, NOT_STARTS, ENDS, NOT_ENDS, PRESENT, EMPTY };

#define COMPARE(sign, mask, text)                                                                  \
    .name = sign, .shape = SHAPE_COMPARE, .forms = "xx:b", .types = mask, .mixed = true,           \
    .sql_if = expr_sql_compare, .eval = expr_eval_compare, .help = text
#define MATCH(word, text)                                                                          \
    .name = word, .shape = SHAPE_MATCH, .forms = "tT:b lT:b", .check = not_picks,                  \
    .sql_if = expr_sql_match, .eval = expr_eval_match, .help = text
#define NOT(row, word, kind, f, mask, text)                                                        \
    .name = word, .shape = kind, .forms = f, .types = mask, .negates = &expr_ops[row],             \
    .check = (kind) == SHAPE_MATCH ? not_picks : NULL, .help = text
#define CALL(word, f, s, e, text)                                                                  \
    .name = word, .shape = SHAPE_CALL, .forms = f, .sql = s, .eval = e, .help = text

const struct expr_op expr_ops[] = {
    [EQ] = { COMPARE("=", ANY, "equal") },
    [NE] = { NOT(EQ, "!=", SHAPE_COMPARE, "xx:b", ANY, "not equal, or absent"), .mixed = true },
    [LT] = { COMPARE("<", ORDERED, "less, earlier") },
    [LE] = { COMPARE("<=", ORDERED, "less or equal") },
    [GT] = { COMPARE(">", ORDERED, "more, later") },
    [GE] = { COMPARE(">=", ORDERED, "more or equal") },
    [BETWEEN] = { .name = "between", .shape = SHAPE_BETWEEN, .forms = "xxx:b", .types = ORDERED,
        .mixed = true, .sql_if = expr_sql_between, .eval = expr_eval_between,
        .help = "from the first to the second, both included" },
    [NOT_BETWEEN] = { NOT(BETWEEN, "not between", SHAPE_BETWEEN, "xxx:b", ORDERED,
                          "outside, or absent"), .mixed = true },
    [IN] = { .name = "in", .shape = SHAPE_IN, .forms = "xx+:b", .types = ANY, .mixed = true,
        .check = constants_only, .sql_if = expr_sql_in, .eval = expr_eval_in,
        .help = "equal to one of a list" },
    [NOT_IN] = { .name = "not in", .shape = SHAPE_IN, .forms = "xx+:b", .types = ANY,
        .mixed = true, .check = constants_only, .negates = &expr_ops[IN],
        .help = "equal to none of a list, or absent" },
    [LIKE] = { MATCH("like", "matches a pattern: % any text, _ one character, \\ takes the next as "
                             "it is") },
    [NOT_LIKE] = { NOT(LIKE, "not like", SHAPE_MATCH, "tT:b lT:b", 0,
        "does not match, or absent") },
    [CONTAINS] = { MATCH("contains", "holds the text somewhere") },
    [NOT_CONTAINS] = { NOT(CONTAINS, "not contains", SHAPE_MATCH, "tT:b lT:b", 0,
        "does not hold it, or absent") },
    [STARTS] = { MATCH("starts with", "begins with the text") },
    [NOT_STARTS] = { NOT(STARTS, "not starts with", SHAPE_MATCH, "tT:b lT:b", 0,
        "does not begin so, or absent") },
    [ENDS] = { MATCH("ends with", "ends with the text") },
    [NOT_ENDS] = { NOT(ENDS, "not ends with", SHAPE_MATCH, "tT:b lT:b", 0,
        "does not end so, or absent") },
    [PRESENT] = { .name = "is not empty", .shape = SHAPE_EMPTY, .forms = "a:b",
        .sql_if = expr_sql_present, .eval = expr_eval_present, .help = "has a value" },
    [EMPTY] = { NOT(PRESENT, "is empty", SHAPE_EMPTY, "a:b", 0, "has no value") },
    { .name = "has", .shape = SHAPE_HAS, .forms = "la+:b", .check = list_items,
        .sql_if = expr_sql_has, .eval = expr_eval_has, .help = "the list holds the item" },
    { .name = "has any", .shape = SHAPE_HAS, .forms = "la+:b", .check = list_items,
        .sql_if = expr_sql_has, .eval = expr_eval_has, .help = "the list holds at least one" },
    { .name = "has all", .shape = SHAPE_HAS, .forms = "la+:b", .check = list_items,
        .sql_if = expr_sql_has, .eval = expr_eval_has, .help = "the list holds each" },
    { .name = "+", .shape = SHAPE_SUM, .forms = "nn:n mm:m uu:u cc:c du:d iu:i dc:d ic:i",
        .check = sum_scale, .sql = expr_sql_add, .eval = expr_eval_add, .help = "sum" },
    { .name = "-", .shape = SHAPE_SUM, .forms = "nn:n mm:m uu:u cc:c du:d iu:i dc:d ic:i dd:u ii:u",
        .check = sum_scale, .sql = expr_sql_add, .eval = expr_eval_sub,
        .help = "difference" },
    { .name = "*", .shape = SHAPE_TERM, .forms = "nn:n mn:m nm:m un:u nu:u",
        .check = product_scale, .sql = expr_sql_mul, .eval = expr_eval_mul, .help = "product" },
    { .name = "/", .shape = SHAPE_TERM, .forms = "nn:n mn:m mm:n un:u uu:n",
        .check = quotient_scale, .sql = expr_sql_div, .eval = expr_eval_div, .help = "quotient" },
    { .name = "neg", .shape = SHAPE_SIGN, .forms = "n:n m:m u:u c:c", .sql = expr_sql_neg,
        .eval = expr_eval_neg, .help = "the opposite number" },
    { CALL("lower", "t:t", expr_sql_case, expr_eval_case, "A to Z made small") },
    { CALL("upper", "t:t", expr_sql_case, expr_eval_case, "a to z made large") },
    { CALL("length", "t:n", expr_sql_length, expr_eval_length, "number of characters"),
        .check = whole_scale },
    { CALL("concat", "t+:t", expr_sql_concat, expr_eval_concat,
        "texts put together, absent ones left out; absent when nothing comes of it") },
    { CALL("coalesce", "X+:X", expr_sql_coalesce, expr_eval_coalesce, "the first that is present"),
        .types = ANY, .lazy = true },
    { CALL("if", "bXX:X", expr_sql_choose, expr_eval_if,
        "the second where the first holds, else the third"), .types = ANY, .lazy = true },
    { CALL("min", "X+:X", expr_sql_least, expr_eval_least,
        "the smallest of several values, absent ones left out"),
        .types = N | M | D | I | U, .check = two_or_more },
    { CALL("max", "X+:X", expr_sql_least, expr_eval_least,
        "the largest of several values, absent ones left out"),
        .types = N | M | D | I | U, .check = two_or_more },
    { CALL("round", "n:n nN:n", expr_sql_round, expr_eval_round,
        "rounded half away from zero, to whole numbers or the digits given"),
        .check = round_scale },
    { CALL("floor", "n:n", expr_sql_round, expr_eval_round, "the whole number at or below"),
        .check = whole_scale },
    { CALL("ceil", "n:n", expr_sql_round, expr_eval_round, "the whole number at or above"),
        .check = whole_scale },
    { CALL("abs", "n:n m:m u:u", expr_sql_abs, expr_eval_abs, "without its sign") },
    { CALL("age", "d:n i:n", expr_sql_age, expr_eval_age, "completed years until today"),
        .check = age_scale },
    { CALL("year", "d:n i:n", expr_sql_date_part, expr_eval_part, "the year"),
        .check = whole_scale },
    { CALL("month", "d:n i:n", expr_sql_date_part, expr_eval_part, "1 to 12"),
        .check = whole_scale },
    { CALL("day", "d:n i:n", expr_sql_date_part, expr_eval_part, "1 to 31"), .check = whole_scale },
    { CALL("weekday", "d:n i:n", expr_sql_date_part, expr_eval_part, "1 Monday to 7 Sunday"),
        .check = whole_scale },
    { CALL("date", "i:d", expr_sql_date, expr_eval_date, "the day of an instant in the zone"),
        .check = whole_scale },
    { CALL("days_between", "dd:n", expr_sql_days_between, expr_eval_days_between,
        "days from the first to the second"), .check = whole_scale },
    { CALL("distance", "pNN:n pp:n", expr_sql_distance, expr_eval_distance,
        "kilometres from a place to latitude and longitude, or between two places"),
        .check = distance_scale },
    { CALL("latitude", "p:n", expr_sql_degrees, expr_eval_degrees, "of a place, -90 to 90"),
        .check = degrees_scale },
    { CALL("longitude", "p:n", expr_sql_degrees, expr_eval_degrees, "of a place, -180 to 180"),
        .check = degrees_scale },
    { .name = "anniversary_in", .shape = SHAPE_CALL, .forms = "dU:b iU:b",
        .check = anniversary_days, .sql_if = expr_sql_anniversary, .eval = expr_eval_anniversary,
        .help = "its next anniversary is today or within so many days" },
    { .name = "in_period", .shape = SHAPE_CALL, .forms = "dT:b iT:b", .check = period_name,
        .sql_if = expr_sql_period, .eval = expr_eval_period,
        .help = "lies in a period of the calendar, by its name" },
};
const size_t expr_nops = sizeof expr_ops / sizeof *expr_ops;

const struct expr_op *expr_op_named(struct str name, bool call)
{
    for (size_t i = 0; i < expr_nops; i++) {
        if ((expr_ops[i].shape == SHAPE_CALL) == call && str_is(name, expr_ops[i].name)) {
            return &expr_ops[i];
        }
    }
    return NULL;
}
