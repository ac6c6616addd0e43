/* cells.c - reads JSON and text into the cells of a field. */

#include "model/cells.h"

#include "base/utf8.h"
#include "model/access.h"
#include "model/normal.h"
#include "model/parts.h"
#include "model/texts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool bad(struct call *c, const struct live_field *f, const char *expects)
{
    fail_field(c, f->name.p, "%s expects %s", f->label.p, expects);
    return false;
}

/* A name that expressions and programs speak. */
static bool is_code(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-')) {
            return false;
        }
    }
    return true;
}

static bool text_format_ok(struct call *c, const struct live_field *f, struct str *s)
{
    const char *why = "";
    struct str key;
    bool ok = true;

    switch (f->def.format) {
    case FORMAT_EMAIL:
        ok = normal_email(c->mem, *s, &key, &why);
        break;
    case FORMAT_PHONE:
        ok = normal_phone(c->mem, *s, c->model->country, &key, &why);
        key = *s;
        break;
    case FORMAT_URL:
        ok = normal_url(c->mem, *s, &key, &why);
        break;
    case FORMAT_DOMAIN:
        ok = normal_domain(c->mem, *s, &key, &why);
        break;
    case FORMAT_COUNTRY:
        ok = normal_country(c->mem, *s, &key);
        why = "this country is not known; use its two-letter code";
        break;
    case FORMAT_CURRENCY:
        key = *s;
        ok = currency_known(*s);
        why = "this is no currency code such as EUR";
        break;
    case FORMAT_ZONE:
        key = *s;
        ok = zone_get(*s) != NULL;
        why = "this is no time zone such as Europe/Berlin";
        break;
    case FORMAT_CODE:
        key = *s;
        ok = is_code(*s);
        why = "a code is made of small letters, digits, _ and -";
        break;
    case FORMAT_NONE:
    case FORMAT_LANGUAGE:
    case FORMAT_EXPR:
    case FORMAT_BYTES:
        key = *s;
        break;
    }
    if (!ok) {
        fail_field(c, f->name.p, "%s", why);
        return false;
    }
    *s = key;
    return true;
}

static bool set_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    size_t at;

    if (!utf8_valid(s, &at)) {
        fail_field(c, f->name.p, "the text is not valid UTF-8 at byte %zu", at + 1);
        return false;
    }
    if (f->def.kind == KIND_TEXT || f->def.kind == KIND_NAME) {
        s = str_trim(s);
    }
    cells[0] = V_NULL;
    if (!s.n) {
        return true;
    }
    if (f->def.max && utf8_length(s) > (size_t)f->def.max) {
        fail_field(c, f->name.p, "%s has at most %" PRId64 " characters", f->label.p, f->def.max);
        return false;
    }
    if (!text_format_ok(c, f, &s)) {
        return false;
    }
    cells[0] = V(arena_str(c->mem, s));
    return true;
}

/* Decimals come as JSON numbers or as text; text keeps every digit. */
static bool number_of_json(const json_t *v, int scale, int64_t *out)
{
    if (json_is_string(v)) {
        return str_to_scaled(str_trim(json_str(v)), scale, out);
    }
    if (json_is_integer(v)) {
        int64_t i = json_integer_value(v);
        for (int k = 0; k < scale; k++) {
            if (__builtin_mul_overflow(i, 10, &i)) {
                return false;
            }
        }
        *out = i;
        return true;
    }
    if (!json_is_real(v)) {
        return false;
    }
    double d = json_real_value(v) * pow(10, scale), whole = round(d);
    if (fabs(whole) > 9.2e18 || fabs(d - whole) > 1e-6 * fmax(1, fabs(d) * 1e-9)) {
        return false;
    }
    *out = (int64_t)whole;
    return true;
}

static bool money_from(struct call *c, const struct live_field *f, struct str amount,
    struct str currency, struct dbval *cells)
{
    int64_t minor;

    if (!currency.n) {
        currency = c->model->currency;
    }
    if (!str_to_scaled(str_trim(amount), 2, &minor)) {
        return bad(c, f, "an amount with at most two decimals");
    }
    if (!currency_known(currency)) {
        fail_field(c, f->name.p, "\"%.*s\" is no currency code such as EUR", STR_ARG(currency));
        return false;
    }
    cells[0] = V(minor);
    cells[1] = V(arena_str(c->mem, currency));
    return true;
}

