/* parts_address.c - the pieces of a postal address: taken from a text, in standard form, as one key.
 *
 * A part keeps what was typed. Its key, and the columns that repeat a piece of the primary address, are in
 * standard form: so "Hauptstr. 5" and "HAUPTSTRASSE 5", "sw1a0aa" and "SW1A 0AA" are the same to filters and to
 * the search for duplicates. An address without a country is read as one of the organisation's. */

#include "model/parts.h"

#include "base/utf8.h"
#include "model/standard_address.h"

#include <string.h>

enum { STREET, CITY, REGION, POSTCODE, COUNTRY };

static struct str country_of(const struct str *pieces, struct str home)
{
    return pieces[COUNTRY].n ? pieces[COUNTRY] : home;
}

void parts_address_standard(
    struct arena *mem, const struct str *pieces, struct str home, struct postal_address *out)
{
    struct postal_address typed = { .street = pieces[STREET], .city = pieces[CITY], .region = pieces[REGION],
        .postcode = pieces[POSTCODE], .country = country_of(pieces, home) };

    standard_address_parts(mem, &typed, out);
    out->country = pieces[COUNTRY];
}

struct str parts_address_key(struct arena *mem, const struct str *pieces, struct str home)
{
    struct postal_address a;

    parts_address_standard(mem, pieces, home, &a);
    const struct str all[] = { a.street, a.extra, a.city, a.region, a.postcode, a.country };
    struct buf b;
    buf_init(&b, mem, 1 << 16);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        buf_lit(&b, b.n && all[i].n ? " " : "");
        buf_add(&b, all[i]);
    }
    return utf8_fold(mem, buf_str(&b));
}

bool parts_address_within(
    struct arena *mem, const struct str *one, const struct str *other, struct str home)
{
    struct postal_address a, b;
    struct str country = country_of(other, home);

    if (one[COUNTRY].n && !str_eq(one[COUNTRY], country)) {
        return false;
    }
    parts_address_standard(mem, one, country, &a);
    parts_address_standard(mem, other, country, &b);
    const struct str mine[] = { a.street, a.extra, a.city, a.region, a.postcode };
    const struct str theirs[] = { b.street, b.extra, b.city, b.region, b.postcode };
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) {
        if (mine[i].n && !str_eq(utf8_fold(mem, mine[i]), utf8_fold(mem, theirs[i]))) {
            return false;
        }
    }
    return true;
}

bool parts_address_take(struct arena *mem, struct str text, struct str home, struct str *pieces)
{
    struct postal_address a;

    if (!standard_address(mem, text, country_of(pieces, home), &a)) {
        return false;
    }
    pieces[STREET] = standard_street_lines(mem, &a);
    pieces[CITY] = a.city;
    pieces[REGION] = a.region;
    pieces[POSTCODE] = a.postcode;
    pieces[COUNTRY] = a.country;
    return true;
}

struct str parts_address_words(struct arena *mem, struct str typed, struct str home, bool whole)
{
    struct str pieces[PART_PIECES] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };

    if (!whole || !parts_address_take(mem, typed, home, pieces)) {
        pieces[STREET] = typed;
    }
    return parts_address_key(mem, pieces, home);
}

struct str parts_address_piece(
    struct arena *mem, const struct str *pieces, const char *piece, struct str home)
{
    struct str country = country_of(pieces, home);

    return strcmp(piece, "city") == 0  ? standard_city(mem, pieces[CITY], country)
        : strcmp(piece, "region") == 0 ? standard_region(mem, pieces[REGION], country)
        : strcmp(piece, "postcode") == 0
        ? standard_postcode(mem, pieces[POSTCODE], country)
        : pieces[strcmp(piece, "country") == 0 ? COUNTRY : STREET];
}
