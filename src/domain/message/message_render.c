/* message_render.c - one mail for one person: the texts filled in, links that can be counted, headers, signature.
 *
 * What leads to the preference page and to the one-click unsubscription is in each mail that has a purpose, whether its
 * author thought of it or not. */

#include "domain/message/message_steps.h"

#include "domain/consent/consent.h"

#include "model/access.h"
#include "model/link.h"
#include "model/setting.h"
#include "model/texts.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

enum { ROOT_PERSON, ROOT_LINKS, ROOT_CAMPAIGN, ROOT_SENDER, ROOT_BUSINESS, ROOTS };

static const char *const link_names[] = { "unsubscribe", "preferences", NULL };
static const char *const campaign_names[] = { "name", NULL };
static const char *const sender_names[] = { "name", "address", NULL };
static const char *const business_names[] = { "name", NULL };

/* ---- reading ---- */

static enum err_code read_text(struct call *c, const struct template_root *roots, enum template_mode mode,
    const char *field, struct str source, const struct template **out)
{
    /* whoever writes or tries a text uses only fields that he may read; the sender may read all */
    struct template_scope scope = { .expr = access_scope(c, NULL), .roots = roots, .nroots = ROOTS, .mode = mode,
        .field = field };

    *out = NULL;
    return source.n ? template_parse(&scope, source, out, &c->err) : OK;
}

static void put(json_t *object, const char *name, struct str value)
{
    json_object_set_new(object, name, json_stringn(value.p, value.n));
}

static json_t *object(struct arena *mem)
{
    json_t *o = json_pack("{}");

    arena_defer(mem, (void (*)(void *))json_decref, o);
    return o;
}

/* Hidden at the top of the HTML: mail programs show it beside the subject. */
static struct str with_preheader(struct call *c, struct str html, struct str preheader)
{
    ptrdiff_t body = str_find(html, STR("<body")), end = 0;

    if (!html.n || !preheader.n) {
        return html;
    }
    if (body >= 0) {
        ptrdiff_t close = str_find_byte(str_sub(html, (size_t)body, html.n), '>');
        end = close >= 0 ? body + close + 1 : 0;
    }
    return arena_fmt(c->mem, "%.*s<div style=\"display:none;max-height:0;overflow:hidden\">%.*s</div>%.*s",
        STR_ARG(str_sub(html, 0, (size_t)end)), STR_ARG(preheader), STR_ARG(str_sub(html, (size_t)end, html.n)));
}

enum err_code mail_layout_read(struct call *c, struct arena *keep, const struct mail_text *text,
    const struct mail_sender *sender, struct str campaign, struct mail_layout *out)
{
    const struct template_root roots[ROOTS] = {
        [ROOT_PERSON] = { "contact", model_entity(c->model, STR("contact")), NULL },
        [ROOT_LINKS] = { "links", NULL, link_names },
        [ROOT_CAMPAIGN] = { "campaign", NULL, campaign_names },
        [ROOT_SENDER] = { "sender", NULL, sender_names },
        [ROOT_BUSINESS] = { "business", NULL, business_names },
    };
    struct str business;

    *out = (struct mail_layout) { .sender = *sender };
    TRY(read_text(c, roots, TEMPLATE_LINE, "subject", text->subject, &out->subject));
    TRY(read_text(c, roots, TEMPLATE_HTML, "html", with_preheader(c, text->html, text->preheader), &out->html));
    TRY(read_text(c, roots, TEMPLATE_TEXT, "text", text->text, &out->text));
    TRY(sender->key.n ? dkim_open(keep, sender->key, &out->key, &c->err) : OK);
    out->campaign = object(keep);
    put(out->campaign, "name", campaign);
    out->sender_names = object(keep);
    put(out->sender_names, "name", sender->name);
    put(out->sender_names, "address", sender->address);
    TRY(setting_text(c, "company.name", &business));
    out->business = object(keep);
    put(out->business, "name", business);
    return OK;
}

/* ---- finding ---- */

/* Where it begins, or -1. By a byte of it that is rare in such a text: most of a letter is words. */
static ptrdiff_t find_by(struct str s, struct str what, size_t rare)
{
    for (size_t at = rare; at < s.n;) {
        const char *hit = memchr(s.p + at, what.p[rare], s.n - at);
        if (!hit) {
            break;
        }
        at = (size_t)(hit - s.p);
        if (str_starts(str_sub(s, at - rare, s.n), what)) {
            return (ptrdiff_t)(at - rare);
        }
        at++;
    }
    return -1;
}

static bool has_url(struct str s, struct str url)
{
    ptrdiff_t colon = str_find_byte(url, ':');

    return find_by(s, url, colon > 0 ? (size_t)colon : 0) >= 0;
}

/* a, with the piece put in at a place of it. */
static struct str put_in(struct arena *mem, struct str a, size_t at, struct str piece)
{
    struct buf b;

    buf_init(&b, mem, a.n + piece.n);
    (void)buf_reserve(&b, a.n + piece.n);
    buf_add(&b, str_sub(a, 0, at));
    buf_add(&b, piece);
    buf_add(&b, str_sub(a, at, a.n));
    return buf_str(&b);
}

