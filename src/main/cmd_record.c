/* cmd_record.c - kith query, get, create, update, delete: records from the shell. */

#include "base/buf.h"
#include "base/utf8.h"
#include "main/commands.h"
#include "main/shell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH_MAX = 40, TABLE_ROWS = 100000 };

/* ---- query ----
 * "contacts where total_spent > 500 sort -created_at limit 10"
 * "contacts where country = 'DE' group city measure count(), sum(total_spent) sort -count()" */

struct question {
    struct str entity, where, sort, group, measure, limit;
};

static bool is_word(struct str text, size_t at, const char *word)
{
    size_t n = strlen(word);
    bool begins = at > 0 && (text.p[at - 1] == ' ' || text.p[at - 1] == '\n' || text.p[at - 1] == ')');
    bool ends = at + n == text.n || text.p[at + n] == ' ' || text.p[at + n] == '\n';

    return begins && ends && str_eq_nocase(str_sub(text, at, n), str_of(word));
}

static void put_clause(struct question *q, const char *word, struct str text)
{
    struct str *slots[] = { &q->where, &q->sort, &q->group, &q->measure, &q->limit };
    static const char *const words[] = { "where", "sort", "group", "measure", "limit" };

    for (size_t i = 0; i < 5; i++) {
        if (word && strcmp(word, words[i]) == 0) {
            *slots[i] = str_trim(text);
        }
    }
}

/* Clause words count outside quotes and parentheses only. */
static bool read_question(struct str text, struct question *q)
{
    static const char *const words[] = { "where", "sort", "group", "measure", "limit" };
    const char *current = NULL;
    size_t from = 0;
    int depth = 0;
    char quote = 0;

    *q = (struct question) { 0 };
    for (size_t i = 0; i <= text.n; i++) {
        char ch = i < text.n ? text.p[i] : 0;
        const char *next = NULL;
        if (quote && i < text.n) {
            quote = ch == quote ? 0 : quote;
            continue;
        }
        quote = ch == '\'' || ch == '"' ? ch : quote;
        depth += (ch == '(') - (ch == ')');
        for (size_t k = 0; depth == 0 && i < text.n && k < 5; k++) {
            next = is_word(text, i, words[k]) ? words[k] : next;
        }
        if (!next && i < text.n) {
            continue;
        }
        struct str part = str_sub(text, from, i - from);
        if (current) {
            put_clause(q, current, part);
        } else {
            q->entity = str_trim(part);
        }
        if (next) {
            current = next;
            from = i + strlen(next);
            i = from - 1;
        }
    }
    return !quote && depth == 0;
}

static void add_param(struct buf *b, struct arena *mem, const char *name, struct str value)
{
    if (value.n) {
        buf_fmt(b, "%s%s=", str_find_byte(buf_str(b), '?') < 0 ? "?" : "&", name);
        buf_add(b, url_escape(mem, value));
    }
}

/* A value as a person reads it: the name of a reference, the amount with its currency, a list by commas. */
static void plain_value(struct buf *out, const json_t *v)
{
    if (json_is_string(v)) {
        buf_lit(out, json_string_value(v));
    } else if (json_is_integer(v)) {
        buf_int(out, json_integer_value(v));
    } else if (json_is_real(v)) {
        buf_fmt(out, "%.12g", json_real_value(v));
    } else if (json_is_boolean(v)) {
        buf_lit(out, json_is_true(v) ? "yes" : "no");
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            buf_lit(out, i ? ", " : "");
            plain_value(out, json_array_get(v, i));
        }
    } else if (json_is_object(v)) {
        const char *const members[] = { "amount", "name", "address", "number", "url", "street" };
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            const char *text = json_string_value(json_object_get(v, members[i]));
            if (text && *text) {
                buf_lit(out, text);
                break;
            }
        }
        const char *currency = json_string_value(json_object_get(v, "currency"));
        buf_lit(out, currency ? " " : "");
        buf_lit(out, currency ? currency : "");
    }
}

struct table {
    struct arena *mem;
    const char **names;
    size_t columns, rows, *width;
    struct str *cells;
};

