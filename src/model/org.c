/* org.c - opens an organisation's database, brings its tables up to the model, publishes snapshots.
 *
 * Two passes at start: the built-in tables first, so that the rows which carry users' definitions can
 * be read, then everything. */

#include "model/org.h"

#include "base/log.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "model/access_cache.h"
#include "model/auth.h"
#include "model/build.h"
#include "model/recompute.h"
#include "model/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct user system_user = { .name = STR_INIT("system"), .admin = true };

const struct user *user_system(void)
{
    return &system_user;
}

int64_t org_now(const struct org *o)
{
    return o->test_now ? o->test_now : time_now();
}

/* ---- reading the definitions ---- */

struct load {
    struct conn *db;
    struct arena *mem;
    struct model_source *src;
    struct err *e;
};

static struct str text_col(struct load *l, struct stmt *st, int col)
{
    return arena_str(l->mem, stmt_text(st, col));
}

static const char *cstr_col(struct load *l, struct stmt *st, int col)
{
    return stmt_is_null(st, col) ? NULL : text_col(l, st, col).p;
}

static enum err_code load_state(struct load *l)
{
    struct stmt *st;
    bool row;

    TRY(conn_query(l->db, SQL("SELECT \"key\", \"value\" FROM \"state\""), VALS(), &st, l->e));
    for (;;) {
        TRY(stmt_step(st, &row, l->e));
        if (!row) {
            break;
        }
        struct str key = stmt_text(st, 0);
        struct str value = text_col(l, st, 1);
        if (str_is(key, "model")) {
            str_to_int(value, &l->src->version);
        } else if (str_is(key, "currency")) {
            l->src->currency = value;
        } else if (str_is(key, "zone")) {
            l->src->zone = value;
        } else if (str_is(key, "language")) {
            l->src->language = value;
        } else if (str_is(key, "country")) {
            l->src->country = value;
        }
    }
    stmt_end(st);
    return OK;
}

static enum err_code load_numbers(struct load *l)
{
    struct stmt *st;
    bool row;

    map_init(&l->src->numbers, l->mem);
    TRY(conn_query(
        l->db, SQL("SELECT \"id\", \"key\" FROM \"name_numbers\""), VALS(), &st, l->e));
    for (;;) {
        TRY(stmt_step(st, &row, l->e));
        if (!row) {
            break;
        }
        map_put(&l->src->numbers, text_col(l, st, 1), (void *)(intptr_t)stmt_int(st, 0));
    }
    stmt_end(st);
    return OK;
}

struct numbering {
    struct load *l;
    enum err_code code;
};

static void number_key(void *arg, struct str key)
{
    struct numbering *n = arg;
    int64_t id;

    if (n->code != OK || source_number(n->l->src, key)) {
        return;
    }
    n->code = conn_int(n->l->db,
        SQL("INSERT INTO \"name_numbers\" (\"key\") VALUES ($1) RETURNING \"id\""), VALS(V(key)),
        &id, NULL, n->l->e);
    if (n->code == OK) {
        map_put(&n->l->src->numbers, arena_str(n->l->mem, key), (void *)(intptr_t)id);
    }
}

static enum err_code give_numbers(struct load *l)
{
    struct numbering n = { .l = l };

    source_keys(l->src, number_key, &n);
    return n.code;
}

static enum err_code load_lists(struct load *l)
{
    struct stmt *st;
    bool row;
    struct choice_list *list = NULL;
    size_t room = 0;

