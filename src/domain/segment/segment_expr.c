/* segment_expr.c - in_segment('code') in expressions about people, out of the stored rows. */

#include "domain/segment/segment_steps.h"

static struct str code_of(const struct expr_call *call, struct arena *mem)
{
    struct value v = expr_constant_value(call->args[0], mem, 0, 0);

    return v.absent || v.type != VALUE_TEXT ? STR("") : v.s;
}

static enum err_code check(
    void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    (void)arg;
    if (!s->entity || !str_is(s->entity->name, "contact")) {
        return err_set(e, ERR_INVALID, "where", "in_segment() is asked of people");
    }
    return expr_is_constant(call->args[0]) && expr_type(call->args[0]) == VALUE_TEXT
        ? OK
        : err_set(e, ERR_INVALID, "where", "in_segment() takes the code of a segment, in quotes");
}

static void put_sql(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    (void)arg;
    sql_column(s->out, s->alias, "id");
    sql_lit(s->out, " IN (SELECT m.\"person\" FROM \"segments\" g JOIN \"segment_members\" m ON m.\"segment\" ="
                    " g.\"id\" AND m.\"version\" = g.\"live\" WHERE g.\"deleted_at\" IS NULL AND g.\"code\" = ");
    sql_bind(s->out, V(code_of(call, s->out->text.mem)));
    sql_lit(s->out, ")");
}

static enum err_code look(void *arg, const struct expr_call *call, const struct expr_rows *rows,
    struct arena *mem, int64_t id, int64_t now, int64_t me, struct value *out)
{
    int64_t one;
    bool in = false;

    (void)arg, (void)now, (void)me;
    id = id ? id : rows->self;
    if (rows->call && id) {
        TRY(db_find(rows->call, &one, &in,
            SQL("SELECT 1 FROM \"segments\" g JOIN \"segment_members\" m ON m.\"segment\" = g.\"id\" AND"
                " m.\"version\" = g.\"live\" AND m.\"person\" = $2 WHERE g.\"deleted_at\" IS NULL AND"
                " g.\"code\" = $1"),
            VALS(V(code_of(call, mem)), V(id))));
    }
    *out = (struct value) { .type = VALUE_BOOL, .i = in };
    return OK;
}

const struct expr_extension segment_functions[] = {
    { .name = "in_segment", .named = true, .least = 1, .most = 1, .type = VALUE_BOOL, .check = check, .sql = put_sql,
        .eval = look },
    { .name = NULL },
};
