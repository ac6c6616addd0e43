/* child.c - starts a program and sees how it ends. */

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 3 };

static bool open_pipe(int *ends)
{
    return pipe2(ends, O_CLOEXEC) == 0;
}

static void shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

enum err_code child_start(
    const char *const *argv, int in, int out, struct child *child, struct err *e)
{
    int results[2] = { -1, -1 }, words[2] = { -1, -1 };
    char *const nothing[] = { NULL };
    posix_spawn_file_actions_t actions;
    int failed = 0;
    pid_t pid = 0;

    *child = (struct child) { 0, -1, -1 };
    if ((out < 0 && !open_pipe(results)) || !open_pipe(words)) {
        shut(&results[0]);
        shut(&results[1]);
        return err_set(e, ERR_INTERNAL, NULL, "no pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out < 0 ? results[1] : out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, words[1], STDERR_FILENO);
    failed = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, nothing);
    posix_spawn_file_actions_destroy(&actions);
    shut(&results[1]);
    shut(&words[1]);
    if (failed) {
        shut(&results[0]);
        shut(&words[0]);
        return err_set(e, ERR_INTERNAL, NULL, "%s cannot be started: %s", argv[0], strerror(failed));
    }
    *child = (struct child) { (int)pid, results[0], words[0] };
    return OK;
}

enum err_code child_end(struct child *child, bool early, struct err *e)
{
    char said[300];
    size_t n = 0;
    ssize_t got;
    int status = 0;

    shut(&child->out);
    while (n + 1 < sizeof said && (got = read(child->messages, said + n, sizeof said - 1 - n)) > 0) {
        n += (size_t)got;
    }
    said[n] = '\0';
    said[strcspn(said, "\n")] = '\0';
    shut(&child->messages);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return OK;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED && !early) {
        return err_set(e, ERR_INVALID, "file", "%s", said[0] ? said : "the file cannot be read");
    }
    if (early) {
        return OK;
    }
    if (WIFSIGNALED(status)) {
        return err_set(e, ERR_INVALID, "file", "reading this file takes more time or memory than it may");
    }
    return err_set(e, ERR_INTERNAL, NULL, "the helper failed: %s", said);
}
