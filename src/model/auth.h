/* auth.h - who is calling: passwords, sessions, tokens, second factor, throttling. */

#ifndef MODEL_AUTH_H
#define MODEL_AUTH_H

#include "model/access.h"

enum { SESSION_BYTES = 32, TOKEN_BYTES = 32 };

/* Argon2id (libsodium, interactive limits; testing builds take the least). 10 to 200 characters. */
MUST_CHECK enum err_code password_hash(struct call *c, struct str password, struct str *hash);
MUST_CHECK enum err_code user_set_password(struct call *c, int64_t user, struct str password);

struct login {
    struct str email, password, totp; /* totp empty when not given */
    struct str address, agent;        /* of the client */
};
/* Throttled per address and per e-mail: ERR_RATE after 10 failures in 15 minutes, growing. The same
 * message and time whether the user exists or not. A user with a second factor and no totp gets
 * ERR_UNAUTHENTICATED with field "totp". On OK: the session's secret and CSRF token. Write call. */
MUST_CHECK enum err_code auth_login(
    struct call *c, const struct login *l, struct str *session, struct str *csrf);
MUST_CHECK enum err_code auth_logout(struct call *c, struct str session);
/* Read calls; *who in the call's arena. Looked up by hash, cached. ERR_UNAUTHENTICATED otherwise.
 * Sessions end 12 hours after the last use, 30 days after the start. */
MUST_CHECK enum err_code auth_session(
    struct call *c, struct str session, struct str *csrf, const struct user **who);
MUST_CHECK enum err_code auth_token(struct call *c, struct str token, const struct user **who);
/* Gives "kith_..." once; only its hash is kept. expires_at 0 for never. scopes as in struct user. */
MUST_CHECK enum err_code token_create(struct call *c, int64_t user, struct str name,
    struct str scopes, int64_t expires_at, struct str *token, int64_t *id);
MUST_CHECK enum err_code token_revoke(struct call *c, int64_t id); /* own, or administrator */
MUST_CHECK enum err_code tokens_json(struct call *c, int64_t user);
MUST_CHECK enum err_code sessions_json(struct call *c, int64_t user);
/* RFC 6238, 30 s, 6 digits, one step either way, each code once. */
MUST_CHECK enum err_code totp_begin(struct call *c, struct str *secret, struct str *uri);
MUST_CHECK enum err_code totp_confirm(struct call *c, struct str code);
MUST_CHECK enum err_code totp_remove(struct call *c, struct str password);

/* Secrets (settings marked so, TOTP) sealed with the installation's key. */
MUST_CHECK enum err_code secret_seal(struct call *c, struct str plain, struct str *sealed);
MUST_CHECK enum err_code secret_open(struct call *c, struct str sealed, struct str *plain);

#endif
