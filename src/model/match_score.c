/* match_score.c - how much the agreement of two records says.
 *
 * Fellegi and Sunter (1969): a field that agrees at a level adds log2(m/u), m being how often matches
 * agree so, u how often others do. Both are learned without labels by expectation and maximisation over
 * the patterns of agreement of candidate pairs (Winkler 1988, 1990), fields taken as independent within
 * each kind. A missing value says nothing. */

#include "model/match_steps.h"

#include "base/similar.h"
#include "model/standard.h"
#include "model/texts.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 200 };

/* ---- levels ---- */

static int name_level(struct str a, struct str b)
{
    double like = similar_names(a, b);

    return like >= .92 ? 2 : like >= .8 ? 1 : 0;
}

static bool day_and_month_swapped(struct str a, struct str b)
{
    return a.n == 8 && b.n == 8 && memcmp(a.p, b.p, 4) == 0 && memcmp(a.p + 4, b.p + 6, 2) == 0
        && memcmp(a.p + 6, b.p + 4, 2) == 0;
}

int match_level(enum match_how how, struct str a, struct str b)
{
    if (str_eq(a, b)) {
        return 3;
    }
    switch (how) {
    case HOW_NAME: case HOW_TEXT: case HOW_COMPANY:
        return name_level(a, b);
    case HOW_FIRST: {
        int level = name_level(a, b);
        return level < 2 && standard_same_nickname(a, b) ? 2 : level;
    }
    case HOW_DATE:
        return day_and_month_swapped(a, b) || similar_codes(a, b) == CODES_NEAR ? 2 : 0;
    case HOW_CODE:
        return similar_codes(a, b) == CODES_NEAR ? 2 : 0;
    case HOW_PHONE: /* the last digits, where one was typed without its country */
        return a.n >= 8 && b.n >= 8 && memcmp(a.p + a.n - 7, b.p + b.n - 7, 7) == 0 ? 2 : 0;
    case HOW_EXACT: case HOW_EMAIL: case HOW_COUNT:
        return 0;
    }
    return 0;
}

uint64_t match_swaps(const struct match_rule *rule, uint64_t pattern, match_cross_fn *cross, void *arg)
{
    for (size_t t = 0; t < rule->n; t++) {
        size_t q = (size_t)rule->terms[t].swaps - 1;
        if (!rule->terms[t].swaps || match_at(pattern, t) > 0 || match_at(pattern, q) > 0) {
            continue;
        }
        if (cross(arg, t, q) >= 2 && cross(arg, q, t) >= 2) {
            pattern &= ~(7ull << (3 * t) | 7ull << (3 * q));
            pattern |= 3ull << (3 * t) | 3ull << (3 * q);
        }
    }
    return pattern;
}

struct two {
    const struct match_rule *rule;
    const struct match_values *a, *b;
};

static int cross_values(void *arg, size_t t, size_t q)
{
    const struct two *x = arg;

    return x->a->n[t] && x->b->n[q] ? match_level(HOW_NAME, x->a->v[t][0], x->b->v[q][0]) : -1;
}

uint64_t match_pattern(
    const struct match_rule *rule, const struct match_values *a, const struct match_values *b)
{
    uint64_t pattern = 0;

    for (size_t t = 0; t < rule->n; t++) {
        int best = -1;
        for (size_t i = 0; i < a->n[t]; i++) {
            for (size_t k = 0; k < b->n[t]; k++) {
                int level = match_level(rule->terms[t].how, a->v[t][i], b->v[t][k]);
                /* what many share is as if it were not there */
                bool shared = level == 3 && (a->shared[t][i] || b->shared[t][k]);
                best = level > best && !shared ? level : best;
            }
        }
        pattern |= (uint64_t)(best + 1) << (3 * t);
    }
    return match_swaps(rule, pattern, cross_values, &(struct two) { rule, a, b });
}

/* ---- weights ---- */

double match_term_weight(const struct match_term *t, int level)
{
    return level < 0 ? 0 : log2(t->m[level] / t->u[level]);
}

double match_weight(const struct match_rule *rule, uint64_t pattern, double *probability)
{
    double weight = 0;

    for (size_t t = 0; t < rule->n; t++) {
        weight += match_term_weight(&rule->terms[t], match_at(pattern, t));
    }
    if (probability) {
        double odds = exp2(weight < 500 ? weight : 500) * rule->prior / (1 - rule->prior);
        *probability = odds / (1 + odds);
    }
    return weight;
}

bool match_has_evidence(const struct match_rule *rule, uint64_t pattern)
{
    int found = 0;

    for (size_t t = 0; t < rule->n; t++) {
        bool reach = rule->terms[t].how == HOW_EMAIL || rule->terms[t].how == HOW_PHONE;
        found += !reach && match_at(pattern, t) >= 2;
    }
    return found > 0;
}

