/* standard_address.h - postal addresses in standard form, by country.
 *
 * DE FR GB US ES IT NL PL BR JP IN TR have rules of their own, a row each of
 * standard_address_rules.c, and words in tables/address_words.csv and regions.csv; others get what
 * holds everywhere. tests/data/addresses tells the rules. Nothing is looked up or guessed: what was
 * not typed stays empty. */

#ifndef MODEL_STANDARD_ADDRESS_H
#define MODEL_STANDARD_ADDRESS_H

#include "base/arena.h"

struct postal_address {
    struct str street; /* name and number; several lines are separated by \n */
    struct str extra;  /* in or at the house: flat, floor, building, company, in some countries the
                          quarter */
    struct str postcode, city;
    struct str region, country; /* as regions.csv has it; ISO 3166 alpha-2 */
};

/* Takes one written address, of one line or several, apart. country is that of an address which
 * names none; may be empty. Texts of *out are in the arena or literals. False when nothing but a
 * street was found. */
bool standard_address(
    struct arena *mem, struct str typed, struct str country, struct postal_address *out);
/* Parts that came separately in their standard form; extra may stand in the street. */
void standard_address_parts(
    struct arena *mem, const struct postal_address *typed, struct postal_address *out);
/* The address as it is written on mail within its country: lines separated by \n, without the
 * country. */
struct str standard_address_lines(struct arena *mem, const struct postal_address *a);
/* Street and extra as one text of several lines, for where there is one place for both.
 * standard_address_parts takes it apart again. */
struct str standard_street_lines(struct arena *mem, const struct postal_address *a);

/* One part alone. What is not understood comes back as it was typed. */
struct str standard_postcode(struct arena *mem, struct str typed, struct str country);
struct str standard_region(struct arena *mem, struct str typed, struct str country);
struct str standard_city(struct arena *mem, struct str typed, struct str country);
/* A street in standard form into the name and the number of the house, for comparing; either may be
 * empty. */
void standard_street(
    struct arena *mem, const struct postal_address *standard, struct str *name, struct str *number);

#endif
