/* main.c - runs the unit tests of base/. */

#include "groups.h"

int main(void)
{
    int failed = 0;

    failed += test_calc();
    failed += test_csv();
    failed += test_json();
    failed += test_memory();
    failed += test_similar();
    failed += test_stat();
    failed += test_str();
    failed += test_time();
    failed += test_utf8();
    failed += test_zone();
    return failed != 0;
}
