/* message_queue.c - batches and messages as rows. */

#include "domain/message/message_steps.h"

#include <inttypes.h>

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)

static const struct field batch_fields[] = { COL_INT("server"), COL_INT("sender"), COL_INT("template"), COL_INT("purpose"),
    COL_INT("campaign"), COL_TEXT("name"), COL_INT("kind"), COL_TEXT("state"), COL_INT("track_opens"),
    COL_INT("track_clicks"), COL_INT("per_hour"), COL_INT("cap_count"), COL_INT("cap_days"), COL_INT("next"), COL_INT("once"), FIELD_END };
static const char *const batch_indexes[] = { "\"server\", \"state\"", NULL };
const struct entity message_batch_entity = { .name = "message_batch", .plural = "message_batches",
    .fields = batch_fields, .flags = ENTITY_TABLE, .indexes = batch_indexes };

/* at: of the last change of state. address: where it went, filled when it goes. */
static const struct field message_fields[] = { COL_INT("batch"), COL_INT("contact"), COL_INT("occasion"),
    COL_TEXT("address"), COL_TEXT("state"), COL_TEXT("reason"), COL_INT("attempts"), COL_INT("due"), COL_INT("at"),
    COL_INT("accepted_at"), COL_INT("opened_at"), COL_INT("clicked_at"), COL_INT("machine_at"), COL_TEXT("reply"),
    FIELD_END };
static const char *const message_unique[] = { "\"batch\", \"contact\", \"occasion\"", NULL };
static const char *const message_indexes[]
    = { "\"batch\", \"state\", \"due\"", "\"contact\", \"accepted_at\"", "\"batch\", \"address\"", NULL };
const struct entity message_entity = { .name = "message", .plural = "messages", .fields = message_fields,
    .flags = ENTITY_TABLE, .indexes = message_indexes, .unique = message_unique };

static const struct field link_fields[] = { COL_INT("batch"), COL_INT("number"), COL_TEXT("url"), FIELD_END };
const struct entity message_link_entity = { .name = "message_link", .plural = "message_links", .fields = link_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"batch\", \"number\"" };

static const struct field hit_fields[] = { COL_INT("message"), COL_INT("batch"), COL_INT("contact"), COL_TEXT("kind"),
    COL_INT("link"), COL_INT("at"), COL_TEXT("class"), COL_TEXT("agent"), FIELD_END };
static const char *const hit_indexes[] = { "\"message\", \"at\"", "\"batch\", \"kind\"", NULL };
const struct entity message_hit_entity = { .name = "message_hit", .plural = "message_hits", .fields = hit_fields,
    .flags = ENTITY_TABLE, .indexes = hit_indexes };

/* ---- batches ---- */

enum err_code message_open_batch(struct call *c, const struct batch_order *o, int64_t *batch)
{
    struct mail_sender sender;
    struct mail_layout layout;
    struct mail_text text;

    TRY(mail_sender_load(c, o->sender, &sender));
    TRY(mail_text_load(c, o->template, &text));
    TRY(mail_layout_read(c, c->mem, &text, &sender, o->name, &layout));
    return db_insert(c, batch,
        SQL("INSERT INTO \"message_batches\" (\"server\", \"sender\", \"template\", \"purpose\", \"campaign\", \"name\","
            " \"kind\", \"state\", \"track_opens\", \"track_clicks\", \"per_hour\", \"cap_count\", \"cap_days\", \"once\")"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $10, $11, $12, $13)"),
        VALS(V(sender.server), V(o->sender), V(o->template), V(o->purpose), V(o->campaign), V(o->name), V((int)o->kind),
            V(o->track_opens), V(o->track_clicks), V(o->per_hour), V(o->cap_count), V(o->cap_days), V(o->once)));
}

static void take_batch(struct rows *rows, struct batch *b)
{
    *b = (struct batch) { .id = col_int(rows, 0), .server = col_int(rows, 1), .sender = col_int(rows, 2),
        .template = col_int(rows, 3), .purpose = col_int(rows, 4), .name = col_text(rows, 5), .kind = (enum batch_kind)col_int(rows, 6),
        .track_opens = col_int(rows, 7) != 0, .track_clicks = col_int(rows, 8) != 0, .per_hour = col_int(rows, 9),
        .cap_count = col_int(rows, 10), .cap_days = col_int(rows, 11), .next = col_int(rows, 12) };
}

