/* standard_address_table.c - looks words and regions up in the tables of knowledge.
 *
 * A key is "us:street"; keys of several words ("us:post office box") stand behind that of their first one, so one
 * search finds all. An import asks this a hundred times a row: keys are made on the stack. */

#include "model/standard_address_steps.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/standard_table.h"

enum { WORD_TO = 1, WORD_WHERE, REGION_CODE_OF = 1, REGION_NAME_OF, REGION_LATIN_OF, KEY_ROOM = 64 };

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static const struct words alone; /* behind a word that stands for itself */

/* The fold of a word behind what stands in the key already; false when there is no room for it. */
static bool add_folded(struct taking *t, struct str word, char *key, size_t *n)
{
    if (!is_ascii(word)) {
        word = utf8_fold(t->mem, word);
    }
    if (*n + word.n > KEY_ROOM) {
        return false;
    }
    for (size_t i = 0; i < word.n; i++) {
        char b = word.p[i];
        key[(*n)++] = (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
    }
    return true;
}

static bool make_key(struct taking *t, struct str word, char *room, struct str *key)
{
    const char *country = t->rules->country;
    size_t n = 0;

    if (!*country || !word.n) {
        return false;
    }
    room[n++] = (char)(country[0] + 32);
    room[n++] = (char)(country[1] + 32);
    room[n++] = ':';
    if (!add_folded(t, word, room, &n)) {
        return false;
    }
    *key = (struct str) { room, n };
    return true;
}

/* The first row that is not before the key. */
static size_t row_from(const struct table *table, struct str key)
{
    size_t from = 0, to = table->rows;

    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = strncmp(table_cell(table, middle, 0), key.p, key.n);
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* How many words from w[at] are the rest of a key; 0 when they are not. The last may have a point behind it. */
static size_t rest_fits(struct taking *t, const struct words *w, size_t at, const char *rest)
{
    size_t words = 0;

    for (;; at++, words++) {
        char folded[KEY_ROOM];
        size_t n = 0, want = strcspn(rest, " ");
        bool last = !rest[want];
        if (at == w->n || !add_folded(t, w->w[at], folded, &n)) {
            return 0;
        }
        bool same = n == want && memcmp(folded, rest, n) == 0;
        bool point = last && n == want + 1 && folded[want] == '.' && memcmp(folded, rest, want) == 0;
        if (!same && !point) {
            return 0;
        }
        if (last) {
            return words + 1;
        }
        rest += want + 1;
    }
}

static size_t find_words(struct taking *t, const struct words *w, size_t at, const char *where, struct str key,
    struct str *to)
{
    const struct table *table = &table_address_words;
    size_t best = 0;

    for (size_t row = row_from(table, key); row < table->rows; row++) {
        const char *cell = table_cell(table, row, 0);
        if (strncmp(cell, key.p, key.n) != 0 || (cell[key.n] && cell[key.n] != ' ')) {
            break;
        }
        if (strcmp(table_cell(table, row, WORD_WHERE), where) != 0) {
            continue;
        }
        size_t more = cell[key.n] ? rest_fits(t, w, at + 1, cell + key.n + 1) : 0;
        size_t n = cell[key.n] && !more ? 0 : more + 1;
        if (n > best) {
            best = n;
            *to = str_of(table_cell(table, row, WORD_TO));
        }
    }
    return best;
}

size_t address_word(
    struct taking *t, const struct words *w, size_t at, const char *where, struct str *to)
{
    char room[KEY_ROOM];
    struct str key;

    if (at >= w->n || !make_key(t, w->w[at], room, &key)) {
        return 0;
    }
    size_t n = find_words(t, w, at, where, key, to);
    if (!n && key.n > 5 && key.p[key.n - 1] == '.') { /* the point says nothing */
        key.n--;
        n = find_words(t, &alone, 0, where, key, to);
    }
    return n;
}

bool address_term(struct taking *t, struct str word, const char *where, struct str *to)
{
    char room[KEY_ROOM];
    struct str key;

    return make_key(t, word, room, &key) && find_words(t, &alone, 0, where, key, to) == 1;
}

bool address_is_term(struct taking *t, struct str word)
{
    const struct table *table = &table_address_words;
    char room[KEY_ROOM];
    struct str key;

    for (size_t row = make_key(t, word, room, &key) ? table_find(table, key) : table->rows;
         table_has(table, row, key); row++) {
        if (is_listed(str_of(table_cell(table, row, WORD_WHERE)), "start end word unit number box")) {
            return true;
        }
    }
    return false;
}

bool address_region(struct taking *t, struct str s, struct str *to)
{
    const struct table *regions = &table_regions;
    struct buf b;
    struct words w;
    struct str rest;

    words_split(s, &w);
    size_t n = w.n ? address_word(t, &w, 0, "region", &rest) : 0;
    if (n && n < w.n && !rest.n) { /* "woj." in front */
        s = words_span(t->mem, &w, n, w.n);
    } else if (n && n == w.n && rest.n) {
        s = rest;
    }
    buf_init(&b, t->mem, 100);
    buf_lit(&b, t->rules->country);
    buf_byte(&b, ':');
    for (size_t i = 0; i < s.n && s.n < 60; i++) {
        if (s.p[i] != '.') {
            buf_byte(&b, s.p[i]);
        }
    }
    struct str key = utf8_fold(t->mem, buf_str(&b));
    size_t row = table_find(regions, key);
    if (!s.n || row == regions->rows) {
        return false;
    }
    bool latin = is_ascii(utf8_fold(t->mem, s));
    *to = str_of(table_cell(regions, row,
        t->rules->region == REGION_CODE ? REGION_CODE_OF
        : latin                         ? REGION_LATIN_OF
                                        : REGION_NAME_OF));
    return true;
}
