/* expr_tree.h - the tree of an expression, shared by the files expr_*.c and by nobody else.
 *
 * The parser (or the JSON reader) makes nodes that carry what was written; the checker fills in
 * types and meaning in place; after that a tree never changes. What operators and functions there
 * are stands in one table, expr_ops.c: each row has its types, its SQL and its evaluator. */

#ifndef MODEL_EXPR_TREE_H
#define MODEL_EXPR_TREE_H

#include "model/expr.h"

enum {
    EXPR_TEXT_MAX = 16 * 1024,
    EXPR_DEPTH_MAX = 64,
    EXPR_NODES_MAX = 2000,
    EXPR_LIST_MAX = 1000,
    EXPR_PATH_MAX = 4, /* three references and the field at their end */
    EXPR_SCALE_MAX = 9,
    EXPR_NUMBER_DIGITS = 18,
};

enum expr_node { NODE_LITERAL, NODE_FIELD, NODE_OP, NODE_AND, NODE_OR, NODE_NOT, NODE_ROWS,
    NODE_EXTENSION };

enum expr_literal { LIT_NULL, LIT_BOOL, LIT_NUMBER, LIT_PERCENT, LIT_KM, LIT_MONEY, LIT_TEXT,
    LIT_DATE, LIT_INSTANT, LIT_DURATION, LIT_CALENDAR, LIT_NOW, LIT_TODAY, LIT_ME };

enum expr_rows_op { ROWS_COUNT, ROWS_ANY, ROWS_NONE, ROWS_ALL, ROWS_SUM, ROWS_MIN, ROWS_MAX,
    ROWS_AVG };

struct expr_op;

/* What every node of a tree needs of the scope it was checked in. */
struct expr_env {
    const struct model *model;
    const struct zone *zone;
};

struct expr {
    enum expr_node node;
    enum expr_literal lit;
    int pos; /* byte in the text, from 0; -1 when it came as JSON */
    enum value_type type;
    uint8_t scale; /* of the node's own value */
    uint8_t up;    /* digits by which its value is scaled up for the node above */
    bool constant; /* no record is looked at; the clock may be */
    bool clock;    /* now or today is looked at */
    bool own;      /* money compared in its own currency */
    struct str name; /* as written: path, call; numbers, durations and dates: their text */
    struct str currency; /* LIT_MONEY */
    const struct expr_op *op;
    struct expr **args;
    size_t n;
    struct expr *where;           /* as parsed; NODE_ROWS: filter or NULL */
    const struct live_field **path; /* NODE_FIELD; NODE_ROWS: references that lead to the parent */
    size_t npath;
    enum expr_rows_op rows;
    const struct live_child *child;      /* NODE_ROWS */
    const struct live_entity *parent;    /* NODE_ROWS: entity whose child it is; NODE_EXTENSION: whose names were seen */
    struct value value;                  /* NODE_LITERAL, in the type and scale asked for */
    const struct choice_list *list;      /* VALUE_CHOICE, picks */
    const struct live_entity *target;    /* VALUE_REF; NULL for references to any entity */
    const struct expr_extension *extension;
    const struct expr_env *env;
};

/* Types as letters, in the forms of the table. */
#define TYPE_BIT(t) (1u << (t))

enum expr_shape {
    SHAPE_COMPARE, /* a < b */
    SHAPE_BETWEEN, /* a between b and c */
    SHAPE_IN,      /* a in (b, c) */
    SHAPE_MATCH,   /* a like 'b' */
    SHAPE_EMPTY,   /* a is empty */
    SHAPE_HAS,     /* a has any ('b', 'c') */
    SHAPE_SUM,     /* a + b */
    SHAPE_TERM,    /* a * b */
    SHAPE_SIGN,    /* -a */
    SHAPE_CALL,    /* f(a, b) */
};

struct expr_check;
struct expr_writer;
struct expr_reader;

