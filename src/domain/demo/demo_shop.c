/* demo_shop.c - what the sample business sells, and what its people have bought. */

#include "domain/demo/demo_steps.h"

#include "model/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct ware {
    const char *category, *name;
    int cents;
} wares[DEMO_PRODUCTS] = {
    { "Tea", "Assam", 890 }, { "Tea", "Earl Grey", 950 }, { "Tea", "Jasmine", 1150 }, { "Tea", "Rooibos", 750 },
    { "Tea", "Peppermint", 620 }, { "Coffee", "House blend", 1390 }, { "Coffee", "Espresso", 1590 },
    { "Coffee", "Ethiopia", 1890 }, { "Coffee", "Decaf", 1490 }, { "Coffee", "Cold brew", 450 },
    { "Kitchen", "Mug", 1290 }, { "Kitchen", "Teapot", 3490 }, { "Kitchen", "Grinder", 4990 },
    { "Kitchen", "Kettle", 6900 }, { "Kitchen", "French press", 2990 }, { "Kitchen", "Scales", 2490 },
    { "Sweets", "Dark chocolate", 390 }, { "Sweets", "Shortbread", 450 }, { "Sweets", "Nougat", 690 },
    { "Sweets", "Candied ginger", 550 }, { "Gifts", "Gift box", 3900 }, { "Gifts", "Voucher", 2500 },
    { "Gifts", "Advent calendar", 2990 }, { "Gifts", "Tasting set", 5900 },
};
static const struct outlet {
    const char *name, *code, *kind, *city, *country;
} outlets[DEMO_SHOPS] = {
    { "Berlin Mitte", "berlin", "store", "Berlin", "DE" }, { "Lyon Bellecour", "lyon", "store", "Lyon", "FR" },
    { "London Soho", "london", "store", "London", "GB" }, { "Web shop", "web", "web", NULL, NULL },
};

struct demo_ware demo_ware(int i)
{
    struct demo_ware w = { .name = wares[i].name, .cents = wares[i].cents };

    snprintf(w.sku, sizeof w.sku, "%c%03d", wares[i].category[0], i + 1);
    return w;
}

enum err_code demo_make_shops(struct call *c, struct demo *d)
{
    int64_t category = 0;

    for (int i = 0; i < DEMO_PRODUCTS; i++) {
        struct demo_ware w = demo_ware(i);
        char price[20];
        if (!i || strcmp(wares[i].category, wares[i - 1].category) != 0) {
            TRY(demo_create(c, "product_category", json_pack("{s:s}", "name", wares[i].category), d->begin, &category));
        }
        snprintf(price, sizeof price, "%d.%02d", w.cents / 100, w.cents % 100);
        TRY(demo_create(c, "product",
            json_pack("{s:s, s:s, s:I, s:s}", "name", w.name, "sku", w.sku, "category", (json_int_t)category,
                "price", price),
            d->begin, &d->products[i]));
    }
    for (int i = 0; i < DEMO_SHOPS; i++) {
        const struct outlet *o = &outlets[i];
        json_t *shop = json_pack("{s:s, s:s, s:s}", "name", o->name, "code", o->code, "kind", o->kind);
        if (o->city) {
            json_object_set_new(shop, "addresses",
                json_pack("[{s:s, s:s}]", "city", o->city, "country", o->country));
        }
        TRY(demo_create(c, "shop", shop, d->begin, &d->shops[i]));
    }
    return OK;
}

static enum err_code make_line(
    struct call *c, struct demo *d, struct rng *r, int64_t order, int position, int64_t at, bool back)
{
    size_t ware = rng_below(r, DEMO_PRODUCTS);
    int64_t id;
    char price[20];

    snprintf(price, sizeof price, "%d.%02d", wares[ware].cents / 100, wares[ware].cents % 100);
    return demo_create(c, "order_line",
        json_pack("{s:I, s:i, s:I, s:i, s:s}", "order", (json_int_t)order, "position", position, "product",
            (json_int_t)d->products[ware], "quantity", back ? -1 : 1 + (int)rng_below(r, 3), "unit_price", price),
        at, &id);
}

/* Some never buy, most a few times, some again and again; a few orders come back. */
enum err_code demo_make_orders(struct call *c, struct demo *d, int64_t person, int64_t contact, int64_t since)
{
    static const char *const methods[] = { "card", "card", "cash", "invoice", "wallet" };
    struct rng r = { d->seed ^ ((uint64_t)person * 0x9e3779b97f4a7c15ULL) };
    int64_t end = DAYS(d->until), gap = DAYS(10 + (int64_t)rng_below(&r, 120)), at = since;
    size_t home = rng_below(&r, DEMO_SHOPS);
    int most = rng_below(&r, 3) ? 1 + (int)rng_below(&r, 4) : 2 + (int)rng_below(&r, 14);

    for (int k = 1; rng_below(&r, 20) && k <= most && (k > 1 || rng_below(&r, 10) < 6); k++) {
        char number[40], when[INSTANT_TEXT];
        bool back = k > 1 && rng_below(&r, 20) == 0;
        size_t shop = rng_below(&r, 4) ? home : rng_below(&r, DEMO_SHOPS);
        int64_t order;
        at += gap / 2 + (int64_t)rng_below(&r, (uint64_t)gap);
        if (at >= end) {
            break;
        }
        instant_format(at, when);
        snprintf(number, sizeof number, "B%06" PRId64 "-%02d", person + 1, k);
        TRY(demo_create(c, "order",
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "number", number, "kind", back ? "return" : "sale",
                "placed_at", when, "contact", (json_int_t)contact, "shop", (json_int_t)d->shops[shop], "channel",
                shop == DEMO_SHOPS - 1 ? "web" : "shop", "payment_method", methods[rng_below(&r, 5)], "paid_at", when),
            at, &order));
        for (int i = 1 + (int)rng_below(&r, back ? 1 : 4), position = 1; i > 0; i--, position++) {
            TRY(make_line(c, d, &r, order, position, at, back));
        }
    }
    return OK;
}
