/* import_map.c - targets out of text, and headers of other systems.
 *
 * A header is taken as words: "MailingCity", "Mailing City" and "mailing_city" are the same. First come
 * the fields' own names and labels, then the table of what other systems call them, then patterns: a word
 * for the kind (business, home, billing, 2) beside a word for the piece (street, phone, e-mail). */

#include "model/import_map.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- targets ---- */

static bool is_writable(struct call *c, const struct live_field *f)
{
    return f && !f->def.system && access_field(c, f) == FIELD_WRITE;
}

static bool list_target(struct call *c, const struct live_entity *e, struct import_column *out)
{
    static const char *const pieces[] = { "street", "extra", "postcode", "city", "region", "country",
        "kind", NULL };

    (void)e;
    if (out->piece) {
        for (int i = 0; pieces[i]; i++) {
            if (strcmp(pieces[i], out->piece) == 0) {
                return i == 6 || out->field->def.kind == KIND_ADDRESSES;
            }
        }
        return false;
    }
    (void)c;
    return true;
}

bool import_is_indexed(const struct live_entity *e, const struct live_field *f)
{
    struct str column = str_of(f->key_column ? f->key_column : f->columns[0].name);

    if (f->def.index || f->def.unique || f == e->external_id || f == e->id || kind_is_list(f->def.kind)
        || f == e->title) {
        return true;
    }
    for (size_t i = 0; e->def.indexes && e->def.indexes[i]; i++) {
        struct str index = str_of(e->def.indexes[i]), first;
        (void)str_split(&index, ',', &first);
        if (first.n == column.n + 2 && str_eq(str_sub(first, 1, column.n), column)) {
            return true;
        }
    }
    return false;
}

/* By which of its fields a reference is found. */
static bool by_of(struct import_column *out, struct str word)
{
    static const struct {
        const char *word;
        enum import_by by;
    } words[] = { { "name", BY_TITLE }, { "email", BY_EMAIL }, { "domain", BY_DOMAIN } };
    const struct live_field *key = entity_field(out->field->target, word);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_is(word, words[i].word)) {
            out->by = words[i].by;
            return true;
        }
    }
    out->by = BY_FIELD;
    out->key = key;
    return key && key->stored && key->def.kind == KIND_TEXT && !key->def.read_only
        && import_is_indexed(out->field->target, key);
}

static bool field_target(struct call *c, const struct live_entity *e, struct str rest,
    bool bracket, struct import_column *out)
{
    const struct live_field *f = out->field;
    const struct live_field *list = f->def.mirror ? entity_field(e, str_of(f->def.mirror)) : NULL;

    if (list && kind_is_list(list->def.kind)) { /* "city" is that of the first address */
        if (!is_writable(c, list) || rest.n || bracket) {
            return false;
        }
        out->field = list;
        out->to = TO_LIST;
        out->piece = list->def.kind == KIND_ADDRESSES ? f->def.mirror_part : NULL;
        return true;
    }
    if (kind_is_list(f->def.kind)) {
        out->to = TO_LIST;
        out->piece = rest.n ? arena_cstr(c->mem, rest) : NULL;
        return is_writable(c, f) && list_target(c, e, out);
    }
    if (bracket) {
        return false;
    }
    if (rest.n) {
        out->to = TO_FIELD;
        return f->def.kind == KIND_REF && is_writable(c, f) && by_of(out, rest);
    }
    if (f->def.kind == KIND_NAME && is_writable(c, entity_field(e, STR("first_name")))
        && is_writable(c, entity_field(e, STR("last_name")))) {
        out->to = TO_NAME;
        return true;
    }
    out->to = TO_FIELD;
    if (f->def.kind == KIND_MANY) {
        return is_writable(c, f);
    }
    return is_writable(c, f) && !f->def.read_only && f->stored && f->def.kind != KIND_FORMULA
        && f->def.kind != KIND_ROLLUP && f->def.kind != KIND_FILE;
}

