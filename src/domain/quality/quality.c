/* quality.c - rules about data, and how well the data fulfil them.
 *
 * A rule is an expression that finds the records which are at fault: missing, invalid, stale, contradictory or
 * unlikely. It is kept with fields by number, so that renaming one breaks no rule. The score of an entity is the
 * share of what could be at fault and is not, each rule counted by its weight:
 *   score = 100 * (1 - sum(weight * found) / (sum(weight) * records)). */

#include "domain/quality/quality.h"

#include "model/action.h"
#include "model/job.h"
#include "model/query.h"
#include "model/texts.h"

#include <inttypes.h>
#include <string.h>

enum { RULES_MAX = 200, TREND_DAYS = 90 };

/* ---- entities ---- */

static const struct choice_def kinds[] = { { "missing", "Missing" }, { "invalid", "Invalid" },
    { "stale", "Stale" }, { "contradictory", "Contradictory" }, { "unlikely", "Unlikely" }, { 0 } };

static const struct field rule_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 2),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true, .set_once = true, .index = true),
    FIELD_CHOICE("kind", kinds, .required = true),
    FIELD_TEXT("where", .required = true, .max = 8000, .no_fold = true, .format = FORMAT_EXPR,
        .help = "Finds the records that are at fault."),
    FIELD_TEXT("advice", .max = 400, .help = "What to do about it."),
    FIELD_INT("weight", .min = 1, .max = 100, .def = "1"),
    FIELD_BOOL("active", .def = "true"),
    FIELD_END,
};

static enum err_code rule_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str entity = record_get(r, "entity").s;
    const struct live_entity *e
        = record_get(r, "entity").type == DB_TEXT ? model_entity(c->model, entity) : NULL;

    (void)old;
    if (!e) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"",
            (int)(entity.n < 60 ? entity.n : 60), entity.n ? entity.p : "");
    }
    record_set(c, r, "entity", V(e->name));
    if (record_get(r, "where").type != DB_TEXT) {
        return OK; /* required: said by the engine */
    }
    return access_keep_condition(c, r, "where", e);
}

static const struct entity rule = { .name = "quality_rule", .plural = "quality_rules",
    .icon = "checklist", .fields = rule_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC,
    .before_save = rule_before_save };

static const struct field count_fields[] = {
    FIELD_REF("rule", "quality_rule", .required = true, .inverse = "counts", .on_delete = ON_DELETE_CASCADE),
    FIELD_DATE("day", .required = true, .index = true),
    FIELD_INT("found", .required = true),
    FIELD_INT("records", .required = true),
    FIELD_END,
};
static const char *const count_unique[] = { "\"rule\", \"day\"", NULL };
static const struct entity count = { .name = "quality_count", .plural = "quality_counts", .title = "day",
    .fields = count_fields, .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH, .unique = count_unique };

static const struct entity *const entities[] = { &rule, &count, NULL };

/* ---- what is shipped: in the language of the organisation ---- */

static const struct {
    const char *entity, *name, *kind, *where, *advice;
    int64_t weight;
} shipped[] = {
    { "contact", "No way to reach", "missing", "email is empty and phone is empty and city is empty",
        "Ask for an e-mail address or a phone number.", 5 },
    { "contact", "No first name", "missing", "first_name is empty", "Ask, or look at the signature.", 1 },
    { "contact", "No country", "missing", "city is not empty and country is empty",
        "The postcode usually tells.", 1 },
    { "contact", "Address without postcode", "missing", "city is not empty and postcode is empty",
        "Letters will come back.", 1 },
    { "contact", "Born in the future", "invalid", "birthday > today", "Mend the date of birth.", 3 },
    { "contact", "Older than 110 years", "unlikely", "birthday < today - 110y",
        "Perhaps the year has two digits.", 2 },
    { "contact", "Not touched for three years", "stale", "updated_at < now - 3y and last_call_at is empty",
        "Ask whether the details still hold.", 1 },
    { "contact", "Prefers e-mail and has none", "contradictory",
        "preferred_channel = 'email' and email is empty", "Ask for the address, or change the channel.", 3 },
    { "contact", "Prefers e-mail and must not get any", "contradictory",
        "preferred_channel = 'email' and do_not_email = true", "One of the two is out of date.", 3 },
    { "contact", "First and last name are the same", "unlikely",
        "first_name is not empty and lower(first_name) = lower(last_name)", "A form was filled in twice.", 2 },
    { "company", "No web site", "missing", "domain is empty and website is empty",
        "The domain finds colleagues and duplicates.", 1 },
    { "company", "No people", "missing", "contact_count = 0", "Whom does one talk to there?", 1 },
    { "company", "No country", "missing", "country is empty", "Needed for taxes and territories.", 1 },
    { "company", "Founded in the future", "invalid", "year_established > year(today)", "Mend the year.", 3 },
    { "company", "Not touched for three years", "stale", "updated_at < now - 3y",
        "Does it still exist?", 1 },
    { "task", "Overdue by a month", "stale", "due < now - 30d and completed_at is empty",
        "Do it, or say that nobody will.", 2 },
};

