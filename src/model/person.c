/* person.c - where the parts of a whole name go. */

#include "model/person.h"

#include "model/standard.h"

static void put(struct call *c, struct record *r, const char *field, struct str s, bool only_known)
{
    if (s.n || !only_known) {
        record_set(c, r, field, s.n ? V(arena_str(c->mem, s)) : V_NULL);
    }
}

static struct str beside(struct call *c, struct str a, struct str b)
{
    return !a.n ? b : !b.n ? a : arena_fmt(c->mem, "%.*s %.*s", STR_ARG(a), STR_ARG(b));
}

static bool has(const struct record *r, const char *field)
{
    const struct live_field *f = entity_field(r->e, str_of(field));

    return f && f->stored && f->def.kind == KIND_TEXT;
}

bool person_put(struct call *c, struct record *r, struct str name, bool only_known)
{
    struct person_name p;

    if (!has(r, "first_name") || !has(r, "last_name")) {
        return false;
    }
    standard_person(c->mem, name, &p);
    if (has(r, "middle_name")) {
        put(c, r, "middle_name", p.middle, only_known);
    } else {
        p.first = beside(c, p.first, p.middle);
    }
    if (has(r, "suffix")) {
        put(c, r, "suffix", p.suffix, only_known);
    } else {
        p.last = beside(c, p.last, p.suffix);
    }
    if (has(r, "salutation")) {
        put(c, r, "salutation", p.title, true);
    }
    put(c, r, "first_name", p.first, only_known);
    put(c, r, "last_name", p.last, only_known);
    return true;
}
