/* world.c - six entities with fields of every kind, random rows, and their tables. */

#include "world.h"

#include "base/utf8.h"
#include "model/normal.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STANDARD                                                                                   \
    FIELD_INT("id"), FIELD_INSTANT("deleted_at"), FIELD_REF("owner", "user")

static const struct field user_fields[] = { FIELD_INT("id"), FIELD_INSTANT("deleted_at"),
    FIELD_TEXT("name"), FIELD_END };
static const struct field company_fields[] = { STANDARD, FIELD_TEXT("name"),
    FIELD_TEXT("code", .no_fold = true), FIELD_CHOICE("industry", NULL, .list = "industry"),
    FIELD_MONEY("revenue"), FIELD_PLACE("place"), FIELD_REF("parent", "company"),
    FIELD_DATE("founded"), FIELD_DECIMAL("rating", 2), FIELD_TAGS("labels"),
    FIELD_BOOL("active"), FIELD_DECIMAL("x_rank", 1), FIELD_FORMULA("double_rating", "rating * 2"),
    FIELD_URLS("urls"), FIELD_END };
static const struct field contact_fields[] = { STANDARD, FIELD_NAME("name"),
    FIELD_TEXT("nick", .no_fold = true), FIELD_LONG("notes"), FIELD_NUMBER("number", "C-{0000}"),
    FIELD_INT("score"), FIELD_DECIMAL("ratio", 4), FIELD_PERCENT("discount"),
    FIELD_MONEY("total_spent"), FIELD_MONEY("credit"), FIELD_BOOL("vip"),
    FIELD_DATE("birthday", .partial = true), FIELD_DATE("joined"), FIELD_INSTANT("last_order_at"),
    FIELD_DURATION("patience"), FIELD_CHOICE("status", NULL, .list = "status"),
    FIELD_CHOICES("interests", NULL, .list = "industry"), FIELD_TAGS("tags"),
    FIELD_REF("company", "company"), FIELD_ANYREF("about"), FIELD_EMAILS("emails"),
    FIELD_PHONES("phones"), FIELD_ADDRESSES("addresses"), FIELD_URLS("urls"), FIELD_PLACE("home"),
    FIELD_FILE("photo"), FIELD_JSON("extra"), FIELD_MANY("groups", "group"),
    FIELD_RICH("story"), FIELD_DECIMAL("x_size", 3), FIELD_INSTANT("x_seen"), FIELD_TEXT("x_word"),
    FIELD_FORMULA("worth", "total_spent * 2 + 10"), FIELD_FORMULA("keen", "score > 10"),
    FIELD_FORMULA("years", "age(birthday)"), FIELD_ROLLUP("order_count", "count(orders)"),
    FIELD_END };
static const struct field order_fields[] = { STANDARD, FIELD_REF("contact", "contact"),
    FIELD_REF("company", "company"), FIELD_CHOICE("status", NULL, .list = "order_status"),
    FIELD_MONEY("total"), FIELD_INT("qty"), FIELD_DECIMAL("weight", 3),
    FIELD_INSTANT("placed_at"), FIELD_DATE("due"), FIELD_BOOL("paid"), FIELD_DURATION("took"),
    FIELD_TEXT("note"), FIELD_DECIMAL("x_gain", 2), FIELD_END };
static const struct field group_fields[] = { STANDARD, FIELD_TEXT("name"), FIELD_END };
static const struct field link_fields[] = { STANDARD, FIELD_REF("from", "contact"),
    FIELD_REF("to", "group"), FIELD_DATE("since"), FIELD_END };

static const struct {
    const char *name, *plural;
    const struct field *fields;
} entities[WORLD_ENTITIES] = {
    [USER] = { "user", "users", user_fields },
    [COMPANY] = { "company", "companies", company_fields },
    [CONTACT] = { "contact", "contacts", contact_fields },
    [ORDER] = { "order", "orders", order_fields },
    [GROUP] = { "group", "groups", group_fields },
    [LINK] = { "contact_group", "contact_groups", link_fields },
};

static const char *const lists[][6] = { { "industry", "retail", "mining", "care", NULL },
    { "status", "new", "lead", "customer", "lost", NULL },
    { "order_status", "open", "paid", "late", NULL }, { "tags", "vip", "press", "cold", NULL } };

