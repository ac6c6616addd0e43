/* consent.c - the ledger and the state.
 *
 * The ledger is append-only: a mistake is corrected by one more entry. The state of a person,
 * purpose and channel is the newest entry's and follows in the same transaction. When people are
 * merged the stricter of two states wins. */

#include "domain/consent/consent.h"

#include "domain/consent/consent_steps.h"

#include "model/action.h"
#include "model/link.h"
#include "model/texts.h"

/* ---- tables ---- */

static const struct choice_def rules[] = { { "opt_in", "Only who agreed", "green" },
    { "opt_out", "All who did not refuse", "yellow" }, { 0 } };
static const struct field purpose_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 1, .index = true),
    FIELD_TEXT("code", .required = true, .max = 60, .no_fold = true, .unique = true, .format = FORMAT_CODE,
        .help = "Its name in expressions: has_consent('newsletter', 'email')."),
    FIELD_LONG("description", .max = 2000, .help = "Stands on the preference page."),
    FIELD_CHOICE("rule", rules, .required = true, .def = "opt_in", .set_once = true,
        .help = "Whether it takes a yes, or only no refusal."),
    FIELD_BOOL("on_page", .label = "On the preference page"),
    FIELD_INT("position", .min = 0, .max = 1000),
    FIELD_END,
};
static const struct entity purpose = { .name = "consent_purpose",
    .plural = "consent_purposes",
    .label = "Purpose",
    .label_plural = "Purposes",
    .icon = "target",
    .flags = ENTITY_ADMIN | ENTITY_PUBLIC,
    .fields = purpose_fields };

static const struct field text_fields[] = {
    FIELD_REF("purpose", "consent_purpose", .required = true, .inverse = "texts"),
    FIELD_TEXT("name", .required = true, .max = 100, .help = "Its version: 2026-11."),
    FIELD_TEXT("language", .max = 10, .format = FORMAT_LANGUAGE),
    FIELD_LONG("text", .required = true, .help = "What people agreed to, word for word."),
    FIELD_END,
};
static const struct entity text_entity = { .name = "consent_text",
    .plural = "consent_texts",
    .label = "Consent text",
    .label_plural = "Consent texts",
    .icon = "file-text",
    .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_APPEND_ONLY,
    .fields = text_fields };

static const struct choice_def channels[] = { { "email", "E-mail" }, { "sms", "SMS" }, { "phone", "Phone" }, { "post", "Post" },
    { "push", "Push" }, { "chat", "Chat" }, { "web", "Web site" }, { 0 } };
static const struct choice_def states[] = { { "granted", "Granted", "green" }, { "pending", "Pending", "yellow" },
    { "denied", "Denied", "red" }, { "withdrawn", "Withdrawn", "red" }, { 0 } };
static const struct choice_def bases[] = { { "consent", "Consent" }, { "contract", "Contract" },
    { "existing_customer", "Existing customer" }, { "legitimate_interest", "Legitimate interest" }, { "legal", "Legal duty" },
    { 0 } };

static const struct field entry_fields[] = {
    FIELD_REF("contact", "contact", .required = true, .inverse = "consent_entries", .on_delete = ON_DELETE_CASCADE),
    FIELD_REF("purpose", "consent_purpose", .required = true, .inverse = "consent_entries"),
    FIELD_CHOICE("channel", channels, .list = "consent_channel", .required = true),
    FIELD_CHOICE("state", states, .list = "consent_state", .required = true),
    FIELD_CHOICE("basis", bases, .list = "consent_basis"),
    FIELD_REF("text", "consent_text", .inverse = "consent_entries"),
    FIELD_TEXT("source", .max = 200, .help = "Where it was said: the form, the page, the call."),
    FIELD_LONG("proof", .max = 4000, .sensitive = true, .help = "What can be shown later: address, browser, a file's name."),
    FIELD_INSTANT("at", .index = true, .help = "When it was said; now when left out."),
    FIELD_END,
};
static const struct field state_fields[] = {
    FIELD_REF("contact", "contact", .required = true, .inverse = "consents", .on_delete = ON_DELETE_CASCADE, .read_only = true),
    FIELD_REF("purpose", "consent_purpose", .required = true, .inverse = "consents", .read_only = true),
    FIELD_CHOICE("channel", channels, .list = "consent_channel", .required = true, .read_only = true),
    FIELD_CHOICE("state", states, .list = "consent_state", .required = true, .read_only = true),
    FIELD_INSTANT("since", .read_only = true),
    FIELD_END,
};

