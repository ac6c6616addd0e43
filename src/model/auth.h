/* auth.h - who is calling: passwords, sessions, tokens, second factor, throttling.
 *
 * Secrets are never stored: of tokens and sessions only a hash is kept. What was looked up stays in a
 * small cache of the organisation until something about rights changes (access_changed), so that a
 * warm request needs no database for it. */

#ifndef MODEL_AUTH_H
#define MODEL_AUTH_H

#include "model/access.h"

enum { SESSION_BYTES = 32, TOKEN_BYTES = 32, PASSWORD_LEAST = 10, PASSWORD_MOST = 200 };

/* Argon2id (libsodium, interactive limits; testing builds take the least). 10 to 200 characters.
 * Takes long and needs no database: call it outside of a transaction. */
MUST_CHECK enum err_code password_hash(struct call *c, struct str password, struct str *hash);
/* Stores it and ends the user's sessions but the caller's own. */
MUST_CHECK enum err_code user_set_hash(struct call *c, int64_t user, struct str hash);
MUST_CHECK enum err_code user_set_password(struct call *c, int64_t user, struct str password);

/* Signing in takes three steps, because proving a password takes long and must hold up no
 * transaction. The same message and time whether the user exists or not. */
struct login {
    struct str email, password, totp; /* totp empty when not given */
    struct str address, agent;        /* of the client */
    struct str device_cookie;         /* as it came, empty for none */
    /* filled by auth_find and auth_prove, in the call's arena */
    int64_t user;
    struct str hash;
    bool proven;
    struct str device; /* one that this user signed in from before; empty for none */
};
/* Read call. ERR_RATE after too many failures (auth_throttle.c). */
MUST_CHECK enum err_code auth_find(struct call *c, struct login *l);
/* No call, tens of milliseconds. */
void auth_prove(struct login *l);
/* Write call. A refusal is noted and so must be committed: then OK with *session empty, and *why tells
 * the error to answer. *device is the new value of the device's cookie. A user with a second factor and no totp gets field "totp". */
MUST_CHECK enum err_code auth_login(struct call *c, const struct login *l, struct str *session,
    struct str *csrf, struct str *device, struct err *why);
MUST_CHECK enum err_code auth_logout(struct call *c, struct str session);
/* Ends one session by id: own, or any for administrators. */
MUST_CHECK enum err_code session_end(struct call *c, int64_t id);

/* Any call; *who in the call's arena. ERR_UNAUTHENTICATED otherwise. Sessions end 12 hours after the
 * last use, 30 days after the start. */
MUST_CHECK enum err_code auth_session(
    struct call *c, struct str session, struct str *csrf, const struct user **who);
MUST_CHECK enum err_code auth_token(struct call *c, struct str token, const struct user **who);
/* Whether auth_session or auth_token, and the rights behind, would be answered without a database. */
bool auth_is_warm(struct call *c, struct str secret);
/* What was used since the last time is noted together, once a minute, and not by each request. */
bool auth_has_marks(struct org *o);
MUST_CHECK enum err_code auth_write_marks(struct call *c);

/* Gives "kith_..." once; only its hash is kept. expires_at 0 for never. scopes as in struct user. */
MUST_CHECK enum err_code token_create(struct call *c, int64_t user, struct str name,
    struct str scopes, int64_t expires_at, struct str *token, int64_t *id);
MUST_CHECK enum err_code token_revoke(struct call *c, int64_t id); /* own, or administrator */
/* {"items": [...]} into c->out. */
MUST_CHECK enum err_code tokens_json(struct call *c, int64_t user);
MUST_CHECK enum err_code sessions_json(struct call *c, int64_t user);

/* RFC 6238, SHA-1, 30 s, 6 digits, one step either way, each code once. */
MUST_CHECK enum err_code totp_begin(struct call *c, struct str *secret, struct str *uri);
MUST_CHECK enum err_code totp_confirm(struct call *c, struct str code);
/* The caller's own; the password must have been proven (auth_find, auth_prove) before. */
MUST_CHECK enum err_code totp_remove(struct call *c);

/* Secrets (settings marked so, TOTP) sealed with the installation's key. */
MUST_CHECK enum err_code secret_seal(struct call *c, struct str plain, struct str *sealed);
MUST_CHECK enum err_code secret_open(struct call *c, struct str sealed, struct str *plain);

/* Random bytes as URL-safe base64 without padding. */
struct str secret_text(struct arena *mem, size_t bytes);

struct auth_cache;
struct auth_cache *auth_cache_create(void);
void auth_cache_destroy(struct auth_cache *cache); /* NULL is allowed */

#endif
