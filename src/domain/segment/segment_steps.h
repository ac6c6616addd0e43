/* segment_steps.h - what the files of the module share. */

#ifndef DOMAIN_SEGMENT_SEGMENT_STEPS_H
#define DOMAIN_SEGMENT_SEGMENT_STEPS_H

#include "model/change.h"
#include "model/expr.h"
#include "model/job.h"

enum { SEGMENT_NAMES = 20, SEGMENTS_MAX = 2000, SEGMENT_WHERE = 16000 };

/* A segment as it is at work. */
struct segment {
    int64_t id, live; /* live: the version of members that readers see, 0 for none */
    struct str code, kind, where;
    const struct expr *x; /* NULL: static, or its expression cannot be read any more */
    bool follows; /* changes and the clock: it is live */
    bool clock;   /* and looks at the clock */
    struct str names[SEGMENT_NAMES]; /* codes of other segments that it looks at */
    size_t nnames;
    struct str events[SEGMENT_NAMES]; /* names of events that it looks at: did('page_view') */
    size_t nevents;
    int64_t moved; /* by how much its size has changed in this call */
};

/* All that are not in the bin, by id; expressions read in the call's model. */
MUST_CHECK enum err_code segments_load(struct call *c, struct segment **out, size_t *n);
MUST_CHECK enum err_code segment_load(struct call *c, int64_t id, struct segment *out);
/* What a condition names as the first argument of functions: codes of other segments, names of events. More than
 * SEGMENT_NAMES: false. */
enum segment_naming { NAMES_SEGMENTS, NAMES_EVENTS, NAMES_MAILS };
bool segment_names(struct call *c, const struct expr *x, enum segment_naming what, struct str *names, size_t *n);

/* The person at hand: what is read of him once for all the segments that he is judged for. */
struct segment_person {
    struct record *r;
    struct expr_memo memo;            /* of his events and the like */
    const struct segments_stood *all; /* where people stand with the segments; NULL: asked for singly */
};
struct standing {
    int64_t person, segment, value;
};
/* By person and segment: the versions that he is a member of; when the clock changes that. */
struct segments_stood {
    struct standing *in, *timers;
    size_t nin, ntimers;
};
/* Of these people with these segments. */
MUST_CHECK enum err_code segments_stood_read(struct call *c, const int64_t *people, size_t npeople,
    const int64_t *segments, size_t nsegments, struct segments_stood *out);

/* Is the person in, and until when does time alone not change that (INT64_MAX: never). One in the
 * bin is in nothing. */
MUST_CHECK enum err_code segment_judge(
    struct call *c, const struct segment *s, struct segment_person *p, bool *in, int64_t *next);
/* Judges a person for a version of the segment and writes what changed: the row, and for the live version
 * history, feed and size as well. */
MUST_CHECK enum err_code segment_renew(
    struct call *c, struct segment *s, int64_t version, struct segment_person *p, const char *cause);
/* Writes the verdict of a build about somebody who is in its version, or may come in by time alone. */
MUST_CHECK enum err_code segment_built(
    struct call *c, struct segment *s, int64_t version, int64_t person, bool in, int64_t next);
/* Writes that a person is in, or not. *moved: it was otherwise before. p: what is known of him, or NULL. */
MUST_CHECK enum err_code segment_put(struct call *c, struct segment *s, int64_t version, int64_t person,
    const struct segment_person *p, bool in, const char *cause, bool *moved);
/* On PostgreSQL one call at a time judges people for live members: the consumer, the timers, a swap. *seq: how
 * far the feed has been read. */
MUST_CHECK enum err_code segments_lock(struct call *c, int64_t *seq);
/* Sizes of segments that have moved. */
MUST_CHECK enum err_code segments_store_sizes(struct call *c, struct segment *all, size_t n);
/* The job of timers comes when the earliest is due. */
MUST_CHECK enum err_code segment_timers_plan(struct call *c);
MUST_CHECK enum err_code segment_order_build(struct call *c, int64_t id, int64_t delay, int64_t *job);

enum err_code segments_consume(struct call *c, const struct change *changes, size_t n);
/* Out of turn: the segments that name the ones which somebody entered or left by it are judged as well. */
enum err_code segments_consume_single(struct call *c, const struct change *changes, size_t n);
enum err_code segment_timers_run(struct call *c);
enum err_code segment_build_work(struct job_work *w);
extern const struct expr_extension segment_functions[];
extern const struct entity segment_member_entity, segment_change_entity, segment_timer_entity, segment_late_entity;
/* While segments are built: people who are judged for what the feed does not tell. A build judges them again before its
 * swap, those past the mark that it took at its beginning. */
MUST_CHECK enum err_code segment_note_late(struct call *c, const int64_t *people, size_t n);
MUST_CHECK enum err_code segment_late_mark(struct call *c, int64_t *mark);

#endif
