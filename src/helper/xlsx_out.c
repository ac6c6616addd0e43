/* xlsx_out.c - CSV to a spreadsheet. Texts stay texts, so that nothing runs as a formula; plain numbers
 * become numbers. */

#include "helper/helper.h"

#include "base/csv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xlsxwriter.h>

enum { ROW_MAX = 16 << 20, CELLS_MAX = 2000, ROWS_MAX = 1048576, CELL_CHARS = 32767 };

static ptrdiff_t next_bytes(void *arg, char *out, size_t n)
{
    (void)arg;
    return read(STDIN_FILENO, out, n);
}

/* A number that a spreadsheet keeps as it is: no leading zero or plus, at most 15 digits. */
static bool is_number(struct str s)
{
    size_t digits = 0, points = 0;

    for (size_t i = 0; i < s.n; i++) {
        digits += isdigit((unsigned char)s.p[i]) != 0;
        points += s.p[i] == '.';
        if (!isdigit((unsigned char)s.p[i]) && s.p[i] != '.' && !(s.p[i] == '-' && i == 0)) {
            return false;
        }
    }
    struct str plain = s.n && s.p[0] == '-' ? str_sub(s, 1, s.n) : s;
    bool zero = plain.n > 1 && plain.p[0] == '0' && plain.p[1] != '.';
    return digits && digits <= 15 && points <= 1 && !zero && plain.p[0] != '.'
        && plain.p[plain.n - 1] != '.';
}

static bool write_cell(
    lxw_worksheet *sheet, struct arena *mem, lxw_row_t row, size_t column, struct str s, lxw_format *f)
{
    const char *text = arena_cstr(mem, s);

    if (!s.n) {
        return true;
    }
    if (row && is_number(s)) {
        return worksheet_write_number(sheet, row, (lxw_col_t)column, strtod(text, NULL), NULL)
            == LXW_NO_ERROR;
    }
    return worksheet_write_string(sheet, row, (lxw_col_t)column, text, f) == LXW_NO_ERROR;
}

static enum err_code write_rows(lxw_worksheet *sheet, lxw_format *head, struct err *e)
{
    struct arena *mem = arena_create(0), *row_mem = arena_create(0);
    struct csv_reader *r = csv_open(mem, next_bytes, NULL, ',', ROW_MAX, CELLS_MAX);
    struct csv_row row;
    enum err_code code;
    lxw_row_t n = 0;

    while ((code = csv_next(r, &row, e)) == OK) {
        if (n == ROWS_MAX) {
            code = err_set(e, ERR_TOO_LARGE, NULL, "a spreadsheet has at most %d rows", ROWS_MAX);
            break;
        }
        for (size_t i = 0; i < row.n; i++) {
            struct str cell = str_sub(row.cells[i], 0, CELL_CHARS);
            if (!write_cell(sheet, row_mem, n, i, cell, n ? NULL : head)) {
                code = err_set(e, ERR_INVALID, NULL, "row %u cannot be written", (unsigned)n + 1);
                break;
            }
        }
        arena_reset(row_mem);
        n++;
    }
    arena_destroy(row_mem);
    arena_destroy(mem);
    return code == ERR_NOT_FOUND ? OK : code;
}

enum err_code csv_to_xlsx(struct err *e)
{
    lxw_workbook_options options = { .constant_memory = LXW_TRUE, .use_zip64 = LXW_TRUE };
    lxw_workbook *book = workbook_new_opt("/proc/self/fd/1", &options);
    lxw_worksheet *sheet = book ? workbook_add_worksheet(book, NULL) : NULL;
    lxw_format *head = book ? workbook_add_format(book) : NULL;

    if (!sheet || !head) {
        return err_set(e, ERR_INTERNAL, NULL, "the spreadsheet cannot be begun");
    }
    format_set_bold(head);
    worksheet_freeze_panes(sheet, 1, 0);
    enum err_code code = write_rows(sheet, head, e);
    lxw_error closed = workbook_close(book);
    if (code == OK && closed != LXW_NO_ERROR) {
        return err_set(e, ERR_INTERNAL, NULL, "the spreadsheet cannot be written: %s", lxw_strerror(closed));
    }
    return code;
}
