/* field.c - the names of the kinds of field, as the API and users' definitions speak them. */

#include "model/field.h"

static const char *const names[KIND_COUNT] = {
    [KIND_NONE] = "none",
    [KIND_TEXT] = "text",
    [KIND_LONG_TEXT] = "long_text",
    [KIND_RICH_TEXT] = "rich_text",
    [KIND_INT] = "integer",
    [KIND_DECIMAL] = "decimal",
    [KIND_MONEY] = "money",
    [KIND_PERCENT] = "percent",
    [KIND_BOOL] = "yes_no",
    [KIND_DATE] = "date",
    [KIND_INSTANT] = "instant",
    [KIND_DURATION] = "duration",
    [KIND_CHOICE] = "choice",
    [KIND_CHOICES] = "choices",
    [KIND_TAGS] = "tags",
    [KIND_REF] = "reference",
    [KIND_MANY] = "many",
    [KIND_ANYREF] = "any_reference",
    [KIND_EMAILS] = "emails",
    [KIND_PHONES] = "phones",
    [KIND_ADDRESSES] = "addresses",
    [KIND_URLS] = "urls",
    [KIND_NAME] = "person_name",
    [KIND_FILE] = "file",
    [KIND_PLACE] = "place",
    [KIND_NUMBER] = "auto_number",
    [KIND_FORMULA] = "formula",
    [KIND_ROLLUP] = "rollup",
    [KIND_JSON] = "json",
};

const char *field_kind_name(enum field_kind kind)
{
    return names[kind];
}

bool field_kind_of(struct str name, enum field_kind *out)
{
    for (int k = KIND_TEXT; k < KIND_COUNT; k++) {
        if (str_is(name, names[k])) {
            *out = (enum field_kind)k;
            return true;
        }
    }
    return false;
}
