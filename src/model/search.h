/* search.h - search over every entity: a text per record, indexed by trigrams, kept by a consumer at most
 * a second behind; what is not indexed yet is added, so a writer finds his own write. */

#ifndef MODEL_SEARCH_H
#define MODEL_SEARCH_H

#include "model/access.h"

/* " AND t<alias>.id IN (...)": records of the entity that contain the text in a field that the asker
 * may read. */
MUST_CHECK enum err_code search_sql(
    struct call *c, const struct live_entity *e, struct str text, int alias, struct sqltext *s);
/* Over all entities (e NULL) or one: {"items": [{"entity", "id", "name", "where"}], "cut": bool}. Newest
 * candidates ranked in C: exact, prefix, word, inside; then field weight, then recency. */
MUST_CHECK enum err_code search_json(
    struct call *c, const struct live_entity *e, struct str text, int limit);
/* Makes what the database needs (FTS5 table, trigram index); safe to run again. */
MUST_CHECK enum err_code search_prepare(struct conn *db, struct err *e);

enum { LIST_SEARCH_MAX = 100 };

/* The consumer of the feed that keeps the index. */
enum err_code search_look(struct call *c, struct arena *keep, struct change *changes, size_t n);
enum err_code search_consume(struct call *c, const struct change *changes, size_t n);

#endif
