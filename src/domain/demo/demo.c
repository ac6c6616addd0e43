/* demo.c - people, companies and what happened between them, all invented by a seeded generator.
 *
 * Everything goes through the record engine, with the clock of each call set to the day on which
 * the record is said to have been made; so history, feed and roll-ups are as in a real
 * installation. Numbers and domains come from ranges kept for examples. */

#include "domain/demo/demo_steps.h"

#include "base/utf8.h"
#include "domain/dashboard/dashboard.h"
#include "model/access.h"
#include "model/record.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 250, GROWTH_DAYS = 1095, TOUCHED = 20000 };

struct place {
    const char *city, *postcode;
    double lat, lng;
};

static const struct nation {
    const char *code, *calling, *language;
    int weight;
    const char *first[12], *last[14], *street[4];
    struct place places[4];
} nations[] = {
    { "DE", "+4930", "de", 22,
        { "Anna", "Lena", "Marie", "Sophie", "Julia", "Hannah", "Lukas", "Jonas", "Felix", "Paul",
            "Jürgen", "Max" },
        { "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann",
            "Schäfer", "Koch", "Bauer", "Richter", "Groß", "von der Heide" },
        { "Hauptstraße", "Gartenweg", "Bahnhofstraße", "Lindenallee" },
        { { "Berlin", "10115", 52.532, 13.384 }, { "Hamburg", "20095", 53.551, 10.001 },
            { "München", "80331", 48.137, 11.575 }, { "Köln", "50667", 50.938, 6.957 } } },
    { "FR", "+3319900", "fr", 12,
        { "Camille", "Chloé", "Manon", "Inès", "Louise", "Zoé", "Hugo", "Louis", "Gabriel",
            "Arthur", "Jules", "Noël" },
        { "Martin", "Bernard", "Dubois", "Thomas", "Robert", "Richard", "Petit", "Durand", "Leroy",
            "Moreau", "Lefèvre", "Garnier", "Faure", "de la Tour" },
        { "rue de la Paix", "avenue Victor Hugo", "rue des Lilas", "boulevard du Nord" },
        { { "Paris", "75001", 48.862, 2.336 }, { "Lyon", "69001", 45.768, 4.834 },
            { "Marseille", "13001", 43.298, 5.383 }, { "Lille", "59000", 50.632, 3.058 } } },
    { "GB", "+44207946", "en", 14,
        { "Olivia", "Amelia", "Isla", "Ava", "Emily", "Grace", "Oliver", "George", "Harry", "Noah",
            "Jack", "Leo" },
        { "Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Johnson", "Davies", "Patel",
            "Wright", "Walker", "O'Brien", "Hughes", "Clarke-Hill" },
        { "High Street", "Station Road", "Church Lane", "Victoria Road" },
        { { "London", "EC1A 1BB", 51.52, -0.101 }, { "Leeds", "LS1 4AP", 53.796, -1.547 },
            { "Bristol", "BS1 5TR", 51.453, -2.6 }, { "Glasgow", "G1 1XQ", 55.861, -4.25 } } },
    { "US", "+1202555", "en", 14,
        { "Emma", "Mia", "Sofia", "Harper", "Luna", "Ella", "Liam", "James", "Mason", "Ethan",
            "Mateo", "Aiden" },
        { "Garcia", "Miller", "Davis", "Rodriguez", "Martinez", "Lopez", "Anderson", "Jackson",
            "White", "Harris", "Lewis", "Young", "King", "Scott" },
        { "Main Street", "Oak Avenue", "Maple Drive", "Park Boulevard" },
        { { "Austin", "78701", 30.27, -97.743 }, { "Seattle", "98101", 47.61, -122.335 },
            { "Boston", "02108", 42.358, -71.064 }, { "Denver", "80202", 39.752, -104.999 } } },
    { "ES", "+3491000", "es", 8,
        { "Lucía", "Martina", "María", "Paula", "Valeria", "Alba", "Hugo", "Pablo", "Álvaro",
            "Diego", "Adrián", "Íñigo" },
        { "García", "Fernández", "González", "Rodríguez", "López", "Martínez", "Sánchez", "Pérez",
            "Gómez", "Ruiz", "Muñoz", "Ibáñez", "Vega", "de León" },
        { "Calle Mayor", "Avenida del Mar", "Calle del Sol", "Plaza Nueva" },
        { { "Madrid", "28001", 40.425, -3.687 }, { "Barcelona", "08001", 41.38, 2.168 },
            { "Valencia", "46001", 39.474, -0.38 }, { "Sevilla", "41001", 37.391, -5.996 } } },
    { "IT", "+3906000", "it", 8,
        { "Giulia", "Aurora", "Alice", "Ginevra", "Sara", "Greta", "Leonardo", "Francesco",
            "Lorenzo", "Matteo", "Niccolò", "Riccardo" },
        { "Rossi", "Russo", "Ferrari", "Esposito", "Bianchi", "Romano", "Colombo", "Ricci",
            "Marino", "Greco", "Bruno", "Gallo", "Conti", "De Luca" },
        { "Via Roma", "Via Garibaldi", "Corso Italia", "Viale Europa" },
        { { "Roma", "00184", 41.895, 12.49 }, { "Milano", "20121", 45.472, 9.19 },
            { "Torino", "10121", 45.07, 7.68 }, { "Napoli", "80132", 40.84, 14.25 } } },
    { "NL", "+3120000", "nl", 6,
        { "Emma", "Julia", "Tess", "Saar", "Fenna", "Noor", "Daan", "Sem", "Bram", "Finn", "Thijs",
            "Jesse" },
        { "de Jong", "Jansen", "de Vries", "van den Berg", "Bakker", "van Dijk", "Visser", "Smit",
            "Meijer", "de Boer", "Mulder", "Bos", "Vos", "Peters" },
        { "Kerkstraat", "Dorpsstraat", "Molenweg", "Stationsweg" },
        { { "Amsterdam", "1012 JS", 52.373, 4.893 }, { "Rotterdam", "3011 AA", 51.922, 4.489 },
            { "Utrecht", "3511 AB", 52.091, 5.117 }, { "Groningen", "9711 AA", 53.218, 6.567 } } },
    { "PL", "+4822000", "pl", 5,
        { "Zofia", "Hanna", "Maja", "Julia", "Oliwia", "Łucja", "Antoni", "Jan", "Jakub",
            "Stanisław", "Michał", "Łukasz" },
        { "Nowak", "Kowalska", "Wiśniewski", "Wójcik", "Kamińska", "Lewandowski", "Zielińska",
            "Szymański", "Woźniak", "Dąbrowska", "Kozłowski", "Mazur", "Krawczyk", "Żak" },
        { "ulica Długa", "ulica Polna", "ulica Leśna", "aleja Lipowa" },
        { { "Warszawa", "00-001", 52.23, 21.01 }, { "Kraków", "31-001", 50.058, 19.937 },
            { "Gdańsk", "80-001", 54.352, 18.646 }, { "Wrocław", "50-001", 51.11, 17.03 } } },
    { "BR", "+5511000", "pt", 5,
        { "Ana", "Beatriz", "Larissa", "Letícia", "Júlia", "Rafaela", "João", "Pedro", "Lucas",
            "Thiago", "Guilherme", "Caio" },
        { "Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Ferreira", "Costa", "Ribeiro",
            "Almeida", "Araújo", "Gonçalves", "Rocha", "dos Anjos" },
        { "Rua das Flores", "Avenida Brasil", "Rua do Sol", "Rua Sete" },
        { { "São Paulo", "01001-000", -23.55, -46.634 },
            { "Rio de Janeiro", "20010-000", -22.904, -43.178 },
            { "Curitiba", "80010-000", -25.433, -49.271 },
            { "Recife", "50010-000", -8.063, -34.872 } } },
    { "TR", "+90212000", "tr", 3,
        { "Zeynep", "Elif", "Defne", "Ayşe", "Ecrin", "Çiğdem", "Yusuf", "Mustafa", "Ömer", "Emir",
            "İsmail", "Kerem" },
        { "Yılmaz", "Kaya", "Demir", "Çelik", "Şahin", "Yıldız", "Öztürk", "Aydın", "Arslan",
            "Doğan", "Kılıç", "Aslan", "Çetin", "Koç" },
        { "Atatürk Caddesi", "Cumhuriyet Caddesi", "Gül Sokak", "Lale Sokak" },
        { { "İstanbul", "34110", 41.016, 28.964 }, { "Ankara", "06050", 39.941, 32.855 },
            { "İzmir", "35250", 38.419, 27.13 }, { "Bursa", "16010", 40.184, 29.061 } } },
    { "IN", "+9111000", "en", 2,
        { "Aadhya", "Ananya", "Diya", "Saanvi", "Priya", "Kavya", "Arjun", "Vivaan", "Rohan",
            "Ishaan", "Krishna", "Dev" },
        { "Sharma", "Verma", "Gupta", "Singh", "Kumar", "Reddy", "Nair", "Iyer", "Das", "Mehta",
            "Joshi", "Rao", "Bose", "Kapoor" },
        { "MG Road", "Park Street", "Station Road", "Lake View" },
        { { "New Delhi", "110001", 28.633, 77.22 }, { "Mumbai", "400001", 18.939, 72.836 },
            { "Bengaluru", "560001", 12.976, 77.603 }, { "Chennai", "600001", 13.084, 80.27 } } },
    { "JP", "+8130000", "ja", 1,
        { "Yui", "Aoi", "Hina", "Sakura", "Mei", "Rin", "Haruto", "Sota", "Ren", "Yuto", "Hinata",
            "Kaito" },
        { "Sato", "Suzuki", "Takahashi", "Tanaka", "Ito", "Watanabe", "Yamamoto", "Nakamura",
            "Kobayashi", "Kato", "Yoshida", "Yamada", "Sasaki", "Mori" },
        { "Chuo-dori", "Sakura-dori", "Ginza", "Heiwa-dori" },
        { { "Tokyo", "100-0001", 35.685, 139.753 }, { "Osaka", "530-0001", 34.703, 135.5 },
            { "Kyoto", "600-8001", 35.003, 135.768 },
            { "Sapporo", "060-0001", 43.064, 141.347 } } },
};

