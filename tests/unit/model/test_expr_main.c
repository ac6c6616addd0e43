/* test_expr_main.c - the tests of the expression language: [rounds [seed]]. */

#include "test_expr.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    expr_rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : expr_rounds;
    expr_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : expr_seed;
    return (test_expr() + test_expr_random()) != 0;
}
