/* contact.c - people, the groups they are members of, and dated facts about them.
 *
 * Profile fields come with their source and date: told, derived or bought in. Sensitive ones are hidden
 * from everybody to whom no role shows them. */

#include "domain/contact/contact.h"

#include "model/record.h"

static const struct choice_def seniorities[] = {
    { "entry", "Entry" }, { "senior", "Senior" }, { "manager", "Manager" },
    { "director", "Director" }, { "vice_president", "Vice president" },
    { "executive", "Executive" }, { "owner", "Owner" }, { "partner", "Partner" }, { 0 },
};
static const struct choice_def lead_sources[] = {
    { "web", "Web site" }, { "referral", "Referral" }, { "event", "Event" }, { "phone", "Phone" },
    { "email", "E-mail" }, { "social", "Social media" }, { "advertising", "Advertising" },
    { "partner", "Partner" }, { "shop", "Shop" }, { "import", "Import" }, { "other", "Other" },
    { 0 },
};
static const struct choice_def genders[] = {
    { "female", "Female" }, { "male", "Male" }, { "diverse", "Diverse" }, { 0 },
};
static const struct choice_def channels[] = {
    { "email", "E-mail" }, { "phone", "Phone" }, { "sms", "SMS" }, { "letter", "Letter" },
    { "chat", "Chat" }, { "in_person", "In person" }, { "none", "None" }, { 0 },
};
static const struct choice_def sources[] = {
    { "told", "Told by the person" }, { "derived", "Derived" }, { "bought", "Bought in" }, { 0 },
};
static const struct choice_def incomes[] = {
    { "under_15k", "Under 15,000" }, { "15k_30k", "15,000 to 30,000" },
    { "30k_50k", "30,000 to 50,000" }, { "50k_75k", "50,000 to 75,000" },
    { "75k_100k", "75,000 to 100,000" }, { "100k_150k", "100,000 to 150,000" },
    { "over_150k", "Over 150,000" }, { 0 },
};
static const struct choice_def educations[] = {
    { "none", "None" }, { "primary", "Primary" }, { "secondary", "Secondary" },
    { "vocational", "Vocational" }, { "bachelor", "Bachelor" }, { "master", "Master" },
    { "doctorate", "Doctorate" }, { 0 },
};
static const struct choice_def maritals[] = {
    { "single", "Single" }, { "partnered", "Partnered" }, { "married", "Married" },
    { "divorced", "Divorced" }, { "widowed", "Widowed" }, { 0 },
};
static const struct choice_def homes[] = {
    { "rented", "Rented" }, { "owned", "Owned" }, { "family", "With family" }, { 0 },
};
static const struct choice_def hobbies[] = {
    { "arts", "Arts and crafts" }, { "books", "Books" }, { "cars", "Cars" }, { "cooking", "Cooking" },
    { "cycling", "Cycling" }, { "fashion", "Fashion" }, { "film", "Film" }, { "fitness", "Fitness" },
    { "games", "Games" }, { "gardening", "Gardening" }, { "hiking", "Hiking" }, { "music", "Music" },
    { "pets", "Pets" }, { "photography", "Photography" }, { "sports", "Sports" },
    { "technology", "Technology" }, { "travel", "Travel" }, { "wine", "Wine" }, { 0 },
};
static const struct choice_def relations[] = {
    { "spouse", "Spouse" }, { "partner", "Partner" }, { "parent", "Parent" }, { "child", "Child" },
    { "sibling", "Sibling" }, { "friend", "Friend" }, { "colleague", "Colleague" },
    { "assistant", "Assistant" }, { "referred_by", "Referred by" }, { "other", "Other" }, { 0 },
};
static const struct choice_def roles[] = {
    { "employee", "Employee" }, { "decision_maker", "Decision maker" }, { "champion", "Champion" },
    { "evaluator", "Evaluator" }, { "influencer", "Influencer" }, { "blocker", "Blocker" },
    { "billing", "Billing" }, { "technical", "Technical" }, { "board", "Board member" },
    { "former", "Former" }, { 0 },
};

static const struct field relation_attributes[] = {
    FIELD_CHOICE("relation", relations),
    FIELD_TEXT("note", .max = 200),
    FIELD_END,
};
static const struct field company_role_attributes[] = {
    FIELD_CHOICE("role", roles),
    FIELD_TEXT("title", .max = 100),
    FIELD_TEXT("department", .max = 100),
    FIELD_DATE("since", .label = "From"),
    FIELD_DATE("until"),
    FIELD_BOOL("inactive"),
    FIELD_END,
};
static const struct field membership_attributes[] = {
    FIELD_TEXT("role", .max = 100),
    FIELD_DATE("since"),
    FIELD_END,
};

/* A profile field with where it comes from and since when. */
#define WITH_SOURCE(n)                                                                             \
    FIELD_CHOICE(n "_source", sources, .list = "fact_source", .group = "profile"),                 \
        FIELD_DATE(n "_on", .group = "profile")

