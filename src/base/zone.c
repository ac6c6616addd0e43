/* zone.c - time zones from the system's TZif files, version 2 and up.
 *
 * A zone is a table of instants at which the offset changes, and a rule in POSIX form for the time
 * after the table. Zones are read once, never change and live as long as the process; the mutex
 * guards the list alone. */

#include "base/time.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20, HEADER = 44, NAME_MAX_LEN = 60, TYPES = 256 };

/* When in the year a rule's clock changes. */
struct change {
    char kind; /* 'M' month.week.day, 'J' day without 29 February, 'D' day from 0 */
    int month, week, day;
    int32_t time; /* seconds after local midnight, may be negative or past a day */
};

struct rule {
    bool present, has_dst;
    int32_t standard, dst; /* seconds east */
    struct change start, end;
};

struct zone {
    struct zone *next;
    char name[NAME_MAX_LEN + 1];
    size_t n;
    int64_t *at;     /* seconds since 1970, ascending */
    int32_t *offset; /* from at[i] on */
    int32_t first;   /* before at[0] */
    struct rule rule;
};

static const struct zone utc = { .name = "UTC" };
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone *cache; /* guarded by cache_lock */

struct reader {
    const unsigned char *p;
    size_t n;
};

static int64_t big_endian(const unsigned char *p, int bytes)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return (int64_t)v;
}

/* --- the POSIX rule: "CET-1CEST,M3.5.0,M10.5.0/3" --- */

static bool rule_name(const char **s)
{
    const char *from = *s;

    if (**s == '<') {
        while (**s && **s != '>') {
            (*s)++;
        }
        return *(*s)++ == '>';
    }
    while (isalpha((unsigned char)**s)) {
        (*s)++;
    }
    return *s - from >= 3;
}

static bool rule_number(const char **s, int max, int *out)
{
    const char *from = *s;

    *out = 0;
    for (; isdigit((unsigned char)**s) && *out <= max; (*s)++) {
        *out = *out * 10 + (**s - '0');
    }
    return *s > from && *out <= max;
}

static bool rule_time(const char **s, int32_t *seconds)
{
    int sign = 1, hour, minute = 0, second = 0;

    if (**s == '-' || **s == '+') {
        sign = *(*s)++ == '-' ? -1 : 1;
    }
    if (!rule_number(s, 167, &hour)) {
        return false;
    }
    if (**s == ':' && ((*s)++, !rule_number(s, 59, &minute))) {
        return false;
    }
    if (**s == ':' && ((*s)++, !rule_number(s, 59, &second))) {
        return false;
    }
    *seconds = sign * (hour * 3600 + minute * 60 + second);
    return true;
}

static bool rule_change(const char **s, struct change *c)
{
    *c = (struct change) { .kind = 'D', .time = 7200 };
    if (*(*s)++ != ',') {
        return false;
    }
    if (**s == 'M') {
        (*s)++;
        c->kind = 'M';
        if (!rule_number(s, 12, &c->month) || *(*s)++ != '.' || !rule_number(s, 5, &c->week) ||
            *(*s)++ != '.' || !rule_number(s, 6, &c->day) || c->month < 1 || c->week < 1) {
            return false;
        }
    } else {
        if (**s == 'J') {
            (*s)++;
            c->kind = 'J';
        }
        if (!rule_number(s, 365, &c->day) || (c->kind == 'J' && c->day < 1)) {
            return false;
        }
    }
    return **s != '/' || ((*s)++, rule_time(s, &c->time));
}

static bool rule_parse(const char *s, struct rule *r)
{
    int32_t west;

    *r = (struct rule) { .present = true };
    if (!rule_name(&s) || !rule_time(&s, &west)) {
        return false;
    }
    r->standard = -west;
    if (!*s) {
        return true;
    }
    r->has_dst = true;
    r->dst = r->standard + 3600;
    if (!rule_name(&s)) {
        return false;
    }
    if (*s != ',') {
        if (!rule_time(&s, &west)) {
            return false;
        }
        r->dst = -west;
    }
    return rule_change(&s, &r->start) && rule_change(&s, &r->end) && !*s;
}