#define BATCH_COLUMNS                                                                                                      \
    "SELECT \"id\", \"server\", \"sender\", \"template\", \"purpose\", \"name\", \"kind\", \"track_opens\","               \
    " \"track_clicks\", \"per_hour\", \"cap_count\", \"cap_days\", coalesce(\"next\", 0) FROM"                            \
    " \"message_batches\" WHERE "

enum err_code batch_load(struct call *c, int64_t id, struct batch *out)
{
    struct rows rows;
    bool found;

    TRY(db_query(c, &rows, SQL(BATCH_COLUMNS "\"id\" = $1"), VALS(V(id))));
    found = rows_next(&rows);
    if (found) {
        take_batch(&rows, out);
    }
    TRY(rows_end(&rows));
    return found ? OK : fail(c, ERR_NOT_FOUND, NULL, "there is no batch %" PRId64, id);
}

enum { BATCHES = 500 };

enum err_code batches_open(struct call *c, int64_t server, struct batch **out, size_t *n)
{
    struct rows rows;

    *out = ARENA_ARRAY(c->mem, struct batch, BATCHES);
    *n = 0;
    TRY(db_query(c, &rows, SQL(BATCH_COLUMNS "\"server\" = $1 AND \"state\" = 'open' AND EXISTS (SELECT 1 FROM \"messages\" m WHERE"
            " m.\"batch\" = \"message_batches\".\"id\" AND m.\"state\" = 'planned') ORDER BY \"kind\", \"id\" LIMIT 500"),
        VALS(V(server))));
    while (*n < BATCHES && rows_next(&rows)) {
        take_batch(&rows, &(*out)[(*n)++]);
    }
    return rows_end(&rows);
}

enum err_code message_set_batch(struct call *c, int64_t batch, const char *state)
{
    struct batch b;
    int64_t job;

    TRY(batch_load(c, batch, &b));
    TRY(db_exec(c, SQL("UPDATE \"message_batches\" SET \"state\" = $2 WHERE \"id\" = $1 AND \"state\" <> 'closed'"),
        VALS(V(batch), V(state))));
    if (str_is(str_of(state), "open")) {
        return message_order_sender(c, b.server, 0);
    }
    if (!str_is(str_of(state), "closed")) {
        return OK;
    }
    json_t *input = json_pack("{s:I}", "batch", (json_int_t)batch);
    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c, &(struct job_order) { .kind = "message_close", .input = input,
                              .key = arena_fmt(c->mem, "message_close:%" PRId64, batch).p }, &job);
}

/* Another pace begins at once: with few an hour, the instant that the old one reckoned may be an hour away. */
enum err_code message_set_limits(struct call *c, int64_t batch, int64_t per_hour, int64_t cap_count, int64_t cap_days)
{
    struct batch b;

    TRY(batch_load(c, batch, &b));
    TRY(db_exec(c,
        SQL("UPDATE \"message_batches\" SET \"next\" = CASE WHEN \"per_hour\" = $2 THEN \"next\" END, \"per_hour\" = $2,"
            " \"cap_count\" = $3, \"cap_days\" = $4 WHERE \"id\" = $1 AND \"state\" <> 'closed'"),
        VALS(V(batch), V(per_hour), V(cap_count), V(cap_days))));
    return message_order_sender(c, b.server, 0);
}

enum err_code batches_close_ended(struct call *c, int64_t server)
{
    return db_exec(c,
        SQL("UPDATE \"message_batches\" SET \"state\" = 'closed' WHERE \"server\" = $1 AND \"state\" = 'open' AND \"once\" = 1"
            " AND NOT EXISTS (SELECT 1 FROM \"messages\" m WHERE m.\"batch\" = \"message_batches\".\"id\" AND m.\"state\" IN"
            " ('planned', 'in_flight'))"),
        VALS(V(server)));
}

enum { CANCELLED_AT_ONCE = 2000 };

enum err_code message_close_work(struct call *c)
{
    int64_t batch = json_integer_value(json_object_get(c->job->input, "batch")), n;

    TRY(db_changed(c, &n,
        SQL("UPDATE \"messages\" SET \"state\" = 'cancelled', \"at\" = $2 WHERE \"id\" IN (SELECT \"id\" FROM \"messages\""
            " WHERE \"batch\" = $1 AND \"state\" = 'planned' LIMIT 2000)"),
        VALS(V(batch), V(c->now))));
    return n == CANCELLED_AT_ONCE ? job_continue(c, 0, c->job->done + n, 0) : OK;
}

