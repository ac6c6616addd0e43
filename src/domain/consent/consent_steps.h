/* consent_steps.h - what the files of the module share. */

#ifndef DOMAIN_CONSENT_CONSENT_STEPS_H
#define DOMAIN_CONSENT_CONSENT_STEPS_H

#include "domain/consent/consent.h"

#include "model/record.h"

extern const struct public_page consent_pages[];
extern const struct expr_extension consent_functions[];
extern const struct entity suppression_entity;
/* What the ledger alone says of a purpose; consent_verdict asks for do_not_email too. */
MUST_CHECK enum err_code consent_said(
    struct call *c, int64_t contact, int64_t purpose, struct str channel, enum consent_verdict *out);
MUST_CHECK enum err_code consent_wants_no_mail(struct call *c, int64_t contact, bool *yes);
enum err_code suppression_act_add(struct call *c);
enum err_code suppression_act_remove(struct call *c);
enum err_code suppression_act_check(struct call *c);

#endif
