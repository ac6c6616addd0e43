/* parts_read.c - reads the cell of a list back into its parts.
 *
 * Each write reads its lists several times: for the mirrors, the part rows and the search text. A cell is
 * canonical JSON, written by parts.c alone: flat objects of texts and true or false. So it is cut into
 * slices where it stands; only one that holds an escape, or that is not as expected, goes through the
 * library. */

#include "model/parts.h"

#include <stddef.h>
#include <string.h>

const char *const part_pieces[PART_PIECES + 1]
    = { "street", "city", "region", "postcode", "country", NULL };

#define MEMBER(name, slot) { STR_INIT(name), offsetof(struct part, slot) }
static const struct {
    struct str name;
    size_t at;
} members[] = { MEMBER("key", key), MEMBER("kind", kind), MEMBER("address", typed), MEMBER("number", typed),
    MEMBER("url", typed), MEMBER("street", pieces[0]), MEMBER("city", pieces[1]), MEMBER("region", pieces[2]),
    MEMBER("postcode", pieces[3]), MEMBER("country", pieces[4]) };

static void set_member(struct part *p, struct str name, struct str value)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (str_eq(name, members[i].name)) {
            *(struct str *)((char *)p + members[i].at) = value;
            return;
        }
    }
}

static inline bool take(struct str *s, const char *text)
{
    if (!str_starts(*s, str_of(text))) {
        return false;
    }
    *s = str_sub(*s, strlen(text), s->n);
    return true;
}

static bool take_text(struct str *s, struct str *out)
{
    ptrdiff_t end = take(s, "\"") ? str_find_byte(*s, '"') : -1;

    if (end < 0) {
        return false;
    }
    *out = str_sub(*s, 0, (size_t)end);
    *s = str_sub(*s, (size_t)end + 1, s->n);
    return true;
}

static bool take_part(struct str *s, struct part *p)
{
    struct str name, value;

    if (!take(s, "{")) {
        return false;
    }
    do {
        if (!take_text(s, &name) || !take(s, ":")) {
            return false;
        }
        if (take(s, "true")) {
            p->primary = str_is(name, "primary") || p->primary;
        } else if (take_text(s, &value)) {
            set_member(p, name, value);
        } else if (!take(s, "false")) {
            return false;
        }
    } while (take(s, ","));
    return take(s, "}");
}

/* False: not in the expected form. */
static bool read_quickly(struct str s, struct part *parts, size_t room, size_t *n)
{
    *n = 0;
    if (str_find_byte(s, '\\') >= 0 || !take(&s, "[")) {
        return false;
    }
    do {
        if (*n == room || !take_part(&s, &parts[*n])) {
            return false;
        }
        ++*n;
    } while (take(&s, ","));
    return take(&s, "]") && !s.n;
}

static size_t read_any(struct call *c, struct str cell, struct part *parts, size_t room)
{
    json_t *list, *value;
    const char *name;

    if (json_read(c->mem, cell, &list, &c->err) != OK) {
        return 0;
    }
    size_t n = json_array_size(list) < room ? json_array_size(list) : room;
    for (size_t i = 0; i < n; i++) {
        parts[i] = (struct part) { 0 };
        json_object_foreach(json_array_get(list, i), name, value)
        {
            if (json_is_string(value)) {
                set_member(&parts[i], str_of(name), json_str(value));
            } else if (strcmp(name, "primary") == 0) {
                parts[i].primary = json_is_true(value);
            }
        }
    }
    return n;
}

size_t parts_read(struct call *c, struct str cell, struct part **parts)
{
    size_t room = 1, n;

    *parts = NULL;
    if (!cell.n) {
        return 0;
    }
    for (size_t i = 0; i < cell.n; i++) {
        room += cell.p[i] == '}';
    }
    *parts = ARENA_ARRAY(c->mem, struct part, room);
    return read_quickly(cell, *parts, room, &n) ? n : read_any(c, cell, *parts, room);
}

struct str part_piece(const struct part *p, const char *piece)
{
    if (strcmp(piece, "key") == 0) {
        return p->key;
    }
    for (int i = 0; i < PART_PIECES; i++) {
        if (strcmp(piece, part_pieces[i]) == 0) {
            return p->pieces[i];
        }
    }
    return p->typed;
}

struct str parts_primary(struct call *c, struct str cell, const char *piece)
{
    struct part *parts;
    size_t n = parts_read(c, cell, &parts);

    for (size_t i = 0; i < n; i++) {
        const struct part *p = &parts[i];
        if (p->primary) {
            bool postal = !p->typed.n && strcmp(piece, "key") != 0;
            return postal ? parts_address_piece(c->mem, p->pieces, piece, c->model->country)
                          : part_piece(p, piece);
        }
    }
    return (struct str) { "", 0 };
}
