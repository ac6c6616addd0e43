/* fuzz_request.c - the path and query of a request, and finding its route. */

#include "base/utf8.h"
#include "http/api.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *mem = arena_create(0);
    struct api api = { 0 };
    struct err e = { 0 };
    struct exchange *x = exchange_new(&api, mem);

    x->req.method = (enum method)(n ? data[0] % 4 : 0);
    x->req.target = arena_str(mem, (struct str) { (const char *)data, n });
    if (request_parse(x, &e) == OK) {
        for (int i = 0; i < x->req.nsegments; i++) {
            assert(utf8_valid(x->req.segments[i], NULL));
        }
        for (int i = 0; i < x->req.nparams; i++) {
            assert(utf8_valid(x->req.params[i].value, NULL));
        }
        if (!route_find(x)) {
            assert(x->reply.status >= 400);
        }
    } else {
        assert(e.code != OK);
    }
    arena_destroy(mem);
    return 0;
}
