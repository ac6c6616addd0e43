/* auth_throttle.c - failures to sign in, and the devices that are known.
 *
 * A budget of failures closes for 15 minutes, and for twice as long with each further one. The cookie of a
 * device is signed with the installation's key and nothing of it is stored: user, day, name, signature. */

#include "model/auth_throttle.h"

#include "base/utf8.h"
#include "model/org.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { DEVICE_BYTES = 15, MAC_TEXT = 44, DEVICE_DAYS = 180, EMAIL_MOST = 254 };

enum budget { BY_PAIR, BY_NETWORK, BY_DEVICE, BY_USER };

static const struct {
    char kind;
    int64_t failures, longest;
} budgets[] = {
    [BY_PAIR] = { 'p', 10, DAYS(1) },
    /* many sit behind one address: more failures, and never for long */
    [BY_NETWORK] = { 'n', 50, HOURS(1) },
    [BY_DEVICE] = { 'd', 10, DAYS(1) },
    [BY_USER] = { 'u', 10, DAYS(1) },
};

/* ---- devices ---- */

static struct str device_mac(struct call *c, int64_t user, struct str day, struct str name)
{
    static const char purpose[] = "kith device";
    uint8_t key[crypto_generichash_KEYBYTES], mac[crypto_generichash_BYTES];
    struct str text = arena_fmt(
        c->mem, "%" PRId64 ".%.*s.%.*s", user, STR_ARG(day), STR_ARG(name));
    char *out = arena_alloc(c->mem, MAC_TEXT);

    crypto_generichash(key, sizeof key, (const uint8_t *)purpose, sizeof purpose - 1,
        c->org->secret, sizeof c->org->secret);
    crypto_generichash(mac, sizeof mac, (const uint8_t *)text.p, text.n, key, sizeof key);
    sodium_memzero(key, sizeof key);
    sodium_bin2base64(out, MAC_TEXT, mac, sizeof mac, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return str_of(out);
}

void device_recognise(struct call *c, struct login *l)
{
    struct str rest = l->device_cookie, user, day, name;
    int64_t who, since, today = c->now / DAYS(1);

    l->device = STR("");
    if (!l->user || l->device_cookie.n > 120 || !str_split(&rest, '.', &user)
        || !str_split(&rest, '.', &day) || !str_split(&rest, '.', &name)) {
        return;
    }
    if (!str_to_int(user, &who) || who != l->user || !str_to_int(day, &since)
        || since < today - DEVICE_DAYS) {
        return;
    }
    struct str mac = device_mac(c, who, day, name);
    if (rest.n == mac.n && sodium_memcmp(rest.p, mac.p, mac.n) == 0) {
        l->device = arena_str(c->mem, name);
    }
}

struct str device_cookie(struct call *c, const struct login *l)
{
    struct str name = l->device.n ? l->device : secret_text(c->mem, DEVICE_BYTES);
    struct str day = arena_fmt(c->mem, "%" PRId64, c->now / DAYS(1));

    return arena_fmt(c->mem, "%" PRId64 ".%.*s.%.*s.%.*s", l->user, STR_ARG(day), STR_ARG(name),
        STR_ARG(device_mac(c, l->user, day, name)));
}

/* ---- keys ---- */

/* What one customer of a provider usually has: 256 addresses of IPv4, a /64 of IPv6. Empty for the local
 * socket. */
static struct str network_of(struct call *c, struct str address)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    const char *text = arena_cstr(c->mem, address);
    uint8_t raw[16];

    if (inet_pton(AF_INET6, text, raw) == 1) {
        if (memcmp(raw, mapped, sizeof mapped) != 0) {
            return arena_fmt(c->mem, "%02x%02x:%02x%02x:%02x%02x:%02x%02x", raw[0], raw[1], raw[2],
                raw[3], raw[4], raw[5], raw[6], raw[7]);
        }
        memmove(raw, raw + 12, 4);
    } else if (inet_pton(AF_INET, text, raw) != 1) {
        return STR("");
    }
    return arena_fmt(c->mem, "%d.%d.%d", raw[0], raw[1], raw[2]);
}

static struct str key_of(struct call *c, enum budget b, const struct login *l)
{
    char kind = budgets[b].kind;

