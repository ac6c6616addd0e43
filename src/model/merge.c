/* merge.c - decides the survivor's values and does the merge.
 *
 * The order makes unique keys free before they are taken, and undo, which goes backwards, alike: first
 * what refers to the losers moves, then they go to the bin, then the survivor changes. */

#include "model/merge.h"

#include "model/change.h"
#include "model/entries.h"
#include "model/parts.h"

#include <inttypes.h>
#include <string.h>

#define COL_INT(n) FIELD_INT(n, .system = true)
static const struct field fields[] = { COL_INT("entity"), COL_INT("record"), COL_INT("into"),
    COL_INT("change_set"), FIELD_END };
const struct entity merge_entity = { .name = "merge_row", .plural = "merges", .fields = fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"entity\", \"record\"" };

/* ---- whose value ---- */

/* Where the values are not equal in rank, a rule of its own decides; consent will be one of them. */
struct policy {
    enum field_kind kind;
    const char *prefix; /* of the field's name */
    void (*decide)(const struct merging *m, const struct live_field *f, struct dbval *cells);
};

/* What one of them has forbidden stays forbidden. */
static void any_true(const struct merging *m, const struct live_field *f, struct dbval *cells)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->records[i]->cells[f->cell].type == DB_INT && m->records[i]->cells[f->cell].i) {
            cells[0] = V(true);
        }
    }
}

static const struct policy policies[] = {
    { KIND_BOOL, "do_not_", any_true },
};

bool merge_decides(const struct live_field *f)
{
    return f->stored && !f->def.read_only && !f->def.system && !f->def.mirror
        && f->def.kind != KIND_FORMULA && f->def.kind != KIND_ROLLUP && f->def.kind != KIND_NUMBER
        && f->def.kind != KIND_MANY && f != f->entity->id && f != f->entity->version
        && f != f->entity->deleted_at;
}

static bool holds(json_t *list, const json_t *one)
{
    const json_t *key = json_is_object(one) ? json_object_get(one, "key") : one;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *other = json_array_get(list, i);
        if (json_equal((json_t *)key,
                json_is_object(other) ? json_object_get(other, "key") : (json_t *)other)) {
            return true;
        }
    }
    return false;
}

/* The survivor's entries first: its primary one stays so. */
static enum err_code unite(struct call *c, const struct merging *m, const struct live_field *f,
    struct dbval *cells, int64_t *from)
{
    json_t *all = json_pack("[]"), *list;
    size_t holders = 0;

    arena_defer(c->mem, (void (*)(void *))json_decref, all);
    for (size_t i = 0; i < m->n; i++) {
        struct dbval cell = m->records[i]->cells[f->cell];
        if (cell.type != DB_TEXT) {
            continue;
        }
        holders++;
        *from = holders == 1 ? m->ids[i] : 0;
        TRY(json_read(c->mem, cell.s, &list, &c->err));
        for (size_t k = 0; k < json_array_size(list); k++) {
            json_t *one = json_array_get(list, k);
            if (!holds(all, one)) {
                json_array_append(all, one);
            }
        }
    }
    if (!holders) {
        return OK;
    }
    return cells_from_entries(c, f, all, cells) ? OK : call_status(c);
}

static bool is_one_of(const struct merging *m, const struct live_field *f, const struct dbval *cells)
{
    const struct dbval *id = f->def.kind == KIND_ANYREF ? &cells[1] : &cells[0];
    bool here = (f->def.kind == KIND_REF && f->target == m->e)
        || (f->def.kind == KIND_ANYREF && cells[0].type == DB_INT && cells[0].i == m->e->number);

    for (size_t i = 0; here && i < m->n; i++) {
        if (id->type == DB_INT && id->i == m->ids[i]) {
            return true;
        }
    }
    return false;
}

