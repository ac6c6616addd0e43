/* load.c - the sample business as a job, for whoever wants to look around before bringing his own data.
 *
 * A step makes a few records and keeps where it stands in the job's result: the generator's state, and the ids that
 * later records refer to. So a job that was stopped by a crash goes on as if nothing had happened, and the same order
 * makes the same business. All of it is one change set, which can be undone until the feed of the
 * days on which it is said to have happened is thrown away, with the next daily cleaning. */

#include "domain/demo/demo_steps.h"

#include "model/action.h"
#include "model/change.h"
#include "model/job.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PEOPLE_MAX = 20000, PEOPLE_USUAL = 500 };

static const char job_name[] = "demo_load";

static const struct field load_input[] = {
    FIELD_INT("people", .min = 1, .max = PEOPLE_MAX, .help = "How many; 500 unless said."),
    FIELD_END,
};

/* Invented people must not get among real ones. */
static enum err_code must_be_empty(struct call *c)
{
    int64_t id;
    bool people, companies;

    TRY(db_find(c, &id, &people, SQL("SELECT \"id\" FROM \"contacts\" LIMIT 1"), VALS()));
    TRY(db_find(c, &id, &companies, SQL("SELECT \"id\" FROM \"companies\" LIMIT 1"), VALS()));
    return people || companies
        ? fail(c, ERR_CONFLICT, NULL, "sample data are for an empty installation, and there are people or companies already")
        : OK;
}

static enum err_code load(struct call *c)
{
    int64_t job, people = in_has(c, "people") ? in_int(c, "people") : PEOPLE_USUAL;

    TRY(must_be_empty(c));
    c->change_kind = "demo";
    TRY(change_set_open(c));
    json_t *order = json_pack("{s:I, s:I}", "people", (json_int_t)people, "until", (json_int_t)(c->now / DAYS(1)));
    arena_defer(c->mem, (void (*)(void *))json_decref, order);
    TRY(job_enqueue(c, &(struct job_order) { .kind = job_name, .key = job_name, .input = order,
        .change_set = c->change_set }, &job));
    out_int(c, "job", job);
    out_int(c, "change_set", c->change_set);
    return OK;
}

/* ---- the steps ---- */

struct ids {
    const char *name;
    int64_t *list;
    size_t n;
};

static void put_ids(json_t *state, struct ids ids)
{
    json_t *list = json_pack("[]");

    for (size_t i = 0; i < ids.n; i++) {
        json_array_append_new(list, json_integer(ids.list[i]));
    }
    json_object_set_new(state, ids.name, list);
}

static void take_ids(const json_t *state, struct ids ids)
{
    for (size_t i = 0; i < ids.n; i++) {
        ids.list[i] = json_integer_value(json_array_get(json_object_get(state, ids.name), i));
    }
}

/* How far the business is: the people that are there, and what the next step goes on from. */
static void keep_state(struct call *c, struct demo *d, const char *phase)
{
    json_t *state = json_pack("{s:s, s:I, s:I, s:I}", "phase", phase, "at", (json_int_t)d->at, "random",
        (json_int_t)d->r.state, "people", (json_int_t)(phase[0] == 'p' ? d->at : 0));

    arena_defer(c->mem, (void (*)(void *))json_decref, state);
    put_ids(state, (struct ids) { "users", d->users, 6 });
    put_ids(state, (struct ids) { "groups", d->groups, 4 });
    put_ids(state, (struct ids) { "products", d->products, DEMO_PRODUCTS });
    put_ids(state, (struct ids) { "shops", d->shops, DEMO_SHOPS });
    put_ids(state, (struct ids) { "site", &d->site, 1 });
    char *text = json_dumps(state, JSON_COMPACT);
    job_result(c, arena_str(c->mem, str_of(text)));
    free(text); /* jansson's own */
}

static enum err_code load_companies(struct call *c, struct demo *d)
{
    struct rows rows;
    int64_t n = 0;

    TRY(db_query(c, &rows, SQL("SELECT \"id\" FROM \"companies\" ORDER BY \"id\" LIMIT $1"), VALS(V(d->ncompanies))));
    while (n < d->ncompanies && rows_next(&rows)) {
        d->companies[n++] = col_int(&rows, 0);
    }
    return rows_end(&rows);
}

static enum err_code go_on(struct call *c, struct demo *d, const char *phase)
{
    int64_t done = phase[0] == 'p' ? d->ncompanies + d->at : d->at;

    keep_state(c, d, phase);
    return job_continue(c, done + 1, done, d->ncompanies + d->npeople);
}

static enum err_code companies(struct call *c, struct demo *d)
{
    while (d->at < d->ncompanies && !job_step_is_long(c)) {
        TRY(demo_make_company(c, d, d->at));
        d->at++;
    }
    if (d->at < d->ncompanies) {
        return go_on(c, d, "companies");
    }
    d->at = 0;
    return go_on(c, d, "people");
}

static enum err_code people(struct call *c, struct demo *d)
{
    TRY(load_companies(c, d));
    rollups_hold(c);
    while (d->at < d->npeople && !job_step_is_long(c)) {
        TRY(demo_make_person(c, d, d->at));
        d->at++;
    }
    TRY(rollups_release(c));
    if (d->at < d->npeople) {
        return go_on(c, d, "people");
    }
    job_progress(c, d->ncompanies + d->npeople, d->ncompanies + d->npeople);
    job_result(c, arena_fmt(c->mem, "{\"people\":%" PRId64 ",\"companies\":%" PRId64 "}", d->npeople, d->ncompanies));
    return OK;
}

static enum err_code run(struct call *c)
{
    int64_t until = json_integer_value(json_object_get(c->job->input, "until"));
    int64_t wanted = json_integer_value(json_object_get(c->job->input, "people"));
    struct demo d = demo_begin(c->mem, wanted, 1, until);
    json_t *state;

    c->change_kind = "demo";
    if (!c->job->before.n) {
        TRY(must_be_empty(c));
        TRY(demo_make_team(c, &d));
        TRY(demo_make_groups(c, &d));
        TRY(demo_make_shops(c, &d));
        TRY(demo_make_site(c, &d));
        TRY(demo_make_campaign(c, &d));
        return go_on(c, &d, "companies");
    }
    TRY(json_read(c->mem, c->job->before, &state, &c->err));
    d.at = json_integer_value(json_object_get(state, "at"));
    d.r.state = (uint64_t)json_integer_value(json_object_get(state, "random"));
    take_ids(state, (struct ids) { "users", d.users, 6 });
    take_ids(state, (struct ids) { "groups", d.groups, 4 });
    take_ids(state, (struct ids) { "products", d.products, DEMO_PRODUCTS });
    take_ids(state, (struct ids) { "shops", d.shops, DEMO_SHOPS });
    take_ids(state, (struct ids) { "site", &d.site, 1 });
    return json_str(json_object_get(state, "phase")).p[0] == 'c' ? companies(c, &d) : people(c, &d);
}

static const struct action actions[] = {
    { .name = "load", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .input = load_input, .right = "user.create",
        .run = load, .help = "Make a sample business in an empty installation, by a job." },
    ACTION_END,
};

static const struct job_kind jobs[] = {
    { .name = job_name, .run = run, .system = true, .help = "Makes the sample business." },
    JOB_END,
};

const struct module demo_module = { .name = "demo", .actions = actions, .jobs = jobs };