static const struct field contact_fields[] = {
    FIELD_NAME("name", .read_only = true, .search = 3, .index = true),
    FIELD_TEXT("salutation", .max = 40),
    FIELD_TEXT("first_name", .max = 100, .personal = true),
    FIELD_TEXT("middle_name", .max = 100, .personal = true),
    FIELD_TEXT("last_name", .max = 100, .personal = true),
    FIELD_TEXT("suffix", .max = 40),
    FIELD_TEXT("nickname", .max = 100, .personal = true, .search = 2),
    FIELD_TEXT("job_title", .max = 150, .search = 1),
    FIELD_TEXT("department", .max = 100),
    FIELD_CHOICE("seniority", seniorities),
    FIELD_REF("company", "company", .inverse = "contacts"),
    FIELD_MANY("companies", "company", .inverse = "people", .attributes = company_role_attributes),
    FIELD_REF("reports_to", "contact", .inverse = "reports"),
    FIELD_TEXT("assistant_name", .max = 100),
    FIELD_TEXT("assistant_phone", .max = 40, .format = FORMAT_PHONE),
    FIELD_MANY("relations", "contact", .inverse = "related_from",
        .attributes = relation_attributes, .label = "Family and relations"),
    FIELD_MANY("groups", "group", .inverse = "members", .attributes = membership_attributes,
        .unique = true),
    FIELD_EMAILS("emails", .search = 3, .personal = true),
    FIELD_TEXT("email", .max = 254, .no_fold = true, .read_only = true, .mirror = "emails",
        .mirror_part = "address", .personal = true, .index = true),
    FIELD_PHONES("phones", .search = 3, .personal = true),
    FIELD_TEXT("phone", .max = 40, .no_fold = true, .read_only = true, .mirror = "phones",
        .mirror_part = "number", .personal = true),
    FIELD_ADDRESSES("addresses", .search = 1, .personal = true),
    FIELD_TEXT("city", .read_only = true, .mirror = "addresses", .mirror_part = "city"),
    FIELD_TEXT("region", .read_only = true, .mirror = "addresses", .mirror_part = "region"),
    FIELD_TEXT("postcode", .max = 20, .no_fold = true, .read_only = true, .mirror = "addresses",
        .mirror_part = "postcode", .index = true),
    FIELD_TEXT("country", .max = 2, .no_fold = true, .read_only = true, .mirror = "addresses",
        .mirror_part = "country", .index = true),
    FIELD_PLACE("home", .personal = true),
    FIELD_URLS("urls", .label = "Web and social"),
    FIELD_FILE("photo"),
    FIELD_DATE("birthday", .partial = true, .personal = true),
    FIELD_TEXT("language", .max = 10, .format = FORMAT_LANGUAGE),
    FIELD_TEXT("time_zone", .max = 60, .format = FORMAT_ZONE),
    FIELD_CHOICE("lead_source", lead_sources),
    FIELD_TEXT("source_detail", .max = 400),
    FIELD_TEXT("campaign", .max = 200),
    FIELD_TEXT("utm_source", .max = 200, .no_fold = true, .group = "origin"),
    FIELD_TEXT("utm_medium", .max = 200, .no_fold = true, .group = "origin"),
    FIELD_TEXT("utm_campaign", .max = 200, .no_fold = true, .group = "origin"),
    FIELD_TEXT("referrer", .max = 1000, .no_fold = true, .group = "origin"),
    FIELD_TEXT("landing_page", .max = 1000, .no_fold = true, .group = "origin"),
    FIELD_CHOICE("lifecycle", NULL, .list = "lifecycle"),
    FIELD_INSTANT("lifecycle_at", .read_only = true),
    FIELD_INT("score", .min = 0, .max = 1000),
    FIELD_TEXT("persona", .max = 100),
    FIELD_BOOL("do_not_call"),
    FIELD_BOOL("do_not_email"),
    FIELD_CHOICE("preferred_channel", channels),
    FIELD_RICH("description"),
    FIELD_CHOICE("gender", genders, .personal = true, .group = "profile"),
    WITH_SOURCE("gender"),
    FIELD_INT("birth_year", .min = 1850, .max = 2100, .group = "profile"),
    FIELD_CHOICE("income_band", incomes, .sensitive = true, .group = "profile"),
    WITH_SOURCE("income_band"),
    FIELD_TEXT("occupation", .max = 150, .group = "profile"),
    WITH_SOURCE("occupation"),
    FIELD_CHOICE("education", educations, .group = "profile"),
    WITH_SOURCE("education"),
    FIELD_CHOICE("marital_status", maritals, .sensitive = true, .group = "profile"),
    WITH_SOURCE("marital_status"),
    FIELD_INT("household_size", .min = 1, .max = 50, .group = "profile"),
    FIELD_INT("children", .min = 0, .max = 30, .group = "profile"),
    FIELD_CHOICE("home_ownership", homes, .group = "profile"),
    WITH_SOURCE("household"),
    FIELD_CHOICES("hobbies", hobbies, .group = "profile"),
    WITH_SOURCE("hobbies"),
    FIELD_ROLLUP("last_call_at", "max(calls.starts_at where status = 'held')"),
    FIELD_ROLLUP("last_meeting_at", "max(meetings.starts_at where status = 'held')"),
    FIELD_ROLLUP("open_tasks", "count(tasks where completed_at is empty)"),
    FIELD_ROLLUP("next_task_due", "min(tasks.due where completed_at is empty)"),
    FIELD_END,
};

