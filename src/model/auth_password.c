/* auth_password.c - passwords, the second factor, sealed secrets. */

#include "model/auth_throttle.h"

#include "base/rand.h"
#include "base/utf8.h"
#include "model/hooks.h"
#include "model/org.h"

#include <ctype.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { TOTP_STEP = 30, TOTP_BYTES = 20, TOTP_DIGITS = 6 };

#ifdef KITH_TESTING
enum { HASH_OPS = crypto_pwhash_OPSLIMIT_MIN, HASH_MEM = crypto_pwhash_MEMLIMIT_MIN };
#else
enum { HASH_OPS = crypto_pwhash_OPSLIMIT_INTERACTIVE,
    HASH_MEM = crypto_pwhash_MEMLIMIT_INTERACTIVE };
#endif

/* ---- passwords ---- */

enum err_code password_hash(struct call *c, struct str password, struct str *hash)
{
    char out[crypto_pwhash_STRBYTES];
    size_t length = utf8_length(password);

    if (!utf8_valid(password, NULL) || length < PASSWORD_LEAST || length > PASSWORD_MOST) {
        return fail(c, ERR_INVALID, "password", "a password has %d to %d characters",
            PASSWORD_LEAST, PASSWORD_MOST);
    }
    if (crypto_pwhash_str(out, password.p, password.n, HASH_OPS, HASH_MEM) != 0) {
        return fail(c, ERR_BUSY, NULL, "there is not enough memory to hash a password now");
    }
    *hash = arena_str(c->mem, str_of(out));
    return OK;
}

enum err_code user_set_hash(struct call *c, int64_t user, struct str hash)
{
    int64_t n;

    TRY(db_changed(c, &n, SQL("UPDATE \"users\" SET \"password_hash\" = $1 WHERE \"id\" = $2"),
        VALS(V(hash), V(user))));
    if (!n) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no user with id %" PRId64, user);
    }
    TRY(db_exec(c, SQL("DELETE FROM \"sessions\" WHERE \"user\" = $1 AND \"id\" <> $2"),
        VALS(V(user), V(c->who->session))));
    return access_after_save(c, NULL, NULL); /* every server forgets whom it knew */
}

enum err_code user_set_password(struct call *c, int64_t user, struct str password)
{
    struct str hash;

    TRY(password_hash(c, password, &hash));
    return user_set_hash(c, user, hash);
}

void auth_prove(struct login *l)
{
    char out[crypto_pwhash_STRBYTES];

    if (l->password.n > PASSWORD_MOST * 4) {
        l->password.n = 0;
    }
    if (!l->hash.n) {
        /* as dear as a look at a real one: the time must not tell who has an account */
        (void)!crypto_pwhash_str(out, "?", 1, HASH_OPS, HASH_MEM);
        l->proven = false;
        return;
    }
    l->proven = crypto_pwhash_str_verify(l->hash.p, l->password.p, l->password.n) == 0;
}

/* ---- sealed secrets ---- */

static void seal_key(const struct call *c, uint8_t *key)
{
    crypto_generichash(key, crypto_secretbox_KEYBYTES, (const uint8_t *)"kith sealed secrets", 19,
        c->org->secret, sizeof c->org->secret);
}

enum err_code secret_seal(struct call *c, struct str plain, struct str *sealed)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    size_t n = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.n;
    uint8_t *box = arena_alloc(c->mem, n);
    size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(c->mem, room);

    seal_key(c, key);
    rand_bytes(box, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(
        box + crypto_secretbox_NONCEBYTES, (const uint8_t *)plain.p, plain.n, box, key);
    sodium_memzero(key, sizeof key);
    sodium_bin2base64(text, room, box, n, sodium_base64_VARIANT_ORIGINAL);
    *sealed = str_of(text);
    return OK;
}

enum err_code secret_open(struct call *c, struct str sealed, struct str *plain)
{
    uint8_t key[crypto_secretbox_KEYBYTES];
    uint8_t *box = arena_alloc(c->mem, sealed.n + 1);
    char *out = arena_alloc(c->mem, sealed.n + 1);
    size_t n = 0, head = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;

    bool good = sodium_base642bin(box, sealed.n + 1, sealed.p, sealed.n, NULL, &n, NULL,
                    sodium_base64_VARIANT_ORIGINAL) == 0 && n >= head;
    seal_key(c, key);
    good = good
        && crypto_secretbox_open_easy((uint8_t *)out, box + crypto_secretbox_NONCEBYTES,
               n - crypto_secretbox_NONCEBYTES, box, key) == 0;
    sodium_memzero(key, sizeof key);
    if (!good) {
        return fail(c, ERR_INTERNAL, NULL, "a secret does not open: is this the right key file?");
    }
    *plain = (struct str) { out, n - head };
    return OK;
}

/* ---- the second factor ---- */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct str to_base32(struct arena *mem, const uint8_t *bytes, size_t n)
{
    char *out = arena_alloc(mem, n * 8 / 5 + 2);
    size_t len = 0;
    unsigned hold = 0, bits = 0;

    for (size_t i = 0; i < n; i++) {
        hold = hold << 8 | bytes[i];
        for (bits += 8; bits >= 5; bits -= 5) {
            out[len++] = base32[hold >> (bits - 5) & 31];
        }
    }
    if (bits) {
        out[len++] = base32[hold << (5 - bits) & 31];
    }
    return (struct str) { out, len };
}

