/* match_keys.c - the table `match_keys`: under which keys a record can be found.
 *
 * One row per key and record, in the order of the key, so that a block is one range. What a record has there is
 * kept beside it in `match_records`, all keys in one row: so a change finds the old ones, and new records, which
 * come in the order of their ids, fill page after page. Which rule made them is kept in `state`: a changed rule
 * has them made anew by the next sweep. */

#include "model/match_find.h"

#include "model/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COL_INT(n) FIELD_INT(n, .system = true)
static const struct field key_fields[] = { COL_INT("entity"), COL_INT("key"), COL_INT("record"), FIELD_END };
const struct entity match_key_entity = { .name = "match_key", .plural = "match_keys", .fields = key_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED, .key = "\"entity\", \"key\", \"record\"" };

static const struct field record_fields[] = { COL_INT("entity"), COL_INT("record"),
    FIELD_TEXT("keys", .system = true, .no_fold = true, .format = FORMAT_BYTES), FIELD_END };
const struct entity match_record_entity = { .name = "match_record", .plural = "match_records",
    .fields = record_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"entity\", \"record\"" };

#define MADE_BY_NONE "-"
enum { PAGE = 300, KEY_BYTES = 8, CLEARED = 2000 };

/* ---- the keys of a record, as bytes: the lowest first ---- */

static struct str packed(const uint64_t *keys, size_t n, char *room)
{
    for (size_t i = 0; i < n * KEY_BYTES; i++) {
        room[i] = (char)(keys[i / KEY_BYTES] >> (8 * (i % KEY_BYTES)));
    }
    return (struct str) { room, n * KEY_BYTES };
}

static size_t unpacked(struct str s, uint64_t *keys)
{
    size_t n = s.n / KEY_BYTES < MATCH_KEYS ? s.n / KEY_BYTES : MATCH_KEYS;

    for (size_t i = 0; i < n; i++) {
        keys[i] = 0;
        for (size_t k = KEY_BYTES; k-- > 0;) {
            keys[i] = keys[i] << 8 | (unsigned char)s.p[i * KEY_BYTES + k];
        }
    }
    return n;
}

static enum err_code keys_of_record(
    struct call *c, const struct live_entity *e, int64_t id, uint64_t *keys, size_t *n)
{
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"keys\" FROM \"match_records\" WHERE \"entity\" = $1 AND \"record\" = $2"),
        VALS(V(e->number), V(id))));
    if (rows_next(&rows)) {
        *n = unpacked(stmt_blob(rows.st, 0), keys);
    }
    return rows_end(&rows);
}

static enum err_code keep_keys(
    struct call *c, const struct live_entity *e, int64_t id, const uint64_t *keys, size_t n)
{
    char room[MATCH_KEYS * KEY_BYTES];

    if (!n) {
        return db_exec(c, SQL("DELETE FROM \"match_records\" WHERE \"entity\" = $1 AND \"record\" = $2"),
            VALS(V(e->number), V(id)));
    }
    return db_exec(c,
        SQL("INSERT INTO \"match_records\" (\"entity\", \"record\", \"keys\") VALUES ($1, $2, $3) ON CONFLICT"
            " (\"entity\", \"record\") DO UPDATE SET \"keys\" = excluded.\"keys\""),
        VALS(V(e->number), V(id), V_BLOB(packed(keys, n, room))));
}

static enum err_code insert_key(struct call *c, const struct match_key_row *k)
{
    return db_exec(c,
        /* a sweep that makes all keys anew may have been here before the feed was read */
        SQL("INSERT INTO \"match_keys\" (\"entity\", \"key\", \"record\") VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING"),
        VALS(V(k->entity), V(k->key), V(k->record)));
}

