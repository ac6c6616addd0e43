/* build.c - makes a live model from the modules' tables and the users' definitions.
 *
 * In passes: entities with their plain fields, then references and the children they make, then
 * formulas and roll-ups (which may look at each other), last the cells and statements. */

#include "model/build.h"

#include "model/expr.h"
#include "model/lookup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct field standard_fields[] = {
    FIELD_INT("id", .read_only = true, .no_history = true),
    FIELD_INT("version", .read_only = true, .no_history = true),
    FIELD_INSTANT("created_at", .read_only = true, .no_history = true, .index = true),
    { .name = "created_by", .kind = KIND_REF, .target = "user", .read_only = true,
        .no_history = true, .inverse = "" },
    FIELD_TEXT("created_via", .max = 20, .read_only = true, .no_history = true, .no_fold = true),
    FIELD_INSTANT("updated_at", .read_only = true, .no_history = true),
    { .name = "updated_by", .kind = KIND_REF, .target = "user", .read_only = true,
        .no_history = true, .inverse = "" },
    { .name = "owner", .kind = KIND_REF, .target = "user", .inverse = "", .index = true },
    { .name = "team", .kind = KIND_REF, .target = "team", .inverse = "", .index = true },
    FIELD_TEXT("external_id", .max = 200, .no_fold = true, .unique = true),
    FIELD_INSTANT("deleted_at", .read_only = true, .no_history = true),
    FIELD_TAGS("tags"),
    FIELD_END,
};

struct build {
    const struct model_source *src;
    struct model *m;
    struct arena *mem;
    struct err *e;
};

struct str label_of(struct arena *mem, struct str name)
{
    if (str_starts(name, STR("x_"))) {
        name = str_sub(name, 2, name.n);
    }
    struct str label = arena_str(mem, name);
    char *p = (char *)label.p;
    for (size_t i = 0; i < label.n; i++) {
        p[i] = p[i] == '_' ? ' ' : p[i];
    }
    if (label.n) {
        p[0] = (char)toupper((unsigned char)p[0]);
    }
    return label;
}

int64_t source_number(const struct model_source *s, struct str key)
{
    return (int64_t)(intptr_t)map_get(&s->numbers, key);
}

static struct str own(struct build *b, const char *s)
{
    return arena_str(b->mem, str_of(s));
}

static const char *own_c(struct build *b, const char *s)
{
    return s ? own(b, s).p : NULL;
}

/* A user's definition lives in the source's arena: its texts must outlive that. */
static void keep_texts(struct build *b, struct field *f)
{
    const char **texts[] = { &f->name, &f->label, &f->help, &f->target, &f->inverse, &f->list,
        &f->expr, &f->def, &f->pattern, &f->mirror, &f->mirror_part, &f->group, &f->lookup };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = own_c(b, *texts[i]);
    }
}

static bool has_key(const struct live_field *f)
{
    switch (f->value) {
    case KIND_TEXT:
    case KIND_NAME:
        return !f->def.no_fold;
    case KIND_MONEY:
        return true;
    case KIND_DATE:
        return f->def.partial;
    case KIND_NONE:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_INT:
    case KIND_DECIMAL:
    case KIND_PERCENT:
    case KIND_BOOL:
    case KIND_INSTANT:
    case KIND_DURATION:
    case KIND_CHOICE:
    case KIND_CHOICES:
    case KIND_TAGS:
    case KIND_REF:
    case KIND_MANY:
    case KIND_ANYREF:
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
    case KIND_FILE:
    case KIND_PLACE:
    case KIND_NUMBER:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_JSON:
    case KIND_COUNT:
        break;
    }
    return false;
}

