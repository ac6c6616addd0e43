/* xlsx_in.c - rows out of an XLSX file (ECMA-376, Office Open XML, part 1, chapter 18).
 *
 * The file is a zip of XML. It is gone through twice: first for the order of the sheets, the shared texts and
 * the styles, which say what is a date; then the sheet is read and written out row by row. */

#include "helper/helper.h"

#include "base/csv.h"
#include "base/time.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <expat.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 500, TEXTS = 4 << 20, STYLES = 65536, SHEETS = 256, CELL_MAX = 16 << 20,
    PIECE = 64 << 10, TEXT_MAX = 256 << 20, GAP_MAX = 100000 };
static const int64_t INFLATED_MAX = (int64_t)4 << 30;

struct text_at {
    size_t from, n;
};

struct sheet {
    struct str name, relation, path;
};

struct book {
    struct arena *mem, *scratch; /* scratch: of one cell */
    struct buf texts; /* the shared ones, one after the other */
    struct text_at *index;
    size_t ntexts, room;
    bool is_date[STYLES]; /* per cell style */
    size_t nstyles;
    bool *custom_date; /* per number format below 1000 */
    bool since_1904;
    struct sheet sheets[SHEETS];
    size_t nsheets;
    struct str wanted; /* name of a sheet */
    const char *path;  /* of the sheet that is read */
    bool read;
    int64_t inflated;
    struct err *e;
};

/* ---- XML, one part at a time ---- */

struct part {
    struct book *b;
    XML_Parser xml;
    struct buf text;
    bool in_text, in_phonetic, in_xfs, in_si;
    /* of a sheet */
    int64_t row;           /* written so far */
    int64_t column;        /* of the cell under way, from 0 */
    char type[16];
    size_t style;
    struct buf line;
    int64_t filled;        /* cells of the line */
    bool bad;
};

static const char *attribute(const XML_Char **list, const char *name)
{
    for (; list[0]; list += 2) {
        const char *colon = strrchr(list[0], ':');
        if (strcmp(list[0], name) == 0 || (colon && strcmp(colon + 1, name) == 0)) {
            return list[1];
        }
    }
    return NULL;
}

