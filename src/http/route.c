/* route.c - the table of routes, and finding the row of a request. Words come before names, so a row
 * with a literal piece stands above the one that takes any. */

#include "http/route.h"

#include "model/action.h"

#include <string.h>

#define LIST_PARAMS "where,sort,fields,expand,limit,after,from,q,bin,count"
#define API "/api/v1"

const struct route routes[] = {
    { METHOD_GET, "/healthz", LANE_QUICK, health_get, .flags = ROUTE_OPEN, .answer = "text",
        .help = "Whether the server and its database answer." },
    { METHOD_GET, "/metrics", LANE_READ, metrics_get, .flags = ROUTE_OPEN, .answer = "text",
        .help = "Numbers for Prometheus: from this machine, or with an administrator's token." },

#ifdef KITH_TESTING
    { METHOD_PUT, "/test/clock", LANE_PLAIN, clock_put, .flags = ROUTE_OPEN | ROUTE_BODY,
        .body = "now", .help = "Testing builds: where the clock stands; null lets it go." },
    { METHOD_PUT, "/test/twice", LANE_PLAIN, twice_put, .flags = ROUTE_OPEN | ROUTE_BODY,
        .body = "on", .help = "Testing builds: whether each write on SQLite is lost once and runs again." },
#endif

    { METHOD_POST, "/app-frame/html", LANE_READ, frame_html, .flags = ROUTE_FRAME | ROUTE_PAGE, .answer = "text",
        .help = "Shows what it is sent in a frame that can do nothing." },
    { METHOD_GET, "/p/style.css", LANE_PLAIN, page_style, .flags = ROUTE_OPEN | ROUTE_PAGE, .answer = "text",
        .help = "The style of public pages." },
    { METHOD_GET, "/p/{page}/{name}", LANE_PAGE, page_get, .flags = ROUTE_OPEN | ROUTE_PAGE, .answer = "text",
        .help = "A page for somebody without an account." },
    { METHOD_POST, "/p/{page}/{name}", LANE_WRITE, page_post, .flags = ROUTE_OPEN | ROUTE_PAGE, .answer = "text",
        .help = "What such a page sends." },

    { METHOD_POST, "/v1/{page}", LANE_WRITE, intake_post,
        .flags = ROUTE_OPEN | ROUTE_BODY | ROUTE_PAGE | ROUTE_ELSEWHERE,
        .help = "What sites and programs send without signing in." },
    { METHOD_GET, "/v1/{page}", LANE_PLAIN, intake_script, .flags = ROUTE_OPEN | ROUTE_PAGE | ROUTE_ELSEWHERE,
        .help = "The script that pages of other sites load." },
    { METHOD_OPTIONS, "/v1/{page}", LANE_PLAIN, intake_allow, .flags = ROUTE_OPEN | ROUTE_PAGE | ROUTE_ELSEWHERE,
        .help = "What a browser asks before a page of another site may send." },

    { METHOD_POST, API "/login", LANE_WRITE, login_run, login_prepare, ROUTE_OPEN | ROUTE_BODY,
        .body = "email,password,totp", .help = "Sign in: sets the cookie, gives the CSRF token." },
    { METHOD_POST, API "/logout", LANE_WRITE, logout_run, .help = "Sign out." },
    { METHOD_GET, API "/me", LANE_QUICK, me_get, .help = "Who is calling." },
    { METHOD_PATCH, API "/me", LANE_WRITE, me_patch, .flags = ROUTE_WHOLE | ROUTE_BODY, .body = "name,language,zone",
        .answer = "nothing", .help = "Change one's own name, language, time zone; null is that of the organisation." },
    { METHOD_POST, API "/me/password", LANE_WRITE, password_run, password_prepare, ROUTE_WHOLE | ROUTE_BODY,
        .body = "password,old_password,user", .help = "Set a password: one's own, or another's." },
    { METHOD_POST, API "/me/totp", LANE_WRITE, totp_post, .flags = ROUTE_WHOLE | ROUTE_SECRET,
        .help = "Begin to set up a second factor: gives the secret." },
    { METHOD_PUT, API "/me/totp", LANE_WRITE, totp_put, .flags = ROUTE_WHOLE | ROUTE_BODY, .body = "code",
        .help = "Confirm the second factor with a code." },
    { METHOD_DELETE, API "/me/totp", LANE_WRITE, totp_delete, totp_prepare, ROUTE_WHOLE | ROUTE_BODY,
        .body = "password", .help = "Remove the second factor." },
    { METHOD_GET, API "/tokens", LANE_QUICK, tokens_list, .flags = ROUTE_WHOLE, .params = "all",
        .help = "One's own tokens." },
    { METHOD_POST, API "/tokens", LANE_WRITE, tokens_post, .flags = ROUTE_WHOLE | ROUTE_SECRET | ROUTE_BODY,
        .body = "name,scopes,expires_at,user", .help = "Make a token; it is shown this once." },
    { METHOD_DELETE, API "/tokens/{id}", LANE_WRITE, token_delete, .flags = ROUTE_WHOLE, .help = "Revoke a token." },
    { METHOD_GET, API "/sessions", LANE_QUICK, sessions_list, .flags = ROUTE_WHOLE, .params = "all",
        .help = "One's own sessions." },
    { METHOD_DELETE, API "/sessions/{id}", LANE_WRITE, session_delete, .flags = ROUTE_WHOLE, .help = "End a session." },

    { METHOD_POST, API "/batch", LANE_WRITE, batch_run, .flags = ROUTE_BODY, .body = "operations",
        .help = "Up to 100 operations in one transaction: all or none." },
    { METHOD_POST, API "/undo", LANE_WRITE, undo_run, .flags = ROUTE_WHOLE | ROUTE_BODY, .body = "change_set",
        .help = "Undo a change set." },
    { METHOD_GET, API "/change_sets", LANE_READ, change_sets_list, .flags = ROUTE_WHOLE, .params = "before,limit,all,people,user",
        .help = "What was changed in one go, newest first." },
    { METHOD_GET, API "/jobs", LANE_READ, jobs_list, .flags = ROUTE_WHOLE, .params = "state,before,limit",
        .help = "Jobs, newest first." },
    { METHOD_GET, API "/jobs/{id}", LANE_READ, job_get, .flags = ROUTE_WHOLE, .help = "One job." },
    { METHOD_POST, API "/jobs/{id}/cancel", LANE_WRITE, job_stop, .flags = ROUTE_WHOLE, .help = "Ask a job to stop." },
    { METHOD_GET, API "/search", LANE_READ, search_run, .flags = ROUTE_FILTER,
        .params = "q,limit,entity", .help = "Search over every entity." },
    { METHOD_GET, API "/meta", LANE_QUICK, meta_get,
        .help = "Entities, fields, choices, actions, layouts, and the caller's rights." },
    { METHOD_GET, API "/access", LANE_HEAVY, access_get, .flags = ROUTE_WHOLE | ROUTE_FILTER,
        .params = "user", .help = "What a user would see and could do, of everything." },
    { METHOD_GET, API "/openapi.json", LANE_READ, openapi_get, .help = "This description." },
    { METHOD_GET, API "/explain", LANE_READ, explain_run, .params = "entity,where,id",
        .help = "Why an expression holds or not for a record." },
    { METHOD_GET, API "/changes", LANE_READ, changes_stream, .params = "after",
        .answer = "events", .help = "The stream of changes, as server-sent events." },

    { METHOD_GET, API "/settings", LANE_QUICK, settings_list,
        .help = "Settings as they hold for the caller, and where each value comes from." },
    { METHOD_PUT, API "/settings", LANE_WRITE, setting_put, .flags = ROUTE_WHOLE | ROUTE_BODY,
        .body = "name,scope,scope_id,value", .help = "Set one; null takes it away." },
    { METHOD_GET, API "/package", LANE_READ, package_get, .params = "name",
        .help = "Objects, fields and lists made by users, as one file." },
    { METHOD_POST, API "/package", LANE_WRITE, package_post, .flags = ROUTE_WHOLE | ROUTE_BODY,
        .body = "package", .help = "Install such a file." },
    { METHOD_POST, API "/backup", LANE_HEAVY, backup_run, .flags = ROUTE_BODY, .body = "file",
        .help = "Write a copy of the database; the name of the file is the server's." },
    { METHOD_GET, API "/check", LANE_HEAVY, check_run, .help = "Check the whole database." },
    { METHOD_POST, API "/files", LANE_WRITE, file_post, file_prepare, .flags = ROUTE_BESIDE, .params = "name", .answer = "record",
        .help = "Upload: the body is the file." },
    { METHOD_GET, API "/files/{id}/content", LANE_READ, file_content, .answer = "text",
        .help = "The bytes of a file; Range is honoured." },

    { METHOD_GET, API "/imports/{id}/rows", LANE_READ, import_rows_get, .params = "rows",
        .help = "The first rows of a file that is to be imported." },
    { METHOD_GET, API "/imports/{id}/rejects", LANE_READ, import_rejects_get, .answer = "text",
        .help = "The rows that were rejected, as CSV with the reasons, ready to be mended." },

    { METHOD_GET, API "/{entity}", LANE_QUICK, records_list, .flags = ROUTE_FILTER,
        .params = LIST_PARAMS, .answer = "records", .help = "List." },
    { METHOD_POST, API "/{entity}", LANE_WRITE, record_post, .flags = ROUTE_BODY | ROUTE_BATCH,
        .params = "duplicates", .body = "record", .answer = "record", .help = "Create." },
    { METHOD_GET, API "/{entity}/aggregate", LANE_HEAVY, records_aggregate, .flags = ROUTE_FILTER,
        .params = "where,q,measure,group,sort,limit", .answer = "rows", .help = "Count and sum." },
    { METHOD_GET, API "/{entity}/export", LANE_HEAVY, records_export, .flags = ROUTE_FILTER,
        .params = "format,where,sort,fields,q,bin", .answer = "text",
        .help = "All of a list, as csv or jsonl." },
    { METHOD_POST, API "/{entity}/query", LANE_HEAVY, records_query,
        .flags = ROUTE_FILTER | ROUTE_BODY, .body = LIST_PARAMS, .answer = "records",
        .help = "List, with the request as the body; where may be a tree." },
    { METHOD_POST, API "/{entity}/bulk", LANE_WRITE, records_bulk, .flags = ROUTE_BODY,
        .body = "ids,where,q,bin,set,clear,add,remove,do", .answer = "job",
        .help = "Change many records by a job: those with these ids, or all that a filter finds." },
    { METHOD_GET, API "/{entity}/merge", LANE_READ, records_merge_preview, .params = "ids",
        .help = "What a merge of these would do: the first survives." },
    { METHOD_POST, API "/{entity}/merge", LANE_WRITE, records_merge,
        .flags = ROUTE_BODY, .body = "ids,fields,values", .answer = "record",
        .help = "Merge records: the first survives, everything about the others moves to it." },
    { METHOD_POST, API "/{entity}/duplicates", LANE_READ, records_duplicates,
        .flags = ROUTE_BODY, .params = "limit", .body = "record", .answer = "records",
        .help = "What a record that is about to be made may be a duplicate of." },
    { METHOD_POST, API "/{entity}/import", LANE_WRITE, records_import, .flags = ROUTE_BODY,
        .body = "import", .help = "A chunk of rows of text, or of records." },
    { METHOD_POST, API "/{entity}/upsert", LANE_WRITE, records_upsert,
        .flags = ROUTE_BODY | ROUTE_BATCH, .params = "key", .body = "record", .answer = "record",
        .help = "Change the record with this external_id or email, or create it." },
    { METHOD_GET, API "/{entity}/{id}", LANE_QUICK, record_get_one, .flags = ROUTE_BATCH,
        .params = "fields,expand", .answer = "record", .help = "Read." },
    { METHOD_PATCH, API "/{entity}/{id}", LANE_WRITE, record_patch,
        .flags = ROUTE_BODY | ROUTE_BATCH, .body = "record", .answer = "record",
        .help = "Change; null clears, a list replaces." },
    { METHOD_DELETE, API "/{entity}/{id}", LANE_WRITE, record_remove, .flags = ROUTE_BATCH,
        .answer = "nothing", .help = "Move to the bin." },
    { METHOD_POST, API "/{entity}/{name}", LANE_ACTION, action_many, .flags = ROUTE_BODY, .find = action_filter,
        .body = "action", .help = "Run an action, on what ids or where name." },
    { METHOD_POST, API "/{entity}/{id}/restore", LANE_WRITE, record_put_back,
        .flags = ROUTE_BATCH, .answer = "record", .help = "Take out of the bin." },
    { METHOD_GET, API "/{entity}/{id}/history", LANE_READ, record_history,
        .params = "before,limit", .help = "What it was before, newest first." },
    { METHOD_GET, API "/{entity}/{id}/timeline", LANE_READ, record_timeline,
        .params = "before,limit", .help = "The activities about it, newest first." },
    { METHOD_GET, API "/{entity}/{id}/access", LANE_READ, record_rights, .params = "user,right",
        .help = "Why somebody may or may not." },
    { METHOD_POST, API "/{entity}/{id}/{name}", LANE_ACTION, action_one,
        .flags = ROUTE_BODY | ROUTE_BATCH, .body = "action", .help = "Run an action on a record." },
};
const size_t nroutes = sizeof routes / sizeof routes[0];

