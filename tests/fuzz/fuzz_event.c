/* fuzz_event.c - the bodies that sites and programs send: whatever comes, the counts of days are those of the events. */

#include "domain.h"

#include "domain/event/event.h"
#include "model/visit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool no_limit(void *arg, struct str client, int64_t per_minute, int64_t n)
{
    (void)arg, (void)client, (void)per_minute, (void)n;
    return true;
}

static enum err_code take(struct call *c, void *arg)
{
    struct str *body = arg;
    struct visit v = { .within = no_limit };
    struct record *r = record_of(c, "event_source");
    json_t *input, *source;
    struct str key;
    int64_t wrong;

    TRY(json_read(c->mem, *body, &input, &c->err));
    if (!json_is_object(input)) {
        return ERR_INVALID;
    }
    TRY(json_read(c->mem, STR("{\"name\": \"s\", \"kind\": \"server\", \"creates\": true}"), &source, &c->err));
    TRY(record_fill(c, r, source));
    TRY(record_create(c, r));
    TRY(db_text(c, &key, SQL("SELECT \"key\" FROM \"event_sources\" WHERE \"id\" = $1"), VALS(V(r->id))));
    (void)json_object_set_new(input, "writeKey", json_stringn(key.p, key.n));
    v.input = input;
    for (const struct intake *i = event_module.intakes; i->name; i++) {
        enum err_code code = i->take ? i->take(c, &v) : OK;
        if (code != OK && !err_from_input(code)) {
            abort();
        }
        err_clear(&c->err);
        c->errors = NULL;
    }
    TRY(db_int(c, &wrong,
        SQL("SELECT count(*) FROM (SELECT \"person\", \"name\", count(*) AS n FROM \"events\" GROUP BY 1, 2) e FULL JOIN"
            " (SELECT \"person\", \"name\", sum(\"n\") AS n FROM \"event_days\" GROUP BY 1, 2) d ON d.\"person\" ="
            " e.\"person\" AND d.\"name\" = e.\"name\" WHERE e.n IS NULL OR d.n IS NULL OR e.n <> d.n"),
        VALS()));
    if (wrong) {
        abort();
    }
    return ERR_CONFLICT; /* leaves nothing behind for the next */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size };

    (void)write_fails(world_once(), take, &body);
    return 0;
}