static enum err_code seed(struct call *c, void *arg)
{
    const struct live_entity *e = model_entity(c->model, STR("quality_rule"));
    int64_t n;

    (void)arg;
    TRY(db_int(c, &n, SQL("SELECT count(*) FROM \"quality_rules\""), VALS()));
    for (size_t i = 0; !n && i < sizeof shipped / sizeof *shipped; i++) {
        struct record *r = record_new(c, e);
        const struct live_field *kind = entity_field(e, STR("kind"));
        const struct choice *ch = choice_by_code(kind->list, str_of(shipped[i].kind));
        record_set(c, r, "name", V(text_in(call_language(c), shipped[i].name)));
        record_set(c, r, "entity", V(shipped[i].entity));
        record_set(c, r, "kind", V(ch ? ch->id : 0));
        record_set(c, r, "where", V(shipped[i].where));
        record_set(c, r, "advice", V(text_in(call_language(c), shipped[i].advice)));
        record_set(c, r, "weight", V(shipped[i].weight));
        r->trusted = true;
        TRY(record_create(c, r));
    }
    return OK;
}

/* ---- counting ---- */

struct one_rule {
    int64_t id, weight, found, records;
    struct str name, entity, kind, where, advice;
    bool counted;
};

struct rules {
    struct one_rule *list;
    size_t n;
};

/* The active rules of an entity, or of all (empty), into mem. */
static enum err_code load_rules(struct call *c, struct str entity, struct arena *mem, struct rules *out)
{
    struct rows rows;

    out->n = 0;
    out->list = ARENA_ARRAY(mem, struct one_rule, RULES_MAX);
    TRY(db_query(c, &rows,
        SQL("SELECT r.\"id\", r.\"weight\", r.\"name\", r.\"entity\", k.\"code\", r.\"where\", r.\"advice\""
            " FROM \"quality_rules\" r JOIN \"choices\" k ON k.\"id\" = r.\"kind\" WHERE"
            " r.\"deleted_at\" IS NULL AND r.\"active\" = 1 AND ($1 = '' OR r.\"entity\" = $1)"
            " ORDER BY r.\"entity\", r.\"id\" LIMIT 200"),
        VALS(V(entity))));
    while (out->n < RULES_MAX && rows_next(&rows)) {
        out->list[out->n++] = (struct one_rule) { .id = col_int(&rows, 0), .weight = col_int(&rows, 1),
            .name = arena_str(mem, stmt_text(rows.st, 2)), .entity = arena_str(mem, stmt_text(rows.st, 3)),
            .kind = arena_str(mem, stmt_text(rows.st, 4)), .where = arena_str(mem, stmt_text(rows.st, 5)),
            .advice = arena_str(mem, stmt_text(rows.st, 6)) };
    }
    return rows_end(&rows);
}

/* With the rights of the caller. A rule that no longer fits the model counts nothing. before: the rule counted
 * last, whose number of records serves again for the same entity. */
static enum err_code count_rule(struct call *c, struct one_rule *r, const struct one_rule *before)
{
    struct list_request q = { .e = model_entity(c->model, r->entity), .right = RIGHT_READ };

    r->counted = false;
    if (!q.e) {
        return OK;
    }
    if (before && before->counted && str_eq(before->entity, r->entity)) {
        r->records = before->records;
    } else {
        TRY(query_count(c, &q, &r->records));
    }
    q.where = r->where;
    enum err_code code = query_count(c, &q, &r->found);
    if (code == ERR_INVALID) {
        err_clear(&c->err);
        c->errors = NULL;
        return OK;
    }
    r->counted = code == OK;
    return code;
}

struct measuring {
    struct job_work *w;
    struct rules rules;
    struct one_rule *rule;
    const struct one_rule *before;
};

static enum err_code list_rules(struct call *c, void *arg)
{
    struct measuring *m = arg;

    return load_rules(c, STR(""), m->w->mem, &m->rules);
}

static enum err_code measure_rule(struct call *c, void *arg)
{
    struct measuring *m = arg;

    return count_rule(c, m->rule, m->before);
}