/* One piece of a row's path against one of the request's. */
static bool fits(struct exchange *x, struct str piece, struct str given)
{
    if (piece.n < 3 || piece.p[0] != '{') {
        return str_eq(piece, given);
    }
    if (str_is(piece, "{id}")) {
        return given.n && given.p[0] != '-' && given.p[0] != '+' && str_to_int(given, &x->record)
            && x->record > 0;
    }
    if (str_is(piece, "{entity}") || str_is(piece, "{page}")) {
        x->entity = given;
    } else {
        x->name = given;
    }
    return true;
}

static bool matches(struct exchange *x, const char *path)
{
    struct str rest = str_of(path + 1), piece;
    int i = 0;

    while (str_split(&rest, '/', &piece)) {
        if (i == x->req.nsegments || !fits(x, piece, x->req.segments[i++])) {
            return false;
        }
    }
    return i == x->req.nsegments;
}

static bool refuse_method(struct exchange *x, unsigned allowed)
{
    struct buf allow;

    if (!allowed) {
        reply_error(x, 404, "not_found", "there is nothing at this address");
        return false;
    }
    buf_init(&allow, x->mem, 100);
    for (int m = METHOD_GET; m < METHOD_OTHER; m++) {
        if (allowed & 1u << m) {
            buf_lit(&allow, allow.n ? ", " : "");
            buf_lit(&allow, method_name((enum method)m));
        }
    }
    reply_header(x, "Allow", buf_str(&allow));
    reply_error(x, 405, "method_not_allowed", "this address takes %.*s", STR_ARG(buf_str(&allow)));
    return false;
}

