/* dkim.c - canonical forms and signature (GnuTLS for RSA, libsodium for SHA-256).
 *
 * Both one-click headers are signed, as RFC 8058 asks. The signature's own header stands in front of the others with an
 * empty b=, without a line end, when it is signed. */

#include "domain/message/dkim.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { BITS = 2048, KEY_TEXT = 8 << 10 };

struct dkim_key {
    gnutls_privkey_t key;
};

static enum err_code failed(struct err *e, const char *what, int code)
{
    return err_set(e, ERR_INVALID, "key", "%s: %s", what, gnutls_strerror(code));
}

static void give_back(void *arg)
{
    gnutls_privkey_deinit(arg);
}

enum err_code dkim_generate(struct arena *mem, struct str *pem, struct err *e)
{
    gnutls_x509_privkey_t key;
    char text[KEY_TEXT];
    size_t n = sizeof text;
    int code = gnutls_x509_privkey_init(&key);

    if (code != 0) {
        return failed(e, "no key can be made", code);
    }
    code = gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, BITS, 0);
    if (code == 0) {
        code = gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, text, &n);
    }
    gnutls_x509_privkey_deinit(key);
    if (code != 0) {
        return failed(e, "no key can be made", code);
    }
    *pem = arena_str(mem, (struct str) { text, n });
    return OK;
}

enum err_code dkim_open(struct arena *mem, struct str pem, struct dkim_key **out, struct err *e)
{
    gnutls_datum_t data = { (unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n };
    struct dkim_key *k = ARENA_NEW(mem, struct dkim_key);
    int code = gnutls_privkey_init(&k->key);

    if (code != 0) {
        return failed(e, "the key cannot be used", code);
    }
    arena_defer(mem, give_back, k->key);
    code = gnutls_privkey_import_x509_raw(k->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code == 0 && gnutls_privkey_get_pk_algorithm(k->key, NULL) != GNUTLS_PK_RSA) {
        return err_set(e, ERR_INVALID, "key", "a key for mail is an RSA key");
    }
    *out = k;
    return code == 0 ? OK : failed(e, "the key cannot be read", code);
}

static struct str base64(struct arena *mem, const unsigned char *bytes, size_t n)
{
    size_t room = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(mem, room);

    sodium_bin2base64(text, room, bytes, n, sodium_base64_VARIANT_ORIGINAL);
    return str_of(text);
}

enum err_code dkim_record(struct arena *mem, const struct dkim_key *key, struct str *record, struct err *e)
{
    gnutls_pubkey_t public;
    unsigned char der[2048];
    size_t n = sizeof der;
    int code = gnutls_pubkey_init(&public);

