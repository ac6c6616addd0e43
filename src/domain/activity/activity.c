/* activity.c - tasks, calls, meetings and notes.
 *
 * Each is about a person, a company, or any other record; the company is taken from the person when none
 * is given, so that both timelines show it. */

#include "domain/activity/activity.h"

#include "model/action.h"

#include <string.h>

static const struct choice_def task_states[] = {
    { "not_started", "Not started", "gray", "open" }, { "in_progress", "In progress", "blue", "open" },
    { "waiting", "Waiting", "yellow", "open" }, { "deferred", "Deferred", "gray", "open" },
    { "done", "Done", "green", "done" }, { "cancelled", "Cancelled", "red", "done" }, { 0 },
};
static const struct choice_def priorities[] = {
    { "low", "Low", "gray" }, { "normal", "Normal", "blue" }, { "high", "High", "orange" },
    { "urgent", "Urgent", "red" }, { 0 },
};
static const struct choice_def task_types[] = {
    { "to_do", "To do" }, { "call", "Call" }, { "email", "E-mail" }, { "follow_up", "Follow up" },
    { "visit", "Visit" }, { 0 },
};
static const struct choice_def directions[] = {
    { "inbound", "Inbound" }, { "outbound", "Outbound" }, { 0 },
};
static const struct choice_def held_states[] = {
    { "planned", "Planned", "blue", "open" }, { "held", "Held", "green", "done" },
    { "not_held", "Not held", "red", "done" }, { "missed", "Missed", "orange", "done" },
    { "voicemail", "Voicemail", "gray", "done" }, { "cancelled", "Cancelled", "red", "done" }, { 0 },
};
static const struct choice_def outcomes[] = {
    { "interested", "Interested", "green" }, { "not_interested", "Not interested", "red" },
    { "call_back", "Call back", "blue" }, { "no_answer", "No answer", "gray" },
    { "wrong_number", "Wrong number", "orange" }, { "resolved", "Resolved", "green" },
    { "left_message", "Left a message", "gray" }, { 0 },
};
static const struct choice_def replies[] = {
    { "none", "No answer" }, { "accepted", "Accepted" }, { "tentative", "Tentative" },
    { "declined", "Declined" }, { 0 },
};
static const struct field attendee_attributes[] = {
    FIELD_CHOICE("reply", replies, .list = "meeting_reply"),
    FIELD_BOOL("optional"),
    FIELD_END,
};

#define ABOUT(plural)                                                                              \
    FIELD_REF("contact", "contact", .inverse = plural),                                            \
        FIELD_REF("company", "company", .inverse = plural), FIELD_ANYREF("about")

static const struct field task_fields[] = {
    FIELD_TEXT("title", .required = true, .max = 300, .search = 3),
    FIELD_CHOICE("status", task_states, .def = "not_started"),
    FIELD_CHOICE("priority", priorities, .list = "priority", .def = "normal"),
    FIELD_CHOICE("type", task_types),
    FIELD_INSTANT("starts_at"),
    FIELD_INSTANT("due", .index = true, .alarm = "overdue"),
    FIELD_BOOL("all_day"),
    FIELD_INSTANT("completed_at", .read_only = true),
    FIELD_FORMULA("overdue", "completed_at is empty and due < now", .result = KIND_BOOL),
    ABOUT("tasks"),
    FIELD_REF("parent", "task", .inverse = "subtasks"),
    FIELD_MANY("assignees", "user", .inverse = "assigned_tasks", .unique = true),
    FIELD_INT("remind_before", .min = 0, .max = 100000, .help = "Minutes before it is due."),
    FIELD_TEXT("recurrence", .max = 400, .no_fold = true, .help = "RRULE of RFC 5545"),
    FIELD_JSON("checklist"),
    FIELD_RICH("body", .search = 1),
    FIELD_END,
};

static const struct field call_fields[] = {
    FIELD_TEXT("subject", .required = true, .max = 300, .search = 3),
    FIELD_CHOICE("direction", directions),
    FIELD_CHOICE("status", held_states, .list = "call_status", .def = "held"),
    FIELD_CHOICE("outcome", outcomes),
    FIELD_INSTANT("starts_at", .required = true, .def = "now", .index = true),
    FIELD_DURATION("duration", .min = 0, .max = 1000000),
    FIELD_TEXT("number", .max = 40, .format = FORMAT_PHONE),
    ABOUT("calls"),
    FIELD_MANY("participants", "contact", .inverse = "joined_calls",
        .attributes = attendee_attributes, .unique = true),
    FIELD_FILE("recording"),
    FIELD_LONG("transcript"),
    FIELD_LONG("summary", .search = 1),
    FIELD_TEXT("provider", .max = 60, .no_fold = true),
    FIELD_TEXT("provider_call_id", .max = 200, .no_fold = true, .unique = true),
    FIELD_RICH("body", .label = "Note"),
    FIELD_END,
};

