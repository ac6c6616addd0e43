/* request.c - takes a request apart: path, parameters, cookies, the body's members.
 *
 * Everything is decoded here and checked once; what comes out is valid UTF-8 without U+0000. */

#include "http/exchange.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = {
    [METHOD_GET] = "GET",
    [METHOD_POST] = "POST",
    [METHOD_PATCH] = "PATCH",
    [METHOD_PUT] = "PUT",
    [METHOD_DELETE] = "DELETE",
    [METHOD_OPTIONS] = "OPTIONS",
    [METHOD_OTHER] = "",
};

static const char *const names[HEADERS] = {
    [H_AUTHORIZATION] = "Authorization",
    [H_COOKIE] = "Cookie",
    [H_CSRF] = "X-CSRF-Token",
    [H_IF_MATCH] = "If-Match",
    [H_IF_NONE_MATCH] = "If-None-Match",
    [H_IDEMPOTENCY_KEY] = "Idempotency-Key",
    [H_LAST_EVENT_ID] = "Last-Event-ID",
    [H_HOST] = "Host",
    [H_ORIGIN] = "Origin",
    [H_ACCEPT] = "Accept",
    [H_ACCEPT_ENCODING] = "Accept-Encoding",
    [H_ACCEPT_LANGUAGE] = "Accept-Language",
    [H_CONTENT_TYPE] = "Content-Type",
    [H_USER_AGENT] = "User-Agent",
    [H_FORWARDED_FOR] = "X-Forwarded-For",
    [H_FORWARDED_PROTO] = "X-Forwarded-Proto",
    [H_RANGE] = "Range",
    [H_SHELL] = "X-Kith-Shell",
};

enum method method_of(const char *verb)
{
    for (int m = METHOD_GET; m < METHOD_OTHER; m++) {
        if (strcmp(verb, methods[m]) == 0) {
            return (enum method)m;
        }
    }
    return strcmp(verb, "HEAD") == 0 ? METHOD_GET : METHOD_OTHER;
}

const char *method_name(enum method m)
{
    return methods[m];
}

const char *header_name(enum header h)
{
    return names[h];
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent escapes (and, in a query, plus) undone. */
static enum err_code decode(
    struct arena *mem, struct str s, bool query, struct str *out, struct err *e)
{
    bool plain = true;

    for (size_t i = 0; i < s.n && plain; i++) {
        plain = s.p[i] != '%' && s.p[i] != '+' && (signed char)s.p[i] > 0;
    }
    if (plain) {
        *out = s;
        return OK;
    }
    char *p = arena_alloc(mem, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
            int low = high >= 0 ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return err_set(e, ERR_INVALID, NULL, "a broken %% escape in the address");
            }
            p[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            p[n++] = s.p[i] == '+' && query ? ' ' : s.p[i];
        }
    }
    *out = (struct str) { p, n };
    if (!utf8_valid(*out, NULL)) {
        return err_set(e, ERR_INVALID, NULL, "the address is not valid UTF-8, or holds U+0000");
    }
    return OK;
}

static enum err_code split_path(struct exchange *x, struct str path, struct err *e)
{
    struct request *r = &x->req;
    struct str one;

    while (path.n && str_split(&path, '/', &one)) {
        if (!one.n) {
            continue;
        }
        if (r->nsegments == SEGMENTS) {
            return err_set(e, ERR_NOT_FOUND, NULL, "there is nothing at this address");
        }
        TRY(decode(x->mem, one, false, &r->segments[r->nsegments++], e));
    }
    return OK;
}

enum err_code form_parse(
    struct arena *mem, struct str text, struct param *out, int most, int *n, struct err *e)
{
    struct str one, name;

    *n = 0;
    while (text.n && str_split(&text, '&', &one)) {
        if (!one.n) {
            continue;
        }
        if (*n == most) {
            return err_set(e, ERR_INVALID, NULL, "more than %d parameters", most);
        }
        struct param *p = &out[(*n)++];
        *p = (struct param) { 0 };
        (void)str_split(&one, '=', &name);
        TRY(decode(mem, name, true, &p->name, e));
        TRY(decode(mem, one, true, &p->value, e));
    }
    return OK;
}

