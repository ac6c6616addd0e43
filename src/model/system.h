/* system.h - the engine's own entities: users, teams, roles, users' objects and fields, views,
 * settings, files, and the bare tables of feed, history, jobs, sessions. */

#ifndef MODEL_SYSTEM_H
#define MODEL_SYSTEM_H

#include "model/entity.h"

extern const struct module system_module;

#endif
