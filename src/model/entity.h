/* entity.h - what a module declares: entities, actions, jobs, consumers, settings. */

#ifndef MODEL_ENTITY_H
#define MODEL_ENTITY_H

#include "base/err.h"
#include "model/field.h"

struct call;
struct record;
struct live_entity;

enum entity_flags {
    ENTITY_TABLE = 1,        /* a bare table of the engine: no standard columns, not in the API */
    ENTITY_APPEND_ONLY = 2,  /* never changed or deleted through the API */
    ENTITY_LINK = 4,         /* rows of a many-to-many field */
    ENTITY_CUSTOM = 8,       /* made by a user */
    ENTITY_ADMIN = 16,       /* writing it needs the administrator's right unless a role says so */
    ENTITY_PERSON = 32,      /* its rows are people: the person id of their changes */
    ENTITY_NO_SEARCH = 64,
    ENTITY_ACTIVITY = 128,   /* stands on the timeline of what it refers to */
    ENTITY_PUBLIC = 512,     /* everybody who is signed in may read it: users, teams, choices */
    ENTITY_PERSONAL = 1024,  /* everybody may have some of their own; read too where `shared` */
    ENTITY_CUSTOMISE = 2048, /* the right to add objects and fields is enough to write it */
    ENTITY_IDS_AGAIN = 4096, /* with ENTITY_TABLE: nothing keeps its ids, so they may come again */
    ENTITY_PAIR = 8192,      /* about two records: seen by who may see both */
    ENTITY_UPLOAD = 16384,   /* its records come with bytes: they are not imported */
    ENTITY_CLUSTERED = 32768, /* with ENTITY_WITHOUT_ID: small rows, kept in the order of the key */
    ENTITY_DERIVED = 65536,   /* made and kept by the program from other records: read over the API, and no more */
    ENTITY_BY_ADMINS = 262144, /* with ENTITY_LINK: only administrators write it, whatever roles say of its near end */
    ENTITY_SAVES_ALONE = 131072, /* its before_save looks at nothing but the record and the call's instant */
    ENTITY_WITHOUT_ID = 256, /* with ENTITY_TABLE: the fields named by .key are the key */
};

struct entity_rule { /* a check of the whole record; ended by a row without expr */
    const char *expr, *field, *message;
};

struct entity {
    const char *name, *plural, *label, *label_plural, *icon;
    const struct field *fields;
    unsigned flags;
    const char *title;  /* field shown as the record's name; default "name", else "number" */
    const char *key;    /* ENTITY_WITHOUT_ID: quoted columns */
    const char *const *indexes; /* quoted column lists beyond those of fields; NULL at the end */
    const char *const *unique;  /* quoted column lists, unique among the rows not in the bin */
    const struct entity_rule *rules;
    const char *person; /* field that leads to the person of a row ("contact"), NULL for none */
    const char *when;   /* activities: the instant under which they stand on the timeline */
    const char *columns; /* what its list shows beside the title: "due,status"; NULL: what says most in little room */
    const char *area;   /* what its list stands under in the navigation: "Sales"; NULL: at the top */
    /* In the transaction, after validation and before the row is stored; may set fields. old is
     * NULL on create. */
    enum err_code (*before_save)(struct call *c, struct record *r, const struct record *old);
    /* In the transaction, before a record goes to the bin or is purged: may refuse. */
    enum err_code (*before_delete)(struct call *c, const struct record *r);
    /* In the transaction, after the row is stored. r is NULL on purge. */
    enum err_code (*after_save)(struct call *c, const struct record *r, const struct record *old);
    /* In a merge: going would have the unique key of kept and goes to the bin; kept may take over what counts. */
    enum err_code (*merge_clash)(struct call *c, const struct record *kept, const struct record *going);
};

enum action_takes { TAKES_NONE, TAKES_ONE, TAKES_MANY };
enum action_effect { EFFECT_READ, EFFECT_WRITE, EFFECT_JOB };

struct action {
    const char *name;
    const char *on; /* entity, NULL for the module's own */
    enum action_takes takes;
    enum action_effect effect;
    const struct field *input, *output;
    const char *right; /* "<entity>.<action>" */
    bool trusted;      /* its own right is the only check; a test lists these */
    enum err_code (*run)(struct call *c);
    const char *help;
};
#define ACTION_END { .name = NULL }

