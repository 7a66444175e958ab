/* SPDX-License-Identifier: MIT
 * The server's side of WebSocket framing (RFC 6455): bytes to frames, frames to messages, and back.
 * Pure: it is given bytes and says what they mean; it neither reads nor writes.  No extensions are spoken.
 * Threads: one per connection.  Owns: the pieces of a message that comes in fragments (at most max_message bytes). */
#ifndef GW_BACKENDS_WEBSOCKET_H
#define GW_BACKENDS_WEBSOCKET_H

#include "gateway/base/str.h"

#define GW_WEBSOCKET_MAX_MESSAGE (1024 * 1024) /* bytes */
#define GW_WEBSOCKET_HEAD_SIZE   10            /* of an unmasked frame, at most */
#define GW_WEBSOCKET_ACCEPT_SIZE 29            /* with its NUL */

enum { /* opcodes, section 5.2 */
       GW_WEBSOCKET_CONTINUATION = 0x0,
       GW_WEBSOCKET_TEXT = 0x1,
       GW_WEBSOCKET_BINARY = 0x2,
       GW_WEBSOCKET_CLOSE = 0x8,
       GW_WEBSOCKET_PING = 0x9,
       GW_WEBSOCKET_PONG = 0xa
};

enum { /* status codes, section 7.4.1 */
       GW_WEBSOCKET_NORMAL = 1000,
       GW_WEBSOCKET_GOING_AWAY = 1001,
       GW_WEBSOCKET_PROTOCOL_ERROR = 1002,
       GW_WEBSOCKET_NO_STATUS = 1005, /* never sent: a Close frame without a code */
       GW_WEBSOCKET_INVALID_DATA = 1007,
       GW_WEBSOCKET_TOO_BIG = 1009
};

typedef enum gw_websocket_result {
    GW_WEBSOCKET_MORE,    /* the frame is not complete; nothing was consumed */
    GW_WEBSOCKET_NOTHING, /* a fragment was kept, the message goes on */
    GW_WEBSOCKET_EVENT,   /* see the event's opcode */
    GW_WEBSOCKET_FAILED,  /* see the event's code: close with it; feed nothing more */
} gw_websocket_result_t;

typedef struct gw_websocket_event {
    uint8_t opcode; /* TEXT, BINARY: a whole message; CLOSE, PING, PONG */
    uint16_t code;  /* CLOSE: the peer's code or GW_WEBSOCKET_NO_STATUS; FAILED: why */
    gw_str_t
        payload;     /* of CLOSE: the reason; valid until the next call, in `bytes` or in the connection's own buffer */
    size_t consumed; /* bytes to drop from the front; 0 on MORE and FAILED */
} gw_websocket_event_t;

typedef struct gw_websocket {
    size_t max_message;
    /* private */
    uint8_t opcode; /* of the message whose fragments are being collected; 0: none */
    char *parts;
    size_t parts_len, parts_size;
} gw_websocket_t;

void gw_websocket_init(gw_websocket_t *ws, size_t max_message);
void gw_websocket_dispose(gw_websocket_t *ws);
/** Looks at the frame at the front of `bytes`.  A complete one is unmasked in place; an incomplete one is left alone,
 * so the caller comes back with the same bytes and more; one that is too big or wrong is refused by its head alone. */
gw_websocket_result_t gw_websocket_next(gw_websocket_t *ws, char *bytes, size_t len, gw_websocket_event_t *ret_event);

/** Writes the head of an unmasked, final frame.  @return its length */
size_t gw_websocket_head(char *to, uint8_t opcode, size_t payload_len);
/** The answer to a handshake.  @param to room for GW_WEBSOCKET_ACCEPT_SIZE bytes, NUL-terminated
 *  @return false: the key is not 16 bytes in base64 */
bool gw_websocket_accept(gw_str_t key, char *to);

#endif