    map_init(&l->src->lists, l->mem);
    TRY(conn_query(l->db,
        SQL("SELECT l.\"id\", l.\"name\", c.\"id\", c.\"code\", c.\"label\", c.\"colour\", c.\"kind\","
            " c.\"position\", c.\"active\" FROM \"choice_lists\" l LEFT JOIN \"choices\" c"
            " ON c.\"list\" = l.\"id\" AND c.\"deleted_at\" IS NULL WHERE l.\"deleted_at\" IS NULL"
            " ORDER BY l.\"id\", coalesce(c.\"position\", 0), c.\"id\""),
        VALS(), &st, l->e));
    for (;;) {
        TRY(stmt_step(st, &row, l->e));
        if (!row) {
            break;
        }
        if (!list || list->id != stmt_int(st, 0)) {
            list = ARENA_NEW(l->mem, struct choice_list);
            list->id = stmt_int(st, 0);
            list->name = text_col(l, st, 1);
            room = 0;
            map_put(&l->src->lists, list->name, list);
        }
        if (stmt_is_null(st, 2)) {
            continue;
        }
        ARENA_ROOM(l->mem, list->choices, list->n, room);
        list->choices[list->n++] = (struct choice) {
            .id = stmt_int(st, 2),
            .code = text_col(l, st, 3),
            .label = text_col(l, st, 4),
            .colour = text_col(l, st, 5),
            .kind = text_col(l, st, 6),
            .position = (int)stmt_int(st, 7),
            .active = stmt_int(st, 8) != 0,
        };
    }
    stmt_end(st);
    return OK;
}

static enum err_code load_objects(struct load *l)
{
    struct stmt *st;
    bool row;
    int64_t n = 0;

    TRY(conn_int(l->db, SQL("SELECT count(*) FROM \"objects\""), VALS(), &n, NULL, l->e));
    l->src->objects = ARENA_ARRAY(l->mem, struct entity, (size_t)n + 1);
    l->src->object_ids = ARENA_ARRAY(l->mem, int64_t, (size_t)n + 1);
    TRY(conn_query(l->db,
        SQL("SELECT \"id\", \"name\", \"plural\", \"label\", \"label_plural\", \"icon\","
            " \"title_field\" FROM \"objects\" WHERE \"deleted_at\" IS NULL ORDER BY \"id\""),
        VALS(), &st, l->e));
    for (;;) {
        TRY(stmt_step(st, &row, l->e));
        if (!row) {
            break;
        }
        l->src->object_ids[l->src->nobjects] = stmt_int(st, 0);
        l->src->objects[l->src->nobjects++] = (struct entity) {
            .name = cstr_col(l, st, 1),
            .plural = cstr_col(l, st, 2),
            .label = cstr_col(l, st, 3),
            .label_plural = cstr_col(l, st, 4),
            .icon = cstr_col(l, st, 5),
            .title = cstr_col(l, st, 6),
            .flags = ENTITY_CUSTOM,
        };
    }
    stmt_end(st);
    return OK;
}

static void read_field(struct load *l, struct stmt *st, struct custom_field *f)
{
    enum field_kind kind = KIND_TEXT, result = KIND_NONE;

    field_kind_of(stmt_text(st, 6), &kind);
    field_kind_of(stmt_text(st, 7), &result);
    *f = (struct custom_field) {
        .id = stmt_int(st, 0),
        .object = stmt_int(st, 1),
        .entity = text_col(l, st, 2),
        .table = (int)stmt_int(st, 25),
        .def = {
            .name = cstr_col(l, st, 3),
            .label = cstr_col(l, st, 4),
            .help = cstr_col(l, st, 5),
            .kind = kind,
            .result = result,
            .required = stmt_int(st, 8) != 0,
            .unique = stmt_int(st, 9) != 0,
            .index = stmt_int(st, 10) != 0,
            .sensitive = stmt_int(st, 11) != 0,
            .read_only = stmt_int(st, 12) != 0,
            .partial = stmt_int(st, 13) != 0,
            .no_fold = stmt_int(st, 14) != 0,
            .min = stmt_int(st, 15),
            .max = stmt_int(st, 16),
            .scale = (uint8_t)stmt_int(st, 17),
            .search = (uint8_t)stmt_int(st, 18),
            .target = cstr_col(l, st, 19),
            .inverse = cstr_col(l, st, 20),
            .list = cstr_col(l, st, 21),
            .pattern = cstr_col(l, st, 22),
            .expr = cstr_col(l, st, 23),
            .def = cstr_col(l, st, 24),
            .group = cstr_col(l, st, 26),
            .lookup = cstr_col(l, st, 27),
        },
    };
    if (!f->def.max && (kind == KIND_TEXT || kind == KIND_NAME)) {
        f->def.max = 1000;
    }
    if (kind == KIND_MONEY) {
        f->def.scale = 2;
    }
    if (kind == KIND_TAGS) {
        f->def.list = "tags";
    }
}