static const struct {
    int parent;
    const char *name;
    int child;
    const char *by;
} children[] = { { CONTACT, "orders", ORDER, "contact" }, { COMPANY, "orders", ORDER, "company" },
    { COMPANY, "contacts", CONTACT, "company" }, { COMPANY, "daughters", COMPANY, "parent" },
    { CONTACT, "groups", LINK, "from" }, { GROUP, "members", LINK, "to" },
    { COMPANY, "mentions", CONTACT, "about" }, { USER, "contacts", CONTACT, "owner" } };

/* ---- the model ---- */

static bool is_folded(const struct field *f)
{
    return (f->kind == KIND_TEXT || f->kind == KIND_NAME) && !f->no_fold;
}

static enum db_type type_of(enum field_kind kind)
{
    bool text = kind == KIND_TEXT || kind == KIND_NAME || kind == KIND_LONG_TEXT ||
                kind == KIND_RICH_TEXT || kind == KIND_NUMBER || kind == KIND_JSON ||
                kind_is_list(kind) || kind_is_picks(kind);

    return text ? DB_TEXT : kind == KIND_PLACE ? DB_REAL : DB_INT;
}

static void make_columns(struct world *w, struct live_field *f)
{
    enum field_kind kind = f->def.kind;
    const char *second = kind == KIND_MONEY    ? "_currency"
                         : kind == KIND_ANYREF ? "_id"
                         : kind == KIND_PLACE  ? "_lng"
                         : f->def.partial      ? "_precision"
                                               : NULL;

    f->stored = kind != KIND_MANY && kind != KIND_FORMULA && kind != KIND_ROLLUP;
    f->columns[0] = (struct column) { f->def.name, type_of(kind) };
    f->ncolumns = f->stored;
    if (second && f->stored) {
        const char *name = arena_fmt(w->mem, "%s%s", f->def.name, second).p;
        f->columns[1] = (struct column) { name, kind == KIND_MONEY ? DB_TEXT : type_of(kind) };
        f->ncolumns = 2;
    }
    if (is_folded(&f->def) || kind == KIND_MONEY || f->def.partial) {
        f->key_column = arena_fmt(w->mem, "%s_k", f->def.name).p;
    }
}

static void make_entity(struct world *w, int which)
{
    struct live_entity *e = w->e[which];
    const struct field *defs = entities[which].fields;
    size_t n = 0;

    while (defs[n].kind != KIND_NONE) {
        n++;
    }
    e->fields = ARENA_ARRAY(w->mem, struct live_field *, n);
    e->nfields = n;
    for (size_t i = 0; i < n; i++) {
        struct live_field *f = ARENA_NEW(w->mem, struct live_field);
        f->def = defs[i];
        f->name = f->label = str_of(defs[i].name);
        f->number = which * 100 + (int64_t)i + 1;
        f->entity = e;
        f->value = defs[i].kind;
        f->scale = defs[i].scale;
        f->index = (int)i;
        f->table = defs[i].name[0] == 'x' && defs[i].name[1] == '_';
        make_columns(w, f);
        if (defs[i].list) {
            f->list = map_get(&w->model.lists, str_of(defs[i].list));
        }
        for (int k = 0; defs[i].target && k < WORLD_ENTITIES; k++) {
            bool same = strcmp(entities[k].name, defs[i].target) == 0;
            f->target = same ? w->e[k] : f->target;
        }
        if (defs[i].kind == KIND_FILE) {
            f->target = w->e[GROUP]; /* any will do */
        }
        e->fields[i] = f;
        map_put(&e->by_name, f->name, f);
        e->nside = f->table ? 1 : e->nside;
    }
    e->id = e->fields[0];
    e->deleted_at = e->fields[1];
    e->tables = ARENA_ARRAY(w->mem, const char *, 2);
    e->tables[0] = entities[which].plural;
    e->tables[1] = arena_fmt(w->mem, "%s_x1", entities[which].name).p;
}

static void make_lists(struct world *w)
{
    int64_t id = 1;

    map_init(&w->model.lists, w->mem);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct choice_list *l = ARENA_NEW(w->mem, struct choice_list);
        l->name = str_of(lists[i][0]);
        l->choices = ARENA_ARRAY(w->mem, struct choice, 6);
        map_init(&l->by_code, w->mem);
        for (size_t k = 1; lists[i][k]; k++) {
            struct choice *c = &l->choices[l->n++];
            *c = (struct choice) { .id = id++, .code = str_of(lists[i][k]), .active = true };
            map_put(&l->by_code, c->code, c);
        }
        map_put(&w->model.lists, l->name, l);
    }
}

