/* template_filter.c - the filters of templates, as one table, and how typed values are written for
 * a reader. */

#include "model/template_tree.h"

#include "base/utf8.h"
#include "model/expr.h"
#include "model/texts.h"

#include <inttypes.h>
#include <string.h>

/* ---- numbers, dates and choices as the reader's language writes them ---- */

static const struct manner {
    const char *language;
    char decimal;
    const char *group; /* between thousands */
    const char *date;
} manners[] = {
    { "en", '.', ",", "%e %B %Y" },
    { "de", ',', ".", "%e. %B %Y" },
    { "es", ',', ".", "%d/%m/%Y" },
    { "fr", ',', "\u202f", "%d/%m/%Y" },
    { "it", ',', ".", "%d/%m/%Y" },
    { "nl", ',', ".", "%d-%m-%Y" },
    { "pl", ',', "\u00a0", "%d.%m.%Y" },
    { "pt", ',', ".", "%d/%m/%Y" },
    { "tr", ',', ".", "%d.%m.%Y" },
    { NULL, '.', ",", "%Y-%m-%d" },
};

static const struct manner *manner_of(struct str language)
{
    const struct manner *m = manners;

    while (m->language && !str_eq_nocase(str_sub(language, 0, 2), str_of(m->language))) {
        m++;
    }
    return m;
}

static struct str number_text(const struct showing *s, int64_t v, int scale)
{
    const struct manner *m = manner_of(s->language);
    char plain[40];
    size_t n = str_from_scaled(v, scale, plain), whole = n;
    struct buf b;

    buf_init(&b, s->mem, 200);
    while (whole > 0 && scale && plain[whole - 1] != '.') {
        whole--;
    }
    whole = scale && whole ? whole - 1 : n;
    for (size_t i = 0; i < whole; i++) {
        bool digit = plain[i] >= '0' && plain[i] <= '9';
        if (digit && i && plain[i - 1] != '-' && (whole - i) % 3 == 0) {
            buf_lit(&b, m->group);
        }
        buf_byte(&b, plain[i]);
    }
    if (whole < n) {
        buf_byte(&b, m->decimal);
        buf_add(&b, str_sub(str_of(plain), whole + 1, n - whole - 1));
    }
    return buf_str(&b);
}

