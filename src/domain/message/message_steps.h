/* message_steps.h - what the files of the module share. */

#ifndef DOMAIN_MESSAGE_MESSAGE_STEPS_H
#define DOMAIN_MESSAGE_MESSAGE_STEPS_H

#include "domain/message/dkim.h"
#include "domain/message/message.h"
#include "domain/message/mime.h"
#include "domain/message/smtp.h"

#include "model/job.h"
#include "model/template.h"

/* ---- what is sent, and by whom (message.c) ---- */
struct mail_server {
    struct smtp_server smtp;
    int64_t rate, domain_rate; /* messages a second; 0: no limit */
};
MUST_CHECK enum err_code mail_server_load(struct call *c, int64_t id, struct mail_server *out);
struct mail_sender {
    int64_t server;
    struct str name, address, reply_to, bounces; /* bounces: where refusals go; empty for none */
    struct str domain, selector, key;            /* key: PEM; empty: not signed */
};
MUST_CHECK enum err_code mail_sender_load(struct call *c, int64_t id, struct mail_sender *out);
struct mail_text {
    struct str subject, html, text, preheader;
};
MUST_CHECK enum err_code mail_text_load(struct call *c, int64_t id, struct mail_text *out);

/* ---- rendering (message_render.c) ---- */
enum { MESSAGE_LINKS_MAX = 500 };
enum { MESSAGE_BOUNCE_NAME = 10 }; /* bytes before the @ of a mailbox for bounces: with +<who> they must fit into 64 */
struct mail_layout {         /* a text read once for many people; lives in the arena it was read in */
    struct mail_sender sender;
    const struct template *subject, *html, *text; /* html or text may be NULL */
    struct dkim_key *key;    /* NULL: not signed */
    json_t *campaign, *sender_names, *business;
};
/* Checks the text too: ERR_INVALID names subject, html or text. keep: where what is no memory is registered; for a layout
 * that outlives the call, another arena than the call's. */
MUST_CHECK enum err_code mail_layout_read(struct call *c, struct arena *keep, const struct mail_text *text,
    const struct mail_sender *sender, struct str campaign, struct mail_layout *out);

struct mail_links { /* addresses that clicks are counted for, of one batch */
    struct arena *mem;
    struct str urls[MESSAGE_LINKS_MAX];
    size_t n, stored; /* those from `stored` on are new */
};
struct mail_wish {
    struct record *person;      /* NULL: of nobody */
    struct str to;              /* the address */
    int64_t message;            /* 0: a preview or a test: nothing is counted */
    int64_t purpose;
    bool links_are_his;         /* it goes to the person himself: only then he may choose by it */
    bool track_opens;
    bool sample;                /* without a person, his values show their names */
    struct mail_links *links;   /* NULL: clicks are not counted */
};
struct mail_bytes {
    struct str subject, html, text; /* for whoever shows it */
    struct str data;                /* the whole mail, ready for smtp_item.data */
    struct str from;                /* of the envelope */
    struct template_missing missing; /* values that were not there */
};
MUST_CHECK enum err_code mail_render(
    struct call *c, const struct mail_layout *l, const struct mail_wish *w, struct mail_bytes *out);

/* ---- rows (message_queue.c) ---- */
struct batch {
    int64_t id, server, sender, template, purpose, per_hour, cap_count, cap_days;
    int64_t next; /* of a limit per hour: before this instant nothing goes */
    enum batch_kind kind;
    struct str name;
    bool track_opens, track_clicks;
};
/* Those of a mail server that have something planned. */
MUST_CHECK enum err_code batches_open(struct call *c, int64_t server, struct batch **out, size_t *n);
/* Of a mail server: those of one occasion (batch_order.once) all of whose messages have ended. */
MUST_CHECK enum err_code batches_close_ended(struct call *c, int64_t server);
MUST_CHECK enum err_code batch_load(struct call *c, int64_t id, struct batch *out);
MUST_CHECK enum err_code message_order_sender(struct call *c, int64_t server, int64_t due);
/* The earliest instant at which something of the server's open batches is due. */
MUST_CHECK enum err_code message_next_due(struct call *c, int64_t server, int64_t *due, bool *found);

/* ---- whose they are, and how long they are kept (message_people.c) ---- */
enum err_code message_people_change(struct call *c, const struct change *changes, size_t n);
/* The mails that a person got, for his timeline: {"name", "state", "opened_at", "clicked_at", "campaign"}. */
happened_fn message_happened;
enum err_code message_retention_look(struct call *c);
enum err_code message_retention_run(struct call *c);
extern const struct entity message_move_entity;

/* ---- whether a server can be used (message_check.c) ---- */
/* Its state as its record shows it; error NULL: it works. */
MUST_CHECK enum err_code mail_server_tell(struct call *c, int64_t id, const char *error);
enum err_code message_act_check(struct call *c);
enum err_code message_check_work(struct job_work *w);

enum err_code message_send_work(struct job_work *w);
enum err_code message_close_work(struct call *c);
enum err_code message_look(struct call *c);
/* Takes a report of a mail system about a message that could not be delivered (RFC 3464). */
enum err_code message_act_bounce(struct call *c);
extern const struct public_page message_pages[];
extern const struct entity message_entity, message_batch_entity, message_link_entity, message_hit_entity, mail_secret_entity;

#endif
