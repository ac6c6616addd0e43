/* cmd_init.c - kith init: makes an installation in a folder. */

#include "main/commands.h"
#include "main/setup.h"

#include <stdio.h>

static const struct option_row options[] = {
    OPTION_DATA,
    { "admin", "EMAIL", "the first administrator", true },
    { "password-file", "FILE", "his password: 10 to 200 characters", true },
    { "db", "URL", "postgresql://...; SQLite in the folder without it" },
    { "currency", "CODE", "base currency (EUR)" },
    { "zone", "ZONE", "time zone of the organisation (UTC)" },
    { "country", "CODE", "country of the organisation: phone numbers are read by it" },
    { "language", "CODE", "language of the organisation: de or en (en)" },
    OPTION_END,
};

static int run(struct cmd *cmd)
{
    struct setup s = {
        .dir = cmd_option(cmd, "data"),
        .database_url = cmd_option(cmd, "db"),
        .email = str_of(cmd_option(cmd, "admin")),
        .currency = str_of(cmd_option(cmd, "currency")),
        .zone = str_of(cmd_option(cmd, "zone")),
        .country = str_of(cmd_option(cmd, "country")),
        .language = str_of(cmd_option(cmd, "language")),
    };
    struct err e = { 0 };

    if (!cmd_read_file(cmd, cmd_option(cmd, "password-file"), 2000, &s.password)) {
        return EXIT_FAILED;
    }
    if (setup_make(cmd->mem, &s, STR(""), NULL, &e) != OK) {
        return cmd_fail(cmd, "%s", e.msg);
    }
    if (cmd->json) {
        printf("{\"data\":\"%s\"}\n", s.dir);
    } else {
        printf("made %s\nnext: kith serve --data %s\n", s.dir, s.dir);
    }
    return EXIT_DONE;
}

const struct command cmd_init = { "init", NULL, options, run, "Make an installation in a folder." };
