/* system.c - the tables of the engine's own entities.
 *
 * Schema is never hand-written: the feed, sessions and jobs are field tables like a contact's, only
 * marked ENTITY_TABLE. What must happen when one of these rows changes hangs on its hooks. */

#include "model/system.h"

#include "model/bulk.h"
#include "model/change.h"
#include "model/file.h"
#include "model/hooks.h"
#include "model/import_job.h"
#include "model/lookup.h"
#include "model/match.h"
#include "model/merge.h"
#include "model/recompute.h"
#include "model/retention.h"
#include "model/search.h"

/* ---- people and rights ---- */

static const struct field user_team_attributes[] = {
    FIELD_TEXT("role", .max = 100),
    FIELD_END,
};

static const struct field user_fields[] = {
    FIELD_TEXT("email", .required = true, .unique = true, .max = 254, .format = FORMAT_EMAIL,
        .no_fold = true, .search = 2),
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_TEXT("title", .max = 100, .label = "Job title"),
    FIELD_TEXT("phone", .max = 40, .format = FORMAT_PHONE),
    FIELD_BOOL("active", .def = "true"),
    FIELD_BOOL("admin", .label = "Administrator", .def = "false"),
    FIELD_REF("manager", "user", .inverse = "reports"),
    FIELD_MANY("teams", "team", .inverse = "members", .attributes = user_team_attributes,
        .unique = true),
    FIELD_MANY("roles", "role", .inverse = "users", .unique = true, .by_admins = true),
    FIELD_TEXT("language", .max = 10, .format = FORMAT_LANGUAGE),
    FIELD_TEXT("zone", .max = 60, .format = FORMAT_ZONE, .label = "Time zone"),
    FIELD_REF("working_hours", "working_hours", .inverse = "users"),
    FIELD_INSTANT("last_seen_at", .read_only = true, .no_history = true),
    FIELD_TEXT("password_hash", .system = true, .no_fold = true, .no_history = true),
    FIELD_TEXT("totp_secret", .system = true, .no_fold = true, .no_history = true),
    FIELD_INT("totp_last", .system = true, .no_history = true),
    FIELD_END,
};

static const struct entity user = { .name = "user", .plural = "users", .icon = "user",
    .fields = user_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC, .before_save = user_before_save,
    .before_delete = user_before_delete, .after_save = access_after_save };

static const struct field team_fields[] = {
    FIELD_TEXT("name", .required = true, .unique = true, .search = 3),
    FIELD_REF("parent", "team", .inverse = "teams"),
    FIELD_LONG("description"),
    FIELD_REF("working_hours", "working_hours", .inverse = "teams"),
    FIELD_END,
};
static const struct entity team = { .name = "team", .plural = "teams", .icon = "users",
    .fields = team_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC, .before_save = tree_before_save,
    .after_save = access_after_save };

static const struct field role_fields[] = {
    FIELD_TEXT("name", .required = true, .unique = true, .search = 3),
    FIELD_LONG("description"),
    FIELD_BOOL("may_explain", .label = "May ask why others have access"),
    FIELD_BOOL("may_customise", .label = "May add objects and fields"),
    FIELD_END,
};
static const struct entity role = { .name = "role", .plural = "roles", .icon = "shield",
    .fields = role_fields, .flags = ENTITY_ADMIN, .after_save = access_after_save };

static const struct choice_def levels[] = {
    { "none", "None" },
    { "own", "Own" },
    { "team", "Team" },
    { "below", "Team and below" },
    { "all", "All" },
    { 0 },
};
#define LEVEL(n) FIELD_CHOICE(n, levels, .list = "access_level")

static const struct field grant_fields[] = {
    FIELD_REF("role", "role", .required = true, .inverse = "grants", .on_delete = ON_DELETE_CASCADE),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true,
        .help = "The entity's name, or * for all that have no row of their own."),
    LEVEL("read"),
    LEVEL("create"),
    LEVEL("update"),
    LEVEL("delete"),
    LEVEL("export"),
    LEVEL("import"),
    LEVEL("bulk"),
    FIELD_TEXT("actions", .max = 1000, .no_fold = true,
        .help = "Named actions beside these, separated by commas; * for all."),
    FIELD_TEXT("condition", .max = 4000, .no_fold = true,
        .help = "Only records that fulfil this expression."),
    FIELD_END,
};
static const char *const grant_unique[] = { "\"role\", \"entity\"", NULL };
static const struct entity grant = { .name = "grant", .plural = "grants", .title = "entity",
    .fields = grant_fields, .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH, .unique = grant_unique,
    .before_save = grant_before_save, .after_save = access_after_save };