static const char *const company_first[] = { "Nord", "Sun", "Blue", "Alpha", "River", "Stone",
    "Green", "Metro", "Oak", "Silver", "Bright", "Peak", "Urban", "Delta", "Coast", "Lark" };
static const char *const company_second[] = { "works", "trade", "soft", "foods", "logistics",
    "design", "media", "energy", "health", "build", "textiles", "motors", "labs", "garden",
    "finance", "travel" };
static const char *const legal[] = { "GmbH", "Ltd", "SA", "Inc", "BV", "SL", "AG", "SpA" };
static const char *const industries[] = { "retail", "software", "manufacturing", "food",
    "logistics", "media", "energy", "health", "construction", "finance", "travel", "education" };
static const char *const hobbies[] = { "books", "cooking", "cycling", "film", "fitness", "games",
    "gardening", "hiking", "music", "photography", "sports", "travel", "wine" };
static const char *const lead_sources[] = { "web", "referral", "event", "phone", "email", "social",
    "advertising", "shop" };
static const char *const stages[] = { "lead", "marketing_qualified", "sales_qualified",
    "opportunity", "customer", "customer", "customer", "evangelist" };
static const char *const job_titles[] = { "Buyer", "Head of Purchasing", "Owner", "Office Manager",
    "Engineer", "Marketing Manager", "Sales Director", "Accountant", "Designer", "Teacher",
    "Consultant", "Store Manager" };
