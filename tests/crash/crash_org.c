#include "crash_org.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

/* Guarded by there being one point at a time; the child has a copy. */
static char org_name[40];
static struct config cfg;

struct org *crash_org(struct stage *s)
{
    struct org *o = NULL;
    struct err e = { 0 };

    cfg = (struct config) { .dir = s->dir, .database_url = getenv("KITH_TEST_PG"),
        .arena_max = 256 << 20, .query_budget = 5000000, .quick_budget = 2000, .queue_max = 1000 };
    if (org_open(&o, &cfg, org_name, world_modules, &e) != OK) {
        give_up("the organisation cannot be opened: %s", e.msg);
    }
    return o;
}

enum err_code crash_call(struct org *o, bool write, call_fn *fn, void *arg, struct err *e)
{
    struct arena *mem = arena_create((size_t)cfg.arena_max);
    struct call c;

    call_init(&c, o, mem, user_system(), VIA_API);
    enum err_code code = write ? call_write(&c, fn, arg) : call_read(&c, fn, arg);
    *e = c.err;
    arena_destroy(mem);
    return code;
}

void crash_org_prepare(struct stage *s)
{
    static int next;
    char path[300];

    snprintf(org_name, sizeof org_name, "crash_%d_%d", (int)getpid(), next++);
    snprintf(path, sizeof path, "%s/orgs", s->dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/orgs/%s", s->dir, org_name);
    mkdir(path, 0700);
    org_close(crash_org(s));
}

void crash_org_open(struct stage *s)
{
    if (s->vfs) {
        sqlite3_vfs_register(sqlite3_vfs_find(s->vfs), 1); /* the organisation asks for the default */
    }
    s->world = crash_org(s);
}

void crash_org_clear(struct stage *s)
{
    struct conn *db;
    struct err e;
    char text[100];

    if (!world_is_postgres()) {
        return;
    }
    struct org *o = crash_org(s);
    snprintf(text, sizeof text, "DROP SCHEMA \"kith_%s\" CASCADE", org_name);
    if (org_take_writer(o, &db, &e) != OK || conn_script(db, text, &e) != OK) {
        give_up("%s: %s", text, e.msg);
    }
    org_give_writer(o, db);
    org_close(o);
}
