/* match.c - pairs that may be the same: the entity `duplicate`, the question while somebody types, and what one
 * can do with a pair. match_follow.c keeps them up. */

#include "model/match.h"

#include "model/action.h"
#include "model/match_find.h"
#include "model/merge.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { AGREES = 2 }; /* the level from which a field is told as the same */

/* ---- the entity ---- */

static const struct choice_def states[] = { { "open", "Open" }, { "merged", "Merged" },
    { "dismissed", "Not the same" }, { 0 } };
static const struct choice_def zones[] = { { "merge", "Certain" }, { "review", "To be looked at" }, { 0 } };

static const struct field duplicate_fields[] = {
    FIELD_TEXT("entity", .required = true, .read_only = true, .max = 60, .no_fold = true),
    FIELD_ANYREF("record", .required = true, .read_only = true),
    FIELD_ANYREF("other", .required = true, .read_only = true),
    FIELD_DECIMAL("probability", 4, .read_only = true, .no_history = true, .index = true),
    FIELD_CHOICE("zone", zones, .read_only = true, .no_history = true),
    FIELD_CHOICE("state", states, .read_only = true, .index = true),
    FIELD_JSON("reasons", .read_only = true, .no_history = true),
    FIELD_REF("rule", "duplicate_rule", .inverse = "duplicates", .read_only = true, .no_history = true),
    FIELD_END,
};
static const char *const unique[] = { "\"record_entity\", \"record_id\", \"other_id\"", NULL };
static const char *const indexes[] = { "\"other_id\", \"other_entity\"", NULL };

const struct entity duplicate_entity = { .name = "duplicate", .plural = "duplicates",
    .title = "entity", .fields = duplicate_fields, .flags = ENTITY_NO_SEARCH | ENTITY_PAIR,
    .unique = unique, .indexes = indexes };

static int64_t state_id(const struct call *c, const char *code)
{
    return model_choice(c->model, "duplicate", "state", str_of(code));
}

bool match_pair_is(const struct call *c, const struct record *r, const char *code)
{
    return record_get(r, "state").type == DB_INT && record_get(r, "state").i == state_id(c, code);
}

/* ---- rows of pairs ---- */

static enum err_code find_pair(
    struct call *c, const struct live_entity *e, int64_t a, int64_t b, struct record **out)
{
    int64_t id;
    bool found;

    *out = NULL;
    TRY(db_find(c, &id, &found,
        SQL("SELECT \"id\" FROM \"duplicates\" WHERE \"record_entity\" = $1 AND \"record_id\" = $2 AND"
            " \"other_id\" = $3 AND \"deleted_at\" IS NULL"),
        VALS(V(e->number), V(a), V(b))));
    return found ? record_load(c, model_entity(c->model, STR("duplicate")), id, true, out) : OK;
}

static void set_record(struct record *r, const char *name, const struct live_entity *e, int64_t id)
{
    const struct dbval cells[FIELD_CELLS] = { V(e->number), V(id) };

    record_set_cells(r, entity_field(r->e, str_of(name)), cells);
}

static struct record *pair_change(
    struct call *c, const struct match_rule *rule, uint64_t pattern, double p)
{
    struct record *r = record_of(c, "duplicate");
    bool certain = p >= rule->merge && match_has_evidence(rule, pattern);
    struct json_writer w;
    struct buf b;

    buf_init(&b, c->mem, 1 << 16);
    json_init(&w, &b);
    match_reasons(c, rule, pattern, false, &w, NULL);
    r->trusted = true;
    record_set(c, r, "probability", V((int64_t)floor(p * 10000)));
    record_set(c, r, "zone", V(model_choice(c->model, "duplicate", "zone", certain ? STR("merge") : STR("review"))));
    record_set(c, r, "reasons", V(buf_str(&b)));
    record_set(c, r, "rule", rule->id ? V(rule->id) : V_NULL);
    return r;
}

enum err_code match_pair_put(
    struct call *c, const struct match_rule *rule, const struct match_pair *pair, bool *made)
{
    int64_t a = pair->a < pair->b ? pair->a : pair->b, b = pair->a < pair->b ? pair->b : pair->a;
    struct record *was;
    double p;

