/* auth.c - sessions and tokens: made, looked up, ended.
 *
 * The cache holds what a lookup found under the version of rights it was read with; the version is
 * taken before the lookup, so what was revoked meanwhile is stale from the start. On PostgreSQL other
 * servers revoke too: an entry is looked up again after a minute there. */

#include "model/auth.h"

#include "base/rand.h"
#include "model/auth_throttle.h"
#include "model/hooks.h"
#include "model/org.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024, HASH = 32, HASH_TEXT = 65, CSRF_MAX = 48, SCOPES_MAX = 200 };

static const int64_t session_idle = HOURS(12), session_life = DAYS(30);

struct entry {
    uint8_t hash[HASH];
    bool taken, is_token, marked;
    int64_t user, id, expires_at, seen_at, kept_at;
    int64_t access_version, model_version;
    char csrf[CSRF_MAX], scopes[SCOPES_MAX];
};

struct auth_cache {
    pthread_mutex_t lock;
    struct entry slots[SLOTS];
};

struct auth_cache *auth_cache_create(void)
{
    struct auth_cache *cache = calloc(1, sizeof *cache);

    if (!cache || sodium_init() < 0) {
        abort();
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void auth_cache_destroy(struct auth_cache *cache)
{
    if (!cache) {
        return;
    }
    pthread_mutex_destroy(&cache->lock);
    sodium_memzero(cache, sizeof *cache);
    free(cache);
}

struct str secret_text(struct arena *mem, size_t bytes)
{
    uint8_t raw[64];
    char text[100];

    rand_bytes(raw, bytes);
    sodium_bin2base64(text, sizeof text, raw, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(raw, sizeof raw);
    return arena_str(mem, str_of(text));
}

static void hash_secret(struct str secret, uint8_t *hash, char *text)
{
    crypto_generichash(hash, HASH, (const uint8_t *)secret.p, secret.n, NULL, 0);
    if (text) {
        sodium_bin2hex(text, HASH_TEXT, hash, HASH);
    }
}

/* ---- the cache ---- */

static int64_t rights_version(const struct org *o)
{
    return __atomic_load_n(&o->access_version, __ATOMIC_ACQUIRE);
}

static struct entry *slot_of(struct auth_cache *cache, const uint8_t *hash)
{
    uint64_t n;

    memcpy(&n, hash, sizeof n);
    return &cache->slots[n % SLOTS];
}

static bool expired(const struct entry *e, int64_t now)
{
    bool idle = !e->is_token && now > e->seen_at + session_idle;

    return idle || (e->expires_at && now >= e->expires_at);
}

static bool usable(const struct call *c, const struct entry *e, const uint8_t *hash)
{
    bool shared = c->org->db.backend == DB_POSTGRES;

    return e->taken && sodium_memcmp(e->hash, hash, HASH) == 0
        && e->access_version == rights_version(c->org) && !expired(e, c->now)
        && !(shared && c->now > e->kept_at + MINUTES(1));
}

static bool from_cache(struct call *c, const uint8_t *hash, bool is_token, struct entry *out)
{
    struct auth_cache *cache = c->org->auth;

    pthread_mutex_lock(&cache->lock);
    struct entry *e = slot_of(cache, hash);
    bool found = usable(c, e, hash) && e->is_token == is_token;
    if (found) {
        e->marked = e->marked || c->now > e->seen_at + MINUTES(1);
        *out = *e;
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void into_cache(struct call *c, const struct entry *e)
{
    struct auth_cache *cache = c->org->auth;

    pthread_mutex_lock(&cache->lock);
    struct entry *slot = slot_of(cache, e->hash);
    *slot = *e;
    slot->taken = true;
    slot->kept_at = c->now;
    slot->marked = c->now > e->seen_at + MINUTES(1);
    pthread_mutex_unlock(&cache->lock);
}

bool auth_is_warm(struct call *c, struct str secret)
{
    struct auth_cache *cache = c->org->auth;
    uint8_t hash[HASH];

    hash_secret(secret, hash, NULL);
    pthread_mutex_lock(&cache->lock);
    struct entry *e = slot_of(cache, hash);
    bool warm = usable(c, e, hash) && e->model_version == c->model->version;
    pthread_mutex_unlock(&cache->lock);
    return warm;
}

/* ---- looking up ---- */

static void copy_text(char *out, size_t room, struct str s)
{
    size_t n = s.n < room ? s.n : room - 1;

    memcpy(out, s.p, n);
    out[n] = '\0';
}

static enum err_code find_session(struct call *c, const char *hash, struct entry *e, bool *found)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"user\", \"expires_at\", \"seen_at\", \"csrf\" FROM \"sessions\""
            " WHERE \"hash\" = $1"),
        VALS(V(hash))));
    *found = rows_next(&rows);
    if (*found) {
        e->id = col_int(&rows, 0);
        e->user = col_int(&rows, 1);
        e->expires_at = col_int(&rows, 2);
        e->seen_at = col_int(&rows, 3);
        copy_text(e->csrf, sizeof e->csrf, stmt_text(rows.st, 4));
    }
    return rows_end(&rows);
}

static enum err_code find_token(
    struct call *c, const char *hash, struct entry *e, struct str *scopes, bool *found)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"user\", \"expires_at\", \"used_at\", \"scopes\" FROM \"tokens\""
            " WHERE \"hash\" = $1 AND \"revoked_at\" IS NULL"),
        VALS(V(hash))));
    *found = rows_next(&rows);
    if (*found) {
        e->id = col_int(&rows, 0);
        e->user = col_int(&rows, 1);
        e->expires_at = col_int(&rows, 2);
        e->seen_at = col_int(&rows, 3);
        *scopes = col_text(&rows, 4);
    }
    return rows_end(&rows);
}

