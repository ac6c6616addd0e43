/* demo_site.c - the sample business's web shop, and what its people looked at there in the last weeks. */

#include "domain/demo/demo_steps.h"

#include "base/time.h"
#include "domain/event/event.h"

#include <stdio.h>

enum { VISITS = 4, PAGES = 8, WEEKS = 8 };

static const struct page {
    const char *path, *title;
} pages[] = { { "/", "Tea and coffee" }, { "/tea", "Tea" }, { "/coffee", "Coffee" }, { "/gifts", "Gifts" },
    { "/delivery", "Delivery" }, { "/harvest", "The new harvest" }, { "/stores", "Our shops" } };

enum err_code demo_make_site(struct call *c, struct demo *d)
{
    return demo_create(c, "event_source",
        json_pack("{s:s, s:s, s:s}", "name", "Web shop", "kind", "browser", "origins", "https://shop.example"), d->begin,
        &d->site);
}

/* A product that was looked at, and now and then put into the cart. */
static void look_at_product(struct call *c, struct rng *r, struct event_said *e, bool cart)
{
    struct demo_ware w = demo_ware((int)rng_below(r, DEMO_PRODUCTS));

    e->name = cart ? STR("added_to_cart") : STR("page_view");
    e->url = arena_fmt(c->mem, "/products/%s", w.sku);
    e->title = str_of(w.name);
    if (cart) {
        json_t *properties = json_pack("{s:s, s:f}", "product", w.sku, "value", w.cents / 100.0);
        arena_defer(c->mem, (void (*)(void *))json_decref, properties);
        e->properties = properties;
    }
}

/* Four of ten come to the site, some of them several times in two months. */
enum err_code demo_make_visits(struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since)
{
    struct rng r = { d->seed ^ ((uint64_t)person * 0x94d049bb133111ebULL) };
    struct event_said *list = ARENA_ARRAY(c->mem, struct event_said, VISITS * PAGES);
    int64_t end = DAYS(d->until);
    size_t n = 0;

    for (uint64_t visits = rng_below(&r, 10) < 4 ? 1 + rng_below(&r, VISITS) : 0; visits; visits--) {
        int64_t at = end - SECONDS((int64_t)rng_below(&r, WEEKS * 7 * 86400));
        for (uint64_t k = 1 + rng_below(&r, PAGES); k && at < end && at > since; k--) {
            struct event_said *e = &list[n++];
            const struct page *p = &pages[rng_below(&r, sizeof pages / sizeof *pages)];
            *e = (struct event_said) { .contact = contact, .at = at, .source = d->site, .name = STR("page_view"),
                .url = str_of(p->path), .title = str_of(p->title) };
            if (rng_below(&r, 2)) {
                look_at_product(c, &r, e, rng_below(&r, 4) == 0);
            }
            at += SECONDS(5 + (int64_t)rng_below(&r, 200));
        }
    }
    return event_record(c, list, n);
}
