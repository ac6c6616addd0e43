/* campaign.c - the table of campaigns, and what can be done with one: review, start, pause, stop. */

#include "domain/campaign/campaign_steps.h"

#include "domain/consent/consent.h"

#include "model/action.h"
#include "model/link.h"
#include "model/query.h"

#include <inttypes.h>

static const struct choice_def kinds[]
    = { { "broadcast", "To all at once", "blue" }, { "triggered", "To each who enters", "violet" }, { 0 } };
static const struct choice_def states[] = { { "draft", "Draft", "gray" }, { "scheduled", "Scheduled", "blue" },
    { "sending", "Sending", "blue" }, { "running", "Running", "green" }, { "paused", "Paused", "yellow" },
    { "late", "Too late: confirm", "red" }, { "sent", "Sent", "green" }, { "cancelled", "Cancelled", "red" }, { 0 } };

static const struct field fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_CHOICE("kind", kinds, .required = true, .def = "broadcast", .set_once = true),
    FIELD_CHOICE("status", states, .def = "draft", .read_only = true, .index = true),
    FIELD_TEXT("goal", .max = 400),
    FIELD_MONEY("budget", .min = 0),
    FIELD_MONEY("cost", .min = 0, .help = "What it cost beside the sending: texts, pictures, goods."),
    FIELD_REF("segment", "segment", .on_delete = ON_DELETE_REFUSE, .inverse = "campaigns", .group = "audience"),
    { .name = "where", .label = "Condition", .kind = KIND_LONG_TEXT, .max = 16000, .group = "audience",
        .help = "Who of them, or of all people where no segment is named." },
    FIELD_REF("exclude_segment", "segment", .on_delete = ON_DELETE_REFUSE, .inverse = "excluded_from", .group = "audience"),
    { .name = "exclude_where", .label = "Without", .kind = KIND_LONG_TEXT, .max = 16000, .group = "audience" },
    FIELD_PERCENT("holdout", .min = 0, .max = 50, .def = "0", .label = "Control group", .group = "audience", .asked = true,
        .help = "So many get nothing, so that what the mail brought can be told from what would have come anyway."),
    FIELD_REF("purpose", "consent_purpose", .on_delete = ON_DELETE_REFUSE, .required = true, .inverse = "campaigns", .group = "message"),
    FIELD_REF("sender", "mail_sender", .on_delete = ON_DELETE_REFUSE, .required = true, .inverse = "campaigns", .group = "message"),
    FIELD_REF("template", "mail_template", .on_delete = ON_DELETE_REFUSE, .required = true, .inverse = "campaigns", .group = "message"),
    FIELD_BOOL("track_opens", .def = "true", .group = "message"),
    FIELD_BOOL("track_clicks", .def = "true", .group = "message"),
    FIELD_INSTANT("scheduled_at", .group = "schedule", .help = "At once when left out."),
    FIELD_DURATION("delay", .min = 0, .max = 366 * 86400, .group = "schedule", .help = "After somebody entered the segment."),
    FIELD_BOOL("again", .group = "schedule", .help = "Each time that somebody enters, not only the first."),
    FIELD_INT("per_hour", .label = "Mails an hour, at most", .min = 0, .max = 10000000, .group = "schedule"),
    FIELD_INT("cap_count", .label = "Mails to a person, at most", .min = 0, .max = 1000, .def = "0", .group = "schedule"),
    FIELD_INT("cap_days", .label = "in so many days", .min = 0, .max = 366, .def = "7", .group = "schedule"),
    FIELD_INT("window_days", .label = "Orders count for days", .min = 1, .max = 366, .def = "14"),
    FIELD_INT("audience", .read_only = true, .no_history = true),
    FIELD_INSTANT("started_at", .read_only = true),
    FIELD_INSTANT("ended_at", .read_only = true),
    FIELD_INT("tried", .read_only = true, .no_history = true, .hidden = true),
    FIELD_INT("refused", .read_only = true, .no_history = true, .hidden = true),
    FIELD_INT("batch", .read_only = true, .no_history = true, .hidden = true),
    FIELD_TEXT("note", .max = 400, .read_only = true, .no_fold = true, .no_history = true, .label = "What happened"),
    FIELD_END,
};