bool import_target(struct call *c, const struct live_entity *e, struct str target,
    struct import_column *out)
{
    ptrdiff_t open = str_find_byte(target, '['), close = str_find_byte(target, ']');
    ptrdiff_t dot = str_find_byte(target, '.');
    struct str name = target, rest = { "", 0 };

    if (open >= 0) {
        if (close < open || (target.n > (size_t)close + 1 && target.p[close + 1] != '.')) {
            return false;
        }
        name = str_sub(target, 0, (size_t)open);
        out->slot = str_sub(target, (size_t)open + 1, (size_t)(close - open - 1));
        rest = str_sub(target, (size_t)close + 2, target.n);
    } else if (dot >= 0) {
        name = str_sub(target, 0, (size_t)dot);
        rest = str_sub(target, (size_t)dot + 1, target.n);
    }
    out->field = entity_field(e, name);
    out->target = target;
    if (!out->field || name.n == 0 || name.p[0] == '@' || !field_target(c, e, rest, open >= 0, out)) {
        out->to = TO_NOTHING;
        out->field = NULL;
        return false;
    }
    return true;
}

/* ---- words ---- */

/* "MailingCity", "mailing_city", "Mailing City:" to "mailing city". */
static struct str words_of(struct call *c, struct str header)
{
    struct buf b;

    buf_init(&b, c->mem, 4000);
    for (size_t i = 0; i < header.n && i < 500; i++) {
        unsigned char ch = (unsigned char)header.p[i];
        bool hump = i && isupper(ch) && islower((unsigned char)header.p[i - 1]);
        bool word = isalnum(ch) || (ch & 0x80);
        if ((hump || !word) && ch != '\'' && b.n && b.p[b.n - 1] != ' ') {
            buf_byte(&b, ' ');
        }
        if (word) {
            buf_byte(&b, (char)ch);
        }
    }
    return str_trim(utf8_fold(c->mem, buf_str(&b)));
}

/* The same without blanks: "e mails" and "emails". */
static struct str letters_of(struct call *c, struct str words)
{
    char *out = arena_alloc(c->mem, words.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < words.n; i++) {
        if (words.p[i] != ' ') {
            out[n++] = words.p[i];
        }
    }
    return (struct str) { out, n };
}

static struct str by_own_name(struct call *c, const struct live_entity *e, struct str letters)
{
    struct import_column probe = { 0 };

    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        struct str name = letters_of(c, words_of(c, f->name));
        struct str bare = str_starts(f->name, STR("x_")) ? str_sub(name, 1, name.n) : name;
        if ((str_eq(name, letters) || str_eq(bare, letters)
                || str_eq(letters_of(c, words_of(c, f->label)), letters))
            && import_target(c, e, f->name, &probe)) {
            return f->name;
        }
    }
    return (struct str) { "", 0 };
}

/* ---- what other systems call it; the first target that the entity has is taken ---- */