static const char *const call_subjects[] = { "First conversation", "Asked about delivery",
    "Follow-up on the offer", "Price question", "Complaint about a late parcel", "Reorder",
    "Invitation to the open day", "Check-in after purchase" };
static const char *const task_titles[] = { "Send the catalogue", "Call back", "Prepare an offer",
    "Check the address", "Send samples", "Ask for a review", "Plan a visit" };
static const char *const note_texts[] = { "Prefers to be called in the afternoon.",
    "Interested in the new collection.", "Was very happy with the last delivery.",
    "Compares us with two other suppliers.", "Wants invoices by e-mail only.",
    "Has moved to a larger office." };

#define PICK(r, list) ((list)[rng_below((r), sizeof(list) / sizeof *(list))])

/* The later, the more: the share of the whole that was there at a time grows with its square;
 * winters are stronger. n-th of total, so that ids and dates rise together. */
static int64_t born(struct demo *d, int64_t n, int64_t total)
{
    double share = sqrt(((double)n + rng_real(&d->r)) / (double)total);
    double day = share * GROWTH_DAYS;

    day += 9 * sin(day * 2 * M_PI / 365.25);
    day = day < 0 ? 0 : day > GROWTH_DAYS - 1 ? GROWTH_DAYS - 1 : day;
    int64_t at = d->begin + DAYS((int64_t)day);
    return at + HOURS(8) + (int64_t)rng_below(&d->r, 10 * 3600) * 1000000;
}