static const struct choice_def field_levels[] = {
    { "hidden", "Hidden" },
    { "read", "Read" },
    { "write", "Write" },
    { 0 },
};
static const struct field field_grant_fields[] = {
    FIELD_REF("role", "role", .required = true, .inverse = "field_grants",
        .on_delete = ON_DELETE_CASCADE),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true),
    FIELD_TEXT("field", .required = true, .max = 60, .no_fold = true),
    FIELD_CHOICE("level", field_levels, .required = true),
    FIELD_END,
};
static const char *const field_grant_unique[] = { "\"role\", \"entity\", \"field\"", NULL };
static const struct entity field_grant = { .name = "field_grant", .plural = "field_grants",
    .title = "field", .fields = field_grant_fields, .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH,
    .unique = field_grant_unique, .before_save = grant_before_save,
    .after_save = access_after_save };

static const struct choice_def share_levels[] = { { "read", "Read" }, { "write", "Change" }, { 0 } };
static const struct field share_fields[] = {
    FIELD_ANYREF("record", .required = true, .set_once = true),
    FIELD_REF("user", "user", .inverse = "shared_with_me", .set_once = true),
    FIELD_REF("with_team", "team", .inverse = "shared_with_team", .set_once = true),
    FIELD_CHOICE("level", share_levels, .required = true),
    FIELD_INSTANT("until"),
    FIELD_END,
};
static const char *const share_indexes[] = { "\"user\", \"record_entity\", \"record_id\"",
    "\"with_team\", \"record_entity\", \"record_id\"", NULL };
static const struct entity share = { .name = "share", .plural = "shares", .fields = share_fields,
    .flags = ENTITY_NO_SEARCH, .indexes = share_indexes, .before_save = share_before_save,
    .after_save = access_after_save };

/* ---- objects, fields and choices made by users ---- */

static const struct field object_fields[] = {
    FIELD_TEXT("name", .required = true, .unique = true, .max = 40, .no_fold = true,
        .help = "Singular, begins with x_"),
    FIELD_TEXT("plural", .max = 50, .unique = true, .no_fold = true),
    FIELD_TEXT("label", .max = 60),
    FIELD_TEXT("label_plural", .max = 60),
    FIELD_TEXT("icon", .max = 40),
    FIELD_TEXT("title_field", .max = 60, .no_fold = true),
    FIELD_LONG("description"),
    FIELD_END,
};
static const struct entity object = { .name = "object", .plural = "objects", .icon = "cube",
    .fields = object_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_CUSTOMISE, .before_save = object_before_save,
    .after_save = definition_after_save };

static const struct field custom_field_fields[] = {
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true, .set_once = true),
    FIELD_REF("object", "object", .inverse = "fields", .read_only = true,
        .on_delete = ON_DELETE_CASCADE),
    FIELD_TEXT("name", .required = true, .max = 50, .no_fold = true, .help = "Begins with x_"),
    FIELD_TEXT("label", .max = 80),
    FIELD_TEXT("help", .max = 400),
    FIELD_TEXT("kind", .required = true, .max = 20, .no_fold = true, .set_once = true),
    FIELD_TEXT("result", .max = 20, .no_fold = true),
    FIELD_BOOL("required", .def = "false"),
    FIELD_BOOL("unique", .def = "false", .set_once = true),
    FIELD_BOOL("index", .def = "false"),
    FIELD_BOOL("sensitive", .def = "false"),
    FIELD_BOOL("read_only", .def = "false"),
    FIELD_BOOL("partial", .def = "false", .set_once = true),
    FIELD_BOOL("no_fold", .def = "false", .set_once = true),
    FIELD_INT("min"),
    FIELD_INT("max"),
    FIELD_INT("scale", .min = 0, .max = 9, .set_once = true),
    FIELD_INT("search", .min = 0, .max = 3),
    FIELD_TEXT("target", .max = 60, .no_fold = true, .set_once = true),
    FIELD_TEXT("inverse", .max = 60, .no_fold = true),
    FIELD_TEXT("list", .max = 100, .no_fold = true, .set_once = true),
    FIELD_TEXT("pattern", .max = 60, .no_fold = true),
    FIELD_TEXT("expr", .max = 4000, .no_fold = true),
    FIELD_TEXT("def", .max = 400, .no_fold = true, .label = "Default"),
    FIELD_TEXT("group", .max = 60),
    FIELD_JSON("choices", .help = "[{\"code\", \"label\", \"colour\"}]: the list to begin with"),
    FIELD_JSON("lookup", .help = "[{\"field\", \"key\"}]: the engine keeps this reference, by equal values"),
    FIELD_INT("side", .system = true),
    FIELD_END,
};
static const char *const custom_field_unique[] = { "\"entity\", \"name\"", NULL };
static const struct entity custom_field = { .name = "field", .plural = "fields", .icon = "columns",
    .fields = custom_field_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_CUSTOMISE, .unique = custom_field_unique,
    .before_save = custom_field_before_save, .after_save = definition_after_save };