static enum err_code load_fields(struct load *l)
{
    struct stmt *st;
    bool row;
    int64_t n = 0;

    TRY(conn_int(l->db, SQL("SELECT count(*) FROM \"fields\""), VALS(), &n, NULL, l->e));
    l->src->fields = ARENA_ARRAY(l->mem, struct custom_field, (size_t)n + 1);
    TRY(conn_query(l->db,
        SQL("SELECT f.\"id\", f.\"object\", f.\"entity\", f.\"name\", f.\"label\", f.\"help\","
            " f.\"kind\", f.\"result\", f.\"required\", f.\"unique\", f.\"index\", f.\"sensitive\","
            " f.\"read_only\", f.\"partial\", f.\"no_fold\", f.\"min\", f.\"max\", f.\"scale\","
            " f.\"search\", f.\"target\", f.\"inverse\", f.\"list\", f.\"pattern\", f.\"expr\","
            " f.\"def\", f.\"side\", f.\"group\", f.\"lookup\" FROM \"fields\" f LEFT JOIN \"objects\" o"
            " ON o.\"id\" = f.\"object\" WHERE f.\"deleted_at\" IS NULL AND"
            " (f.\"object\" IS NULL OR o.\"deleted_at\" IS NULL) ORDER BY f.\"id\""),
        VALS(), &st, l->e));
    for (;;) {
        TRY(stmt_step(st, &row, l->e));
        if (!row) {
            break;
        }
        read_field(l, st, &l->src->fields[l->src->nfields++]);
    }
    stmt_end(st);
    return OK;
}

static enum err_code load_source(struct load *l)
{
    TRY(load_state(l));
    TRY(load_numbers(l));
    TRY(load_objects(l));
    TRY(load_fields(l));
    TRY(give_numbers(l));
    return load_lists(l);
}

/* ---- seeding choices ---- */

static enum err_code insert_list(struct load *l, struct str name, int64_t now, int64_t *id)
{
    return conn_int(l->db,
        SQL("INSERT INTO \"choice_lists\" (\"name\", \"label\", \"label_k\", \"version\","
            " \"created_at\", \"updated_at\", \"created_via\") VALUES ($1, $2, $4, 1, $3, $3,"
            " 'system') RETURNING \"id\""),
        VALS(V(name), V(label_of(l->mem, name)), V(now),
            V(utf8_fold(l->mem, label_of(l->mem, name)))),
        id, NULL, l->e);
}

static enum err_code seed_choices(
    struct load *l, const struct choice_def *seeds, int64_t list, int64_t now)
{
    int64_t position = 0;

    for (; seeds && seeds->code; seeds++) {
        bool found = false;
        int64_t one;
        /* one in the bin counts as there: the user took it out */
        TRY(conn_int(l->db,
            SQL("SELECT 1 FROM \"choices\" WHERE \"list\" = $1 AND \"code\" = $2"),
            VALS(V(list), V(seeds->code)), &one, &found, l->e));
        if (!found) {
            TRY(conn_exec(l->db,
                SQL("INSERT INTO \"choices\" (\"list\", \"code\", \"label\", \"label_k\","
                    " \"colour\", \"kind\", \"position\", \"active\", \"version\", \"created_at\","
                    " \"updated_at\", \"created_via\") VALUES ($1, $2, $3, $8, $4, $5, $6,"
                    " 1, 1, $7, $7, 'system')"),
                VALS(V(list), V(seeds->code), V(seeds->label), V(seeds->colour), V(seeds->kind),
                    V(position), V(now), V(utf8_fold(l->mem, str_of(seeds->label)))),
                NULL, l->e));
        }
        position += 10;
    }
    return OK;
}

