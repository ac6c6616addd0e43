/* cmd_serve.c - kith serve: opens the folder, starts the threads, and waits for signals.
 *
 * SIGTERM and SIGINT end it after the calls under way; SIGHUP reads limits, the level of the log and the
 * certificate again. Once a second the main thread looks after what nobody else does. */

#include "base/time.h"
#include "http/server.h"
#include "http/setup_page.h"
#include "main/commands.h"
#include "main/config.h"
#include "main/installation.h"
#include "main/keeper.h"
#include "main/setup.h"
#include "model/job.h"
#include "model/notify.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GRACE_SECONDS = 30 };

static const struct option_row options[] = {
    OPTION_DATA,
    { "listen", "HOST:PORT", "instead of the configured address; port 0 takes any" },
    { "web-root", "DIR", "for development: the web application from a folder" },
    OPTION_END,
};

struct service {
    struct cmd *cmd;
    struct installation inst;
    struct server *server;
    struct notify *notify;
    struct workers *workers;
    struct keeper *keeper;
};

static void apply_options(struct cmd *cmd, struct config *cfg)
{
    if (cmd_option(cmd, "listen")) {
        cfg->listen = cmd_option(cmd, "listen");
    }
    if (cmd_option(cmd, "web-root")) {
        cfg->web_root = cmd_option(cmd, "web-root");
    }
    cfg->serving = true;
}

/* The snapshot is replaced whole; calls under way keep the one they began with. */
static void reload(struct service *s)
{
    struct config *fresh = ARENA_NEW(s->cmd->mem, struct config), *now = &s->inst.cfg;
    struct err e = { 0 };
    enum log_level level = LOG_INFO;

    if (config_load(s->cmd->mem, now->dir, fresh, &level, &e) != OK) {
        log_event(LOG_ERROR, NULL, "not reloaded: %s", e.msg);
        return;
    }
    apply_options(s->cmd, fresh);
    log_set_level(level);
    s->inst.org->cfg = fresh;
    if (server_reload_tls(s->server, &e) != OK) {
        log_event(LOG_ERROR, NULL, "the certificate stays as it was: %s", e.msg);
    }
    log_event(LOG_INFO, NULL, "configuration reloaded");
}

static void run_until_signal(struct service *s, const sigset_t *signals)
{
    for (;;) {
        struct timespec second = { 1, 0 };
        int got = sigtimedwait(signals, NULL, &second);
        if (got == SIGHUP) {
            reload(s);
        } else if (got == SIGTERM || got == SIGINT) {
            return;
        }
        keeper_tick(s->keeper);
    }
}

static enum err_code start(struct service *s, struct err *e)
{
    const struct config *cfg = &s->inst.cfg;
    struct server_options o = { .listen = cfg->listen,
        .socket = arena_fmt(s->cmd->mem, "%s/kith.sock", cfg->dir).p };

    TRY(installation_open_org(&s->inst, e));
    TRY(server_create(s->inst.org, &o, &s->server, e));
    TRY(notify_start(s->inst.org, &s->notify, e));
    TRY(workers_start(s->inst.org, 4, &s->workers, e)); /* one may send mails for hours, one build */
    TRY(keeper_start(s->inst.org, &s->keeper, e));
    return server_open(s->server, e);
}

static void stop(struct service *s)
{
    server_stop(s->server, GRACE_SECONDS);
    keeper_stop(s->keeper);
    notify_stop(s->notify);
    workers_stop(s->workers);
    notify_destroy(s->notify);
    server_destroy(s->server);
    installation_close(&s->inst);
}

/* "127.0.0.1:0" with the port that was given. */
static struct str with_port(struct arena *mem, const char *listen, int port)
{
    size_t host = strlen(listen);

    while (host && listen[host - 1] != ':') {
        host--;
    }
    return arena_fmt(mem, "%.*s%d", (int)host, listen, port);
}

static void say_where(const struct service *s)
{
    const struct config *cfg = &s->inst.cfg;

    printf("kith: serving %s at http%s://%s\n", cfg->dir,
        cfg->tls_certificate && cfg->tls_certificate[0] ? "s" : "",
        with_port(s->cmd->mem, cfg->listen, server_port(s->server)).p);
    (void)fflush(stdout);
}

/* ---- the first start ---- */

/* On the page's thread and in its arena: the command's is not for it. */
static enum err_code make(
    void *arg, struct arena *mem, const struct setup_form *f, struct str *session, struct err *e)
{
    struct cmd *cmd = arg;
    struct setup s = { .dir = cmd_option(cmd, "data"), .email = f->email, .password = f->password,
        .name = str_trim(f->name), .company = str_trim(f->company), .currency = f->currency, .zone = f->zone,
        .country = f->country, .language = f->language };

    return setup_make(mem, &s, f->agent, session, e);
}

/* Shows the set-up page until there is an installation. *listen: with the port that was given. */
static int set_up(struct cmd *cmd, const sigset_t *signals, const char **listen)
{
    struct timespec moment = { 0, 100000000 };
    struct setup_page *page;
    struct err e = { 0 };
    int got = 0;

    *listen = cmd_option(cmd, "listen") ? cmd_option(cmd, "listen") : "127.0.0.1:8080";
    if (setup_page_start(cmd->mem, *listen, cmd_option(cmd, "web-root"), make, cmd, &page, &e) != OK) {
        return cmd_fail(cmd, "%s", e.msg);
    }
    *listen = with_port(cmd->mem, *listen, setup_page_port(page)).p;
    printf("kith: nothing is set up in %s yet; open http://%s/setup?token=%s\n",
        cmd_option(cmd, "data"), *listen, setup_page_token(page));
    (void)fflush(stdout);
    while (!setup_page_done(page) && got != SIGTERM && got != SIGINT) {
        got = sigtimedwait(signals, NULL, &moment);
    }
    bool done = setup_page_done(page);
    setup_page_stop(page);
    return done ? EXIT_DONE : EXIT_FAILED;
}

/* No configuration, and nothing else of ours: a folder to be set up. */
static bool is_empty(const char *dir)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/kith.conf", dir);
    bool conf = access(path, F_OK) == 0;
    snprintf(path, sizeof path, "%s/orgs", dir);
    return !conf && access(path, F_OK) != 0 && access(dir, W_OK) == 0;
}

static int run(struct cmd *cmd)
{
    struct service s = { .cmd = cmd };
    struct err e = { 0 };
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    const char *listen = NULL;
    if (is_empty(cmd_option(cmd, "data")) && set_up(cmd, &signals, &listen) != EXIT_DONE) {
        return EXIT_FAILED;
    }
    enum err_code code = installation_open(cmd->mem, cmd_option(cmd, "data"), &s.inst, &e);
    if (code != OK) {
        return cmd_fail(cmd, "%s", e.msg);
    }
    apply_options(cmd, &s.inst.cfg);
    s.inst.cfg.listen = listen ? listen : s.inst.cfg.listen;
    code = start(&s, &e);
    if (code == OK) {
        say_where(&s);
        run_until_signal(&s, &signals);
        log_event(LOG_INFO, NULL, "stopping");
    }
    stop(&s);
    return code == OK ? EXIT_DONE : cmd_fail(cmd, "%s", e.msg);
}

const struct command cmd_serve = { "serve", NULL, options, run, "Serve an installation." };