enum err_code demo_create(
    struct call *c, const char *entity, json_t *tree, int64_t at, int64_t *id)
{
    struct record *r = record_of(c, entity);
    int64_t now = c->now;

    arena_defer(c->mem, (void (*)(void *))json_decref, tree);
    if (!tree) {
        return fail(c, ERR_INTERNAL, NULL, "demo: a record could not be packed");
    }
    c->now = at;
    enum err_code code = record_fill(c, r, tree);
    if (code == OK) {
        code = record_create(c, r);
    }
    c->now = now;
    *id = r->id;
    return code;
}

enum err_code demo_make_team(struct call *c, struct demo *d)
{
    static const char *const teams[] = { "Sales", "Sales North", "Service" };
    static const char *const people[] = { "Ines Vogel", "Tom Archer", "Maya Lindt", "Omar Haddad",
        "Eva Novak", "Ben Osei" };
    int64_t role = 0, id = 0;

    for (int i = 0; i < 3; i++) {
        json_t *t = i == 1 ? json_pack("{s:s, s:I}", "name", teams[i], "parent", d->teams[0])
                           : json_pack("{s:s}", "name", teams[i]);
        TRY(demo_create(c, "team", t, d->begin, &d->teams[i]));
    }
    TRY(demo_create(c, "role",
        json_pack("{s:s, s:s}", "name", "Colleague", "description",
            "Sees everything, changes the team's records, deletes own ones."),
        d->begin, &role));
    TRY(demo_create(c, "grant",
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "role", role, "entity", "*",
            "read", "all", "create", "own", "update", "below", "delete", "own", "export", "team",
            "import", "own", "bulk", "own"),
        d->begin, &id));
    for (int i = 0; i < 6; i++) {
        char email[80];
        snprintf(email, sizeof email, "%s@kith.example", people[i]);
        for (char *p = email; *p; p++) {
            *p = *p == ' ' ? '.' : (char)tolower((unsigned char)*p);
        }
        TRY(demo_create(c, "user",
            json_pack("{s:s, s:s, s:I, s:[I], s:[I]}", "name", people[i], "email", email, "team",
                d->teams[i % 3], "teams", d->teams[i % 3], "roles", role),
            d->begin, &d->users[i]));
    }
    return OK;
}

enum err_code demo_make_groups(struct call *c, struct demo *d)
{
    static const char *const names[] = { "Chamber of Commerce", "Cycling club",
        "Friends of the museum", "Alumni network" };