static enum err_code seed_fields(struct load *l, const char *entity, const struct field *f, int64_t now)
{
    for (; f && f->kind != KIND_NONE; f++) {
        if (f->kind == KIND_MANY) {
            char link[200];
            snprintf(link, sizeof link, "%s_%s_link", entity, f->name);
            TRY(seed_fields(l, link, f->attributes, now));
            continue;
        }
        if (f->kind != KIND_CHOICE && f->kind != KIND_CHOICES && f->kind != KIND_TAGS) {
            continue;
        }
        struct str name
            = f->list ? str_of(f->list) : arena_fmt(l->mem, "%s_%s", entity, f->name);
        struct choice_list *list = map_get(&l->src->lists, name);
        int64_t id;
        if (list) {
            id = list->id;
        } else {
            TRY(insert_list(l, name, now, &id));
            list = ARENA_NEW(l->mem, struct choice_list);
            list->id = id;
            map_put(&l->src->lists, name, list);
        }
        TRY(seed_choices(l, f->choices, id, now));
    }
    return OK;
}

static enum err_code seed_lists(struct load *l, int64_t now)
{
    for (const struct module *const *m = l->src->modules; *m; m++) {
        for (const struct entity *const *e = (*m)->entities; e && *e; e++) {
            TRY(seed_fields(l, (*e)->name, (*e)->fields, now));
        }
    }
    TRY(seed_fields(l, "", standard_fields, now));
    for (size_t i = 0; i < l->src->nfields; i++) {
        struct field one[] = { l->src->fields[i].def, FIELD_END };
        TRY(seed_fields(l, l->src->fields[i].entity.p, one, now));
    }
    return OK;
}

/* ---- bringing the tables up ---- */

static enum err_code apply_tables(struct load *l, const struct model *m)
{
    struct schema_table *tables;
    struct schema_plan plan = { 0 };
    size_t n;

    model_tables(m, l->mem, &tables, &n);
    TRY(schema_compare(l->db, l->mem, tables, n, &plan, l->e));
    if (plan.refusal) {
        return err_set(l->e, ERR_CONFLICT, NULL, "the database cannot be brought up to this program: %s",
            plan.refusal);
    }
    return plan.n ? schema_apply(l->db, &plan, l->e) : OK;
}

/* Every record has a row in each side table. */
static enum err_code fill_side_tables(struct load *l, const struct model *m)
{
    for (size_t i = 0; i < m->nentities; i++) {
        const struct live_entity *e = m->entities[i];
        for (int t = 1; t <= e->nside; t++) {
            struct str sql = arena_fmt(l->mem,
                "INSERT INTO \"%s\" (\"id\", \"deleted_at\", \"owner\", \"team\") SELECT \"id\","
                " \"deleted_at\", \"owner\", \"team\" FROM \"%s\" b WHERE NOT EXISTS"
                " (SELECT 1 FROM \"%s\" s WHERE s.\"id\" = b.\"id\")",
                e->tables[t], e->tables[0], e->tables[t]);
            TRY(conn_exec(l->db, (struct sql) { sql.p, NULL }, VALS(), NULL, l->e));
        }
    }
    return OK;
}

static enum err_code save_version(struct load *l, int64_t version)
{
    char text[32];

    str_from_scaled(version, 0, text);
    return conn_exec(l->db,
        SQL("INSERT INTO \"state\" (\"key\", \"value\") VALUES ('model', $1)"
            " ON CONFLICT (\"key\") DO UPDATE SET \"value\" = excluded.\"value\""),
        VALS(V(text)), NULL, l->e);
}

static void source_init(struct model_source *src, struct arena *mem,
    const struct module *const *modules)
{
    *src = (struct model_source) { .mem = mem, .modules = modules, .currency = STR("EUR"),
        .zone = STR("UTC"), .language = STR("en"), .country = STR("") };
    map_init(&src->numbers, mem);
    map_init(&src->lists, mem);
}

/* The engine's own module stands first in the list: its tables carry the choices and definitions which
 * the others' formulas may need. */
static enum err_code first_pass(struct load *l)
{
    struct model *m;
    const struct module *const engine[] = { l->src->modules[0], NULL };
    struct model_source src = *l->src;

