/* campaign_results.c - what became of a campaign, and what it brought.
 *
 * The control group was asked for consent and address like the others, so both groups are people who could have been
 * written to; they differ in the mail alone. Orders count from the campaign's start through its window, for both alike. */

#include "domain/campaign/campaign_steps.h"

#include "base/stat.h"
#include "model/access.h"
#include "model/action.h"
#include "model/expr.h"

#include <math.h>

/* ---- counts ---- */

/* Of campaign g and a message m of it: afterwards, and within the window, its person refused mails of the campaign's purpose. */
#define UNSUBSCRIBED                                                                                                       \
    " m.\"accepted_at\" IS NOT NULL AND EXISTS (SELECT 1 FROM \"consent_entries\" e WHERE e.\"contact\" = m.\"contact\""     \
    " AND e.\"purpose\" = g.\"purpose\" AND e.\"at\" >= m.\"accepted_at\" AND e.\"at\" < m.\"accepted_at\" +"                \
    " g.\"window_days\" * 86400000000 AND e.\"channel\" IN (SELECT \"id\" FROM \"choices\" WHERE \"code\" = 'email')"        \
    " AND e.\"state\" IN (SELECT \"id\" FROM \"choices\" WHERE \"code\" IN ('withdrawn', 'denied')))"

static enum err_code count_unsubscribed(struct call *c, int64_t campaign, int64_t *n)
{
    return db_int(c, n,
        SQL("SELECT count(DISTINCT m.\"contact\") FROM \"campaigns\" g JOIN \"messages\" m ON m.\"batch\" = g.\"batch\""
            " WHERE g.\"id\" = $1 AND" UNSUBSCRIBED),
        VALS(V(campaign)));
}

static void put_counts(struct call *c, const struct batch_counts *n, int64_t unsubscribed)
{
    struct json_writer *w = &c->out;
    int64_t delivered = n->accepted;

    json_object(w, "messages");
    json_int(w, "planned", n->planned);
    json_int(w, "in_flight", n->in_flight);
    json_int(w, "sent", n->accepted + n->bounced + n->unknown);
    json_int(w, "delivered", delivered);
    json_int(w, "skipped", n->skipped);
    json_int(w, "held_out", n->held_out);
    json_int(w, "refused", n->refused);
    json_int(w, "bounced", n->bounced);
    json_int(w, "unknown", n->unknown);
    json_int(w, "cancelled", n->cancelled);
    json_int(w, "opened", n->opened);
    json_int(w, "clicked", n->clicked);
    json_int(w, "machine_only", n->machine);
    json_int(w, "unsubscribed", unsubscribed);
    json_end_object(w);
}

static enum err_code put_reasons(struct call *c, int64_t batch)
{
    struct rows rows;

    json_object(&c->out, "reasons");
    TRY(db_query(c, &rows,
        SQL("SELECT \"reason\", count(*) FROM \"messages\" WHERE \"batch\" = $1 AND \"state\" IN ('skipped', 'refused',"
            " 'unknown', 'bounced') GROUP BY \"reason\" ORDER BY count(*) DESC LIMIT 50"),
        VALS(V(batch))));
    while (rows_next(&rows)) {
        json_name(&c->out, col_null(&rows, 0) ? STR("other") : col_text(&rows, 0));
        json_int(&c->out, NULL, col_int(&rows, 1));
    }
    json_end_object(&c->out);
    return rows_end(&rows);
}

static enum err_code put_links(struct call *c, int64_t batch)
{
    struct rows rows;