static const struct field choice_list_fields[] = {
    FIELD_TEXT("name", .required = true, .unique = true, .max = 100, .no_fold = true,
        .set_once = true),
    FIELD_TEXT("label", .max = 100),
    FIELD_END,
};
static const struct entity choice_list_entity = { .name = "choice_list", .plural = "choice_lists",
    .fields = choice_list_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_CUSTOMISE,
    .before_delete = choice_list_before_delete, .after_save = definition_after_save };

static const struct field choice_fields[] = {
    FIELD_REF("list", "choice_list", .required = true, .inverse = "choices", .set_once = true,
        .on_delete = ON_DELETE_CASCADE),
    FIELD_TEXT("code", .required = true, .max = 60, .no_fold = true, .set_once = true),
    FIELD_TEXT("label", .required = true, .max = 100),
    FIELD_TEXT("colour", .max = 20, .no_fold = true),
    FIELD_TEXT("kind", .max = 40, .no_fold = true),
    FIELD_INT("position", .min = 0, .max = 100000),
    FIELD_BOOL("active", .def = "true"),
    FIELD_END,
};
static const char *const choice_unique[] = { "\"list\", \"code\"", NULL };
static const struct entity choice_entity = { .name = "choice", .plural = "choices",
    .title = "label", .fields = choice_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_CUSTOMISE | ENTITY_NO_SEARCH,
    .unique = choice_unique, .after_save = definition_after_save };

/* ---- how people look at it ---- */

static const struct choice_def view_kinds[] = {
    { "list", "List" }, { "board", "Board" }, { "calendar", "Calendar" }, { "chart", "Chart" },
    { "map", "Map" }, { 0 },
};
static const struct field view_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 2),
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true, .index = true),
    FIELD_CHOICE("kind", view_kinds),
    FIELD_TEXT("where", .max = 16000, .no_fold = true, .format = FORMAT_EXPR),
    FIELD_TEXT("sort", .max = 400, .no_fold = true),
    FIELD_TEXT("group", .max = 200, .no_fold = true),
    FIELD_JSON("columns"),
    FIELD_JSON("options"),
    FIELD_BOOL("shared", .def = "false"),
    FIELD_BOOL("pinned", .def = "false"),
    FIELD_INT("position"),
    FIELD_END,
};
static const struct entity view = { .name = "view", .plural = "views", .fields = view_fields,
    .flags = ENTITY_NO_SEARCH | ENTITY_PERSONAL, .before_save = view_before_save };

static const struct field layout_fields[] = {
    FIELD_TEXT("entity", .required = true, .max = 60, .no_fold = true),
    FIELD_TEXT("kind", .required = true, .max = 40, .no_fold = true),
    FIELD_JSON("content"),
    FIELD_END,
};
static const char *const layout_unique[] = { "\"entity\", \"kind\"", NULL };
static const struct entity layout = { .name = "layout", .plural = "layouts", .title = "entity",
    .fields = layout_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_CUSTOMISE | ENTITY_NO_SEARCH, .unique = layout_unique };

/* ---- money, time, files, settings ---- */

static const struct field currency_fields[] = {
    FIELD_TEXT("code", .required = true, .unique = true, .max = 3, .format = FORMAT_CURRENCY,
        .no_fold = true),
    FIELD_TEXT("name", .max = 60),
    FIELD_END,
};
static const struct entity currency = { .name = "currency", .plural = "currencies",
    .title = "code", .fields = currency_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_NO_SEARCH };