    src.modules = engine;
    TRY(model_build(&src, &m, l->e));
    enum err_code code = apply_tables(l, m);
    model_free(m);
    return code;
}

static enum err_code bring_up(struct load *l, const struct module *const *modules, int64_t now,
    struct model **out)
{
    source_init(l->src, l->mem, modules);
    TRY(first_pass(l));
    TRY(load_source(l));
    TRY(seed_lists(l, now));
    TRY(load_lists(l));
    l->src->version++;
    TRY(model_build(l->src, out, l->e));
    TRY(apply_tables(l, *out));
    TRY(fill_side_tables(l, *out));
    return save_version(l, (*out)->version);
}

static enum err_code open_model(struct org *o, struct conn *db, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct model_source src;
    struct load l = { .db = db, .mem = mem, .src = &src, .e = e };
    struct model *m = NULL;

    enum err_code code = conn_begin(db, TX_WRITE, e);
    if (code == OK && conn_backend(db) == DB_POSTGRES) {
        /* one server at a time brings the tables up */
        code = conn_exec(db, SQL("SELECT pg_advisory_xact_lock(4711, hashtext(current_schema()))"),
            VALS(), NULL, e);
    }
    if (code == OK) {
        code = bring_up(&l, o->modules, org_now(o), &m);
        conn_end_statements(db);
        code = code == OK ? conn_commit(db, e) : code;
        if (code != OK) {
            conn_rollback(db);
            model_free(m);
        }
    }
    if (code == OK) {
        o->model = m;
    }
    arena_destroy(mem);
    return code;
}

enum err_code org_open(struct org **out, const struct config *cfg, const char *name,
    const struct module *const *modules, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct org *o = ARENA_NEW(mem, struct org);
    struct conn *db = NULL;

    o->mem = mem;
    o->name = arena_cstr(mem, str_of(name));
    o->cfg = cfg;
    o->modules = modules;
    o->db = (struct db_config) {
        .backend = cfg->database_url ? DB_POSTGRES : DB_SQLITE,
        .path = arena_fmt(mem, "%s/orgs/%s/kith.db", cfg->dir, name).p,
        .url = cfg->database_url,
        .schema = arena_fmt(mem, "kith_%s", name).p,
        .checkpoint_apart = cfg->serving,
    };
    pthread_mutex_init(&o->lock, NULL);
    o->access = access_cache_create();
    o->auth = auth_cache_create();
    enum err_code code = conn_open(&o->db, CONN_WRITE, &db, e);
    if (code == OK) {
        code = db_prepare_store(db, e);
    }
    if (code == OK) {
        code = open_model(o, db, e);
    }
    if (code == OK) {
        code = search_prepare(db, e);
    }
    if (code == OK && o->db.backend == DB_SQLITE) {
        code = writer_start(db, (unsigned)cfg->queue_max, NULL, NULL, &o->writer, e);
    } else if (code == OK) {
        org_give_writer(o, db);
    }
    if (code != OK) {
        conn_close(db);
        org_close(o);
        return code;
    }
    *out = o;
    return OK;
}

void org_close(struct org *o)
{
    if (!o) {
        return;
    }
    if (o->writer) {
        writer_stop(o->writer);
    }
    for (int i = 0; i < o->nreaders; i++) {
        conn_close(o->readers[i]);
    }
    for (int i = 0; i < o->nwriters; i++) {
        conn_close(o->writers[i]);
    }
    access_cache_destroy(o->access);
    auth_cache_destroy(o->auth);
    model_free(o->model);
    pthread_mutex_destroy(&o->lock);
    arena_destroy(o->mem);
}

/* ---- snapshots ---- */

const struct model *org_take_model(struct org *o)
{
    pthread_mutex_lock(&o->lock);
    struct model *m = o->model;
    m->refs++;
    pthread_mutex_unlock(&o->lock);
    return m;
}

void org_give_model(struct org *o, const struct model *m)
{
    struct model *mine = (struct model *)m;

    pthread_mutex_lock(&o->lock);
    bool last = --mine->refs == 0;
    pthread_mutex_unlock(&o->lock);
    if (last) {
        model_free(mine);
    }
}

