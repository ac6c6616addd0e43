/* enrich.h - tables of facts that are attached to records: demographics by postcode, figures by industry. */

#ifndef DOMAIN_ENRICH_ENRICH_H
#define DOMAIN_ENRICH_ENRICH_H

#include "model/entity.h"

extern const struct module enrich_module;

#endif
