/* demo_steps.h - the pieces of the sample business, for what makes it at once and for the job that makes it bit by bit. */

#ifndef DOMAIN_DEMO_DEMO_STEPS_H
#define DOMAIN_DEMO_DEMO_STEPS_H

#include "base/rand.h"
#include "domain/demo/demo.h"

#include <jansson.h>

enum { DEMO_PRODUCTS = 24, DEMO_SHOPS = 4 };

struct demo {
    struct rng r;
    uint64_t seed;
    int64_t until; /* date */
    int64_t users[6], teams[3], groups[4];
    int64_t products[DEMO_PRODUCTS], shops[DEMO_SHOPS], site;
    int64_t *companies;
    int64_t ncompanies, npeople, ntouched; /* the last: how many people have activities */
    int64_t at;    /* number of the next company or person */
    int64_t begin; /* microseconds: the first day of the business */
};

struct demo demo_begin(struct arena *mem, int64_t people, uint64_t seed, int64_t until);
/* A record as it was made at a time; the tree is released. */
MUST_CHECK enum err_code demo_create(
    struct call *c, const char *entity, json_t *tree, int64_t at, int64_t *id);
/* In this order, each once; companies and people by ascending number. */
MUST_CHECK enum err_code demo_make_team(struct call *c, struct demo *d);
MUST_CHECK enum err_code demo_make_groups(struct call *c, struct demo *d);
MUST_CHECK enum err_code demo_make_shops(struct call *c, struct demo *d);
MUST_CHECK enum err_code demo_make_company(struct call *c, struct demo *d, int64_t i);
MUST_CHECK enum err_code demo_make_person(struct call *c, struct demo *d, int64_t i);
/* A campaign that waits to be started; after the shops. */
MUST_CHECK enum err_code demo_make_campaign(struct call *c, struct demo *d);
/* What the person said about being written to; part of making him. */
MUST_CHECK enum err_code demo_make_consent(
    struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since);
/* The person's purchases; part of making him. */
MUST_CHECK enum err_code demo_make_orders(
    struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since);
/* The web shop as a source of events; what the person did there, part of making him. */
MUST_CHECK enum err_code demo_make_site(struct call *c, struct demo *d);
MUST_CHECK enum err_code demo_make_visits(
    struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since);

struct demo_ware {
    const char *name;
    char sku[20];
    int cents;
};
struct demo_ware demo_ware(int i); /* from 0 to DEMO_PRODUCTS - 1 */

#endif