enum err_code merge_proposal(struct call *c, const struct merging *m, const struct live_field *f,
    struct dbval *cells, int64_t *from)
{
    *from = 0;
    cells[0] = cells[1] = V_NULL;
    if (kind_is_list(f->def.kind) || kind_is_picks(f->def.kind)) {
        return unite(c, m, f, cells, from);
    }
    for (size_t i = 0; i < m->n && !*from; i++) {
        const struct dbval *given = &m->records[i]->cells[f->cell];
        /* nobody leads to himself */
        if (!cells_absent(f, given) && !is_one_of(m, f, given)) {
            memcpy(cells, given, (size_t)f->ncolumns * sizeof *cells);
            *from = m->ids[i];
        }
    }
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        if (policies[i].kind == f->def.kind && str_starts(f->name, str_of(policies[i].prefix))) {
            policies[i].decide(m, f, cells);
            for (size_t k = m->n; k-- > 0;) {
                *from = cells_equal(f, cells, &m->records[k]->cells[f->cell]) ? m->ids[k] : *from;
            }
        }
    }
    return OK;
}

/* ---- may it be ---- */

static bool is_merged(const struct live_entity *e)
{
    unsigned never = ENTITY_TABLE | ENTITY_LINK | ENTITY_APPEND_ONLY | ENTITY_ADMIN | ENTITY_PUBLIC
        | ENTITY_PERSONAL | ENTITY_CUSTOMISE | ENTITY_PAIR;

    return !(e->def.flags & never) && !str_is(e->name, "share");
}

static enum err_code open_one(struct call *c, struct merging *m, size_t i)
{
    bool yes;

    for (size_t k = 0; k < i; k++) {
        if (m->ids[k] == m->ids[i]) {
            return fail(c, ERR_INVALID, "ids", "%" PRId64 " is named twice", m->ids[i]);
        }
    }
    if (c->tx == TX_WRITE && conn_backend(c->db) == DB_POSTGRES) {
        TRY(record_lock(c, m->e, m->ids[i]));
    }
    TRY(record_load(c, m->e, m->ids[i], true, &m->records[i]));
    struct record *r = m->records[i];
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes || r->cells[m->e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, m->e->name.p, m->ids[i]);
    }
    TRY(access_record(c, r, RIGHT_UPDATE, &yes));
    if (!yes) {
        return fail(c, ERR_FORBIDDEN, NULL, "you may not change %s %" PRId64, m->e->name.p, m->ids[i]);
    }
    TRY(i ? access_record(c, r, RIGHT_DELETE, &yes) : OK);
    return yes ? OK
               : fail(c, ERR_FORBIDDEN, NULL, "you may not delete %s %" PRId64, m->e->name.p, m->ids[i]);
}

enum err_code merge_open(struct call *c, const struct live_entity *e, const int64_t *ids, size_t n,
    struct merging **out)
{
    struct merging *m = ARENA_NEW(c->mem, struct merging);

    if (!is_merged(e)) {
        return fail(c, ERR_INVALID, NULL, "%s are not merged", e->label_plural.p);
    }
    if (n < 2 || n > MERGE_MAX) {
        return fail(c, ERR_INVALID, "ids", "2 to %d records are merged at once", MERGE_MAX);
    }
    *m = (struct merging) { .e = e, .ids = ids, .n = n };
    m->records = ARENA_ARRAY(c->mem, struct record *, n);
    for (size_t i = 0; i < n; i++) {
        TRY(open_one(c, m, i));
    }
    *out = m;
    return OK;
}

/* ---- doing it ---- */

static enum err_code bin_losers(struct call *c, const struct merging *m)
{
    for (size_t i = 1; i < m->n; i++) {
        TRY(record_delete(c, m->e, m->ids[i], 0));
        TRY(db_exec(c,
            SQL("INSERT INTO \"merges\" (\"entity\", \"record\", \"into\", \"change_set\") VALUES"
                " ($1, $2, $3, $4) ON CONFLICT (\"entity\", \"record\") DO UPDATE SET \"into\" ="
                " excluded.\"into\", \"change_set\" = excluded.\"change_set\""),
            VALS(V(m->e->number), V(m->ids[i]), V(m->ids[0]), V(c->change_set))));
    }
    return OK;
}

/* What nobody said is the engine's own write: a field that the caller does not see is not lost. */
static enum err_code apply_proposals(struct call *c, const struct merging *m)
{
    struct record *r = record_new(c, m->e);

    for (size_t i = 0; i < m->e->nfields; i++) {
        const struct live_field *f = m->e->fields[i];
        struct dbval cells[FIELD_CELLS];
        int64_t from;
        if (merge_decides(f)) {
            TRY(merge_proposal(c, m, f, cells, &from));
            if (!cells_equal(f, cells, &m->records[0]->cells[f->cell])) {
                record_set_cells(r, f, cells);
            }
        }
    }
    r->id = m->ids[0];
    r->trusted = true;
    return record_update(c, r);
}

