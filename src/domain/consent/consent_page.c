/* consent_page.c - the preference page and the one-click unsubscription: the first pages for people
 * without an account.
 *
 * Who follows a link changes nothing (machines follow links too); only a button does, or the POST
 * of a mail program (RFC 8058). */

#include "domain/consent/consent_steps.h"

#include "base/json.h"
#include "model/link.h"
#include "model/merge.h"
#include "model/texts.h"
#include "model/visit.h"

enum { PURPOSES = 50 };

struct str consent_page_path(const struct call *c, int64_t contact)
{
    struct link l = { LINK_PREFERENCES, contact, 0 };

    return arena_fmt(c->mem, "/p/preferences/%.*s", STR_ARG(link_seal(c->org, c->mem, &l)));
}

struct str consent_unsubscribe_path(const struct call *c, int64_t contact, int64_t purpose)
{
    struct link l = { LINK_UNSUBSCRIBE, contact, purpose };

    return arena_fmt(c->mem, "/p/unsubscribe/%.*s", STR_ARG(link_seal(c->org, c->mem, &l)));
}

/* ---- who it is, and what he said ---- */

struct asked {
    int64_t contact;
    struct str email, language;
    struct purpose {
        int64_t id;
        struct str code, name, description;
        bool given;
    } purposes[PURPOSES];
    size_t n;
};

static enum err_code load_person(struct call *c, int64_t id, struct asked *a)
{
    struct rows rows;
    bool found;
    int64_t into;

    /* a link in an old mail of somebody who was merged since */
    TRY(merge_target(c, model_entity(c->model, STR("contact")), id, &into));
    id = into ? into : id;
    a->contact = id;
    TRY(db_query(c, &rows,
        SQL("SELECT \"email\", \"language\" FROM \"contacts\" WHERE \"id\" = $1 AND \"deleted_at\" "
            "IS NULL"),
        VALS(V(id))));
    found = rows_next(&rows);
    if (found) {
        a->email = col_text(&rows, 0);
        a->language = str_sub(col_text(&rows, 1), 0, 2);
    }
    TRY(rows_end(&rows));
    return found ? OK : fail(c, ERR_NOT_FOUND, NULL, "this link leads nowhere any more");
}

static enum err_code load_purposes(struct call *c, struct asked *a)
{
    struct rows rows;

    a->n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"code\", \"name\", \"description\" FROM \"consent_purposes\" WHERE "
            "\"on_page\" = 1 AND"
            " \"deleted_at\" IS NULL ORDER BY \"position\", \"id\" LIMIT 50"),
        VALS()));
    while (a->n < PURPOSES && rows_next(&rows)) {
        a->purposes[a->n++] = (struct purpose) {
            .id = col_int(&rows, 0), .code = col_text(&rows, 1), .name = col_text(&rows, 2), .description = col_text(&rows, 3)
        };
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < a->n; i++) {
        enum consent_verdict verdict;
        TRY(consent_verdict(c, a->contact, a->purposes[i].id, STR("email"), &verdict));
        a->purposes[i].given = verdict == CONSENT_GIVEN;
    }
    return OK;
}

/* Whose link it is. */
static enum err_code load_link(struct call *c, const struct visit *v, enum link_kind kind, struct link *l, struct asked *a)
{
    if (!link_open(c->org, v->token, kind, l)) {
        return fail(c, ERR_NOT_FOUND, NULL, "this link is not whole; take it from the mail once more");
    }
    return load_person(c, l->a, a);
}

/* ad...@mail.example: enough to know one's own, not enough to learn another's. */
static struct str veiled(struct call *c, struct str email)
{
    ptrdiff_t at = str_find_byte(email, '@');

    return at < 1 ? STR("")
                  : arena_fmt(c->mem, "%.*s…%.*s", STR_ARG(str_sub(email, 0, at < 3 ? 1 : 2)),
                        STR_ARG(str_sub(email, (size_t)at, email.n)));
}

static struct str proof_of(struct call *c, const struct visit *v)
{
    return arena_fmt(c->mem, "%.*s; %.*s", STR_ARG(v->address), STR_ARG(str_sub(v->agent, 0, 300)));
}

