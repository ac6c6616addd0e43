/* activity.h - what is done with people: tasks, calls, meetings, notes, on one timeline. */

#ifndef DOMAIN_ACTIVITY_ACTIVITY_H
#define DOMAIN_ACTIVITY_ACTIVITY_H

#include "model/entity.h"

extern const struct module activity_module;

#endif
