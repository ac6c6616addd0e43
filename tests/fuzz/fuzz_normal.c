/* fuzz_normal.c - e-mail, phone, URL, domain, country: a normal form is its own normal form. */

#include "model/normal.h"

#include "base/utf8.h"
#include "model/phone.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *mem = arena_create(0);
    struct str s = { (const char *)data, n }, key, again;
    const char *why = NULL;

    if (utf8_valid(s, NULL)) {
        if (normal_email(mem, s, &key, &why)) {
            assert(normal_email(mem, key, &again, &why) && str_eq(key, again));
        } else {
            assert(why && *why);
        }
        if (normal_phone(mem, s, STR("DE"), &key, &why) && key.n && key.p[0] == '+') {
            assert(key.n <= 20);
        }
        /* the first two letters may name a country */
        struct str rest = str_sub(s, 2, n);
        if (normal_phone(mem, rest, str_sub(s, 0, 2), &key, &why)) {
            assert(key.n <= 20 && key.n >= 3);
            assert(phone_national(mem, key).n >= 3 || key.p[0] == '+');
            assert(phone_international(mem, key).n >= key.n);
            (void)phone_facts(key);
        } else {
            assert(why && *why);
        }
        (void)normal_phone(mem, s, STR(""), &key, &why);
        if (normal_url(mem, s, &key, &why)) {
            assert(normal_url(mem, key, &again, &why) && str_eq(key, again));
        }
        (void)normal_domain(mem, s, &key, &why);
        (void)normal_country(mem, s, &key);
    }
    arena_destroy(mem);
    return 0;
}
