/* fuzz_template.c - any bytes as a template; the first byte says whether it is a text, a line or HTML. What is accepted
 * is rendered with a value that would break out of HTML wherever it stood as it is. */

#include "../unit/model/world.h"

#undef fail /* cmocka's; the word is ours: model/call.h */
#include "model/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(struct world *w, const struct template *t, bool html)
{
    static const struct user user = { .id = 2 };
    struct call c = { .mem = w->scratch, .model = &w->model, .now = w->now, .who = &user };
    struct record *records[2] = { NULL };
    const json_t *objects[2] = { NULL };
    struct template_data data = { .records = records, .objects = objects, .language = STR("de"), .zone = zone_utc() };
    struct buf out;
    struct template_missing missing = { .n = 0 };
    struct err e;
    json_t *page;

    if (json_read(w->scratch, STR("{\"t\": \"\\u0001<'\\\">\", \"r\": [{\"t\": 1}, {\"t\": 2}]}"), &page, &e) != OK) {
        abort();
    }
    objects[1] = page;
    buf_init(&out, w->scratch, TEMPLATE_OUTPUT_MAX);
    if (template_render(&c, t, &data, &out, &missing) != OK) {
        return;
    }
    if (html && (str_find(buf_str(&out), STR("\x01<")) >= 0 || str_find(buf_str(&out), STR("\x01'")) >= 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct world *w;

    if (!w) {
        w = world_make(1, "Europe/Berlin");
    }
    if (!n) {
        return 0;
    }
    struct arena_mark mark = arena_mark(w->scratch);
    struct template_root roots[2] = { { "contact", w->e[CONTACT], NULL }, { "page", NULL, NULL } };
    struct template_scope s = { .expr = w->scope, .roots = roots, .nroots = 2, .field = "html",
        .mode = data[0] == 'h' ? TEMPLATE_HTML : data[0] == 'l' ? TEMPLATE_LINE : TEMPLATE_TEXT };
    struct str source = arena_str(w->scratch, (struct str) { (const char *)data + 1, n - 1 });
    const struct template *t;
    struct err e;

    s.expr.mem = w->scratch;
    if (template_parse(&s, source, &t, &e) == OK) {
        use(w, t, s.mode == TEMPLATE_HTML && str_find_byte(source, 1) < 0);
    }
    arena_rewind(w->scratch, mark);
    return 0;
}
