/* fuzz_json.c - reading JSON, and writing what was read. */

#include "base/json.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *mem = arena_create(64 << 20);
    struct err e = { 0 };
    json_t *tree;

    if (json_read(mem, (struct str) { (const char *)data, n }, &tree, &e) == OK) {
        struct buf b;
        struct json_writer w;
        json_t *again;
        buf_init(&b, mem, 32 << 20);
        json_init(&w, &b);
        json_tree(&w, NULL, tree);
        /* what we write we can read, and it is the same */
        if (buf_status(&b, &e) == OK && json_read(mem, buf_str(&b), &again, &e) == OK) {
            assert(json_equal(tree, again));
        } else {
            assert(e.code != OK);
        }
    } else {
        assert(e.code != OK && e.msg[0]);
    }
    arena_destroy(mem);
    return 0;
}