    for (int i = 0; i < 4; i++) {
        TRY(demo_create(c, "group",
            json_pack("{s:s, s:s}", "name", names[i], "kind", i ? "club" : "association"), d->begin,
            &d->groups[i]));
    }
    return dashboard_seed(c);
}

static const struct nation *pick_nation(struct demo *d)
{
    int64_t at = (int64_t)rng_below(&d->r, 100);
    size_t i = 0;

    while (i + 1 < sizeof nations / sizeof *nations && at >= nations[i].weight) {
        at -= nations[i++].weight;
    }
    return &nations[i];
}

static json_t *address(struct demo *d, const struct nation *n, const struct place *p)
{
    char street[80];

    snprintf(
        street, sizeof street, "%s %d", PICK(&d->r, n->street), 1 + (int)rng_below(&d->r, 120));
    return json_pack("{s:s, s:s, s:s, s:s}", "street", street, "city", p->city, "postcode",
        p->postcode, "country", n->code);
}

enum err_code demo_make_company(struct call *c, struct demo *d, int64_t i)
{
    const struct nation *n = pick_nation(d);
    const struct place *p = &n->places[rng_below(&d->r, 4)];
    const char *first = PICK(&d->r, company_first), *second = PICK(&d->r, company_second);
    char name[100], domain[120], phone[40], external[40];

    snprintf(name, sizeof name, "%s%s %s", first, second, PICK(&d->r, legal));
    snprintf(domain, sizeof domain, "%s%s%" PRId64 ".example", first, second, i);
    for (char *q = domain; *q; q++) {
        *q = (char)tolower((unsigned char)*q);
    }
    snprintf(phone, sizeof phone, "%s%04d", n->calling, (int)rng_below(&d->r, 10000));
    snprintf(external, sizeof external, "C%06" PRId64, i);
    json_t *t = json_pack("{s:s, s:s, s:s, s:s, s:[s], s:[o], s:i, s:i, s:I}", "name", name,
        "external_id", external, "domain", domain, "industry", PICK(&d->r, industries), "phones",
        phone, "addresses", address(d, n, p), "employees",
        (int)(2 + rng_below(&d->r, 20) * rng_below(&d->r, 40)), "year_established",
        1950 + (int)rng_below(&d->r, 72), "owner", d->users[rng_below(&d->r, 6)]);
    json_object_set_new(t, "type", json_string(rng_below(&d->r, 3) ? "customer" : "prospect"));
    return demo_create(c, "company", t, born(d, i, d->ncompanies), &d->companies[i]);
}

/* A name as it stands in an address: "muller" of Müller. */
static void ascii_name(struct arena *mem, const char *name, char *out)
{
    struct str plain = utf8_fold(mem, str_of(name));
    size_t n = 0;

    for (size_t i = 0; i < plain.n && n < 30; i++) {
        if (isalnum((unsigned char)plain.p[i])) {
            out[n++] = plain.p[i];
        }
    }
    out[n] = '\0';
}

/* People as they are in real lists: entered twice with a slip in the name or after a move, and with something missing or
 * contradictory. Only among many, in place of what the generator made of them; it draws the same numbers. */
