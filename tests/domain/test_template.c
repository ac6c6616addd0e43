/* test_template.c - templates: what is refused when they are saved, what they say of a person, and that no value
 * leaves the place where it stands. */

#include "domain.h"

#include "model/template.h"

#include <stdio.h>
#include <string.h>

struct work {
    enum template_mode mode;
    const char *source, *want, *missing, *language;
    int64_t person;
    const char *page; /* JSON */
};

static const char *const links[] = { "unsubscribe", "preferences", NULL };

static enum err_code parse(struct call *c, const struct work *w, const struct template **t)
{
    struct template_root *roots = ARENA_ARRAY(c->mem, struct template_root, 3);
    struct template_scope s = { .expr = access_scope(c, NULL), .roots = roots, .nroots = 3, .mode = w->mode,
        .field = "html" };

    roots[0] = (struct template_root) { "contact", model_entity(c->model, STR("contact")), NULL };
    roots[1] = (struct template_root) { "links", NULL, links };
    roots[2] = (struct template_root) { "page", NULL, NULL };
    return template_parse(&s, str_of(w->source), t, &c->err);
}

static enum err_code only_parse(struct call *c, void *arg)
{
    const struct template *t;

    return parse(c, arg, &t);
}

static enum err_code render(struct call *c, void *arg)
{
    struct work *w = arg;
    const struct template *t;
    struct record *records[3] = { NULL };
    const json_t *objects[3] = { NULL };
    json_t *json;
    struct template_missing missing = { .n = 0 };
    struct buf out;

    TRY(parse(c, w, &t));
    if (w->person) {
        TRY(record_load(c, model_entity(c->model, STR("contact")), w->person, true, &records[0]));
    }
    TRY(json_read(c->mem, STR("{\"unsubscribe\": \"https://kith.example/p/u/abc?x=1&y=2\"}"), &json, &c->err));
    objects[1] = json;
    TRY(json_read(c->mem, str_of(w->page ? w->page : "{}"), &json, &c->err));
    objects[2] = json;
    buf_init(&out, c->mem, TEMPLATE_OUTPUT_MAX);
    struct template_data data = { .records = records, .objects = objects,
        .language = str_of(w->language ? w->language : "en"), .zone = zone_utc() };
    TRY(template_render(c, t, &data, &out, &missing));
    if (!str_is(buf_str(&out), w->want)) {
        print_error("%s\n gives %.*s\n   not %s\n", w->source, STR_ARG(buf_str(&out)), w->want);
    }
    assert_true(str_is(buf_str(&out), w->want));
    struct buf names;
    buf_init(&names, c->mem, 1000);
    for (size_t i = 0; i < missing.n; i++) {
        buf_fmt(&names, "%s%.*s", i ? ", " : "", STR_ARG(missing.names[i]));
    }
    if (!str_is(buf_str(&names), w->missing ? w->missing : "")) {
        print_error("%s misses \"%.*s\"\n", w->source, STR_ARG(buf_str(&names)));
    }
    assert_true(str_is(buf_str(&names), w->missing ? w->missing : ""));
    return OK;
}

static int64_t ada;

static int set_up(void **state)
{
    struct world *w;
    char json[200];

    world_open(state);
    w = *state;
    ada = make(w, "contact",
        "{\"first_name\": \"Ada <b>\", \"last_name\": \"Lovelace\", \"gender\": \"female\", \"birthday\": \"1815-12-10\","
        " \"job_title\": \"x\\\" onload=\\\"alert(1)\", \"department\": \"javascript:alert(1)\", \"assistant_name\": \"two\\nlines & more\","
        " \"emails\": [{\"address\": \"ada@mail.example\"}]}");
    for (int i = 1; i <= 3; i++) {
        snprintf(json, sizeof json, "{\"number\": \"A%d\", \"contact\": %lld, \"placed_at\": \"2026-0%d-01T10:00:00Z\", \"shipping\":"
            " {\"amount\": \"%d00.50\", \"currency\": \"EUR\"}}", i, (long long)ada, i, i * 6);
        make(w, "order", json);
    }
    return 0;
}

