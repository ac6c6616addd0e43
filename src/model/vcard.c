/* vcard.c - writes cards, folded at 75 bytes, never inside a character. */

#include "model/vcard.h"

#include "model/parts.h"

#include <inttypes.h>
#include <string.h>

enum { FOLD = 75 };

static const char *const shown[] = { "name", "salutation", "first_name", "middle_name", "last_name",
    "suffix", "nickname", "job_title", "department", "company", "emails", "phones", "addresses", "urls",
    "birthday", "language", "external_id" };

bool vcard_of(const struct live_entity *e)
{
    return entity_field(e, STR("first_name")) && entity_field(e, STR("last_name"));
}

struct str vcard_fields(struct call *c, const struct live_entity *e)
{
    struct buf b;

    buf_init(&b, c->mem, 1000);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct live_field *f = entity_field(e, str_of(shown[i]));
        if (f && f->stored && access_field(c, f) != FIELD_HIDDEN) {
            buf_lit(&b, b.n ? "," : "");
            buf_add(&b, f->name);
        }
    }
    return buf_str(&b);
}

static void escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\n') {
            buf_lit(out, "\\n");
        } else if (s.p[i] != '\r') {
            buf_lit(out, strchr(",;\\", s.p[i]) ? "\\" : "");
            buf_byte(out, s.p[i]);
        }
    }
}

/* A logical line; what follows the first 75 bytes stands on lines that begin with a blank. */
static void put_line(struct buf *out, struct str s)
{
    size_t width = FOLD;

    while (s.n > width) {
        size_t cut = width;
        while (cut > 1 && ((unsigned char)s.p[cut] & 0xc0) == 0x80) {
            cut--;
        }
        buf_add(out, str_sub(s, 0, cut));
        buf_lit(out, "\r\n ");
        s = str_sub(s, cut, s.n);
        width = FOLD - 1;
    }
    buf_add(out, s);
    buf_lit(out, "\r\n");
}

static struct str text_of(const struct record *r, const char *field)
{
    struct dbval v = record_get(r, field);

    return v.type == DB_TEXT ? v.s : (struct str) { "", 0 };
}

static void put_text(struct call *c, struct buf *out, const char *name, struct str s)
{
    struct buf line;

    if (!s.n) {
        return;
    }
    buf_init(&line, c->mem, 1 << 20);
    buf_lit(&line, name);
    buf_byte(&line, ':');
    escaped(&line, s);
    put_line(out, buf_str(&line));
}

static void put_name(struct call *c, struct buf *out, const struct record *r)
{
    static const char *const order[]
        = { "last_name", "first_name", "middle_name", "salutation", "suffix" };
    struct buf line;

    buf_init(&line, c->mem, 8000);
    buf_lit(&line, "N:");
    for (size_t i = 0; i < 5; i++) {
        buf_lit(&line, i ? ";" : "");
        escaped(&line, text_of(r, order[i]));
    }
    put_line(out, buf_str(&line));
}

/* "TEL;TYPE=cell,pref" */
static void put_types(struct buf *line, const struct part *p, bool phone)
{
    static const struct {
        const char *kind, *type;
    } types[] = { { "mobile", "CELL" }, { "fax", "FAX,WORK" }, { "home fax", "FAX,HOME" },
        { "home", "HOME" }, { "work", "WORK" }, { "pager", "PAGER" } };
    const char *type = NULL;

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        type = str_is(p->kind, types[i].kind) ? types[i].type : type;
    }
    if (type || p->primary) {
        buf_fmt(line, ";TYPE=%s%s%s", type ? type : "", type && p->primary ? "," : "",
            p->primary ? "PREF" : "");
    }
    (void)phone;
}

static void put_parts(struct call *c, struct buf *out, const struct record *r, const char *field,
    const char *name)
{
    struct part *parts;
    size_t n = parts_read(c, text_of(r, field), &parts);

    for (size_t i = 0; i < n; i++) {
        struct buf line;
        buf_init(&line, c->mem, 8000);
        buf_lit(&line, name);
        put_types(&line, &parts[i], name[0] == 'T');
        buf_byte(&line, ':');
        if (strcmp(name, "ADR") != 0) {
            escaped(&line, parts[i].typed);
            put_line(out, buf_str(&line));
            continue;
        }
        buf_lit(&line, ";");
        for (int k = 0; k < PART_PIECES; k++) { /* street, city, region, postcode, country */
            buf_byte(&line, ';');
            escaped(&line, parts[i].pieces[k]);
        }
        put_line(out, buf_str(&line));
    }
}

static enum err_code put_company(struct call *c, struct buf *out, const struct record *r)
{
    const struct live_field *f = entity_field(r->e, STR("company"));
    struct ref_names *names = ref_names_new(c);
    struct buf line;

    if (!f || f->def.kind != KIND_REF || r->cells[f->cell].type != DB_INT) {
        return OK;
    }
    cells_want(names, f, &r->cells[f->cell]);
    TRY(ref_names_load(names));
    buf_init(&line, c->mem, 8000);
    buf_lit(&line, "ORG:");
    escaped(&line, ref_names_get(names, f->target, r->cells[f->cell].i));
    buf_byte(&line, ';');
    escaped(&line, text_of(r, "department"));
    put_line(out, buf_str(&line));
    return OK;
}

enum err_code vcard_write(struct call *c, const struct record *r, struct buf *out)
{
    const struct live_field *birthday = entity_field(r->e, STR("birthday"));
    struct str name = text_of(r, "name");
    struct buf day;

    put_line(out, STR("BEGIN:VCARD"));
    put_line(out, STR("VERSION:3.0"));
    put_text(c, out, "FN", name.n ? name : text_of(r, "last_name"));
    put_name(c, out, r);
    put_text(c, out, "NICKNAME", text_of(r, "nickname"));
    TRY(put_company(c, out, r));
    put_text(c, out, "TITLE", text_of(r, "job_title"));
    put_parts(c, out, r, "emails", "EMAIL");
    put_parts(c, out, r, "phones", "TEL");
    put_parts(c, out, r, "addresses", "ADR");
    put_parts(c, out, r, "urls", "URL");
    if (birthday && birthday->stored && !cells_absent(birthday, &r->cells[birthday->cell])) {
        buf_init(&day, c->mem, 40);
        cells_to_text(c, birthday, &r->cells[birthday->cell], NULL, &day);
        put_text(c, out, "BDAY", buf_str(&day));
    }
    put_text(c, out, "UID", text_of(r, "external_id"));
    put_line(out, STR("END:VCARD"));
    return buf_status(out, &c->err);
}
