/* local.h - a plain HTTP request to the server of this machine, over its socket. */

#ifndef MAIN_LOCAL_H
#define MAIN_LOCAL_H

#include "base/arena.h"

#include <stdio.h>

struct local_answer {
    struct arena *mem;
    FILE *out; /* where the body of a 200 goes as it comes; NULL: into body */
    int status;
    struct str body;
};

int local_connect(const char *path); /* -1 when nobody listens */
MUST_CHECK enum err_code local_request(const char *path, const char *method, struct str target,
    struct str body, struct local_answer *a, struct err *e);

#endif