static enum db_type column_type(enum field_kind kind)
{
    switch (kind) {
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
    case KIND_JSON:
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
    case KIND_CHOICES:
    case KIND_TAGS:
        return DB_TEXT;
    case KIND_PLACE:
        return DB_REAL;
    case KIND_NONE:
    case KIND_INT:
    case KIND_DECIMAL:
    case KIND_MONEY:
    case KIND_PERCENT:
    case KIND_BOOL:
    case KIND_DATE:
    case KIND_INSTANT:
    case KIND_DURATION:
    case KIND_CHOICE:
    case KIND_REF:
    case KIND_MANY:
    case KIND_ANYREF:
    case KIND_FILE:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    return DB_INT;
}

/* The columns of a stored field; users' fields are called after their number, which never changes. */
static void make_columns(struct build *b, struct live_field *f)
{
    struct str stem = f->custom ? arena_fmt(b->mem, "f%lld", (long long)f->number) : f->name;
    enum db_type type
        = f->def.format == FORMAT_BYTES ? DB_BLOB : column_type(f->value);
    const char *second = NULL;

    f->stored = true;
    f->columns[0] = (struct column) { stem.p, type };
    f->ncolumns = 1;
    if (f->value == KIND_MONEY) {
        second = "_currency";
    } else if (f->value == KIND_PLACE) {
        f->columns[0].name = arena_fmt(b->mem, "%s_lat", stem.p).p;
        second = "_lng";
    } else if (f->value == KIND_ANYREF) {
        f->columns[0].name = arena_fmt(b->mem, "%s_entity", stem.p).p;
        second = "_id";
    } else if (f->value == KIND_DATE && f->def.partial) {
        second = "_precision";
    }
    if (second) {
        f->columns[1] = (struct column) { arena_fmt(b->mem, "%s%s", stem.p, second).p,
            f->value == KIND_MONEY ? DB_TEXT : type };
        f->ncolumns = 2;
    }
    if (has_key(f)) {
        f->key_column = arena_fmt(b->mem, "%s_k", stem.p).p;
    }
}

static enum err_code add_field(struct build *b, struct live_entity *e, const struct field *def,
    int64_t custom_id, int table, bool standard)
{
    struct live_field *f = ARENA_NEW(b->mem, struct live_field);

    f->def = *def;
    if (custom_id) {
        keep_texts(b, &f->def);
    }
    f->name = str_of(f->def.name);
    if (map_get(&e->by_name, f->name)) {
        return err_set(b->e, ERR_INVALID, f->def.name, "%s has two fields named %s", e->name.p,
            f->def.name);
    }
    f->label = f->def.label ? str_of(f->def.label) : label_of(b->mem, f->name);
    f->entity = e;
    f->custom = custom_id != 0;
    f->standard = standard;
    f->table = table;
    f->value = def->kind;
    f->scale = def->scale;
    struct str key = custom_id ? arena_fmt(b->mem, "#f%lld", (long long)custom_id)
                               : arena_fmt(b->mem, "%s.%s", e->key.p, f->def.name);
    f->id = custom_id;
    f->number = source_number(b->src, key);
    f->index = (int)e->nfields;
    e->fields[e->nfields++] = f;
    map_put(&e->by_name, f->name, f);
    if (f->def.choices || f->value == KIND_CHOICE || kind_is_picks(f->value)) {
        struct str list = f->def.list
            ? str_of(f->def.list)
            : arena_fmt(b->mem, "%s_%s", e->name.p, f->def.name);
        f->def.list = list.p;
        f->list = map_get(&b->m->lists, list);
    }
    if (f->value != KIND_MANY && f->value != KIND_FORMULA && f->value != KIND_ROLLUP) {
        make_columns(b, f);
    }
    return OK;
}

static size_t count_fields(const struct field *f)
{
    size_t n = 0;

    while (f && f[n].kind != KIND_NONE) {
        n++;
    }
    return n;
}

static struct live_entity *new_entity(struct build *b, const struct entity *def, struct str key)
{
    struct live_entity *e = ARENA_NEW(b->mem, struct live_entity);