enum err_code request_parse(struct exchange *x, struct err *e)
{
    struct request *r = &x->req;
    struct str query = r->target;

    r->path = STR("");
    r->nsegments = r->nparams = 0;
    if (query.n && query.p[0] != '?') {
        (void)str_split(&query, '?', &r->path);
    }
    TRY(split_path(x, r->path, e));
    return form_parse(x->mem, query, r->params, PARAMS, &r->nparams, e);
}

static struct param *find_param(struct exchange *x, const char *name)
{
    for (int i = 0; i < x->req.nparams; i++) {
        if (str_is(x->req.params[i].name, name)) {
            return &x->req.params[i];
        }
    }
    return NULL;
}

struct str param(struct exchange *x, const char *name)
{
    struct param *p = find_param(x, name);

    return p ? p->value : STR("");
}

bool param_given(struct exchange *x, const char *name)
{
    return find_param(x, name) != NULL;
}

enum err_code param_int(struct call *c, struct exchange *x, const char *name, int64_t least,
    int64_t most, int64_t def, int64_t *out)
{
    struct param *p = find_param(x, name);

    *out = def;
    if (p && (!str_to_int(p->value, out) || *out < least || *out > most)) {
        return fail(c, ERR_INVALID, name, "%s is a number from %" PRId64 " to %" PRId64, name, least,
            most);
    }
    return OK;
}

enum err_code param_flag(struct call *c, struct exchange *x, const char *name, bool *out)
{
    struct param *p = find_param(x, name);

    *out = false;
    if (!p || str_is(p->value, "false") || str_is(p->value, "0")) {
        return OK;
    }
    *out = !p->value.n || str_is(p->value, "true") || str_is(p->value, "1");
    return *out ? OK : fail(c, ERR_INVALID, name, "%s is true or false", name);
}

struct str input_text(const struct exchange *x, const char *name)
{
    return json_str(json_object_get(x->input, name));
}

enum err_code input_only(struct call *c, const json_t *object, const char *allowed)
{
    const char *key;
    json_t *v;

    if (!json_is_object(object)) {
        return fail(c, ERR_INVALID, NULL, "the body must be a JSON object");
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        struct str rest = str_of(allowed), one;
        bool known = false;
        while (!known && str_split(&rest, ',', &one)) {
            known = str_is(one, key);
        }
        if (!known) {
            fail_field(c, key, "\"%.60s\" is not known here; there are %s", key, allowed);
        }
    }
    return call_status(c);
}

enum err_code if_match(struct call *c, struct exchange *x, int64_t *version)
{
    struct str s = str_trim(x->req.headers[H_IF_MATCH]);

    *version = 0;
    if (!s.n || str_is(s, "*")) {
        return OK;
    }
    if (str_starts(s, STR("W/"))) {
        s = str_sub(s, 2, s.n);
    }
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"') {
        s = str_sub(s, 1, s.n - 2);
    }
    if (!str_to_int(s, version) || *version <= 0) {
        return fail(c, ERR_INVALID, "If-Match", "If-Match is a version in quotes, as ETag gave it");
    }
    return OK;
}

bool accepts_coding(const struct exchange *x, const char *coding)
{
    struct str rest = x->req.headers[H_ACCEPT_ENCODING], one, name;

    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (str_split(&one, ';', &name) && str_eq_nocase(str_trim(name), str_of(coding))) {
            return str_find(one, STR("q=0")) < 0 || str_find(one, STR("q=0.")) >= 0;
        }
    }
    return false;
}

struct str cookie_value(struct str cookies, const char *name)
{
    struct str one, key;

    while (str_split(&cookies, ';', &one)) {
        one = str_trim(one);
        if (str_split(&one, '=', &key) && str_is(key, name)) {
            return one;
        }
    }
    return STR("");
}