static const struct field meeting_fields[] = {
    FIELD_TEXT("subject", .required = true, .max = 300, .search = 3),
    FIELD_CHOICE("status", held_states, .list = "call_status", .def = "planned"),
    FIELD_INSTANT("starts_at", .required = true, .index = true),
    FIELD_INSTANT("ends_at"),
    FIELD_BOOL("all_day"),
    FIELD_TEXT("time_zone", .max = 60, .format = FORMAT_ZONE),
    FIELD_TEXT("location", .max = 300, .search = 1),
    FIELD_TEXT("join_url", .max = 1000, .format = FORMAT_URL, .no_fold = true),
    ABOUT("meetings"),
    FIELD_MANY("attendees", "contact", .inverse = "attended_meetings",
        .attributes = attendee_attributes, .unique = true),
    FIELD_MANY("colleagues", "user", .inverse = "attended_meetings",
        .attributes = attendee_attributes, .unique = true),
    FIELD_INT("remind_before", .min = 0, .max = 100000, .help = "Minutes before it begins."),
    FIELD_TEXT("recurrence", .max = 400, .no_fold = true, .help = "RRULE of RFC 5545"),
    FIELD_TEXT("calendar_uid", .max = 255, .no_fold = true, .unique = true),
    FIELD_RICH("agenda"),
    FIELD_CHOICE("outcome", outcomes, .list = "call_outcome"),
    FIELD_RICH("body", .label = "Note"),
    FIELD_END,
};

static const struct field note_fields[] = {
    FIELD_TEXT("title", .max = 300, .search = 3),
    FIELD_RICH("body", .required = true, .search = 1),
    FIELD_INSTANT("at", .required = true, .def = "now", .index = true),
    ABOUT("notes"),
    FIELD_BOOL("pinned"),
    FIELD_END,
};

static const struct entity_rule meeting_rules[] = {
    { "ends_at is empty or ends_at >= starts_at", "ends_at", "a meeting ends after it begins" },
    { 0 },
};

/* The company of the person, when none is named. */
static enum err_code fill_company(struct call *c, struct record *r)
{
    struct dbval contact = record_get(r, "contact");
    struct record *person;

    if (contact.type != DB_INT || record_get(r, "company").type != DB_NULL) {
        return OK;
    }
    TRY(record_load(c, model_entity(c->model, STR("contact")), contact.i, false, &person));
    if (record_get(person, "company").type == DB_INT) {
        record_set(c, r, "company", record_get(person, "company"));
    }
    return OK;
}

static enum err_code activity_before_save(
    struct call *c, struct record *r, const struct record *old)
{
    return old ? OK : fill_company(c, r);
}

static bool is_done(const struct record *r)
{
    const struct live_field *f = entity_field(r->e, STR("status"));
    const struct choice *state = choice_by_id(f->list, record_get(r, "status").i);

    return state && str_is(state->kind, "done");
}

static enum err_code task_before_save(struct call *c, struct record *r, const struct record *old)
{
    bool was = record_get(r, "completed_at").type != DB_NULL;

    if (is_done(r) != was) {
        record_set(c, r, "completed_at", is_done(r) ? V(c->now) : V_NULL);
    }
    return old ? OK : fill_company(c, r);
}

static const struct entity task = { .name = "task", .plural = "tasks", .title = "title",
    .icon = "checkbox", .person = "contact", .when = "due", .flags = ENTITY_ACTIVITY,
    .columns = "due,status,owner,contact", .fields = task_fields, .before_save = task_before_save };
static const struct entity call_entity = { .name = "call", .plural = "calls", .title = "subject",
    .icon = "phone", .person = "contact", .when = "starts_at", .flags = ENTITY_ACTIVITY,
    .fields = call_fields, .before_save = activity_before_save };
static const struct entity meeting = { .name = "meeting", .plural = "meetings",
    .title = "subject", .icon = "calendar", .person = "contact", .when = "starts_at",
    .flags = ENTITY_ACTIVITY, .fields = meeting_fields, .rules = meeting_rules,
    .before_save = activity_before_save };
static const struct entity note = { .name = "note", .plural = "notes", .title = "title",
    .icon = "note", .person = "contact", .when = "at", .flags = ENTITY_ACTIVITY,
    .fields = note_fields, .before_save = activity_before_save };

static const struct entity *const entities[] = { &task, &call_entity, &meeting, &note, NULL };

/* ---- actions ---- */

static enum err_code complete(struct call *c)
{
    const struct live_field *f = entity_field(target_entity(c), STR("status"));
    const struct choice *done = choice_by_code(f->list, STR("done"));

    for (size_t i = 0; i < c->nids; i++) {
        struct record *r = record_new(c, target_entity(c));
        r->id = c->ids[i];
        record_set(c, r, "status", V(done ? done->id : 0));
        TRY(record_update(c, r));
    }
    out_int(c, "completed", (int64_t)c->nids);
    return OK;
}

static const struct action actions[] = {
    { .name = "complete", .on = "task", .takes = TAKES_MANY, .effect = EFFECT_WRITE,
        .right = "task.update", .run = complete, .help = "Marks tasks as done." },
    ACTION_END,
};

const struct module activity_module = { .name = "activity", .entities = entities,
    .actions = actions };