static const struct field rate_fields[] = {
    FIELD_TEXT("currency", .required = true, .max = 3, .format = FORMAT_CURRENCY, .no_fold = true),
    FIELD_DATE("day", .required = true, .label = "From"),
    FIELD_DECIMAL("rate", 9, .required = true, .min = 0, .max = 1000000000,
        .help = "What one unit is worth in the base currency."),
    FIELD_END,
};
static const char *const rate_unique[] = { "\"currency\", \"day\"", NULL };
static const struct entity rate = { .name = "rate", .plural = "rates", .title = "currency",
    .fields = rate_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_NO_SEARCH, .unique = rate_unique };

static const struct field working_hours_fields[] = {
    FIELD_TEXT("name", .required = true, .unique = true),
    FIELD_TEXT("zone", .max = 60, .format = FORMAT_ZONE),
    FIELD_JSON("week", .help = "{\"1\": [[\"09:00\", \"17:00\"]], ...}, 1 is Monday"),
    FIELD_END,
};
static const struct entity working_hours = { .name = "working_hours", .plural = "working_hours_sets",
    .fields = working_hours_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_NO_SEARCH,
    .before_save = working_hours_before_save };

static const struct field holiday_fields[] = {
    FIELD_TEXT("name", .required = true),
    FIELD_DATE("day", .required = true, .index = true),
    FIELD_REF("working_hours", "working_hours", .inverse = "holidays",
        .on_delete = ON_DELETE_CASCADE),
    FIELD_BOOL("yearly", .def = "false"),
    FIELD_END,
};
static const struct entity holiday = { .name = "holiday", .plural = "holidays",
    .fields = holiday_fields, .flags = ENTITY_ADMIN | ENTITY_PUBLIC | ENTITY_NO_SEARCH };

static const struct field file_fields[] = {
    FIELD_TEXT("name", .required = true, .max = 255, .search = 2),
    FIELD_TEXT("type", .max = 100, .no_fold = true, .read_only = true),
    FIELD_INT("size", .read_only = true),
    FIELD_TEXT("hash", .max = 64, .no_fold = true, .read_only = true, .index = true),
    FIELD_ANYREF("record"),
    FIELD_END,
};
static const struct entity file = { .name = "file", .plural = "files", .icon = "paperclip",
    .fields = file_fields, .flags = ENTITY_UPLOAD, .before_save = file_before_save };

static const struct field setting_fields[] = {
    FIELD_TEXT("name", .required = true, .max = 100, .no_fold = true),
    FIELD_TEXT("scope", .required = true, .max = 20, .no_fold = true),
    FIELD_INT("scope_id", .required = true),
    FIELD_JSON("value"),
    FIELD_END,
};
static const char *const setting_unique[] = { "\"name\", \"scope\", \"scope_id\"", NULL };
static const struct entity setting = { .name = "setting", .plural = "settings",
    .fields = setting_fields, .flags = ENTITY_ADMIN | ENTITY_NO_SEARCH,
    .unique = setting_unique, .before_save = setting_before_save };

/* ---- bare tables ---- */

#define COL_INT(n) FIELD_INT(n, .system = true)
#define COL_TEXT(n) FIELD_TEXT(n, .system = true, .no_fold = true)

static const struct field names_fields[] = { COL_TEXT("key"), FIELD_END };
static const char *const names_unique[] = { "\"key\"", NULL };
static const struct entity names = { .name = "name_number", .plural = "name_numbers",
    .fields = names_fields, .flags = ENTITY_TABLE, .unique = names_unique };

static const struct field state_fields[] = { COL_TEXT("key"), COL_TEXT("value"), FIELD_END };
static const struct entity state = { .name = "state_row", .plural = "state",
    .fields = state_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"key\"" };

static const struct field change_set_fields[] = {
    COL_INT("at"), COL_INT("user"), COL_TEXT("via"), COL_TEXT("kind"), COL_TEXT("request"),
    COL_INT("undone_by"), COL_INT("undo_of"), COL_TEXT("label"), FIELD_END,
};
static const char *const change_set_indexes[] = { "\"user\", \"id\"", NULL };
static const struct entity change_set = { .name = "change_set", .plural = "change_sets",
    .fields = change_set_fields, .flags = ENTITY_TABLE, .indexes = change_set_indexes };