static const char *const months[] = { "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December" };
static const char *const weekdays[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday", "Sunday" };

/* %d %e %m %Y %y %B %A %H %M %%; anything else stands for itself. */
static struct str date_text(const struct showing *s, const struct civil *day, struct str format)
{
    struct buf b;

    buf_init(&b, s->mem, 400);
    for (size_t i = 0; i < format.n; i++) {
        char ch = format.p[i];
        if (ch != '%' || i + 1 == format.n) {
            buf_byte(&b, ch);
            continue;
        }
        switch (format.p[++i]) {
        case 'd':
            buf_fmt(&b, "%02d", day->day);
            break;
        case 'e':
            buf_fmt(&b, "%d", day->day);
            break;
        case 'm':
            buf_fmt(&b, "%02d", day->month);
            break;
        case 'Y':
            buf_fmt(&b, "%04d", day->year);
            break;
        case 'y':
            buf_fmt(&b, "%02d", day->year % 100);
            break;
        case 'B':
            buf_lit(&b, text_in(s->language, months[day->month - 1]));
            break;
        case 'A':
            buf_lit(&b, text_in(s->language, weekdays[day->weekday - 1]));
            break;
        case 'H':
            buf_fmt(&b, "%02d", day->hour);
            break;
        case 'M':
            buf_fmt(&b, "%02d", day->minute);
            break;
        case '%':
            buf_byte(&b, '%');
            break;
        default:
            buf_byte(&b, '%');
            buf_byte(&b, format.p[i]);
        }
    }
    return buf_str(&b);
}

/* Of a date, an instant, or a text that is one. */
static bool civil_of_shown(const struct showing *s, const struct shown *v, struct civil *out)
{
    int64_t t;

    if (v->typed && v->value.type == VALUE_DATE) {
        *out = civil_of(v->value.i * DAYS(1));
        return true;
    }
    if (v->typed && v->value.type == VALUE_INSTANT) {
        *out = zone_civil(s->zone, v->value.i);
        return true;
    }
    if (!v->typed && date_parse(v->text, &t)) {
        *out = civil_of(t * DAYS(1));
        return true;
    }
    if (!v->typed && instant_parse(v->text, &t)) {
        *out = zone_civil(s->zone, t);
        return true;
    }
    return false;
}

static enum err_code title_of(
    const struct showing *s, const struct live_entity *e, int64_t id, struct str *out)
{
    struct ref_names *names = ref_names_new(s->c);

    *out = e ? ref_names_get(s->names, e, id) : STR("");
    if (!e || out->n) {
        return OK;
    }
    ref_names_want(names, e, id);
    TRY(ref_names_load(names));
    *out = ref_names_get(names, e, id);
    return OK;
}

/* The cell of a list is JSON: its parts as they were typed, the primary one first. */
static struct str list_text(const struct showing *s, struct str json)
{
    struct err e;
    json_t *list, *one;
    struct buf b;
    size_t i;

    buf_init(&b, s->mem, 4000);
    if (!json.n || json_read(s->mem, json, &list, &e) != OK) {
        return STR("");
    }
    json_array_foreach(list, i, one)
    {
        static const char *const names[] = { "address", "number", "url", "street", "city" };
        struct str text = json_str(one);
        for (size_t k = 0; !text.n && k < sizeof names / sizeof *names; k++) {
            text = json_str(json_object_get(one, names[k]));
        }
        buf_lit(&b, b.n && text.n ? ", " : "");
        buf_add(&b, text);
    }
    return buf_str(&b);
}

enum err_code shown_text(const struct showing *s, struct shown *v)
{
    const struct manner *m = manner_of(s->language);
    const struct choice *choice;
    struct civil day;

    if (!v->typed || v->absent) {
        return OK;
    }
    v->typed = false;
    switch (v->value.type) {
    case VALUE_BOOL:
        v->text = str_of(text_in(s->language, v->value.i ? "yes" : "no"));
        return OK;
    case VALUE_NUMBER:
        v->text = number_text(s, v->value.i, v->value.scale);
        return OK;
    case VALUE_MONEY:
        v->text = arena_fmt(s->mem, "%.*s %.*s", STR_ARG(number_text(s, v->value.i, 2)),
            STR_ARG(v->value.currency.n ? v->value.currency : s->c->model->currency));
        return OK;
    case VALUE_TEXT:
        v->text = v->value.s;
        return OK;
    case VALUE_DATE:
    case VALUE_INSTANT:
        v->typed = true;
        v->text = civil_of_shown(s, v, &day) ? date_text(s, &day, str_of(m->date)) : STR("");
        v->typed = false;
        return OK;
    case VALUE_DURATION:
        v->text = number_text(s, v->value.i / 1000000, 0);
        return OK;
    case VALUE_CHOICE:
        choice = expr_choices(v->expr) ? choice_by_id(expr_choices(v->expr), v->value.i) : NULL;
        v->text = choice ? str_of(text_in(s->language, choice->label.p)) : STR("");
        return OK;
    case VALUE_REF:
        return title_of(
            s, v->value.entity ? v->value.entity : expr_target(v->expr), v->value.i, &v->text);
    case VALUE_LIST:
        v->text = list_text(s, v->value.s);
        return OK;
    case VALUE_PLACE:
        v->text = arena_fmt(s->mem, "%.5f, %.5f", v->value.lat, v->value.lng);
        return OK;
    case VALUE_CALENDAR:
    case VALUE_NONE:
        break;
    }
    v->text = STR("");
    return OK;
}

/* ---- the filters ---- */

static enum err_code use_default(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    (void)n;
    TRY(shown_text(s, v));
    if (v->absent || !v->text.n) {
        *v = (struct shown) { .text = args[0] };
    }
    return OK;
}

static enum err_code upcase(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    (void)args, (void)n;
    TRY(shown_text(s, v));
    v->text = utf8_cased(s->mem, v->text, UTF8_UPPER);
    return OK;
}

static enum err_code downcase(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    (void)args, (void)n;
    TRY(shown_text(s, v));
    v->text = utf8_cased(s->mem, v->text, UTF8_LOWER);
    return OK;
}

static enum err_code capitalize(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    (void)args, (void)n;
    TRY(shown_text(s, v));
    v->text = utf8_cased(s->mem, v->text, UTF8_FIRST_UPPER);
    return OK;
}

static const char *check_truncate(const struct str *args, size_t n)
{
    int64_t most;

    (void)n;
    return str_to_int(args[0], &most) && most >= 1 ? NULL : "truncate takes a number of characters";
}

static enum err_code truncate_text(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    int64_t most = 1;

    TRY(shown_text(s, v));
    (void)!str_to_int(args[0], &most);
    if (utf8_length(v->text) > (size_t)most) {
        struct str tail = n > 1 ? args[1] : STR("…");
        v->text =
            arena_fmt(s->mem, "%.*s%.*s", STR_ARG(utf8_clip(v->text, (size_t)most)), STR_ARG(tail));
    }
    return OK;
}

static enum err_code date(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    struct civil day;

    (void)n;
    if (v->absent || !civil_of_shown(s, v, &day)) {
        return shown_text(s, v);
    }
    *v = (struct shown) { .text = date_text(s, &day, args[0]) };
    return OK;
}

static const char *check_round(const struct str *args, size_t n)
{
    int64_t digits;

    return !n || (str_to_int(args[0], &digits) && digits >= 0 && digits <= 9) ? NULL : "round takes a number of digits, 0 to 9";
}

/* Half away from zero. */
static int64_t divide_rounded(int64_t v, int64_t by)
{
    int64_t rest = v % by, missing = by - (rest < 0 ? -rest : rest);

    return v / by + (missing > by / 2 ? 0 : v < 0 ? -1 : 1);
}

static enum err_code round_number(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    int64_t digits = 0, unit = 1;

    if (n) {
        (void)!str_to_int(args[0], &digits);
    }
    if (!v->typed || v->absent || (v->value.type != VALUE_NUMBER && v->value.type != VALUE_MONEY)) {
        return shown_text(s, v);
    }
    int scale = v->value.type == VALUE_MONEY ? 2 : v->value.scale;
    for (int i = scale; i > digits; i--) {
        unit *= 10;
    }
    v->text = number_text(s, unit > 1 ? divide_rounded(v->value.i, unit) : v->value.i, scale < digits ? scale : (int)digits);
    if (v->value.type == VALUE_MONEY) {
        v->text = arena_fmt(s->mem, "%.*s %.*s", STR_ARG(v->text),
            STR_ARG(v->value.currency.n ? v->value.currency : s->c->model->currency));
    }
    v->typed = false;
    return OK;
}

static enum err_code url_encode(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    struct buf b;

    (void)args, (void)n;
    TRY(shown_text(s, v));
    buf_init(&b, s->mem, v->text.n * 3 + 1);
    html_escape(&b, v->text, PLACE_URL_PART);
    v->text = buf_str(&b);
    return OK;
}

/* What stands between tags; the tags of a script go with what they hold. */
static enum err_code strip_html(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    struct html h = { 0 };
    struct buf b;

    (void)args, (void)n;
    TRY(shown_text(s, v));
    buf_init(&b, s->mem, v->text.n + 1);
    for (size_t i = 0; i < v->text.n; i++) {
        html_read(&h, str_sub(v->text, i, 1));
        if (h.state == HTML_TEXT && v->text.p[i] != '>') {
            buf_byte(&b, v->text.p[i]);
        }
    }
    v->text = buf_str(&b);
    return OK;
}

static enum err_code newline_to_br(
    const struct showing *s, struct shown *v, const struct str *args, size_t n)
{
    struct buf b;
    struct str rest, line;
    bool more = false;

    (void)args, (void)n;
    TRY(shown_text(s, v));
    rest = v->text;
    buf_init(&b, s->mem, v->text.n * 6 + 16);
    while (str_split(&rest, '\n', &line)) {
        buf_lit(&b, more ? "<br>\n" : "");
        html_escape(&b, line, PLACE_TEXT);
        more = true;
    }
    v->text = buf_str(&b);
    v->html = true;
    return OK;
}

const struct template_filter template_filters[] = {
    { "default", 1, 1, false, NULL, use_default, "What stands there when there is no value." },
    { "upcase", 0, 0, false, NULL, upcase, "In capitals." },
    { "downcase", 0, 0, false, NULL, downcase, "In small letters." },
    { "capitalize", 0, 0, false, NULL, capitalize, "The first letter a capital." },
    { "truncate", 1, 2, false, check_truncate, truncate_text,
        "At most so many characters, then … or the second value." },
    { "date", 1, 1, false, NULL, date, "A date or instant by a format: %d %e %m %Y %y %B %A %H %M." },
    { "round", 0, 1, false, check_round, round_number,
        "A number with so many digits after the point, none when left out." },
    { "url_encode", 0, 0, false, NULL, url_encode, "For a parameter of an address." },
    { "strip_html", 0, 0, false, NULL, strip_html, "Without tags." },
    { "newline_to_br", 0, 0, true, NULL, newline_to_br, "Line breaks as <br>." },
};
const size_t ntemplate_filters = sizeof template_filters / sizeof *template_filters;