static void fill_table(struct table *t, const json_t *items)
{
    const json_t *first = json_array_get(items, 0);
    const char *name;
    json_t *v;

    t->rows = json_array_size(items);
    t->columns = json_object_size(first);
    t->names = ARENA_ARRAY(t->mem, const char *, t->columns + 1);
    t->width = ARENA_ARRAY(t->mem, size_t, t->columns + 1);
    t->cells = ARENA_ARRAY(t->mem, struct str, t->rows * t->columns + 1);
    size_t col = 0;
    json_object_foreach((json_t *)first, name, v)
    {
        t->width[col] = strlen(name);
        t->names[col++] = name;
    }
    for (size_t i = 0; i < t->rows; i++) {
        for (col = 0; col < t->columns; col++) {
            struct buf b;
            buf_init(&b, t->mem, 1 << 20);
            plain_value(&b, json_object_get(json_array_get(items, i), t->names[col]));
            struct str cell = utf8_clip(buf_str(&b), WIDTH_MAX);
            t->cells[i * t->columns + col] = cell;
            size_t n = utf8_length(cell);
            t->width[col] = n > t->width[col] ? n : t->width[col];
        }
    }
}

static void print_cell(struct str s, size_t width, bool last)
{
    fwrite(s.p, 1, s.n, stdout);
    for (size_t n = utf8_length(s); !last && n < width + 2; n++) {
        putchar(' ');
    }
}

static void print_table(struct arena *mem, const json_t *items, bool header)
{
    struct table t = { .mem = mem };

    fill_table(&t, items);
    for (size_t col = 0; header && col < t.columns; col++) {
        print_cell(str_of(t.names[col]), t.width[col], col + 1 == t.columns);
    }
    if (header && t.columns) {
        putchar('\n');
    }
    for (size_t i = 0; i < t.rows; i++) {
        for (size_t col = 0; col < t.columns; col++) {
            print_cell(t.cells[i * t.columns + col], t.width[col], col + 1 == t.columns);
        }
        putchar('\n');
    }
}

static void print_items(struct cmd *cmd, const json_t *items, bool header)
{
    if (!cmd->json) {
        print_table(cmd->mem, items, header);
        return;
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        char *line = json_dumps(json_array_get(items, i), JSON_COMPACT | JSON_PRESERVE_ORDER);
        puts(line ? line : "{}");
        free(line); /* jansson's own */
    }
}

static int ask_list(struct shell *s, struct cmd *cmd, const struct question *q)
{
    const char *fields = cmd_option(cmd, "fields");
    int64_t most = cmd->json ? INT64_MAX : TABLE_ROWS, seen = 0;
    struct str after = { "", 0 };

    if (q->limit.n && !str_to_int(q->limit, &most)) {
        return cmd_usage(cmd, "limit is a number");
    }
    do {
        struct buf b;
        struct answer a;
        char limit[24];
        snprintf(limit, sizeof limit, "%" PRId64, most - seen < 200 ? most - seen : 200);
        buf_init(&b, cmd->mem, 64 << 10);
        buf_fmt(&b, "/api/v1/%.*s", STR_ARG(q->entity));
        add_param(&b, cmd->mem, "where", q->where);
        add_param(&b, cmd->mem, "sort", q->sort);
        add_param(&b, cmd->mem, "fields", str_of(fields));
        add_param(&b, cmd->mem, "limit", str_of(limit));
        add_param(&b, cmd->mem, "after", after);
        int code = shell_request(s, "GET", buf_str(&b), STR(""), &a);
        if (code != EXIT_DONE) {
            return code;
        }
        json_t *tree = answer_json(s, &a), *items = json_object_get(tree, "items");
        print_items(cmd, items, seen == 0);
        seen += (int64_t)json_array_size(items);
        const char *next = json_string_value(json_object_get(tree, "next"));
        after = str_of(next);
    } while (after.n && seen < most);
    if (after.n && !q->limit.n) {
        fprintf(stderr, "there are more; --json gives all\n");
    }
    return EXIT_DONE;
}

static int ask_aggregate(struct shell *s, struct cmd *cmd, const struct question *q)
{
    struct buf b;
    struct answer a;

    buf_init(&b, cmd->mem, 64 << 10);
    buf_fmt(&b, "/api/v1/%.*s/aggregate", STR_ARG(q->entity));
    add_param(&b, cmd->mem, "where", q->where);
    add_param(&b, cmd->mem, "sort", q->sort);
    add_param(&b, cmd->mem, "group", q->group);
    add_param(&b, cmd->mem, "measure", q->measure.n ? q->measure : STR("count()"));
    add_param(&b, cmd->mem, "limit", q->limit);
    int code = shell_request(s, "GET", buf_str(&b), STR(""), &a);
    if (code == EXIT_DONE) {
        print_items(cmd, json_object_get(answer_json(s, &a), "rows"), true);
    }
    return code;
}

