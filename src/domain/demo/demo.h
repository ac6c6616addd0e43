/* demo.h - a believable business of any size, from a seed: the same seed and day give the same bytes. */

#ifndef DOMAIN_DEMO_DEMO_H
#define DOMAIN_DEMO_DEMO_H

#include "model/org.h"

extern const struct module demo_module;

struct demo_order {
    int64_t people;
    uint64_t seed;
    int64_t until; /* date; the business has grown for three years up to this day */
    void (*progress)(int64_t done, int64_t total);
};

/* Makes users, teams, companies, people, groups, activities. Through the record engine, in chunks. */
MUST_CHECK enum err_code demo_make(struct org *o, const struct demo_order *order, struct err *e);

#endif