static bool has_key(const uint64_t *keys, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

enum err_code match_keys_put(struct call *c, const struct live_entity *e, int64_t id,
    const uint64_t *keys, size_t n)
{
    uint64_t was[MATCH_KEYS];
    struct match_key_row room[MATCH_KEYS];
    struct match_key_rows new = { .rows = room };
    size_t nwas;

    TRY(keys_of_record(c, e, id, was, &nwas));
    if (n == nwas && (!n || memcmp(keys, was, n * sizeof *keys) == 0)) {
        return OK;
    }
    for (size_t i = 0; i < nwas; i++) {
        TRY(has_key(keys, n, was[i])
                ? OK
                : db_exec(c,
                      SQL("DELETE FROM \"match_keys\" WHERE \"entity\" = $1 AND \"key\" = $2 AND \"record\" = $3"),
                      VALS(V(e->number), V((int64_t)was[i]), V(id))));
    }
    for (size_t i = 0; i < n; i++) {
        if (!has_key(was, nwas, keys[i])) {
            room[new.n++] = (struct match_key_row) { e->number, (int64_t)keys[i], id };
        }
    }
    TRY(match_keys_store(c, &new));
    return keep_keys(c, e, id, keys, n);
}

enum err_code match_keys_note(struct call *c, const struct live_entity *e, int64_t id,
    const uint64_t *keys, size_t n, struct match_key_rows *out)
{
    for (size_t i = 0; i < n; i++) {
        out->rows[out->n++] = (struct match_key_row) { e->number, (int64_t)keys[i], id };
    }
    return n ? keep_keys(c, e, id, keys, n) : OK;
}

static int by_key(const void *a, const void *b)
{
    const struct match_key_row *x = a, *y = b;

    return x->entity != y->entity ? (x->entity < y->entity ? -1 : 1)
        : x->key != y->key        ? (x->key < y->key ? -1 : 1)
                                  : (x->record > y->record) - (x->record < y->record);
}

/* Each would cost a journey to the server. */
static enum err_code insert_together(struct call *c, const struct match_key_rows *all)
{
    int64_t *columns[3];

    for (size_t k = 0; k < 3; k++) {
        columns[k] = ARENA_ARRAY(c->mem, int64_t, all->n);
    }
    for (size_t i = 0; i < all->n; i++) {
        columns[0][i] = all->rows[i].entity;
        columns[1][i] = all->rows[i].key;
        columns[2][i] = all->rows[i].record;
    }
    return db_exec(c,
        SQL2("SELECT 0",
            "INSERT INTO \"match_keys\" (\"entity\", \"key\", \"record\") SELECT * FROM unnest(CAST($1 AS bigint[]),"
            " CAST($2 AS bigint[]), CAST($3 AS bigint[])) ON CONFLICT DO NOTHING"),
        VALS(V(db_ids(c, columns[0], all->n)), V(db_ids(c, columns[1], all->n)), V(db_ids(c, columns[2], all->n))));
}

enum err_code match_keys_store(struct call *c, struct match_key_rows *all)
{
    if (all->n) {
        qsort(all->rows, all->n, sizeof *all->rows, by_key);
    }
    if (conn_backend(c->db) == DB_POSTGRES && all->n > 1) {
        return insert_together(c, all);
    }
    for (size_t i = 0; i < all->n; i++) {
        TRY(insert_key(c, &all->rows[i]));
    }
    return OK;
}

/* ---- made by which rule ---- */

static struct str made_by(struct call *c, const struct match_rule *rule)
{
    struct buf b;

    buf_init(&b, c->mem, 4000);
    buf_lit(&b, "2:"); /* what is kept of a record */
    for (size_t t = 0; t < rule->n; t++) {
        if (rule->terms[t].key) {
            buf_add(&b, rule->terms[t].name);
            buf_fmt(&b, ":%d,", (int)rule->terms[t].how);
        }
    }
    return arena_fmt(c->mem, "%" PRIx64, str_hash(buf_str(&b)));
}

static struct str state_name(struct call *c, const struct live_entity *e)
{
    return arena_fmt(c->mem, "match_keys:%" PRId64, e->number);
}

enum err_code match_keys_missing(struct call *c, const struct live_entity *e,
    const struct match_rule *rule, int64_t *missing)
{
    struct str was;

    TRY(db_text(c, &was, SQL("SELECT \"value\" FROM \"state\" WHERE \"key\" = $1"),
        VALS(V(state_name(c, e)))));
    *missing = !str_eq(was, made_by(c, rule));
    return OK;
}

static enum err_code put_state(struct call *c, const struct live_entity *e, struct str made)
{
    return db_exec(c,
        SQL("INSERT INTO \"state\" (\"key\", \"value\") VALUES ($1, $2) ON CONFLICT (\"key\") DO UPDATE SET"
            " \"value\" = excluded.\"value\""),
        VALS(V(state_name(c, e)), V(made)));
}

enum err_code match_keys_follow(
    struct call *c, const struct live_entity *e, const struct match_rule *rule)
{
    struct str was;

    TRY(db_text(c, &was, SQL("SELECT \"value\" FROM \"state\" WHERE \"key\" = $1"), VALS(V(state_name(c, e)))));
    bool same = !was.n || str_is(was, MADE_BY_NONE) || (rule && str_eq(was, made_by(c, rule)));
    return same ? OK : put_state(c, e, STR(MADE_BY_NONE));
}

enum err_code match_keys_begin(
    struct call *c, const struct live_entity *e, const struct match_rule *rule, int64_t id)
{
    struct list_request first = { .e = e, .right = RIGHT_READ };
    int64_t *ids;
    size_t n;
    struct str was;

    TRY(db_text(c, &was, SQL("SELECT \"value\" FROM \"state\" WHERE \"key\" = $1"), VALS(V(state_name(c, e)))));
    if (was.n) {
        return OK;
    }
    TRY(query_ids(c, &first, 0, 0, 1, &ids, &n));
    return n && ids[0] == id ? put_state(c, e, made_by(c, rule)) : OK;
}

enum err_code match_keys_clear(struct call *c, void *arg)
{
    struct match_keys_job *job = arg;
    const struct live_entity *e = model_entity(c->model, job->entity);
    int64_t key = 0, record = 0, keys = 0, records = 0;
    struct rows rows;

    job->cleared = 0;
    if (!e) {
        return OK;
    }
    TRY(put_state(c, e, STR(MADE_BY_NONE))); /* should this not come to its end */
    TRY(db_query(c, &rows,
        SQL("SELECT \"key\", \"record\" FROM \"match_keys\" WHERE \"entity\" = $1 ORDER BY \"key\", \"record\" LIMIT $2"),
        VALS(V(e->number), V((int64_t)CLEARED))));
    for (; rows_next(&rows); keys++) {
        key = col_int(&rows, 0);
        record = col_int(&rows, 1);
    }
    TRY(rows_end(&rows));
    if (keys) {
        TRY(db_exec(c, SQL("DELETE FROM \"match_keys\" WHERE \"entity\" = $1 AND (\"key\", \"record\") <= ($2, $3)"),
            VALS(V(e->number), V(key), V(record))));
    }
    TRY(db_query(c, &rows,
        SQL("SELECT \"record\" FROM \"match_records\" WHERE \"entity\" = $1 ORDER BY \"record\" LIMIT $2"),
        VALS(V(e->number), V((int64_t)CLEARED))));
    for (; rows_next(&rows); records++) {
        record = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    if (records) {
        TRY(db_exec(c, SQL("DELETE FROM \"match_records\" WHERE \"entity\" = $1 AND \"record\" <= $2"),
            VALS(V(e->number), V(record))));
    }
    job->cleared = keys + records;
    return OK;
}

enum err_code match_keys_fill(struct call *c, void *arg)
{
    struct match_keys_job *job = arg;
    const struct live_entity *e = model_entity(c->model, job->entity);
    struct match_rule *rule = NULL;
    int64_t *ids;
    size_t n;

    TRY(e ? match_rule_load(c, e, &rule) : OK);
    if (!rule) {
        return fail(c, ERR_CONFLICT, NULL, "the rule was taken away meanwhile");
    }
    uint64_t made = str_hash(made_by(c, rule));
    if (job->after && made != job->made) {
        return fail(c, ERR_CONFLICT, NULL, "the rule was changed meanwhile"); /* and the pass begins anew */
    }
    job->made = made;
    struct list_request q = { .e = e, .right = RIGHT_READ };
    TRY(query_ids(c, &q, job->after, 0, PAGE, &ids, &n));
    for (size_t i = 0; i < n; i++) {
        struct match_values v;
        struct record *r;
        TRY(record_load(c, e, ids[i], true, &r));
        match_values_of(c, rule, r, &v);
        uint64_t keys[MATCH_KEYS];
        size_t nkeys = match_keys_of(rule, &v, keys);
        TRY(match_keys_put(c, e, ids[i], keys, nkeys));
    }
    job->over = n < PAGE;
    job->reached = n ? ids[n - 1] : job->after;
    return job->over ? put_state(c, e, made_by(c, rule)) : OK;
}

/* ---- candidates ---- */

void match_search_init(struct match_search *s, struct arena *mem)
{
    *s = (struct match_search) { .new = NULL };
    tally_init(&s->large, mem);
}

struct candidates {
    int64_t *ids;
    struct tally shared; /* keys in common, of each */
    size_t n, room;
};

static void add(struct call *c, struct candidates *s, int64_t id)
{
    if (!tally_add(&s->shared, (uint64_t)id)) {
        ARENA_ROOM(c->mem, s->ids, s->n, s->room);
        s->ids[s->n++] = id;
    }
}

/* Adds the records of a block, or of what two have in common, unless they are too many. */
static enum err_code take_block(
    struct call *c, struct candidates *s, struct match_search *search, uint64_t block, struct sql sql, struct dbvals v)
{
    struct rows rows;
    int64_t ids[MATCH_BLOCK + 1];
    size_t n = 0;

    if (tally_of(&search->large, block)) {
        return OK;
    }
    TRY(db_query(c, &rows, sql, v));
    while (n <= MATCH_BLOCK && rows_next(&rows)) {
        ids[n++] = col_int(&rows, 0);
    }
    TRY(rows_end(&rows));
    if (n > MATCH_BLOCK) {
        (void)tally_add(&search->large, block);
        return OK;
    }
    for (size_t i = 0; i < n; i++) {
        add(c, s, ids[i]);
    }
    return OK;
}

/* A block is one range of the table; a large one is asked again together with each other large one: all of a small one
 * are in already. Of two large ones only the newest of the first are looked up in the second: who has nothing else in common
 * with one of so many is found by the sweep. */
static enum err_code from_blocks(struct call *c, const struct live_entity *e, const uint64_t *keys,
    size_t n, struct match_search *search, struct candidates *s)
{
    for (size_t i = 0; i < n; i++) {
        TRY(take_block(c, s, search, keys[i],
            SQL("SELECT \"record\" FROM \"match_keys\" WHERE \"entity\" = $1 AND \"key\" = $2 LIMIT 301"),
            VALS(V(e->number), V((int64_t)keys[i]))));
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; tally_of(&search->large, keys[i]) && k < n; k++) {
            if (!tally_of(&search->large, keys[k])) {
                continue;
            }
            TRY(take_block(c, s, search, match_key_pair(keys[i], keys[k]),
                SQL("SELECT a.\"record\" FROM (SELECT \"record\" FROM \"match_keys\" WHERE \"entity\" = $1 AND"
                    " \"key\" = $2 ORDER BY \"record\" DESC LIMIT 5000) a JOIN \"match_keys\" b ON b.\"entity\" = $1 AND"
                    " b.\"key\" = $3 AND b.\"record\" = a.\"record\" LIMIT 301"),
                VALS(V(e->number), V((int64_t)keys[i]), V((int64_t)keys[k]))));
        }
    }
    return OK;
}

/* Have they a key in common that is not of a large block, or two? */
static bool are_near(const struct match_search *search, const uint64_t *keys, size_t n, const struct match_keyed *other)
{
    for (size_t i = 0; i < n; i++) {
        if (!has_key(other->keys, other->n, keys[i])) {
            continue;
        }
        if (!tally_of(&search->large, keys[i])) {
            return true;
        }
        for (size_t k = i + 1; k < n; k++) {
            if (has_key(other->keys, other->n, keys[k])
                && !tally_of(&search->large, match_key_pair(keys[i], keys[k]))) {
                return true;
            }
        }
    }
    return false;
}

static enum err_code mark_shared(
    struct call *c, const struct match_rule *rule, const struct match_search *search, struct match_values *v)
{
    for (size_t t = 0; t < rule->n; t++) {
        bool reach = rule->terms[t].how == HOW_EMAIL || rule->terms[t].how == HOW_PHONE;
        for (size_t i = 0; reach && rule->terms[t].key && i < v->n[t]; i++) {
            struct match_values one = { 0 };
            uint64_t key[MATCH_KEYS];
            int64_t n;
            one.v[t][0] = v->v[t][i];
            one.n[t] = 1;
            (void)match_keys_of(rule, &one, key);
            TRY(db_int(c, &n,
                SQL("SELECT count(*) FROM (SELECT 1 FROM \"match_keys\" WHERE \"entity\" = $1 AND"
                    " \"key\" = $2 LIMIT 6) x"),
                VALS(V(rule->e->number), V((int64_t)key[0]))));
            for (size_t k = 0; k < search->n; k++) {
                n += search->new[k]->e == rule->e && has_key(search->new[k]->keys, search->new[k]->n, key[0]);
            }
            v->shared[t][i] = n > MATCH_SHARED;
        }
    }
    return OK;
}

enum err_code match_candidates(struct call *c, const struct match_rule *rule,
    struct match_values *values, struct match_search *search, int64_t leave_out, int64_t **ids, size_t *n)
{
    struct candidates s = { .n = 0 };
    struct match_search own;
    uint64_t keys[MATCH_KEYS];
    size_t nkeys = match_keys_of(rule, values, keys);

    if (!search) {
        match_search_init(&own, c->mem);
        search = &own;
    }
    tally_init(&s.shared, c->mem);
    TRY(mark_shared(c, rule, search, values));
    TRY(from_blocks(c, rule->e, keys, nkeys, search, &s));
    for (size_t i = 0; i < search->n; i++) {
        if (search->new[i]->e == rule->e && are_near(search, keys, nkeys, search->new[i])) {
            add(c, &s, search->new[i]->id);
        }
    }
    *ids = ARENA_ARRAY(c->mem, int64_t, MATCH_CANDIDATES);
    *n = 0;
    for (uint32_t shared = (uint32_t)(nkeys * (nkeys + 1) / 2) + 1; shared > 0; shared--) {
        for (size_t i = 0; i < s.n && *n < MATCH_CANDIDATES; i++) {
            if (tally_of(&s.shared, (uint64_t)s.ids[i]) == shared && s.ids[i] != leave_out) {
                (*ids)[(*n)++] = s.ids[i];
            }
        }
    }
    return OK;
}
