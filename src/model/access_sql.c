/* access_sql.c - rights as the predicate of every query, and as keyset streams where little of much is seen. */

#include "model/access_steps.h"

#include "model/match.h"
#include "model/query_plan.h"

#include <string.h>

/* ---- SQL ---- */

static void id_list(struct sqltext *s, const int64_t *ids, size_t n)
{
    sql_lit(s, "(");
    for (size_t i = 0; i < n; i++) {
        if (i) {
            sql_lit(s, ", ");
        }
        sql_int(s, ids[i]);
    }
    if (!n) {
        sql_lit(s, "NULL");
    }
    sql_lit(s, ")");
}

static void level_sql(struct call *c, enum level level, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;

    if (level == LEVEL_ALL) {
        sql_lit(s, "1 = 1");
        return;
    }
    if (level == LEVEL_NONE) {
        sql_lit(s, "1 = 0");
        return;
    }
    sql_lit(s, "(");
    sql_column(s, alias, "owner");
    sql_lit(s, " = ");
    sql_bind(s, V(c->who->id));
    bool below = level == LEVEL_BELOW;
    if (level != LEVEL_OWN && (below ? a->nbelow : a->nteams)) {
        sql_lit(s, " OR ");
        sql_column(s, alias, "team");
        sql_lit(s, " IN ");
        id_list(s, below ? a->below : a->teams, below ? a->nbelow : a->nteams);
    }
    sql_lit(s, ")");
}

static void share_sql(
    struct call *c, const struct live_entity *e, enum right right, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;
    const struct choice_list *levels = map_get(&c->model->lists, STR("share_level"));
    const struct choice *write = choice_by_code(levels, STR("write"));

    sql_column(s, alias, "id");
    sql_lit(s, " IN (SELECT h.\"record_id\" FROM \"shares\" h WHERE h.\"record_entity\" = ");
    sql_int(s, e->number);
    sql_lit(s, " AND (h.\"user\" = ");
    sql_bind(s, V(c->who->id));
    if (a && a->nteams) {
        sql_lit(s, " OR h.\"with_team\" IN ");
        id_list(s, a->teams, a->nteams);
    }
    sql_lit(s, ") AND h.\"deleted_at\" IS NULL AND (h.\"until\" IS NULL OR h.\"until\" > ");
    sql_bind(s, V(c->now));
    sql_lit(s, ")");
    if (right != RIGHT_READ && right != RIGHT_EXPORT && write) {
        sql_lit(s, " AND h.\"level\" = ");
        sql_int(s, write->id);
    }
    sql_lit(s, ")");
}

/* " AND (condition)". One that looks at the side tables of the record itself brings them along. */
static void condition_sql(struct call *c, const struct live_entity *e, const struct expr *condition,
    int alias, struct sqltext *s)
{
    struct sqltext plain;
    struct expr_sql x = { .out = &plain, .alias = alias, .now = c->now, .me = c->who->id };

    clause_begin(&plain, c, s);
    expr_sql_condition(condition, &x);
    sql_lit(s, " AND (");
    if (!x.side) {
        clause_end(&plain, s);
        buf_add(&s->text, buf_str(&plain.text));
        sql_lit(s, ")");
        return;
    }
    int inner = sql_new_alias(s);
    struct sqltext from, where;
    clause_begin(&where, c, s);
    x = (struct expr_sql) { .out = &where, .alias = inner, .now = c->now, .me = c->who->id };
    expr_sql_condition(condition, &x);
    clause_begin(&from, c, &where);
    from_sql(&from, e, inner, x.side);
    clause_end(&from, s);
    sql_column(s, alias, "id");
    sql_lit(s, " IN (SELECT ");
    sql_column(s, inner, "id");
    buf_add(&s->text, buf_str(&from.text));
    sql_lit(s, " WHERE ");
    buf_add(&s->text, buf_str(&where.text));
    sql_lit(s, "))");
}

