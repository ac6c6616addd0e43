/* dashboard.c - what a dashboard may hold, and the two that come with the sample business.
 *
 * The tiles are one JSON list, checked whole at each change: a tile that is stored can be asked. Their order is their
 * arrangement; a tile says how wide (of twelve columns) and how high it is, so no two can overlap, and on a phone they
 * stand in one column. Filters are kept with fields by number, so that renaming a field breaks no tile. */

#include "domain/dashboard/dashboard.h"

#include "model/query.h"
#include "model/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TILES_MAX = 40, COLUMNS = 12, ROWS_MAX = 20, NAMES_MAX = 20, TEXT_MAX = 4000 };

/* ---- the shape of a tile ---- */

enum tile_kind { TILE_NUMBER = 1, TILE_CHART = 2, TILE_LIST = 4, TILE_VIEW = 8, TILE_TEXT = 16,
    TILE_ANY = 31, TILE_ASKS = TILE_NUMBER | TILE_CHART | TILE_LIST };

static const struct {
    const char *name;
    unsigned kind;
} kinds[] = { { "number", TILE_NUMBER }, { "chart", TILE_CHART }, { "list", TILE_LIST },
    { "view", TILE_VIEW }, { "text", TILE_TEXT } };

static const char *const charts[] = { "bar", "line", "donut", "funnel", "heat" };
static const char *const units[] = { "year", "month", "day" };

struct tile {
    struct call *c;
    size_t at; /* in the list, for messages */
    json_t *json;
    unsigned kind;
    const struct live_entity *e; /* what is asked about; NULL for views and texts */
};

/* Says which tile and which part of it: tiles[3].where */
static const char *place(const struct tile *t, const char *key)
{
    return arena_fmt(t->c->mem, "tiles[%zu]%s%s", t->at, key ? "." : "", key ? key : "").p;
}

static struct str text_in_tile(const struct tile *t, const char *key)
{
    return json_str(json_object_get(t->json, key));
}

static enum err_code check_entity(struct tile *t, const char *key, const json_t *v)
{
    const struct live_entity *e = model_entity(t->c->model, json_str(v));

    if (!e || (e->def.flags & ENTITY_TABLE)) {
        return fail(t->c, ERR_INVALID, place(t, key), "there is no entity \"%.60s\"", json_string_value(v));
    }
    t->e = e;
    return OK;
}

static enum err_code check_where(struct tile *t, const char *key, const json_t *v)
{
    struct expr_scope scope = access_scope(t->c, t->e);
    const struct expr *x;
    struct buf b;

    TRY(expr_condition(&scope, json_str(v), place(t, key), &x, &t->c->err));
    buf_init(&b, t->c->mem, 32 << 10);
    expr_text(x, true, &b);
    TRY(buf_status(&b, &t->c->err));
    return json_object_set_new(t->json, key, json_stringn(b.p, b.n)) == 0
        ? OK : fail(t->c, ERR_INVALID, place(t, key), "this is no text");
}

static enum err_code check_field(struct tile *t, const char *key, struct str name)
{
    const struct live_field *f = entity_field(t->e, name);

    return f && access_field(t->c, f) != FIELD_HIDDEN
        ? OK : fail(t->c, ERR_INVALID, place(t, key), "%s has no field \"%.*s\"", t->e->label.p,
              (int)(name.n < 60 ? name.n : 60), name.p);
}

/* "stage", or for days "created_at:month". */
static enum err_code check_group(struct tile *t, const char *key, const json_t *v)
{
    struct str unit = json_str(v), name;
    bool known = false;

    (void)str_split(&unit, ':', &name);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        known = known || str_is(unit, units[i]);
    }
    if (unit.n && !known) {
        return fail(t->c, ERR_INVALID, place(t, key), "dates are grouped by year, month or day");
    }
    return check_field(t, key, name);
}

static enum err_code check_measure(struct tile *t, const char *key, const json_t *v)
{
    struct aggregate_request q = { .e = t->e, .measure = json_str(v) };
    enum err_code code = query_aggregate_check(t->c, &q);

    /* the same words, said of the tile */
    return code == OK ? OK
        : fail(t->c, code, place(t, key), "%s", arena_str(t->c->mem, str_of(t->c->err.msg)).p);
}

static enum err_code check_chart(struct tile *t, const char *key, const json_t *v)
{
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++) {
        if (str_is(json_str(v), charts[i])) {
            return str_is(json_str(v), "heat") && !json_object_get(t->json, "across")
                ? fail(t->c, ERR_INVALID, place(t, "across"), "a heat map has a second group")
                : OK;
        }
    }
    return fail(t->c, ERR_INVALID, place(t, key), "a chart is bar, line, donut, funnel or heat");
}

