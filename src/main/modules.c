/* modules.c - the whole product on one screen. */

#include "main/modules.h"

#include "domain/activity/activity.h"
#include "domain/campaign/campaign.h"
#include "domain/company/company.h"
#include "domain/consent/consent.h"
#include "domain/contact/contact.h"
#include "domain/dashboard/dashboard.h"
#include "domain/demo/demo.h"
#include "domain/enrich/enrich.h"
#include "domain/event/event.h"
#include "domain/message/message.h"
#include "domain/order/order.h"
#include "domain/quality/quality.h"
#include "domain/segment/segment.h"
#include "model/system.h"

const struct module *const modules[] = {
    &system_module,
    &company_module,
    &contact_module,
    &activity_module,
    &order_module,
    &quality_module,
    &segment_module,
    &event_module,
    &enrich_module,
    &consent_module,
    &message_module,
    &campaign_module,
    &dashboard_module,
    &demo_module,
    NULL,
};
