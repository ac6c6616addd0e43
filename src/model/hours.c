/* hours.c - walks days: each has its spans in the zone's own clock, so that a day with a change of the clock is as
 * long as it is. */

#include "model/hours.h"

#include "base/time.h"

#include <string.h>

enum { SPANS = 12, DAYS_MOST = 3660 };

struct span {
    int from, to; /* minutes of the day */
};

struct hours {
    const struct zone *zone;
    struct span week[8][SPANS]; /* 1 Monday to 7 */
    int spans[8];
    int64_t *holidays; /* days, ascending */
    size_t nholidays;
    bool yearly[13][32]; /* month and day of those that come every year */
};

static int minutes_of(const json_t *v)
{
    struct str s = json_str(v);
    int64_t h = 0, m = 0;

    (void)str_to_int(str_sub(s, 0, 2), &h);
    (void)str_to_int(str_sub(s, 3, 2), &m);
    return (int)(h * 60 + m);
}

static enum err_code read_week(struct call *c, struct hours *h, struct str week)
{
    const char *day;
    json_t *tree, *spans;

    TRY(json_read(c->mem, week, &tree, &c->err));
    json_object_foreach(tree, day, spans)
    {
        int d = day[0] - '0';
        for (size_t i = 0; d >= 1 && d <= 7 && i < json_array_size(spans) && i < SPANS; i++) {
            const json_t *one = json_array_get(spans, i);
            h->week[d][h->spans[d]++] = (struct span) { minutes_of(json_array_get(one, 0)),
                minutes_of(json_array_get(one, 1)) };
        }
    }
    return OK;
}

/* Those of the set, and those that hold for all. */
static enum err_code read_holidays(struct call *c, struct hours *h, int64_t id)
{
    struct rows rows;
    int64_t n;

    TRY(db_int(c, &n,
        SQL("SELECT count(*) FROM \"holidays\" WHERE \"deleted_at\" IS NULL AND (\"working_hours\" = $1 OR"
            " \"working_hours\" IS NULL)"),
        VALS(V(id))));
    h->holidays = ARENA_ARRAY(c->mem, int64_t, (size_t)n + 1);
    TRY(db_query(c, &rows,
        SQL("SELECT \"day\", \"yearly\" FROM \"holidays\" WHERE \"deleted_at\" IS NULL AND (\"working_hours\" = $1 OR"
            " \"working_hours\" IS NULL) ORDER BY \"day\""),
        VALS(V(id))));
    while (h->nholidays < (size_t)n && rows_next(&rows)) {
        struct civil day = civil_of(col_int(&rows, 0) * DAYS(1));
        h->holidays[h->nholidays++] = col_int(&rows, 0);
        h->yearly[day.month][day.day] = h->yearly[day.month][day.day] || col_int(&rows, 1);
    }
    return rows_end(&rows);
}

enum err_code hours_load(struct call *c, int64_t id, struct hours **out)
{
    struct hours *h = ARENA_NEW(c->mem, struct hours);
    struct str week = STR("{\"1\":[[\"09:00\",\"17:00\"]],\"2\":[[\"09:00\",\"17:00\"]],\"3\":[[\"09:00\",\"17:00\"]],"
                          "\"4\":[[\"09:00\",\"17:00\"]],\"5\":[[\"09:00\",\"17:00\"]]}");
    struct str zone = c->model->zone;
    struct rows rows;
    bool found = id == 0;

    *out = h;
    if (id) {
        TRY(db_query(c, &rows,
            SQL("SELECT \"week\", \"zone\" FROM \"working_hours_sets\" WHERE \"id\" = $1 AND \"deleted_at\""
                " IS NULL"),
            VALS(V(id))));
        if (rows_next(&rows)) {
            found = true;
            week = col_null(&rows, 0) ? week : col_text(&rows, 0);
            zone = col_null(&rows, 1) ? zone : col_text(&rows, 1);
        }
        TRY(rows_end(&rows));
    }
    if (!found) {
        return fail(c, ERR_NOT_FOUND, "working_hours", "there are no such working hours");
    }
    h->zone = zone_get(zone);
    h->zone = h->zone ? h->zone : zone_utc();
    TRY(read_week(c, h, week));
    return read_holidays(c, h, id);
}

static bool is_holiday(const struct hours *h, int64_t day)
{
    struct civil at = civil_of(day * DAYS(1));
    size_t low = 0, high = h->nholidays;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (h->holidays[middle] < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (low < h->nholidays && h->holidays[low] == day) || h->yearly[at.month][at.day];
}

/* The instant of a minute of a day; 24:00 is the beginning of the next. */
static int64_t instant_at(const struct hours *h, int64_t day, int minute)
{
    if (minute >= 24 * 60) {
        return zone_day_start(h->zone, day + 1);
    }
    struct civil at = civil_of(day * DAYS(1));
    at.hour = minute / 60;
    at.minute = minute % 60;
    return zone_instant(h->zone, &at);
}

/* The n-th span of a day; false when there is none. */
static bool span_of(const struct hours *h, int64_t day, int n, int64_t *from, int64_t *to)
{
    int weekday = date_weekday(day);

    if (n >= h->spans[weekday] || is_holiday(h, day)) {
        return false;
    }
    *from = instant_at(h, day, h->week[weekday][n].from);
    *to = instant_at(h, day, h->week[weekday][n].to);
    return true;
}

int64_t hours_between(const struct hours *h, int64_t from, int64_t to)
{
    int64_t sum = 0, a, b;

    if (to < from) {
        return -hours_between(h, to, from);
    }
    for (int64_t day = zone_date(h->zone, from); day <= zone_date(h->zone, to); day++) {
        for (int n = 0; span_of(h, day, n, &a, &b); n++) {
            a = a < from ? from : a;
            b = b > to ? to : b;
            sum += b > a ? b - a : 0;
        }
    }
    return sum;
}

bool hours_after(const struct hours *h, int64_t from, int64_t span, int64_t *out)
{
    int64_t first = zone_date(h->zone, from), a, b;

    for (int64_t day = first; day < first + DAYS_MOST; day++) {
        for (int n = 0; span_of(h, day, n, &a, &b); n++) {
            a = a < from ? from : a;
            if (b <= a) {
                continue;
            }
            if (span <= b - a) {
                *out = a + span;
                return true;
            }
            span -= b - a;
        }
    }
    return false;
}