/* "-due,title" */
static enum err_code check_sort(struct tile *t, const char *key, const json_t *v)
{
    struct str rest = json_str(v), one;

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        TRY(check_field(t, key, str_sub(one, str_starts(one, STR("-")), one.n)));
    }
    return OK;
}

static enum err_code check_columns(struct tile *t, const char *key, const json_t *v)
{
    if (json_array_size(v) > NAMES_MAX) {
        return fail(t->c, ERR_INVALID, place(t, key), "at most %d columns", NAMES_MAX);
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        TRY(check_field(t, key, json_str(json_array_get(v, i))));
    }
    return OK;
}

/* In this order: what a later row looks at has been checked. */
static const struct tile_key {
    const char *name;
    unsigned kinds, required; /* of which kinds of tile */
    json_type type;
    int64_t min, max; /* of a number, or bytes of a text */
    enum err_code (*check)(struct tile *t, const char *key, const json_t *v);
} keys[] = {
    { "id", TILE_ANY, TILE_ANY, JSON_STRING, 1, 40, NULL },
    { "kind", TILE_ANY, TILE_ANY, JSON_STRING, 1, 10, NULL },
    { "title", TILE_ANY, 0, JSON_STRING, 0, 120, NULL },
    { "w", TILE_ANY, TILE_ANY, JSON_INTEGER, 2, COLUMNS, NULL },
    { "h", TILE_ANY, TILE_ANY, JSON_INTEGER, 1, ROWS_MAX, NULL },
    { "entity", TILE_ASKS, TILE_ASKS, JSON_STRING, 1, 60, check_entity },
    { "where", TILE_ASKS, 0, JSON_STRING, 1, 16000, check_where },
    { "measure", TILE_NUMBER | TILE_CHART, 0, JSON_STRING, 1, 200, check_measure },
    { "group", TILE_CHART, TILE_CHART, JSON_STRING, 1, 200, check_group },
    { "across", TILE_CHART, 0, JSON_STRING, 1, 200, check_group },
    { "chart", TILE_CHART, TILE_CHART, JSON_STRING, 1, 10, check_chart },
    { "sort", TILE_LIST, 0, JSON_STRING, 1, 400, check_sort },
    { "columns", TILE_LIST, 0, JSON_ARRAY, 0, 0, check_columns },
    { "rows", TILE_LIST | TILE_VIEW, 0, JSON_INTEGER, 1, 50, NULL },
    { "view", TILE_VIEW, TILE_VIEW, JSON_INTEGER, 1, INT64_MAX, NULL },
    { "text", TILE_TEXT, TILE_TEXT, JSON_STRING, 0, TEXT_MAX, NULL },
};
enum { KEYS = sizeof keys / sizeof *keys };

static enum err_code check_key(struct tile *t, const struct tile_key *k)
{
    const json_t *v = json_object_get(t->json, k->name);
    struct call *c = t->c;

    if (!v) {
        return k->required & t->kind ? fail(c, ERR_INVALID, place(t, k->name), "%s is required", k->name) : OK;
    }
    if (!(k->kinds & t->kind)) {
        return fail(c, ERR_INVALID, place(t, k->name), "this kind of tile has no %s", k->name);
    }
    if (json_typeof(v) != k->type) {
        return fail(c, ERR_INVALID, place(t, k->name), "%s is a %s", k->name,
            k->type == JSON_INTEGER ? "number" : k->type == JSON_ARRAY ? "list" : "text");
    }
    int64_t size = k->type == JSON_INTEGER ? json_integer_value(v) : (int64_t)json_string_length(v);
    if (k->type == JSON_INTEGER && (size < k->min || size > k->max)) {
        return fail(c, ERR_INVALID, place(t, k->name), "%s is between %" PRId64 " and %" PRId64, k->name,
            k->min, k->max);
    }
    if (k->type == JSON_STRING && (size < k->min || size > k->max)) {
        return fail(c, ERR_INVALID, place(t, k->name), "%s has at most %" PRId64 " bytes%s", k->name,
            k->max, k->min ? ", and is not empty" : "");
    }
    return k->check ? k->check(t, k->name, v) : OK;
}

static enum err_code check_tile(struct tile *t)
{
    struct str kind = text_in_tile(t, "kind");
    const char *name;
    const json_t *v;