static bool money_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    int64_t minor;
    struct str currency = { "", 0 };
    const json_t *amount = v;

    if (json_is_object(v)) {
        amount = json_object_get(v, "amount");
        currency = json_str(json_object_get(v, "currency"));
    }
    if (!amount || !number_of_json(amount, 2, &minor)) {
        return bad(c, f, "an amount such as {\"amount\": \"12.34\", \"currency\": \"EUR\"}");
    }
    char text[40];
    size_t n = str_from_scaled(minor, 2, text);
    return money_from(c, f, (struct str) { text, n }, currency, cells);
}

/* Partial dates: --MM-DD stands in the leap year 4, YYYY at its first day. */

static bool date_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    int64_t date, year, month, day;
    int precision = PARTIAL_FULL;

    if (date_parse(s, &date)) {
        precision = PARTIAL_FULL;
    } else if (f->def.partial && s.n == 7 && str_starts(s, STR("--"))
        && str_to_int(str_sub(s, 2, 2), &month) && str_to_int(str_sub(s, 5, 2), &day)
        && s.p[4] == '-' && date_valid(4, (int)month, (int)day)) {
        date = date_of(4, (int)month, (int)day);
        precision = PARTIAL_MONTH_DAY;
    } else if (f->def.partial && s.n == 4 && str_to_int(s, &year) && year >= 1) {
        date = date_of((int)year, 1, 1);
        precision = PARTIAL_YEAR;
    } else {
        return bad(c, f,
            f->def.partial ? "a date: YYYY-MM-DD, --MM-DD or YYYY" : "a date that exists: YYYY-MM-DD");
    }
    cells[0] = V(date);
    if (f->ncolumns == 2) {
        cells[1] = V(precision);
    }
    return true;
}

static bool choice_id(struct call *c, const struct live_field *f, struct str code, int64_t *id)
{
    const struct choice *ch = choice_by_code(f->list, code);
    struct str in = call_language(c);

    for (size_t i = 0; !ch && f->list && i < f->list->n; i++) {
        const struct choice *one = &f->list->choices[i];
        if (str_eq_nocase(one->label, code) || str_eq_nocase(one->code, code)
            || str_eq_nocase(str_of(text_in(in, one->label.p)), code)) {
            ch = one;
        }
    }
    if (ch) {
        *id = ch->id;
        return true;
    }
    struct buf known;
    buf_init(&known, c->mem, 300);
    for (size_t i = 0; f->list && i < f->list->n && i < 20; i++) {
        buf_fmt(&known, "%s%s", i ? ", " : "", text_in(in, f->list->choices[i].label.p));
    }
    fail_field(c, f->name.p, "\"%.*s\" is not one of: %.*s", STR_ARG(code),
        STR_ARG(buf_str(&known)));
    return false;
}

static bool ref_exists(
    struct call *c, const struct live_field *f, const struct live_entity *target, int64_t id)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    bool found = false;
    int64_t one;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT 1 FROM ");
    sql_ident(&s, target->tables[0]);
    sql_lit(&s, " t0 WHERE t0.\"id\" = ");
    sql_bind(&s, V(id));
    sql_lit(&s, " AND t0.\"deleted_at\" IS NULL");
    if (target->def.flags & ENTITY_ADMIN) {
        /* users, teams and their like can be referred to by all */
    } else if (access_sql(c, target, RIGHT_READ, 0, &s) != OK) {
        return false;
    }
    if (sqltext_end(&s, &sql, &v, &c->err) != OK
        || db_find(c, &one, &found, sql, v) != OK) {
        return false;
    }
    if (!found) {
        fail_field(c, f->name.p, "there is no %s with id %" PRId64, target->name.p, id);
    }
    return found;
}

static bool ref_by_external(struct call *c, const struct live_field *f,
    const struct live_entity *target, struct str external, int64_t *id)
{
    struct sqltext s;
    struct sql sql;
    struct dbvals v;
    bool found = false;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    sql_lit(&s, "SELECT \"id\" FROM ");
    sql_ident(&s, target->tables[0]);
    sql_lit(&s, " WHERE \"external_id\" = ");
    sql_bind(&s, V(external));
    sql_lit(&s, " AND \"deleted_at\" IS NULL");
    if (sqltext_end(&s, &sql, &v, &c->err) != OK || db_find(c, id, &found, sql, v) != OK) {
        return false;
    }
    if (!found) {
        fail_field(c, f->name.p, "there is no %s with external id \"%.*s\"", target->name.p,
            STR_ARG(external));
    }
    return found;
}

