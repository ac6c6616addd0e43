/* reply_mhd.h - what carries one exchange over a connection, and how its answer goes out. */

#ifndef HTTP_REPLY_MHD_H
#define HTTP_REPLY_MHD_H

#include "http/connection.h"

enum stage {
    STAGE_HEAD,
    STAGE_ADMITTED, /* or refused: the body has not begun */
    STAGE_BODY,
    STAGE_RUNNING, /* on the connection's own thread */
    STAGE_AWAY,    /* suspended: on another one */
    STAGE_READY,
    STAGE_ANSWERED
};

struct carrier {
    struct server *server;
    struct MHD_Connection *mhd;
    struct exchange *x;
    _Atomic enum stage stage;
    struct buf body;
    size_t taken;
    size_t max; /* bytes of the body */
    bool too_large, local, limited;
    bool admitting, refused; /* before a large body is taken */
    struct sender *sender;   /* NULL: nobody looks how fast it sends */
    bool no_room; /* for a large upload */
    int lengths; /* headers that say how long the body is */
    int hosts;
    bool coded;    /* in a transfer encoding that is not chunked */
    bool hostless; /* where HTTP wants one host, and one only */
    bool misnamed; /* a header whose name is none, as a folded line makes it */

    /* an answer that is made while it is sent */
    bool streaming, more, broken;
    struct str chunk;
    size_t sent; /* of the chunk */
    struct arena *page;
    struct buf out;
    struct listener listener;
};

/* Queues the reply. */
enum MHD_Result carrier_answer(struct carrier *k);
/* Makes the next piece of the body, and resumes the connection. */
void carrier_fill(struct carrier *k);

#endif