static void make_children(struct world *w)
{
    for (size_t i = 0; i < sizeof children / sizeof *children; i++) {
        struct live_entity *e = w->e[children[i].parent];
        struct live_child *c = ARENA_NEW(w->mem, struct live_child);
        c->name = str_of(children[i].name);
        c->entity = w->e[children[i].child];
        c->by = world_field(w, children[i].child, children[i].by);
        if (!e->children) {
            e->children = ARENA_ARRAY(w->mem, struct live_child *, 8);
        }
        e->children[e->nchildren++] = c;
        map_put(&e->children_by_name, c->name, c);
    }
}

/* Formulas in the order they stand: none reads a later one. */
static void make_formulas(struct world *w, int which)
{
    struct expr_scope s = w->scope;

    s.entity = w->e[which];
    for (size_t i = 0; i < w->e[which]->nfields; i++) {
        struct live_field *f = w->e[which]->fields[i];
        if (f->def.expr) {
            assert_ok(expr_parse(&s, str_of(f->def.expr), "expr", &f->expr, &w->err), w->err);
        }
    }
}

struct world *world_make(uint64_t seed, const char *zone)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->mem = arena_create(0);
    w->scratch = arena_create(0);
    w->rng.state = seed;
    w->now = instant_of(&(struct civil) { 2026, 3, 28, 22, 30, 0, 0, 0 });
    w->model.mem = w->mem;
    w->model.currency = STR("EUR");
    w->model.country = STR("DE");
    map_init(&w->model.by_name, w->mem);
    w->model.entities = w->e;
    w->model.nentities = WORLD_ENTITIES;
    make_lists(w);
    for (int i = 0; i < WORLD_ENTITIES; i++) {
        struct live_entity *e = w->e[i] = ARENA_NEW(w->mem, struct live_entity);
        e->name = str_of(entities[i].name);
        e->plural = str_of(entities[i].plural);
        e->number = i + 1;
        map_init(&e->by_name, w->mem);
        map_init(&e->children_by_name, w->mem);
        map_put(&w->model.by_name, e->name, e);
        map_put(&w->model.by_name, e->plural, e);
    }
    for (int i = 0; i < WORLD_ENTITIES; i++) {
        make_entity(w, i);
    }
    make_children(w);
    w->scope = (struct expr_scope) { .mem = w->mem, .model = &w->model, .entity = w->e[CONTACT],
        .zone = zone_get(str_of(zone)), .me = 2 };
    assert_non_null(w->scope.zone);
    for (int i = 0; i < WORLD_ENTITIES; i++) {
        make_formulas(w, i);
    }
    return w;
}

struct live_field *world_field(struct world *w, int entity, const char *name)
{
    struct live_field *f = map_get(&w->e[entity]->by_name, str_of(name));

    assert_non_null(f);
    return f;
}

struct value *world_cell(struct world *w, int entity, int64_t id, const char *name)
{
    return &w->rows[entity][id - 1].cells[world_field(w, entity, name)->index];
}

/* ---- random values ---- */

static int64_t pick_int(struct world *w)
{
    static const int64_t pool[] = { 0, 1, -1, 2, 5, 7, 10, 11, 42, 50, 99, 100, 101, 500, 1000,
        12345, -250, 50000, 49999, 50001, 99999999, INT64_MAX, INT64_MIN, INT64_MAX - 1,
        INT64_MAX / 100, INT64_MIN / 100, 922337203685477580 };
    size_t n = sizeof pool / sizeof *pool;

    return rng_below(&w->rng, 4) ? pool[rng_below(&w->rng, n - 7)] : pool[rng_below(&w->rng, n)];
}

static struct str pick_text(struct world *w)
{
    static const char *const pool[] = { "Anna", "anna", "ANNA", "Müller", "muller", "Straße",
        "strasse", "Łódź", "a", "ab", "abc", "abd", "Abc def", "50%", "5_0", "a*b", "a?b", "[x]",
        "back\\slash", "it's", "\"q\"", "日本", "日本語", "😀", "é", "e\xcc\x81", "ÿ",
        "z", "  x  y ", "Zoë",
        "\xf4\x8f\xbf\xbf", "a\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "x@", "xa", "{1,2}", "NULL",
        "C-0007" };

    return str_of(pool[rng_below(&w->rng, sizeof pool / sizeof *pool)]);
}

