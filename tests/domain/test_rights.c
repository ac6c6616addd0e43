/* test_rights.c - every entity, every level, every way to see or change a record, against a naive model.
 *
 * The naive model is a sentence per level. Entities come from the live model; one that the test cannot
 * make a record of fails it, so none is left out silently. */

#include "domain.h"
#include "random.h"

#include "model/action.h"
#include "model/search.h"
#include "model/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEAMS = 4, USERS = 5, RECORDS = 12 };

/* Teams: 0 top, 1 and 2 beneath it, 3 apart. The asker is user 0 of team 0. */
struct scene {
    struct world *w;
    int64_t teams[TEAMS], users[USERS], role, role_grant;
    struct rng r;
    char entity[64];
    int64_t ids[RECORDS];
    int owner[RECORDS], team[RECORDS];
    bool shared[RECORDS];
    size_t n;
    int64_t checks;
};

static const int user_team[USERS] = { 0, 1, 2, 3, 0 };

static bool naive(const struct scene *s, enum level level, size_t i)
{
    bool mine = s->owner[i] == 0;

    switch (level) {
    case LEVEL_NONE:
        return false;
    case LEVEL_OWN:
        return mine;
    case LEVEL_TEAM:
        return mine || s->team[i] == 0;
    case LEVEL_BELOW:
        return mine || s->team[i] <= 2;
    case LEVEL_ALL:
        return true;
    }
    return false;
}

static void setup(struct scene *s)
{
    char json[400];

    for (int i = 0; i < TEAMS; i++) {
        if (i == 1 || i == 2) {
            snprintf(json, sizeof json, "{\"name\": \"Team %d\", \"parent\": %lld}", i,
                (long long)s->teams[0]);
        } else {
            snprintf(json, sizeof json, "{\"name\": \"Team %d\"}", i);
        }
        s->teams[i] = make(s->w, "team", json);
    }
    s->role = make(s->w, "role", "{\"name\": \"Tested\"}");
    for (int i = 0; i < USERS; i++) {
        snprintf(json, sizeof json,
            "{\"name\": \"User %d\", \"email\": \"user%d@rights.example\", \"team\": %lld%s%lld]}", i, i,
            (long long)s->teams[user_team[i]], i ? ", \"tags\": [], \"teams\": [" : ", \"roles\": [",
            (long long)(i ? s->teams[user_team[i]] : s->role));
        s->users[i] = make(s->w, "user", json);
    }
}

/* What a record cannot do without is made first, where there is none. */
static enum err_code make_targets(struct call *c, struct rng *r, const struct live_entity *e, int depth)
{
    for (size_t i = 0; i < e->nfields && depth < 3; i++) {
        const struct live_field *f = e->fields[i];
        if (f->def.kind != KIND_REF || !f->def.required || f->target == e || some_record(c, r, f->target)) {
            continue;
        }
        struct record *made = record_new(c, f->target);
        TRY(make_targets(c, r, f->target, depth + 1));
        TRY(record_fill(c, made, random_object(c, r, f->target, true)));
        TRY(record_create(c, made));
    }
    return OK;
}

static enum err_code make_one(struct call *c, void *arg)
{
    struct scene *s = arg;
    const struct live_entity *e = model_entity(c->model, str_of(s->entity));
    struct record *r = record_new(c, e);
    size_t i = s->n;

    TRY(make_targets(c, &s->r, e, 0));
    TRY(record_fill(c, r, random_object(c, &s->r, e, true)));
    s->owner[i] = (int)rng_below(&s->r, USERS);
    s->team[i] = (int)rng_below(&s->r, TEAMS);
    record_set(c, r, "owner", V(s->users[s->owner[i]]));
    record_set(c, r, "team", V(s->teams[s->team[i]]));
    TRY(record_create(c, r));
    s->ids[i] = r->id;
    return OK;
}

static enum err_code empty_bin(struct call *c, void *arg)
{
    struct scene *s = arg;
    const struct live_entity *e = model_entity(c->model, str_of(s->entity));
    int64_t id;

    while ((id = some_record(c, &s->r, e)) != 0) {
        TRY(record_delete(c, e, id, 0));
    }
    return OK;
}

/* Only the records of the scene are live: what the asker sees can be counted. */
static void fill(struct scene *s)
{
    s->n = 0;
    writes(s->w, empty_bin, s);
    memset(s->shared, 0, sizeof s->shared);
    for (int tries = 0; s->n < RECORDS && tries < 400; tries++) {
        struct arena *mem = arena_create(0);
        struct call c;
        call_init(&c, s->w->org, mem, user_system(), VIA_API);
        enum err_code code = call_write(&c, make_one, s);
        if (code == OK) {
            s->n++;
        } else if (tries == 399) {
            print_error("no record of %s can be made: %s\n", s->entity, c.err.msg);
        }
        arena_destroy(mem);
    }
    assert_int_equal(s->n, RECORDS);
}