struct expr_op {
    const char *name;
    enum expr_shape shape;
    /* Types of arguments and result, forms separated by spaces: "nn:n mn:m". n number, m money,
     * t text, d date, i instant, u duration, c calendar, b yes/no, q choice, r reference, p place,
     * l list; a anything; x one type for all, out of .types, X also as result; + repeats the
     * last; a capital N T U C must be a constant. */
    const char *forms;
    unsigned types;
    bool mixed;                  /* x also takes dates beside instants */
    bool lazy;                   /* the evaluator asks for its arguments itself */
    const struct expr_op *negates; /* the exact complement of that row */
    /* The scale of the result, and what types alone do not tell. NULL: scale of the first. */
    enum err_code (*check)(struct expr_check *c, struct expr *x);
    /* Conditions have .sql_if, values .sql. yes false asks for the complement. */
    void (*sql_if)(struct expr_writer *w, const struct expr *x, bool yes);
    void (*sql)(struct expr_writer *w, const struct expr *x);
    enum err_code (*eval)(
        struct expr_reader *r, const struct expr *x, const struct value *a, struct value *out);
    const char *help; /* one line for the manual; the test compares */
};

extern const struct expr_op expr_ops[];
extern const size_t expr_nops;
const struct expr_op *expr_op_named(struct str name, bool call);

/* ---- text, JSON -> nodes ---- */
struct expr_maker { /* counts what a tree may cost */
    struct arena *mem;
    struct err *err;
    const char *about;
    struct str text; /* empty for JSON */
    int nodes, depth;
};
struct expr *expr_node_new(struct expr_maker *m, enum expr_node node, int pos); /* NULL: too many */
enum err_code expr_fail_at(struct expr_maker *m, int pos, const char *fmt, ...) PRINTF(3, 4);
MUST_CHECK enum err_code expr_parse_text(struct expr_maker *m, struct expr **out);
/* A literal that stands without quotes (12.5, 90d, 2026-01-31, 500 EUR) or a word (now, null). */
MUST_CHECK enum err_code expr_literal_word(struct expr_maker *m, struct expr *x, struct str word);
bool expr_is_keyword(struct str word);

/* ---- checker ---- */
struct expr_check {
    const struct expr_scope *scope;
    const struct expr_env *env;
    const struct live_entity *entity; /* whose names are seen here */
    struct expr_maker *maker;
    int depth;
};
MUST_CHECK enum err_code expr_check_tree(struct expr_check *c, struct expr *x);
MUST_CHECK enum err_code expr_check_op(struct expr_check *c, struct expr *x);
MUST_CHECK enum err_code expr_check_name(struct expr_check *c, struct expr *x);
MUST_CHECK enum err_code expr_check_rows(struct expr_check *c, struct expr *x);
MUST_CHECK enum err_code expr_check_finish(const struct expr_scope *s, struct expr_maker *m,
    struct expr *x, const struct expr **out);
/* Makes a literal into the wanted type, or says what was expected. like gives list and target. */
MUST_CHECK enum err_code expr_coerce(struct expr_check *c, struct expr *x, enum value_type type,
    const struct expr *like);
/* Raises to the scale; literals at once, others by .up. */
MUST_CHECK enum err_code expr_raise(struct expr_check *c, struct expr *x, uint8_t scale);
const char *expr_type_words(enum value_type t); /* "a number" */
/* The nearest of several names, for "did you mean". */
struct expr_nearest {
    struct str want, best;
    size_t distance;
};
void expr_nearest_try(struct expr_nearest *n, struct str name);
void expr_field_type(const struct live_field *f, struct expr *x);
bool expr_is_rows_op(struct str name, enum expr_rows_op *op);
const char *expr_rows_name(enum expr_rows_op op);

