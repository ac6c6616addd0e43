/* event_intake.c - what sites and programs send: track, page, identify, alias, and batches of them.
 *
 * A bad item is told by its place and the others are taken; what is told as taken is durable. Who somebody is counts only
 * from a server, or with a signature: whoever has but the key of a page can add to visitors whose random ids he knows. */

#include "domain/event/event_steps.h"

#include "model/setting.h"
#include "model/texts.h"
#include "model/visit.h"

#include <sodium.h>

enum { ID_MAX = 200, ERRORS = 50, BROWSER_PER_MINUTE = 100000 };

struct item_error {
    size_t index;
    const char *message;
};

struct intake_call {
    struct visit *visit;
    struct event_source source;
    struct event_names names;
    struct event_counts counts;
    struct map people; /* keys of visitors and ids of users to int64_t, once known */
    int64_t sent_at;   /* by the client's clock, 0 for not told */
    int64_t accepted, repeated;
    int left_out;
    struct event_glimpse glimpse;
    size_t index, nerrors;
    struct item_error errors[ERRORS];
    struct err refused; /* why the item at hand is not taken */
};

static struct str text_of(const json_t *object, const char *name)
{
    return json_str(json_object_get(object, name));
}

static enum err_code refuse(struct intake_call *in, const char *field, const char *message)
{
    (void)!err_set(&in->refused, ERR_INVALID, field, "%s", message);
    return OK;
}

/* ---- when ---- */

static bool instant_in(const json_t *v, int64_t *at)
{
    if (json_is_number(v)) { /* milliseconds, as a browser counts */
        double ms = json_number_value(v);
        *at = ms > -1e14 && ms < 1e14 ? (int64_t)ms * 1000 : 0;
        return true;
    }
    return json_is_string(v) && instant_parse(json_str(v), at);
}

/* By the client's clock, corrected by how far it was off when it sent. What is still impossible happened when it came. */
static int64_t time_of(const struct call *c, const struct intake_call *in, const json_t *item)
{
    int64_t at, sent = in->sent_at;

    if (!instant_in(json_object_get(item, "timestamp"), &at)
        && !instant_in(json_object_get(item, "originalTimestamp"), &at)) {
        return c->now;
    }
    (void)(sent || instant_in(json_object_get(item, "sentAt"), &sent));
    if (sent > 0 && sent < c->now + DAYS(36500)) {
        at += c->now - sent;
    }
    return at >= c->now - DAYS(EVENT_DAYS) && at <= c->now + HOURS(1) ? at : c->now;
}

/* ---- who ---- */

static bool is_trusted(const struct intake_call *in, const json_t *item, struct str user)
{
    struct str signature = text_of(item, "signature");

    signature = signature.n ? signature : text_of(json_object_get(item, "context"), "signature");
    return user.n && (in->source.server || event_source_signed(&in->source, user, signature));
}

static enum err_code make_person(struct call *c, void *arg)
{
    struct str *user = arg;
    struct record *r = record_of(c, "contact");

    record_set(c, r, "external_id", V(*user));
    return record_create(c, r);
}

/* The person with this id elsewhere; 0 for nobody. */
static enum err_code find_person(struct call *c, struct str user, int64_t *id)
{
    bool found;

    *id = 0;
    return db_find(c, id, &found,
        SQL("SELECT \"id\" FROM \"contacts\" WHERE \"external_id\" = $1 AND \"deleted_at\" IS NULL"), VALS(V(user)));
}

static enum err_code person_of(struct call *c, struct intake_call *in, struct str user, int64_t *who)
{
    struct str key = arena_fmt(c->mem, "u:%.*s", STR_ARG(user));

    TRY(find_person(c, user, who));
    if (!*who) {
        TRY(event_visitor_known(c, key, who));
    }
    if (*who) {
        return OK;
    }
    if (!in->source.creates || !in->source.server) {
        return event_visitor(c, key, who);
    }
    TRY(call_nested(c, make_person, &user));
    return find_person(c, user, who);
}

/* Whose item it is; 0: nobody's, and it is refused. */
static enum err_code whose(struct call *c, struct intake_call *in, const json_t *item, int64_t *who)
{
    struct str user = text_of(item, "userId"), anonymous = text_of(item, "anonymousId");
    bool trusted = is_trusted(in, item, user);
    struct str key = arena_fmt(c->mem, "%s%.*s", trusted ? "u:" : "a:", STR_ARG(trusted ? user : anonymous));
    int64_t *known = map_get(&in->people, key);

