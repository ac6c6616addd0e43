/* sqltext.h - SQL made at run time: text from literals and known identifiers, values bound.
 *
 * Used by query.c and expr_sql.c alone. No byte of input ever reaches the text. */

#ifndef MODEL_SQLTEXT_H
#define MODEL_SQLTEXT_H

#include "base/buf.h"
#include "db/db.h"

enum { SQLTEXT_VALUES = 400, SQLTEXT_BYTES = 1 << 20 };

struct sqltext {
    enum db_backend backend;
    struct buf text;
    struct dbval *values;
    size_t n, room;
    bool too_many;
    int aliases; /* given out so far */
};

void sqltext_init(struct sqltext *s, struct arena *mem, enum db_backend backend);
#define sql_lit(s, literal) sql_add_literal((s), "" literal "")
void sql_add_literal(struct sqltext *s, const char *literal);
/* An identifier from a field table, quoted. Asserts [a-z0-9_]. */
void sql_ident(struct sqltext *s, const char *name);
/* alias."name" with alias t<number> */
void sql_column(struct sqltext *s, int alias, const char *name);
void sql_alias(struct sqltext *s, int alias); /* t<number> */
int sql_new_alias(struct sqltext *s);
void sql_bind(struct sqltext *s, struct dbval v); /* writes $n */
void sql_int(struct sqltext *s, int64_t n);       /* a number into the text: limits, entity numbers */
MUST_CHECK enum err_code sqltext_end(
    struct sqltext *s, struct sql *sql, struct dbvals *v, struct err *e);

#endif