/* ---- meaning shared by the back ends ---- */
int64_t expr_pow10(int n); /* 0 <= n <= 18 */
bool expr_has_key(const struct expr *x); /* a text that both back ends can compare folded */
bool expr_is_condition(const struct expr *x); /* two-valued by itself: never absent */
/* Does the comparison of these two texts fold? */
bool expr_folds(const struct expr *a, const struct expr *b);
/* 'this month' and its like as days: first <= day < end. */
bool expr_period(struct str name, int64_t today, int64_t *first, int64_t *end);
/* Month*100+day window of anniversaries from today for n days. all: every day of the year is in. */
struct expr_window {
    bool all, wraps;
    int64_t first, last;
};
struct expr_window expr_anniversaries(int64_t today, int64_t days);
int64_t expr_month_day(int64_t day); /* 29 February counts where a plain year has the 28th */
bool expr_day_ok(int64_t day);
/* date(instant): only for instants of the years 1900 to 2199. */
enum { EXPR_FIRST_YEAR = 1900, EXPR_LAST_YEAR = 2199 };
bool expr_instant_day(const struct zone *z, int64_t instant, int64_t *day);
int64_t expr_first_instant(void);
int64_t expr_end_instant(void);
/* Instant moved by months of the zone's calendar; false out of range. */
bool expr_instant_months(const struct zone *z, int64_t instant, int64_t months, int64_t *out);
/* A pattern of like: literal runs between wildcards. */
enum expr_wild { WILD_NONE, WILD_ONE, WILD_ANY };
enum expr_wild expr_like_next(struct str *pattern, struct str *bytes);
bool expr_like(struct str text, struct str pattern);
/* like-pattern written for SQLite's GLOB or PostgreSQL's LIKE. */
struct str expr_like_sql(struct arena *mem, struct str pattern, enum db_backend b);
struct str expr_like_quote(struct arena *mem, struct str s); /* s as a pattern of itself */
/* The first text past all that begin with prefix; false when there is none. */
bool expr_prefix_end(struct arena *mem, struct str prefix, struct str *out);
/* The key under which a part (e-mail, phone, URL, address) is stored; f is its field. whole: all of
 * it was given, not a piece to search for. */
struct str expr_part_key(
    struct arena *mem, const struct expr *list, struct str typed, bool whole);

/* ---- memory ---- */
struct expr_reader {
    const struct expr_rows *rows;
    struct arena *mem;
    int64_t now, me;
    int64_t id; /* of the record at hand, 0 for the outermost */
    int depth;
};
MUST_CHECK enum err_code expr_read(struct expr_reader *r, const struct expr *x, struct value *out);
MUST_CHECK enum err_code expr_read_if(struct expr_reader *r, const struct expr *x, bool *out);
/* The id behind the first steps of x's path. */
MUST_CHECK enum err_code expr_walk(
    struct expr_reader *r, const struct expr *x, size_t steps, int64_t *id, bool *absent);
/* How two arguments of a comparison stand: -1, 0, 1, or *absent. */
MUST_CHECK enum err_code expr_compare(struct expr_reader *r, const struct expr *a,
    const struct expr *b, int *order, bool *absent);
struct expr_call expr_call_of(const struct expr *x); /* NODE_EXTENSION */
/* The first instant after r->now at which a condition may change by time alone, or a part of it;
 * INT64_MAX for never. expr_next_turn: the same of any value. */
MUST_CHECK enum err_code expr_next_turn(struct expr_reader *r, const struct expr *x, int64_t *out);
MUST_CHECK enum err_code expr_next_break(struct expr_reader *r, const struct expr *x, int64_t *out);
/* A tree without records; cannot fail. */
struct value expr_constant(const struct expr *x, struct arena *mem, int64_t now, int64_t me);
/* Without the raising that the node above asked for. */
MUST_CHECK enum err_code expr_read_plain(
    struct expr_reader *r, const struct expr *x, struct value *out);
/* Below, equal or above 0; *absent when the two have no order. */
int expr_order(const struct expr *a, const struct value *va, const struct expr *b,
    const struct value *vb, struct arena *mem, bool *absent);

#define EVAL(name)                                                                                 \
    enum err_code name(                                                                            \
        struct expr_reader *r, const struct expr *x, const struct value *a, struct value *out)