    if (!json_is_object(t->json)) {
        return fail(t->c, ERR_INVALID, place(t, NULL), "a tile is an object");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        t->kind |= str_is(kind, kinds[i].name) ? kinds[i].kind : 0;
    }
    if (!t->kind) {
        return fail(t->c, ERR_INVALID, place(t, "kind"), "a tile is a number, chart, list, view or text");
    }
    json_object_foreach(t->json, name, v)
    {
        size_t k = 0;
        while (k < KEYS && strcmp(keys[k].name, name) != 0) {
            k++;
        }
        if (k == KEYS) {
            return fail(t->c, ERR_INVALID, place(t, NULL), "a tile has no \"%.40s\"", name);
        }
    }
    for (size_t k = 0; k < KEYS; k++) {
        TRY(check_key(t, &keys[k]));
    }
    return OK;
}

static enum err_code check_ids(struct call *c, const json_t *tiles)
{
    for (size_t i = 0; i < json_array_size(tiles); i++) {
        struct str id = json_str(json_object_get(json_array_get(tiles, i), "id"));
        for (size_t k = 0; k < i; k++) {
            if (str_eq(id, json_str(json_object_get(json_array_get(tiles, k), "id")))) {
                struct tile t = { .c = c, .at = i };
                return fail(c, ERR_INVALID, place(&t, "id"), "two tiles have the id \"%.*s\"", STR_ARG(id));
            }
        }
    }
    return OK;
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    const struct live_field *f = entity_field(r->e, STR("tiles"));
    struct dbval given = record_get(r, "tiles");
    json_t *tiles;

    if (given.type != DB_TEXT || (old && cells_equal(f, &r->cells[f->cell], &old->cells[f->cell]))) {
        return OK;
    }
    TRY(json_read(c->mem, given.s, &tiles, &c->err));
    if (!json_is_array(tiles) || json_array_size(tiles) > TILES_MAX) {
        return fail(c, ERR_INVALID, "tiles", "tiles is a list of at most %d", TILES_MAX);
    }
    for (size_t i = 0; i < json_array_size(tiles); i++) {
        struct tile t = { .c = c, .at = i, .json = json_array_get(tiles, i) };
        TRY(check_tile(&t));
    }
    TRY(check_ids(c, tiles));
    struct buf b;
    struct json_writer w;
    buf_init(&b, c->mem, 1 << 20);
    json_init(&w, &b);
    json_tree(&w, NULL, tiles);
    TRY(buf_status(&b, &c->err));
    record_set(c, r, "tiles", V(buf_str(&b)));
    return OK;
}

static const struct field fields[] = {
    FIELD_TEXT("name", .required = true, .search = 2),
    FIELD_JSON("tiles", .help = "[{\"id\", \"kind\", \"w\", \"h\", ...}], see the manual"),
    FIELD_BOOL("shared", .def = "false"),
    FIELD_BOOL("pinned", .def = "true"),
    FIELD_INT("position"),
    FIELD_END,
};

static const struct entity dashboard = { .name = "dashboard", .plural = "dashboards", .icon = "layout",
    .fields = fields, .flags = ENTITY_NO_SEARCH | ENTITY_PERSONAL, .before_save = before_save };

static const struct entity *const entities[] = { &dashboard, NULL };

static const struct setting settings[] = {
    { .field = { .name = "home.dashboard", .label = "Dashboard on the home page", .kind = KIND_INT, .min = 0, .max = INT64_MAX, .def = "0",
          .help = "The number of the dashboard that stands on the home page; 0 for the usual page." },
        .scope = SETTING_USER, .elsewhere = true },
    SETTING_END,
};

/* ---- what comes with the sample business: in the language of the organisation ---- */

