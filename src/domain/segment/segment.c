/* segment.c - the entity "segment": its condition is checked, others that it names are followed, and what it
 * takes to see and to use it. */

#include "domain/segment/segment.h"

#include "domain/segment/segment_steps.h"

#include "base/utf8.h"
#include "model/action.h"
#include "model/query.h"
#include "model/texts.h"

#include <inttypes.h>
#include <string.h>

static const struct choice_def kinds[] = {
    { "live", "Live", "green" }, { "static", "Static", "gray" }, { "snapshot", "Snapshot", "blue" }, { 0 },
};
static const struct field fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_TEXT("code", .max = 60, .no_fold = true, .unique = true, .format = FORMAT_CODE,
        .help = "Its name in expressions: in_segment('lapsed'). Made of the name when left out."),
    FIELD_LONG("description"),
    FIELD_CHOICE("kind", kinds, .def = "live", .set_once = true,
        .help = "Live follows its condition; a snapshot keeps who was in at the beginning; a static one is kept by hand."),
    { .name = "where", .label = "Condition", .kind = KIND_LONG_TEXT, .max = SEGMENT_WHERE },
    FIELD_TEXT("state", .max = 20, .read_only = true, .no_fold = true, .no_history = true,
        .help = "building, live or failed"),
    FIELD_INT("size", .read_only = true, .no_history = true),
    FIELD_INSTANT("built_at", .read_only = true, .no_history = true),
    FIELD_TEXT("error", .max = 400, .read_only = true, .no_fold = true, .no_history = true),
    FIELD_INT("live", .label = "Version", .read_only = true, .no_history = true),
    FIELD_END,
};

/* What becomes of a mail is told to nobody, so a live segment would be true only when it was built. */
static enum err_code check_followed(struct call *c, const struct expr *x)
{
    struct str names[SEGMENT_NAMES];
    size_t n = 0;

    bool read = segment_names(c, x, NAMES_MAILS, names, &n);
    return read && !n ? OK
                      : fail(c, ERR_INVALID, "where",
                          "mailed() is for filters, audiences and snapshots: a live segment does not learn when it changes");
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old);
static enum err_code before_delete(struct call *c, const struct record *r);
static enum err_code after_save(struct call *c, const struct record *r, const struct record *old);

static const struct entity segment = { .name = "segment", .plural = "segments", .icon = "chart-pie", .area = "Marketing",
    .fields = fields, .before_save = before_save, .before_delete = before_delete, .after_save = after_save };

static bool is_kind(const struct record *r, const char *code)
{
    const struct live_field *f = entity_field(r->e, STR("kind"));
    const struct choice *k = choice_by_id(f->list, record_get(r, "kind").i);

    return k && str_is(k->code, code);
}

/* ---- checks ---- */

/* "Lapsed, since 2020!" to "lapsed_since_2020". */
static struct str code_of_name(struct call *c, struct str name)
{
    struct str folded = utf8_fold(c->mem, name);
    struct buf b;

    buf_init(&b, c->mem, 1000);
    for (size_t i = 0; i < folded.n && b.n < 50; i++) {
        char ch = folded.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');
        if (plain) {
            buf_byte(&b, ch);
        } else if (b.n && b.p[b.n - 1] != '_') {
            buf_byte(&b, '_');
        }
    }
    while (b.n && b.p[b.n - 1] == '_') {
        b.n--;
    }
    return b.n ? buf_str(&b) : STR("segment");
}

/* Does code lead to `to` through the segments that it names? */
static bool reaches(const struct segment *all, size_t n, struct str code, struct str to, int depth)
{
    for (size_t i = 0; i < n && depth < 20; i++) {
        for (size_t k = 0; str_eq(all[i].code, code) && k < all[i].nnames; k++) {
            if (str_eq(all[i].names[k], to) || reaches(all, n, all[i].names[k], to, depth + 1)) {
                return true;
            }
        }
    }
    return false;
}

static enum err_code check_names(struct call *c, const struct expr *x, struct str own)
{
    struct segment *all;
    struct str names[SEGMENT_NAMES];
    size_t n, nall;

