/* main.c - the table of shell commands, and running one of them. */

#include "main/command.h"

#include "db/db.h"
#include "main/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct command *const commands[] = {
    &cmd_serve, &cmd_init,
    &cmd_query, &cmd_get, &cmd_create, &cmd_update, &cmd_delete, &cmd_action,
    &cmd_import, &cmd_export,
    &cmd_backup, &cmd_restore, &cmd_check, &cmd_migrate,
    &cmd_job, &cmd_undo, &cmd_openapi, &cmd_package, &cmd_demo, &cmd_completion,
    &cmd_user_add, &cmd_user_list, &cmd_user_password, &cmd_user_deactivate,
    &cmd_token_create, &cmd_token_list, &cmd_token_revoke,
    NULL,
};

/* ---- help ---- */

static void help_all(FILE *out)
{
    fputs("kith - a CRM server\n\nusage: kith COMMAND [OPTIONS]\n\n", out);
    for (const struct command *const *c = commands; *c; c++) {
        fprintf(out, "  %-16s %.*s\n", (*c)->name, (int)strcspn((*c)->help, ":\n"), (*c)->help);
    }
    fputs("\n`kith COMMAND --help` tells the options of a command. Exit codes: 0 done, 1 failed,\n"
          "2 wrong command line, 3 done in part.\n", out);
}

static void help_one(const struct command *c, FILE *out)
{
    fprintf(out, "usage: kith %s", c->name);
    if (c->words) {
        fprintf(out, " %s", c->words);
    }
    for (const struct option_row *o = c->options; o && o->name; o++) {
        if (o->required) {
            fprintf(out, " --%s %s", o->name, o->value);
        }
    }
    fprintf(out, " [OPTIONS]\n\n%s\n\n", c->help);
    for (const struct option_row *o = c->options; o && o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", o->name, o->value ? o->value : "");
        fprintf(out, "  %-24s %s\n", left, o->help);
    }
    fputs("  --json                   answers as JSON\n  --help                   this\n", out);
}

/* ---- for commands ---- */

const char *cmd_option(const struct cmd *cmd, const char *name)
{
    int i = 0;

    for (const struct option_row *o = cmd->command->options; o && o->name; o++, i++) {
        if (strcmp(o->name, name) == 0) {
            return cmd->values[i];
        }
    }
    return NULL;
}

static void PRINTF(2, 0) say(const struct cmd *cmd, const char *fmt, va_list args)
{
    fprintf(stderr, "kith %s: ", cmd->command->name);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

int cmd_usage(const struct cmd *cmd, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(cmd, fmt, args);
    va_end(args);
    fprintf(stderr, "try: kith %s --help\n", cmd->command->name);
    return EXIT_USAGE;
}

int cmd_fail(const struct cmd *cmd, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say(cmd, fmt, args);
    va_end(args);
    return EXIT_FAILED;
}

bool cmd_read_file(const struct cmd *cmd, const char *path, size_t most, struct str *out)
{
    FILE *f = fopen(path, "rb");
    char *bytes = arena_alloc(cmd->mem, most + 1);

    if (!f) {
        (void)cmd_fail(cmd, "cannot read %s", path);
        return false;
    }
    size_t n = fread(bytes, 1, most, f);
    (void)fclose(f);
    while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\r')) {
        n--;
    }
    bytes[n] = '\0';
    *out = (struct str) { bytes, n };
    return true;
}

/* ---- the command line ---- */

/* Commands of two words come before those of one that begin alike. */
static const struct command *find_command(int argc, char **argv, int *used)
{
    const struct command *found = NULL;
    char two[80];

    if (argc < 2) {
        return NULL;
    }
    snprintf(two, sizeof two, "%s %s", argv[1], argc > 2 ? argv[2] : "");
    for (const struct command *const *c = commands; *c; c++) {
        if (strcmp((*c)->name, two) == 0) {
            *used = 3;
            return *c;
        }
        if (strcmp((*c)->name, argv[1]) == 0) {
            *used = 2;
            found = *c;
        }
    }
    return found;
}

/* --name VALUE or --name=VALUE; gives how many words it took, 0 when it is not known. */
static int take_option(struct cmd *cmd, const char *word, const char *next)
{
    int i = 0;
    size_t n = strcspn(word, "=");

    if (strcmp(word, "json") == 0) {
        cmd->json = true;
        return 1;
    }
    for (const struct option_row *o = cmd->command->options; o && o->name; o++, i++) {
        if (strlen(o->name) != n || memcmp(o->name, word, n) != 0) {
            continue;
        }
        if (!o->value) {
            cmd->values[i] = "";
            return word[n] ? 0 : 1;
        }
        cmd->values[i] = word[n] ? word + n + 1 : next;
        return word[n] ? 1 : next ? 2 : 0;
    }
    return 0;
}

static int check_line(struct cmd *cmd)
{
    int i = 0, wanted = 0;
    struct str rest = str_of(cmd->command->words), one;

    for (const struct option_row *o = cmd->command->options; o && o->name; o++, i++) {
        if (o->required && !cmd->values[i]) {
            return cmd_usage(cmd, "--%s is needed", o->name);
        }
    }
    while (str_split(&rest, ' ', &one)) {
        wanted += one.n && one.p[0] != '[';
    }
    if (cmd->nwords < wanted) {
        return cmd_usage(cmd, "it takes %s", cmd->command->words);
    }
    if (cmd->nwords && !cmd->command->words) {
        return cmd_usage(cmd, "\"%s\" is too much", cmd->words[0]);
    }
    return EXIT_DONE;
}

static int read_line(struct cmd *cmd, int argc, char **argv, int at)
{
    while (at < argc) {
        if (strncmp(argv[at], "--", 2) == 0 && argv[at][2]) {
            int n = take_option(cmd, argv[at] + 2, at + 1 < argc ? argv[at + 1] : NULL);
            if (!n) {
                return cmd_usage(cmd, "%s is not an option here, or lacks its value", argv[at]);
            }
            at += n;
        } else if (cmd->nwords < WORDS_MAX) {
            cmd->words[cmd->nwords++] = argv[at++];
        } else {
            return cmd_usage(cmd, "too many words");
        }
    }
    return check_line(cmd);
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    int used = 0;
    struct cmd cmd = { .command = find_command(argc, argv, &used) };

    umask(077); /* what is made here is for the owner */
    db_start();

    if (!cmd.command) {
        bool help = argc > 1 && (asks_help(argc, argv) || strcmp(argv[1], "help") == 0);
        if (argc > 1 && !help) {
            fprintf(stderr, "kith: there is no command \"%s\"\n", argv[1]);
        }
        help_all(help ? stdout : stderr);
        return help ? EXIT_DONE : EXIT_USAGE;
    }
    if (asks_help(argc, argv)) {
        help_one(cmd.command, stdout);
        return EXIT_DONE;
    }
    cmd.mem = arena_create(0);
    int code = read_line(&cmd, argc, argv, used);
    if (code == EXIT_DONE) {
        code = cmd.command->run(&cmd);
    }
    arena_destroy(cmd.mem);
    return code;
}
