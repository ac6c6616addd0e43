/* hours.h - computing with working hours: how much of a span lies in them, and when a span of them is over. */

#ifndef MODEL_HOURS_H
#define MODEL_HOURS_H

#include "model/call.h"

/* Hours of the week in a zone, without the holidays; lives in the arena it was read into. */
struct hours;

/* The record of `working_hours`; id 0: the week from Monday to Friday, 9 to 17, in the organisation's zone.
 * ERR_NOT_FOUND when there is none. */
MUST_CHECK enum err_code hours_load(struct call *c, int64_t id, struct hours **out);
/* Working time between two instants, microseconds; negative when `to` is before `from`. */
int64_t hours_between(const struct hours *h, int64_t from, int64_t to);
/* The instant at which a span of working time (microseconds, not negative) that begins at `from` is over; the
 * span 0 gives the first working instant from then on. false when there are no working hours within ten
 * years. */
bool hours_after(const struct hours *h, int64_t from, int64_t span, int64_t *out);

#endif