static const struct {
    int64_t at;
    const char *says;
} odd[] = {
    { 203, "{\"first_name\": \"Katharina\", \"last_name\": \"Brandt\", \"birthday\": \"1984-03-12\","
           " \"emails\": [{\"address\": \"katharina.brandt@mail1.example\"}], \"phones\": [{\"number\": \"+493023125041\"}],"
           " \"addresses\": [{\"street\": \"Gartenweg 14\", \"city\": \"Berlin\", \"postcode\": \"10115\", \"country\": \"DE\"}],"
           " \"language\": \"de\", \"gender\": \"female\", \"home\": {\"lat\": 52.53, \"lng\": 13.39}}" },
    { 207, "{\"first_name\": \"Thomas\", \"last_name\": \"Whitfield\", \"birthday\": \"1971-11-02\","
           " \"emails\": [{\"address\": \"t.whitfield@mail2.example\"}], \"phones\": [{\"number\": \"+442079460311\"}],"
           " \"addresses\": [{\"street\": \"Station Road 8\", \"city\": \"Leeds\", \"postcode\": \"LS1 4AP\", \"country\": \"GB\"}],"
           " \"language\": \"en\", \"gender\": \"male\", \"home\": {\"lat\": 53.79, \"lng\": -1.55}}" },
    { 212, "{\"first_name\": \"Margaret\", \"last_name\": \"Ellison\", \"birthday\": \"1990-07-25\","
           " \"emails\": [{\"address\": \"margaret.ellison@mail3.example\"}], \"phones\": [{\"number\": \"+12025550147\"}],"
           " \"addresses\": [{\"street\": \"Oak Avenue 31\", \"city\": \"Boston\", \"postcode\": \"02108\", \"country\": \"US\"}],"
           " \"language\": \"en\", \"gender\": \"female\", \"home\": {\"lat\": 42.35, \"lng\": -71.06}}" },
    { 217, "{\"first_name\": null}" },
    { 222, "{\"addresses\": [{\"city\": \"Lyon\"}]}" },
    { 226, "{\"emails\": [], \"preferred_channel\": \"email\"}" },
    { 231, "{\"first_name\": \"Katarina\", \"last_name\": \"Brandt\", \"birthday\": \"1984-03-12\","
           " \"emails\": [{\"address\": \"k.brandt@mail5.example\"}], \"phones\": [{\"number\": \"+49 30 2312 5041\"}],"
           " \"addresses\": [{\"street\": \"Gartenweg 14\", \"city\": \"Berlin\", \"postcode\": \"10115\", \"country\": \"DE\"}],"
           " \"language\": \"de\", \"gender\": \"female\", \"home\": {\"lat\": 52.53, \"lng\": 13.39}}" },
    { 235, "{\"birthday\": \"1894-05-02\"}" },
    { 238, "{\"preferred_channel\": \"email\", \"do_not_email\": true}" },
    { 244, "{\"first_name\": \"Tom\", \"last_name\": \"Whitfield\", \"birthday\": \"1971-11-02\","
           " \"emails\": [{\"address\": \"t.whitfield@mail2.example\"}], \"phones\": [{\"number\": \"+442079460377\"}],"
           " \"addresses\": [{\"street\": \"Church Lane 2\", \"city\": \"Bristol\", \"postcode\": \"BS1 5TR\", \"country\": \"GB\"}],"
           " \"language\": \"en\", \"gender\": \"male\", \"home\": {\"lat\": 51.45, \"lng\": -2.6}}" },
    { 249, "{\"first_name\": \"Martin\", \"last_name\": \"Martin\"}" },
    { 256, "{\"first_name\": \"Margret\", \"last_name\": \"Ellison\", \"birthday\": null,"
           " \"emails\": [{\"address\": \"margaret.ellison@mail3.example\"}], \"phones\": [{\"number\": \"+1 (202) 555-0147\"}],"
           " \"addresses\": [{\"street\": \"Oak Avenue 31\", \"city\": \"Boston\", \"postcode\": \"02108\", \"country\": \"US\"}],"
           " \"language\": \"en\", \"gender\": \"female\", \"home\": {\"lat\": 42.35, \"lng\": -71.06}}" },
};
enum { ODD_FROM = 257 };

static void make_odd(const struct demo *d, int64_t i, json_t *person)
{
    for (size_t k = 0; k < sizeof odd / sizeof *odd && d->npeople >= ODD_FROM; k++) {
        if (odd[k].at == i) {
            json_t *said = json_loads(odd[k].says, 0, NULL);
            json_object_update(person, said);
            json_decref(said);
        }
    }
}