static enum err_code entry_before_save(struct call *c, struct record *r, const struct record *old);
static enum err_code entry_after_save(struct call *c, const struct record *r, const struct record *old);
static enum err_code state_merge(struct call *c, const struct record *kept, const struct record *going);

static const struct entity entry = { .name = "consent_entry",
    .plural = "consent_entries",
    .label = "Consent entry",
    .label_plural = "Consent ledger",
    .title = "source",
    .icon = "signature",
    .person = "contact",
    .flags = ENTITY_APPEND_ONLY | ENTITY_NO_SEARCH,
    .fields = entry_fields,
    .before_save = entry_before_save,
    .after_save = entry_after_save };

static const char *const one_state[] = { "\"contact\", \"purpose\", \"channel\"", NULL };
static const struct entity state = { .name = "consent",
    .plural = "consents",
    .title = "state",
    .icon = "shield-check",
    .person = "contact",
    .flags = ENTITY_NO_SEARCH | ENTITY_DERIVED,
    .fields = state_fields,
    .unique = one_state,
    .merge_clash = state_merge };

/* ---- the state follows the ledger ---- */

static enum err_code entry_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval contact = record_get(r, "contact");

    if (record_get(r, "at").type == DB_NULL) {
        record_set(c, r, "at", V(c->now));
    }
    if (!old && !r->replay && !c->undo_of && contact.type == DB_INT) {
        /* two entries at once: the second waits here and finds the state that the first has left. Not later: the row of
         * the ledger holds its person too, and two of them would wait for each other. */
        enum err_code code = record_lock(c, model_entity(c->model, STR("contact")), contact.i);
        TRY(code == ERR_NOT_FOUND ? OK : code); /* whom there is not is told with the field, further on */
        err_clear(&c->err);
    }
    return r->replay || record_get(r, "at").i <= c->now + DAYS(1)
               ? OK
               : fail(c, ERR_INVALID, "at", "nobody has said that yet: it lies in the future");
}

/* *gone: it lies in the bin with its person, and comes back with him. */
static enum err_code find_state(struct call *c, const struct record *e, int64_t *id, int64_t *since, bool *gone)
{
    struct rows rows;

    *id = *since = 0;
    *gone = false;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"since\", \"deleted_at\" FROM \"consents\" WHERE \"contact\" = $1 AND"
            " \"purpose\" = $2 AND \"channel\" = $3 ORDER BY (\"deleted_at\" IS NULL) DESC LIMIT 1"),
        VALS(record_get(e, "contact"), record_get(e, "purpose"), record_get(e, "channel"))));
    if (rows_next(&rows)) {
        *id = col_int(&rows, 0);
        *since = col_int(&rows, 1);
        *gone = !col_null(&rows, 2);
    }
    return rows_end(&rows);
}

static enum err_code entry_after_save(struct call *c, const struct record *r, const struct record *old)
{
    struct record *s = record_of(c, "consent");
    int64_t since;
    bool gone;

    if (!r || old || r->replay || c->undo_of) {
        return OK; /* undo brings the state back by itself; a merge moves entries and states */
    }
    TRY(find_state(c, r, &s->id, &since, &gone));
    if (gone || (s->id && since > record_get(r, "at").i)) {
        return OK;
    }
    s->trusted = true;
    if (!s->id) {
        record_set(c, s, "contact", record_get(r, "contact"));
        record_set(c, s, "purpose", record_get(r, "purpose"));
        record_set(c, s, "channel", record_get(r, "channel"));
    }
    record_set(c, s, "state", record_get(r, "state"));
    record_set(c, s, "since", record_get(r, "at"));
    return s->id ? record_update(c, s) : record_create(c, s);
}

