/* event_store.c - the tables of events, and the few writes that put one there.
 *
 * An event has no number: person, name and instant are its key, under the month. So one tree holds it, what is written
 * now lies in one corner of it, and retention removes a range. The counters of a day change in the same transaction. */

#include "domain/event/event_steps.h"

#include "model/org.h"

#include <sodium.h>
#include <stdlib.h>

/* ---- tables ---- */

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)

/* What conditions inside did() may name is not marked as the engine's own. */
static const struct field event_fields[] = { COL_INT("month"), COL_INT("person"), COL_INT("name"), COL_INT("at"),
    COL_INT("source"), FIELD_TEXT("url", .max = EVENT_TEXT_MAX, .no_fold = true),
    FIELD_TEXT("title", .max = EVENT_TEXT_MAX, .no_fold = true),
    FIELD_TEXT("referrer", .max = EVENT_TEXT_MAX, .no_fold = true), COL_TEXT("properties"), FIELD_END };
const struct entity event_entity = { .name = "event", .plural = "events", .fields = event_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"month\", \"person\", \"name\", \"at\"" };

static const struct field day_fields[] = { COL_INT("month"), COL_INT("person"), COL_INT("name"), COL_INT("day"),
    COL_INT("n"), COL_INT("last_at"), FIELD_END };
const struct entity event_day_entity = { .name = "event_day", .plural = "event_days", .fields = day_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"month\", \"person\", \"name\", \"day\"" };

static const struct field name_fields[]
    = { COL_TEXT("key"), COL_TEXT("properties"), COL_INT("first_at"), FIELD_END };
static const char *const key_unique[] = { "\"key\"", NULL };
const struct entity event_name_entity = { .name = "event_name", .plural = "event_names", .fields = name_fields,
    .flags = ENTITY_TABLE, .unique = key_unique };

static const struct field message_fields[] = { COL_INT("week"), COL_INT("hash"), FIELD_END };
const struct entity event_message_entity = { .name = "event_message", .plural = "event_messages",
    .fields = message_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"week\", \"hash\"" };

/* ---- days and months ---- */

int64_t event_day(int64_t at)
{
    return at >= 0 ? at / DAYS(1) : -((-at - 1) / DAYS(1)) - 1;
}

int64_t event_month(int64_t at)
{
    struct civil when = civil_of(at);

    return (int64_t)(when.year - 1970) * 12 + when.month - 1;
}

/* ---- counters ---- */

void event_count(struct call *c, struct event_counts *counts, const struct event *e, int64_t n)
{
    int64_t day = event_day(e->at);

    /* a batch is mostly of one person: the newest are looked at first */
    for (size_t i = counts->n; i > 0 && counts->n - i < 16; i--) {
        struct event_tally *t = &counts->list[i - 1];
        if (t->person == e->person && t->name == e->name && t->day == day) {
            t->n += n;
            t->last_at = e->at > t->last_at ? e->at : t->last_at;
            return;
        }
    }
    ARENA_ROOM(c->mem, counts->list, counts->n, counts->room);
    counts->list[counts->n++]
        = (struct event_tally) { .person = e->person, .name = e->name, .day = day, .n = n, .last_at = e->at };
}

static int by_key(const void *pa, const void *pb)
{
    const struct event_tally *a = pa, *b = pb;

    if (a->day != b->day) {
        return a->day < b->day ? -1 : 1;
    }
    if (a->person != b->person) {
        return a->person < b->person ? -1 : 1;
    }
    return (a->name > b->name) - (a->name < b->name);
}

enum err_code event_counts_store(struct call *c, struct event_counts *counts)
{
    if (counts->n) {
        qsort(counts->list, counts->n, sizeof *counts->list, by_key);
    }
    for (size_t i = 0; i < counts->n; i++) {
        const struct event_tally *t = &counts->list[i];
        TRY(db_exec(c,
            SQL("INSERT INTO \"event_days\" AS d (\"month\", \"person\", \"name\", \"day\", \"n\", \"last_at\") VALUES ($1,"
                " $2, $3, $4, $5, $6) ON CONFLICT (\"month\", \"person\", \"name\", \"day\") DO UPDATE SET \"n\" = d.\"n\" +"
                " excluded.\"n\", \"last_at\" = CASE WHEN excluded.\"last_at\" > d.\"last_at\" THEN excluded.\"last_at\""
                " ELSE d.\"last_at\" END"),
            VALS(V(event_month(t->day * DAYS(1))), V(t->person), V(t->name), V(t->day), V(t->n), V(t->last_at))));
    }
    return OK;
}

