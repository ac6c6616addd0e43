/* visit.c - public pages: what was sent, and the layout of the answer. */

#include "model/visit.h"

#include "model/setting.h"
#include "model/template.h"
#include "model/texts.h"

struct str visit_value(const struct visit *v, const char *name)
{
    for (size_t i = 0; i < v->nvalues; i++) {
        if (str_is(v->values[i].name, name)) {
            return v->values[i].value;
        }
    }
    return STR("");
}

bool visit_has(const struct visit *v, const char *name, const char *value)
{
    for (size_t i = 0; i < v->nvalues; i++) {
        if (str_is(v->values[i].name, name) && str_is(v->values[i].value, value)) {
            return true;
        }
    }
    return false;
}

struct str visit_language(const struct visit *v)
{
    size_t n = 0;

    while (n < v->language.n && n < 3 && v->language.p[n] >= 'a' && v->language.p[n] <= 'z') {
        n++;
    }
    return n == 2 || n == 3 ? str_sub(v->language, 0, n) : STR("");
}

const char visit_style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--ground:#fff;--card:#f6f8fa;"
    "--accent:#3b4fb8}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--dim:#a9b1ba;--line:#3a4149;--ground:#"
    "16181b;"
    "--card:#1f2226;--accent:#8fa2ff}}"
    "body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:34rem;margin:0 auto;padding:2rem 1rem 3rem}"
    "header{font-weight:600;color:var(--dim);margin-bottom:1.5rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}"
    "p{margin:.5rem 0 1rem}small,.dim{color:var(--dim)}"
    "fieldset{border:1px solid var(--line);border-radius:8px;margin:0 0 "
    "1rem;padding:1rem;background:var(--card)}"
    "legend{font-weight:600;padding:0 .25rem}"
    "label{display:flex;gap:.75rem;align-items:flex-start;padding:.5rem 0;min-height:1.75rem}"
    "input[type=checkbox]{width:1.25rem;height:1.25rem;margin:.125rem "
    "0;flex:none;accent-color:var(--accent)}"
    "button{font:inherit;font-weight:600;min-height:44px;padding:.5rem "
    "1.25rem;border-radius:8px;border:1px solid "
    "var(--accent);background:var(--accent);color:var(--ground);cursor:pointer}"
    "button.second{background:none;color:var(--accent)}"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    ".said{border-left:4px solid var(--accent);background:var(--card);padding:.75rem 1rem;margin:0 "
    "0 1.25rem}";

static const char layout_head[] =
    "<!doctype html>\n<html lang=\"{{ page.language }}\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
    "name=\"robots\" content=\"noindex\">\n"
    "<title>{{ page.title }}</title>\n<link rel=\"stylesheet\" "
    "href=\"/p/style.css\">\n</head>\n<body>\n<main>\n"
    "<header>{{ page.business }}</header>\n<h1>{{ page.title }}</h1>\n";
static const char layout_foot[] = "\n</main>\n</body>\n</html>\n";

enum err_code visit_page(struct call *c, struct visit *v, struct str language, const char *title,
    const char *body, const json_t *page)
{
    static const struct template_root roots[] = { { "page", NULL, NULL } };
    struct template_scope scope = {
        .expr = { .mem = c->mem, .model = c->model, .zone = zone_utc() },
        .roots = roots,
        .nroots = 1,
        .mode = TEMPLATE_HTML,
        .field = "page"
    };
    const struct template *t;
    const json_t *objects[1];
    struct template_missing missing = { .n = 0 };
    struct str business;
    json_t *all = page ? json_copy((json_t *)(uintptr_t)page) : json_pack("{}");

    arena_defer(c->mem, (void (*)(void *))json_decref, all);
    language = language.n ? language : visit_language(v);
    language = language.n ? language : c->model->language;
    TRY(setting_text(c, "company.name", &business));
    json_object_set_new(all, "language", json_pack("s%", language.p, language.n));
    json_object_set_new(all, "business", json_pack("s%", business.p, business.n));
    json_object_set_new(all, "title", json_pack("s", text_in(language, title)));
    TRY(template_parse(
        &scope, arena_fmt(c->mem, "%s%s%s", layout_head, body, layout_foot), &t, &c->err));
    objects[0] = all;
    v->type = NULL;
    struct template_data data = { .objects = objects, .language = language, .zone = zone_utc() };
    return template_render(c, t, &data, &c->body, &missing);
}
