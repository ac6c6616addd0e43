/* enrich.c - attaches a table of facts to an entity, by a reference that the engine keeps (model/lookup.h).
 *
 * The table is an object like any other: made by a user, filled by an import. An attachment is a field of the
 * entity, so it stands in lists, filters, segments and exports as every field does; these actions are a shorter
 * way to its definition, and tell how much of it is matched. */

#include "domain/enrich/enrich.h"

#include "model/action.h"
#include "model/lookup.h"
#include "model/query.h"

#include <string.h>

/* ---- attach ---- */

static const struct field attach_input[] = {
    FIELD_TEXT("entity", .required = true, .max = 60, .help = "What the facts are attached to: contact"),
    FIELD_TEXT("facts", .required = true, .max = 60, .help = "The object with the facts: x_zone"),
    FIELD_JSON("on", .required = true,
        .help = "[{\"field\": \"postcode\", \"key\": \"x_postcode\"}]: fields that must be equal; \"part\": \"domain\""
                " compares the domain of an e-mail or web address"),
    FIELD_TEXT("name", .max = 50, .help = "The name of the reference; without it, that of the facts"),
    FIELD_TEXT("label", .max = 80),
    FIELD_END,
};

static const struct live_entity *entity_of(struct call *c, const char *input)
{
    struct str name = in_text(c, input);
    const struct live_entity *e = model_entity(c->model, name);

    if (!e || (e->def.flags & (ENTITY_TABLE | ENTITY_LINK))) {
        fail_field(c, input, "there is nothing called \"%.*s\" here", (int)(name.n < 60 ? name.n : 60), name.p);
        return NULL;
    }
    return e;
}

static enum err_code attach(struct call *c)
{
    const struct live_entity *e = entity_of(c, "entity"), *facts = entity_of(c, "facts");
    const json_t *on = json_object_get(c->input, "on");
    struct str name = in_text(c, "name"), label = in_text(c, "label");

    if (!json_is_array(on) || !json_array_size(on)) {
        fail_field(c, "on", "say which fields are compared: [{\"field\": \"postcode\", \"key\": \"x_postcode\"}]");
    }
    TRY(call_status(c));
    if (!name.n) {
        name = str_starts(facts->name, STR("x_")) ? facts->name : arena_fmt(c->mem, "x_%s", facts->name.p);
    }
    json_t *field = json_pack("{s:s%, s:s%, s:s, s:s%, s:O}", "entity", e->name.p, e->name.n, "name", name.p, name.n,
        "kind", "reference", "target", facts->name.p, facts->name.n, "lookup", on);
    if (!field) {
        return fail(c, ERR_INVALID, "name", "a name is text");
    }
    arena_defer(c->mem, (void (*)(void *))json_decref, field);
    json_object_set_new(field, "label", label.n ? json_stringn(label.p, label.n) : json_stringn(facts->label.p, facts->label.n));
    struct record *r = record_of(c, "field");
    TRY(record_fill(c, r, field));
    TRY(record_create(c, r));
    json_int(&c->out, "id", r->id);
    json_text(&c->out, "name", name);
    return OK;
}

/* ---- detach, refresh ---- */

static const struct field one_input[] = {
    FIELD_TEXT("entity", .required = true, .max = 60),
    FIELD_TEXT("name", .required = true, .max = 50, .help = "The reference: x_zone"),
    FIELD_END,
};

static const struct live_field *attachment(struct call *c)
{
    const struct live_entity *e = entity_of(c, "entity");
    struct str name = in_text(c, "name");
    const struct live_field *f = e ? entity_field(e, name) : NULL;

    if (e && (!f || !f->lookup)) {
        fail_field(c, "name", "no facts are attached to %s as \"%.*s\"", e->label_plural.p,
            (int)(name.n < 60 ? name.n : 60), name.p);
        return NULL;
    }
    return f;
}

static enum err_code detach(struct call *c)
{
    const struct live_field *f = attachment(c);

    TRY(call_status(c));
    return record_delete(c, model_entity(c->model, STR("field")), f->id, 0);
}

static enum err_code refresh(struct call *c)
{
    const struct live_field *f = attachment(c);
    int64_t job;

    TRY(call_status(c));
    TRY(lookup_order(c, f, true, 0, &job));
    out_int(c, "job", job);
    return OK;
}

/* ---- state ---- */

static enum err_code tell(struct call *c, const struct live_field *f)
{
    struct lookup_state state;

    TRY(lookup_state(c, f, &state));
    json_object(&c->out, NULL);
    json_text(&c->out, "entity", f->entity->name);
    json_text(&c->out, "name", f->name);
    json_text(&c->out, "label", f->label);
    json_text(&c->out, "facts", f->target->name);
    json_array(&c->out, "on");
    for (size_t i = 0; i < f->lookup->n; i++) {
        const struct lookup_pair *p = &f->lookup->pairs[i];
        json_object(&c->out, NULL);
        json_text(&c->out, "field", p->from->name);
        json_text(&c->out, "key", p->key->name);
        if (p->domain) {
            json_cstr(&c->out, "part", "domain");
        }
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    json_int(&c->out, "keys", state.facts);
    json_int(&c->out, "records", state.records);
    json_int(&c->out, "matched", state.matched);
    json_int(&c->out, "unmatched", state.records - state.matched);
    json_flag(&c->out, "at_work", state.at_work);
    json_end_object(&c->out);
    return OK;
}

static enum err_code state(struct call *c)
{
    json_array(&c->out, "items");
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        for (size_t k = 0; k < e->nlookups; k++) {
            TRY(tell(c, e->lookups[k]));
        }
    }
    json_end_array(&c->out);
    return OK;
}

static const struct action actions[] = {
    { .name = "attach", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .input = attach_input,
        .right = "field.create", .run = attach, .help = "Attach a table of facts to an entity." },
    { .name = "detach", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .input = one_input,
        .right = "field.delete", .run = detach, .help = "Take an attached table of facts away again." },
    { .name = "refresh", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .input = one_input,
        .right = "field.update", .run = refresh, .help = "Match all records with the facts again." },
    { .name = "state", .takes = TAKES_NONE, .effect = EFFECT_READ, .right = "field.update", .run = state,
        .help = "What is attached, and how many records are matched." },
    ACTION_END,
};

const struct module enrich_module = { .name = "enrich", .actions = actions };
