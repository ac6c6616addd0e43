/* link.c - seals and opens the tokens of public addresses (libsodium). */

#include "model/link.h"

#include "model/org.h"

#include <sodium.h>
#include <string.h>

enum { TAG = 16, PAYLOAD = 21, TOKEN_MOST = 64 };
enum { KEY_TAG, KEY_CIPHER, KEY_ADDRESS, KEYS };

void link_use_key(struct org *o, const uint8_t key[crypto_kdf_KEYBYTES])
{
    _Static_assert(sizeof o->secret == crypto_kdf_KEYBYTES && sizeof o->link_keys == KEYS * crypto_kdf_KEYBYTES,
        "the key file holds a key of libsodium's size");
    memcpy(o->secret, key, sizeof o->secret);
    for (int i = 0; i < KEYS; i++) {
        (void)crypto_kdf_derive_from_key(o->link_keys[i], crypto_kdf_KEYBYTES, (uint64_t)i + 1, "kithlink", key);
    }
}

struct str link_base(const struct call *c)
{
    struct str base = str_of(c->cfg->base_url);

    if (!base.n) {
        return arena_fmt(c->mem, "http://%s", c->cfg->listen ? c->cfg->listen : "localhost");
    }
    return str_ends(base, STR("/")) ? str_sub(base, 0, base.n - 1) : base;
}

static size_t put_number(uint8_t *out, int64_t v)
{
    uint64_t n = (uint64_t)v;
    size_t i = 0;

    for (; n >= 0x80; n >>= 7) {
        out[i++] = (uint8_t)(n | 0x80);
    }
    out[i++] = (uint8_t)n;
    return i;
}

static bool take_number(const uint8_t *in, size_t n, size_t *at, int64_t *v)
{
    uint64_t out = 0;

    for (int shift = 0; *at < n && shift < 63; shift += 7) {
        uint8_t byte = in[(*at)++];
        out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *v = (int64_t)out;
            return true;
        }
    }
    return false;
}

static void make_tag(const struct org *o, const uint8_t *payload, size_t n, uint8_t tag[TAG])
{
    (void)crypto_generichash(tag, TAG, payload, n, o->link_keys[KEY_TAG], sizeof o->link_keys[KEY_TAG]);
}

static void crypt(const struct org *o, const uint8_t tag[TAG], uint8_t *payload, size_t n)
{
    uint8_t nonce[crypto_stream_xchacha20_NONCEBYTES] = { 0 };

    memcpy(nonce, tag, TAG);
    (void)crypto_stream_xchacha20_xor(payload, payload, n, nonce, o->link_keys[KEY_CIPHER]);
}

struct str link_seal(const struct org *o, struct arena *mem, const struct link *l)
{
    uint8_t bytes[TAG + PAYLOAD];
    uint8_t *payload = bytes + TAG;
    char text[sodium_base64_ENCODED_LEN(sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    size_t n = 0;

    payload[n++] = (uint8_t)l->kind;
    n += put_number(payload + n, l->a);
    n += put_number(payload + n, l->b);
    make_tag(o, payload, n, bytes);
    crypt(o, bytes, payload, n);
    sodium_bin2base64(text, sizeof text, bytes, TAG + n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_str(mem, str_of(text));
}

bool link_open(const struct org *o, struct str token, enum link_kind kind, struct link *out)
{
    uint8_t bytes[TOKEN_MOST], tag[TAG];
    size_t n = 0, at = 1;

    if (token.n > TOKEN_MOST ||
        sodium_base642bin(bytes, sizeof bytes, token.p, token.n, NULL, &n, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n <= TAG || n > TAG + PAYLOAD) {
        return false;
    }
    crypt(o, bytes, bytes + TAG, n - TAG);
    make_tag(o, bytes + TAG, n - TAG, tag);
    if (sodium_memcmp(tag, bytes, TAG) != 0) {
        return false;
    }
    *out = (struct link) { .kind = (enum link_kind)bytes[TAG] };
    return out->kind == kind && take_number(bytes + TAG, n - TAG, &at, &out->a) &&
           take_number(bytes + TAG, n - TAG, &at, &out->b) && at == n - TAG;
}

struct str address_hash(const struct org *o, struct arena *mem, struct str key)
{
    uint8_t hash[32];
    char text[2 * sizeof hash + 1];

    (void)crypto_generichash(
        hash, sizeof hash, (const uint8_t *)key.p, key.n, o->link_keys[KEY_ADDRESS], sizeof o->link_keys[KEY_ADDRESS]);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    return arena_str(mem, str_of(text));
}