    e->def = *def;
    e->name = own(b, def->name);
    e->plural = own(b, def->plural);
    e->def.name = e->name.p;
    e->def.plural = e->plural.p;
    e->label = def->label ? own(b, def->label) : label_of(b->mem, e->name);
    e->label_plural = def->label_plural ? own(b, def->label_plural) : label_of(b->mem, e->plural);
    e->key = key;
    e->custom = str_starts(key, STR("#"));
    e->number = source_number(b->src, key);
    map_init(&e->by_name, b->mem);
    map_init(&e->children_by_name, b->mem);
    return e;
}

/* The next field that a module adds to an entity; NULL at the end. */
static const struct field *next_extension(struct build *b, struct str entity, size_t *at)
{
    size_t n = 0;

    for (const struct module *const *m = b->src->modules; *m; m++) {
        for (const struct extension *x = (*m)->extensions; x && x->entity; x++) {
            for (const struct field *f = x->fields; str_is(entity, x->entity) && f->kind != KIND_NONE; f++) {
                if (n++ == *at) {
                    ++*at;
                    return f;
                }
            }
        }
    }
    return NULL;
}

/* custom_id: of a user's object; 0 for those of modules and for link rows. */
static enum err_code add_entity(struct build *b, const struct entity *def, struct str key,
    int64_t custom_id, const struct module *module)
{
    struct live_entity *e = new_entity(b, def, key);
    size_t most = count_fields(standard_fields) + count_fields(def->fields), at = 0;
    const struct field *added;

    while (!custom_id && next_extension(b, e->name, &at)) {
        most++;
    }
    for (size_t i = 0; i < b->src->nfields; i++) {
        const struct custom_field *cf = &b->src->fields[i];
        most += (custom_id && cf->object == custom_id) || str_eq(cf->entity, e->name);
    }
    e->module = module;
    e->fields = ARENA_ARRAY(b->mem, struct live_field *, most);
    if (model_entity(b->m, e->name) || model_entity(b->m, e->plural)) {
        return err_set(b->e, ERR_INVALID, "name", "there are two entities named %s", e->name.p);
    }
    if (!(def->flags & ENTITY_TABLE)) {
        for (const struct field *f = standard_fields; f->kind != KIND_NONE; f++) {
            TRY(add_field(b, e, f, 0, 0, true));
        }
    }
    for (const struct field *f = def->fields; f && f->kind != KIND_NONE; f++) {
        TRY(add_field(b, e, f, 0, 0, false));
    }
    at = 0;
    while (!custom_id && (added = next_extension(b, e->name, &at))) {
        TRY(add_field(b, e, added, 0, 0, false));
    }
    for (size_t i = 0; i < b->src->nfields; i++) {
        const struct custom_field *cf = &b->src->fields[i];
        if (custom_id ? cf->object == custom_id : str_eq(cf->entity, e->name)) {
            TRY(add_field(b, e, &cf->def, cf->id, cf->table, false));
            e->nside = cf->table > e->nside ? cf->table : e->nside;
        }
    }
    b->m->entities[b->m->nentities++] = e;
    map_put(&b->m->by_name, e->name, e);
    map_put(&b->m->by_name, e->plural, e);
    return OK;
}

/* A many-to-many field is an entity of its own: its rows have history, rights and undo like any. */
static enum err_code add_link(struct build *b, struct live_entity *e, struct live_field *f)
{
    size_t extra = count_fields(f->def.attributes), n = 0;
    struct field *fields = ARENA_ARRAY(b->mem, struct field, extra + 3);
    const char *name = arena_fmt(b->mem, "%s_%s_link", e->name.p, f->name.p).p;
    const char *plural = arena_fmt(b->mem, "%s_%s_links", e->name.p, f->name.p).p;
    const char **pair = ARENA_ARRAY(b->mem, const char *, 2);

    fields[n++] = (struct field) { .name = "from", .kind = KIND_REF, .target = e->name.p,
        .required = true, .on_delete = ON_DELETE_CASCADE, .inverse = f->name.p, .set_once = true };
    fields[n++] = (struct field) { .name = "to", .kind = KIND_REF, .target = f->def.target,
        .required = true, .on_delete = ON_DELETE_CASCADE, .set_once = true,
        .inverse = f->def.inverse ? f->def.inverse
                                  : arena_fmt(b->mem, "%s_%s", e->plural.p, f->name.p).p };
    for (size_t i = 0; i < extra; i++) {
        fields[n++] = f->def.attributes[i];
    }
    pair[0] = f->def.unique ? "\"from\", \"to\"" : NULL;
    struct entity def = { .name = name, .plural = plural, .fields = fields,
        .flags = ENTITY_LINK | ENTITY_NO_SEARCH | (f->def.by_admins ? ENTITY_BY_ADMINS : 0), .unique = pair, .title = "to" };
    struct str key = f->custom ? arena_fmt(b->mem, "#f%lld.link", (long long)f->id) : str_of(name);
    TRY(add_entity(b, &def, key, 0, e->module));
    f->link = b->m->entities[b->m->nentities - 1];
    return OK;
}

static enum err_code add_child(struct build *b, struct live_entity *parent, struct live_field *by)
{
    struct live_child *child = ARENA_NEW(b->mem, struct live_child);
    struct str name = by->def.inverse ? str_of(by->def.inverse) : by->entity->plural;

