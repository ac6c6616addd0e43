#include "test_expr.h"
int test_expr(void)
{
    return 0;
}
