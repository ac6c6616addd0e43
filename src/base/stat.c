/* stat.c - two groups compared. */

#include "base/stat.h"

#include <math.h>

double stat_mean(const struct stat_group *g)
{
    return g->n > 0 ? g->sum / g->n : 0;
}

/* Of the sample: divided by n - 1; 0 for fewer than two. */
static double variance(const struct stat_group *g)
{
    double v = g->n > 1 ? (g->squares - g->sum * g->sum / g->n) / (g->n - 1) : 0;

    return v > 0 ? v : 0;
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* Continued fraction of the incomplete beta function (Press et al., Numerical Recipes, 6.4; Lentz's method). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), h;

    d = fabs(d) < tiny ? tiny : d;
    d = 1 / d;
    h = d;
    for (int m = 1; m <= 300; m++) {
        double m2 = 2.0 * m, up = m * (b - m) * x / ((a - 1 + m2) * (a + m2));
        d = 1 + up * d;
        c = 1 + up / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        up = -(a + m) * (a + b + m) * x / ((a + m2) * (a + 1 + m2));
        d = 1 + up * d;
        c = 1 + up / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        double step = d * c;
        h *= step;
        if (fabs(step - 1) < 1e-15) {
            break;
        }
    }
    return h;
}

/* I_x(a, b); y = 1 - x is given apart, so that none of the small one is lost. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0) {
        return x <= 0 ? 0 : 1;
    }
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, y) / b;
}

/* P(|T| > t) (Abramowitz and Stegun, 26.7). */
static double t_two_sided(double t, double df)
{
    double t2 = t * t;

    return incomplete_beta(df / 2, 0.5, df / (df + t2), t2 / (df + t2));
}

double stat_t_quantile(double p, double df)
{
    double low = 0, high = 1e4;

    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        double middle = (low + high) / 2;
        if (1 - t_two_sided(middle, df) / 2 < p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

struct stat_difference stat_welch(const struct stat_group *a, const struct stat_group *b)
{
    struct stat_difference d = { .difference = stat_mean(a) - stat_mean(b) };
    double va = a->n > 1 ? variance(a) / a->n : 0, vb = b->n > 1 ? variance(b) / b->n : 0, v = va + vb;

    if (a->n < 2 || b->n < 2 || v <= 0) {
        return d;
    }
    d.known = 1;
    d.df = v * v / (va * va / (a->n - 1) + vb * vb / (b->n - 1));
    d.t = d.difference / sqrt(v);
    d.p = t_two_sided(d.t, d.df);
    double reach = stat_t_quantile(0.975, d.df) * sqrt(v);
    d.low = d.difference - reach;
    d.high = d.difference + reach;
    return d;
}

struct stat_difference stat_shares(const struct stat_group *a, const struct stat_group *b)
{
    struct stat_difference d = { .difference = stat_mean(a) - stat_mean(b), .df = INFINITY };
    double pa = stat_mean(a), pb = stat_mean(b), pooled = a->n + b->n > 0 ? (a->sum + b->sum) / (a->n + b->n) : 0;

    if (a->n < 1 || b->n < 1 || pooled <= 0 || pooled >= 1) {
        return d;
    }
    d.known = 1;
    d.t = d.difference / sqrt(pooled * (1 - pooled) * (1 / a->n + 1 / b->n));
    d.p = 2 * normal_cdf(-fabs(d.t));
    double reach = 1.959963984540054 * sqrt(pa * (1 - pa) / a->n + pb * (1 - pb) / b->n);
    d.low = d.difference - reach;
    d.high = d.difference + reach;
    return d;
}
