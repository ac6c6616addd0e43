/* event_expr.c - what expressions about people ask of events: did(), last_did(), and inside did() prop(), prop_number().
 *
 * A span ends now and open: what a client's clock places a little ahead counts at once. Without a condition the counts of
 * whole days answer, and the events of the one day in which the span begins: exact, and a few rows. Months are named one by
 * one, so that each is a place in the key; SQL and memory look at the same rows. */

#include "domain/event/event_steps.h"

#include "model/expr.h"

#include <inttypes.h>
#include <math.h>

/* ---- arguments: name, condition, span ---- */

struct asked {
    struct str name;
    const struct expr *where; /* NULL: every event of that name */
    int64_t span;
    struct arena *mem;
};

static struct asked read_args(const struct expr_call *call, struct arena *mem)
{
    struct asked a = { .span = DAYS(EVENT_DAYS), .mem = mem };
    struct value name = expr_constant_value(call->args[0], mem, 0, 0);

    a.name = name.absent || name.type != VALUE_TEXT ? STR("") : name.s;
    for (size_t i = 1; i < call->n; i++) {
        if (expr_type(call->args[i]) == VALUE_DURATION) {
            struct value span = expr_constant_value(call->args[i], mem, 0, 0);
            a.span = span.absent ? a.span : span.i;
        } else {
            a.where = call->args[i];
        }
    }
    return a;
}

static const struct live_entity *about_events(void *arg, const struct model *m, struct str first)
{
    (void)arg, (void)first;
    return model_entity(m, STR("event"));
}

static enum err_code check_name(
    const struct expr_scope *s, const struct expr_call *call, const char *function, struct err *e)
{
    if (!s->entity || !str_is(s->entity->name, "contact")) {
        return err_set(e, ERR_INVALID, "where", "%s() is asked of people", function);
    }
    return expr_is_constant(call->args[0]) && expr_type(call->args[0]) == VALUE_TEXT
        ? OK
        : err_set(e, ERR_INVALID, "where", "%s() takes the name of an event, in quotes", function);
}

static enum err_code check_did(void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg;
    TRY(check_name(s, call, "did", e));
    for (size_t i = 1; i < call->n; i++) {
        bool span = expr_type(call->args[i]) == VALUE_DURATION && expr_is_constant(call->args[i]);
        bool where = expr_type(call->args[i]) == VALUE_BOOL && i == 1;
        if (!span && !where) {
            return err_set(e, ERR_INVALID, "where", "did() takes a name, a condition about the event and a span: "
                "did('page_view', url like '/pricing%%', 7d)");
        }
        if (where && expr_uses_now(call->args[i])) {
            return err_set(e, ERR_INVALID, "where", "the condition inside did() does not look at the clock");
        }
        struct value v = span ? expr_constant_value(call->args[i], s->mem, 0, 0) : (struct value) { 0 };
        if (span && (v.absent || v.i <= 0 || v.i > DAYS(EVENT_DAYS))) {
            return err_set(e, ERR_INVALID, "where", "a span of did() is at most %d days", EVENT_DAYS);
        }
    }
    return OK;
}

static enum err_code check_last(void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg;
    return check_name(s, call, "last_did", e);
}

/* ---- the span ---- */

struct span {
    int64_t from;      /* what lies past it counts */
    int64_t day, day_end; /* the one that it begins in */
    int64_t first, last;  /* months */
};

static struct span span_of(int64_t now, int64_t length)
{
    int64_t from = now - length, day = event_day(from);

    return (struct span) { .from = from, .day = day, .day_end = (day + 1) * DAYS(1), .first = event_month(from),
        .last = event_month(now + DAYS(1)) };
}

/* ---- SQL ---- */

static void put_months(struct sqltext *out, int alias, const struct span *s)
{
    sql_column(out, alias, "month");
    sql_lit(out, " IN (");
    for (int64_t m = s->first; m <= s->last; m++) {
        sql_add_literal(out, m > s->first ? ", " : "");
        sql_int(out, m);
    }
    sql_lit(out, ") AND ");
}

