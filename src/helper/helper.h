/* helper.h - kith-helper: what reads files that other people's programs made, in a process of its own.
 *
 * The server starts it with the file as standard input and reads standard output. It has limits on memory,
 * time and output, and after it has read its arguments the kernel lets it do nothing but read, write and
 * ask for memory. Exit codes: 0 done; 3 the file cannot be read, with a sentence on standard error. */

#ifndef HELPER_HELPER_H
#define HELPER_HELPER_H

#include "base/err.h"

enum { HELPER_BAD_FILE = 3 };

/* A spreadsheet (XLSX), its first sheet or that of a name, as CSV. Dates come as ISO text. */
MUST_CHECK enum err_code xlsx_to_csv(const char *sheet, struct err *e);
/* CSV as a spreadsheet with a frozen first row. */
MUST_CHECK enum err_code csv_to_xlsx(struct err *e);
/* vCards 2.1, 3.0 and 4.0 as CSV whose headers are the targets of an import. */
MUST_CHECK enum err_code vcard_to_csv(struct err *e);

#endif
