/* message_track.c - what comes back: opens, clicks, and reports of mails that could not be delivered.
 *
 * Machines look at mails too: programs that check links, previews, proxies. Each hit is kept with its class; a message
 * counts as opened or clicked only when a person seems to have done it. */

#include "domain/message/message_steps.h"

#include "domain/consent/consent.h"

#include "model/action.h"
#include "model/link.h"
#include "model/normal.h"
#include "model/visit.h"

#include <sodium.h>

enum { QUICK = 3, BURST_SECONDS = 2, BURST = 3, AGENT = 200 };

/* ---- who looks ---- */

static bool says_machine(struct str agent)
{
    static const char *const words[] = { "bot", "crawl", "spider", "preview", "scan", "proofpoint", "barracuda", "mimecast",
        "safelinks", "curl", "wget", "python", "java/", "go-http", "okhttp", "headless", NULL };
    char low[AGENT];
    size_t n = agent.n < AGENT ? agent.n : AGENT;

    for (size_t i = 0; i < n; i++) {
        low[i] = agent.p[i] >= 'A' && agent.p[i] <= 'Z' ? (char)(agent.p[i] + 32) : agent.p[i];
    }
    for (int i = 0; words[i]; i++) {
        if (str_find((struct str) { low, n }, str_of(words[i])) >= 0) {
            return true;
        }
    }
    /* what fetches pictures ahead of the reader gives no more than this */
    return !n || str_is(agent, "Mozilla/5.0");
}

struct hit {
    int64_t message, batch, contact, accepted_at;
    int link;
    bool click;
};

/* A scanner follows many links at once; a person does not within two seconds. */
static enum err_code is_burst(struct call *c, const struct hit *h, bool *yes)
{
    int64_t n;

    TRY(db_int(c, &n,
        SQL("SELECT count(DISTINCT \"link\") FROM \"message_hits\" WHERE \"message\" = $1 AND \"at\" > $2 AND \"kind\" ="
            " 'click'"),
        VALS(V(h->message), V(c->now - SECONDS(BURST_SECONDS)))));
    *yes = h->click && n >= BURST;
    return OK;
}

static enum err_code keep_hit(struct call *c, const struct visit *v, const struct hit *h)
{
    bool burst, machine = v->head || says_machine(v->agent)
        || (h->accepted_at && c->now - h->accepted_at < SECONDS(QUICK));

    TRY(is_burst(c, h, &burst));
    machine = machine || burst;
    TRY(db_exec(c,
        SQL("INSERT INTO \"message_hits\" (\"message\", \"batch\", \"contact\", \"kind\", \"link\", \"at\", \"class\","
            " \"agent\") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        VALS(V(h->message), V(h->batch), V(h->contact), V(h->click ? "click" : "open"), V(h->link), V(c->now),
            V(machine ? "machine" : "human"), V(str_sub(v->agent, 0, AGENT)))));
    if (machine) {
        return db_exec(c, SQL("UPDATE \"messages\" SET \"machine_at\" = $2 WHERE \"id\" = $1 AND \"machine_at\" IS NULL"),
            VALS(V(h->message), V(c->now)));
    }
    /* who clicks has opened, whether pictures were shown or not */
    return h->click ? db_exec(c,
               SQL("UPDATE \"messages\" SET \"clicked_at\" = coalesce(\"clicked_at\", $2), \"opened_at\" ="
                   " coalesce(\"opened_at\", $2) WHERE \"id\" = $1"),
               VALS(V(h->message), V(c->now)))
                    : db_exec(c,
                        SQL("UPDATE \"messages\" SET \"opened_at\" = $2 WHERE \"id\" = $1 AND \"opened_at\" IS NULL"),
                        VALS(V(h->message), V(c->now)));
}

static enum err_code find_message(struct call *c, int64_t id, struct hit *h, bool *found)
{
    struct rows rows;

    TRY(db_query(c, &rows,
        SQL("SELECT \"batch\", \"contact\", \"accepted_at\" FROM \"messages\" WHERE \"id\" = $1"), VALS(V(id))));
    *found = rows_next(&rows);
    if (*found) {
        h->message = id;
        h->batch = col_int(&rows, 0);
        h->contact = col_int(&rows, 1);
        h->accepted_at = col_int(&rows, 2);
    }
    return rows_end(&rows);
}

static enum err_code click(struct call *c, struct visit *v)
{
    struct hit h = { .click = true };
    struct link l;
    struct str url;
    bool found;

    if (!link_open(c->org, v->token, LINK_CLICK, &l)) {
        return fail(c, ERR_NOT_FOUND, NULL, "this link is not whole; take it from the mail once more");
    }
    TRY(find_message(c, l.a, &h, &found));
    TRY(db_text(c, &url, SQL("SELECT \"url\" FROM \"message_links\" WHERE \"batch\" = $1 AND \"number\" = $2"),
        VALS(V(h.batch), V(l.b))));
    if (!found || !url.n) {
        return fail(c, ERR_NOT_FOUND, NULL, "this link leads nowhere any more");
    }
    h.link = (int)l.b;
    v->location = url;
    v->status = 302;
    return keep_hit(c, v, &h);
}

