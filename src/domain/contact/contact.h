/* contact.h - people: who they are, how to reach them, whom they belong to, what they told. */

#ifndef DOMAIN_CONTACT_CONTACT_H
#define DOMAIN_CONTACT_CONTACT_H

#include "model/entity.h"

extern const struct module contact_module;

#endif
