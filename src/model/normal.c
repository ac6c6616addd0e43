/* normal.c - e-mail, phone, URL, country and currency in their normal form. */

#include "model/normal.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ISO 3166 code, calling code, national trunk prefix, English name. */
static const struct country {
    const char *code, *calling, *trunk, *name;
} countries[] = {
    { "AE", "971", "0", "United Arab Emirates" }, { "AF", "93", "0", "Afghanistan" },
    { "AL", "355", "0", "Albania" }, { "AM", "374", "0", "Armenia" }, { "AO", "244", "", "Angola" },
    { "AR", "54", "0", "Argentina" }, { "AT", "43", "0", "Austria" }, { "AU", "61", "0", "Australia" },
    { "AZ", "994", "0", "Azerbaijan" }, { "BA", "387", "0", "Bosnia and Herzegovina" },
    { "BD", "880", "0", "Bangladesh" }, { "BE", "32", "0", "Belgium" }, { "BG", "359", "0", "Bulgaria" },
    { "BH", "973", "", "Bahrain" }, { "BO", "591", "0", "Bolivia" }, { "BR", "55", "0", "Brazil" },
    { "BY", "375", "8", "Belarus" }, { "CA", "1", "1", "Canada" }, { "CH", "41", "0", "Switzerland" },
    { "CI", "225", "", "Ivory Coast" }, { "CL", "56", "", "Chile" }, { "CM", "237", "", "Cameroon" },
    { "CN", "86", "0", "China" }, { "CO", "57", "", "Colombia" }, { "CR", "506", "", "Costa Rica" },
    { "CU", "53", "0", "Cuba" }, { "CY", "357", "", "Cyprus" }, { "CZ", "420", "", "Czechia" },
    { "DE", "49", "0", "Germany" }, { "DK", "45", "", "Denmark" }, { "DO", "1", "1", "Dominican Republic" },
    { "DZ", "213", "0", "Algeria" }, { "EC", "593", "0", "Ecuador" }, { "EE", "372", "", "Estonia" },
    { "EG", "20", "0", "Egypt" }, { "ES", "34", "", "Spain" }, { "ET", "251", "0", "Ethiopia" },
    { "FI", "358", "0", "Finland" }, { "FR", "33", "0", "France" }, { "GB", "44", "0", "United Kingdom" },
    { "GE", "995", "0", "Georgia" }, { "GH", "233", "0", "Ghana" }, { "GR", "30", "", "Greece" },
    { "GT", "502", "", "Guatemala" }, { "HK", "852", "", "Hong Kong" }, { "HN", "504", "", "Honduras" },
    { "HR", "385", "0", "Croatia" }, { "HU", "36", "06", "Hungary" }, { "ID", "62", "0", "Indonesia" },
    { "IE", "353", "0", "Ireland" }, { "IL", "972", "0", "Israel" }, { "IN", "91", "0", "India" },
    { "IQ", "964", "0", "Iraq" }, { "IR", "98", "0", "Iran" }, { "IS", "354", "", "Iceland" },
    { "IT", "39", "", "Italy" }, { "JM", "1", "1", "Jamaica" }, { "JO", "962", "0", "Jordan" },
    { "JP", "81", "0", "Japan" }, { "KE", "254", "0", "Kenya" }, { "KH", "855", "0", "Cambodia" },
    { "KR", "82", "0", "South Korea" }, { "KW", "965", "", "Kuwait" }, { "KZ", "7", "8", "Kazakhstan" },
    { "LB", "961", "0", "Lebanon" }, { "LK", "94", "0", "Sri Lanka" }, { "LT", "370", "8", "Lithuania" },
    { "LU", "352", "", "Luxembourg" }, { "LV", "371", "", "Latvia" }, { "MA", "212", "0", "Morocco" },
    { "MD", "373", "0", "Moldova" }, { "ME", "382", "0", "Montenegro" }, { "MK", "389", "0", "North Macedonia" },
    { "MT", "356", "", "Malta" }, { "MX", "52", "", "Mexico" }, { "MY", "60", "0", "Malaysia" },
    { "NG", "234", "0", "Nigeria" }, { "NL", "31", "0", "Netherlands" }, { "NO", "47", "", "Norway" },
    { "NP", "977", "0", "Nepal" }, { "NZ", "64", "0", "New Zealand" }, { "OM", "968", "", "Oman" },
    { "PA", "507", "", "Panama" }, { "PE", "51", "0", "Peru" }, { "PH", "63", "0", "Philippines" },
    { "PK", "92", "0", "Pakistan" }, { "PL", "48", "", "Poland" }, { "PT", "351", "", "Portugal" },
    { "PY", "595", "0", "Paraguay" }, { "QA", "974", "", "Qatar" }, { "RO", "40", "0", "Romania" },
    { "RS", "381", "0", "Serbia" }, { "RU", "7", "8", "Russia" }, { "SA", "966", "0", "Saudi Arabia" },
    { "SE", "46", "0", "Sweden" }, { "SG", "65", "", "Singapore" }, { "SI", "386", "0", "Slovenia" },
    { "SK", "421", "0", "Slovakia" }, { "SN", "221", "", "Senegal" }, { "SV", "503", "", "El Salvador" },
    { "TH", "66", "0", "Thailand" }, { "TN", "216", "", "Tunisia" }, { "TR", "90", "0", "Turkey" },
    { "TW", "886", "0", "Taiwan" }, { "TZ", "255", "0", "Tanzania" }, { "UA", "380", "0", "Ukraine" },
    { "UG", "256", "0", "Uganda" }, { "US", "1", "1", "United States" }, { "UY", "598", "0", "Uruguay" },
    { "UZ", "998", "", "Uzbekistan" }, { "VE", "58", "0", "Venezuela" }, { "VN", "84", "0", "Vietnam" },
    { "ZA", "27", "0", "South Africa" }, { "ZM", "260", "0", "Zambia" }, { "ZW", "263", "0", "Zimbabwe" },
};