static const char *local(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void stop(struct part *p, const char *why)
{
    p->bad = true;
    (void)err_set(p->b->e, ERR_INVALID, NULL, "%s", why);
    XML_StopParser(p->xml, XML_FALSE);
}

static void on_text(void *arg, const XML_Char *s, int n)
{
    struct part *p = arg;

    if (p->in_text && !p->in_phonetic) {
        buf_add(&p->text, (struct str) { s, (size_t)n });
        if (p->text.failed) {
            stop(p, "a cell of the spreadsheet is too large");
        }
    }
}

/* ---- the order of the sheets ---- */

static void workbook_start(void *arg, const XML_Char *name, const XML_Char **list)
{
    struct part *p = arg;
    struct book *b = p->b;

    if (strcmp(local(name), "workbookPr") == 0) {
        const char *on = attribute(list, "date1904");
        b->since_1904 = on && (strcmp(on, "1") == 0 || strcmp(on, "true") == 0);
    } else if (strcmp(local(name), "sheet") == 0 && b->nsheets < SHEETS) {
        const char *title = attribute(list, "name"), *id = NULL;
        for (const XML_Char **l = list; l[0]; l += 2) { /* r:id, not sheetId */
            id = strcmp(local(l[0]), "id") == 0 && strchr(l[0], ':') ? l[1] : id;
        }
        struct sheet *s = &b->sheets[b->nsheets++];
        s->name = arena_str(b->mem, str_of(title ? title : ""));
        s->relation = arena_str(b->mem, str_of(id ? id : ""));
    }
}

static void relations_start(void *arg, const XML_Char *name, const XML_Char **list)
{
    struct part *p = arg;
    const char *id = attribute(list, "Id"), *target = attribute(list, "Target");

    for (size_t i = 0; id && target && strcmp(local(name), "Relationship") == 0 && i < p->b->nsheets;
         i++) {
        struct sheet *s = &p->b->sheets[i];
        if (str_is(s->relation, id)) {
            s->path = target[0] == '/' ? arena_str(p->b->mem, str_of(target + 1))
                                       : arena_fmt(p->b->mem, "xl/%s", target);
        }
    }
}

/* ---- shared texts ---- */

static void texts_start(void *arg, const XML_Char *name, const XML_Char **list)
{
    struct part *p = arg;

    (void)list;
    name = local(name);
    if (strcmp(name, "si") == 0) {
        buf_clear(&p->text);
    }
    p->in_phonetic = p->in_phonetic || strcmp(name, "rPh") == 0;
    p->in_text = strcmp(name, "t") == 0;
}

static void texts_end(void *arg, const XML_Char *name)
{
    struct part *p = arg;
    struct book *b = p->b;

    name = local(name);
    p->in_text = false;
    if (strcmp(name, "rPh") == 0) {
        p->in_phonetic = false;
    }
    if (strcmp(name, "si") != 0) {
        return;
    }
    if (b->ntexts == TEXTS || b->texts.failed) {
        stop(p, "the spreadsheet holds too many texts");
        return;
    }
    if (b->ntexts == b->room) {
        size_t room = b->room ? b->room * 2 : 4096;
        struct text_at *more = ARENA_ARRAY(b->mem, struct text_at, room);
        if (b->ntexts) {
            memcpy(more, b->index, b->ntexts * sizeof *more);
        }
        b->index = more;
        b->room = room;
    }
    b->index[b->ntexts++] = (struct text_at) { b->texts.n, p->text.n };
    buf_add(&b->texts, buf_str(&p->text));
}

/* ---- styles: which cells are dates ---- */

/* A format shows a date when a letter of one stands outside of quotes, brackets and escapes. */
static bool shows_date(const char *code)
{
    bool quoted = false, bracket = false;

    for (; *code; code++) {
        if (*code == '"') {
            quoted = !quoted;
        } else if (*code == '[') {
            bracket = true;
        } else if (*code == ']') {
            bracket = false;
        } else if ((*code == '\\' || *code == '_') && code[1]) {
            code++;
        } else if (!quoted && !bracket && strchr("yYdDhHsS", *code)) {
            return true;
        } else if (!quoted && !bracket && (*code | 32) == 'm') {
            return true;
        }
    }
    return false;
}

static void styles_start(void *arg, const XML_Char *name, const XML_Char **list)
{
    struct part *p = arg;
    struct book *b = p->b;
    const char *id = attribute(list, "numFmtId");
    long n = id ? strtol(id, NULL, 10) : 0;

    name = local(name);
    p->in_xfs = p->in_xfs || strcmp(name, "cellXfs") == 0;
    if (strcmp(name, "numFmt") == 0 && n >= 0 && n < 1000) {
        const char *code = attribute(list, "formatCode");
        b->custom_date[n] = code && shows_date(code);
    } else if (strcmp(name, "xf") == 0 && p->in_xfs && b->nstyles < STYLES) {
        b->is_date[b->nstyles++] = (n >= 14 && n <= 22) || (n >= 27 && n <= 36) || (n >= 45 && n <= 47)
            || (n >= 50 && n <= 58) || (n >= 164 && n < 1000 && b->custom_date[n]);
    }
}

static void styles_end(void *arg, const XML_Char *name)
{
    struct part *p = arg;

    if (strcmp(local(name), "cellXfs") == 0) {
        p->in_xfs = false;
    }
}

/* ---- a sheet ---- */

/* "BC12" is column 54. */
static int64_t column_of(const char *ref)
{
    int64_t n = 0;

    for (; ref && isalpha((unsigned char)*ref) && n < 20000; ref++) {
        n = n * 26 + (toupper((unsigned char)*ref) - 'A' + 1);
    }
    return n - 1;
}

static void sheet_start(void *arg, const XML_Char *name, const XML_Char **list)
{
    struct part *p = arg;

    name = local(name);
    if (strcmp(name, "row") == 0) {
        const char *r = attribute(list, "r");
        int64_t at = r ? strtoll(r, NULL, 10) : p->row + 1;
        /* rows that are not there are empty lines, which a reader passes over */
        p->row = at > p->row && at - p->row <= GAP_MAX ? at : p->row + 1;
        p->filled = 0;
        p->column = -1;
        buf_clear(&p->line);
    } else if (strcmp(name, "c") == 0) {
        const char *r = attribute(list, "r"), *t = attribute(list, "t"), *s = attribute(list, "s");
        int64_t at = column_of(r);
        p->column = at >= 0 ? at : p->column + 1;
        snprintf(p->type, sizeof p->type, "%s", t ? t : "n");
        p->style = s ? (size_t)strtoul(s, NULL, 10) : 0;
        buf_clear(&p->text);
    } else if (strcmp(name, "rPh") == 0) {
        p->in_phonetic = true;
    }
    p->in_text = strcmp(name, "v") == 0 || strcmp(name, "t") == 0;
}

/* ISO text of days since 1899-12-30 (or 1904-01-01); the false 29 February 1900 is passed over. */
static struct str date_text(struct part *p, double days)
{
    char text[INSTANT_TEXT];
    int64_t day = (int64_t)floor(days), first = p->b->since_1904 ? 24107 : 25569;
    int64_t second = (int64_t)((days - floor(days)) * 86400.0 + 0.5);

    day += !p->b->since_1904 && day < 60 ? 1 : 0;
    if (day == 0 || (day == 1 && days < 1)) { /* a time of the day alone */
        snprintf(text, sizeof text, "%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60),
            (int)(second % 60));
        return arena_str(p->b->scratch, str_of(text));
    }
    struct civil c = civil_of(((day - first) * 86400 + second) * 1000000);
    if (second % 86400 == 0) {
        snprintf(text, sizeof text, "%04d-%02d-%02d", c.year, c.month, c.day);
    } else {
        snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
            c.minute, c.second);
    }
    return arena_str(p->b->scratch, str_of(text));
}

