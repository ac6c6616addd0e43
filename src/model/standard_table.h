/* standard_table.h - the tables of knowledge (folder tables/) as they are compiled in. */

#ifndef MODEL_STANDARD_TABLE_H
#define MODEL_STANDARD_TABLE_H

#include "base/str.h"

/* Rows of `columns` texts. The first is the fold of the key and sorts the rows; the others are the
 * columns of the file, in its order. Of equal keys the file's order stays. */
struct table {
    const char *const *cells;
    size_t rows, columns;
};

extern const struct table table_address_words, table_countries_names, table_given_names, table_legal_forms,
    table_mail_providers, table_name_particles, table_name_titles, table_nicknames, table_phone_formats,
    table_phone_regions, table_regions;

static inline const char *table_cell(const struct table *t, size_t row, size_t column)
{
    return t->cells[row * t->columns + column];
}

/* The first row with this key; t->rows when there is none. */
size_t table_find(const struct table *t, struct str folded);
/* Has the row this key? */
bool table_has(const struct table *t, size_t row, struct str folded);

#endif
