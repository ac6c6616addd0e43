/* setup.h - making an installation: the folder, the key, the database, the first administrator. */

#ifndef MAIN_SETUP_H
#define MAIN_SETUP_H

#include "base/arena.h"

struct setup {
    const char *dir, *database_url;        /* the latter NULL for SQLite */
    struct str email, password;            /* of the administrator */
    struct str name, company;              /* empty: what stands before the @; none */
    struct str currency, zone, country, language; /* empty: EUR, UTC, none, en */
};

/* With session the administrator is signed in, from the browser named agent; its secret goes into mem.
 * ERR_CONFLICT when there is an installation already; what was begun and failed is taken away again. */
MUST_CHECK enum err_code setup_make(
    struct arena *mem, const struct setup *s, struct str agent, struct str *session, struct err *e);

#endif
