/* message.h - mails to people: a row with a unique key before any network is touched, then sent at the set rate, and
 * what became of it.
 *
 * Messages belong to a batch: all that is the same about them (what is sent, by whom, for which purpose). States:
 *   planned -> in_flight -> accepted -> bounced
 *                        -> refused, unknown
 *   planned -> skipped, cancelled, held_out.
 * A message that was in flight when the process died is unknown: nobody can tell whether it arrived. Those of campaigns
 * are then left alone (at most once), those that answer a person's act are sent again under the same Message-ID. */

#ifndef DOMAIN_MESSAGE_MESSAGE_H
#define DOMAIN_MESSAGE_MESSAGE_H

#include "model/call.h"

extern const struct module message_module;

enum batch_kind { BATCH_TRANSACTIONAL, BATCH_TRIGGERED, BATCH_BROADCAST }; /* in the order in which they may wait */

/* What all messages of a batch share. Ids of records. */
struct batch_order {
    enum batch_kind kind;
    int64_t sender, template;
    int64_t purpose;  /* whose consent is needed; 0: none, for what the person asked for himself */
    int64_t campaign; /* 0: of none */
    struct str name;  /* of the campaign, in texts */
    bool track_opens, track_clicks;
    int64_t per_hour; /* at most, 0 for no limit but the server's */
    int64_t cap_count, cap_days; /* at most so many of campaigns to a person in so many days; 0: no limit */
    bool once;        /* what is planned along with it is all: it closes when that has ended */
};
/* Checks that sender and template can be used, and opens it. */
MUST_CHECK enum err_code message_open_batch(struct call *c, const struct batch_order *o, int64_t *batch);
/* "open", "paused", "closed"; what is planned in a closed one is cancelled, in pieces, by a job. */
MUST_CHECK enum err_code message_set_batch(struct call *c, int64_t batch, const char *state);
/* Other limits for one that is not closed; they hold for what is sent from the next second on. */
MUST_CHECK enum err_code message_set_limits(
    struct call *c, int64_t batch, int64_t per_hour, int64_t cap_count, int64_t cap_days);

struct message_order {
    int64_t batch, contact;
    int64_t occasion;   /* tells several to the same person apart: 0 for a broadcast */
    struct str address; /* other than the person's own; empty for that */
    int64_t due;        /* not before; 0: now */
    bool held_out;      /* of the control group: asked for consent like the others, and never sent */
};
/* *made is false when there is one for this batch, person and occasion already. */
MUST_CHECK enum err_code message_plan(struct call *c, const struct message_order *o, bool *made);
/* After planning: the sender of the batch's server wakes. due: as early as the earliest planned. */
MUST_CHECK enum err_code message_wake(struct call *c, int64_t batch, int64_t due);

/* What became of a batch, counted from its rows. */
struct batch_counts {
    int64_t planned, in_flight, accepted, skipped, refused, unknown, bounced, cancelled, held_out;
    int64_t opened, clicked;             /* messages with a human's */
    int64_t machine; /* messages that only a machine looked at */
};
MUST_CHECK enum err_code message_count(struct call *c, int64_t batch, struct batch_counts *out);

#endif
