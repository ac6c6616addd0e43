/* message.c - mail servers, senders, domains and texts, and what can be done with them. */

#include "domain/message/message.h"

#include "domain/message/message_steps.h"

#include "model/action.h"
#include "model/auth.h"
#include "model/link.h"
#include "model/normal.h"

#include <inttypes.h>

/* ---- tables ---- */

static const struct choice_def securities[]
    = { { "starttls", "STARTTLS", "green" }, { "tls", "TLS", "green" }, { "none", "None", "red" }, { 0 } };
static const struct field server_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 1, .index = true),
    FIELD_TEXT("host", .required = true, .max = 253, .no_fold = true),
    FIELD_INT("port", .required = true, .min = 1, .max = 65535, .def = "587"),
    FIELD_CHOICE("security", securities, .list = "mail_security", .required = true, .def = "starttls"),
    FIELD_BOOL("any_certificate", .help = "Take any certificate: for a server on your own network only."),
    FIELD_TEXT("username", .max = 254, .no_fold = true),
    FIELD_BOOL("has_password", .read_only = true),
    FIELD_INT("connections", .min = 1, .max = SMTP_CONNECTIONS_MAX, .def = "10", .help = "Open at once, at most."),
    FIELD_INT("rate", .label = "Messages a second", .min = 0, .max = 100000, .help = "At most; 0: as fast as it goes."),
    FIELD_INT("domain_rate", .label = "Messages a second to one domain", .min = 0, .max = 100000),
    FIELD_TEXT("state", .max = 20, .read_only = true, .no_fold = true, .no_history = true, .help = "ok or failing"),
    FIELD_TEXT("error", .max = 400, .read_only = true, .no_fold = true, .no_history = true),
    FIELD_END,
};
static const struct entity server = { .name = "mail_server", .plural = "mail_servers", .icon = "server",
    .flags = ENTITY_ADMIN, .fields = server_fields };

static const struct field domain_fields[] = {
    FIELD_TEXT("name", .label = "Domain", .required = true, .max = 253, .no_fold = true, .unique = true, .format = FORMAT_DOMAIN),
    FIELD_TEXT("selector", .required = true, .max = 60, .no_fold = true, .def = "'kith'",
        .help = "The record stands at <selector>._domainkey.<domain>."),
    FIELD_LONG("record", .label = "DNS record", .read_only = true, .help = "What to write into the DNS; made with the key."),
    FIELD_END,
};
static const struct entity domain = { .name = "mail_domain", .plural = "mail_domains", .icon = "world",
    .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH, .fields = domain_fields };

static const struct field sender_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 1, .index = true, .help = "As readers see it."),
    FIELD_TEXT("address", .required = true, .max = 254, .no_fold = true, .format = FORMAT_EMAIL),
    FIELD_TEXT("reply_to", .max = 254, .no_fold = true, .format = FORMAT_EMAIL),
    FIELD_TEXT("bounces", .label = "Bounces to", .max = 150, .no_fold = true, .format = FORMAT_EMAIL,
        .help = "A mailbox that takes any +extension; each message gets one of its own."),
    FIELD_REF("server", "mail_server", .on_delete = ON_DELETE_REFUSE, .required = true, .inverse = "senders"),
    FIELD_END,
};

/* A longer name leaves no room for who a refusal is about, and it would name nobody. */
static enum err_code sender_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval bounces = record_get(r, "bounces");
    bool said = bounces.type == DB_TEXT && (!old || !str_eq(bounces.s, record_get(old, "bounces").s));

    return r->replay || !said || str_find_byte(bounces.s, '@') <= MESSAGE_BOUNCE_NAME
        ? OK
        : fail(c, ERR_INVALID, "bounces", "what stands before the @ has at most %d characters: each message adds its mark to it",
              MESSAGE_BOUNCE_NAME);
}

static const struct entity sender = { .name = "mail_sender", .plural = "mail_senders", .icon = "at",
    .flags = ENTITY_ADMIN | ENTITY_PUBLIC, .fields = sender_fields, .before_save = sender_before_save };