/* One transparent pixel, as the smallest GIF there is. */
static const unsigned char pixel[] = { 'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, '!', 0xf9, 4, 1,
    0, 0, 0, 0, ',', 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 'D', 1, 0, ';' };

/* A picture always comes, so that nothing is seen of a link that leads nowhere. */
static enum err_code open_pixel(struct call *c, struct visit *v)
{
    struct hit h = { 0 };
    struct link l;
    bool found = false;

    v->type = "image/gif";
    buf_add(&c->body, (struct str) { (const char *)pixel, sizeof pixel });
    if (!link_open(c->org, v->token, LINK_OPEN, &l)) {
        return OK;
    }
    TRY(find_message(c, l.a, &h, &found));
    return found ? keep_hit(c, v, &h) : OK;
}

const struct public_page message_pages[] = {
    { .name = "c", .count = click },
    { .name = "o", .count = open_pixel },
    PAGE_END,
};

/* ---- reports (RFC 3464) ---- */

/* The message that an address bounces+<hex>@… names. */
static bool message_of(const struct call *c, struct str report, int64_t *id)
{
    for (size_t i = 0; i + 40 < report.n; i++) {
        char text[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
        unsigned char bytes[64];
        size_t n = 0;
        const char *end;
        struct link l;
        if (report.p[i] != '+') {
            continue;
        }
        size_t most = report.n - i - 1 < 128 ? report.n - i - 1 : 128;
        (void)sodium_hex2bin(bytes, sizeof bytes, report.p + i + 1, most, NULL, &n, &end);
        if (n < 18) {
            continue;
        }
        sodium_bin2base64(text, sizeof text, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        if (link_open(c->org, str_of(text), LINK_BOUNCE, &l)) {
            *id = l.a;
            return true;
        }
    }
    return false;
}

/* The value of a field at the beginning of a line; empty when there is none. */
static struct str report_field(struct str report, const char *name)
{
    struct str line;

    while (str_split(&report, '\n', &line)) {
        ptrdiff_t colon = str_find_byte(line, ':');
        if (colon > 0 && str_eq_nocase(str_sub(line, 0, (size_t)colon), str_of(name))) {
            return str_trim(str_sub(line, (size_t)colon + 1, line.n));
        }
    }
    return STR("");
}

enum { HARD, SOFT, DELAYED };

/* 5.x.x of a failed delivery is for ever; but a full mailbox, a size or a policy says nothing about the address. */
static int outcome_of(struct str action, struct str status)
{
    static const char *const soft[] = { "5.2.2", "5.2.3", "5.3.", "5.4.", "5.5.", "5.7.", NULL };

    if (!str_eq_nocase(action, STR("failed")) && action.n) {
        return DELAYED;
    }
    if (!str_starts(status, STR("5."))) {
        return SOFT;
    }
    for (int i = 0; soft[i]; i++) {
        if (str_starts(status, str_of(soft[i]))) {
            return SOFT;
        }
    }
    return HARD;
}

enum err_code message_act_bounce(struct call *c)
{
    static const char *const words[] = { "hard", "soft", "delayed" };
    struct str report = in_text(c, "report"), status = report_field(report, "Status"), address, key;
    int outcome = outcome_of(report_field(report, "Action"), status);
    struct hit h = { 0 };
    const char *why;
    int64_t id;
    bool found = false;

    if (!message_of(c, report, &id)) {
        return fail(c, ERR_INVALID, "report", "this report names no message that was sent from here");
    }
    TRY(find_message(c, id, &h, &found));
    if (!found) {
        return fail(c, ERR_NOT_FOUND, NULL, "the message of this report is not kept any more");
    }
    if (outcome != DELAYED) {
        TRY(db_exec(c,
            SQL("UPDATE \"messages\" SET \"state\" = 'bounced', \"reason\" = $2, \"reply\" = $3, \"at\" = $4 WHERE \"id\" = $1"
                " AND \"state\" IN ('accepted', 'unknown', 'in_flight')"),
            VALS(V(id), V(words[outcome]), V(str_sub(status, 0, 20)), V(c->now))));
    }
    if (outcome == HARD) {
        TRY(db_text(c, &address, SQL("SELECT \"address\" FROM \"messages\" WHERE \"id\" = $1"), VALS(V(id))));
        if (address.n && normal_email(c->mem, address, &key, &why)) {
            TRY(suppression_add(c, key, "hard_bounce", str_sub(status, 0, 20)));
        }
    }
    out_text(c, "outcome", str_of(words[outcome]));
    out_int(c, "contact", h.contact);
    out_text(c, "status", status);
    return OK;
}