static bool ref_from_json(struct call *c, const struct live_field *f,
    const struct live_entity *target, const json_t *v, int64_t *id)
{
    const json_t *inner = json_is_object(v) ? json_object_get(v, "id") : v;

    if (json_is_integer(inner)) {
        *id = json_integer_value(inner);
        return ref_exists(c, f, target, *id);
    }
    const json_t *external = json_is_object(v) ? json_object_get(v, "external_id") : NULL;
    if (json_is_string(external)) {
        return ref_by_external(c, f, target, json_str(external), id)
            && ref_exists(c, f, target, *id);
    }
    return bad(c, f, "an id or {\"external_id\": \"...\"}");
}

static bool anyref_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    struct str name = json_str(json_object_get(v, "entity"));
    const struct live_entity *target = name.n ? model_entity(c->model, name) : NULL;
    bool allowed = target && !(target->def.flags & ENTITY_TABLE) && !f->targets;
    int64_t id;

    for (struct live_entity **t = f->targets; target && t && *t; t++) {
        allowed = allowed || *t == target;
    }
    if (!allowed) {
        return bad(c, f, "{\"entity\": \"...\", \"id\": ...} with an entity it can refer to");
    }
    if (!ref_from_json(c, f, target, v, &id)) {
        return false;
    }
    cells[0] = V(target->number);
    cells[1] = V(id);
    return true;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Canonical picks: ids ascending, each once, "[1,5]"; none is absent. */
static struct dbval picks_cell(struct call *c, int64_t *ids, size_t n)
{
    struct buf b;

    if (!n) {
        return V_NULL;
    }
    qsort(ids, n, sizeof *ids, by_id);
    buf_init(&b, c->mem, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        if (i && ids[i] == ids[i - 1]) {
            continue;
        }
        buf_byte(&b, b.n ? ',' : '[');
        buf_int(&b, ids[i]);
    }
    buf_byte(&b, ']');
    return V(buf_str(&b));
}

static bool pick_id(struct call *c, const struct live_field *f, struct str word, int64_t *id)
{
    word = str_trim(word);
    if (f->def.kind == KIND_TAGS && word.n && !choice_by_code(f->list, word)) {
        return tag_make(c, f, word, id);
    }
    return choice_id(c, f, word, id);
}

static bool picks_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    size_t n = json_array_size(v);
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, n + 1);

    if (!json_is_array(v) || n > 500) {
        return bad(c, f, "a list of at most 500 codes");
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(v, i);
        if (json_is_object(one)) {
            one = json_object_get(one, "code");
        }
        if (!json_is_string(one)) {
            return bad(c, f, "a list of codes");
        }
        if (!pick_id(c, f, json_str(one), &ids[i])) {
            return false;
        }
    }
    cells[0] = picks_cell(c, ids, n);
    return true;
}

bool cells_from_entries(
    struct call *c, const struct live_field *f, const json_t *entries, struct dbval *cells)
{
    size_t n = json_array_size(entries);
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, n + 1);

    if (kind_is_list(f->def.kind)) {
        return parts_from_json(c, f, entries, cells);
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = json_integer_value(json_array_get(entries, i));
    }
    cells[0] = picks_cell(c, ids, n);
    return true;
}

static bool place_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    const json_t *lat = json_object_get(v, "lat"), *lng = json_object_get(v, "lng");

    if (!json_is_number(lat) || !json_is_number(lng) || fabs(json_number_value(lat)) > 90
        || fabs(json_number_value(lng)) > 180) {
        return bad(c, f, "{\"lat\": -90 to 90, \"lng\": -180 to 180}");
    }
    cells[0] = V(json_number_value(lat));
    cells[1] = V(json_number_value(lng));
    return true;
}

static bool string_needed(
    struct call *c, const struct live_field *f, const json_t *v, const char *expects)
{
    return json_is_string(v) || bad(c, f, expects);
}

static bool instant_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    int64_t at;

    if (!instant_parse(s, &at)) {
        return bad(c, f, "an instant: 2026-01-31T09:30:00Z");
    }
    cells[0] = V(at);
    return true;
}

static bool json_from_json(struct call *c, const json_t *v, struct dbval *cells)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    cells[0] = text ? V(arena_str(c->mem, str_of(text))) : V_NULL;
    free(text); /* jansson's own */
    return true;
}

static bool int_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    int64_t n;

    if (!number_of_json(v, f->scale, &n) || (f->scale == 0 && json_is_string(v))) {
        return bad(c, f, f->scale ? "a number" : "a whole number");
    }
    cells[0] = V(n);
    return true;
}

bool cells_from_json(
    struct call *c, const struct live_field *f, const json_t *v, struct dbval *cells)
{
    int64_t id;

