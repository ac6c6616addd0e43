/* template_parse.c - from the source of a template to its tree.
 *
 * Tags nest; in HTML what stands in a branch or a loop must leave the text as open as it found it,
 * so that the place of each value is known whichever branch is taken. */

#include "model/template_tree.h"

#include "model/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct parsing {
    const struct template_scope *scope;
    struct arena *mem;
    struct err *e;
    struct str left;     /* source not read yet */
    const char *begin;   /* of the source */
    const char *counted; /* up to here, this many lines */
    int line;
    struct html html;
    struct template_root *slots; /* roots, then the variables of loops */
    size_t nslots, most;         /* in sight; ever */
    int nodes, depth;
    bool trim; /* the last tag ended in "-%}" */
};

/* Tags come in their order, so the count goes on from the last one. */
static int line_at(struct parsing *p, const char *at)
{
    if (!p->counted || at < p->counted) {
        p->counted = p->begin;
        p->line = 1;
    }
    for (; p->counted < at; p->counted++) {
        p->line += *p->counted == '\n';
    }
    return p->line;
}

static enum err_code refuse(struct parsing *p, const char *at, const char *fmt, ...) PRINTF(3, 4);
static enum err_code refuse(struct parsing *p, const char *at, const char *fmt, ...)
{
    char message[300];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return err_set(p->e, ERR_INVALID, p->scope->field, "line %d: %s", line_at(p, at), message);
}

/* ---- names ---- */

static bool is_word(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '_';
}

