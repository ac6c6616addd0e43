/* segment.h - groups of people by an expression, kept true as they change and as time passes. */

#ifndef DOMAIN_SEGMENT_SEGMENT_H
#define DOMAIN_SEGMENT_SEGMENT_H

#include "model/call.h"

extern const struct module segment_module;

/* A person did something: event is its number in `event_names`. */
struct segment_event {
    int64_t person, event;
};
/* Judges these people for the live segments that name what they did. Sorts the list. */
MUST_CHECK enum err_code segments_follow_events(struct call *c, struct segment_event *list, size_t n);

#endif
