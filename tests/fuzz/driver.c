/* driver.c - runs a fuzz target over files given as arguments, where no fuzzer is linked. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int run(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t bytes[1 << 20];

    if (!f) {
        perror(path);
        return 1;
    }
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    uint8_t *copy = malloc(n + 1); /* its own allocation, so that reading past the end is seen */
    if (!copy) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = bytes[i];
    }
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        failed += run(argv[i]);
    }
    printf("%d files\n", argc - 1);
    return failed != 0;
}