static enum err_code refuse(struct call *c, bool is_token)
{
    return fail(c, ERR_UNAUTHENTICATED, NULL,
        is_token ? "this token is not known, or was revoked, or has run out"
                 : "this session has ended; sign in again");
}

/* Fills e and scopes from the cache or the database, and the user with rights. */
static enum err_code look_up(struct call *c, struct str secret, bool is_token, struct entry *e,
    struct str *scopes, const struct user **user)
{
    char text[HASH_TEXT];
    uint8_t hash[HASH];
    bool found = false;

    hash_secret(secret, hash, text);
    if (from_cache(c, hash, is_token, e)) {
        *scopes = arena_str(c->mem, str_of(e->scopes));
        TRY(user_load(c, e->user, user));
        if (e->model_version != c->model->version) {
            e->model_version = c->model->version;
            into_cache(c, e);
        }
        return OK;
    }
    *e = (struct entry) { .is_token = is_token, .access_version = rights_version(c->org),
        .model_version = c->model->version };
    memcpy(e->hash, hash, HASH);
    TRY(is_token ? find_token(c, text, e, scopes, &found) : find_session(c, text, e, &found));
    if (!found || expired(e, c->now)) {
        return refuse(c, is_token);
    }
    TRY(user_load(c, e->user, user));
    if (scopes->n < sizeof e->scopes) {
        copy_text(e->scopes, sizeof e->scopes, *scopes);
        into_cache(c, e);
    }
    return OK;
}

enum err_code auth_session(
    struct call *c, struct str session, struct str *csrf, const struct user **who)
{
    struct entry e;
    struct str scopes = STR("");
    const struct user *user;

    TRY(look_up(c, session, false, &e, &scopes, &user));
    struct user *mine = ARENA_NEW(c->mem, struct user);
    *mine = *user;
    mine->session = e.id;
    *csrf = arena_str(c->mem, str_of(e.csrf));
    *who = mine;
    return OK;
}

enum err_code auth_token(struct call *c, struct str token, const struct user **who)
{
    struct entry e;
    struct str scopes = STR("");
    const struct user *user;

    TRY(look_up(c, token, true, &e, &scopes, &user));
    struct user *mine = ARENA_NEW(c->mem, struct user);
    *mine = *user;
    mine->token = e.id;
    mine->scopes = scopes;
    *who = mine;
    return OK;
}

/* ---- marks of use ---- */

bool auth_has_marks(struct org *o)
{
    bool any = false;

    pthread_mutex_lock(&o->auth->lock);
    for (int i = 0; i < SLOTS && !any; i++) {
        any = o->auth->slots[i].taken && o->auth->slots[i].marked;
    }
    pthread_mutex_unlock(&o->auth->lock);
    return any;
}

static enum err_code write_mark(struct call *c, const struct entry *e)
{
    if (e->is_token) {
        TRY(db_exec(c, SQL("UPDATE \"tokens\" SET \"used_at\" = $1 WHERE \"id\" = $2"),
            VALS(V(c->now), V(e->id))));
    } else {
        TRY(db_exec(c, SQL("UPDATE \"sessions\" SET \"seen_at\" = $1 WHERE \"id\" = $2"),
            VALS(V(c->now), V(e->id))));
    }
    return db_exec(c, SQL("UPDATE \"users\" SET \"last_seen_at\" = $1 WHERE \"id\" = $2"),
        VALS(V(c->now), V(e->user)));
}