static enum err_code before_save(struct call *c, struct record *r, const struct record *old);
static enum err_code before_delete(struct call *c, const struct record *r);

static const struct entity campaign_entity = { .name = "campaign", .plural = "campaigns", .icon = "speakerphone", .area = "Marketing",
    .fields = fields, .before_save = before_save, .before_delete = before_delete };

/* ---- loading ---- */

static struct str text_of(struct call *c, const struct record *r, const char *field)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_TEXT ? arena_str(c->mem, v.s) : STR("");
}

static void take(struct call *c, const struct record *r, struct campaign *out)
{
    const struct dbval *cost = record_cells(r, entity_field(r->e, STR("cost")));

    *out = (struct campaign) { .id = r->id, .batch = record_get(r, "batch").i, .name = text_of(c, r, "name"),
        .kind = model_choice_code(c->model, "campaign", "kind", record_get(r, "kind").i),
        .status = model_choice_code(c->model, "campaign", "status", record_get(r, "status").i),
        .segment = record_get(r, "segment").i, .exclude_segment = record_get(r, "exclude_segment").i,
        .where = text_of(c, r, "where"), .exclude_where = text_of(c, r, "exclude_where"),
        .sender = record_get(r, "sender").i, .template = record_get(r, "template").i,
        .purpose = record_get(r, "purpose").i, .holdout = record_get(r, "holdout").i,
        .scheduled_at = record_get(r, "scheduled_at").i, .started_at = record_get(r, "started_at").i,
        .delay = SECONDS(record_get(r, "delay").i), .window = DAYS(record_get(r, "window_days").i),
        .per_hour = record_get(r, "per_hour").i, .cap_count = record_get(r, "cap_count").i,
        .cap_days = record_get(r, "cap_days").i, .tried = record_get(r, "tried").i,
        .refused = record_get(r, "refused").i,
        .frozen = record_get(r, "audience").type == DB_INT, .track_opens = record_get(r, "track_opens").i != 0,
        .track_clicks = record_get(r, "track_clicks").i != 0, .again = record_get(r, "again").i != 0,
        .cost = cost[0].type == DB_INT ? cost[0].i : -1 };
}

enum err_code campaign_load(struct call *c, int64_t id, struct campaign *out)
{
    struct record *r;

    TRY(record_load(c, model_entity(c->model, STR("campaign")), id, true, &r));
    take(c, r, out);
    return OK;
}

/* ---- its audience ---- */

static enum err_code code_of(struct call *c, int64_t segment, struct str *code)
{
    TRY(db_text(c, code, SQL("SELECT \"code\" FROM \"segments\" WHERE \"id\" = $1 AND \"deleted_at\" IS NULL"),
        VALS(V(segment))));
    return code->n ? OK : fail(c, ERR_INVALID, "segment", "the segment of this campaign is gone");
}

static void add_part(struct buf *b, const char *before, struct str text, const char *after, bool quoted)
{
    if (text.n) {
        buf_fmt(b, "%s%s", b->n ? " and " : "", before);
        for (size_t i = 0; i < text.n; i++) {
            buf_lit(b, quoted && text.p[i] == '\'' ? "'" : "");
            buf_byte(b, text.p[i]);
        }
        buf_lit(b, after);
    }
}

enum err_code campaign_audience(struct call *c, const struct campaign *k, struct str *where)
{
    struct str code = STR(""), without = STR("");
    struct buf b;

    buf_init(&b, c->mem, 64 << 10);
    TRY(k->segment ? code_of(c, k->segment, &code) : OK);
    TRY(k->exclude_segment ? code_of(c, k->exclude_segment, &without) : OK);
    add_part(&b, "in_segment('", code, "')", true);
    add_part(&b, "(", k->where, ")", false);
    add_part(&b, "not in_segment('", without, "')", true);
    add_part(&b, "not (", k->exclude_where, ")", false);
    *where = buf_str(&b);
    return buf_status(&b, &c->err);
}

/* ---- checks ---- */

static enum err_code check_condition(struct call *c, const struct record *r, const char *field)
{
    struct expr_scope scope = access_scope(c, model_entity(c->model, STR("contact")));
    struct dbval v = record_get(r, field);
    const struct expr *x;

