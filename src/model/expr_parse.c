/* expr_parse.c - text to a tree of what was written; names and types are the checker's. */

#include "model/expr_tree.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_WORD, TOKEN_TEXT, TOKEN_SYMBOL };

struct token {
    enum token_kind kind;
    int pos, end;    /* bytes of the text */
    struct str s;    /* as written, without quotes */
    bool doubled;    /* TOKEN_TEXT: holds doubled quotes */
};

struct parser {
    struct expr_maker *m;
    struct str text;
    size_t at;
    struct token now;
};

static const char *const keywords[] = { "and", "or", "not", "in", "like", "between", "is", "empty",
    "has", "contains", "starts", "ends", "with", "true", "false", "null", "now", "today", "me",
    "where", NULL };

bool expr_is_keyword(struct str word)
{
    for (size_t i = 0; keywords[i]; i++) {
        if (str_eq_nocase(word, str_of(keywords[i]))) {
            return true;
        }
    }
    return false;
}

enum err_code expr_fail_at(struct expr_maker *m, int pos, const char *fmt, ...)
{
    char said[300];
    va_list args;

    va_start(args, fmt);
    vsnprintf(said, sizeof said, fmt, args);
    va_end(args);
    if (pos >= 0 && m->text.n) {
        struct str before = { m->text.p, (size_t)pos < m->text.n ? (size_t)pos : m->text.n };
        return err_set(m->err, ERR_INVALID, m->about, "At column %zu: %s", utf8_length(before) + 1, said);
    }
    return err_set(m->err, ERR_INVALID, m->about, "%s", said);
}

struct expr *expr_node_new(struct expr_maker *m, enum expr_node node, int pos)
{
    if (++m->nodes > EXPR_NODES_MAX) {
        (void)expr_fail_at(m, pos, "The expression has more than %d parts.", EXPR_NODES_MAX);
        return NULL;
    }
    struct expr *x = ARENA_NEW(m->mem, struct expr);
    x->node = node;
    x->pos = pos;
    return x;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
    return is_digit(c) || is_lower(c) || c == '_';
}

static char peek(const struct parser *p, size_t ahead)
{
    return p->at + ahead < p->text.n ? p->text.p[p->at + ahead] : '\0';
}

static bool looks_like_date(const struct parser *p)
{
    static const char shape[] = "0000-00-00";

    for (size_t i = 0; shape[i]; i++) {
        char c = peek(p, i);
        if (shape[i] == '0' ? !is_digit(c) : c != '-') {
            return false;
        }
    }
    return true;
}

/* A currency or km after a number, with spaces between or without. */
static bool unit_follows(const struct parser *p, size_t *end)
{
    size_t i = p->at;

    while (i < p->text.n && p->text.p[i] == ' ') {
        i++;
    }
    struct str word = str_sub(p->text, i, 3);
    bool upper = word.n == 3;
    for (size_t k = 0; k < word.n; k++) {
        upper &= word.p[k] >= 'A' && word.p[k] <= 'Z';
    }
    if (upper && !expr_is_keyword(word)) {
        *end = i + 3;
    } else if (str_starts(word, STR("km"))) {
        *end = i + 2;
    } else {
        return false;
    }
    return *end >= p->text.n || !is_name(p->text.p[*end]);
}

static void scan_word(struct parser *p)
{
    size_t end;

    if (looks_like_date(p)) {
        p->at += 10;
        if (peek(p, 0) == 'T' && is_digit(peek(p, 1))) {
            while (is_digit(peek(p, 0)) || (peek(p, 0) && strchr("T:.Z+-", peek(p, 0)))) {
                p->at++;
            }
        }
        return;
    }
    while (is_digit(peek(p, 0)) || (peek(p, 0) == '.' && is_digit(peek(p, 1)))) {
        p->at++;
    }
    if (peek(p, 0) == '%') {
        p->at++;
    } else if (unit_follows(p, &end)) {
        p->at = end;
    } else {
        while (is_name(peek(p, 0))) {
            p->at++;
        }
    }
}

static enum err_code scan_text(struct parser *p, char quote)
{
    size_t from = p->at++;

