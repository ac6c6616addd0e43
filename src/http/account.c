/* account.c - signing in and out, the caller himself, tokens, sessions, the second factor. */

#include "http/api.h"
#include "model/auth.h"

#include <string.h>

/* ---- signing in ---- */

static enum err_code find(struct call *c, void *arg)
{
    return auth_find(c, arg);
}

/* Looks up and proves: what takes long is done before the transaction of the sign-in. */
static enum err_code prove(struct call *c, struct login *l)
{
    TRY(call_read(c, find, l));
    auth_prove(l);
    return OK;
}

static struct login *login_of(struct exchange *x, struct str email, struct str password)
{
    struct login *l = ARENA_NEW(x->mem, struct login);

    *l = (struct login) { .email = email, .password = password, .address = x->req.address,
        .agent = x->req.headers[H_USER_AGENT],
        .device_cookie = cookie_value(x->req.headers[H_COOKIE], "kith_device") };
    x->prepared = l;
    return l;
}

enum err_code login_prepare(struct call *c, struct exchange *x)
{
    struct login *l = login_of(x, input_text(x, "email"), input_text(x, "password"));

    TRY(input_only(c, x->input, x->route->body));
    l->totp = input_text(x, "totp");
    if (!l->email.n || !l->password.n) {
        return fail(c, ERR_INVALID, l->email.n ? "password" : "email",
            "signing in takes email and password, both text");
    }
    return prove(c, l);
}

static void put_user(struct call *c, const struct user *u, const char *name)
{
    struct json_writer *w = &c->out;

    json_object(w, name);
    json_int(w, "id", u->id);
    json_text(w, "email", u->email);
    json_text(w, "name", u->name);
    json_flag(w, "admin", u->admin);
    json_text(w, "language", u->language.n ? u->language : c->model->language);
    json_cstr(w, "zone", u->zone ? zone_name(u->zone) : c->model->zone.p);
    json_end_object(w);
}

static const char *secure_word(struct exchange *x)
{
    const char *base = x->api->org->cfg->base_url;

    return x->req.secure || (base && strncmp(base, "https:", 6) == 0) ? "; Secure" : "";
}

static void set_cookie(struct exchange *x, struct str session)
{
    reply_header(x, "Set-Cookie",
        arena_fmt(x->mem, "kith_session=%.*s; Path=/; HttpOnly; SameSite=Lax%s%s", STR_ARG(session),
            session.n ? "; Max-Age=2592000" : "; Max-Age=0", secure_word(x)));
}

/* By it the device is known the next time: its failures are counted apart. It signs nobody in. */
static void set_device(struct exchange *x, struct str device)
{
    reply_header(x, "Set-Cookie",
        arena_fmt(x->mem, "kith_device=%.*s; Path=/api/v1/login; HttpOnly; SameSite=Strict;"
            " Max-Age=15552000%s", STR_ARG(device), secure_word(x)));
}

enum err_code login_run(struct call *c, struct exchange *x)
{
    struct str session, csrf, device;
    struct err why;

    TRY(auth_login(c, x->prepared, &session, &csrf, &device, &why));
    if (why.code != OK) {
        /* the failure is counted, so the transaction holds; only the answer is a refusal */
        c->err = why;
        c->errors = NULL;
        reply_problem(x);
        err_clear(&c->err);
        return OK;
    }
    const struct login *l = x->prepared;
    TRY(user_load(c, l->user, &c->who));
    set_cookie(x, session);
    set_device(x, device);
    json_object(&c->out, NULL);
    put_user(c, c->who, "user");
    json_text(&c->out, "csrf", csrf);
    json_end_object(&c->out);
    return OK;
}

enum err_code logout_run(struct call *c, struct exchange *x)
{
    x->reply.status = 204;
    set_cookie(x, STR(""));
    return x->session.n ? auth_logout(c, x->session) : OK;
}

enum err_code me_get(struct call *c, struct exchange *x)
{
    json_object(&c->out, NULL);
    put_user(c, c->who, "user");
    json_cstr(&c->out, "via", x->req.shell ? "shell" : c->who->token ? "token" : "session");
    json_text(&c->out, "scopes", c->who->scopes);
    if (x->csrf.n) {
        json_text(&c->out, "csrf", x->csrf);
    }
    json_end_object(&c->out);
    return OK;
}

/* ---- passwords ---- */

static enum err_code sign_in(struct call *c, void *arg)
{
    struct exchange *x = arg;
    struct login *l = x->prepared;

    TRY(api_authenticate(c, x));
    l->email = arena_str(x->mem, c->who->email);
    return l->email.n ? auth_find(c, l) : OK;
}

struct new_password {
    struct login *login; /* of the caller; its proof is needed for his own */
    struct str hash;
};

enum err_code password_prepare(struct call *c, struct exchange *x)
{
    struct login *l = login_of(x, STR(""), input_text(x, "old_password"));
    struct new_password *p = ARENA_NEW(x->mem, struct new_password);

    TRY(input_only(c, x->input, x->route->body));
    TRY(call_read(c, sign_in, x));
    if (l->password.n) {
        auth_prove(l);
    }
    TRY(password_hash(c, input_text(x, "password"), &p->hash));
    p->login = l;
    x->prepared = p;
    return OK;
}

/* What of oneself gives nobody a right. The user of the shell has no record. */
enum err_code me_patch(struct call *c, struct exchange *x)
{
    struct record *r = record_new(c, model_entity(c->model, STR("user")));

