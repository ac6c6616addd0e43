/* message_sending.h - what the files of the job that sends share: the job, its pages, the pace of domains. */

#ifndef DOMAIN_MESSAGE_MESSAGE_SENDING_H
#define DOMAIN_MESSAGE_MESSAGE_SENDING_H

#include "domain/message/message_steps.h"

enum { MAIL_PAGE = 400, MAIL_PAGES = 8, MAIL_DOMAINS = 512 };

struct page;
struct batch_state;

/* A message that is, or is about to be, ready. */
struct ready {
    int64_t id, contact;
    struct batch_state *batch;
    struct str to, from, data;
    const char *reason; /* it is not sent, and why; NULL: it is */
    int domain;
    struct page *page;
    int64_t slot;    /* when its domain lets it go, by the monotonic clock; 0: nobody has asked yet */
    int64_t put_off; /* it comes again after so many microseconds */
    bool transactional;
    bool his; /* it goes to the person's own address */
    bool held_out; /* of the control group: asked like the others, and not sent */
};

enum fate {
    FATE_OPEN,
    FATE_TAKEN,   /* it is on its way, or was sent */
    FATE_NOT_SENT /* it does not go at all, not now, or was not taken */
};

/* People who are due; those of one page may still be on their way while mails for the next are made. What of it lies
 * before `made` is the job's thread's, the rest and `mem` are the maker's while it is at work. */
struct page {
    struct arena *mem;
    struct ready list[MAIL_PAGE];
    int64_t until; /* by the monotonic clock: then the rest of it is given back */
    size_t n, at, left;      /* at: the next to go; left: not noted as ended yet */
    size_t known;            /* the domains of so many are */
    size_t made;             /* how many mails are; atomic */
    uint8_t fate[MAIL_PAGE]; /* enum fate; written by the job's thread; atomic */
};

/* How fast one domain may get mails: slower when it asks for that, then again faster little by little. */
struct domain_pace {
    struct str name;
    int64_t next;     /* by the monotonic clock */
    int64_t slot;     /* the first that is not given to a message that waits */
    double rate;      /* messages a second; 0: no limit */
    int64_t slowed;   /* when it last asked */
};

struct ending {
    struct ready *m;
    struct smtp_result r;
};

/* What one transaction notes: what the server has answered since the last one, and what goes out next. */
struct round {
    struct ending endings[SMTP_CONNECTIONS_MAX + 2 * MAIL_PAGE];
    size_t nendings;
    struct ready *going[SMTP_CONNECTIONS_MAX];
    bool stopped[SMTP_CONNECTIONS_MAX]; /* cancelled before it went */
    size_t ngoing;
    int64_t since; /* when the first of it came, by the monotonic clock */
};
struct rounds;
struct maker;

struct batch_state {
    struct batch b;
    struct mail_layout layout;
    struct mail_links links;
    bool usable;
    bool paced; /* b.next has moved */
    /* of the round that is being written */
    size_t storing; /* links up to here */
    bool pacing;
    int64_t pacing_next;
};

struct sending {
    struct job_work *w;
    int64_t server_id;
    struct mail_server server;
    struct smtp *smtp;
    struct arena *texts, *keys;    /* layouts, of the model that they were read in; their keys */
    struct batch_state *batches;
    size_t nbatches;
    struct page pages[MAIL_PAGES], *page; /* page: the one that goes out */
    struct rounds *rounds;
    struct maker *maker;
    int bell;                      /* an eventfd: another thread has something for the job's */
    struct domain_pace domains[MAIL_DOMAINS];
    size_t ndomains;
    int64_t next;                  /* when the server's rate lets the next one go */
    int64_t linger;                /* until then the job stays, since it knows which domains asked for patience */
    int64_t sent, looked_at, listed_at, wrote_at;
    int64_t model; /* the version that the layouts were read in */
};

/* ---- what is noted (message_round.c) ---- */
/* Starts the thread that commits, which ends with the work's memory. All below are for the job's thread. */
MUST_CHECK enum err_code rounds_open(struct sending *s);
/* The one that is gathered. */
const struct round *round_next(const struct sending *s);
void round_add_ending(struct sending *s, struct ready *m, const struct smtp_result *r);
void round_add_going(struct sending *s, struct ready *m);
/* A batch has moved on that keeps a limit per hour. */
bool round_has_pace(const struct sending *s);
bool round_is_written(const struct sending *s);
/* Hands what was gathered to the thread; not while another is written. */
void round_write(struct sending *s);
/* Sends what a round that has been written marked as in flight. wait: until it is. */
MUST_CHECK enum err_code round_take(struct sending *s, bool wait);
/* Nothing is left to be written. */
MUST_CHECK enum err_code rounds_flush(struct sending *s);
/* Nothing more goes out; round_write_last writes what else was gathered, in the job's last transaction. After round_take. */
void round_end(struct sending *s);
MUST_CHECK enum err_code round_write_last(struct call *c, struct sending *s);
/* After a failure: what the server said is kept, whatever went wrong here. */
void rounds_rescue(struct sending *s);

/* ---- whom it is about (message_page.c) ---- */
/* All are called by job_work_look and call_read; arg: the job, but for a slice. */
MUST_CHECK enum err_code sending_read_batches(struct call *c, void *arg);
MUST_CHECK enum err_code sending_list_page(struct call *c, void *arg);
struct slice { /* some mails of a page, in one read; arg of sending_make_slice */
    struct sending *s;
    struct page *page;
    size_t end;                 /* up to there */
    const bool *rest;           /* atomic: it ends behind the mail that is being made */
    void (*told)(void *owner);  /* one more is made */
    void *owner;
    bool stale;                 /* the layouts are of another model: none is made */
};
MUST_CHECK enum err_code sending_make_slice(struct call *c, void *arg);
/* What of the page from there on has not been taken stays planned, and is not counted by limits per hour. */
void sending_give_back(struct page *p, size_t from);

/* ---- the thread that makes mails (message_make.c) ---- */
/* Starts it; it ends with the work's memory. All are for the job's thread. */
MUST_CHECK enum err_code maker_open(struct sending *s);
/* Lets it make mails of the page that goes out, where few lie ready; passes a failure of it on. Where the model has changed
 * the rest of the page is given back, and s->looked_at is 0. */
MUST_CHECK enum err_code maker_go(struct sending *s);
/* It is at work on nothing behind this: batches and pages may be changed. */
void maker_rest(struct sending *s);
/* How many mails of the page are made. A word comes by the bell when there is one more than this has said. */
size_t page_made(struct sending *s);

/* ---- how fast (message_pace.c); now: by the monotonic clock ---- */
int pace_domain_of(struct sending *s, struct str address);
/* The domain of a message has asked for patience. */
void pace_slow_down(struct sending *s, const struct ready *m);
bool pace_domain_waits(const struct sending *s, const struct ready *m, int64_t now);
/* The turn of its domain is far: m->put_off says how far. */
bool pace_puts_off(struct sending *s, struct ready *m, int64_t now);
/* One more goes to it. */
void pace_domain_goes(struct sending *s, const struct ready *m, int64_t now);
/* True: one more may go through the server, and counts. */
bool pace_server_lets(struct sending *s, int64_t now);

#endif
