/* similar.h - how alike two texts, codes or dates are.
 *
 * Texts are UTF-8 and compared by code point, as they are: whoever wants case and accents aside folds
 * them first. Only the first SIMILAR_MAX code points of a text count. */

#ifndef BASE_SIMILAR_H
#define BASE_SIMILAR_H

#include "base/str.h"

enum { SIMILAR_MAX = 128 };

/* Jaro's measure with Winkler's bonus for a common beginning of up to four letters (weight 0.1): 0 to
 * 1. Winkler, "String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model of
 * Record Linkage", 1990. An empty text is like nothing, not even another empty one. */
double similar_names(struct str a, struct str b);
/* The least number of letters put in, left out, replaced, or neighbours swapped (optimal string
 * alignment: no piece is edited twice). Damerau 1964, Levenshtein 1966. */
int similar_edits(struct str a, struct str b);
/* 1 less the edits' share of the longer text: 0 to 1; two empty texts are 0 alike. */
double similar_text(struct str a, struct str b);

enum similar_code { CODES_DIFFER, CODES_NEAR, CODES_EQUAL };
/* Numbers, codes, dates written as digits: equal, one sign or one swap of neighbours apart, or neither. */
enum similar_code similar_codes(struct str a, struct str b);
/* Day numbers (base/time.h): equal; one digit or one swap of YYYYMMDD apart, or day and month
 * exchanged; or neither. */
enum similar_code similar_dates(int64_t a, int64_t b);

#endif
