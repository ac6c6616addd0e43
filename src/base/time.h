/* time.h - instants, dates and time zones.
 *
 * An instant is int64 microseconds since 1970-01-01T00:00:00Z. A date is int32 days since
 * 1970-01-01 of the proleptic Gregorian calendar, years 1 to 9999. Zones are read from the
 * system's TZif files (version 2 and up) by ourselves: libc's zone belongs to the whole process. */

#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/arena.h"

#define SECONDS(n) ((int64_t)(n) * 1000000)
#define MINUTES(n) SECONDS((int64_t)(n) * 60)
#define HOURS(n) SECONDS((int64_t)(n) * 3600)
#define DAYS(n) SECONDS((int64_t)(n) * 86400)

/* The days of 0001-01-01 and 9999-12-31. */
enum { DATE_FIRST = -719162, DATE_LAST = 2932896 };

struct civil {
    int year, month, day;           /* 1 to 9999, 1 to 12, 1 to 31 */
    int hour, minute, second, micro;
    int weekday;                    /* 1 Monday to 7 Sunday; filled by civil_of, ignored on the way in */
};

int64_t time_now(void);       /* the machine's clock, microseconds since 1970 */
int64_t time_coarse(void); /* the same clock to some milliseconds, for much less */
int64_t time_monotonic(void); /* microseconds, for measuring spans */
int64_t time_worked(void);    /* microseconds of processor that this thread took; a system call */

int64_t date_of(int year, int month, int day); /* days; the day may run past the month's end */
struct civil civil_of(int64_t instant);        /* in UTC */
int64_t instant_of(const struct civil *c);     /* from UTC */
bool date_valid(int year, int month, int day);
int days_in_month(int year, int month);
/* Calendar steps: the day is clipped to the target month's length. */
int64_t date_add_months(int64_t date, int64_t months);
int date_weekday(int64_t date); /* 1 Monday to 7 Sunday */

bool date_parse(struct str s, int64_t *date);       /* YYYY-MM-DD */
/* RFC 3339 with any offset, 'T' or a space; fractions past microseconds are cut. */
bool instant_parse(struct str s, int64_t *instant);
enum { DATE_TEXT = 11, INSTANT_TEXT = 32 };
size_t date_format(int64_t date, char *out);       /* YYYY-MM-DD, out >= DATE_TEXT */
size_t instant_format(int64_t instant, char *out); /* ...Z, fraction only when there is one */

struct zone; /* immutable; ZONE_UTC is always there */
/* By IANA name, "Europe/Berlin". Cached for the process; NULL when there is no such zone. Names
 * with "..", a leading slash or other odd characters are refused. Thread-safe. */
const struct zone *zone_get(struct str name);
const struct zone *zone_utc(void);
const char *zone_name(const struct zone *z);
/* Seconds east of UTC at an instant. */
int32_t zone_offset(const struct zone *z, int64_t instant);
struct civil zone_civil(const struct zone *z, int64_t instant);
/* The instant at which the zone's clock shows c. In a gap, the first instant after it; shown
 * twice, the earlier. */
int64_t zone_instant(const struct zone *z, const struct civil *c);
int64_t zone_date(const struct zone *z, int64_t instant);      /* the calendar day there */
int64_t zone_day_start(const struct zone *z, int64_t date);    /* first instant of that day */

#endif
