/* thread.h - threads that tools show by their names. */

#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/err.h"

#include <pthread.h>

/* Starts fn(arg) as a thread that top, gdb and perf show as name, of at most 15 bytes. false: it cannot be had. */
MUST_CHECK bool thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg);

#endif
