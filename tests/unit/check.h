/* check.h - cmocka with the headers that it forgets to include, and the shapes that tests share. */

#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

#define assert_ok(x, e)                                                                            \
    do {                                                                                           \
        if ((x) != OK) {                                                                           \
            fail_msg("%s: %s [%s]", #x, (e).msg, (e).field);                                       \
        }                                                                                          \
    } while (0)
#define assert_str(s, want)                                                                        \
    do {                                                                                           \
        struct str got_ = (s);                                                                     \
        if (!str_is(got_, want)) {                                                                 \
            fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got_), want);                            \
        }                                                                                          \
    } while (0)

#endif
