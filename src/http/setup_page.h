/* setup_page.h - what a server shows when there is nothing to serve yet: one form, behind a token that
 * stands on the terminal. */

#ifndef HTTP_SETUP_PAGE_H
#define HTTP_SETUP_PAGE_H

#include "base/arena.h"

struct setup_form {
    struct str email, password, currency, zone, country, language;
};

struct setup_page;

/* make is called on the page's thread with what was entered; what it refuses is told in the form. */
MUST_CHECK enum err_code setup_page_start(struct arena *mem, const char *listen,
    enum err_code (*make)(void *arg, const struct setup_form *form, struct err *e), void *arg,
    struct setup_page **out, struct err *e);
int setup_page_port(const struct setup_page *p);
const char *setup_page_token(const struct setup_page *p);
bool setup_page_done(const struct setup_page *p);
void setup_page_stop(struct setup_page *p); /* after the last answer is out */

#endif