    p->now.kind = TOKEN_TEXT;
    for (; p->at < p->text.n; p->at++) {
        if (p->text.p[p->at] != quote) {
            continue;
        }
        if (peek(p, 1) != quote) {
            p->now.s = str_sub(p->text, from + 1, p->at - from - 1);
            p->at++;
            return OK;
        }
        p->now.doubled = true;
        p->at++;
    }
    return expr_fail_at(p->m, (int)from, "This text has no closing %c.", quote);
}

static enum err_code next(struct parser *p)
{
    while (p->at < p->text.n && strchr(" \t\r\n", p->text.p[p->at])) {
        p->at++;
    }
    size_t from = p->at;
    char c = peek(p, 0);
    p->now = (struct token) { .pos = (int)from };
    if (p->at == p->text.n) {
        p->now.end = (int)from;
        return OK;
    }
    if (c == '\'' || c == '"') {
        TRY(scan_text(p, c));
        p->now.end = (int)p->at;
        return OK;
    }
    if (is_digit(c)) {
        p->now.kind = TOKEN_WORD;
        scan_word(p);
    } else if (is_lower(c) || c == '_' || (c == '@' && is_digit(peek(p, 1)))) {
        p->now.kind = TOKEN_NAME;
        p->at++;
        while (is_name(peek(p, 0)) || (peek(p, 0) == '.' && (is_name(peek(p, 1)) ||
               peek(p, 1) == '@')) || (peek(p, 0) == '@' && p->text.p[p->at - 1] == '.')) {
            p->at++;
        }
    } else {
        p->now.kind = TOKEN_SYMBOL;
        char d = peek(p, 1);
        bool two = ((c == '<' || c == '>' || c == '!') && d == '=') || (c == '<' && d == '>');
        p->at += two ? 2 : 1;
        if (!two && !strchr("=<>+-*/(),", c)) {
            return expr_fail_at(p->m, (int)from, "Found %s where a name, a value or an operator "
                "was expected.", c == '!' ? "\"!\" alone (not equal is \"!=\")" :
                (c & 0x80) ? "a letter outside a-z (texts stand in quotes)" :
                (const char[]) { '"', c, '"', '\0' });
        }
    }
    p->now.s = str_sub(p->text, from, p->at - from);
    p->now.end = (int)p->at;
    return OK;
}

static bool is_symbol(const struct parser *p, const char *s)
{
    return p->now.kind == TOKEN_SYMBOL && str_is(p->now.s, s);
}

static bool is_word(const struct parser *p, const char *s)
{
    return p->now.kind == TOKEN_NAME && str_eq_nocase(p->now.s, str_of(s));
}

static enum err_code expected(struct parser *p, const char *what)
{
    struct str found = p->now.s;

    if (p->now.kind == TOKEN_END) {
        return expr_fail_at(p->m, p->now.pos, "Expected %s, found the end.", what);
    }
    return expr_fail_at(p->m, p->now.pos, "Expected %s, found \"%.*s\".", what,
        (int)utf8_clip(found, 30).n, found.p);
}

static enum err_code want_symbol(struct parser *p, const char *s, const char *what)
{
    if (!is_symbol(p, s)) {
        return expected(p, what);
    }
    return next(p);
}

static enum err_code node(struct parser *p, enum expr_node kind, int pos, struct expr **out)
{
    *out = expr_node_new(p->m, kind, pos);
    return *out ? OK : ERR_INVALID;
}

/* A growing list of arguments. */
struct args {
    struct expr **v;
    size_t n, room;
};

static enum err_code push(struct parser *p, struct args *a, struct expr *x)
{
    if (a->n == EXPR_LIST_MAX + 1) {
        return expr_fail_at(
            p->m, x->pos, "A list or chain may have at most %d items.", EXPR_LIST_MAX);
    }
    ARENA_ROOM(p->m->mem, a->v, a->n, a->room);
    a->v[a->n++] = x;
    return OK;
}

static enum err_code parse_or(struct parser *p, struct expr **out);
static enum err_code parse_sum(struct parser *p, struct expr **out);

