/* intake.c - what sites and programs of others send: finds the module's row, and lets pages of other sites read the
 * answer where the module says so. */

#include "http/api.h"

#include "http/limit.h"
#include "model/visit.h"

static const struct intake *find_intake(const struct call *c, struct str name)
{
    for (const struct module *const *m = c->model->modules; *m; m++) {
        for (const struct intake *i = (*m)->intakes; i && i->name; i++) {
            if (str_is(name, i->name)) {
                return i;
            }
        }
    }
    return NULL;
}

/* Buckets of their own: who sends much is not kept from asking. */
static bool within(void *arg, struct str client, int64_t per_minute, int64_t n)
{
    struct exchange *x = arg;
    struct str bucket = arena_fmt(x->call.mem, "intake:%.*s", STR_ARG(client));
    uint64_t hash = str_hash(bucket);

    for (size_t i = 0; i < x->nspent; i++) {
        if (x->spent[i] == hash) {
            return true;
        }
    }
    bool yes = !x->api->limiter || limiter_spend(x->api->limiter, bucket, per_minute, n, time_monotonic());
    if (yes && x->nspent < sizeof x->spent / sizeof *x->spent) {
        x->spent[x->nspent++] = hash;
    }
    return yes;
}

enum err_code intake_post(struct call *c, struct exchange *x)
{
    const struct intake *i = find_intake(c, x->entity);
    struct visit v = { .input = x->input, .agent = x->req.headers[H_USER_AGENT], .address = x->req.address,
        .language = x->req.headers[H_ACCEPT_LANGUAGE], .authorization = x->req.headers[H_AUTHORIZATION],
        .origin = x->req.headers[H_ORIGIN], .within = within, .within_arg = x };

    if (!i || !i->take) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is nothing at this address");
    }
    c->who = user_system();
    c->via = VIA_API;
    TRY(i->take(c, &v));
    x->reply.status = v.status;
    if (v.other_site && v.origin.n) {
        reply_header(x, "Access-Control-Allow-Origin", v.origin);
        reply_header(x, "Vary", STR("Origin"));
    }
    return OK;
}

enum err_code intake_script(struct call *c, struct exchange *x)
{
    const struct intake *i = find_intake(c, x->entity);

    if (!i || !i->script) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is nothing at this address");
    }
    reply_text(x, 200, "text/javascript; charset=utf-8", str_of(i->script));
    reply_header(x, "Cache-Control", STR("public, max-age=3600"));
    reply_header(x, "Access-Control-Allow-Origin", STR("*"));
    reply_header(x, "Cross-Origin-Resource-Policy", STR("cross-origin"));
    return OK;
}

/* Before the key is known: any page may ask, without cookies; what it then sends is looked at. */
enum err_code intake_allow(struct call *c, struct exchange *x)
{
    if (!find_intake(c, x->entity)) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is nothing at this address");
    }
    reply_text(x, 204, "text/plain", STR(""));
    reply_header(x, "Access-Control-Allow-Origin", STR("*"));
    reply_header(x, "Access-Control-Allow-Methods", STR("POST"));
    reply_header(x, "Access-Control-Allow-Headers", STR("Authorization, Content-Type"));
    reply_header(x, "Access-Control-Max-Age", STR("86400"));
    return OK;
}