/* 0.1 was stored as 0.10000000000000001: the shortest text that reads back as the same number. */
static struct str number_text(struct part *p, struct str s)
{
    const char *text = arena_cstr(p->b->scratch, s);
    char *end, out[40];
    double v = strtod(text, &end);

    if (*end || !s.n || !isfinite(v)) {
        return s;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, sizeof out, "%.*g", digits, v);
        if (strtod(out, NULL) == v) {
            break;
        }
    }
    if (strchr(out, 'e') && fabs(v) < 1e15 && v == floor(v)) {
        snprintf(out, sizeof out, "%.0f", v);
    }
    return arena_str(p->b->scratch, str_of(out));
}

static struct str value_of(struct part *p)
{
    struct book *b = p->b;
    struct str s = buf_str(&p->text);

    if (strcmp(p->type, "s") == 0) {
        size_t at = (size_t)strtoul(arena_cstr(b->scratch, s), NULL, 10);
        return s.n && at < b->ntexts ? (struct str) { b->texts.p + b->index[at].from, b->index[at].n }
                                     : (struct str) { "", 0 };
    }
    if (strcmp(p->type, "b") == 0) {
        return str_is(s, "1") ? STR("true") : STR("false");
    }
    if (strcmp(p->type, "e") == 0) {
        return (struct str) { "", 0 }; /* #REF!, #N/A */
    }
    if (strcmp(p->type, "n") == 0 && s.n) {
        if (p->style < b->nstyles && b->is_date[p->style]) {
            double days = strtod(arena_cstr(b->scratch, s), NULL);
            return days >= 0 && days < 2958466 ? date_text(p, days) : s;
        }
        return number_text(p, s);
    }
    return s;
}

static void end_cell(struct part *p)
{
    arena_reset(p->b->scratch);
    struct str value = value_of(p);

    if (p->column >= COLUMNS) {
        if (value.n) {
            stop(p, "the spreadsheet has more than 500 columns");
        }
        return;
    }
    if (!value.n || p->column < p->filled) {
        return;
    }
    while (p->filled <= p->column) {
        if (p->filled) {
            buf_byte(&p->line, ',');
        }
        p->filled++;
    }
    csv_cell(&p->line, value, ',');
    if (p->line.failed) {
        stop(p, "a row of the spreadsheet is too large");
    }
}

static void sheet_end(void *arg, const XML_Char *name)
{
    struct part *p = arg;

    name = local(name);
    p->in_text = false;
    if (strcmp(name, "rPh") == 0) {
        p->in_phonetic = false;
    } else if (strcmp(name, "c") == 0) {
        end_cell(p);
    } else if (strcmp(name, "row") == 0 && p->filled) {
        buf_byte(&p->line, '\n');
        if (fwrite(p->line.p, 1, p->line.n, stdout) != p->line.n) {
            stop(p, "the output cannot be written");
        }
    }
}

/* ---- parts of the zip ---- */

static const struct reader {
    const char *path; /* NULL: the sheet */
    XML_StartElementHandler start;
    XML_EndElementHandler end;
} readers[] = { { "xl/workbook.xml", workbook_start, NULL },
    { "xl/_rels/workbook.xml.rels", relations_start, NULL },
    { "xl/sharedStrings.xml", texts_start, texts_end }, { "xl/styles.xml", styles_start, styles_end },
    { NULL, sheet_start, sheet_end } };

/* Entities of a document's own are how a small file becomes a huge one. */
static void on_entity(void *arg, const XML_Char *name, int parameter, const XML_Char *value, int n,
    const XML_Char *base, const XML_Char *system, const XML_Char *public, const XML_Char *notation)
{
    (void)name, (void)parameter, (void)value, (void)n, (void)base, (void)system, (void)public,
        (void)notation;
    stop(arg, "the spreadsheet declares entities, which none needs");
}

static enum err_code parse(struct part *p, struct archive *a)
{
    char bytes[PIECE];
    la_ssize_t n;

