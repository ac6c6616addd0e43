/* phone.h - phone numbers: from what was typed to E.164, and what such a number is.
 *
 * What is known of the countries' numbers comes from libphonenumber (tables/phone_regions.csv, phone_formats.csv,
 * made by script/phone-tables). A number that no plan knows is taken all the same, as long as it can be dialled:
 * plans change, and nobody wants to lose a number. */

#ifndef MODEL_PHONE_H
#define MODEL_PHONE_H

#include "base/arena.h"

enum phone_type {
    PHONE_UNKNOWN,
    PHONE_FIXED,
    PHONE_MOBILE,
    PHONE_FIXED_OR_MOBILE,
    PHONE_TOLL_FREE,
    PHONE_PREMIUM,
    PHONE_PERSONAL,
    PHONE_VOICEMAIL,
    PHONE_UAN,
    PHONE_PAGER,
    PHONE_VOIP,
    PHONE_SHARED_COST
};

/* E.164 ("+4930123456"), an extension left out. country: ISO 3166 alpha-2, for numbers without prefix; empty when
 * unknown: such numbers keep their digits as the key. False with *why in words. */
bool phone_parse(
    struct arena *mem, struct str typed, struct str country, struct str *key, const char **why);

struct phone_facts {
    struct str region; /* "DE"; empty where the number belongs to none, or none is sure */
    enum phone_type type; /* PHONE_UNKNOWN: no plan knows this number */
};
struct phone_facts phone_facts(struct str e164);
const char *phone_type_word(enum phone_type type); /* "mobile", "toll_free"; "" for unknown */

/* As it is written in its own country, "030 123456", and elsewhere, "+49 30 123456". A key that is no E.164 comes
 * back as it is. */
struct str phone_national(struct arena *mem, struct str e164);
struct str phone_international(struct arena *mem, struct str e164);

#endif