static enum err_code keep_count(struct call *c, void *arg)
{
    struct measuring *m = arg;
    struct record *r = record_of(c, "quality_count");
    const struct zone *zone = zone_get(c->model->zone);
    int64_t day = zone_date(zone, c->now), id;
    bool found;

    TRY(db_find(c, &id, &found,
        SQL("SELECT \"id\" FROM \"quality_counts\" WHERE \"rule\" = $1 AND \"day\" = $2 AND"
            " \"deleted_at\" IS NULL"),
        VALS(V(m->rule->id), V(day))));
    record_set(c, r, "found", V(m->rule->found));
    record_set(c, r, "records", V(m->rule->records));
    r->trusted = true;
    if (found) {
        r->id = id;
        return record_update(c, r);
    }
    record_set(c, r, "rule", V(m->rule->id));
    record_set(c, r, "day", V(day));
    return record_create(c, r);
}

static enum err_code measure(struct job_work *w)
{
    struct measuring m = { .w = w };

    TRY(job_work_write(w, seed, NULL));
    TRY(job_work_read(w, list_rules, &m));
    for (size_t i = 0; i < m.rules.n; i++) {
        m.before = m.rule;
        m.rule = &m.rules.list[i];
        w->done = (int64_t)i;
        w->total = (int64_t)m.rules.n;
        TRY(job_work_read(w, measure_rule, &m));
        if (m.rule->counted) {
            TRY(job_work_write(w, keep_count, &m));
        }
    }
    return OK;
}

/* ---- actions ---- */

static const struct field report_input[] = {
    FIELD_TEXT("entity", .required = true, .max = 60),
    FIELD_BOOL("live", .help = "Count now, not as of the last measuring."),
    FIELD_END,
};

static enum err_code last_count(struct call *c, struct one_rule *r)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"found\", \"records\" FROM \"quality_counts\" WHERE \"rule\" = $1 AND \"deleted_at\""
            " IS NULL ORDER BY \"day\" DESC LIMIT 1"),
        VALS(V(r->id))));
    if (rows_next(&rows)) {
        r->found = col_int(&rows, 0);
        r->records = col_int(&rows, 1);
        r->counted = true;
    }
    return rows_end(&rows);
}

static enum err_code trend_json(struct call *c, const struct one_rule *r)
{
    struct rows rows;
    char text[DATE_TEXT];

    json_array(&c->out, "trend");
    TRY(db_query(c, &rows,
        SQL("SELECT \"day\", \"found\", \"records\" FROM \"quality_counts\" WHERE \"rule\" = $1 AND"
            " \"deleted_at\" IS NULL ORDER BY \"day\" DESC LIMIT $2"),
        VALS(V(r->id), V((int64_t)TREND_DAYS))));
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        date_format(col_int(&rows, 0), text);
        json_cstr(&c->out, "day", text);
        json_int(&c->out, "found", col_int(&rows, 1));
        json_int(&c->out, "records", col_int(&rows, 2));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

/* The filter with the names of now, as a list takes it. */
static struct str shown_where(struct call *c, const struct one_rule *r)
{
    const struct live_entity *e = model_entity(c->model, r->entity);
    struct expr_scope scope = access_scope(c, e);
    const struct expr *x;
    struct err ignored = { 0 };
    struct buf b;

    if (expr_condition(&scope, r->where, "where", &x, &ignored) != OK) {
        return (struct str) { "", 0 };
    }
    buf_init(&b, c->mem, 32 << 10);
    expr_text(x, false, &b);
    return buf_str(&b);
}

static enum err_code rule_json(struct call *c, const struct one_rule *r, bool trend)
{
    json_object(&c->out, NULL);
    json_int(&c->out, "id", r->id);
    json_text(&c->out, "name", r->name);
    json_text(&c->out, "kind", r->kind);
    json_int(&c->out, "weight", r->weight);
    json_text(&c->out, "advice", r->advice);
    json_text(&c->out, "where", shown_where(c, r));
    if (r->counted) {
        json_int(&c->out, "found", r->found);
        json_int(&c->out, "records", r->records);
    } else {
        json_none(&c->out, "found");
        json_none(&c->out, "records");
    }
    if (trend) {
        TRY(trend_json(c, r));
    } else {
        json_array(&c->out, "trend");
        json_end_array(&c->out);
    }
    json_end_object(&c->out);
    return OK;
}

/* Does nothing stand between the caller and any record of the entity? */
static enum err_code sees_everything(struct call *c, const struct live_entity *e, bool *yes)
{
    struct sqltext s;

