/* config.h - what an installation is told at start: one immutable snapshot, replaced whole. */

#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/str.h"

struct config {
    const char *dir;          /* data folder */
    const char *database_url; /* NULL for SQLite */
    const char *listen;       /* "127.0.0.1:8080" */
    const char *base_url;     /* as seen from outside, "" when unknown */
    const char *trusted_proxies; /* comma-separated addresses */
    const char *tls_certificate, *tls_key;
    const char *web_root;     /* development: assets from a folder */
    const char *helper;       /* the program that reads files of other programs */
    int64_t body_max;         /* bytes of a request body */
    int64_t upload_max;       /* bytes of a file */
    int64_t arena_max;        /* bytes of one call */
    int64_t query_budget;     /* microseconds of a user's own filter */
    int64_t quick_budget;     /* microseconds of a read on a network thread */
    int64_t slow_call;        /* microseconds after which a call is logged as slow */
    int64_t idle_look;        /* microseconds after which a thread that nobody woke looks by itself */
    int workers;
    int queue_max;            /* writing calls in wait before 503 */
    int connections_max;
    int head_seconds;         /* for the head of a request to come */
    int body_seconds;         /* for its body */
    int64_t body_rate;        /* bytes a second of a body, at least */
    int64_t body_open;        /* bytes of a body of somebody who has not signed in */
    int rate_per_minute;      /* requests per token or session, 0 for no limit */
    int backup_hours;         /* 0: none by itself */
    int backup_keep;
    bool serving;             /* a server: checkpoints have a thread of their own */
};

#endif
