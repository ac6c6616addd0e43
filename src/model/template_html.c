/* template_html.c - where in an HTML text a value stands, and how it is escaped there.
 *
 * Only what matters for escaping is read: tags, quoted attributes, comments, scripts and styles.
 * Where it is in doubt the answer is that no value may stand there. */

#include "model/template_tree.h"

#include <string.h>

static char low(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
}

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f';
}

static void note(char *to, size_t room, size_t *n, char ch)
{
    if (*n + 1 < room) {
        to[(*n)++] = low(ch);
        to[*n] = 0;
    }
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

static bool holds_address(const struct html *h)
{
    static const char *const names[] = { "href", "src", "action", "background", "cite",
        "formaction", "poster", "xlink:href", "data", "content", NULL };

    return is_one_of(h->attr, names);
}

/* Scripts run, styles load: a value has no place in them, nor in what browsers read as another
 * language. */
static bool is_raw(const struct html *h)
{
    static const char *const names[] = { "script", "style", "xmp", "iframe", "noembed", "noframes",
        "plaintext", NULL };

    return !h->closing && is_one_of(h->tag, names);
}

static void end_tag(struct html *h)
{
    h->state = is_raw(h) ? HTML_RAW : HTML_TEXT;
}

/* One byte outside of texts, comments and raw elements. */
static void in_tag(struct html *h, char ch)
{
    switch (h->state) {
    case HTML_TAG_NAME:
        if (ch == '>') {
            end_tag(h);
        } else if (is_space(ch) || (ch == '/' && h->ntag)) {
            h->state = HTML_IN_TAG;
        } else if (ch == '/' && !h->ntag) {
            h->closing = true;
        } else {
            note(h->tag, sizeof h->tag, &h->ntag, ch);
        }
        return;
    case HTML_IN_TAG:
        if (ch == '>') {
            end_tag(h);
        } else if (!is_space(ch) && ch != '/') {
            h->nattr = 0;
            h->ended = false;
            note(h->attr, sizeof h->attr, &h->nattr, ch);
            h->state = HTML_ATTR_NAME;
        }
        return;
    case HTML_ATTR_NAME:
        if (ch == '>') {
            end_tag(h);
        } else if (ch == '=') {
            h->state = HTML_BEFORE_VALUE;
        } else if (ch == '/') {
            h->state = HTML_IN_TAG;
        } else if (is_space(ch)) {
            h->ended = true;
        } else {
            if (h->ended) { /* one without a value, and the next */
                h->nattr = 0;
                h->ended = false;
            }
            note(h->attr, sizeof h->attr, &h->nattr, ch);
        }
        return;
    case HTML_BEFORE_VALUE:
        h->value_begun = false;
        if (ch == '"' || ch == '\'') {
            h->state = ch == '"' ? HTML_VALUE_DOUBLE : HTML_VALUE_SINGLE;
        } else if (ch == '>') {
            end_tag(h);
        } else if (!is_space(ch)) {
            h->state = HTML_VALUE_BARE;
        }
        return;
    case HTML_VALUE_BARE:
        if (ch == '>') {
            end_tag(h);
        } else if (is_space(ch)) {
            h->state = HTML_IN_TAG;
        }
        return;
    case HTML_VALUE_SINGLE:
    case HTML_VALUE_DOUBLE:
        if (ch == (h->state == HTML_VALUE_DOUBLE ? '"' : '\'')) {
            h->state = HTML_IN_TAG;
        } else if (!is_space(ch)) {
            h->value_begun = true;
        }
        return;
    case HTML_TEXT:
    case HTML_COMMENT:
    case HTML_RAW:
        return;
    }
}

/* Behind "<": a tag, a comment, or just a sign. */
static size_t open_tag(struct html *h, struct str rest)
{
    if (str_starts(rest, STR("<!--"))) {
        h->state = HTML_COMMENT;
        return 4;
    }
    char next = rest.n > 1 ? rest.p[1] : 0;
    if (next == '/' || next == '!' || next == '?' || (low(next) >= 'a' && low(next) <= 'z') ||
        rest.n == 1) {
        *h = (struct html) { .state = HTML_TAG_NAME };
    }
    return 1;
}

/* "</script" ends a script, whatever stands before it. */
static bool ends_raw(const struct html *h, struct str rest)
{
    return rest.n > h->ntag + 1 && rest.p[0] == '<' && rest.p[1] == '/' &&
           str_eq_nocase(str_sub(rest, 2, h->ntag), (struct str) { h->tag, h->ntag });
}

void html_read(struct html *h, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        struct str rest = str_sub(text, i, text.n);
        if (h->state == HTML_TEXT) {
            i += text.p[i] == '<' ? open_tag(h, rest) : 1;
        } else if (h->state == HTML_COMMENT) {
            bool over = str_starts(rest, STR("-->"));
            h->state = over ? HTML_TEXT : HTML_COMMENT;
            i += over ? 3 : 1;
        } else if (h->state == HTML_RAW) {
            if (ends_raw(h, rest)) {
                *h = (struct html) { .state = HTML_TAG_NAME };
            }
            i++;
        } else {
            in_tag(h, text.p[i++]);
        }
    }
}

