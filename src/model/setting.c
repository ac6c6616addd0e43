/* setting.c - reads and writes settings by their declarations. */

#include "model/setting.h"

#include "model/auth.h"
#include "model/texts.h"

#include <stdlib.h>
#include <string.h>

static const char *const scopes[] = { "installation", "organisation", "team", "user" };

const struct setting *setting_find(const struct model *m, struct str name)
{
    for (const struct module *const *mod = m->modules; *mod; mod++) {
        for (const struct setting *s = (*mod)->settings; s && s->field.kind != KIND_NONE; s++) {
            if (str_is(name, s->field.name)) {
                return s;
            }
        }
    }
    return NULL;
}

static int64_t scope_id(const struct call *c, enum setting_scope scope)
{
    return scope == SETTING_USER ? c->who->id : scope == SETTING_TEAM ? c->who->team : 0;
}

static enum err_code stored(
    struct call *c, const char *name, enum setting_scope scope, struct str *json)
{
    return db_text(c, json,
        SQL("SELECT \"value\" FROM \"settings\" WHERE \"name\" = $1 AND \"scope\" = $2 AND"
            " \"scope_id\" = $3 AND \"deleted_at\" IS NULL"),
        VALS(V(name), V(scopes[scope]), V(scope_id(c, scope))));
}

static enum err_code find_value(
    struct call *c, const struct setting *s, struct str *json, const char **from)
{
    for (int scope = (int)s->scope; scope >= SETTING_INSTALLATION; scope--) {
        TRY(stored(c, s->field.name, (enum setting_scope)scope, json));
        if (json->n) {
            *from = scopes[scope];
            return OK;
        }
    }
    *from = "default";
    *json = s->field.def ? str_of(s->field.def) : STR("null");
    return OK;
}

enum err_code setting_get(struct call *c, const char *name, struct str *json)
{
    const struct setting *s = setting_find(c->model, str_of(name));
    const char *from;

    if (!s || s->secret) {
        return fail(c, ERR_NOT_FOUND, "name", "there is no setting \"%s\"", name);
    }
    return find_value(c, s, json, &from);
}

enum err_code setting_int(struct call *c, const char *name, int64_t *out)
{
    struct str json;

    TRY(setting_get(c, name, &json));
    *out = 0;
    (void)str_to_int(json, out);
    return OK;
}

enum err_code setting_text(struct call *c, const char *name, struct str *out)
{
    struct str json;
    json_t *v;

    TRY(setting_get(c, name, &json));
    TRY(json_read(c->mem, arena_fmt(c->mem, "[%.*s]", STR_ARG(json)), &v, &c->err));
    *out = json_str(json_array_get(v, 0));
    return OK;
}

static enum err_code check_value(struct call *c, const struct setting *s, const json_t *v)
{
    const struct field *f = &s->field;
    const char *label = text_in(call_language(c), f->label);

    if (f->kind == KIND_BOOL ? !json_is_boolean(v)
            : f->kind == KIND_INT || f->kind == KIND_DURATION ? !json_is_integer(v)
            : f->kind == KIND_TEXT || f->kind == KIND_LONG_TEXT || f->kind == KIND_CHOICE
            ? !json_is_string(v)
            : false) {
        return fail(c, ERR_INVALID, "value", "%s expects a value of the kind %s", label,
            field_kind_name(f->kind));
    }
    if (json_is_integer(v) && (f->min || f->max)
        && (json_integer_value(v) < f->min || (f->max && json_integer_value(v) > f->max))) {
        return fail(c, ERR_INVALID, "value", "%s is between %lld and %lld", label,
            (long long)f->min, (long long)f->max);
    }
    if (json_is_string(v) && f->max && json_string_length(v) > (size_t)f->max) {
        return fail(c, ERR_INVALID, "value", "%s has at most %lld bytes", label, (long long)f->max);
    }
    return OK;
}

enum err_code setting_set(
    struct call *c, struct str name, enum setting_scope scope, int64_t id, const json_t *v)
{
    const struct setting *s = setting_find(c->model, name);
    struct record *r = record_of(c, "setting");
    bool found;

    if (!s || scope > s->scope) {
        return fail(c, ERR_NOT_FOUND, "name", "there is no setting \"%.*s\" of this scope",
            STR_ARG(name));
    }
    if (!c->who->admin && !(scope == SETTING_USER && id == c->who->id)) {
        return fail(c, ERR_FORBIDDEN, NULL, "only administrators change settings for others");
    }
    TRY(db_find(c, &r->id, &found,
        SQL("SELECT \"id\" FROM \"settings\" WHERE \"name\" = $1 AND \"scope\" = $2 AND"
            " \"scope_id\" = $3 AND \"deleted_at\" IS NULL"),
        VALS(V(name), V(scopes[scope]), V(id))));
    r->id = found ? r->id : 0;
    if (!v || json_is_null(v)) {
        return found ? record_delete(c, r->e, r->id, 0) : OK;
    }
    TRY(check_value(c, s, v));
    char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
    struct str json = arena_str(c->mem, str_of(text));
    free(text); /* jansson's own */
    if (s->secret) {
        TRY(secret_seal(c, json, &json));
        json = arena_fmt(c->mem, "\"%.*s\"", STR_ARG(json));
    }
    r->trusted = true;
    record_set(c, r, "name", V(name));
    record_set(c, r, "scope", V(scopes[scope]));
    record_set(c, r, "scope_id", V(id));
    record_set(c, r, "value", V(json));
    return found ? record_update(c, r) : record_create(c, r);
}

static void put_choices(struct call *c, const struct choice_def *choices)
{
    if (choices) {
        json_array(&c->out, "choices");
        for (const struct choice_def *ch = choices; ch->code; ch++) {
            json_object(&c->out, NULL);
            json_cstr(&c->out, "code", ch->code);
            json_cstr(&c->out, "label", text_in(call_language(c), ch->label));
            json_end_object(&c->out);
        }
        json_end_array(&c->out);
    }
}

enum err_code settings_json(struct call *c)
{
    json_object(&c->out, NULL);
    json_array(&c->out, "items");
    for (const struct module *const *mod = c->model->modules; *mod; mod++) {
        for (const struct setting *s = (*mod)->settings; s && s->field.kind != KIND_NONE; s++) {
            struct str json;
            const char *from;
            TRY(find_value(c, s, &json, &from));
            json_object(&c->out, NULL);
            json_cstr(&c->out, "name", s->field.name);
            json_cstr(&c->out, "kind", field_kind_name(s->field.kind));
            json_cstr(&c->out, "label", text_in(call_language(c), s->field.label));
            json_cstr(&c->out, "help", text_in(call_language(c), s->field.help));
            json_cstr(&c->out, "scope", scopes[s->scope]);
            json_cstr(&c->out, "from", from);
            if (s->secret) {
                json_flag(&c->out, "set", strcmp(from, "default") != 0);
            } else {
                json_raw(&c->out, "value", json);
            }
            if (s->elsewhere) {
                json_flag(&c->out, "elsewhere", true);
            }
            put_choices(c, s->field.choices);
            json_end_object(&c->out);
        }
    }
    json_end_array(&c->out);
    json_end_object(&c->out);
    return OK;
}
