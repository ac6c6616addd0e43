/* phone_pattern.h - the patterns of phone numbers in tables/phone_regions.csv and phone_formats.csv: digits, \d, [..],
 * groups that are kept or not, |, ?, {n}, {n,m}, $. script/phone-tables lets nothing else in. */

#ifndef MODEL_PHONE_PATTERN_H
#define MODEL_PHONE_PATTERN_H

#include "base/str.h"

enum { PATTERN_GROUPS = 10 };

/* Where a kept group matched, from 1; to < from: it did not take part. [0] is the whole. */
struct pattern_span {
    int from, to;
};

/* Does the beginning of s match? The way it is found is that of Perl: the first alternative, as many as can be.
 * whole: to the end of s. An empty pattern matches nothing. spans may be NULL. */
bool pattern_match(const char *pattern, struct str s, bool whole, struct pattern_span *spans);

#endif
