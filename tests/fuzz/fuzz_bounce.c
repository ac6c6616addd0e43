/* fuzz_bounce.c - reports of mail systems: whatever stands in one, the message that it names ends up in a state there is,
 * and only a failure that is for good closes the address. */

#include "domain.h"

#include "domain/message/message_steps.h"
#include "model/link.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str address_of(struct call *c, int64_t message)
{
    struct str seal = link_seal(c->org, c->mem, &(struct link) { LINK_BOUNCE, message, 0 });
    unsigned char bytes[64];
    char hex[2 * sizeof bytes + 1];
    size_t n;

    if (sodium_base642bin(bytes, sizeof bytes, seal.p, seal.n, NULL, &n, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING)) {
        abort();
    }
    return arena_fmt(c->mem, "bounces+%s@shop.example", sodium_bin2hex(hex, sizeof hex, bytes, n));
}

static enum err_code take(struct call *c, void *arg)
{
    const struct str *body = arg;
    struct str state;
    int64_t message, closed;

    TRY(db_insert(c, &message,
        SQL("INSERT INTO \"messages\" (\"batch\", \"contact\", \"occasion\", \"address\", \"state\", \"at\") VALUES (1, 1, 0,"
            " 'ann@mail.example', 'accepted', 0)"),
        VALS()));
    struct str to = address_of(c, message);
    struct str report = arena_fmt(c->mem, "To: %.*s\r\n%.*s", STR_ARG(to), STR_ARG(*body));
    json_t *input = json_pack("{}");
    arena_defer(c->mem, (void (*)(void *))json_decref, input);
    json_object_set_new(input, "report", json_stringn_nocheck(report.p, report.n));
    c->input = input;
    json_object(&c->out, NULL);
    TRY(message_act_bounce(c));
    json_end_object(&c->out);
    TRY(db_text(c, &state, SQL("SELECT \"state\" FROM \"messages\" WHERE \"id\" = $1"), VALS(V(message))));
    TRY(db_int(c, &closed, SQL("SELECT count(*) FROM \"suppressions\""), VALS()));
    bool bounced = str_is(state, "bounced");
    if ((!bounced && !str_is(state, "accepted")) || (closed && !bounced)) {
        abort();
    }
    return ERR_CONFLICT; /* leaves nothing behind for the next */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = { (const char *)data, size };
    enum err_code code = write_fails(world_once(), take, &body);

    if (code != ERR_CONFLICT && !err_from_input(code)) {
        abort();
    }
    return 0;
}
