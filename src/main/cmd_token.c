/* cmd_token.c - kith token: keys for programs. The last line of `create` is the token itself. */

#include "main/commands.h"
#include "main/shell.h"

#include <inttypes.h>
#include <string.h>

static const struct option_row create_options[] = {
    OPTION_DATA,
    { "user", "EMAIL", "as whom the program acts", true },
    { "name", "NAME", "what it is for", true },
    { "scopes", "LIST", "read, write, contacts:read, ...; all without it" },
    { "expires", "INSTANT", "2030-01-31T00:00:00Z; never without it" },
    OPTION_END,
};

static int create(struct shell *s, struct cmd *cmd)
{
    const char *scopes = cmd_option(cmd, "scopes"), *expires = cmd_option(cmd, "expires");
    struct answer a;
    json_t *body = json_pack(
        "{s:s, s:s}", "user", cmd_option(cmd, "user"), "name", cmd_option(cmd, "name"));

    if (scopes) {
        json_object_set_new(body, "scopes", json_string(scopes));
    }
    if (expires) {
        json_object_set_new(body, "expires_at", json_string(expires));
    }
    int code = shell_request(s, "POST", STR("/api/v1/tokens"), json_compact(cmd->mem, body), &a);
    if (code == EXIT_DONE && !shell_print_json(cmd, &a)) {
        const json_t *t = answer_json(s, &a);
        fputs("shown this once; send it as \"Authorization: Bearer ...\"\n", stderr);
        printf("%s\n", json_string_value(json_object_get(t, "token")));
    }
    return code;
}

static int run_create(struct cmd *cmd)
{
    struct shell *s;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        code = create(s, cmd);
        shell_close(s);
    }
    return code;
}

const struct command cmd_token_create
    = { "token create", NULL, create_options, run_create, "Make a token for a program." };

static const struct option_row data_only[] = { OPTION_DATA, OPTION_END };

static int list(struct shell *s, struct cmd *cmd)
{
    struct answer a;
    int code = shell_request(s, "GET", STR("/api/v1/tokens?all"), STR(""), &a);

    if (code == EXIT_DONE && !shell_print_json(cmd, &a)) {
        json_t *items = json_object_get(answer_json(s, &a), "items"), *t;
        size_t i;
        json_array_foreach(items, i, t)
        {
            const char *used = json_string_value(json_object_get(t, "used_at"));
            printf("%6" JSON_INTEGER_FORMAT "  user %-6" JSON_INTEGER_FORMAT "  %-30s  %-20s  %s\n",
                json_integer_value(json_object_get(t, "id")),
                json_integer_value(json_object_get(t, "user")),
                json_string_value(json_object_get(t, "name")),
                json_string_value(json_object_get(t, "scopes")), used ? used : "never used");
        }
    }
    return code;
}

static int run_list(struct cmd *cmd)
{
    struct shell *s;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        code = list(s, cmd);
        shell_close(s);
    }
    return code;
}

const struct command cmd_token_list = { "token list", NULL, data_only, run_list, "List the tokens." };

static int run_revoke(struct cmd *cmd)
{
    struct shell *s;
    struct answer a;
    int64_t id;

    if (!str_to_int(str_of(cmd->words[0]), &id)) {
        return cmd_usage(cmd, "ID is a number");
    }
    int code = shell_open(cmd, &s);
    if (code == EXIT_DONE) {
        code = shell_request(s, "DELETE", arena_fmt(cmd->mem, "/api/v1/tokens/%" PRId64, id),
            STR(""), &a);
        shell_close(s);
    }
    return code;
}

const struct command cmd_token_revoke
    = { "token revoke", "ID", data_only, run_revoke, "Revoke a token." };