static const char *const levels[] = { "none", "own", "team", "below", "all" };

static void set_level(struct scene *s, enum level level)
{
    char json[400];
    const char *l = levels[level];

    if (!s->role_grant) {
        snprintf(json, sizeof json, "{\"role\": %lld, \"entity\": \"%s\", \"read\": \"none\"}",
            (long long)s->role, s->entity);
        s->role_grant = make(s->w, "grant", json);
    }
    snprintf(json, sizeof json,
        "{\"read\": \"%s\", \"create\": \"%s\", \"update\": \"%s\", \"delete\": \"%s\", \"export\": \"%s\","
        " \"import\": \"%s\", \"bulk\": \"%s\"}",
        l, l, l, l, l, l, l);
    change(s->w, "grant", s->role_grant, json);
}

struct look {
    struct scene *s;
    size_t i;
    const char *sort;
    int64_t ids[RECORDS * 2];
    size_t n;
    enum right right;
};

static enum err_code see_list(struct call *c, void *arg)
{
    struct look *l = arg;
    struct list_request q = { .e = model_entity(c->model, str_of(l->s->entity)), .fields = STR("id"),
        .sort = str_of(l->sort), .limit = 5, .right = l->right };
    struct query_page page;

    l->n = 0;
    do {
        TRY(query_page(c, &q, &page));
        for (size_t i = 0; i < page.n; i++) {
            l->ids[l->n++] = page.rows[i]->id;
        }
        q.after = page.next;
    } while (page.next.n && l->n < RECORDS);
    return OK;
}

static enum err_code see_one(struct call *c, void *arg)
{
    struct look *l = arg;

    return query_get(c, model_entity(c->model, str_of(l->s->entity)), l->s->ids[l->i], STR("id"),
        STR(""));
}

static enum err_code see_timeline(struct call *c, void *arg)
{
    struct look *l = arg;

    return timeline_json(c, model_entity(c->model, str_of(l->s->entity)), l->s->ids[l->i], 0, 10);
}

static enum err_code see_count(struct call *c, void *arg)
{
    struct look *l = arg;
    struct aggregate_request q = { .e = model_entity(c->model, str_of(l->s->entity)) };

    TRY(query_aggregate(c, &q));
    json_t *tree;
    TRY(json_read(c->mem, buf_str(&c->body), &tree, &c->err));
    l->n = (size_t)json_integer_value(
        json_object_get(json_array_get(json_object_get(tree, "rows"), 0), "count()"));
    return OK;
}

static enum err_code see_ids(struct call *c, void *arg)
{
    struct look *l = arg;
    int64_t *ids;

    struct list_request q = { .e = model_entity(c->model, str_of(l->s->entity)), .right = RIGHT_UPDATE };
    TRY(query_ids(c, &q, 0, 0, 100, &ids,
        &l->n));
    memcpy(l->ids, ids, l->n * sizeof *ids);
    return OK;
}

static enum err_code touch(struct call *c, void *arg)
{
    struct look *l = arg;
    struct record *r = record_new(c, model_entity(c->model, str_of(l->s->entity)));

    r->id = l->s->ids[l->i];
    record_set(c, r, "external_id", V(arena_fmt(c->mem, "t%lld", (long long)l->s->r.state)));
    TRY(record_update(c, r));
    return fail(c, ERR_BUSY, NULL, "allowed; taken back");
}

static enum err_code discard(struct call *c, void *arg)
{
    struct look *l = arg;

    TRY(record_delete(c, model_entity(c->model, str_of(l->s->entity)), l->s->ids[l->i], 0));
    return fail(c, ERR_BUSY, NULL, "allowed; taken back");
}

/* Runs as the asker; ERR_BUSY stands for allowed where a change is taken back. */
static enum err_code ask(struct scene *s, bool write, step_fn *fn, struct look *l)
{
    enum err_code code;

    s->w->user = s->users[0];
    if (write) {
        code = write_fails(s->w, fn, l);
    } else {
        code = read_any(s->w, fn, l);
    }
    s->w->user = 0;
    s->checks++;
    return code;
}