static int slot_named(const struct parsing *p, struct str name)
{
    for (size_t i = p->nslots; i-- > 0;) {
        if (str_is(name, p->slots[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

/* The next name in an expression that may be a root: a word outside of quotes that follows no dot.
 * Moves *at behind it; false at the end. */
static bool next_name(struct str s, size_t *at, struct str *name)
{
    size_t i = *at;

    while (i < s.n) {
        char ch = s.p[i];
        if (ch == '\'' || ch == '"') {
            for (i++; i < s.n && s.p[i] != ch; i++) {
            }
            i++;
        } else if (is_word(ch)) {
            size_t from = i;
            while (i < s.n && is_word(s.p[i])) {
                i++;
            }
            if (from == 0 || s.p[from - 1] != '.') {
                *name = str_sub(s, from, i - from);
                *at = i;
                return true;
            }
        } else {
            i++;
        }
    }
    return false;
}

/* The expression with "root." taken away wherever it begins a name. */
static struct str without_root(struct parsing *p, struct str s, const char *root)
{
    struct buf b;
    size_t at = 0, copied = 0;
    struct str name;

    buf_init(&b, p->mem, s.n + 1);
    while (next_name(s, &at, &name)) {
        if (str_is(name, root) && at < s.n && s.p[at] == '.') {
            buf_add(&b, str_sub(s, copied, (size_t)(name.p - s.p) - copied));
            copied = ++at;
        }
    }
    buf_add(&b, str_sub(s, copied, s.n));
    return buf_str(&b);
}

/* Which slot an expression is about: -1 for none named, -2 for more than one. */
static int slot_of(const struct parsing *p, struct str s)
{
    size_t at = 0;
    struct str name;
    int slot = -1;

    while (next_name(s, &at, &name)) {
        int one = slot_named(p, name);
        bool led = at < s.n && s.p[at] == '.';
        if (one < 0 || (!led && name.n != s.n)) {
            continue;
        }
        if (slot >= 0 && slot != one) {
            return -2;
        }
        slot = one;
    }
    return slot;
}

static enum err_code read_path(struct parsing *p, struct str s, struct template_term *t)
{
    const struct template_root *root = &p->slots[t->slot];
    struct str rest = s, piece;
    const char *const *m = root->members;

    t->kind = TERM_PATH;
    (void)str_split(&rest, '.', &piece);
    while (str_split(&rest, '.', &piece)) {
        bool good = piece.n > 0;
        for (size_t i = 0; i < piece.n; i++) {
            good = good && is_word(piece.p[i]);
        }
        if (!good || t->npath == TEMPLATE_PATH) {
            return refuse(
                p, s.p, "\"%.*s\" is not a name of %s", STR_ARG(str_sub(s, 0, 60)), root->name);
        }
        t->path[t->npath++] = piece;
    }
    while (m && *m && t->npath && !str_is(t->path[0], *m)) {
        m++;
    }
    if (m && (!*m || !t->npath)) {
        return refuse(p, s.p, "there is no \"%.*s\"", STR_ARG(str_sub(s, 0, 60)));
    }
    return OK;
}

static enum err_code read_expr(
    struct parsing *p, struct str s, bool condition, struct template_term *t)
{
    struct expr_scope scope = p->scope->expr;
    const struct template_root *root = &p->slots[t->slot];
    struct str text = str_is(s, root->name) && root->entity->title ? root->entity->title->name
                                                                   : without_root(p, s, root->name);
    struct err e = { 0 };

    t->kind = TERM_EXPR;
    scope.entity = root->entity;
    enum err_code code = condition ? expr_condition(&scope, text, p->scope->field, &t->expr, &e)
                                   : expr_parse(&scope, text, p->scope->field, &t->expr, &e);
    return code == OK ? OK : refuse(p, s.p, "%.*s: %s", STR_ARG(str_sub(s, 0, 80)), e.msg);
}

/* 'text', path or expression. */
static enum err_code read_term(
    struct parsing *p, struct str s, bool condition, struct template_term *t)
{
    s = str_trim(s);
    *t = (struct template_term) { .text = s };
    if (!s.n) {
        return refuse(p, s.p, "there is nothing between the braces");
    }
    char quote = s.p[0];
    if ((quote == '\'' || quote == '"') &&
        str_find_byte(str_sub(s, 1, s.n), quote) == (ptrdiff_t)s.n - 2) {
        t->kind = TERM_TEXT;
        t->text = str_sub(s, 1, s.n - 2);
        return OK;
    }
    t->slot = slot_of(p, s);
    if (t->slot == -2) {
        return refuse(p, s.p, "\"%.*s\" speaks of two things; one tag speaks of one",
            STR_ARG(str_sub(s, 0, 80)));
    }
    if (t->slot < 0) {
        t->slot = 0;
        if (!p->nslots || !p->slots[0].entity) {
            return refuse(p, s.p, "\"%.*s\" is not known here", STR_ARG(str_sub(s, 0, 80)));
        }
    }
    return p->slots[t->slot].entity ? read_expr(p, s, condition, t) : read_path(p, s, t);
}

/* ---- filters ---- */

/* Up to the next sep outside of quotes; false at the end. */
static bool split_outside(struct str *s, char sep, struct str *head)
{
    char quote = 0;

    if (!s->p) {
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        char ch = s->p[i];
        if (quote) {
            quote = ch == quote ? 0 : quote;
        } else if (ch == '\'' || ch == '"') {
            quote = ch;
        } else if (ch == sep) {
            *head = str_sub(*s, 0, i);
            *s = str_sub(*s, i + 1, s->n);
            return true;
        }
    }
    *head = *s;
    *s = (struct str) { NULL, 0 };
    return true;
}

static struct str unquoted(struct str s)
{
    s = str_trim(s);
    return s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') && s.p[s.n - 1] == s.p[0]
               ? str_sub(s, 1, s.n - 2)
               : s;
}

static enum err_code read_filter(struct parsing *p, struct str s, struct filter_use *use)
{
    struct str name, args = s, one;

    (void)split_outside(&args, ':', &name);
    name = str_trim(name);
    for (size_t i = 0; i < ntemplate_filters && !use->filter; i++) {
        use->filter = str_is(name, template_filters[i].name) ? &template_filters[i] : NULL;
    }
    if (!use->filter) {
        return refuse(p, s.p, "there is no filter \"%.*s\"", STR_ARG(str_sub(name, 0, 40)));
    }
    if (use->filter->html && p->scope->mode != TEMPLATE_HTML) {
        return refuse(p, s.p, "the filter \"%s\" is for HTML", use->filter->name);
    }
    while (split_outside(&args, ',', &one)) {
        if (use->nargs == TEMPLATE_FILTER_ARGS) {
            break;
        }
        use->args[use->nargs++] = unquoted(one);
    }
    if (use->nargs < use->filter->least || use->nargs > use->filter->most || args.p) {
        return refuse(p, s.p, "the filter \"%s\" takes %zu to %zu values", use->filter->name,
            use->filter->least, use->filter->most);
    }
    const char *wrong = use->filter->check ? use->filter->check(use->args, use->nargs) : NULL;
    return wrong ? refuse(p, s.p, "%s", wrong) : OK;
}

static enum err_code read_put(struct parsing *p, struct str s, struct template_node *n)
{
    struct str rest = s, piece;
    const char *why;

    (void)split_outside(&rest, '|', &piece);
    TRY(read_term(p, piece, false, &n->term));
    while (split_outside(&rest, '|', &piece)) {
        if (n->nfilters == TEMPLATE_FILTERS) {
            return refuse(p, s.p, "a value takes at most %d filters", TEMPLATE_FILTERS);
        }
        TRY(read_filter(p, piece, &n->filters[n->nfilters++]));
    }
    n->place = PLACE_PLAIN;
    if (p->scope->mode == TEMPLATE_HTML) {
        if (!html_place(&p->html, &n->place, &why)) {
            return refuse(p, s.p, "%s", why);
        }
        html_note_value(&p->html);
    }
    return OK;
}

/* ---- conditions ---- */

static enum err_code read_condition(
    struct parsing *p, struct str s, struct template_condition *cond)
{
    static const char *const signs[] = { "!=", "==", "=" };
    int slot;

    s = str_trim(s);
    slot = slot_of(p, s);
    if (slot < 0 || p->slots[slot].entity) {
        return read_term(p, s, true, &cond->term);
    }
    if (str_starts(s, STR("not "))) {
        cond->negated = true;
        s = str_trim(str_sub(s, 4, s.n));
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        ptrdiff_t at = str_find(s, str_of(signs[i]));
        if (at > 0) {
            cond->op = i == 0 ? COND_UNEQUAL : COND_EQUAL;
            cond->with = unquoted(str_sub(s, (size_t)at + strlen(signs[i]), s.n));
            s = str_sub(s, 0, (size_t)at);
            break;
        }
    }
    return read_term(p, s, true, &cond->term);
}

/* ---- loops ---- */

/* The word that begins s, taken off. */
static struct str take_word(struct str *s)
{
    *s = str_trim(*s);
    size_t n = 0;
    while (n < s->n && !(s->p[n] == ' ' || s->p[n] == '\n' || s->p[n] == '\t' || s->p[n] == '\r')) {
        n++;
    }
    struct str word = str_sub(*s, 0, n);
    *s = str_trim(str_sub(*s, n, s->n));
    return word;
}

/* Where a word of the loop's own stands in what is left, outside of quotes; -1 for nowhere. */
static ptrdiff_t find_clause(struct str s, const char *word)
{
    size_t at = 0;
    struct str name;

    while (next_name(s, &at, &name)) {
        if (str_is(name, word) && name.p > s.p) {
            return name.p - s.p;
        }
    }
    return -1;
}

static void take_clause(struct str *s, const char *word, struct str *out)
{
    ptrdiff_t at = find_clause(*s, word);

    if (at >= 0) {
        *out = str_trim(str_sub(*s, (size_t)at + strlen(word), s->n));
        *s = str_trim(str_sub(*s, 0, (size_t)at));
    }
}

static enum err_code check_sort(struct parsing *p, const struct live_entity *e, struct str sort, const char *at)
{
    struct str rest = sort, one;

    for (int n = 1; str_split(&rest, ',', &one); n++) {
        one = str_trim(one);
        struct str name = str_trim(str_sub(one, str_starts(one, STR("-")), one.n));
        const struct live_field *f = name.n ? entity_field(e, name) : NULL;
        if (sort.n && (!f || !query_sorts_by(f))) {
            return refuse(p, at, "%s cannot be sorted by \"%.*s\"", e->label_plural.p, STR_ARG(str_sub(name, 0, 80)));
        }
        if (n > SORT_KEYS) {
            return refuse(p, at, "at most %d sort keys", SORT_KEYS);
        }
    }
    return OK;
}

/* "contact.orders where paid sort -placed_at limit 3": the rows, their filter, order and number. */
static enum err_code read_rows(
    struct parsing *p, struct str s, struct template_node *n, struct template_root *variable)
{
    struct str path = s, limit = { "", 0 }, first = { "", 0 }, name;
    int64_t most = TEMPLATE_ROWS_MAX;

    take_clause(&path, "limit", &limit);
    take_clause(&path, "sort", &n->sort);
    take_clause(&path, "where", &n->where);
    name = path;
    if (limit.n && (!str_to_int(limit, &most) || most < 1 || most > TEMPLATE_ROWS_MAX)) {
        return refuse(p, s.p, "limit is a number from 1 to %d", TEMPLATE_ROWS_MAX);
    }
    n->limit = (int)most;
    (void)str_split(&name, '.', &first);
    n->term.slot = slot_named(p, first);
    if (n->term.slot >= 0 && !p->slots[n->term.slot].entity) {
        variable->entity = NULL;
        return read_term(p, path, false, &n->term);
    }
    if (n->term.slot < 0) {
        n->term.slot = 0;
        name = path;
    }
    const struct live_entity *e = p->nslots ? p->slots[n->term.slot].entity : NULL;
    n->child = e ? entity_child(e, name) : NULL;
    if (!n->child || n->child->entity->def.flags & ENTITY_TABLE) {
        return refuse(p, s.p, "there are no rows called \"%.*s\"", STR_ARG(str_sub(path, 0, 60)));
    }
    variable->entity = n->child->entity;
    TRY(check_sort(p, n->child->entity, n->sort, s.p));
    if (n->where.n) {
        struct expr_scope scope = p->scope->expr;
        const struct expr *x;
        struct err why = { 0 };
        scope.entity = n->child->entity;
        n->where = arena_str(p->mem, without_root(p, n->where, variable->name));
        if (expr_condition(&scope, n->where, p->scope->field, &x, &why) != OK) {
            return refuse(p, s.p, "%s", why.msg);
        }
    }
    return OK;
}

/* ---- tags ---- */

struct tag {
    bool put;        /* {{ }} and not {% %} */
    struct str word; /* "if" */
    struct str rest;
    const char *at;
};

static struct str trim_end(struct str s)
{
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\t' ||
                      s.p[s.n - 1] == '\r')) {
        s.n--;
    }
    return s;
}

static struct str trim_start(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\n' || s.p[0] == '\t' || s.p[0] == '\r')) {
        s = str_sub(s, 1, s.n);
    }
    return s;
}

/* The text up to the next tag, and the tag; *found false at the end. */
static enum err_code next_tag(struct parsing *p, struct str *text, struct tag *tag, bool *found)
{
    ptrdiff_t put = str_find(p->left, STR("{{")), block = str_find(p->left, STR("{%"));
    ptrdiff_t at = put < 0 ? block : block < 0 || put < block ? put : block;

    *found = at >= 0;
    *text = str_sub(p->left, 0, at < 0 ? p->left.n : (size_t)at);
    *text = p->trim ? trim_start(*text) : *text;
    p->trim = false;
    if (at < 0) {
        p->left.n = 0;
        return OK;
    }
    struct str inside = str_sub(p->left, (size_t)at + 2, p->left.n);
    *tag = (struct tag) { .put = at == put, .at = p->left.p + at };
    ptrdiff_t end = str_find(inside, tag->put ? STR("}}") : STR("%}"));
    if (end < 0) {
        return refuse(p, tag->at, "\"%s\" has no end", tag->put ? "{{" : "{%");
    }
    p->left = str_sub(inside, (size_t)end + 2, inside.n);
    inside = str_sub(inside, 0, (size_t)end);
    if (inside.n && inside.p[0] == '-') {
        *text = trim_end(*text);
        inside = str_sub(inside, 1, inside.n);
    }
    if (inside.n && inside.p[inside.n - 1] == '-') {
        p->trim = true;
        inside.n--;
    }
    tag->rest = inside;
    tag->word = tag->put ? STR("") : take_word(&tag->rest);
    return OK;
}

static enum err_code add(struct parsing *p, const char *at, enum template_node_kind kind,
    struct template_node ***end, struct template_node **out)
{
    if (++p->nodes > TEMPLATE_NODES_MAX) {
        return err_set(p->e, ERR_TOO_LARGE, p->scope->field, "a template has at most %d tags",
            TEMPLATE_NODES_MAX);
    }
    struct template_node *n = ARENA_NEW(p->mem, struct template_node);
    n->kind = kind;
    n->line = line_at(p, at);
    **end = n;
    *end = &n->next;
    *out = n;
    return OK;
}

static enum err_code add_text(struct parsing *p, struct str text, struct template_node ***end)
{
    struct template_node *n;

    if (!text.n) {
        return OK;
    }
    TRY(add(p, text.p, NODE_COPY, end, &n));
    n->text = text;
    if (p->scope->mode == TEMPLATE_HTML) {
        html_read(&p->html, text);
    }
    return OK;
}

/* After a tag with two ways through it: one ends where p stands, the other as `other` says. */
static enum err_code join_html(struct parsing *p, const struct html *other, const char *at)
{
    return p->scope->mode != TEMPLATE_HTML || html_join(&p->html, other)
        ? OK
        : refuse(p, at, "each way through this tag must close the HTML tags and quotes that it opens");
}

static enum err_code read_block(struct parsing *p, struct template_node **first, struct tag *ended);

/* What stands between {% word %} and {% endword %}, as it is. */
static enum err_code skip_to(
    struct parsing *p, const struct tag *tag, const char *word, struct str *inside)
{
    const char *from = p->left.p;
    struct tag one;
    struct str text;
    bool found;

    do {
        TRY(next_tag(p, &text, &one, &found));
    } while (found && !str_is(one.word, word));
    if (!found) {
        return refuse(p, tag->at, "\"%.*s\" has no end", STR_ARG(tag->word));
    }
    *inside = (struct str) { from, (size_t)(one.at - from) };
    return OK;
}

/* From a condition to its end: the branches behind it are conditions in its `otherwise`. */
static enum err_code read_if(
    struct parsing *p, struct tag tag, struct template_node *n, const char *end)
{
    struct html before = p->html;
    bool has_else = false;

    TRY(read_condition(p, tag.rest, &n->cond));
    n->cond.negated ^= str_is(tag.word, "unless");
    TRY(read_block(p, &n->inside, &tag));
    struct html after = p->html;
    while (str_is(tag.word, "elsif") || str_is(tag.word, "else")) {
        if (has_else) {
            return refuse(p, tag.at, "nothing comes behind else");
        }
        struct template_node **to = &n->otherwise, *branch;
        has_else = str_is(tag.word, "else");
        TRY(add(p, tag.at, NODE_IF, &to, &branch));
        n->otherwise = branch;
        TRY(has_else ? OK : read_condition(p, tag.rest, &branch->cond));
        p->html = before;
        TRY(read_block(p, &branch->inside, &tag));
        TRY(join_html(p, &after, tag.at));
        after = p->html;
        n = branch;
    }
    if (!str_is(tag.word, end)) {
        return refuse(p, tag.at, "here \"%s\" is missing", end);
    }
    p->html = after;
    return has_else ? OK : join_html(p, &before, tag.at);
}

static enum err_code read_for(struct parsing *p, struct tag tag, struct template_node *n)
{
    struct html before = p->html;
    struct template_root variable = { 0 };
    struct str name = take_word(&tag.rest), in = take_word(&tag.rest);

    if (!name.n || !str_is(in, "in")) {
        return refuse(p, tag.at, "a loop is written: for order in contact.orders");
    }
    variable.name = arena_cstr(p->mem, name);
    TRY(read_rows(p, tag.rest, n, &variable));
    if (p->nslots >= p->scope->nroots + TEMPLATE_DEPTH_MAX) {
        return refuse(p, tag.at, "tags nest at most %d deep", TEMPLATE_DEPTH_MAX);
    }
    n->slot = (int)p->nslots;
    p->slots[p->nslots++] = variable;
    p->most = p->nslots > p->most ? p->nslots : p->most;
    TRY(read_block(p, &n->inside, &tag));
    p->nslots--;
    if (!str_is(tag.word, "endfor")) {
        return refuse(p, tag.at, "here \"endfor\" is missing");
    }
    return join_html(p, &before, tag.at);
}

static enum err_code read_tag(
    struct parsing *p, const struct tag *tag, struct template_node ***end, bool *ends)
{
    struct template_node *n;
    struct str inside;

    *ends = false;
    if (tag->put) {
        TRY(add(p, tag->at, NODE_PUT, end, &n));
        return read_put(p, tag->rest, n);
    }
    if (str_is(tag->word, "if") || str_is(tag->word, "unless")) {
        TRY(add(p, tag->at, NODE_IF, end, &n));
        return read_if(p, *tag, n, str_is(tag->word, "if") ? "endif" : "endunless");
    }
    if (str_is(tag->word, "for")) {
        TRY(add(p, tag->at, NODE_FOR, end, &n));
        return read_for(p, *tag, n);
    }
    if (str_is(tag->word, "comment")) {
        return skip_to(p, tag, "endcomment", &inside);
    }
    if (str_is(tag->word, "raw")) {
        TRY(skip_to(p, tag, "endraw", &inside));
        return add_text(p, inside, end);
    }
    *ends = true; /* whoever opened the block knows whether this closes it */
    return OK;
}

/* Up to a tag that belongs to whoever called, or the end of the source (*ended has no word then).
 */
static enum err_code read_block(struct parsing *p, struct template_node **first, struct tag *ended)
{
    struct template_node **end = first;
    struct str text;
    bool found, ends = false;

    if (++p->depth > TEMPLATE_DEPTH_MAX) {
        return refuse(p, ended->at, "tags nest at most %d deep", TEMPLATE_DEPTH_MAX);
    }
    while (!ends) {
        struct tag tag = { .at = p->left.p + p->left.n };
        TRY(next_tag(p, &text, &tag, &found));
        TRY(add_text(p, text, &end));
        *ended = tag;
        if (!found) {
            break;
        }
        TRY(read_tag(p, &tag, &end, &ends));
    }
    p->depth--;
    if (!ends) {
        ended->word = STR("");
    }
    return OK;
}

enum err_code template_parse(
    const struct template_scope *s, struct str source, const struct template **out, struct err *e)
{
    struct arena *mem = s->expr.mem;
    struct template *t = ARENA_NEW(mem, struct template);
    struct parsing p = { .scope = s, .mem = mem, .e = e, .nslots = s->nroots, .most = s->nroots };
    struct tag ended = { 0 };

    if (source.n > TEMPLATE_SOURCE_MAX) {
        return err_set(
            e, ERR_TOO_LARGE, s->field, "a template has at most %d bytes", TEMPLATE_SOURCE_MAX);
    }
    p.left = arena_str(mem, source);
    p.begin = p.left.p;
    p.slots = ARENA_ARRAY(mem, struct template_root, s->nroots + TEMPLATE_DEPTH_MAX);
    if (s->nroots) {
        memcpy(p.slots, s->roots, s->nroots * sizeof *s->roots);
    }
    *t = (struct template) { .mode = s->mode, .nroots = s->nroots };
    TRY(read_block(&p, &t->first, &ended));
    if (ended.word.n) {
        return refuse(
            &p, ended.at, "\"%.*s\" is not known here", STR_ARG(str_sub(ended.word, 0, 40)));
    }
    if (s->mode == TEMPLATE_HTML && p.html.state != HTML_TEXT) {
        return refuse(&p, p.begin + source.n, "the last tag of the HTML is not closed");
    }
    t->slots = (int)p.most;
    *out = t;
    return OK;
}
