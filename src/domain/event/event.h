/* event.h - behaviour: what people do on sites and in programs, kept as events with daily counters beside them. */

#ifndef DOMAIN_EVENT_EVENT_H
#define DOMAIN_EVENT_EVENT_H

#include "model/call.h"

extern const struct module event_module;

#endif
