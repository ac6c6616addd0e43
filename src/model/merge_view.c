/* merge_view.c - what a merge would do: the fields side by side with the proposal, and how much moves. */

#include "model/merge.h"

#include <inttypes.h>
#include <stdio.h>

static bool shown(struct call *c, const struct merging *m, const struct live_field *f)
{
    bool any = false;

    if (!merge_decides(f) || access_field(c, f) == FIELD_HIDDEN) {
        return false;
    }
    for (size_t i = 0; i < m->n; i++) {
        any = any || !cells_absent(f, &m->records[i]->cells[f->cell]);
    }
    return any;
}

static bool differs(const struct merging *m, const struct live_field *f)
{
    for (size_t i = 1; i < m->n; i++) {
        if (!cells_equal(f, &m->records[0]->cells[f->cell], &m->records[i]->cells[f->cell])) {
            return true;
        }
    }
    return false;
}

static void put_value(struct call *c, const struct live_field *f, const struct dbval *cells,
    const struct ref_names *names)
{
    if (cells_absent(f, cells)) {
        json_none(&c->out, NULL);
    } else {
        cells_to_json(c, f, cells, names, &c->out);
    }
}

static enum err_code put_field(struct call *c, const struct merging *m, const struct live_field *f,
    const struct ref_names *names)
{
    struct dbval cells[FIELD_CELLS];
    int64_t from;

    TRY(merge_proposal(c, m, f, cells, &from));
    json_object(&c->out, NULL);
    json_text(&c->out, "name", f->name);
    json_text(&c->out, "label", f->label);
    json_cstr(&c->out, "kind", field_kind_name(f->def.kind));
    json_flag(&c->out, "differs", differs(m, f));
    json_array(&c->out, "values");
    for (size_t i = 0; i < m->n; i++) {
        put_value(c, f, &m->records[i]->cells[f->cell], names);
    }
    json_end_array(&c->out);
    json_name(&c->out, STR("proposal"));
    put_value(c, f, cells, names);
    if (from) {
        json_int(&c->out, "from", from);
    } else {
        json_none(&c->out, "from");
    }
    json_end_object(&c->out);
    return OK;
}

static enum err_code put_count(struct call *c, const struct live_field *by, int64_t n, void *arg)
{
    (void)arg;
    if (access_level(c, by->entity, RIGHT_READ) == LEVEL_NONE
        && !(by->entity->def.flags & ENTITY_LINK)) {
        return OK;
    }
    json_object(&c->out, NULL);
    json_text(&c->out, "entity", by->entity->name);
    json_text(&c->out, "label", by->entity->label_plural);
    json_text(&c->out, "field", by->name);
    json_int(&c->out, "count", n);
    json_end_object(&c->out);
    return OK;
}

enum err_code merge_preview(struct call *c, const struct merging *m)
{
    struct ref_names *names = ref_names_new(c);

    for (size_t i = 0; i < m->n; i++) {
        ref_names_want(names, m->e, m->ids[i]);
        for (size_t k = 0; k < m->e->nfields; k++) {
            const struct live_field *f = m->e->fields[k];
            if (shown(c, m, f)) {
                cells_want(names, f, &m->records[i]->cells[f->cell]);
            }
        }
    }
    TRY(ref_names_load(names));
    json_object(&c->out, NULL);
    json_int(&c->out, "survivor", m->ids[0]);
    json_array(&c->out, "records");
    for (size_t i = 0; i < m->n; i++) {
        json_object(&c->out, NULL);
        json_int(&c->out, "id", m->ids[i]);
        json_text(&c->out, "name", ref_names_get(names, m->e, m->ids[i]));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_array(&c->out, "fields");
    for (size_t k = 0; k < m->e->nfields; k++) {
        if (shown(c, m, m->e->fields[k])) {
            TRY(put_field(c, m, m->e->fields[k], names));
        }
    }
    json_end_array(&c->out);
    json_array(&c->out, "moves");
    TRY(merge_count(c, m, put_count, NULL));
    json_end_array(&c->out);
    json_end_object(&c->out);
    return buf_status(&c->body, &c->err);
}
