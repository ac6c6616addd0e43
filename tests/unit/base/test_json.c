/* test_json.c - the writer and the reader. */

#include "../check.h"
#include "base/json.h"
#include "groups.h"

#include <math.h>
#include <string.h>

static void writes_commas_names_and_escapes(void **state)
{
    struct arena *mem = arena_create(0);
    struct buf b;
    struct json_writer w;

    (void)state;
    buf_init(&b, mem, 10000);
    json_init(&w, &b);
    json_object(&w, NULL);
    json_int(&w, "id", INT64_MIN);
    json_text(&w, "t", STR("a\"\\\n\t\x01\x1f\xc3\xbc"));
    json_array(&w, "list");
    json_int(&w, NULL, 1);
    json_none(&w, NULL);
    json_object(&w, NULL);
    json_end_object(&w);
    json_end_array(&w);
    json_name(&w, STR("x\"y"));
    json_flag(&w, NULL, true);
    json_real(&w, "r", 0.1);
    json_real(&w, "nan", NAN);
    json_cstr(&w, "c", NULL);
    json_raw(&w, "raw", STR("[]"));
    json_end_object(&w);
    assert_str(buf_str(&b),
        "{\"id\":-9223372036854775808,\"t\":\"a\\\"\\\\\\n\\t\\u0001\\u001f\xc3\xbc\","
        "\"list\":[1,null,{}],\"x\\\"y\":true,\"r\":0.1,\"nan\":null,\"c\":null,\"raw\":[]}");
    arena_destroy(mem);
}

static void reads_and_writes_back_a_tree(void **state)
{
    const char *text = "{\"a\":[1,2.5,true,null,\"x\"],\"b\":{\"c\":-9223372036854775808}}";
    struct arena *mem = arena_create(0);
    struct json_writer w;
    struct buf b;
    struct err e;
    json_t *tree;

    (void)state;
    assert_ok(json_read(mem, str_of(text), &tree, &e), e);
    buf_init(&b, mem, 1000);
    json_init(&w, &b);
    json_tree(&w, NULL, tree);
    assert_str(buf_str(&b), text);
    assert_ok(json_read(mem, STR("\"alone\""), &tree, &e), e);
    assert_str(json_str(tree), "alone");
    arena_destroy(mem);
}

static void refuses_what_is_broken_or_dangerous(void **state)
{
    static const char *const bad[] = { "", "{", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"\xff\"",
        "1 2", "[1,]", "99999999999999999999", "nul" };
    struct arena *mem = arena_create(0);
    struct err e;
    json_t *tree;
    char deep[200];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(json_read(mem, str_of(bad[i]), &tree, &e), ERR_INVALID);
    }
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_int_equal(json_read(mem, (struct str) { deep, 130 }, &tree, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "column 65"));
    assert_ok(json_read(mem, (struct str) { deep + 1, 128 }, &tree, &e), e);
    assert_ok(json_read(mem, STR("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                 "[[[[[[[[[\\\"[[[\""),
                  &tree, &e),
        e);
    arena_destroy(mem);
}

int test_json(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_commas_names_and_escapes),
        cmocka_unit_test(reads_and_writes_back_a_tree),
        cmocka_unit_test(refuses_what_is_broken_or_dangerous),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
