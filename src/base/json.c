/* json.c - a writer that only appends, and jansson behind a check of its depth.
 *
 * Nothing here allocates inside a callback of jansson: an arena may leave by a jump. */

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

void json_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer) { .out = out };
}

/* What cannot stand in a JSON text as it is. */
static const bool special[256] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1 };

static void quoted(struct buf *out, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0, plain = 0;

    while (plain < s.n && !special[(unsigned char)s.p[plain]]) {
        plain++;
    }
    if (plain == s.n) {
        /* nearly always: nothing to escape */
        char *p = buf_reserve(out, s.n + 2);
        if (p) {
            p[0] = '"';
            if (s.n) {
                memcpy(p + 1, s.p, s.n);
            }
            p[s.n + 1] = '"';
            out->n += s.n + 2;
        }
        return;
    }
    buf_byte(out, '"');
    for (size_t i = plain; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (!special[ch]) {
            continue;
        }
        buf_add(out, (struct str) { s.p + from, i - from });
        from = i + 1;
        if (ch == '"' || ch == '\\') {
            buf_add(out, (struct str) { (char[]) { '\\', (char)ch }, 2 });
        } else if (ch == '\n') {
            buf_add(out, STR("\\n"));
        } else if (ch == '\t') {
            buf_add(out, STR("\\t"));
        } else if (ch == '\r') {
            buf_add(out, STR("\\r"));
        } else {
            buf_add(out, (struct str) { (char[]) { '\\', 'u', '0', '0', hex[ch >> 4], hex[ch & 15] },
                             6 });
        }
    }
    if (from < s.n) {
        buf_add(out, (struct str) { s.p + from, s.n - from });
    }
    buf_byte(out, '"');
}

static void lead_str(struct json_writer *w, bool named, struct str name)
{
    if (w->comma) {
        buf_byte(w->out, ',');
    }
    if (named) {
        quoted(w->out, name);
        buf_byte(w->out, ':');
    }
    w->comma = true;
}

static void lead(struct json_writer *w, const char *name)
{
    lead_str(w, name != NULL, str_of(name));
}

void json_object(struct json_writer *w, const char *name)
{
    lead(w, name);
    buf_byte(w->out, '{');
    w->comma = false;
}

void json_array(struct json_writer *w, const char *name)
{
    lead(w, name);
    buf_byte(w->out, '[');
    w->comma = false;
}

void json_end_object(struct json_writer *w)
{
    buf_byte(w->out, '}');
    w->comma = true;
}

void json_end_array(struct json_writer *w)
{
    buf_byte(w->out, ']');
    w->comma = true;
}

void json_text(struct json_writer *w, const char *name, struct str s)
{
    lead(w, name);
    quoted(w->out, s);
}

void json_cstr(struct json_writer *w, const char *name, const char *s)
{
    if (s) {
        json_text(w, name, str_of(s));
    } else {
        json_none(w, name);
    }
}

void json_int(struct json_writer *w, const char *name, int64_t v)
{
    lead(w, name);
    buf_int(w->out, v);
}

void json_real(struct json_writer *w, const char *name, double v)
{
    char text[40];

    if (!isfinite(v)) {
        json_none(w, name);
        return;
    }
    /* the shortest of these that reads back as the same number */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    lead(w, name);
    buf_lit(w->out, text);
    if (!strpbrk(text, ".e")) {
        buf_lit(w->out, ".0"); /* it reads back as what it was, no whole number */
    }
}

void json_flag(struct json_writer *w, const char *name, bool v)
{
    lead(w, name);
    buf_lit(w->out, v ? "true" : "false");
}

void json_none(struct json_writer *w, const char *name)
{
    lead(w, name);
    buf_lit(w->out, "null");
}

void json_raw(struct json_writer *w, const char *name, struct str json)
{
    lead(w, name);
    buf_add(w->out, json);
}

void json_name(struct json_writer *w, struct str name)
{
    lead_str(w, true, name);
    w->comma = false;
}

static void tree_value(struct json_writer *w, const json_t *tree)
{
    const char *key;
    size_t len;
    json_t *item;

    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        json_object(w, NULL);
        json_object_keylen_foreach((json_t *)(uintptr_t)tree, key, len, item)
        {
            json_name(w, (struct str) { key, len });
            tree_value(w, item);
        }
        json_end_object(w);
        break;
    case JSON_ARRAY:
        json_array(w, NULL);
        for (size_t i = 0; i < json_array_size(tree); i++) {
            tree_value(w, json_array_get(tree, i));
        }
        json_end_array(w);
        break;
    case JSON_STRING:
        json_text(w, NULL, json_str(tree));
        break;
    case JSON_INTEGER:
        json_int(w, NULL, json_integer_value(tree));
        break;
    case JSON_REAL:
        json_real(w, NULL, json_real_value(tree));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_flag(w, NULL, json_is_true(tree));
        break;
    case JSON_NULL:
        json_none(w, NULL);
        break;
    }
}

void json_tree(struct json_writer *w, const char *name, const json_t *tree)
{
    if (name) {
        json_name(w, str_of(name));
    }
    if (tree) {
        tree_value(w, tree);
    } else {
        json_none(w, NULL);
    }
}

/* jansson recurses by the document's depth, so this looks first. Brackets inside strings do not
 * count; a broken document is left for jansson to refuse. */
static enum err_code check_depth(struct str text, struct err *e)
{
    int depth = 0, line = 1;
    size_t line_start = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char ch = text.p[i];
        if (ch == '\n') {
            line++;
            line_start = i + 1;
        } else if (in_string) {
            i += ch == '\\';
            in_string = ch != '"';
        } else if (ch == '"') {
            in_string = true;
        } else if (ch == '{' || ch == '[') {
            if (++depth > DEPTH_MAX) {
                return err_set(e, ERR_INVALID, NULL, "JSON nested deeper than %d at line %d, column %zu",
                    DEPTH_MAX, line, i - line_start + 1);
            }
        } else if (ch == '}' || ch == ']') {
            depth--;
        }
    }
    return OK;
}

static void release(void *hold)
{
    json_decref(*(json_t **)hold);
}

enum err_code json_read(struct arena *mem, struct str text, json_t **tree, struct err *e)
{
    json_error_t at;
    json_t **hold = ARENA_NEW(mem, json_t *);

    *tree = NULL;
    TRY(check_depth(text, e));
    arena_defer(mem, release, hold); /* before the tree exists: the arena may leave by a jump */
    *hold = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (!*hold) {
        return err_set(e, ERR_INVALID, NULL, "not JSON at line %d, column %d: %s", at.line, at.column,
            at.text);
    }
    *tree = *hold;
    return OK;
}

struct str json_str(const json_t *string)
{
    if (!json_is_string(string)) {
        return STR("");
    }
    return (struct str) { json_string_value(string), json_string_length(string) };
}