    *who = 0;
    if (key.n > ID_MAX + 2) {
        return refuse(in, "userId", "an id has at most 200 bytes");
    }
    if (key.n == 2) {
        return refuse(in, "anonymousId",
            user.n ? "a web site needs an anonymousId, or the signature of the userId" : "a userId or an anonymousId");
    }
    if (!known) {
        known = ARENA_NEW(c->mem, int64_t);
        TRY(trusted ? person_of(c, in, user, known) : event_visitor(c, key, known));
        map_put(&in->people, key, known);
    }
    *who = *known;
    return OK;
}

/* ---- events ---- */

/* From its path on, when it is one of the source's own sites. */
static struct str own_path(const struct intake_call *in, struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));

    if (at < 0) {
        return url;
    }
    struct str rest = str_sub(url, (size_t)at + 3, url.n);
    ptrdiff_t slash = str_find_byte(rest, '/');
    size_t n = slash < 0 ? url.n : (size_t)(at + 3 + slash);
    struct str origin = str_sub(url, 0, n);
    bool own = (in->source.origins.n && event_source_allows(&in->source, origin))
        || (in->visit->origin.n && str_eq_nocase(in->visit->origin, origin));
    struct str path = slash < 0 ? STR("/") : str_sub(url, n, url.n);
    return own ? path : url;
}

static struct str page_part(const json_t *item, const char *name)
{
    struct str s = text_of(json_object_get(item, "properties"), name);

    return s.n ? s : text_of(json_object_get(json_object_get(item, "context"), "page"), name);
}

static enum err_code store_event(struct call *c, struct intake_call *in, const json_t *item, struct event *e,
    struct event_name *name)
{
    struct str message = text_of(item, "messageId");
    bool fresh = true;

    TRY(message.n ? event_is_new(c, in->source.id, event_cut(message, ID_MAX), &fresh) : OK);
    if (!fresh) {
        in->repeated++;
        return OK;
    }
    e->name = name->id;
    e->source = in->source.id;
    e->at = time_of(c, in, item);
    e->url = event_cut(own_path(in, page_part(item, "url")), EVENT_TEXT_MAX);
    e->title = event_cut(page_part(item, "title"), EVENT_TEXT_MAX);
    e->referrer = event_cut(own_path(in, page_part(item, "referrer")), EVENT_TEXT_MAX);
    TRY(event_document(c, name, json_object_get(item, "properties"), e, &in->left_out));
    TRY(event_put(c, e, &in->counts));
    in->glimpse.name = name->key;
    in->glimpse.known = e->person > 0;
    in->accepted++;
    return OK;
}

static enum err_code track(struct call *c, struct intake_call *in, const json_t *item, struct str key)
{
    const json_t *properties = json_object_get(item, "properties");
    struct event_name *name;
    struct event e = { 0 };

    key = str_trim(key);
    if (!key.n || key.n > EVENT_NAME_MAX) {
        return refuse(in, "event", "an event has a name of at most 100 bytes");
    }
    if (properties && !json_is_null(properties) && !json_is_object(properties)) {
        return refuse(in, "properties", "properties are an object");
    }
    TRY(whose(c, in, item, &e.person));
    if (!e.person) {
        return OK;
    }
    TRY(event_name_take(c, &in->names, key, &name));
    return name ? store_event(c, in, item, &e, name)
                : refuse(in, "event", EVENT_NAMES_FULL);
}

/* ---- people ---- */

static const struct {
    const char *trait, *field;
} traits[] = { { "firstName", "first_name" }, { "first_name", "first_name" }, { "lastName", "last_name" },
    { "last_name", "last_name" }, { "title", "job_title" }, { "birthday", "birthday" } };

struct describing {
    int64_t person;
    const json_t *traits;
};

static enum err_code describe(struct call *c, void *arg)
{
    struct describing *d = arg;
    struct record *r = record_of(c, "contact"), *now;
    json_t *object = json_pack("{}");
    struct str email = text_of(d->traits, "email"), phone = text_of(d->traits, "phone");

    arena_defer(c->mem, (void (*)(void *))json_decref, object);
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++) {
        json_t *v = json_object_get(d->traits, traits[i].trait);
        if (json_is_string(v)) {
            (void)json_object_set(object, traits[i].field, v);
        }
    }
    TRY(record_load(c, r->e, d->person, true, &now));
    if (email.n && record_get(now, "email").type != DB_TEXT) {
        (void)json_object_set_new(object, "emails", json_pack("[s%]", email.p, email.n));
    }
    if (phone.n && record_get(now, "phone").type != DB_TEXT) {
        (void)json_object_set_new(object, "phones", json_pack("[s%]", phone.p, phone.n));
    }
    TRY(record_fill(c, r, object));
    TRY(call_status(c));
    r->id = d->person;
    return record_update(c, r);
}

