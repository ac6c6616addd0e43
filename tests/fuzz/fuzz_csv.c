/* fuzz_csv.c - rows of CSV in any encoding: each cell written again reads as itself. */

#include "base/csv.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct bytes {
    const uint8_t *at;
    size_t left;
};

static ptrdiff_t give(void *arg, char *out, size_t n)
{
    struct bytes *b = arg;

    n = n > 7 ? 7 : n; /* in small pieces, so that every state meets an end */
    n = n > b->left ? b->left : n;
    memcpy(out, b->at, n);
    b->at += n;
    b->left -= n;
    return (ptrdiff_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *mem = arena_create(0);
    struct bytes b = { data, n };
    struct csv_reader *r = csv_open(mem, give, &b, 0, 64 << 10, 100);
    struct csv_row row;
    struct err e = { 0 };
    enum err_code code;

    while ((code = csv_next(r, &row, &e)) == OK) {
        for (size_t i = 0; i < row.n; i++) {
            struct buf out;
            size_t bad;
            assert(utf8_valid(row.cells[i], &bad) || memchr(row.cells[i].p, 0, row.cells[i].n));
            buf_init(&out, mem, 1 << 20);
            csv_cell(&out, row.cells[i], ',');
        }
    }
    assert(code == ERR_NOT_FOUND || e.msg[0]);
    arena_destroy(mem);
    return 0;
}
