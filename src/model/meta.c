/* meta.c - the live model as JSON, cut down to what the caller may see: screens are drawn from it. */

#include "model/meta.h"

#include "model/org.h"
#include "model/texts.h"

#include <inttypes.h>

/* In the caller's language; what users named themselves is found in no catalogue and stays. */
static void put_label(struct call *c, const char *name, struct str label)
{
    json_cstr(&c->out, name, text_in(call_language(c), arena_cstr(c->mem, label)));
}

static void put_choices(struct call *c, const struct choice_list *l)
{
    struct json_writer *w = &c->out;

    json_array(w, NULL);
    for (size_t i = 0; i < l->n; i++) {
        const struct choice *ch = &l->choices[i];
        json_object(w, NULL);
        json_int(w, "id", ch->id);
        json_text(w, "code", ch->code);
        put_label(c, "label", ch->label);
        json_text(w, "colour", ch->colour);
        json_text(w, "kind", ch->kind);
        json_flag(w, "active", ch->active);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_lists(struct call *c)
{
    const struct map *lists = &c->model->lists;

    json_object(&c->out, "lists");
    for (size_t i = 0; i < lists->room; i++) {
        if (lists->slots[i].value) {
            json_name(&c->out, lists->slots[i].key);
            put_choices(c, lists->slots[i].value);
        }
    }
    json_end_object(&c->out);
}

static void put_flags(struct json_writer *w, const struct live_field *f)
{
    const struct field *d = &f->def;
    const struct {
        const char *name;
        bool on;
    } flags[] = {
        { "required", d->required },
        { "unique", d->unique },
        { "read_only", d->read_only || d->kind == KIND_FORMULA || d->kind == KIND_ROLLUP || d->mirror },
        { "set_once", d->set_once }, { "asked", d->asked },
        { "hidden", d->hidden },
        { "sensitive", d->sensitive },
        { "partial", d->partial },
        { "personal", d->personal },
        { "custom", f->custom },
        { "standard", f->standard },
        { "searched", d->search > 0 },
        { "indexed", d->index || d->unique },
    };

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].on) {
            json_flag(w, flags[i].name, true);
        }
    }
}

static void put_targets(struct json_writer *w, const struct live_field *f)
{
    if (f->target) {
        json_text(w, "target", f->target->name);
    }
    if (f->targets) {
        json_array(w, "targets");
        for (struct live_entity **t = f->targets; *t; t++) {
            json_text(w, NULL, (*t)->name);
        }
        json_end_array(w);
    }
    if (f->list) {
        json_text(w, "list", f->list->name);
    }
}

static void put_field(struct call *c, const struct live_field *f, enum field_right right)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_text(w, "name", f->name);
    put_label(c, "label", f->label);
    json_cstr(w, "kind", field_kind_name(f->def.kind));
    if (f->value != f->def.kind) {
        json_cstr(w, "result", field_kind_name(f->value));
    }
    json_int(w, "number", f->number);
    json_cstr(w, "right", right == FIELD_WRITE ? "write" : "read");
    put_flags(w, f);
    put_targets(w, f);
    if (f->scale) {
        json_int(w, "scale", f->scale);
    }
    if (f->def.min || f->def.max) {
        json_int(w, "min", f->def.min);
        json_int(w, "max", f->def.max);
    }
    if (f->def.help) {
        put_label(c, "help", str_of(f->def.help));
    }
    if (f->def.group) {
        put_label(c, "group", str_of(f->def.group));
    }
    if (f->def.expr) {
        json_cstr(w, "expr", f->def.expr);
    }
    if (f->def.mirror) {
        json_cstr(w, "mirror", f->def.mirror);
        json_cstr(w, "mirror_part", f->def.mirror_part);
    }
    if (f->def.alarm) {
        json_cstr(w, "alarm", f->def.alarm);
    }
    json_end_object(w);
}

static void put_fields(struct call *c, const struct live_entity *e)
{
    json_array(&c->out, "fields");
    for (size_t i = 0; i < e->nfields; i++) {
        enum field_right right = access_field(c, e->fields[i]);
        if (right != FIELD_HIDDEN && !e->fields[i]->def.system) {
            put_field(c, e->fields[i], right);
        }
    }
    json_end_array(&c->out);
}

