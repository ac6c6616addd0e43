/* build_keys.c - the key of everything that has a number: stored conditions, rights and the feed name entities and fields
 * by it, so that it survives a new name. */

#include "model/build.h"

#include <stdio.h>

static void field_keys(const char *key, const struct field *f, void (*fn)(void *, struct str), void *arg)
{
    char whole[256];

    for (; f && f->kind != KIND_NONE; f++) {
        snprintf(whole, sizeof whole, "%s.%s", key, f->name);
        fn(arg, str_of(whole));
    }
}

/* A link entity: its ends, its attributes, and what every entity has. */
static void link_keys(
    const char *key, const struct field *attributes, void (*fn)(void *, struct str), void *arg)
{
    static const struct field ends[] = { { .name = "from", .kind = KIND_REF },
        { .name = "to", .kind = KIND_REF }, FIELD_END };

    fn(arg, str_of(key));
    field_keys(key, ends, fn, arg);
    field_keys(key, attributes, fn, arg);
    field_keys(key, standard_fields, fn, arg);
}

/* The fields of an entity, or those that a module adds to one of another's. What has no number is stored as 0, and read as
 * any other without one. */
static void fields_keys(const char *entity, const struct field *fields, void (*fn)(void *, struct str), void *arg)
{
    char key[256];

    field_keys(entity, fields, fn, arg);
    for (const struct field *f = fields; f && f->kind != KIND_NONE; f++) {
        if (f->kind == KIND_MANY) {
            snprintf(key, sizeof key, "%s_%s_link", entity, f->name);
            link_keys(key, f->attributes, fn, arg);
        }
    }
}

static void entity_keys(const struct entity *e, void (*fn)(void *, struct str), void *arg)
{
    fn(arg, str_of(e->name));
    fields_keys(e->name, e->fields, fn, arg);
    if (!(e->flags & ENTITY_TABLE)) {
        field_keys(e->name, standard_fields, fn, arg);
    }
}

void source_keys(const struct model_source *s, void (*fn)(void *arg, struct str key), void *arg)
{
    char key[64];

    for (const struct module *const *m = s->modules; *m; m++) {
        for (const struct entity *const *e = (*m)->entities; e && *e; e++) {
            entity_keys(*e, fn, arg);
        }
        for (const struct extension *x = (*m)->extensions; x && x->entity; x++) {
            fields_keys(x->entity, x->fields, fn, arg);
        }
    }
    for (size_t i = 0; i < s->nobjects; i++) {
        snprintf(key, sizeof key, "#%lld", (long long)s->object_ids[i]);
        fn(arg, str_of(key));
        field_keys(key, standard_fields, fn, arg);
    }
    for (size_t i = 0; i < s->nfields; i++) {
        snprintf(key, sizeof key, "#f%lld", (long long)s->fields[i].id);
        fn(arg, str_of(key));
        if (s->fields[i].def.kind == KIND_MANY) {
            snprintf(key, sizeof key, "#f%lld.link", (long long)s->fields[i].id);
            link_keys(key, NULL, fn, arg);
        }
    }
}