static const struct {
    const char *name, *code;
} other_names[] = {
    { "england", "GB" }, { "scotland", "GB" }, { "wales", "GB" }, { "uk", "GB" },
    { "great britain", "GB" }, { "usa", "US" }, { "united states of america", "US" },
    { "deutschland", "DE" }, { "espana", "ES" }, { "osterreich", "AT" }, { "schweiz", "CH" },
    { "suisse", "CH" }, { "italia", "IT" }, { "nederland", "NL" }, { "holland", "NL" },
    { "the netherlands", "NL" }, { "polska", "PL" }, { "brasil", "BR" }, { "turkiye", "TR" },
    { "eire", "IE" }, { "republic of ireland", "IE" }, { "korea", "KR" }, { "czech republic", "CZ" },
    { "rsa", "ZA" }, { "nippon", "JP" }, { "belgie", "BE" }, { "belgique", "BE" },
    { "danmark", "DK" }, { "sverige", "SE" }, { "norge", "NO" }, { "suomi", "FI" },
    { "magyarorszag", "HU" }, { "portugal", "PT" }, { "russian federation", "RU" },
};

static const char currencies[] = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF "
    "BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP "
    "ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD "
    "JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD "
    "TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL ";

bool currency_known(struct str code)
{
    if (code.n != 3) {
        return false;
    }
    ptrdiff_t at = str_find((struct str) { currencies, sizeof currencies - 1 }, code);
    return at >= 0 && at % 4 == 0;
}

static const struct country *find_country(struct str code)
{
    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++) {
        if (str_eq_nocase(code, str_of(countries[i].code))) {
            return &countries[i];
        }
    }
    return NULL;
}

