/* tls.h - the server's own certificate, through GnuTLS, changed while running. */

#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/arena.h"
#include "model/config.h"

#include <microhttpd.h>

struct tls;

/* ERR_INVALID when the files cannot be read or do not belong together. */
MUST_CHECK enum err_code tls_open(
    struct arena *mem, const struct config *cfg, struct tls **out, struct err *e);
MUST_CHECK enum err_code tls_reload(struct tls *t, const struct config *cfg, struct err *e);
/* Fills an array for MHD_OPTION_ARRAY; t NULL: an empty one. */
void tls_options(struct tls *t, struct MHD_OptionItem *items, size_t n);
void tls_close(struct tls *t); /* NULL is allowed */

#endif