static const struct known {
    const char *words, *targets;
} known[] = {
    { "account id", "company.external_id|external_id" },
    { "account name", "company|name" },
    { "account number", "customer_code" },
    { "account source", "source" },
    { "activity date", "due|starts_at|at" },
    { "activity date time", "starts_at|at" },
    { "activity id", "external_id" },
    { "add time", "at" },
    { "additional email addresses", "emails[other]" },
    { "additional name", "middle_name" },
    { "anniversary", "milestones[anniversary]" },
    { "assigned", "owner" },
    { "assigned to", "owner" },
    { "assigned to user", "owner" },
    { "assigned user name", "owner" },
    { "activity assigned to", "owner" },
    { "account owner", "owner" },
    { "company owner", "owner" },
    { "contact owner", "owner" },
    { "record owner", "owner" },
    { "user", "owner" },
    { "assistant", "assistant_name" },
    { "assistants name", "assistant_name" },
    { "assistants phone", "assistant_phone" },
    { "asst phone", "assistant_phone" },
    { "associated company", "company" },
    { "associated company ids", "company.external_id" },
    { "associated contact", "contact" },
    { "associated contact ids", "contact.external_id|attendees" },
    { "birthdate", "birthday" },
    { "birth date", "birthday" },
    { "date of birth", "birthday" },
    { "geburtstag", "birthday" },
    { "date de naissance", "birthday" },
    { "call direction", "direction" },
    { "call duration", "duration" },
    { "call notes", "body|description" },
    { "call outcome", "outcome" },
    { "call source", "provider" },
    { "call status", "status" },
    { "call summary", "summary" },
    { "call title", "subject" },
    { "campaign name", "campaign" },
    { "categories", "tags" },
    { "group membership", "tags" },
    { "labels", "tags" },
    { "company account", "company|name" },
    { "company domain name", "domain" },
    { "company name", "company|name" },
    { "organization", "company|name" },
    { "organisation", "company|name" },
    { "organization name", "company|name" },
    { "organization 1 name", "company" },
    { "organization 1 title", "job_title" },
    { "organization 1 department", "department" },
    { "organization title", "job_title" },
    { "organization department", "department" },
    { "firma", "company|name" },
    { "unternehmen", "company|name" },
    { "societe", "company|name" },
    { "empresa", "company|name" },
    { "azienda", "company|name" },
    { "bedrijf", "company|name" },
    { "organization id", "company.external_id" },
    { "contact", "contact" },
    { "contact id", "contact.external_id|external_id" },
    { "contact name", "contact" },
    { "contact person", "contact" },
    { "contacts ids", "attendees|participants" },
    { "content", "body" },
    { "date", "due|starts_at|at" },
    { "date created", "at" },
    { "date due", "due" },
    { "date end", "ends_at|due" },
    { "date end date", "ends_at|due" },
    { "date start", "starts_at|at" },
    { "date start date", "starts_at" },
    { "due date", "due" },
    { "due time", "due" },
    { "end date time", "ends_at" },
    { "meeting end time", "ends_at" },
    { "meeting start time", "starts_at" },
    { "meeting description", "agenda" },
    { "meeting external url", "join_url" },
    { "meeting location", "location" },
    { "meeting name", "subject" },
    { "meeting outcome", "status" },
    { "internal meeting notes", "body" },
    { "description", "description|body|notes" },
    { "do not call", "do_not_call" },
    { "phone number is opted out", "do_not_call" },
    { "email opt out", "do_not_email" },
    { "has opted out of email", "do_not_email" },
    { "email address is opted out", "do_not_email" },
    { "marketing status", "do_not_email" },
    { "unsubscribed from all email", "do_not_email" },
    { "done", "status" },
    { "duration hours", "duration" },
    { "duration minutes", "duration" },
    { "family name", "last_name" },
    { "surname", "last_name" },
    { "nachname", "last_name" },
    { "familienname", "last_name" },
    { "nom", "last_name|name" },
    { "apellidos", "last_name" },
    { "cognome", "last_name" },
    { "achternaam", "last_name" },
    { "nazwisko", "last_name" },
    { "given name", "first_name" },
    { "forename", "first_name" },
    { "vorname", "first_name" },
    { "prenom", "first_name" },
    { "nombre", "first_name|name" },
    { "nome", "first_name|name" },
    { "voornaam", "first_name" },
    { "imie", "first_name" },
    { "first page seen", "landing_page" },
    { "first referring site", "referrer" },
    { "from number", "number" },
    { "to number", "number" },
    { "full comments", "body|description" },
    { "full name", "name" },
    { "display name", "name" },
    { "gender identity", "gender" },
    { "geschlecht", "gender" },
    { "anrede", "salutation" },
    { "hobby", "hobbies" },
    { "ideal customer profile tier", "tier" },
    { "is all day event", "all_day" },
    { "is all day", "all_day" },
    { "id", "external_id" },
    { "record id", "external_id" },
    { "kundennummer", "customer_code|external_id" },
    { "customer id", "external_id" },
    { "customer number", "customer_code|external_id" },
    { "lifecycle stage", "lifecycle" },
    { "linkedin url", "urls[linkedin]" },
    { "linkedin profile", "urls[linkedin]" },
    { "linkedin company page", "urls[linkedin]" },
    { "facebook company page", "urls[facebook]" },
    { "twitter handle", "urls[twitter]" },
    { "twitter username", "urls[twitter]" },
    { "managers name", "reports_to" },
    { "reports to", "reports_to" },
    { "message", "description|body" },
    { "name prefix", "salutation" },
    { "salutation name", "salutation" },
    { "name suffix", "suffix" },
    { "non primary e mails", "emails[other]" },
    { "non primary e mails for import", "emails[other]" },
    { "note", "body|notes|description" },
    { "note body", "body" },
    { "notes", "body|notes|description" },
    { "number of employees", "employees" },
    { "original traffic source", "lead_source|source" },
    { "original traffic source drill down 1", "source_detail" },
    { "outlook id", "calendar_uid" },
    { "uid", "calendar_uid" },
    { "parent account", "parent" },
    { "parent company", "parent" },
    { "parent account id", "parent.external_id" },
    { "parent id", "parent.external_id|about" },
    { "parent name", "about|parent" },
    { "person", "contact" },
    { "pinned to organization", "pinned" },
    { "pinned to person", "pinned" },
    { "position", "job_title" },
    { "preferred language", "language" },
    { "profession", "occupation" },
    { "beruf", "occupation" },
    { "score", "score" },
    { "hubspot score", "score" },
    { "hubspot team", "team" },
    { "teams names", "team" },
    { "users names", "colleagues" },
    { "reminder", "remind_before" },
    { "reminders", "remind_before" },
    { "reminder time", "remind_before" },
    { "reminder date time", "remind_before" },
    { "repeat interval", "recurrence" },
    { "sic", "industry_code" },
    { "sic code", "industry_code" },
    { "subject", "subject|title" },
    { "name", "name|subject|title" },
    { "target account", "ideal_customer" },
    { "task status", "status" },
    { "task subtype", "type" },
    { "task title", "title" },
    { "task type", "type" },
    { "ticker symbol", "ticker" },
    { "title", "title|job_title|salutation" },
    { "tradestyle", "alias" },
    { "web page", "website|urls[work]" },
    { "website url", "website|urls[work]" },
    { "webseite", "website|urls[work]" },
    { "site web", "website|urls[work]" },
    { "personal web page", "urls[home]" },
    { "what id", "company.external_id|about" },
    { "who id", "contact.external_id" },
    { "year founded", "year_established" },
    { "year started", "year_established" },
    { "postal address", "addresses[home]" },
    { "address", "addresses[work]" },
    { "anschrift", "addresses[work]" },
};

