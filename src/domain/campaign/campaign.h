/* campaign.h - a mail to many, or to each who enters a segment: goal, audience, control group, and what it brought. */

#ifndef DOMAIN_CAMPAIGN_CAMPAIGN_H
#define DOMAIN_CAMPAIGN_CAMPAIGN_H

#include "model/call.h"

extern const struct module campaign_module;

#endif
