/* field.h - the row from which everything about a field is derived: columns, JSON, validation,
 * filters, import, export, search, history, rights, screens.
 *
 * Modules write tables of these as constants; users' fields are the same struct, read from the
 * database. Absent means zero: each row names only what differs. */

#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H

#include "base/str.h"

enum field_kind {
    KIND_NONE, /* ends a table */
    KIND_TEXT,
    KIND_LONG_TEXT,
    KIND_RICH_TEXT, /* HTML, cleaned on the way in */
    KIND_INT,
    KIND_DECIMAL, /* scaled int64, .scale digits */
    KIND_MONEY,   /* minor units, currency, and the amount in base currency */
    KIND_PERCENT, /* scaled int64, .scale digits, 12.5 means 12.5 % */
    KIND_BOOL,
    KIND_DATE,     /* day number; .partial also takes --MM-DD and YYYY */
    KIND_INSTANT,  /* microseconds since 1970 */
    KIND_DURATION, /* seconds */
    KIND_CHOICE,   /* id of a choice record; outside its code */
    KIND_CHOICES,
    KIND_TAGS, /* choices of the list "tags", made when first used */
    KIND_REF,
    KIND_MANY, /* many-to-many: rows of a link entity that carries .attributes */
    KIND_ANYREF, /* to a record of any of .targets */
    KIND_EMAILS,
    KIND_PHONES,
    KIND_ADDRESSES,
    KIND_URLS,
    KIND_NAME, /* display name, composed from the parts of a person's name */
    KIND_FILE,
    KIND_PLACE,  /* latitude and longitude, degrees */
    KIND_NUMBER, /* given out by itself: .format "Q-{year}-{0000}" */
    KIND_FORMULA,
    KIND_ROLLUP,
    KIND_JSON, /* never filtered on */
    KIND_COUNT
};

enum on_delete { ON_DELETE_EMPTY, ON_DELETE_REFUSE, ON_DELETE_CASCADE };

struct choice_def { /* seeds a choice record; ended by a row without code */
    const char *code, *label, *colour, *kind;
};

enum text_format { FORMAT_NONE, FORMAT_EMAIL, FORMAT_PHONE, FORMAT_URL, FORMAT_DOMAIN, FORMAT_CODE,
    FORMAT_COUNTRY, FORMAT_CURRENCY, FORMAT_LANGUAGE, FORMAT_ZONE, FORMAT_EXPR,
    FORMAT_BYTES /* bare tables only: a column of bytes */ };

struct field {
    const char *name, *label, *help;
    enum field_kind kind;
    enum field_kind result; /* of a formula or roll-up; 0 lets the expression say */
    bool required, unique, read_only, set_once, hidden, sensitive, partial;
    bool by_admins; /* MANY: only administrators change it */
    bool asked;      /* a form for a new record has it from the start, though it may be left out */
    bool no_history; /* changes of it are not kept (counters, marks) */
    bool no_fold;    /* compared byte by byte: codes, external ids, URLs */
    bool index;
    bool system;   /* never in the API */
    bool personal; /* personal data */
    int64_t min, max; /* numbers: bounds in field units when either is set; text: max code points */
    uint8_t scale;
    uint8_t search; /* weight in search, 0 not searched, 3 highest */
    enum text_format format;
    const char *target;               /* REF, MANY: entity */
    const char *inverse;              /* the name under which the target sees these rows */
    enum on_delete on_delete;
    const char *const *targets;       /* ANYREF: entities, NULL at the end; NULL for all */
    const struct choice_def *choices; /* CHOICE(S): seeds */
    const char *list;                 /* choice list; default "<entity>_<field>" */
    const struct field *attributes;   /* MANY */
    const char *expr;                 /* FORMULA, ROLLUP: text */
    const char *def;                  /* default value, an expression */
    const char *pattern;              /* NUMBER: "Q-{year}-{0000}" */
    const char *mirror;               /* list field whose primary part this repeats */
    const char *mirror_part;          /* which piece of it: "address", "city", ... */
    const char *lookup;               /* REF, a user's: JSON, by what the engine finds the record (model/lookup.h) */
    const char *was;                  /* earlier name */
    const char *group;                /* panel of the record page */
    const char *alarm;                /* yes/no field beside it: while that holds, this value is marked with its label */
};

