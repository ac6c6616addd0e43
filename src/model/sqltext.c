/* sqltext.c - the one place where SQL text is put together at run time. */

#include "model/sqltext.h"

#include <assert.h>

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
    if (!s->values) {
        s->values = ARENA_ARRAY(s->text.mem, struct dbval, SQLTEXT_VALUES);
    }
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

enum err_code sqltext_end(struct sqltext *s, struct sql *sql, struct dbvals *v, struct err *e)
{
    if (s->too_many) {
        return err_set(e, ERR_TOO_LARGE, "where",
            "This needs more than %d values; use a list, or a shorter condition.", SQLTEXT_VALUES);
    }
    if (s->text.failed) {
        return err_set(e, ERR_TOO_LARGE, "where", "This condition is too long to be asked.");
    }
    *sql = (struct sql) { arena_cstr(s->text.mem, buf_str(&s->text)), NULL };
    *v = (struct dbvals) { s->values, s->n };
    return OK;
}