static int32_t totp_code(struct str secret, int64_t step)
{
    uint8_t message[8], mac[20];

    for (int i = 0; i < 8; i++) {
        message[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    }
    if (gnutls_hmac_fast(GNUTLS_MAC_SHA1, secret.p, secret.n, message, sizeof message, mac) != 0) {
        return -1;
    }
    const uint8_t *at = mac + (mac[19] & 15);
    uint32_t n = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return (int32_t)(n % 1000000);
}

/* The step that a code stands for, past the last one used; 0 when it is none. */
static int64_t totp_match(struct str secret, struct str code, int64_t now, int64_t last)
{
    int64_t given, step = now / SECONDS(TOTP_STEP), found = 0;

    if (code.n != TOTP_DIGITS || !isdigit((unsigned char)code.p[0]) || !str_to_int(code, &given)) {
        return 0;
    }
    for (int64_t s = step - 1; s <= step + 1; s++) {
        if (s > last && totp_code(secret, s) == given) {
            found = s;
        }
    }
    return found;
}

static enum err_code own_totp(struct call *c, int64_t user, struct str *secret, int64_t *last)
{
    struct rows rows;
    struct str sealed = STR("");

    *secret = STR("");
    TRY(db_query(c, &rows,
        SQL("SELECT \"totp_secret\", \"totp_last\" FROM \"users\" WHERE \"id\" = $1"),
        VALS(V(user))));
    if (rows_next(&rows)) {
        sealed = col_text(&rows, 0);
        *last = col_int(&rows, 1);
    }
    TRY(rows_end(&rows));
    return sealed.n ? secret_open(c, sealed, secret) : OK;
}

static enum err_code totp_used(struct call *c, int64_t user, int64_t step)
{
    return db_exec(c, SQL("UPDATE \"users\" SET \"totp_last\" = $1 WHERE \"id\" = $2"),
        VALS(V(step), V(user)));
}

enum err_code second_factor(
    struct call *c, const struct login *l, bool *passed, struct err *why)
{
    struct str secret;
    int64_t last = 0;

    TRY(own_totp(c, l->user, &secret, &last));
    *passed = !secret.n;
    if (*passed) {
        return OK;
    }
    if (!l->totp.n) {
        err_set(why, ERR_UNAUTHENTICATED, "totp", "a code from your authenticator is needed");
        return OK;
    }
    TRY(throttle_second_look(c, l, why));
    if (why->code != OK) {
        return OK;
    }
    int64_t step = totp_match(secret, l->totp, c->now, last);
    if (!step) {
        err_set(why, ERR_UNAUTHENTICATED, "totp", "this code is not valid, or was used already");
        return throttle_second_failure(c, l);
    }
    *passed = true;
    return totp_used(c, l->user, step);
}

static struct str pending_name(struct call *c)
{
    return arena_fmt(c->mem, "totp:%" PRId64, c->who->id);
}

static enum err_code person_only(struct call *c)
{
    if (!c->who->id || c->who->scopes.n) {
        return fail(c, ERR_FORBIDDEN, NULL, "only a person can set up a second factor");
    }
    return OK;
}

enum err_code totp_begin(struct call *c, struct str *secret, struct str *uri)
{
    uint8_t raw[TOTP_BYTES];
    struct str sealed;

    TRY(person_only(c));
    rand_bytes(raw, sizeof raw);
    TRY(secret_seal(c, (struct str) { (char *)raw, sizeof raw }, &sealed));
    TRY(db_exec(c,
        SQL("INSERT INTO \"secrets\" (\"name\", \"sealed\") VALUES ($1, $2) ON CONFLICT (\"name\")"
            " DO UPDATE SET \"sealed\" = excluded.\"sealed\""),
        VALS(V(pending_name(c)), V(sealed))));
    *secret = to_base32(c->mem, raw, sizeof raw);
    *uri = arena_fmt(c->mem, "otpauth://totp/Kith:%.*s?secret=%.*s&issuer=Kith",
        STR_ARG(c->who->email), STR_ARG(*secret));
    return OK;
}

enum err_code totp_confirm(struct call *c, struct str code)
{
    struct str sealed, secret;

    TRY(person_only(c));
    TRY(db_text(c, &sealed, SQL("SELECT \"sealed\" FROM \"secrets\" WHERE \"name\" = $1"),
        VALS(V(pending_name(c)))));
    if (!sealed.n) {
        return fail(c, ERR_CONFLICT, NULL, "no second factor is being set up");
    }
    TRY(secret_open(c, sealed, &secret));
    int64_t step = totp_match(secret, code, c->now, 0);
    if (!step) {
        return fail(c, ERR_INVALID, "code", "this code does not fit; is the clock of your device right?");
    }
    TRY(db_exec(c, SQL("UPDATE \"users\" SET \"totp_secret\" = $1 WHERE \"id\" = $2"),
        VALS(V(sealed), V(c->who->id))));
    TRY(db_exec(c, SQL("DELETE FROM \"secrets\" WHERE \"name\" = $1"), VALS(V(pending_name(c)))));
    return totp_used(c, c->who->id, step);
}

enum err_code totp_remove(struct call *c)
{
    TRY(person_only(c));
    return db_exec(c, SQL("UPDATE \"users\" SET \"totp_secret\" = NULL WHERE \"id\" = $1"),
        VALS(V(c->who->id)));
}
