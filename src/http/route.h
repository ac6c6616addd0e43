/* route.h - every address of the API, as one table: what it runs, on which thread, what it takes.
 *
 * OpenAPI is written from the same rows, so nothing is served that is not described. */

#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/exchange.h"

enum lane {
    LANE_PLAIN, /* no database: answered where it is read */
    LANE_QUICK, /* on SQLite on the network thread, under a small budget; then on the pool */
    LANE_READ,  /* on the pool */
    LANE_HEAVY, /* on the part of the pool that is for what takes long */
    LANE_WRITE, /* a write transaction */
    LANE_ACTION, /* what the action's own row says */
    LANE_PAGE    /* GET of a public page: a read, or a write where it counts who looks */
};

enum route_flags {
    ROUTE_OPEN = 1,     /* without signing in */
    ROUTE_BODY = 2,     /* takes a JSON body */
    ROUTE_FILTER = 4,   /* runs a user's own filter: under the governor */
    ROUTE_BATCH = 8,    /* may stand in a batch */
    ROUTE_WHOLE = 32,    /* not for a token that is limited to scopes */
    ROUTE_BESIDE = 128,  /* the word is an entity's too: what is not here is there */
    ROUTE_SECRET = 64,   /* the answer holds a secret: it is never kept for a second time */
    ROUTE_ELSEWHERE = 1024, /* pages of other sites may ask, with bodies of up to INTAKE_MAX: what is sent says who does */
    ROUTE_FRAME = 512,   /* a form of the application fills a frame: its origin stands for the CSRF token */
    ROUTE_PAGE = 256     /* for people, and not in the description: the module's page knows its parameters */
};

enum { INTAKE_MAX = 1 << 20 };

struct route {
    enum method method;
    const char *path; /* "/api/v1/{entity}/{id}/{name}" */
    enum lane lane;
    /* In the call's transaction; writes the answer to c->out, or fills x->reply. May run again. */
    enum err_code (*run)(struct call *c, struct exchange *x);
    /* Before it, on the pool, without a transaction: what takes long and needs no database. */
    enum err_code (*prepare)(struct call *c, struct exchange *x);
    unsigned flags;
    /* Before a write whose body has a filter "where", on the pool: finds by it in a read, under the budget of a filter. */
    enum err_code (*find)(struct call *c, struct exchange *x);
    const char *params; /* "where,sort": the query parameters it knows */
    const char *body, *answer; /* for OpenAPI: "record", "records", "object", ... */
    const char *help;
};

extern const struct route routes[];
extern const size_t nroutes;

/* Finds x->route and fills x->entity, x->record, x->name. false: the reply is there (404, 405). */
bool route_find(struct exchange *x);

/* ---- what the rows run ---- */
#define ROUTE_FN(name) enum err_code name(struct call *c, struct exchange *x)
ROUTE_FN(records_list);
ROUTE_FN(records_query);
ROUTE_FN(records_aggregate);
ROUTE_FN(records_upsert);
ROUTE_FN(record_get_one);
ROUTE_FN(record_post);
ROUTE_FN(record_patch);
ROUTE_FN(record_remove);
ROUTE_FN(record_put_back);
ROUTE_FN(record_history);
ROUTE_FN(record_rights);
ROUTE_FN(records_export);
ROUTE_FN(file_prepare);
ROUTE_FN(import_rows_get);
ROUTE_FN(import_rejects_get);
ROUTE_FN(records_bulk);
ROUTE_FN(records_merge);
ROUTE_FN(records_duplicates);
ROUTE_FN(records_merge_preview);
ROUTE_FN(action_one);
ROUTE_FN(action_filter);
ROUTE_FN(action_many);
ROUTE_FN(batch_run);
ROUTE_FN(undo_run);
ROUTE_FN(change_sets_list);
ROUTE_FN(jobs_list);
ROUTE_FN(job_get);
ROUTE_FN(job_stop);
ROUTE_FN(search_run);
ROUTE_FN(meta_get);
ROUTE_FN(openapi_get);
ROUTE_FN(access_get);
ROUTE_FN(explain_run);
ROUTE_FN(changes_stream);
ROUTE_FN(login_prepare);
ROUTE_FN(login_run);
ROUTE_FN(logout_run);
ROUTE_FN(me_get);
ROUTE_FN(me_patch);
ROUTE_FN(password_prepare);
ROUTE_FN(password_run);
ROUTE_FN(tokens_list);
ROUTE_FN(tokens_post);
ROUTE_FN(token_delete);
ROUTE_FN(sessions_list);
ROUTE_FN(session_delete);
ROUTE_FN(totp_post);
ROUTE_FN(totp_put);
ROUTE_FN(totp_prepare);
ROUTE_FN(totp_delete);
ROUTE_FN(record_timeline);
ROUTE_FN(records_import);
ROUTE_FN(settings_list);
ROUTE_FN(setting_put);
ROUTE_FN(package_get);
ROUTE_FN(package_post);
ROUTE_FN(check_run);
ROUTE_FN(backup_run);
ROUTE_FN(file_post);
ROUTE_FN(file_content);
ROUTE_FN(health_get);
ROUTE_FN(page_get);
ROUTE_FN(page_post);
ROUTE_FN(page_style);
ROUTE_FN(intake_post);
ROUTE_FN(intake_allow);
ROUTE_FN(intake_script);
ROUTE_FN(frame_html);
#ifdef KITH_TESTING
ROUTE_FN(clock_put);
ROUTE_FN(twice_put);
#endif
ROUTE_FN(metrics_get);

/* The entity that x->entity names, for the API; ERR_NOT_FOUND otherwise. */
MUST_CHECK enum err_code route_entity(
    struct call *c, struct exchange *x, const struct live_entity **e);
/* After ERR_NOT_FOUND: when the record was merged into one that the caller may see, the answer leads there. */
MUST_CHECK enum err_code record_moved(
    struct call *c, struct exchange *x, const struct live_entity *e, bool *moved);
bool page_counts(const struct exchange *x);
/* The action that an ACTION address means, NULL when there is none. */
const struct action *route_action(struct call *c, struct exchange *x);

#endif