    if (!name.n) {
        return OK;
    }
    if (map_get(&parent->children_by_name, name)
        || (map_get(&parent->by_name, name)
            && ((struct live_field *)map_get(&parent->by_name, name))->def.kind != KIND_MANY)) {
        name = arena_fmt(b->mem, "%s_%s", by->entity->plural.p, by->name.p);
    }
    *child = (struct live_child) { .name = name, .entity = by->entity, .by = by };
    child->rollups = ARENA_ARRAY(b->mem, struct live_field *, parent->nfields);
    struct live_child **grown = ARENA_ARRAY(b->mem, struct live_child *, parent->nchildren + 1);
    if (parent->nchildren) {
        memcpy(grown, parent->children, parent->nchildren * sizeof *grown);
    }
    grown[parent->nchildren++] = child;
    parent->children = grown;
    map_put(&parent->children_by_name, name, child);
    return OK;
}

static enum err_code resolve_targets(struct build *b, struct live_field *f)
{
    if (f->def.kind == KIND_REF || f->def.kind == KIND_FILE || f->def.kind == KIND_MANY) {
        f->target = (struct live_entity *)model_entity(b->m, str_of(f->def.target));
        if (!f->target) {
            return err_set(b->e, ERR_INVALID, f->def.name, "%s.%s refers to an unknown entity %s",
                f->entity->name.p, f->def.name, f->def.target ? f->def.target : "(none)");
        }
        /* what the engine keeps is written without the record: sums over it could not follow */
        return f->def.kind == KIND_REF && !f->def.lookup ? add_child(b, f->target, f) : OK;
    }
    if (f->def.kind != KIND_ANYREF || !f->def.targets) {
        return OK;
    }
    size_t n = 0;
    while (f->def.targets[n]) {
        n++;
    }
    f->targets = ARENA_ARRAY(b->mem, struct live_entity *, n + 1);
    for (size_t i = 0; i < n; i++) {
        f->targets[i] = (struct live_entity *)model_entity(b->m, str_of(f->def.targets[i]));
        if (!f->targets[i]) {
            return err_set(b->e, ERR_INVALID, f->def.name, "unknown entity %s", f->def.targets[i]);
        }
        TRY(add_child(b, f->targets[i], f));
    }
    return OK;
}

static void add_to_list(struct build *b, struct live_field ***list, size_t *n, struct live_field *f)
{
    struct live_field **grown = ARENA_ARRAY(b->mem, struct live_field *, *n + 1);

    if (*n) {
        memcpy(grown, *list, *n * sizeof *grown);
    }
    grown[(*n)++] = f;
    *list = grown;
}

/* When all fields know what they are. */
static enum err_code resolve_lookups(struct build *b)
{
    for (size_t i = 0; i < b->m->nentities; i++) {
        struct live_entity *e = b->m->entities[i];
        for (size_t k = 0; k < e->nfields; k++) {
            struct live_field *f = e->fields[k];
            if (!f->def.lookup) {
                continue;
            }
            TRY(lookup_resolve(b->mem, f, b->e));
            f->def.read_only = f->def.no_history = true;
            add_to_list(b, &e->lookups, &e->nlookups, f);
            add_to_list(b, &f->target->looked_up, &f->target->nlooked_up, f);
        }
    }
    return OK;
}

static enum err_code resolve_references(struct build *b)
{
    size_t plain = b->m->nentities;

    for (size_t i = 0; i < plain; i++) {
        struct live_entity *e = b->m->entities[i];
        for (size_t k = 0; k < e->nfields; k++) {
            if (e->fields[k]->def.kind == KIND_MANY) {
                TRY(add_link(b, e, e->fields[k]));
            }
        }
    }
    for (size_t i = 0; i < b->m->nentities; i++) {
        struct live_entity *e = b->m->entities[i];
        for (size_t k = 0; k < e->nfields; k++) {
            TRY(resolve_targets(b, e->fields[k]));
        }
    }
    return OK;
}

/* ---- formulas and roll-ups ---- */

static enum field_kind kind_of_value(enum value_type t)
{
    static const enum field_kind kinds[] = {
        [VALUE_BOOL] = KIND_BOOL,
        [VALUE_NUMBER] = KIND_DECIMAL,
        [VALUE_MONEY] = KIND_MONEY,
        [VALUE_TEXT] = KIND_TEXT,
        [VALUE_DATE] = KIND_DATE,
        [VALUE_INSTANT] = KIND_INSTANT,
        [VALUE_DURATION] = KIND_DURATION,
        [VALUE_CALENDAR] = KIND_NONE,
        [VALUE_CHOICE] = KIND_CHOICE,
        [VALUE_REF] = KIND_REF,
        [VALUE_PLACE] = KIND_PLACE,
        [VALUE_LIST] = KIND_NONE,
        [VALUE_NONE] = KIND_NONE,
    };

