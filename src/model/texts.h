/* texts.h - what the server says, in the language of who reads it. The English text is the key: what a catalogue
 * (locale/<language>.json) does not have stays English. */

#ifndef MODEL_TEXTS_H
#define MODEL_TEXTS_H

#include "base/arena.h"

struct text_row {
    const char *english, *text;
};
struct text_catalogue {
    const char *language; /* "de"; NULL at the end */
    const struct text_row *rows;
    size_t n;
};
extern const struct text_catalogue text_catalogues[];

/* Whether there is one for it, or it is English; regions ("de-AT") are those of their language. */
bool text_speaks(struct str language);
/* "de, en" */
struct str text_languages(struct arena *mem);

/* language: "de", "de-AT", or empty. Gives the text, or english itself. */
const char *text_in(struct str language, const char *english);
/* The same for a format of printf: a text whose conversions are not those of the English one is passed over. */
const char *text_format(struct str language, const char *english);

/* A sentence that was made in English already, below the floor that knows the reader or in an earlier call: the
 * text whose format it fits, with what stands in its places. english itself when none does. */
const char *text_message(struct arena *mem, struct str language, const char *english);

#endif