    if (!segment_names(c, x, NAMES_EVENTS, names, &n)) {
        return fail(c, ERR_INVALID, "where", "a segment names at most %d events", SEGMENT_NAMES);
    }
    if (!segment_names(c, x, NAMES_SEGMENTS, names, &n)) {
        return fail(c, ERR_INVALID, "where", "a segment names at most %d others", SEGMENT_NAMES);
    }
    TRY(n ? segments_load(c, &all, &nall) : OK);
    for (size_t i = 0; i < n; i++) {
        bool known = false;
        for (size_t k = 0; k < nall && !known; k++) {
            known = str_eq(all[k].code, names[i]);
        }
        if (!known) {
            return fail(c, ERR_INVALID, "where", "there is no segment \"%.*s\"", STR_ARG(names[i]));
        }
        if (str_eq(names[i], own) || reaches(all, nall, names[i], own, 0)) {
            return fail(c, ERR_INVALID, "where", "\"%.*s\" leads back to this segment", STR_ARG(names[i]));
        }
    }
    return OK;
}

struct looked_at {
    struct call *c;
    const struct live_entity *hidden; /* some of whose records the author may not read */
};

static void look_at(void *arg, const struct expr_use *u)
{
    struct looked_at *l = arg;

    if (access_level(l->c, u->field->entity, RIGHT_READ) != LEVEL_ALL) {
        l->hidden = u->field->entity;
    }
}

/* Its members count for everybody and are found among all, so who may read a part only would learn of the rest. */
static enum err_code check_rights(struct call *c, const struct expr *x)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct looked_at l = { .c = c, .hidden = access_level(c, people, RIGHT_READ) == LEVEL_ALL ? NULL : people };

    expr_uses(x, look_at, &l);
    return !l.hidden ? OK
                     : fail(c, ERR_FORBIDDEN, "where", "a segment finds its members among all: its author may read all %s",
                           l.hidden->label_plural.p);
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    struct expr_scope scope = access_scope(c, model_entity(c->model, STR("contact")));
    const struct expr *x;
    struct dbval where = record_get(r, "where");

    if (record_get(r, "code").type != DB_TEXT && record_get(r, "name").type == DB_TEXT) {
        record_set(c, r, "code", V(code_of_name(c, record_get(r, "name").s)));
    }
    if (old && !str_eq(record_get(old, "code").s, record_get(r, "code").s)) {
        return fail(c, ERR_INVALID, "code", "the code of a segment stays: expressions name it");
    }
    if (is_kind(r, "static")) {
        record_set(c, r, "where", V_NULL);
        record_set(c, r, "state", V("live"));
        record_set(c, r, "live", V(1));
        return OK;
    }
    if (where.type != DB_TEXT) {
        return fail(c, ERR_INVALID, "where", "a segment that is not static needs a condition");
    }
    TRY(expr_condition(&scope, where.s, "where", &x, &c->err));
    TRY(check_names(c, x, record_get(r, "code").s));
    TRY(!old || !str_eq(record_get(old, "where").s, where.s) ? check_rights(c, x) : OK);
    TRY(is_kind(r, "live") ? check_followed(c, x) : OK);
    if (!old || !str_eq(record_get(old, "where").s, where.s)) {
        record_set(c, r, "state", V("building"));
    }
    return OK;
}

enum err_code segment_order_build(struct call *c, int64_t id, int64_t delay, int64_t *job)
{
    json_t *input = json_pack("{s:I}", "segment", (json_int_t)id);

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c,
        &(struct job_order) { .kind = "segment_build", .input = input, .due = delay ? c->now + delay : 0,
            .key = arena_fmt(c->mem, "segment_build:%d:%" PRId64, delay > 0, id).p },
        job);
}

static enum err_code after_save(struct call *c, const struct record *r, const struct record *old)
{
    int64_t job;

    if (!r || is_kind(r, "static")
        || (old && str_eq(record_get(old, "where").s, record_get(r, "where").s))) {
        return OK;
    }
    return segment_order_build(c, r->id, 0, &job);
}

static enum err_code before_delete(struct call *c, const struct record *r)
{
    struct segment *all;
    size_t n;

