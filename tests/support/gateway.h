/* SPDX-License-Identifier: MIT
 * The real gateway under test: a conf text, ports chosen by the kernel, a certificate made for the run, and clients
 * over HTTP/1.1, TLS and HTTP/2. Threads: the test's, unless said otherwise. */
#ifndef GW_TESTS_GATEWAY_H
#define GW_TESTS_GATEWAY_H

#include "tests/support/process.h"

typedef struct gateway {
    process_t *process;
    char *folder, *conf; /* a temporary folder, and the conf file in it */
    int ports[8];        /* of its listeners, in the order of the conf file */
    size_t num_ports;
} gateway_t;

/** The start of most conf texts: plain on ports[0], TLS on ports[1], one worker, access log to stdout. */
#define CONF_LISTEN                                                                                                    \
    "workers: 1\n"                                                                                                     \
    "listen:\n"                                                                                                        \
    "  - address: 127.0.0.1:0\n"                                                                                       \
    "  - address: 127.0.0.1:00\n"                                                                                      \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"

/** Writes the conf text (made as by printf) and a certificate for localhost into a new folder and starts the gateway.
 */
gateway_t *gateway_start(const char *conf, ...) __attribute__((format(printf, 1, 2)));
/** Replaces the conf file. */
void gateway_write_conf(gateway_t *gateway, const char *conf, ...) __attribute__((format(printf, 2, 3)));
/** SIGHUP, and waits until the gateway says that it has reloaded for the nth time. */
void gateway_reload(gateway_t *gateway, size_t nth);
/** SIGTERM, waits, removes the folder; fails the test unless the gateway ends with 0. */
void gateway_stop(gateway_t *gateway);
/** The same for a gateway that was told to stop already: a second signal would end it at once. */
void gateway_end(gateway_t *gateway);
/** Makes a key and a self-signed certificate for `name` in the folder: NAME.crt and NAME.key of `stem`. */
void certificate_make(const char *folder, const char *stem, const char *name);

typedef enum transport { OVER_HTTP1, OVER_TLS, OVER_HTTP2, NUM_TRANSPORTS } transport_t;
extern const char *const transport_names[NUM_TRANSPORTS];

typedef struct reply {
    int status; /* 0: no answer */
    int error;  /* CURLcode */
    char *head; /* header lines as received */
    char *body; /* NUL-terminated */
    size_t body_len;
    long num_connects; /* new connections it took */
} reply_t;

typedef struct request {
    const char *method; /* NULL: GET */
    const char *path;
    const char *const *headers; /* NULL-terminated "Name: value", or NULL */
    const char *body;           /* NULL: none */
    size_t body_len;            /* 0: strlen(body) */
    bool is_chunked;            /* upload without Content-Length */
    long timeout_ms;            /* how long it waits for the answer when it has sent the head; 0: DEADLINE_MS */
} request_t;

/** A client that keeps its connections between requests. */
typedef struct client client_t;
client_t *client_create(const gateway_t *gateway, transport_t transport);
void client_free(client_t *client);
/** Shows a certificate from now on.  @param certificate path of a PEM file, with its chain, or NULL for none; borrowed
 * @param key path of a PEM file */
void client_use_certificate(client_t *client, const char *certificate, const char *key);
reply_t client_send(client_t *client, const request_t *request);
/** One request on a connection of its own. */
reply_t fetch(const gateway_t *gateway, transport_t transport, const request_t *request);
reply_t fetch_path(const gateway_t *gateway, transport_t transport, const char *path);
/** A request on a thread of its own; what `request` points to must live until pending_wait. */
typedef struct pending pending_t;
pending_t *fetch_later(const gateway_t *gateway, transport_t transport, const request_t *request);
/** Waits for the reply.  Frees. */
reply_t pending_wait(pending_t *pending);
/** Leaves without waiting for the reply.  Frees.  @return with status 0, unless the reply has come */
reply_t pending_leave(pending_t *pending);
void reply_free(reply_t *reply);
/** @return the value of the first field with that name (to be freed), or NULL */
char *reply_field(const reply_t *reply, const char *name);

/** What went wrong, in words.  @param error reply_t.error */
const char *curl_error(int error);

/** Connects a plain TCP socket to a port on 127.0.0.1. */
int raw_connect(int port);
/** The same with a receive buffer of so many bytes, so that little is on the way to a client that does not read. */
int raw_connect_with_buffer(int port, int bytes);
void raw_write(int fd, const char *bytes, size_t len);
/** Reads until the peer closes, or `until` was seen (NULL: until close), or the deadline.  @return NUL-terminated, to
 * be freed; *ret_is_closed tells whether the peer closed */
char *raw_read(int fd, const char *until, bool *ret_is_closed);
/** GET / over a connection of its own to a Unix socket.  @param header a line with its end, or ""
 *  @return the status; 0: no answer */
int ask_by_unix_socket(const char *path, const char *header);

#endif
