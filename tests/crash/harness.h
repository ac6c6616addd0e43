/* harness.h - lets a process die at a random moment, by a signal or with its power, and looks at what
 * it left behind.
 *
 * A point: a child opens the database and its clients call, each telling the parent what it tries and
 * what it was answered; the child dies; the workload's check compares the database with what was told.
 * A new workload is one more row in a program's table. */

#ifndef TESTS_CRASH_HARNESS_H
#define TESTS_CRASH_HARNESS_H

#include "base/arena.h"
#include "base/rand.h"

enum report_what {
    REPORT_READY = 1, /* the clients begin */
    REPORT_TRY,       /* about to call */
    REPORT_DONE,      /* the call was acknowledged */
    REPORT_REFUSED,   /* the call was answered with an error */
    REPORT_TROUBLE,   /* an error that this workload should not meet: a failure */
};

/* Of one call; what the numbers mean is the workload's affair. One client's come in order, and a
 * client makes one call at a time. */
struct report {
    int32_t what, client;
    int64_t op, key, a, b;
};

struct stage {
    char dir[200];     /* of the database, empty when prepare begins */
    char path[240];    /* a database file in it */
    const char *vfs;   /* "powerloss" in a child that will lose power, else NULL */
    bool sync_off;     /* --synchronous-off */
    uint64_t seed;     /* of the point */
    int point;         /* on this database, from 0 */
    void *world;       /* set by open */
    struct arena *mem; /* of the check */
    struct report *reports;
    size_t nreports, room;
    int findings;
    int64_t mark;      /* the workload's own, kept from point to point */
    int pipe;
};

struct client {
    struct stage *stage;
    int number; /* from 0 */
    struct rng r;
    int64_t calls;      /* made so far */
    int64_t own[64], ids[64], value[64]; /* the workload's own notes on its keys */
};

struct workload {
    const char *name;
    int clients;
    int points;          /* how many points share a database before a new one is made; 0 for 1 */
    bool power;          /* knows how to run on another VFS */
    bool proves_sync;    /* must lose something with --synchronous-off */
    bool proves_recovery; /* must lose something with --no-recovery */
    void (*prepare)(struct stage *s); /* in the parent: makes the database and closes it */
    void (*open)(struct stage *s);    /* in the child, before the clients begin */
    void (*call)(struct client *c);   /* one call, from start to end */
    void (*check)(struct stage *s);   /* in the parent */
    void (*clear)(struct stage *s);   /* may be NULL: what is to be removed beside the folder */
};

/* Tells the parent; does not return once the power is off. */
void client_report(struct client *c, const struct report *r);
void client_trouble(struct client *c, const char *fmt, ...) PRINTF(2, 3);
/* The check found something wrong. */
void finding(struct stage *s, const char *fmt, ...) PRINTF(2, 3);
/* What was told of one key. Reports have the value that a call gives the key in b, 0 for taken away, and
 * its id in a. */
struct fate {
    int64_t key, id;
    int64_t value; /* acknowledged last, 0 for none */
    int64_t next;  /* when trying: what an unanswered call may have made of it */
    bool used, trying;
};
/* Of every key of the reports, in s->mem; those with used unset are to be passed over. */
struct fate *fates_of(struct stage *s, size_t *n);
/* Whether the value found in the database can be: an acknowledged one must. */
bool fate_allows(const struct fate *f, int64_t value);

/* Outside of what is tested: ends the program. */
_Noreturn void give_up(const char *fmt, ...) PRINTF(1, 2);

/* Runs the table, which ends with an empty row: --points N, --seed S, --workload NAME, --mode
 * kill|power, --synchronous-off, --no-recovery. With neither of the last two it also runs the
 * workloads that must fail with them, and fails when they do not. The exit status. */
int crash_main(int argc, char **argv, const struct workload *table);

#endif