    switch (b) {
    case BY_PAIR: {
        struct str email = utf8_fold(c->mem, str_sub(l->email, 0, EMAIL_MOST));
        struct str net = network_of(c, l->address);
        /* what is no text is nobody's address: all of it has one budget */
        return utf8_valid(l->email, NULL)
            ? arena_fmt(c->mem, "%c:%.*s|%.*s", kind, STR_ARG(net), STR_ARG(email))
            : arena_fmt(c->mem, "%c:%.*s|?", kind, STR_ARG(net));
    }
    case BY_NETWORK:
        return arena_fmt(c->mem, "%c:%.*s", kind, STR_ARG(network_of(c, l->address)));
    case BY_DEVICE:
        return arena_fmt(c->mem, "%c:%.*s", kind, STR_ARG(l->device));
    case BY_USER:
        break;
    }
    return arena_fmt(c->mem, "%c:%" PRId64, kind, l->user);
}

/* ---- looking and counting ---- */

static enum err_code look(struct call *c, enum budget b, const struct login *l, struct err *why)
{
    int64_t until = 0;
    bool found;

    TRY(db_find(c, &until, &found,
        SQL("SELECT \"until\" FROM \"throttles\" WHERE \"key\" = $1 AND \"count\" >= $2 AND"
            " \"until\" > $3"),
        VALS(V(key_of(c, b, l)), V(budgets[b].failures), V(c->now))));
    if (found) {
        err_set(why, ERR_RATE, NULL, "too many failures to sign in; try again in %" PRId64 " minutes",
            (until - c->now) / MINUTES(1) + 1);
    }
    return OK;
}

static enum err_code count(struct call *c, enum budget b, const struct login *l)
{
    struct str key = key_of(c, b, l);
    int64_t n = 0, wait = MINUTES(15), longest = budgets[b].longest;

    /* the row of a quiet day is forgotten, that of 15 quiet minutes too unless it had come to a wait */
    TRY(db_int(c, &n,
        SQL("INSERT INTO \"throttles\" (\"key\", \"count\", \"until\") VALUES ($1, 1, $2)"
            " ON CONFLICT (\"key\") DO UPDATE SET \"until\" = excluded.\"until\", \"count\" ="
            " CASE WHEN \"throttles\".\"until\" < $4 OR (\"throttles\".\"count\" < $5 AND"
            " \"throttles\".\"until\" < $3) THEN 1 ELSE \"throttles\".\"count\" + 1 END"
            " RETURNING \"count\""),
        VALS(V(key), V(c->now + wait), V(c->now), V(c->now - DAYS(1)), V(budgets[b].failures))));
    for (int64_t i = budgets[b].failures; i < n && wait < longest; i++) {
        wait *= 2;
    }
    return db_exec(c, SQL("UPDATE \"throttles\" SET \"until\" = $1 WHERE \"key\" = $2"),
        VALS(V(c->now + (wait < longest ? wait : longest)), V(key)));
}

enum err_code throttle_look(struct call *c, const struct login *l)
{
    struct err why = { 0 };

    if (l->device.n) {
        TRY(look(c, BY_DEVICE, l, &why));
    } else {
        TRY(look(c, BY_PAIR, l, &why));
        if (why.code == OK && l->address.n) {
            TRY(look(c, BY_NETWORK, l, &why));
        }
    }
    return why.code == OK ? OK : fail(c, why.code, NULL, "%s", why.msg);
}

enum err_code throttle_failure(struct call *c, const struct login *l)
{
    TRY(db_exec(c, SQL("DELETE FROM \"throttles\" WHERE \"key\" IN (SELECT \"key\" FROM"
        " \"throttles\" WHERE \"until\" < $1 LIMIT 20)"), VALS(V(c->now - DAYS(1)))));
    if (l->device.n) {
        return count(c, BY_DEVICE, l);
    }
    TRY(count(c, BY_PAIR, l));
    return l->address.n ? count(c, BY_NETWORK, l) : OK;
}

enum err_code throttle_clear(struct call *c, const struct login *l)
{
    return db_exec(c, SQL("DELETE FROM \"throttles\" WHERE \"key\" IN ($1, $2, $3)"),
        VALS(V(key_of(c, BY_PAIR, l)), V(key_of(c, BY_DEVICE, l)), V(key_of(c, BY_USER, l))));
}

enum err_code throttle_second_look(struct call *c, const struct login *l, struct err *why)
{
    return l->device.n ? OK : look(c, BY_USER, l, why);
}

enum err_code throttle_second_failure(struct call *c, const struct login *l)
{
    return l->device.n ? OK : count(c, BY_USER, l);
}