    *made = false;
    match_weight(rule, pair->pattern, &p);
    TRY(find_pair(c, rule->e, a, b, &was));
    struct record *r = pair_change(c, rule, pair->pattern, p);
    if (was && match_pair_is(c, was, "dismissed")) {
        return OK;
    }
    record_set(c, r, "state", V(state_id(c, "open")));
    if (was) {
        r->id = was->id;
        r->quiet = r->replay = true;
        return record_update(c, r);
    }
    *made = true;
    record_set(c, r, "entity", V(rule->e->name));
    set_record(r, "record", rule->e, a);
    set_record(r, "other", rule->e, b);
    return record_create(c, r);
}

static bool is_among(const struct match_pair *all, size_t n, int64_t a, int64_t b)
{
    size_t from = 0, to = n;

    while (from < to) {
        size_t middle = (from + to) / 2;
        if (all[middle].a < a || (all[middle].a == a && all[middle].b < b)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < n && all[from].a == a && all[from].b == b;
}

enum err_code match_pairs_close(struct call *c, const struct live_entity *e,
    const struct match_pair *all, size_t nall, int64_t *after, size_t *n, int64_t *gone)
{
    const struct live_entity *duplicate = model_entity(c->model, STR("duplicate"));
    int64_t ids[MATCH_PAIRS], state = state_id(c, "open");
    struct rows rows;
    size_t close = 0;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"record_id\", \"other_id\" FROM \"duplicates\" WHERE \"id\" > $1 AND"
            " \"record_entity\" = $2 AND \"state\" = $3 AND \"deleted_at\" IS NULL ORDER BY \"id\""
            " LIMIT 200"),
        VALS(V(*after), V(e->number), V(state))));
    while (*n < MATCH_PAIRS && rows_next(&rows)) {
        *after = col_int(&rows, 0);
        (*n)++;
        ids[close] = *after;
        close += !is_among(all, nall, col_int(&rows, 1), col_int(&rows, 2));
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < close; i++) {
        TRY(record_delete(c, duplicate, ids[i], 0));
        (*gone)++;
    }
    return OK;
}

/* The rows of pairs about a record that are not dismissed. */
enum err_code match_pairs_of(struct call *c, const struct live_entity *e, int64_t id, int64_t after,
    int64_t *ids, size_t *n)
{
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"duplicates\" WHERE \"record_entity\" = $1 AND \"record_id\" = $2 AND"
            " \"deleted_at\" IS NULL AND \"id\" > $3 UNION SELECT \"id\" FROM \"duplicates\" WHERE"
            " \"other_entity\" = $1 AND \"other_id\" = $2 AND \"deleted_at\" IS NULL AND \"id\" > $3"
            " ORDER BY 1 LIMIT 200"),
        VALS(V(e->number), V(id), V(after))));
    while (*n < MATCH_PAIRS && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* A merged pair stays, to be told; any other goes with its record. */
enum err_code match_pairs_forget(struct call *c, const struct live_entity *e, int64_t id)
{
    const struct live_entity *duplicate = model_entity(c->model, STR("duplicate"));
    int64_t ids[MATCH_PAIRS], into, after = 0;
    size_t n = MATCH_PAIRS;

    TRY(merge_target(c, e, id, &into));
    while (n == MATCH_PAIRS) {
        TRY(match_pairs_of(c, e, id, after, ids, &n));
        for (size_t i = 0; i < n; i++) {
            struct record *was, *r = record_new(c, duplicate);
            after = ids[i];
            TRY(record_load(c, duplicate, ids[i], false, &was));
            int64_t a = record_cells(was, entity_field(duplicate, STR("record")))[1].i;
            int64_t b = record_cells(was, entity_field(duplicate, STR("other")))[1].i;
            if (into && (a == into || b == into)) {
                r->id = ids[i];
                r->trusted = r->replay = true;
                record_set(c, r, "state", V(state_id(c, "merged")));
                TRY(record_update(c, r));
            } else if (!match_pair_is(c, was, "merged")) {
                TRY(record_delete(c, duplicate, ids[i], 0));
            }
        }
    }
    return OK;
}

/* ---- while somebody types ---- */

static void put_hit(struct call *c, const struct match_rule *rule, const struct match_hit *h)
{
    bool certain = h->p >= rule->merge && match_has_evidence(rule, h->pair.pattern);
    const struct live_field *title = rule->e->title;
    struct buf name;

    buf_init(&name, c->mem, 4000);
    if (title && title->stored && access_field(c, title) != FIELD_HIDDEN) {
        cells_to_text(c, title, &h->other->cells[title->cell], NULL, &name);
    }
    json_object(&c->out, NULL);
    json_int(&c->out, "id", h->pair.b);
    json_text(&c->out, "name", buf_str(&name));
    json_real(&c->out, "probability", floor(h->p * 10000) / 10000);
    json_cstr(&c->out, "zone", certain ? "merge" : "review");
    match_reasons(c, rule, h->pair.pattern, true, &c->out, "reasons");
    json_end_object(&c->out);
}

/* A value that is half typed is passed over, the others count. */
static enum err_code fill_what_fits(struct call *c, struct record *r, const json_t *object)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)object, name, v)
    {
        json_t *one = json_pack("{s:O}", name, v);
        arena_defer(c->mem, (void (*)(void *))json_decref, one);
        enum err_code code = strcmp(name, "id") == 0 ? OK : record_fill(c, r, one);
        if (code != OK && code != ERR_INVALID) {
            return code;
        }
        err_clear(&c->err);
        c->errors = NULL;
    }
    return OK;
}

