/* setup.c - makes an installation. Everything is checked before anything is made. */

#include "main/setup.h"

#include "main/config.h"
#include "main/installation.h"
#include "model/auth.h"
#include "model/job.h"
#include "model/normal.h"
#include "model/record.h"
#include "model/setting.h"
#include "model/texts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct first {
    const struct setup *s;
    struct str hash, agent, *session;
    struct arena *mem; /* of the session */
};

static enum err_code check(struct arena *mem, const struct setup *s, struct err *e)
{
    struct str key;
    const char *why;

    if (!normal_email(mem, s->email, &key, &why)) {
        return err_set(e, ERR_INVALID, "admin", "%.*s: %s", STR_ARG(s->email), why);
    }
    if (s->currency.n && !currency_known(s->currency)) {
        return err_set(e, ERR_INVALID, "currency", "\"%.*s\" is no ISO 4217 code",
            STR_ARG(s->currency));
    }
    if (s->zone.n && !zone_get(s->zone)) {
        return err_set(e, ERR_INVALID, "zone", "\"%.*s\" is no time zone", STR_ARG(s->zone));
    }
    if (s->country.n && !normal_country(mem, s->country, &key)) {
        return err_set(e, ERR_INVALID, "country", "\"%.*s\" is no country", STR_ARG(s->country));
    }
    if (s->language.n && (s->language.n > 10 || !text_speaks(s->language))) {
        return err_set(e, ERR_INVALID, "language", "\"%.*s\" is no language of Kith; there are %.*s", STR_ARG(s->language),
            STR_ARG(text_languages(mem)));
    }
    return OK;
}

static enum err_code put_state(struct call *c, const char *key, struct str value)
{
    if (!value.n) {
        return OK;
    }
    return db_exec(c,
        SQL("INSERT INTO \"state\" (\"key\", \"value\") VALUES ($1, $2) ON CONFLICT (\"key\")"
            " DO UPDATE SET \"value\" = excluded.\"value\""),
        VALS(V(key), V(value)));
}

static enum err_code keep_company(struct call *c, struct str name)
{
    if (!name.n) {
        return OK;
    }
    json_t *value = json_stringn(name.p, name.n);
    arena_defer(c->mem, (void (*)(void *))json_decref, value);
    return setting_set(c, STR("company.name"), SETTING_ORG, 0, value);
}

/* Who has just chosen a password need not type it again. */
static enum err_code sign_in(struct call *c, const struct first *f, int64_t user)
{
    struct login l = { .email = f->s->email, .agent = f->agent, .address = STR(""), .user = user, .proven = true };
    struct str session, csrf, device;
    struct err why;

    TRY(auth_login(c, &l, &session, &csrf, &device, &why));
    *f->session = arena_str(f->mem, session);
    return OK;
}

/* What is shipped, in the language that was chosen: the model, built before, does not know it yet. */
static enum err_code seed(struct call *c, struct str language)
{
    struct user speaker = *c->who;
    const struct user *before = c->who;

    speaker.language = language;
    c->who = &speaker;
    enum err_code code = OK;
    for (const struct module *const *m = c->org->modules; *m && code == OK; m++) {
        code = (*m)->seed ? (*m)->seed(c) : OK;
    }
    c->who = before;
    return code;
}

static enum err_code fill(struct call *c, void *arg)
{
    const struct first *f = arg;
    struct str rest = f->s->email, name;
    int64_t users;

    TRY(db_int(c, &users, SQL("SELECT count(*) FROM \"users\""), VALS()));
    if (users) {
        return fail(c, ERR_CONFLICT, NULL, "this database has users already");
    }
    TRY(put_state(c, "currency", f->s->currency));
    TRY(put_state(c, "zone", f->s->zone));
    TRY(put_state(c, "country", f->s->country));
    TRY(put_state(c, "language", f->s->language));
    struct record *r = record_of(c, "user");
    (void)str_split(&rest, '@', &name);
    r->trusted = true;
    record_set(c, r, "email", V(f->s->email));
    record_set(c, r, "name", V(f->s->name.n ? f->s->name : name));
    record_set(c, r, "admin", V(true));
    record_set(c, r, "active", V(true));
    TRY(record_create(c, r));
    TRY(seed(c, f->s->language));
    TRY(keep_company(c, f->s->company));
    TRY(user_set_hash(c, r->id, f->hash));
    return f->session ? sign_in(c, f, r->id) : OK;
}

static enum err_code make_database(
    struct arena *mem, const struct setup *s, struct str agent, struct str *session, struct err *e)
{
    struct installation i;
    struct first f = { .s = s, .agent = agent, .session = session, .mem = mem };
    struct call c;

    TRY(installation_open(mem, s->dir, &i, e));
    enum err_code code = installation_open_org(&i, e);
    if (code == OK) {
        struct arena *call = arena_create(0);
        call_init(&c, i.org, call, user_system(), VIA_SHELL);
        code = password_hash(&c, s->password, &f.hash);
        if (code == OK) {
            code = call_write(&c, fill, &f);
        }
        if (code != OK) {
            *e = c.err;
        }
        arena_destroy(call);
    }
    struct err left;
    if (code == OK && !session) { /* the segments that are shipped are built; behind the set-up page a server does it */
        (void)!workers_drain(i.org, &left);
    }
    installation_close(&i);
    return code;
}

static void take_away(struct arena *mem, const char *dir)
{
    static const char *const made[] = { "orgs/main/kith.db", "orgs/main/kith.db-wal",
        "orgs/main/kith.db-shm", "kith.conf", "key", "lock" };

    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        (void)unlink(arena_fmt(mem, "%s/%s", dir, made[i]).p);
    }
}

enum err_code setup_make(
    struct arena *mem, const struct setup *s, struct str agent, struct str *session, struct err *e)
{
    const char *conf = arena_fmt(mem, "%s/kith.conf", s->dir).p;
    const char *key = arena_fmt(mem, "%s/key", s->dir).p;

    TRY(check(mem, s, e));
    if (access(conf, F_OK) == 0) {
        return err_set(e, ERR_CONFLICT, NULL, "%s is an installation already", s->dir);
    }
    if (mkdir(s->dir, 0700) != 0 && errno != EEXIST) {
        return err_set(e, ERR_FORBIDDEN, NULL, "cannot make %s: %s", s->dir, strerror(errno));
    }
    bool had_key = access(key, F_OK) == 0;
    TRY(key_make(s->dir, e));
    enum err_code code = config_write(s->dir, s->database_url, e);
    if (code == OK) {
        code = make_database(mem, s, agent, session, e);
    }
    if (code != OK && !had_key) {
        take_away(mem, s->dir);
    } else if (code != OK) {
        (void)unlink(conf);
    }
    return code;
}