    if (code != 0) {
        return failed(e, "the key cannot be used", code);
    }
    code = gnutls_pubkey_import_privkey(public, key->key, 0, 0);
    if (code == 0) {
        code = gnutls_pubkey_export(public, GNUTLS_X509_FMT_DER, der, &n);
    }
    gnutls_pubkey_deinit(public);
    if (code != 0) {
        return failed(e, "the key cannot be used", code);
    }
    *record = arena_fmt(mem, "v=DKIM1; k=rsa; p=%.*s", STR_ARG(base64(mem, der, n)));
    return OK;
}

/* ---- canonical forms ---- */

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

/* Lines without blanks at their ends, runs of blanks as one, no empty lines at the end (RFC 6376, 3.4.4). */
static void hash_body(struct arena *mem, struct str body, unsigned char hash[crypto_hash_sha256_BYTES])
{
    struct buf out;
    size_t kept = 0;

    buf_init(&out, mem, body.n + 8);
    for (size_t i = 0; i < body.n; i++) {
        char ch = body.p[i];
        if (ch == '\n' || (ch == '\r' && i + 1 < body.n && body.p[i + 1] == '\n')) {
            i += ch == '\r';
            buf_lit(&out, "\r\n");
            continue;
        }
        if (is_blank(ch)) {
            size_t next = i;
            while (next < body.n && is_blank(body.p[next])) {
                next++;
            }
            bool ends = next == body.n || body.p[next] == '\r' || body.p[next] == '\n';
            if (!ends) {
                buf_byte(&out, ' ');
            }
            i = next - 1;
            continue;
        }
        buf_byte(&out, ch);
        kept = out.n;
    }
    out.n = kept;
    if (kept) {
        buf_lit(&out, "\r\n");
    }
    crypto_hash_sha256(hash, (const unsigned char *)out.p, out.n);
}

/* "Subject:  A\r\n B" as "subject:A B". */
static void add_header(struct buf *out, struct str header)
{
    ptrdiff_t colon = str_find_byte(header, ':');
    struct str value = str_trim(str_sub(header, (size_t)colon + 1, header.n));
    bool blank = false;

    for (ptrdiff_t i = 0; i < colon; i++) {
        char ch = header.p[i];
        if (!is_blank(ch)) {
            buf_byte(out, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
        }
    }
    buf_byte(out, ':');
    for (size_t i = 0; i < value.n; i++) {
        char ch = value.p[i];
        if (is_blank(ch)) {
            blank = true;
        } else if (ch != '\r' && ch != '\n') {
            if (blank) {
                buf_byte(out, ' ');
            }
            blank = false;
            buf_byte(out, ch);
        }
    }
}

/* The next header with the lines that belong to it, without its line end; false at the empty line. */
static bool next_header(struct str *rest, struct str *header)
{
    size_t i = 0;

    if (!rest->n || str_starts(*rest, STR("\r\n"))) {
        return false;
    }
    for (;;) {
        ptrdiff_t end = str_find(str_sub(*rest, i, rest->n), STR("\r\n"));
        if (end < 0) {
            return false;
        }
        i += (size_t)end + 2;
        if (i >= rest->n || !is_blank(rest->p[i])) {
            break;
        }
    }
    *header = str_sub(*rest, 0, i - 2);
    *rest = str_sub(*rest, i, rest->n);
    return true;
}

static bool is_signed(struct str header)
{
    static const char *const names[] = { "from", "to", "reply-to", "subject", "date", "message-id", "list-unsubscribe",
        "list-unsubscribe-post", "mime-version", "content-type", NULL };
    ptrdiff_t colon = str_find_byte(header, ':');

    for (int i = 0; colon > 0 && names[i]; i++) {
        if (str_eq_nocase(str_sub(header, 0, (size_t)colon), str_of(names[i]))) {
            return true;
        }
    }
    return false;
}

enum err_code dkim_sign(const struct dkim_key *key, struct str domain, struct str selector, int64_t at,
    struct str message, struct buf *header, struct err *e)
{
    struct arena *mem = header->mem;
    unsigned char hash[crypto_hash_sha256_BYTES];
    struct str rest = message, one;
    struct buf text, names;
    gnutls_datum_t data, signature = { NULL, 0 };

    buf_init(&text, mem, 64 << 10);
    buf_init(&names, mem, 1000);
    while (next_header(&rest, &one)) {
        if (!is_signed(one)) {
            continue;
        }
        add_header(&text, one);
        buf_lit(&text, "\r\n");
        buf_lit(&names, names.n ? ":" : "");
        buf_add(&names, str_sub(one, 0, (size_t)str_find_byte(one, ':')));
    }
    hash_body(mem, str_sub(rest, 2, rest.n), hash);
    struct str own = arena_fmt(mem,
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%.*s; s=%.*s;\r\n t=%" PRId64 "; h=%.*s;\r\n bh=%.*s;\r\n b=",
        STR_ARG(domain), STR_ARG(selector), at / 1000000, STR_ARG(buf_str(&names)),
        STR_ARG(base64(mem, hash, sizeof hash)));
    add_header(&text, own);
    TRY(buf_status(&text, e));
    data = (gnutls_datum_t) { (unsigned char *)text.p, (unsigned)text.n };
    int code = gnutls_privkey_sign_data2(key->key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature);
    if (code != 0) {
        return failed(e, "the mail cannot be signed", code);
    }
    struct str b = base64(mem, signature.data, signature.size);
    gnutls_free(signature.data);
    buf_add(header, own);
    for (size_t i = 0; i < b.n; i += 72) {
        buf_lit(header, i ? "\r\n  " : "");
        buf_add(header, str_sub(b, i, 72));
    }
    buf_lit(header, "\r\n");
    return buf_status(header, e);
}