/* alias.person = the record's id, and the name's number, which is looked up once. */
static void put_who(struct expr_sql *s, int alias, struct str name)
{
    sql_column(s->out, alias, "person");
    sql_lit(s->out, " = ");
    sql_column(s->out, s->alias, "id");
    sql_lit(s->out, " AND ");
    sql_column(s->out, alias, "name");
    sql_lit(s->out, " = (SELECT \"id\" FROM \"event_names\" WHERE \"key\" = ");
    sql_bind(s->out, V(name));
    sql_lit(s->out, ")");
}

static void put_past(struct sqltext *out, int alias, const char *column, int64_t than)
{
    sql_lit(out, " AND ");
    sql_column(out, alias, column);
    sql_lit(out, " > ");
    sql_bind(out, V(than));
}

static int put_from(struct sqltext *out, const char *table)
{
    int alias = sql_new_alias(out);

    sql_lit(out, " FROM ");
    sql_ident(out, table);
    sql_lit(out, " ");
    sql_alias(out, alias);
    sql_lit(out, " WHERE ");
    return alias;
}

static void put_events(struct expr_sql *s, const struct asked *a, const struct span *span, bool edge)
{
    sql_lit(s->out, "(SELECT count(*)");
    int alias = put_from(s->out, "events");
    struct span months = *span;
    months.last = edge ? event_month(span->day_end - 1) : span->last;
    put_months(s->out, alias, &months);
    put_who(s, alias, a->name);
    put_past(s->out, alias, "at", span->from);
    if (edge) {
        sql_lit(s->out, " AND ");
        sql_column(s->out, alias, "at");
        sql_lit(s->out, " < ");
        sql_bind(s->out, V(span->day_end));
    }
    if (a->where) {
        struct expr_sql inner = { .out = s->out, .alias = alias, .now = s->now, .me = s->me };
        sql_lit(s->out, " AND (");
        expr_sql_condition(a->where, &inner);
        sql_lit(s->out, ")");
    }
    sql_lit(s->out, ")");
}

static void put_did(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct asked a = read_args(call, s->out->text.mem);
    struct span span = span_of(s->now, a.span);

    (void)arg;
    if (a.where) {
        put_events(s, &a, &span, false);
        return;
    }
    sql_lit(s->out, "(coalesce((SELECT CAST(sum(");
    int alias = s->out->aliases;
    sql_column(s->out, alias, "n");
    sql_lit(s->out, ") AS bigint)");
    alias = put_from(s->out, "event_days");
    put_months(s->out, alias, &span);
    put_who(s, alias, a.name);
    put_past(s->out, alias, "day", span.day);
    sql_lit(s->out, "), 0) + ");
    put_events(s, &a, &span, true);
    sql_lit(s->out, ")");
}

static void put_last(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct asked a = read_args(call, s->out->text.mem);
    struct span span = span_of(s->now, a.span);

    (void)arg;
    sql_lit(s->out, "(SELECT max(");
    sql_column(s->out, s->out->aliases, "last_at");
    sql_lit(s->out, ")");
    int alias = put_from(s->out, "event_days");
    put_months(s->out, alias, &span);
    put_who(s, alias, a.name);
    put_past(s->out, alias, "day", span.day);
    sql_lit(s->out, ")");
}

/* ---- memory ---- */

/* One day on which a person did something. */
struct day {
    int64_t day, n, last; /* last: the instant of the latest */
    bool read;            /* at is there */
    int64_t *at;          /* when, ascending; fewer than n where retention has removed events */
    size_t nat;
};

/* What is known of a person and a name: his days from a month on, ascending. */
struct known {
    int64_t person, name; /* name 0: nobody ever did it */
    int64_t first;        /* month */
    struct day *days;
    size_t n;
};

static enum err_code read_days(struct call *c, struct known *k, int64_t first, int64_t last)
{
    int64_t months[EVENT_DAYS / 28 + 4];
    struct rows rows;
    size_t n = 0, room = 0;

    for (int64_t m = first; m <= last && n < sizeof months / sizeof *months; m++) {
        months[n++] = m;
    }
    k->first = first;
    k->n = 0;
    k->days = NULL;
    TRY(db_query(c, &rows,
        SQL2("SELECT \"day\", \"n\", \"last_at\" FROM \"event_days\" WHERE \"month\" IN (SELECT value FROM json_each($1))"
             " AND \"person\" = $2 AND \"name\" = $3 ORDER BY \"day\"",
            "SELECT \"day\", \"n\", \"last_at\" FROM \"event_days\" WHERE \"month\" = ANY(CAST($1 AS bigint[]))"
            " AND \"person\" = $2 AND \"name\" = $3 ORDER BY \"day\""),
        VALS(V(db_ids(c, months, n)), V(k->person), V(k->name))));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, k->days, k->n, room);
        k->days[k->n++] = (struct day) { .day = col_int(&rows, 0), .n = col_int(&rows, 1), .last = col_int(&rows, 2) };
    }
    return rows_end(&rows);
}