static const struct field template_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_TEXT("subject", .required = true, .max = 1000, .no_fold = true, .search = 1),
    FIELD_TEXT("preheader", .max = 400, .no_fold = true, .help = "Shown beside the subject in most mail programs."),
    FIELD_LONG("html", .label = "HTML", .max = 400000),
    FIELD_LONG("text", .label = "Plain text", .max = 200000, .help = "Made of the HTML when left out."),
    FIELD_END,
};

static enum err_code template_before_save(struct call *c, struct record *r, const struct record *old);

static const struct entity template_entity = { .name = "mail_template", .plural = "mail_templates", .icon = "template", .area = "Marketing",
    .fields = template_fields, .before_save = template_before_save };

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)
static const struct field secret_fields[] = { COL_TEXT("kind"), COL_INT("record"), COL_TEXT("sealed"), FIELD_END };
const struct entity mail_secret_entity = { .name = "mail_secret", .plural = "mail_secrets", .fields = secret_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"kind\", \"record\"" };

/* ---- secrets ---- */

static enum err_code keep_secret(struct call *c, const char *kind, int64_t record, struct str plain)
{
    struct str sealed;

    TRY(db_exec(c, SQL("DELETE FROM \"mail_secrets\" WHERE \"kind\" = $1 AND \"record\" = $2"), VALS(V(kind), V(record))));
    if (!plain.n) {
        return OK;
    }
    TRY(secret_seal(c, plain, &sealed));
    return db_exec(c, SQL("INSERT INTO \"mail_secrets\" (\"kind\", \"record\", \"sealed\") VALUES ($1, $2, $3)"),
        VALS(V(kind), V(record), V(sealed)));
}

static enum err_code read_secret(struct call *c, const char *kind, int64_t record, struct str *plain)
{
    struct str sealed;

    *plain = STR("");
    TRY(db_text(c, &sealed, SQL("SELECT \"sealed\" FROM \"mail_secrets\" WHERE \"kind\" = $1 AND \"record\" = $2"),
        VALS(V(kind), V(record))));
    return sealed.n ? secret_open(c, sealed, plain) : OK;
}

static enum err_code set_password(struct call *c)
{
    struct record *r = record_new(c, target_entity(c));
    struct str password = in_text(c, "password");

    TRY(keep_secret(c, "password", target(c), password));
    r->id = target(c);
    r->trusted = true;
    record_set(c, r, "has_password", V(password.n > 0));
    return record_update(c, r);
}

struct key_made {
    int64_t domain;
    struct str pem, record;
};

static enum err_code keep_key(struct call *c, void *arg)
{
    const struct key_made *made = arg;
    struct record *r = record_of(c, "mail_domain");

    TRY(keep_secret(c, "dkim", made->domain, made->pem));
    r->id = made->domain;
    r->trusted = true;
    record_set(c, r, "record", V(made->record));
    return record_update(c, r);
}

/* Tenths of a second of reckoning, which no transaction waits for. */
static enum err_code make_key_work(struct job_work *w)
{
    struct key_made made = { .domain = json_integer_value(json_object_get(w->input, "domain")) };
    struct dkim_key *key;

    TRY(dkim_generate(w->mem, &made.pem, &w->err));
    TRY(dkim_open(w->mem, made.pem, &key, &w->err));
    TRY(dkim_record(w->mem, key, &made.record, &w->err));
    return job_work_end(w, keep_key, &made);
}

static enum err_code make_key(struct call *c)
{
    json_t *input = json_pack("{s:I}", "domain", (json_int_t)target(c));
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    TRY(job_enqueue(c, &(struct job_order) { .kind = "mail_key", .input = input,
                           .key = arena_fmt(c->mem, "mail_key:%" PRId64, target(c)).p }, &job));
    out_int(c, "job", job);
    return OK;
}

/* ---- loading ---- */

static struct str text_of(struct call *c, const struct record *r, const char *field)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_TEXT ? arena_str(c->mem, v.s) : STR("");
}

static enum err_code load(struct call *c, const char *entity, int64_t id, struct record **r)
{
    const struct live_entity *e = model_entity(c->model, str_of(entity));

    TRY(record_load(c, e, id, true, r));
    return (*r)->cells[e->deleted_at->cell].type == DB_NULL
        ? OK
        : fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, e->name.p, id);
}