bool normal_country(struct arena *mem, struct str typed, struct str *code)
{
    struct str s = str_trim(typed);
    const struct country *c = s.n == 2 ? find_country(s) : NULL;

    if (c) {
        *code = str_of(c->code);
        return true;
    }
    struct str folded = utf8_fold(mem, s);
    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++) {
        if (str_eq_nocase(folded, str_of(countries[i].name))) {
            *code = str_of(countries[i].code);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++) {
        if (str_is(folded, other_names[i].name)) {
            *code = str_of(other_names[i].code);
            return true;
        }
    }
    return false;
}

static struct str lower(struct arena *mem, struct str s)
{
    struct str out = arena_str(mem, s);

    for (size_t i = 0; i < out.n; i++) {
        ((char *)out.p)[i] = (char)tolower((unsigned char)out.p[i]);
    }
    return out;
}

static bool domain_valid(struct str d, const char **why)
{
    size_t label = 0, dots = 0;

    *why = "the part after @ is not a domain";
    if (d.n == 0 || d.n > 253) {
        return false;
    }
    for (size_t i = 0; i < d.n; i++) {
        unsigned char ch = (unsigned char)d.p[i];
        if (ch == '.') {
            if (label == 0 || d.p[i - 1] == '-') {
                return false;
            }
            dots++;
            label = 0;
            continue;
        }
        bool plain = isalnum(ch) || ch == '-' || ch >= 0x80;
        if (!plain || (ch == '-' && label == 0) || ++label > 63) {
            return false;
        }
    }
    return dots > 0 && label > 0 && d.p[d.n - 1] != '-';
}

bool normal_domain(struct arena *mem, struct str typed, struct str *key, const char **why)
{
    struct str s = lower(mem, str_trim(typed));
    ptrdiff_t at = str_find(s, STR("://"));

    if (at >= 0) {
        s = str_sub(s, (size_t)at + 3, s.n);
    }
    at = str_find_byte(s, '/');
    if (at >= 0) {
        s.n = (size_t)at;
    }
    if (str_starts(s, STR("www."))) {
        s = str_sub(s, 4, s.n);
    }
    *key = s;
    bool ok = domain_valid(s, why);
    *why = "this is not a domain such as example.org";
    return ok;
}

bool normal_email(struct arena *mem, struct str typed, struct str *key, const char **why)
{
    struct str s = str_trim(typed);
    ptrdiff_t at = -1;

    if (s.n > 7 && str_eq_nocase(str_sub(s, 0, 7), STR("mailto:"))) {
        s = str_sub(s, 7, s.n);
    }
    if (s.n > 254) {
        *why = "an e-mail address has at most 254 characters";
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        if (ch <= ' ' || ch == 127 || strchr("()<>,;:\\\"[]", ch)) {
            *why = "an e-mail address cannot hold spaces or ( ) < > , ; : \\ \" [ ]";
            return false;
        }
        if (ch == '@') {
            if (at >= 0) {
                *why = "an e-mail address has one @";
                return false;
            }
            at = (ptrdiff_t)i;
        }
    }
    if (at <= 0 || at > 64) {
        *why = at < 0 ? "the @ is missing" : "the part before @ is empty or longer than 64 characters";
        return false;
    }
    struct str local = str_sub(s, 0, (size_t)at);
    if (local.p[0] == '.' || local.p[local.n - 1] == '.' || str_find(local, STR("..")) >= 0) {
        *why = "the part before @ has a dot at an end or two in a row";
        return false;
    }
    if (!domain_valid(str_sub(s, (size_t)at + 1, s.n), why)) {
        return false;
    }
    *key = lower(mem, s);
    return true;
}

/* Which country's code begins the digits; the longest wins. */
static const struct country *calling_country(struct str digits)
{
    const struct country *best = NULL;

    for (size_t i = 0; i < sizeof countries / sizeof *countries; i++) {
        struct str code = str_of(countries[i].calling);
        if (str_starts(digits, code) && (!best || code.n > strlen(best->calling))) {
            best = &countries[i];
        }
    }
    return best;
}

