/* match_rule.c - duplicate rules as records, those that come with the program, and the standard values of a
 * record that a rule compares. */

#include "model/match_steps.h"

#include "base/utf8.h"
#include "model/parts.h"
#include "model/standard.h"
#include "model/texts.h"

#include <stddef.h>
#include <string.h>

/* ---- the entity ---- */

static const struct field rule_fields[] = {
    FIELD_TEXT("name", .required = true),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true, .set_once = true, .index = true),
    FIELD_BOOL("active", .def = "true"),
    FIELD_JSON("fields", .required = true,
        .help = "[{\"field\": \"last_name\", \"compare\": \"name\", \"key\": true}]: see the manual's page on duplicates."),
    FIELD_DECIMAL("review", 4, .min = 0, .max = 1, .def = "0.5",
        .help = "The probability from which a pair is shown."),
    FIELD_DECIMAL("merge", 4, .min = 0, .max = 1, .def = "0.99",
        .help = "The probability from which a pair counts as certain."),
    FIELD_BOOL("merge_by_itself", .def = "false", .help = "Merge pairs that are certain without asking."),
    FIELD_JSON("model", .read_only = true, .no_history = true, .help = "What a sweep has learned."),
    FIELD_INSTANT("swept_at", .read_only = true, .no_history = true),
    FIELD_END,
};

static enum err_code before_save(struct call *c, struct record *r, const struct record *old);

const struct entity duplicate_rule_entity = { .name = "duplicate_rule", .plural = "duplicate_rules",
    .fields = rule_fields, .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH, .before_save = before_save };

/* ---- what comes with the program: in the language of the organisation ---- */

static const struct {
    const char *entity, *name, *fields;
} shipped[] = {
    { "contact", "People",
        "[{\"field\":\"first_name\",\"compare\":\"first_name\",\"key\":true,\"swaps_with\":\"last_name\"},"
        "{\"field\":\"last_name\",\"compare\":\"name\",\"key\":true},"
        "{\"field\":\"birthday\",\"compare\":\"date\",\"key\":true},"
        "{\"field\":\"emails\",\"compare\":\"email\",\"key\":true},"
        "{\"field\":\"phones\",\"compare\":\"phone\",\"key\":true},"
        "{\"field\":\"addresses.number\",\"compare\":\"code\"},"
        "{\"field\":\"addresses.street\",\"compare\":\"text\",\"key\":true},"
        "{\"field\":\"addresses.second\",\"compare\":\"text\",\"swaps_with\":\"addresses.street\"},"
        "{\"field\":\"addresses.city\",\"compare\":\"text\",\"key\":true},"
        "{\"field\":\"addresses.region\",\"compare\":\"code\"},"
        "{\"field\":\"addresses.postcode\",\"compare\":\"code\",\"key\":true},"
        "{\"field\":\"company\",\"compare\":\"exact\"}]" },
    { "company", "Companies",
        "[{\"field\":\"name\",\"compare\":\"company\",\"key\":true},"
        "{\"field\":\"domain\",\"compare\":\"exact\",\"key\":true},"
        "{\"field\":\"emails\",\"compare\":\"email\",\"key\":true},"
        "{\"field\":\"phones\",\"compare\":\"phone\",\"key\":true},"
        "{\"field\":\"vat_number\",\"compare\":\"code\",\"key\":true},"
        "{\"field\":\"addresses.number\",\"compare\":\"code\"},"
        "{\"field\":\"addresses.street\",\"compare\":\"text\",\"key\":true},"
        "{\"field\":\"addresses.city\",\"compare\":\"text\"},"
        "{\"field\":\"addresses.postcode\",\"compare\":\"code\",\"key\":true}]" },
};
enum { SHIPPED = sizeof shipped / sizeof *shipped };

enum err_code match_seed(struct call *c)
{
    for (size_t i = 0; i < SHIPPED; i++) {
        int64_t n;
        TRY(db_int(c, &n, SQL("SELECT count(*) FROM \"duplicate_rules\" WHERE \"entity\" = $1"),
            VALS(V(shipped[i].entity))));
        if (n || !model_entity(c->model, str_of(shipped[i].entity))) {
            continue;
        }
        struct record *r = record_of(c, "duplicate_rule");
        r->trusted = true;
        record_set(c, r, "name", V(text_in(call_language(c), shipped[i].name)));
        record_set(c, r, "entity", V(shipped[i].entity));
        record_set(c, r, "fields", V(shipped[i].fields));
        TRY(record_create(c, r));
    }
    return OK;
}

