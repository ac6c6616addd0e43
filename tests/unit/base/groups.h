/* groups.h - the files of this program; each runs its tests and returns how many failed. */

#ifndef UNIT_BASE_GROUPS_H
#define UNIT_BASE_GROUPS_H

int test_calc(void);
int test_csv(void);
int test_json(void);
int test_memory(void);
int test_similar(void);
int test_stat(void);
int test_str(void);
int test_time(void);
int test_utf8(void);
int test_zone(void);

#endif
