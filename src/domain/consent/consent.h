/* consent.h - who may be written to, for what and how: a ledger of what people said, the state that follows from it,
 * and the list of addresses that are never written to. */

#ifndef DOMAIN_CONSENT_CONSENT_H
#define DOMAIN_CONSENT_CONSENT_H

#include "model/call.h"

extern const struct module consent_module;

/* What somebody said. Codes of the choices: "granted", "denied", "withdrawn", "pending"; "email", "sms", ... */
struct consent_said {
    int64_t contact, purpose; /* ids */
    struct str channel, state, basis;
    struct str source; /* in words: "preference page" */
    struct str proof;  /* what can be shown later: address, browser, text; empty for none */
    int64_t at;        /* 0: now */
};
/* Appends to the ledger; the state follows. What is older than the state is kept and changes nothing. */
MUST_CHECK enum err_code consent_record(struct call *c, const struct consent_said *said);

/* May a person be written to? By e-mail, to nobody who wants none at all (contact.do_not_email), whatever was said of
 * single purposes before. */
enum consent_verdict { CONSENT_GIVEN, CONSENT_ABSENT, CONSENT_REFUSED };
MUST_CHECK enum err_code consent_verdict(
    struct call *c, int64_t contact, int64_t purpose, struct str channel, enum consent_verdict *out);

/* The address (normalised: the key of a part) is never written to again, whoever it belongs to. reason: a code of
 * suppression_reason: "hard_bounce", "complaint", "by_hand". Already there: OK. */
MUST_CHECK enum err_code suppression_add(struct call *c, struct str key, const char *reason, struct str detail);
MUST_CHECK enum err_code suppression_holds(struct call *c, struct str key, bool *yes);

/* The address of a person's preference page, behind the base URL: "/p/preferences/...". Into the call's arena. */
struct str consent_page_path(const struct call *c, int64_t contact);
/* Of the one-click unsubscription (RFC 8058) from one purpose. */
struct str consent_unsubscribe_path(const struct call *c, int64_t contact, int64_t purpose);

#endif