static json_t *person(struct arena *mem, struct demo *d, int64_t i)
{
    const struct nation *n = pick_nation(d);
    const struct place *p = &n->places[rng_below(&d->r, 4)];
    size_t f = rng_below(&d->r, 12);
    const char *last = n->last[rng_below(&d->r, 14)];
    char a[40], b[40], email[120], phone[40], external[40], birthday[16];

    ascii_name(mem, n->first[f], a);
    ascii_name(mem, last, b);
    snprintf(email, sizeof email, "%s.%s%" PRId64 "@mail%d.example", a, b, i, (int)(i % 7));
    snprintf(phone, sizeof phone, "%s%06" PRId64, n->calling, i % 1000000);
    snprintf(external, sizeof external, "P%07" PRId64, i);
    int64_t born_on = d->until - 18 * 365 - (int64_t)rng_below(&d->r, 62 * 365);
    date_format(born_on, birthday);
    json_t *t =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}], s:[{s:s, s:s}], s:[o], s:s, s:s, s:s, s:s, s:I}",
            "first_name", n->first[f], "last_name", last, "external_id", external, "emails",
            "address", email, "kind", rng_below(&d->r, 3) ? "home" : "work", "phones", "number",
            phone, "kind", "mobile", "addresses", address(d, n, p), "language", n->language,
            "birthday", birthday, "lead_source", PICK(&d->r, lead_sources), "lifecycle",
            PICK(&d->r, stages), "owner", d->users[rng_below(&d->r, 6)]);
    json_object_set_new(t, "gender", json_string(f < 6 ? "female" : "male"));
    json_object_set_new(t, "home",
        json_pack("{s:f, s:f}", "lat", p->lat + (rng_real(&d->r) - .5) / 8, "lng",
            p->lng + (rng_real(&d->r) - .5) / 8));
    if (d->ncompanies && rng_below(&d->r, 10) < 4) {
        json_object_set_new(t, "company",
            json_integer(d->companies[(
                int64_t)(rng_real(&d->r) * rng_real(&d->r) * (double)d->ncompanies)]));
        json_object_set_new(t, "job_title", json_string(PICK(&d->r, job_titles)));
    }
    if (rng_below(&d->r, 3) == 0) {
        json_object_set_new(t, "hobbies",
            json_pack("[s, s]", hobbies[rng_below(&d->r, 6)], hobbies[6 + rng_below(&d->r, 7)]));
    }
    if (rng_below(&d->r, 12) == 0) {
        json_object_set_new(
            t, "tags", json_pack("[s]", rng_below(&d->r, 2) ? "vip" : "newsletter"));
    }
    if (rng_below(&d->r, 25) == 0) {
        json_object_set_new(t, "groups", json_pack("[I]", d->groups[rng_below(&d->r, 4)]));
    }
    make_odd(d, i, t);
    return t;
}

static json_t *activity(struct demo *d, int64_t contact, int64_t at, const char **entity)
{
    char when[INSTANT_TEXT];
    uint64_t kind = rng_below(&d->r, 4);
    int64_t owner = d->users[rng_below(&d->r, 6)];

    instant_format(at, when);
    if (kind == 0) {
        *entity = "call";
        return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "subject",
            PICK(&d->r, call_subjects), "direction", rng_below(&d->r, 2) ? "inbound" : "outbound",
            "status", "held", "starts_at", when, "duration", (int)(60 + rng_below(&d->r, 1500)),
            "contact", contact, "owner", owner);
    }
    if (kind == 1) {
        char due[INSTANT_TEXT];
        instant_format(at + DAYS(3), due);
        *entity = "task";
        return json_pack("{s:s, s:s, s:s, s:I, s:I}", "title", PICK(&d->r, task_titles), "status",
            rng_below(&d->r, 3) ? "done" : "not_started", "due", due, "contact", contact, "owner",
            owner);
    }
    if (kind == 2) {
        char ends[INSTANT_TEXT];
        instant_format(at + HOURS(1), ends);
        *entity = "meeting";
        return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "subject", "Visit", "status", "held",
            "starts_at", when, "ends_at", ends, "contact", contact, "owner", owner);
    }
    *entity = "note";
    return json_pack("{s:s, s:s, s:I, s:I}", "body", PICK(&d->r, note_texts), "at", when, "contact",
        contact, "owner", owner);
}