    json_array(&c->out, "links");
    TRY(db_query(c, &rows,
        SQL("SELECT l.\"url\", count(DISTINCT h.\"message\"), count(h.\"id\") FROM \"message_links\" l LEFT JOIN"
            " \"message_hits\" h ON h.\"batch\" = l.\"batch\" AND h.\"kind\" = 'click' AND h.\"link\" = l.\"number\" AND"
            " h.\"class\" = 'human' WHERE l.\"batch\" = $1 GROUP BY l.\"number\", l.\"url\" ORDER BY 2 DESC, l.\"number\""
            " LIMIT 100"),
        VALS(V(batch))));
    while (rows_next(&rows)) {
        json_object(&c->out, NULL);
        json_text(&c->out, "url", col_text(&rows, 0));
        json_int(&c->out, "people", col_int(&rows, 1));
        json_int(&c->out, "clicks", col_int(&rows, 2));
        json_end_object(&c->out);
    }
    json_end_array(&c->out);
    return rows_end(&rows);
}

/* ---- orders ---- */

struct arm { /* people, and what they bought in the window */
    struct stat_group spent, bought; /* in base currency; who bought at all */
    int64_t orders, hundredths;
};

#define OF_ARM                                                                                                             \
    " AND o.\"deleted_at\" IS NULL AND o.\"status\" <> $5 WHERE m.\"batch\" = $1 AND ((m.\"state\" = 'held_out' AND $2 = 1)" \
    " OR ($2 = 0 AND m.\"state\" IN ('accepted', 'bounced', 'refused', 'unknown')))"
/* Everybody has one message, and one window, from $3 on. */
#define SPENT_AT_ONCE                                                                                                      \
    "SELECT p.\"spent\", sum(p.\"orders\"), count(*) FROM (SELECT m.\"contact\", coalesce(sum(o.\"total_k\"), 0) AS"        \
    " \"spent\", count(o.\"id\") AS \"orders\" FROM \"messages\" m LEFT JOIN \"orders\" o ON o.\"contact\" = m.\"contact\""  \
    " AND o.\"placed_at\" >= $3 AND o.\"placed_at\" < $3 + $4" OF_ARM " GROUP BY m.\"contact\") p GROUP BY p.\"spent\""
/* A window from each mail ($3 is NULL); an order in the windows of two counts once. */
#define SPENT_EACH                                                                                                         \
    "SELECT p.\"spent\", sum(p.\"orders\"), count(*) FROM (SELECT d.\"contact\", coalesce(sum(d.\"total_k\"), 0) AS"        \
    " \"spent\", count(d.\"id\") AS \"orders\" FROM (SELECT DISTINCT m.\"contact\", o.\"id\", o.\"total_k\" FROM"           \
    " \"messages\" m LEFT JOIN \"orders\" o ON o.\"contact\" = m.\"contact\" AND o.\"placed_at\" >= coalesce($3, m.\"due\")"  \
    " AND o.\"placed_at\" < coalesce($3, m.\"due\") + $4" OF_ARM ") d GROUP BY d.\"contact\") p GROUP BY p.\"spent\""

/* One pass over the people of an arm, each with the sum of his orders; groups by that sum, so that few rows come back.
 * Arms are as they were drawn: who was held out, and to whom it went, whether it reached him or not. A mail that goes to
 * each at a time of his own has a window from then. */
static enum err_code load_arm(struct call *c, const struct campaign *k, bool held_out, struct arm *a)
{
    int64_t cancelled = model_choice(c->model, "order", "status", STR("cancelled"));
    struct rows rows;

    *a = (struct arm) { 0 };
    bool each = str_is(k->kind, "triggered");
    TRY(db_query(c, &rows, each ? SQL(SPENT_EACH) : SQL(SPENT_AT_ONCE),
        VALS(V(k->batch), V(held_out), each ? V_NULL : V(k->started_at), V(k->window), V(cancelled))));
    while (rows_next(&rows)) {
        int64_t spent = col_int(&rows, 0);
        double people = (double)col_int(&rows, 2), money = (double)spent / 100;
        bool bought = col_int(&rows, 1) > 0;
        a->spent.n += people;
        a->spent.sum += money * people;
        a->spent.squares += money * money * people;
        a->bought.sum += bought ? people : 0;
        a->orders += col_int(&rows, 1);
        a->hundredths += spent * col_int(&rows, 2);
    }
    a->bought.n = a->spent.n;
    a->bought.squares = a->bought.sum;
    return rows_end(&rows);
}