static bool international(struct arena *mem, struct str digits, struct str *key, const char **why)
{
    const struct country *c = calling_country(digits);

    if (digits.n < 7 || digits.n > 15 || !c) {
        *why = c ? "a phone number has 7 to 15 digits" : "no country has this calling code";
        return false;
    }
    size_t code = strlen(c->calling), trunk = strlen(c->trunk);
    struct str rest = str_sub(digits, code, digits.n);
    /* "+49 (0)30 ...": the trunk prefix is dropped behind a country code */
    if (trunk && c->trunk[0] == '0' && str_starts(rest, str_of(c->trunk))) {
        rest = str_sub(rest, trunk, rest.n);
    }
    *key = arena_fmt(mem, "+%s%.*s", c->calling, STR_ARG(rest));
    return true;
}

bool normal_phone(
    struct arena *mem, struct str typed, struct str country, struct str *key, const char **why)
{
    struct str s = str_trim(typed);
    char *digits = arena_alloc(mem, s.n + 1);
    size_t n = 0;
    bool plus = false;

    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (isdigit((unsigned char)ch)) {
            digits[n++] = ch;
        } else if (ch == '+' && n == 0) {
            plus = true;
        } else if (n > 3 && (ch == 'x' || ch == 'X' || ch == '#' || ch == ';' || ch == 'e')) {
            break; /* an extension is not part of the key */
        } else if (!strchr(" ()-./\xC2\xA0", ch)) {
            *why = "a phone number holds digits, spaces and + ( ) - . /";
            return false;
        }
    }
    struct str d = { digits, n };
    if (!plus && str_starts(d, STR("00"))) {
        plus = true;
        d = str_sub(d, 2, d.n);
    }
    if (plus) {
        return international(mem, d, key, why);
    }
    const struct country *c = find_country(country);
    if (n < 3 || n > 15) {
        *why = "a phone number has 3 to 15 digits";
        return false;
    }
    if (!c) {
        *key = arena_str(mem, d);
        return true;
    }
    if (c->trunk[0] && str_starts(d, str_of(c->trunk)) && d.n > 6) {
        d = str_sub(d, strlen(c->trunk), d.n);
    }
    *key = arena_fmt(mem, "+%s%.*s", c->calling, STR_ARG(d));
    return true;
}

bool normal_url(struct arena *mem, struct str typed, struct str *key, const char **why)
{
    struct str s = str_trim(typed), scheme = STR("https");
    ptrdiff_t at = str_find(s, STR("://"));

    if (at >= 0) {
        scheme = lower(mem, str_sub(s, 0, (size_t)at));
        s = str_sub(s, (size_t)at + 3, s.n);
    }
    if (!str_is(scheme, "http") && !str_is(scheme, "https")) {
        *why = "a web address begins with http:// or https://";
        return false;
    }
    size_t host = 0;
    while (host < s.n && !strchr("/?#", s.p[host])) {
        host++;
    }
    struct str h = lower(mem, str_sub(s, 0, host)), rest = str_sub(s, host, s.n);
    struct str bare = h;
    ptrdiff_t colon = str_find_byte(bare, ':');
    bool port_ok = true;
    if (colon >= 0) {
        int64_t port;
        bare.n = (size_t)colon;
        port_ok = str_to_int(str_sub(h, bare.n + 1, h.n), &port) && port > 0 && port < 65536
            && h.p[bare.n + 1] >= '0' && h.p[bare.n + 1] <= '9';
    }
    if (!port_ok || !domain_valid(bare, why)) {
        *why = "the web address has no valid host";
        return false;
    }
    for (size_t i = 0; i < rest.n; i++) {
        if ((unsigned char)rest.p[i] <= ' ') {
            *why = "a web address cannot hold spaces";
            return false;
        }
    }
    if (str_is(rest, "/")) {
        rest.n = 0;
    }
    if (str_ends(h, str_is(scheme, "https") ? STR(":443") : STR(":80"))) {
        h = bare;
    }
    *key = arena_fmt(mem, "%.*s://%.*s%.*s", STR_ARG(scheme), STR_ARG(h), STR_ARG(rest));
    return true;
}
