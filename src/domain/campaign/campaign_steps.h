/* campaign_steps.h - what the files of the module share. */

#ifndef DOMAIN_CAMPAIGN_CAMPAIGN_STEPS_H
#define DOMAIN_CAMPAIGN_CAMPAIGN_STEPS_H

#include "domain/campaign/campaign.h"
#include "domain/message/message.h"

#include "model/change.h"
#include "model/job.h"

struct campaign {
    int64_t id, batch; /* batch: 0 until it has begun */
    struct str name, kind, status;
    int64_t segment, exclude_segment;
    struct str where, exclude_where;
    int64_t sender, template, purpose;
    int64_t holdout; /* hundredths of a per cent of the audience that get nothing */
    int64_t scheduled_at, started_at, delay, window; /* microseconds; window: in which orders count */
    int64_t per_hour, cap_count, cap_days;
    bool track_opens, track_clicks, again;
    bool frozen; /* its audience, to the end */
    bool stopped; /* by the consumer, in its call */
    int64_t tried, refused; /* by its mail server, when it was resumed: what is judged is what came after */
    int64_t cost; /* hundredths of base currency; -1: not said */
};
MUST_CHECK enum err_code campaign_load(struct call *c, int64_t id, struct campaign *out);
/* The condition of its audience: segment and condition, without who is left out. */
MUST_CHECK enum err_code campaign_audience(struct call *c, const struct campaign *k, struct str *where);
MUST_CHECK enum err_code campaign_set_status(struct call *c, int64_t id, const char *status);
/* Orders that its audience is frozen at that instant, or at once; one that waits for later comes sooner. */
MUST_CHECK enum err_code campaign_order_plan(struct call *c, const struct campaign *k, int64_t due);
/* Opens its batch and notes when it began. */
MUST_CHECK enum err_code campaign_open(struct call *c, struct campaign *k);
/* Whether somebody is of the control group: the same answer each time. */
bool campaign_holds_out(const struct campaign *k, int64_t person);

enum err_code campaign_plan_work(struct job_work *w);
enum err_code campaign_watch_look(struct call *c);
enum err_code campaign_watch(struct call *c);
enum err_code campaigns_consume(struct call *c, const struct change *changes, size_t n);
enum err_code campaign_act_results(struct call *c);
enum err_code campaign_act_messages(struct call *c);
extern const struct expr_extension campaign_functions[];

#endif
