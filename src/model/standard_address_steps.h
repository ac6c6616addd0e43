/* standard_address_steps.h - between the files of standard_address. */

#ifndef MODEL_STANDARD_ADDRESS_STEPS_H
#define MODEL_STANDARD_ADDRESS_STEPS_H

#include "model/standard_address.h"

/* Where the number of the house stands. */
enum number_place { NUMBER_BEHIND, NUMBER_FRONT };
/* A letter behind the number: as typed, or joined to it. */
enum letter_rule { LETTER_AS_TYPED, LETTER_SMALL, LETTER_CAPITAL };
/* Where a piece of `extra` stands on mail. */
enum extra_place { PLACE_ABOVE, PLACE_BEHIND, PLACE_BELOW };
enum region_form { REGION_NAME, REGION_CODE };

struct address_rules {
    const char *country;
    /* 9 a digit, A a letter, blank or hyphen perhaps; the form itself is the first */
    const char *postcode[8];
    const char *prefixes; /* what may stand in front of a postcode, separated by blanks */
    const char *small;    /* words that are small inside a name */
    const char *sites;    /* words that end the name of a site and less often that of a street */
    const char *number_joint; /* between the name of a street and the number */
    const char *extra_joint;  /* between two pieces of extra */
    const char *above, *behind,
        *below;       /* joints on mail: between pieces, for behind also in front */
    const char *last; /* lines of postcode, city, region: see standard_address_format.c */
    enum number_place number;
    enum letter_rule letter;
    enum region_form region;
    const char *flats; /* the units that go to the place of units, all where NULL */
    enum extra_place unit, box, other;
    bool code_first;    /* the postcode stands before the city */
    bool bars;          /* " - " and " // " separate */
    bool types_small;   /* the type of a street is small where it begins it too */
    bool lists;         /* all that is no extra is the street, by commas */
    bool box_office;    /* the office of a post box stands behind it */
    bool localities;    /* behind the street comes a locality, a line of its own */
    bool region_behind; /* a region may stand behind the city, with a blank only */
    bool initials;      /* two or three letters without a vowel are initials */
    bool ordinals;      /* 3o B is 3º B */
    bool joined; /* types are joined to the name: Hauptstr. */
    bool turkish;
    bool all_capitals; /* on mail */
};

extern const struct address_rules address_rules_any;
const struct address_rules *address_rules_of(struct str country); /* never NULL */

enum { PIECES = 32, PIECE_WORDS = 40, POSTCODE_ROOM = 16 };

struct words {
    struct str w[PIECE_WORDS];
    size_t n;
};

/* An address while it is taken apart. */
struct taking {
    struct arena *mem;
    const struct address_rules *rules;
    struct str piece[PIECES];
    size_t n;
    bool capitals, small; /* the whole is in one case */
    struct postal_address *out;
};

void words_split(struct str s, struct words *w); /* what does not fit stays in the last */
struct str words_span(
    struct arena *mem, const struct words *w, size_t from, size_t to); /* to exclusive */
bool is_listed(struct str word, const char *list); /* ASCII case aside; list separated by blanks */
bool has_digit(struct str s);
bool begins_with_number(struct str s);
struct str beside(struct arena *mem, struct str a, const char *joint, struct str b);
void piece_remove(struct taking *t, size_t at);

/* Words from w[at] that stand in the table as `where`: how many (0 for none) and what they become.
 */
size_t address_word(
    struct taking *t, const struct words *w, size_t at, const char *where, struct str *to);
/* One word, as it stands. */
bool address_term(struct taking *t, struct str word, const char *where, struct str *to);
bool address_is_term(struct taking *t, struct str word); /* anywhere but joined to another */
bool address_region(struct taking *t, struct str s, struct str *to);
/* A name in the case of names, where it is in one case; else as typed. */
struct str address_case(struct taking *t, struct str s);
struct str case_set(struct arena *mem, const struct address_rules *rules, struct str s,
    bool first_up, bool rest_up);
/* How many capitals, how many small letters, how long the longest run of letters is. */
void case_look(struct str s, size_t *capitals, size_t *small, size_t *longest);
bool is_ordinal(const struct address_rules *rules, struct str s); /* 5TH, 1E */
struct str first_capital(struct taking *t, struct str s);
struct str case_upper(struct arena *mem, const struct address_rules *rules, struct str s);
struct str spaced_words(struct taking *t, struct str s); /* "ul.Leśna 5 m.2" with its blanks */
/* Words of the table spelled out, numbers and cases brought into order. */
struct str spell_street(struct taking *t, struct str s);
struct str spell_extra(struct taking *t, struct str s);
struct str spell_city(struct taking *t, struct str s);

enum piece_is { IS_OTHER, IS_NUMBER, IS_UNIT, IS_BOX, IS_CARE, IS_NEAR, IS_STREET };
enum piece_is piece_is(struct taking *t, struct str piece);
bool is_street_like(struct taking *t, struct str piece);
void join_numbers(struct taking *t);
void take_street(struct taking *t);
void take_turkish_street(struct taking *t);
/* Behind the number a flat may follow, in the same piece: cut there. */
void cut_units(struct taking *t);

bool is_japanese(struct str s);
void take_japanese(struct taking *t, struct str typed);
void take_latin_city(struct taking *t);

#endif