static int64_t pick_day(struct world *w)
{
    int64_t today = zone_date(w->scope.zone, w->now);
    static const int near[] = { 0, -1, 1, -7, 7, -30, 30, -90, -365, 365, -366, 400, -3, 3, -9000,
        -10958, -11323, -12418 };

    switch (rng_below(&w->rng, 8)) {
    case 0:
        return date_of(1, 1, 1) + (int64_t)rng_below(&w->rng, 2);
    case 1:
        return date_of(9999, 12, 31) - (int64_t)rng_below(&w->rng, 2);
    case 2:
        return date_of(1988 + 4 * (int)rng_below(&w->rng, 9), 2, 29);
    case 3:
        return date_of(1990 + (int)rng_below(&w->rng, 20), 3, 28) + (int64_t)rng_below(&w->rng, 5);
    default:
        return today + near[rng_below(&w->rng, sizeof near / sizeof *near)];
    }
}

static int64_t pick_instant(struct world *w)
{
    static const int64_t shifts[] = { 0, 1, -1, HOURS(1), -HOURS(1), HOURS(12), -HOURS(23) };
    int64_t shift = shifts[rng_below(&w->rng, 7)];

    switch (rng_below(&w->rng, 7)) {
    case 0:
        return w->now + shift;
    case 1:
        return date_of(1900, 1, 1) * DAYS(1) + shift;
    case 2:
        return date_of(2200, 1, 1) * DAYS(1) + shift;
    case 3: /* the ends of days of 23 and of 25 hours */
        return zone_day_start(w->scope.zone,
                   date_of(2026, rng_below(&w->rng, 2) ? 3 : 10, 25) + (int64_t)rng_below(&w->rng,
                   6)) +
               shift;
    case 4: /* clocks go forward and back */
        return instant_of(&(struct civil) { 2026, rng_below(&w->rng, 2) ? 3 : 10,
                   rng_below(&w->rng, 2) ? 29 : 25, 1, 0, 0, 0, 0 }) + shift;
    default:
        return zone_day_start(w->scope.zone, pick_day(w)) + shift;
    }
}

static struct str list_json(struct world *w, const struct live_field *f)
{
    static const char *const typed[][4] = { { "Ann@Example.com", "bob@mail.de", "c@d.org",
        "x@y.z" },
        { "+49 30 123456", "030/123456", "+1 212 5550100", "0171 999" },
        { "Main Street 1", "Straße 5", "Rue 7", "x" },
        { "https://Example.com/a", "http://b.de", "https://c.org/x?y=1", "https://d.io" } };
    size_t n = rng_below(&w->rng, 4);
    struct buf b;

    buf_init(&b, w->mem, 4000);
    buf_byte(&b, '[');
    for (size_t i = 0; i < n; i++) {
        buf_lit(&b, i ? "," : "");
        if (f->list) {
            buf_int(&b, f->list->choices[(rng_below(&w->rng, 2) + i) % f->list->n].id);
            continue;
        }
        const char *text = typed[f->value - KIND_EMAILS][rng_below(&w->rng, 4)], *why;
        struct str key = utf8_fold(w->mem, str_of(text));
        (void)(f->value == KIND_EMAILS   ? normal_email(w->mem, str_of(text), &key, &why)
               : f->value == KIND_PHONES ? normal_phone(w->mem, str_of(text), STR("DE"), &key, &why)
               : f->value == KIND_URLS   ? normal_url(w->mem, str_of(text), &key, &why)
                                         : false);
        buf_fmt(&b, "{\"typed\":\"%s\",\"key\":\"%.*s\"}", text, STR_ARG(key));
    }
    buf_byte(&b, ']');
    return n ? buf_str(&b) : STR("");
}