static void put_in_force(struct org *o, struct model *m)
{
    struct model *old;

    pthread_mutex_lock(&o->lock);
    old = o->model;
    if (m->version < old->version) {
        old = m;
    } else {
        __atomic_store_n(&o->model, m, __ATOMIC_RELEASE);
    }
    bool last = --old->refs == 0;
    pthread_mutex_unlock(&o->lock);
    if (last) {
        model_free(old);
    }
}

static void publish(struct org *o, void *arg)
{
    struct call *c = arg;

    put_in_force(o, c->built);
    c->built = NULL;
}

static enum err_code load_model(struct call *c, bool bump, struct model **out)
{
    struct model_source src;
    struct load l = { .db = c->db, .mem = c->mem, .src = &src, .e = &c->err };

    source_init(&src, c->mem, c->org->modules);
    TRY(load_source(&l));
    if (bump) {
        if (c->rebuild == REBUILD_SCHEMA) {
            TRY(seed_lists(&l, c->now));
            TRY(load_lists(&l));
        }
        src.version++;
    }
    TRY(model_build(&src, out, &c->err));
    enum err_code code = OK;
    if (bump && c->rebuild == REBUILD_SCHEMA) {
        code = apply_tables(&l, *out);
        if (code == OK) {
            code = fill_side_tables(&l, *out);
        }
    }
    if (bump && code == OK) {
        code = save_version(&l, (*out)->version);
    }
    if (code != OK) {
        model_free(*out);
    }
    return code;
}

enum err_code org_rebuild(struct call *c)
{
    TRY(load_model(c, true, &c->built));
    call_after_commit(c, publish, c);
    return recompute_order(c, c->model, c->built);
}

enum err_code org_follow(struct call *c)
{
    struct rows rows;
    int64_t model = 0, access = 0;

    TRY(db_query(c, &rows,
        SQL("SELECT \"key\", \"value\" FROM \"state\" WHERE \"key\" IN ('model', 'access')"),
        VALS()));
    while (rows_next(&rows)) {
        struct str key = col_text(&rows, 0);
        str_to_int(col_text(&rows, 1), str_is(key, "model") ? &model : &access);
    }
    TRY(rows_end(&rows));
    pthread_mutex_lock(&c->org->lock);
    if (access > c->org->access_version) {
        c->org->access_version = access;
    }
    pthread_mutex_unlock(&c->org->lock);
    if (model <= c->model->version) {
        return OK;
    }
    struct model *m;
    TRY(load_model(c, false, &m));
    put_in_force(c->org, m);
    call_renew_model(c);
    return OK;
}

/* ---- connections ---- */

static enum err_code take(struct org *o, struct conn **idle, int *n, enum conn_mode mode,
    struct conn **out, struct err *e)
{
    *out = NULL;
    pthread_mutex_lock(&o->lock);
    if (*n > 0) {
        *out = idle[--*n];
    }
    pthread_mutex_unlock(&o->lock);
    return *out ? OK : conn_open(&o->db, mode, out, e);
}

static void give(struct org *o, struct conn **idle, int *n, struct conn *conn)
{
    pthread_mutex_lock(&o->lock);
    bool kept = *n < READERS_MAX;
    if (kept) {
        idle[(*n)++] = conn;
    }
    pthread_mutex_unlock(&o->lock);
    if (!kept) {
        conn_close(conn);
    }
}

enum err_code org_take_reader(struct org *o, struct conn **out, struct err *e)
{
    return take(o, o->readers, &o->nreaders, CONN_READ, out, e);
}

void org_give_reader(struct org *o, struct conn *conn)
{
    give(o, o->readers, &o->nreaders, conn);
}

enum err_code org_take_writer(struct org *o, struct conn **out, struct err *e)
{
    return take(o, o->writers, &o->nwriters, CONN_WRITE, out, e);
}

void org_give_writer(struct org *o, struct conn *conn)
{
    give(o, o->writers, &o->nwriters, conn);
}
