/* expr.h - the one expression language: filters, segments, formulas, roll-ups, rules, rights.
 *
 * Parsed once to a typed tree checked against the live model, then used by back ends that agree on
 * every input: SQL for sets, memory for one record. Logic is two-valued: a comparison with an
 * absent value is false; `!=`, `not in` and `not` are exact complements. Overflow and division by
 * zero are absent. Grammar, types and the scale of each operator's result stand in
 * docs/manual/expressions.md. */

#ifndef MODEL_EXPR_H
#define MODEL_EXPR_H

#include "base/json.h"
#include "base/time.h"
#include "model/model.h"
#include "model/sqltext.h"

enum value_type {
    VALUE_BOOL,
    VALUE_NUMBER,   /* scaled int64, see .scale (0 for whole numbers) */
    VALUE_MONEY,    /* base currency unless .currency is set; scale 2 */
    VALUE_TEXT,
    VALUE_DATE,
    VALUE_INSTANT,
    VALUE_DURATION, /* exact: microseconds */
    VALUE_CALENDAR, /* months: `3mo`, `1y`; only in date arithmetic */
    VALUE_CHOICE,   /* choice id */
    VALUE_REF,      /* record id */
    VALUE_PLACE,
    VALUE_LIST,     /* parts or picks */
    VALUE_NONE,     /* the literal null */
};

/* One value in memory. */
struct value {
    enum value_type type;
    bool absent;
    uint8_t scale;
    int64_t i;             /* numbers, dates, instants, ids, booleans */
    struct str s;          /* text; the list's JSON */
    double lat, lng;
    struct str currency;
    int64_t base;          /* money: in base currency; date: enum date_precision */
    bool no_base;          /* money whose amount in base currency is not known */
    const struct live_entity *entity; /* ANYREF: what i is an id of */
};

struct expr; /* immutable, lives in scope.mem */

/* How a partial date stands in columns[1], and in value.base of a date. A month and day without a
 * year stands in the year 4 and is absent wherever a date is asked for, but for anniversaries; its
 * key column holds month*100+day. A year alone is its 1 January, with a NULL key. */
enum date_precision { DATE_WHOLE = 0, DATE_YEAR = 1, DATE_MONTH_DAY = 2 };

/* A function that a module brings: did(), in_segment(). Its arguments may be literals, values, and
 * conditions about the entity that .about names (NULL: about the record itself). */
struct expr_call {
    const struct expr *const *args;
    size_t n;
    const struct live_entity *entity; /* what .about gave; else the one whose names are seen where the call stands */
};
struct expr_sql;
struct expr_rows;
struct expr_scope;
struct expr_extension {
    const char *name;
    size_t least, most; /* arguments */
    enum value_type type;
    uint8_t scale;
    bool clock; /* its answer changes by time alone */
    bool named; /* its first argument is a name in quotes, and no field */
    bool counts; /* how often, never absent, and over any span at most as often as by its first argument alone */
    const char *rows; /* the child name of the record whose rows it looks at: told by expr_uses; NULL for none */
    const char *field; /* of the record's own, at which it looks as well: told by expr_uses; NULL for none */
    void *arg;
    /* first: the first argument when it is a text, else empty. May be NULL. */
    const struct live_entity *(*about)(void *arg, const struct model *m, struct str first);
    /* Looks at the arguments' types and constants. May be NULL. */
    enum err_code (*check)(
        void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e);
    /* VALUE_BOOL: a SQL predicate that is never NULL; otherwise a value. */
    void (*sql)(void *arg, const struct expr_call *call, struct expr_sql *s);
    /* id: of the record, 0 for the one the expression is about. */
    enum err_code (*eval)(void *arg, const struct expr_call *call, const struct expr_rows *rows,
        struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out);
    /* With .clock: the next instant after now at which the answer may change, never too late. NULL:
     * looked at again after a minute. */
    enum err_code (*next)(void *arg, const struct expr_call *call, const struct expr_rows *rows,
        struct arena *mem, int64_t id, int64_t now, int64_t me, int64_t *out);
};
/* The value of an argument that looks at no record; absent when it does. */
struct value expr_constant_value(
    const struct expr *x, struct arena *mem, int64_t now, int64_t me);
bool expr_is_constant(const struct expr *x);

/* What an expression is read against. */
struct expr_scope {
    struct arena *mem;
    const struct model *model;
    const struct live_entity *entity; /* of the record it is about; NULL for none */
    const struct zone *zone;          /* calendar terms: the organisation's, or the asker's */
    /* May the asker use this field? NULL: all. A field he may not read is unknown to him. */
    bool (*may_read)(void *arg, const struct live_field *f);
    void *arg;
    int64_t me;                       /* user id for `me`, 0 for none */
    const struct expr_extension *extensions; /* ended by a row without name; NULL for none */
};

