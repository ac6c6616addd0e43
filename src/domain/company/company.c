/* company.c - companies and what is known of them.
 *
 * The domain is the key by which mail and imports find a company; it is taken from the web site when
 * none is given. */

#include "domain/company/company.h"

#include "model/hooks.h"
#include "model/normal.h"
#include "model/record.h"

#include <string.h>

static const struct choice_def types[] = {
    { "customer", "Customer", "green" }, { "prospect", "Prospect", "blue" },
    { "partner", "Partner", "violet" }, { "reseller", "Reseller", "grape" },
    { "investor", "Investor", "yellow" }, { "supplier", "Supplier", "orange" },
    { "competitor", "Competitor", "red" }, { "press", "Press", "gray" },
    { "association", "Association", "teal" }, { "other", "Other", "gray" }, { 0 },
};
static const struct choice_def lifecycles[] = {
    { "subscriber", "Subscriber" }, { "lead", "Lead" }, { "marketing_qualified", "Marketing qualified" },
    { "sales_qualified", "Sales qualified" }, { "opportunity", "Opportunity" },
    { "customer", "Customer" }, { "evangelist", "Evangelist" }, { "former", "Former customer" }, { 0 },
};
static const struct choice_def industries[] = {
    { "agriculture", "Agriculture" }, { "automotive", "Automotive" }, { "banking", "Banking" },
    { "construction", "Construction" }, { "consulting", "Consulting" }, { "education", "Education" },
    { "energy", "Energy" }, { "entertainment", "Entertainment" }, { "finance", "Finance" },
    { "food", "Food and drink" }, { "government", "Government" }, { "health", "Health care" },
    { "hospitality", "Hospitality" }, { "insurance", "Insurance" }, { "legal", "Legal" },
    { "logistics", "Logistics" }, { "manufacturing", "Manufacturing" }, { "marketing", "Marketing" },
    { "medical", "Medical" }, { "media", "Media" }, { "nonprofit", "Non-profit" },
    { "pharma", "Pharmaceuticals" }, { "real_estate", "Real estate" }, { "retail", "Retail" },
    { "services", "Services" }, { "software", "Software" },
    { "technology", "Technology" }, { "telecommunications", "Telecommunications" },
    { "travel", "Travel" }, { "utilities", "Utilities" }, { "other", "Other" }, { 0 },
};
static const struct choice_def ownerships[] = {
    { "private", "Private" }, { "public", "Public" }, { "government", "Government" },
    { "family", "Family owned" }, { "cooperative", "Cooperative" }, { 0 },
};
static const struct choice_def ratings[] = {
    { "hot", "Hot", "red" }, { "warm", "Warm", "orange" }, { "cold", "Cold", "blue" }, { 0 },
};
static const struct choice_def tiers[] = {
    { "a", "A", "green" }, { "b", "B", "blue" }, { "c", "C", "gray" }, { 0 },
};
static const struct choice_def payment_modes[] = {
    { "transfer", "Bank transfer" }, { "debit", "Direct debit" }, { "card", "Card" },
    { "cash", "Cash" }, { "invoice", "Invoice" }, { 0 },
};

