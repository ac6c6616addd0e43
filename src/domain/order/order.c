/* order.c - the tables of purchases. */

#include "domain/order/order.h"

#include "domain/order/order_steps.h"

/* ---- what is sold, and where ---- */

static const struct choice_def product_kinds[] = {
    { "good", "Good" }, { "service", "Service" }, { "subscription", "Subscription" },
    { "bundle", "Bundle" }, { 0 },
};
static const struct choice_def product_states[] = {
    { "draft", "Draft", "gray" }, { "active", "Active", "green" },
    { "discontinued", "Discontinued", "red" }, { 0 },
};
static const struct field category_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_REF("parent", "product_category", .inverse = "children"),
    FIELD_LONG("description"),
    FIELD_END,
};
static const struct entity category = { .name = "product_category", .plural = "product_categories",
    .icon = "category", .area = "Sales", .fields = category_fields };

static const struct field product_fields[] = {
    FIELD_TEXT("name", .required = true, .max = 300, .search = 3, .index = true),
    FIELD_TEXT("sku", .label = "SKU", .max = 100, .no_fold = true, .unique = true, .search = 3),
    FIELD_TEXT("barcode", .max = 60, .no_fold = true, .index = true, .search = 1),
    FIELD_CHOICE("kind", product_kinds, .def = "good"),
    FIELD_CHOICE("status", product_states, .def = "active"),
    FIELD_REF("category", "product_category", .inverse = "products"),
    FIELD_TEXT("brand", .max = 150, .search = 1),
    FIELD_MONEY("price"),
    FIELD_MONEY("cost"),
    FIELD_TEXT("unit", .max = 30, .help = "What a quantity of 1 is: piece, kg, hour."),
    FIELD_TEXT("url", .max = 1000, .format = FORMAT_URL, .no_fold = true),
    FIELD_FILE("image"),
    FIELD_RICH("description", .search = 1),
    FIELD_END,
};
static const struct entity product = { .name = "product", .plural = "products", .icon = "package", .area = "Sales",
    .fields = product_fields };

static const struct choice_def shop_kinds[] = {
    { "store", "Store" }, { "web", "Web shop" }, { "marketplace", "Marketplace" }, { "phone", "By phone" },
    { "other", "Other" }, { 0 },
};
static const struct field shop_fields[] = {
    FIELD_TEXT("name", .required = true, .search = 3, .index = true),
    FIELD_TEXT("code", .max = 60, .no_fold = true, .unique = true, .search = 2,
        .help = "What tills and web shops call it."),
    FIELD_CHOICE("kind", shop_kinds, .def = "store"),
    FIELD_ADDRESSES("addresses", .search = 1),
    FIELD_TEXT("city", .read_only = true, .mirror = "addresses", .mirror_part = "city"),
    FIELD_TEXT("country", .max = 2, .no_fold = true, .read_only = true, .mirror = "addresses",
        .mirror_part = "country"),
    FIELD_PLACE("place"),
    FIELD_PHONES("phones"),
    FIELD_EMAILS("emails"),
    FIELD_TEXT("url", .max = 1000, .format = FORMAT_URL, .no_fold = true),
    FIELD_REF("manager", "user", .inverse = "shops"),
    FIELD_DATE("opened_on"),
    FIELD_DATE("closed_on"),
    FIELD_END,
};
static const struct entity shop = { .name = "shop", .plural = "shops", .icon = "building-store", .area = "Sales",
    .fields = shop_fields };

/* ---- orders ---- */

static const struct choice_def order_kinds[] = {
    { "sale", "Sale", "green" }, { "return", "Return", "orange" }, { 0 },
};
static const struct choice_def order_states[] = {
    { "pending", "Pending", "gray", "open" }, { "confirmed", "Confirmed", "blue", "open" },
    { "ready", "Ready for pick-up", "blue", "open" }, { "shipped", "Shipped", "blue", "open" },
    { "completed", "Completed", "green", "done" }, { "cancelled", "Cancelled", "red", "cancelled" }, { 0 },
};
static const struct choice_def order_channels[] = {
    { "shop", "Shop" }, { "web", "Web" }, { "phone", "Phone" }, { "email", "E-mail" },
    { "marketplace", "Marketplace" }, { "social", "Social" }, { "field", "Field sales" }, { 0 },
};
static const struct choice_def payment_methods[] = {
    { "cash", "Cash" }, { "card", "Card" }, { "invoice", "Invoice" }, { "transfer", "Bank transfer" },
    { "debit", "Direct debit" }, { "wallet", "Wallet" }, { "instalments", "Instalments" },
    { "voucher", "Voucher" }, { "other", "Other" }, { 0 },
};
static const struct field order_fields[] = {
    FIELD_TEXT("number", .required = true, .max = 100, .no_fold = true, .unique = true, .search = 3),
    FIELD_CHOICE("kind", order_kinds, .def = "sale"),
    FIELD_CHOICE("status", order_states, .def = "completed"),
    FIELD_INSTANT("placed_at", .required = true, .def = "now", .index = true),
    FIELD_REF("contact", "contact", .inverse = "orders"),
    FIELD_REF("company", "company", .inverse = "orders"),
    FIELD_REF("shop", "shop", .inverse = "orders"),
    FIELD_CHOICE("channel", order_channels),
    FIELD_TEXT("currency", .max = 3, .format = FORMAT_CURRENCY, .no_fold = true,
        .help = "Of its lines' prices; the base currency when it is empty."),
    FIELD_MONEY("discount", .min = 0, .help = "On the whole order, beside those of its lines."),
    FIELD_MONEY("shipping"),
    FIELD_ROLLUP("lines_total", "sum(lines.amount)"),
    FIELD_ROLLUP("line_count", "count(lines)"),
    FIELD_FORMULA("total", "coalesce(lines_total, 0) + coalesce(shipping, 0) - coalesce(discount, 0)",
        .result = KIND_MONEY),
    FIELD_CHOICE("payment_method", payment_methods, .group = "payment"),
    FIELD_DATE("payment_due", .group = "payment", .help = "The end of the credit that was given."),
    FIELD_INSTANT("paid_at", .group = "payment"),
    FIELD_FORMULA("payment_delay", "days_between(payment_due, date(paid_at))", .group = "payment",
        .help = "Days between the due date and the payment; negative when it came early."),
    FIELD_INSTANT("ready_at", .group = "delivery", .label = "Ready for pick-up at"),
    FIELD_INSTANT("delivered_at", .group = "delivery", .label = "Delivered or picked up at"),
    FIELD_TEXT("cancel_reason", .max = 300),
    FIELD_LONG("note", .search = 1),
    FIELD_END,
};
static const char *const order_indexes[] = { "\"contact\", \"placed_at\"", NULL };
static const struct entity order = { .name = "order", .plural = "orders", .title = "number",
    .icon = "shopping-cart", .area = "Sales", .fields = order_fields, .person = "contact", .when = "placed_at",
    .flags = ENTITY_ACTIVITY, .indexes = order_indexes, .before_save = order_before_save,
    .after_save = order_after_save };

