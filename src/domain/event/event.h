/* event.h - behaviour: what people do on sites and in programs, kept as events with daily counters beside them. */

#ifndef DOMAIN_EVENT_EVENT_H
#define DOMAIN_EVENT_EVENT_H

#include "model/call.h"

#include <jansson.h>

extern const struct module event_module;

/* What the server knows by itself that a person did. */
struct event_said {
    int64_t contact, at;
    int64_t source;           /* an event_source */
    struct str name;          /* "added_to_cart" */
    struct str url, title;    /* empty for none */
    const json_t *properties; /* an object, NULL for none; it stays the caller's */
};
/* Keeps them beside what sources send; segments follow. ERR_CONFLICT: the installation knows too many names already. */
MUST_CHECK enum err_code event_record(struct call *c, const struct event_said *list, size_t n);

#endif