/* ---- reading a rule ---- */

/* What is believed before anything is learned: how often matches agree at each level, and how often
 * candidates do that are none. A level that a comparison does not have is as good as impossible. */
static const struct {
    const char *name;
    double m[MATCH_LEVELS], u[MATCH_LEVELS];
} hows[HOW_COUNT] = {
    [HOW_NAME] = { "name", { .03, .03, .06, .88 }, { .90, .04, .01, .05 } },
    [HOW_FIRST] = { "first_name", { .03, .03, .06, .88 }, { .90, .04, .01, .05 } },
    [HOW_TEXT] = { "text", { .08, .04, .08, .80 }, { .88, .06, .01, .05 } },
    [HOW_CODE] = { "code", { .08, .001, .10, .819 }, { .85, .001, .099, .05 } },
    [HOW_DATE] = { "date", { .03, .001, .07, .899 }, { .95, .001, .02, .029 } },
    [HOW_EXACT] = { "exact", { .10, .001, .001, .898 }, { .80, .001, .001, .198 } },
    [HOW_EMAIL] = { "email", { .45, .001, .001, .548 }, { .97, .001, .001, .028 } },
    [HOW_PHONE] = { "phone", { .45, .001, .05, .499 }, { .96, .001, .01, .029 } },
    [HOW_COMPANY] = { "company", { .03, .03, .06, .88 }, { .90, .04, .01, .05 } },
};
static const double PRIOR = .02;

static bool piece_is_known(const struct live_field *f, struct str piece)
{
    static const char *const pieces[]
        = { "number", "street", "second", "city", "region", "postcode", "country" };

    for (size_t i = 0; f->def.kind == KIND_ADDRESSES && i < sizeof pieces / sizeof *pieces; i++) {
        if (str_is(piece, pieces[i])) {
            return true;
        }
    }
    return f->def.kind != KIND_ADDRESSES && !piece.n;
}

static enum err_code read_term(
    struct call *c, struct match_rule *rule, const json_t *v, struct match_term *t)
{
    struct str name = json_str(json_object_get(v, "field")), how = json_str(json_object_get(v, "compare"));
    struct str rest = name, head = { "", 0 };

    (void)str_split(&rest, '.', &head);
    *t = (struct match_term) { .f = entity_field(rule->e, head), .name = name,
        .piece = head.n < name.n ? rest : STR(""), .how = HOW_COUNT,
        .key = json_is_true(json_object_get(v, "key")) };
    if (!t->f || !t->f->stored || t->f->def.system || (head.n && head.p[0] == '@')) {
        return fail(c, ERR_INVALID, "fields", "%s has no field \"%.*s\" to compare", rule->e->label.p,
            (int)(head.n < 60 ? head.n : 60), head.p);
    }
    if (!piece_is_known(t->f, t->piece)) {
        return fail(c, ERR_INVALID, "fields",
            "%s: of addresses number, street, second, city, region, postcode or country is compared",
            t->f->label.p);
    }
    for (int h = 0; h < HOW_COUNT; h++) {
        if (str_is(how, hows[h].name)) {
            t->how = (enum match_how)h;
            memcpy(t->m, hows[h].m, sizeof t->m);
            memcpy(t->u, hows[h].u, sizeof t->u);
            return OK;
        }
    }
    return fail(c, ERR_INVALID, "fields",
        "compare is one of name, first_name, text, code, date, exact, email, phone, company");
}

static enum err_code read_terms(struct call *c, struct match_rule *rule, struct str text)
{
    json_t *list;
    bool key = false;

    TRY(json_read(c->mem, text, &list, &c->err));
    if (!json_array_size(list) || json_array_size(list) > MATCH_TERMS) {
        return fail(c, ERR_INVALID, "fields", "fields is a list of 1 to %d", MATCH_TERMS);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(read_term(c, rule, json_array_get(list, i), &rule->terms[rule->n]));
        key = key || rule->terms[rule->n].key;
        rule->n++;
    }
    for (size_t i = 0; i < rule->n; i++) {
        struct str with = json_str(json_object_get(json_array_get(list, i), "swaps_with"));
        for (size_t k = 0; with.n && k < rule->n; k++) {
            rule->terms[i].swaps = k != i && str_eq(rule->terms[k].name, with) ? (int)k + 1 : rule->terms[i].swaps;
        }
        if (with.n && !rule->terms[i].swaps) {
            return fail(c, ERR_INVALID, "fields", "swaps_with names another field of the rule");
        }
    }
    return key ? OK : fail(c, ERR_INVALID, "fields", "at least one field is a key, by which candidates are found");
}

