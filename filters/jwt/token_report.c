/* SPDX-License-Identifier: MIT
 * A token shown to people. */
#include <stdlib.h>
#include <time.h>
#include "filters/jwt/token_oddities.h"
#include "filters/jwt/token_report.h"
#include "gateway/config/text.h"

#define MAX_RAW 2000 /* bytes shown of what is not JSON */

/** What may change the terminal, or the order of what is read, though it is allowed in JSON. */
static bool is_unsafe(uint32_t code)
{
    return (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xfff9 && code <= 0xfffb) || code >= 0xe0000;
}

/** Text outside of ASCII stands within strings only, where \uXXXX means the same. */
static void print_json(FILE *to, const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_ENCODE_ANY);
    gw_str_t rest = gw_str_of(text);
    while (rest.len != 0) {
        uint32_t code = (unsigned char)*rest.ptr;
        size_t len = code < 0x80 ? 1 : gw_utf8_next(rest, &code);
        if (len == 0) /* cannot be: jansson reads and writes UTF-8 */
            len = 1;
        if (!is_unsafe(code))
            fwrite(rest.ptr, 1, len, to);
        else if (code < 0x10000)
            fprintf(to, "\\u%04x", (unsigned)code);
        else
            fprintf(to, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                    (unsigned)(0xdc00 + (code & 0x3ff)));
        rest = gw_str(rest.ptr + len, rest.len - len);
    }
    fputc('\n', to);
    free(text);
}

/** A token that was cut off, most likely.  Only what begins like an object and is text all through: bytes of a
 * signature that stands in the wrong place are not, so none of them is shown. */
static bool is_broken_object(const gw_token_part_t *part)
{
    gw_str_t rest = gw_str(part->bytes, part->len);
    if (part->json != NULL || rest.len == 0 || *rest.ptr != '{')
        return false;
    while (rest.len != 0) {
        unsigned char c = (unsigned char)*rest.ptr;
        size_t len =
            c < 0x80 ? (c >= 0x20 || c == '\n' || c == '\r' || c == '\t') && c != 0x7f : gw_utf8_next(rest, NULL);
        if (len == 0)
            return rest.len < 4 && c >= 0xc2; /* the last character may be cut off as well */
        rest = gw_str(rest.ptr + len, rest.len - len);
    }
    return true;
}

static void print_raw(FILE *to, const gw_token_part_t *part)
{
    size_t len = part->len < MAX_RAW ? part->len : MAX_RAW;
    fputs("as text, since it is not JSON: ", to);
    for (size_t i = 0; i != len; ++i) {
        unsigned char c = (unsigned char)part->bytes[i];
        if (c >= 0x20 && c < 0x7f)
            fputc(c, to);
        else
            fprintf(to, "\\x%02x", c);
    }
    fputs(len != part->len ? "...\n" : "\n", to);
}

static void print_part(FILE *to, const char *name, const gw_token_part_t *part)
{
    if (!part->is_there)
        return;
    fprintf(to, "%s, %zu bytes\n", name, part->len);
    if (part->json != NULL && (json_is_object(part->json) || json_is_array(part->json)))
        print_json(to, part->json);
    else if (is_broken_object(part))
        print_raw(to, part);
    else
        fputs("not shown: it is not a JSON object\n", to);
    fputc('\n', to);
}

static void print_time(FILE *to, const char *name, const json_t *payload, int64_t now)
{
    int64_t seconds;
    if (!gw_token_date(json_object_get(payload, name), &seconds))
        return;
    struct tm utc;
    time_t moment = (time_t)seconds;
    char text[32], away[GW_TOKEN_AWAY_SIZE];
    gmtime_r(&moment, &utc);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    gw_token_away(away, (uint64_t)(seconds > now ? seconds - now : now - seconds));
    if (seconds == now)
        fprintf(to, "  %-10s%s, now\n", name, text);
    else
        fprintf(to, seconds > now ? "  %-10s%s, in %s\n" : "  %-10s%s, %s ago\n", name, text, away);
}

static void print_times(FILE *to, const json_t *payload, int64_t now)
{
    static const char *const names[] = {"auth_time", "iat", "nbf", "exp"};
    int64_t seconds;
    bool has_any = false;
    for (size_t i = 0; i != 4; ++i)
        has_any = has_any || gw_token_date(json_object_get(payload, names[i]), &seconds);
    if (!has_any)
        return;
    fputs("times\n", to);
    for (size_t i = 0; i != 4; ++i)
        print_time(to, names[i], payload, now);
    fputc('\n', to);
}

static void print_sizes(FILE *to, const gw_token_look_t *look)
{
    fprintf(to, "size\n  %zu bytes", look->len);
    if (look->num_parts >= 3)
        fprintf(to, ": header %zu, payload %zu, signature %zu (%zu decoded; not shown)", look->header.num_chars,
                look->payload.num_chars, look->signature_chars, look->signature_bytes);
    fputs("\n\n", to);
}

bool gw_token_report(FILE *to, gw_str_t text, int64_t now)
{
    gw_token_look_t look;
    gw_token_oddities_t oddities;
    gw_token_look_at(text, &look);
    gw_token_find_oddities(&look, now, &oddities);
    bool is_whole = look.num_parts == 3 && json_is_object(look.header.json) && json_is_object(look.payload.json);
    print_part(to, "header", &look.header);
    if (look.num_parts != 5)
        print_part(to, "payload", &look.payload);
    print_times(to, look.payload.json, now);
    if (look.len != 0)
        print_sizes(to, &look);
    fputs(oddities.num != 0 ? "odd\n" : "nothing about it is odd; whether its signature is right was not looked at\n",
          to);
    for (size_t i = 0; i != oddities.num; ++i)
        fprintf(to, "  - %s\n", oddities.texts[i]);
    gw_token_look_dispose(&look);
    return is_whole;
}