/* ---- learning ---- */

struct learned {
    double m[MATCH_TERMS][MATCH_LEVELS], u[MATCH_TERMS][MATCH_LEVELS];
};

/* A little of what is known beforehand keeps a level that never occurred from being impossible. */
static void normalise(double *to, const double *sum, const double *known)
{
    double all = 1;

    for (int l = 0; l < MATCH_LEVELS; l++) {
        all += sum[l];
    }
    for (int l = 0; l < MATCH_LEVELS; l++) {
        to[l] = (sum[l] + known[l]) / all;
    }
}

/* known_m: how matches agree is taken as known, only how others do and how many they are is learned. */
static double round_of(struct match_rule *rule, const struct match_rule *known, bool known_m,
    const struct match_pattern_count *counts, size_t n)
{
    struct learned sum = { 0 };
    double matches = 0, all = 0, before = rule->prior;

    for (size_t i = 0; i < n; i++) {
        double p;
        match_weight(rule, counts[i].pattern, &p);
        matches += p * counts[i].n;
        all += counts[i].n;
        for (size_t t = 0; t < rule->n; t++) {
            int level = match_at(counts[i].pattern, t);
            if (level >= 0) {
                sum.m[t][level] += p * counts[i].n;
                sum.u[t][level] += (1 - p) * counts[i].n;
            }
        }
    }
    for (size_t t = 0; t < rule->n; t++) {
        if (!known_m) {
            normalise(rule->terms[t].m, sum.m[t], known->terms[t].m);
        }
        normalise(rule->terms[t].u, sum.u[t], known->terms[t].u);
    }
    /* one pair at least: that none was found among so many does not mean that there will be none */
    rule->prior = (matches + 1) / (all + 1);
    rule->prior = rule->prior < 1e-9 ? 1e-9 : rule->prior > .999 ? .999 : rule->prior;
    return fabs(rule->prior - before);
}

/* Two kinds were found, and the one that is called matches is the one that agrees, in every field: where what is
 * the same speaks against, something else than matches was found. */
static bool makes_sense(const struct match_rule *rule, double all)
{
    double agree = 0;

    for (size_t t = 0; t < rule->n; t++) {
        agree += match_term_weight(&rule->terms[t], 3) > 0;
        if (match_term_weight(&rule->terms[t], 3) < -.1) {
            return false;
        }
    }
    return rule->prior * all >= 20 && rule->prior < .9 && agree >= (double)rule->n * .6;
}

bool match_learn(struct match_rule *rule, const struct match_pattern_count *counts, size_t n)
{
    struct match_rule known = *rule, now = *rule;
    double all = 0;

    for (size_t i = 0; i < n; i++) {
        all += counts[i].n;
    }
    if (all < 200) {
        return false;
    }
    for (int i = 0; i < ROUNDS && round_of(&now, &known, false, counts, n) > 1e-9; i++) {
    }
    if (makes_sense(&now, all)) {
        *rule = now;
        return true;
    }
    /* hardly any matches among many who share a town or a name: what chance brings about is learned all the
     * same, so that two of the same name in a large database are not taken for one */
    now = known;
    for (int i = 0; i < ROUNDS && round_of(&now, &known, true, counts, n) > 1e-9; i++) {
    }
    if (now.prior > .5) {
        return false;
    }
    *rule = now;
    return true;
}

/* ---- in words ---- */

static const char *word_of(const struct match_term *t, int level)
{
    if (level == 3) {
        return "the same";
    }
    if (level == 2) {
        return t->how == HOW_CODE || t->how == HOW_DATE ? "one sign apart"
            : t->how == HOW_FIRST                       ? "alike, or a short form"
                                                        : "very alike";
    }
    return level == 1 ? "alike" : "different";
}

void match_reasons(struct call *c, const struct match_rule *rule, uint64_t pattern, bool seen_only,
    struct json_writer *w, const char *name)
{
    json_array(w, name);
    for (size_t t = 0; t < rule->n; t++) {
        const struct match_term *term = &rule->terms[t];
        int level = match_at(pattern, t);
        if (level < 0 || (seen_only && access_field(c, term->f) == FIELD_HIDDEN)) {
            continue;
        }
        json_object(w, NULL);
        json_text(w, "field", term->name);
        const char *label = text_in(call_language(c), term->f->label.p);
        json_text(w, "label", term->piece.n
                ? arena_fmt(c->mem, "%s: %s", label, text_in(call_language(c), arena_cstr(c->mem, term->piece)))
                : str_of(label));
        json_cstr(w, "says", word_of(term, level));
        json_int(w, "level", level);
        json_real(w, "weight", round(match_term_weight(term, level) * 100) / 100);
        json_end_object(w);
    }
    json_end_array(w);
}