struct marks {
    int64_t at;
    size_t n;
    struct entry list[SLOTS];
    int slot[SLOTS];
};

/* Only now: a write that was undone is done again, by the writer or a minute later. */
static void marks_are_written(struct org *o, void *arg)
{
    const struct marks *m = arg;

    pthread_mutex_lock(&o->auth->lock);
    for (size_t i = 0; i < m->n; i++) {
        struct entry *e = &o->auth->slots[m->slot[i]];
        if (e->taken && e->id == m->list[i].id && e->is_token == m->list[i].is_token) {
            e->marked = false;
            e->seen_at = m->at;
        }
    }
    pthread_mutex_unlock(&o->auth->lock);
}

enum err_code auth_write_marks(struct call *c)
{
    struct marks *m = ARENA_NEW(c->mem, struct marks);

    m->at = c->now;
    pthread_mutex_lock(&c->org->auth->lock);
    for (int i = 0; i < SLOTS; i++) {
        const struct entry *e = &c->org->auth->slots[i];
        if (e->taken && e->marked) {
            m->slot[m->n] = i;
            m->list[m->n++] = *e;
        }
    }
    pthread_mutex_unlock(&c->org->auth->lock);
    for (size_t i = 0; i < m->n; i++) {
        TRY(write_mark(c, &m->list[i]));
    }
    call_after_commit(c, marks_are_written, m);
    return OK;
}

/* ---- signing in and out ---- */

enum err_code auth_find(struct call *c, struct login *l)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"password_hash\" FROM \"users\" WHERE lower(\"email\") = lower($1)"
            " AND \"active\" = 1 AND \"deleted_at\" IS NULL"),
        VALS(V(l->email))));
    if (rows_next(&rows) && !col_null(&rows, 1)) {
        l->user = col_int(&rows, 0);
        l->hash = col_text(&rows, 1);
    }
    TRY(rows_end(&rows));
    device_recognise(c, l);
    return throttle_look(c, l);
}

static enum err_code open_session(
    struct call *c, const struct login *l, struct str *session, struct str *csrf)
{
    char text[HASH_TEXT];
    uint8_t hash[HASH];

    *session = secret_text(c->mem, SESSION_BYTES);
    *csrf = secret_text(c->mem, 24);
    hash_secret(*session, hash, text);
    TRY(db_exec(c, SQL("DELETE FROM \"sessions\" WHERE \"expires_at\" < $1"), VALS(V(c->now))));
    return db_exec(c,
        SQL("INSERT INTO \"sessions\" (\"hash\", \"user\", \"created_at\", \"seen_at\","
            " \"expires_at\", \"csrf\", \"agent\", \"address\", \"passed\")"
            " VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 1)"),
        VALS(V(text), V(l->user), V(c->now), V(c->now + session_life), V(*csrf),
            V(str_sub(l->agent, 0, 200)), V(l->address)));
}

enum err_code auth_login(struct call *c, const struct login *l, struct str *session,
    struct str *csrf, struct str *device, struct err *why)
{
    bool passed;

    *session = *device = STR("");
    err_clear(why);
    if (!l->user || !l->proven) {
        err_set(why, ERR_UNAUTHENTICATED, NULL, "the e-mail address or the password is wrong");
        return throttle_failure(c, l);
    }
    TRY(second_factor(c, l, &passed, why));
    if (!passed) {
        return l->totp.n && why->code != ERR_RATE ? throttle_failure(c, l) : OK;
    }
    TRY(throttle_clear(c, l));
    *device = device_cookie(c, l);
    return open_session(c, l, session, csrf);
}

enum err_code auth_logout(struct call *c, struct str session)
{
    char text[HASH_TEXT];
    uint8_t hash[HASH];

    hash_secret(session, hash, text);
    TRY(db_exec(c, SQL("DELETE FROM \"sessions\" WHERE \"hash\" = $1"), VALS(V(text))));
    return access_after_save(c, NULL, NULL); /* every server forgets whom it knew */
}

static bool is_administrator(const struct call *c)
{
    return c->who->admin && !c->who->scopes.n;
}

enum err_code session_end(struct call *c, int64_t id)
{
    int64_t n, any = is_administrator(c);

    TRY(db_changed(c, &n,
        SQL("DELETE FROM \"sessions\" WHERE \"id\" = $1 AND (\"user\" = $2 OR $3 = 1)"),
        VALS(V(id), V(c->who->id), V(any))));
    if (!n) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no session with id %" PRId64, id);
    }
    return access_after_save(c, NULL, NULL); /* every server forgets whom it knew */
}

/* ---- tokens ---- */