    while ((n = archive_read_data(a, bytes, sizeof bytes)) > 0) {
        p->b->inflated += n;
        if (p->b->inflated > INFLATED_MAX) {
            return err_set(p->b->e, ERR_TOO_LARGE, NULL, "the spreadsheet is too large when unpacked");
        }
        if (XML_Parse(p->xml, bytes, (int)n, XML_FALSE) == XML_STATUS_ERROR) {
            break;
        }
    }
    if (p->bad) {
        return p->b->e->code;
    }
    if (n < 0) {
        return err_set(p->b->e, ERR_INVALID, NULL, "the file is damaged: %.200s",
            archive_error_string(a) ? archive_error_string(a) : "it ends too early");
    }
    if (n > 0 || XML_Parse(p->xml, "", 0, XML_TRUE) == XML_STATUS_ERROR) {
        return p->bad ? p->b->e->code
                      : err_set(p->b->e, ERR_INVALID, NULL, "the spreadsheet is damaged: %s at line %lu",
                            XML_ErrorString(XML_GetErrorCode(p->xml)),
                            (unsigned long)XML_GetCurrentLineNumber(p->xml));
    }
    return OK;
}

static enum err_code read_part(struct book *b, struct archive *a, const struct reader *r)
{
    struct part p = { .b = b, .column = -1 };

    p.xml = XML_ParserCreate(NULL);
    if (!p.xml) {
        return err_set(b->e, ERR_INTERNAL, NULL, "there is no memory for the parser");
    }
    buf_init(&p.text, b->mem, CELL_MAX);
    buf_init(&p.line, b->mem, CELL_MAX * 2);
    XML_SetUserData(p.xml, &p);
    XML_SetElementHandler(p.xml, r->start, r->end);
    XML_SetCharacterDataHandler(p.xml, on_text);
    XML_SetEntityDeclHandler(p.xml, on_entity);
    enum err_code code = parse(&p, a);
    XML_ParserFree(p.xml);
    return code;
}

/* Runs the readers of one pass over the zip, whose parts come in any order. */
static enum err_code pass(struct book *b, const struct reader *from, size_t n)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    enum err_code code = OK;
    int got;

    archive_read_support_format_zip(a);
    if (lseek(STDIN_FILENO, 0, SEEK_SET) != 0
        || archive_read_open_fd(a, STDIN_FILENO, PIECE) != ARCHIVE_OK) {
        archive_read_free(a);
        return err_set(b->e, ERR_INVALID, NULL, "this is not a spreadsheet in the XLSX format");
    }
    while (code == OK && (got = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(entry);
        for (size_t i = 0; code == OK && path && i < n; i++) {
            const char *want = from[i].path ? from[i].path : b->path;
            if (strcmp(path, want) == 0) {
                b->read = true;
                code = read_part(b, a, &from[i]);
            }
        }
    }
    if (code == OK && got != ARCHIVE_EOF) {
        code = err_set(b->e, ERR_INVALID, NULL, "the file is damaged: %.200s",
            archive_error_string(a) ? archive_error_string(a) : "it is no zip");
    }
    archive_read_free(a);
    return code;
}

static enum err_code choose_sheet(struct book *b)
{
    const struct sheet *s = NULL;

    for (size_t i = 0; i < b->nsheets && !s; i++) {
        s = !b->wanted.n || str_eq(b->sheets[i].name, b->wanted) ? &b->sheets[i] : NULL;
    }
    if (!s || !s->path.n) {
        return err_set(b->e, ERR_INVALID, NULL,
            b->wanted.n && b->nsheets ? "the spreadsheet has no such sheet"
                                      : "this is not a spreadsheet in the XLSX format");
    }
    b->path = s->path.p;
    b->read = false;
    return OK;
}

enum err_code xlsx_to_csv(const char *sheet, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct book *b = ARENA_NEW(mem, struct book);
    enum err_code code;

    b->mem = mem;
    b->scratch = arena_create(0);
    b->e = e;
    b->wanted = str_of(sheet ? sheet : "");
    b->custom_date = ARENA_ARRAY(mem, bool, 1000);
    buf_init(&b->texts, mem, TEXT_MAX);
    /* the relations are read once the sheets are known, whatever their order in the file */
    code = pass(b, &readers[0], 1);
    code = code == OK ? pass(b, &readers[1], 3) : code;
    code = code == OK ? choose_sheet(b) : code;
    code = code == OK ? pass(b, &readers[4], 1) : code;
    if (code == OK && !b->read) {
        code = err_set(e, ERR_INVALID, NULL, "the sheet is missing in the file");
    }
    arena_destroy(b->scratch);
    arena_destroy(mem);
    return code;
}