/* Local seconds since 1970 at which the change happens in that year. */
static int64_t change_at(const struct change *c, int year)
{
    int64_t day;

    if (c->kind == 'M') {
        int64_t first = date_of(year, c->month, 1);
        int weekday = date_weekday(first) % 7; /* 0 is Sunday, as in the rule */
        day = first + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
        while (day >= first + days_in_month(year, c->month)) {
            day -= 7;
        }
    } else {
        day = date_of(year, 1, 1) + c->day;
        if (c->kind == 'J') {
            day += (c->day >= 60 && days_in_month(year, 2) == 29) - 1;
        }
    }
    return day * 86400 + c->time;
}

struct step {
    int64_t at;
    int32_t offset;
};

enum { STEPS = 6 };

/* The changes of the years around an instant, in order. Where an end and a start coincide (summer
 * time all year) the start stays last and so wins. */
static void rule_steps(const struct rule *r, int64_t seconds, struct step *out)
{
    int year = civil_of(seconds * SECONDS(1)).year;

    for (int i = 0, n = 0; i < 3; i++, n += 2) {
        int64_t start = change_at(&r->start, year - 1 + i) - r->standard;
        int64_t end = change_at(&r->end, year - 1 + i) - r->dst;
        bool north = start < end;
        out[n + !north] = (struct step) { start, r->dst };
        out[n + north] = (struct step) { end, r->standard };
    }
}

/* The offset at an instant, and when it ends (INT64_MAX: never). */
static int32_t span(const struct zone *z, int64_t seconds, int64_t *ends)
{
    size_t low = 0, high = z->n;

    *ends = INT64_MAX;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (z->at[mid] <= seconds) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (low < z->n) {
        *ends = z->at[low];
        return low ? z->offset[low - 1] : z->first;
    }
    if (!z->rule.present) {
        return z->n ? z->offset[z->n - 1] : z->first;
    }
    if (!z->rule.has_dst) {
        return z->rule.standard;
    }
    struct step steps[STEPS];
    int32_t offset = z->rule.standard;
    rule_steps(&z->rule, seconds, steps);
    for (int i = 0; i < STEPS; i++) {
        if (steps[i].at > seconds) {
            *ends = steps[i].at;
            break;
        }
        offset = steps[i].offset;
    }
    return offset;
}

/* --- the file --- */

static bool take(struct reader *r, size_t n, const unsigned char **out)
{
    if (r->n < n) {
        return false;
    }
    *out = r->p;
    r->p += n;
    r->n -= n;
    return true;
}

struct counts {
    size_t utc, standard, leap, times, types, chars;
};

static bool header(struct reader *r, struct counts *c)
{
    const unsigned char *h;

    if (!take(r, HEADER, &h) || memcmp(h, "TZif", 4) != 0 || h[4] < '2') {
        return false;
    }
    size_t *const fields[] = { &c->utc, &c->standard, &c->leap, &c->times, &c->types, &c->chars };
    for (int i = 0; i < 6; i++) {
        int64_t v = big_endian(h + 20 + (ptrdiff_t)i * 4, 4);
        if (v < 0 || v > FILE_MAX) {
            return false;
        }
        *fields[i] = (size_t)v;
    }
    return true;
}

static bool body(struct reader *r, const struct counts *c, struct zone *z)
{
    const unsigned char *at, *kinds, *types, *rest;

    if (c->types == 0 || c->types > TYPES || !take(r, c->times * 8, &at) ||
        !take(r, c->times, &kinds) || !take(r, c->types * 6, &types) ||
        !take(r, c->chars + c->leap * 12 + c->standard + c->utc, &rest)) {
        return false;
    }
    z->at = calloc(c->times + 1, sizeof *z->at);
    z->offset = calloc(c->times + 1, sizeof *z->offset);
    if (!z->at || !z->offset) {
        return false;
    }
    z->n = c->times;
    z->first = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < c->times; i++) {
        z->at[i] = big_endian(at + i * 8, 8);
        if (kinds[i] >= c->types || (i && z->at[i] <= z->at[i - 1])) {
            return false;
        }
        z->offset[i] = (int32_t)big_endian(types + (size_t)kinds[i] * 6, 4);
    }
    return true;
}