static void values__are_written_for_their_reader(void **state)
{
    static const struct work works[] = {
        { TEMPLATE_TEXT, "Dear {{ contact.first_name }},", "Dear Ada <b>,", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact }} {{contact.name | upcase}}", "Ada <b> Lovelace ADA <B> LOVELACE", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.gender }}, {{ contact.birthday }}", "Female, 10 December 1815", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.gender }}, {{ contact.birthday }}", "Weiblich, 10. Dezember 1815", NULL, "de", 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.birthday | date: '%d.%m.%y' }}", "10.12.15", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.total_spent }} {{ total_spent | round }}", "3,601.50 EUR 3,602 EUR", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.total_spent }}", "3.601,50 EUR", NULL, "de", 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.order_count * 30744573456182586.1 * 9 + 92233720368547755.9 | round }}", "922,337,203,685,477,581", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.order_count * 0 - 2.5 | round }} {{ contact.order_count * 0 - 2.4 | round }}", "-3 -2", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.order_count * 1000 + 1 }}", "3,001", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.suffix | default: \"friend\" }}", "friend", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.suffix }}{{ contact.nickname }}{{ contact.suffix }}!", "!", "contact.suffix, contact.nickname", NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ contact.last_name | truncate: 4 }} {{ 'x y' | url_encode }}", "Love… x%20y", NULL, NULL, 0, NULL },
        { TEMPLATE_LINE, "{{ contact.assistant_name }}", "two lines & more", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{{ page.title }}{% comment %}{{ nothing }}{% endcomment %}{% raw %}{{ x }}{% endraw %}", "Hi{{ x }}", NULL, NULL, 0,
            "{\"title\": \"Hi\"}" },
        { TEMPLATE_TEXT, "a {{- ' b ' -}}  c", "a b c", NULL, NULL, 0, NULL },
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        struct work one = works[i];
        one.person = ada;
        reads(*state, render, &one);
    }
}

static void conditions_and_loops__speak_the_expression_language(void **state)
{
    static const struct work works[] = {
        { TEMPLATE_TEXT, "{% if contact.total_spent > 500 and contact.gender = 'female' %}a{% else %}b{% endif %}", "a", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{% if contact.total_spent > 9000 %}a{% elsif any(orders where number = 'A2') %}b{% else %}c{% endif %}", "b", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{% unless contact.suffix is empty %}x{% endunless %}.", ".", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{% if page.state == 'done' %}yes{% endif %}{% if not page.list %}no{% endif %}", "yesno", NULL, NULL, 0,
            "{\"state\": \"done\", \"list\": []}" },
        { TEMPLATE_TEXT, "{% for order in contact.orders where order.number != 'A1' sort -number limit 5 %}{{ order.number }} of {{ contact.last_name }};{% endfor %}",
            "A3 of Lovelace;A2 of Lovelace;", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{% for order in contact.orders sort number %}{{ order.contact }} {{ order.shipping }} {{ order.placed_at | date: '%m' }};{% endfor %}",
            "Ada <b> Lovelace 600.50 EUR 01;Ada <b> Lovelace 1,200.50 EUR 02;Ada <b> Lovelace 1,800.50 EUR 03;", NULL, NULL, 0, NULL },
        { TEMPLATE_TEXT, "{% for row in page.rows %}{{ row.n }}{% endfor %}", "12", NULL, NULL, 0, "{\"rows\": [{\"n\": 1}, {\"n\": 2}]}" },
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        struct work one = works[i];
        one.person = ada;
        reads(*state, render, &one);
    }
}

static void html__keeps_values_where_they_stand(void **state)
{
    static const struct work works[] = {
        { TEMPLATE_HTML, "<p>{{ contact.first_name }}</p>", "<p>Ada &lt;b&gt;</p>", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "<img alt=\"{{ contact.job_title }}\">", "<img alt=\"x&quot; onload=&quot;alert(1)\">", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "<a href=\"{{ contact.department }}\">x</a>", "<a href=\"#\">x</a>", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "<a href='{{ links.unsubscribe }}'>x</a>", "<a href='https://kith.example/p/u/abc?x=1&amp;y=2'>x</a>", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "<a href=\"https://x.example/?n={{ contact.job_title }}\">x</a>",
            "<a href=\"https://x.example/?n=x%22%20onload%3D%22alert%281%29\">x</a>", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "{{ contact.assistant_name | newline_to_br }}", "two<br>\nlines &amp; more", NULL, NULL, 0, NULL },
        { TEMPLATE_HTML, "<style>p { color: red }</style>a < b {{ contact.last_name }}", "<style>p { color: red }</style>a < b Lovelace", NULL, NULL, 0, NULL },
    };
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        struct work one = works[i];
        one.person = ada;
        reads(*state, render, &one);
    }
}