bool html_place(const struct html *h, enum template_place *place, const char **why)
{
    switch (h->state) {
    case HTML_TEXT:
        *place = PLACE_TEXT;
        return true;
    case HTML_VALUE_SINGLE:
    case HTML_VALUE_DOUBLE:
        if (strncmp(h->attr, "on", 2) == 0 || strcmp(h->attr, "style") == 0 ||
            strcmp(h->attr, "srcdoc") == 0 || strcmp(h->attr, "srcset") == 0) {
            *why = "a value cannot stand in this attribute";
            return false;
        }
        *place = !holds_address(h) ? PLACE_ATTRIBUTE
                 : h->value_begun  ? PLACE_URL_PART
                                   : PLACE_URL_START;
        return true;
    case HTML_RAW:
        *why = "a value cannot stand in a script or a style";
        return false;
    case HTML_COMMENT:
        *why = "a value cannot stand in a comment";
        return false;
    case HTML_BEFORE_VALUE:
    case HTML_VALUE_BARE:
        *why = "put quotes around the attribute that the value stands in";
        return false;
    case HTML_TAG_NAME:
    case HTML_IN_TAG:
    case HTML_ATTR_NAME:
        break;
    }
    *why = "a value cannot stand inside of a tag";
    return false;
}

void html_note_value(struct html *h)
{
    h->value_begun = true;
}

/* Between attributes, or behind a name that may stand alone: `<input{% if x %} checked{% endif %}>`. */
static bool between_attributes(const struct html *h)
{
    return h->state == HTML_IN_TAG || h->state == HTML_ATTR_NAME;
}

bool html_join(struct html *a, const struct html *b)
{
    if (between_attributes(a) && between_attributes(b)) {
        if (a->state != b->state || strcmp(a->attr, b->attr) != 0) {
            /* which attribute comes next is not known: no value may stand in it */
            a->state = HTML_ATTR_NAME;
            memcpy(a->attr, "on", 3);
            a->nattr = 2;
        }
        return strcmp(a->tag, b->tag) == 0;
    }
    if (a->state != b->state) {
        return false;
    }
    return a->state == HTML_TEXT || a->state == HTML_COMMENT
        || (strcmp(a->tag, b->tag) == 0 && strcmp(a->attr, b->attr) == 0 && a->value_begun == b->value_begun);
}

static bool safe_address(struct str text)
{
    static const char *const schemes[] = { "http:", "https:", "mailto:", "tel:", "sms:", NULL };
    ptrdiff_t colon = str_find_byte(text, ':'), slash = str_find_byte(text, '/');

    if (colon < 0 || (slash >= 0 && slash < colon)) {
        return true; /* relative: it has no scheme */
    }
    for (int i = 0; schemes[i]; i++) {
        if (str_eq_nocase(str_sub(text, 0, (size_t)colon + 1), str_of(schemes[i]))) {
            return true;
        }
    }
    return false;
}

static void percent(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.n; i++) {
        unsigned char ch = (unsigned char)text.p[i];
        bool plain = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.' || ch == '~';
        if (plain) {
            buf_byte(out, (char)ch);
        } else {
            buf_byte(out, '%');
            buf_byte(out, hex[ch >> 4]);
            buf_byte(out, hex[ch & 15]);
        }
    }
}

void html_escape(struct buf *out, struct str text, enum template_place place)
{
    if (place == PLACE_URL_PART) {
        percent(out, text);
        return;
    }
    if (place == PLACE_URL_START) {
        text = str_trim(text);
        if (!safe_address(text)) {
            buf_byte(out, '#');
            return;
        }
    }
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *code = text.p[i] == '&' ? "&amp;"
            : text.p[i] == '<'              ? "&lt;"
            : text.p[i] == '>'              ? "&gt;"
            : text.p[i] == '"'              ? "&quot;"
            : text.p[i] == '\''             ? "&#39;"
                                            : NULL;
        if (code) {
            buf_add(out, str_sub(text, from, i - from));
            buf_lit(out, code);
            from = i + 1;
        }
    }
    buf_add(out, str_sub(text, from, text.n));
}
