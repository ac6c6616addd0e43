/* dkim.h - signs mails for a domain (RFC 6376: rsa-sha256, relaxed/relaxed). */

#ifndef DOMAIN_MESSAGE_DKIM_H
#define DOMAIN_MESSAGE_DKIM_H

#include "base/buf.h"

struct dkim_key;

/* A fresh RSA key of 2,048 bits, as PEM, into mem. Takes some tenths of a second. */
MUST_CHECK enum err_code dkim_generate(struct arena *mem, struct str *pem, struct err *e);
/* Lives in mem. */
MUST_CHECK enum err_code dkim_open(struct arena *mem, struct str pem, struct dkim_key **out, struct err *e);
/* What the DNS record at <selector>._domainkey.<domain> says: "v=DKIM1; k=rsa; p=...". */
MUST_CHECK enum err_code dkim_record(struct arena *mem, const struct dkim_key *key, struct str *record, struct err *e);
/* The header to put in front of a whole message with CRLF line ends. at: microseconds since 1970. */
MUST_CHECK enum err_code dkim_sign(const struct dkim_key *key, struct str domain, struct str selector, int64_t at,
    struct str message, struct buf *header, struct err *e);

#endif