static enum err_code op_node(
    struct parser *p, const char *name, bool call, int pos, struct args a, struct expr **out)
{
    TRY(node(p, NODE_OP, pos, out));
    (*out)->name = str_of(name);
    (*out)->op = expr_op_named((*out)->name, call);
    (*out)->args = a.v;
    (*out)->n = a.n;
    return OK;
}

static enum err_code parse_call(struct parser *p, struct token name, struct expr **out)
{
    struct args a = { 0 };

    TRY(next(p));
    TRY(node(p, NODE_OP, name.pos, out));
    struct expr *x = *out;
    x->name = name.s;
    if (is_symbol(p, ")")) {
        return next(p);
    }
    for (;;) {
        struct expr *arg;
        TRY(parse_or(p, &arg));
        TRY(push(p, &a, arg));
        x->args = a.v;
        x->n = a.n;
        if (is_word(p, "where")) {
            TRY(next(p));
            TRY(parse_or(p, &x->where));
            return want_symbol(p, ")", "\")\" after the condition");
        }
        if (!is_symbol(p, ",")) {
            return want_symbol(p, ")", "\",\" or \")\"");
        }
        TRY(next(p));
    }
}

static struct str undouble(struct parser *p, struct token t)
{
    if (!t.doubled) {
        return arena_str(p->m->mem, t.s);
    }
    char quote = p->text.p[t.pos];
    char *to = arena_alloc(p->m->mem, t.s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < t.s.n; i++) {
        to[n++] = t.s.p[i];
        i += t.s.p[i] == quote;
    }
    return (struct str) { to, n };
}

static enum err_code parse_name(struct parser *p, struct expr **out)
{
    static const char *const literals[] = { "true", "false", "null", "now", "today", "me", NULL };
    struct token t = p->now;

    TRY(next(p));
    if (is_symbol(p, "(")) {
        return parse_call(p, t, out);
    }
    for (size_t i = 0; literals[i]; i++) {
        if (str_eq_nocase(t.s, str_of(literals[i]))) {
            TRY(node(p, NODE_LITERAL, t.pos, out));
            return expr_literal_word(p->m, *out, str_of(literals[i]));
        }
    }
    if (expr_is_keyword(t.s)) {
        return expr_fail_at(p->m, t.pos, "Expected a name or a value, found \"%.*s\".",
            STR_ARG(t.s));
    }
    TRY(node(p, NODE_FIELD, t.pos, out));
    (*out)->name = arena_str(p->m->mem, t.s);
    return OK;
}

static enum err_code parse_primary(struct parser *p, struct expr **out)
{
    struct token t = p->now;

    if (t.kind == TOKEN_NAME) {
        return parse_name(p, out);
    }
    if (t.kind == TOKEN_TEXT) {
        TRY(node(p, NODE_LITERAL, t.pos, out));
        (*out)->lit = LIT_TEXT;
        (*out)->name = undouble(p, t);
        return next(p);
    }
    if (t.kind == TOKEN_WORD) {
        TRY(node(p, NODE_LITERAL, t.pos, out));
        TRY(expr_literal_word(p->m, *out, t.s));
        return next(p);
    }
    if (!is_symbol(p, "(")) {
        return expected(p, "a name or a value");
    }
    TRY(next(p));
    TRY(parse_or(p, out));
    return want_symbol(p, ")", "\")\"");
}

static enum err_code parse_sign(struct parser *p, struct expr **out)
{
    int pos = p->now.pos;
    struct args a = { 0 };
    struct expr *x;

    if (!is_symbol(p, "-")) {
        return parse_primary(p, out);
    }
    if (++p->m->depth > EXPR_DEPTH_MAX) {
        return expr_fail_at(
            p->m, pos, "The expression is nested deeper than %d.", EXPR_DEPTH_MAX);
    }
    TRY(next(p));
    TRY(parse_sign(p, &x));
    p->m->depth--;
    TRY(push(p, &a, x));
    return op_node(p, "neg", false, pos, a, out);
}

static enum err_code parse_term(struct parser *p, struct expr **out)
{
    TRY(parse_sign(p, out));
    while (is_symbol(p, "*") || is_symbol(p, "/")) {
        const char *name = is_symbol(p, "*") ? "*" : "/";
        int pos = p->now.pos;
        struct args a = { 0 };
        struct expr *right;
        TRY(next(p));
        TRY(parse_sign(p, &right));
        TRY(push(p, &a, *out));
        TRY(push(p, &a, right));
        TRY(op_node(p, name, false, pos, a, out));
    }
    return OK;
}

