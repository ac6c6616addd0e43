/* calc.c - the one place where numbers of expressions are added, scaled and stepped.
 *
 * PostgreSQL computes the same in db/functions.c; a test feeds both the same numbers. */

#include "base/calc.h"

#include "base/time.h"

#include <math.h>

__extension__ typedef __int128 wide;

static const int64_t powers[CALC_SCALE_MAX + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

bool calc_add(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

bool calc_sub(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_sub_overflow(a, b, out);
}

/* |top| stays below 2^126, so that doubling cannot overflow. */
static bool divide(wide top, wide bottom, int64_t *out)
{
    wide whole = top / bottom, rest = top % bottom;

    if ((rest < 0 ? -rest : rest) * 2 >= (bottom < 0 ? -bottom : bottom)) {
        whole += (top < 0) == (bottom < 0) ? 1 : -1;
    }
    if (whole < INT64_MIN || whole > INT64_MAX) {
        return false;
    }
    *out = (int64_t)whole;
    return true;
}

bool calc_mul(int64_t a, int64_t b, int64_t scale, int64_t *out)
{
    if (scale < 0 || scale > CALC_SCALE_MAX) {
        return false;
    }
    return divide((wide)a * b, powers[scale], out);
}

bool calc_div(int64_t a, int64_t b, int64_t scale, int64_t *out)
{
    if (b == 0 || scale < 0 || scale > CALC_SCALE_MAX) {
        return false;
    }
    return divide((wide)a * powers[scale], b, out);
}

bool calc_distance(double lat1, double lon1, double lat2, double lon2, double *out)
{
    const double radian = 0.0174532925199432957692, diameter = 2 * 6371.0088;

    if (!(fabs(lat1) <= 90 && fabs(lat2) <= 90 && fabs(lon1) <= 180 && fabs(lon2) <= 180)) {
        return false;
    }
    double across = sin((lat2 - lat1) * radian / 2), along = sin((lon2 - lon1) * radian / 2);
    double h = across * across + cos(lat1 * radian) * cos(lat2 * radian) * (along * along);
    *out = diameter * asin(sqrt(h < 1 ? h : 1));
    return true;
}

static bool in_range(int64_t day)
{
    return day >= DATE_FIRST && day <= DATE_LAST;
}

bool calc_month_add(int64_t day, int64_t months, int64_t *out)
{
    if (!in_range(day) || months < -12 * 9999 || months > 12 * 9999) {
        return false;
    }
    *out = date_add_months(day, months);
    return in_range(*out);
}

bool calc_year(int64_t day, int64_t *out)
{
    *out = in_range(day) ? civil_of(day * DAYS(1)).year : 0;
    return in_range(day);
}

bool calc_month(int64_t day, int64_t *out)
{
    *out = in_range(day) ? civil_of(day * DAYS(1)).month : 0;
    return in_range(day);
}

bool calc_day(int64_t day, int64_t *out)
{
    *out = in_range(day) ? civil_of(day * DAYS(1)).day : 0;
    return in_range(day);
}

bool calc_weekday(int64_t day, int64_t *out)
{
    *out = in_range(day) ? date_weekday(day) : 0;
    return in_range(day);
}
