/* openapi.c - OpenAPI 3.1 from the route table and the live model.
 *
 * A row with {entity} is written out once per entity, with that entity's record as its body and answer;
 * so a user's own field is described as soon as it is there. */

#include "http/openapi.h"

#include "http/route.h"
#include "model/access.h"

#include <string.h>

/* What a value looks like in JSON, by kind. */
static const char *const schemas[KIND_COUNT] = {
    [KIND_TEXT] = "{\"type\":[\"string\",\"null\"]}",
    [KIND_LONG_TEXT] = "{\"type\":[\"string\",\"null\"]}",
    [KIND_RICH_TEXT] = "{\"type\":[\"string\",\"null\"],\"contentMediaType\":\"text/html\"}",
    [KIND_INT] = "{\"type\":[\"integer\",\"null\"],\"format\":\"int64\"}",
    [KIND_DECIMAL] = "{\"type\":[\"string\",\"number\",\"null\"]}",
    [KIND_MONEY] = "{\"$ref\":\"#/components/schemas/money\"}",
    [KIND_PERCENT] = "{\"type\":[\"string\",\"number\",\"null\"]}",
    [KIND_BOOL] = "{\"type\":[\"boolean\",\"null\"]}",
    [KIND_DATE] = "{\"type\":[\"string\",\"null\"],\"format\":\"date\"}",
    [KIND_INSTANT] = "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}",
    [KIND_DURATION] = "{\"type\":[\"integer\",\"null\"],\"description\":\"seconds\"}",
    [KIND_CHOICE] = "{\"type\":[\"string\",\"null\"],\"description\":\"code of a choice\"}",
    [KIND_CHOICES] = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
    [KIND_TAGS] = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
    [KIND_REF] = "{\"$ref\":\"#/components/schemas/reference\"}",
    [KIND_MANY] = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}",
    [KIND_ANYREF] = "{\"$ref\":\"#/components/schemas/reference\"}",
    [KIND_EMAILS] = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/email\"}}",
    [KIND_PHONES] = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/phone\"}}",
    [KIND_ADDRESSES] = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}",
    [KIND_URLS] = "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}",
    [KIND_NAME] = "{\"type\":[\"string\",\"null\"]}",
    [KIND_FILE] = "{\"$ref\":\"#/components/schemas/reference\"}",
    [KIND_PLACE] = "{\"type\":[\"object\",\"null\"],\"properties\":{\"lat\":{\"type\":\"number\"},"
                   "\"lng\":{\"type\":\"number\"}}}",
    [KIND_NUMBER] = "{\"type\":[\"string\",\"null\"]}",
    [KIND_JSON] = "{}",
};

static const char shared_schemas[] =
    "\"money\":{\"type\":[\"object\",\"null\"],\"properties\":{\"amount\":{\"type\":\"string\"},"
    "\"currency\":{\"type\":\"string\"}},\"required\":[\"amount\"]},"
    "\"reference\":{\"type\":[\"object\",\"integer\",\"null\"],\"properties\":{\"id\":{\"type\":"
    "\"integer\",\"format\":\"int64\"},\"name\":{\"type\":\"string\"}}},"
    "\"email\":{\"type\":\"object\",\"properties\":{\"address\":{\"type\":\"string\",\"format\":"
    "\"email\"},\"kind\":{\"type\":\"string\"},\"primary\":{\"type\":\"boolean\"}},\"required\":"
    "[\"address\"]},"
    "\"phone\":{\"type\":\"object\",\"properties\":{\"number\":{\"type\":\"string\"},\"kind\":"
    "{\"type\":\"string\"},\"primary\":{\"type\":\"boolean\"},\"key\":{\"type\":\"string\"},"
    "\"international\":{\"type\":\"string\"},\"country\":{\"type\":\"string\"},\"type\":{\"type\":"
    "\"string\"}},\"required\":[\"number\"]},"
    "\"problem\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},\"title\":"
    "{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\"},\"request\":{\"type\":\"string\"},\"errors\":{\"type\":"
    "\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"field\":{\"type\":\"string\"},"
    "\"message\":{\"type\":\"string\"}}}}},\"required\":[\"type\",\"title\",\"status\",\"code\"]}";

static bool shown(const struct call *c, const struct live_entity *e)
{
    return !(e->def.flags & ENTITY_TABLE) && access_level(c, e, RIGHT_READ) != LEVEL_NONE;
}

/* ---- records ---- */

static void put_properties(struct call *c, const struct live_entity *e)
{
    json_object(&c->out, "properties");
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        const char *schema = f->value < KIND_COUNT ? schemas[f->value] : NULL;
        if (f->def.system || access_field(c, f) == FIELD_HIDDEN) {
            continue;
        }
        json_name(&c->out, f->name);
        json_raw(&c->out, NULL, str_of(schema ? schema : "{}"));
    }
    json_end_object(&c->out);
}

static void put_record_schema(struct call *c, const struct live_entity *e)
{
    json_name(&c->out, e->name);
    json_object(&c->out, NULL);
    json_cstr(&c->out, "type", "object");
    json_text(&c->out, "title", e->label);
    put_properties(c, e);
    bool any = false;
    for (size_t i = 0; i < e->nfields; i++) {
        if (e->fields[i]->def.required && access_field(c, e->fields[i]) == FIELD_WRITE) {
            if (!any) {
                json_array(&c->out, "x-required-on-create");
            }
            any = true;
            json_text(&c->out, NULL, e->fields[i]->name);
        }
    }
    if (any) {
        json_end_array(&c->out);
    }
    json_end_object(&c->out);
}

/* ---- operations ---- */