static enum err_code parse_sum(struct parser *p, struct expr **out)
{
    TRY(parse_term(p, out));
    while (is_symbol(p, "+") || is_symbol(p, "-")) {
        const char *name = is_symbol(p, "+") ? "+" : "-";
        int pos = p->now.pos;
        struct args a = { 0 };
        struct expr *right;
        TRY(next(p));
        TRY(parse_term(p, &right));
        TRY(push(p, &a, *out));
        TRY(push(p, &a, right));
        TRY(op_node(p, name, false, pos, a, out));
    }
    return OK;
}

/* One value, or several in parentheses. */
static enum err_code parse_list(struct parser *p, struct args *a, bool single)
{
    struct expr *x;

    if (!is_symbol(p, "(")) {
        if (!single) {
            return expected(p, "\"(\" and a list");
        }
        TRY(parse_sum(p, &x));
        return push(p, a, x);
    }
    do {
        TRY(next(p));
        TRY(parse_sum(p, &x));
        TRY(push(p, a, x));
    } while (is_symbol(p, ","));
    return want_symbol(p, ")", "\",\" or \")\"");
}

static enum err_code parse_is(struct parser *p, struct args a, int pos, struct expr **out)
{
    bool no = false;

    TRY(next(p));
    if (is_word(p, "not")) {
        no = true;
        TRY(next(p));
    }
    if (!is_word(p, "empty") && !is_word(p, "null")) {
        return expected(p, no ? "\"empty\"" : "\"empty\" or \"not empty\"");
    }
    TRY(next(p));
    return op_node(p, no ? "is not empty" : "is empty", false, pos, a, out);
}

static enum err_code parse_has(struct parser *p, struct args a, int pos, struct expr **out)
{
    const char *name = "has";

    TRY(next(p));
    if (is_word(p, "any") || is_word(p, "all")) {
        name = is_word(p, "any") ? "has any" : "has all";
        TRY(next(p));
    }
    TRY(parse_list(p, &a, true));
    return op_node(p, name, false, pos, a, out);
}

static enum err_code parse_between(
    struct parser *p, const char *name, struct args a, int pos, struct expr **out)
{
    struct expr *x;

    TRY(next(p));
    TRY(parse_sum(p, &x));
    TRY(push(p, &a, x));
    if (!is_word(p, "and")) {
        return expected(p, "\"and\" and the upper bound");
    }
    TRY(next(p));
    TRY(parse_sum(p, &x));
    TRY(push(p, &a, x));
    return op_node(p, name, false, pos, a, out);
}

/* like, contains, starts with, ends with */
static enum err_code parse_match(
    struct parser *p, bool no, struct args a, int pos, struct expr **out)
{
    static const char *const names[][2] = { { "like", "not like" },
        { "contains", "not contains" }, { "starts with", "not starts with" },
        { "ends with", "not ends with" } };
    struct expr *x;
    size_t which = is_word(p, "like") ? 0 : is_word(p, "contains") ? 1 : is_word(p, "starts") ? 2
                                                                                              : 3;

    TRY(next(p));
    if (which >= 2) {
        if (!is_word(p, "with")) {
            return expected(p, "\"with\"");
        }
        TRY(next(p));
    }
    TRY(parse_sum(p, &x));
    TRY(push(p, &a, x));
    return op_node(p, names[which][no], false, pos, a, out);
}

static const char *comparison(const struct parser *p)
{
    static const char *const signs[] = { "=", "!=", "<=", ">=", "<", ">", NULL };

    if (is_symbol(p, "<>")) {
        return "!=";
    }
    for (size_t i = 0; p->now.kind == TOKEN_SYMBOL && signs[i]; i++) {
        if (str_is(p->now.s, signs[i])) {
            return signs[i];
        }
    }
    return NULL;
}

static enum err_code parse_predicate(struct parser *p, struct expr **out)
{
    struct args a = { 0 };
    bool no = false;

