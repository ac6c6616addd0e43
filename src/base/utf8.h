/* utf8.h - checks, counts and folds UTF-8 (utf8proc beneath). */

#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/arena.h"

/* Stored with the data: when it differs from the program's, fold columns are made anew. */
enum { UTF8_FOLD_VERSION = 1 };

/* Well-formed, no surrogates, no U+0000. On false *bad (may be NULL) is the byte at fault. */
bool utf8_valid(struct str s, size_t *bad);
size_t utf8_length(struct str s); /* code points */
struct str utf8_clip(struct str s, size_t code_points);
/* The key by which names are compared: NFKD, case and marks folded, a table for letters that do
 * not decompose (ø o, ł l, đ d, ß ss, æ ae, œ oe, þ th, ı i, ...), white space runs to one space,
 * trimmed. Always in the arena. Fast for ASCII. */
struct str utf8_fold(struct arena *mem, struct str s);
struct str utf8_nfc(struct arena *mem, struct str s);
/* The same for full and half width, circled and other forms of a letter: those of Japanese keyboards. */
struct str utf8_nfkc(struct arena *mem, struct str s);
/* Letters by Unicode's simple pairs: all of them up or down, or the first alone up. */
enum utf8_case { UTF8_UPPER, UTF8_LOWER, UTF8_FIRST_UPPER };
struct str utf8_cased(struct arena *mem, struct str s, enum utf8_case how);

/* Takes away, in place, what is not UTF-8 in a text that was put together and perhaps cut. */
void utf8_mend(char *text);

#endif