static bool check_params(struct exchange *x)
{
    for (int i = 0; i < x->req.nparams && !(x->route->flags & ROUTE_PAGE); i++) {
        struct str name = x->req.params[i].name, rest = str_of(x->route->params), one;
        bool known = false;
        while (!known && str_split(&rest, ',', &one)) {
            known = str_eq(one, name);
        }
        if (!known) {
            err_set(&x->call.err, ERR_INVALID, arena_cstr(x->mem, str_sub(name, 0, 60)),
                "this address takes no such parameter%s%s", x->route->params ? "; it takes " : "",
                x->route->params ? x->route->params : "");
            reply_problem(x);
            return false;
        }
    }
    return true;
}

static const struct route *find_row(struct exchange *x)
{
    for (size_t i = 0; i < nroutes; i++) {
        if (routes[i].method == x->req.method && matches(x, routes[i].path)) {
            return &routes[i];
        }
    }
    return NULL;
}

/* What a known address takes instead. Where a word and a name both fit, the word is meant. */
static unsigned methods_of(struct exchange *x, bool *word)
{
    unsigned allowed = 0;

    *word = false;
    for (size_t i = 0; i < nroutes; i++) {
        bool generic = strstr(routes[i].path, "{entity}") != NULL;
        if ((generic && *word) || strstr(routes[i].path, "{name}") || !matches(x, routes[i].path)) {
            continue;
        }
        allowed |= 1u << routes[i].method;
        *word = *word || (!generic && !(routes[i].flags & ROUTE_BESIDE));
    }
    return allowed;
}

