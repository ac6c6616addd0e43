/* notify.h - servers on one PostgreSQL wake each other, so that what one commits is seen by the others at
 * once: the stream, the consumers of the feed, jobs, a new model, changed rights.
 *
 * It only says "look": what there is to see is in the tables, so a word that is lost costs time and
 * nothing else. On SQLite, where one process has the file, it does nothing. */

#ifndef MODEL_NOTIFY_H
#define MODEL_NOTIFY_H

#include "model/org.h"

struct notify;

struct notify_stats {
    int64_t sent, heard;
};

/* Takes org->wake and hands on to whoever stood there: start it after the streams and before the workers. */
MUST_CHECK enum err_code notify_start(struct org *org, struct notify **out, struct err *e);
/* Ends the thread; commits still go through org->wake. Before the workers stop. NULL is allowed. */
void notify_stop(struct notify *n);
/* Gives org->wake back. After the workers have stopped. NULL is allowed. */
void notify_destroy(struct notify *n);
struct notify_stats notify_stats(const struct org *org);

/* When to look without having been woken: soon after a wake, since a transaction that is still open may hide
 * what was committed beside it, then more and more seldom, and on SQLite just seldom. */
struct look {
    int64_t gap, at; /* monotonic */
};
void look_woken(struct look *l, const struct org *org);
void look_idle(struct look *l, const struct org *org);
/* All that is committed was seen: only a word that is lost needs another look. */
void look_seldom(struct look *l, const struct org *org);

#endif
