/* demo_mail.c - who of the sample business's people agreed to hear from it, and a campaign that waits to be started: the
 * mail server is one that does not answer, so nothing can leave by mistake. */

#include "domain/demo/demo_steps.h"

#include "domain/consent/consent.h"

#include <inttypes.h>

static const char text[]
    = "<html><body style=\"font-family:sans-serif;color:#222\">\n<h1 style=\"color:#7a4a12\">Dear "
      "{{ contact.first_name | default: \"friend\" }},</h1>\n<p>it has been a while since your last order "
      "on {{ contact.last_order_at }}. The new harvest is here, and we "
      "have kept your favourites.</p>\n{% if contact.order_count > 3 %}<p>Thank you for {{ contact.order_count }} orders.</p>\n{% endif %}"
      "<p><a href=\"https://shop.example/harvest\">See the harvest</a></p>\n</body></html>";

/* 0 where there is no such record: in an installation that has its own. */
static enum err_code find(struct call *c, struct sql sql, const char *code, int64_t *id)
{
    bool found;

    TRY(db_find(c, id, &found, sql, VALS(V(code))));
    *id = found ? *id : 0;
    return OK;
}

static enum err_code find_purpose(struct call *c, int64_t *id)
{
    return find(c, SQL("SELECT \"id\" FROM \"consent_purposes\" WHERE \"code\" = $1 AND \"deleted_at\" IS NULL"), "newsletter", id);
}

enum err_code demo_make_campaign(struct call *c, struct demo *d)
{
    int64_t purpose, segment, server, sender, template, id;

    TRY(find_purpose(c, &purpose));
    TRY(find(c, SQL("SELECT \"id\" FROM \"segments\" WHERE \"code\" = $1 AND \"deleted_at\" IS NULL"), "at_risk", &segment));
    if (!purpose || !segment) {
        return OK;
    }
    TRY(demo_create(c, "mail_server",
        json_pack("{s:s, s:s, s:i, s:s}", "name", "To be set up", "host", "mail.invalid", "port", 587, "security", "starttls"),
        d->begin, &server));
    TRY(demo_create(c, "mail_sender",
        json_pack("{s:s, s:s, s:I}", "name", "The tea and coffee shop", "address", "hello@shop.example", "server", (json_int_t)server),
        d->begin, &sender));
    TRY(demo_create(c, "mail_template",
        json_pack("{s:s, s:s, s:s}", "name", "The new harvest", "subject",
            "{{ contact.first_name | default: \"Hello\" }}, the new harvest is here", "html", text),
        d->begin, &template));
    return demo_create(c, "campaign",
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:i}", "name", "Win back", "goal",
            "Orders of customers who have not come for four months", "purpose", (json_int_t)purpose, "segment",
            (json_int_t)segment, "sender", (json_int_t)sender, "template", (json_int_t)template, "holdout", 10),
        DAYS(d->until) - HOURS(1), &id);
}

/* Six of ten agreed, some of them changed their mind later. */
enum err_code demo_make_consent(struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since)
{
    struct rng r = { d->seed ^ ((uint64_t)person * 0xbf58476d1ce4e5b9ULL) };
    int64_t purpose, later = since + DAYS(1 + (int64_t)rng_below(&r, 200));

    if (rng_below(&r, 10) >= 6) {
        return OK;
    }
    TRY(find_purpose(c, &purpose));
    if (!purpose) {
        return OK;
    }
    struct consent_said said = { .contact = contact, .purpose = purpose, .channel = STR("email"), .state = STR("granted"),
        .basis = STR("consent"), .source = rng_below(&r, 2) ? STR("shop") : STR("web form"), .at = since };
    TRY(consent_record(c, &said));
    if (rng_below(&r, 12) || later >= DAYS(d->until)) {
        return OK;
    }
    said.state = STR("withdrawn");
    said.basis = STR("");
    said.source = STR("preference page");
    said.at = later;
    return consent_record(c, &said);
}