enum err_code mail_server_load(struct call *c, int64_t id, struct mail_server *out)
{
    struct record *r;
    struct str password, user;

    TRY(load(c, "mail_server", id, &r));
    TRY(read_secret(c, "password", id, &password));
    const struct choice *security
        = choice_by_id(entity_field(r->e, STR("security"))->list, record_get(r, "security").i);
    struct str code = security ? security->code : STR("starttls");
    user = text_of(c, r, "username");
    *out = (struct mail_server) { .rate = record_get(r, "rate").i, .domain_rate = record_get(r, "domain_rate").i };
    out->smtp = (struct smtp_server) { .host = text_of(c, r, "host").p, .port = (int)record_get(r, "port").i,
        .security = str_is(code, "tls") ? SMTP_TLS : str_is(code, "none") ? SMTP_PLAIN : SMTP_STARTTLS,
        .unverified = record_get(r, "any_certificate").i != 0, .user = user.n ? user.p : NULL,
        .password = arena_cstr(c->mem, password), .connections = (int)record_get(r, "connections").i,
        .patience = SECONDS(60) };
    struct str base = link_base(c);
    ptrdiff_t at = str_find(base, STR("://"));
    struct str host = at >= 0 ? str_sub(base, (size_t)at + 3, base.n) : base;
    ptrdiff_t colon = str_find_byte(host, ':');
    out->smtp.hello = arena_cstr(c->mem, colon > 0 ? str_sub(host, 0, (size_t)colon) : host);
    return OK;
}

enum err_code mail_sender_load(struct call *c, int64_t id, struct mail_sender *out)
{
    struct record *r;
    struct rows rows;
    int64_t domain_id = 0;

    TRY(load(c, "mail_sender", id, &r));
    *out = (struct mail_sender) { .server = record_get(r, "server").i, .name = text_of(c, r, "name"),
        .address = text_of(c, r, "address"), .reply_to = text_of(c, r, "reply_to"), .bounces = text_of(c, r, "bounces") };
    ptrdiff_t at = str_find_byte(out->address, '@');
    out->domain = at >= 0 ? str_sub(out->address, (size_t)at + 1, out->address.n) : STR("localhost");
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"selector\" FROM \"mail_domains\" WHERE \"name\" = $1 AND \"deleted_at\" IS NULL"),
        VALS(V(out->domain))));
    if (rows_next(&rows)) {
        domain_id = col_int(&rows, 0);
        out->selector = col_text(&rows, 1);
    }
    TRY(rows_end(&rows));
    return domain_id ? read_secret(c, "dkim", domain_id, &out->key) : OK;
}

enum err_code mail_text_load(struct call *c, int64_t id, struct mail_text *out)
{
    struct record *r;

    TRY(load(c, "mail_template", id, &r));
    *out = (struct mail_text) { .subject = text_of(c, r, "subject"),
        .html = text_of(c, r, "html"), .text = text_of(c, r, "text"), .preheader = text_of(c, r, "preheader") };
    return OK;
}

/* ---- texts ---- */

/* A misspelt name is told now, and not to ten thousand readers. */
static enum err_code template_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct mail_text text = { .subject = record_get(r, "subject").s, .html = text_of(c, r, "html"),
        .text = text_of(c, r, "text"), .preheader = text_of(c, r, "preheader") };
    struct mail_sender nobody = { .address = STR("nobody@example.com"), .domain = STR("example.com") };
    struct mail_layout layout;

    (void)old;
    if (r->replay) {
        return OK;
    }
    if (!text.html.n && !text.text.n) {
        return fail(c, ERR_INVALID, "html", "a template needs a text, as HTML or plain");
    }
    return mail_layout_read(c, c->mem, &text, &nobody, STR(""), &layout);
}

/* The person to show a text for; the asker must be allowed to see him. */
static enum err_code person_to_show(struct call *c, struct record **r)
{
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    bool yes;

    *r = NULL;
    if (!in_int(c, "person")) {
        return OK;
    }
    TRY(record_load(c, people, in_int(c, "person"), true, r));
    TRY(access_record(c, *r, RIGHT_READ, &yes));
    return yes ? OK
               : fail(c, ERR_NOT_FOUND, "person", "there is no %s with id %" PRId64, "contact", in_int(c, "person"));
}

