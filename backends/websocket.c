/* SPDX-License-Identifier: MIT
 * WebSocket framing. */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include "backends/utf8.h"
#include "backends/websocket.h"

typedef struct frame_head {
    bool is_final;
    uint8_t opcode;
    uint64_t payload_len;
    size_t len; /* of the head itself, mask included */
} frame_head_t;

void gw_websocket_init(gw_websocket_t *ws, size_t max_message)
{
    *ws = (gw_websocket_t){.max_message = max_message};
}

void gw_websocket_dispose(gw_websocket_t *ws)
{
    free(ws->parts);
    ws->parts = NULL;
}

static gw_websocket_result_t fail(gw_websocket_event_t *event, uint16_t code)
{
    *event = (gw_websocket_event_t){.opcode = GW_WEBSOCKET_CLOSE, .code = code};
    return GW_WEBSOCKET_FAILED;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

/** @return GW_WEBSOCKET_EVENT: the head is there and well-formed; MORE; FAILED */
static gw_websocket_result_t read_head(const char *bytes, size_t len, frame_head_t *head, gw_websocket_event_t *event)
{
    const unsigned char *at = (const unsigned char *)bytes;
    if (len < 2)
        return GW_WEBSOCKET_MORE;
    head->is_final = (at[0] & 0x80) != 0;
    head->opcode = at[0] & 0x0f;
    if ((at[0] & 0x70) != 0) /* bits of extensions, and there is none */
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    if ((head->opcode > GW_WEBSOCKET_BINARY && head->opcode < GW_WEBSOCKET_CLOSE) || head->opcode > GW_WEBSOCKET_PONG)
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    if ((at[1] & 0x80) == 0) /* a client must mask, section 5.1 */
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    head->payload_len = at[1] & 0x7f;
    if (is_control(head->opcode) && (!head->is_final || head->payload_len > 125))
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    size_t num_length_bytes = head->payload_len == 126 ? 2 : head->payload_len == 127 ? 8 : 0;
    head->len = 2 + num_length_bytes + 4;
    if (len < 2 + num_length_bytes)
        return GW_WEBSOCKET_MORE;
    if (num_length_bytes != 0) {
        head->payload_len = 0;
        for (size_t i = 0; i != num_length_bytes; ++i)
            head->payload_len = head->payload_len << 8 | at[2 + i];
        /* the shortest form is the only one, and the top bit of the longest is zero */
        if (head->payload_len < (num_length_bytes == 2 ? 126 : 65536) || head->payload_len >> 63 != 0)
            return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    }
    return GW_WEBSOCKET_EVENT;
}

static void unmask(char *payload, size_t len, const char *mask)
{
    for (size_t i = 0; i != len; ++i)
        payload[i] ^= mask[i & 3];
}

static void keep(gw_websocket_t *ws, gw_str_t part)
{
    if (part.len == 0)
        return;
    if (ws->parts_size - ws->parts_len < part.len) {
        size_t size = ws->parts_size * 2 > ws->parts_len + part.len ? ws->parts_size * 2 : ws->parts_len + part.len;
        char *parts = realloc(ws->parts, size);
        if (parts == NULL) {
            fputs("sluice-demo: out of memory\n", stderr);
            abort();
        }
        ws->parts = parts;
        ws->parts_size = size;
    }
    memcpy(ws->parts + ws->parts_len, part.ptr, part.len);
    ws->parts_len += part.len;
}

static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static gw_websocket_result_t on_control(gw_str_t payload, gw_websocket_event_t *event)
{
    event->payload = payload;
    if (event->opcode != GW_WEBSOCKET_CLOSE)
        return GW_WEBSOCKET_EVENT;
    event->code = GW_WEBSOCKET_NO_STATUS;
    if (payload.len == 0)
        return GW_WEBSOCKET_EVENT;
    if (payload.len == 1)
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    event->code = (uint16_t)((unsigned char)payload.ptr[0] << 8 | (unsigned char)payload.ptr[1]);
    event->payload = gw_str(payload.ptr + 2, payload.len - 2);
    if (!is_close_code(event->code))
        return fail(event, GW_WEBSOCKET_PROTOCOL_ERROR);
    if (!gw_utf8_is_valid(event->payload))
        return fail(event, GW_WEBSOCKET_INVALID_DATA);
    return GW_WEBSOCKET_EVENT;
}

static gw_websocket_result_t on_data(gw_websocket_t *ws, const frame_head_t *head, gw_str_t payload,
                                     gw_websocket_event_t *event)
{
    if (head->opcode != GW_WEBSOCKET_CONTINUATION && head->is_final) {
        event->payload = payload; /* the usual case: the message is one frame and is not copied */
    } else {
        if (head->opcode != GW_WEBSOCKET_CONTINUATION) {
            ws->opcode = head->opcode;
            ws->parts_len = 0;
        }
        keep(ws, payload);
        if (!head->is_final)
            return GW_WEBSOCKET_NOTHING;
        event->opcode = ws->opcode;
        event->payload = gw_str(ws->parts, ws->parts_len);
        ws->opcode = 0;
        ws->parts_len = 0;
    }
    if (event->opcode == GW_WEBSOCKET_TEXT && !gw_utf8_is_valid(event->payload))
        return fail(event, GW_WEBSOCKET_INVALID_DATA);
    return GW_WEBSOCKET_EVENT;
}

gw_websocket_result_t gw_websocket_next(gw_websocket_t *ws, char *bytes, size_t len, gw_websocket_event_t *ret_event)
{
    frame_head_t head;
    *ret_event = (gw_websocket_event_t){.opcode = 0};
    gw_websocket_result_t result = read_head(bytes, len, &head, ret_event);
    if (result != GW_WEBSOCKET_EVENT)
        return result;
    if (!is_control(head.opcode)) {
        /* a message within a message, or a continuation of nothing */
        if ((head.opcode == GW_WEBSOCKET_CONTINUATION) != (ws->opcode != 0))
            return fail(ret_event, GW_WEBSOCKET_PROTOCOL_ERROR);
        size_t so_far = ws->opcode != 0 ? ws->parts_len : 0;
        if (head.payload_len > ws->max_message - so_far)
            return fail(ret_event, GW_WEBSOCKET_TOO_BIG);
    }
    if (len < head.len || len - head.len < head.payload_len)
        return GW_WEBSOCKET_MORE;
    gw_str_t payload = gw_str(bytes + head.len, (size_t)head.payload_len);
    unmask(bytes + head.len, payload.len, bytes + head.len - 4);
    ret_event->opcode = head.opcode;
    ret_event->consumed = head.len + payload.len;
    return is_control(head.opcode) ? on_control(payload, ret_event) : on_data(ws, &head, payload, ret_event);
}

size_t gw_websocket_head(char *to, uint8_t opcode, size_t payload_len)
{
    size_t num_length_bytes = payload_len < 126 ? 0 : payload_len < 65536 ? 2 : 8;
    to[0] = (char)(0x80 | opcode);
    to[1] = (char)(num_length_bytes == 0 ? payload_len : num_length_bytes == 2 ? 126 : 127);
    for (size_t i = 0; i != num_length_bytes; ++i)
        to[2 + i] = (char)((uint64_t)payload_len >> 8 * (num_length_bytes - 1 - i));
    return 2 + num_length_bytes;
}

bool gw_websocket_accept(gw_str_t key, char *to)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
    char text[24 + sizeof(guid) - 1];
    unsigned char hash[SHA_DIGEST_LENGTH];
    if (key.len != 24 || key.ptr[22] != '=' || key.ptr[23] != '=')
        return false;
    for (size_t i = 0; i != 22; ++i) {
        char c = key.ptr[i];
        char lower = gw_ascii_lower(c);
        if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    memcpy(text, key.ptr, 24);
    memcpy(text + 24, guid, sizeof(guid) - 1);
    SHA1((const unsigned char *)text, sizeof(text), hash);
    EVP_EncodeBlock((unsigned char *)to, hash, sizeof(hash));
    return true;
}
