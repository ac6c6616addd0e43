/* command.h - shell commands as rows of a table: options, help and what runs. */

#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H

#include "base/arena.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* refused, or something went wrong */
    EXIT_USAGE = 2,   /* the command line is wrong */
    EXIT_PARTLY = 3,  /* an import that rejected rows; a check that found something */
};

enum { OPTIONS_MAX = 24, WORDS_MAX = 64 };

struct option_row {
    const char *name;  /* "data" for --data */
    const char *value; /* what it takes, "DIR"; NULL for a switch */
    const char *help;
    bool required;
};
#define OPTION_END { .name = NULL }
#define OPTION_DATA { "data", "DIR", "the data folder", true }

struct cmd;
struct command {
    const char *name;  /* "token create" */
    const char *words; /* "ENTITY FILE"; NULL for none */
    const struct option_row *options; /* beside --json and --help */
    int (*run)(struct cmd *cmd);
    const char *help;
};

struct cmd {
    const struct command *command;
    struct arena *mem;
    const char *words[WORDS_MAX];
    int nwords;
    const char *values[OPTIONS_MAX]; /* in the order of the rows; "" for a switch that is given */
    bool json;
};

extern const struct command *const commands[]; /* NULL at the end (main.c) */

/* NULL when it was not given. */
const char *cmd_option(const struct cmd *cmd, const char *name);
/* Says what is wrong on stderr and gives EXIT_USAGE or EXIT_FAILED. */
int cmd_usage(const struct cmd *cmd, const char *fmt, ...) PRINTF(2, 3);
int cmd_fail(const struct cmd *cmd, const char *fmt, ...) PRINTF(2, 3);
/* The whole of a small file, without a newline at its end; false (and a message) otherwise. */
bool cmd_read_file(const struct cmd *cmd, const char *path, size_t most, struct str *out);

#endif