static const struct field feed_fields[] = {
    COL_INT("entity"), COL_INT("record"), COL_TEXT("kind"), COL_TEXT("fields"),
    COL_INT("person"), COL_INT("change_set"), COL_INT("at"), COL_INT("history"),
    FIELD_END,
};
static const char *const feed_indexes[] = { "\"at\"", "\"change_set\"", NULL };
static const struct entity feed = { .name = "feed_row", .plural = "feed", .fields = feed_fields,
    .flags = ENTITY_TABLE, .indexes = feed_indexes };

static const struct field history_fields[] = {
    COL_INT("entity"), COL_INT("record"), COL_TEXT("kind"), COL_TEXT("old"), COL_INT("user"),
    COL_TEXT("via"), COL_INT("at"), COL_INT("change_set"), FIELD_END,
};
static const char *const history_indexes[] = { "\"entity\", \"record\"", NULL };
static const struct entity history = { .name = "history_row", .plural = "history",
    .fields = history_fields, .flags = ENTITY_TABLE, .indexes = history_indexes };

/* What old values in history refer to: a record whose creation is undone must not be missed when one of
 * them comes back. */
static const struct field history_ref_fields[] = { COL_INT("entity"), COL_INT("record"),
    COL_INT("history"), FIELD_END };
static const struct entity history_ref = { .name = "history_ref", .plural = "history_refs",
    .fields = history_ref_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"entity\", \"record\", \"history\"" };

#define PART_FIELDS                                                                                \
    COL_INT("entity"), COL_INT("record"), COL_INT("field"), COL_INT("position"),                   \
        COL_TEXT("typed"), COL_TEXT("key"), COL_TEXT("kind"), COL_INT("is_primary")
static const char *const part_indexes[] = { "\"key\", \"entity\", \"field\", \"record\"", NULL };
static const struct field part_fields[] = { PART_FIELDS, FIELD_END };
static const struct field part_address_fields[] = { PART_FIELDS, COL_TEXT("street"),
    COL_TEXT("city"), COL_TEXT("region"), COL_TEXT("postcode"), COL_TEXT("country"),
    { .name = "lat", .kind = KIND_DECIMAL, .scale = 7, .system = true },
    { .name = "lng", .kind = KIND_DECIMAL, .scale = 7, .system = true }, FIELD_END };
#define PART_TABLE(n, rows)                                                                        \
    { .name = n "_row", .plural = n, .fields = rows,                                               \
        .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,                              \
        .key = "\"record\", \"entity\", \"field\", \"position\"", .indexes = part_indexes }
static const struct entity part_emails = PART_TABLE("part_emails", part_fields);
static const struct entity part_phones = PART_TABLE("part_phones", part_fields);
static const struct entity part_urls = PART_TABLE("part_urls", part_fields);
static const struct entity part_addresses = PART_TABLE("part_addresses", part_address_fields);

static const struct field pick_fields[] = { COL_INT("field"), COL_INT("record"), COL_INT("choice"),
    FIELD_END };
static const char *const pick_indexes[] = { "\"field\", \"choice\", \"record\"", NULL };
static const struct entity picks = { .name = "pick", .plural = "picks", .fields = pick_fields,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID | ENTITY_CLUSTERED,
    .key = "\"field\", \"record\", \"choice\"",
    .indexes = pick_indexes };

static const struct field session_fields[] = {
    COL_TEXT("hash"), COL_INT("user"), COL_INT("created_at"), COL_INT("seen_at"),
    COL_INT("expires_at"), COL_TEXT("csrf"), COL_TEXT("agent"), COL_TEXT("address"),
    COL_INT("passed"), FIELD_END,
};
static const char *const hash_unique[] = { "\"hash\"", NULL };
static const struct entity session = { .name = "session_row", .plural = "sessions",
    .fields = session_fields, .flags = ENTITY_TABLE, .unique = hash_unique };

static const struct field token_fields[] = {
    COL_TEXT("hash"), COL_INT("user"), COL_TEXT("name"), COL_TEXT("scopes"), COL_INT("created_at"),
    COL_INT("expires_at"), COL_INT("used_at"), COL_INT("revoked_at"), FIELD_END,
};
static const struct entity token = { .name = "token_row", .plural = "tokens",
    .fields = token_fields, .flags = ENTITY_TABLE, .unique = hash_unique };

