/* template.h - texts with values in them, for mail and pages: a documented subset of Liquid.
 *
 * What is written between the braces is the one expression language: {{ contact.first_name | default: "friend" }},
 * {% if contact.total_spent > 500 %}, {% for order in contact.orders where paid %}. Parsed once, checked against the
 * live model, so that a misspelt name is told when the text is saved and not when it is sent. In HTML each value is
 * escaped by the place where it stands; where no value can stand safely (a script, the name of a tag) it is refused. */

#ifndef MODEL_TEMPLATE_H
#define MODEL_TEMPLATE_H

#include "model/record.h"

enum template_mode {
    TEMPLATE_TEXT,
    TEMPLATE_LINE, /* a subject: line breaks in values become blanks */
    TEMPLATE_HTML
};

/* Bytes of a template's source and of what it renders to; tags; rows of one loop; steps of one rendering. */
enum { TEMPLATE_SOURCE_MAX = 512 << 10, TEMPLATE_OUTPUT_MAX = 512 << 10, TEMPLATE_NODES_MAX = 5000,
    TEMPLATE_ROWS_MAX = 100, TEMPLATE_STEPS_MAX = 20000, TEMPLATE_DEPTH_MAX = 12 };

/* A name that the text may begin a path with. */
struct template_root {
    const char *name;
    const struct live_entity *entity;  /* a record; NULL: a JSON object */
    const char *const *members;        /* of the object, NULL at the end; NULL itself: any */
};

struct template_scope {
    struct expr_scope expr; /* its entity is not looked at */
    const struct template_root *roots;
    size_t nroots;
    enum template_mode mode;
    const char *field; /* named in errors: "html" */
};

/* Immutable; lives in scope.expr.mem. */
struct template;

/* ERR_INVALID with the line at fault, or ERR_TOO_LARGE. */
MUST_CHECK enum err_code template_parse(
    const struct template_scope *s, struct str source, const struct template **out, struct err *e);

/* What a rendering reads: for each root its record or its object, in the order of the scope. */
struct template_data {
    struct record *const *records;
    const json_t *const *objects;
    struct str language; /* of dates and numbers, "de" */
    const struct zone *zone;
    bool sample; /* where a root has no record its values show their names: "[contact.first_name]" */
};
/* The paths that had no value and no default, each once; behind the last that fits there may be more. */
enum { TEMPLATE_MISSING_MAX = 20 };
struct template_missing {
    struct str names[TEMPLATE_MISSING_MAX];
    size_t n;
};
/* Appends to out, and to *missing: the caller decides whether that matters. ERR_TOO_LARGE past a limit above. Records
 * and rows are read with the call's rights. */
MUST_CHECK enum err_code template_render(struct call *c, const struct template *t,
    const struct template_data *data, struct buf *out, struct template_missing *missing);

#endif
