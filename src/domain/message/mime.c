/* mime.c - composes mails. No byte of a value can begin a header of its own: line breaks end in blanks, and what is not
 * plain ASCII is encoded. */

#include "domain/message/mime.h"

#include "base/time.h"
#include "base/utf8.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { WORD = 45, QP_LINE = 75 }; /* bytes of an encoded word before base64; columns of a quoted-printable line */

bool mime_is_address(struct str s)
{
    ptrdiff_t at = str_find_byte(s, '@');

    if (at < 1 || (size_t)at + 1 >= s.n || s.n > 254 || str_find_byte(str_sub(s, (size_t)at + 1, s.n), '@') >= 0) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch <= ' ' || ch >= 0x7f || strchr("<>\",;:\\()[]", ch)) {
            return false;
        }
    }
    return true;
}

/* ---- headers ---- */

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || (unsigned char)s.p[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Bytes of the longest piece of whole characters that fits. */
static size_t piece(struct str s, size_t most)
{
    size_t n = s.n < most ? s.n : most;

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) {
        n--;
    }
    return n ? n : s.n < most ? s.n : most;
}

/* As encoded words, each on a line of its own (RFC 2047). */
static void encoded_words(struct buf *out, struct str s)
{
    char text[sodium_base64_ENCODED_LEN(WORD, sodium_base64_VARIANT_ORIGINAL)];
    bool more = false;

    while (s.n) {
        size_t n = piece(s, WORD);
        sodium_bin2base64(text, sizeof text, (const unsigned char *)s.p, n, sodium_base64_VARIANT_ORIGINAL);
        buf_fmt(out, "%s=?utf-8?B?%s?=", more ? "\r\n " : "", text);
        s = str_sub(s, n, s.n);
        more = true;
    }
}

static struct str one_line(struct arena *mem, struct str s)
{
    struct str copy = arena_str(mem, s);

    for (size_t i = 0; i < copy.n; i++) {
        if ((unsigned char)copy.p[i] < ' ' || copy.p[i] == 0x7f) {
            ((char *)(uintptr_t)copy.p)[i] = ' ';
        }
    }
    return str_trim(copy);
}

/* Folded at blanks so that no line grows past what RFC 5322 allows. */
static void text_header(struct buf *out, const char *name, struct str value)
{
    value = one_line(out->mem, value);
    buf_fmt(out, "%s: ", name);
    if (is_plain(value) && value.n < 900 && str_find(value, STR("=?")) < 0) {
        buf_add(out, value);
    } else {
        encoded_words(out, value);
    }
    buf_lit(out, "\r\n");
}

static void mailbox_header(struct buf *out, const char *name, struct str who, struct str address)
{
    who = one_line(out->mem, who);
    buf_fmt(out, "%s: ", name);
    if (who.n && is_plain(who) && who.n < 200) {
        buf_byte(out, '"');
        for (size_t i = 0; i < who.n; i++) {
            if (who.p[i] == '"' || who.p[i] == '\\') {
                buf_byte(out, '\\');
            }
            buf_byte(out, who.p[i]);
        }
        buf_lit(out, "\" ");
    } else if (who.n) {
        encoded_words(out, utf8_clip(who, 100));
        buf_lit(out, "\r\n ");
    }
    buf_fmt(out, "<%.*s>\r\n", STR_ARG(address));
}

static void date_header(struct buf *out, int64_t at)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[]
        = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct civil c = civil_of(at);

    buf_fmt(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n", days[c.weekday - 1], c.day, months[c.month - 1],
        c.year, c.hour, c.minute, c.second);
}

/* ---- bodies ---- */

/* The first byte that a quoted-printable line cannot hold as it is, or n. Eight at a time: a letter has thousands. */
static size_t unlike_itself(const char *p, size_t n)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    size_t i = 0;

    for (uint64_t w; i + sizeof w <= n; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        /* below the blank, DEL, "=", beyond ASCII: a top bit of the first such byte, and maybe of some behind it */
        if (((w - ones * ' ') | (w + ones) | ((w ^ ones * '=') - ones) | w) & tops) {
            break;
        }
    }
    while (i < n && (((unsigned char)p[i] >= ' ' && (unsigned char)p[i] < 0x7f && p[i] != '=') || p[i] == '\t')) {
        i++;
    }
    return i;
}

/* How many bytes from i on stand for themselves, at most so many; a blank at the end of a line does not. */
static size_t plain_run(struct str s, size_t i, size_t most)
{
    size_t n = unlike_itself(s.p + i, most < s.n - i ? most : s.n - i);

    if (n && (s.p[i + n - 1] == ' ' || s.p[i + n - 1] == '\t') && (i + n == s.n || s.p[i + n] == '\n' || s.p[i + n] == '\r')) {
        n--;
    }
    return n;
}

