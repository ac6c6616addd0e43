/* public.c - pages for people without an account: finds the module's page, gives it what was sent,
 * and answers with the strictest rules a browser knows. */

#include "http/api.h"

#include "model/setting.h"
#include "model/texts.h"
#include "model/visit.h"

enum { FORM_VALUES = 200, FORM_MAX = 64 << 10, FRAME_MAX = 2 << 20 };

static const struct public_page *find_page(const struct call *c, struct str name)
{
    for (const struct module *const *m = c->model->modules; *m; m++) {
        for (const struct public_page *p = (*m)->pages; p && p->name; p++) {
            if (str_is(name, p->name)) {
                return p;
            }
        }
    }
    return NULL;
}

bool page_counts(const struct exchange *x)
{
    const struct public_page *p = find_page(&x->call, x->entity);

    return p && p->count;
}

static void take_values(struct exchange *x, struct visit *v, const struct param *params, int n)
{
    struct visit_value *values = ARENA_ARRAY(x->mem, struct visit_value, n ? (size_t)n : 1);

    for (int i = 0; i < n; i++) {
        values[i] = (struct visit_value) { params[i].name, params[i].value };
    }
    v->values = values;
    v->nvalues = (size_t)n;
}

/* Anything but a form has no values: a mail program's one-click is known by its address. */
static enum err_code take_form(struct call *c, struct exchange *x, struct visit *v)
{
    struct param *params = ARENA_ARRAY(x->mem, struct param, FORM_VALUES);
    int n = 0;

    if (x->req.body.n > FORM_MAX) {
        return fail(c, ERR_TOO_LARGE, NULL, "this form sends too much");
    }
    if (str_starts(x->req.headers[H_CONTENT_TYPE], STR("application/x-www-form-urlencoded"))) {
        TRY(form_parse(x->mem, x->req.body, params, FORM_VALUES, &n, &c->err));
    }
    take_values(x, v, params, n);
    return OK;
}

static void reply_of(struct exchange *x, const struct visit *v)
{
    struct reply *r = &x->reply;

    r->status = v->status ? v->status : v->location.n ? 303 : 200;
    r->type = v->type ? v->type : "text/html; charset=utf-8";
    if (v->location.n) {
        reply_header(x, "Location", v->location);
    }
    reply_header(x, "Referrer-Policy", STR("no-referrer"));
    reply_header(x, "X-Robots-Tag", STR("noindex"));
    if (!v->type) {
        reply_header(x, "Content-Security-Policy",
            STR("default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
                "base-uri 'none'; "
                "frame-ancestors 'none'"));
    }
}

/* What went wrong, said to a person on a page and not as JSON. */
static enum err_code reply_wrong(struct call *c, struct exchange *x, struct visit *v)
{
    int status = err_status(&c->err);
    struct str language = visit_language(v);
    json_t *page = json_pack("{s:s}", "message", text_message(c->mem, language, c->err.msg));

    arena_defer(c->mem, (void (*)(void *))json_decref, page);
    err_clear(&c->err);
    buf_clear(&c->body);
    TRY(visit_page(c, v, language, "This did not work", "<p>{{ page.message }}</p>", page));
    v->status = status == 422 ? 400 : status;
    v->location = STR("");
    reply_of(x, v);
    return OK;
}

static enum err_code run_page(struct call *c, struct exchange *x, bool post)
{
    const struct public_page *p = find_page(c, x->entity);
    struct visit v = { .token = x->name,
        .head = x->req.head,
        .agent = x->req.headers[H_USER_AGENT],
        .address = x->req.address,
        .language = x->req.headers[H_ACCEPT_LANGUAGE] };
    enum err_code code;

    c->who = user_system();
    c->via = VIA_FORM;
    if (!p || (post && !p->post)) {
        code = fail(c, ERR_NOT_FOUND, NULL, "there is nothing at this address");
    } else if (post) {
        code = take_form(c, x, &v);
        code = code == OK ? p->post(c, &v) : code;
    } else {
        take_values(x, &v, x->req.params, x->req.nparams);
        code = p->count ? p->count(c, &v) : p->get(c, &v);
    }
    if (code == OK) {
        reply_of(x, &v);
        return OK;
    }
    /* a failed write must be rolled back, so its answer is the API's */
    return c->tx == TX_WRITE || !err_from_input(code) ? code : reply_wrong(c, x, &v);
}

enum err_code page_get(struct call *c, struct exchange *x)
{
    return run_page(c, x, false);
}

enum err_code page_post(struct call *c, struct exchange *x)
{
    return run_page(c, x, true);
}

enum err_code page_style(struct call *c, struct exchange *x)
{
    (void)c;
    reply_text(x, 200, "text/css; charset=utf-8", str_of(visit_style));
    reply_header(x, "Cache-Control", STR("public, max-age=86400"));
    return OK;
}

/* A mail as its reader would see it, as the application's own form sends it. In a document of the application its styles
 * would be refused and its scripts would not; here it has its styles, and nothing else: no script, no form, no origin. */
enum err_code frame_html(struct call *c, struct exchange *x)
{
    struct param params[4];
    int n = 0;

    if (x->req.body.n > FRAME_MAX) {
        return fail(c, ERR_TOO_LARGE, NULL, "this form sends too much");
    }
    TRY(form_parse(x->mem, x->req.body, params, 4, &n, &c->err));
    struct str html = n && str_is(params[0].name, "html") ? params[0].value : STR("");
    reply_text(x, 200, "text/html; charset=utf-8", html.n ? html : STR(" "));
    reply_header(x, "Content-Security-Policy",
        STR("sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'self'"));
    reply_header(x, "Referrer-Policy", STR("no-referrer"));
    return OK;
}
