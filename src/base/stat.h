/* stat.h - statistics of two groups. Formulas are named where they are computed. */

#ifndef BASE_STAT_H
#define BASE_STAT_H

/* What is known of a group: how many, the sum of a measure and the sum of its squares. */
struct stat_group {
    double n, sum, squares;
};

struct stat_difference {
    double difference;  /* of the means: a - b */
    double low, high;   /* its 95 % interval */
    double t, df, p;    /* two-sided */
    int known;          /* 0: one of the groups has fewer than two, or nothing varies */
};

double stat_mean(const struct stat_group *g);
/* Welch's test of unequal variances (Welch 1947), degrees of freedom after Satterthwaite (1946). */
struct stat_difference stat_welch(const struct stat_group *a, const struct stat_group *b);
/* Two shares (conversions of n): difference with Wald's interval, test with the pooled share. sum: conversions. */
struct stat_difference stat_shares(const struct stat_group *a, const struct stat_group *b);
/* The value that Student's t passes with probability p (0.5 to 1) at df degrees of freedom. */
double stat_t_quantile(double p, double df);

#endif
