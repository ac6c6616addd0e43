/* local.h - a plain HTTP request to the server of this machine, over its socket. */

#ifndef MAIN_LOCAL_H
#define MAIN_LOCAL_H

#include "base/arena.h"

#include <stdio.h>

struct local_request {
    const char *method;
    struct str target, body;
    FILE *file; /* instead of a body: all of it, from its beginning; NULL for none */
};

struct local_answer {
    struct arena *mem;
    FILE *out; /* where the body of a 200 goes as it comes; NULL: into body */
    int status;
    struct str body;
};

int local_connect(const char *path); /* -1 when nobody listens */
MUST_CHECK enum err_code local_ask(
    const char *path, const struct local_request *r, struct local_answer *a, struct err *e);

#endif
