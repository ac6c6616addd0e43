/* quality.h - what is wrong with the data: rules as expressions, counted every day, told per record and per
 * entity with a trend, led to the records that are to be mended. */

#ifndef DOMAIN_QUALITY_QUALITY_H
#define DOMAIN_QUALITY_QUALITY_H

#include "model/entity.h"

extern const struct module quality_module;

#endif
