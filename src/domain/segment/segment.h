/* segment.h - groups of people by an expression, kept true as they change and as time passes. */

#ifndef DOMAIN_SEGMENT_SEGMENT_H
#define DOMAIN_SEGMENT_SEGMENT_H

#include "model/call.h"

extern const struct module segment_module;

/* A person did something: event is its number in `event_names`. */
struct segment_event {
    int64_t person, event;
};
/* The next of them, to be sorted; n 0 for none. */
typedef enum err_code segment_events_fn(struct call *c, void *arg, struct segment_event **list, size_t *n);
/* Judges people for the live segments that name what they did, piece by piece, until none is left or the call has held the
 * writer for long enough. What next takes must go in the call's transaction. */
MUST_CHECK enum err_code segments_follow_events(struct call *c, segment_events_fn *next, void *arg);

#endif
