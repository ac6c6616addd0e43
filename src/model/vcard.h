/* vcard.h - people as vCards 3.0 (RFC 2426), which every address book reads. */

#ifndef MODEL_VCARD_H
#define MODEL_VCARD_H

#include "model/access.h"

/* Are the rows of the entity people with first and last names? */
bool vcard_of(const struct live_entity *e);
/* The fields that a card shows and the caller may read, for list_request.fields. */
struct str vcard_fields(struct call *c, const struct live_entity *e);
/* A card of a record that holds the cells of those fields. */
MUST_CHECK enum err_code vcard_write(struct call *c, const struct record *r, struct buf *out);

#endif
