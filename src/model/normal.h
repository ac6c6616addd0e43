/* normal.h - the normal form of what identifies a person: e-mail, phone, address, URL.
 *
 * What was typed is kept beside it; the key is for comparing and finding. */

#ifndef MODEL_NORMAL_H
#define MODEL_NORMAL_H

#include "base/arena.h"

/* local@domain with the domain in lower case; the key is all lower case. False when it cannot be
 * an address: *why says so in words. */
bool normal_email(struct arena *mem, struct str typed, struct str *key, const char **why);
/* E.164 ("+4930123456"). country: ISO 3166 alpha-2 for numbers without prefix, empty when unknown:
 * such numbers keep their digits as the key. */
bool normal_phone(
    struct arena *mem, struct str typed, struct str country, struct str *key, const char **why);
/* Scheme and host in lower case, no default port, no trailing slash; https:// is added. */
bool normal_url(struct arena *mem, struct str typed, struct str *key, const char **why);
bool normal_domain(struct arena *mem, struct str typed, struct str *key, const char **why);
/* ISO 3166 alpha-2 of a code or an English (or own) name; false when unknown. */
bool normal_country(struct arena *mem, struct str typed, struct str *code);
bool currency_known(struct str code); /* ISO 4217, upper case */

#endif
