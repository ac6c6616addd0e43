/* suppression.c - addresses that are never written to: by their keyed hash, so that the list
 * outlives the erasure of a person and tells nobody who is on it. */

#include "domain/consent/consent_steps.h"

#include "base/utf8.h"
#include "model/action.h"
#include "model/link.h"
#include "model/normal.h"

static const struct choice_def reasons[] = { { "hard_bounce", "Does not exist", "red" }, { "complaint", "Complained", "red" },
    { "by_hand", "Put here by hand", "gray" }, { 0 } };
static const struct field fields[] = {
    FIELD_TEXT("address_hash", .label = "Address (hashed)", .required = true, .max = 64, .no_fold = true, .unique = true,
        .set_once = true),
    FIELD_CHOICE("reason", reasons, .def = "by_hand"),
    FIELD_TEXT("detail", .max = 400, .help = "What the other side said."),
    FIELD_END,
};

const struct entity suppression_entity = { .name = "suppression",
    .plural = "suppressions",
    .title = "detail",
    .icon = "mail-off",
    .flags = ENTITY_NO_SEARCH | ENTITY_DERIVED,
    .fields = fields };

static enum err_code find(struct call *c, struct str hash, int64_t *id, bool *found)
{
    return db_find(c, id, found,
        SQL("SELECT \"id\" FROM \"suppressions\" WHERE \"address_hash\" = $1 AND \"deleted_at\" IS "
            "NULL"),
        VALS(V(hash)));
}

enum err_code suppression_holds(struct call *c, struct str key, bool *yes)
{
    int64_t id;

    return find(c, address_hash(c->org, c->mem, key), &id, yes);
}

static enum err_code put(struct call *c, struct str key, struct str reason, struct str detail, int64_t *id)
{
    struct record *r = record_of(c, "suppression");
    struct str hash = address_hash(c->org, c->mem, key);
    int64_t choice = model_choice(c->model, "suppression", "reason", reason.n ? reason : STR("by_hand"));
    bool found;

    if (!choice) {
        return fail(c, ERR_INVALID, "reason", "there is no reason \"%.*s\"", STR_ARG(str_sub(reason, 0, 40)));
    }
    TRY(find(c, hash, id, &found));
    if (found) {
        return OK;
    }
    r->trusted = true; /* the right to the action has been checked */
    record_set(c, r, "address_hash", V(hash));
    record_set(c, r, "reason", V(choice));
    record_set(c, r, "detail", detail.n ? V(detail) : V_NULL);
    TRY(record_create(c, r));
    *id = r->id;
    return OK;
}

enum err_code suppression_add(struct call *c, struct str key, const char *reason, struct str detail)
{
    int64_t id;

    return put(c, key, str_of(reason), utf8_clip(detail, 400), &id);
}

/* The key of an e-mail address or a phone number, as parts keep it. */
static enum err_code key_of(struct call *c, struct str *key)
{
    struct str typed = in_text(c, "address");
    const char *why = "";
    bool good = str_find_byte(typed, '@') >= 0 ? normal_email(c->mem, typed, key, &why)
                                               : normal_phone(c->mem, typed, c->model->country, key, &why);

    return good ? OK : fail(c, ERR_INVALID, "address", "%s", why);
}

enum err_code suppression_act_add(struct call *c)
{
    struct str key;
    int64_t id;

    TRY(key_of(c, &key));
    TRY(put(c, key, in_text(c, "reason"), in_text(c, "detail"), &id));
    out_int(c, "id", id);
    return OK;
}

enum err_code suppression_act_remove(struct call *c)
{
    return record_delete_along(c, target_entity(c), target(c));
}

enum err_code suppression_act_check(struct call *c)
{
    struct str key;
    bool yes;

    TRY(key_of(c, &key));
    TRY(suppression_holds(c, key, &yes));
    json_flag(&c->out, "suppressed", yes);
    return OK;
}
