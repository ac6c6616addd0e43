/* event_view.c - what people look at: the behaviour of one person, and which names of events there are. */

#include "domain/event/event_steps.h"

#include "model/action.h"

enum { DAYS_SHOWN = 100, EVENTS_SHOWN = 50 };

static enum err_code put_days(struct call *c, int64_t month, int *left)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT n.\"key\", d.\"day\", d.\"n\", d.\"last_at\" FROM \"event_days\" d JOIN \"event_names\" n ON n.\"id\" ="
            " d.\"name\" WHERE d.\"month\" = $1 AND d.\"person\" = $2 ORDER BY d.\"day\" DESC, d.\"last_at\" DESC LIMIT $3"),
        VALS(V(month), V(target(c)), V(*left))));
    for (; *left > 0 && rows_next(&rows); --*left) {
        char day[DATE_TEXT];
        date_format(col_int(&rows, 1), day);
        json_object(&c->out, NULL);
        json_text(&c->out, "name", stmt_text(rows.st, 0));
        json_cstr(&c->out, "day", day);
        json_int(&c->out, "count", col_int(&rows, 2));
        out_instant(c, "last_at", col_int(&rows, 3));
        json_end_object(&c->out);
    }
    return rows_end(&rows);
}

static void put_text(struct call *c, const char *name, struct str s)
{
    if (s.n) {
        json_text(&c->out, name, s);
    }
}

static enum err_code put_events(struct call *c, int64_t month, int64_t before, int *left)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT n.\"key\", e.\"at\", e.\"source\", e.\"url\", e.\"title\", e.\"referrer\", e.\"properties\" FROM"
            " \"events\" e JOIN \"event_names\" n ON n.\"id\" = e.\"name\" WHERE e.\"month\" = $1 AND e.\"person\" = $2 AND"
            " e.\"at\" < $3 ORDER BY e.\"at\" DESC LIMIT $4"),
        VALS(V(month), V(target(c)), V(before), V(*left))));
    for (; *left > 0 && rows_next(&rows); --*left) {
        json_object(&c->out, NULL);
        json_text(&c->out, "name", stmt_text(rows.st, 0));
        out_instant(c, "at", col_int(&rows, 1));
        json_int(&c->out, "source", col_int(&rows, 2));
        put_text(c, "url", stmt_text(rows.st, 3));
        put_text(c, "title", stmt_text(rows.st, 4));
        put_text(c, "referrer", stmt_text(rows.st, 5));
        if (stmt_text(rows.st, 6).n) {
            json_raw(&c->out, "properties", stmt_text(rows.st, 6));
        }
        json_end_object(&c->out);
    }
    return rows_end(&rows);
}

/* Month by month backwards, until enough is there. */
static enum err_code of_person(struct call *c)
{
    int64_t last = event_month(c->now + DAYS(1)), before = INT64_MAX;
    int days = in_has(c, "before") ? 0 : DAYS_SHOWN, events = EVENTS_SHOWN;

    if (in_has(c, "before") && !instant_parse(in_text(c, "before"), &before)) {
        return fail(c, ERR_INVALID, "before", "an instant: 2026-01-31T09:30:00Z");
    }
    json_array(&c->out, "days");
    for (int64_t m = last; m > last - 16 && days > 0; m--) {
        TRY(put_days(c, m, &days));
    }
    json_end_array(&c->out);
    json_array(&c->out, "events");
    for (int64_t m = last; m > last - 16 && events > 0; m--) {
        TRY(put_events(c, m, before, &events));
    }
    json_end_array(&c->out);
    return OK;
}

static enum err_code names(struct call *c)
{
    struct rows rows;

    json_array(&c->out, "items");
    TRY(db_query(c, &rows,
        SQL("SELECT \"key\", \"properties\", \"first_at\" FROM \"event_names\" ORDER BY \"key\" LIMIT 5000"), VALS()));
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_text(&c->out, "name", stmt_text(rows.st, 0));
        json_raw(&c->out, "properties", stmt_text(rows.st, 1));
        out_instant(c, "first_at", col_int(&rows, 2));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

static const struct field before_input[] = { FIELD_INSTANT("before"), FIELD_END };
static const struct field person_output[] = { FIELD_JSON("days"), FIELD_JSON("events"), FIELD_END };
static const struct field names_output[] = { FIELD_JSON("items"), FIELD_END };
static const struct field glimpses_output[] = { FIELD_JSON("items"), FIELD_END };
static const struct field secret_output[] = { FIELD_TEXT("secret"), FIELD_END };

const struct action event_actions[] = {
    { .name = "events", .on = "contact", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "contact.read",
        .input = before_input, .output = person_output, .run = of_person,
        .help = "What a person did: counts by day, and the newest events." },
    { .name = "names", .on = "event_source", .takes = TAKES_NONE, .effect = EFFECT_READ, .right = "event_source.read",
        .output = names_output, .run = names, .help = "The names of events that are known, with their properties." },
    { .name = "secret", .on = "event_source", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "event_source.secret",
        .output = secret_output, .run = event_source_reveal,
        .help = "The secret with which a site's server signs the ids of its users." },
    { .name = "recent", .on = "event_source", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "event_source.read",
        .output = glimpses_output, .run = event_source_glimpses,
        .help = "Some of the newest requests of a source: what came, and what was refused and why." },
    ACTION_END,
};
