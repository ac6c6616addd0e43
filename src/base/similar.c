/* similar.c - string measures. They are run millions of times in a sweep: no memory is taken. */

#include "base/similar.h"

#include "base/time.h"

#include <stdio.h>
#include <string.h>

/* Well-formed UTF-8 is expected; a broken byte counts as a letter of its own. */
static int letters_of(struct str s, uint32_t *out)
{
    int n = 0;

    for (size_t i = 0; i < s.n && n < SIMILAR_MAX;) {
        unsigned char b = (unsigned char)s.p[i];
        size_t more = b < 0xC0 ? 0 : b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
        uint32_t letter = more == 0 ? b : b & (0x3Fu >> more);
        for (i++; more && i < s.n; more--, i++) {
            letter = letter << 6 | ((unsigned char)s.p[i] & 0x3F);
        }
        out[n++] = letter;
    }
    return n;
}

/* The letters that have a partner within the window, and how many of them stand in another order. */
static int common_letters(const uint32_t *a, int na, const uint32_t *b, int nb, int *swapped)
{
    bool used_a[SIMILAR_MAX] = { 0 }, used_b[SIMILAR_MAX] = { 0 };
    int window = (na > nb ? na : nb) / 2 - 1, common = 0, k = 0;

    window = window < 0 ? 0 : window;
    for (int i = 0; i < na; i++) {
        int from = i > window ? i - window : 0, to = i + window < nb - 1 ? i + window : nb - 1;
        for (int j = from; j <= to && !used_a[i]; j++) {
            if (!used_b[j] && a[i] == b[j]) {
                used_a[i] = used_b[j] = true;
                common++;
            }
        }
    }
    *swapped = 0;
    for (int i = 0; i < na; i++) {
        if (used_a[i]) {
            while (!used_b[k]) {
                k++;
            }
            *swapped += a[i] != b[k++];
        }
    }
    return common;
}

double similar_names(struct str sa, struct str sb)
{
    uint32_t a[SIMILAR_MAX], b[SIMILAR_MAX];
    int na = letters_of(sa, a), nb = letters_of(sb, b), swapped, begin = 0;
    int common = na && nb ? common_letters(a, na, b, nb, &swapped) : 0;

    if (!common) {
        return 0;
    }
    double m = common, jaro = (m / na + m / nb + (m - swapped / 2) / m) / 3;
    while (begin < 4 && begin < na && begin < nb && a[begin] == b[begin]) {
        begin++;
    }
    return jaro + begin * 0.1 * (1 - jaro);
}

static int least(int a, int b, int c)
{
    return a < b ? (a < c ? a : c) : b < c ? b : c;
}

static int edits(const uint32_t *a, int na, const uint32_t *b, int nb)
{
    int rows[3][SIMILAR_MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];

    for (int j = 0; j <= nb; j++) {
        last[j] = j;
    }
    for (int i = 1; i <= na; i++) {
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb];
}

int similar_edits(struct str sa, struct str sb)
{
    uint32_t a[SIMILAR_MAX], b[SIMILAR_MAX];

    return edits(a, letters_of(sa, a), b, letters_of(sb, b));
}

double similar_text(struct str sa, struct str sb)
{
    uint32_t a[SIMILAR_MAX], b[SIMILAR_MAX];
    int na = letters_of(sa, a), nb = letters_of(sb, b), longer = na > nb ? na : nb;

    return longer ? 1 - (double)edits(a, na, b, nb) / longer : 0;
}

enum similar_code similar_codes(struct str a, struct str b)
{
    if (str_eq(a, b)) {
        return CODES_EQUAL;
    }
    size_t apart = a.n > b.n ? a.n - b.n : b.n - a.n;
    return apart <= 4 && similar_edits(a, b) <= 1 ? CODES_NEAR : CODES_DIFFER;
}

enum similar_code similar_dates(int64_t a, int64_t b)
{
    char ta[DATE_TEXT], tb[DATE_TEXT];

    if (a == b) {
        return CODES_EQUAL;
    }
    date_format(a, ta);
    date_format(b, tb);
    if (memcmp(ta, tb, 4) == 0 && memcmp(ta + 5, tb + 8, 2) == 0 && memcmp(ta + 8, tb + 5, 2) == 0) {
        return CODES_NEAR;
    }
    return similar_edits(str_of(ta), str_of(tb)) <= 1 ? CODES_NEAR : CODES_DIFFER;
}
