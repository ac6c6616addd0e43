/* shell.h - shell commands speak the API, whether a server runs or not.
 *
 * Where a server holds the data folder, a request goes through DIR/kith.sock; else the command takes the
 * lock itself and the same request runs in this process, through the same dispatcher. So a command is
 * written once. It acts as the administrator of this machine. */

#ifndef MAIN_SHELL_H
#define MAIN_SHELL_H

#include "main/command.h"

#include <jansson.h>
#include <stdio.h>

struct shell;

struct answer {
    int status;
    struct str body; /* in the command's arena */
};

/* By --data. EXIT_DONE, or an exit code after a message. */
int shell_open(struct cmd *cmd, struct shell **out);
/* In this process the jobs and consumers that the command caused are run to their end first. */
void shell_close(struct shell *s);

/* target begins with /api/v1/. EXIT_DONE on 2xx; otherwise the problem is told on stderr, and *out is
 * filled all the same. */
int shell_request(struct shell *s, const char *method, struct str target, struct str body,
    struct answer *out);
/* The same without a word on stderr: the caller looks at the status. EXIT_FAILED (and a message) only
 * when no answer came at all. */
int shell_try(struct shell *s, const char *method, struct str target, struct str body,
    struct answer *out);
/* POST with a whole file as the body, however large; told like shell_request. */
int shell_upload(struct shell *s, struct str target, FILE *file, struct answer *out);
/* Waits for a record with a "state", a job or an import, until that is none of busy (NULL at the end). In this
 * process the work is done meanwhile. told, when not NULL, is called with each answer that is not the last. */
int shell_await(struct shell *s, struct str target, const char *const *busy,
    void (*told)(const json_t *), struct answer *out);
/* The answer's body as it comes, for exports: it may be larger than memory. */
int shell_stream(struct shell *s, struct str target, FILE *out);
/* The problem in an answer, on stderr; gives EXIT_FAILED. */
int shell_problem(struct shell *s, const struct answer *a);

/* The answer as a tree that the command's arena releases; NULL when it is no JSON. */
json_t *answer_json(struct shell *s, const struct answer *a);
/* Text for a query string, escaped. */
struct str url_escape(struct arena *mem, struct str s);
/* A tree as text, which is released. */
struct str json_compact(struct arena *mem, json_t *tree);
/* With --json: the body as it is, else nothing. True when it was printed. */
bool shell_print_json(const struct cmd *cmd, const struct answer *a);

/* The organisation when the command runs in this process, NULL where a server runs: for the few commands
 * that are not requests (check of the file, restore). */
struct org;
struct org *shell_org(struct shell *s);

#endif
