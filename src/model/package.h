/* package.h - objects, fields and lists of choices that users made, as a versioned file that carries them to
 * another installation. */

#ifndef MODEL_PACKAGE_H
#define MODEL_PACKAGE_H

#include "model/access.h"

enum { PACKAGE_VERSION = 1 };

/* {"kith_package": 1, "name", "objects": [...], "lists": [...], "fields": [...]} in an order in which it can
 * be installed. */
MUST_CHECK enum err_code package_export(struct call *c, struct str name);
/* Makes what is missing; what is there already and says the same is left, what differs is a conflict
 * that names it. Nothing is installed when anything cannot be. */
MUST_CHECK enum err_code package_install(struct call *c, const json_t *package);

#endif
