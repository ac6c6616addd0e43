/* segment.h - groups of people by an expression, kept true as they change and as time passes. */

#ifndef DOMAIN_SEGMENT_SEGMENT_H
#define DOMAIN_SEGMENT_SEGMENT_H

#include "model/call.h"

extern const struct module segment_module;

/* The segments that come with the program, where there are none. */
MUST_CHECK enum err_code segment_seed(struct call *c);

#endif
