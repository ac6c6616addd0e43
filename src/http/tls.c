/* tls.c - hands the certificate to each handshake.
 *
 * A handshake may still hold the certificate it began with, so a replaced one is kept until the end:
 * certificates change a few times a year. */

#include "http/tls.h"

#include "http/pace.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdio.h>

enum { CHAIN_MAX = 16, FILE_MAX = 1 << 20 };

struct pair {
    struct pair *before;
    struct arena *mem;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t key;
};

struct tls {
    pthread_mutex_t lock;
    struct pair *pair;
};

static enum err_code read_file(const char *path, char *out, gnutls_datum_t *text, struct err *e)
{
    FILE *f = fopen(path, "rb");

    if (!f) {
        return err_set(e, ERR_INVALID, NULL, "cannot read %s", path);
    }
    text->size = (unsigned)fread(out, 1, FILE_MAX - 1, f);
    text->data = (unsigned char *)out;
    out[text->size] = '\0';
    (void)fclose(f);
    return OK;
}

static enum err_code load_pair(
    const struct config *cfg, char *scratch, struct pair *p, struct err *e)
{
    gnutls_datum_t text;

    TRY(read_file(cfg->tls_certificate, scratch, &text, e));
    unsigned n = CHAIN_MAX;
    if (gnutls_pcert_list_import_x509_raw(p->chain, &n, &text, GNUTLS_X509_FMT_PEM, 0) != 0) {
        return err_set(e, ERR_INVALID, NULL, "%s holds no certificate", cfg->tls_certificate);
    }
    p->n = n;
    TRY(read_file(cfg->tls_key ? cfg->tls_key : "", scratch, &text, e));
    if (gnutls_privkey_init(&p->key) != 0
        || gnutls_privkey_import_x509_raw(p->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) != 0) {
        return err_set(e, ERR_INVALID, NULL, "%s holds no key", cfg->tls_key);
    }
    return OK;
}

static void drop_pair(struct pair *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        gnutls_pcert_deinit(&p->chain[i]);
    }
    if (p->key) {
        gnutls_privkey_deinit(p->key);
    }
    arena_destroy(p->mem);
}

enum err_code tls_reload(struct tls *t, const struct config *cfg, struct err *e)
{
    struct arena *mem = arena_create(0);
    struct pair *p = ARENA_NEW(mem, struct pair);
    char *scratch = arena_alloc(mem, FILE_MAX);

    p->mem = mem;
    enum err_code code = load_pair(cfg, scratch, p, e);
    gnutls_memset(scratch, 0, FILE_MAX);
    if (code != OK) {
        drop_pair(p);
        return code;
    }
    pthread_mutex_lock(&t->lock);
    p->before = t->pair;
    t->pair = p;
    pthread_mutex_unlock(&t->lock);
    return OK;
}

static int give_pair(gnutls_session_t session, const gnutls_datum_t *names, int nnames,
    const gnutls_pk_algorithm_t *algorithms, int nalgorithms, gnutls_pcert_st **chain,
    unsigned *n, gnutls_privkey_t *key)
{
    /* libmicrohttpd points its sessions at their connections, and we those at their places, which know
     * the server's tls */
    struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
    const union MHD_ConnectionInfo *info
        = mhd ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT) : NULL;
    const struct sender *place = info ? info->socket_context : NULL;
    struct tls *t = place ? place->context : NULL;

    (void)names, (void)nnames, (void)algorithms, (void)nalgorithms;
    if (!t) {
        return -1;
    }
    pthread_mutex_lock(&t->lock);
    *chain = t->pair->chain;
    *n = t->pair->n;
    *key = t->pair->key;
    pthread_mutex_unlock(&t->lock);
    return 0;
}

enum err_code tls_open(
    struct arena *mem, const struct config *cfg, struct tls **out, struct err *e)
{
    struct tls *t = ARENA_NEW(mem, struct tls);

    pthread_mutex_init(&t->lock, NULL);
    TRY(tls_reload(t, cfg, e));
    *out = t;
    return OK;
}

void tls_options(struct tls *t, struct MHD_OptionItem *items, size_t n)
{
    size_t i = 0;

    if (t && n > 2) {
        items[i++] = (struct MHD_OptionItem) { MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
            (void *)(uintptr_t)give_pair };
        items[i++] = (struct MHD_OptionItem) { MHD_OPTION_HTTPS_PRIORITIES, 0,
            (void *)(uintptr_t) "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1" };
    }
    items[i] = (struct MHD_OptionItem) { MHD_OPTION_END, 0, NULL };
}

void tls_close(struct tls *t)
{
    if (!t) {
        return;
    }
    for (struct pair *p = t->pair; p;) {
        struct pair *before = p->before;
        drop_pair(p);
        p = before;
    }
    pthread_mutex_destroy(&t->lock);
}