/* ---- events ---- */

#define CROWD SECONDS(1) /* so far from its instant one may be put */

static struct dbval text_or_null(struct str s)
{
    return s.n ? V(s) : V_NULL;
}

static enum err_code insert_event(struct call *c, const struct event *e, int64_t *n)
{
    return db_changed(c, n,
        SQL("INSERT INTO \"events\" (\"month\", \"person\", \"name\", \"at\", \"source\", \"url\", \"title\","
            " \"referrer\", \"properties\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"),
        VALS(V(event_month(e->at)), V(e->person), V(e->name), V(e->at), V(e->source), text_or_null(e->url),
            text_or_null(e->title), text_or_null(e->referrer), text_or_null(e->properties)));
}

enum err_code event_put(struct call *c, struct event *e, struct event_counts *counts)
{
    int64_t n, last;

    TRY(insert_event(c, e, &n));
    /* behind the last of those that crowd there; another server may be as quick */
    for (int tries = 0; !n; tries++) {
        TRY(db_int(c, &last,
            SQL("SELECT coalesce(max(\"at\"), $4) FROM \"events\" WHERE \"month\" = $1 AND \"person\" = $2 AND \"name\" = $3"
                " AND \"at\" >= $4 AND \"at\" < $5"),
            VALS(V(event_month(e->at)), V(e->person), V(e->name), V(e->at), V(e->at + CROWD))));
        if (last == e->at + CROWD - 1 || tries == 100) {
            return fail(c, ERR_CONFLICT, "timestamp", "too many events of one name at the same instant");
        }
        e->at = last + 1;
        TRY(insert_event(c, e, &n));
    }
    event_count(c, counts, e, 1);
    return OK;
}

/* ---- messages taken already ---- */

/* Keyed, so that nobody can choose an id that hides another's event. */
static int64_t message_hash(const struct call *c, int64_t source, struct str message)
{
    uint8_t key[crypto_shorthash_siphash24_KEYBYTES], out[crypto_shorthash_siphash24_BYTES];
    struct str text = arena_fmt(c->mem, "%lld:%.*s", (long long)source, STR_ARG(message));
    int64_t hash;

    memcpy(key, c->org->secret, sizeof key);
    (void)crypto_shorthash_siphash24(out, (const uint8_t *)text.p, text.n, key);
    memcpy(&hash, out, sizeof hash);
    return hash;
}

enum err_code event_is_new(struct call *c, int64_t source, struct str message, bool *yes)
{
    int64_t week = event_day(c->now) / 7, hash = message_hash(c, source, message), n;
    bool found;

    TRY(db_find(c, &n, &found, SQL("SELECT 1 FROM \"event_messages\" WHERE \"week\" = $1 AND \"hash\" = $2"),
        VALS(V(week - 1), V(hash))));
    if (!found) {
        TRY(db_changed(c, &n,
            SQL("INSERT INTO \"event_messages\" (\"week\", \"hash\") VALUES ($1, $2) ON CONFLICT DO NOTHING"),
            VALS(V(week), V(hash))));
    }
    *yes = !found && n;
    return OK;
}

/* ---- names and properties ---- */

static enum err_code load_name(struct call *c, struct str key, bool hold, struct event_name **out)
{
    struct event_name *name = ARENA_NEW(c->mem, struct event_name);
    struct rows rows;
    struct str properties = STR("");

