/* cells_check.c - what holds for the cells of a field whatever way they came: bounds, length, what is required. */

#include "model/cells.h"

#include "base/calc.h"
#include "base/utf8.h"

static bool in_bounds(struct call *c, const struct live_field *f, int64_t v)
{
    char low[40], high[40];
    int64_t scale = 1;

    if (!f->def.min && !f->def.max) {
        return true;
    }
    for (int i = 0; i < f->scale; i++) {
        scale *= 10;
    }
    /* a bound of zero beside another bound counts; min alone leaves the top open */
    bool low_ok = v >= f->def.min * scale;
    bool high_ok = !f->def.max || v <= f->def.max * scale;
    if (low_ok && high_ok) {
        return true;
    }
    str_from_scaled(f->def.min, 0, low);
    str_from_scaled(f->def.max, 0, high);
    fail_field(c, f->name.p, low_ok ? "%s is at most %s" : "%s is at least %s", f->label.p,
        low_ok ? high : low);
    return false;
}

bool cells_check(struct call *c, const struct live_field *f, const struct dbval *cells)
{
    if (cells_absent(f, cells)) {
        if (f->def.required) {
            fail_field(c, f->name.p, "%s is required", f->label.p);
            return false;
        }
        return true;
    }
    switch (f->def.kind) {
    case KIND_INT:
    case KIND_DECIMAL:
    case KIND_PERCENT:
    case KIND_MONEY:
    case KIND_DURATION:
        return in_bounds(c, f, cells[0].i);
    case KIND_NONE:
    case KIND_TEXT:
    case KIND_LONG_TEXT:
    case KIND_RICH_TEXT:
    case KIND_BOOL:
    case KIND_DATE:
    case KIND_INSTANT:
    case KIND_CHOICE:
    case KIND_CHOICES:
    case KIND_TAGS:
    case KIND_REF:
    case KIND_MANY:
    case KIND_ANYREF:
    case KIND_EMAILS:
    case KIND_PHONES:
    case KIND_ADDRESSES:
    case KIND_URLS:
    case KIND_NAME:
    case KIND_FILE:
    case KIND_PLACE:
    case KIND_NUMBER:
    case KIND_FORMULA:
    case KIND_ROLLUP:
    case KIND_JSON:
    case KIND_COUNT:
        break;
    }
    return true;
}

/* What an amount was worth in base currency on the day of the call: minor units times the newest
 * rate of that day or before. Absent without a rate. */
static struct dbval base_amount(struct call *c, int64_t minor, struct str currency)
{
    int64_t rate;
    bool found = false;

    if (str_eq(currency, c->model->currency)) {
        return V(minor);
    }
    if (db_find(c, &rate, &found,
            SQL("SELECT \"rate\" FROM \"rates\" WHERE \"currency\" = $1 AND \"day\" <= $2"
                " AND \"deleted_at\" IS NULL ORDER BY \"day\" DESC LIMIT 1"),
            VALS(V(currency), V(zone_date(zone_utc(), c->now))))
            != OK
        || !found) {
        return V_NULL;
    }
    int64_t base;
    return calc_mul(minor, rate, 9, &base) ? V(base) : V_NULL;
}

struct dbval cells_key(struct call *c, const struct live_field *f, const struct dbval *cells)
{
    if (cells_absent(f, cells)) {
        return V_NULL;
    }
    if (f->value == KIND_MONEY) {
        return base_amount(c, cells[0].i, cells[1].s);
    }
    if (f->value == KIND_DATE) {
        if (cells[1].type == DB_INT && cells[1].i == PARTIAL_YEAR) {
            return V_NULL;
        }
        struct civil day = civil_of(DAYS(cells[0].i));
        return V(day.month * 100 + day.day);
    }
    return V(utf8_fold(c->mem, cells[0].s));
}

bool cells_absent(const struct live_field *f, const struct dbval *cells)
{
    return cells[f->value == KIND_ANYREF ? 1 : 0].type == DB_NULL;
}

static bool one_equal(struct dbval a, struct dbval b)
{
    if (a.type != b.type) {
        return false;
    }
    switch (a.type) {
    case DB_NULL:
        return true;
    case DB_INT:
        return a.i == b.i;
    case DB_REAL:
        return a.d == b.d;
    case DB_TEXT:
    case DB_BLOB:
        return str_eq(a.s, b.s);
    }
    return false;
}

bool cells_equal(const struct live_field *f, const struct dbval *a, const struct dbval *b)
{
    for (int i = 0; i < f->ncolumns; i++) {
        if (!one_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}
