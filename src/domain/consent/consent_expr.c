/* consent_expr.c - has_consent('newsletter', 'email') in expressions about people: they agreed, or
 * it takes no more than that they did not refuse; and by e-mail, they did not say "nothing at all". */

#include "domain/consent/consent_steps.h"

#include "model/expr.h"

static struct str text_of(const struct expr_call *call, size_t i, struct arena *mem)
{
    struct value v = expr_constant_value(call->args[i], mem, 0, 0);

    return v.absent || v.type != VALUE_TEXT ? STR("") : v.s;
}

static enum err_code check(void *arg, const struct expr_scope *s, const struct expr_call *call, struct err *e)
{
    const struct live_entity *states = model_entity(s->model, STR("consent"));
    const struct live_field *channel = states ? entity_field(states, STR("channel")) : NULL, *none;

    (void)arg;
    if (!s->entity || !str_is(s->entity->name, "contact")) {
        return err_set(e, ERR_INVALID, "where", "has_consent() is asked of people");
    }
    none = entity_field(s->entity, STR("do_not_email"));
    if (s->may_read && channel && (!s->may_read(s->arg, channel) || !s->may_read(s->arg, none))) {
        return err_set(e, ERR_INVALID, "where", "has_consent() is not known here");
    }
    for (size_t i = 0; i < call->n; i++) {
        if (!expr_is_constant(call->args[i]) || expr_type(call->args[i]) != VALUE_TEXT) {
            return err_set(e, ERR_INVALID, "where", "has_consent() takes the codes of a purpose and a channel, in quotes");
        }
    }
    struct str code = text_of(call, 1, s->mem);
    return !channel || choice_by_code(channel->list, code)
               ? OK
               : err_set(e, ERR_INVALID, "where", "there is no channel \"%.*s\"", STR_ARG(str_sub(code, 0, 40)));
}

/* People with a state of the purpose and channel; granted: only those who agreed. */
static void put_states(struct expr_sql *s, struct str purpose, struct str channel, bool granted)
{
    sql_lit(s->out, "(SELECT s.\"contact\" FROM \"consents\" s JOIN \"consent_purposes\" p ON "
                    "p.\"id\" = s.\"purpose\""
                    " JOIN \"choices\" h ON h.\"id\" = s.\"channel\" JOIN \"choices\" t ON "
                    "t.\"id\" = s.\"state\""
                    " WHERE s.\"deleted_at\" IS NULL AND p.\"deleted_at\" IS NULL AND p.\"code\" = ");
    sql_bind(s->out, V(purpose));
    sql_lit(s->out, " AND h.\"code\" = ");
    sql_bind(s->out, V(channel));
    if (granted) {
        sql_lit(s->out, " AND t.\"code\" = 'granted'");
    }
    sql_lit(s->out, ")");
}

static void put_sql(void *arg, const struct expr_call *call, struct expr_sql *s)
{
    struct str purpose = text_of(call, 0, s->out->text.mem), channel = text_of(call, 1, s->out->text.mem);

    (void)arg;
    sql_lit(s->out, "(");
    if (str_is(channel, "email")) {
        sql_lit(s->out, "(");
        sql_column(s->out, s->alias, "do_not_email");
        sql_lit(s->out, " IS NULL OR ");
        sql_column(s->out, s->alias, "do_not_email");
        sql_lit(s->out, " = 0) AND (");
    }
    sql_column(s->out, s->alias, "id");
    sql_lit(s->out, " IN ");
    put_states(s, purpose, channel, true);
    sql_lit(s->out, " OR (EXISTS (SELECT 1 FROM \"consent_purposes\" p JOIN \"choices\" r ON "
                    "r.\"id\" = p.\"rule\""
                    " WHERE r.\"code\" = 'opt_out' AND p.\"deleted_at\" IS NULL AND p.\"code\" = ");
    sql_bind(s->out, V(purpose));
    sql_lit(s->out, ") AND ");
    sql_column(s->out, s->alias, "id");
    sql_lit(s->out, " NOT IN ");
    put_states(s, purpose, channel, false);
    sql_lit(s->out, "))");
    if (str_is(channel, "email")) {
        sql_lit(s->out, ")");
    }
}

static enum err_code look(void *arg, const struct expr_call *call, const struct expr_rows *rows, struct arena *mem, int64_t id,
    int64_t now, int64_t me, struct value *out)
{
    enum consent_verdict verdict = CONSENT_ABSENT;
    int64_t purpose;
    bool found = false;

    (void)arg, (void)now, (void)me;
    id = id ? id : rows->self;
    if (rows->call && id) {
        TRY(db_find(rows->call, &purpose, &found,
            SQL("SELECT \"id\" FROM \"consent_purposes\" WHERE \"code\" = $1 AND \"deleted_at\" IS "
                "NULL"),
            VALS(V(text_of(call, 0, mem)))));
        TRY(found ? consent_verdict(rows->call, id, purpose, text_of(call, 1, mem), &verdict) : OK);
    }
    *out = (struct value) { .type = VALUE_BOOL, .i = verdict == CONSENT_GIVEN };
    return OK;
}

const struct expr_extension consent_functions[] = {
    { .name = "has_consent",
        .least = 2,
        .most = 2,
        .type = VALUE_BOOL,
        .rows = "consents",
        .field = "do_not_email",
        .check = check,
        .sql = put_sql,
        .eval = look },
    { .name = NULL },
};
