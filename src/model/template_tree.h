/* template_tree.h - the tree of a template, shared by the files template_*.c and by nobody else. */

#ifndef MODEL_TEMPLATE_TREE_H
#define MODEL_TEMPLATE_TREE_H

#include "model/template.h"

enum { TEMPLATE_FILTERS = 6, TEMPLATE_FILTER_ARGS = 2, TEMPLATE_PATH = 6 };

/* Where in an HTML text a value stands. */
enum template_place {
    PLACE_PLAIN,     /* a text that is not HTML */
    PLACE_TEXT,      /* between tags */
    PLACE_ATTRIBUTE, /* inside a quoted attribute */
    PLACE_URL_START, /* the whole, or the beginning, of an attribute that is an address */
    PLACE_URL_PART,  /* behind something that stands there already */
};

/* The reader of HTML: what is open after the text so far. */
enum html_state { HTML_TEXT, HTML_TAG_NAME, HTML_IN_TAG, HTML_ATTR_NAME, HTML_BEFORE_VALUE, HTML_VALUE_BARE,
    HTML_VALUE_SINGLE, HTML_VALUE_DOUBLE, HTML_COMMENT, HTML_RAW };
struct html {
    enum html_state state;
    char tag[12], attr[12]; /* in lower case, as much as matters */
    size_t ntag, nattr;
    bool closing, value_begun, ended; /* ended: white space stands behind the attribute's name */
};
void html_read(struct html *h, struct str text);
/* False where no value may stand; *why says so in words. */
bool html_place(const struct html *h, enum template_place *place, const char **why);
/* A value has been put there. */
void html_note_value(struct html *h);
/* Two ways through a tag end in a and b: what holds after either, into a. False where they leave different things
 * open. */
bool html_join(struct html *a, const struct html *b);
void html_escape(struct buf *out, struct str text, enum template_place place);

/* What stands between the braces, before its filters. */
enum term_kind { TERM_TEXT, TERM_EXPR, TERM_PATH };
struct template_term {
    enum term_kind kind;
    struct str text;         /* TERM_TEXT; else as written */
    const struct expr *expr; /* TERM_EXPR: about the record of the slot */
    int slot;                /* a root, or a loop's variable */
    struct str path[TEMPLATE_PATH]; /* TERM_PATH: members of the object in the slot */
    size_t npath;
};

struct template_filter;
struct filter_use {
    const struct template_filter *filter;
    struct str args[TEMPLATE_FILTER_ARGS];
    size_t nargs;
};

/* A condition: an expression about one record, or a plain value, alone or compared with a text. */
struct template_condition {
    struct template_term term;
    enum { COND_HOLDS, COND_EQUAL, COND_UNEQUAL } op;
    struct str with;
    bool negated;
};

enum template_node_kind { NODE_COPY, NODE_PUT, NODE_IF, NODE_FOR };
struct template_node {
    struct template_node *next;
    enum template_node_kind kind;
    int line;
    struct str text;            /* NODE_COPY */
    struct template_term term;  /* NODE_PUT; NODE_FOR: the object's list */
    struct filter_use filters[TEMPLATE_FILTERS];
    size_t nfilters;
    enum template_place place;
    struct template_condition cond; /* NODE_IF; one without a text always holds (else) */
    struct template_node *inside, *otherwise;
    const struct live_child *child; /* NODE_FOR over rows of the record in term.slot */
    struct str where, sort;
    int limit, slot;                /* the loop's variable */
};

struct template {
    enum template_mode mode;
    struct template_node *first;
    int slots;
    size_t nroots;
};

/* ---- values and filters ---- */
struct shown {
    bool absent, typed;
    const struct expr *expr; /* of a typed value */
    struct value value;
    struct str text;
    bool html; /* text is HTML that may stand as it is */
};
struct showing {
    struct call *c;
    struct arena *mem;
    struct str language;
    const struct zone *zone;
    const struct ref_names *names; /* of what the rows of the loop at hand refer to; may be NULL */
};
struct template_filter {
    const char *name;
    size_t least, most; /* arguments */
    bool html;          /* gives HTML: in HTML texts only */
    const char *(*check)(const struct str *args, size_t n); /* what is wrong with the arguments, NULL for nothing; may be NULL */
    enum err_code (*run)(const struct showing *s, struct shown *v, const struct str *args, size_t n);
    const char *help;
};
extern const struct template_filter template_filters[];
extern const size_t ntemplate_filters;
/* A typed value as text, in the reader's language. */
MUST_CHECK enum err_code shown_text(const struct showing *s, struct shown *v);

#endif
