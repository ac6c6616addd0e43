/* parts.h - lists of parts: e-mails, phones, addresses, URLs. A cell holds the list as canonical
 * JSON; part tables repeat the keys for finding. */

#ifndef MODEL_PARTS_H
#define MODEL_PARTS_H

#include "model/record.h"
#include "model/standard_address.h"

enum { PART_PIECES = 5 };
struct part {
    struct str typed, key, kind; /* as typed: the address, number or url */
    struct str pieces[PART_PIECES]; /* of a postal address, as part_pieces names them */
    bool primary;
};
extern const char *const part_pieces[PART_PIECES + 1]; /* NULL at the end */

/* The parts of a cell, in the arena or within the cell's text. A cell that cannot be read has none and
 * leaves its error on the call. */
size_t parts_read(struct call *c, struct str cell, struct part **parts);
/* "key", a piece of an address, or any other word for what was typed. */
struct str part_piece(const struct part *p, const char *piece);

/* The name of what was typed in a part of this kind: "address", "number", "url". */
const char *parts_word(enum field_kind kind);
bool parts_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells);
bool parts_from_text(struct call *c, const struct live_field *f, struct str s, struct dbval *cells);
/* Phones come with what their key says besides: how it is written, country, type. */
void parts_to_json(
    struct call *c, const struct live_field *f, struct str cell, struct json_writer *w);
void parts_to_text(struct call *c, const struct live_field *f, struct str cell, struct buf *out);
/* Rows of the part table, or of picks, made to equal the cell. */
MUST_CHECK enum err_code parts_store(
    struct call *c, const struct live_field *f, int64_t record, struct dbval cell, bool existed);
/* Piece of the primary part: "address", "number", "url", "city", ...; of an address in standard form. Empty when
 * there is none. */
struct str parts_primary(struct call *c, struct str cell, const char *piece);
/* ---- addresses: pieces as part_pieces names them, home the country of one that names none ---- */

/* The key of an address: all its parts in standard form, folded. */
struct str parts_address_key(struct arena *mem, const struct str *pieces, struct str home);
void parts_address_standard(
    struct arena *mem, const struct str *pieces, struct str home, struct postal_address *out);
/* Says one no more than other? Each of its pieces, in standard form, stands in that one too. */
bool parts_address_within(
    struct arena *mem, const struct str *one, const struct str *other, struct str home);
/* A whole address as one text into pieces; one piece may be given, the country. False (nothing is changed) where no
 * postcode and no city is found in it. */
bool parts_address_take(struct arena *mem, struct str text, struct str home, struct str *pieces);
/* What a filter looks for, as the key would spell it: a whole address or some words of one. */
struct str parts_address_words(struct arena *mem, struct str typed, struct str home, bool whole);
/* One piece in standard form. */
struct str parts_address_piece(
    struct arena *mem, const struct str *pieces, const char *piece, struct str home);

/* The id of a tag, made when it is new. False after fail_field(). */
bool tag_make(struct call *c, const struct live_field *f, struct str word, int64_t *id);
/* A record by external id, title or id, in that order. */
MUST_CHECK enum err_code ref_by_text(struct call *c, const struct live_entity *target, struct str s,
    int64_t *id, bool *found);

#endif