static int query(struct cmd *cmd)
{
    struct question q;
    struct shell *s;

    if (!read_question(str_of(cmd->words[0]), &q)) {
        return cmd_usage(cmd, "a quote or a parenthesis is not closed");
    }
    if (!q.entity.n || str_find_byte(q.entity, ' ') >= 0 || str_find_byte(q.entity, '/') >= 0) {
        return cmd_usage(cmd, "a question begins with one entity, as in "
                              "\"contacts where city = 'Berlin' sort last_name\"");
    }
    int code = shell_open(cmd, &s);
    if (code == EXIT_DONE) {
        code = q.group.n || q.measure.n ? ask_aggregate(s, cmd, &q) : ask_list(s, cmd, &q);
        shell_close(s);
    }
    return code;
}

static const struct option_row query_options[] = { OPTION_DATA,
    { "fields", "LIST", "columns, separated by commas", false }, OPTION_END };
const struct command cmd_query = { "query", "TEXT", query_options, query,
    "Asks for records: \"contacts where ... sort ... limit ...\", or counts them:\n"
    "\"contacts where ... group city measure count(), sum(total_spent)\"." };

/* ---- one record ---- */

static int one_request(
    struct cmd *cmd, const char *method, const char *entity, const char *id, struct str body)
{
    struct shell *s;
    struct answer a;
    struct str target = id ? arena_fmt(cmd->mem, "/api/v1/%s/%s", entity, id)
                           : arena_fmt(cmd->mem, "/api/v1/%s", entity);

    int code = shell_open(cmd, &s);
    if (code != EXIT_DONE) {
        return code;
    }
    code = shell_request(s, method, target, body, &a);
    if (code == EXIT_DONE && !shell_print_json(cmd, &a) && a.body.n) {
        const char *name;
        json_t *v, *tree = answer_json(s, &a);
        json_object_foreach(tree, name, v)
        {
            struct buf b;
            buf_init(&b, cmd->mem, 1 << 20);
            plain_value(&b, v);
            if (b.n) {
                printf("%-24s %.*s\n", name, STR_ARG(buf_str(&b)));
            }
        }
    }
    shell_close(s);
    return code;
}

static int get(struct cmd *cmd)
{
    return one_request(cmd, "GET", cmd->words[0], cmd->words[1], STR(""));
}

/* The record as JSON: the last word, or standard input with "-". */
static struct str body_of(struct cmd *cmd, int at)
{
    struct str text = str_of(at < cmd->nwords ? cmd->words[at] : "-");

    if (str_is(text, "-")) {
        struct buf b;
        char chunk[4096];
        size_t n;
        buf_init(&b, cmd->mem, 8 << 20);
        while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
            buf_add(&b, (struct str) { chunk, n });
        }
        text = buf_str(&b);
    }
    return text;
}

static int create(struct cmd *cmd)
{
    return one_request(cmd, "POST", cmd->words[0], NULL, body_of(cmd, 1));
}

static int update(struct cmd *cmd)
{
    return one_request(cmd, "PATCH", cmd->words[0], cmd->words[1], body_of(cmd, 2));
}

static int delete_record(struct cmd *cmd)
{
    return one_request(cmd, "DELETE", cmd->words[0], cmd->words[1], STR(""));
}

/* An action of an entity, of one record, or of a module is asked for as over the API. */
static int action(struct cmd *cmd)
{
    struct str body = cmd->nwords > 1 ? body_of(cmd, 1) : STR("{}");

    return one_request(cmd, "POST", cmd->words[0], NULL, body);
}

static const struct option_row data_options[] = { OPTION_DATA, OPTION_END };
const struct command cmd_action = { "action", "PATH [JSON]", data_options, action,
    "Runs an action: enrich/state, segments/3/build, contacts/bulk; what it takes as JSON, \"-\" for standard input." };
const struct command cmd_get
    = { "get", "ENTITY ID", data_options, get, "Shows one record." };
const struct command cmd_create = { "create", "ENTITY [JSON]", data_options, create,
    "Makes a record from JSON, given as a word or on standard input." };
const struct command cmd_update = { "update", "ENTITY ID [JSON]", data_options, update,
    "Changes a record: what the JSON names is set, null clears." };
const struct command cmd_delete
    = { "delete", "ENTITY ID", data_options, delete_record, "Moves a record to the bin." };
