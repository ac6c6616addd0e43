/* model.c - looks things up in a live model. */

#include "model/model.h"

#include <stdlib.h>

const struct live_entity *model_entity(const struct model *m, struct str name)
{
    return map_get(&m->by_name, name);
}

const struct live_entity *model_entity_number(const struct model *m, int64_t number)
{
    for (size_t i = 0; i < m->nentities; i++) {
        if (m->entities[i]->number == number) {
            return m->entities[i];
        }
    }
    return NULL;
}

static const struct live_field *field_by_number(const struct live_entity *e, struct str digits)
{
    int64_t number;

    if (!str_to_int(digits, &number)) {
        return NULL;
    }
    for (size_t i = 0; i < e->nfields; i++) {
        if (e->fields[i]->number == number) {
            return e->fields[i];
        }
    }
    return NULL;
}

const struct live_field *entity_field(const struct live_entity *e, struct str name)
{
    if (name.n > 1 && name.p[0] == '@') {
        return field_by_number(e, str_sub(name, 1, name.n));
    }
    return map_get(&e->by_name, name);
}

const struct live_child *entity_child(const struct live_entity *e, struct str name)
{
    return map_get(&e->children_by_name, name);
}

const struct choice *choice_by_code(const struct choice_list *l, struct str code)
{
    return l ? map_get(&l->by_code, code) : NULL;
}

const struct choice *choice_by_id(const struct choice_list *l, int64_t id)
{
    for (size_t i = 0; l && i < l->n; i++) {
        if (l->choices[i].id == id) {
            return &l->choices[i];
        }
    }
    return NULL;
}

bool kind_is_list(enum field_kind kind)
{
    return kind == KIND_EMAILS || kind == KIND_PHONES || kind == KIND_ADDRESSES
        || kind == KIND_URLS;
}

bool kind_is_picks(enum field_kind kind)
{
    return kind == KIND_CHOICES || kind == KIND_TAGS;
}

const char *kind_part_table(enum field_kind kind)
{
    if (kind_is_picks(kind)) {
        return "picks";
    }
    if (!kind_is_list(kind)) {
        return NULL;
    }
    return kind == KIND_EMAILS ? "part_emails"
        : kind == KIND_PHONES  ? "part_phones"
        : kind == KIND_URLS    ? "part_urls"
                               : "part_addresses";
}

static const struct choice_list *list_of(const struct model *m, const char *entity, const char *field)
{
    const struct live_entity *e = model_entity(m, str_of(entity));
    const struct live_field *f = e ? entity_field(e, str_of(field)) : NULL;

    return f ? f->list : NULL;
}

int64_t model_choice(const struct model *m, const char *entity, const char *field, struct str code)
{
    const struct choice_list *list = list_of(m, entity, field);
    const struct choice *choice = list ? choice_by_code(list, code) : NULL;

    return choice ? choice->id : 0;
}

struct str model_choice_code(const struct model *m, const char *entity, const char *field, int64_t id)
{
    const struct choice_list *list = list_of(m, entity, field);
    const struct choice *choice = list ? choice_by_id(list, id) : NULL;

    return choice ? choice->code : STR("");
}
