/* mime.h - a mail as bytes: headers, a plain text and an HTML text of the same content (RFC 5322, 2045 to 2047). */

#ifndef DOMAIN_MESSAGE_MIME_H
#define DOMAIN_MESSAGE_MIME_H

#include "base/buf.h"

struct mime_mail {
    struct str from_name, from; /* the address without angle brackets */
    struct str to_name, to;
    struct str reply_to;        /* empty for none, like all below */
    struct str subject, message_id; /* message_id: without angle brackets */
    struct str unsubscribe_url;     /* one click: a POST there ends it */
    struct str text, html;          /* at least one of them */
    int64_t date;                   /* microseconds since 1970 */
};

/* Lines end in CRLF and have at most 998 bytes. ERR_INVALID names the member that cannot stand in a mail. */
MUST_CHECK enum err_code mime_compose(const struct mime_mail *m, struct buf *out, struct err *e);
/* Is it an address that may stand in an envelope: one @, no blanks, no control characters or angle brackets, at most
 * 254 bytes of ASCII? */
bool mime_is_address(struct str s);

/* What is left of an HTML text for those who read no HTML: links as "text (address)", lists, blank lines between
 * paragraphs. Into mem. */
struct str mime_plain(struct arena *mem, struct str html);

#endif