    *out = NULL;
    TRY(db_query(c, &rows,
        hold ? SQL2("SELECT \"id\", \"properties\" FROM \"event_names\" WHERE \"key\" = $1",
            "SELECT \"id\", \"properties\" FROM \"event_names\" WHERE \"key\" = $1 FOR UPDATE")
             : SQL("SELECT \"id\", \"properties\" FROM \"event_names\" WHERE \"key\" = $1"),
        VALS(V(key))));
    if (rows_next(&rows)) {
        name->id = col_int(&rows, 0);
        properties = col_text(&rows, 1);
    }
    TRY(rows_end(&rows));
    if (name->id) {
        name->key = key;
        TRY(json_read(c->mem, properties, &name->properties, &c->err));
        *out = name;
    }
    return OK;
}

enum err_code event_name_take(
    struct call *c, struct event_names *names, struct str key, struct event_name **out)
{
    if (!names->by_key.mem) {
        map_init(&names->by_key, c->mem);
        names->known = -1;
    }
    *out = map_get(&names->by_key, key);
    if (*out) {
        return OK;
    }
    TRY(load_name(c, key, false, out));
    if (!*out) {
        if (names->known < 0) {
            TRY(db_int(c, &names->known, SQL("SELECT count(*) FROM \"event_names\""), VALS()));
        }
        if (names->known >= EVENT_NAMES) {
            return OK;
        }
        names->known++;
        TRY(db_exec(c,
            SQL("INSERT INTO \"event_names\" (\"key\", \"properties\", \"first_at\") VALUES ($1, '[]', $2) ON CONFLICT DO"
                " NOTHING"),
            VALS(V(key), V(c->now))));
        TRY(load_name(c, key, false, out));
    }
    if (*out) {
        map_put(&names->by_key, key, *out);
    }
    return OK;
}

static bool has_property(const json_t *list, struct str property)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (str_eq(json_str(json_array_get(list, i)), property)) {
            return true;
        }
    }
    return false;
}

bool event_property_take(struct event_name *name, struct str property)
{
    if (has_property(name->properties, property)) {
        return true;
    }
    if (json_array_size(name->properties) >= EVENT_PROPERTIES) {
        return false;
    }
    (void)json_array_append_new(name->properties, json_stringn(property.p, property.n));
    name->changed = true;
    return true;
}

/* Another server may have learnt others meanwhile: the row is held and the two lists united. */
static enum err_code store_properties(struct call *c, const struct event_name *name)
{
    struct event_name *now;
    struct json_writer w;
    struct buf b;

    TRY(load_name(c, name->key, true, &now));
    if (!now) {
        return OK;
    }
    for (size_t i = 0; i < json_array_size(name->properties); i++) {
        (void)event_property_take(now, json_str(json_array_get(name->properties, i)));
    }
    buf_init(&b, c->mem, 1 << 20);
    json_init(&w, &b);
    json_tree(&w, NULL, now->properties);
    return db_exec(c, SQL("UPDATE \"event_names\" SET \"properties\" = $2 WHERE \"id\" = $1"),
        VALS(V(now->id), V(buf_str(&b))));
}

enum err_code event_names_store(struct call *c, struct event_names *names)
{
    for (size_t i = 0; i < names->by_key.room; i++) {
        const struct event_name *name = names->by_key.slots[i].value;
        TRY(name && name->changed ? store_properties(c, name) : OK);
    }
    return OK;
}

/* ---- of the server's own knowledge ---- */

enum err_code event_record(struct call *c, const struct event_said *list, size_t n)
{
    struct event_names names = { 0 };
    struct event_counts counts = { 0 };
    int left_out = 0;

    for (size_t i = 0; i < n; i++) {
        const struct event_said *s = &list[i];
        struct event e = { .person = s->contact, .at = s->at, .source = s->source,
            .url = event_cut(s->url, EVENT_TEXT_MAX), .title = event_cut(s->title, EVENT_TEXT_MAX) };
        struct event_name *name;
        TRY(event_name_take(c, &names, s->name, &name));
        if (!name) {
            return fail(c, ERR_CONFLICT, "event", "%s", EVENT_NAMES_FULL);
        }
        e.name = name->id;
        TRY(event_document(c, name, s->properties, &e, &left_out));
        TRY(event_put(c, &e, &counts));
    }
    TRY(event_names_store(c, &names));
    TRY(event_counts_store(c, &counts));
    return event_tell(c, &counts);
}
