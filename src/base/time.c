/* time.c - clocks, the calendar, and their texts. Zones are in zone.c. */

#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t clock_read(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t time_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t time_coarse(void)
{
    return clock_read(CLOCK_MONOTONIC_COARSE);
}

int64_t time_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

int64_t time_worked(void)
{
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Years begin in March here, so that the leap day is a year's last; 400 years are 146,097 days. */
int64_t date_of(int year, int month, int day)
{
    int64_t months = (int64_t)year * 12 + month - 1;
    int64_t y = floor_div(months, 12) - (months - floor_div(months, 12) * 12 < 2);
    int64_t m = (months - floor_div(months, 12) * 12 + 10) % 12; /* March is 0 */
    int64_t era = floor_div(y, 400), yoe = y - era * 400;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * m + 2) / 5 + day - 1;

    return era * 146097 + doe - 719468;
}

static void date_split(int64_t date, struct civil *c)
{
    int64_t z = date + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), m = (5 * doy + 2) / 153;

    c->day = (int)(doy - (153 * m + 2) / 5 + 1);
    c->month = (int)(m < 10 ? m + 3 : m - 9);
    c->year = (int)(yoe + era * 400 + (c->month <= 2));
    c->weekday = date_weekday(date);
}

struct civil civil_of(int64_t instant)
{
    struct civil c = { 0 };
    int64_t date = floor_div(instant, DAYS(1)), rest = instant - date * DAYS(1);

    date_split(date, &c);
    c.hour = (int)(rest / HOURS(1));
    c.minute = (int)(rest / MINUTES(1) % 60);
    c.second = (int)(rest / SECONDS(1) % 60);
    c.micro = (int)(rest % SECONDS(1));
    return c;
}

int64_t instant_of(const struct civil *c)
{
    return date_of(c->year, c->month, c->day) * DAYS(1) + HOURS(c->hour) + MINUTES(c->minute) +
        SECONDS(c->second) + c->micro;
}

int days_in_month(int year, int month)
{
    static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }
    return days[month - 1];
}

bool date_valid(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
        day <= days_in_month(year, month);
}

int64_t date_add_months(int64_t date, int64_t months)
{
    struct civil c;

    date_split(date, &c);
    int64_t all = (int64_t)c.year * 12 + c.month - 1 + months;
    int year = (int)floor_div(all, 12), month = (int)(all - (int64_t)year * 12) + 1;
    int last = days_in_month(year, month);
    return date_of(year, month, c.day < last ? c.day : last);
}

int date_weekday(int64_t date)
{
    int64_t days = date + 3; /* 1970-01-01 was a Thursday */

    return (int)(days - floor_div(days, 7) * 7) + 1;
}

/* Exactly n digits at *at. */
static bool digits(struct str s, size_t *at, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9') {
            return false;
        }
        *out = *out * 10 + (s.p[*at] - '0');
    }
    return true;
}

static bool literal(struct str s, size_t *at, char c)
{
    return *at < s.n && s.p[(*at)++] == c;
}

static bool read_date(struct str s, size_t *at, struct civil *c)
{
    return digits(s, at, 4, &c->year) && literal(s, at, '-') && digits(s, at, 2, &c->month) &&
        literal(s, at, '-') && digits(s, at, 2, &c->day) && date_valid(c->year, c->month, c->day);
}

bool date_parse(struct str s, int64_t *date)
{
    struct civil c = { 0 };
    size_t at = 0;

    if (!read_date(s, &at, &c) || at != s.n) {
        return false;
    }
    *date = date_of(c.year, c.month, c.day);
    return true;
}

static void read_fraction(struct str s, size_t *at, struct civil *c)
{
    int unit = 100000;

    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++, unit /= 10) {
        c->micro += (s.p[*at] - '0') * unit;
    }
}

static bool read_offset(struct str s, size_t *at, int *minutes)
{
    int hour, minute;

    if (*at < s.n && (s.p[*at] == 'Z' || s.p[*at] == 'z')) {
        (*at)++;
        *minutes = 0;
        return true;
    }
    if (*at >= s.n || (s.p[*at] != '+' && s.p[*at] != '-')) {
        return false;
    }
    int sign = s.p[(*at)++] == '-' ? -1 : 1;
    if (!digits(s, at, 2, &hour) || !literal(s, at, ':') || !digits(s, at, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool instant_parse(struct str s, int64_t *instant)
{
    struct civil c = { 0 };
    size_t at = 0;
    int offset;

    if (!read_date(s, &at, &c) || at >= s.n || !strchr("Tt ", s.p[at]) || !s.p[at]) {
        return false;
    }
    at++;
    if (!digits(s, &at, 2, &c.hour) || !literal(s, &at, ':') || !digits(s, &at, 2, &c.minute) ||
        !literal(s, &at, ':') || !digits(s, &at, 2, &c.second)) {
        return false;
    }
    /* a leap second counts as the first of the next minute */
    if (c.hour > 23 || c.minute > 59 || c.second > 60) {
        return false;
    }
    if (at < s.n && s.p[at] == '.') {
        size_t from = ++at;
        read_fraction(s, &at, &c);
        if (at == from) {
            return false;
        }
    }
    if (!read_offset(s, &at, &offset) || at != s.n) {
        return false;
    }
    *instant = instant_of(&c) - MINUTES(offset);
    return *instant >= DATE_FIRST * DAYS(1) && *instant < (DATE_LAST + 1) * DAYS(1);
}

/* Exactly width digits, zeros in front. */
static size_t put_digits(char *out, unsigned v, size_t width)
{
    for (size_t i = width; i-- > 0; v /= 10) {
        out[i] = (char)('0' + v % 10);
    }
    return width;
}

size_t date_format(int64_t date, char *out)
{
    struct civil c;
    size_t n;

    /* outside the years 1 to 9999 the text would not fit */
    if (date < DATE_FIRST || date > DATE_LAST) {
        date = date < DATE_FIRST ? DATE_FIRST : DATE_LAST;
    }
    date_split(date, &c);
    n = put_digits(out, (unsigned)c.year, 4);
    out[n++] = '-';
    n += put_digits(out + n, (unsigned)c.month, 2);
    out[n++] = '-';
    n += put_digits(out + n, (unsigned)c.day, 2);
    out[n] = '\0';
    return n;
}

size_t instant_format(int64_t instant, char *out)
{
    struct civil c = civil_of(instant);
    size_t n = date_format(floor_div(instant, DAYS(1)), out);

    out[n++] = 'T';
    n += put_digits(out + n, (unsigned)c.hour, 2);
    out[n++] = ':';
    n += put_digits(out + n, (unsigned)c.minute, 2);
    out[n++] = ':';
    n += put_digits(out + n, (unsigned)c.second, 2);
    if (c.micro) {
        out[n++] = '.';
        n += put_digits(out + n, (unsigned)c.micro, 6);
        while (out[n - 1] == '0') {
            n--;
        }
    }
    out[n++] = 'Z';
    out[n] = '\0';
    return n;
}