static int strictness(const struct call *c, const struct record *r)
{
    static const char *const order[] = { "granted", "pending", "denied", "withdrawn" };
    struct str code = model_choice_code(c->model, "consent", "state", record_get(r, "state").i);
    int at = 0;

    while (at < 3 && !str_is(code, order[at])) {
        at++;
    }
    return at;
}

static enum err_code state_merge(struct call *c, const struct record *kept, const struct record *going)
{
    struct record *change = record_of(c, "consent");

    if (strictness(c, going) <= strictness(c, kept)) {
        return OK;
    }
    change->id = kept->id;
    change->trusted = true;
    record_set(c, change, "state", record_get(going, "state"));
    record_set(c, change, "since", record_get(going, "since"));
    return record_update(c, change);
}

/* ---- for other modules ---- */

enum err_code consent_record(struct call *c, const struct consent_said *said)
{
    struct record *r = record_of(c, "consent_entry");
    int64_t basis = model_choice(c->model, "consent_entry", "basis", said->basis);

    r->trusted = true;
    record_set(c, r, "contact", V(said->contact));
    record_set(c, r, "purpose", V(said->purpose));
    record_set(c, r, "channel", V(model_choice(c->model, "consent_entry", "channel", said->channel)));
    record_set(c, r, "state", V(model_choice(c->model, "consent_entry", "state", said->state)));
    record_set(c, r, "basis", basis ? V(basis) : V_NULL);
    record_set(c, r, "source", said->source.n ? V(said->source) : V_NULL);
    record_set(c, r, "proof", said->proof.n ? V(said->proof) : V_NULL);
    record_set(c, r, "at", V(said->at ? said->at : c->now));
    return record_create(c, r);
}

enum err_code consent_said(struct call *c, int64_t contact, int64_t purpose_id, struct str channel, enum consent_verdict *out)
{
    int64_t said, rule;
    bool found;

    TRY(db_find(c, &said, &found,
        SQL("SELECT \"state\" FROM \"consents\" WHERE \"contact\" = $1 AND \"purpose\" = $2 AND "
            "\"channel\" = $3 AND"
            " \"deleted_at\" IS NULL"),
        VALS(V(contact), V(purpose_id), V(model_choice(c->model, "consent", "channel", channel)))));
    struct str code = found ? model_choice_code(c->model, "consent", "state", said) : STR("");
    *out = str_is(code, "granted")                               ? CONSENT_GIVEN
           : str_is(code, "denied") || str_is(code, "withdrawn") ? CONSENT_REFUSED
                                                                 : CONSENT_ABSENT;
    if (*out == CONSENT_ABSENT) {
        TRY(db_find(c, &rule, &found, SQL("SELECT \"rule\" FROM \"consent_purposes\" WHERE \"id\" = $1"), VALS(V(purpose_id))));
        bool opt_out = found && str_is(model_choice_code(c->model, "consent_purpose", "rule", rule), "opt_out");
        *out = opt_out && !str_is(code, "pending") ? CONSENT_GIVEN : CONSENT_ABSENT;
    }
    return OK;
}

enum err_code consent_wants_no_mail(struct call *c, int64_t contact, bool *yes)
{
    int64_t one;

    return db_find(c, &one, yes, SQL("SELECT 1 FROM \"contacts\" WHERE \"id\" = $1 AND \"do_not_email\" = 1"), VALS(V(contact)));
}

enum err_code consent_verdict(struct call *c, int64_t contact, int64_t purpose_id, struct str channel, enum consent_verdict *out)
{
    bool none = false;

    TRY(str_is(channel, "email") ? consent_wants_no_mail(c, contact, &none) : OK);
    if (none) {
        *out = CONSENT_REFUSED;
        return OK;
    }
    return consent_said(c, contact, purpose_id, channel, out);
}