    TRY(input_only(c, x->input, x->route->body));
    r->id = c->who->id;
    r->trusted = true;
    TRY(record_fill(c, r, x->input));
    TRY(record_update(c, r));
    x->reply.status = 204;
    return OK;
}

enum err_code password_run(struct call *c, struct exchange *x)
{
    const struct new_password *p = x->prepared;
    const json_t *other = json_object_get(x->input, "user");
    int64_t user = other ? json_integer_value(other) : c->who->id;

    if (c->who->scopes.n || (user != c->who->id && !c->who->admin)) {
        return fail(c, ERR_FORBIDDEN, "user", "only administrators set the passwords of others");
    }
    if (user == c->who->id && !p->login->proven && !x->req.shell) {
        return fail(c, ERR_FORBIDDEN, "old_password", "the old password is wrong");
    }
    x->reply.status = 204;
    return user_set_hash(c, user, p->hash);
}

/* ---- tokens and sessions ---- */

static enum err_code whose(struct call *c, struct exchange *x, int64_t *user)
{
    bool all;

    TRY(param_flag(c, x, "all", &all));
    all = all || !c->who->id;
    *user = all ? 0 : c->who->id;
    if (all && (!c->who->admin || c->who->scopes.n)) {
        return fail(c, ERR_FORBIDDEN, "all", "only administrators see those of others");
    }
    return OK;
}

enum err_code tokens_list(struct call *c, struct exchange *x)
{
    int64_t user;

    TRY(whose(c, x, &user));
    return tokens_json(c, user);
}

enum err_code sessions_list(struct call *c, struct exchange *x)
{
    int64_t user;

    TRY(whose(c, x, &user));
    return sessions_json(c, user);
}

static enum err_code user_by_email(struct call *c, struct str email, int64_t *user)
{
    bool found;

    TRY(db_find(c, user, &found,
        SQL("SELECT \"id\" FROM \"users\" WHERE lower(\"email\") = lower($1) AND"
            " \"deleted_at\" IS NULL"),
        VALS(V(email))));
    return found ? OK : fail(c, ERR_NOT_FOUND, "user", "there is no user %.*s", STR_ARG(email));
}

/* Whom a token is for: the caller, or by id or e-mail another. */
static enum err_code token_user(struct call *c, struct exchange *x, int64_t *user)
{
    const json_t *given = json_object_get(x->input, "user");
    const struct user *him;

    *user = c->who->id;
    if (json_is_string(given)) {
        TRY(user_by_email(c, json_str(given), user));
    } else if (json_is_integer(given)) {
        *user = json_integer_value(given);
    }
    if (!*user) {
        return fail(c, ERR_INVALID, "user", "say for whom");
    }
    if (*user != c->who->id && !c->who->admin) {
        return OK; /* token_create refuses, without a word on whether he exists */
    }
    return user_load(c, *user, &him);
}

enum err_code tokens_post(struct call *c, struct exchange *x)
{
    struct str expires = input_text(x, "expires_at"), token;
    int64_t at = 0, id, user;

    TRY(input_only(c, x->input, x->route->body));
    if (expires.n && !instant_parse(expires, &at)) {
        return fail(c, ERR_INVALID, "expires_at", "expires_at is an instant, 2030-01-31T00:00:00Z");
    }
    TRY(token_user(c, x, &user));
    TRY(token_create(
        c, user, input_text(x, "name"), input_text(x, "scopes"), at, &token, &id));
    json_object(&c->out, NULL);
    json_int(&c->out, "id", id);
    json_int(&c->out, "user", user);
    json_text(&c->out, "name", input_text(x, "name"));
    json_text(&c->out, "scopes", input_text(x, "scopes"));
    json_text(&c->out, "token", token);
    json_end_object(&c->out);
    x->reply.status = 201;
    return OK;
}

enum err_code token_delete(struct call *c, struct exchange *x)
{
    x->reply.status = 204;
    return token_revoke(c, x->record);
}

enum err_code session_delete(struct call *c, struct exchange *x)
{
    x->reply.status = 204;
    return session_end(c, x->record);
}

/* ---- the second factor ---- */

enum err_code totp_post(struct call *c, struct exchange *x)
{
    struct str secret, uri;

    TRY(totp_begin(c, &secret, &uri));
    json_object(&c->out, NULL);
    json_text(&c->out, "secret", secret);
    json_text(&c->out, "uri", uri);
    json_end_object(&c->out);
    x->reply.status = 201;
    return OK;
}

enum err_code totp_put(struct call *c, struct exchange *x)
{
    TRY(input_only(c, x->input, x->route->body));
    x->reply.status = 204;
    return totp_confirm(c, input_text(x, "code"));
}

enum err_code totp_prepare(struct call *c, struct exchange *x)
{
    struct login *l = login_of(x, STR(""), input_text(x, "password"));

    TRY(input_only(c, x->input, x->route->body));
    TRY(call_read(c, sign_in, x));
    auth_prove(l);
    return OK;
}

enum err_code totp_delete(struct call *c, struct exchange *x)
{
    const struct login *l = x->prepared;

    if (!l->proven) {
        return fail(c, ERR_FORBIDDEN, "password", "the password is wrong");
    }
    x->reply.status = 204;
    return totp_remove(c);
}
