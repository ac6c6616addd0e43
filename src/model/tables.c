/* tables.c - the physical schema of a live model: a pure function. */

#include "model/build.h"

#include <stdio.h>
#include <string.h>

struct table_build {
    struct arena *mem;
    struct schema_table *t;
    struct schema_index *indexes;
    size_t room;
};

static void add_column(struct schema_table *t, struct schema_column col)
{
    ((struct schema_column *)t->columns)[t->ncolumns++] = col;
}

/* The name carries a hash of the definition: another definition is another index. */
static const char *index_name(
    struct arena *mem, const char *table, struct str columns, bool unique, const char *where)
{
    struct str whole = arena_fmt(mem, "%s|%.*s|%d|%s", table, STR_ARG(columns), unique, where ? where : "");

    return arena_fmt(mem, "k_%.40s_%08x", table, (unsigned)str_hash(whole)).p;
}

static void add_index(
    struct table_build *b, struct str columns, bool unique, const char *where)
{
    struct schema_index *ix = &b->indexes[b->t->nindexes];

    for (size_t i = 0; i < b->t->nindexes; i++) {
        if (str_eq(str_of(b->indexes[i].columns), columns) && b->indexes[i].unique == unique) {
            return;
        }
    }
    if (b->t->nindexes == b->room) {
        return;
    }
    ix->name = index_name(b->mem, b->t->name, columns, unique, where);
    ix->columns = columns.p;
    ix->unique = unique;
    ix->where = where;
    b->t->nindexes++;
}

static struct str quoted(struct arena *mem, const char *name)
{
    return arena_fmt(mem, "\"%s\"", name);
}

static const char *sort_column(const struct live_field *f)
{
    return f->key_column ? f->key_column
        : f->value == KIND_ANYREF ? f->columns[1].name
                                  : f->columns[0].name;
}

static void field_columns(struct table_build *b, const struct live_entity *e,
    const struct live_field *f)
{
    bool bare = e->def.flags & ENTITY_TABLE;
    const char *was = f->def.was && !f->custom ? f->def.was : NULL;

    for (int i = 0; i < f->ncolumns; i++) {
        bool in_key = e->def.key
            && str_find(str_of(e->def.key), quoted(b->mem, f->columns[i].name)) >= 0;
        bool reference = f->def.kind == KIND_REF && f->target && !f->standard && !bare && !f->def.lookup;
        add_column(b->t, (struct schema_column) {
            .name = f->columns[i].name,
            .type = f->columns[i].type,
            .not_null = in_key,
            .references = reference ? f->target->tables[0] : NULL,
            .on_delete = reference ? "RESTRICT" : NULL,
            .was = was && i == 0 ? was : NULL,
        });
    }
    if (f->key_column) {
        add_column(b->t, (struct schema_column) {
            .name = f->key_column,
            .type = f->value == KIND_MONEY || f->value == KIND_DATE ? DB_INT : DB_TEXT,
            .was = was ? arena_fmt(b->mem, "%s_k", was).p : NULL,
        });
    }
}

/* Keys and references are looked up by value: rows that have none need no entry. In an index that lists are
 * sorted by they do, since rows without a value are read from it too. */
static const char *where_present(struct arena *mem, const struct live_entity *e, const struct live_field *f)
{
    const char *column = sort_column(f);

    return e->def.flags & ENTITY_TABLE ? NULL
        : f->def.unique ? arena_fmt(mem, "\"deleted_at\" IS NULL AND \"%s\" IS NOT NULL", column).p
                        : arena_fmt(mem, "\"%s\" IS NOT NULL", column).p;
}

const char *unique_index_name(struct arena *mem, const struct live_field *f)
{
    return index_name(mem, f->entity->tables[f->table], quoted(mem, sort_column(f)), true,
        where_present(mem, f->entity, f));
}

static void field_indexes(struct table_build *b, const struct live_entity *e,
    const struct live_field *f)
{
    const char *live = e->def.flags & ENTITY_TABLE ? NULL : "\"deleted_at\" IS NULL";

    if (f->def.unique && f->def.kind != KIND_MANY) {
        add_index(b, quoted(b->mem, sort_column(f)), true, where_present(b->mem, e, f));
    } else if (f->def.kind == KIND_REF && !f->standard) {
        add_index(b, quoted(b->mem, f->columns[0].name), false, where_present(b->mem, e, f));
    } else if (f->def.kind == KIND_ANYREF) {
        add_index(b,
            arena_fmt(b->mem, "\"%s\", \"%s\"", f->columns[0].name, f->columns[1].name), false,
            NULL);
    } else if (f->def.index) {
        add_index(b, quoted(b->mem, sort_column(f)), false, live);
    }
}

static void entity_table(const struct live_entity *e, int table, struct arena *mem,
    struct schema_table *t)
{
    struct table_build b = { .mem = mem, .t = t };
    bool bare = e->def.flags & ENTITY_TABLE;
    size_t room = 4;

    for (size_t i = 0; i < e->nfields; i++) {
        room += FIELD_CELLS + 1;
    }
    *t = (struct schema_table) {
        .name = e->tables[table],
        .auto_id = table == 0 && !(e->def.flags & ENTITY_WITHOUT_ID),
        .ids_again = e->def.flags & ENTITY_IDS_AGAIN,
        .key = table ? "\"id\"" : e->def.key,
        .without_rowid = table == 0 && (e->def.flags & ENTITY_CLUSTERED),
        .columns = ARENA_ARRAY(mem, struct schema_column, room),
    };
    b.room = e->nfields + 40;
    b.indexes = ARENA_ARRAY(mem, struct schema_index, b.room);
    t->indexes = b.indexes;
    if (table) {
        add_column(t, (struct schema_column) { .name = "id", .type = DB_INT, .not_null = true });
        add_column(t, (struct schema_column) { .name = "deleted_at", .type = DB_INT });
        add_column(t, (struct schema_column) { .name = "owner", .type = DB_INT });
        add_column(t, (struct schema_column) { .name = "team", .type = DB_INT });
    }
    for (struct live_field **f = e->table_fields[table]; *f; f++) {
        if (!(str_is((*f)->name, "id") && t->auto_id)) {
            field_columns(&b, e, *f);
        }
        field_indexes(&b, e, *f);
    }
    if (!bare && !table) {
        /* the bin, last deleted first; what lives has no entry */
        add_index(&b, STR("\"deleted_at\", \"id\""), false, "\"deleted_at\" IS NOT NULL");
    }
    for (const char *const *ix = table ? NULL : e->def.indexes; ix && *ix; ix++) {
        add_index(&b, str_of(*ix), false, bare ? NULL : "\"deleted_at\" IS NULL");
    }
    for (const char *const *ix = table ? NULL : e->def.unique; ix && *ix; ix++) {
        add_index(&b, str_of(*ix), true, bare ? NULL : "\"deleted_at\" IS NULL");
    }
}

void model_tables(
    const struct model *m, struct arena *mem, struct schema_table **out, size_t *n)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < m->nentities; i++) {
        total += (size_t)m->entities[i]->nside + 1;
    }
    *out = ARENA_ARRAY(mem, struct schema_table, total);
    for (size_t i = 0; i < m->nentities; i++) {
        for (int t = 0; t <= m->entities[i]->nside; t++) {
            entity_table(m->entities[i], t, mem, &(*out)[at++]);
        }
    }
    *n = at;
}
