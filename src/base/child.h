/* child.h - another program, started with given standard input and output, watched to its end. */

#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/err.h"

#include <stdbool.h>

struct child {
    int pid;
    int out;      /* to read its standard output from; -1 when that went to a file */
    int messages; /* its standard error */
};

/* argv[0] is the program's path; it gets nothing but its arguments and an empty environment. in: becomes its
 * standard input. out: becomes its standard output, or -1 for a pipe. ERR_INTERNAL when it cannot start. */
MUST_CHECK enum err_code child_start(
    const char *const *argv, int in, int out, struct child *child, struct err *e);
/* Closes the pipes and waits. ERR_INVALID with what it said on standard error when it refused its input
 * (exit code 3), ERR_INTERNAL when it failed otherwise. early: it may have been stopped by our closing. */
MUST_CHECK enum err_code child_end(struct child *child, bool early, struct err *e);

#endif