static void put_param(struct json_writer *w, struct str name, const char *in)
{
    bool path = strcmp(in, "path") == 0;

    json_object(w, NULL);
    json_text(w, "name", name);
    json_cstr(w, "in", in);
    if (path) {
        json_flag(w, "required", true);
    }
    json_raw(w, "schema",
        path && str_is(name, "id") ? STR("{\"type\":\"integer\"}") : STR("{\"type\":\"string\"}"));
    json_end_object(w);
}

static void put_params(struct json_writer *w, const struct route *r)
{
    struct str rest = str_of(r->params), one;

    json_array(w, "parameters");
    if (strstr(r->path, "{id}")) {
        put_param(w, STR("id"), "path");
    }
    if (strstr(r->path, "{name}")) {
        put_param(w, STR("name"), "path");
    }
    while (str_split(&rest, ',', &one)) {
        put_param(w, one, "query");
    }
    if (r->lane == LANE_WRITE || r->lane == LANE_ACTION) {
        put_param(w, STR("Idempotency-Key"), "header");
    }
    json_end_array(w);
}

static void put_content(
    struct call *c, const char *type, const char *what, const struct live_entity *e)
{
    struct json_writer *w = &c->out;

    json_object(w, "content");
    json_object(w, type);
    json_object(w, "schema");
    if (what && e && strcmp(what, "record") == 0) {
        json_text(w, "$ref", arena_fmt(c->mem, "#/components/schemas/%.*s", STR_ARG(e->name)));
    } else if (what && e && strcmp(what, "records") == 0) {
        json_cstr(w, "type", "object");
        json_raw(w, "properties",
            arena_fmt(c->mem,
                "{\"items\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/%.*s\"}},"
                "\"next\":{\"type\":[\"string\",\"null\"]}}",
                STR_ARG(e->name)));
    } else {
        json_cstr(w, "type", "object");
    }
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static void put_answers(struct call *c, const struct route *r, const struct live_entity *e)
{
    struct json_writer *w = &c->out;
    bool nothing = r->answer && strcmp(r->answer, "nothing") == 0;
    bool text = r->answer && strcmp(r->answer, "text") == 0;
    bool events = r->answer && strcmp(r->answer, "events") == 0;
    bool made = r->run == record_post;

    json_object(w, "responses");
    json_object(w, nothing ? "204" : made ? "201" : "200");
    json_cstr(w, "description", nothing ? "Done" : made ? "Created" : "OK");
    if (!nothing) {
        put_content(c, text ? "text/plain" : events ? "text/event-stream" : "application/json",
            r->answer, e);
    }
    json_end_object(w);
    json_object(w, "default");
    json_cstr(w, "description", "Refused");
    json_raw(w, "content",
        STR("{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/problem\"}}}"));
    json_end_object(w);
    json_end_object(w);
}

static void put_operation(struct call *c, const struct route *r, const struct live_entity *e)
{
    static const char *const verbs[] = { "get", "post", "patch", "put", "delete", "" };
    struct json_writer *w = &c->out;

    json_object(w, verbs[r->method]);
    json_cstr(w, "summary", r->help);
    if (e) {
        json_array(w, "tags");
        json_text(w, NULL, e->plural);
        json_end_array(w);
    }
    put_params(w, r);
    if (r->flags & ROUTE_BODY) {
        json_object(w, "requestBody");
        put_content(c, "application/json", r->body, e);
        json_end_object(w);
    }
    if (r->flags & ROUTE_OPEN) {
        json_raw(w, "security", STR("[]"));
    }
    put_answers(c, r, e);
    json_end_object(w);
}

/* All rows of one path: it is written when its first row comes by. */
static void put_path(struct call *c, size_t first, const struct live_entity *e)
{
    const char *path = routes[first].path, *at = strstr(path, "{entity}");

    for (size_t i = 0; i < first; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            return;
        }
    }
    json_name(&c->out,
        e ? arena_fmt(c->mem, "%.*s%.*s%s", (int)(at - path), path, STR_ARG(e->plural),
                at + strlen("{entity}"))
          : str_of(path));
    json_object(&c->out, NULL);
    for (size_t i = first; i < nroutes; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            put_operation(c, &routes[i], e);
        }
    }
    json_end_object(&c->out);
}

static void put_paths(struct call *c)
{
    json_object(&c->out, "paths");
    for (size_t i = 0; i < nroutes; i++) {
        if (!strstr(routes[i].path, "{entity}") && !(routes[i].flags & ROUTE_PAGE)) {
            put_path(c, i, NULL);
        }
    }
    for (size_t k = 0; k < c->model->nentities; k++) {
        for (size_t i = 0; i < nroutes && shown(c, c->model->entities[k]); i++) {
            if (strstr(routes[i].path, "{entity}")) {
                put_path(c, i, c->model->entities[k]);
            }
        }
    }
    json_end_object(&c->out);
}

enum err_code openapi_json(struct call *c)
{
    struct json_writer *w = &c->out;

    json_object(w, NULL);
    json_cstr(w, "openapi", "3.1.0");
    json_raw(w, "info", STR("{\"title\":\"Kith\",\"version\":\"1\"}"));
    json_raw(w, "security", STR("[{\"token\":[]},{\"session\":[]}]"));
    put_paths(c);
    json_object(w, "components");
    json_raw(w, "securitySchemes",
        STR("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"session\":{\"type\":\"apiKey\","
            "\"in\":\"cookie\",\"name\":\"kith_session\"}}"));
    json_name(w, STR("schemas"));
    json_object(w, NULL);
    for (size_t i = 0; i < c->model->nentities; i++) {
        if (shown(c, c->model->entities[i])) {
            put_record_schema(c, c->model->entities[i]);
        }
    }
    buf_byte(&c->body, c->out.comma ? ',' : ' ');
    buf_lit(&c->body, shared_schemas);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
    return OK;
}