static bool listed(const struct look *l, int64_t id)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static void check_sets(struct scene *s, enum level level)
{
    static const char *const sorts[] = { "", "-created_at", "external_id", "-owner,id" };
    struct look l = { .s = s };
    size_t expected = 0;

    for (size_t i = 0; i < s->n; i++) {
        expected += naive(s, level, i) || s->shared[i];
    }
    for (size_t k = 0; k < sizeof sorts / sizeof *sorts; k++) {
        l.sort = sorts[k];
        assert_int_equal(ask(s, false, see_list, &l), OK);
        for (size_t i = 0; i < s->n; i++) {
            bool should = naive(s, level, i) || s->shared[i];
            if (listed(&l, s->ids[i]) != should) {
                print_error("%s, level %s, sort \"%s\": record %zu (owner %d, team %d)\n", s->entity,
                    levels[level], sorts[k], i, s->owner[i], s->team[i]);
            }
            assert_int_equal(listed(&l, s->ids[i]), should);
        }
        if (l.n != expected) {
            print_error("%s, level %s, sort \"%s\":", s->entity, levels[level], sorts[k]);
            for (size_t i = 0; i < l.n; i++) {
                print_error(" %lld", (long long)l.ids[i]);
            }
            print_error("\n");
        }
        assert_int_equal(l.n, expected);
    }
    assert_int_equal(ask(s, false, see_count, &l), OK);
    assert_int_equal(l.n, expected);
    l.right = RIGHT_EXPORT;
    l.sort = "";
    enum err_code code = ask(s, false, see_list, &l);
    assert_int_equal(code, level == LEVEL_NONE ? ERR_FORBIDDEN : OK);
    if (code == OK) {
        assert_int_equal(l.n, expected);
    }
    if (ask(s, false, see_ids, &l) == OK) {
        for (size_t i = 0; i < l.n; i++) {
            size_t k = 0;
            while (s->ids[k] != l.ids[i]) {
                k++;
            }
            assert_true(naive(s, level, k));
        }
    }
}

/* What allowed looks like: some entities are never changed by hand, whatever the level. */
static enum err_code allowed(struct scene *s)
{
    const struct model *m = org_take_model(s->w->org);
    unsigned flags = model_entity(m, str_of(s->entity))->def.flags;

    org_give_model(s->w->org, m);
    return flags & ENTITY_APPEND_ONLY ? ERR_CONFLICT : ERR_BUSY;
}

static void check_each(struct scene *s, enum level level)
{
    enum err_code good = allowed(s);

    for (size_t i = 0; i < s->n; i++) {
        struct look l = { .s = s, .i = i };
        bool should = naive(s, level, i), sees = should || s->shared[i];
        assert_int_equal(ask(s, false, see_one, &l), sees ? OK : ERR_NOT_FOUND);
        assert_int_equal(ask(s, false, see_timeline, &l), sees ? OK : ERR_NOT_FOUND);
        enum err_code code = ask(s, true, touch, &l);
        assert_int_equal(code, should ? good : sees ? ERR_FORBIDDEN : ERR_NOT_FOUND);
        code = ask(s, true, discard, &l);
        if (should && code == ERR_CONFLICT) {
            continue; /* something still refers to it: allowed all the same */
        }
        assert_int_equal(code, should ? good : sees ? ERR_FORBIDDEN : ERR_NOT_FOUND);
    }
}

static enum err_code names_of(struct call *c, void *arg)
{
    struct buf *b = arg;

    for (size_t i = 0; i < c->model->nentities; i++) {
        const struct live_entity *e = c->model->entities[i];
        if (plays(e) && !(e->def.flags & (ENTITY_ADMIN | ENTITY_LINK | ENTITY_PERSONAL | ENTITY_DERIVED))
            && !str_is(e->name, "share")) {
            buf_fmt(b, "%s ", e->name.p);
        }
    }
    return OK;
}

static void share_one(struct scene *s)
{
    char json[300];

    for (size_t i = 0; i < s->n; i++) {
        if (naive(s, LEVEL_BELOW, i)) {
            continue;
        }
        snprintf(json, sizeof json,
            "{\"record\": {\"entity\": \"%s\", \"id\": %lld}, \"user\": %lld, \"level\": \"read\"}",
            s->entity, (long long)s->ids[i], (long long)s->users[0]);
        make(s->w, "share", json);
        s->shared[i] = true;
        return;
    }
}