/* What is told of somebody holds from a server alone; a value that does not fit refuses the item, not the request. */
static enum err_code apply_traits(struct call *c, struct intake_call *in, const json_t *item, int64_t person)
{
    struct describing d = { person, json_object_get(item, "traits") };

    if (!in->source.server || !json_is_object(d.traits)) {
        return OK;
    }
    enum err_code code = call_nested(c, describe, &d);
    if (code == OK || !err_from_input(code) || !conn_in_tx(c->db)) {
        return code;
    }
    in->refused = c->err;
    in->refused.code = ERR_INVALID;
    err_clear(&c->err);
    c->errors = NULL;
    return OK;
}

static enum err_code identify(struct call *c, struct intake_call *in, const json_t *item)
{
    struct str user = text_of(item, "userId"), anonymous = text_of(item, "anonymousId");
    int64_t who;

    if (!user.n) {
        return refuse(in, "userId", "identify needs a userId");
    }
    if (!is_trusted(in, item, user)) {
        return refuse(in, "signature", "a web site says who somebody is with the signature of the userId");
    }
    if (anonymous.n > ID_MAX) {
        return refuse(in, "anonymousId", "an id has at most 200 bytes");
    }
    TRY(whose(c, in, item, &who));
    if (who > 0 && anonymous.n) {
        struct str key = arena_fmt(c->mem, "a:%.*s", STR_ARG(anonymous));
        int64_t *known = ARENA_NEW(c->mem, int64_t);
        TRY(event_visitor_is(c, key, who));
        *known = who;
        map_put(&in->people, key, known);
    }
    TRY(who > 0 ? apply_traits(c, in, item, who) : OK);
    in->accepted += who != 0 && in->refused.code == OK;
    return OK;
}

static enum err_code alias(struct call *c, struct intake_call *in, const json_t *item)
{
    struct str previous = text_of(item, "previousId");
    int64_t who;

    if (!in->source.server) {
        return refuse(in, "type", "alias comes from a server");
    }
    if (!previous.n || previous.n > ID_MAX || !text_of(item, "userId").n) {
        return refuse(in, "previousId", "alias needs a previousId and a userId");
    }
    TRY(whose(c, in, item, &who));
    if (who > 0) {
        TRY(event_visitor_is(c, arena_fmt(c->mem, "a:%.*s", STR_ARG(previous)), who));
    }
    in->accepted += who != 0;
    return OK;
}

/* ---- items ---- */

static enum err_code take_item(struct call *c, struct intake_call *in, const json_t *item, struct str type)
{
    if (!json_is_object(item)) {
        return refuse(in, "batch", "an item is an object");
    }
    if (str_is(type, "track")) {
        return track(c, in, item, text_of(item, "event"));
    }
    if (str_is(type, "page") || str_is(type, "screen")) {
        return track(c, in, item, str_is(type, "page") ? STR("page_view") : STR("screen_view"));
    }
    if (str_is(type, "identify")) {
        return identify(c, in, item);
    }
    return str_is(type, "alias") ? alias(c, in, item)
                                 : refuse(in, "type", "an item is track, page, screen, identify or alias");
}

static enum err_code take_one(struct call *c, struct intake_call *in, const json_t *item, struct str type)
{
    err_clear(&in->refused);
    TRY(take_item(c, in, item, type));
    if (in->refused.code != OK && in->nerrors++ < ERRORS) {
        in->errors[in->nerrors - 1]
            = (struct item_error) { in->index, text_message(c->mem, call_language(c), in->refused.msg) };
    }
    return OK;
}

/* ---- requests ---- */

/* "Basic base64(key:)", as the libraries of others send it. */
static struct str basic_key(struct call *c, struct str authorization)
{
    char *plain = arena_alloc(c->mem, authorization.n + 1);
    size_t n = 0;

    if (authorization.n < 7 || !str_eq_nocase(str_sub(authorization, 0, 6), STR("Basic "))) {
        return STR("");
    }
    struct str coded = str_trim(str_sub(authorization, 6, authorization.n));
    if (sodium_base642bin((unsigned char *)plain, authorization.n, coded.p, coded.n, NULL, &n, NULL,
            sodium_base64_VARIANT_ORIGINAL)
        != 0) {
        return STR("");
    }
    struct str rest = { plain, n }, key;
    return str_split(&rest, ':', &key) ? key : STR("");
}

static enum err_code check_source(struct call *c, struct intake_call *in, size_t n)
{
    struct visit *v = in->visit;
    struct str key = basic_key(c, v->authorization);
    int64_t per_address, most;