struct job_work; /* model/job.h */
struct job_kind {
    const char *name;
    /* Instead of steps: work that reads and writes in calls of its own, from the start again after a
     * crash. */
    enum err_code (*work)(struct job_work *w);
    /* One step, in a write transaction that also moves the job's mark. */
    enum err_code (*run)(struct call *c);
    /* Before each step, in a read transaction: what it reads holds nobody up. May be NULL. */
    enum err_code (*look)(struct call *c);
    const char *when; /* "hourly", "daily", "monthly", or NULL for those enqueued by hand */
    bool system;      /* runs as the system user */
    const char *help;
};
#define JOB_END { .name = NULL }

struct arena;
struct change; /* model/change.h */
struct consumer {
    const char *name;
    /* What of the feed it is woken for: names of entities, ended by NULL, and letters of enum change_kind; NULL: all. It
     * still sees the whole feed, a second later. */
    const char *const *follows;
    const char *kinds;
    /* One batch of the feed, in a write transaction that also moves the cursor. */
    enum err_code (*run)(struct call *c, const struct change *changes, size_t n);
    /* Before it, in a reading call: what it needs of records, left in `found` of each change. What stays is made in `keep`;
     * c->mem is gone behind it (call_scratch). NULL for none. */
    enum err_code (*look)(struct call *c, struct arena *keep, struct change *changes, size_t n);
    /* Instead of run: a queue of its own. Is there anything in it? In a read transaction. */
    enum err_code (*waits)(struct call *c, bool *yes);
    /* Takes some of it out and does what it asks for, in one write transaction; *more: there was as much as it takes. */
    enum err_code (*take)(struct call *c, bool *more);
    /* It goes before another consumer of the feed, named here, while that is far behind: it is given what people did one
     * at a time, out of turn, and the other comes to the same changes in their order. So its run does what may be done
     * twice. It has no cursor of its own; somebody waits for what it does. */
    const char *before;
};
#define CONSUMER_END { .name = NULL }

enum setting_scope { SETTING_INSTALLATION, SETTING_ORG, SETTING_TEAM, SETTING_USER };
struct setting {
    struct field field; /* name ("mail.from"), label, kind, bounds, choices (codes of numbers too), default as .def, help */
    enum setting_scope scope; /* the narrowest level at which it can be set */
    bool secret;
    bool elsewhere; /* set on a page of its own, so that the one of all settings leaves it out */
};
#define SETTING_END { .field = FIELD_END }

/* A page for people without an account, at /p/<name>/<token>; model/visit.h. */
struct visit;
struct public_page {
    const char *name;
    /* In a read transaction: changes nothing, whoever follows the link. */
    enum err_code (*get)(struct call *c, struct visit *v);
    /* In a write transaction; may run twice. NULL: takes none. */
    enum err_code (*post)(struct call *c, struct visit *v);
    /* Instead of get, in a write transaction: notes that somebody looked, and no more. */
    enum err_code (*count)(struct call *c, struct visit *v);
};
#define PAGE_END { .name = NULL }

/* What other sites and programs send without signing in, at /v1/<name>; model/visit.h. */
struct intake {
    const char *name;
    /* In a write transaction; may run twice. The answer goes to c->out. */
    enum err_code (*take)(struct call *c, struct visit *v);
    const char *script; /* instead: what GET gives, JavaScript for pages of others */
};
#define INTAKE_END { .name = NULL }

/* Fields that a module adds to an entity of another: figures of a person's purchases. They are built in like
 * those of the entity's own module. */
struct expr_extension;
struct extension {
    const char *entity;
    const struct field *fields;
};
#define EXTENSION_END { .entity = NULL }

/* Something that happened with a record and is no record of its own: one line of its timeline. */
struct happened {
    const char *what; /* "mail" */
    int64_t id, at;
    struct str json;  /* an object: what the line says, beside when */
};
typedef enum err_code happened_fn(struct call *c, const struct live_entity *e, int64_t id, int64_t before, int limit,
    struct happened *list, int *n);

struct module {
    const char *name;
    const struct entity *const *entities; /* NULL at the end, like all below */
    const struct extension *extensions;
    const struct action *actions;
    const struct job_kind *jobs;
    const struct consumer *consumers;
    const struct setting *settings;
    const struct public_page *pages;
    const struct intake *intakes;
    /* Records that a new installation begins with, where there are none. May be NULL. */
    enum err_code (*seed)(struct call *c);
    const struct expr_extension *functions; /* that expressions know: in_segment(); model/expr.h */
    /* Fills list with at most limit things that happened with a record before an instant, the newest first. The caller may
     * read the record. May be NULL. */
    happened_fn *happened;
};

#endif