    return v.type == DB_TEXT && v.s.n ? expr_condition(&scope, v.s, field, &x, &c->err) : OK;
}

/* Once it is under way only what may change without asking who got what: name, goal, cost, window, limits. */
static bool may_change(const struct record *r, const struct record *old, const char **field)
{
    static const char *const fixed[] = { "segment", "where", "exclude_segment", "exclude_where", "holdout", "purpose",
        "sender", "template", "delay", "again", "track_opens", "track_clicks", "scheduled_at", NULL };

    for (int i = 0; fixed[i]; i++) {
        const struct live_field *f = entity_field(r->e, str_of(fixed[i]));
        if (!cells_equal(f, record_cells(r, f), record_cells(old, f))) {
            *field = fixed[i];
            return false;
        }
    }
    return true;
}

/* Another time or other limits hold from now on, also where the plan waits or the batch is open. */
static enum err_code carry_on(struct call *c, const struct campaign *was, const struct campaign *is)
{
    if (str_is(was->status, "scheduled") && str_is(is->status, "scheduled") && was->scheduled_at != is->scheduled_at) {
        return campaign_order_plan(c, is, is->scheduled_at);
    }
    bool same = was->per_hour == is->per_hour && was->cap_count == is->cap_count && was->cap_days == is->cap_days;
    return same || !was->batch ? OK : message_set_limits(c, was->batch, is->per_hour, is->cap_count, is->cap_days);
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    const char *field = NULL;
    struct campaign was, is;

    if (r->replay || c->undo_of) {
        return OK;
    }
    if (!old) {
        record_set(c, r, "status", V(model_choice(c->model, "campaign", "status", STR("draft"))));
    } else {
        take(c, old, &was);
        if (was.batch && !may_change(r, old, &field)) {
            return fail(c, ERR_CONFLICT, field, "this campaign has begun: %s cannot be changed any more", field);
        }
        take(c, r, &is);
        TRY(carry_on(c, &was, &is));
    }
    TRY(check_condition(c, r, "where"));
    return check_condition(c, r, "exclude_where");
}

static enum err_code before_delete(struct call *c, const struct record *r)
{
    struct campaign k;

    take(c, r, &k);
    return str_is(k.status, "sending") || str_is(k.status, "running")
        ? fail(c, ERR_CONFLICT, NULL, "stop the campaign before you delete it")
        : OK;
}

enum err_code campaign_set_status(struct call *c, int64_t id, const char *status)
{
    struct record *r = record_of(c, "campaign");
    bool ends = str_is(str_of(status), "sent") || str_is(str_of(status), "cancelled");

    r->id = id;
    r->trusted = true;
    record_set(c, r, "status", V(model_choice(c->model, "campaign", "status", str_of(status))));
    if (ends) {
        record_set(c, r, "ended_at", V(c->now));
    }
    return record_update(c, r);
}

enum err_code campaign_open(struct call *c, struct campaign *k)
{
    bool triggered = str_is(k->kind, "triggered");
    struct batch_order order = { .kind = triggered ? BATCH_TRIGGERED : BATCH_BROADCAST, .sender = k->sender,
        .template = k->template, .purpose = k->purpose, .campaign = k->id, .name = k->name, .track_opens = k->track_opens,
        .track_clicks = k->track_clicks, .per_hour = k->per_hour, .cap_count = k->cap_count, .cap_days = k->cap_days };
    struct record *r = record_of(c, "campaign");

    if (k->batch) {
        return OK;
    }
    TRY(message_open_batch(c, &order, &k->batch));
    k->started_at = c->now;
    r->id = k->id;
    r->trusted = true;
    record_set(c, r, "batch", V(k->batch));
    record_set(c, r, "started_at", V(c->now));
    return record_update(c, r);
}

/* splitmix64 of campaign and person (Steele, Lea and Flood 2014): spread evenly, the same each time. */
bool campaign_holds_out(const struct campaign *k, int64_t person)
{
    uint64_t z = (uint64_t)person * 0x9e3779b97f4a7c15u + (uint64_t)k->id * 0xbf58476d1ce4e5b9u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % 10000 < (uint64_t)k->holdout;
}

/* ---- actions ---- */