/* days: with the days of the span, else only who and what. */
static enum err_code know(const struct expr_rows *rows, const struct asked *a, int64_t id, const struct span *s, bool days,
    struct known **out)
{
    struct call *c = rows->call;
    int64_t person = id ? id : rows->self;
    struct known *k = expr_memo_find(rows, event_functions, person, a->name);
    bool found;

    if (!k) {
        k = ARENA_NEW(c ? c->mem : a->mem, struct known);
        k->person = person;
        k->first = INT64_MAX;
        if (c && person) {
            TRY(db_find(c, &k->name, &found, SQL("SELECT \"id\" FROM \"event_names\" WHERE \"key\" = $1"),
                VALS(V(a->name))));
        }
        expr_memo_keep(rows, event_functions, person, a->name, k);
    }
    if (days && k->name && k->first > s->first) {
        /* who asks for more once will ask again; past tomorrow there is nothing, whatever instant is asked about */
        int64_t all = event_month(c->now - DAYS(EVENT_DAYS)), last = event_month(c->now + DAYS(1));
        int64_t first = k->first == INT64_MAX || s->first < all ? s->first : all;
        TRY(read_days(c, k, first, last > s->first ? last : s->first));
    }
    *out = k;
    return OK;
}

/* The event at hand while the condition of did() is judged. */
struct at_hand {
    struct str url, title, referrer;
    json_t *properties;
};

static enum err_code event_field(void *arg, const struct live_field *f, int64_t id, struct value *out)
{
    const struct at_hand *e = arg;
    struct str s = str_is(f->name, "url") ? e->url : str_is(f->name, "title") ? e->title : e->referrer;

    (void)id;
    *out = (struct value) { .type = VALUE_TEXT, .absent = !s.n, .s = s };
    return OK;
}

static enum err_code judge_event(
    const struct expr *where, struct at_hand *e, struct rows *rows, struct call *c, int64_t now, int64_t me, bool *yes)
{
    struct expr_rows seen = { .arg = e, .field = event_field };
    struct str properties = col_text(rows, 3);
    struct value v;

    e->url = col_text(rows, 0);
    e->title = col_text(rows, 1);
    e->referrer = col_text(rows, 2);
    e->properties = NULL;
    TRY(properties.n ? json_read(c->mem, properties, &e->properties, &c->err) : OK);
    TRY(expr_eval(where, &seen, c->mem, now, me, &v));
    *yes = !v.absent && v.i;
    return OK;
}

static enum err_code count_where(struct call *c, const struct asked *a, const struct span *s, int64_t person,
    int64_t name, int64_t now, int64_t me, int64_t *n)
{
    for (int64_t m = s->first; m <= s->last; m++) {
        struct rows rows;
        TRY(db_query(c, &rows,
            SQL("SELECT \"url\", \"title\", \"referrer\", \"properties\" FROM \"events\" WHERE \"month\" = $1 AND"
                " \"person\" = $2 AND \"name\" = $3 AND \"at\" > $4"),
            VALS(V(m), V(person), V(name), V(s->from))));
        while (rows_next(&rows)) {
            struct arena_mark mark = arena_mark(c->mem);
            struct at_hand e;
            bool yes;
            TRY(judge_event(a->where, &e, &rows, c, now, me, &yes));
            *n += yes;
            arena_rewind(c->mem, mark);
        }
        TRY(rows_end(&rows));
    }
    return OK;
}

static enum err_code read_instants(struct call *c, const struct known *k, struct day *d)
{
    struct rows rows;
    size_t room = 0;