static void value_of_kind(struct world *w, const struct live_field *f, struct value *v)
{
    enum field_kind kind = f->value;
    int64_t max = INT64_MAX / 1000000;

    if (type_of(kind) == DB_TEXT) {
        v->s = kind_is_list(kind) || kind_is_picks(kind) ? list_json(w, f)
               : kind == KIND_JSON                       ? STR("{}")
                                                         : pick_text(w);
        v->absent = v->s.n == 0;
    } else if (kind == KIND_MONEY) {
        v->i = pick_int(w);
        v->currency = rng_below(&w->rng, 2) ? STR("EUR") : STR("USD");
        v->base = str_is(v->currency, "EUR") ? v->i : v->i / 2;
        v->no_base = rng_below(&w->rng, 10) == 0 && str_is(v->currency, "USD");
    } else if (kind == KIND_BOOL) {
        v->i = (int64_t)rng_below(&w->rng, 2);
    } else if (kind == KIND_DATE) {
        v->i = pick_day(w);
        v->base = f->def.partial ? (int64_t)rng_below(&w->rng, 3) : 0;
        struct civil c = civil_of(v->i * DAYS(1));
        v->i = v->base == DATE_YEAR        ? date_of(c.year, 1, 1)
               : v->base == DATE_MONTH_DAY ? date_of(4, c.month, c.day)
                                           : v->i;
    } else if (kind == KIND_INSTANT) {
        v->i = pick_instant(w);
    } else if (kind == KIND_DURATION) {
        v->i = pick_int(w) % max * 1000000;
    } else if (kind == KIND_CHOICE) {
        v->i = f->list->choices[rng_below(&w->rng, f->list->n)].id;
    } else if (kind == KIND_REF || kind == KIND_FILE) {
        v->i = 1 + (int64_t)rng_below(&w->rng, 9);
        v->entity = f->target;
    } else if (kind == KIND_ANYREF) {
        v->i = 1 + (int64_t)rng_below(&w->rng, 5);
        v->entity = w->e[rng_below(&w->rng, 2) ? COMPANY : CONTACT];
    } else if (kind == KIND_PLACE) {
        static const double at[][2] = { { 48.8566, 2.3522 }, { 48.9, 2.4 }, { 52.52, 13.405 },
            { -90, 0 }, { 90, 180 }, { 0, -180 }, { 91, 0 }, { 49.3, 2.35 } };
        size_t i = rng_below(&w->rng, 8);
        v->lat = at[i][0];
        v->lng = at[i][1];
    } else {
        v->i = pick_int(w);
    }
}

struct value world_value(struct world *w, const struct live_field *f)
{
    struct value v = { .scale = f->scale };

    v.absent = rng_below(&w->rng, 5) == 0;
    if (!v.absent && f->stored) {
        value_of_kind(w, f, &v);
    }
    return v;
}

void world_fill(struct world *w)
{
    static const size_t counts[] = { [USER] = 4, [COMPANY] = 12, [CONTACT] = 60, [ORDER] = 90,
        [GROUP] = 5, [LINK] = 60 };

    for (int e = 0; e < WORLD_ENTITIES; e++) {
        w->nrows[e] = counts[e];
        w->rows[e] = ARENA_ARRAY(w->mem, struct world_row, counts[e]);
        for (size_t i = 0; i < counts[e]; i++) {
            struct world_row *r = &w->rows[e][i];
            r->id = (int64_t)i + 1;
            r->deleted = e != CONTACT && rng_below(&w->rng, 6) == 0;
            for (size_t k = 0; k < w->e[e]->nfields; k++) {
                const struct live_field *f = w->e[e]->fields[k];
                r->cells[k] = world_value(w, f);
                if (e == ORDER && f->value == KIND_REF && f->target == w->e[CONTACT]) {
                    r->cells[k].i = 1 + (int64_t)rng_below(&w->rng, 60);
                }
            }
            r->cells[0] = (struct value) { .i = r->id };
            r->cells[1] = (struct value) { .i = 1, .absent = !r->deleted };
        }
    }
}

/* ---- the row source ---- */

static int number_of(const struct live_entity *e)
{
    return (int)e->number - 1;
}

static enum err_code source_field(
    void *arg, const struct live_field *f, int64_t id, struct value *out)
{
    struct world *w = arg;
    int e = number_of(f->entity);
    int64_t row = id ? id : w->at;

    w->asked++;
    *out = (struct value) { .absent = true };
    if (row > 0 && (size_t)row <= w->nrows[e] && (!id || !w->rows[e][row - 1].deleted)) {
        *out = w->rows[e][row - 1].cells[f->index];
    }
    return OK;
}

static enum err_code source_children(
    void *arg, const struct live_child *child, int64_t id, int64_t **ids, size_t *n)
{
    struct world *w = arg;
    int e = number_of(child->entity);
    int64_t parent = id ? id : w->at;

    *n = 0;
    *ids = ARENA_ARRAY(w->scratch, int64_t, w->nrows[e]);
    for (size_t i = 0; i < w->nrows[e]; i++) {
        const struct value *v = &w->rows[e][i].cells[child->by->index];
        bool right = child->by->value != KIND_ANYREF || v->entity == w->e[COMPANY];
        if (!w->rows[e][i].deleted && !v->absent && v->i == parent && right) {
            (*ids)[(*n)++] = w->rows[e][i].id;
        }
    }
    return OK;
}