    TRY(parse_sum(p, out));
    int pos = p->now.pos;
    const char *sign = comparison(p);
    TRY(push(p, &a, *out));
    if (sign) {
        struct expr *right;
        TRY(next(p));
        TRY(parse_sum(p, &right));
        TRY(push(p, &a, right));
        if (comparison(p)) {
            return expr_fail_at(p->m, p->now.pos,
                "Comparisons do not chain; write \"a < b and b < c\", or \"between\".");
        }
        return op_node(p, sign, false, pos, a, out);
    }
    if (is_word(p, "is")) {
        return parse_is(p, a, pos, out);
    }
    if (is_word(p, "has")) {
        return parse_has(p, a, pos, out);
    }
    if (is_word(p, "not")) {
        no = true;
        TRY(next(p));
    }
    if (is_word(p, "in")) {
        TRY(next(p));
        TRY(parse_list(p, &a, false));
        return op_node(p, no ? "not in" : "in", false, pos, a, out);
    }
    if (is_word(p, "between")) {
        return parse_between(p, no ? "not between" : "between", a, pos, out);
    }
    if (is_word(p, "like") || is_word(p, "contains") || is_word(p, "starts") ||
        is_word(p, "ends")) {
        return parse_match(p, no, a, pos, out);
    }
    return no ? expected(p, "in, like, between, contains, \"starts with\" or \"ends with\"") : OK;
}

static enum err_code parse_not(struct parser *p, struct expr **out)
{
    int pos = p->now.pos;

    if (!is_word(p, "not")) {
        return parse_predicate(p, out);
    }
    struct expr *x;
    if (++p->m->depth > EXPR_DEPTH_MAX) {
        return expr_fail_at(
            p->m, pos, "The expression is nested deeper than %d.", EXPR_DEPTH_MAX);
    }
    TRY(next(p));
    TRY(parse_not(p, &x));
    p->m->depth--;
    struct args a = { 0 };
    TRY(push(p, &a, x));
    TRY(node(p, NODE_NOT, pos, out));
    (*out)->args = a.v;
    (*out)->n = 1;
    return OK;
}

/* One node for a whole chain of the same word. */
static enum err_code parse_chain(struct parser *p, const char *word, enum expr_node kind,
    enum err_code (*part)(struct parser *, struct expr **), struct expr **out)
{
    struct args a = { 0 };

    TRY(part(p, out));
    if (!is_word(p, word)) {
        return OK;
    }
    int pos = p->now.pos;
    TRY(push(p, &a, *out));
    while (is_word(p, word)) {
        TRY(next(p));
        TRY(part(p, out));
        TRY(push(p, &a, *out));
    }
    TRY(node(p, kind, pos, out));
    (*out)->args = a.v;
    (*out)->n = a.n;
    return OK;
}

static enum err_code parse_and(struct parser *p, struct expr **out)
{
    return parse_chain(p, "and", NODE_AND, parse_not, out);
}

static enum err_code parse_or(struct parser *p, struct expr **out)
{
    if (++p->m->depth > EXPR_DEPTH_MAX) {
        return expr_fail_at(
            p->m, p->now.pos, "The expression is nested deeper than %d.", EXPR_DEPTH_MAX);
    }
    TRY(parse_chain(p, "or", NODE_OR, parse_and, out));
    p->m->depth--;
    return OK;
}

enum err_code expr_parse_text(struct expr_maker *m, struct expr **out)
{
    struct parser p = { .m = m, .text = m->text };
    size_t bad;

    if (m->text.n > EXPR_TEXT_MAX) {
        return expr_fail_at(m, -1, "The expression is longer than %d bytes.", EXPR_TEXT_MAX);
    }
    if (!utf8_valid(m->text, &bad)) {
        return err_set(m->err, ERR_INVALID, m->about, "The expression is not valid UTF-8 at byte "
            "%zu.", bad + 1);
    }
    TRY(next(&p));
    if (p.now.kind == TOKEN_END) {
        return expr_fail_at(m, -1, "The expression is empty.");
    }
    TRY(parse_or(&p, out));
    if (p.now.kind != TOKEN_END) {
        return expected(&p, "and, or, or the end");
    }
    return OK;
}