    cells[0] = V_NULL;
    if (f->ncolumns > 1) {
        cells[1] = V_NULL;
    }
    if (json_is_null(v)) {
        return true;
    }
    switch (f->def.kind) {
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
        return string_needed(c, f, v, "text") && set_text(c, f, json_str(v), cells);
    case KIND_INT:
    case KIND_DURATION:
    case KIND_DECIMAL:
    case KIND_PERCENT:
        return int_from_json(c, f, v, cells);
    case KIND_MONEY:
        return money_from_json(c, f, v, cells);
    case KIND_BOOL:
        cells[0] = V(json_is_true(v));
        return json_is_boolean(v) || bad(c, f, "true or false");
    case KIND_DATE:
        return string_needed(c, f, v, "a date: YYYY-MM-DD")
            && date_from_text(c, f, json_str(v), cells);
    case KIND_INSTANT:
        return string_needed(c, f, v, "an instant: 2026-01-31T09:30:00Z")
            && instant_from_text(c, f, json_str(v), cells);
    case KIND_CHOICE:
        if (!string_needed(c, f, v, "a code") || !choice_id(c, f, json_str(v), &id)) {
            return false;
        }
        cells[0] = V(id);
        return true;
    case KIND_CHOICES:
    case KIND_TAGS:
        return picks_from_json(c, f, v, cells);
    case KIND_REF:
    case KIND_FILE:
        if (!ref_from_json(c, f, f->target, v, &id)) {
            return false;
        }
        cells[0] = V(id);
        return true;
    case KIND_ANYREF:
        return anyref_from_json(c, f, v, cells);
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
        return parts_from_json(c, f, v, cells);
    case KIND_PLACE:
        return place_from_json(c, f, v, cells);
    case KIND_JSON:
        return json_from_json(c, v, cells);
    case KIND_NONE:
    case KIND_MANY:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    return bad(c, f, "no value: it is computed");
}

/* ---- text: spreadsheets and the shell ---- */

static bool bool_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    static const char *const yes[] = { "true", "yes", "y", "1", "x", "ja", "oui", "si" };
    static const char *const no[] = { "false", "no", "n", "0", "nein", "non" };

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (str_eq_nocase(s, str_of(yes[i]))) {
            cells[0] = V(true);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        if (str_eq_nocase(s, str_of(no[i]))) {
            cells[0] = V(false);
            return true;
        }
    }
    return bad(c, f, "yes or no");
}

static bool picks_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, s.n / 2 + 2);
    struct str word;
    size_t n = 0;
    char sep = str_find_byte(s, ';') >= 0 ? ';' : ',';

    while (str_split(&s, sep, &word)) {
        if (str_trim(word).n && !pick_id(c, f, word, &ids[n++])) {
            return false;
        }
    }
    cells[0] = picks_cell(c, ids, n);
    return true;
}

static bool money_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    struct str currency = { "", 0 };

    if (s.n > 4 && s.p[s.n - 4] == ' ' && currency_known(str_sub(s, s.n - 3, 3))) {
        currency = str_sub(s, s.n - 3, 3);
        s = str_trim(str_sub(s, 0, s.n - 4));
    }
    return money_from(c, f, s, currency, cells);
}

static bool place_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    struct str lat;
    char *end;

    if (str_split(&s, ',', &lat) && s.n) {
        cells[0] = V(strtod(arena_cstr(c->mem, lat), &end));
        cells[1] = V(strtod(arena_cstr(c->mem, s), &end));
        if (fabs(cells[0].d) <= 90 && fabs(cells[1].d) <= 180 && !*end) {
            return true;
        }
    }
    return bad(c, f, "latitude and longitude: 48.85, 2.35");
}

static bool ref_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    bool found;
    int64_t id;

    if (ref_by_text(c, f->target, s, &id, &found) != OK) {
        return false;
    }
    if (!found) {
        fail_field(c, f->name.p, "there is no %s \"%.*s\"", f->target->name.p, STR_ARG(s));
        return false;
    }
    if (!ref_exists(c, f, f->target, id)) {
        return false;
    }
    cells[0] = V(id);
    return true;
}

static bool anyref_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    json_t *v = NULL;
    struct str entity;

    if (str_starts(s, STR("{")) && json_read(c->mem, s, &v, &c->err) == OK) {
        return anyref_from_json(c, f, v, cells);
    }
    const struct live_entity *target
        = str_split(&s, ':', &entity) ? model_entity(c->model, str_trim(entity)) : NULL;
    int64_t id;
    bool found;
    if (!target || ref_by_text(c, target, str_trim(s), &id, &found) != OK || !found) {
        return bad(c, f, "a reference such as contact:12");
    }
    if (!ref_exists(c, f, target, id)) {
        return false;
    }
    cells[0] = V(target->number);
    cells[1] = V(id);
    return true;
}