static void read_levels(const json_t *list, double *to)
{
    for (size_t l = 0; l < MATCH_LEVELS && json_array_size(list) == MATCH_LEVELS; l++) {
        double v = json_number_value(json_array_get(list, l));
        to[l] = v > 0 && v <= 1 ? v : to[l];
    }
}

static void read_model(struct match_rule *rule, const json_t *model)
{
    double prior = json_number_value(json_object_get(model, "prior"));
    const json_t *fields = json_object_get(model, "fields");

    rule->prior = prior > 0 && prior < 1 ? prior : rule->prior;
    for (size_t t = 0; t < rule->n; t++) {
        const json_t *one = json_object_getn(fields, rule->terms[t].name.p, rule->terms[t].name.n);
        read_levels(json_object_get(one, "m"), rule->terms[t].m);
        read_levels(json_object_get(one, "u"), rule->terms[t].u);
    }
}

static double decimal_of(const struct record *r, const char *field, double def)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_INT ? (double)v.i / 10000 : def;
}

static enum err_code from_record(struct call *c, const struct record *r, struct match_rule *rule)
{
    json_t *model;

    rule->id = r->id;
    rule->review = decimal_of(r, "review", .5);
    rule->merge = decimal_of(r, "merge", .99);
    rule->by_itself = record_get(r, "merge_by_itself").type == DB_INT && record_get(r, "merge_by_itself").i;
    TRY(read_terms(c, rule, record_get(r, "fields").s));
    if (record_get(r, "model").type == DB_TEXT) {
        TRY(json_read(c->mem, record_get(r, "model").s, &model, &c->err));
        read_model(rule, model);
    }
    return OK;
}

enum err_code match_rule_load(
    struct call *c, const struct live_entity *e, struct match_rule **out)
{
    struct match_rule *rule = ARENA_NEW(c->mem, struct match_rule);
    struct record *r;
    int64_t id, any;
    bool found;

    *out = NULL;
    *rule = (struct match_rule) { .e = e, .review = .5, .merge = .99, .prior = PRIOR };
    TRY(db_find(c, &id, &found,
        SQL("SELECT \"id\" FROM \"duplicate_rules\" WHERE \"entity\" = $1 AND \"active\" = 1 AND"
            " \"deleted_at\" IS NULL ORDER BY \"id\" LIMIT 1"),
        VALS(V(e->name))));
    if (found) {
        TRY(record_load(c, model_entity(c->model, STR("duplicate_rule")), id, true, &r));
        *out = rule;
        return from_record(c, r, rule);
    }
    TRY(db_int(c, &any, SQL("SELECT count(*) FROM \"duplicate_rules\" WHERE \"entity\" = $1"),
        VALS(V(e->name))));
    for (size_t i = 0; !any && i < SHIPPED; i++) {
        if (str_is(e->name, shipped[i].entity)) {
            *out = rule;
            return read_terms(c, rule, str_of(shipped[i].fields));
        }
    }
    return OK;
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str name = record_get(r, "entity").type == DB_TEXT ? record_get(r, "entity").s : STR("");
    const struct live_entity *e = model_entity(c->model, name);
    struct match_rule rule = { .e = e };

    (void)old;
    if (!e || (e->def.flags & (ENTITY_TABLE | ENTITY_LINK))) {
        return fail(c, ERR_INVALID, "entity", "there is nothing called \"%.*s\" here",
            (int)(name.n < 60 ? name.n : 60), name.p);
    }
    record_set(c, r, "entity", V(e->name));
    if (record_get(r, "fields").type != DB_TEXT) {
        return OK; /* required: said with the other faults */
    }
    return read_terms(c, &rule, record_get(r, "fields").s);
}

/* ---- the values of a record ---- */

struct match_address {
    const struct live_field *f;
    struct postal_address a;
    bool any;
};

/* A piece of an address in standard form: the house number, the street, its other lines and what is in the house. */
static struct str address_piece(struct call *c, const struct postal_address *a, struct str piece)
{
    static const struct {
        const char *name;
        size_t at;
    } plain[] = { { "city", offsetof(struct postal_address, city) },
        { "region", offsetof(struct postal_address, region) },
        { "postcode", offsetof(struct postal_address, postcode) },
        { "country", offsetof(struct postal_address, country) } };
    struct str number, street;

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (str_is(piece, plain[i].name)) {
            return *(const struct str *)((const char *)a + plain[i].at);
        }
    }
    standard_street(c->mem, a, &street, &number);
    if (str_is(piece, "second")) {
        ptrdiff_t line = str_find_byte(a->street, '\n');
        struct str more = line >= 0 ? str_sub(a->street, (size_t)line + 1, a->street.n) : STR("");
        return arena_fmt(c->mem, "%.*s %.*s", STR_ARG(more), STR_ARG(a->extra));
    }
    return str_is(piece, "number") ? number : street;
}