/* Fields that other columns of the file have already. Entries of lists take any number. */
struct taken {
    const struct import_header *headers;
    size_t n;
};

static bool is_taken(const struct taken *t, struct str target)
{
    for (size_t i = 0; t && i < t->n && str_find_byte(target, '[') < 0; i++) {
        if (str_eq(t->headers[i].target, target)) {
            return true;
        }
    }
    return false;
}

/* The first of "a|b" that can be written and is free. */
static struct str first_target(
    struct call *c, const struct live_entity *e, const char *targets, const struct taken *taken)
{
    struct str rest = str_of(targets), one;

    while (str_split(&rest, '|', &one)) {
        struct import_column probe = { 0 };
        if (import_target(c, e, one, &probe) && !is_taken(taken, one)) {
            return one;
        }
    }
    return (struct str) { "", 0 };
}

static struct str by_table(
    struct call *c, const struct live_entity *e, struct str letters, const struct taken *taken)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(letters, letters_of(c, str_of(known[i].words)))) {
            return first_target(c, e, known[i].targets, taken);
        }
    }
    return (struct str) { "", 0 };
}

/* ---- patterns ---- */

struct word_row {
    const char *word, *means;
};
static const struct word_row kinds[] = { { "business", "work" }, { "work", "work" }, { "office", "work" },
    { "mailing", "work" }, { "primary", "work" }, { "company", "work" }, { "main", "main" },
    { "geschaftlich", "work" }, { "home", "home" }, { "personal", "home" }, { "private", "home" },
    { "privat", "home" }, { "other", "other" }, { "alternate", "other" }, { "billing", "billing" },
    { "invoice", "billing" }, { "rechnungs", "billing" }, { "shipping", "shipping" },
    { "delivery", "shipping" }, { "liefer", "shipping" }, { "secondary", "other" } };