static void put_children(struct call *c, const struct live_entity *e)
{
    json_array(&c->out, "children");
    for (size_t i = 0; i < e->nchildren; i++) {
        const struct live_child *child = e->children[i];
        if (child->entity->def.flags & ENTITY_TABLE
            || access_level(c, child->entity, RIGHT_READ) == LEVEL_NONE
            || access_field(c, child->by) == FIELD_HIDDEN) {
            continue;
        }
        json_object(&c->out, NULL);
        json_text(&c->out, "name", child->name);
        json_text(&c->out, "entity", child->entity->name);
        json_text(&c->out, "by", child->by->name);
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
}

static void put_inputs(struct json_writer *w, const struct field *f)
{
    json_array(w, "input");
    for (; f && f->kind != KIND_NONE; f++) {
        json_object(w, NULL);
        json_cstr(w, "name", f->name);
        json_cstr(w, "kind", field_kind_name(f->kind));
        json_flag(w, "required", f->required);
        if (f->target) {
            json_cstr(w, "target", f->target);
        }
        json_end_object(w);
    }
    json_end_array(w);
}

/* The actions of an entity, or with e NULL those of the modules themselves, that the caller may run. */
static void put_actions(struct call *c, const struct live_entity *e)
{
    static const char *const takes[] = { "none", "one", "many" };
    static const char *const effects[] = { "read", "write", "job" };
    struct json_writer *w = &c->out;

    json_array(w, "actions");
    for (const struct module *const *m = c->model->modules; *m; m++) {
        for (const struct action *a = (*m)->actions; a && a->name; a++) {
            bool here = e ? a->on && str_is(e->name, a->on) : !a->on;
            if (!here || !access_action(c, a->right)) {
                continue;
            }
            json_object(w, NULL);
            json_cstr(w, "name", a->name);
            json_cstr(w, "module", (*m)->name);
            json_cstr(w, "takes", takes[a->takes]);
            json_cstr(w, "effect", effects[a->effect]);
            put_label(c, "help", str_of(a->help));
            put_inputs(w, a->input);
            json_end_object(w);
        }
    }
    json_end_array(w);
}

static void put_rights(struct call *c, const struct live_entity *e)
{
    json_object(&c->out, "rights");
    for (int r = 0; r < RIGHT_COUNT; r++) {
        json_cstr(&c->out, right_name((enum right)r),
            level_name(access_level(c, e, (enum right)r)));
    }
    json_end_object(&c->out);
}

static void put_entity(struct call *c, const struct live_entity *e)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_text(w, "name", e->name);
    json_text(w, "plural", e->plural);
    put_label(c, "label", e->label);
    put_label(c, "label_plural", e->label_plural);
    if (e->def.area) {
        put_label(c, "area", str_of(e->def.area));
    }
    if (e->def.columns) {
        json_cstr(w, "columns", e->def.columns);
    }
    json_cstr(w, "icon", e->def.icon);
    json_cstr(w, "module", e->module ? e->module->name : NULL);
    json_int(w, "number", e->number);
    json_cstr(w, "title", e->title ? e->title->name.p : NULL);
    json_flag(w, "custom", e->custom);
    json_flag(w, "link", e->def.flags & ENTITY_LINK);
    json_flag(w, "person", e->def.flags & ENTITY_PERSON);
    json_flag(w, "activity", e->def.flags & ENTITY_ACTIVITY);
    json_flag(w, "aside", e->def.flags & (ENTITY_ADMIN | ENTITY_DERIVED | ENTITY_APPEND_ONLY));
    json_flag(w, "append_only", e->def.flags & ENTITY_APPEND_ONLY);
    put_rights(c, e);
    put_fields(c, e);
    put_children(c, e);
    put_actions(c, e);
    json_end_object(w);
}

static enum err_code put_layouts(struct call *c)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"entity\", \"kind\", \"content\" FROM \"layouts\" WHERE \"deleted_at\" IS NULL"
            " ORDER BY \"id\""),
        VALS()));
    json_array(&c->out, "layouts");
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_text(&c->out, "entity", stmt_text(rows.st, 0));
        json_text(&c->out, "kind", stmt_text(rows.st, 1));
        if (col_null(&rows, 2)) {
            json_none(&c->out, "content");
        } else {
            json_raw(&c->out, "content", stmt_text(rows.st, 2));
        }
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

static void put_organisation(struct call *c)
{
    struct json_writer *w = &c->out;

    json_object(w, "organisation");
    json_cstr(w, "name", c->org->name);
    json_text(w, "currency", c->model->currency);
    json_text(w, "zone", c->model->zone);
    json_text(w, "language", c->model->language);
    json_text(w, "country", c->model->country);
    json_end_object(w);
}

static void put_caller(struct call *c)
{
    struct json_writer *w = &c->out;

    json_object(w, "user");
    json_int(w, "id", c->who->id);
    json_text(w, "email", c->who->email);
    json_text(w, "name", c->who->name);
    json_flag(w, "admin", c->who->admin);
    json_text(w, "language", c->who->language.n ? c->who->language : c->model->language);
    json_cstr(w, "zone", c->who->zone ? zone_name(c->who->zone) : c->model->zone.p);
    json_end_object(w);
}

enum err_code meta_json(struct call *c)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_int(w, "version", c->model->version);
    put_organisation(c);
    put_caller(c);
    json_array(w, "entities");
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        if (!(e->def.flags & ENTITY_TABLE) && access_level(c, e, RIGHT_READ) != LEVEL_NONE) {
            put_entity(c, e);
        }
    }
    json_end_array(w);
    put_actions(c, NULL);
    put_lists(c);
    TRY(put_layouts(c));
    json_end_object(w);
    return OK;
}

struct str meta_etag(struct call *c)
{
    int64_t layouts = 0;
    bool found;

    if (db_find(c, &layouts, &found,
            SQL("SELECT coalesce(sum(\"version\"), 0) + max(\"id\") FROM \"layouts\""), VALS())
        != OK) {
        layouts = -1; /* whatever is wrong, the next statement will say it */
    }
    return arena_fmt(c->mem, "m%" PRId64 "-%" PRId64 "-%" PRId64 "-%" PRId64 "-%" PRId64,
        c->model->version, __atomic_load_n(&c->org->access_version, __ATOMIC_RELAXED), c->who->id,
        c->who->token, layouts);
}