static bool number_from_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    int64_t n;

    if (f->def.kind == KIND_PERCENT && str_ends(s, STR("%"))) {
        s = str_trim(str_sub(s, 0, s.n - 1));
    }
    if (!str_to_scaled(s, f->scale, &n)) {
        return bad(c, f, f->scale ? "a number" : "a whole number");
    }
    cells[0] = V(n);
    return true;
}

static bool parse_json_text(
    struct call *c, const struct live_field *f, struct str s, struct dbval *cells)
{
    json_t *v;

    if (json_read(c->mem, s, &v, &c->err) != OK) {
        err_clear(&c->err);
        return bad(c, f, "JSON");
    }
    return json_from_json(c, v, cells);
}

bool cells_from_text(
    struct call *c, const struct live_field *f, struct str text, struct dbval *cells)
{
    struct str s = str_trim(text);
    int64_t id;

    cells[0] = V_NULL;
    if (f->ncolumns > 1) {
        cells[1] = V_NULL;
    }
    if (!s.n) {
        return true;
    }
    switch (f->def.kind) {
    case KIND_TEXT:
    case KIND_NAME:
    case KIND_NUMBER:
        return set_text(c, f, s, cells);
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
        return set_text(c, f, text, cells);
    case KIND_INT:
    case KIND_DURATION:
    case KIND_DECIMAL:
    case KIND_PERCENT:
        return number_from_text(c, f, s, cells);
    case KIND_MONEY:
        return money_from_text(c, f, s, cells);
    case KIND_BOOL:
        return bool_from_text(c, f, s, cells);
    case KIND_DATE:
        return date_from_text(c, f, s, cells);
    case KIND_INSTANT:
        return instant_from_text(c, f, s, cells);
    case KIND_CHOICE:
        if (!choice_id(c, f, s, &id)) {
            return false;
        }
        cells[0] = V(id);
        return true;
    case KIND_CHOICES:
    case KIND_TAGS:
        return picks_from_text(c, f, s, cells);
    case KIND_REF:
    case KIND_FILE:
        return ref_from_text(c, f, s, cells);
    case KIND_ANYREF:
        return anyref_from_text(c, f, s, cells);
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
        return parts_from_text(c, f, s, cells);
    case KIND_PLACE:
        return place_from_text(c, f, s, cells);
    case KIND_JSON:
        return parse_json_text(c, f, s, cells);
    case KIND_NONE:
    case KIND_MANY:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_COUNT:
        break;
    }
    return bad(c, f, "no value: it is computed");
}

enum err_code ref_by_text(struct call *c, const struct live_entity *target, struct str s,
    int64_t *id, bool *found)
{
    struct sqltext q;
    struct sql sql;
    struct dbvals v;
    bool folded = target->title && target->title->key_column;

    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT \"id\" FROM ");
    sql_ident(&q, target->tables[0]);
    sql_lit(&q, " WHERE \"external_id\" = ");
    sql_bind(&q, V(s));
    sql_lit(&q, " AND \"deleted_at\" IS NULL");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_find(c, id, found, sql, v));
    if (*found || !target->title || !target->title->stored) {
        return OK;
    }
    const struct live_field *t = target->title;
    sqltext_init(&q, c->mem, conn_backend(c->db));
    sql_lit(&q, "SELECT \"id\" FROM ");
    sql_ident(&q, target->tables[t->table]);
    sql_lit(&q, " WHERE ");
    sql_ident(&q, folded ? t->key_column : t->columns[0].name);
    sql_lit(&q, " = ");
    sql_bind(&q, V(folded ? utf8_fold(c->mem, s) : s));
    sql_lit(&q, " AND \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 1");
    TRY(sqltext_end(&q, &sql, &v, &c->err));
    TRY(db_find(c, id, found, sql, v));
    int64_t number;
    if (!*found && str_to_int(s, &number) && number > 0) {
        sqltext_init(&q, c->mem, conn_backend(c->db));
        sql_lit(&q, "SELECT \"id\" FROM ");
        sql_ident(&q, target->tables[0]);
        sql_lit(&q, " WHERE \"id\" = ");
        sql_bind(&q, V(number));
        sql_lit(&q, " AND \"deleted_at\" IS NULL");
        TRY(sqltext_end(&q, &sql, &v, &c->err));
        TRY(db_find(c, id, found, sql, v));
    }
    return OK;
}