    key = key.n ? key : text_of(v->input, "writeKey");
    TRY(event_source_find(c, key, &in->source));
    if (v->origin.n && in->source.server) {
        return fail(c, ERR_FORBIDDEN, "writeKey", "the key of a server does not belong into a page");
    }
    if (v->origin.n && !event_source_allows(&in->source, v->origin)) {
        return fail(c, ERR_FORBIDDEN, NULL, "this source does not take events from there");
    }
    v->other_site = true;
    TRY(setting_int(c, "event.address_per_minute", &per_address));
    most = in->source.per_minute ? in->source.per_minute : in->source.server ? 0 : BROWSER_PER_MINUTE;
    bool within = (in->source.server || v->within(v->within_arg, v->address, per_address, (int64_t)n))
        && v->within(v->within_arg, key, most, (int64_t)n);
    return within ? OK : fail(c, ERR_RATE, NULL, "too many events; try again in a moment");
}

static void answer(struct call *c, const struct intake_call *in)
{
    json_object(&c->out, NULL);
    json_flag(&c->out, "success", true);
    json_int(&c->out, "accepted", in->accepted);
    if (in->repeated) {
        json_int(&c->out, "repeated", in->repeated);
    }
    if (in->left_out) {
        json_int(&c->out, "properties_left_out", in->left_out);
    }
    if (in->nerrors) {
        json_int(&c->out, "refused", (int64_t)in->nerrors);
        json_array(&c->out, "errors");
        for (size_t i = 0; i < in->nerrors && i < ERRORS; i++) {
            json_object(&c->out, NULL);
            json_int(&c->out, "index", (int64_t)in->errors[i].index);
            json_cstr(&c->out, "message", in->errors[i].message);
            json_end_object(&c->out);
        }
        json_end_array(&c->out);
    }
    json_end_object(&c->out);
}

static enum err_code finish(struct call *c, struct intake_call *in)
{
    TRY(event_names_store(c, &in->names));
    TRY(event_counts_store(c, &in->counts));
    TRY(event_tell(c, &in->counts));
    in->glimpse.accepted = in->accepted;
    in->glimpse.refused = (int64_t)in->nerrors;
    in->glimpse.why = in->nerrors ? in->errors[0].message : NULL;
    TRY(event_glimpse_keep(c, in->source.id, &in->glimpse));
    answer(c, in);
    return OK;
}

static struct intake_call *begin(struct call *c, struct visit *v)
{
    struct intake_call *in = ARENA_NEW(c->mem, struct intake_call);

    in->visit = v;
    map_init(&in->people, c->mem);
    (void)instant_in(json_object_get(v->input, "sentAt"), &in->sent_at);
    return in;
}

static enum err_code take_single(struct call *c, struct visit *v, struct str type)
{
    struct intake_call *in = begin(c, v);

    TRY(check_source(c, in, 1));
    TRY(take_one(c, in, v->input, type));
    if (in->nerrors) {
        return fail(c, ERR_INVALID, in->refused.field, "%s", in->refused.msg);
    }
    return finish(c, in);
}

static enum err_code take_batch(struct call *c, struct visit *v)
{
    struct intake_call *in = begin(c, v);
    const json_t *batch = json_object_get(v->input, "batch");
    size_t n = json_array_size(batch);

    if (!json_is_array(batch)) {
        return fail(c, ERR_INVALID, "batch", "batch is a list of items");
    }
    if (n > EVENT_ITEMS) {
        return fail(c, ERR_TOO_LARGE, "batch", "a batch has at most %d items", EVENT_ITEMS);
    }
    TRY(check_source(c, in, n ? n : 1));
    for (in->index = 0; in->index < n; in->index++) {
        const json_t *item = json_array_get(batch, in->index);
        TRY(take_one(c, in, item, text_of(item, "type")));
    }
    return finish(c, in);
}

static enum err_code take_track(struct call *c, struct visit *v)
{
    return take_single(c, v, STR("track"));
}

static enum err_code take_page(struct call *c, struct visit *v)
{
    return take_single(c, v, STR("page"));
}

static enum err_code take_screen(struct call *c, struct visit *v)
{
    return take_single(c, v, STR("screen"));
}

static enum err_code take_identify(struct call *c, struct visit *v)
{
    return take_single(c, v, STR("identify"));
}

static enum err_code take_alias(struct call *c, struct visit *v)
{
    return take_single(c, v, STR("alias"));
}

const struct intake event_intakes[] = {
    { .name = "track", .take = take_track },
    { .name = "page", .take = take_page },
    { .name = "screen", .take = take_screen },
    { .name = "identify", .take = take_identify },
    { .name = "alias", .take = take_alias },
    { .name = "batch", .take = take_batch },
    { .name = "kith.js", .script = event_script },
    INTAKE_END,
};
