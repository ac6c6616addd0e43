/* server.h - the network: two libmicrohttpd epoll threads on the address, one on the local socket. */

#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/api.h"

struct server;

struct server_options {
    const char *listen;  /* "127.0.0.1:8080", "[::1]:0" */
    const char *socket;  /* path of the local socket, NULL for none */
};

/* Threads and sockets, but nobody is answered yet. Takes org->wake: workers_start comes after it. *out is
 * there even after a failure, to be stopped and destroyed. */
MUST_CHECK enum err_code server_create(
    struct org *org, const struct server_options *o, struct server **out, struct err *e);
MUST_CHECK enum err_code server_open(struct server *s, struct err *e);
int server_port(const struct server *s);
/* A new certificate, from the files that org->cfg names. */
MUST_CHECK enum err_code server_reload_tls(struct server *s, struct err *e);
/* Takes no more, finishes what is under way, ends the streams, at most so many seconds. */
void server_stop(struct server *s, int seconds);
/* After everything that commits has stopped. */
void server_destroy(struct server *s);

#endif