/* ---- shipped: in the language of the organisation ---- */

static const struct {
    const char *code, *name, *description, *rule;
    bool on_page;
} shipped[] = {
    { "newsletter", "News and offers", "What is new, and what might interest you.", "opt_in", true },
    { "service", "About your orders", "Confirmations, delivery, and questions about what you bought.", "opt_out", true },
    { "profiling", "Personal suggestions", "We look at what you bought and read, to suggest what fits.", "opt_in", true },
    { "tracking", "Visits to our pages", "We remember which of our pages you have seen.", "opt_in", true },
};

static enum err_code consent_seed(struct call *c)
{
    int64_t n;

    TRY(db_int(c, &n, SQL("SELECT count(*) FROM \"consent_purposes\""), VALS()));
    for (size_t i = 0; !n && i < sizeof shipped / sizeof *shipped; i++) {
        struct record *r = record_of(c, "consent_purpose");
        r->trusted = true;
        record_set(c, r, "code", V(shipped[i].code));
        record_set(c, r, "name", V(text_in(call_language(c), shipped[i].name)));
        record_set(c, r, "description", V(text_in(call_language(c), shipped[i].description)));
        record_set(c, r, "rule", V(model_choice(c->model, "consent_purpose", "rule", str_of(shipped[i].rule))));
        record_set(c, r, "on_page", V(shipped[i].on_page));
        record_set(c, r, "position", V((int64_t)i));
        TRY(record_create(c, r));
    }
    return OK;
}

/* ---- the module ---- */

static const struct field address_input[] = {
    FIELD_TEXT("address", .required = true, .max = 254, .help = "An e-mail address or a phone number."),
    FIELD_TEXT("reason", .max = 40),
    FIELD_TEXT("detail", .max = 400),
    FIELD_END,
};
static const struct field check_input[] = { FIELD_TEXT("address", .required = true, .max = 254), FIELD_END };
static const struct field check_output[] = { FIELD_BOOL("suppressed"), FIELD_END };
static const struct field id_output[] = { FIELD_INT("id"), FIELD_END };

/* For whoever speaks with the person: to send it, or to open it together. */
static enum err_code preference_link(struct call *c)
{
    out_text(c, "url", arena_fmt(c->mem, "%.*s%.*s", STR_ARG(link_base(c)), STR_ARG(consent_page_path(c, target(c)))));
    return OK;
}

static const struct field link_output[] = { FIELD_TEXT("url"), FIELD_END };

static const struct action actions[] = {
    { .name = "preference_link",
        .on = "contact",
        .takes = TAKES_ONE,
        .effect = EFFECT_READ,
        .right = "consent_entry.create",
        .output = link_output,
        .run = preference_link,
        .help = "The address of the page where a person chooses what to hear about." },
    { .name = "add",
        .on = "suppression",
        .takes = TAKES_NONE,
        .effect = EFFECT_WRITE,
        .right = "suppression.add",
        .input = address_input,
        .output = id_output,
        .run = suppression_act_add,
        .help = "An address that is never written to again." },
    { .name = "remove",
        .on = "suppression",
        .takes = TAKES_ONE,
        .effect = EFFECT_WRITE,
        .right = "suppression.remove",
        .run = suppression_act_remove,
        .help = "Takes an address off the list." },
    { .name = "check",
        .on = "suppression",
        .takes = TAKES_NONE,
        .effect = EFFECT_READ,
        .right = "suppression.read",
        .input = check_input,
        .output = check_output,
        .run = suppression_act_check,
        .help = "Whether an address is on the list." },
    ACTION_END,
};

static const struct entity *const entities[] = { &purpose, &text_entity, &entry, &state, &suppression_entity, NULL };

const struct module consent_module = { .name = "consent",
    .entities = entities,
    .actions = actions,
    .pages = consent_pages,
    .seed = consent_seed,
    .functions = consent_functions };
