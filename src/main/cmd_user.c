/* cmd_user.c - kith user: who may sign in. */

#include "base/buf.h"
#include "main/commands.h"
#include "main/shell.h"

#include <inttypes.h>
#include <string.h>

/* The id of the user with an e-mail address, 0 (after a message) when there is none. */
static int64_t find_user(struct shell *s, const struct cmd *cmd, const char *email)
{
    struct buf where;
    struct answer a;

    buf_init(&where, cmd->mem, 2000);
    buf_lit(&where, "email = '");
    for (const char *p = email; *p; p++) {
        if (*p == '\'') {
            buf_byte(&where, '\'');
        }
        buf_byte(&where, *p);
    }
    buf_byte(&where, '\'');
    struct str target = arena_fmt(cmd->mem, "/api/v1/users?fields=id&where=%.*s",
        STR_ARG(url_escape(cmd->mem, buf_str(&where))));
    if (shell_request(s, "GET", target, STR(""), &a) != EXIT_DONE) {
        return 0;
    }
    const json_t *items = json_object_get(answer_json(s, &a), "items");
    int64_t id = json_integer_value(json_object_get(json_array_get(items, 0), "id"));
    if (!id) {
        (void)cmd_fail(cmd, "there is no user %s", email);
    }
    return id;
}

static int set_password(struct shell *s, struct cmd *cmd, int64_t user, struct str password)
{
    struct answer a;

    return shell_request(s, "POST", STR("/api/v1/me/password"),
        json_compact(cmd->mem,
            json_pack("{s:I, s:s%}", "user", (json_int_t)user, "password", password.p, password.n)),
        &a);
}

/* ---- add ---- */

static const struct option_row add_options[] = {
    OPTION_DATA,
    { "email", "EMAIL", "the address to sign in with", true },
    { "name", "NAME", "shown to others; the address without it" },
    { "password-file", "FILE", "the password; without it he cannot sign in yet" },
    { "admin", NULL, "an administrator" },
    { "role", "NAME", "a role to begin with" },
    OPTION_END,
};

static int64_t find_role(struct shell *s, const struct cmd *cmd, const char *name)
{
    struct answer a;

    if (shell_request(s, "GET", STR("/api/v1/roles?fields=id,name&limit=200"), STR(""), &a)
        != EXIT_DONE) {
        return 0;
    }
    const json_t *items = json_object_get(answer_json(s, &a), "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *role = json_array_get(items, i);
        const char *is = json_string_value(json_object_get(role, "name"));
        if (is && strcmp(is, name) == 0) {
            return json_integer_value(json_object_get(role, "id"));
        }
    }
    (void)cmd_fail(cmd, "there is no role %s", name);
    return 0;
}

static int add_user(struct shell *s, struct cmd *cmd)
{
    const char *email = cmd_option(cmd, "email"), *name = cmd_option(cmd, "name");
    const char *file = cmd_option(cmd, "password-file"), *role = cmd_option(cmd, "role");
    struct str password = { "", 0 };
    struct answer a;

    if (file && !cmd_read_file(cmd, file, 2000, &password)) {
        return EXIT_FAILED;
    }
    json_t *user = json_pack("{s:s, s:s, s:b}", "email", email, "name", name ? name : email, "admin",
        cmd_option(cmd, "admin") != NULL);
    int64_t role_id = role ? find_role(s, cmd, role) : 0;
    if (role && !role_id) {
        json_decref(user);
        return EXIT_FAILED;
    }
    if (role) {
        json_object_set_new(user, "roles", json_pack("[{s:I}]", "id", (json_int_t)role_id));
    }
    int code = shell_request(s, "POST", STR("/api/v1/users"), json_compact(cmd->mem, user), &a);
    if (code != EXIT_DONE) {
        return code;
    }
    int64_t id = json_integer_value(json_object_get(answer_json(s, &a), "id"));
    if (file) {
        code = set_password(s, cmd, id, password);
    }
    if (code == EXIT_DONE && !shell_print_json(cmd, &a)) {
        printf("user %" PRId64 ": %s\n", id, email);
    }
    return code;
}

static int run_add(struct cmd *cmd)
{
    struct shell *s;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        code = add_user(s, cmd);
        shell_close(s);
    }
    return code;
}

const struct command cmd_user_add = { "user add", NULL, add_options, run_add, "Add a user." };

/* ---- list ---- */

static const struct option_row data_only[] = { OPTION_DATA, OPTION_END };

static int list_users(struct shell *s, struct cmd *cmd)
{
    struct str after = { "", 0 };
    struct answer a;

    for (;;) {
        struct str target = arena_fmt(cmd->mem,
            "/api/v1/users?fields=id,email,name,admin,active&limit=200&after=%.*s", STR_ARG(after));
        int code = shell_request(s, "GET", target, (struct str) { "", 0 }, &a);
        if (code != EXIT_DONE) {
            return code;
        }
        json_t *tree = answer_json(s, &a), *user;
        size_t i;
        if (!shell_print_json(cmd, &a)) {
            json_array_foreach(json_object_get(tree, "items"), i, user)
            {
                printf("%6" JSON_INTEGER_FORMAT "  %-40s  %-30s  %s%s\n",
                    json_integer_value(json_object_get(user, "id")),
                    json_string_value(json_object_get(user, "email")),
                    json_string_value(json_object_get(user, "name")),
                    json_is_true(json_object_get(user, "admin")) ? "administrator" : "",
                    json_is_true(json_object_get(user, "active")) ? "" : " (inactive)");
            }
        }
        const char *next = json_string_value(json_object_get(tree, "next"));
        if (!next) {
            return EXIT_DONE;
        }
        after = url_escape(cmd->mem, str_of(next));
    }
}

static int run_list(struct cmd *cmd)
{
    struct shell *s;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        code = list_users(s, cmd);
        shell_close(s);
    }
    return code;
}

const struct command cmd_user_list = { "user list", NULL, data_only, run_list, "List the users." };

/* ---- password, deactivate ---- */

static const struct option_row password_options[] = {
    OPTION_DATA,
    { "email", "EMAIL", "the user", true },
    { "password-file", "FILE", "the new password", true },
    OPTION_END,
};

static int run_password(struct cmd *cmd)
{
    struct shell *s;
    struct str password;
    int code;

    if (!cmd_read_file(cmd, cmd_option(cmd, "password-file"), 2000, &password)) {
        return EXIT_FAILED;
    }
    code = shell_open(cmd, &s);
    if (code == EXIT_DONE) {
        int64_t id = find_user(s, cmd, cmd_option(cmd, "email"));
        code = id ? set_password(s, cmd, id, password) : EXIT_FAILED;
        shell_close(s);
    }
    return code;
}

const struct command cmd_user_password
    = { "user password", NULL, password_options, run_password, "Set a user's password." };

static const struct option_row email_options[]
    = { OPTION_DATA, { "email", "EMAIL", "the user", true }, OPTION_END };

static int run_deactivate(struct cmd *cmd)
{
    struct shell *s;
    struct answer a;
    int code = shell_open(cmd, &s);

    if (code == EXIT_DONE) {
        int64_t id = find_user(s, cmd, cmd_option(cmd, "email"));
        code = id ? shell_request(s, "PATCH", arena_fmt(cmd->mem, "/api/v1/users/%" PRId64, id),
                        str_of("{\"active\": false}"), &a)
                  : EXIT_FAILED;
        shell_close(s);
    }
    return code;
}

const struct command cmd_user_deactivate = { "user deactivate", NULL, email_options, run_deactivate,
    "Sign a user out for good; his records stay." };
