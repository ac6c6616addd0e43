/* build.h - from declarations to a live model, and from a live model to tables. */

#ifndef MODEL_BUILD_H
#define MODEL_BUILD_H

#include "db/schema.h"
#include "model/model.h"

/* What the database adds to the modules' tables. */
struct custom_field {
    int64_t id, object; /* object 0: on the built-in entity named */
    struct str entity;
    struct field def;
    int table; /* side table */
};

struct model_source {
    struct arena *mem;
    const struct module *const *modules;
    struct map numbers; /* "contact", "contact.email", "#12" (object), "#f34" (field) to int64 + 1 */
    struct entity *objects;
    int64_t *object_ids;
    size_t nobjects;
    struct custom_field *fields;
    size_t nfields;
    struct map lists; /* choice_list by name */
    struct str currency, zone, language, country;
    int64_t version;
};

/* ERR_INVALID names the entity and field whose declaration does not hold. The model owns its arena
 * (a new one); the source may go afterwards. */
MUST_CHECK enum err_code model_build(
    const struct model_source *src, struct model **out, struct err *e);
void model_free(struct model *m);
/* The wanted tables; a pure function of the model. */
void model_tables(
    const struct model *m, struct arena *mem, struct schema_table **out, size_t *n);
/* The index that keeps a unique field so, as errors of PostgreSQL name it. */
const char *unique_index_name(struct arena *mem, const struct live_field *f);
/* "first_name" to "First name". */
struct str label_of(struct arena *mem, struct str name);
/* The number under a key, 0 when it has none yet. */
int64_t source_number(const struct model_source *s, struct str key);
/* The keys of everything that needs a number. */
void source_keys(const struct model_source *s, void (*fn)(void *arg, struct str key), void *arg);

extern const struct field standard_fields[];

#endif
