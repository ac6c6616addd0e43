/* change.h - the spine: every write leaves a row in `feed` and, when it replaced something, one in
 * `history`; one change set per call.
 *
 * Consumers read the feed with a cursor each and commit their effects and the cursor together. */

#ifndef MODEL_CHANGE_H
#define MODEL_CHANGE_H

#include "model/record.h"

#define FEED_LIFE DAYS(30)

enum change_kind {
    CHANGE_CREATE = 'c',
    CHANGE_UPDATE = 'u',
    CHANGE_DELETE = 'd',
    CHANGE_RESTORE = 'r',
    CHANGE_PURGE = 'p',
    CHANGE_ENTER = 'e', /* a person entered the segment that is the record */
    CHANGE_LEAVE = 'l',
};

/* "created", "changed", "deleted", "restored", "removed". */
const char *change_kind_word(enum change_kind kind);

struct change {
    int64_t seq;
    int64_t entity, record;
    enum change_kind kind;
    int64_t person; /* 0 for none */
    int64_t change_set;
    int64_t at;
    struct str fields; /* JSON array of field numbers; empty on create */
    int64_t history;   /* row with the old values, 0 for none */
    /* for consumers */
    bool again;        /* the batch has a later change of the record */
    void *found;       /* what the consumer's `look` left for its `run` */
};

/* Appends to feed and history. old holds the cells before, r after; changed marks fields. */
MUST_CHECK enum err_code change_note(struct call *c, enum change_kind kind, const struct record *r,
    const struct record *old, const bool *changed);
/* Appends to the feed alone that something about a record became true of a person: it follows from what others changed,
 * and there is nothing to take back. */
MUST_CHECK enum err_code change_note_person(struct call *c, enum change_kind kind,
    const struct live_entity *e, int64_t record, int64_t person);
/* Appends to the feed alone that a field may have changed on any record of its entity: record 0. It opens
 * no change set either. */
MUST_CHECK enum err_code change_note_field(struct call *c, const struct live_field *f);
/* Opens the call's change set if it has none. */
MUST_CHECK enum err_code change_set_open(struct call *c);
/* The newest sequence number that a reader may trust: everything at or below it is committed. */
MUST_CHECK enum err_code feed_horizon(struct call *c, int64_t *seq);
/* The same, and whether a transaction that is still open hides what comes behind it. */
MUST_CHECK enum err_code feed_reach(struct call *c, int64_t *seq, bool *hidden);
/* At most `most` behind `after`, as far as the horizon. */
MUST_CHECK enum err_code feed_read(struct call *c, int64_t after, int64_t horizon, size_t most,
    struct change **out, size_t *n);
/* Of those, the ones about a person that somebody made one at a time: no import, no job. The change set tells, and who
 * orders an import opens its set: by its kind as well. */
MUST_CHECK enum err_code feed_read_single(struct call *c, int64_t after, int64_t horizon, size_t most,
    struct change **out, size_t *n);
/* Bits of the consumers that follow such a change, and of those that have a queue of their own. single: somebody made it
 * one at a time, as for feed_read_single. */
enum { CONSUMERS_MAX = 62 };
uint64_t consumers_of(const struct org *o, const struct live_entity *e, enum change_kind kind, bool single);
uint64_t consumers_with_queue(const struct org *o);
struct consumed {
    bool more;   /* there is more left */
    bool hidden; /* there may be more in a moment, of which no commit will tell */
};
/* Runs a consumer over what is new. */
MUST_CHECK enum err_code consumer_run(
    struct org *o, const struct consumer *consumer, struct consumed *out, struct err *e);
/* Runs each one of the modules. */
MUST_CHECK enum err_code consumers_run(struct org *o, bool *more, struct err *e);

/* Undoes a change set by replaying history backwards: all of it or nothing; ERR_CONFLICT names the record
 * in the way. One of more than 2,000 changes is undone by a job (*job, else 0), which passes over what
 * is in the way and tells it. */
MUST_CHECK enum err_code undo_change_set(struct call *c, int64_t change_set, int64_t *job);
enum err_code undo_work(struct job_work *w); /* the kind "undo" */
/* Says what the call's change set was about, as the name of a file. */
MUST_CHECK enum err_code change_set_label(struct call *c, struct str label);
/* Of one user; of users and the shell; those too of what the program does of its own accord. */
enum change_sets_of { SETS_OF_USER, SETS_OF_PEOPLE, SETS_OF_ALL };
/* Change sets as JSON, newest first: what each did to which records, and whether undoing it is offered. Names of records are
 * only of those that the caller may read. */
MUST_CHECK enum err_code change_sets_json(struct call *c, enum change_sets_of of, int64_t user, int64_t before, int limit);
/* The history of a record as JSON, newest first; fields that the caller may not read are left out. */
MUST_CHECK enum err_code history_json(struct call *c, const struct live_entity *e, int64_t id,
    int64_t before, int limit);

#endif
