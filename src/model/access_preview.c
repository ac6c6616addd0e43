/* access_preview.c - what a user would have, told to who may ask: objects, levels, fields, how many records, actions.
 *
 * Answered with that user's own compiled rights, the same that would serve him. Nobody signs in as somebody else:
 * nothing of a record is told but that it counts. */

#include "model/access_steps.h"

#include "model/action.h"
#include "model/query.h"

#include <inttypes.h>

struct preview {
    struct call *c;
    const struct user *asker, *seen;
};

/* The records of an entity that somebody sees. None where his rights refuse the question itself. */
static enum err_code count_as(
    struct preview *p, const struct user *who, const struct live_entity *e, int64_t *n)
{
    struct list_request q = { .e = e, .right = RIGHT_READ };

    p->c->who = who;
    enum err_code code = query_count(p->c, &q, n);
    if (code == ERR_FORBIDDEN) {
        err_clear(&p->c->err);
        *n = 0;
        code = OK;
    }
    p->c->who = p->seen;
    return code;
}

/* The fields to which the user has this right; those that the asker may not know of are left out. */
static void put_fields(
    struct preview *p, const struct live_entity *e, const char *name, enum field_right right)
{
    struct call *c = p->c;

    json_array(&c->out, name);
    for (size_t i = 0; i < e->nfields; i++) {
        const struct live_field *f = e->fields[i];
        c->who = p->asker;
        bool known = !f->def.system && access_field(c, f) != FIELD_HIDDEN;
        c->who = p->seen;
        if (known && access_field(c, f) == right) {
            json_text(&c->out, NULL, f->name);
        }
    }
    json_end_array(&c->out);
}

static void put_actions(struct call *c, const struct live_entity *e)
{
    json_array(&c->out, "actions");
    for (const struct module *const *m = c->model->modules; *m; m++) {
        for (const struct action *a = (*m)->actions; a && a->name; a++) {
            bool here = e ? a->on && str_is(e->name, a->on) : !a->on;
            if (here && access_action(c, a->right)) {
                json_text(&c->out, NULL, e ? str_of(a->name) : arena_fmt(c->mem, "%s.%s", (*m)->name, a->name));
            }
        }
    }
    json_end_array(&c->out);
}

static enum err_code put_entity(struct preview *p, const struct live_entity *e)
{
    struct call *c = p->c;
    const struct entity_access *ea = access_of(c, e);
    int64_t seen, all;

    TRY(count_as(p, p->seen, e, &seen));
    TRY(count_as(p, p->asker, e, &all));
    json_object(&c->out, NULL);
    json_text(&c->out, "name", e->name);
    json_int(&c->out, "records", seen);
    json_int(&c->out, "of", all);
    json_object(&c->out, "rights");
    for (int r = 0; r < RIGHT_COUNT; r++) {
        json_cstr(&c->out, right_name((enum right)r), level_name(access_level(c, e, (enum right)r)));
    }
    json_end_object(&c->out);
    json_flag(&c->out, "conditional", !c->who->admin && ea && ea->conditional);
    put_fields(p, e, "hidden", FIELD_HIDDEN);
    put_fields(p, e, "read_only", FIELD_READ);
    put_actions(c, e);
    json_end_object(&c->out);
    return OK;
}

static enum err_code put_all(struct preview *p)
{
    struct call *c = p->c;
    const struct access *a = p->seen->access;

    json_object(&c->out, NULL);
    json_object(&c->out, "user");
    json_int(&c->out, "id", p->seen->id);
    json_text(&c->out, "name", p->seen->name);
    json_flag(&c->out, "admin", p->seen->admin);
    json_flag(&c->out, "may_explain", p->seen->admin || (a && a->may_explain));
    json_flag(&c->out, "may_customise", p->seen->admin || (a && a->may_customise));
    json_end_object(&c->out);
    json_array(&c->out, "entities");
    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        if (!(e->def.flags & (ENTITY_TABLE | ENTITY_LINK))) {
            TRY(put_entity(p, e));
        }
    }
    json_end_array(&c->out);
    put_actions(c, NULL);
    json_end_object(&c->out);
    return OK;
}

enum err_code access_preview(struct call *c, int64_t user)
{
    struct preview p = { .c = c, .asker = c->who, .seen = c->who };

    if (!c->who->admin && !(c->who->access && c->who->access->may_explain)) {
        return fail(c, ERR_FORBIDDEN, NULL, "you may not ask what others have access to");
    }
    enum err_code code = user_load(c, user, &p.seen);
    if (code == ERR_UNAUTHENTICATED) {
        /* of the one who is asked about, not of the one who asks */
        err_clear(&c->err);
        return fail(c, ERR_NOT_FOUND, "user", "there is no active user with id %" PRId64, user);
    }
    TRY(code);
    c->who = p.seen;
    code = put_all(&p);
    c->who = p.asker;
    return code;
}