enum err_code match_check(
    struct call *c, const struct live_entity *e, const json_t *record, int most)
{
    struct record *r = record_new(c, e);
    struct match_hit hits[MATCH_CANDIDATES];
    struct match_values values;
    struct match_rule *rule;
    size_t n = 0;

    TRY(access_require(c, e, RIGHT_READ));
    if (!json_is_object(record)) {
        return fail(c, ERR_INVALID, NULL, "a record is a JSON object");
    }
    TRY(match_rule_load(c, e, &rule));
    if (rule) {
        TRY(fill_what_fits(c, r, record));
        match_values_of(c, rule, r, &values);
        TRY(match_hits(c, rule, &values, NULL, json_integer_value(json_object_get(record, "id")), hits, &n));
    }
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (size_t i = 0; i < n && most > 0; i++) {
        bool yes;
        TRY(access_record(c, hits[i].other, RIGHT_READ, &yes));
        if (yes) {
            put_hit(c, rule, &hits[i]);
            most--;
        }
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return OK;
}

enum err_code match_same(struct call *c, const struct match_rule *rule, const struct record *r,
    int64_t *id, struct str *agree)
{
    struct match_hit hits[MATCH_CANDIDATES];
    struct match_values values;
    struct buf words;
    size_t n;
    bool yes = false;

    *id = 0;
    match_values_of(c, rule, r, &values);
    TRY(match_hits(c, rule, &values, NULL, 0, hits, &n));
    for (size_t i = 0; i < n && !yes; i++) {
        TRY(access_record(c, hits[i].other, RIGHT_READ, &yes));
        *id = yes ? hits[i].pair.b : 0;
        buf_init(&words, c->mem, 2000);
        for (size_t t = 0; yes && t < rule->n; t++) {
            const struct live_field *f = rule->terms[t].f;
            /* several terms look at one list: its name stands once */
            bool again = t > 0 && rule->terms[t - 1].f == f && match_at(hits[i].pair.pattern, t - 1) >= AGREES;
            if (match_at(hits[i].pair.pattern, t) >= AGREES && !again && access_field(c, f) != FIELD_HIDDEN) {
                buf_fmt(&words, "%s%s", words.n ? ", " : "", f->name.p);
            }
        }
        *agree = buf_str(&words);
    }
    return OK;
}

/* ---- who sees a pair ---- */

enum err_code match_pair_seen(struct call *c, const struct record *pair, bool *yes)
{
    static const char *const ends[] = { "record", "other" };

    *yes = true;
    for (int i = 0; i < 2 && *yes; i++) {
        const struct dbval *cells = record_cells(pair, entity_field(pair->e, str_of(ends[i])));
        const struct live_entity *e
            = cells[0].type == DB_INT ? model_entity_number(c->model, cells[0].i) : NULL;
        struct record *r;
        *yes = false;
        if (e) {
            enum err_code code = record_load(c, e, cells[1].i, false, &r);
            if (code == OK) {
                TRY(access_record(c, r, RIGHT_READ, yes));
            } else if (code == ERR_NOT_FOUND) {
                err_clear(&c->err);
            } else {
                return code;
            }
        }
    }
    return OK;
}

static enum err_code end_sql(struct call *c, const struct live_entity *e, const char *column, int alias,
    struct sqltext *s)
{
    int far = sql_new_alias(s);

