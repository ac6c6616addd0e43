/* order_record.c - the action order.record: an order with its lines in one go, idempotent by its number. */

#include "domain/order/order_steps.h"

#include "base/json.h"
#include "model/action.h"
#include "model/query.h"

#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 2000 };

/* What is no field of the order itself. */
static const char *const apart[] = { "shop", "customer", "lines", NULL };

const struct field order_record_input[] = {
    FIELD_TEXT("number", .required = true, .max = 100),
    FIELD_TEXT("kind", .max = 20, .help = "sale or return"),
    FIELD_TEXT("status", .max = 40),
    FIELD_INSTANT("placed_at"),
    FIELD_TEXT("shop", .max = 60, .help = "The shop's code; one that is not there is made."),
    FIELD_TEXT("channel", .max = 40),
    FIELD_TEXT("currency", .max = 3),
    FIELD_MONEY("discount"),
    FIELD_MONEY("shipping"),
    FIELD_TEXT("payment_method", .max = 40),
    FIELD_DATE("payment_due"),
    FIELD_INSTANT("paid_at"),
    FIELD_INSTANT("ready_at"),
    FIELD_INSTANT("delivered_at"),
    FIELD_LONG("note", .max = 10000),
    FIELD_JSON("customer",
        .help = "{external_id, email, phone, first_name, last_name}: found by the first two, or made."),
    FIELD_JSON("lines",
        .help = "[{sku, name, category, quantity, unit_price, discount, returns: {number, position}}]"),
    FIELD_END,
};
const struct field order_record_output[] = {
    FIELD_INT("id"), FIELD_BOOL("created"), FIELD_INT("contact"), FIELD_MONEY("total"), FIELD_END,
};

struct recording {
    struct call *c;
    int64_t order;
    bool made;
};

/* The record that one may see with this text in a field; 0 for none. */
static enum err_code find(
    struct call *c, const struct live_entity *e, const char *field, struct str text, int64_t *id)
{
    struct list_request q = { .e = e, .right = RIGHT_READ };
    struct buf where;
    int64_t *ids;
    size_t n;

    *id = 0;
    if (!text.n) {
        return OK;
    }
    buf_init(&where, c->mem, 4000);
    buf_fmt(&where, "%s = '", field);
    for (size_t i = 0; i < text.n; i++) {
        buf_lit(&where, text.p[i] == '\'' ? "'" : "");
        buf_byte(&where, text.p[i]);
    }
    buf_byte(&where, '\'');
    TRY(buf_status(&where, &c->err));
    q.where = buf_str(&where);
    TRY(query_ids(c, &q, 0, 0, 1, &ids, &n));
    *id = n ? ids[0] : 0;
    return OK;
}

/* Found by a unique text, or made with that and a name. */
static enum err_code find_or_make(struct call *c, const char *entity, const char *key, struct str text,
    struct str name, int64_t *id)
{
    const struct live_entity *e = model_entity(c->model, str_of(entity));

    *id = 0;
    TRY(find(c, e, key, text, id));
    if (*id || (!text.n && !name.n)) {
        return OK;
    }
    if (!text.n) {
        TRY(find(c, e, "name", name, id));
        if (*id) {
            return OK;
        }
    }
    struct record *r = record_new(c, e);
    record_set(c, r, "name", V(name.n ? name : text));
    if (text.n) {
        record_set(c, r, key, V(text));
    }
    TRY(record_create(c, r));
    *id = r->id;
    return OK;
}

/* ---- the customer ---- */

static void copy_text(json_t *to, const json_t *from, const char *name)
{
    json_t *v = json_object_get(from, name);

    if (json_is_string(v)) {
        json_object_set(to, name, v);
    }
}

static enum err_code make_customer(struct call *c, const json_t *said, int64_t *id)
{
    json_t *person = json_pack("{}");
    const json_t *email = json_object_get(said, "email"), *phone = json_object_get(said, "phone");
    struct record *r = record_of(c, "contact");

    arena_defer(c->mem, (void (*)(void *))json_decref, person);
    copy_text(person, said, "external_id");
    copy_text(person, said, "first_name");
    copy_text(person, said, "last_name");
    if (json_is_string(email)) {
        json_object_set_new(person, "emails", json_pack("[{s:O}]", "address", email));
    }
    if (json_is_string(phone)) {
        json_object_set_new(person, "phones", json_pack("[{s:O}]", "number", phone));
    }
    TRY(record_fill(c, r, person));
    TRY(call_status(c));
    TRY(record_create(c, r));
    *id = r->id;
    return OK;
}