/* ---- links that are counted ---- */

static int link_number(struct mail_links *links, struct str url)
{
    for (size_t i = 0; i < links->n; i++) {
        if (str_eq(links->urls[i], url)) {
            return (int)i;
        }
    }
    if (links->n == MESSAGE_LINKS_MAX) {
        return -1;
    }
    links->urls[links->n] = arena_str(links->mem, url);
    __atomic_store_n(&links->n, links->n + 1, __ATOMIC_RELEASE); /* whoever stores them looks meanwhile */
    return (int)links->n - 1;
}

/* "&amp;" in an attribute is "&" in an address. */
static struct str plain_url(struct arena *mem, struct str s)
{
    struct buf b;

    buf_init(&b, mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        buf_byte(&b, s.p[i]);
        if (str_starts(str_sub(s, i, s.n), STR("&amp;"))) {
            i += 4;
        }
    }
    return buf_str(&b);
}

/* Each address of a link outside of our own pages becomes one that leads there by way of ours. */
static struct str count_links(struct call *c, const struct mail_wish *w, struct str html)
{
    struct str base = link_base(c), own = arena_fmt(c->mem, "%.*s/p/", STR_ARG(base));
    struct buf out;
    size_t at = 0;

    buf_init(&out, c->mem, html.n * 3 + 4096);
    (void)buf_reserve(&out, html.n + 512);
    for (;;) {
        struct str rest = str_sub(html, at, html.n);
        ptrdiff_t href = find_by(rest, STR("href="), 4);
        if (href < 0 || (size_t)href + 6 >= rest.n) {
            buf_add(&out, rest);
            return out.failed ? html : buf_str(&out);
        }
        char quote = rest.p[href + 5];
        size_t from = (size_t)href + 6;
        ptrdiff_t end = quote == '"' || quote == '\'' ? str_find_byte(str_sub(rest, from, rest.n), quote) : -1;
        buf_add(&out, str_sub(rest, 0, from));
        at += from;
        if (end < 0) {
            continue;
        }
        struct str typed = str_sub(rest, from, (size_t)end), url = plain_url(c->mem, typed);
        bool web = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
        int number = web && url.n < 2000 && !str_starts(url, own) ? link_number(w->links, url) : -1;
        if (number < 0) {
            buf_add(&out, typed);
        } else {
            struct link l = { LINK_CLICK, w->message, number };
            buf_fmt(&out, "%.*s/p/c/%.*s", STR_ARG(base), STR_ARG(link_seal(c->org, c->mem, &l)));
        }
        at += (size_t)end;
    }
}

static struct str before_end(struct call *c, struct str html, struct str piece)
{
    ptrdiff_t end = find_by(html, STR("</body>"), 0);

    return put_in(c->mem, html, end >= 0 ? (size_t)end : html.n, piece);
}

/* ---- rendering ---- */

struct said {
    bool sample;
    struct template_missing *missing;
    struct str language, preferences, unsubscribe;
    const json_t *objects[ROOTS];
    struct record *records[ROOTS];
};

static enum err_code fill(struct call *c, const struct template *t, const struct said *s, struct str *out)
{
    struct template_data data = { .records = s->records, .objects = s->objects, .language = s->language, .sample = s->sample };
    struct str zone = c->model->zone;
    struct buf b;

    *out = STR("");
    if (!t) {
        return OK;
    }
    data.zone = zone_get(zone) ? zone_get(zone) : zone_utc();
    buf_init(&b, c->mem, TEMPLATE_OUTPUT_MAX);
    TRY(template_render(c, t, &data, &b, s->missing));
    *out = buf_str(&b);
    return OK;
}

static bool offers_choice(const struct said *s, struct str text)
{
    return has_url(text, s->preferences) || has_url(text, s->unsubscribe);
}

/* What was made is looked at, not what was written: a link inside of a condition may have come out as nothing. */
static void add_footer(struct call *c, const struct said *s, struct mail_bytes *m)
{
    const char *words = text_in(s->language, "Choose what we write to you about");

    if (m->html.n && !offers_choice(s, m->html)) {
        m->html = before_end(c, m->html,
            arena_fmt(c->mem, "<p style=\"font-size:12px;color:#57606a\"><a href=\"%.*s\">%s</a></p>", STR_ARG(s->preferences), words));
    }
    if (m->text.n && !offers_choice(s, m->text)) {
        m->text = put_in(c->mem, m->text, m->text.n, arena_fmt(c->mem, "\n\n--\n%s: %.*s\n", words, STR_ARG(s->preferences)));
    }
}

/* Letters and digits that survive any mail system, which change the case of what stands before the @ as they like. */
static struct str hex_of(struct arena *mem, struct str token)
{
    unsigned char bytes[64];
    char text[2 * sizeof bytes + 1];
    size_t n = 0;