static bool footer(struct reader *r, struct zone *z)
{
    char text[128];
    size_t n = 0;

    if (r->n < 2 || r->p[0] != '\n') {
        return false;
    }
    for (size_t i = 1; i < r->n && r->p[i] != '\n'; i++) {
        if (n + 1 >= sizeof text) {
            return false;
        }
        text[n++] = (char)r->p[i];
    }
    text[n] = '\0';
    return n == 0 || rule_parse(text, &z->rule);
}

static bool parse(struct reader r, struct zone *z)
{
    struct counts c;
    const unsigned char *old;

    /* the first block repeats the table in 32 bits for old readers */
    return header(&r, &c) &&
        take(&r, c.times * 5 + c.types * 6 + c.chars + c.leap * 8 + c.standard + c.utc, &old) &&
        header(&r, &c) && body(&r, &c, z) && footer(&r, z);
}

static ssize_t read_whole(const char *path, unsigned char *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t n = 0;
    ssize_t got = 0;

    if (fd < 0) {
        return -1;
    }
    while (n < room && (got = read(fd, out + n, room - n)) > 0) {
        n += (size_t)got;
    }
    close(fd);
    return got < 0 ? -1 : (ssize_t)n;
}

static void discard(struct zone *z)
{
    free(z->at);
    free(z->offset);
    free(z);
}

static struct zone *load(struct str name)
{
    char path[NAME_MAX_LEN + 40];
    unsigned char *bytes = malloc(FILE_MAX);
    struct zone *z = calloc(1, sizeof *z);
    bool good = false;

    if (bytes && z) {
        memcpy(z->name, name.p, name.n);
        snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", z->name);
        ssize_t n = read_whole(path, bytes, FILE_MAX);
        good = n > 0 && parse((struct reader) { bytes, (size_t)n }, z);
    }
    free(bytes);
    if (!good && z) {
        discard(z);
    }
    return good ? z : NULL;
}

static bool name_allowed(struct str name)
{
    if (!name.n || name.n > NAME_MAX_LEN || name.p[0] == '/') {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        /* no dots at all: no zone's name has one */
        if (!isalnum((unsigned char)name.p[i]) && (!name.p[i] || !strchr("/_+-", name.p[i]))) {
            return false;
        }
    }
    return true;
}

const struct zone *zone_get(struct str name)
{
    struct zone *z;

    if (str_is(name, "UTC")) {
        return &utc;
    }
    if (!name_allowed(name)) {
        return NULL;
    }
    pthread_mutex_lock(&cache_lock);
    for (z = cache; z && !str_is(name, z->name); z = z->next) {
    }
    if (!z && (z = load(name))) {
        z->next = cache;
        cache = z;
    }
    pthread_mutex_unlock(&cache_lock);
    return z;
}

const struct zone *zone_utc(void)
{
    return &utc;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

static int64_t whole_seconds(int64_t instant)
{
    return instant / SECONDS(1) - (instant % SECONDS(1) < 0);
}

int32_t zone_offset(const struct zone *z, int64_t instant)
{
    int64_t ends;

    return span(z, whole_seconds(instant), &ends);
}

struct civil zone_civil(const struct zone *z, int64_t instant)
{
    return civil_of(instant + SECONDS(zone_offset(z, instant)));
}

int64_t zone_instant(const struct zone *z, const struct civil *c)
{
    int64_t local = instant_of(c), seconds = whole_seconds(local), micro = local - SECONDS(seconds);
    int64_t from = seconds - 26 * 3600, ends;

    /* walks the stretches of one offset around the wanted clock time: the first that shows it is
     * the earlier of two; when a stretch begins past it, the clock jumped over it */
    for (;;) {
        int32_t offset = span(z, from, &ends);
        int64_t found = seconds - offset;
        if (found < from && from > seconds - 26 * 3600) {
            return SECONDS(from);
        }
        if (found < ends) {
            return SECONDS(found) + micro;
        }
        from = ends;
    }
}

int64_t zone_date(const struct zone *z, int64_t instant)
{
    int64_t local = instant + SECONDS(zone_offset(z, instant));

    return local / DAYS(1) - (local % DAYS(1) < 0);
}

int64_t zone_day_start(const struct zone *z, int64_t date)
{
    struct civil c = civil_of(date * DAYS(1));

    return zone_instant(z, &c);
}