static enum err_code find_customer(struct call *c, const json_t *said, int64_t *id)
{
    static const char *const known[]
        = { "external_id", "email", "phone", "first_name", "last_name", NULL };
    const struct live_entity *people = model_entity(c->model, STR("contact"));
    const char *name;
    json_t *v;

    *id = 0;
    if (!json_is_object(said)) {
        return said && !json_is_null(said) ? fail(c, ERR_INVALID, "customer", "a customer is a JSON object") : OK;
    }
    json_object_foreach((json_t *)said, name, v)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], name) != 0) {
            i++;
        }
        if (!known[i] || !(json_is_string(v) || json_is_null(v))) {
            return fail(c, ERR_INVALID, "customer", "a customer has external_id, email, phone, first_name and"
                " last_name, each a text; not \"%.60s\"", name);
        }
    }
    TRY(find(c, people, "external_id", json_str(json_object_get(said, "external_id")), id));
    if (!*id && json_is_string(json_object_get(said, "email"))) {
        struct record *probe = record_new(c, people);
        json_t *list = json_pack("{s:[{s:O}]}", "emails", "address", json_object_get(said, "email"));
        int64_t *ids;
        size_t n;
        arena_defer(c->mem, (void (*)(void *))json_decref, list);
        TRY(record_fill(c, probe, list));
        TRY(call_status(c));
        TRY(record_same_email(c, probe, &ids, &n));
        *id = n ? ids[0] : 0;
    }
    return *id || !json_object_size(said) ? OK : make_customer(c, said, id);
}

/* ---- lines ---- */

static const struct field_error *last_error(const struct call *c)
{
    const struct field_error *e = c->errors;

    while (e && e->next) {
        e = e->next;
    }
    return e;
}

/* Names what is wrong in a line by its place: lines[3].quantity. */
static void place_errors(struct call *c, const struct field_error *before, size_t line)
{
    struct str field = arena_fmt(c->mem, "lines[%zu].%s", line, c->err.field);

    for (struct field_error *e = before ? before->next : c->errors; e; e = e->next) {
        e->field = arena_fmt(c->mem, "lines[%zu].%s", line, e->field).p;
    }
    snprintf(c->err.field, sizeof c->err.field, "%.*s", STR_ARG(field));
}

static enum err_code line_it_returns(struct call *c, const json_t *returns, int64_t *id)
{
    int64_t order, position = json_integer_value(json_object_get(returns, "position"));
    bool found;

    *id = 0;
    if (!json_is_object(returns)) {
        return OK;
    }
    TRY(find(c, model_entity(c->model, STR("order")), "number", json_str(json_object_get(returns, "number")), &order));
    if (order) {
        TRY(db_find(c, id, &found,
            SQL("SELECT \"id\" FROM \"order_lines\" WHERE \"order\" = $1 AND \"position\" = $2 AND"
                " \"deleted_at\" IS NULL"),
            VALS(V(order), V(position))));
        *id = found ? *id : 0;
    }
    return *id ? OK : fail(c, ERR_INVALID, "returns", "there is no such line of an order to bring back");
}

static enum err_code product_of(struct call *c, const json_t *said, int64_t *id)
{
    struct str sku = json_str(json_object_get(said, "sku")), name = json_str(json_object_get(said, "name"));
    struct str category = json_str(json_object_get(said, "category"));
    int64_t before, of;

    *id = 0;
    if (!sku.n) {
        return OK; /* a line may be about nothing of the catalogue */
    }
    TRY(find(c, model_entity(c->model, STR("product")), "sku", sku, &before));
    TRY(find_or_make(c, "product", "sku", sku, name, id));
    if (before || !category.n) {
        return OK;
    }
    TRY(find_or_make(c, "product_category", "name", category, category, &of));
    struct record *r = record_of(c, "product");
    r->id = *id;
    record_set(c, r, "category", V(of));
    return record_update(c, r);
}

static enum err_code fill_line(struct call *c, struct record *r, const json_t *said)
{
    static const char *const own[] = { "name", "quantity", "unit_price", "discount" };
    static const char *const other[] = { "sku", "category", "returns", NULL };
    json_t *fields = json_pack("{}"), *v;
    int64_t product, returns;
    const char *name;