/* The text must be a condition (VALUE_BOOL). Errors: ERR_INVALID, field "where" (or `about`), with
 * position, what was expected and what was found. Unknown names are named. */
MUST_CHECK enum err_code expr_condition(const struct expr_scope *s, struct str text,
    const char *about, const struct expr **out, struct err *e);
/* Any type. */
MUST_CHECK enum err_code expr_parse(const struct expr_scope *s, struct str text, const char *about,
    const struct expr **out, struct err *e);
enum value_type expr_type(const struct expr *x);
uint8_t expr_scale(const struct expr *x);
const struct choice_list *expr_choices(const struct expr *x);    /* of a VALUE_CHOICE; NULL otherwise */
const struct live_entity *expr_target(const struct expr *x);     /* of a VALUE_REF; NULL for any */

/* Text and JSON tree, both ways without loss. by_number prints fields as @12, so that a stored
 * expression survives renaming; expr_parse reads that form too. */
void expr_text(const struct expr *x, bool by_number, struct buf *out);
void expr_json(const struct expr *x, struct json_writer *w, const char *name);
MUST_CHECK enum err_code expr_from_json(const struct expr_scope *s, const json_t *tree,
    const char *about, const struct expr **out, struct err *e);

/* Every field the expression looks at, with the path that leads there: calls fn for each. */
struct expr_use {
    const struct live_field *field;
    const struct live_child *child; /* set for rows counted or summed */
    int depth;                      /* 0: the record's own field */
};
void expr_uses(const struct expr *x, void (*fn)(void *arg, const struct expr_use *u), void *arg);
bool expr_uses_now(const struct expr *x);
/* Appends a condition, by names, that does not look at the clock and holds wherever x holds now, or may come
 * to hold by time alone; nothing: that may be anywhere. */
void expr_ever(const struct expr *x, struct buf *out);
/* True when it looks only at stored columns of the record itself and not at the clock. */
bool expr_is_own_row(const struct expr *x);
/* The same, but that it may look at the clock and at who asks. */
bool expr_is_own_row_now(const struct expr *x);

/* ---- SQL ---- */
struct expr_sql {
    struct sqltext *out;
    int alias;     /* of the record's base table */
    int64_t now;
    int64_t me;
    unsigned side; /* out: bit n set when side table n is needed, joined as t<alias>_x<n> */
    /* Adds " AND ..." for rows beside the record itself, behind a reference or under a child name: what
     * the asker may not see counts as absent. NULL: all count (the house's own expressions). */
    void (*rights)(void *arg, const struct live_entity *e, int alias, struct sqltext *out);
    void *rights_arg;
};
/* A condition as a SQL predicate. `not` is pushed to the leaves; a positive leaf is the bare
 * comparison, so that indexes serve. */
void expr_sql_condition(const struct expr *x, struct expr_sql *s);
/* A value as a SQL expression (select, group, order): NULL when absent. */
void expr_sql_value(const struct expr *x, struct expr_sql *s);
/* A stored or computed field as SQL value; for money the base amount, for folded text the text. */
void expr_sql_field(const struct live_field *f, struct expr_sql *s);

/* ---- memory ---- */
/* Where the evaluator finds values. Errors are fail()ed by the source and passed on. */
struct expr_rows {
    void *arg;
    /* The value of a stored field of record id (0: the record the expression is about). */
    enum err_code (*field)(void *arg, const struct live_field *f, int64_t id, struct value *out);
    /* The ids of the rows under a child name that are not in the bin, ascending. */
    enum err_code (*children)(
        void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n);
    /* For the functions of modules: the call in which they may read, and the record that id 0 means. NULL
     * and 0 where there is neither. */
    struct call *call;
    int64_t self;
    /* What such functions read of the record for one expression they keep here for the next; NULL: they do not. It
     * holds as long as nothing is written that they read. */
    struct expr_memo *memo;
};
struct expr_memo {
    struct arena *mem; /* where what is kept lives */
    struct expr_kept *first;
};
/* What is kept under (of, id, key), or NULL. */
void *expr_memo_find(const struct expr_rows *rows, const void *of, int64_t id, struct str key);
/* Keeps it; without rows->memo nothing is done. The bytes of key must stay. */
void expr_memo_keep(const struct expr_rows *rows, const void *of, int64_t id, struct str key, void *what);
MUST_CHECK enum err_code expr_eval(const struct expr *x, const struct expr_rows *rows,
    struct arena *mem, int64_t now, int64_t me, struct value *out);
/* The tree with the value and verdict at each leaf as JSON, and the next instant at which the
 * verdict changes by time alone (INT64_MAX for never). */
MUST_CHECK enum err_code expr_explain(const struct expr *x, const struct expr_rows *rows,
    struct arena *mem, int64_t now, int64_t me, struct json_writer *w, int64_t *next,
    struct value *out);

#endif
