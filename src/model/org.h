/* org.h - an organisation: its database, its live model, its caches. What is not constant hangs here;
 * one process can hold many. */

#ifndef MODEL_ORG_H
#define MODEL_ORG_H

#include "model/call.h"

#include <pthread.h>

enum { READERS_MAX = 64 };

struct org {
    const char *name;
    const struct config *_Atomic cfg; /* another snapshot after a reload */
    const struct module *const *modules; /* NULL at the end */
    struct db_config db;
    struct writer *writer;    /* SQLite */
    pthread_mutex_t lock;     /* model, pools, caches */
    struct model *model;
    struct conn *readers[READERS_MAX]; /* idle connections */
    int nreaders;
    struct conn *writers[READERS_MAX]; /* PostgreSQL: idle writing connections */
    int nwriters;
    int64_t access_version;   /* of users, teams, roles, shares: caches of older ones are stale */
    struct access_cache *access;
    struct auth_cache *auth;  /* who the sessions and tokens at work belong to */
    /* something was committed, here or by another server: consumers and jobs look. touched: a bit for each consumer that
     * follows it, in the order of the modules */
    void (*wake)(void *arg, uint64_t touched, bool here);
    void *wake_arg;
    struct notify *notify;    /* PostgreSQL, of a server: tells others, and hears them */
    uint64_t jobs_queued;     /* grows with each commit that ordered a job */
    int64_t worked, filled;   /* when a long job wrote last, and when one filled the feed, by the monotonic clock */
    bool stopping;            /* long jobs end between two of their steps, and go on elsewhere or later */
    struct arena *mem;
    uint8_t secret[32];       /* from the key file: signs and encrypts */
    uint8_t link_keys[3][32]; /* made of it, for link.c */
    bool read_only;           /* the disk is full, or so asked */
    int64_t test_now;         /* testing: the clock stands here when not 0 */
    uint64_t calls, writes, errors;
};

/* Opens or makes the organisation's database, compares the schema, applies, loads the model. */
MUST_CHECK enum err_code org_open(struct org **out, const struct config *cfg, const char *name,
    const struct module *const *modules, struct err *e);
void org_close(struct org *o);
int64_t org_now(const struct org *o);
/* The snapshot, counted; give it back with org_give_model. */
const struct model *org_take_model(struct org *o);
void org_give_model(struct org *o, const struct model *m);
/* Builds the model anew from the database on a writing connection and brings the tables up to it.
 * Called in the transaction of a change to objects, fields or choices; the new snapshot is
 * published after the commit. */
MUST_CHECK enum err_code org_rebuild(struct call *c);
/* Several servers on one PostgreSQL: takes over a model or rights that another one changed. */
MUST_CHECK enum err_code org_follow(struct call *c);
MUST_CHECK enum err_code org_take_reader(struct org *o, struct conn **out, struct err *e);
void org_give_reader(struct org *o, struct conn *conn);
MUST_CHECK enum err_code org_take_writer(struct org *o, struct conn **out, struct err *e);
void org_give_writer(struct org *o, struct conn *conn);
const struct user *user_system(void);

#endif