EVAL(expr_eval_compare);
EVAL(expr_eval_between);
EVAL(expr_eval_in);
EVAL(expr_eval_match);
EVAL(expr_eval_present);
EVAL(expr_eval_has);
EVAL(expr_eval_period);
EVAL(expr_eval_anniversary);
EVAL(expr_eval_add);
EVAL(expr_eval_sub);
EVAL(expr_eval_mul);
EVAL(expr_eval_div);
EVAL(expr_eval_neg);
EVAL(expr_eval_case);
EVAL(expr_eval_length);
EVAL(expr_eval_concat);
EVAL(expr_eval_coalesce);
EVAL(expr_eval_if);
EVAL(expr_eval_least);
EVAL(expr_eval_round);
EVAL(expr_eval_abs);
EVAL(expr_eval_age);
EVAL(expr_eval_part);
EVAL(expr_eval_date);
EVAL(expr_eval_days_between);
EVAL(expr_eval_distance);
EVAL(expr_eval_degrees);

/* ---- SQL ---- */
struct expr_writer {
    struct sqltext *out;
    int alias;
    size_t level; /* how many steps of a path are already behind */
    int64_t now, me;
    unsigned side;
    int depth; /* of formulas made at read time */
    bool key;  /* texts are wanted as their fold keys */
    void (*rights)(void *arg, const struct live_entity *e, int alias, struct sqltext *out);
    void *rights_arg;
};
enum expr_part { PART_VALUE, PART_KEY, PART_OWN, PART_CURRENCY, PART_LNG, PART_MONTH_DAY,
    PART_ENTITY };
void expr_write(struct expr_writer *w, const struct expr *x);
void expr_write_if(struct expr_writer *w, const struct expr *x, bool yes);
/* A column (or its nearest equal) behind a path; x is a NODE_FIELD. */
void expr_write_part(struct expr_writer *w, const struct expr *x, enum expr_part part);
/* The part is one column of the table at hand, cheap to repeat. */
bool expr_is_column(const struct expr_writer *w, const struct expr *x);
static inline bool expr_is_partial(const struct live_field *f)
{
    return f->value == KIND_DATE && f->def.partial && f->ncolumns == 2;
}
void expr_write_plain(struct expr_writer *w, const struct expr *x); /* without .up */
void expr_bind(struct expr_writer *w, const struct value *v, bool cast); /* $n */
bool expr_sql_full(const struct expr_writer *w); /* past a limit: stop writing */
unsigned expr_sides(const struct expr *x, size_t level); /* side tables that x reads */
void expr_write_from(struct expr_writer *w, const struct live_entity *e, int alias, unsigned side);
void expr_write_live(struct expr_writer *w, const struct live_entity *e, int alias); /* AND ... */
void expr_write_rows(struct expr_writer *w, const struct expr *x);
void expr_write_rows_if(struct expr_writer *w, const struct expr *x, bool yes);
void expr_write_truth(struct expr_writer *w, bool yes);
void expr_write_day(struct expr_writer *w, const struct expr *x); /* of a date or an instant */

#define SQL_IF(name) void name(struct expr_writer *w, const struct expr *x, bool yes)
SQL_IF(expr_sql_compare);
SQL_IF(expr_sql_between);
SQL_IF(expr_sql_in);
SQL_IF(expr_sql_match);
SQL_IF(expr_sql_present);
SQL_IF(expr_sql_has);
SQL_IF(expr_sql_period);
SQL_IF(expr_sql_anniversary);
#define SQL_VALUE(name) void name(struct expr_writer *w, const struct expr *x)
SQL_VALUE(expr_sql_add);
SQL_VALUE(expr_sql_mul);
SQL_VALUE(expr_sql_div);
SQL_VALUE(expr_sql_neg);
SQL_VALUE(expr_sql_case);
SQL_VALUE(expr_sql_length);
SQL_VALUE(expr_sql_concat);
SQL_VALUE(expr_sql_coalesce);
SQL_VALUE(expr_sql_choose);
SQL_VALUE(expr_sql_least);
SQL_VALUE(expr_sql_round);
SQL_VALUE(expr_sql_abs);
SQL_VALUE(expr_sql_age);
SQL_VALUE(expr_sql_date_part);
SQL_VALUE(expr_sql_date);
SQL_VALUE(expr_sql_days_between);
SQL_VALUE(expr_sql_distance);
SQL_VALUE(expr_sql_degrees);

#endif
