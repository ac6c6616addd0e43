/* batch.c - several operations in one transaction: all of them or none.
 *
 * Each operation is a small exchange of its own that runs through the same row of the route table as a
 * request would; only its answer goes into the list of the whole. */

#include "http/api.h"

#include <string.h>

enum { OPERATIONS = 100 };

static enum err_code operation_init(
    struct call *c, struct exchange *x, const json_t *op, struct exchange **out)
{
    struct exchange *one = exchange_new(x->api, c->mem);
    struct err e = { 0 };

    TRY(input_only(c, op, "method,path,body,if_match"));
    const char *verb = json_string_value(json_object_get(op, "method"));
    struct str path = json_str(json_object_get(op, "path"));
    one->req.method = method_of(verb ? verb : "");
    one->req.target = str_starts(path, STR("/api/v1/"))
        ? path
        : arena_fmt(c->mem, "/api/v1%s%.*s", str_starts(path, STR("/")) ? "" : "/", STR_ARG(path));
    one->req.headers[H_IF_MATCH] = json_str(json_object_get(op, "if_match"));
    one->input = json_object_get(op, "body");
    if (!path.n) {
        return fail(c, ERR_INVALID, "path", "an operation needs method and path");
    }
    if (request_parse(one, &e) != OK) {
        return fail(c, e.code, "path", "%s", e.msg);
    }
    if (!route_find(one) || !(one->route->flags & (ROUTE_BATCH))) {
        return fail(c, ERR_INVALID, "path", "a batch holds reads of one record, creates, changes,"
            " deletes, restores, upserts and actions on one record");
    }
    if ((one->route->flags & ROUTE_BODY) && one->route->lane != LANE_ACTION && !one->input) {
        return fail(c, ERR_INVALID, "body", "this operation needs a body");
    }
    *out = one;
    return OK;
}

static enum err_code run_operation(struct call *c, struct exchange *x, const json_t *op)
{
    struct exchange *one;

    TRY(operation_init(c, x, op, &one));
    json_object(&c->out, NULL);
    json_name(&c->out, STR("body"));
    size_t before = c->body.n;
    TRY(one->route->run(c, one));
    if (c->body.n == before) {
        json_none(&c->out, NULL);
    }
    json_int(&c->out, "status", one->reply.status ? one->reply.status : 200);
    if (one->reply.etag.n) {
        json_text(&c->out, "etag", arena_fmt(c->mem, "\"%.*s\"", STR_ARG(one->reply.etag)));
    }
    json_end_object(&c->out);
    return OK;
}

enum err_code batch_run(struct call *c, struct exchange *x)
{
    const json_t *operations = json_object_get(x->input, "operations");
    size_t n = json_array_size(operations);

    TRY(input_only(c, x->input, "operations"));
    if (!json_is_array(operations) || !n || n > OPERATIONS) {
        return fail(c, ERR_INVALID, "operations", "operations is a list of 1 to %d", OPERATIONS);
    }
    json_object(&c->out, NULL);
    json_array(&c->out, "results");
    for (size_t i = 0; i < n; i++) {
        x->operation = (int)i + 1;
        TRY(run_operation(c, x, json_array_get(operations, i)));
    }
    x->operation = 0;
    json_end_array(&c->out);
    json_end_object(&c->out);
    return OK;
}
