/* model.h - the live model: every entity and field, built in and made by users, ready for use.
 *
 * One immutable snapshot per organisation, replaced whole; a running call keeps the one it started
 * with. Built from the modules' tables and the rows of `objects`, `fields`, `choices`. */

#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/map.h"
#include "db/db.h"
#include "model/entity.h"

struct expr;

enum { FIELD_CELLS = 2, SIDE_COLUMNS = 140 };

struct choice {
    int64_t id;
    struct str code, label, colour, kind;
    int position;
    bool active;
};

struct choice_list {
    int64_t id;
    struct str name;
    struct choice *choices; /* by position */
    size_t n;
    struct map by_code;
};

/* A column of a field. Values are authoritative; derived ones are made from them on each write. */
struct column {
    const char *name; /* plain; always written in double quotes */
    enum db_type type;
};

struct live_field {
    struct field def;   /* as declared; its texts live as long as the snapshot */
    struct str name;    /* = def.name; "x_..." for a user's field */
    struct str label;
    int64_t number;     /* of this installation, never reused; stored expressions carry it */
    int64_t id;         /* a user's: of its definition */
    struct live_entity *entity;
    struct live_entity *target; /* REF, FILE: the entity referred to; MANY: the far entity */
    struct live_entity *link;   /* MANY: entity of the link rows, with fields "from" and "to" */
    struct live_entity **targets; /* ANYREF: NULL at the end; NULL itself when any will do */
    struct choice_list *list;
    enum field_kind value;  /* the kind of its values: def.kind, or a formula's/roll-up's result */
    uint8_t scale;          /* of value */
    bool custom, standard;  /* made by a user; one of those every entity has */
    bool stored;            /* has columns; false for MANY and formulas made at read time */
    int table;              /* 0 the base table, 1.. side table _x1, ... */
    struct column columns[FIELD_CELLS];
    int ncolumns;           /* value columns: MONEY amount+currency, PLACE lat+lng, ANYREF
                               entity+id, partial DATE day+precision, else one */
    int cell;               /* place of the first value in a record's cells */
    const char *key_column; /* fold column (folded text), month*100+day (partial dates), amount in
                               base currency (money); NULL for none */
    const struct expr *expr; /* FORMULA, ROLLUP, parsed */
    const struct live_lookup *lookup; /* REF that the engine keeps; model/lookup.h */
    int index; /* of the entity's fields */
};

/* Rows of another entity that refer to this one, under a name: contact.orders, company.contacts. */
struct live_child {
    struct str name;
    struct live_entity *entity; /* of the child rows */
    struct live_field *by;      /* its REF (or ANYREF) field */
    struct live_field **rollups; /* stored roll-ups of the parent over these rows */
    size_t nrollups;
};

struct live_entity {
    struct entity def;
    struct str name, plural, label, label_plural;
    struct str key; /* under which its number and those of its fields are kept: never a user's name */
    int64_t number;
    const struct module *module;
    bool custom;
    struct live_field **fields; /* standard ones first */
    size_t nfields;
    struct map by_name; /* live_field */
    struct live_child **children;
    size_t nchildren;
    struct map children_by_name;
    struct live_field *title, *owner, *team, *person, *when, *external_id;
    struct live_field *id, *version, *deleted_at, *updated_at, *updated_by;
    size_t index; /* of the model's entities */
    int nside;    /* side tables */
    int ncells;   /* of a whole record */
    /* Per table, [0] base and [1..nside] side: its plain name, the first of its cells (one more at
     * the end), and the statements that read one row by id and insert one. */
    const char **tables;
    int *cell_start;
    const char **select, **insert;
    struct live_field ***table_fields; /* the stored fields of each table, NULL at the end */
    struct live_field **formulas;      /* stored ones, in the order of their dependencies */
    size_t nformulas;
    struct live_field **lookups, **looked_up; /* own references that the engine keeps; those that lead here */
    size_t nlookups, nlooked_up;
};

struct model {
    struct arena *mem; /* owns all of it */
    int refs;
    int64_t version; /* grows with every change of the definition */
    struct live_entity **entities;
    size_t nentities;
    struct map by_name;   /* singular and plural */
    struct map lists;     /* choice_list */
    const struct module *const *modules;
    const struct expr_extension *functions; /* of the modules, ended by a row without name */
    struct str currency;  /* base currency, "EUR" */
    struct str zone, language, country;
};

const struct live_entity *model_entity(const struct model *m, struct str name); /* NULL if none */
const struct live_entity *model_entity_number(const struct model *m, int64_t number);
/* By name, or "@12" by number. NULL if none. */
const struct live_field *entity_field(const struct live_entity *e, struct str name);
const struct live_child *entity_child(const struct live_entity *e, struct str name);
const struct choice *choice_by_code(const struct choice_list *l, struct str code);
const struct choice *choice_by_id(const struct choice_list *l, int64_t id);
/* Of a field of an entity of the modules: the id of a choice by its code, 0 when there is none; and back. */
int64_t model_choice(const struct model *m, const char *entity, const char *field, struct str code);
struct str model_choice_code(const struct model *m, const char *entity, const char *field, int64_t id);
bool kind_is_list(enum field_kind kind);  /* e-mails, phones, addresses, URLs */
bool kind_is_picks(enum field_kind kind); /* choices, tags */

/* Lists of parts keep one row per part and entity in these tables:
 *   part_emails    (entity, record, field, position, typed, key, kind, is_primary)
 *   part_phones    same; key is E.164
 *   part_urls      same; key is the normal form
 *   part_addresses same, key, and street, city, region, postcode, country, lat, lng
 *   picks          (field, record, choice): choices and tags
 * entity and field are numbers. NULL for kinds that have none. */
const char *kind_part_table(enum field_kind kind);

#endif