static const struct record *whose(const struct merging *m, int64_t id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->ids[i] == id) {
            return m->records[i];
        }
    }
    return NULL;
}

/* What was said is a change like another: with the rights to the fields. */
static enum err_code apply_choices(
    struct call *c, const struct merging *m, const json_t *chosen, const json_t *values)
{
    struct record *r = record_new(c, m->e);
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)chosen, name, v)
    {
        const struct live_field *f = entity_field(m->e, str_of(name));
        const struct record *of = whose(m, json_integer_value(v));
        if (!f || f->def.system || name[0] == '@' || access_field(c, f) == FIELD_HIDDEN) {
            fail_field(c, name, "%s has no field \"%.60s\"", m->e->label.p, name);
        } else if (!merge_decides(f)) {
            fail_field(c, name, "%s is not chosen in a merge", f->label.p);
        } else if (!of) {
            fail_field(c, name, "the id of one of the records that are merged");
        } else if (access_field(c, f) != FIELD_WRITE) {
            fail_field(c, name, "you may not change %s", f->label.p);
        } else {
            record_set_cells(r, f, record_cells(of, f));
        }
    }
    TRY(call_status(c));
    TRY(values ? record_fill(c, r, values) : OK);
    r->id = m->ids[0];
    return record_update(c, r);
}

/* A chain that leads upwards must not come back to the survivor: it then begins with him. */
static enum err_code cut_circles(struct call *c, const struct merging *m)
{
    for (size_t i = 0; i < m->e->nfields; i++) {
        const struct live_field *f = m->e->fields[i];
        int64_t at = m->ids[0];
        if (f->def.kind != KIND_REF || f->target != m->e || !f->stored) {
            continue;
        }
        for (int depth = 0; at && depth < 100; depth++) {
            struct record *r;
            enum err_code code = record_load(c, m->e, at, true, &r);
            if (code == ERR_NOT_FOUND) {
                err_clear(&c->err);
                break;
            }
            TRY(code);
            at = r->cells[f->cell].type == DB_INT ? r->cells[f->cell].i : 0;
            if (at == m->ids[0]) {
                struct record *change = record_new(c, m->e);
                change->id = at;
                change->trusted = change->replay = true;
                record_set_cells(change, f, (struct dbval[FIELD_CELLS]) { V_NULL, V_NULL });
                TRY(record_update(c, change));
                break;
            }
        }
    }
    return OK;
}

enum err_code merge_run(
    struct call *c, struct merging *m, const json_t *chosen, const json_t *values)
{
    if ((chosen && !json_is_object(chosen)) || (values && !json_is_object(values))) {
        return fail(c, ERR_INVALID, chosen && !json_is_object(chosen) ? "fields" : "values",
            "an object: {\"field\": ...}");
    }
    if (!c->change_set) {
        c->change_kind = "merge";
    }
    TRY(change_set_open(c));
    TRY(merge_move(c, m));
    TRY(bin_losers(c, m));
    TRY(apply_proposals(c, m));
    TRY(json_object_size(chosen) || json_object_size(values) ? apply_choices(c, m, chosen, values) : OK);
    return cut_circles(c, m);
}

/* ---- where it went ---- */

enum err_code merge_target(
    struct call *c, const struct live_entity *e, int64_t id, int64_t *into)
{
    bool found = true;
    int64_t next = 0;

    *into = 0;
    for (int steps = 0; found && steps < 1000; steps++) {
        TRY(db_find(c, &next, &found,
            SQL("SELECT m.\"into\" FROM \"merges\" m JOIN \"change_sets\" s ON s.\"id\" ="
                " m.\"change_set\" WHERE m.\"entity\" = $1 AND m.\"record\" = $2 AND"
                " s.\"undone_by\" IS NULL"),
            VALS(V(e->number), V(*into ? *into : id))));
        if (found) {
            *into = next;
        }
    }
    return OK;
}

enum err_code merge_forget(struct call *c, const struct live_entity *e, int64_t id)
{
    return db_exec(c, SQL("DELETE FROM \"merges\" WHERE \"entity\" = $1 AND \"record\" = $2"),
        VALS(V(e->number), V(id)));
}
