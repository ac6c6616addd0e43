/* test_expr.h - the groups of tests of the expression language. */

#ifndef UNIT_MODEL_TEST_EXPR_H
#define UNIT_MODEL_TEST_EXPR_H

#include <stdint.h>

extern int expr_rounds; /* of the random test; set by the first argument */
extern uint64_t expr_seed; /* by the second */

int test_expr(void);
int test_expr_random(void);

#endif
