/* event_steps.h - what the files of the module share.
 *
 * An event is of somebody: a person (a contact's id), or a visitor whom nobody knows yet, whose number stands there
 * below zero. Every large table begins its key with the month, so that what is written now lies together and what is too
 * old is one range. */

#ifndef DOMAIN_EVENT_EVENT_STEPS_H
#define DOMAIN_EVENT_EVENT_STEPS_H

#include "domain/event/event.h"

#include "model/change.h"
#include "model/expr.h"

enum {
    EVENT_DAYS = 400,        /* how far back expressions look, and client clocks may be */
    EVENT_NAMES = 5000,
    EVENT_PROPERTIES = 200,  /* of one name */
    EVENT_NAME_MAX = 100,    /* bytes of a name, and of a property's name */
    EVENT_TEXT_MAX = 2000,   /* of a URL and a property's value */
    EVENT_DOCUMENT_MAX = 8000,
    EVENT_ITEMS = 500,       /* of one request */
    EVENT_BODY_MAX = 1 << 20,
    EVENT_SCALE = 4,         /* of properties that are numbers */
};

#define EVENT_NAMES_FULL "this installation knows 5,000 names of events already; this one is new"

/* ---- time: days and months since 1970, in UTC ---- */
int64_t event_day(int64_t at);
int64_t event_month(int64_t at);

/* ---- store ---- */
struct event {
    int64_t person; /* below 0: a visitor */
    int64_t name, at, source;
    struct str url, title, referrer, properties; /* properties: a JSON object, empty for none */
};

/* A count of one day that has not been written yet. */
struct event_tally {
    int64_t person, name, day, n, last_at;
};
/* The counts of a call, written once at its end. */
struct event_counts {
    struct event_tally *list;
    size_t n, room;
};

/* Stores an event; two of one person and name at the same instant stand a microsecond apart (e->at moves, by a second
 * at most). Its count is added to *counts. */
MUST_CHECK enum err_code event_put(struct call *c, struct event *e, struct event_counts *counts);
void event_count(struct call *c, struct event_counts *counts, const struct event *e, int64_t n);
/* Writes them in the order of the key, so that two servers do not wait for each other. */
MUST_CHECK enum err_code event_counts_store(struct call *c, struct event_counts *counts);
/* Has a message of this source been taken within the last week? Notes it otherwise. */
MUST_CHECK enum err_code event_is_new(struct call *c, int64_t source, struct str message, bool *yes);

/* A name of events as this call knows it. */
struct event_name {
    int64_t id;
    struct str key;
    json_t *properties; /* their names, as an array */
    bool changed;
};
struct event_names {
    struct map by_key; /* struct event_name */
    int64_t known;     /* how many there are in all, -1: not asked yet */
};
/* *out is NULL when there are EVENT_NAMES others already. */
MUST_CHECK enum err_code event_name_take(
    struct call *c, struct event_names *names, struct str key, struct event_name **out);
/* May the property be kept: is it known, or is there room for one more? */
bool event_property_take(struct event_name *name, struct str property);
MUST_CHECK enum err_code event_names_store(struct call *c, struct event_names *names);

/* A number of EVENT_SCALE; false for none, and for what is too large to be exact. */
bool event_number_of(const json_t *v, int64_t *out);

/* At most so many bytes of s, not cut inside a character. */
struct str event_cut(struct str s, size_t most);
/* Makes e->properties of an object of properties, without those that e->url, title and referrer say.
 * *left_out grows by those that there is no room for. */
MUST_CHECK enum err_code event_document(
    struct call *c, struct event_name *name, const json_t *properties, struct event *e, int *left_out);

/* ---- sources ---- */
struct event_source {
    int64_t id;
    bool server;  /* its key is secret: what it says about people holds */
    bool creates; /* it may make people */
    int64_t per_minute;
    struct str origins; /* of sites, separated by white space */
    struct str secret;  /* signs the ids of people whom a browser names */
};
/* What a request brought, for who sets a source up. */
struct event_glimpse {
    struct str name;    /* of its last event, empty for none */
    bool known;         /* it was a person's, not a visitor's */
    int64_t accepted, refused;
    const char *why;    /* the first item was refused, NULL for none */
};
/* The source of a write key that is at work; ERR_UNAUTHENTICATED for none. */
MUST_CHECK enum err_code event_source_find(struct call *c, struct str key, struct event_source *out);
bool event_source_allows(const struct event_source *s, struct str origin);
/* Keeps it among some that came lately. */
MUST_CHECK enum err_code event_glimpse_keep(struct call *c, int64_t source, const struct event_glimpse *g);
/* Is this the HMAC-SHA256 of the id under the source's secret, in hex? */
bool event_source_signed(const struct event_source *s, struct str id, struct str signature);

/* ---- who ---- */
/* Of a visitor's key: the person once known, else the visitor's number below zero. */
MUST_CHECK enum err_code event_visitor(struct call *c, struct str key, int64_t *who);
/* The same of a visitor who is a person already; 0 for others. */
MUST_CHECK enum err_code event_visitor_known(struct call *c, struct str key, int64_t *person);
/* From now on the visitor is this person; what he did before follows. */
MUST_CHECK enum err_code event_visitor_is(struct call *c, struct str key, int64_t person);
/* Orders that the events of one become those of another; merged: can be taken back. */
MUST_CHECK enum err_code event_order_move(struct call *c, int64_t from, int64_t into, bool merged);

/* ---- what waits for segments ---- */
/* Tells that these people did something: in the order of the counts of the call. */
MUST_CHECK enum err_code event_tell(struct call *c, const struct event_counts *counts);
enum err_code event_waits(struct call *c, bool *yes);
enum err_code event_take(struct call *c, bool *more);

enum err_code event_people_change(struct call *c, const struct change *changes, size_t n);
enum err_code event_move_run(struct call *c);
enum err_code event_retention_run(struct call *c);

extern const struct entity event_source_entity;
enum err_code event_source_reveal(struct call *c);
enum err_code event_source_glimpses(struct call *c);
extern const char event_script[]; /* web/tracker/kith.js */
extern const struct intake event_intakes[];
extern const struct expr_extension event_functions[];
extern const struct action event_actions[];
extern const struct entity event_entity, event_day_entity, event_name_entity, event_message_entity,
    event_visitor_entity, event_arrival_entity, event_move_entity, event_glimpse_entity;

#endif