bool route_find(struct exchange *x)
{
    bool word = false;

    x->route = find_row(x);
    if (!x->route || (strstr(x->route->path, "/{entity}") && x->req.nsegments == 3)) {
        unsigned allowed = methods_of(x, &word);
        if (!x->route || (word && !(allowed & 1u << x->req.method))) {
            return refuse_method(x, allowed);
        }
        (void)matches(x, x->route->path);
    }
    return check_params(x);
}

enum err_code route_entity(struct call *c, struct exchange *x, const struct live_entity **e)
{
    *e = model_entity(c->model, x->entity);
    /* one address a record; only in the shell, where people type, the singular serves too */
    if (!*e || ((*e)->def.flags & ENTITY_TABLE)
        || (!x->req.shell && !str_eq((*e)->plural, x->entity))) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is nothing called \"%.*s\" here",
            (int)(x->entity.n < 60 ? x->entity.n : 60), x->entity.p);
    }
    return OK;
}

const struct action *route_action(struct call *c, struct exchange *x)
{
    const struct live_entity *e = model_entity(c->model, x->entity);
    const struct action *a;

    if (e && str_eq(e->plural, x->entity) && (a = action_find(c->model, e, x->name))) {
        return a;
    }
    if (e || x->record) {
        return NULL;
    }
    /* a module's own: /api/v1/<module>/<action> */
    return action_find(c->model, NULL, arena_fmt(x->mem, "%.*s.%.*s", STR_ARG(x->entity),
        STR_ARG(x->name)));
}