static const struct field throttle_fields[] = { COL_TEXT("key"), COL_INT("count"), COL_INT("until"),
    FIELD_END };
static const struct entity throttle = { .name = "throttle_row", .plural = "throttles",
    .fields = throttle_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"key\"" };

static const struct field job_fields[] = {
    COL_TEXT("kind"), COL_TEXT("key"), COL_INT("user"), COL_INT("due"), COL_INT("lease"),
    COL_TEXT("worker"), COL_INT("attempts"), COL_TEXT("state"), COL_TEXT("input"),
    COL_INT("mark"), COL_INT("done"), COL_INT("total"), COL_TEXT("result"), COL_TEXT("error"),
    COL_INT("cancel"), COL_INT("created_at"), COL_INT("ended_at"), COL_INT("change_set"),
    FIELD_END,
};
static const char *const job_indexes[] = { "\"state\", \"due\"", "\"change_set\"", NULL };
static const char *const job_unique[] = { "\"key\"", NULL };
static const struct entity job = { .name = "job_row", .plural = "jobs", .fields = job_fields,
    .flags = ENTITY_TABLE, .indexes = job_indexes, .unique = job_unique };

/* ahead: how far a consumer that goes before it has looked for single changes */
static const struct field cursor_fields[] = { COL_TEXT("name"), COL_INT("seq"), COL_INT("ahead"), FIELD_END };
static const struct entity cursor = { .name = "cursor_row", .plural = "cursors",
    .fields = cursor_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"name\"" };

/* at: of the first piece, when it came last: what is being uploaded has no record yet */
static const struct field chunk_fields[] = { COL_TEXT("hash"), COL_INT("position"), COL_INT("at"),
    FIELD_TEXT("bytes", .system = true, .no_fold = true, .format = FORMAT_BYTES), FIELD_END };
static const struct entity chunk = { .name = "file_chunk", .plural = "file_chunks",
    .fields = chunk_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID,
    .key = "\"hash\", \"position\"" };

static const struct field sequence_fields[] = { COL_TEXT("name"), COL_INT("value"), FIELD_END };
static const struct entity sequence = { .name = "sequence_row", .plural = "number_sequences",
    .fields = sequence_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"name\"" };

static const struct field idempotency_fields[] = {
    COL_TEXT("key"), COL_TEXT("request"), COL_INT("status"), COL_TEXT("body"), COL_INT("at"),
    FIELD_END,
};
static const char *const at_index[] = { "\"at\"", NULL };
static const struct entity idempotency = { .name = "idempotency_row",
    .plural = "idempotency_keys", .fields = idempotency_fields, .indexes = at_index,
    .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"key\"" };

static const struct field secret_fields[] = { COL_TEXT("name"), COL_TEXT("sealed"), FIELD_END };
static const struct entity secret = { .name = "secret_row", .plural = "secrets",
    .fields = secret_fields, .flags = ENTITY_TABLE | ENTITY_WITHOUT_ID, .key = "\"name\"" };

static const struct field search_fields[] = { COL_INT("entity"), COL_INT("record"),
    COL_TEXT("title"), COL_TEXT("body"), COL_INT("at"), FIELD_END };
static const char *const search_unique[] = { "\"entity\", \"record\"", NULL };
static const char *const search_indexes[] = { "\"title\", \"entity\"", NULL };
static const struct entity search = { .name = "search_row", .plural = "search_rows",
    .fields = search_fields, .flags = ENTITY_TABLE | ENTITY_IDS_AGAIN, .unique = search_unique,
    .indexes = search_indexes };

static const struct entity *const entities[] = { &user, &team, &role, &grant, &field_grant, &share,
    &object, &custom_field, &choice_list_entity, &choice_entity, &view, &layout, &currency, &rate,
    &working_hours, &holiday, &file, &setting, &names, &state, &change_set, &feed, &history, &history_ref,
    &part_emails, &part_phones, &part_urls, &part_addresses, &picks, &session, &token, &throttle,
    &import_entity, &import_piece_entity, &import_reject_entity, &job, &cursor, &chunk, &sequence, &idempotency, &secret, &search,
    &merge_entity, &match_key_entity, &match_record_entity, &lookup_key_entity, &duplicate_rule_entity, &duplicate_entity, NULL };

