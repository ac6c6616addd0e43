/* fuzz_package.c - any bytes as a package file: installed into a real organisation and rolled back.
 *
 * What is accepted must export again; nothing may crash, leak or stay behind. */

#include "domain.h"

#include "base/json.h"
#include "model/package.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
    struct str text;
    bool accepted;
};

static enum err_code install(struct call *c, void *arg)
{
    struct input *in = arg;
    json_t *tree;

    TRY(json_read(c->mem, in->text, &tree, &c->err));
    TRY(package_install(c, tree));
    in->accepted = true;
    /* the model is made anew as before a commit, and all of it is taken back */
    if (c->rebuild != REBUILD_NONE) {
        TRY(org_rebuild(c));
    }
    return fail(c, ERR_CONFLICT, NULL, "enough");
}

static enum err_code count_objects(struct call *c, void *arg)
{
    return db_int(c, arg,
        SQL("SELECT (SELECT count(*) FROM \"objects\") + (SELECT count(*) FROM \"fields\") + (SELECT"
            " count(*) FROM \"choice_lists\")"),
        VALS());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world *world = world_once();
    struct input in = { { (const char *)data, n }, false };
    int64_t before = 0, after = 0;

    reads(world, count_objects, &before);
    (void)!write_fails(world, install, &in);
    reads(world, count_objects, &after);
    if (before != after) {
        abort();
    }
    arena_reset(world->mem);
    return 0;
}