static const struct word_row pieces[] = { { "street", "street" }, { "street address", "street" },
    { "address street", "street" }, { "address line 1", "street" }, { "address line 2", "street" },
    { "address po box", "street" }, { "po box", "street" }, { "extended address", "street" },
    { "street road name of address", "street" }, { "house number of address", "street" },
    { "apartment suite no of address", "street" }, { "strasse", "street" }, { "rue", "street" },
    { "adresse", "street" }, { "calle", "street" }, { "via", "street" }, { "straat", "street" },
    { "city", "city" }, { "address city", "city" }, { "town", "city" }, { "locality", "city" },
    { "city town village locality of address", "city" }, { "ort", "city" }, { "stadt", "city" },
    { "ville", "city" }, { "ciudad", "city" }, { "citta", "city" }, { "plaats", "city" },
    { "miasto", "city" }, { "state", "region" }, { "address state", "region" },
    { "state region", "region" }, { "state province", "region" }, { "region", "region" },
    { "province", "region" }, { "county", "region" }, { "state county of address", "region" },
    { "bundesland", "region" }, { "postal code", "postcode" }, { "address postal code", "postcode" },
    { "zip postal code", "postcode" }, { "zip code", "postcode" }, { "zip", "postcode" },
    { "postcode", "postcode" }, { "post code", "postcode" }, { "plz", "postcode" },
    { "postleitzahl", "postcode" }, { "code postal", "postcode" }, { "codigo postal", "postcode" },
    { "cap", "postcode" }, { "zip postal code of address", "postcode" }, { "country", "country" },
    { "address country", "country" }, { "country region", "country" },
    { "country of address", "country" }, { "land", "country" }, { "pays", "country" },
    { "pais", "country" }, { "paese", "country" }, { "label", "kind" }, { "type", "kind" } };

static const struct word_row phones[] = { { "phone", "" }, { "phone number", "" }, { "telephone", "" },
    { "tel", "" }, { "telefon", "" }, { "telefono", "" }, { "telefoon", "" }, { "landline", "home" },
    { "mobile", "mobile" }, { "mobile phone", "mobile" }, { "mobile phone number", "mobile" },
    { "mobile number", "mobile" }, { "cell", "mobile" }, { "cell phone", "mobile" },
    { "handy", "mobile" }, { "mobil", "mobile" }, { "mobiltelefon", "mobile" },
    { "portable", "mobile" }, { "movil", "mobile" }, { "phone mobile", "mobile" },
    { "cellulare", "mobile" }, { "fax", "fax" }, { "fax number", "fax" }, { "phone fax", "fax" },
    { "pager", "pager" }, { "callback", "callback" }, { "car phone", "car" }, { "isdn", "other" },
    { "telex", "other" }, { "tty tdd phone", "other" }, { "radio phone", "other" },
    { "phone home", "home" }, { "phone work", "work" }, { "phone other", "other" },
    { "phone mobile", "mobile" } };

static const struct word_row mails[] = { { "email", "" }, { "e mail", "" }, { "email address", "" },
    { "e mail address", "" }, { "mail", "" }, { "email work", "work" }, { "email home", "home" },
    { "email other", "other" }, { "correo", "" }, { "courriel", "" } };