struct expr_rows world_rows(struct world *w)
{
    return (struct expr_rows) { w, source_field, source_children };
}

/* ---- the database ---- */

static const char *column_type(const struct world *w, enum db_type t)
{
    return t == DB_TEXT ? "TEXT" : t == DB_INT ? "BIGINT"
           : w->cfg.backend == DB_SQLITE       ? "REAL"
                                               : "DOUBLE PRECISION";
}

static void create_table(struct world *w, const struct live_entity *e, int table, struct buf *b)
{
    buf_fmt(b, "CREATE TABLE \"%s\" (\"id\" BIGINT PRIMARY KEY", e->tables[table]);
    for (size_t i = 1; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (f->table != table || !f->stored) {
            continue;
        }
        for (int k = 0; k < f->ncolumns; k++) {
            buf_fmt(b, ", \"%s\" %s", f->columns[k].name, column_type(w, f->columns[k].type));
        }
        if (f->key_column) {
            bool text = is_folded(&f->def);
            buf_fmt(b, ", \"%s\" %s%s", f->key_column, column_type(w, text ? DB_TEXT : DB_INT),
                text && w->cfg.backend == DB_POSTGRES ? " COLLATE \"C\"" : "");
        }
    }
    buf_lit(b, ");\n");
}

static void add_cell(struct world *w, const struct live_field *f, const struct value *v,
    struct buf *names, struct buf *marks, struct dbval *vals, size_t *n)
{
    struct dbval cells[3] = { V_NULL, V_NULL, V_NULL };
    const char *columns[3] = { f->columns[0].name, f->columns[1].name, f->key_column };
    bool text = f->columns[0].type == DB_TEXT;

    if (!v->absent) {
        cells[0] = text ? V(v->s) : f->value == KIND_PLACE ? V(v->lat)
                   : f->value == KIND_DURATION             ? V(v->i / 1000000)
                   : f->value == KIND_ANYREF               ? V(v->entity->number)
                                                           : V(v->i);
        cells[1] = f->value == KIND_MONEY ? V(v->currency) : f->value == KIND_PLACE ? V(v->lng)
                   : f->value == KIND_ANYREF                                        ? V(v->i)
                                                                                    : V(v->base);
        if (text) {
            cells[2] = V(utf8_fold(w->scratch, v->s));
        } else if (f->value == KIND_MONEY) {
            cells[2] = v->no_base ? V_NULL : V(v->base);
        } else if (f->def.partial && v->base != DATE_YEAR) {
            struct civil c = civil_of(v->i * DAYS(1));
            cells[2] = V(c.month * 100 + c.day);
        }
    }
    for (int k = 0; k < 3; k++) {
        if (k < 2 ? k < f->ncolumns : f->key_column != NULL) {
            vals[(*n)++] = cells[k];
            buf_fmt(names, "%s\"%s\"", *n > 1 ? ", " : "", columns[k]);
            buf_fmt(marks, "%s$%zu", *n > 1 ? ", " : "", *n);
        }
    }
}

static void insert_row(struct world *w, const struct live_entity *e, int table,
    const struct world_row *r)
{
    struct buf names, marks, sql;
    struct dbval vals[WORLD_FIELDS * 3];
    size_t n = 0;

    buf_init(&names, w->scratch, 10000);
    buf_init(&marks, w->scratch, 10000);
    buf_init(&sql, w->scratch, 30000);
    for (size_t i = 0; i < e->nfields; i++) {
        if (e->fields[i]->stored && (e->fields[i]->table == table || i == 0)) {
            add_cell(w, e->fields[i], &r->cells[i], &names, &marks, vals, &n);
        }
    }
    buf_fmt(&sql, "INSERT INTO \"%s\" (%.*s) VALUES (%.*s)", e->tables[table],
        STR_ARG(buf_str(&names)), STR_ARG(buf_str(&marks)));
    assert_ok(conn_exec(w->db, (struct sql) { arena_cstr(w->scratch, buf_str(&sql)), NULL },
                  (struct dbvals) { vals, n }, NULL, &w->err), w->err);
}

