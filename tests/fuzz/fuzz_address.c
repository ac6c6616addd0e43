/* fuzz_address.c - postal addresses: whatever is typed is taken apart without harm, stays UTF-8 and stays small.
 *
 * The first byte chooses the country, the second whether a whole address or a street alone was typed. */

#include "model/standard_address.h"

#include "base/utf8.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct str s, size_t typed)
{
    /* an abbreviation becomes at most a dozen times as long */
    assert(utf8_valid(s, NULL) && s.n <= 16 * typed + 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const countries[]
        = { "DE", "FR", "GB", "US", "ES", "IT", "NL", "PL", "BR", "JP", "IN", "TR", "AT", "" };
    struct arena *mem = arena_create(0);
    struct str s = { (const char *)data + 2, n - 2 }, name, number;
    struct postal_address a, typed = { 0 };

    if (n > 2 && utf8_valid(s, NULL)) {
        struct str country = str_of(countries[data[0] % (sizeof countries / sizeof *countries)]);
        typed.street = s;
        typed.country = country;
        if (data[1] & 1) {
            (void)standard_address(mem, s, country, &a);
        } else {
            standard_address_parts(mem, &typed, &a);
            (void)standard_postcode(mem, s, country);
            (void)standard_region(mem, s, country);
            (void)standard_city(mem, s, country);
        }
        standard_street(mem, &a, &name, &number);
        const struct str all[] = { a.street, a.extra, a.postcode, a.city, a.region, a.country, name, number,
            standard_address_lines(mem, &a) };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            check(all[i], n);
        }
    }
    arena_destroy(mem);
    return 0;
}
