/* job.h - work that waits: rows with a due time, lease, attempts, back-off and a unique key.
 *
 * A job enqueued in a transaction runs if and only if it commits, as the user who caused it, with his
 * rights of then and of now. Every job is safe to run twice. Workers wake on commit and on the next
 * due time. States: waiting, running, done, failed, refused, cancelled. */

#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include "model/access.h"

struct job_run {
    int64_t id, mark, done, total;
    int attempts;
    const struct job_kind *kind;
    const json_t *input;
    struct str before; /* JSON: the result as the step before left it; empty in the first */
    void *found;       /* what the kind's `look` leaves for its `run` */
    bool again;        /* job_continue: not at its end yet */
    int64_t due;       /* job_come_again: when, 0 for not */
    struct str result; /* JSON */
};

/* A job at work outside of any transaction (job_kind.work). Its calls run as the job's user. */
struct job_work {
    struct org *org;
    struct arena *mem; /* until the work ends */
    int64_t id, done, total;
    const json_t *input;
    struct str result; /* JSON; must live in mem */
    bool ended;        /* by job_work_end */
    bool lost;         /* the lease ran out and another worker has it: nothing more is written */
    bool lags;         /* set by the work: its writes, but the last, need not be on disk to go on (TX_LAG) */
    bool cancelled;    /* somebody asked it to stop: the last write has failed with that */
    struct err err;
    struct leased *lease;
};
/* One read, one write, each in a call with an arena of its own. A write renews the lease and stores done,
 * total and result; it fails with ERR_CONFLICT once the job is to stop. */
MUST_CHECK enum err_code job_work_read(struct job_work *w, call_fn *fn, void *arg);
MUST_CHECK enum err_code job_work_write(struct job_work *w, call_fn *fn, void *arg);
/* A write that is not waited for, where one thread commits for all; elsewhere it is over when this comes back. done is
 * called on the thread that commits, behind which job_work_outcome must be asked for; until then there is no other write. */
struct job_later;
MUST_CHECK enum err_code job_work_submit(
    struct job_work *w, call_fn *fn, void *arg, void (*done)(void *), void *done_arg, struct job_later **out);
MUST_CHECK enum err_code job_work_outcome(struct job_later *l);
/* A read of the work from another thread of its own, in a call that the caller has made and keeps; the outcome is
 * in c->err. Nothing of w changes. */
MUST_CHECK enum err_code job_work_look(const struct job_work *w, struct call *c, call_fn *fn, void *arg);
/* The process is stopping: what computes for long looks now and then, and returns ERR_BUSY. */
bool job_work_stops(const struct job_work *w);
/* A write of the program itself, which goes through even when the job is to stop or its user is gone. */
MUST_CHECK enum err_code job_work_as_system(struct job_work *w, call_fn *fn, void *arg);
/* The last write: the job is done in the same transaction. */
MUST_CHECK enum err_code job_work_end(struct job_work *w, call_fn *fn, void *arg);

struct job_order {
    const char *kind;
    const json_t *input; /* may be NULL */
    int64_t due;         /* 0: now */
    bool sooner;         /* one with this key that waits for longer comes at this time; one that is ending is waited for */
    const char *key;     /* unique among waiting and running jobs; NULL for none */
    int64_t user;        /* 0: the caller, or the system for kinds that are its own */
    int64_t change_set;  /* what its changes belong to; 0: each step opens one of its own */
};
/* *id is the job's; one with the same key that waits already is left as it is. */
MUST_CHECK enum err_code job_enqueue(struct call *c, const struct job_order *order, int64_t *id);
/* From a running job: comes back with this mark in a transaction of its own; progress and the result
 * so far are kept. */
MUST_CHECK enum err_code job_continue(struct call *c, int64_t mark, int64_t done, int64_t total);
/* From a running job: it waits again until then, under its key, as if it had never run. */
MUST_CHECK enum err_code job_come_again(struct call *c, int64_t due);
/* A job gives its key away: what is ordered under it from now on is another job. For those that look at the
 * data once, and must look again when something changes meanwhile. */
MUST_CHECK enum err_code job_give_key(struct call *c, int64_t job);
/* Gives its key away for this one, or for none where another job has that. */
MUST_CHECK enum err_code job_take_key(struct call *c, int64_t job, struct str key, bool *taken);
/* What is shown as done at the end. */
void job_progress(struct call *c, int64_t done, int64_t total);
int64_t job_mark(const struct call *c);
void job_result(struct call *c, struct str json);
/* A step has held the writer for as long as it should: time to job_continue. */
bool job_step_is_long(const struct call *c);
/* Is a job still at work on this change set? */
MUST_CHECK enum err_code job_works_on(struct call *c, int64_t change_set, bool *yes);
/* Asks a job to stop; it does so between two of its steps. */
MUST_CHECK enum err_code job_cancel(struct call *c, int64_t id);
/* One job, or the newest, as JSON; users see their own, administrators all. */
MUST_CHECK enum err_code job_json(struct call *c, int64_t id);
MUST_CHECK enum err_code jobs_json(struct call *c, struct str state, int64_t before, int limit);

/* Threads that run jobs and consumers; wakes by itself through org->wake, and whoever stood there before. */
struct workers;
MUST_CHECK enum err_code workers_start(
    struct org *o, int threads, struct workers **out, struct err *e);
void workers_stop(struct workers *w); /* after the steps under way */
/* Runs what is due until nothing is: for tests and the shell. */
MUST_CHECK enum err_code workers_drain(struct org *o, struct err *e);
/* A long job, an import, has written within the last moment: what can wait leaves the writer and the disk to it. */
bool workers_write_much(const struct org *o);
/* One has filled the feed within the last moment, and goes on: not every long job does. */
bool workers_fill_feed(const struct org *o);

#endif