static bool scope_known(const struct call *c, struct str one)
{
    struct str entity;

    if (str_is(one, "*") || str_is(one, "read") || str_is(one, "write")) {
        return true;
    }
    if (!str_split(&one, ':', &entity) || !(str_is(one, "read") || str_is(one, "write"))) {
        return false;
    }
    const struct live_entity *e = model_entity(c->model, entity);
    return e && !(e->def.flags & ENTITY_TABLE);
}

static void check_token(
    struct call *c, struct str name, struct str scopes, int64_t expires_at)
{
    struct str rest = scopes, one;

    if (!name.n || name.n > 200) {
        fail_field(c, "name", "a token needs a name of at most 200 bytes");
    }
    while (str_split(&rest, ',', &one)) {
        if (!scope_known(c, str_trim(one))) {
            fail_field(c, "scopes", "\"%.*s\" is no scope: read, write, contacts:read, ...",
                (int)(one.n < 60 ? one.n : 60), one.p);
        }
    }
    if (expires_at && expires_at <= c->now) {
        fail_field(c, "expires_at", "this lies in the past");
    }
}

enum err_code token_create(struct call *c, int64_t user, struct str name, struct str scopes,
    int64_t expires_at, struct str *token, int64_t *id)
{
    char text[HASH_TEXT];
    uint8_t hash[HASH];

    if (c->who->scopes.n || (user != c->who->id && !c->who->admin)) {
        return fail(c, ERR_FORBIDDEN, NULL, "you may not make this token");
    }
    check_token(c, name, scopes, expires_at);
    TRY(call_status(c));
    *token = arena_fmt(c->mem, "kith_%s", secret_text(c->mem, TOKEN_BYTES).p);
    hash_secret(*token, hash, text);
    return db_int(c, id,
        SQL("INSERT INTO \"tokens\" (\"hash\", \"user\", \"name\", \"scopes\", \"created_at\","
            " \"expires_at\") VALUES ($1, $2, $3, $4, $5, $6) RETURNING \"id\""),
        VALS(V(text), V(user), V(name), V(scopes), V(c->now), V(expires_at)));
}

enum err_code token_revoke(struct call *c, int64_t id)
{
    int64_t n, any = is_administrator(c);

    TRY(db_changed(c, &n,
        SQL("UPDATE \"tokens\" SET \"revoked_at\" = $1 WHERE \"id\" = $2 AND \"revoked_at\" IS NULL"
            " AND (\"user\" = $3 OR $4 = 1)"),
        VALS(V(c->now), V(id), V(c->who->id), V(any))));
    if (!n) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no token with id %" PRId64, id);
    }
    return access_after_save(c, NULL, NULL); /* every server forgets whom it knew */
}

static void put_instant(struct call *c, const char *name, int64_t at)
{
    char text[INSTANT_TEXT];

    if (!at) {
        json_none(&c->out, name);
        return;
    }
    instant_format(at, text);
    json_cstr(&c->out, name, text);
}

enum err_code tokens_json(struct call *c, int64_t user)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"user\", \"name\", \"scopes\", \"created_at\", \"expires_at\","
            " \"used_at\" FROM \"tokens\" WHERE \"revoked_at\" IS NULL AND (\"user\" = $1 OR $1 = 0)"
            " ORDER BY \"id\" LIMIT 1000"),
        VALS(V(user))));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_int(&c->out, "id", col_int(&rows, 0));
        json_int(&c->out, "user", col_int(&rows, 1));
        json_text(&c->out, "name", stmt_text(rows.st, 2));
        json_text(&c->out, "scopes", stmt_text(rows.st, 3));
        put_instant(c, "created_at", col_int(&rows, 4));
        put_instant(c, "expires_at", col_int(&rows, 5));
        put_instant(c, "used_at", col_int(&rows, 6));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return rows_end(&rows);
}

enum err_code sessions_json(struct call *c, int64_t user)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"user\", \"created_at\", \"seen_at\", \"agent\", \"address\" FROM"
            " \"sessions\" WHERE (\"user\" = $1 OR $1 = 0) AND \"expires_at\" > $2 ORDER BY \"id\""
            " LIMIT 1000"),
        VALS(V(user), V(c->now))));
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_int(&c->out, "id", col_int(&rows, 0));
        json_int(&c->out, "user", col_int(&rows, 1));
        put_instant(c, "created_at", col_int(&rows, 2));
        put_instant(c, "seen_at", col_int(&rows, 3));
        json_text(&c->out, "agent", stmt_text(rows.st, 4));
        json_text(&c->out, "address", stmt_text(rows.st, 5));
        json_flag(&c->out, "current", col_int(&rows, 0) == c->who->session);
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return rows_end(&rows);
}
