/* calc.h - arithmetic that expressions, SQL and memory share: on overflow, division by zero or a
 * date out of range there is no result (false), never a wrong one. Scaled integers are rounded
 * half away from zero. */

#ifndef BASE_CALC_H
#define BASE_CALC_H

#include <stdbool.h>
#include <stdint.h>

enum { CALC_SCALE_MAX = 18 };

bool calc_add(int64_t a, int64_t b, int64_t *out);
bool calc_sub(int64_t a, int64_t b, int64_t *out);
/* a * b / 10^scale; scale 0 is the plain product. */
bool calc_mul(int64_t a, int64_t b, int64_t scale, int64_t *out);
/* a * 10^scale / b. */
bool calc_div(int64_t a, int64_t b, int64_t scale, int64_t *out);

/* Kilometres on the sphere of radius 6371.0088; degrees, latitude within 90, longitude in 180. */
bool calc_distance(double lat1, double lon1, double lat2, double lon2, double *out);

/* On day numbers of the years 1 to 9999, as in time.h. */
bool calc_month_add(int64_t day, int64_t months, int64_t *out);
bool calc_year(int64_t day, int64_t *out);
bool calc_month(int64_t day, int64_t *out);
bool calc_day(int64_t day, int64_t *out);
bool calc_weekday(int64_t day, int64_t *out); /* 1 Monday to 7 Sunday */

#endif