    return kinds[t];
}

struct rollup_find {
    struct live_child *child;
    bool direct;
};

/* A roll-up is kept in the transaction when it looks at one set of the record's own children and at
 * stored fields of those rows alone. */
static void look_at_use(void *arg, const struct expr_use *u)
{
    struct rollup_find *r = arg;

    if (u->child && u->depth == 0 && (!r->child || r->child == u->child)) {
        r->child = (struct live_child *)u->child;
        if (u->field && !u->field->stored) {
            r->direct = false;
        }
        return;
    }
    if (u->depth > 0 && u->field && u->field->entity == (r->child ? r->child->entity : NULL)
        && u->field->stored) {
        return;
    }
    r->direct = false;
}

static void settle_value(struct live_field *f)
{
    f->value = f->def.result ? f->def.result : kind_of_value(expr_type(f->expr));
    f->scale = f->def.result && f->def.result != KIND_MONEY && f->def.scale
        ? f->def.scale
        : expr_scale(f->expr);
    if (f->value == KIND_DECIMAL && f->scale == 0) {
        f->value = KIND_INT;
    }
}

static enum err_code parse_computed(struct build *b, struct live_field *f)
{
    struct expr_scope scope = {
        .mem = b->mem,
        .model = b->m,
        .entity = f->entity,
        .zone = zone_get(b->m->zone) ? zone_get(b->m->zone) : zone_utc(),
    };

    TRY(expr_parse(&scope, str_of(f->def.expr), f->def.name, &f->expr, b->e));
    settle_value(f);
    if (f->value == KIND_NONE) {
        return err_set(b->e, ERR_INVALID, f->def.name, "the result of %s cannot be stored",
            f->def.expr);
    }
    if (f->def.kind == KIND_FORMULA) {
        if (expr_is_own_row(f->expr)) {
            make_columns(b, f);
        }
        return OK;
    }
    struct rollup_find find = { .direct = true };
    expr_uses(f->expr, look_at_use, &find);
    if (find.child && find.direct && !expr_uses_now(f->expr)) {
        make_columns(b, f);
        find.child->rollups[find.child->nrollups++] = f;
    }
    return OK;
}

static bool is_computed(const struct live_field *f)
{
    return f->def.kind == KIND_FORMULA || f->def.kind == KIND_ROLLUP;
}

/* Formulas may use each other: those that fail wait for another round, until none moves. */
static enum err_code parse_all_computed(struct build *b)
{
    bool moved = true, left = true;