/* How many, and what stands in the way of a good one. */
static enum err_code review(struct call *c)
{
    struct list_request q = { .e = model_entity(c->model, STR("contact")), .right = RIGHT_READ };
    struct campaign k;
    struct str purpose, where;
    int64_t all, with_address, may;

    TRY(campaign_load(c, target(c), &k));
    TRY(campaign_audience(c, &k, &where));
    q.where = where;
    TRY(query_count(c, &q, &all));
    q.where = where.n ? arena_fmt(c->mem, "(%.*s) and email is not empty and not do_not_email", STR_ARG(where))
                      : STR("email is not empty and not do_not_email");
    TRY(query_count(c, &q, &with_address));
    TRY(db_text(c, &purpose, SQL("SELECT \"code\" FROM \"consent_purposes\" WHERE \"id\" = $1"), VALS(V(k.purpose))));
    q.where = arena_fmt(c->mem, "%.*s and has_consent('%.*s', 'email')", STR_ARG(q.where), STR_ARG(purpose));
    TRY(query_count(c, &q, &may));
    out_int(c, "audience", all);
    out_int(c, "with_address", with_address);
    out_int(c, "may_be_written_to", may);
    out_int(c, "held_out", may * k.holdout / 10000);
    out_text(c, "condition", where);
    out_text(c, "links", link_base(c));
    json_flag(&c->out, "links_set", c->cfg->base_url && *c->cfg->base_url);
    return OK;
}

enum err_code campaign_order_plan(struct call *c, const struct campaign *k, int64_t due)
{
    json_t *input = json_pack("{s:I}", "campaign", (json_int_t)k->id);
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c, &(struct job_order) { .kind = "campaign_plan", .input = input, .due = due > c->now ? due : 0,
                              .sooner = true, .key = arena_fmt(c->mem, "campaign_plan:%" PRId64, k->id).p }, &job);
}

static enum err_code start(struct call *c)
{
    struct campaign k;
    struct str where;

    TRY(campaign_load(c, target(c), &k));
    if (!str_is(k.status, "draft") && !str_is(k.status, "late")) {
        return fail(c, ERR_CONFLICT, "status", "this campaign has begun already");
    }
    TRY(campaign_audience(c, &k, &where));
    if (str_is(k.kind, "triggered")) {
        if (!k.segment) {
            return fail(c, ERR_INVALID, "segment", "a triggered campaign needs the segment that people enter");
        }
        TRY(campaign_open(c, &k));
        return campaign_set_status(c, k.id, "running");
    }
    if (!where.n && !in_flag(c, "everybody")) {
        return fail(c, ERR_INVALID, "segment", "this would go to everybody: name a segment or a condition, or say everybody");
    }
    if (str_is(k.status, "late")) {
        struct record *r = record_of(c, "campaign");
        r->id = k.id;
        r->trusted = true;
        record_set(c, r, "scheduled_at", V(c->now));
        TRY(record_update(c, r));
        k.scheduled_at = c->now;
    }
    TRY(campaign_order_plan(c, &k, k.scheduled_at));
    return campaign_set_status(c, k.id, k.scheduled_at > c->now ? "scheduled" : "sending");
}

static enum err_code turn(struct call *c, const char *from, const char *other, const char *batch, const char *status)
{
    struct campaign k;

    TRY(campaign_load(c, target(c), &k));
    if (!str_is(k.status, from) && !str_is(k.status, other)) {
        return fail(c, ERR_CONFLICT, "status", "this cannot be done with a campaign that is %.*s", STR_ARG(k.status));
    }
    TRY(k.batch ? message_set_batch(c, k.batch, batch) : OK);
    return campaign_set_status(c, k.id, status ? status : str_is(k.kind, "triggered") ? "running" : "sending");
}

static enum err_code pause_campaign(struct call *c)
{
    return turn(c, "sending", "running", "paused", "paused");
}

/* Somebody has mended what was refused: what comes from here on is judged by itself. */
static enum err_code begin_anew(struct call *c, const struct campaign *k)
{
    struct record *r = record_of(c, "campaign");
    struct batch_counts n;

