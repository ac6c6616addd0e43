/* standard.c - words, codes, mailboxes, nicknames. */

#include "model/standard.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/standard_table.h"

#include <string.h>

bool table_has(const struct table *t, size_t row, struct str folded)
{
    return row < t->rows && str_is(folded, table_cell(t, row, 0));
}

size_t table_find(const struct table *t, struct str folded)
{
    size_t from = 0, to = t->rows;

    while (from < to) {
        size_t middle = (from + to) / 2;
        if (str_cmp(str_of(table_cell(t, middle, 0)), folded) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return table_has(t, from, folded) ? from : t->rows;
}

static bool is_sign(unsigned char b)
{
    return b < 0x80 && !((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z'));
}

/* U+2000 to U+206F (dashes, quotes) and U+3000 to U+303F (CJK signs) as well. */
static size_t sign_at(struct str s, size_t i)
{
    const unsigned char *p = (const unsigned char *)s.p + i;

    if (is_sign(p[0])) {
        return 1;
    }
    bool general = i + 2 < s.n && p[0] == 0xE2 && (p[1] == 0x80 || p[1] == 0x81);
    bool cjk = i + 2 < s.n && p[0] == 0xE3 && p[1] == 0x80;
    return general || cjk ? 3 : i + 1 < s.n && p[0] == 0xC2 && p[1] < 0xC0 ? 2 : 0;
}

static struct str without_signs(struct arena *mem, struct str s, bool blanks)
{
    struct buf b;

    s = utf8_fold(mem, s);
    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n;) {
        size_t n = sign_at(s, i);
        if (!n) {
            buf_byte(&b, s.p[i++]);
            continue;
        }
        if (blanks && b.n && b.p[b.n - 1] != ' ') {
            buf_byte(&b, ' ');
        }
        i += n;
    }
    return str_trim(buf_str(&b));
}

struct str standard_words(struct arena *mem, struct str s)
{
    return without_signs(mem, s, true);
}

struct str standard_code(struct arena *mem, struct str s)
{
    return without_signs(mem, s, false);
}

/* ---- mail ---- */

enum { MAIL_DOTS = 2, MAIL_TAG, MAIL_ALIAS, MAIL_FREE };

struct str standard_mailbox(struct arena *mem, struct str key)
{
    struct str rest = key, local;
    struct buf b;

    if (!str_split(&rest, '@', &local) || !rest.n) {
        return key;
    }
    size_t row = table_find(&table_mail_providers, rest);
    if (row == table_mail_providers.rows) {
        return key;
    }
    const char *tag = table_cell(&table_mail_providers, row, MAIL_TAG);
    const char *alias = table_cell(&table_mail_providers, row, MAIL_ALIAS);
    bool dots = strcmp(table_cell(&table_mail_providers, row, MAIL_DOTS), "yes") == 0;
    ptrdiff_t at = *tag ? str_find_byte(local, *tag) : -1;
    local = at > 0 ? str_sub(local, 0, (size_t)at) : local;
    buf_init(&b, mem, key.n + 300);
    for (size_t i = 0; i < local.n; i++) {
        if (!dots || local.p[i] != '.') {
            buf_byte(&b, local.p[i]);
        }
    }
    buf_byte(&b, '@');
    buf_add(&b, *alias ? str_of(alias) : rest);
    return buf_str(&b);
}

bool standard_free_mail(struct str domain)
{
    size_t row = table_find(&table_mail_providers, domain);

    return row < table_mail_providers.rows
        && strcmp(table_cell(&table_mail_providers, row, MAIL_FREE), "yes") == 0;
}

/* ---- nicknames ---- */

enum { NICK_NAME = 2 };

static bool is_form_of(struct str nick, struct str name)
{
    for (size_t row = table_find(&table_nicknames, nick); table_has(&table_nicknames, row, nick); row++) {
        const char *full = table_cell(&table_nicknames, row, NICK_NAME);
        if (str_eq_nocase(str_of(full), name)) {
            return true;
        }
    }
    return false;
}

bool standard_same_nickname(struct str a, struct str b)
{
    if (is_form_of(a, b) || is_form_of(b, a)) {
        return true;
    }
    for (size_t row = table_find(&table_nicknames, a); table_has(&table_nicknames, row, a); row++) {
        struct str full = str_of(table_cell(&table_nicknames, row, NICK_NAME));
        for (size_t k = table_find(&table_nicknames, b); table_has(&table_nicknames, k, b); k++) {
            if (str_eq(full, str_of(table_cell(&table_nicknames, k, NICK_NAME)))) {
                return true;
            }
        }
    }
    return false;
}
