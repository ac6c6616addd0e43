/* import_map.h - which column of a file goes where.
 *
 * A target is written as people write it in a mapping:
 *   last_name                 a field; of a person "name" is taken apart
 *   emails[work]              an entry of a list, of this kind; several in a cell stand between ';'
 *   addresses[home].city      a piece of an entry
 *   emails[#2], phones[#1].kind  entries by number, their kind in a column of its own
 *   company, company.domain, contact.email   a reference, found by ...
 *   company.external_id, product.sku         or by any field of it that has an index */

#ifndef MODEL_IMPORT_MAP_H
#define MODEL_IMPORT_MAP_H

#include "model/access.h"

enum import_to { TO_NOTHING, TO_FIELD, TO_LIST, TO_NAME };
enum import_by { BY_ANY, BY_FIELD, BY_TITLE, BY_EMAIL, BY_DOMAIN };

struct import_column {
    struct str header, target;
    enum import_to to;
    const struct live_field *field;
    struct str slot;   /* of a list: "work", "#2", or empty */
    const char *piece; /* of an entry: "city", "kind"; NULL for the entry itself */
    enum import_by by; /* of a reference */
    const struct live_field *key; /* BY_FIELD: of the entity referred to */
    bool make;         /* a reference that is not there is made */
    char order[4];     /* of dates: "dmy", "mdy", "ymd", "xls" (days since 1899-12-30); empty: ISO */
    char decimal;      /* ',' where the comma ends the whole part; 0 for a point */
    char country[3];   /* of phones without a country code; empty: the organisation's */
};

/* Can a field be looked up quickly? */
bool import_is_indexed(const struct live_entity *e, const struct live_field *f);
/* Reads a target for an entity. false when there is no such field, or it cannot be written. */
bool import_target(struct call *c, const struct live_entity *e, struct str target,
    struct import_column *out);
/* The target that a header most likely means, by the names and labels of fields and by the headers of other
 * systems. Empty when nothing fits. */
struct str import_suggest(struct call *c, const struct live_entity *e, struct str header);
/* The same for all columns of a file: a field goes to the header that names it best, and a column whose header
 * says nothing is known by what stands in it. */
struct import_header {
    struct str header;
    const struct str *samples;
    size_t nsamples;
    struct str target; /* found; empty for none */
};
void import_suggest_all(
    struct call *c, const struct live_entity *e, struct import_header *headers, size_t n);

#endif