static const struct field company_fields[] = {
    FIELD_TEXT("name", .required = true, .max = 249, .search = 3, .index = true),
    FIELD_TEXT("legal_name", .max = 249, .search = 2),
    FIELD_TEXT("alias", .max = 200, .search = 2),
    FIELD_REF("parent", "company", .inverse = "subsidiaries", .label = "Parent company"),
    FIELD_TEXT("domain", .max = 253, .format = FORMAT_DOMAIN, .no_fold = true, .search = 2,
        .index = true),
    FIELD_TEXT("website", .max = 500, .format = FORMAT_URL, .no_fold = true),
    FIELD_EMAILS("emails", .search = 2),
    FIELD_TEXT("email", .max = 254, .no_fold = true, .read_only = true, .mirror = "emails",
        .mirror_part = "address", .index = true),
    FIELD_PHONES("phones", .search = 2),
    FIELD_TEXT("phone", .max = 40, .no_fold = true, .read_only = true, .mirror = "phones",
        .mirror_part = "number"),
    FIELD_URLS("urls", .label = "Links"),
    FIELD_ADDRESSES("addresses", .search = 1),
    FIELD_TEXT("city", .read_only = true, .mirror = "addresses", .mirror_part = "city"),
    FIELD_TEXT("region", .read_only = true, .mirror = "addresses", .mirror_part = "region"),
    FIELD_TEXT("postcode", .max = 20, .no_fold = true, .read_only = true, .mirror = "addresses",
        .mirror_part = "postcode", .index = true),
    FIELD_TEXT("country", .max = 2, .no_fold = true, .read_only = true, .mirror = "addresses",
        .mirror_part = "country", .index = true),
    FIELD_PLACE("location"),
    FIELD_CHOICE("type", types),
    FIELD_CHOICE("lifecycle", lifecycles, .list = "lifecycle"),
    FIELD_CHOICE("industry", industries, .list = "industry"),
    FIELD_TEXT("industry_code", .max = 20, .no_fold = true, .label = "SIC or NAICS code"),
    FIELD_CHOICE("ownership", ownerships),
    FIELD_TEXT("ticker", .max = 12, .no_fold = true),
    FIELD_INT("employees", .min = 0, .max = 10000000),
    FIELD_MONEY("annual_revenue", .min = 0, .max = 10000000000000),
    FIELD_INT("year_established", .min = 1, .max = 9999),
    FIELD_BOOL("ideal_customer", .label = "Ideal customer"),
    FIELD_CHOICE("tier", tiers),
    FIELD_CHOICE("rating", ratings, .list = "rating"),
    FIELD_TEXT("territory", .max = 100),
    FIELD_TEXT("tax_id", .max = 40, .no_fold = true, .index = true),
    FIELD_TEXT("vat_number", .max = 20, .no_fold = true, .index = true),
    FIELD_BOOL("vat_reverse_charge"),
    FIELD_TEXT("registration_number", .max = 60, .no_fold = true),
    FIELD_TEXT("customer_code", .max = 40, .no_fold = true, .unique = true),
    FIELD_TEXT("supplier_code", .max = 40, .no_fold = true, .unique = true),
    FIELD_TEXT("currency", .max = 3, .format = FORMAT_CURRENCY, .no_fold = true),
    FIELD_INT("payment_days", .min = 0, .max = 1000),
    FIELD_CHOICE("payment_mode", payment_modes),
    FIELD_MONEY("credit_limit", .min = 0, .max = 10000000000000),
    FIELD_PERCENT("default_discount", .min = 0, .max = 100),
    FIELD_TEXT("language", .max = 10, .format = FORMAT_LANGUAGE),
    FIELD_FILE("logo"),
    FIELD_INT("health", .min = 0, .max = 100, .label = "Health score"),
    FIELD_DATE("customer_since"),
    FIELD_INSTANT("churned_at"),
    FIELD_TEXT("source", .max = 100),
    FIELD_TEXT("campaign", .max = 200),
    FIELD_LONG("notes"),
    FIELD_RICH("description"),
    FIELD_BOOL("blocked", .label = "Blocked customer"),
    FIELD_ROLLUP("contact_count", "count(contacts)", .label = "Contacts"),
    FIELD_ROLLUP("subsidiary_count", "count(subsidiaries)", .label = "Subsidiaries"),
    FIELD_ROLLUP("open_tasks", "count(tasks where completed_at is empty)"),
    FIELD_END,
};

/* The host of an address, without "www.". */
static enum err_code before_save(struct call *c, struct record *r, const struct record *old)
{
    struct dbval domain = record_get(r, "domain"), website = record_get(r, "website");
    struct str key;
    const char *why;

    if (domain.type == DB_NULL && website.type == DB_TEXT
        && normal_domain(c->mem, website.s, &key, &why)) {
        record_set(c, r, "domain", V(key));
    }
    return tree_before_save(c, r, old);
}

static const char *const company_indexes[] = { "\"industry\", \"name_k\"", "\"city_k\", \"name_k\"",
    NULL };

static const struct entity company = { .name = "company", .plural = "companies",
    .icon = "building", .fields = company_fields, .indexes = company_indexes,
    .before_save = before_save };

static const struct entity *const entities[] = { &company, NULL };

const struct module company_module = { .name = "company", .entities = entities };