static void put_money(struct call *c, const char *name, int64_t hundredths)
{
    char text[40];

    (void)str_from_scaled(hundredths, 2, text);
    json_object(&c->out, name);
    json_cstr(&c->out, "amount", text);
    json_text(&c->out, "currency", c->model->currency);
    json_end_object(&c->out);
}

static void put_arm(struct call *c, const char *name, const struct arm *a)
{
    json_object(&c->out, name);
    json_int(&c->out, "people", (int64_t)a->spent.n);
    json_int(&c->out, "buyers", (int64_t)a->bought.sum);
    json_int(&c->out, "orders", a->orders);
    put_money(c, "revenue", a->hundredths);
    json_real(&c->out, "revenue_per_person", a->spent.n > 0 ? a->spent.sum / a->spent.n : 0);
    json_end_object(&c->out);
}

static void put_difference(struct call *c, const char *name, const struct stat_difference *d)
{
    json_object(&c->out, name);
    json_real(&c->out, "difference", d->difference);
    json_flag(&c->out, "known", d->known != 0);
    if (d->known) {
        json_real(&c->out, "low", d->low);
        json_real(&c->out, "high", d->high);
        json_real(&c->out, "p", d->p);
    }
    json_end_object(&c->out);
}

static int64_t rounded(double money)
{
    return fabs(money) < 9e15 ? (int64_t)(money * 100 + (money < 0 ? -0.5 : 0.5)) : 0;
}

static enum err_code put_orders(struct call *c, const struct campaign *k)
{
    struct stat_difference spent, bought;
    struct arm mailed, control;

    TRY(load_arm(c, k, false, &mailed));
    TRY(load_arm(c, k, true, &control));
    json_object(&c->out, "orders");
    put_arm(c, "mailed", &mailed);
    put_arm(c, "control", &control);
    json_end_object(&c->out);
    spent = stat_welch(&mailed.spent, &control.spent);
    bought = stat_shares(&mailed.bought, &control.bought);
    json_object(&c->out, "lift");
    put_difference(c, "revenue_per_person", &spent);
    put_difference(c, "buyers", &bought);
    json_end_object(&c->out);
    json_object(&c->out, "money");
    put_money(c, "revenue", mailed.hundredths);
    if (spent.known) {
        /* what the mail brought beyond what would have come: the difference, for each who got it */
        put_money(c, "added", rounded(spent.difference * mailed.spent.n));
        put_money(c, "added_low", rounded(spent.low * mailed.spent.n));
        put_money(c, "added_high", rounded(spent.high * mailed.spent.n));
    }
    if (k->cost >= 0) {
        put_money(c, "cost", k->cost);
        if (k->cost > 0 && spent.known) {
            json_real(&c->out, "return", (spent.difference * mailed.spent.n * 100 - (double)k->cost) / (double)k->cost);
        }
    }
    json_end_object(&c->out);
    return OK;
}

enum err_code campaign_act_results(struct call *c)
{
    struct batch_counts n = { 0 };
    struct campaign k;
    int64_t unsubscribed;

    TRY(campaign_load(c, target(c), &k));
    if (!k.batch) {
        put_counts(c, &n, 0);
        return OK;
    }
    TRY(message_count(c, k.batch, &n));
    TRY(count_unsubscribed(c, k.id, &unsubscribed));
    put_counts(c, &n, unsubscribed);
    TRY(put_reasons(c, k.batch));
    TRY(put_links(c, k.batch));
    const struct live_entity *orders = model_entity(c->model, STR("order"));
    return orders && access_level(c, orders, RIGHT_READ) != LEVEL_NONE ? put_orders(c, &k) : OK;
}

/* ---- one by one ---- */

enum { PAGE = 100 };

struct one_message {
    int64_t contact, at, opened, clicked;
    struct str state, reason, reply;
};