static const struct {
    const char *name, *tiles;
} shipped[] = {
    { "Overview",
        "[{\"id\": \"people\", \"kind\": \"number\", \"title\": \"People\", \"entity\": \"contact\", \"w\": 3, \"h\": 2},"
        " {\"id\": \"new\", \"kind\": \"number\", \"title\": \"New in 30 days\", \"entity\": \"contact\","
        " \"where\": \"created_at > now - 30d\", \"w\": 3, \"h\": 2},"
        " {\"id\": \"companies\", \"kind\": \"number\", \"title\": \"Companies\", \"entity\": \"company\", \"w\": 3, \"h\": 2},"
        " {\"id\": \"open\", \"kind\": \"number\", \"title\": \"Open tasks\", \"entity\": \"task\","
        " \"where\": \"completed_at is empty\", \"w\": 3, \"h\": 2},"
        " {\"id\": \"growth\", \"kind\": \"chart\", \"title\": \"New people by month\", \"entity\": \"contact\","
        " \"group\": \"created_at:month\", \"chart\": \"line\", \"w\": 8, \"h\": 6},"
        " {\"id\": \"sources\", \"kind\": \"chart\", \"title\": \"Where they came from\", \"entity\": \"contact\","
        " \"group\": \"lead_source\", \"chart\": \"donut\", \"w\": 4, \"h\": 6},"
        " {\"id\": \"funnel\", \"kind\": \"chart\", \"title\": \"From lead to customer\", \"entity\": \"contact\","
        " \"group\": \"lifecycle\", \"chart\": \"funnel\", \"w\": 4, \"h\": 6},"
        " {\"id\": \"heat\", \"kind\": \"chart\", \"title\": \"Source and lifecycle\", \"entity\": \"contact\","
        " \"group\": \"lead_source\", \"across\": \"lifecycle\", \"chart\": \"heat\", \"w\": 8, \"h\": 6},"
        " {\"id\": \"industries\", \"kind\": \"chart\", \"title\": \"Companies by industry\", \"entity\": \"company\","
        " \"group\": \"industry\", \"chart\": \"bar\", \"w\": 8, \"h\": 6},"
        " {\"id\": \"newest\", \"kind\": \"list\", \"title\": \"Newest people\", \"entity\": \"contact\","
        " \"sort\": \"-created_at\", \"columns\": [\"city\"], \"rows\": 6, \"w\": 4, \"h\": 6}]" },
    { "My work",
        "[{\"id\": \"hint\", \"kind\": \"text\", \"text\": \"Everybody sees his own work here. Make a copy to change"
        " what stands on it.\", \"w\": 12, \"h\": 1},"
        " {\"id\": \"mine\", \"kind\": \"number\", \"title\": \"My people\", \"entity\": \"contact\","
        " \"where\": \"owner = me\", \"w\": 4, \"h\": 2},"
        " {\"id\": \"tasks\", \"kind\": \"number\", \"title\": \"My open tasks\", \"entity\": \"task\","
        " \"where\": \"owner = me and completed_at is empty\", \"w\": 4, \"h\": 2},"
        " {\"id\": \"late\", \"kind\": \"number\", \"title\": \"Overdue\", \"entity\": \"task\","
        " \"where\": \"owner = me and completed_at is empty and due < now\", \"w\": 4, \"h\": 2},"
        " {\"id\": \"next\", \"kind\": \"list\", \"title\": \"What is due\", \"entity\": \"task\","
        " \"where\": \"owner = me and completed_at is empty\", \"sort\": \"due\", \"columns\": [\"due\", \"status\"],"
        " \"rows\": 8, \"w\": 6, \"h\": 6},"
        " {\"id\": \"calls\", \"kind\": \"chart\", \"title\": \"My calls by month\", \"entity\": \"call\","
        " \"where\": \"owner = me\", \"group\": \"starts_at:month\", \"chart\": \"bar\", \"w\": 6, \"h\": 6}]" },
};

static enum err_code tiles_in_language(struct call *c, const char *tiles, struct str *out)
{
    static const char *const said[] = { "title", "text" };
    json_t *list, *tile;
    size_t n;

    TRY(json_read(c->mem, str_of(tiles), &list, &c->err));
    json_array_foreach(list, n, tile) {
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
            const char *english = json_string_value(json_object_get(tile, said[i]));
            if (english) {
                json_object_set_new(tile, said[i], json_string(text_in(call_language(c), english)));
            }
        }
    }
    char *text = json_dumps(list, JSON_COMPACT);
    *out = arena_str(c->mem, str_of(text));
    free(text); /* jansson's own */
    return OK;
}

enum err_code dashboard_seed(struct call *c)
{
    int64_t n;

    TRY(db_int(c, &n, SQL("SELECT count(*) FROM \"dashboards\" WHERE \"deleted_at\" IS NULL"), VALS()));
    for (size_t i = 0; !n && i < sizeof shipped / sizeof *shipped; i++) {
        struct record *r = record_of(c, "dashboard");
        struct str tiles;
        TRY(tiles_in_language(c, shipped[i].tiles, &tiles));
        r->trusted = true;
        record_set(c, r, "name", V(text_in(call_language(c), shipped[i].name)));
        record_set(c, r, "tiles", V(tiles));
        record_set(c, r, "shared", V(true));
        record_set(c, r, "position", V((int64_t)i));
        TRY(record_create(c, r));
    }
    return OK;
}

const struct module dashboard_module = { .name = "dashboard", .entities = entities, .settings = settings };