    TRY(segments_load(c, &all, &n));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < all[i].nnames; k++) {
            if (str_eq(all[i].names[k], record_get(r, "code").s)) {
                return fail(c, ERR_CONFLICT, NULL, "the segment \"%.*s\" names this one", STR_ARG(all[i].code));
            }
        }
    }
    return OK;
}

/* ---- actions ---- */

static enum err_code load_target(struct call *c, struct segment *s, bool by_hand)
{
    TRY(segment_load(c, target(c), s));
    return by_hand && !str_is(s->kind, "static")
        ? fail(c, ERR_CONFLICT, "kind", "people are put into static segments only; this one follows its condition")
        : OK;
}

static enum err_code move_by_hand(struct call *c, bool in)
{
    const json_t *ids = json_object_get(c->input, "ids");
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct segment s;
    int64_t n = 0;

    TRY(load_target(c, &s, true));
    if (!json_is_array(ids) || json_array_size(ids) > 1000) {
        return fail(c, ERR_INVALID, "ids", "ids is a list of at most %d numbers", 1000);
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        int64_t id = json_integer_value(json_array_get(ids, i));
        struct record *r;
        bool yes = false, moved;
        enum err_code code = record_load(c, people, id, false, &r);
        TRY(code == OK ? access_record(c, r, RIGHT_READ, &yes) : code == ERR_NOT_FOUND ? OK : code);
        if (!yes) {
            return fail(c, ERR_INVALID, "ids", "there is no %s with id %" PRId64, "contact", id);
        }
        TRY(segment_put(c, &s, s.live, id, NULL, in, "hand", &moved));
        n += moved;
    }
    TRY(segments_store_sizes(c, &s, 1));
    out_int(c, "moved", n);
    return OK;
}

static enum err_code add(struct call *c)
{
    return move_by_hand(c, true);
}

static enum err_code remove_people(struct call *c)
{
    return move_by_hand(c, false);
}

static enum err_code rebuild(struct call *c)
{
    struct segment s;
    int64_t job;

    TRY(load_target(c, &s, false));
    if (!s.follows) {
        return fail(c, ERR_CONFLICT, "kind", "only a live segment is built");
    }
    TRY(segment_order_build(c, s.id, 0, &job));
    out_int(c, "job", job);
    return OK;
}

/* Why a person is in or not, leaf by leaf, and when time alone changes that. */
static enum err_code explain(struct call *c)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct expr_scope scope = access_scope(c, people);
    const struct expr *x;
    struct segment s;
    struct record *r;
    struct value v;
    int64_t next, since;
    bool yes, in;

    TRY(load_target(c, &s, false));
    TRY(record_load(c, people, in_int(c, "person"), true, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes) {
        return fail(c, ERR_NOT_FOUND, "person", "there is no %s with id %" PRId64, "contact", in_int(c, "person"));
    }
    TRY(db_find(c, &since, &in,
        SQL("SELECT \"since\" FROM \"segment_members\" WHERE \"segment\" = $1 AND \"version\" = $2 AND \"person\" = $3"),
        VALS(V(s.id), V(s.live), V(r->id))));
    json_flag(&c->out, "in", in);
    if (in) {
        out_instant(c, "since", since);
    }
    if (s.where.n) {
        struct expr_rows rows = record_rows_seen(c, r);
        TRY(expr_condition(&scope, s.where, "where", &x, &c->err));
        json_name(&c->out, STR("why"));
        TRY(expr_explain(x, &rows, c->mem, c->now, c->who->id, &c->out, &next, &v));
        if (next != INT64_MAX) {
            out_instant(c, "next", next);
        }
    }
    return OK;
}

enum { TOLD = 200 };