static void each_level__gives_what_its_sentence_says(void **state)
{
    struct scene s = { .w = *state, .r = { 7 } };
    struct buf names;
    struct str rest, name;
    size_t entities = 0;

    setup(&s);
    buf_init(&names, s.w->mem, 1 << 16);
    reads(s.w, names_of, &names);
    rest = buf_str(&names);
    while (str_split(&rest, ' ', &name)) {
        snprintf(s.entity, sizeof s.entity, "%.*s", STR_ARG(name));
        s.role_grant = 0;
        fill(&s);
        for (int level = LEVEL_NONE; level <= LEVEL_ALL; level++) {
            set_level(&s, (enum level)level);
            check_sets(&s, (enum level)level);
            check_each(&s, (enum level)level);
        }
        set_level(&s, LEVEL_OWN);
        share_one(&s);
        check_sets(&s, LEVEL_OWN);
        check_each(&s, LEVEL_OWN);
        entities++;
    }
    print_message("%zu entities, %lld checks\n", entities, (long long)s.checks);
    assert_true(entities >= 9);
}

/* ---- fields ---- */

struct hidden {
    const char *where, *sort, *fields, *group, *measure;
};

static enum err_code try_list(struct call *c, void *arg)
{
    struct hidden *h = arg;
    const struct live_entity *e = model_entity(c->model, STR("contact"));

    if (h->group || h->measure) {
        struct aggregate_request q = { .e = e, .group = str_of(h->group), .measure = str_of(h->measure) };
        return query_aggregate(c, &q);
    }
    struct list_request q = { .e = e, .where = str_of(h->where), .sort = str_of(h->sort),
        .fields = str_of(h->fields) };
    return query_list(c, &q);
}

static enum err_code read_history(struct call *c, void *arg)
{
    return history_json(c, model_entity(c->model, STR("contact")), *(int64_t *)arg, 0, 50);
}

static enum err_code find_text(struct call *c, void *arg)
{
    return search_json(c, NULL, str_of(arg), 20);
}

static void hidden_field__binds_filter_sort_group_export_history_and_search(void **state)
{
    struct world *w = *state;
    const struct hidden tries[] = {
        { .where = "last_name = 'x'" },
        { .where = "reports_to.last_name = 'x'" },
        { .where = "any(reports where last_name = 'x')" },
        { .sort = "last_name" },
        { .sort = "-last_name" },
        { .fields = "id,last_name" },
        { .group = "last_name" },
        { .measure = "max(last_name)" },
        { .where = "income_band = 'over_150k'" }, /* sensitive: hidden unless a role shows it */
        { .sort = "income_band" },
    };
    char json[300];
    int64_t role = make(w, "role", "{\"name\": \"Blind\"}");
    snprintf(json, sizeof json, "{\"role\": %lld, \"entity\": \"contact\", \"read\": \"all\", \"update\": \"all\"}",
        (long long)role);
    make(w, "grant", json);
    snprintf(json, sizeof json,
        "{\"role\": %lld, \"entity\": \"contact\", \"field\": \"last_name\", \"level\": \"hidden\"}",
        (long long)role);
    make(w, "field_grant", json);
    snprintf(json, sizeof json,
        "{\"role\": %lld, \"entity\": \"contact\", \"field\": \"name\", \"level\": \"hidden\"}",
        (long long)role);
    make(w, "field_grant", json);
    snprintf(json, sizeof json,
        "{\"role\": %lld, \"entity\": \"contact\", \"field\": \"city\", \"level\": \"read\"}",
        (long long)role);
    make(w, "field_grant", json);
    snprintf(json, sizeof json, "{\"name\": \"Blind\", \"email\": \"blind@rights.example\", \"roles\": [%lld]}",
        (long long)role);
    int64_t user = make(w, "user", json);
    int64_t id = make(w, "contact", "{\"first_name\": \"Vera\", \"last_name\": \"Zyxwv\"}");
    change(w, "contact", id, "{\"last_name\": \"Zyxwvut\", \"first_name\": \"Wera\"}");
    w->user = user;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct hidden h = tries[i];
        assert_int_equal(read_any(w, try_list, &h), ERR_INVALID);
    }
    assert_null(strstr(get(w, "contact", id, NULL), "Zyxw"));
    assert_null(strstr(w->body.p, "income_band\""));
    reads(w, read_history, &id);
    assert_null(strstr(w->body.p, "Zyxw"));
    assert_non_null(strstr(w->body.p, "Vera"));
    reads(w, find_text, (char[]) { "zyxwvut" });
    assert_non_null(strstr(w->body.p, "\"items\":[]"));
    reads(w, find_text, (char[]) { "wera" });
    assert_int_equal(change_fails(w, "contact", id, "{\"last_name\": \"B\"}"), ERR_INVALID);
    change(w, "contact", id, "{\"nickname\": \"W\"}");
    w->user = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level__gives_what_its_sentence_says),
        cmocka_unit_test(hidden_field__binds_filter_sort_group_export_history_and_search),
    };

    return cmocka_run_group_tests_name("rights", tests, world_open, world_close);
}