/* ---- messages ---- */

enum err_code message_plan(struct call *c, const struct message_order *o, bool *made)
{
    int64_t n;

    TRY(db_changed(c, &n,
        SQL("INSERT INTO \"messages\" (\"batch\", \"contact\", \"occasion\", \"address\", \"state\", \"reason\", \"attempts\","
            " \"due\", \"at\") VALUES ($1, $2, $3, $4, 'planned', $5, 0, $6, $7) ON CONFLICT DO NOTHING"),
        VALS(V(o->batch), V(o->contact), V(o->occasion), o->address.n ? V(o->address) : V_NULL,
            o->held_out ? V("held_out") : V_NULL, V(o->due ? o->due : c->now), V(c->now))));
    *made = n > 0;
    return OK;
}

enum err_code message_order_sender(struct call *c, int64_t server, int64_t due)
{
    json_t *input = json_pack("{s:I}", "server", (json_int_t)server);
    int64_t job;

    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    return job_enqueue(c, &(struct job_order) { .kind = "message_send", .input = input, .due = due > c->now ? due : 0,
                              .sooner = true, .key = arena_fmt(c->mem, "message_send:%" PRId64, server).p }, &job);
}

enum err_code message_wake(struct call *c, int64_t batch, int64_t due)
{
    struct batch b;

    TRY(batch_load(c, batch, &b));
    return message_order_sender(c, b.server, due);
}

enum err_code message_next_due(struct call *c, int64_t server, int64_t *due, bool *found)
{
    struct batch *batches;
    size_t n;

    *found = false;
    TRY(batches_open(c, server, &batches, &n));
    for (size_t i = 0; i < n; i++) {
        int64_t one = 0;
        bool any;
        TRY(db_find(c, &one, &any,
            SQL("SELECT \"due\" FROM \"messages\" WHERE \"batch\" = $1 AND \"state\" = 'planned' ORDER BY \"due\" LIMIT 1"),
            VALS(V(batches[i].id))));
        one = any && one < batches[i].next ? batches[i].next : one;
        if (any && (!*found || one < *due)) {
            *due = one;
            *found = true;
        }
    }
    return OK;
}

/* A word that was lost costs a minute: two servers on one database may miss each other's last look. */
enum err_code message_look(struct call *c)
{
    struct rows rows;
    int64_t servers[BATCHES], due;
    size_t n = 0;
    bool found;

    TRY(db_query(c, &rows, SQL("SELECT DISTINCT \"server\" FROM \"message_batches\" WHERE \"state\" = 'open' LIMIT 500"), VALS()));
    while (n < BATCHES && rows_next(&rows)) {
        servers[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    for (size_t i = 0; i < n; i++) {
        TRY(message_next_due(c, servers[i], &due, &found));
        TRY(found ? message_order_sender(c, servers[i], due) : OK);
    }
    return OK;
}

enum err_code message_count(struct call *c, int64_t batch, struct batch_counts *out)
{
    static const struct {
        const char *state;
        size_t at;
    } states[] = {
        { "planned", offsetof(struct batch_counts, planned) }, { "in_flight", offsetof(struct batch_counts, in_flight) },
        { "accepted", offsetof(struct batch_counts, accepted) }, { "skipped", offsetof(struct batch_counts, skipped) },
        { "refused", offsetof(struct batch_counts, refused) }, { "unknown", offsetof(struct batch_counts, unknown) },
        { "bounced", offsetof(struct batch_counts, bounced) }, { "cancelled", offsetof(struct batch_counts, cancelled) },
        { "held_out", offsetof(struct batch_counts, held_out) },
    };
    struct rows rows;

    *out = (struct batch_counts) { 0 };
    TRY(db_query(c, &rows,
        SQL("SELECT \"state\", count(*), count(\"opened_at\"), count(\"clicked_at\"), count(CASE WHEN \"opened_at\" IS NULL"
            " THEN \"machine_at\" END) FROM \"messages\" WHERE \"batch\" = $1 GROUP BY \"state\""),
        VALS(V(batch))));
    while (rows_next(&rows)) {
        struct str state = stmt_text(rows.st, 0);
        for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
            if (str_is(state, states[i].state)) {
                *(int64_t *)((char *)out + states[i].at) = col_int(&rows, 1);
            }
        }
        out->opened += col_int(&rows, 2);
        out->clicked += col_int(&rows, 3);
        out->machine += col_int(&rows, 4);
    }
    return rows_end(&rows);
}