static enum err_code grants_sql(struct call *c, const struct live_entity *e,
    const struct entity_access *ea, enum right right, int alias, struct sqltext *s)
{
    bool any = false;

    for (size_t i = 0; ea && i < ea->n; i++) {
        const struct grant *g = &ea->grants[i];
        if (g->level[right] == LEVEL_NONE) {
            continue;
        }
        if (any) {
            sql_lit(s, " OR ");
        }
        any = true;
        level_sql(c, (enum level)g->level[right], alias, s);
        if (g->condition) {
            condition_sql(c, e, g->condition, alias, s);
        }
    }
    if (!any) {
        sql_lit(s, "1 = 0");
    }
    return OK;
}

static bool sees_all(struct call *c, const struct live_entity *e, enum right right)
{
    const struct entity_access *ea = access_of(c, e);

    if (c->who->admin) {
        return true;
    }
    for (size_t i = 0; ea && i < ea->n; i++) {
        if (ea->grants[i].level[right] == LEVEL_ALL && !ea->grants[i].condition) {
            return true;
        }
    }
    return false;
}

static enum err_code link_end_sql(struct call *c, const struct live_entity *e, const char *end,
    enum right right, int alias, struct sqltext *s)
{
    const struct live_entity *target = entity_field(e, str_of(end))->target;

    if (sees_all(c, target, right) || (target->def.flags & ENTITY_PUBLIC)) {
        return OK;
    }
    int inner = sql_new_alias(s);
    sql_lit(s, " AND ");
    sql_column(s, alias, end);
    sql_lit(s, " IN (SELECT ");
    sql_column(s, inner, "id");
    sql_lit(s, " FROM ");
    sql_ident(s, target->tables[0]);
    sql_lit(s, " ");
    sql_alias(s, inner);
    sql_lit(s, " WHERE 1 = 1");
    TRY(access_sql(c, target, right, inner, s));
    sql_lit(s, ")");
    return OK;
}

enum err_code access_sql(struct call *c, const struct live_entity *e, enum right right, int alias,
    struct sqltext *s)
{
    if (!access_scope_allows(c, e, right)) {
        sql_lit(s, " AND 1 = 0");
        return OK;
    }
    if ((e->def.flags & ENTITY_PAIR) && !access_all_powerful(c)) {
        TRY(match_pair_sql(c, alias, s));
    }
    if (access_link_owner(e)) {
        TRY(link_end_sql(c, e, "from", access_link_right(right), alias, s));
        return link_end_sql(c, e, "to", RIGHT_READ, alias, s);
    }
    if (sees_all(c, e, right)) {
        return OK;
    }
    sql_lit(s, " AND (");
    TRY(grants_sql(c, e, access_of(c, e), right, alias, s));
    if (right != RIGHT_DELETE && !(e->def.flags & ENTITY_ADMIN)) {
        sql_lit(s, " OR ");
        share_sql(c, e, right, alias, s);
    }
    sql_lit(s, ")");
    return OK;
}

int access_streams(struct call *c, const struct live_entity *e, enum right right)
{
    const struct entity_access *ea = access_of(c, e);

    if (!access_scope_allows(c, e, right) || sees_all(c, e, right) || access_link_owner(e)
        || (ea && ea->conditional) || (e->def.flags & (ENTITY_ADMIN | ENTITY_PERSONAL | ENTITY_PAIR))) {
        return 0;
    }
    enum level level = access_level(c, e, right);
    return level == LEVEL_NONE ? 1 : level == LEVEL_OWN ? 2 : 3;
}

/* Stream 0: what is shared; 1: mine; 2: my teams'. */
enum err_code access_stream_sql(struct call *c, const struct live_entity *e, enum right right,
    int stream, int alias, struct sqltext *s)
{
    const struct access *a = c->who->access;
    bool below = access_level(c, e, right) == LEVEL_BELOW;

    sql_lit(s, " AND ");
    if (stream == 0) {
        share_sql(c, e, right, alias, s);
    } else if (stream == 1) {
        sql_column(s, alias, "owner");
        sql_lit(s, " = ");
        sql_bind(s, V(c->who->id));
    } else {
        sql_column(s, alias, "team");
        sql_lit(s, " IN ");
        id_list(s, below ? a->below : a->teams, below ? a->nbelow : a->nteams);
    }
    return OK;
}