    while (moved && left) {
        moved = left = false;
        for (size_t i = 0; i < b->m->nentities; i++) {
            struct live_entity *e = b->m->entities[i];
            for (size_t k = 0; k < e->nfields; k++) {
                struct live_field *f = e->fields[k];
                if (!is_computed(f) || f->expr) {
                    continue;
                }
                if (parse_computed(b, f) == OK) {
                    moved = true;
                    if (f->stored && f->def.kind == KIND_FORMULA) {
                        e->formulas[e->nformulas++] = f;
                    }
                } else {
                    f->expr = NULL;
                    left = true;
                }
            }
        }
    }
    if (left) {
        return b->e->code;
    }
    err_clear(b->e); /* of those that had to wait */
    return OK;
}

static void collect_functions(struct model *m)
{
    struct expr_extension *all;
    size_t n = 0;

    for (const struct module *const *k = m->modules; *k; k++) {
        for (const struct expr_extension *f = (*k)->functions; f && f->name; f++) {
            n++;
        }
    }
    m->functions = all = ARENA_ARRAY(m->mem, struct expr_extension, n + 1);
    for (const struct module *const *k = m->modules; *k; k++) {
        for (const struct expr_extension *f = (*k)->functions; f && f->name; f++) {
            *all++ = *f;
        }
    }
}

/* ---- cells and statements ---- */

static bool is_generated_id(const struct live_entity *e, const struct live_field *f)
{
    return !(e->def.flags & ENTITY_TABLE) && str_is(f->name, "id");
}

static void quote(struct buf *b, const char *name)
{
    buf_byte(b, '"');
    buf_lit(b, name);
    buf_byte(b, '"');
}

static void make_select(struct build *b, struct live_entity *e, int table)
{
    struct buf sql;
    const char *comma = "";

    buf_init(&sql, b->mem, 1 << 20);
    buf_lit(&sql, "SELECT ");
    for (struct live_field **f = e->table_fields[table]; *f; f++) {
        for (int i = 0; i < (*f)->ncolumns; i++) {
            buf_lit(&sql, comma);
            quote(&sql, (*f)->columns[i].name);
            comma = ", ";
        }
    }
    if (!*comma) {
        buf_lit(&sql, "1");
    }
    buf_lit(&sql, " FROM ");
    quote(&sql, e->tables[table]);
    buf_lit(&sql, " WHERE \"id\" = $1");
    buf_byte(&sql, '\0');
    e->select[table] = sql.p;
}

/* Values in the order of the cells, then the keys of those fields that have one. A side table takes
 * the id first and repeats what rights and the bin need. */
static void make_insert(struct build *b, struct live_entity *e, int table)
{
    struct buf sql;
    int n = 0;

    buf_init(&sql, b->mem, 1 << 20);
    buf_lit(&sql, "INSERT INTO ");
    quote(&sql, e->tables[table]);
    buf_lit(&sql, " (");
    if (table > 0) {
        buf_lit(&sql, "\"id\", \"deleted_at\", \"owner\", \"team\"");
        n = 4;
    }
    for (int keys = 0; keys < 2; keys++) {
        for (struct live_field **f = e->table_fields[table]; *f; f++) {
            if (is_generated_id(e, *f) || (keys && !(*f)->key_column)) {
                continue;
            }
            for (int i = 0; i < (keys ? 1 : (*f)->ncolumns); i++) {
                buf_lit(&sql, n++ ? ", " : "");
                quote(&sql, keys ? (*f)->key_column : (*f)->columns[i].name);
            }
        }
    }
    buf_lit(&sql, ") VALUES (");
    for (int i = 1; i <= n; i++) {
        buf_fmt(&sql, "%s$%d", i > 1 ? ", " : "", i);
    }
    buf_lit(&sql, ")");
    buf_byte(&sql, '\0');
    e->insert[table] = sql.p;
}

static void make_cells(struct build *b, struct live_entity *e)
{
    int n = e->nside + 1;

    e->tables = ARENA_ARRAY(b->mem, const char *, n);
    e->cell_start = ARENA_ARRAY(b->mem, int, n + 1);
    e->select = ARENA_ARRAY(b->mem, const char *, n);
    e->insert = ARENA_ARRAY(b->mem, const char *, n);
    e->table_fields = ARENA_ARRAY(b->mem, struct live_field **, n);
    for (int t = 0; t < n; t++) {
        size_t at = 0;
        e->tables[t] = t ? arena_fmt(b->mem, "%s_x%d", e->custom ? arena_fmt(b->mem, "o%lld",
                               (long long)e->number).p : e->plural.p, t).p
                         : e->custom ? arena_fmt(b->mem, "o%lld", (long long)e->number).p
                                     : e->plural.p;
        e->cell_start[t] = e->ncells;
        e->table_fields[t] = ARENA_ARRAY(b->mem, struct live_field *, e->nfields + 1);
        for (size_t i = 0; i < e->nfields; i++) {
            struct live_field *f = e->fields[i];
            if (f->stored && f->table == t) {
                f->cell = e->ncells;
                e->ncells += f->ncolumns;
                e->table_fields[t][at++] = f;
            }
        }
        e->cell_start[t + 1] = e->ncells;
        make_select(b, e, t);
        make_insert(b, e, t);
    }
}

static struct live_field *find(struct live_entity *e, const char *name)
{
    return name ? map_get(&e->by_name, str_of(name)) : NULL;
}

static void name_special_fields(struct live_entity *e)
{
    e->title = find(e, e->def.title);
    if (!e->title) {
        e->title = find(e, "name");
    }
    if (!e->title) {
        e->title = find(e, "number");
    }
    if (!e->title) {
        for (size_t i = 0; i < e->nfields && !e->title; i++) {
            if (e->fields[i]->def.kind == KIND_TEXT && !e->fields[i]->standard) {
                e->title = e->fields[i];
            }
        }
    }
    e->owner = find(e, "owner");
    e->team = find(e, "team");
    e->person = find(e, e->def.person);
    e->when = find(e, e->def.when);
    e->external_id = find(e, "external_id");
    e->id = find(e, "id");
    e->version = find(e, "version");
    e->deleted_at = find(e, "deleted_at");
    e->updated_at = find(e, "updated_at");
    e->updated_by = find(e, "updated_by");
}

static struct choice_list *copy_list(struct build *b, const struct choice_list *l)
{
    struct choice_list *out = ARENA_NEW(b->mem, struct choice_list);