static void mistakes__are_told_with_their_line(void **state)
{
    static const struct {
        enum template_mode mode;
        const char *source, *says;
    } bad[] = {
        { TEMPLATE_TEXT, "a\nb {{ contact.fist_name }}", "line 2: contact.fist_name: " },
        { TEMPLATE_TEXT, "{{ links.unsubscrib }}", "there is no \"links.unsubscrib\"" },
        { TEMPLATE_TEXT, "{{ contact.name | upcas }}", "there is no filter \"upcas\"" },
        { TEMPLATE_TEXT, "{{ contact.name | default }}", "takes 1 to 1 values" },
        { TEMPLATE_TEXT, "{{ contact.name", "\"{{\" has no end" },
        { TEMPLATE_TEXT, "{% if contact.name %}x{% endif %}", "line 1: contact.name" },
        { TEMPLATE_TEXT, "{% if contact.name is empty %}x", "\"endif\" is missing" },
        { TEMPLATE_TEXT, "x{% endif %}", "\"endif\" is not known here" },
        { TEMPLATE_TEXT, "{% for x in contact.nothing %}{% endfor %}", "no rows called \"contact.nothing\"" },
        { TEMPLATE_TEXT, "{% for x in contact.orders limit 500 %}{% endfor %}", "limit is a number" },
        { TEMPLATE_TEXT, "{% for x in contact.orders sort -nothing %}{% endfor %}", "cannot be sorted by \"nothing\"" },
        { TEMPLATE_TEXT, "{% for x in contact.orders sort tags %}{% endfor %}", "cannot be sorted by \"tags\"" },
        { TEMPLATE_TEXT, "{{ contact.name | truncate: many }}", "truncate takes a number" },
        { TEMPLATE_TEXT, "{{ contact.order_count | round: 12 }}", "round takes a number of digits" },
        { TEMPLATE_TEXT, "{{ }}", "nothing between the braces" },
        { TEMPLATE_TEXT, "{{ contact.name | newline_to_br }}", "is for HTML" },
        { TEMPLATE_HTML, "<script>{{ contact.name }}</script>", "script" },
        { TEMPLATE_HTML, "<a {{ contact.name }}>", "inside of a tag" },
        { TEMPLATE_HTML, "<a href={{ contact.name }}>", "quotes" },
        { TEMPLATE_HTML, "<a onclick=\"{{ contact.name }}\">", "this attribute" },
        { TEMPLATE_HTML, "<a title=\"{% if do_not_call %}\">{% endif %}", "each way through" },
        { TEMPLATE_HTML, "<!-- {{ contact.name }} -->", "comment" },
        { TEMPLATE_HTML, "<a title=\"{% if do_not_call %}\">{% else %}x{% endif %}\"", "each way through" },
        { TEMPLATE_HTML, "<p", "not closed" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct work one = { .mode = bad[i].mode, .source = bad[i].source };
        struct world *w = *state;
        assert_int_equal(read_fails(w, only_parse, &one), ERR_INVALID);
        if (!strstr(w->err.msg, bad[i].says)) {
            print_error("%s says: %s\n", bad[i].source, w->err.msg);
        }
        assert_non_null(strstr(w->err.msg, bad[i].says));
        assert_string_equal(w->err.field, "html");
    }
}

/* Loops inside of loops, each over a hundred rows, stop at the limit and not at the memory's end. */
static void a_bomb__ends_with_an_error(void **state)
{
    struct buf page;
    struct world *w = *state;
    struct work bomb = { TEMPLATE_TEXT,
        "{% for a in page.r %}{% for b in page.r %}{% for c in page.r %}{{ page.t }}{% endfor %}{% endfor %}{% endfor %}", "", NULL,
        NULL, ada, NULL };

    buf_init(&page, w->mem, 100000);
    buf_lit(&page, "{\"t\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\", \"r\": [0");
    for (int i = 0; i < 99; i++) {
        buf_lit(&page, ",0");
    }
    buf_lit(&page, "]}");
    bomb.page = arena_cstr(w->mem, buf_str(&page));
    assert_int_equal(read_fails(w, render, &bomb), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values__are_written_for_their_reader),
        cmocka_unit_test(conditions_and_loops__speak_the_expression_language),
        cmocka_unit_test(html__keeps_values_where_they_stand),
        cmocka_unit_test(mistakes__are_told_with_their_line),
        cmocka_unit_test(a_bomb__ends_with_an_error),
    };

    return cmocka_run_group_tests_name("templates", tests, set_up, world_close);
}
