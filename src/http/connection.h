/* connection.h - the exchanges that libmicrohttpd carries. */

#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/api.h"
#include "http/pace.h"
#include "http/stream.h"

#include <microhttpd.h>
#include <pthread.h>

enum { ARENAS_KEPT = 128 };

struct server {
    struct api api;
    struct MHD_Daemon *tcp, *local;
    int tcp_socket, local_socket, port;
    const char *local_path;
    pthread_mutex_t lock; /* of the spare arenas */
    struct arena *spare[ARENAS_KEPT];
    int nspare;
    struct tls *tls;
    struct pace *pace;
};

struct arena *server_take_arena(struct server *s);
void server_give_arena(struct server *s, struct arena *mem);

/* Callbacks of libmicrohttpd; cls is the server. */
void *connection_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result connection_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *size, void **state);
void connection_end(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_RequestTerminationCode how);
void connection_count(void *cls, struct MHD_Connection *mhd, void **state,
    enum MHD_ConnectionNotificationCode what);
/* A pool thread's turn for an exchange: its call, or the next piece of its body. */
void connection_continue(struct exchange *x);

#endif