static struct str first_text(struct str a, struct str b)
{
    return a.n ? a : b;
}

/* By whom a text is shown: the sender named, else the newest, as the page offers it; one made up where there is none. */
static enum err_code sender_to_show(struct call *c, struct mail_sender *from)
{
    const struct live_entity *senders = model_entity(c->model, STR("mail_sender"));
    int64_t id = in_int(c, "sender");
    struct record *r;
    bool found = id != 0, yes = false;

    TRY(found ? OK
              : db_find(c, &id, &found,
                  SQL("SELECT \"id\" FROM \"mail_senders\" WHERE \"deleted_at\" IS NULL ORDER BY \"id\" DESC LIMIT 1"), VALS()));
    if (found) {
        TRY(record_load(c, senders, id, true, &r));
        TRY(access_record(c, r, RIGHT_READ, &yes));
    }
    if (yes) {
        TRY(mail_sender_load(c, id, from));
        from->key = STR(""); /* nothing is sent, so nothing is signed */
        return OK;
    }
    *from = (struct mail_sender) { .name = STR("[sender.name]"), .address = STR("sender@example.com"), .domain = STR("example.com") };
    return in_int(c, "sender") ? fail(c, ERR_NOT_FOUND, "sender", "there is no %s with id %" PRId64, "mail_sender", id) : OK;
}

static struct str listed(struct call *c, const struct template_missing *m)
{
    struct buf b;

    buf_init(&b, c->mem, TEMPLATE_SOURCE_MAX);
    for (size_t i = 0; i < m->n; i++) {
        buf_fmt(&b, "%s%.*s", i ? ", " : "", STR_ARG(m->names[i]));
    }
    return buf_str(&b);
}

static enum err_code preview(struct call *c)
{
    struct mail_wish wish = { .to = STR("reader@example.com"), .sample = true };
    struct mail_sender from;
    struct mail_layout layout;
    struct mail_bytes mail;
    struct mail_text text;

    TRY(mail_text_load(c, target(c), &text));
    /* what is being written, before it is saved */
    text.subject = first_text(in_text(c, "subject"), text.subject);
    text.html = in_has(c, "html") ? in_text(c, "html") : text.html;
    text.text = in_has(c, "text") ? in_text(c, "text") : text.text;
    TRY(person_to_show(c, &wish.person));
    TRY(sender_to_show(c, &from));
    TRY(mail_layout_read(c, c->mem, &text, &from, STR("[campaign.name]"), &layout));
    TRY(mail_render(c, &layout, &wish, &mail));
    out_text(c, "subject", mail.subject);
    out_text(c, "html", mail.html);
    out_text(c, "text", mail.text);
    out_text(c, "missing", listed(c, &mail.missing));
    out_int(c, "bytes", (int64_t)mail.data.n);
    return OK;
}

/* To an address of one's own choice, through the real server, as the person named would get it. */
static enum err_code test_send(struct call *c)
{
    struct batch_order order = { .kind = BATCH_TRANSACTIONAL, .sender = in_int(c, "sender"), .template = target(c),
        .once = true };
    struct str key;
    const char *why = "";
    struct record *person;
    int64_t batch;
    bool made;

    if (!normal_email(c->mem, in_text(c, "to"), &key, &why)) {
        return fail(c, ERR_INVALID, "to", "%s", why);
    }
    if (in_int(c, "person") && !c->who->admin) { /* what a template may name of a person is more than a role may show */
        return fail(c, ERR_FORBIDDEN, "person", "only an administrator sends somebody's data to an address of choice");
    }
    TRY(person_to_show(c, &person));
    TRY(message_open_batch(c, &order, &batch));
    TRY(message_plan(c, &(struct message_order) { .batch = batch, .contact = person ? person->id : 0, .address = key }, &made));
    TRY(message_wake(c, batch, c->now));
    out_int(c, "batch", batch);
    return OK;
}

/* ---- the module ---- */

static const struct field password_input[] = { FIELD_TEXT("password", .max = 500), FIELD_END };
static const struct field job_output[] = { FIELD_INT("job"), FIELD_END };
static const struct field preview_input[] = { FIELD_INT("person", .min = 1), FIELD_INT("sender", .min = 1),
    FIELD_TEXT("subject", .max = 1000),
    FIELD_LONG("html", .max = 400000), FIELD_LONG("text", .max = 200000), FIELD_END };