static const struct field line_fields[] = {
    FIELD_REF("order", "order", .required = true, .inverse = "lines", .on_delete = ON_DELETE_CASCADE),
    FIELD_INT("position", .min = 1, .max = 1000000),
    FIELD_REF("product", "product", .inverse = "order_lines"),
    FIELD_TEXT("name", .max = 300, .help = "What was sold, as it was called then."),
    FIELD_DECIMAL("quantity", 3, .required = true, .def = "1",
        .help = "Negative for what is brought back."),
    FIELD_DECIMAL("unit_price", 4, .required = true, .def = "0"),
    FIELD_PERCENT("discount", .min = 0, .max = 100),
    FIELD_MONEY("amount", .read_only = true),
    FIELD_REF("returns", "order_line", .inverse = "returned_by",
        .help = "The line of an earlier order that this one brings back."),
    FIELD_ROLLUP("returned", "sum(returned_by.quantity)"),
    FIELD_REF("contact", "contact", .read_only = true, .inverse = "purchases"),
    FIELD_INSTANT("placed_at", .read_only = true),
    FIELD_END,
};
static const char *const line_indexes[] = { "\"order\", \"position\"", NULL };
static const struct entity line = { .name = "order_line", .plural = "order_lines", .title = "name",
    .icon = "list", .area = "Sales", .fields = line_fields, .person = "contact", .indexes = line_indexes,
    .flags = ENTITY_NO_SEARCH, .before_save = order_line_before_save };

static const struct entity *const entities[] = { &category, &product, &shop, &order, &line, NULL };

/* ---- what follows for a person and a company ---- */

#define COUNTS "status != 'cancelled'"
#define SALE "kind = 'sale' and " COUNTS
#define FIGURES                                                                                          \
    FIELD_ROLLUP("order_count", "count(orders where " SALE ")", .group = "purchases"),                    \
        FIELD_ROLLUP("first_order_at", "min(orders.placed_at where " SALE ")", .group = "purchases"),      \
        FIELD_ROLLUP("last_order_at", "max(orders.placed_at where " SALE ")", .group = "purchases",        \
            .index = true),                                                                               \
        FIELD_ROLLUP("sales_total", "sum(orders.total where " SALE ")", .group = "purchases"),             \
        FIELD_ROLLUP("return_count", "count(orders where kind = 'return' and " COUNTS ")",                 \
            .group = "purchases"),                                                                        \
        FIELD_ROLLUP("total_spent", "sum(orders.total where " COUNTS ")", .group = "purchases",            \
            .help = "Sales less returns.", .index = true),                                                \
        FIELD_FORMULA("average_order", "sales_total / order_count", .group = "purchases"),                 \
        FIELD_FORMULA("order_interval", "(last_order_at - first_order_at) / (order_count - 1)",            \
            .group = "purchases", .help = "The mean time between two orders.")

static const struct field person_figures[] = {
    FIGURES,
    FIELD_REF("favourite_category", "product_category", .read_only = true, .no_history = true,
        .group = "purchases", .inverse = "favoured_by"),
    FIELD_REF("favourite_shop", "shop", .read_only = true, .no_history = true, .group = "purchases",
        .inverse = "favoured_by"),
    FIELD_END,
};
static const struct field company_figures[] = { FIGURES, FIELD_END };
static const struct extension extensions[] = {
    { "contact", person_figures }, { "company", company_figures }, EXTENSION_END,
};

static const struct action actions[] = {
    { .name = "record", .on = "order", .takes = TAKES_NONE, .effect = EFFECT_WRITE, .right = "order.create",
        .input = order_record_input, .output = order_record_output, .run = order_record,
        .help = "Makes an order with its lines, or brings the one of this number to what is said." },
    ACTION_END,
};

static const char *const of_purchases[] = { "order", "order_line", NULL };
static const struct consumer consumers[] = {
    { .name = "favourites", .run = order_favourites, .follows = of_purchases },
    CONSUMER_END,
};

const struct module order_module = { .name = "order", .entities = entities, .extensions = extensions,
    .actions = actions, .consumers = consumers };