static void put(json_t *page, const char *name, struct str text)
{
    json_object_set_new(page, name, json_pack("s%", text.p, text.n));
}

static struct str language_of(const struct asked *a, const struct visit *v, const struct call *c)
{
    struct str own = visit_language(v);

    return a->language.n ? a->language : own.n ? own : c->model->language;
}

/* ---- the preference page ---- */

static const char preferences_body[] =
    "{% if page.said %}<p class=\"said\" role=\"status\">{{ page.said }}</p>{% endif %}"
    "<p>{{ page.intro }} <strong>{{ page.email }}</strong></p>\n"
    "<form method=\"post\">\n<fieldset>\n<legend>{{ page.legend }}</legend>\n"
    "{% for p in page.purposes %}<label><input type=\"checkbox\" name=\"p\" value=\"{{ p.code "
    "}}\"{% if p.given %} checked{% endif %}>"
    "<span>{{ p.name }}<br><small>{{ p.description }}</small></span></label>\n{% endfor %}"
    "</fieldset>\n<button name=\"do\" value=\"save\">{{ page.save }}</button>\n"
    "<button class=\"second\" name=\"do\" value=\"none\">{{ page.none }}</button>\n</form>\n"
    "<p class=\"dim\">{{ page.why }}</p>";

static enum err_code show(struct call *c, struct visit *v, const struct asked *a, const char *said)
{
    struct str language = language_of(a, v, c);
    json_t *page = json_pack("{s:[]}", "purposes"), *list = json_object_get(page, "purposes");

    arena_defer(c->mem, (void (*)(void *))json_decref, page);
    for (size_t i = 0; i < a->n; i++) {
        json_t *one = json_pack("{s:b}", "given", a->purposes[i].given);
        put(one, "code", a->purposes[i].code);
        put(one, "name", str_of(text_in(language, a->purposes[i].name.p)));
        put(one, "description", str_of(text_in(language, a->purposes[i].description.p)));
        json_array_append_new(list, one);
    }
    put(page, "said", str_of(said ? text_in(language, said) : ""));
    put(page, "email", veiled(c, a->email));
    put(page, "intro", str_of(text_in(language, "What may we write to you about? This is about the address")));
    put(page, "legend", str_of(text_in(language, "We write to you about")));
    put(page, "save", str_of(text_in(language, "Save")));
    put(page, "none", str_of(text_in(language, "Nothing at all")));
    put(page, "why", str_of(text_in(language, "You can come back to this page at any time by the link in each mail.")));
    return visit_page(c, v, language, "Your choice", preferences_body, page);
}

static enum err_code preferences_get(struct call *c, struct visit *v)
{
    struct asked a = { 0 };
    struct link l;

    TRY(load_link(c, v, LINK_PREFERENCES, &l, &a));
    TRY(load_purposes(c, &a));
    return show(c, v, &a, NULL);
}

static enum err_code say(
    struct call *c, const struct visit *v, const struct asked *a, struct purpose *p, bool yes, const char *source)
{
    if (p->given == yes) {
        return OK;
    }
    p->given = yes;
    return consent_record(c, &(struct consent_said) { .contact = a->contact,
                                 .purpose = p->id,
                                 .channel = STR("email"),
                                 .state = yes ? STR("granted") : STR("withdrawn"),
                                 .basis = yes ? STR("consent") : STR(""),
                                 .source = str_of(source),
                                 .proof = proof_of(c, v) });
}

/* "Nothing at all" is one fact about the person, so that it holds for purposes that are thought of later, and its
 * contrary brings back none that he has not chosen. */
static enum err_code set_no_mail(struct call *c, const struct asked *a, bool none)
{
    struct record *person = record_of(c, "contact");

    person->id = a->contact;
    person->trusted = true;
    record_set(c, person, "do_not_email", V(none));
    return record_update(c, person);
}

static bool chooses_any(struct call *c, const struct visit *v, const struct asked *a)
{
    for (size_t i = 0; i < a->n; i++) {
        if (visit_has(v, "p", arena_cstr(c->mem, a->purposes[i].code))) {
            return true;
        }
    }
    return false;
}

