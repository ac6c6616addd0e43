/* sqltext.c - the one place where SQL text is put together at run time. */

#include "model/sqltext.h"

#include <assert.h>
#include <string.h>
#include <string.h>

void sqltext_init(struct sqltext *s, struct arena *mem, enum db_backend backend)
{
    *s = (struct sqltext) { .backend = backend };
    buf_init(&s->text, mem, SQLTEXT_BYTES);
}

void sql_add_literal(struct sqltext *s, const char *literal)
{
    buf_lit(&s->text, literal);
}

void sql_ident(struct sqltext *s, const char *name)
{
    for (const char *p = name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_';
        assert(plain);
        if (NEVER(!plain)) {
            s->text.failed = true;
            return;
        }
    }
    buf_byte(&s->text, '"');
    buf_lit(&s->text, name);
    buf_byte(&s->text, '"');
}

void sql_alias(struct sqltext *s, int alias)
{
    buf_byte(&s->text, 't');
    buf_int(&s->text, alias);
}

void sql_column(struct sqltext *s, int alias, const char *name)
{
    sql_alias(s, alias);
    buf_byte(&s->text, '.');
    sql_ident(s, name);
}

int sql_new_alias(struct sqltext *s)
{
    return s->aliases++;
}

void sql_bind(struct sqltext *s, struct dbval v)
{
    if (s->n == SQLTEXT_VALUES) {
        s->too_many = true;
        return;
    }
    ARENA_ROOM(s->text.mem, s->values, s->n, s->room);
    s->values[s->n++] = v;
    buf_byte(&s->text, '$');
    buf_int(&s->text, (int64_t)s->n);
}

void sql_int(struct sqltext *s, int64_t n)
{
    /* the smallest number has no literal: its digits alone would already be too large */
    if (n == INT64_MIN) {
        buf_lit(&s->text, "(-9223372036854775807 - 1)");
        return;
    }
    if (n < 0) {
        buf_byte(&s->text, '(');
    }
    buf_int(&s->text, n);
    if (n < 0) {
        buf_byte(&s->text, ')');
    }
}

/* ---- how deeply SQLite's parser must stack ---- */

enum { PARSER_STACK = 90, GROUPS = 256 };

struct group {
    int cost;
    bool where, chain, compound;
};

static bool word_at(struct str s, size_t i, const char *word)
{
    size_t n = strlen(word);

    return i + n <= s.n && memcmp(s.p + i, word, n) == 0;
}

static int keyword_cost(struct str s, size_t i, struct group *g)
{
    bool *seen = word_at(s, i, " WHERE ")                               ? &g->where
                 : word_at(s, i, " AND ") || word_at(s, i, " OR ")      ? &g->chain
                 : word_at(s, i, " UNION ")                             ? &g->compound
                                                                        : NULL;

    if (!seen || *seen) {
        return 0;
    }
    *seen = true;
    return seen == &g->compound ? 4 : 2;
}

/* SQLite's parser has room for a hundred symbols and no more. This counts a little more than it
 * stacks (measured pattern by pattern), so that what is too deep gets a plain refusal. */
static bool too_deep(struct str s)
{
    struct group groups[GROUPS] = { 0 };
    size_t n = 0, opens = 0;
    int cost = 0;

    /* a parenthesis and what stands in it count 15 at most: nearly every text ends here */
    for (const char *p = s.p; s.n && (p = memchr(p, '(', (size_t)(s.p + s.n - p))); p++) {
        opens++;
    }
    if (opens * 15 <= PARSER_STACK && str_find(s, STR("CASE ")) < 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        int open = 0;
        if (c == '"' || c == '\'') {
            const char *end = memchr(s.p + i + 1, c, s.n - i - 1);
            i = end ? (size_t)(end - s.p) : s.n;
            continue;
        }
        if (c == '(') {
            bool call = i > 0 && s.p[i - 1] != ' ' && s.p[i - 1] != '(';
            open = word_at(s, i, "(SELECT ") ? 7 : call ? 5 : 3;
        } else if (word_at(s, i, "CASE ")) {
            open = 4;
        } else if (c == ')' || word_at(s, i, " END")) {
            cost -= n ? groups[--n].cost : 0;
        } else if (c == ' ' && n) {
            int more = keyword_cost(s, i, &groups[n - 1]);
            groups[n - 1].cost += more;
            cost += more;
        }
        if (open) {
            cost += open;
            if (n == GROUPS || cost > PARSER_STACK) {
                return true;
            }
            groups[n++] = (struct group) { .cost = open };
        }
    }
    return false;
}

enum err_code sqltext_end(struct sqltext *s, struct sql *sql, struct dbvals *v, struct err *e)
{
    if (s->too_many) {
        return err_set(e, ERR_TOO_LARGE, "where",
            "This needs more than %d values; use a list, or a shorter condition.", SQLTEXT_VALUES);
    }
    if (s->text.failed) {
        return err_set(e, ERR_TOO_LARGE, "where", "This condition is too long to be asked.");
    }
    if (s->backend == DB_SQLITE && too_deep(buf_str(&s->text))) {
        return err_set(e, ERR_TOO_LARGE, "where",
            "This condition is nested too deeply for the database; split it into several.");
    }
    *sql = (struct sql) { arena_cstr(s->text.mem, buf_str(&s->text)), NULL };
    *v = (struct dbvals) { s->values, s->n };
    return OK;
}