/* When a person entered and left segments, newest first. */
static enum err_code history(struct call *c)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    struct move {
        int64_t person, at;
        bool entered;
        struct str cause;
    } *moves = ARENA_ARRAY(c->mem, struct move, TOLD);
    struct ref_names *names = ref_names_new(c);
    struct segment s;
    struct rows rows;
    size_t n = 0;

    TRY(load_target(c, &s, false));
    TRY(db_query(c, &rows,
        SQL("SELECT h.\"person\", h.\"kind\", h.\"at\", h.\"cause\" FROM \"segment_changes\" h WHERE h.\"segment\" = $1 AND"
            " ($2 = 0 OR h.\"person\" = $2) ORDER BY h.\"at\" DESC, h.\"id\" DESC LIMIT 200"),
        VALS(V(s.id), V(in_int(c, "person")))));
    while (n < TOLD && rows_next(&rows)) {
        moves[n] = (struct move) { .person = col_int(&rows, 0), .at = col_int(&rows, 2),
            .entered = str_is(stmt_text(rows.st, 1), "e"), .cause = col_text(&rows, 3) };
        ref_names_want(names, people, moves[n++].person);
    }
    TRY(rows_end(&rows));
    TRY(ref_names_load(names));
    json_array(&c->out, "items");
    for (size_t i = 0; i < n; i++) {
        struct record *r;
        bool yes = false;
        enum err_code code = record_load(c, people, moves[i].person, true, &r);
        if (code == ERR_NOT_FOUND) { /* who is gone for good is told of to those who could read him */
            err_clear(&c->err);
            yes = access_level(c, people, RIGHT_READ) == LEVEL_ALL;
        } else {
            TRY(code);
            TRY(access_record(c, r, RIGHT_READ, &yes));
        }
        if (!yes) {
            continue;
        }
        json_object(&c->out, NULL);
        json_int(&c->out, "person", moves[i].person);
        json_text(&c->out, "name", ref_names_get(names, people, moves[i].person));
        json_cstr(&c->out, "kind", moves[i].entered ? "entered" : "left");
        out_instant(c, "at", moves[i].at);
        json_text(&c->out, "cause", moves[i].cause);
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return OK;
}

static const struct field ids_input[] = { FIELD_JSON("ids", .required = true), FIELD_END };
static const struct field person_input[] = { FIELD_INT("person", .required = true, .min = 1), FIELD_END };
static const struct field any_person_input[] = { FIELD_INT("person", .min = 1), FIELD_END };
static const struct field moved_output[] = { FIELD_INT("moved"), FIELD_END };
static const struct field job_output[] = { FIELD_INT("job"), FIELD_END };
static const struct field explain_output[]
    = { FIELD_BOOL("in"), FIELD_INSTANT("since"), FIELD_JSON("why"), FIELD_INSTANT("next"), FIELD_END };
static const struct field history_output[] = { FIELD_JSON("items"), FIELD_END };

static const struct action actions[] = {
    { .name = "add", .on = "segment", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "segment.update",
        .input = ids_input, .output = moved_output, .run = add, .help = "Puts people into a static segment." },
    { .name = "remove", .on = "segment", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "segment.update",
        .input = ids_input, .output = moved_output, .run = remove_people,
        .help = "Takes people out of a static segment." },
    { .name = "build", .on = "segment", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "segment.update",
        .output = job_output, .run = rebuild,
        .help = "Makes all members anew; the job's result says how many were wrong." },
    { .name = "explain", .on = "segment", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "segment.read",
        .input = person_input, .output = explain_output, .run = explain,
        .help = "Why a person is in or not, and when that changes by itself." },
    { .name = "changes", .on = "segment", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "segment.read",
        .input = any_person_input, .output = history_output, .run = history,
        .help = "Who entered and left, newest first." },
    ACTION_END,
};

/* ---- shipped: in the language of the organisation ---- */

static const struct {
    const char *code, *name, *where, *description, *needs;
} shipped[] = {
    { "recent_first_time_buyers", "Recent first-time buyers", "order_count = 1 and first_order_at > now - 30d",
        "Bought for the first time within 30 days: thank them, and show what goes with it." },
    { "loyal_shoppers", "Loyal shoppers", "order_count >= 4 and last_order_at > now - 180d",
        "Four orders or more, the last within half a year." },
    { "big_spenders", "Big spenders", "total_spent >= 1000", "Spent 1,000 or more, returns taken off." },
    { "at_risk", "At risk", "order_count >= 3 and last_order_at < now - 120d and last_order_at > now - 365d",
        "Bought three times or more, and nothing for four months." },
    { "repeat_browsers", "Repeat browsers", "did('page_view', 14d) >= 5 and not last_order_at > now - 14d",
        "Looked at five pages or more within two weeks and have not bought.", "did" },
    { "lapsed", "Lapsed", "order_count >= 1 and last_order_at < now - 365d",
        "Customers who have not bought anything for a year." },
};

