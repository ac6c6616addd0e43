/* random.c - values for every kind of field, from the live model. */

#include "random.h"

#include "model/parts.h"

#include <stdio.h>
#include <string.h>

bool plays(const struct live_entity *e)
{
    /* pairs of duplicates are found by the engine, nobody can make one */
    return !(e->def.flags & (ENTITY_TABLE | ENTITY_PAIR));
}

static json_t *word(struct rng *r)
{
    static const char *const words[] = { "alpha", "Beta", "ÇaĞ", "delta'x", "", "e%_f", "Größe" };
    char text[40];

    snprintf(text, sizeof text, "%s%d", words[rng_below(r, 7)], (int)rng_below(r, 1000000));
    return json_string(text);
}

int64_t some_record(struct call *c, struct rng *r, const struct live_entity *e)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    int64_t id = 0;
    bool found;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, e->tables[0]);
    sql_lit(&s, " WHERE \"deleted_at\" IS NULL ORDER BY (\"id\" * ");
    sql_bind(&s, V((int64_t)rng_below(r, 1000) + 1));
    sql_lit(&s, ") % 101 LIMIT 1");
    if (sqltext_end(&s, &sql, &v, &c->err) != OK || db_find(c, &id, &found, sql, v) != OK || !found) {
        return 0;
    }
    return id;
}

/* Words that some of the engine's own entities insist on. */
static json_t *special(struct call *c, struct rng *r, const struct live_field *f)
{
    char text[60];

    if (str_is(f->name, "entity")) {
        return json_string(rng_below(r, 2) ? "contact" : "company");
    }
    if (str_is(f->name, "field")) {
        return json_string(rng_below(r, 2) ? "tags" : "owner");
    }
    if (str_is(f->name, "scope")) {
        return json_string("organisation");
    }
    if (str_is(f->name, "week") || f->def.format == FORMAT_EXPR || str_is(f->name, "where")
        || str_is(f->name, "condition") || str_is(f->name, "choices")) {
        return json_null();
    }
    bool custom = str_is(f->entity->name, "object") || str_is(f->entity->name, "field");
    if (custom && (str_is(f->name, "name") || str_is(f->name, "plural"))) {
        snprintf(text, sizeof text, "x_%c%d", f->name.p[0], (int)rng_below(r, 1000000));
        return json_string(text);
    }
    if (custom && str_is(f->name, "kind")) {
        return json_string(rng_below(r, 2) ? "text" : "integer");
    }
    if (custom && f->def.kind == KIND_TEXT) {
        return json_null();
    }
    (void)c;
    return NULL;
}

static json_t *text_value(struct rng *r, const struct live_field *f)
{
    switch (f->def.format) {
    case FORMAT_EMAIL:
        return json_sprintf("u%d@mail.example", (int)rng_below(r, 1000000));
    case FORMAT_PHONE:
        return json_sprintf("+4930%06d", (int)rng_below(r, 1000000));
    case FORMAT_URL:
        return json_sprintf("https://s%d.example/p", (int)rng_below(r, 1000000));
    case FORMAT_DOMAIN:
        return json_sprintf("d%d.example", (int)rng_below(r, 1000000));
    case FORMAT_COUNTRY:
        return json_string("FR");
    case FORMAT_CURRENCY:
        return json_string(rng_below(r, 2) ? "USD" : "JPY");
    case FORMAT_ZONE:
        return json_string("Europe/Paris");
    case FORMAT_CODE:
        return json_sprintf("code-%d", (int)rng_below(r, 1000000));
    case FORMAT_NONE:
    case FORMAT_LANGUAGE:
    case FORMAT_EXPR:
    case FORMAT_BYTES:
        break;
    }
    return f->def.max >= 20 || !f->def.max ? word(r) : json_sprintf("%d", (int)rng_below(r, 100));
}

static json_t *value(struct call *c, struct rng *r, const struct live_field *f)
{
    int64_t low = f->def.min, high = f->def.max ? f->def.max : 1000, id;
    char text[40];

    switch (f->def.kind) {
    case KIND_TEXT:
    case KIND_NAME:
        return text_value(r, f);
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
        return word(r);
    case KIND_INT:
    case KIND_DURATION:
        return json_integer(low + (int64_t)rng_below(r, (uint64_t)(high - low) + 1));
    case KIND_DECIMAL:
    case KIND_PERCENT:
        return json_integer(low + (int64_t)rng_below(r, 50));
    case KIND_MONEY:
        return json_pack("{s:s, s:s}", "amount", "12.34", "currency", rng_below(r, 2) ? "EUR" : "USD");
    case KIND_BOOL:
        return json_boolean(rng_below(r, 2));
    case KIND_DATE:
        date_format((int64_t)rng_below(r, 18000), text);
        return json_string(text);
    case KIND_INSTANT:
        instant_format(c->now - DAYS((int64_t)rng_below(r, 400)), text);
        return json_string(text);
    case KIND_CHOICE:
        return f->list && f->list->n ? json_string(f->list->choices[rng_below(r, f->list->n)].code.p)
                                     : NULL;
    case KIND_CHOICES:
        return f->list && f->list->n
            ? json_pack("[s]", f->list->choices[rng_below(r, f->list->n)].code.p)
            : NULL;
    case KIND_TAGS:
        return json_pack("[s]", rng_below(r, 2) ? "red" : "blue");
    case KIND_REF:
        id = some_record(c, r, f->target);
        return id ? json_integer(id) : NULL;
    case KIND_MANY:
        id = some_record(c, r, f->target);
        return id ? json_pack("[I]", (json_int_t)id) : json_pack("[]");
    case KIND_ANYREF: {
        const struct live_entity *e = model_entity(c->model, STR("company"));
        id = some_record(c, r, e);
        return id ? json_pack("{s:s, s:I}", "entity", e->name.p, "id", (json_int_t)id) : NULL;
    }
    case KIND_EMAILS:
        return json_pack("[o, s]", json_sprintf("a%d@mail.example", (int)rng_below(r, 1000000)),
            "two@mail.example");
    case KIND_PHONES:
        return json_pack("[{s:o, s:s}]", "number", json_sprintf("+4930%06d", (int)rng_below(r, 1000000)),
            "kind", "work");
    case KIND_ADDRESSES:
        return json_pack("[{s:o, s:s, s:s}]", "street", word(r), "city", "Ulm", "country", "DE");
    case KIND_URLS:
        return json_pack("[s]", "https://www.example.org/me");
    case KIND_FILE:
        id = some_record(c, r, f->target);
        return id ? json_integer(id) : NULL;
    case KIND_PLACE:
        return json_pack("{s:f, s:f}", "lat", rng_real(r) * 90, "lng", rng_real(r) * 90);
    case KIND_JSON:
        return json_pack("{s:i}", "n", (int)rng_below(r, 9));
    case KIND_NONE:
    case KIND_NUMBER:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    return NULL;
}

json_t *random_object(
    struct call *c, struct rng *r, const struct live_entity *e, bool whole)
{
    json_t *tree = json_pack("{}");

    arena_defer(c->mem, (void (*)(void *))json_decref, tree);
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        if (f->def.read_only || f->def.system || f->standard) {
            continue;
        }
        if (!(whole && f->def.required) && rng_below(r, whole ? 2 : 6) != 0) {
            continue;
        }
        json_t *v = special(c, r, f);
        v = v ? v : value(c, r, f);
        if (v) {
            json_object_set_new(tree, f->name.p, v);
        }
    }
    return tree;
}
