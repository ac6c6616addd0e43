/* helper.h - where the program is that reads and writes files of other programs (src/helper). */

#ifndef MODEL_HELPER_H
#define MODEL_HELPER_H

#include "base/arena.h"
#include "model/config.h"

/* The one that is configured, else beside this program, else where the package puts it. */
const char *helper_path(struct arena *mem, const struct config *cfg);

#endif
