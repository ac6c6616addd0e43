/* message_pace.c - how fast: the rate of a mail server, and that of each domain behind it.
 *
 * Rates are kept by clocks that say when the next may go, not by pauses, so that they do not depend on how fast the other
 * side answers. What a domain does not want yet is put off in its row and not kept in the page, where it would be in the way
 * of all others. */

#include "domain/message/message_sending.h"

enum { HOLD_MICROS = 1000000 };       /* so long a message may wait in its page */
enum { PUT_OFF_MICROS = 600000000 };  /* at most: a domain may have become faster by then */
enum { LINGER_MICROS = 75000000 };    /* past the first of the tries that a domain has put off */
enum { CREDIT_MICROS = 100000 };      /* so much time that was slept through is made up for */

int pace_domain_of(struct sending *s, struct str address)
{
    ptrdiff_t at = str_find_byte(address, '@');
    struct str name = str_sub(address, (size_t)(at + 1), address.n);

    for (size_t i = 0; i < s->ndomains; i++) {
        if (str_eq(s->domains[i].name, name)) {
            return (int)i;
        }
    }
    if (s->ndomains == MAIL_DOMAINS) {
        return 0; /* domains beyond share a pace */
    }
    s->domains[s->ndomains] = (struct domain_pace) { .name = arena_str(s->w->mem, name), .rate = (double)s->server.domain_rate };
    return (int)s->ndomains++;
}

/* A domain that says "not so fast" gets half as many, then a tenth more each minute. */
void pace_slow_down(struct sending *s, const struct ready *m)
{
    struct domain_pace *d = &s->domains[m->domain];
    double most = s->server.domain_rate ? (double)s->server.domain_rate : 100;

    d->rate = d->rate > 0 && d->rate < most ? d->rate / 2 : most / 2;
    d->rate = d->rate < 0.05 ? 0.05 : d->rate;
    d->slowed = time_monotonic();
    s->linger = d->slowed + LINGER_MICROS;
}

bool pace_domain_waits(const struct sending *s, const struct ready *m, int64_t now)
{
    const struct domain_pace *d = &s->domains[m->domain];

    return d->rate > 0 && d->next > now;
}

bool pace_puts_off(struct sending *s, struct ready *m, int64_t now)
{
    struct domain_pace *d = &s->domains[m->domain];

    if (!m->slot) {
        m->slot = d->slot > d->next ? d->slot : d->next;
        m->slot = m->slot > now + PUT_OFF_MICROS ? now + PUT_OFF_MICROS : m->slot;
        d->slot = m->slot + (int64_t)(1e6 / d->rate);
    }
    if (m->slot - now <= HOLD_MICROS) {
        return false;
    }
    m->put_off = m->slot - now;
    return true;
}

/* What was slowed down becomes a tenth faster each minute. */
static void recover(struct sending *s, struct domain_pace *d, int64_t now)
{
    double most = (double)s->server.domain_rate;

    s->linger = now + LINGER_MICROS;
    if (now - d->slowed <= MINUTES(1)) {
        return;
    }
    d->rate *= 1.1;
    d->slowed = now;
    if (most > 0 ? d->rate >= most : d->rate > 100) {
        d->rate = most;
        d->slowed = 0;
    }
}

void pace_domain_goes(struct sending *s, const struct ready *m, int64_t now)
{
    struct domain_pace *d = &s->domains[m->domain];

    if (d->slowed) {
        recover(s, d, now);
    }
    if (d->rate > 0) {
        d->next = (d->next > now - SECONDS(1) ? d->next : now) + (int64_t)(1e6 / d->rate);
    }
}

bool pace_server_lets(struct sending *s, int64_t now)
{
    if (!s->server.rate) {
        return true;
    }
    if (s->next > now) {
        return false;
    }
    /* a little slower than what was set, and rounded up, so that whoever counts at the other end does not count more */
    int64_t step = (SECONDS(1) + SECONDS(1) / 200 + s->server.rate - 1) / s->server.rate;

    s->next = (s->next > now - CREDIT_MICROS ? s->next : now) + step;
    return true;
}