/* RFC 2045, 6.7: lines of at most 76 columns, any line end as CRLF. */
static void quoted_printable(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t column = 0;

    for (size_t i = 0; i < s.n;) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch == '\r' && i + 1 < s.n && s.p[i + 1] == '\n') {
            i++;
            continue;
        }
        if (ch == '\n') {
            buf_add(out, STR("\r\n"));
            column = 0;
            i++;
            continue;
        }
        size_t run = plain_run(s, i, QP_LINE - column);
        if (!run && column + 3 > QP_LINE) {
            buf_add(out, STR("=\r\n"));
            column = 0;
            continue;
        }
        if (run) {
            buf_add(out, str_sub(s, i, run));
        } else {
            char code[3] = { '=', hex[ch >> 4], hex[ch & 15] };
            buf_add(out, (struct str) { code, 3 });
        }
        column += run ? run : 3;
        i += run ? run : 1;
        if (column == QP_LINE && i < s.n && s.p[i] != '\n' && s.p[i] != '\r') {
            buf_add(out, STR("=\r\n"));
            column = 0;
        }
    }
    if (column) {
        buf_add(out, STR("\r\n"));
    }
}

static void part(struct buf *out, const char *kind, struct str text)
{
    buf_fmt(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", kind);
    quoted_printable(out, text);
}

static enum err_code check(const struct mime_mail *m, struct err *e)
{
    if (!mime_is_address(m->from)) {
        return err_set(e, ERR_INVALID, "from", "\"%.*s\" cannot be the sender of a mail", STR_ARG(str_sub(m->from, 0, 100)));
    }
    if (!mime_is_address(m->to)) {
        return err_set(e, ERR_INVALID, "to", "\"%.*s\" is no address that a mail can go to", STR_ARG(str_sub(m->to, 0, 100)));
    }
    if (m->reply_to.n && !mime_is_address(m->reply_to)) {
        return err_set(e, ERR_INVALID, "reply_to", "\"%.*s\" is no address that can be answered",
            STR_ARG(str_sub(m->reply_to, 0, 100)));
    }
    if (!is_plain(m->unsubscribe_url) || m->unsubscribe_url.n > 800 || !is_plain(m->message_id)) {
        return err_set(e, ERR_INVALID, "unsubscribe_url", "an address in a header is plain and at most 800 bytes long");
    }
    return OK;
}

enum err_code mime_compose(const struct mime_mail *m, struct buf *out, struct err *e)
{
    unsigned char mark[12];
    char boundary[2 * sizeof mark + 1];

    TRY(check(m, e));
    (void)buf_reserve(out, m->text.n + m->html.n);
    mailbox_header(out, "From", m->from_name, m->from);
    mailbox_header(out, "To", m->to_name, m->to);
    if (m->reply_to.n) {
        mailbox_header(out, "Reply-To", STR(""), m->reply_to);
    }
    text_header(out, "Subject", m->subject);
    date_header(out, m->date);
    buf_fmt(out, "Message-ID: <%.*s>\r\n", STR_ARG(m->message_id));
    if (m->unsubscribe_url.n) {
        buf_fmt(out, "List-Unsubscribe: <%.*s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            STR_ARG(m->unsubscribe_url));
    }
    buf_lit(out, "MIME-Version: 1.0\r\n");
    if (!m->html.n || !m->text.n) {
        part(out, m->html.n ? "html" : "plain", m->html.n ? m->html : m->text);
        return buf_status(out, e);
    }
    /* the same mail is always the same bytes; what stands in it cannot know the mark beforehand */
    crypto_generichash(mark, sizeof mark, (const unsigned char *)m->message_id.p, m->message_id.n, NULL, 0);
    sodium_bin2hex(boundary, sizeof boundary, mark, sizeof mark);
    buf_fmt(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", boundary, boundary);
    part(out, "plain", m->text);
    buf_fmt(out, "--=_%s\r\n", boundary);
    part(out, "html", m->html);
    buf_fmt(out, "--=_%s--\r\n", boundary);
    return buf_status(out, e);
}

/* ---- HTML as plain text ---- */

struct reading {
    struct buf *out;
    struct str href; /* of the link that is open */
    size_t link_from;
    int skip;     /* inside of a script, a style or the head */
    bool space;   /* white space is due before the next word */
    int lines;    /* line breaks are due */
};

static void word_break(struct reading *r)
{
    if (!r->out->n) {
        r->lines = 0;
    }
    for (; r->lines > 0; r->lines--) {
        buf_byte(r->out, '\n');
        r->space = false;
    }
    if (r->space && r->out->n && r->out->p[r->out->n - 1] != '\n') {
        buf_byte(r->out, ' ');
    }
    r->space = false;
}

static void want_lines(struct reading *r, int n)
{
    r->lines = r->lines > n ? r->lines : n;
}

/* "&amp;" and its like; bytes taken. */
static size_t entity(struct str s, struct buf *out)
{
    static const struct {
        const char *name, *text;
    } known[] = { { "&amp;", "&" }, { "&lt;", "<" }, { "&gt;", ">" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&apos;", "'" },
        { "&nbsp;", " " }, { "&euro;", "€" }, { "&copy;", "©" }, { "&ndash;", "–" }, { "&mdash;", "—" }, { "&hellip;", "…" } };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_starts(s, str_of(known[i].name))) {
            buf_lit(out, known[i].text);
            return strlen(known[i].name);
        }
    }
    buf_byte(out, '&');
    return 1;
}

static struct str attribute(struct str tag, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i + n + 2 < tag.n; i++) {
        char quote = tag.p[i + n + 1];
        if (str_eq_nocase(str_sub(tag, i, n), str_of(name)) && tag.p[i + n] == '=' && (quote == '"' || quote == '\'')) {
            struct str rest = str_sub(tag, i + n + 2, tag.n);
            ptrdiff_t end = str_find_byte(rest, quote);
            return end >= 0 ? str_sub(rest, 0, (size_t)end) : STR("");
        }
    }
    return STR("");
}

static bool tag_is(struct str tag, const char *name)
{
    size_t n = strlen(name);

    return tag.n >= n && str_eq_nocase(str_sub(tag, 0, n), str_of(name))
        && (tag.n == n || tag.p[n] == ' ' || tag.p[n] == '\n' || tag.p[n] == '\t' || tag.p[n] == '/');
}

static void close_link(struct reading *r)
{
    struct str said = { r->out->p + r->link_from, r->out->n - r->link_from };

    if (r->href.n && !str_eq(str_trim(said), r->href) && !str_starts(r->href, STR("#"))) {
        buf_lit(r->out, " (");
        for (size_t i = 0; i < r->href.n;) {
            if (r->href.p[i] == '&') {
                i += entity(str_sub(r->href, i, r->href.n), r->out);
            } else {
                buf_byte(r->out, r->href.p[i++]);
            }
        }
        buf_byte(r->out, ')');
    }
    r->href = STR("");
}

static void take_tag(struct reading *r, struct str tag)
{
    static const char *const blocks[]
        = { "p", "div", "table", "tr", "ul", "ol", "blockquote", "section", "header", "footer", "article", NULL };
    static const char *const heads[] = { "h1", "h2", "h3", "h4", "h5", "h6", NULL };
    static const char *const silent[] = { "script", "style", "head", "title", NULL };
    bool closing = tag.n && tag.p[0] == '/';

    tag = closing ? str_sub(tag, 1, tag.n) : tag;
    for (int i = 0; silent[i]; i++) {
        if (tag_is(tag, silent[i])) {
            r->skip += closing ? (r->skip ? -1 : 0) : 1;
            return;
        }
    }
    for (int i = 0; blocks[i]; i++) {
        if (tag_is(tag, blocks[i])) {
            want_lines(r, tag_is(tag, "p") ? 2 : 1);
        }
    }
    for (int i = 0; heads[i]; i++) {
        if (tag_is(tag, heads[i])) {
            want_lines(r, 2);
        }
    }
    if (tag_is(tag, "br")) {
        r->lines++;
    } else if (tag_is(tag, "hr")) {
        want_lines(r, 1);
        word_break(r);
        buf_lit(r->out, "--");
        want_lines(r, 1);
    } else if (tag_is(tag, "li") && !closing) {
        want_lines(r, 1);
        word_break(r);
        buf_lit(r->out, "- ");
    } else if (tag_is(tag, "td") || tag_is(tag, "th")) {
        r->space = true;
    } else if (tag_is(tag, "img") && !r->skip) {
        struct str alt = attribute(tag, "alt");
        if (alt.n) {
            word_break(r);
            buf_add(r->out, alt);
        }
    } else if (tag_is(tag, "a")) {
        if (closing) {
            close_link(r);
        } else {
            word_break(r);
            r->href = attribute(tag, "href");
            r->link_from = r->out->n;
        }
    }
}

static size_t word_length(struct str s)
{
    static const bool ends[256] = { ['<'] = true, ['&'] = true, [' '] = true, ['\n'] = true, ['\r'] = true, ['\t'] = true };
    size_t n = 0;

    while (n < s.n && !ends[(unsigned char)s.p[n]]) {
        n++;
    }
    return n;
}

struct str mime_plain(struct arena *mem, struct str html)
{
    struct buf out;
    struct reading r = { .out = &out };

    buf_init(&out, mem, html.n * 3 + 1000);
    (void)buf_reserve(&out, html.n);
    for (size_t i = 0; i < html.n;) {
        struct str rest = str_sub(html, i, html.n);
        char ch = html.p[i];
        if (ch == '<') {
            bool comment = str_starts(rest, STR("<!--"));
            ptrdiff_t end = comment ? str_find(rest, STR("-->")) : str_find_byte(rest, '>');
            if (end < 0) {
                break;
            }
            if (!comment) {
                take_tag(&r, str_sub(rest, 1, (size_t)end - 1));
            }
            i += (size_t)end + (comment ? 3 : 1);
        } else if (r.skip) {
            i++;
        } else if (ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t') {
            r.space = true;
            i++;
        } else {
            word_break(&r);
            if (ch == '&') {
                i += entity(rest, &out);
            } else {
                size_t n = word_length(rest);
                buf_add(&out, str_sub(rest, 0, n));
                i += n;
            }
        }
    }
    buf_byte(&out, '\n');
    return buf_str(&out);
}