static const struct job_kind jobs[] = {
    { .name = "import_read", .work = import_read_work,
        .help = "Reads a file that is to be imported." },
    { .name = "import_run", .work = import_run_work, .help = "Imports the rows of a file." },
    { .name = "bulk", .run = bulk_run, .look = bulk_look,
        .help = "Changes many records at once." },
    { .name = "undo", .work = undo_work, .help = "Takes back a large change set." },
    { .name = "match_sweep", .work = match_sweep_work, .system = true,
        .help = "Compares all records of an object to find duplicates." },
    { .name = "recompute", .run = recompute_run, .system = true,
        .help = "Makes a new or changed formula or roll-up for the records that are there." },
    { .name = "lookup", .work = lookup_work, .system = true,
        .help = "Finds the facts that belong to each record, after a key of them changed." },
    { .name = "retention", .work = retention_work, .when = "daily", .system = true,
        .help = "Empties the bin and forgets history when their time is over." },
    { .name = "housekeeping", .run = housekeeping_run, .when = "daily", .system = true,
        .help = "Removes what has run out." },
    JOB_END,
};

static const struct choice_def weekdays[] = { { "1", "Monday" }, { "2", "Tuesday" }, { "3", "Wednesday" },
    { "4", "Thursday" }, { "5", "Friday" }, { "6", "Saturday" }, { "7", "Sunday" }, { NULL } };
static const struct setting settings[] = {
    { .field = { .name = "company.name", .label = "Name of your business", .kind = KIND_TEXT, .max = 200,
          .help = "As your customers read it on your pages and in your mails." },
        .scope = SETTING_ORG },
    { .field = { .name = "bin.days", .label = "Recycle bin", .kind = KIND_INT, .min = 0, .max = 36500, .def = "90",
          .help = "For how many days something deleted can be brought back. 0: for ever." },
        .scope = SETTING_ORG },
    { .field = { .name = "history.days", .label = "History of records", .kind = KIND_INT, .min = 0, .max = 36500, .def = "0",
          .help = "For how many days you can see what stood in a field before, at least 30. 0: for ever." },
        .scope = SETTING_ORG },
    { .field = { .name = "week.starts_on", .label = "First day of the week", .kind = KIND_INT, .min = 1, .max = 7, .def = "1",
          .choices = weekdays, .help = "With which day a week begins in calendars." },
        .scope = SETTING_USER },
#ifdef KITH_TESTING
    { .field = { .name = "test.secret", .label = "Secret of a test", .kind = KIND_TEXT, .max = 400 }, .scope = SETTING_ORG,
        .secret = true },
#endif
    SETTING_END,
};

static const struct field match_merge_input[] = { FIELD_INT("survivor"), FIELD_JSON("fields"),
    FIELD_JSON("values"), FIELD_END };
static const struct action actions[] = {
    { .name = "check", .on = "import", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "import.update",
        .run = import_check, .help = "Run all rows and keep nothing: what would change?" },
    { .name = "start", .on = "import", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "import.update",
        .run = import_start, .help = "Import the rows, or go on after a pause." },
    { .name = "pause", .on = "import", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "import.update",
        .run = import_pause, .help = "Stop between two rows, to go on later." },
    { .name = "cancel", .on = "import", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "import.update",
        .run = import_cancel, .help = "Stop for good; what is in can be undone." },
    { .name = "dismiss", .on = "duplicate", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "duplicate.update",
        .run = match_dismiss, .help = "They are not the same: never show this pair again." },
    { .name = "merge", .on = "duplicate", .takes = TAKES_ONE, .effect = EFFECT_WRITE, .right = "duplicate.update",
        .input = match_merge_input, .run = match_merge, .help = "Merge the two records." },
    { .name = "sweep", .on = "duplicate_rule", .takes = TAKES_ONE, .effect = EFFECT_WRITE,
        .right = "duplicate_rule.update", .run = match_sweep, .help = "Look for duplicates among all records." },
    ACTION_END,
};

static const struct consumer consumers[] = { { .name = "search", .run = search_consume, .look = search_look },
    { .name = "match", .run = match_consume, .look = match_look },
    CONSUMER_END };

const struct module system_module = { .name = "system", .entities = entities,
    .actions = actions, .jobs = jobs, .consumers = consumers, .settings = settings, .seed = match_seed };