static enum err_code preferences_post(struct call *c, struct visit *v)
{
    struct asked a = { 0 };
    struct link l;
    bool none = str_is(visit_value(v, "do"), "none"), before;

    TRY(load_link(c, v, LINK_PREFERENCES, &l, &a));
    TRY(record_lock(c, model_entity(c->model, STR("contact")), a.contact));
    TRY(consent_wants_no_mail(c, a.contact, &before));
    TRY(load_purposes(c, &a));
    none = none || (before && !chooses_any(c, v, &a));
    if (none != before) {
        TRY(set_no_mail(c, &a, none));
        TRY(load_purposes(c, &a));
    }
    for (size_t i = 0; !none && i < a.n; i++) {
        bool yes = visit_has(v, "p", arena_cstr(c->mem, a.purposes[i].code));
        TRY(say(c, v, &a, &a.purposes[i], yes, "preference page"));
    }
    return show(c, v, &a, none ? "We will not write to you any more." : "Your choice is saved.");
}

/* ---- one click ---- */

static const char unsubscribe_body[] =
    "{% if page.done %}<p class=\"said\" role=\"status\">{{ page.done }}</p>{% else %}"
    "<p>{{ page.question }} <strong>{{ page.purpose }}</strong></p>\n"
    "<form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">{{ page.button "
    "}}</button></form>{% endif %}"
    "<p><a href=\"{{ page.preferences }}\">{{ page.other }}</a></p>";

static enum err_code show_unsubscribe(struct call *c, struct visit *v, const struct asked *a, const struct purpose *p, bool done)
{
    struct str language = language_of(a, v, c);
    json_t *page = json_pack("{}");

    arena_defer(c->mem, (void (*)(void *))json_decref, page);
    put(page, "done", str_of(done ? text_in(language, "You are unsubscribed.") : ""));
    put(page, "question", str_of(text_in(language, "Do you no longer want to hear from us about this?")));
    put(page, "purpose", str_of(text_in(language, p->name.p)));
    put(page, "button", str_of(text_in(language, "Unsubscribe")));
    put(page, "other", str_of(text_in(language, "Choose what we write to you about")));
    put(page, "preferences", consent_page_path(c, a->contact));
    return visit_page(c, v, language, "Unsubscribe", unsubscribe_body, page);
}

/* The purpose of the link, whether it stands on the preference page or not. */
static enum err_code purpose_of(struct call *c, const struct asked *a, int64_t id, struct purpose *out)
{
    enum consent_verdict verdict;
    struct rows rows;

    *out = (struct purpose) { .id = id, .name = STR("News and offers") };
    TRY(db_query(c, &rows, SQL("SELECT \"name\" FROM \"consent_purposes\" WHERE \"id\" = $1"), VALS(V(id))));
    if (rows_next(&rows)) {
        out->name = col_text(&rows, 0);
    }
    TRY(rows_end(&rows));
    /* an absence becomes a refusal too, and it outlasts a "nothing at all" that is taken back */
    TRY(consent_said(c, a->contact, id, STR("email"), &verdict));
    out->given = verdict != CONSENT_REFUSED;
    return OK;
}

static enum err_code unsubscribe_get(struct call *c, struct visit *v)
{
    struct asked a = { 0 };
    struct purpose p;
    struct link l;

    TRY(load_link(c, v, LINK_UNSUBSCRIBE, &l, &a));
    TRY(purpose_of(c, &a, l.b, &p));
    return show_unsubscribe(c, v, &a, &p, !p.given);
}

static enum err_code unsubscribe_post(struct call *c, struct visit *v)
{
    struct asked a = { 0 };
    struct purpose p;
    struct link l;

    TRY(load_link(c, v, LINK_UNSUBSCRIBE, &l, &a));
    TRY(purpose_of(c, &a, l.b, &p));
    TRY(say(c, v, &a, &p, false, "one-click unsubscription"));
    return show_unsubscribe(c, v, &a, &p, true);
}

const struct public_page consent_pages[] = {
    { "preferences", preferences_get, preferences_post },
    { "unsubscribe", unsubscribe_get, unsubscribe_post },
    PAGE_END,
};
