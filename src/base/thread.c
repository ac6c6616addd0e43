/* thread.c */

#include "base/thread.h"

bool thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg)
{
    if (pthread_create(t, NULL, fn, arg) != 0) {
        return false;
    }
    (void)pthread_setname_np(*t, name);
    return true;
}
