/* assets.h - the files of the web application, compiled in (script/embed-assets writes the table). */

#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H

#include "http/exchange.h"

struct asset_bytes {
    const unsigned char *from, *to; /* both NULL: not kept in this form */
};

struct asset {
    const char *path; /* "/assets/index-3f2a.js" */
    const char *mime;
    struct asset_bytes raw, gzip, brotli;
    const char *etag;
    bool immutable; /* its name changes with its content */
};

extern const struct asset assets[];
extern const size_t nassets;

/* Whether there is a web application, and not only the page that stands in for it. */
bool assets_have_application(struct exchange *x);
/* Answers what is not the API's: a file, the application's page, or 404. */
void assets_reply(struct exchange *x);

#endif
