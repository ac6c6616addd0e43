/* company.h - organisations: customers, suppliers, partners, and the tree they form. */

#ifndef DOMAIN_COMPANY_COMPANY_H
#define DOMAIN_COMPANY_COMPANY_H

#include "model/entity.h"

extern const struct module company_module;

#endif
