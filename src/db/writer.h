/* writer.h - the one thread that writes to a SQLite file, committing many calls at once.
 *
 * Writing calls share an open transaction. The batch closes when the queue is empty, at 256 calls,
 * after 5 ms, or where calls that lag meet others. Answers go out after the commit is on disk, so
 * acknowledged means durable; of a call that lags, once a later call that does not is answered. When a
 * call fails behind its first write, the batch is run again with a savepoint for each call; when an error
 * took the whole transaction along, every unanswered call runs again, each in a transaction of its own:
 * so run() may be called up to three times, and has no effect outside the database. */

#ifndef DB_WRITER_H
#define DB_WRITER_H

#include "db/db.h"

struct writer;

struct write_call {
    /* Does the work on the writer's connection, inside a transaction. On anything but OK what it wrote
     * is undone; the error is the call's own affair. */
    enum err_code (*run)(struct write_call *w, struct conn *db);
    /* On the writer thread, once: OK after the commit; the call's own code after a failed run, with
     * e NULL; or what hit its transaction, with *e. */
    void (*done)(struct write_call *w, enum err_code code, const struct err *e);
    struct write_call *next;
    enum err_code code;
    bool ends_batch; /* set by run: those behind it begin after its commit */
    bool patient;    /* work in the background: what is at work need not hurry for it */
    bool lags;       /* committed as TX_LAG, and apart from calls that are not: nobody waits for its rows */
};

struct writer_stats {
    uint64_t calls, batches, retried;
    uint64_t apart; /* batches run a second time, with a savepoint for each call */
    uint64_t commit_micros;
    unsigned waiting;
    unsigned urgent; /* not answered yet, and not patient; or a pause is asked for */
};

/* Takes over db. queue_max bounds the calls in wait. between (may be NULL) runs on the writer
 * thread after each commit (wakes consumers). */
MUST_CHECK enum err_code writer_start(struct conn *db, unsigned queue_max, void (*between)(void *),
    void *arg, struct writer **out, struct err *e);
/* ERR_BUSY at once when the queue is full or the writer stops: then done is not called. */
MUST_CHECK enum err_code writer_submit(struct writer *w, struct write_call *call);
/* Submits and waits for the end; the code is that of done. */
MUST_CHECK enum err_code writer_run(struct writer *w, struct write_call *call, struct err *e);
void writer_stats(struct writer *w, struct writer_stats *out);
/* Returns when no batch is under way, and none begins before writer_resume(). From one thread at a time. */
void writer_pause(struct writer *w);
void writer_resume(struct writer *w);
/* Ends after the calls in wait are done, and closes the connection. */
void writer_stop(struct writer *w);

#ifdef KITH_TESTING
/* Answers a lost batch without running its calls again, to prove that tests would notice. */
void writer_without_recovery(bool on);
/* Every batch is lost once, as by a commit that fails: its calls run again, whatever they returned. */
void writer_twice_each(bool on);
#endif

#endif