    sql_lit(s, " AND EXISTS (SELECT 1 FROM ");
    sql_ident(s, e->tables[0]);
    sql_lit(s, " ");
    sql_alias(s, far);
    sql_lit(s, " WHERE ");
    sql_column(s, far, "id");
    sql_lit(s, " = ");
    sql_column(s, alias, column);
    TRY(access_sql(c, e, RIGHT_READ, far, s));
    sql_lit(s, ")");
    return OK;
}

enum err_code match_pair_sql(struct call *c, int alias, struct sqltext *s)
{
    bool any = false;

    sql_lit(s, " AND (");
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        struct match_rule *rule = NULL;
        if (!(e->def.flags & (ENTITY_TABLE | ENTITY_LINK | ENTITY_PAIR | ENTITY_ADMIN))) {
            TRY(match_rule_load(c, e, &rule));
        }
        if (rule) {
            if (any) {
                sql_lit(s, " OR ");
            }
            sql_lit(s, "(");
            any = true;
            sql_column(s, alias, "record_entity");
            sql_lit(s, " = ");
            sql_int(s, e->number);
            TRY(end_sql(c, e, "record_id", alias, s));
            TRY(end_sql(c, e, "other_id", alias, s));
            sql_lit(s, ")");
        }
    }
    if (!any) {
        sql_lit(s, "1 = 0");
    }
    sql_lit(s, ")");
    return OK;
}

/* ---- what one can do ---- */

static enum err_code load_open(struct call *c, struct record **r)
{
    bool yes;

    TRY(record_load(c, model_entity(c->model, STR("duplicate")), c->ids[0], true, r));
    TRY(match_pair_seen(c, *r, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no duplicate with id %" PRId64, c->ids[0]);
    }
    return match_pair_is(c, *r, "open") ? OK : fail(c, ERR_CONFLICT, "state", "this pair is settled already");
}

enum err_code match_dismiss(struct call *c)
{
    struct record *r, *change = record_of(c, "duplicate");

    TRY(load_open(c, &r));
    change->id = r->id;
    change->trusted = change->replay = true;
    record_set(c, change, "state", V(state_id(c, "dismissed")));
    return record_update(c, change);
}

enum err_code match_merge(struct call *c)
{
    const json_t *survivor = json_object_get(c->input, "survivor");
    struct record *r, *change = record_of(c, "duplicate");
    struct merging *m;
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, 2);

    TRY(load_open(c, &r));
    const struct dbval *a = record_cells(r, entity_field(r->e, STR("record")));
    const struct dbval *b = record_cells(r, entity_field(r->e, STR("other")));
    bool second = json_is_integer(survivor) && json_integer_value(survivor) == b[1].i;
    if (json_is_integer(survivor) && !second && json_integer_value(survivor) != a[1].i) {
        return fail(c, ERR_INVALID, "survivor", "the survivor is one of the pair");
    }
    ids[0] = second ? b[1].i : a[1].i;
    ids[1] = second ? a[1].i : b[1].i;
    TRY(merge_open(c, model_entity_number(c->model, a[0].i), ids, 2, &m));
    TRY(merge_run(c, m, json_object_get(c->input, "fields"), json_object_get(c->input, "values")));
    change->id = r->id;
    change->trusted = change->replay = true;
    record_set(c, change, "state", V(state_id(c, "merged")));
    TRY(record_update(c, change));
    out_int(c, "survivor", ids[0]);
    out_int(c, "moved", m->moved);
    out_int(c, "change_set", c->change_set);
    return OK;
}

enum err_code match_sweep(struct call *c)
{
    struct record *r;
    int64_t job;

    TRY(record_load(c, model_entity(c->model, STR("duplicate_rule")), c->ids[0], true, &r));
    const struct live_entity *e = model_entity(c->model, record_get(r, "entity").s);
    if (!e) {
        return fail(c, ERR_CONFLICT, "entity", "the object of this rule has been removed");
    }
    TRY(match_order_sweep(c, e, false, &job));
    out_int(c, "job", job);
    return OK;
}
