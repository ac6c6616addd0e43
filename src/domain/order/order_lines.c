/* order_lines.c - what a line works out, and what it takes over from its order. */

#include "domain/order/order_steps.h"

#include "base/calc.h"
#include "model/query.h"

enum { LINES_PAGE = 500, SCALES = 3 + 4 - 2 }; /* quantity and price, less the hundredths of an amount */

static struct dbval standing(const struct record *r, const char *field, int64_t otherwise)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_INT ? v : V(otherwise);
}

/* Quantity times price, rounded half away from zero, less the discount of the line. */
static enum err_code work_out(struct call *c, struct record *line, const struct record *order)
{
    int64_t quantity = standing(line, "quantity", 1000).i, price = standing(line, "unit_price", 0).i;
    int64_t discount = standing(line, "discount", 0).i, amount, less = 0;
    struct dbval currency = record_get(order, "currency"), cells[FIELD_CELLS];

    if (!calc_mul(quantity, price, SCALES, &amount) || !calc_mul(amount, discount, 4, &less)) {
        return fail(c, ERR_INVALID, "quantity", "the amount of the line is too large");
    }
    cells[0] = V(amount - less);
    cells[1] = currency.type == DB_TEXT ? currency : V(c->model->currency);
    record_set_cells(line, entity_field(line->e, STR("amount")), cells);
    return OK;
}

static enum err_code next_position(struct call *c, int64_t order, int64_t *position)
{
    return db_int(c, position,
        SQL("SELECT coalesce(max(\"position\"), 0) + 1 FROM \"order_lines\" WHERE \"order\" = $1 AND"
            " \"deleted_at\" IS NULL"),
        VALS(V(order)));
}

enum err_code order_line_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval order_id = record_get(r, "order");
    struct record *order, *product;
    int64_t position;

    if (order_id.type != DB_INT) {
        return OK; /* it is required: validation says so */
    }
    TRY(record_load(c, model_entity(c->model, STR("order")), order_id.i, false, &order));
    record_set(c, r, "contact", record_get(order, "contact"));
    record_set(c, r, "placed_at", record_get(order, "placed_at"));
    if (record_get(r, "name").type == DB_NULL && record_get(r, "product").type == DB_INT) {
        TRY(record_load(c, model_entity(c->model, STR("product")), record_get(r, "product").i, false, &product));
        record_set(c, r, "name", record_get(product, "name"));
    }
    if (!old && record_get(r, "position").type == DB_NULL) {
        TRY(next_position(c, order_id.i, &position));
        record_set(c, r, "position", V(position));
    }
    return work_out(c, r, order);
}

enum err_code order_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval contact = record_get(r, "contact");
    struct record *person;

    if (!old && contact.type == DB_INT && record_get(r, "company").type == DB_NULL) {
        TRY(record_load(c, model_entity(c->model, STR("contact")), contact.i, false, &person));
        record_set(c, r, "company", record_get(person, "company"));
    }
    return OK;
}

static bool differs(const struct record *a, const struct record *b, const char *field)
{
    const struct live_field *f = entity_field(a->e, str_of(field));

    return !cells_equal(f, record_cells(a, f), record_cells(b, f));
}

enum err_code order_after_save(struct call *c, const struct record *r, const struct record *old)
{
    const struct live_entity *lines = model_entity(c->model, STR("order_line"));
    int64_t ids[LINES_PAGE], after = 0;
    size_t n = LINES_PAGE;

    if (!r || !old || r->replay
        || !(differs(r, old, "contact") || differs(r, old, "placed_at") || differs(r, old, "currency"))) {
        return OK;
    }
    while (n == LINES_PAGE) {
        struct rows rows;
        n = 0;
        TRY(db_query(c, &rows,
            SQL("SELECT \"id\" FROM \"order_lines\" WHERE \"order\" = $1 AND \"deleted_at\" IS NULL AND"
                " \"id\" > $2 ORDER BY \"id\" LIMIT 500"),
            VALS(V(r->id), V(after))));
        while (n < LINES_PAGE && rows_next(&rows)) {
            ids[n++] = col_int(&rows, 0);
        }
        TRY(rows_end(&rows));
        for (size_t i = 0; i < n; i++) { /* saving it is enough: its hook takes over what the order says */
            struct record *change = record_new(c, lines);
            change->id = after = ids[i];
            change->trusted = true;
            TRY(record_update(c, change));
        }
    }
    return OK;
}
