/* action.c - finds, checks and runs the actions of modules. */

#include "model/action.h"

#include "model/job.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static bool named(const struct action *a, const struct module *m, struct str name)
{
    struct str module = str_of(m->name);

    if (str_eq(name, str_of(a->name))) {
        return true;
    }
    return !a->on && name.n == module.n + 1 + strlen(a->name) && str_starts(name, module)
        && name.p[module.n] == '.' && str_ends(name, str_of(a->name));
}

const struct action *action_find(
    const struct model *m, const struct live_entity *on, struct str name)
{
    for (const struct module *const *mod = m->modules; *mod; mod++) {
        for (const struct action *a = (*mod)->actions; a && a->name; a++) {
            bool here = on ? a->on && str_eq(on->name, str_of(a->on)) : !a->on;
            if (here && named(a, *mod, name)) {
                return a;
            }
        }
    }
    return NULL;
}

/* Bounds and kinds of the input, by its field table; what is not in the table is refused. */
static bool value_fits(const struct field *f, const json_t *v)
{
    switch (f->kind) {
    case KIND_INT:
    case KIND_REF:
    case KIND_DURATION:
        return json_is_integer(v)
            && (!(f->min || f->max)
                || (json_integer_value(v) >= f->min
                    && (!f->max || json_integer_value(v) <= f->max)));
    case KIND_BOOL:
        return json_is_boolean(v);
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_CHOICE:
    case KIND_DATE:
    case KIND_INSTANT:
        return json_is_string(v) && (!f->max || json_string_length(v) <= (size_t)f->max * 4);
    case KIND_DECIMAL:
    case KIND_PERCENT:
    case KIND_MONEY:
        return json_is_number(v) || json_is_string(v) || json_is_object(v);
    case KIND_NONE: case KIND_CHOICES: case KIND_TAGS: case KIND_MANY: case KIND_ANYREF:
    case KIND_EMAILS: case KIND_PHONES: case KIND_ADDRESSES: case KIND_URLS: case KIND_NAME:
    case KIND_FILE: case KIND_PLACE: case KIND_NUMBER: case KIND_FORMULA: case KIND_ROLLUP:
    case KIND_JSON: case KIND_COUNT:
        break;
    }
    return true;
}

static enum err_code check_input(struct call *c, const struct action *a, const json_t *input)
{
    const char *name;
    json_t *v;

    if (input && !json_is_object(input)) {
        return fail(c, ERR_INVALID, NULL, "the input of an action is a JSON object");
    }
    json_object_foreach((json_t *)input, name, v)
    {
        const struct field *f = a->input;
        while (f && f->kind != KIND_NONE && strcmp(f->name, name) != 0) {
            f++;
        }
        if (!f || f->kind == KIND_NONE) {
            fail_field(c, name, "%s takes no \"%.60s\"", a->name, name);
        } else if (!json_is_null(v) && !value_fits(f, v)) {
            fail_field(c, name, "\"%s\" is not of the kind %s, or out of its bounds", name,
                field_kind_name(f->kind));
        }
    }
    for (const struct field *f = a->input; f && f->kind != KIND_NONE; f++) {
        const json_t *given = json_object_get(input, f->name);
        if (f->required && (!given || json_is_null(given))) {
            fail_field(c, f->name, "\"%s\" is required", f->name);
        }
    }
    return call_status(c);
}

static enum err_code check_ids(struct call *c, const struct action *a,
    const struct live_entity *on, const int64_t *ids, size_t n)
{
    if (a->takes == TAKES_NONE) {
        return OK;
    }
    if (!n || (a->takes == TAKES_ONE && n != 1)) {
        return fail(c, ERR_INVALID, "ids", "%s is about %s", a->name,
            a->takes == TAKES_ONE ? "one record" : "one record or more");
    }
    for (size_t i = 0; i < n; i++) {
        struct record *r;
        bool yes;
        TRY(record_load(c, on, ids[i], false, &r));
        TRY(access_record(c, r, RIGHT_READ, &yes));
        if (!yes || r->cells[on->deleted_at->cell].type != DB_NULL) {
            return fail(c, ERR_NOT_FOUND, NULL, "there is no %s with id %" PRId64, on->name.p,
                ids[i]);
        }
    }
    return OK;
}

static enum err_code enqueue(struct call *c, const struct action *a, const struct live_entity *on,
    const int64_t *ids, size_t n, const json_t *input)
{
    json_t *list = json_pack("[]"), *order;
    int64_t id;

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, json_integer(ids[i]));
    }
    order = json_pack("{s:s, s:s?, s:o, s:O?}", "action", a->name, "on", on ? on->name.p : NULL,
        "ids", list, "input", input);
    arena_defer(c->mem, (void (*)(void *))json_decref, order);
    TRY(job_enqueue(c, &(struct job_order) { .kind = "action", .input = order }, &id));
    json_object(&c->out, NULL);
    json_int(&c->out, "job", id);
    json_end_object(&c->out);
    return OK;
}

enum err_code action_run(struct call *c, const struct action *a, const struct live_entity *on,
    const int64_t *ids, size_t n, const json_t *input, bool *queued)
{
    const struct action *outer = c->action;
    int64_t *outer_ids = c->ids;
    size_t outer_n = c->nids;
    const json_t *outer_input = c->input;

    *queued = false;
    if (!access_action(c, a->right)) {
        return fail(c, ERR_FORBIDDEN, NULL, "you may not do this: the right %s is missing", a->right);
    }
    TRY(check_input(c, a, input));
    if (!a->trusted) {
        TRY(check_ids(c, a, on, ids, n));
    }
    if (a->effect == EFFECT_JOB && !c->job) {
        *queued = true;
        return enqueue(c, a, on, ids, n, input);
    }
    assert(a->effect == EFFECT_READ || c->tx == TX_WRITE);
    c->action = a;
    c->ids = (int64_t *)ids;
    c->nids = n;
    c->input = input;
    if (!outer) {
        json_object(&c->out, NULL);
    }
    enum err_code code = a->run(c);
    if (!outer) {
        json_end_object(&c->out);
    }
    c->action = outer;
    c->ids = outer_ids;
    c->nids = outer_n;
    c->input = outer_input;
    return code;
}

const struct live_entity *target_entity(const struct call *c)
{
    return c->action && c->action->on ? model_entity(c->model, str_of(c->action->on)) : NULL;
}

int64_t target(const struct call *c)
{
    assert(c->nids > 0);
    return c->ids[0];
}

int64_t in_int(const struct call *c, const char *name)
{
    return json_integer_value(json_object_get(c->input, name));
}

struct str in_text(const struct call *c, const char *name)
{
    return json_str(json_object_get(c->input, name));
}

bool in_flag(const struct call *c, const char *name)
{
    return json_is_true(json_object_get(c->input, name));
}

bool in_has(const struct call *c, const char *name)
{
    const json_t *v = json_object_get(c->input, name);

    return v && !json_is_null(v);
}

void out_int(struct call *c, const char *name, int64_t v)
{
    json_int(&c->out, name, v);
}

void out_text(struct call *c, const char *name, struct str v)
{
    json_text(&c->out, name, v);
}

void out_instant(struct call *c, const char *name, int64_t v)
{
    char text[INSTANT_TEXT];

    instant_format(v, text);
    json_cstr(&c->out, name, text);
}
