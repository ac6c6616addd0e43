/* helper.c - finds kith-helper. */

#include "model/helper.h"

#include <unistd.h>

const char *helper_path(struct arena *mem, const struct config *cfg)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (cfg->helper && cfg->helper[0]) {
        return cfg->helper;
    }
    while (n > 0 && self[n - 1] != '/') {
        n--;
    }
    const char *beside = arena_fmt(mem, "%.*skith-helper", (int)(n > 0 ? n : 0), self).p;
    return access(beside, X_OK) == 0 ? beside : "/usr/lib/kith/kith-helper";
}
