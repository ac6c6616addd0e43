/* json.h - writing JSON in order, and reading it through jansson.
 *
 * The writer knows commas and escapes; the name is NULL inside arrays and for the outermost value.
 * Reading gives a jansson tree that the arena releases. */

#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <jansson.h>

/* jansson makes values by functions of these names; its own are out of reach here (json_pack
 * serves), and the linker must not confuse the two. */
#define json_object json_put_object
#define json_array json_put_array
#define json_real json_put_real

struct json_writer {
    struct buf *out;
    bool comma;
};

void json_init(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w, const char *name);
void json_array(struct json_writer *w, const char *name);
void json_end_object(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_text(struct json_writer *w, const char *name, struct str s);
void json_cstr(struct json_writer *w, const char *name, const char *s); /* NULL writes null */
void json_int(struct json_writer *w, const char *name, int64_t v);
void json_real(struct json_writer *w, const char *name, double v); /* not finite writes null */
void json_flag(struct json_writer *w, const char *name, bool v);
void json_none(struct json_writer *w, const char *name);
/* Text that already is JSON. */
void json_raw(struct json_writer *w, const char *name, struct str json);
/* A name given as str. The next value call passes NULL as its name. */
void json_name(struct json_writer *w, struct str name);
void json_tree(struct json_writer *w, const char *name, const json_t *tree);

/* Reads one document: duplicate keys, U+0000, broken UTF-8 and nesting beyond 64 are refused with
 * line and column. The tree belongs to the arena. */
MUST_CHECK enum err_code json_read(
    struct arena *mem, struct str text, json_t **tree, struct err *e);
struct str json_str(const json_t *string); /* empty when it is not a string */

#endif
