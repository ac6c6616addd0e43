/* import_steps.h - what the files of the import share: import.c runs the rows, import_value.c reads their
 * cells, import_find.c finds the records that are there. */

#ifndef MODEL_IMPORT_STEPS_H
#define MODEL_IMPORT_STEPS_H

#include "model/import.h"
#include "model/import_map.h"
#include "model/match_steps.h"
#include "model/parts.h"

enum { IMPORT_KEYS = 4, IMPORT_KEY_FIELDS = 6 };

struct import_key { /* all of its fields must be the same */
    const struct live_field *fields[IMPORT_KEY_FIELDS];
    size_t n;
};

enum import_mode { IMPORT_BOTH, IMPORT_CREATE, IMPORT_UPDATE };
/* A row that no key finds, but that is probably somebody who is there: made and shown as a pair, refused, or taken
 * for him. */
enum import_duplicates { DUPLICATES_QUEUE, DUPLICATES_REJECT, DUPLICATES_UPDATE };

struct import_plan {
    const struct live_entity *e;
    struct import_column *columns;
    size_t ncolumns;
    struct import_key keys[IMPORT_KEYS]; /* tried in this order */
    size_t nkeys;
    enum import_mode mode;
    enum import_duplicates duplicates;
    struct match_rule *rule; /* of the entity, unless DUPLICATES_QUEUE */
    bool dry;
    bool keeps_empty; /* an empty cell leaves the field of a record that is there as it is */
};

struct importing {
    struct call *c;
    const struct import_plan *p;
    const struct import_rows *rows;
    bool apart; /* each row in a savepoint of its own */
    bool left;  /* a row failed after it had written */
    struct import_result *out;
    struct json_writer rejected, warnings, changes;
    struct buf rejected_buf, warnings_buf, changes_buf;
    size_t nchanges;
};

/* A row's cells into a record. What is wrong is noted on the call; what had to be left out is a warning. Columns
 * that are looked up among records want the writing call, the others do not. */
enum import_part { FILL_ALL, FILL_ALONE, FILL_LOOKED_UP };
void import_fill(struct importing *im, struct record *r, const struct str *cells, size_t n, int64_t row,
    enum import_part part);
bool import_is_looked_up(enum field_kind kind);
bool import_has_looked_up(const struct import_plan *p, const struct str *cells, size_t n);
/* The object on a line of JSON lines, without what says why it was rejected before. */
MUST_CHECK enum err_code import_line(
    struct call *c, const struct live_entity *e, struct str line, json_t **object);
void import_warn(struct importing *im, int64_t row, const char *field, const char *message);

/* Reads a key: the name of a field, or a list of names that count together. ERR_INVALID when there is no
 * such field, or no index by which it could be looked up. */
MUST_CHECK enum err_code import_key(
    struct call *c, const struct live_entity *e, const json_t *key, struct import_key *out);
/* The one record that has a key of r; *id 0 for none. ERR_CONFLICT when there are several. */
MUST_CHECK enum err_code import_find(struct importing *im, const struct record *r, int64_t *id);
/* A reference found by what its column says, or made where the column says so; *id 0 when there is none. */
MUST_CHECK enum err_code import_reference(
    struct importing *im, const struct import_column *m, struct str s, int64_t *id);

#endif