static void insert_parts(struct world *w, const struct live_field *f, const struct world_row *r)
{
    const struct value *v = &r->cells[f->index];
    json_t *list, *part;
    size_t i;

    if (v->absent || !kind_part_table(f->value)) {
        return;
    }
    assert_ok(json_read(w->scratch, v->s, &list, &w->err), w->err);
    json_array_foreach(list, i, part) {
        struct str sql = f->list
            ? STR("INSERT INTO \"picks\" (\"field\", \"record\", \"choice\") VALUES ($1, $2, $3)")
            : arena_fmt(w->scratch, "INSERT INTO \"%s\" (\"field\", \"record\", \"entity\", "
            "\"key\")"
                " VALUES ($1, $2, $3, $4)", kind_part_table(f->value));
        struct dbval vals[] = { V(f->number), V(r->id),
            f->list ? V((int64_t)json_integer_value(part)) : V(f->entity->number),
            V(json_str(json_object_get(part, "key"))) };
        assert_ok(conn_exec(w->db, (struct sql) { sql.p, NULL },
                      (struct dbvals) { vals, f->list ? 3u : 4u }, NULL, &w->err), w->err);
    }
}

static void open_database(struct world *w, enum db_backend backend)
{
    static int next;

    w->cfg.backend = backend;
    snprintf(w->folder, sizeof w->folder, "%s/kith-expr-XXXXXX",
        getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/test.db", w->folder);
    snprintf(w->schema, sizeof w->schema, "expr_%d_%d", (int)getpid(), next++);
    w->cfg.path = w->path;
    w->cfg.url = getenv("KITH_TEST_PG");
    w->cfg.schema = w->schema;
    assert_ok(conn_open(&w->cfg, CONN_WRITE, &w->db, &w->err), w->err);
    assert_ok(db_prepare_store(w->db, &w->err), w->err);
    if (backend == DB_POSTGRES) { /* compiling each of thousands of statements takes minutes */
        assert_ok(conn_script(w->db, "SET jit = off", &w->err), w->err);
    }
}

void world_store(struct world *w, enum db_backend backend)
{
    static const char *const parts[] = { "part_emails", "part_phones", "part_addresses",
        "part_urls" };
    struct buf b;

    open_database(w, backend);
    buf_init(&b, w->scratch, 100000);
    for (int e = 0; e < WORLD_ENTITIES; e++) {
        for (int t = 0; t <= w->e[e]->nside; t++) {
            create_table(w, w->e[e], t, &b);
        }
    }
    buf_lit(&b, "CREATE TABLE \"picks\" (\"field\" BIGINT, \"record\" BIGINT, \"choice\" BIGINT);");
    for (size_t i = 0; i < 4; i++) {
        buf_fmt(&b, "CREATE TABLE \"%s\" (\"entity\" BIGINT, \"record\" BIGINT, \"field\" BIGINT, "
            "\"key\" TEXT%s);", parts[i], backend == DB_POSTGRES ? " COLLATE \"C\"" : "");
    }
    assert_ok(conn_begin(w->db, TX_WRITE, &w->err), w->err);
    assert_ok(conn_script(w->db, arena_cstr(w->scratch, buf_str(&b)), &w->err), w->err);
    for (int e = 0; e < WORLD_ENTITIES; e++) {
        for (size_t i = 0; i < w->nrows[e]; i++) {
            for (int t = 0; t <= w->e[e]->nside; t++) {
                insert_row(w, w->e[e], t, &w->rows[e][i]);
            }
            for (size_t k = 0; k < w->e[e]->nfields; k++) {
                insert_parts(w, w->e[e]->fields[k], &w->rows[e][i]);
            }
        }
    }
    assert_ok(conn_commit(w->db, &w->err), w->err);
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void world_end(struct world *w)
{
    if (w->db && w->cfg.backend == DB_POSTGRES) {
        char text[120];
        conn_rollback(w->db);
        snprintf(text, sizeof text, "DROP SCHEMA IF EXISTS \"%s\" CASCADE", w->schema);
        assert_ok(conn_script(w->db, text, &w->err), w->err);
    }
    conn_close(w->db);
    if (w->folder[0]) {
        nftw(w->folder, forget, 8, FTW_DEPTH | FTW_PHYS);
    }
    arena_destroy(w->scratch);
    arena_destroy(w->mem);
    free(w);
}
