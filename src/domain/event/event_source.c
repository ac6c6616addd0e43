/* event_source.c - where events come from: a site or a program, with its write key.
 *
 * The key of a browser stands in every page, so it proves nothing: with it one can add to visitors that one knows the id
 * of, and no more. To say who somebody is takes the signature of his id, made by the site's server with the secret. The key
 * of a server is a secret itself, and what comes with it holds. */

#include "domain/event/event_steps.h"

#include "base/rand.h"
#include "model/action.h"

#include <sodium.h>

static const struct choice_def kinds[] = { { "browser", "Web site", "blue" }, { "server", "Server", "green" }, { 0 } };
static const struct field fields[] = {
    FIELD_TEXT("name", .required = true, .max = 100),
    FIELD_CHOICE("kind", kinds, .required = true, .def = "browser", .set_once = true,
        .help = "A web site's key stands in its pages; a server's is secret, and may say who somebody is."),
    FIELD_TEXT("key", .label = "Write key", .max = 60, .read_only = true, .no_fold = true, .unique = true, .sensitive = true),
    FIELD_TEXT("secret", .max = 80, .system = true, .no_fold = true),
    FIELD_LONG("origins", .max = 2000, .help = "The sites that may send: https://shop.example, one a line. Empty for all."),
    FIELD_BOOL("active", .def = "true"),
    FIELD_BOOL("creates", .label = "Creates people", .help = "A server may make people whom nobody knows yet."),
    FIELD_INT("per_minute", .label = "Events a minute", .min = 1, .max = 100000000,
        .help = "Empty for 100,000 from a web site, and no limit from a server."),
    FIELD_END,
};

static struct str random_hex(struct call *c, const char *prefix)
{
    uint8_t raw[20];
    char hex[2 * sizeof raw + 1];

    rand_bytes(raw, sizeof raw);
    sodium_bin2hex(hex, sizeof hex, raw, sizeof raw);
    return arena_fmt(c->mem, "%s%s", prefix, hex);
}

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    if (!old && !r->replay) {
        record_set(c, r, "key", V(random_hex(c, "ek_")));
        record_set(c, r, "secret", V(random_hex(c, "")));
    }
    return OK;
}

const struct entity event_source_entity = { .name = "event_source", .plural = "event_sources", .label = "Event source",
    .label_plural = "Event sources", .icon = "radar", .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH, .fields = fields,
    .before_save = before_save };

/* The secret, for who sets a site's server up: an action of its own, so that no list shows it. */
enum err_code event_source_reveal(struct call *c)
{
    struct str secret;

    TRY(db_text(c, &secret, SQL("SELECT \"secret\" FROM \"event_sources\" WHERE \"id\" = $1"), VALS(V(target(c)))));
    out_text(c, "secret", secret);
    return OK;
}

/* ---- what came lately ---- */

enum { SLOTS = 64, SHOWN = 30 };

/* A request takes the place of any other of its source: no place is waited for by many at once, and no row is ever removed. */
static const struct field glimpse_fields[] = { FIELD_INT("source", .system = true), FIELD_INT("slot", .system = true),
    FIELD_INT("at", .system = true), FIELD_TEXT("name", .system = true, .no_fold = true), FIELD_INT("known", .system = true),
    FIELD_INT("accepted", .system = true), FIELD_INT("refused", .system = true),
    FIELD_TEXT("why", .system = true, .no_fold = true), FIELD_END };
const struct entity event_glimpse_entity = { .name = "event_glimpse", .plural = "event_glimpses", .fields = glimpse_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED, .key = "\"source\", \"slot\"" };

enum err_code event_glimpse_keep(struct call *c, int64_t source, const struct event_glimpse *g)
{
    uint8_t slot;

    rand_bytes(&slot, 1);
    return db_exec(c,
        SQL("INSERT INTO \"event_glimpses\" (\"source\", \"slot\", \"at\", \"name\", \"known\", \"accepted\", \"refused\","
            " \"why\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (\"source\", \"slot\") DO UPDATE SET \"at\" ="
            " excluded.\"at\", \"name\" = excluded.\"name\", \"known\" = excluded.\"known\", \"accepted\" ="
            " excluded.\"accepted\", \"refused\" = excluded.\"refused\", \"why\" = excluded.\"why\""),
        VALS(V(source), V(slot % SLOTS), V(c->now), V(g->name), V(g->known), V(g->accepted), V(g->refused),
            g->why ? V(g->why) : V_NULL));
}

enum err_code event_source_glimpses(struct call *c)
{
    struct rows rows;

    json_array(&c->out, "items");
    TRY(db_query(c, &rows,
        SQL("SELECT \"at\", \"name\", \"known\", \"accepted\", \"refused\", \"why\" FROM \"event_glimpses\" WHERE \"source\" ="
            " $1 ORDER BY \"at\" DESC LIMIT $2"),
        VALS(V(target(c)), V(SHOWN))));
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        out_instant(c, "at", col_int(&rows, 0));
        json_text(&c->out, "name", stmt_text(rows.st, 1));
        json_flag(&c->out, "known", col_int(&rows, 2) != 0);
        json_int(&c->out, "accepted", col_int(&rows, 3));
        json_int(&c->out, "refused", col_int(&rows, 4));
        json_text(&c->out, "why", stmt_text(rows.st, 5));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

/* ---- the source of a request ---- */

enum err_code event_source_find(struct call *c, struct str key, struct event_source *out)
{
    struct rows rows;

    *out = (struct event_source) { 0 };
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\", \"kind\", \"creates\", \"per_minute\", \"origins\", \"secret\" FROM \"event_sources\" WHERE"
            " \"key\" = $1 AND \"active\" = 1 AND \"deleted_at\" IS NULL"),
        VALS(V(key))));
    if (key.n && rows_next(&rows)) {
        *out = (struct event_source) { .id = col_int(&rows, 0),
            .server = col_int(&rows, 1) == model_choice(c->model, "event_source", "kind", STR("server")),
            .creates = col_int(&rows, 2) != 0, .per_minute = col_int(&rows, 3), .origins = col_text(&rows, 4),
            .secret = col_text(&rows, 5) };
    }
    TRY(rows_end(&rows));
    return out->id ? OK
                   : fail(c, ERR_UNAUTHENTICATED, "writeKey", "this is not the write key of a source that is at work");
}

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t' || ch == ',';
}

bool event_source_allows(const struct event_source *s, struct str origin)
{
    bool any = false;

    for (size_t i = 0, from; i < s->origins.n;) {
        for (; i < s->origins.n && is_space(s->origins.p[i]); i++) {
        }
        for (from = i; i < s->origins.n && !is_space(s->origins.p[i]); i++) {
        }
        struct str one = str_sub(s->origins, from, i - from);
        one.n -= str_ends(one, STR("/"));
        any = any || one.n;
        if (one.n && str_eq_nocase(one, origin)) {
            return true;
        }
    }
    return !any;
}

bool event_source_signed(const struct event_source *s, struct str id, struct str signature)
{
    crypto_auth_hmacsha256_state state;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof mac + 1];

    if (!s->secret.n || signature.n != sizeof hex - 1) {
        return false;
    }
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)s->secret.p, s->secret.n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)id.p, id.n);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
    return sodium_memcmp(hex, signature.p, sizeof hex - 1) == 0;
}
