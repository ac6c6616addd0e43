/* event_document.c - what an event carries, made small: columns for the page, one compact document for the rest. */

#include "domain/event/event_steps.h"

#include <math.h>

/* A double times 10^EVENT_SCALE is exact to the last digit below this. */
static const double EXACT_BELOW = 1e11;

bool event_number_of(const json_t *v, int64_t *out)
{
    if (json_is_integer(v)) {
        int64_t i = json_integer_value(v);
        bool fits = i > -(int64_t)EXACT_BELOW && i < (int64_t)EXACT_BELOW;
        *out = fits ? i * 10000 : 0;
        return fits;
    }
    double d = json_number_value(v);
    bool fits = json_is_number(v) && fabs(d) < EXACT_BELOW;
    *out = fits ? llround(d * 10000) : 0;
    return fits;
}

struct str event_cut(struct str s, size_t most)
{
    size_t n = s.n < most ? s.n : most;

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n--; /* not inside a character */
    }
    return str_sub(s, 0, n);
}

/* Whole, or with at most EVENT_SCALE digits after the point. */
static void put_number(struct json_writer *w, const json_t *v)
{
    char text[64];
    int64_t scaled;

    if (json_is_integer(v) || !event_number_of(v, &scaled)) {
        json_tree(w, NULL, v);
    } else if (scaled % 10000 == 0) {
        json_int(w, NULL, scaled / 10000);
    } else {
        size_t n = str_from_scaled(scaled, EVENT_SCALE, text);
        while (text[n - 1] == '0') {
            n--;
        }
        json_raw(w, NULL, (struct str) { text, n });
    }
}

static void put_value(struct json_writer *w, const json_t *v)
{
    if (json_is_string(v)) {
        json_text(w, NULL, event_cut(json_str(v), EVENT_TEXT_MAX));
    } else if (json_is_number(v)) {
        put_number(w, v);
    } else {
        json_tree(w, NULL, v);
    }
}

/* Properties that stand in columns, or say what a column says. */
static bool is_column(struct str name, const struct event *e)
{
    return (str_is(name, "url") && e->url.n) || (str_is(name, "title") && e->title.n)
        || (str_is(name, "referrer") && e->referrer.n)
        || (e->url.n && (str_is(name, "path") || str_is(name, "search")));
}

enum err_code event_document(
    struct call *c, struct event_name *name, const json_t *properties, struct event *e, int *left_out)
{
    struct json_writer w;
    struct buf b;
    const char *key;
    json_t *v;

    buf_init(&b, c->mem, EVENT_BODY_MAX * 2);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_object_foreach((json_t *)(uintptr_t)properties, key, v)
    {
        struct str property = str_of(key);
        struct buf before = b;
        bool comma = w.comma;
        if (json_is_null(v) || is_column(property, e)) {
            continue;
        }
        if (!property.n || property.n > EVENT_NAME_MAX || !event_property_take(name, property)) {
            ++*left_out;
            continue;
        }
        json_name(&w, property);
        put_value(&w, v);
        if (b.n > EVENT_DOCUMENT_MAX) {
            b.n = before.n;
            w.comma = comma;
            ++*left_out;
        }
    }
    json_end_object(&w);
    TRY(buf_status(&b, &c->err));
    e->properties = b.n > 2 ? buf_str(&b) : STR("");
    return OK;
}