static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval name = record_get(r, "name");
    struct dbval stage = record_get(r, "lifecycle");
    struct dbval was = old ? record_get(old, "lifecycle") : V_NULL;

    if (name.type == DB_NULL && !r->replay && record_get(r, "external_id").type == DB_NULL
        && record_get(r, "company").type == DB_NULL) {
        return fail(c, ERR_INVALID, "last_name",
            "a person needs a name, an e-mail address, a phone number, a company or an external id");
    }
    if (stage.type != was.type || stage.i != was.i) {
        record_set(c, r, "lifecycle_at", stage.type == DB_NULL ? V_NULL : V(c->now));
    }
    return OK;
}

static const struct entity_rule contact_rules[] = {
    { "not (birthday > today)", "birthday", "a birthday lies in the past" },
    { 0 },
};

/* By name: the second key says where it is absent, so that the index serves the order of lists. */
#define BY_NAME "\"last_name_k\", (\"first_name_k\" IS NULL), \"first_name_k\""
static const char *const contact_indexes[] = { "\"city_k\", " BY_NAME, BY_NAME,
    "\"birthday_k\"", "\"lifecycle\", \"created_at\"", NULL };

static const struct entity contact = { .name = "contact", .plural = "contacts", .icon = "user",
    .flags = ENTITY_PERSON | ENTITY_SAVES_ALONE, .fields = contact_fields, .rules = contact_rules,
    .indexes = contact_indexes, .before_save = before_save };

/* ---- groups and associations ---- */

static const struct choice_def group_kinds[] = {
    { "association", "Association" }, { "club", "Club" }, { "household", "Household" },
    { "community", "Community" }, { "other", "Other" }, { 0 },
};
static const struct field group_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_CHOICE("kind", group_kinds),
    FIELD_LONG("description"),
    FIELD_TEXT("website", .max = 500, .format = FORMAT_URL, .no_fold = true),
    FIELD_ROLLUP("member_count", "count(members)"),
    FIELD_END,
};
static const struct entity group = { .name = "group", .plural = "groups", .icon = "users-group", .area = "People",
    .fields = group_fields };

/* ---- facts and milestones: needs, values, goals, anniversaries, each with its source and date ---- */

static const struct choice_def fact_kinds[] = {
    { "need", "Need" }, { "pain_point", "Pain point" }, { "goal", "Goal" }, { "success", "Success" },
    { "value", "Value" }, { "belief", "Belief" }, { "motivation", "Motivation" },
    { "lifestyle", "Lifestyle" }, { "interest", "Interest" }, { "preference", "Preference" },
    { "family", "Family member" }, { 0 },
};
static const struct field fact_fields[] = {
    FIELD_REF("contact", "contact", .required = true, .inverse = "facts",
        .on_delete = ON_DELETE_CASCADE),
    FIELD_CHOICE("kind", fact_kinds, .required = true),
    FIELD_TEXT("text", .required = true, .max = 1000),
    FIELD_TEXT("confidential", .max = 4000, .sensitive = true),
    FIELD_CHOICE("source", sources, .list = "fact_source"),
    FIELD_DATE("on"),
    FIELD_PERCENT("confidence", .min = 0, .max = 100),
    FIELD_END,
};
static const struct entity fact = { .name = "fact", .plural = "facts", .title = "text",
    .icon = "bulb", .area = "People", .person = "contact", .fields = fact_fields };

static const struct choice_def milestone_kinds[] = {
    { "birthday", "Birthday" }, { "anniversary", "Anniversary" }, { "wedding", "Wedding" },
    { "birth", "Birth of a child" }, { "move", "Move" }, { "job", "New job" },
    { "graduation", "Graduation" }, { "retirement", "Retirement" }, { "other", "Other" }, { 0 },
};
static const struct field milestone_fields[] = {
    FIELD_REF("contact", "contact", .required = true, .inverse = "milestones",
        .on_delete = ON_DELETE_CASCADE),
    FIELD_CHOICE("kind", milestone_kinds, .required = true),
    FIELD_TEXT("name", .max = 200),
    FIELD_DATE("on", .required = true, .partial = true, .index = true),
    FIELD_BOOL("yearly"),
    FIELD_CHOICE("source", sources, .list = "fact_source"),
    FIELD_END,
};
static const struct entity milestone = { .name = "milestone", .plural = "milestones",
    .icon = "confetti", .area = "People", .person = "contact", .fields = milestone_fields };

static const struct entity *const entities[] = { &contact, &group, &fact, &milestone, NULL };

const struct module contact_module = { .name = "contact", .entities = entities };