/* Not of people whom the asker does not see; and what a server says names addresses. */
static enum err_code put_message(struct call *c, const struct one_message *m)
{
    struct record *person;
    bool yes = false;

    enum err_code code = record_load(c, model_entity(c->model, STR("contact")), m->contact, true, &person);
    if (code == OK) {
        TRY(access_record(c, person, RIGHT_READ, &yes));
    } else if (code == ERR_NOT_FOUND) {
        err_clear(&c->err);
        yes = c->who->admin;
    } else {
        return code;
    }
    if (!yes) {
        return OK;
    }
    json_object(&c->out, NULL);
    json_int(&c->out, "contact", m->contact);
    json_text(&c->out, "state", m->state);
    json_text(&c->out, "reason", m->reason);
    out_instant(c, "at", m->at);
    if (m->opened) {
        out_instant(c, "opened_at", m->opened);
    }
    if (m->clicked) {
        out_instant(c, "clicked_at", m->clicked);
    }
    if (c->who->admin) {
        json_text(&c->out, "reply", m->reply);
    }
    json_end_object(&c->out);
    return OK;
}

/* By people, along the key of the table. What one person got stands on one page: of the last the rest would be left out. */
enum err_code campaign_act_messages(struct call *c)
{
    struct one_message *list = ARENA_ARRAY(c->mem, struct one_message, PAGE);
    struct str state = in_text(c, "state");
    struct campaign k;
    struct rows rows;
    size_t n = 0;

    TRY(campaign_load(c, target(c), &k));
    TRY(db_query(c, &rows,
        SQL("SELECT \"contact\", \"state\", \"reason\", \"at\", \"opened_at\", \"clicked_at\", \"reply\" FROM"
            " \"messages\" WHERE \"batch\" = $1 AND \"contact\" > $2 AND ($3 = '' OR \"state\" = $3) ORDER BY \"contact\","
            " \"occasion\" LIMIT 100"),
        VALS(V(k.batch), V(in_int(c, "after")), V(state))));
    while (n < PAGE && rows_next(&rows)) {
        list[n++] = (struct one_message) { .contact = col_int(&rows, 0), .state = col_text(&rows, 1),
            .reason = col_text(&rows, 2), .at = col_int(&rows, 3), .opened = col_null(&rows, 4) ? 0 : col_int(&rows, 4),
            .clicked = col_null(&rows, 5) ? 0 : col_int(&rows, 5), .reply = col_text(&rows, 6) };
    }
    TRY(rows_end(&rows));
    bool more = n == PAGE;
    while (more && n > 1 && list[n - 1].contact == list[PAGE - 1].contact && list[0].contact != list[n - 1].contact) {
        n--;
    }
    json_array(&c->out, "items");
    for (size_t i = 0; i < n; i++) {
        TRY(put_message(c, &list[i]));
    }
    json_end_array(&c->out);
    out_int(c, "next", more ? list[n - 1].contact : 0);
    return OK;
}

/* ---- mailed(campaign, 'opened') in expressions about people ---- */

static const char *const figures[] = { "planned", "sent", "delivered", "opened", "clicked", "skipped", "held_out", "refused",
    "bounced", "unknown", "cancelled", "in_flight", "unsubscribed", NULL };

static struct value argument(const struct expr_call *call, size_t i, struct arena *mem)
{
    return expr_constant_value(call->args[i], mem, 0, 0);
}