    if (d->read) {
        return OK;
    }
    d->read = true;
    TRY(db_query(c, &rows,
        SQL("SELECT \"at\" FROM \"events\" WHERE \"month\" = $1 AND \"person\" = $2 AND \"name\" = $3 AND \"at\" >= $4 AND"
            " \"at\" < $5 ORDER BY \"at\""),
        VALS(V(event_month(d->day * DAYS(1))), V(k->person), V(k->name), V(d->day * DAYS(1)), V((d->day + 1) * DAYS(1)))));
    while (rows_next(&rows)) {
        ARENA_ROOM(c->mem, d->at, d->nat, room);
        d->at[d->nat++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* The first of a day's instants that lies past one. */
static size_t first_past(const struct day *d, int64_t instant)
{
    size_t low = 0, high = d->nat;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->at[middle] <= instant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err_code count_days(struct call *c, const struct known *k, const struct span *s, int64_t *n)
{
    for (size_t i = k->n; i-- > 0 && k->days[i].day >= s->day;) {
        struct day *d = &k->days[i];
        if (d->day > s->day) {
            *n += d->n;
        } else { /* of the day in which the span begins only what lies past its beginning */
            TRY(read_instants(c, k, d));
            *n += (int64_t)(d->nat - first_past(d, s->from));
        }
    }
    return OK;
}

static enum err_code eval_did(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    struct asked a = read_args(call, mem);
    struct span s = span_of(now, a.span);
    struct known *k;
    int64_t n = 0;

    (void)arg;
    TRY(know(rows, &a, id, &s, !a.where, &k));
    if (k->name && a.where) {
        TRY(count_where(rows->call, &a, &s, k->person, k->name, now, me, &n));
    } else if (k->name) {
        TRY(count_days(rows->call, k, &s, &n));
    }
    *out = (struct value) { .type = VALUE_NUMBER, .i = n };
    return OK;
}

static enum err_code eval_last(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    struct asked a = read_args(call, mem);
    struct span s = span_of(now, a.span);
    struct known *k;

    (void)arg, (void)me;
    TRY(know(rows, &a, id, &s, true, &k));
    bool any = k->n && k->days[k->n - 1].day > s.day;
    *out = (struct value) { .type = VALUE_INSTANT, .absent = !any, .i = any ? k->days[k->n - 1].last : 0 };
    return OK;
}

/* The oldest event that counts leaves the span next. */
static enum err_code next_did(void *arg, const struct expr_call *call, const struct expr_rows *rows, struct arena *mem,
    int64_t id, int64_t now, int64_t me, int64_t *out)
{
    struct asked a = read_args(call, mem);
    struct span s = span_of(now, a.span);
    int64_t first = INT64_MAX;
    struct known *k;
    size_t i = 0;

    (void)arg, (void)me;
    TRY(know(rows, &a, id, &s, true, &k));
    while (i < k->n && k->days[i].day < s.day) {
        i++;
    }
    for (; i < k->n && first == INT64_MAX; i++) {
        struct day *d = &k->days[i];
        TRY(read_instants(rows->call, k, d));
        size_t at = first_past(d, s.from);
        first = at < d->nat ? d->at[at] : first;
    }
    *out = first == INT64_MAX ? first : first + a.span;
    return OK;
}

/* A last event is forgotten when its day is past the span. */
static enum err_code next_last(void *arg, const struct expr_call *call, const struct expr_rows *rows, struct arena *mem,
    int64_t id, int64_t now, int64_t me, int64_t *out)
{
    struct asked a = read_args(call, mem);
    struct value last;

    TRY(eval_last(arg, call, rows, mem, id, now, me, &last));
    *out = last.absent ? INT64_MAX : event_day(last.i) * DAYS(1) + a.span;
    return OK;
}

/* ---- properties ---- */

static struct str property_of(const struct expr_call *call, struct arena *mem)
{
    struct value v = expr_constant_value(call->args[0], mem, 0, 0);

    return v.absent || v.type != VALUE_TEXT ? STR("") : v.s;
}

static enum err_code check_property(
    void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg;
    if (!call->entity || !str_is(call->entity->name, "event")) {
        return err_set(e, ERR_INVALID, "where", "prop() stands in the condition inside did()");
    }
    if (!expr_is_constant(call->args[0]) || expr_type(call->args[0]) != VALUE_TEXT) {
        return err_set(e, ERR_INVALID, "where", "prop() takes the name of a property, in quotes");
    }
    struct str name = property_of(call, s->mem);
    bool fits = name.n && name.n <= EVENT_NAME_MAX && str_find_byte(name, '"') < 0 && str_find_byte(name, '\\') < 0;
    return fits ? OK : err_set(e, ERR_INVALID, "where", "this is no name of a property");
}

/* Text of a property on PostgreSQL, with its type asked for. */
static void put_property(struct expr_sql *s, struct str name, const char *type, bool text)
{
    struct sqltext *out = s->out;
    struct dbval at = out->backend == DB_SQLITE ? V(arena_fmt(out->text.mem, "$.\"%.*s\"", STR_ARG(name))) : V(name);

    if (out->backend == DB_SQLITE) {
        sql_lit(out, "json_type(");
        sql_column(out, s->alias, "properties");
        sql_lit(out, ", ");
        sql_bind(out, at);
        sql_lit(out, ")");
        sql_add_literal(out, type);
        sql_lit(out, " THEN json_extract(");
        sql_column(out, s->alias, "properties");
        sql_lit(out, ", ");
        sql_bind(out, at);
        sql_lit(out, ")");
    } else {
        sql_lit(out, "json_typeof(CAST(");
        sql_column(out, s->alias, "properties");
        sql_lit(out, " AS json) -> CAST(");
        sql_bind(out, at);
        sql_lit(out, " AS text))");
        sql_add_literal(out, type);
        sql_lit(out, " THEN (CAST(");
        sql_column(out, s->alias, "properties");
        sql_lit(out, " AS json) ->> CAST(");
        sql_bind(out, at);
        sql_add_literal(out, text ? " AS text)) COLLATE \"C\"" : " AS text))");
    }
}

static void put_prop(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    (void)arg;
    sql_lit(s->out, "CASE WHEN ");
    put_property(s, property_of(call, s->out->text.mem), s->out->backend == DB_SQLITE ? " = 'text'" : " = 'string'", true);
    sql_lit(s->out, " END");
}

/* Numbers are stored with at most EVENT_SCALE digits; past what a double holds exactly they are none. */
static void put_number(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct str name = property_of(call, s->out->text.mem);
    bool sqlite = s->out->backend == DB_SQLITE;

    (void)arg;
    sql_add_literal(s->out, sqlite ? "(SELECT CASE WHEN abs(v) < 100000000000 THEN CAST(round(v * 10000) AS INTEGER) END FROM"
                                     " (SELECT CASE WHEN "
                                   : "(SELECT CASE WHEN abs(v) < 100000000000 THEN CAST(round(v * 10000) AS bigint) END FROM"
                                     " (SELECT CAST(CASE WHEN ");
    put_property(s, name, sqlite ? " IN ('integer', 'real')" : " = 'number'", false);
    sql_add_literal(s->out, sqlite ? " END AS v))" : " END AS numeric) AS v) x)");
}

static enum err_code eval_prop(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    const struct at_hand *e = rows->arg;
    const json_t *v = json_object_get(e->properties, property_of(call, mem).p);

    (void)arg, (void)id, (void)now, (void)me;
    *out = (struct value) { .type = VALUE_TEXT, .absent = !json_is_string(v), .s = json_str(v) };
    return OK;
}

static enum err_code eval_number(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    const struct at_hand *e = rows->arg;
    const json_t *v = json_object_get(e->properties, property_of(call, mem).p);

    (void)arg, (void)id, (void)now, (void)me;
    *out = (struct value) { .type = VALUE_NUMBER, .scale = EVENT_SCALE, .absent = !json_is_number(v) };
    out->absent = out->absent || !event_number_of(v, &out->i);
    return OK;
}

const struct expr_extension event_functions[] = {
    { .name = "did", .named = true, .counts = true, .least = 1, .most = 3, .type = VALUE_NUMBER, .clock = true, .about = about_events,
        .check = check_did, .sql = put_did, .eval = eval_did, .next = next_did },
    { .name = "last_did", .named = true, .least = 1, .most = 1, .type = VALUE_INSTANT, .clock = true, .check = check_last,
        .sql = put_last, .eval = eval_last, .next = next_last },
    { .name = "prop", .named = true, .least = 1, .most = 1, .type = VALUE_TEXT, .check = check_property, .sql = put_prop,
        .eval = eval_prop },
    { .name = "prop_number", .named = true, .least = 1, .most = 1, .type = VALUE_NUMBER, .scale = EVENT_SCALE, .check = check_property,
        .sql = put_number, .eval = eval_number },
    { .name = NULL },
};