/* The primary address, standard once for all terms that compare a piece of it. */
static const struct postal_address *primary_address(
    struct call *c, const struct live_field *f, struct str cell, struct match_address *kept)
{
    struct part *parts;

    if (kept->f != f) {
        size_t n = parts_read(c, cell, &parts), at = 0;
        while (at + 1 < n && !parts[at].primary) {
            at++;
        }
        kept->f = f;
        kept->any = n > 0;
        if (n) {
            parts_address_standard(c->mem, parts[at].pieces, c->model->country, &kept->a);
        }
    }
    return kept->any ? &kept->a : NULL;
}

static struct str standard_of(struct call *c, enum match_how how, struct str s)
{
    struct str form;

    switch (how) {
    case HOW_CODE:
        return standard_code(c->mem, s);
    case HOW_DATE: {
        struct str digits = standard_code(c->mem, s);
        return digits.n == 8 ? digits : STR(""); /* a day without its year says little */
    }
    case HOW_EMAIL:
        return standard_mailbox(c->mem, s);
    case HOW_PHONE: case HOW_EXACT:
        return s;
    case HOW_COMPANY:
        return standard_company(c->mem, s, &form);
    case HOW_NAME: case HOW_FIRST: case HOW_TEXT: case HOW_COUNT:
        return standard_words(c->mem, s);
    }
    return s;
}

static void add_value(
    struct call *c, const struct match_term *t, size_t at, struct match_values *out, struct str s)
{
    s = standard_of(c, t->how, s);
    for (size_t i = 0; i < out->n[at]; i++) {
        if (str_eq(out->v[at][i], s)) {
            return;
        }
    }
    if (s.n && out->n[at] < MATCH_VALUES) {
        out->v[at][out->n[at]++] = arena_str(c->mem, s);
    }
}

void match_values_of(
    struct call *c, const struct match_rule *rule, const struct record *r, struct match_values *out)
{
    struct match_address kept = { .f = NULL };

    memset(out, 0, sizeof *out);
    for (size_t t = 0; t < rule->n; t++) {
        const struct match_term *term = &rule->terms[t];
        const struct live_field *f = term->f;
        struct part *parts;
        struct buf text;
        if (cells_absent(f, &r->cells[f->cell])) {
            continue;
        }
        if (f->def.kind == KIND_ADDRESSES) {
            const struct postal_address *a = primary_address(c, f, r->cells[f->cell].s, &kept);
            if (a) {
                add_value(c, term, t, out, address_piece(c, a, term->piece));
            }
            continue;
        }
        if (kind_is_list(f->def.kind)) {
            size_t n = parts_read(c, r->cells[f->cell].s, &parts);
            for (size_t i = 0; i < n; i++) {
                add_value(c, term, t, out, parts[i].key);
            }
            continue;
        }
        buf_init(&text, c->mem, 1 << 16);
        if (f->value == KIND_REF) {
            buf_int(&text, r->cells[f->cell].i);
        } else {
            cells_to_text(c, f, &r->cells[f->cell], NULL, &text);
        }
        add_value(c, term, t, out, utf8_clip(buf_str(&text), 200));
    }
}

/* ---- keys ---- */

uint64_t match_key_pair(uint64_t a, uint64_t b)
{
    uint64_t x = (a < b ? a : b) * 0x9E3779B97F4A7C15u + (a < b ? b : a);

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (x ^ x >> 31) >> 1;
}

size_t match_keys_of(const struct match_rule *rule, const struct match_values *v, uint64_t *keys)
{
    size_t n = 0;

    for (size_t t = 0; t < rule->n; t++) {
        for (size_t i = 0; rule->terms[t].key && i < v->n[t] && n < MATCH_KEYS; i++) {
            uint64_t key = match_key_pair(str_hash(rule->terms[t].name), ~str_hash(v->v[t][i]) >> 1);
            bool again = false;
            for (size_t k = 0; k < n; k++) {
                again = again || keys[k] == key;
            }
            keys[n] = key;
            n += !again;
        }
    }
    return n;
}
