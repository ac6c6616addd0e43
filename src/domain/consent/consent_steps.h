/* consent_steps.h - what the files of the module share. */

#ifndef DOMAIN_CONSENT_CONSENT_STEPS_H
#define DOMAIN_CONSENT_CONSENT_STEPS_H

#include "domain/consent/consent.h"

#include "model/record.h"

/* The id of a choice by its code, of a field of an entity; 0 when there is none. */
int64_t consent_choice(const struct call *c, const char *entity, const char *field, struct str code);
/* Its code; empty for none. */
struct str consent_code(const struct call *c, const char *entity, const char *field, int64_t id);

extern const struct public_page consent_pages[];
extern const struct expr_extension consent_functions[];
extern const struct entity suppression_entity;
enum err_code suppression_act_add(struct call *c);
enum err_code suppression_act_remove(struct call *c);
enum err_code suppression_act_check(struct call *c);

#endif
