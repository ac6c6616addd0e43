/* idempotency.c - the same request sent twice has one effect.
 *
 * The key's row is made first, in the transaction of the effect: a second request with the same key
 * waits for the first one's end and then finds its answer. A failed request leaves no row, so it may be
 * tried again. Keys belong to a caller and last 24 hours. */

#include "http/api.h"

#include <sodium.h>
#include <string.h>

static const int64_t life = DAYS(1);
enum { KEY_MAX = 200, HASH = 32, HASH_TEXT = 65 };

static void hash_parts(char *out, const struct str *parts, int n)
{
    crypto_generichash_state state;
    uint8_t hash[HASH];

    crypto_generichash_init(&state, NULL, 0, HASH);
    for (int i = 0; i < n; i++) {
        uint64_t length = parts[i].n;
        crypto_generichash_update(&state, (const uint8_t *)&length, sizeof length);
        crypto_generichash_update(&state, (const uint8_t *)parts[i].p, parts[i].n);
    }
    crypto_generichash_final(&state, hash, HASH);
    sodium_bin2hex(out, HASH_TEXT, hash, HASH);
}

struct kept {
    char key[HASH_TEXT], request[HASH_TEXT];
    struct str given; /* of the stored request */
    int64_t status;
    struct str body;
};

static enum err_code claim(struct call *c, struct kept *k, bool *mine)
{
    int64_t n;

    TRY(db_exec(c,
        SQL("DELETE FROM \"idempotency_keys\" WHERE \"key\" IN (SELECT \"key\" FROM"
            " \"idempotency_keys\" WHERE \"at\" < $1 ORDER BY \"at\" LIMIT 20)"),
        VALS(V(c->now - life))));
    TRY(db_exec(c, SQL("DELETE FROM \"idempotency_keys\" WHERE \"key\" = $1 AND \"at\" < $2"),
        VALS(V(k->key), V(c->now - life))));
    TRY(db_changed(c, &n,
        SQL("INSERT INTO \"idempotency_keys\" (\"key\", \"request\", \"status\", \"at\") VALUES"
            " ($1, $2, 0, $3) ON CONFLICT (\"key\") DO NOTHING"),
        VALS(V(k->key), V(k->request), V(c->now))));
    *mine = n > 0;
    return OK;
}

/* Status, ETag, Location and body in one text, a line each for the first two. */
static enum err_code keep_answer(struct call *c, struct exchange *x, const struct kept *k)
{
    struct str location = STR(""), body = x->reply.body;
    struct buf all;

    for (int i = 0; i < x->reply.nheaders; i++) {
        if (strcmp(x->reply.headers[i].name, "Location") == 0) {
            location = x->reply.headers[i].value;
        }
    }
    if (!body.n) {
        body = buf_str(&c->body);
    }
    buf_init(&all, c->mem, BODY_MAX);
    buf_fmt(&all, "%.*s\n%.*s\n", STR_ARG(x->reply.etag), STR_ARG(location));
    buf_add(&all, body);
    return db_exec(c,
        SQL("UPDATE \"idempotency_keys\" SET \"status\" = $1, \"body\" = $2 WHERE \"key\" = $3"),
        VALS(V((int64_t)(x->reply.status ? x->reply.status : 200)), V(buf_str(&all)), V(k->key)));
}

static enum err_code answer_again(struct call *c, struct exchange *x, struct kept *k)
{
    struct rows rows;
    struct str etag = STR(""), location = STR("");

    TRY(db_query(c, &rows,
        SQL("SELECT \"request\", \"status\", \"body\" FROM \"idempotency_keys\" WHERE \"key\" = $1"),
        VALS(V(k->key))));
    if (rows_next(&rows)) {
        k->given = col_text(&rows, 0);
        k->status = col_int(&rows, 1);
        k->body = col_text(&rows, 2);
    }
    TRY(rows_end(&rows));
    if (!str_is(k->given, k->request)) {
        return fail(c, ERR_INVALID, "Idempotency-Key",
            "this key came with another request before; take a new one");
    }
    (void)str_split(&k->body, '\n', &etag);
    (void)str_split(&k->body, '\n', &location);
    x->reply.status = (int)k->status;
    x->reply.etag = etag;
    x->reply.body = k->body;
    if (location.n) {
        reply_header(x, "Location", location);
    }
    reply_header(x, "Idempotent-Replayed", STR("true"));
    return OK;
}

enum err_code idempotent_run(struct call *c, struct exchange *x)
{
    struct str given = x->req.headers[H_IDEMPOTENCY_KEY];
    struct kept k = { .given = STR("") };
    bool mine;

    if (given.n > KEY_MAX) {
        return fail(c, ERR_INVALID, "Idempotency-Key", "a key has at most %d bytes", KEY_MAX);
    }
    if (x->route->flags & ROUTE_SECRET) {
        return fail(c, ERR_INVALID, "Idempotency-Key",
            "this answer holds a secret, which is not kept for a second time");
    }
    /* of this token or session: another of the same user may be allowed less */
    struct str who = arena_fmt(c->mem, "%lld.%lld.%lld", (long long)c->who->id,
        (long long)c->who->token, (long long)c->who->session);
    hash_parts(k.key, (const struct str[]) { who, given }, 2);
    hash_parts(k.request,
        (const struct str[]) { str_of(method_name(x->req.method)), x->req.target, x->req.body }, 3);
    TRY(claim(c, &k, &mine));
    if (!mine) {
        return answer_again(c, x, &k);
    }
    TRY(x->route->run(c, x));
    return keep_answer(c, x, &k);
}
