/* link.h - what stands in an address that is given to somebody without an account: which record, sealed.
 *
 * Neither readable nor to be guessed or changed: the payload is encrypted under a tag of 128 bits that is made of it
 * and of the installation's key (a synthetic initialisation vector, Rogaway and Shrimpton 2006). The same link is
 * always the same text, so nothing has to be stored. */

#ifndef MODEL_LINK_H
#define MODEL_LINK_H

#include "model/call.h"

enum link_kind { LINK_PREFERENCES = 1, LINK_UNSUBSCRIBE, LINK_CLICK, LINK_OPEN, LINK_BOUNCE };

struct link {
    enum link_kind kind;
    int64_t a, b; /* ids and numbers, 0 and up; what they mean goes by the kind */
};

/* Takes the installation's key, of 32 bytes, before anything is signed or sealed. */
void link_use_key(struct org *o, const uint8_t key[32]);

/* The address of the server as customers know it, "https://crm.example", without a slash at its end: base_url, or where
 * it listens. Into the call's arena. */
struct str link_base(const struct call *c);

/* About 30 characters of the URL-safe alphabet, into mem. */
struct str link_seal(const struct org *o, struct arena *mem, const struct link *l);
/* False for anything that link_seal did not make here, and for another kind. */
bool link_open(const struct org *o, struct str token, enum link_kind kind, struct link *out);

/* A text that identifies without saying who: the keyed hash of a normalised e-mail address or phone number, in hex.
 * Outlives the erasure of the person; is of no use without the installation's key. */
struct str address_hash(const struct org *o, struct arena *mem, struct str key);

#endif