static const char *meaning(const struct word_row *rows, size_t n, struct str words)
{
    for (size_t i = 0; i < n; i++) {
        if (str_is(words, rows[i].word)) {
            return rows[i].means;
        }
    }
    return NULL;
}
#define MEANING(rows, words) meaning(rows, sizeof(rows) / sizeof *(rows), words)

/* Takes a leading word for the kind away: "business 2" leaves the number too. */
static const char *take_kind(struct str *words)
{
    struct str rest = *words, first;

    (void)str_split(&rest, ' ', &first);
    const char *kind = rest.n ? MEANING(kinds, first) : NULL;
    if (kind) {
        *words = rest;
    }
    return kind;
}

/* "street 2", "home phone 2": the second entry, or the second line. */
static char take_number(struct str *words)
{
    if (words->n > 2 && words->p[words->n - 2] == ' ' && isdigit((unsigned char)words->p[words->n - 1])) {
        char number = words->p[words->n - 1];
        *words = str_sub(*words, 0, words->n - 2);
        return number;
    }
    return 0;
}

/* "e mail 1 value", "address 2 city", "phone 3 label" */
static struct str numbered(struct call *c, const struct live_entity *e, struct str words)
{
    static const struct word_row lists[] = { { "e mail", "emails" }, { "email", "emails" },
        { "phone", "phones" }, { "address", "addresses" }, { "website", "urls" },
        { "relation", "relations" }, { "event", "milestones" } };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        size_t n = strlen(lists[i].word);
        if (!str_starts(words, str_of(lists[i].word)) || words.n < n + 4 || words.p[n] != ' '
            || !isdigit((unsigned char)words.p[n + 1]) || words.p[n + 2] != ' ') {
            continue;
        }
        struct str rest = str_sub(words, n + 3, words.n);
        const char *piece = str_is(rest, "value") || str_is(rest, "address") ? "" : MEANING(pieces, rest);
        if (!piece || str_is(rest, "formatted")) {
            return (struct str) { "", 0 };
        }
        struct str target = arena_fmt(c->mem, "%s[#%c]%s%s", lists[i].means, words.p[n + 1],
            *piece ? "." : "", piece);
        struct import_column probe = { 0 };
        return import_target(c, e, target, &probe) ? target : (struct str) { "", 0 };
    }
    return (struct str) { "", 0 };
}

static struct str by_pattern(struct call *c, const struct live_entity *e, struct str words)
{
    struct import_column probe = { 0 };
    struct str whole = words, target = numbered(c, e, words);
    const char *kind = NULL, *means;

    if (target.n) {
        return target;
    }
    /* what is whole in the table goes before what is cut */
    if (!MEANING(pieces, whole) && !MEANING(phones, whole) && !MEANING(mails, whole)) {
        (void)take_number(&words);
        kind = take_kind(&words);
    }
    char number = whole.n != words.n ? take_number(&whole) : 0;
    if ((means = MEANING(mails, words))) {
        target = arena_fmt(c->mem, "emails[%s]", *means ? means
                : number                                ? "other"
                : kind                                  ? kind
                                                        : "work");
    } else if ((means = MEANING(phones, words))) {
        bool fax = strcmp(means, "fax") == 0 && kind && strcmp(kind, "work") != 0;
        target = fax ? arena_fmt(c->mem, "phones[%s fax]", kind)
                     : arena_fmt(c->mem, "phones[%s]", *means ? means : kind
                                 ? (strcmp(kind, "work") == 0 && str_starts(whole, STR("primary")) ? "main" : kind)
                                 : "work");
    } else if ((means = MEANING(pieces, words)) && strcmp(means, "kind") != 0) {
        target = arena_fmt(c->mem, "addresses[%s].%s", kind ? kind : "work", means);
    } else if (kind && (str_is(words, "address"))) {
        target = arena_fmt(c->mem, "addresses[%s]", kind);
    }
    return target.n && import_target(c, e, target, &probe) ? target : (struct str) { "", 0 };
}

/* ---- by what stands in the column ---- */

