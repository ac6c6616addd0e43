/* test_time.c - working hours computed over days, holidays and changes of the clock; what goes when its time is
 * over. */

#include "domain.h"

#include "model/file.h"
#include "model/hours.h"

#include <stdio.h>
#include <string.h>

struct ask {
    int64_t hours;
    const char *from, *to, *after;
    double span; /* hours */
};

static int64_t at(const char *text)
{
    int64_t instant = 0;

    assert_true(instant_parse(str_of(text), &instant));
    return instant;
}

static enum err_code between(struct call *c, void *arg)
{
    struct ask *a = arg;
    struct hours *h;

    TRY(hours_load(c, a->hours, &h));
    int64_t span = hours_between(h, at(a->from), at(a->to));
    if (span != (int64_t)(a->span * 3600) * 1000000) {
        print_error("%s to %s are %.3f hours, not %.3f\n", a->from, a->to, (double)span / 3.6e9, a->span);
    }
    assert_int_equal(span, (int64_t)(a->span * 3600) * 1000000);
    assert_int_equal(hours_between(h, at(a->to), at(a->from)), -span);
    return OK;
}

static enum err_code after(struct call *c, void *arg)
{
    struct ask *a = arg;
    struct hours *h;
    int64_t end;
    char text[INSTANT_TEXT];

    TRY(hours_load(c, a->hours, &h));
    assert_true(hours_after(h, at(a->from), (int64_t)(a->span * 3600) * 1000000, &end));
    instant_format(end, text);
    assert_string_equal(text, a->after);
    return OK;
}

static void hours__follow_days_holidays_and_the_clock(void **state)
{
    struct world *w = *state;
    int64_t set = make(w, "working_hours",
        "{\"name\": \"Berlin\", \"zone\": \"Europe/Berlin\", \"week\": {\"1\": [[\"09:00\", \"12:00\"], [\"13:00\","
        " \"17:00\"]], \"2\": [[\"09:00\", \"17:00\"]], \"6\": [[\"22:00\", \"24:00\"]], \"7\": [[\"00:00\", \"04:00\"]]}}");
    char json[160];
    snprintf(json, sizeof json, "{\"name\": \"Day off\", \"day\": \"2026-06-02\", \"working_hours\": %lld}", (long long)set);
    make(w, "holiday", json);
    make(w, "holiday", "{\"name\": \"New year\", \"day\": \"2020-01-01\", \"yearly\": true}");

    struct ask spans[] = {
        { set, "2026-06-01T07:00:00Z", "2026-06-01T15:00:00Z", NULL, 7 },      /* Monday, 9 to 17 in Berlin */
        { set, "2026-06-01T09:30:00Z", "2026-06-01T11:30:00Z", NULL, 1 },      /* half an hour on each side of noon */
        { set, "2026-06-01T00:00:00Z", "2026-06-03T00:00:00Z", NULL, 7 },      /* Tuesday is off */
        { set, "2026-06-08T00:00:00Z", "2026-06-10T00:00:00Z", NULL, 15 },
        { set, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", NULL, 5 },      /* the night that lacks an hour */
        { set, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", NULL, 7 },      /* the night that has one more */
        { 0, "2025-12-31T00:00:00Z", "2026-01-03T00:00:00Z", NULL, 16 },       /* Wednesday and Friday; the holiday is for all */
    };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        reads(w, between, &spans[i]);
    }
    struct ask ends[] = {
        { set, "2026-06-01T05:00:00Z", NULL, "2026-06-01T07:00:00Z", 0 },
        { set, "2026-06-01T05:00:00Z", NULL, "2026-06-01T12:00:00Z", 4 },
        { set, "2026-06-01T05:00:00Z", NULL, "2026-06-06T21:00:00Z", 8 },      /* the rest on Saturday night */
        { 0, "2026-01-02T16:30:00Z", NULL, "2026-01-05T09:30:00Z", 1 },
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        reads(w, after, &ends[i]);
    }
    struct ask none = { 99999, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", NULL, 0 };
    assert_int_equal(read_fails(w, between, &none), ERR_NOT_FOUND);
}

static enum err_code days_pass(struct call *c, void *arg)
{
    c->org->test_now = c->now + DAYS(*(int *)arg);
    return db_exec(c, SQL("UPDATE \"jobs\" SET \"due\" = 0 WHERE \"kind\" = 'retention' AND \"state\" = 'waiting'"), VALS());
}

static enum err_code order(struct call *c, void *arg)
{
    int64_t id;

    (void)arg;
    return job_enqueue(c, &(struct job_order) { .kind = "retention" }, &id);
}

static enum err_code count_all(struct call *c, void *arg)
{
    return db_int(c, arg, SQL("SELECT count(*) FROM \"companies\" WHERE \"name\" LIKE 'Kept%'"), VALS());
}

static void the_bin__is_emptied_after_its_days(void **state)
{
    struct world *w = *state;
    int64_t n;
    int days = 91;

    for (int i = 0; i < 230; i++) {
        char json[60];
        snprintf(json, sizeof json, "{\"name\": \"Kept %d\"}", i);
        int64_t id = make(w, "company", json);
        if (i % 2) {
            bin(w, "company", id);
        }
    }
    writes(w, order, NULL);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    reads(w, count_all, &n);
    assert_int_equal(n, 230); /* its time is not over */
    writes(w, days_pass, &days);
    int64_t late = make(w, "company", "{\"name\": \"Kept late\"}");
    bin(w, "company", late);
    writes(w, order, NULL);
    assert_int_equal(workers_drain(w->org, &w->err), OK);
    reads(w, count_all, &n);
    assert_int_equal(n, 116);
    w->org->test_now = 0;
}

struct piece_call {
    int64_t later, pieces;
};

static enum err_code upload_a_piece(struct call *c, void *arg)
{
    (void)arg;
    return file_store_piece(c, STR("0123"), 0, STR("first"));
}

static enum err_code collect(struct call *c, void *arg)
{
    struct piece_call *p = arg;

    c->now += p->later;
    TRY(file_collect(c));
    return db_int(c, &p->pieces, SQL("SELECT count(*) FROM \"file_chunks\" WHERE \"hash\" = '0123'"), VALS());
}

static void pieces_of_an_upload__outlive_a_collection_meanwhile(void **state)
{
    struct world *w = *state;
    struct piece_call soon = { .later = MINUTES(5) }, late = { .later = HOURS(7) };

    writes(w, upload_a_piece, NULL);
    writes(w, collect, &soon);
    assert_int_equal(soon.pieces, 1);
    writes(w, collect, &late);
    assert_int_equal(late.pieces, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours__follow_days_holidays_and_the_clock),
        cmocka_unit_test(pieces_of_an_upload__outlive_a_collection_meanwhile),
        cmocka_unit_test(the_bin__is_emptied_after_its_days),
    };

    return cmocka_run_group_tests_name("time", tests, world_open, world_close);
}
