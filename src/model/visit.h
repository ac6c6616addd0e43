/* visit.h - a request of somebody without an account, as a module's public page sees it, and the page that answers.
 *
 * Public pages are served at /p/<name>/...; they work without scripts, and a GET changes nothing but, where the page
 * counts its visits, their number. A visit acts as the
 * program itself: what it may touch is what the sealed link in its address says (model/link.h). */

#ifndef MODEL_VISIT_H
#define MODEL_VISIT_H

#include "model/call.h"

struct visit_value {
    struct str name, value;
};

struct visit {
    struct str token; /* what follows the page's name in the address; empty for nothing */
    bool head;        /* HEAD: machines look this way */
    const struct visit_value *values; /* of the query or the form */
    size_t nvalues;
    struct str agent, address, language; /* of the browser; language as in Accept-Language */
    /* of an intake: what other sites and programs send */
    const json_t *input;            /* the body, an object */
    struct str authorization, origin; /* headers */
    /* May this client (an address, a key) send n more? Counts them, once a request however often that runs; for at most
     * two clients. */
    bool (*within)(void *arg, struct str client, int64_t per_minute, int64_t n);
    void *within_arg;
    bool other_site; /* out: the page that sent it may read the answer */
    /* the answer */
    int status;          /* 0: 200 */
    const char *type;    /* NULL: a page */
    struct str location; /* leads elsewhere */
};

/* Of a name that was given more than once, the first. Empty when it was not. */
struct str visit_value(const struct visit *v, const char *name);
bool visit_has(const struct visit *v, const char *name, const char *value);

/* A page in the house's layout into c->body: `body` is a template in HTML that knows `page`, an object. Takes the
 * reader's language from `language`, e.g. the person's; empty: the browser's. */
MUST_CHECK enum err_code visit_page(struct call *c, struct visit *v, struct str language, const char *title,
    const char *body, const json_t *page);
/* The language that the browser asks for first, "de"; empty when it says none. */
struct str visit_language(const struct visit *v);

/* The one style of public pages, at /p/style.css. */
extern const char visit_style[];

#endif
