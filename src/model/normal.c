/* normal.c - e-mail, phone, URL, country and currency in their normal form. */

#include "model/normal.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "model/phone.h"
#include "model/standard_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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

bool normal_country(struct arena *mem, struct str typed, struct str *code)
{
    const struct table *t = &table_countries_names;
    size_t row = table_find(t, utf8_fold(mem, str_trim(typed)));

    if (row == t->rows) {
        return false;
    }
    *code = str_of(table_cell(t, row, 1));
    return true;
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

bool normal_phone(
    struct arena *mem, struct str typed, struct str country, struct str *key, const char **why)
{
    return phone_parse(mem, typed, country, key, why);
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