    (void)sodium_base642bin(bytes, sizeof bytes, token.p, token.n, NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_bin2hex(text, sizeof text, bytes, n);
    return arena_str(mem, str_of(text));
}

/* bounces+<who>@domain: a report names the message by the address it comes to (VERP). */
static struct str envelope_from(struct call *c, const struct mail_layout *l, int64_t message)
{
    struct str to = l->sender.bounces;
    ptrdiff_t at = str_find_byte(to, '@');
    struct link bounce = { LINK_BOUNCE, message, 0 };

    if (at <= 0 || !message || at > MESSAGE_BOUNCE_NAME) {
        return to.n ? to : l->sender.address;
    }
    return arena_fmt(c->mem, "%.*s+%.*s%.*s", STR_ARG(str_sub(to, 0, (size_t)at)),
        STR_ARG(hex_of(c->mem, link_seal(c->org, c->mem, &bounce))), STR_ARG(str_sub(to, (size_t)at, to.n)));
}

/* The same for each try, so that the other side may notice one that comes twice. */
static struct str message_id(struct call *c, const struct mail_layout *l, int64_t message)
{
    struct str mark = address_hash(c->org, c->mem, arena_fmt(c->mem, "message:%" PRId64 ":%" PRId64, message,
                                                       message ? (int64_t)0 : c->now));

    return arena_fmt(c->mem, "%.*s@%.*s", STR_ARG(str_sub(mark, 0, 32)), STR_ARG(l->sender.domain));
}

static struct str language_of(struct call *c, const struct record *person)
{
    struct dbval v = person ? record_get(person, "language") : V_NULL;

    return v.type == DB_TEXT && v.s.n >= 2 ? str_sub(v.s, 0, 2) : c->model->language;
}

static void make_links(struct call *c, const struct mail_wish *w, struct said *s)
{
    struct str base = link_base(c);
    int64_t person = w->person && w->links_are_his ? w->person->id : 0; /* else they lead nowhere */
    json_t *links = object(c->mem);

    s->preferences = arena_fmt(c->mem, "%.*s%.*s", STR_ARG(base), STR_ARG(consent_page_path(c, person)));
    s->unsubscribe
        = arena_fmt(c->mem, "%.*s%.*s", STR_ARG(base), STR_ARG(consent_unsubscribe_path(c, person, w->purpose)));
    put(links, "preferences", s->preferences);
    put(links, "unsubscribe", w->purpose ? s->unsubscribe : s->preferences);
    s->objects[ROOT_LINKS] = links;
}

static enum err_code compose(
    struct call *c, const struct mail_layout *l, const struct mail_wish *w, const struct said *s, struct mail_bytes *m)
{
    struct mime_mail mail = { .from_name = l->sender.name, .from = l->sender.address, .to = w->to,
        .reply_to = l->sender.reply_to, .subject = m->subject, .message_id = message_id(c, l, w->message),
        .text = m->text, .html = m->html, .date = c->now };
    struct dbval name = w->person ? record_get(w->person, "name") : V_NULL;
    struct buf body, whole;

    mail.to_name = name.type == DB_TEXT && !str_eq(name.s, w->to) ? name.s : STR("");
    mail.unsubscribe_url = w->purpose ? s->unsubscribe : STR("");
    buf_init(&body, c->mem, 4 << 20);
    TRY(mime_compose(&mail, &body, &c->err));
    m->data = buf_str(&body);
    if (l->key) {
        buf_init(&whole, c->mem, body.n + (8 << 10));
        TRY(dkim_sign(l->key, l->sender.domain, l->sender.selector, c->now, m->data, &whole, &c->err));
        buf_add(&whole, m->data);
        m->data = buf_str(&whole);
    }
    m->data = smtp_stuff(c->mem, m->data);
    return OK;
}

enum err_code mail_render(
    struct call *c, const struct mail_layout *l, const struct mail_wish *w, struct mail_bytes *out)
{
    struct said s = { .language = language_of(c, w->person), .sample = w->sample, .missing = &out->missing };

    *out = (struct mail_bytes) { .missing = { .n = 0 } };
    s.records[ROOT_PERSON] = w->person;
    s.objects[ROOT_CAMPAIGN] = l->campaign;
    s.objects[ROOT_SENDER] = l->sender_names;
    s.objects[ROOT_BUSINESS] = l->business;
    make_links(c, w, &s);
    TRY(fill(c, l->subject, &s, &out->subject));
    TRY(fill(c, l->html, &s, &out->html));
    TRY(fill(c, l->text, &s, &out->text));
    if (!out->text.n) {
        out->text = mime_plain(c->mem, out->html);
    }
    if (w->purpose) {
        add_footer(c, &s, out);
    }
    if (w->links && out->html.n) {
        out->html = count_links(c, w, out->html);
    }
    if (w->track_opens && w->message && out->html.n) {
        struct link open = { LINK_OPEN, w->message, 0 };
        out->html = before_end(c, out->html,
            arena_fmt(c->mem, "<img src=\"%.*s/p/o/%.*s\" width=\"1\" height=\"1\" alt=\"\">", STR_ARG(link_base(c)),
                STR_ARG(link_seal(c->org, c->mem, &open))));
    }
    out->from = envelope_from(c, l, w->message);
    return compose(c, l, w, &s, out);
}