    sqltext_init(&s, c->mem, conn_backend(c->db));
    (void)sql_new_alias(&s);
    TRY(access_sql(c, e, RIGHT_READ, 0, &s));
    *yes = s.text.n == 0;
    return OK;
}

/* Who sees all may have the counts of the night; others get what they see, counted now, and no trend. A rule over
 * fields that are hidden from the caller tells nothing. */
static enum err_code report(struct call *c)
{
    struct str name = in_text(c, "entity");
    const struct live_entity *e = model_entity(c->model, name);
    struct rules rules;
    double faults = 0, could = 0;

    if (!e) {
        return fail(c, ERR_INVALID, "entity", "there is no entity \"%.*s\"", STR_ARG(name));
    }
    TRY(access_require(c, e, RIGHT_READ));
    bool all;
    TRY(sees_everything(c, e, &all));
    bool live = in_flag(c, "live") || !all;
    TRY(load_rules(c, e->name, c->mem, &rules));
    json_text(&c->out, "entity", e->name);
    json_array(&c->out, "rules");
    for (size_t i = 0; i < rules.n; i++) {
        struct one_rule *r = &rules.list[i];
        bool hidden = !shown_where(c, r).n;
        if (!hidden) {
            TRY(live ? count_rule(c, r, i ? r - 1 : NULL) : last_count(c, r));
        }
        TRY(rule_json(c, r, all && !hidden));
        faults += r->counted ? (double)r->weight * (double)r->found : 0;
        could += r->counted ? (double)r->weight * (double)r->records : 0;
    }
    json_end_array(&c->out);
    if (could > 0) {
        json_real(&c->out, "score", 100.0 * (1.0 - faults / could));
    } else {
        json_none(&c->out, "score");
    }
    return OK;
}

static const struct field check_input[] = {
    FIELD_TEXT("entity", .required = true, .max = 60),
    FIELD_INT("id", .required = true, .min = 1),
    FIELD_END,
};

/* The rules that one record breaks, and its score: the share of the weights that it keeps. */
static enum err_code check(struct call *c)
{
    const struct live_entity *e = model_entity(c->model, in_text(c, "entity"));
    struct record *r;
    struct rules rules;
    int64_t broken = 0, all = 0;
    bool yes;

    if (!e) {
        return fail(c, ERR_INVALID, "entity", "there is no such entity");
    }
    TRY(record_load(c, e, in_int(c, "id"), true, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes || r->cells[e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, in_int(c, "id"));
    }
    TRY(load_rules(c, e->name, c->mem, &rules));
    struct expr_rows view = record_rows_seen(c, r);
    json_array(&c->out, "broken");
    for (size_t i = 0; i < rules.n; i++) {
        const struct one_rule *one = &rules.list[i];
        struct expr_scope scope = access_scope(c, e);
        const struct expr *x;
        struct err ignored = { 0 };
        struct value v;
        if (expr_condition(&scope, one->where, "where", &x, &ignored) != OK) {
            continue;
        }
        TRY(expr_eval(x, &view, c->mem, c->now, c->who->id, &v));
        all += one->weight;
        if (v.absent || !v.i) {
            continue;
        }
        broken += one->weight;
        json_object(&c->out, NULL);
        json_int(&c->out, "rule", one->id);
        json_text(&c->out, "name", one->name);
        json_text(&c->out, "kind", one->kind);
        json_text(&c->out, "advice", one->advice);
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_int(&c->out, "score", all ? 100 - 100 * broken / all : 100);
    return OK;
}

static enum err_code order_measure(struct call *c)
{
    int64_t id;

    TRY(job_enqueue(c, &(struct job_order) { .kind = "quality_measure_now", .key = "quality_measure_now" }, &id));
    out_int(c, "job", id);
    return OK;
}

static const struct action actions[] = {
    { .name = "report", .takes = TAKES_NONE, .effect = EFFECT_READ, .input = report_input,
        .right = "quality_rule.read", .run = report, .help = "The rules of an entity, what they find, the trend." },
    { .name = "check", .takes = TAKES_NONE, .effect = EFFECT_READ, .input = check_input,
        .right = "quality_rule.read", .run = check, .help = "The rules that one record breaks." },
    { .name = "measure", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .right = "quality_rule.update",
        .run = order_measure, .help = "Count all rules now." },
    ACTION_END,
};

static const struct job_kind jobs[] = {
    { .name = "quality_measure", .work = measure, .when = "daily", .system = true,
        .help = "Counts what the rules about data find." },
    { .name = "quality_measure_now", .work = measure, .system = true, .help = "The same, when somebody asks." },
    JOB_END,
};

const struct module quality_module = { .name = "quality", .entities = entities, .actions = actions,
    .jobs = jobs };
