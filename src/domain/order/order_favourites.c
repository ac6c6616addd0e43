/* order_favourites.c - the category and the shop on which a person has spent most, a second after a change. */

#include "domain/order/order_steps.h"

#include "model/change.h"

static enum err_code favourite(struct call *c, struct sql sql, int64_t person, struct dbval *out)
{
    int64_t id;
    bool found;

    TRY(db_find(c, &id, &found, sql, VALS(V(person))));
    *out = found ? V(id) : V_NULL;
    return OK;
}

static enum err_code renew(struct call *c, const struct live_entity *people, int64_t person)
{
    struct record *r = record_new(c, people);
    struct dbval category, shop;

    TRY(favourite(c,
        SQL("SELECT p.\"category\" FROM \"order_lines\" l JOIN \"products\" p ON p.\"id\" = l.\"product\""
            " WHERE l.\"contact\" = $1 AND l.\"deleted_at\" IS NULL AND p.\"category\" IS NOT NULL GROUP BY"
            " p.\"category\" HAVING sum(l.\"amount_k\") > 0 ORDER BY sum(l.\"amount_k\") DESC, p.\"category\""
            " LIMIT 1"),
        person, &category));
    TRY(favourite(c,
        SQL("SELECT \"shop\" FROM \"orders\" WHERE \"contact\" = $1 AND \"deleted_at\" IS NULL AND \"shop\" IS"
            " NOT NULL GROUP BY \"shop\" HAVING sum(\"total_k\") > 0 ORDER BY sum(\"total_k\") DESC, \"shop\""
            " LIMIT 1"),
        person, &shop));
    r->id = person;
    r->trusted = r->quiet = r->replay = true;
    record_set(c, r, "favourite_category", category);
    record_set(c, r, "favourite_shop", shop);
    enum err_code code = record_update(c, r);
    if (code == ERR_NOT_FOUND) { /* purged meanwhile */
        err_clear(&c->err);
        return OK;
    }
    return code;
}

enum err_code order_favourites(struct call *c, const struct change *changes, size_t n)
{
    const struct live_entity *order = model_entity(c->model, STR("order"));
    const struct live_entity *line = model_entity(c->model, STR("order_line"));
    const struct live_entity *people = model_entity(c->model, STR("contact"));

    for (size_t i = 0; i < n; i++) {
        bool purchases = changes[i].entity == order->number || changes[i].entity == line->number;
        bool again = false;
        /* the last change of each person speaks for all of the batch */
        for (size_t k = i + 1; k < n && purchases && !again; k++) {
            again = changes[k].person == changes[i].person
                && (changes[k].entity == order->number || changes[k].entity == line->number);
        }
        if (purchases && changes[i].person && !again) {
            struct call_mark mark = call_mark(c);
            TRY(renew(c, people, changes[i].person));
            call_rewind(c, mark);
        }
    }
    return OK;
}
