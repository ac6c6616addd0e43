/* fuzz_vcard.c - any bytes as vCards: what comes out must be CSV with a cell for each header in each row. */

#include "base/csv.h"
#include "helper/helper.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static ptrdiff_t from_file(void *arg, char *out, size_t n)
{
    return read(*(int *)arg, out, n);
}

static void check_rows(int fd)
{
    struct arena *mem = arena_create(0);
    struct csv_row row;
    struct err e = { 0 };
    size_t columns = 0;

    lseek(fd, 0, SEEK_SET);
    struct csv_reader *r = csv_open(mem, from_file, &fd, ',', 64 << 20, 100);
    while (csv_next(r, &row, &e) == OK) {
        columns = columns ? columns : row.n;
        if (row.n != columns) {
            abort();
        }
    }
    if (e.code != ERR_NOT_FOUND) {
        abort();
    }
    arena_destroy(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int in = -1, out = -1, screen = -1;
    struct err e = { 0 };

    if (in < 0) {
        in = memfd_create("in", 0);
        out = memfd_create("out", 0);
        screen = dup(STDOUT_FILENO);
    }
    if (ftruncate(in, 0) != 0 || ftruncate(out, 0) != 0 || pwrite(in, data, n, 0) != (ssize_t)n) {
        return 0;
    }
    lseek(in, 0, SEEK_SET);
    lseek(out, 0, SEEK_SET);
    dup2(in, STDIN_FILENO);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    enum err_code code = vcard_to_csv(&e);
    fflush(stdout);
    dup2(screen, STDOUT_FILENO);
    if (code == OK) {
        check_rows(out);
    }
    return 0;
}