static const struct field preview_output[] = { FIELD_TEXT("subject"), FIELD_LONG("html"), FIELD_LONG("text"),
    FIELD_TEXT("missing"), FIELD_INT("bytes"), FIELD_END };
static const struct field test_input[] = { FIELD_INT("sender", .required = true, .min = 1),
    FIELD_TEXT("to", .required = true, .max = 254), FIELD_INT("person", .min = 1), FIELD_END };
static const struct field batch_output[] = { FIELD_INT("batch"), FIELD_END };
static const struct field bounce_input[] = { FIELD_LONG("report", .required = true, .max = 1 << 20,
                                                 .help = "The whole mail that the other side sent back, as text."),
    FIELD_END };
static const struct field bounce_output[]
    = { FIELD_TEXT("outcome"), FIELD_INT("contact"), FIELD_TEXT("status"), FIELD_END };

static const struct action actions[] = {
    { .name = "set_password", .on = "mail_server", .takes = TAKES_ONE, .effect = EFFECT_WRITE,
        .right = "mail_server.set_password", .input = password_input, .run = set_password,
        .help = "Keeps the password of a mail server, sealed; none takes it away." },
    { .name = "check", .on = "mail_server", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "mail_server.check",
        .output = job_output, .run = message_act_check,
        .help = "Orders a trial: a connection as for sending, up to the sign-in; the job's result tells of it." },
    { .name = "make_key", .on = "mail_domain", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "mail_domain.make_key",
        .output = job_output, .run = make_key,
        .help = "Orders a new key to sign the mails of a domain with; its DNS record then stands with the domain." },
    { .name = "preview", .on = "mail_template", .takes = TAKES_ONE, .effect = EFFECT_READ, .right = "mail_template.read",
        .input = preview_input, .output = preview_output, .run = preview,
        .help = "The mail as a person would get it, from the sender named or the newest; missing: what it has no value for." },
    { .name = "test", .on = "mail_template", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "mail_template.test",
        .input = test_input, .output = batch_output, .run = test_send, .help = "Sends it to one address." },
    { .name = "bounce", .on = "mail_sender", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .right = "mail_sender.bounce",
        .input = bounce_input, .output = bounce_output, .run = message_act_bounce,
        .help = "Takes the report of a mail that could not be delivered." },
    ACTION_END,
};

static const struct entity *const entities[] = { &server, &domain, &sender, &template_entity, &mail_secret_entity,
    &message_batch_entity, &message_entity, &message_link_entity, &message_hit_entity, &message_move_entity, NULL };

static const struct setting settings[] = {
    { .field = { .name = "message.days", .label = "Sent mails", .kind = KIND_INT, .min = 30, .max = 36500, .def = "1100",
          .help = "For how many days it is kept who got which mail, and whether it arrived and was opened." },
        .scope = SETTING_ORG },
    SETTING_END,
};

static const struct job_kind jobs[] = {
    { .name = "message_send", .work = message_send_work, .system = true, .help = "Sends what is due through a mail server." },
    { .name = "mail_key", .work = make_key_work, .help = "Makes a key to sign the mails of a domain with." },
    { .name = "mail_check", .work = message_check_work, .help = "Tries a mail server." },
    { .name = "message_close", .run = message_close_work, .system = true, .help = "Cancels what a stopped batch had planned." },
    { .name = "message_look", .run = message_look, .when = "minutely", .system = true,
        .help = "Wakes the sender of each mail server that has something due." },
    { .name = "message_retention", .look = message_retention_look, .run = message_retention_run, .when = "daily",
        .system = true, .help = "Removes what is older than the setting message.days about mails." },
    JOB_END,
};

static const char *const of_people[] = { "contact", NULL };
static const struct consumer consumers[] = {
    { .name = "message_people", .run = message_people_change, .follows = of_people, .kinds = "drp" },
    CONSUMER_END,
};

const struct module message_module = { .name = "message", .entities = entities, .actions = actions, .settings = settings,
    .jobs = jobs, .consumers = consumers, .pages = message_pages, .happened = message_happened };
