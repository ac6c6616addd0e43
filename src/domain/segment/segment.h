/* segment.h - groups of people by an expression, kept true as they change and as time passes. */

#ifndef DOMAIN_SEGMENT_SEGMENT_H
#define DOMAIN_SEGMENT_SEGMENT_H

#include "model/call.h"

extern const struct module segment_module;

#endif
