/* modules.h - every module of the product, by hand: the linker decides nothing. */

#ifndef MAIN_MODULES_H
#define MAIN_MODULES_H

#include "model/entity.h"

extern const struct module *const modules[]; /* NULL at the end */

#endif
