/* setup_page.h - what a server shows when there is nothing to serve yet: the set-up page, behind a token that
 * stands on the terminal. It is a page of the web application, where that is compiled in, else one plain form. */

#ifndef HTTP_SETUP_PAGE_H
#define HTTP_SETUP_PAGE_H

#include "base/arena.h"

struct setup_form {
    struct str company, name, email, password, currency, zone, country, language;
    struct str agent; /* the browser that asks: it is signed in afterwards */
};

struct setup_page;

/* Called on the page's thread with what was entered; what it refuses is told in the page. *session, in mem, is that of
 * the first user. */
typedef enum err_code setup_fn(void *arg, struct arena *mem, const struct setup_form *form,
    struct str *session, struct err *e);
/* web_root: for development, a folder with the web application; else NULL. */
MUST_CHECK enum err_code setup_page_start(struct arena *mem, const char *listen, const char *web_root,
    setup_fn *make, void *arg, struct setup_page **out, struct err *e);
int setup_page_port(const struct setup_page *p);
const char *setup_page_token(const struct setup_page *p);
bool setup_page_done(const struct setup_page *p);
void setup_page_stop(struct setup_page *p); /* after the last answer is out */

#endif