    arena_defer(c->mem, (void (*)(void *))json_decref, fields);
    if (!json_is_object(said)) {
        return fail(c, ERR_INVALID, "line", "each line is a JSON object");
    }
    json_object_foreach((json_t *)said, name, v)
    {
        bool is_own = false, is_other = false;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
            is_own = is_own || strcmp(own[i], name) == 0;
        }
        for (size_t i = 0; other[i]; i++) {
            is_other = is_other || strcmp(other[i], name) == 0;
        }
        if (is_own) {
            json_object_set(fields, name, v);
        } else if (!is_other) {
            fail_field(c, name, "a line has no \"%.60s\"", name);
        }
    }
    TRY(record_fill(c, r, fields));
    TRY(call_status(c));
    TRY(product_of(c, said, &product));
    TRY(line_it_returns(c, json_object_get(said, "returns"), &returns));
    record_set(c, r, "product", product ? V(product) : V_NULL);
    record_set(c, r, "returns", returns ? V(returns) : V_NULL);
    return OK;
}

static enum err_code lines_there(struct call *c, int64_t order, int64_t *ids, size_t *n)
{
    struct rows rows;

    *n = 0;
    TRY(db_query(c, &rows,
        SQL("SELECT \"id\" FROM \"order_lines\" WHERE \"order\" = $1 AND \"deleted_at\" IS NULL ORDER BY"
            " \"position\", \"id\" LIMIT 2001"),
        VALS(V(order))));
    while (*n < LINES_MAX && rows_next(&rows)) {
        ids[(*n)++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

/* id 0: a new one. */
static enum err_code put_line(
    struct call *c, const struct live_entity *e, int64_t order, int64_t id, size_t at, const json_t *said)
{
    struct record *r = record_new(c, e);

    TRY(fill_line(c, r, said));
    r->id = id;
    if (id) {
        return record_update(c, r);
    }
    record_set(c, r, "order", V(order));
    record_set(c, r, "position", V((int64_t)at + 1));
    return record_create(c, r);
}

/* Line by line in their order: what is there is changed, what is new is made, what is left over goes. */
static enum err_code put_lines(struct call *c, int64_t order, bool made, const json_t *lines)
{
    const struct live_entity *e = model_entity(c->model, STR("order_line"));
    int64_t *ids = ARENA_ARRAY(c->mem, int64_t, LINES_MAX);
    size_t n = json_array_size(lines), there = 0;

    if (!lines || json_is_null(lines)) {
        return OK;
    }
    if (!json_is_array(lines) || n > LINES_MAX) {
        return fail(c, ERR_INVALID, "lines", "lines is a list of at most %d", LINES_MAX);
    }
    TRY(made ? OK : lines_there(c, order, ids, &there));
    for (size_t i = 0; i < n; i++) {
        const struct field_error *before = last_error(c);
        enum err_code code = put_line(c, e, order, i < there ? ids[i] : 0, i, json_array_get(lines, i));
        if (code != OK) {
            place_errors(c, before, i);
            return code;
        }
    }
    for (size_t i = n; i < there; i++) {
        TRY(record_delete(c, e, ids[i], 0));
    }
    return OK;
}

/* ---- the whole ---- */

static enum err_code put_head(struct call *c, struct record *r, int64_t *contact)
{
    json_t *head = json_copy((json_t *)(uintptr_t)c->input);
    int64_t shop = 0;

    arena_defer(c->mem, (void (*)(void *))json_decref, head);
    for (size_t i = 0; apart[i]; i++) {
        json_object_del(head, apart[i]);
    }
    TRY(record_fill(c, r, head));
    TRY(call_status(c));
    TRY(find_customer(c, json_object_get(c->input, "customer"), contact));
    TRY(find_or_make(c, "shop", "code", in_text(c, "shop"), STR(""), &shop));
    if (*contact) {
        record_set(c, r, "contact", V(*contact));
    }
    if (shop) {
        record_set(c, r, "shop", V(shop));
    }
    return OK;
}

enum err_code order_record(struct call *c)
{
    const struct live_entity *e = model_entity(c->model, STR("order"));
    struct record *r = record_new(c, e), *now;
    int64_t contact = 0, there;

    TRY(find(c, e, "number", in_text(c, "number"), &there));
    TRY(put_head(c, r, &contact));
    r->id = there;
    rollups_hold(c);
    TRY(there ? record_update(c, r) : record_create(c, r));
    TRY(put_lines(c, r->id, !there, json_object_get(c->input, "lines")));
    TRY(rollups_release(c));
    TRY(record_load(c, e, r->id, false, &now));
    out_int(c, "id", r->id);
    json_flag(&c->out, "created", !there);
    struct dbval person = record_get(now, "contact");
    if (person.type == DB_INT) {
        out_int(c, "contact", person.i);
    }
    const struct live_field *total = entity_field(e, STR("total"));
    json_name(&c->out, STR("total"));
    cells_to_json(c, total, record_cells(now, total), NULL, &c->out);
    return OK;
}
