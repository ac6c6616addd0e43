/* standard.h - standard forms by which people, companies and addresses are compared.
 *
 * What was typed is kept; these are keys for finding and comparing. */

#ifndef MODEL_STANDARD_H
#define MODEL_STANDARD_H

#include "base/arena.h"

/* Fold of names (utf8_fold), every sign that is no letter or digit to a blank. Into the arena. */
struct str standard_words(struct arena *mem, struct str s);
/* Only letters and digits, folded: codes, postcodes. */
struct str standard_code(struct arena *mem, struct str s);
/* The mailbox behind an e-mail key (normal_email): without the tag, points and aliases that the provider is
 * known to ignore (tables/mail_providers.csv). */
struct str standard_mailbox(struct arena *mem, struct str key);
/* Mail for everybody: such a domain names no company. */
bool standard_free_mail(struct str domain);
/* Are two folded first names forms of one (Bob, Robert; tables/nicknames.csv)? */
bool standard_same_nickname(struct str a, struct str b);
struct person_name {
    struct str title, first, middle, last, suffix;
};
/* Takes a whole name apart as tests/data/README.md says; each part may be empty. Case is changed only where
 * the name is all capitals or all small. */
void standard_person(struct arena *mem, struct str typed, struct person_name *out);
/* What companies are compared by: without legal form, "The", signs; tests/data/README.md has the rules. */
struct str standard_company(struct arena *mem, struct str name, struct str *form);

#endif