static enum err_code company_chunk(struct call *c, void *arg)
{
    struct demo *d = arg;

    for (int i = 0; i < CHUNK && d->at < d->ncompanies; i++, d->at++) {
        TRY(demo_make_company(c, d, d->at));
    }
    return OK;
}

enum err_code demo_make_person(struct call *c, struct demo *d, int64_t i)
{
    struct call_mark mark = call_mark(c);
    int64_t at = born(d, i, d->npeople), id = 0, other = 0;

    TRY(demo_create(c, "contact", person(c->mem, d, i), at, &id));
    if (i < d->ntouched) {
        for (uint64_t k = rng_below(&d->r, 4); k > 0; k--) {
            const char *entity;
            int64_t then = at + HOURS(1 + (int64_t)rng_below(&d->r, 24 * 90));
            int64_t last = DAYS(d->until);
            json_t *t = activity(d, id, then < last ? then : last, &entity);
            TRY(demo_create(c, entity, t, then < last ? then : last, &other));
        }
        TRY(demo_make_orders(c, d, i, id, at));
        TRY(demo_make_consent(c, d, i, id, at));
        TRY(demo_make_visits(c, d, i, id, at));
    }
    call_rewind(c, mark);
    return OK;
}

static enum err_code team_chunk(struct call *c, void *arg)
{
    TRY(demo_make_team(c, arg));
    TRY(demo_make_groups(c, arg));
    TRY(demo_make_shops(c, arg));
    TRY(demo_make_site(c, arg));
    return demo_make_campaign(c, arg);
}

static enum err_code people_chunk(struct call *c, void *arg)
{
    struct demo *d = arg;

    rollups_hold(c);
    for (int i = 0; i < CHUNK && d->at < d->npeople; i++, d->at++) {
        TRY(demo_make_person(c, d, d->at));
    }
    return rollups_release(c);
}

/* From any thread's arena: the numbers that follow from an order. */
struct demo demo_begin(struct arena *mem, int64_t people, uint64_t seed, int64_t until)
{
    struct demo d = { .r = { seed },
        .seed = seed,
        .until = until,
        .npeople = people,
        .ncompanies = people / 12 + 1,
        .ntouched = people < TOUCHED ? people : TOUCHED,
        .begin = DAYS(until - GROWTH_DAYS) };

    d.companies = ARENA_ARRAY(mem, int64_t, (size_t)d.ncompanies);
    return d;
}

/* The generator's state belongs to the chunk: one that runs again begins where it began before. */
struct chunk {
    struct demo *d;
    struct demo before;
    call_fn *fn;
};

static enum err_code run_chunk(struct call *c, void *arg)
{
    struct chunk *k = arg;

    *k->d = k->before;
    c->change_kind = "demo";
    return k->fn(c, k->d);
}

static enum err_code step(struct org *o, struct demo *d, call_fn *fn, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct call c;
    struct chunk k = { d, *d, fn };

    call_init(&c, o, mem, user_system(), VIA_SYSTEM);
    c.now = DAYS(d->until);
    enum err_code code = call_write(&c, run_chunk, &k);
    if (code != OK) {
        *e = c.err;
    }
    arena_destroy(mem);
    return code;
}

enum err_code demo_make(struct org *o, const struct demo_order *order, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct demo d = demo_begin(mem, order->people, order->seed, order->until);

    enum err_code code = step(o, &d, team_chunk, e);
    while (code == OK && d.at < d.ncompanies) {
        code = step(o, &d, company_chunk, e);
    }
    d.at = 0;
    while (code == OK && d.at < d.npeople) {
        code = step(o, &d, people_chunk, e);
        if (order->progress) {
            order->progress(d.at, d.npeople);
        }
    }
    arena_destroy(mem);
    return code;
}