    if (!k->batch) {
        return OK;
    }
    TRY(message_count(c, k->batch, &n));
    r->id = k->id;
    r->trusted = r->quiet = true;
    record_set(c, r, "tried", V(n.accepted + n.refused + n.bounced));
    record_set(c, r, "refused", V(n.refused));
    return record_update(c, r);
}

/* An audience that the pause met half frozen is frozen to its end; who has come since is not asked. */
static enum err_code resume(struct call *c)
{
    struct campaign k;

    TRY(turn(c, "paused", "paused", "open", NULL));
    TRY(campaign_load(c, target(c), &k));
    TRY(begin_anew(c, &k));
    return str_is(k.kind, "broadcast") && !k.frozen ? campaign_order_plan(c, &k, 0) : OK;
}

static enum err_code cancel(struct call *c)
{
    struct campaign k;

    TRY(campaign_load(c, target(c), &k));
    if (str_is(k.status, "sent") || str_is(k.status, "cancelled")) {
        return fail(c, ERR_CONFLICT, "status", "this campaign has ended");
    }
    TRY(k.batch ? message_set_batch(c, k.batch, "closed") : OK);
    return campaign_set_status(c, k.id, "cancelled");
}

/* ---- the module ---- */

static const struct field start_input[] = { FIELD_BOOL("everybody", .help = "Yes, to all people."), FIELD_END };
static const struct field review_output[] = { FIELD_INT("audience"), FIELD_INT("with_address"),
    FIELD_INT("may_be_written_to"), FIELD_INT("held_out"), FIELD_LONG("condition"),
    FIELD_TEXT("links", .help = "What the links of its mails begin with."),
    FIELD_BOOL("links_set", .help = "base_url is set; else they lead to the address that the server listens on."), FIELD_END };
static const struct field results_output[] = { FIELD_JSON("messages"), FIELD_JSON("reasons"), FIELD_JSON("links"),
    FIELD_JSON("orders"), FIELD_JSON("lift"), FIELD_JSON("money"), FIELD_END };
static const struct field messages_input[] = { FIELD_INT("after", .min = 0), FIELD_TEXT("state", .max = 20), FIELD_END };
static const struct field messages_output[] = { FIELD_JSON("items"), FIELD_INT("next"), FIELD_END };

#define ON_ONE(n, f, e, h) .name = n, .on = "campaign", .takes = TAKES_ONE, .effect = e, .run = f, .help = h
static const struct action actions[] = {
    { ON_ONE("review", review, EFFECT_READ, "How many it would reach, before it is started."), .right = "campaign.read",
        .output = review_output },
    { ON_ONE("start", start, EFFECT_WRITE, "Sends it at its time, or begins to watch its segment."),
        .right = "campaign.start", .input = start_input },
    { ON_ONE("pause", pause_campaign, EFFECT_WRITE, "Sends no more until it is resumed."), .right = "campaign.start" },
    { ON_ONE("resume", resume, EFFECT_WRITE, "Goes on with a paused one."), .right = "campaign.start" },
    { ON_ONE("cancel", cancel, EFFECT_WRITE, "Ends it; what was not sent is cancelled."), .right = "campaign.start" },
    { ON_ONE("results", campaign_act_results, EFFECT_READ, "What became of it, and what it brought beside the control group."),
        .right = "campaign.read", .output = results_output },
    { ON_ONE("messages", campaign_act_messages, EFFECT_READ, "Each person's message and what became of it."),
        .right = "campaign.read", .input = messages_input, .output = messages_output },
    ACTION_END,
};

static const struct entity *const entities[] = { &campaign_entity, NULL };

static const struct job_kind jobs[] = {
    { .name = "campaign_plan", .work = campaign_plan_work, .help = "Freezes the audience of a campaign." },
    { .name = "campaign_watch", .look = campaign_watch_look, .run = campaign_watch, .when = "minutely", .system = true,
        .help = "Ends campaigns that have been sent, and stops those of which too much is refused." },
    JOB_END,
};

static const char *const of_segments[] = { "segment", NULL };
static const struct consumer consumers[] = {
    { .name = "campaigns", .run = campaigns_consume, .follows = of_segments, .kinds = "e" },
    CONSUMER_END,
};

const struct module campaign_module = { .name = "campaign", .entities = entities, .actions = actions, .jobs = jobs,
    .consumers = consumers, .functions = campaign_functions };