    out->id = l->id;
    out->name = arena_str(b->mem, l->name);
    out->n = l->n;
    out->choices = ARENA_ARRAY(b->mem, struct choice, l->n + 1);
    map_init(&out->by_code, b->mem);
    for (size_t i = 0; i < l->n; i++) {
        struct choice *ch = &out->choices[i];
        *ch = l->choices[i];
        ch->code = arena_str(b->mem, ch->code);
        ch->label = arena_str(b->mem, ch->label);
        ch->colour = arena_str(b->mem, ch->colour);
        ch->kind = arena_str(b->mem, ch->kind);
        map_put(&out->by_code, ch->code, ch);
    }
    return out;
}

static enum err_code build_all(struct build *b)
{
    const struct model_source *s = b->src;
    size_t most = s->nobjects, links = 0;

    for (size_t i = 0; i < s->lists.room; i++) {
        if (s->lists.slots[i].value) {
            struct choice_list *l = copy_list(b, s->lists.slots[i].value);
            map_put(&b->m->lists, l->name, l);
        }
    }
    for (const struct module *const *m = s->modules; *m; m++) {
        for (const struct entity *const *e = (*m)->entities; e && *e; e++) {
            most++;
            for (const struct field *f = (*e)->fields; f && f->kind != KIND_NONE; f++) {
                links += f->kind == KIND_MANY;
            }
        }
    }
    for (size_t i = 0; i < s->nfields; i++) {
        links += s->fields[i].def.kind == KIND_MANY;
    }
    b->m->entities = ARENA_ARRAY(b->mem, struct live_entity *, most + links);
    for (const struct module *const *m = s->modules; *m; m++) {
        for (const struct entity *const *e = (*m)->entities; e && *e; e++) {
            TRY(add_entity(b, *e, str_of((*e)->name), 0, *m));
        }
    }
    for (size_t i = 0; i < s->nobjects; i++) {
        TRY(add_entity(b, &s->objects[i],
            arena_fmt(b->mem, "#%lld", (long long)s->object_ids[i]), s->object_ids[i], NULL));
    }
    TRY(resolve_references(b));
    for (size_t i = 0; i < b->m->nentities; i++) {
        struct live_entity *e = b->m->entities[i];
        name_special_fields(e);
        e->formulas = ARENA_ARRAY(b->mem, struct live_field *, e->nfields + 1);
    }
    TRY(parse_all_computed(b));
    TRY(resolve_lookups(b));
    for (size_t i = 0; i < b->m->nentities; i++) {
        b->m->entities[i]->index = i;
        make_cells(b, b->m->entities[i]);
    }
    return OK;
}

enum err_code model_build(const struct model_source *src, struct model **out, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct model *m = ARENA_NEW(mem, struct model);
    struct build b = { .src = src, .m = m, .mem = mem, .e = e };

    m->mem = mem;
    m->refs = 1;
    m->version = src->version;
    m->modules = src->modules;
    collect_functions(m);
    m->currency = arena_str(mem, src->currency);
    m->zone = arena_str(mem, src->zone);
    m->language = arena_str(mem, src->language);
    m->country = arena_str(mem, src->country);
    map_init(&m->by_name, mem);
    map_init(&m->lists, mem);
    enum err_code code = build_all(&b);
    if (code != OK) {
        arena_destroy(mem);
        return code;
    }
    *out = m;
    return OK;
}

void model_free(struct model *m)
{
    if (m) {
        arena_destroy(m->mem);
    }
}
