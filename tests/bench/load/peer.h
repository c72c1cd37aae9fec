/* A Socket.IO client, as small as can be: it connects with a JSON Web Token, joins one room and
 * hands on what it hears. WebSocket, or long-polling with one connection for GETs and one for POSTs. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "conn.h"

struct peer;

struct peer_events {
    void (*on_joined)(struct peer *p); /* the first join_room was answered */
    void (*on_ack)(struct peer *p);    /* any later one */
    /* A whole typing_indicator has arrived; text: the JSON of the packet. */
    void (*on_event)(struct peer *p, const char *text, size_t n);
};

struct crowd { /* what all peers share */
    struct net net;
    const char *secret; /* of their tokens */
    bool polling;
    struct peer_events events;
    size_t joined;
};

enum peer_state { PEER_HANDSHAKE, PEER_CONNECT, PEER_JOIN, PEER_READY };

struct peer {
    struct crowd *crowd;
    unsigned number; /* its name is user-NUMBER */
    unsigned room;   /* it joins course:ROOM */
    enum peer_state state;
    bool upgraded;        /* WebSocket: the 101 has come */
    bool binary_event;    /* the next binary frame completes an event */
    bool posting;         /* a POST is under way */
    unsigned acks;        /* asked for */
    struct conn conn;     /* the WebSocket, or the polls */
    struct conn post;     /* polling only */
    struct lec_buf queue; /* polling: packets that wait for the POST under way */
    char sid[64];
    uint64_t began; /* when peer_start was called */
    uint64_t since; /* for the scenario */
};

void peer_start(struct crowd *crowd, struct peer *p, unsigned number, unsigned room);
/* Sends a packet ("42[…]"); binary (n > 0) goes as its attachment. */
void peer_send(struct peer *p, const char *text, size_t len, const void *binary, size_t n);
void peer_join(struct peer *p); /* join_room, with ack */

#endif