/* Those of other modules' functions come where the module is there. */
static bool has_function(const struct call *c, const char *name)
{
    for (const struct expr_extension *f = c->model->functions; f && f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code seed(struct call *c)
{
    int64_t n;

    TRY(db_int(c, &n, SQL("SELECT count(*) FROM \"segments\""), VALS()));
    for (size_t i = 0; !n && i < sizeof shipped / sizeof *shipped; i++) {
        if (shipped[i].needs && !has_function(c, shipped[i].needs)) {
            continue;
        }
        struct record *r = record_of(c, "segment");
        r->trusted = true;
        record_set(c, r, "code", V(shipped[i].code));
        record_set(c, r, "name", V(text_in(call_language(c), shipped[i].name)));
        record_set(c, r, "where", V(shipped[i].where));
        record_set(c, r, "description", V(text_in(call_language(c), shipped[i].description)));
        TRY(record_create(c, r));
    }
    return OK;
}

/* ---- the module ---- */

enum { CHANGES_DAYS = 90, SWEPT = 2000 };

/* Old changes, and what belongs to segments that are gone, some at a time. */
static enum err_code housekeeping(struct call *c)
{
    int64_t old, members, timers, late;

    TRY(db_changed(c, &old,
        SQL("DELETE FROM \"segment_changes\" WHERE \"id\" IN (SELECT \"id\" FROM \"segment_changes\" WHERE \"at\" < $1"
            " ORDER BY \"at\" LIMIT 2000)"),
        VALS(V(c->now - DAYS(CHANGES_DAYS)))));
    TRY(db_changed(c, &members,
        SQL("DELETE FROM \"segment_members\" WHERE \"segment\" = (SELECT min(\"segment\") FROM \"segment_members\" WHERE"
            " \"segment\" NOT IN (SELECT \"id\" FROM \"segments\")) AND \"person\" IN (SELECT \"person\" FROM"
            " \"segment_members\" WHERE \"segment\" NOT IN (SELECT \"id\" FROM \"segments\") LIMIT 2000)"),
        VALS()));
    TRY(db_changed(c, &timers,
        SQL("DELETE FROM \"segment_timers\" WHERE \"segment\" NOT IN (SELECT \"id\" FROM \"segments\")"), VALS()));
    TRY(db_changed(c, &late, /* no build takes as long */
        SQL("DELETE FROM \"segment_late\" WHERE \"id\" IN (SELECT \"id\" FROM \"segment_late\" WHERE \"at\" < $1 ORDER BY"
            " \"id\" LIMIT 2000)"),
        VALS(V(c->now - DAYS(3)))));
    return old == SWEPT || late == SWEPT || members ? job_continue(c, 0, 0, 0) : OK;
}

static const struct entity *const entities[]
    = { &segment, &segment_member_entity, &segment_change_entity, &segment_timer_entity, &segment_late_entity, NULL };

static const struct job_kind jobs[] = {
    { .name = "segment_build", .work = segment_build_work, .system = true,
        .help = "Makes the members of a new or edited segment." },
    { .name = "segment_timers", .run = segment_timers_run, .system = true,
        .help = "Judges people anew when time alone changes the answer." },
    { .name = "segment_housekeeping", .run = housekeeping, .when = "daily", .system = true,
        .help = "Removes changes of membership older than 90 days." },
    JOB_END,
};

static const struct consumer consumers[] = {
    { .name = "segments_single", .before = "segments", .run = segments_consume_single },
    { .name = "segments", .run = segments_consume },
    CONSUMER_END,
};

const struct module segment_module = { .name = "segment", .entities = entities, .actions = actions,
    .jobs = jobs, .consumers = consumers, .seed = seed, .functions = segment_functions };