#define FIELD_END { .kind = KIND_NONE }
#define FIELD_TEXT(n, ...) { .name = n, .kind = KIND_TEXT, .max = 200, __VA_ARGS__ }
#define FIELD_LONG(n, ...) { .name = n, .kind = KIND_LONG_TEXT, .max = 100000, __VA_ARGS__ }
#define FIELD_RICH(n, ...) { .name = n, .kind = KIND_RICH_TEXT, .max = 200000, __VA_ARGS__ }
#define FIELD_INT(n, ...) { .name = n, .kind = KIND_INT, __VA_ARGS__ }
#define FIELD_DECIMAL(n, s, ...) { .name = n, .kind = KIND_DECIMAL, .scale = s, __VA_ARGS__ }
#define FIELD_PERCENT(n, ...) { .name = n, .kind = KIND_PERCENT, .scale = 2, __VA_ARGS__ }
#define FIELD_MONEY(n, ...) { .name = n, .kind = KIND_MONEY, .scale = 2, __VA_ARGS__ }
#define FIELD_BOOL(n, ...) { .name = n, .kind = KIND_BOOL, __VA_ARGS__ }
#define FIELD_DATE(n, ...) { .name = n, .kind = KIND_DATE, __VA_ARGS__ }
#define FIELD_INSTANT(n, ...) { .name = n, .kind = KIND_INSTANT, __VA_ARGS__ }
#define FIELD_DURATION(n, ...) { .name = n, .kind = KIND_DURATION, __VA_ARGS__ }
#define FIELD_CHOICE(n, c, ...) { .name = n, .kind = KIND_CHOICE, .choices = c, __VA_ARGS__ }
#define FIELD_CHOICES(n, c, ...) { .name = n, .kind = KIND_CHOICES, .choices = c, __VA_ARGS__ }
#define FIELD_TAGS(n, ...) { .name = n, .kind = KIND_TAGS, .list = "tags", __VA_ARGS__ }
#define FIELD_REF(n, t, ...) { .name = n, .kind = KIND_REF, .target = t, __VA_ARGS__ }
#define FIELD_MANY(n, t, ...) { .name = n, .kind = KIND_MANY, .target = t, __VA_ARGS__ }
#define FIELD_ANYREF(n, ...) { .name = n, .kind = KIND_ANYREF, __VA_ARGS__ }
#define FIELD_EMAILS(n, ...) { .name = n, .kind = KIND_EMAILS, __VA_ARGS__ }
#define FIELD_PHONES(n, ...) { .name = n, .kind = KIND_PHONES, __VA_ARGS__ }
#define FIELD_ADDRESSES(n, ...) { .name = n, .kind = KIND_ADDRESSES, __VA_ARGS__ }
#define FIELD_URLS(n, ...) { .name = n, .kind = KIND_URLS, __VA_ARGS__ }
#define FIELD_NAME(n, ...) { .name = n, .kind = KIND_NAME, .max = 400, __VA_ARGS__ }
#define FIELD_FILE(n, ...) { .name = n, .kind = KIND_FILE, .target = "file", __VA_ARGS__ }
#define FIELD_PLACE(n, ...) { .name = n, .kind = KIND_PLACE, __VA_ARGS__ }
#define FIELD_NUMBER(n, p, ...) { .name = n, .kind = KIND_NUMBER, .pattern = p, __VA_ARGS__ }
#define FIELD_FORMULA(n, e, ...) { .name = n, .kind = KIND_FORMULA, .expr = e, __VA_ARGS__ }
#define FIELD_ROLLUP(n, e, ...) { .name = n, .kind = KIND_ROLLUP, .expr = e, __VA_ARGS__ }
#define FIELD_JSON(n, ...) { .name = n, .kind = KIND_JSON, __VA_ARGS__ }

const char *field_kind_name(enum field_kind kind); /* "long_text" */
bool field_kind_of(struct str name, enum field_kind *out);

#endif
