/* texts.c - looks texts up. */

#include "model/texts.h"

#include <string.h>

static const struct text_catalogue *catalogue_of(struct str language)
{
    for (const struct text_catalogue *c = text_catalogues; c->language; c++) {
        size_t n = strlen(c->language);
        if (language.n >= n && memcmp(language.p, c->language, n) == 0
            && (language.n == n || language.p[n] == '-' || language.p[n] == '_')) {
            return c;
        }
    }
    return NULL;
}

const char *text_in(struct str language, const char *english)
{
    const struct text_catalogue *c = language.n && english ? catalogue_of(language) : NULL;
    size_t low = 0, high = c ? c->n : 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(c->rows[middle].english, english);
        if (order == 0) {
            return c->rows[middle].text;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return english;
}

/* The next conversion, "%.60s" or "%ld", without the percent sign; "%%" is none. Empty at the end. */
static struct str next_conversion(const char **s)
{
    for (const char *p = *s; *p; p++) {
        if (*p != '%') {
            continue;
        }
        size_t n = strcspn(p + 1, "diouxXeEfgGscp%") + 1;
        const char *from = p + 1;
        p += p[n] ? n : n - 1;
        if (*p != '%') {
            *s = p + 1;
            return (struct str) { from, n };
        }
    }
    *s += strlen(*s);
    return (struct str) { "", 0 };
}

const char *text_format(struct str language, const char *english)
{
    const char *text = text_in(language, english), *a = english, *b = text;

    while (text != english) {
        struct str one = next_conversion(&a), other = next_conversion(&b);
        if (!str_eq(one, other)) {
            return english;
        }
        if (!one.n) {
            break;
        }
    }
    return text;
}