static enum err_code check(void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg;
    if (!s->entity || !str_is(s->entity->name, "contact")) {
        return err_set(e, ERR_INVALID, "where", "mailed() is asked of people");
    }
    const struct live_entity *campaigns = model_entity(s->model, STR("campaign"));
    if (s->may_read && campaigns && !s->may_read(s->arg, entity_field(campaigns, STR("status")))) {
        return err_set(e, ERR_INVALID, "where", "mailed() is not known here");
    }
    if (!expr_is_constant(call->args[0]) || expr_type(call->args[0]) != VALUE_NUMBER || expr_scale(call->args[0])
        || !expr_is_constant(call->args[1]) || expr_type(call->args[1]) != VALUE_TEXT) {
        return err_set(e, ERR_INVALID, "where", "mailed() takes the number of a campaign and a figure of its results, in quotes");
    }
    struct str figure = argument(call, 1, s->mem).s;
    for (int i = 0; figures[i]; i++) {
        if (str_is(figure, figures[i])) {
            return OK;
        }
    }
    return err_set(e, ERR_INVALID, "where", "there is no figure \"%.*s\"", STR_ARG(str_sub(figure, 0, 40)));
}

/* The states of a figure, three at most, the same one again where there are fewer. */
static void states_of(struct str figure, struct str out[3])
{
    out[0] = out[1] = out[2] = figure;
    if (str_is(figure, "delivered")) {
        out[0] = out[1] = out[2] = STR("accepted");
    } else if (str_is(figure, "sent")) {
        out[0] = STR("accepted");
        out[1] = STR("bounced");
        out[2] = STR("unknown");
    }
}

static void put_sql(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct arena *mem = s->out->text.mem;
    struct str figure = argument(call, 1, mem).s, states[3];

    (void)arg;
    sql_column(s->out, s->alias, "id");
    sql_lit(s->out, " IN (SELECT m.\"contact\" FROM \"campaigns\" g JOIN \"messages\" m ON m.\"batch\" = g.\"batch\" WHERE"
                    " g.\"deleted_at\" IS NULL AND g.\"id\" = ");
    sql_bind(s->out, V(argument(call, 0, mem).i));
    if (str_is(figure, "opened")) {
        sql_lit(s->out, " AND m.\"opened_at\" IS NOT NULL)");
        return;
    }
    if (str_is(figure, "clicked")) {
        sql_lit(s->out, " AND m.\"clicked_at\" IS NOT NULL)");
        return;
    }
    if (str_is(figure, "unsubscribed")) {
        sql_lit(s->out, " AND" UNSUBSCRIBED ")");
        return;
    }
    states_of(figure, states);
    sql_lit(s->out, " AND m.\"state\" IN (");
    sql_bind(s->out, V(states[0]));
    sql_lit(s->out, ", ");
    sql_bind(s->out, V(states[1]));
    sql_lit(s->out, ", ");
    sql_bind(s->out, V(states[2]));
    sql_lit(s->out, "))");
}

static enum err_code look(void *arg, const struct expr_call *call, const struct expr_rows *rows, struct arena *mem,
    int64_t id, int64_t now, int64_t me, struct value *out)
{
    struct str figure = argument(call, 1, mem).s, states[3];
    int64_t one;
    bool found = false;

    (void)arg, (void)now, (void)me;
    id = id ? id : rows->self;
    states_of(figure, states);
    if (rows->call && id) {
        TRY(db_find(rows->call, &one, &found,
            SQL("SELECT 1 FROM \"campaigns\" g JOIN \"messages\" m ON m.\"batch\" = g.\"batch\" AND m.\"contact\" = $2 WHERE"
                " g.\"deleted_at\" IS NULL AND g.\"id\" = $1 AND (($3 = 'opened' AND m.\"opened_at\" IS NOT NULL) OR ($3 ="
                " 'clicked' AND m.\"clicked_at\" IS NOT NULL) OR ($3 = 'unsubscribed' AND" UNSUBSCRIBED ") OR m.\"state\" IN ($4, $5, $6))"
                " LIMIT 1"),
            VALS(V(argument(call, 0, mem).i), V(id), V(figure), V(states[0]), V(states[1]), V(states[2]))));
    }
    *out = (struct value) { .type = VALUE_BOOL, .i = found };
    return OK;
}

const struct expr_extension campaign_functions[] = {
    { .name = "mailed", .least = 2, .most = 2, .type = VALUE_BOOL, .check = check, .sql = put_sql, .eval = look },
    { .name = NULL },
};