static bool looks_like_mail(struct str s)
{
    ptrdiff_t at = str_find_byte(s, '@');

    return at > 0 && str_find_byte(str_sub(s, (size_t)at, s.n), '.') > 1 && str_find_byte(s, ' ') < 0;
}

static bool looks_like_phone(struct str s)
{
    size_t digits = 0;

    for (size_t i = 0; i < s.n; i++) {
        digits += isdigit((unsigned char)s.p[i]) != 0;
        if (!isdigit((unsigned char)s.p[i]) && !strchr("+-/(). ", s.p[i])) {
            return false;
        }
    }
    return digits >= 7 && digits <= 15 && (s.p[0] == '+' || s.p[0] == '(' || s.p[0] == '0');
}

static bool looks_like_url(struct str s)
{
    return str_starts(s, STR("http://")) || str_starts(s, STR("https://"))
        || str_starts(s, STR("www."));
}

static struct str by_content(struct call *c, const struct live_entity *e, const struct str *samples,
    size_t n, const struct taken *taken)
{
    size_t filled = 0, mail = 0, phone = 0, url = 0;

    for (size_t i = 0; i < n; i++) {
        struct str s = str_trim(samples[i]);
        filled += s.n > 0;
        mail += s.n && looks_like_mail(s);
        phone += s.n && looks_like_phone(s);
        url += s.n && looks_like_url(s);
    }
    if (filled < 2) {
        return (struct str) { "", 0 };
    }
    return first_target(c, e, mail == filled ? "emails[work]"
            : phone == filled                ? "phones[work]"
            : url == filled                  ? "website|urls[work]"
                                             : "",
        taken);
}

static struct str without_prefix(struct str header)
{
    static const char *const prefixes[] = { "Person - ", "Organization - ", "Activity - ", "Deal - " };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (str_starts(header, str_of(prefixes[i]))) {
            return str_sub(header, strlen(prefixes[i]), header.n);
        }
    }
    return header;
}

struct str import_suggest(struct call *c, const struct live_entity *e, struct str header)
{
    struct import_column probe = { 0 };
    struct str target = str_trim(header);

    if (import_target(c, e, target, &probe)) {
        return target;
    }
    struct str words = words_of(c, without_prefix(target)), letters = letters_of(c, words);
    if (!words.n) {
        return words;
    }
    target = by_own_name(c, e, letters);
    target = target.n ? target : by_table(c, e, letters, NULL);
    return target.n ? target : by_pattern(c, e, words);
}

static struct str without_name(const struct import_header *headers, size_t n, struct str target)
{
    for (size_t i = 0; i < n && str_is(target, "name"); i++) {
        if (str_is(headers[i].target, "last_name")) {
            return (struct str) { "", 0 };
        }
    }
    return target;
}

void import_suggest_all(
    struct call *c, const struct live_entity *e, struct import_header *headers, size_t n)
{
    struct taken taken = { headers, n };

    for (size_t i = 0; i < n; i++) { /* what names a field exactly */
        struct import_column probe = { 0 };
        struct str header = str_trim(headers[i].header);
        struct str target = import_target(c, e, header, &probe)
            ? header
            : by_own_name(c, e, letters_of(c, words_of(c, without_prefix(header))));
        headers[i].target = is_taken(&taken, target) ? (struct str) { "", 0 } : target;
    }
    for (size_t i = 0; i < n; i++) {
        struct str words = words_of(c, without_prefix(str_trim(headers[i].header)));
        if (headers[i].target.n || !words.n) {
            continue;
        }
        struct str target = by_table(c, e, letters_of(c, words), &taken);
        target = target.n ? target : by_pattern(c, e, words);
        target = is_taken(&taken, target) ? (struct str) { "", 0 } : target;
        headers[i].target = target.n
            ? target
            : by_content(c, e, headers[i].samples, headers[i].nsamples, &taken);
    }
    for (size_t i = 0; i < n; i++) { /* the whole name beside its parts says nothing new */
        headers[i].target = without_name(headers, n, headers[i].target);
    }
}
